"""A data set of images: hashed, cleaned in one pass, split."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.train.data.batches import check
from aigc_core.train.data.chosen import Again, Cleaned
from aigc_core.train.data.clean.images import steps, whole
from aigc_core.train.data.clean.steps import clean
from aigc_core.train.data.fields import field
from aigc_core.train.data.identity import check_sha256, identity
from aigc_core.train.data.rows import DataSet
from aigc_core.train.data.sources.found import Broken, Images
from aigc_core.train.data.split import PARTS, Split, digest


def image_set(spec: Mapping[str, Any], found: Mapping[str, Images], place: str) -> DataSet:
    """Clean and split images from the sources of ``train`` and of any other part; ``place`` names them in messages.

    A row that is also in a held-out part with a source of its own is left out of the others, and counted. Raises
    ``Refused`` where the rows are not those that the recipe pins, ``WrongUse`` and ``NotAvailable``.
    """
    split, declared = Split(field(spec, "split", dict, "data", {})), field(spec, "clean", list, "data", [])
    hashing = len(found) > 1 or (split.by == "hash" and not split.whole)
    cleaned = {}
    for part in found:
        cleaned[part] = _cleaned(found[part], declared, hashing, place)
        if part == "train":
            check_sha256(spec, cleaned[part].record["sha256"], "images", place)
    shapes = {each.rows.shape[-3:] for each in cleaned.values() if len(each.rows)}
    if len(shapes) > 1:
        raise NotAvailable(f"The parts of the data set in {place} have images of different sizes.", _RESIZE)
    parts = _split(cleaned, split)
    rows = {part: parts[part].as_rows() if part in parts else None for part in PARTS}
    if rows["train"] is None:
        raise WrongUse(f"No image of {place} is left to train on.", "See data.clean and data.split in the recipe.")
    (shape,) = shapes
    facts: dict[str, Any] = {"shape": check(spec, [int(size) for size in shape])}
    if (classes := found["train"].classes) is not None:
        facts["classes"] = classes
    counts = {part: len(each) for part, each in rows.items() if each is not None}
    if spec.get("binarise") == "fixed":
        _check_binary(cleaned, place)
    records = {part: each.record for part, each in cleaned.items()}
    said = identity(spec, records, counts) | {"binarise": spec.get("binarise", "none")}
    return DataSet(rows["train"], rows["validation"], rows["test"], said, facts)


def _check_binary(parts: Mapping[str, Cleaned], place: str) -> None:
    """Raise ``WrongUse`` where a pixel is neither black nor white."""
    for part, each in parts.items():
        if any(bool(((row != 0) & (row != 255)).any()) for row in each.rows):
            text = f"data.binarise is fixed, but the {part} images in {place} have grey pixels."
            raise WrongUse(text, "Use dynamic, which draws them black or white, or none.")


def _split(cleaned: Mapping[str, Cleaned], split: Split) -> dict[str, Cleaned]:
    """Return the parts. What a part of its own holds, no other does: the test comes first, then the validation."""
    known: set[bytes] = set()
    own: dict[str, Cleaned] = {}
    for part in reversed(PARTS):
        if part in cleaned:
            each = cleaned[part]
            left = [row for row, content in enumerate(each.digests) if content not in known] if known else None
            if left is not None:
                step = {"step": "held out elsewhere", "before": len(each.rows), "after": len(left)}
                each.record["clean"].append(step)
                each = each.some(left)
            known.update(each.digests if len(cleaned) > 1 else [])
            own[part] = each
    train = own.pop("train")
    if split.whole:
        return {"train": train, **own}
    places: Mapping[str, Sequence[int]]
    places = split.by_hash(train.digests) if split.by == "hash" else split.by_position(len(train.rows))
    return {part: train.some(indices) for part, indices in places.items() if len(indices)} | own


_RESIZE = 'Add {"step": "resize", "size": [h, w], "rule": "bicubic"} to data.clean in the recipe.'


def _cleaned(found: Images, declared: Sequence[Any], hashing: bool, place: str) -> Cleaned:
    todo = steps(declared)
    if isinstance(found.rows, np.ndarray) and not todo:
        record = {
            "sha256": hashlib.sha256(np.ascontiguousarray(found.rows).data).hexdigest(),
            "source_rows": len(found.rows),
            "clean": [],
        }
        return Cleaned(found.rows, found.labels, [digest(row) for row in found.rows] if hashing else [], record)
    content, places, pixels, digests = hashlib.sha256(), [], [], []
    shape: tuple[int, ...] = ()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Image size .* exceeds limit")  # Pillow's, of what only claims to be an image
        for index, row in clean(_hashed(found, content), todo):
            image = whole(row)
            shape = shape or image.shape
            if image.shape != shape:
                sizes = " and ".join("{} x {} x {}".format(*size) for size in (shape, image.shape))
                raise NotAvailable(f"The images in {place} have different sizes: {sizes}.", _RESIZE)
            places.append(index)
            digests.append(digest(image))
            if not found.lazy:
                pixels.append(image)
    labels = None if found.labels is None else found.labels[places]
    record = {"sha256": content.hexdigest(), "source_rows": len(found.rows), "clean": [step.record() for step in todo]}
    if found.lazy and not isinstance(found.rows, np.ndarray):
        return Cleaned(Again(found.rows, places, declared, shape), labels, digests, record)
    return Cleaned(np.stack(pixels) if pixels else np.empty((0, 1, 1, 1), np.uint8), labels, digests, record)


def _hashed(found: Images, content: Any) -> Iterator[np.ndarray | Broken]:
    for row in found.rows:
        if not isinstance(row, Broken):
            content.update(np.ascontiguousarray(row).data)
        yield row
