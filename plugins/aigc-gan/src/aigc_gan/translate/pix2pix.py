"""pix2pix's update: a translation is judged with what it was made of, and held against what it should be.

Isola et al., arXiv 1611.07004, equations 1, 3 and 4. The paper halves the discriminator's objective to slow it down;
Adam, whose steps do not depend on a loss's scale, would not see that, so it is not done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from aigc_core.errors import WrongUse
from aigc_core.interfaces import Loss, Trainer
from aigc_core.train.checks import output_shape
from aigc_gan import terms
from aigc_gan.diagnostics import evaluating
from aigc_gan.translate.shown import of_networks, variance

_GIVEN = ("source", "wanted", "made", "real_logits", "fake_logits")


class Pix2PixTrainer(Trainer):
    """Trains a generator of translations from pairs.

    A row's image has the source in its first ``source_channels`` channels and, in the others, what that should become.
    ``losses`` are ``adversarial`` and any others for the generator, such as ``l1``. First the discriminator is updated,
    then the generator against the new one. Dropout in the generator is all the noise there is (section 3.1).
    """

    roles: ClassVar[Mapping[str, str]] = {"generator": "networks", "discriminator": "discriminators"}

    def __init__(self, networks: Mapping[str, nn.Module], losses: Mapping[str, Loss], *, source_channels: int) -> None:
        super().__init__(networks, losses)
        terms.check(losses, self.roles, _GIVEN)
        self.source_channels, self.losses, self.loss = whole(source_channels), dict(losses), losses[terms.MAIN]

    def step(self, batch: Mapping[str, Tensor], noise: Mapping[str, Tensor]) -> Iterator[dict[str, dict[str, Tensor]]]:
        """Yield the discriminator's terms, then the generator's."""
        source, wanted = split(batch["images"], self.source_channels)
        made = self.networks["generator"](source)
        real, fake = torch.cat([source, wanted], 1), torch.cat([source, made.detach()], 1)
        inputs = {"source": source, "wanted": wanted, "made": made.detach()}
        # One pass over both is safe because no layer of a patch discriminator mixes rows.
        logits = self.networks["discriminator"](torch.cat([real, fake]))
        pair = {"real_logits": logits[: len(logits) // 2], "fake_logits": logits[len(logits) // 2 :]}
        yield {"discriminator": terms.of(self.losses, "discriminator", inputs | pair)}
        inputs["made"] = made
        inputs["fake_logits"] = self.networks["discriminator"](torch.cat([source, made], 1))
        if terms.asked(self.losses, "generator", "real_logits"):
            inputs["real_logits"] = self.networks["discriminator"](real)
        yield {"generator": terms.of(self.losses, "generator", inputs)}

    def diagnostics(self, batch: Mapping[str, Tensor], noise: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the patches' logits, and how translations vary beside what they should be, without dropout."""
        generator, discriminator = (self.networks[role] for role in self.roles)
        source, wanted = split(batch["images"], self.source_channels)
        with evaluating(generator), evaluating(discriminator):
            made = generator(source)
            found = {
                "real_logits": discriminator(torch.cat([source, wanted], 1)).flatten(),
                "fake_logits": discriminator(torch.cat([source, made], 1)).flatten(),
                "real_variance": variance(wanted),
                "fake_variance": variance(made),
            }
        return found | of_networks(self.networks)

    def check(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Raise ``WrongUse`` where the networks make or judge other images than the data have."""
        check_generator(self.networks["generator"], self.source_channels, shapes["images"])
        logits = output_shape("the discriminator", self.networks["discriminator"], shapes["images"])
        if logits != (1,):
            raise WrongUse(f"The discriminator gives {list(logits)} for a patch; it must give one logit, [1].")


def split(images: Tensor, channels: int) -> tuple[Tensor, Tensor]:
    """Return what is translated, the first channels of images (n, c, h, w), and the rest of them."""
    return images[:, :channels].contiguous(), images[:, channels:].contiguous()


def whole(channels: int) -> int:
    """Return how many channels are the source's. Raises ``ValueError`` where that is no number from 1 up."""
    if type(channels) is not int or channels < 1:
        raise ValueError("source_channels is a whole number from 1 up")
    return channels


def check_generator(generator: nn.Module, channels: int, data: tuple[int, ...]) -> None:
    """Raise ``WrongUse`` where a generator does not make the rest of the data's channels from the first ones."""
    have = f"The data have images of shape {list(data)}, the first {channels} of whose channels are translated"
    if data[0] <= channels:
        raise WrongUse(f"{have}, so there is nothing that they should become.")
    try:
        made = output_shape("the generator", generator, (channels, *data[1:]))
    except WrongUse as error:
        raise WrongUse(f"{have}: {error}") from error
    wanted = [data[0] - channels, *data[1:]]
    if [*made] != wanted:
        raise WrongUse(f"{have}; the generator makes images of shape {[*made]} of them, not {wanted}.")
