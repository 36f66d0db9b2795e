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


class DocumentRows:
    """Texts, one a row: tokens [0, text ...], targets [text ..., 0], padded to ``block`` with 0 and -100.

    0 both starts and ends a text. ``texts`` holds each text's ids, from 1 up. Raises ``WrongUse`` where one is longer
    than ``block`` - 1.
    """

    lazy = False

    def __init__(self, texts: Sequence[np.ndarray], block: int, labels: Tensor | None = None) -> None:
        lengths = np.array([len(text) for text in texts], np.int64)
        if len(lengths) and lengths.max() >= block:
            text = f"Text {int(lengths.argmax()) + 1:,} has {counted(int(lengths.max()), 'token')}; a block of {block}"
            raise WrongUse(
                f"{text} holds {block - 1} and an end.", "Declare a larger block, or a length filter in clean."
            )
        inside = np.arange(block) < lengths[:, None]
        targets = np.full(inside.shape, NOTHING, np.int32)
        targets[np.arange(len(texts)), lengths] = 0
        if len(texts):
            targets[inside] = np.concatenate(texts)
        tokens = np.zeros_like(targets)
        tokens[:, 1:] = np.maximum(targets[:, :-1], 0)
        self.tokens, self.targets, self.labels = torch.from_numpy(tokens), torch.from_numpy(targets), labels

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, indices: Tensor) -> dict[str, Tensor]:
        taken = {"tokens": self.tokens.index_select(0, indices).long()}
        taken["targets"] = self.targets.index_select(0, indices).long()
        return taken if self.labels is None else taken | {"labels": self.labels.index_select(0, indices)}
