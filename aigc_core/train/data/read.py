"""From a recipe's ``data`` to rows: the one way in."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from aigc_core.errors import NotAvailable, WrongUse, did_you_mean
from aigc_core.interfaces.parent import Tokens
from aigc_core.train.data.fields import field
from aigc_core.train.data.identity import with_origin
from aigc_core.train.data.image_set import image_set
from aigc_core.train.data.rows import DataSet
from aigc_core.train.data.sources import component as plugin
from aigc_core.train.data.sources import folder as image_folder
from aigc_core.train.data.sources import idx, json_lines, parquet, text
from aigc_core.train.data.sources.found import Images, Texts
from aigc_core.train.data.split import PARTS
from aigc_core.train.data.text_set import text_set, texts_by_part

KINDS = ["idx", "folder", "parquet", "text", "jsonl"]


def read(
    spec: Mapping[str, Any],
    folder: str | None,
    component: Callable[[str], Callable[..., Any]],
    model: Tokens | None = None,
) -> DataSet:
    """Read the data set that a recipe's ``data`` declares from the user's file or folder.

    ``component`` imports what a plugin declares by its name, such as ``gan:mnist-digits``; ``model`` is the tokenizer
    of the model that the training begins with, where it has one. Raises ``WrongUse`` where the recipe is not as it
    should be, ``NotAvailable`` where the data is not there or not whole, ``Refused`` where it is not what the recipe
    pins.
    """
    name = field(spec, "name", str, "data")
    try:
        sources = _sources(spec)
        if len(sources) == 1 and folder is not None and os.path.isfile(folder) and "file" in sources["train"]:
            sources["train"]["file"] = ""  # whatever it is called, it is what the user means
        found = {part: _found(source, folder, name, component) for part, source in sources.items()}
        images = {part: each for part, each in found.items() if isinstance(each, Images)}
        place = str(folder) if folder is not None else name
        if images:
            return image_set(spec, images, place)
        return text_set(spec, {part: each for part, each in found.items() if isinstance(each, Texts)}, place, model)
    except NotAvailable as error:
        raise with_origin(error, spec) from error


def read_texts(
    spec: Mapping[str, Any], folder: str | None, component: Callable[[str], Callable[..., Any]]
) -> dict[str, list[str]]:
    """Return the texts of a data set by part (``train``, ``validation``, ``test``). Raises as ``read`` does."""
    name = field(spec, "name", str, "data")
    try:
        sources = _sources(spec)
        if len(sources) == 1 and folder is not None and os.path.isfile(folder) and "file" in sources["train"]:
            sources["train"]["file"] = ""
        found = {part: _found(source, folder, name, component) for part, source in sources.items()}
    except NotAvailable as error:
        raise with_origin(error, spec) from error
    texts = {part: each for part, each in found.items() if isinstance(each, Texts)}
    if texts.keys() != found.keys():
        raise WrongUse(f"The data set {name} is one of images, and texts are wanted.")
    return texts_by_part(spec, texts, str(folder) if folder is not None else name)


def _sources(spec: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the source of the training rows, and of other parts that have one: its fields, theirs over them."""
    source = dict(field(spec, "source", dict, "data"))
    others = {part: field(source, part, dict, "data.source") for part in PARTS[1:] if part in source}
    split = field(spec, "split", dict, "data", {})
    for part in others:
        del source[part]
        if split.get(part):
            raise WrongUse(f"data.source in the recipe names a {part} of its own, and data.split cuts one too.")
        if "kind" in others[part]:
            raise WrongUse(f"data.source.{part} in the recipe names a kind; it has that of data.source.")
    return {"train": source, **{part: {**source, **own} for part, own in others.items()}}


def _found(
    source: Mapping[str, Any], folder: str | None, name: str, component: Callable[[str], Callable[..., Any]]
) -> Images | Texts:
    kind = field(source, "kind", str, "data.source")
    if ":" in kind:
        return plugin.images(source, folder, name, component)
    readers: dict[str, Callable[[Mapping[str, Any], str | None, str], Images | Texts]] = {
        "idx": idx.images,
        "folder": image_folder.images,
        "parquet": parquet.texts if "text" in source else parquet.images,
        "text": text.texts,
        "jsonl": json_lines.texts,
    }
    if kind not in readers:
        known = f"it takes {', '.join(KINDS)} or a plugin's PLUGIN:NAME."
        raise WrongUse(f"data.source.kind in the recipe is {kind!r}; {known}{did_you_mean(kind, KINDS)}")
    return readers[kind](source, folder, name)
