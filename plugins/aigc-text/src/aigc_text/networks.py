"""A decoder-only transformer over characters, as in GPT-2: norm before each part, learned positions.

Attention is that of arXiv 1706.03762, the tied head that of arXiv 1608.05859, GELU that of arXiv 1606.08415.
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn.functional import dropout as drop
from torch.nn.functional import gelu, linear, scaled_dot_product_attention


class Block(nn.Module):
    """Causal attention and a feed-forward part, each added to its input (n, t, width)."""

    def __init__(self, width: int, heads: int, dropout: float, bias: bool) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm1 = nn.LayerNorm(width, bias=bias)
        self.attend = nn.Linear(width, 3 * width, bias=bias)
        self.join = nn.Linear(width, width, bias=bias)
        self.norm2 = nn.LayerNorm(width, bias=bias)
        self.up = nn.Linear(width, 4 * width, bias=bias)
        self.down = nn.Linear(4 * width, width, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        count, length, width = x.shape
        split = (count, length, self.heads, width // self.heads)
        parts = self.attend(self.norm1(x)).split(width, 2)
        queries, keys, values = (part.view(split).transpose(1, 2) for part in parts)
        rate = self.dropout if self.training else 0.0
        found = scaled_dot_product_attention(queries, keys, values, dropout_p=rate, is_causal=True)
        x = x + self._drop(self.join(found.transpose(1, 2).reshape(count, length, width)))
        return x + self._drop(self.down(gelu(self.up(self.norm2(x)), approximate="tanh")))

    def _drop(self, x: Tensor) -> Tensor:
        return drop(x, self.dropout, self.training) if self.dropout else x


class CharTransformer(nn.Module):
    """Tokens (n, t), int64, t from 1 to ``block``, to the logits (n, t, tokens) of each token's successor.

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
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} cannot be shared by {heads} heads")
        if not vocabulary or len(set(vocabulary)) != len(vocabulary):
            raise ValueError("vocabulary is empty or has a character twice")
        self.block, self.dropout = block, dropout
        self.tokens = nn.Embedding(len(vocabulary) + document, width)
        self.positions = nn.Embedding(block, width)
        self.blocks = nn.ModuleList(Block(width, heads, dropout, bias) for _ in range(layers))
        self.norm = nn.LayerNorm(width, bias=bias)
        self.head = None if tied else nn.Linear(width, len(vocabulary) + document, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]
        x = drop(x, self.dropout, self.training) if self.dropout else x
        for block in self.blocks:
            x = block(x)
        return linear(self.norm(x), self.tokens.weight if self.head is None else self.head.weight)

    def initialise(self) -> None:
        """Draw every weight from N(0, 0.02), what is added to the residual from a narrower one, as GPT-2 does."""
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif parameter.dim() > 1:  # the norms' weights stay 1
                residual = name.endswith(("join.weight", "down.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * len(self.blocks)) if residual else 0.02)
