"""The update of a model whose likelihood is exact: one network, no noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from torch import Tensor, nn

from aigc_core.interfaces import Loss, Trainer
from aigc_vae.trainer import check_images, loss_of


class LikelihoodTrainer(Trainer):
    """Maximises ln p(x), which the network returns of images (n, c, h, w) in [0, 1], (n,)."""

    roles: ClassVar[Mapping[str, str]] = {"density": "networks"}

    def __init__(self, networks: Mapping[str, nn.Module], losses: Mapping[str, Loss]) -> None:
        super().__init__(networks, losses)
        self.loss = loss_of(losses, "likelihood", "density", ("log_likelihood",))

    def check(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Raise ``WrongUse`` where the network wants other images than the data have."""
        check_images(self.networks["density"], shapes)

    def step(self, batch: Mapping[str, Tensor], noise: Mapping[str, Tensor]) -> Iterator[dict[str, dict[str, Tensor]]]:
        """Yield the network's loss, in nats an image."""
        yield {"density": self.loss("density", {"log_likelihood": self.networks["density"](batch["images"])})}
