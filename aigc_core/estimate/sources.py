"""The images that a model is scored on: the data that it was trained on, by its own recipe, or files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.estimate.data import Batch, Data, check_binarise, chosen, is_binary
from aigc_core.hub.names import model_id
from aigc_core.interfaces import Density, NoiseSpec
from aigc_core.manifest import ModelManifest
from aigc_core.registry import Entry

if TYPE_CHECKING:
    from aigc_core.run.model import Model
    from aigc_core.run.pictures import Picture

_SIZE = 500
"""So many images are in memory at once as numbers."""


def of_recipe(entry: Entry, path: str | None, part: str, count: int | None = None) -> tuple[Data, Iterator[Batch]]:
    """Return images of the data set that the recipe beside a model names, as a training would see them held out.

    ``path`` is where they are, None where the recipe says it itself; ``count`` takes so many of them, never the first.
    Raises ``WrongUse`` and ``NotAvailable`` where the model has no recipe or the data are not there, ``Refused`` where
    they are not those that the recipe pins.
    """
    import torch

    from aigc_core.train.begin import data_path
    from aigc_core.train.build import component
    from aigc_core.train.data.batches import held_out_rows
    from aigc_core.train.data.read import read

    assert entry.manifest is not None
    recipe = recipe_of(entry)
    spec = recipe["data"]
    check_binarise(entry.id, trained(entry.manifest), spec["binarise"])
    if list(spec["range"]) != list(entry.manifest.input["range"]):
        raise WrongUse(f"The recipe of {entry.id} has images in {spec['range']}, its use.input in another range.")
    found = read(spec, data_path(recipe, path), lambda use: component("datasets", use))
    rows = {"train": found.train, "validation": found.validation, "test": found.test}[part]
    if rows is None:
        parts = [name for name, size in found.identity["rows"].items() if size]
        raise WrongUse(f"The data of {entry.id} have no part {part}; they have {', '.join(parts)}.", "See: --part")
    if tuple(found.facts.get("shape", ())) != tuple(entry.manifest.input["shape"]):
        text = f"The data of {entry.id} are {found.facts.get('shape', 'no images')}"
        raise WrongUse(f"{text}, and it takes {entry.manifest.input['shape']}.")
    places = chosen(len(rows) if count is None else count, len(rows))

    def batches() -> Iterator[Batch]:
        for first in range(0, len(places), _SIZE):
            some = places[first : first + _SIZE]
            taken = held_out_rows(rows, spec, torch.tensor(some))
            labels = taken["labels"].numpy() if "labels" in taken else None
            yield Batch(some, taken["images"].numpy(), labels)

    return Data(model_id(spec["name"]), spec["binarise"], part, of=len(rows)), batches()


def of_files(
    manifest: ModelManifest, names: Sequence[str], pictures: Sequence[Picture], label: int | None
) -> tuple[Data, Iterator[Batch]]:
    """Return images of files, as they come to the model; ``label`` is their class, where the model is given one.

    Raises ``WrongUse`` where they have different sizes, or are grey and the model is of black and white, or the other
    way round.
    """
    import numpy as np

    low, high = manifest.input["range"]
    for name, picture in zip(names, pictures, strict=True):
        if picture.levels.shape != pictures[0].levels.shape:
            raise WrongUse(f"{name} comes to the model in another size than {names[0]}: score them by themselves.")
    levels = np.stack([picture.levels for picture in pictures])
    way = "fixed" if is_binary(levels, 0, 255) else "none"
    check_binarise(manifest.id, trained(manifest), way)
    values = (levels * np.float32((high - low) / 255) + np.float32(low)).astype(np.float32)
    labels = None if label is None else np.full(len(levels), label, np.int64)
    return Data("files", way, of=len(levels)), iter([Batch(range(len(levels)), values, labels)])


def density_of(model: Model) -> Density:
    """Return a loaded model as what scores images. Raises ``NotAvailable`` where it is none."""
    from aigc_core.run.guarded import author

    density = model.generator
    if not isinstance(density, Density) or not isinstance(density.draw, NoiseSpec):
        text = f"has no log_weights, exact, levels and draw, and its manifest says that {model.manifest.id} scores"
        raise NotAvailable(f"The generator by {author(model.entry)} {text}.")
    return density


def trained(manifest: ModelManifest) -> str:
    """Return how the images were binarised that a model was trained on."""
    origin = manifest.document.get("origin")
    data = origin.get("data") if isinstance(origin, dict) else None
    return str(data.get("binarise", "none")) if isinstance(data, dict) else "none"


def recipe_of(entry: Entry) -> dict[str, Any]:
    """Return the recipe that a model names, whole. Raises ``WrongUse`` where it names none, ``NotAvailable``."""
    from aigc_core.hub.publish.listing import inside
    from aigc_core.manifest.read import Malformed, read_object
    from aigc_core.train.recipe import complete

    assert entry.manifest is not None
    origin = entry.manifest.document.get("origin")
    name = origin.get("recipe") if isinstance(origin, dict) else None
    if not isinstance(name, str):
        raise WrongUse(f"{entry.id} does not say which data it was trained on.", "Score images: name their files.")
    path = inside(entry.folder, name)
    try:
        return complete(read_object(path), path)
    except Malformed as error:
        raise NotAvailable(f"The recipe of {entry.id} cannot be used: {error}.") from None
