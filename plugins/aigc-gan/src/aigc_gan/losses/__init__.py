"""The losses of the adversarial models: what a discriminator and a generator minimise.

They take logits unsquashed. Halves are computed as float32, so that no sum or square overflows.
"""

from aigc_gan.losses.entropy import Minimax, NonSaturating
from aigc_gan.losses.heads import AuxiliaryClassifier, FeatureMatching, MutualInformation
from aigc_gan.losses.penalties import R1, R2, Dragan, GradientPenalty
from aigc_gan.losses.pixels import L1, Cycle, Identity
from aigc_gan.losses.relativistic import RelativisticAverage
from aigc_gan.losses.scores import Hinge, LeastSquares, Wasserstein

__all__ = [
    "L1",
    "R1",
    "R2",
    "AuxiliaryClassifier",
    "Cycle",
    "Dragan",
    "FeatureMatching",
    "GradientPenalty",
    "Hinge",
    "Identity",
    "LeastSquares",
    "Minimax",
    "MutualInformation",
    "NonSaturating",
    "RelativisticAverage",
    "Wasserstein",
]
