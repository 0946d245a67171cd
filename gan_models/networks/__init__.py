"""The networks, one file per family: configuration, generator and discriminator together."""

import os

import torch

from ..hub import check_device
from .base import FAMILIES, Discriminator, Generator, find, load_folder
from .classifying import ClassifyingDiscriminator, ClassifyingGenerator
from .critic import Critic
from .dcgan import DCGANDiscriminator, DCGANGenerator
from .editor import Editor
from .encoding import Autoencoder, EncodingGenerator, PairDiscriminator
from .infogan import InfoGANDiscriminator, InfoGANGenerator
from .invertible import InvertibleGenerator
from .laplacian import LaplacianGenerator
from .mlp import MLPDiscriminator, MLPGenerator
from .panel import Panel
from .projected import ProjectedDiscriminator
from .resnet import ResNetDiscriminator, ResNetGenerator
from .restore import Onlookers, Restorer
from .retouch import RetouchEditor
from .tied import TiedDiscriminator
from .translate import KindDiscriminator, Translator

__all__ = [
    "FAMILIES",
    "PAIRS",
    "Autoencoder",
    "ClassifyingDiscriminator",
    "ClassifyingGenerator",
    "Critic",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Discriminator",
    "Editor",
    "EncodingGenerator",
    "Generator",
    "InfoGANDiscriminator",
    "InfoGANGenerator",
    "InvertibleGenerator",
    "KindDiscriminator",
    "LaplacianGenerator",
    "MLPDiscriminator",
    "MLPGenerator",
    "Onlookers",
    "PairDiscriminator",
    "Panel",
    "ProjectedDiscriminator",
    "ResNetDiscriminator",
    "ResNetGenerator",
    "Restorer",
    "RetouchEditor",
    "TiedDiscriminator",
    "Translator",
    "find",
    "load",
    "load_folder",
]

FAMILIES.update(
    {
        cls.family: cls
        for cls in (
            MLPGenerator,
            DCGANGenerator,
            InfoGANGenerator,
            EncodingGenerator,
            InvertibleGenerator,
            LaplacianGenerator,
            ClassifyingGenerator,
            ResNetGenerator,
            Editor,
            RetouchEditor,
            Restorer,
            Translator,
        )
    }
)
# A recipe's name for its pair of networks. Several pairs may share a family of generators.
PAIRS: dict[str, tuple[type[Generator], type[Discriminator]]] = {
    "mlp": (MLPGenerator, MLPDiscriminator),
    "dcgan": (DCGANGenerator, DCGANDiscriminator),
    "resnet": (ResNetGenerator, ResNetDiscriminator),
    "infogan": (InfoGANGenerator, InfoGANDiscriminator),
    "vaegan": (EncodingGenerator, DCGANDiscriminator),
    "bigan": (EncodingGenerator, PairDiscriminator),
    "implicit": (DCGANGenerator, Autoencoder),
    "tied": (DCGANGenerator, TiedDiscriminator),
    "invertible": (InvertibleGenerator, DCGANDiscriminator),
    "classifying": (ClassifyingGenerator, ClassifyingDiscriminator),
    "editor": (Editor, Critic),
    "retouch": (RetouchEditor, Panel),
    "restore": (Restorer, Onlookers),
    "translate": (Translator, KindDiscriminator),
    "projected": (DCGANGenerator, ProjectedDiscriminator),
    "projected-resnet": (ResNetGenerator, ProjectedDiscriminator),
    "laplacian": (LaplacianGenerator, ProjectedDiscriminator),
}


def load(
    source: str | os.PathLike[str], *, revision: str | None = None, device: str | torch.device | None = None
) -> Generator:
    """The model of a folder, a bundled name or a Hub repository (tried in this order).

    A folder is that of a model or of a run. A repository is "user/repo", "user/repo@revision",
    "user/repo/subfolder", "user/repo@revision/subfolder" or the address of its page; `revision`, a branch, tag or
    commit, may also be a separate argument. A repository that was loaded before is found in the Hub's cache without a
    network connection. Its card, licence, metrics and samples are downloaded too, if possible; the model's
    `loaded_from` says where everything is.

    The model is in eval mode, float32, on the CPU unless `device` says otherwise.

    Raises ModelNotFound, HubUnreachable, InvalidConfig, InvalidWeights or InvalidInput (all ModelError), each with one
    sentence. The configuration is bounds-checked and compared with the header of the weights before memory is
    allocated.
    """
    device = check_device(device)
    found = find(source, revision)
    model = load_folder(found.folder, found.name)
    model.loaded_from = found
    return model.to(device)
