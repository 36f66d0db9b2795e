"""What a discriminator says of real and of generated images, as the inputs of losses: only what they ask for.

Real and fake pass through it together, which is safe because no layer of ours mixes rows of a discriminator's batch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn

from aigc_core.errors import WrongUse
from aigc_gan.losses.precise import precise

_CODES = ("code_class_logits", "code_mean", "code_log_variance")
_HEADS = {
    **{f"{side}_{head}": (side, head) for side in ("real", "fake") for head in ("features", "class_logits")},
    **{name: ("fake", name) for name in _CODES},
}
"""Inputs that a discriminator's heads give: of which side, and what the head is called."""
GIVEN = (
    *(f"{side}_{what}" for what in ("logits", "gradients") for side in ("real", "fake")),
    *("mixed_gradients", "near_gradients"),
    *_HEADS,
)
"""Every input that comes from a discriminator."""
NEAR = 0.5
"""How far DRAGAN disturbs a number at most, in standard deviations of the batch; by its authors' published code."""


class Seen(NamedTuple):
    """Rows that a discriminator looks at."""

    images: Tensor
    labels: Tensor | None = None
    """What it is told of each, where it is told a class."""


def judged(
    discriminator: nn.Module, real: Seen, fake: Seen, wanted: Collection[str], mixture: Tensor | None = None
) -> dict[str, Tensor]:
    """Return those of ``wanted`` that a discriminator gives, and the logits that come with them.

    ``mixture`` (n,) says how much of the real image each mixed one has. Raises ``WrongUse`` for a head that it lacks.
    """
    sides = {"real": real, "fake": fake}
    asked = {side: seen for side, seen in sides.items() if any(_side(name) == side for name in wanted)}
    found = _said_of(discriminator, asked, wanted) if asked else {}
    if "mixed_gradients" in wanted:
        assert mixture is not None
        found["mixed_gradients"] = _slopes(discriminator, _mixed(real, fake, mixture))
    if "near_gradients" in wanted:
        found["near_gradients"] = _slopes(discriminator, _near(real))
    return found


def call(discriminator: nn.Module, seen: Seen, heads: bool = False) -> tuple[Tensor, Mapping[str, Tensor]]:
    """Return logits (n, 1) and, with ``heads``, what else it says."""
    given = (seen.images,) if seen.labels is None else (seen.images, seen.labels)
    return discriminator(*given, heads=True) if heads else (discriminator(*given), {})


def _said_of(discriminator: nn.Module, sides: Mapping[str, Seen], wanted: Collection[str]) -> dict[str, Tensor]:
    seen = _together([*sides.values()])
    heads = [name for name in wanted if name in _HEADS]
    sloped = [side for side in sides if f"{side}_gradients" in wanted]
    if sloped:
        logits, said, slopes = _differentiated(discriminator, seen, bool(heads))
    else:
        logits, said = call(discriminator, seen, bool(heads))
    found, at = {}, 0
    for side, rows in sides.items():
        part = slice(at, at + len(rows.images))
        found[f"{side}_logits"] = logits[part]
        if side in sloped:
            found[f"{side}_gradients"] = slopes[part]
        for name in heads:
            if _HEADS[name][0] == side:
                found[name] = _head(said, _HEADS[name][1])[part]
        at = part.stop
    return found


def _differentiated(
    discriminator: nn.Module, seen: Seen, heads: bool = False
) -> tuple[Tensor, Mapping[str, Tensor], Tensor]:
    """Return what it says and the gradients (n, d) of each logit by its image, with graph unless this only measures.

    Never in halves, whatever precision surrounds it: a gradient would be rounded before it is squared.
    """
    graph = torch.is_grad_enabled()
    with torch.enable_grad(), _full_precision(seen.images.device.type):
        images = precise(seen.images)
        images = images if images.requires_grad else images.detach().requires_grad_()
        logits, said = call(discriminator, seen._replace(images=images), heads)
        (slopes,) = torch.autograd.grad(logits.sum(), images, create_graph=graph)
    return logits, said, slopes.flatten(1)


def _slopes(discriminator: nn.Module, seen: Seen) -> Tensor:
    return _differentiated(discriminator, seen)[2]


def _mixed(real: Seen, fake: Seen, mixture: Tensor) -> Seen:
    """Return points on the lines from fake to real (arXiv 1704.00028), told the class of the real one."""
    rows = min(len(real.images), len(fake.images))
    one, other = (precise(seen.images[:rows].detach()) for seen in (real, fake))
    share = mixture[:rows].view(-1, *[1] * (one.dim() - 1))
    return Seen(share * one + (1 - share) * other, None if real.labels is None else real.labels[:rows])


def _near(real: Seen) -> Seen:
    """Return real images, each disturbed by some share of uniform noise (arXiv 1705.07215 and its code)."""
    images = precise(real.images.detach())
    each = (len(images), *[1] * (images.dim() - 1))
    share = torch.rand(each, dtype=images.dtype, device=images.device)
    away = NEAR * images.std(correction=0) * torch.rand_like(images)
    return real._replace(images=images + share * away)


def _together(sides: list[Seen]) -> Seen:
    if len(sides) == 1:
        return sides[0]
    labels = [seen.labels for seen in sides if seen.labels is not None]
    return Seen(torch.cat([seen.images for seen in sides]), torch.cat(labels) if labels else None)


def _side(name: str) -> str:
    return _HEADS[name][0] if name in _HEADS else name.partition("_")[0]


def _head(said: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in said:
        has = f"it has {', '.join(said)}" if said else "it has none"
        raise WrongUse(f"A loss asks for the discriminator's {name}, and {has}.", "Name another discriminator.")
    return said[name]


def _full_precision(device: str) -> AbstractContextManager[object]:
    return nullcontext() if device == "meta" else torch.autocast(device, enabled=False)
