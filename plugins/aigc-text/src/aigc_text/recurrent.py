"""A recurrent language model over characters: LSTM (Hochreiter and Schmidhuber, 1997) or GRU (arXiv 1406.1078)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import dropout as drop
from torch.nn.functional import linear

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU}

State = tuple[Tensor, ...]
"""What is remembered of n texts: the hidden state (layers, n, width), and of an LSTM its cells' (layers, n, width)."""


class Recurrent(nn.Module):
    """Tokens (n, t), int64, of any length, to the logits (n, t, tokens) of each token's successor.

    ``vocabulary`` has every character once; the token of a character is its index. With ``document`` the tokens start
    at 1, and 0 is what a document starts and ends with. ``embedding`` numbers stand for a token, as many as ``width``
    unless given. With ``tied`` the head is the tokens' embedding (arXiv 1608.05859), as wide as the state then. Raises
    ``ValueError`` for a config that cannot be.
    """

    def __init__(
        self,
        vocabulary: str,
        cell: str = "lstm",
        layers: int = 1,
        width: int = 128,
        embedding: int | None = None,
        dropout: float = 0.0,
        document: bool = False,
        tied: bool = False,
    ) -> None:
        super().__init__()
        if not vocabulary or len(set(vocabulary)) != len(vocabulary):
            raise ValueError("vocabulary is empty or has a character twice")
        if cell not in CELLS:
            raise ValueError(f"cell {cell} is neither {' nor '.join(CELLS)}")
        if tied and embedding not in (None, width):
            raise ValueError(f"a tied head needs an embedding as wide as the state, {width}, not {embedding}")
        size, embedding = len(vocabulary) + document, embedding or width
        self.cell, self.layers, self.width, self.dropout = cell, layers, width, dropout
        self.tokens = nn.Embedding(size, embedding)
        between = dropout if layers > 1 else 0.0
        self.core = CELLS[cell](embedding, width, layers, batch_first=True, dropout=between)
        self.head = None if tied else nn.Linear(width, size)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.go_on(tokens, self.empty(len(tokens)))[0]

    def go_on(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the logits of tokens (n, t) that follow what ``state`` remembers, and what is remembered then."""
        x = drop(self.tokens(tokens), self.dropout, self.training) if self.dropout else self.tokens(tokens)
        x, after = self.core(x, state if self.cell == "lstm" else state[0])
        x = drop(x, self.dropout, self.training) if self.dropout else x
        logits = linear(x, self.tokens.weight) if self.head is None else self.head(x)
        return logits, after if self.cell == "lstm" else (after,)

    def empty(self, count: int) -> State:
        """Return the state of ``count`` texts of which nothing has been read: zeros."""
        parts = 2 if self.cell == "lstm" else 1
        return tuple(self.tokens.weight.new_zeros(self.layers, count, self.width) for _ in range(parts))

    def initialise(self) -> None:
        """Draw the weights: orthogonal from state to state (arXiv 1312.6120), Glorot's (2010) from the input.

        Biases are 0, but what an LSTM forgets with begins at 1 (Gers, 2000), so that it first remembers.
        """
        for parameter in self.core.parameters():
            if parameter.dim() < 2:
                nn.init.zeros_(parameter)
        for layer in range(self.layers):
            for gate in getattr(self.core, f"weight_ih_l{layer}").chunk(4 if self.cell == "lstm" else 3):
                nn.init.xavier_uniform_(gate)
            for gate in getattr(self.core, f"weight_hh_l{layer}").chunk(4 if self.cell == "lstm" else 3):
                nn.init.orthogonal_(gate)
            if self.cell == "lstm":
                nn.init.ones_(getattr(self.core, f"bias_ih_l{layer}")[self.width : 2 * self.width])
        nn.init.normal_(self.tokens.weight, std=0.1)
        if self.head is not None:
            nn.init.xavier_uniform_(self.head.weight)
            nn.init.zeros_(self.head.bias)
