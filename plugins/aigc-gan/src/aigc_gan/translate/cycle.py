"""CycleGAN's update: there and back again between two domains without pairs (arXiv 1703.10593, section 3).

The paper halves the discriminators' objective to slow them down; Adam, whose steps do not depend on a loss's scale,
would not see that, so it is not done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from aigc_core.errors import WrongUse
from aigc_core.interfaces import Loss, Trainer
from aigc_core.interfaces.trainer import TrainerState
from aigc_gan import terms
from aigc_gan.diagnostics import evaluating
from aigc_gan.translate.patch import DOMAINS
from aigc_gan.translate.pix2pix import check_generator, split, whole
from aigc_gan.translate.pool import Pool
from aigc_gan.translate.shown import of_networks, variance

_GIVEN = ("source", "made", "cycled", "kept", "real_logits", "fake_logits")
_PREFIX = "pool-"


class CycleTrainer(Trainer):
    """Trains a pair of generators, and a pair of discriminators, on images of two domains.

    A row's image has one of the source domain in its first ``source_channels`` channels and one of the target domain,
    which has nothing to do with it, in the others. ``losses`` are ``adversarial`` and any others for the generator,
    such as ``cycle`` and ``identity``; each is taken both ways, and every term is the sum of the two. First the
    generators are updated, then the discriminators, which are shown what a pool of ``pool`` images keeps.

    The pools are part of the state. Each rank has pools of its own; of a run on several ranks that is resumed all have
    those of the first.
    """

    roles: ClassVar[Mapping[str, str]] = {"generator": "networks", "discriminator": "discriminators"}

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, Loss],
        *,
        source_channels: int,
        pool: int = 50,
    ) -> None:
        super().__init__(networks, losses)
        terms.check(losses, self.roles, _GIVEN)
        if type(pool) is not int or pool < 1:
            raise ValueError("pool is a whole number from 1 up")
        self.source_channels, self.losses, self.loss = whole(source_channels), dict(losses), losses[terms.MAIN]
        self.pools = dict.fromkeys(DOMAINS, Pool(pool))

    def step(self, batch: Mapping[str, Tensor], noise: Mapping[str, Tensor]) -> Iterator[dict[str, dict[str, Tensor]]]:
        """Yield the generators' terms, then the discriminators'."""
        generator, discriminator = self.networks["generator"], self.networks["discriminator"]
        real = dict(zip(DOMAINS, split(batch["images"], self.source_channels), strict=True))
        made = {"target": generator(real["source"]), "source": generator(real["target"], back=True)}
        logits = discriminator(made)
        judged = discriminator(real) if terms.asked(self.losses, "generator", "real_logits") else {}
        ways = []
        for of, into in (DOMAINS, DOMAINS[::-1]):
            back = of == "source"
            inputs = {"source": real[of], "made": made[into], "fake_logits": logits[into]}
            if terms.asked(self.losses, "generator", "cycled"):
                inputs["cycled"] = generator(made[into], back=back)
            if terms.asked(self.losses, "generator", "kept"):
                inputs["kept"] = generator(real[of], back=back)
            if judged:
                inputs["real_logits"] = judged[into]
            ways.append(terms.of(self.losses, "generator", inputs))
        yield {"generator": terms.summed(ways)}
        shown = self._shown(made)
        # One pass over both is safe because no layer of a patch discriminator mixes rows.
        logits = discriminator({name: torch.cat([real[name], shown[name]]) for name in DOMAINS})
        pairs = [each.chunk(2) for each in logits.values()]
        ways = [
            terms.of(self.losses, "discriminator", {"real_logits": one, "fake_logits": other}) for one, other in pairs
        ]
        yield {"discriminator": terms.summed(ways)}

    def _shown(self, made: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return what the discriminators are shown; a step that only measures shows the translations themselves."""
        if not (self.networks["generator"].training and torch.is_grad_enabled()):
            return dict(made)
        found = {name: self.pools[name].shown(made[name]) for name in DOMAINS}
        self.pools = {name: pool for name, (_, pool) in found.items()}  # another map: who looks for faults has the old
        return {name: shown for name, (shown, _) in found.items()}

    def diagnostics(self, batch: Mapping[str, Tensor], noise: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return, for each domain, the patches' logits and how translations into it vary beside its own images."""
        generator, discriminator = (self.networks[role] for role in self.roles)
        real = dict(zip(DOMAINS, split(batch["images"], self.source_channels), strict=True))
        with evaluating(generator), evaluating(discriminator):
            made = {"source": generator(real["target"], back=True), "target": generator(real["source"])}
            judged = {"real": discriminator(real), "fake": discriminator(made)}
        found = {f"{name}/{side}_logits": judged[side][name].flatten() for name in DOMAINS for side in judged}
        for side, images in (("real", real), ("fake", made)):
            found |= {f"{name}/{side}_variance": variance(images[name]) for name in DOMAINS}
        return found | of_networks(self.networks)

    def check(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Raise ``WrongUse`` where the generators make other images than the data have."""
        if shapes["images"][0] != 2 * self.source_channels:
            text = f"The data have images of shape {list(shapes['images'])}; of two domains with {self.source_channels}"
            raise WrongUse(f"{text} channels each, stacked, they have {2 * self.source_channels} channels.")
        check_generator(self.networks["generator"], self.source_channels, shapes["images"])

    def state(self) -> TrainerState:
        """Return the pools' images, (m, c, h, w) each."""
        held = {f"{_PREFIX}{name}": pool.images for name, pool in self.pools.items() if pool.images is not None}
        return TrainerState(held, {})

    def load_state(self, state: TrainerState) -> None:
        """Take the pools up. Raises ``ValueError`` for other tensors."""
        size = next(iter(self.pools.values())).size
        device = next(self.networks["generator"].parameters()).device
        pools = dict.fromkeys(DOMAINS, Pool(size))
        for key, images in state.tensors.items():
            name = key.removeprefix(_PREFIX)
            if name not in DOMAINS or images.dim() != 4 or not 0 < len(images) <= size:
                raise ValueError(f"trainer.{key} of shape {tuple(images.shape)} is no pool of at most {size} images")
            pools[name] = Pool(size, images.to(device))
        self.pools = pools
