"""A causal transformer over the codes of an image, read line by line: the prior that makes a VQ-VAE sample."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu, scaled_dot_product_attention


class CodePrior(nn.Module):
    """p(codes) = product of p(code t | codes before t) (arXiv 1711.00937, section 3.3), as arXiv 1706.03762 decodes."""

    def __init__(self, codes: int, length: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"a width of {width} cannot be shared by {heads} heads")
        self.cached = (heads, length, width // heads)
        self.start = nn.Parameter(0.02 * torch.randn(width))
        self.position = nn.Parameter(0.02 * torch.randn(length, width))
        self.token = nn.Embedding(codes, width)
        nn.init.normal_(self.token.weight, std=0.02)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.logits = nn.Linear(width, codes)

    def forward(self, codes: Tensor) -> Tensor:
        """Return the logits (n, t, K) of each of t codes (n, t), which depend on those before it alone."""
        start = self.start.expand(len(codes), 1, -1)
        x = torch.cat([start, self.token(codes[:, :-1])], 1) + self.position[: codes.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.logits(self.norm(x))
        return logits

    def log_prob(self, codes: Tensor) -> Tensor:
        """Return ln p(code t | codes before t) of codes (n, t), in nats, (n, t); their sum is ln p(codes)."""
        return -cross_entropy(self(codes).float().transpose(1, 2), codes, reduction="none")

    def sample(self, uniform: Tensor, temperature: float = 1.0) -> Tensor:
        """Return codes (n, t), int64, code i by ``uniform`` (n, t) in [0, 1) at i, so each row by its own alone."""
        caches = [Cache(uniform.new_empty(2, len(uniform), *self.cached)) for _ in self.blocks]
        codes = torch.empty(uniform.shape, dtype=torch.int64, device=uniform.device)
        x = self.start.expand(len(uniform), 1, -1)
        for place in range(uniform.shape[1]):
            x = x + self.position[place]
            for block, cache in zip(self.blocks, caches, strict=True):
                x = block(x, cache)
            codes[:, place] = chosen(self.logits(self.norm(x[:, 0])), uniform[:, place], temperature)
            x = self.token(codes[:, place : place + 1])
        return codes


class Cache:
    """The keys and values of the places so far."""

    def __init__(self, room: Tensor) -> None:
        """Take room for both, (2, n, heads, places, head)."""
        (self.keys, self.values), self.filled = room, 0

    def add(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Take those of one more place, (n, heads, 1, head), and return all."""
        self.keys[:, :, self.filled : self.filled + 1] = key
        self.values[:, :, self.filled : self.filled + 1] = value
        self.filled += 1
        return self.keys[:, :, : self.filled], self.values[:, :, : self.filled]


class Block(nn.Module):
    """Attention, then two layers, each of what is normed and added to what comes in (arXiv 2002.04745)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.head = heads, width // heads
        self.norm_attention, self.norm_inner = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention, self.mixed = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner, self.outer = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """Map (n, t, width) to the same; with a cache, t is 1 and what came before is in it."""
        n, t, width = x.shape
        parts = self.attention(self.norm_attention(x)).view(n, t, 3, self.heads, self.head)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        if cache:
            key, value = cache.add(key, value)
        seen = scaled_dot_product_attention(query, key, value, is_causal=cache is None)
        x = x + self.mixed(seen.transpose(1, 2).reshape(n, t, width))
        made: Tensor = x + self.outer(gelu(self.inner(self.norm_inner(x))))
        return made


def chosen(logits: Tensor, uniform: Tensor, temperature: float = 1.0) -> Tensor:
    """Return the codes (n,) at which the probabilities, summed up, first exceed ``uniform`` (n,): the cdf's inverse."""
    sums = (logits.float() / temperature).softmax(-1).cumsum(-1)
    # Times the last sum, which rounding may leave beside 1.
    found = torch.searchsorted(sums, uniform[:, None] * sums[:, -1:], right=True)
    return found[:, 0].clamp(max=logits.shape[-1] - 1)
