"""The estimators by name: what each makes of log weights, and what its number is and is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from aigc_core.errors import WrongUse
from aigc_core.estimate.sums import Sums

if TYPE_CHECKING:
    import numpy as np

MOST_DRAWS, MOST_ROUNDS = 1 << 28, 128
"""As many have noise of their own."""


class Estimator(NamedTuple):
    """What a number is."""

    name: str
    """As in a score's id; ``{}`` stands for how many draws each image gets."""
    of: Callable[[Sums], np.ndarray]
    """From an image's log weights to its number, in nats."""
    better: str
    """``higher`` or ``lower``."""
    says: str
    """What the number is, in a sentence; ``{}`` stands for how many draws."""


ESTIMATORS = {
    "elbo": Estimator("elbo", Sums.mean, "higher", "The evidence lower bound: in expectation, ln p(x) is higher."),
    "iwae": Estimator(
        "iwae-{}",
        Sums.log_mean,
        "higher",
        "The importance-weighted bound of {} draws (arXiv 1509.00519): in expectation, ln p(x) is higher.",
    ),
    "nll": Estimator(
        "nll-is-{}",
        lambda sums: -sums.log_mean(),
        "lower",
        "The negative log-likelihood, importance-sampled with {} draws: in expectation an upper bound, "
        "and the true one is lower.",
    ),
    "exact": Estimator("nll-exact", lambda sums: -sums.log_mean(), "lower", "The negative log-likelihood itself."),
}


class Asked(NamedTuple):
    """Which number, of how many draws; a score depends on this, the model and the data alone."""

    estimator: str = "nll"
    draws: int = 200
    """How many latents each image gets in a round."""
    rounds: int = 1
    """How often all is done anew, with other draws; the number is the rounds' mean."""
    seed: int = 0

    def check(self, exact: bool) -> Asked:
        """Return what will be done. Raises ``WrongUse`` where it cannot be.

        Of a model with exact likelihoods, one weight tells all: it has one estimator, without draws.
        """
        if self.estimator not in ESTIMATORS:
            raise WrongUse(f"There is no estimator {self.estimator}; there is {', '.join(ESTIMATORS)}.")
        for name, value, most in (("draws", self.draws, MOST_DRAWS), ("rounds", self.rounds, MOST_ROUNDS)):
            if not 1 <= value <= most:
                raise WrongUse(f"{name} is {value:,}, it takes a whole number from 1 to {most:,}.")
        if not 0 <= self.seed < 1 << 63:
            raise WrongUse(f"seed is {self.seed}, it takes a whole number from 0 to 2**63 - 1.")
        if self.estimator == "exact" and not exact:
            raise WrongUse("The model's likelihoods are not exact.", "Use elbo, iwae or nll.")
        return self._replace(draws=1, rounds=1) if self.estimator == "exact" else self
