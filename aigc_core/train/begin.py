"""From what a user asks for to a training that goes: a folder of its own, new or taken up again."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from aigc_core import same_bits
from aigc_core.errors import NotAvailable, Refused, WrongUse
from aigc_core.files import whole_file
from aigc_core.manifest.read import Malformed, read_object
from aigc_core.train.recipe import Recipe, assign, complete

if TYPE_CHECKING:
    from aigc_core.train.parent import Begun

RECIPE, ASKED = "recipe.json", "run.json"
_UNFINISHED = {"checkpoints", "losses.jsonl", "events.jsonl", ".lock", "tensorboard", "wandb"}
"""What a run leaves that was killed before it had begun."""
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
    gif: bool = False
    """The sheets of samples become a GIF."""


def new_folder(path: str) -> Path:
    """Make the folder of a new run. Raises ``WrongUse`` where it holds one already, or cannot be made."""
    folder = Path(path)
    if (folder / RECIPE).exists():
        raise WrongUse(f"{path} holds a run already.", f"Go on with it: aigc-zoo train --resume {path}")
    if folder.is_dir() and (others := sorted(set(os.listdir(folder)) - _UNFINISHED)):
        text = f"{path} holds other files ({', '.join(others[:3])}), which a run could overwrite."
        raise WrongUse(text, "Name a new folder with --out.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WrongUse(f"Cannot make the folder {path}: {(error.strerror or str(error)).lower()}.") from error
    if not os.access(folder, os.W_OK):
        raise WrongUse(f"Cannot write into {path}: it is read-only.", "Name another --out.")
    return folder


@contextlib.contextmanager
def alone(path: str) -> Iterator[None]:
    """Hold a run's folder, so that no second process trains in it. Raises ``WrongUse`` where one does."""
    try:
        import fcntl
    except ImportError:  # Windows has no such lock
        yield
        return
    with open(os.path.join(path, ".lock"), "ab") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise WrongUse(f"Another process trains in {path}.", "Wait for it, or stop it.") from None
        yield


def keep(folder: Path, recipe: Recipe, asked: Asked) -> None:
    """Write down what the run is, before its first step."""
    for name, document in ((ASKED, asked._asdict()), (RECIPE, recipe)):
        with whole_file(str(folder / name)) as stream:
            stream.write(json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n")


def taken_up(path: str, changes: Sequence[str]) -> tuple[Path, Recipe, Asked]:
    """Read what the run in a folder is, with changes. Raises ``WrongUse`` where there is none."""
    folder = Path(path)
    if links := [entry.name for entry in os.scandir(path) if entry.is_symlink()] if folder.is_dir() else []:
        raise Refused(
            f"{path} holds a link, {links[0]}: a run writes into files of its own alone.",
            f"Look at it, then: rm {folder / links[0]}",
        )
    try:
        recipe, kept = read_object(str(folder / RECIPE)), read_object(str(folder / ASKED))
    except Malformed as error:
        raise WrongUse(f"There is no run in {path}: {error}.", "Start one: aigc-zoo train RECIPE --out DIR") from None
    kept = {"gif": False} | kept  # runs of before there was one
    if kept.keys() != set(Asked._fields) or not isinstance(kept["trackers"], list):
        raise WrongUse(
            f"{folder / ASKED} is not what a run writes down.", "Start another: aigc-zoo train RECIPE --out DIR"
        )
    for change in changes:
        assign(recipe, change)
    return folder, complete(recipe, path), Asked(**kept | {"trackers": tuple(kept["trackers"])})


def data_path(recipe: Recipe, given: str | None, own: bool = False) -> str | None:
    """Return where the data lie: as given, or where the recipe says.

    A recipe that is not the user's ``own`` file, but came with a model, names nothing outside the working folder.
    Raises ``WrongUse`` where it does, ``NotAvailable`` where nothing is there.
    """
    path = given or recipe["data"].get("folder")
    if path and not given and not own and (os.path.isabs(path) or ".." in Path(path).parts):
        text = f"The recipe would read its data from {path}, outside the working folder."
        raise WrongUse(text, f"If that is what you want: --data {path}")
    if path is not None and not os.path.exists(path):
        origin = f" They come from: {recipe['data']['from']}." if "from" in recipe["data"] else ""
        text = f"The data set {recipe['data']['name']} is not at {path}.{origin}"
        raise NotAvailable(text, "Say where it is: --data PATH")
    return os.path.abspath(path) if path is not None else None


def settle_threads(recipe: Recipe) -> None:
    """Use as many threads as the recipe says; where it says nothing, write down how many there are.

    Before any other work of torch: its threads take over from this one how denormal numbers are treated.
    """
    same_bits.settle()
    import torch

    torch.set_flush_denormal(recipe["compute"]["flush_denormals"])
    if recipe["compute"]["threads"] is None:
        recipe["compute"]["threads"] = torch.get_num_threads()
    torch.set_num_threads(recipe["compute"]["threads"])


def begin_with(training: Any, begun: Begun) -> None:
    """Give the model the weights of one that is trained: fine-tuning.

    Raises ``WrongUse`` where that is of another architecture, ``Refused`` where its weights do not fit.
    """
    from aigc_core.train.build import component, filled
    from aigc_core.train.parent import check
    from aigc_core.train.training import load

    role = training.model_role
    spec = training.recipe["networks"][role]
    config = filled(spec["config"], training.data.facts)
    check(begun, spec["use"], config)
    kind = component(training.trainer.roles[role], spec["use"])
    loaded = begun.load(lambda: kind(**config))
    load(role, training.networks[role].state_dict(), loaded.state_dict())
    if training.average:
        load(role, training.average.network.state_dict(), loaded.state_dict())
