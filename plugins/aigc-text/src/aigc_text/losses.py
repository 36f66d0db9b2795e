"""The cross entropy of the next token: what a language model's log-likelihood is made of, in nats a token."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn.functional import cross_entropy

IGNORED = -100
"""The target where nothing is to be predicted."""


class CrossEntropy:
    """-log p(x_t | x_<t), averaged over the tokens that are to be predicted."""

    networks: Mapping[str, tuple[str, ...]] = {"decoder": ("logits", "targets")}

    def __call__(self, network: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return ``loss`` of logits (n, t, tokens) and targets (n, t), int64."""
        logits, targets = (inputs[name] for name in self.networks[network])
        return {"loss": cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)}
