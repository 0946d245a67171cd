"""Use a GAN: `gan_models.load("mnist-cgan")` gives a generator; `generate(sample_latents(16, seed=1))` gives pictures."""

from . import latents
from .base import Generator
from .errors import HubUnreachable, InvalidConfig, InvalidInput, InvalidWeights, ModelError, ModelNotFound
from .hub import bundled, load

__all__ = ["Generator", "HubUnreachable", "InvalidConfig", "InvalidInput", "InvalidWeights", "ModelError", "ModelNotFound",
           "bundled", "latents", "load"]
__version__ = "0.1.0"
