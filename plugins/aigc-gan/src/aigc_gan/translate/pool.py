"""A history of translations, from which a discriminator is shown old ones too (arXiv 1703.10593, section 4)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Pool(NamedTuple):
    """Translations that were made before; it is not changed, what follows it is another one."""

    size: int
    """How many it holds at most: 50 in the paper."""
    images: Tensor | None = None
    """(m, c, h, w), float32; None while there are none."""

    def shown(self, made: Tensor) -> tuple[Tensor, Pool]:
        """Return what the discriminator is shown in place of translations (n, c, h, w), and the pool after that.

        Until the pool is full each image is kept, and shown. Then each is shown itself half of the time; else one that
        was kept, by chance, is shown, and takes its place. Chance is torch's global generator.
        """
        made = made.detach().float()
        held = [] if self.images is None else [*self.images]
        shown = []
        for image in made:
            if len(held) < self.size:
                held.append(image)
                shown.append(image)
            elif float(torch.rand(())) < 0.5:
                place = int(torch.randint(self.size, ()))
                shown.append(held[place])
                held[place] = image
            else:
                shown.append(image)
        return torch.stack(shown), Pool(self.size, torch.stack(held) if held else None)
