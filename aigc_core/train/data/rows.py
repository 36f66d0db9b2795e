"""Rows that a training draws from: what is held in memory, and how a few of them become tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from aigc_core.errors import WrongUse, counted

NOTHING = -100
"""A target where nothing is to be predicted; torch's cross-entropy leaves it out."""


class Rows(Protocol):
    """Rows of one part of a data set."""

    lazy: bool
    """Rows are decoded when they are taken, so it pays to take them ahead of time."""

    def __len__(self) -> int: ...

    def take(self, indices: Tensor) -> dict[str, Tensor]:
        """Return the rows at ``indices`` (n,): images uint8 (n, c, h, w); tokens, targets int64 (n, t); labels."""
        ...


class DataSet(NamedTuple):
    """A data set as a recipe declares it, in its parts."""

    train: Rows
    validation: Rows | None
    test: Rows | None
    identity: dict[str, Any]
    """Name, licence, origin, sha256, and the rows before and after each step: what a run record says of its data."""
    facts: dict[str, Any]
    """What a network's config may ask for: ``shape`` [c, h, w], ``classes``, ``vocabulary``, ``block``."""


class ImageRows:
    """Images in memory, uint8 (n, c, h, w), with their labels int64 (n,) where they have any."""

    lazy = False

    def __init__(self, images: Tensor, labels: Tensor | None = None) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: Tensor) -> dict[str, Tensor]:
        taken = {"images": self.images.index_select(0, indices)}
        return taken if self.labels is None else taken | {"labels": self.labels.index_select(0, indices)}


class LazyRows:
    """Images that are decoded when they are taken; ``images`` gives (c, h, w) uint8 arrays of one size."""

    lazy = True

    def __init__(self, images: Sequence[np.ndarray], labels: Tensor | None = None) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: Tensor) -> dict[str, Tensor]:
        decoded = [self.images[index] for index in indices.tolist()]
        if not decoded:  # a rank's share may be empty, and still has the others' shape
            decoded = [self.images[0]]
        taken = {"images": torch.from_numpy(np.stack(decoded))[: len(indices)]}
        return taken if self.labels is None else taken | {"labels": self.labels.index_select(0, indices)}


class WindowRows:
    """Every window of ``block`` tokens in one stream; row *i* reads ``tokens[i : i + block]`` and predicts the next.

    ``tokens`` is a 1-D tensor of any integer type. Raises ``WrongUse`` where it is not longer than ``block``.
    """

    lazy = False

    def __init__(self, tokens: Tensor, block: int) -> None:
        if len(tokens) <= block:
            text = f"A block of {counted(block, 'token')} and the one after it do not fit into"
            raise WrongUse(
                f"{text} a part of the text with {counted(len(tokens), 'token')}.", "Declare a smaller block."
            )
        self.tokens, self.block = tokens, block
        self.places = torch.arange(block + 1)

    def __len__(self) -> int:
        return len(self.tokens) - self.block

    def take(self, indices: Tensor) -> dict[str, Tensor]:
        both = self.tokens[indices[:, None] + self.places].long()
        return {"tokens": both[:, :-1].contiguous(), "targets": both[:, 1:].contiguous()}

    def each_once(self, size: int) -> list[tuple[Tensor, int]]:
        """Return batches of windows whose targets together are every token but the first, once each.

        The last window ends with the text; with it comes how many of its first targets others have predicted.
        """
        starts = torch.arange(0, len(self), self.block)
        batches = [(part, 0) for part in torch.split(starts, size)]
        left = len(self) - 1 - int(starts[-1])  # tokens after the last whole window
        return batches if left == 0 else [*batches, (torch.tensor([len(self) - 1]), self.block - left)]


class Document(NamedTuple):
    """A text as tokens, with what stands before and after it."""

    tokens: np.ndarray
    """Its start, the text, its end: int32 (t,)."""
    given: int
    """How many of them are given and never predicted: the start, and a prompt."""

    @property
    def targets(self) -> np.ndarray:
        """What is predicted, by place: the tokens, and ``NOTHING`` where they are given."""
        return np.where(np.arange(len(self.tokens)) < self.given, NOTHING, self.tokens)


class DocumentRows:
    """Texts, one a row: each token but the first is predicted from those before it, unless it is given.

    Rows are padded to ``block`` with 0, and targets with -100. Raises ``WrongUse`` where a document has more than
    ``block`` + 1 tokens.
    """

    lazy = False

    def __init__(self, documents: Sequence[Document], block: int, labels: Tensor | None = None) -> None:
        lengths = [len(each.tokens) for each in documents]
        if lengths and max(lengths) > block + 1:
            text = f"Text {lengths.index(max(lengths)) + 1:,} has {counted(max(lengths), 'token')} with start and end;"
            raise WrongUse(
                f"{text} a block of {block} takes {block + 1}.", "Declare a larger block, or a length filter in clean."
            )
        tokens = np.zeros((len(documents), block), np.int32)
        targets = np.full((len(documents), block), NOTHING, np.int32)
        for row, each in enumerate(documents):
            tokens[row, : len(each.tokens) - 1] = each.tokens[:-1]
            targets[row, : len(each.tokens) - 1] = each.targets[1:]
        self.tokens, self.targets, self.labels = torch.from_numpy(tokens), torch.from_numpy(targets), labels

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, indices: Tensor) -> dict[str, Tensor]:
        taken = {"tokens": self.tokens.index_select(0, indices).long()}
        taken["targets"] = self.targets.index_select(0, indices).long()
        return taken if self.labels is None else taken | {"labels": self.labels.index_select(0, indices)}


class PackedRows:
    """Documents one after another, cut into rows of ``block`` tokens: no place is padded but in the last row.

    A document may begin in one row and end in the next, and in a row a token sees the documents before its own, as in
    GPT-2's training: nothing keeps them apart but their marks. Where a document starts with what the one before it ends
    with, that stands there once. Each token but the first is a target once an epoch, unless it is given; rows that
    predict nothing are left out. Raises ``WrongUse`` where none is left.
    """

    lazy = False

    def __init__(self, documents: Sequence[Document], block: int) -> None:
        tokens: list[np.ndarray] = []
        targets: list[np.ndarray] = []
        last = -1
        for each in documents:
            again = int(last == each.tokens[0] and each.given > 0)
            tokens.append(each.tokens[again:])
            targets.append(each.targets[again:])
            last = int(each.tokens[-1])
        stream, wanted = (np.concatenate([np.zeros(0, np.int32), *parts]) for parts in (tokens, targets))
        count = max(0, -(-(len(stream) - 1) // block))
        self.tokens, self.targets = (
            torch.from_numpy(_cut(values, count, block, fill))
            for values, fill in ((stream[:-1], 0), (wanted[1:], NOTHING))
        )
        some = self.targets.ne(NOTHING).any(1)
        self.tokens, self.targets = self.tokens[some], self.targets[some]
        if not len(self.tokens):
            raise WrongUse("No token of the texts is to be predicted.", "See data.source in the recipe.")

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, indices: Tensor) -> dict[str, Tensor]:
        return {
            "tokens": self.tokens.index_select(0, indices).long(),
            "targets": self.targets.index_select(0, indices).long(),
        }


def _cut(values: np.ndarray, count: int, block: int, fill: int) -> np.ndarray:
    """Return values as ``count`` rows of ``block``, the last one filled up."""
    rows = np.full(count * block, fill, np.int32)
    rows[: len(values)] = values
    return rows.reshape(count, block)
