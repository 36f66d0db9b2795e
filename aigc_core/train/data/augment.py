"""Augmentation as declared, on uint8 images; what is drawn is drawn for the whole batch, so ranks change nothing.

``{"kind": "flip"}`` mirrors half of the images left to right. ``{"kind": "shift", "pixels": 2}`` moves each by up to so
many pixels both ways, its edge repeated. ``{"kind": "crop", "size": [h, w]}`` cuts a random window; rows that are held
out are cut in the middle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from aigc_core.errors import WrongUse
from aigc_core.train.data.fields import choice, number, only, pair

Declared = Sequence[Mapping[str, Any]]


def check(declared: Declared, shape: Sequence[int]) -> list[int]:
    """Return the images' shape (c, h, w) after all of it. Raises ``WrongUse`` where one cannot be done."""
    channels, height, width = shape
    for place, one in enumerate(declared):
        where = f"data.augment[{place}]"
        kind = choice(one, "kind", ["flip", "shift", "crop"], where)
        only(one, {"flip": ["kind"], "shift": ["kind", "pixels"], "crop": ["kind", "size"]}[kind], where)
        if kind == "shift":
            number(one, "pixels", int, where, 1, min(height, width) - 1)
        if kind == "crop":
            size = pair(one, "size", int, where)
            if not (1 <= size[0] <= height and 1 <= size[1] <= width):
                raise WrongUse(f"{where}.size is {list(size)}; the images are {height} x {width}.")
            height, width = size
    return [channels, height, width]


def draw(declared: Declared, count: int, shape: Sequence[int], generator: torch.Generator) -> list[Tensor]:
    """Draw what each declared augmentation needs for ``count`` images of ``shape`` (c, h, w): a row an image."""
    drawn, (height, width) = [], shape[1:]
    for one in declared:
        if one["kind"] == "flip":
            drawn.append(torch.randint(2, (count, 1), generator=generator))
        elif one["kind"] == "shift":
            drawn.append(torch.randint(-one["pixels"], one["pixels"] + 1, (count, 2), generator=generator))
        else:
            room = (height - one["size"][0] + 1, width - one["size"][1] + 1)
            drawn.append(torch.stack([torch.randint(each, (count,), generator=generator) for each in room], dim=1))
            height, width = one["size"]
    return drawn


def apply(images: Tensor, declared: Declared, drawn: Sequence[Tensor]) -> Tensor:
    """Augment images (n, c, h, w) by their rows of what was drawn."""
    for one, values in zip(declared, drawn, strict=True):
        if one["kind"] == "flip":
            chosen = values.flatten().nonzero().flatten()
            images = images.index_copy(0, chosen, images[chosen].flip(-1))
        else:
            images = _window(images, values, one.get("size", images.shape[-2:]))
    return images


def middle(images: Tensor, declared: Declared) -> Tensor:
    """Bring images that are held out to the size of those that are trained on."""
    for one in declared:
        if one["kind"] == "crop":
            height, width = one["size"]
            top, left = (images.shape[-2] - height) // 2, (images.shape[-1] - width) // 2
            images = images[..., top : top + height, left : left + width]
    return images


def _window(images: Tensor, corner: Tensor, size: Sequence[int]) -> Tensor:
    """Cut ``size`` (h, w) from each image at its corner (n, 2); beyond the edge, the edge is repeated."""
    rows = (corner[:, :1] + torch.arange(size[0])).clamp(0, images.shape[-2] - 1)
    columns = (corner[:, 1:] + torch.arange(size[1])).clamp(0, images.shape[-1] - 1)
    places = (rows[:, :, None] * images.shape[-1] + columns[:, None, :]).flatten(1)[:, None]
    found = images.flatten(2).gather(2, places.expand(-1, images.shape[1], -1))
    return found.view(*images.shape[:2], *size)
