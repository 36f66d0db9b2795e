"""Rows of data that are made up, of the shapes that a recipe's networks may take, the likeliest first."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from aigc_core.manifest.read import Malformed, read_object
from aigc_core.testing.subjects import RecipeSubject

if TYPE_CHECKING:
    from aigc_core.train.data.rows import DataSet

ROWS = 12
_CLASSES = 10
_VOCABULARY = "\n abcdefghij"
_GUESSES = (
    (1, 28, 28),
    (3, 32, 32),
    (1, 32, 32),
    (3, 64, 64),
    (1, 64, 64),
    (4, 64, 64),
    (2, 28, 28),
    (6, 64, 64),
    (2,),
)


def candidates(subject: RecipeSubject, recipe: dict[str, Any]) -> Iterator[DataSet]:
    """Yield sets of rows, of texts or of images as the recipe says; what an author says of a row is the only shape."""
    if "block" in recipe["data"].get("form", {}) or recipe["data"].get("tokenizer"):
        yield _texts(min(int(recipe["data"].get("form", {}).get("block") or 16), 16))
        return
    said = subject.rows.get("images")
    for shape in [tuple(said)] if said else dict.fromkeys([*_declared(subject, recipe), *_GUESSES]):
        yield _pictures(shape)


def _declared(subject: RecipeSubject, recipe: dict[str, Any]) -> Iterator[tuple[int, ...]]:
    """Yield the shapes of images that models and templates of the recipe's networks declare."""
    zoo = subject.plugin.zoo
    names = {str(spec["use"]).partition(":")[2] for spec in recipe["networks"].values()}
    for folder in ("models", "claims"):
        there = os.path.join(zoo, folder)
        for file in sorted(os.listdir(there)) if os.path.isdir(there) else []:
            try:
                document = read_object(os.path.join(there, file))
            except Malformed:
                continue
            use, code = document.get("use", {}), document.get("code", {})
            if code.get("architecture") in names:
                for side in ("output", "input"):
                    shape: Sequence[Any] = use.get(side, {}).get("shape", [])
                    if shape and all(type(size) is int for size in shape):
                        yield tuple(shape)


def _pictures(shape: tuple[int, ...]) -> DataSet:
    import torch

    from aigc_core.train.data.rows import DataSet, ImageRows

    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (ROWS, *shape), generator=random, dtype=torch.uint8)
    facts = {"shape": [*shape], "classes": [str(number) for number in range(_CLASSES)]}
    rows = ImageRows(images, torch.arange(ROWS) % _CLASSES)
    return DataSet(rows, rows, rows, {}, facts)


def _texts(block: int) -> DataSet:
    import torch

    from aigc_core.train.data.rows import DataSet, WindowRows

    random = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, len(_VOCABULARY), (ROWS + block,), generator=random)
    facts = {"vocabulary": _VOCABULARY, "block": block, "shape": [block], "tokens": len(_VOCABULARY)}
    rows = WindowRows(tokens, block)
    return DataSet(rows, rows, rows, {}, facts)
