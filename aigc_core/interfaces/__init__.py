"""The contracts between the core and its plugins: nothing here runs a model, and nothing here imports torch."""

from aigc_core.interfaces.autoencoder import Autoencoder, Density, Latents, LatentSpec
from aigc_core.interfaces.discriminator import Discriminator
from aigc_core.interfaces.generator import Generator, NoiseSpec, Precisions
from aigc_core.interfaces.loss import Loss
from aigc_core.interfaces.samples import Samples
from aigc_core.interfaces.trainer import Trainer
from aigc_core.interfaces.translator import Translator

__all__ = [
    "Autoencoder",
    "Density",
    "Discriminator",
    "Generator",
    "LatentSpec",
    "Latents",
    "Loss",
    "NoiseSpec",
    "Precisions",
    "Samples",
    "Trainer",
    "Translator",
]
