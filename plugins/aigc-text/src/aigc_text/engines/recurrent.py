"""The engine of a recurrent network: a text of any length costs one state, so there is no bound and no window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aigc_core.weights import load_module
from aigc_text.recurrent import Recurrent

CONFIG = ("vocabulary", "cell", "layers", "width", "embedding", "dropout", "document", "tied")


class RecurrentEngine:
    """Computes with a ``Recurrent`` network, on the device where it lies."""

    name, dtype, context = "recurrent", "float32", 0

    def __init__(self, network: Recurrent) -> None:
        self.network = network
        self.vocabulary = network.tokens.num_embeddings

    @classmethod
    def open(cls, config: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> RecurrentEngine:
        """Load the safetensors file. ``config`` has what ``Recurrent`` is built with. Raises ``Refused``."""
        own = {name: config[name] for name in CONFIG if name in config}
        return cls(load_module(lambda: Recurrent(**own), weights, device))

    def cache(self, rows: int, length: int) -> RecurrentCache:
        """Return an empty cache; a row can hold any number of tokens, whatever ``length`` says."""
        return RecurrentCache(self.network, rows)

    @torch.inference_mode()
    def logits(self, tokens: Sequence[int]) -> Iterator[np.ndarray]:
        """Yield the logits (t, vocabulary), float32, of every token's successor, all at once."""
        yield _numbers(self.network(_row(self.network, tokens))[0])

    def environment(self) -> dict[str, str | int]:
        """Return torch's version and ``threads``."""
        return {"torch": str(torch.__version__), "threads": torch.get_num_threads()}


class RecurrentCache:
    """The states of ``rows`` texts; see ``engine.Cache``."""

    def __init__(self, network: Recurrent, rows: int) -> None:
        self.network, self.lengths = network, [0] * rows
        with torch.inference_mode():
            self.state = network.empty(rows)

    @torch.inference_mode()
    def feed(self, row: int, tokens: Sequence[int]) -> np.ndarray:
        """Append tokens to a row; return the logits (vocabulary,), float32, of the last one's successor."""
        logits: np.ndarray = self._advance([row], _row(self.network, tokens))[0]
        self.lengths[row] += len(tokens)
        return logits

    @torch.inference_mode()
    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> np.ndarray:
        """Append one token to each row; return logits (len(rows), vocabulary), float32."""
        logits = self._advance(rows, _row(self.network, tokens).T)
        for row in rows:
            self.lengths[row] += 1
        return logits

    def _advance(self, rows: Sequence[int], tokens: Tensor) -> np.ndarray:
        """Go on with rows by tokens (len(rows), t); return the logits after the last ones."""
        places = list(rows)
        before = tuple(part[:, places] for part in self.state)
        logits, after = self.network.go_on(tokens, before)
        for part, new in zip(self.state, after, strict=True):
            part[:, places] = new
        return _numbers(logits[:, -1])

    @torch.inference_mode()
    def share(self, source: int, target: int) -> None:
        """Let the row ``target`` hold what ``source`` holds."""
        for part in self.state:
            part[:, target] = part[:, source]
        self.lengths[target] = self.lengths[source]

    @torch.inference_mode()
    def clear(self, row: int) -> None:
        """Empty a row."""
        for part in self.state:
            part[:, row] = 0
        self.lengths[row] = 0

    def length(self, row: int) -> int:
        """Return how many tokens a row holds."""
        return self.lengths[row]


def _row(network: Recurrent, tokens: Sequence[int]) -> Tensor:
    """Return tokens as (1, t) where the network lies."""
    return torch.tensor([list(tokens)], dtype=torch.int64, device=network.tokens.weight.device)


def _numbers(logits: Tensor) -> np.ndarray:
    """Return logits as float32 numbers that the caller may change."""
    numbers: np.ndarray = logits.float().cpu().numpy().copy()
    return numbers
