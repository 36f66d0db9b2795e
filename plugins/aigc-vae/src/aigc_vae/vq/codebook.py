"""The codebook: nearest entry, straight-through gradient, entries that follow their data (arXiv 1711.00937)."""

from __future__ import annotations

from contextlib import nullcontext
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn


class Coded(NamedTuple):
    """Vectors and the codes that they were given."""

    vectors: Tensor
    """What the encoder made, (m, d), without a gradient."""
    codes: Tensor
    """Their codes, (m,), int64."""


class Codebook(nn.Module):
    """K vectors of d numbers. No gradient moves them: each is the moving mean of what it stands for.

    Both buffers are weights of the model, so that whatever keeps those keeps all that the next update depends on.
    """

    entries: Tensor
    """(K, d)."""
    uses: Tensor
    """(K,): how often a step of late has used each, N of appendix A.1; all 0 before any training."""

    def __init__(self, codes: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("entries", torch.empty(codes, dim).uniform_(-1 / codes, 1 / codes))
        self.register_buffer("uses", torch.zeros(codes))

    def nearest(self, vectors: Tensor) -> Tensor:
        """Return the code of each vector (..., d): its nearest entry (equation 1), the first of equally near ones."""
        kind = vectors.device.type
        # In full precision, whatever the layers are computed in; on the meta device there is none.
        exactly = nullcontext() if kind == "meta" else torch.autocast(kind, enabled=False)
        with torch.no_grad(), exactly:
            # |v|^2 is the same for all entries.
            return (self.entries.square().sum(1) - 2 * vectors.float() @ self.entries.t()).argmin(-1)

    def look_up(self, codes: Tensor) -> Tensor:
        """Return the entries (..., d) of codes (...)."""
        return self.entries[codes]

    @torch.no_grad()
    def follow(self, coded: Coded, decay: float, revive: float) -> None:
        """Move the entries to what a step has coded (appendix A.1), and put dead ones where there are vectors.

        An entry with less than ``revive`` times an even share of the uses is dead. It becomes a vector of this step,
        drawn by torch's global generator (random restarts, arXiv 2005.00341, section 3.1), with twice as many uses, so
        that it has some steps to be used in. So the first step fills the codebook. Ranks add up what they have seen,
        and the first one draws.
        """
        # A product with one-hot rows: unlike an indexed sum, it is deterministic on a GPU too.
        chosen = nn.functional.one_hot(coded.codes, len(self.uses)).to(coded.vectors.dtype)
        counts, sums = chosen.sum(0), chosen.t() @ coded.vectors
        restarts = coded.vectors[torch.randint(len(coded.vectors), self.uses.shape, device=coded.vectors.device)]
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(counts)
            dist.all_reduce(sums)
            dist.broadcast(restarts, 0)
        uses = decay * self.uses + (1 - decay) * counts
        # m / N of the appendix, with m = N * entry from the step before: no sums have to be kept.
        moved = self.entries + ((1 - decay) / uses.clamp(min=1e-12))[:, None] * (sums - counts[:, None] * self.entries)
        least = revive * uses.mean()
        dead = uses < least
        self.entries.copy_(torch.where(dead[:, None], restarts, moved))
        self.uses.copy_(torch.where(dead, 2 * least, uses))

    def perplexity(self) -> Tensor:
        """Return exp(H) of the shares of the uses: how many entries, evenly used, would tell as much; 1 of none."""
        shares = self.uses / self.uses.sum().clamp(min=1e-12)
        return (-torch.xlogy(shares, shares).sum()).exp()

    def used(self, revive: float) -> Tensor:
        """Return the share of entries with more uses than one that ``follow`` has just put elsewhere."""
        return (self.uses > 2 * revive * self.uses.mean()).float().mean()


def straight_through(vectors: Tensor, entries: Tensor) -> Tensor:
    """Return ``entries`` to the bit, with the gradient of ``vectors``: the identity (section 3.2)."""
    return entries.detach() + (vectors - vectors.detach())
