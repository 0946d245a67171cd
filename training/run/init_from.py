"""Start from the weights of a model or of another run, as --init-from asks."""

from pathlib import Path

from gan_models.errors import InvalidInput
from gan_models.model_folder import config_of
from gan_models.networks import Generator, load
from gan_models.networks.editor import Editor
from gan_models.networks.laplacian import LaplacianGenerator
from gan_models.networks.restore import Restorer

from .. import run_folder
from ..errors import RunError
from ..games.state import State
from . import checkpoints, growing

ADOPTING = (Editor, LaplacianGenerator)  # which take another generator as a part of their own


def initialise_from(state: State, source: str) -> None:
    """Start from the generator of a model with the recipe's configuration (it may lack an encoder, or a restorer's
    deconvolution and holes), from a generator of half the size, which grows, or from a run folder, with its discriminator too."""
    if checkpoint := run_folder.find_checkpoint(Path(source)):
        checkpoints.begin_with(state, checkpoint)
        return
    model = load(source)
    if _adopts(state.ema, model):
        try:
            for network in (state.generator, state.ema):
                network.adopt(model)
        except InvalidInput as error:
            raise RunError(f"{source} does not fit the recipe. {error}") from error
        return
    if growing.can_grow(model, state.ema):
        growing.grow(model.to(next(state.generator.parameters()).device), state.generator)
        state.ema.load_state_dict(state.generator.state_dict())
        return
    wanted, weights = config_of(state.ema), model.state_dict()
    lacking = state.ema.state_dict().keys() - weights.keys()
    given = {key: value for key, value in config_of(model).items() if key != "family"}  # which may lack an encoder
    if any(wanted.get(key) != value for key, value in given.items()) or any(
        not key.startswith("encoder.") for key in lacking
    ):
        raise RunError(
            f"{source} has another configuration than the recipe, so its weights do not fit; "
            "give the options with which it was made by --set."
        )
    for network in (state.generator, state.ema):
        network.load_state_dict(network.state_dict() | weights, strict=True)


def _adopts(network: Generator, model: Generator) -> bool:
    """Whether `network.adopt` has to take the model: it lacks parts of the network, or is a part of it."""
    if isinstance(network, Restorer) and isinstance(model, Restorer):
        return network.kernels is not None and model.kernels is None
    return isinstance(network, ADOPTING) and not isinstance(model, ADOPTING)
