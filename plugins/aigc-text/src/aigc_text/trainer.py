"""The update of an autoregressive model: every token is predicted from those before it, all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from torch import Tensor, nn

from aigc_core.interfaces import Loss, Trainer
from aigc_text.losses import IGNORED


class NextTokenTrainer(Trainer):
    """Maximises the likelihood of ``targets`` (n, t), each the successor of the same place in ``tokens`` (n, t)."""

    roles: ClassVar[Mapping[str, str]] = {"decoder": "networks"}

    def __init__(self, networks: Mapping[str, nn.Module], losses: Mapping[str, Loss]) -> None:
        self.networks = dict(networks)
        self.loss = losses["next"]

    def step(self, batch: Mapping[str, Tensor], noise: Mapping[str, Tensor]) -> Iterator[dict[str, dict[str, Tensor]]]:
        """Yield the decoder's terms: ``loss``, in nats a predicted token."""
        logits = self.networks["decoder"](batch["tokens"])
        yield {"decoder": self.loss("decoder", {"logits": logits, "targets": batch["targets"]})}

    def weight(self, batch: Mapping[str, Tensor]) -> float:
        """Return how many tokens are predicted: documents of unequal length hold unequally many."""
        return float(batch["targets"].ne(IGNORED).sum())
