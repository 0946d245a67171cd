"""FID, KID and Inception Score by torch-fidelity, in the features of our judges or of the standard Inception network.

Our networks are registered as its feature extractors ("gan-studio-mnist", "gan-studio-celeba", "gan-studio-inception").
Its cache is not used, since it unpickles files. Importing this module imports torch-fidelity, so do it only when needed.
"""

import hashlib
import io
import os
import pickle
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch_fidelity import register_feature_extractor
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.feature_extractor_inceptionv3 import (
    URL_INCEPTION_V3,
    FeatureExtractorInceptionV3,
)
from torch_fidelity.metric_fid import (
    KEY_METRIC_FID,
    fid_features_to_statistics,
    fid_statistics_to_metric,
)
from torch_fidelity.metric_isc import (
    KEY_METRIC_ISC_MEAN,
    KEY_METRIC_ISC_STD,
    isc_features_to_metric,
)
from torch_fidelity.metric_kid import (
    KEY_METRIC_KID_MEAN,
    KEY_METRIC_KID_STD,
    kid_features_to_metric,
)
from torch_fidelity.utils import create_feature_extractor, get_featuresdict_from_dataset
from torch_fidelity.version import __version__

from ..data.dataset import to_float
from ..judges import networks
from ..judges.networks import ClassifierOutput, JudgeError

__all__ = ["FeatureExtractor", "__version__", "frechet_distance", "inception_score", "kernel_distance", "open_network"]
PREFIX = "gan-studio-"
INCEPTION_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"


class JudgeExtractor(FeatureExtractorBase):
    """A judge with torch-fidelity's interface: uint8 (n, C, H, W) -> features, float64 for exact statistics, and
    logits."""

    def __init__(self, name, features_list, **options):
        super().__init__(name, features_list)
        self.judge = networks.read(name.removeprefix(PREFIX))

    @staticmethod
    def get_provided_features_list():
        return "features", "logits"

    @staticmethod
    def get_default_feature_layer_for_metric(metric):
        return "features"

    @staticmethod
    def can_be_compiled():
        return False

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        opinion = self.judge(to_float(images))
        return tuple(opinion.logits if name == "logits" else opinion.features.double() for name in self.features_list)


class InceptionExtractor(FeatureExtractorInceptionV3):
    """The standard network (Szegedy et al. 2015, TensorFlow's version of 2015-12-05); its weights are checked before
    they are read."""

    def __init__(self, name, features_list, feature_extractor_weights_path=None, **options):
        data = inception_weights(feature_extractor_weights_path)
        with _weights_only():
            super().__init__(name, features_list, io.BytesIO(data), **options)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(feature.double() for feature in super().forward(images.expand(-1, 3, -1, -1)))


for _name in networks.JUDGES:
    register_feature_extractor(PREFIX + _name, JudgeExtractor)
register_feature_extractor(PREFIX + "inception", InceptionExtractor)


@contextmanager
def _weights_only():
    """torch-fidelity loads its weights as a full pickle; this is torch's documented way to override that."""
    before = os.environ.get("TORCH_FORCE_WEIGHTS_ONLY_LOAD")
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    try:
        yield
    except (pickle.UnpicklingError, RuntimeError) as error:
        raise JudgeError(
            "The Inception weights are not what torch-fidelity expects: delete the file and fetch it again."
        ) from error
    finally:
        del os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"]
        if before is not None:
            os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = before


def inception_weights(path: str | os.PathLike | None = None) -> bytes:
    """The bytes of torch-fidelity's Inception weights: from a file, else from torch's cache, else downloaded into it (95
    MB). Raises JudgeError, also if they are not the published ones."""
    file = Path(path or Path(torch.hub.get_dir()) / "checkpoints" / Path(URL_INCEPTION_V3).name)
    try:
        if path is None and not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(URL_INCEPTION_V3, file, INCEPTION_SHA256, progress=sys.stderr.isatty())
        data = file.read_bytes()
    except (OSError, RuntimeError) as error:
        if path:
            raise JudgeError(f"The Inception weights {file} cannot be read ({error}); name another file.") from error
        raise JudgeError(
            f"The Inception weights could not be downloaded ({error}): fetch {URL_INCEPTION_V3} and put the file at {file}."
        ) from error
    if hashlib.sha256(data).hexdigest() != INCEPTION_SHA256:
        raise JudgeError(
            f"{file} is not torch-fidelity's Inception (its checksum differs): fetch {URL_INCEPTION_V3} again."
        )
    return data


@dataclass(frozen=True)
class FeatureExtractor:
    """The network of an evaluation. name: as in metric names. dimensions: of its features. record: its origin. labels:
    that it classifies, exclusive unless multi_label. stacked: the number of channels that it classifies one by one, or
    0."""

    name: str
    extractor: nn.Module
    layers: tuple[str, ...]
    dimensions: int
    record: dict
    labels: tuple[str, ...] = ()
    multi_label: bool = False
    stacked: int = 0

    def look(self, pictures, batch_size: int) -> ClassifierOutput:
        """pictures: a torch data set of uint8 images. -> features (n, D) float64 and logits (n, K), on the CPU."""
        cuda = next(self.extractor.parameters()).is_cuda
        seen = get_featuresdict_from_dataset(
            pictures, self.extractor, batch_size, cuda, save_cpu_ram=True, verbose=False
        )
        return ClassifierOutput(seen[self.layers[0]], seen[self.layers[1]])


def open_network(name: str, weights: str | os.PathLike | None = None, cuda: bool = False) -> FeatureExtractor:
    """The judge of a data set ("mnist", "celeba"), or "inception" (weights: its file). Raises JudgeError."""
    layers = ("2048", "logits_unbiased") if name == "inception" else ("features", "logits")
    extractor = create_feature_extractor(
        PREFIX + name, list(layers), cuda=cuda, verbose=False, feature_extractor_weights_path=weights
    )
    if name == "inception":
        return FeatureExtractor(name, extractor, layers, 2048, {"sha256": INCEPTION_SHA256})
    judge = extractor.judge
    record = {
        key: judge.record[key] for key in ("sha256", "accuracy", "balanced_accuracy", "seed") if key in judge.record
    }
    return FeatureExtractor(
        judge.network,
        extractor,
        layers,
        judge.features,
        record,
        judge.label_names,
        judge.multi_label,
        judge.image_shape[0] if isinstance(judge, networks.Stack) else 0,
    )


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """FID (Heusel et al. 2017, arXiv:1706.08500) of two sets of features (n, D) and (m, D):
    |mu_a - mu_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)), with the means mu and the covariances S."""
    return fid_statistics_to_metric(fid_features_to_statistics(a), fid_features_to_statistics(b), verbose=False)[
        KEY_METRIC_FID
    ]


def kernel_distance(a: Tensor, b: Tensor, seed: int = 0) -> tuple[float, float]:
    """KID (Binkowski et al. 2018, arXiv:1801.01401): mean and standard deviation over 100 subsets of 1,000
    (or half of what there is, if that is less)."""
    size = min(1000, max(2, min(len(a), len(b)) // 2))
    result = kid_features_to_metric(a, b, kid_subset_size=size, rng_seed=seed % 2**32, verbose=False)
    return result[KEY_METRIC_KID_MEAN], result[KEY_METRIC_KID_STD]


def inception_score(logits: Tensor, seed: int = 0) -> tuple[float, float]:
    """IS (Salimans et al. 2016, arXiv:1606.03498), exp E KL(p(y|x) || p(y)), of logits (n, K): mean and standard
    deviation over 10 parts."""
    result = isc_features_to_metric(logits, rng_seed=seed % 2**32)
    return result[KEY_METRIC_ISC_MEAN], result[KEY_METRIC_ISC_STD]
