"""From what a user asks for to a training that goes: a folder of its own, new or taken up again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.files import whole_file
from aigc_core.manifest.read import Malformed, read_object
from aigc_core.train.recipe import Recipe, assign, complete

RECIPE, ASKED = "recipe.json", "run.json"
Say = Callable[[str], None]


class Asked(NamedTuple):
    """What decides where and how a training runs, beside its recipe; kept in the run's folder."""

    data: str | None
    """Path of the data: a folder or a file."""
    device: str = "cpu"
    parent: str | None = None
    """The model whose weights it begins with."""
    trackers: tuple[str, ...] = ()
    strict: bool = False


def new_folder(path: str) -> Path:
    """Make the folder of a new run. Raises ``WrongUse`` where it holds one already, or cannot be made."""
    folder = Path(path)
    if (folder / RECIPE).exists():
        raise WrongUse(f"{path} holds a run already.", f"Go on with it: aigc-zoo train --resume {path}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WrongUse(f"Cannot make the folder {path}: {(error.strerror or str(error)).lower()}.") from error
    if not os.access(folder, os.W_OK):
        raise WrongUse(f"Cannot write into {path}: it is read-only.", "Name another --out.")
    return folder


def keep(folder: Path, recipe: Recipe, asked: Asked) -> None:
    """Write down what the run is, before its first step."""
    for name, document in ((ASKED, asked._asdict()), (RECIPE, recipe)):
        with whole_file(str(folder / name)) as stream:
            stream.write(json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n")


def taken_up(path: str, changes: Sequence[str]) -> tuple[Path, Recipe, Asked]:
    """Read what the run in a folder is, with changes. Raises ``WrongUse`` where there is none."""
    folder = Path(path)
    try:
        recipe, kept = read_object(str(folder / RECIPE)), read_object(str(folder / ASKED))
    except Malformed as error:
        raise WrongUse(f"There is no run in {path}: {error}.", "Start one: aigc-zoo train RECIPE --out DIR") from None
    for change in changes:
        assign(recipe, change)
    return folder, complete(recipe, path), Asked(**kept | {"trackers": tuple(kept["trackers"])})


def data_path(recipe: Recipe, given: str | None) -> str | None:
    """Return where the data lie: as given, or where the recipe says. Raises ``NotAvailable`` where nothing is there."""
    path = given or recipe["data"].get("folder")
    if path is not None and not os.path.exists(path):
        origin = f" They come from: {recipe['data']['from']}." if "from" in recipe["data"] else ""
        text = f"The data set {recipe['data']['name']} is not at {path}.{origin}"
        raise NotAvailable(text, "Say where it is: --data PATH")
    return os.path.abspath(path) if path is not None else None


def settle_threads(recipe: Recipe) -> None:
    """Use as many threads as the recipe says; where it says nothing, write down how many there are."""
    import torch

    if recipe["compute"]["threads"] is None:
        recipe["compute"]["threads"] = torch.get_num_threads()
    torch.set_num_threads(recipe["compute"]["threads"])


def begin_with(training: Any, name: str) -> None:
    """Give the model the weights of one that is trained: fine-tuning.

    Raises ``WrongUse`` where that is of another architecture, ``Refused`` where its weights do not fit.
    """
    from aigc_core.run.load import fetch, resolve
    from aigc_core.train.build import component, filled
    from aigc_core.weights import load_module

    entry, role = resolve(name), training.model_role
    assert entry.manifest is not None
    spec = training.recipe["networks"][role]
    use = f"{entry.manifest.plugin}:{entry.manifest.architecture}"
    if use != spec["use"]:
        raise WrongUse(f"{name} is a {use}, the recipe trains a {spec['use']}.", "Name a model of that architecture.")
    kind = component(training.trainer.roles[role], spec["use"])
    config = filled(spec["config"], training.data.facts)
    loaded = load_module(lambda: kind(**config), fetch(entry))
    training.networks[role].load_state_dict(loaded.state_dict())
    if training.average:
        training.average.network.load_state_dict(loaded.state_dict())
