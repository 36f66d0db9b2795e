"""The decoder as torch modules that train: any that ``architecture.Shape`` describes, its tensors by canonical names.

Attention is that of arXiv 1706.03762, rotary positions of arXiv 2104.09864, gated feed-forward parts of arXiv
2002.05202, the tied head that of arXiv 1608.05859, GELU that of arXiv 1606.08415.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout as drop
from torch.nn.functional import gelu, linear, relu, scaled_dot_product_attention, silu

from aigc_text.architecture.shape import Shape
from aigc_text.engines.rotation import wavelengths


class Block(nn.Module):
    """Causal attention and a feed-forward part, each added to the block's input (n, t, width)."""

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        self.shape, self.dropout = shape, dropout
        width, rows = shape.width, (shape.heads + 2 * shape.kv_heads) * shape.head
        self.norm1 = _norm(shape, width)
        self.attend = nn.Linear(width, rows, bias=shape.attend_bias)
        if shape.qk_norm:
            self.query_norm = nn.RMSNorm(shape.head, shape.epsilon)
            self.key_norm = nn.RMSNorm(shape.head, shape.epsilon)
        self.join = nn.Linear(shape.heads * shape.head, width, bias=shape.join_bias)
        self.norm2 = _norm(shape, width)
        self.up = nn.Linear(width, shape.inner * (1 + shape.gated), bias=shape.inner_bias)
        self.down = nn.Linear(shape.inner, width, bias=shape.inner_bias)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor] | None, mask: Tensor | None) -> Tensor:
        found = self._attended(self.norm1(x), turn, mask)
        if self.shape.parallel:
            return x + found + self._fed_forward(self.norm2(x))
        x = x + found
        return x + self._fed_forward(self.norm2(x))

    def _attended(self, x: Tensor, turn: tuple[Tensor, Tensor] | None, mask: Tensor | None) -> Tensor:
        shape, (count, length, _) = self.shape, x.shape
        sizes = [shape.heads * shape.head, shape.kv_heads * shape.head, shape.kv_heads * shape.head]
        parts = self.attend(x).split(sizes, 2)
        queries, keys, values = (part.view(count, length, -1, shape.head).transpose(1, 2) for part in parts)
        if shape.qk_norm:
            queries, keys = self.query_norm(queries), self.key_norm(keys)
        if turn is not None:
            queries, keys = _turned(queries, *turn), _turned(keys, *turn)
        found = scaled_dot_product_attention(
            queries,
            keys,
            values,
            mask,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=mask is None,
            enable_gqa=shape.heads != shape.kv_heads,
        )
        return self._drop(self.join(found.transpose(1, 2).reshape(count, length, -1)))

    def _fed_forward(self, x: Tensor) -> Tensor:
        inner = self.up(x)
        if self.shape.gated:
            gate, inner = inner.chunk(2, 2)
            inner = _activated(gate, self.shape.activation) * inner
        else:
            inner = _activated(inner, self.shape.activation)
        return self._drop(self.down(inner))

    def _drop(self, x: Tensor) -> Tensor:
        return drop(x, self.dropout, self.training) if self.dropout else x


class Decoder(nn.Module):
    """Tokens (n, t), int64, t from 1 to ``context``, to the logits (n, t, vocabulary) of each token's successor.

    ``shape`` are the fields of ``architecture.Shape``. Raises ``ValueError`` or ``TypeError`` for one that cannot be.
    """

    def __init__(self, dropout: float = 0.0, scaling: Sequence[Sequence[Any]] = (), **shape: Any) -> None:
        super().__init__()
        own = self.shape = Shape(**shape, scaling=tuple((str(name), value) for name, value in scaling))
        if own.heads % own.kv_heads or own.rotary > own.head or own.rotary % 2:
            raise ValueError(f"{own.heads} heads, {own.kv_heads} of keys, {own.rotary} of {own.head} numbers rotated")
        self.block, self.dropout = own.context, dropout
        self.tokens = nn.Embedding(own.vocabulary, own.width)
        if not own.rotary:
            self.positions = nn.Embedding(own.context, own.width)
        self.blocks = nn.ModuleList(Block(own, dropout) for _ in range(own.layers))
        self.norm = _norm(own, own.width)
        self.head = None if own.tied else nn.Linear(own.width, own.vocabulary, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        length = tokens.shape[1]
        x = self.tokens(tokens)
        turn = None
        if self.shape.rotary:
            turn = _turn(self.shape, length, tokens.device)
        else:
            x = x + self.positions.weight[:length]
        x = drop(x, self.dropout, self.training) if self.dropout else x
        mask = _window(length, self.shape.window, tokens.device) if 0 < self.shape.window < length else None
        for block in self.blocks:
            x = block(x, turn, mask)
        return linear(self.norm(x), self.tokens.weight if self.head is None else self.head.weight)

    def initialise(self) -> None:
        """Draw every weight from N(0, 0.02), what is added to the residual from a narrower one, as GPT-2 does."""
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif parameter.dim() > 1:  # the norms' weights stay 1
                residual = name.endswith(("join.weight", "down.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * len(self.blocks)) if residual else 0.02)


class CharTransformer(Decoder):
    """A decoder of GPT-2's shape over characters.

    ``vocabulary`` has every character once; the token of a character is its index. With ``document`` the tokens start
    at 1, and 0 is what a document starts and ends with. With ``tied`` the head is the tokens' embedding. Raises
    ``ValueError`` for a config that cannot be.
    """

    def __init__(
        self,
        vocabulary: str,
        block: int = 64,
        layers: int = 4,
        heads: int = 4,
        width: int = 128,
        dropout: float = 0.0,
        bias: bool = False,
        document: bool = False,
        tied: bool = True,
    ) -> None:
        if width % heads:
            raise ValueError(f"width {width} cannot be shared by {heads} heads")
        if not vocabulary or len(set(vocabulary)) != len(vocabulary):
            raise ValueError("vocabulary is empty or has a character twice")
        super().__init__(
            dropout,
            vocabulary=len(vocabulary) + document,
            context=block,
            width=width,
            layers=layers,
            heads=heads,
            kv_heads=heads,
            head=width // heads,
            inner=4 * width,
            norm_bias=bias,
            attend_bias=bias,
            join_bias=bias,
            inner_bias=bias,
            tied=tied,
        )


def _norm(shape: Shape, width: int) -> nn.Module:
    if shape.norm == "rms":
        return nn.RMSNorm(width, shape.epsilon)
    return nn.LayerNorm(width, shape.epsilon, bias=shape.norm_bias)


def _activated(x: Tensor, kind: str) -> Tensor:
    if kind == "silu":
        return silu(x)
    return relu(x) if kind == "relu" else gelu(x, approximate="tanh" if kind == "gelu_tanh" else "none")


def _turn(shape: Shape, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return cosines and sines (length, rotary) of the angles; each half of a head's rotated numbers has them all."""
    turns = torch.from_numpy(wavelengths(shape)).to(device)
    angles = torch.outer(torch.arange(length, device=device).float(), turns).repeat(1, 2)
    return angles.cos(), angles.sin()


def _turned(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    count = cosines.shape[-1]
    x, rest = x[..., :count], x[..., count:]
    one, other = x.chunk(2, -1)
    turned = x * cosines + torch.cat([-other, one], -1) * sines
    return torch.cat([turned, rest], -1) if rest.shape[-1] else turned


def _window(length: int, window: int, device: torch.device) -> Tensor:
    """Return which places each place sees (length, length): itself and ``window - 1`` before it."""
    places = torch.arange(length, device=device)
    back = places[:, None] - places
    return (back >= 0) & (back < window)
