"""From a name to a model that is ready for use: resolve, fetch, load."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from aigc_core import plugins, registry, same_bits
from aigc_core.errors import NotAvailable, Refused, WrongUse
from aigc_core.hub import lock
from aigc_core.hub.choose import CONFIG
from aigc_core.hub.names import is_hub_name
from aigc_core.hub.pull import Report, pull, silent, unpinned
from aigc_core.manifest.read import Malformed, read_object
from aigc_core.registry import Entry
from aigc_core.run import autoencode, translate
from aigc_core.run.capabilities import fault
from aigc_core.run.guarded import guarded
from aigc_core.run.model import Model
from aigc_core.run.numbers import whole_number
from aigc_core.verified import verify
from aigc_core.weights import check_dtype

AUTO = "auto"
"""The engine or type that is the fastest here, or of one engine the first type that it computes in."""
SHORT = {"bf16": "bfloat16"}
"""Other names of types."""
MAX_THREADS = 1024


class Computing(NamedTuple):
    """What is to compute a model, where there is a choice: ``Engines`` in ``aigc_core.interfaces.language_model``."""

    engine: str = AUTO
    dtype: str = AUTO
    threads: int = 0


FASTEST = Computing()
"""Whatever is the fastest here."""


def load(
    name: str,
    device: str = "cpu",
    *,
    engine: str = AUTO,
    dtype: str = AUTO,
    threads: int = 0,
    locked: bool = False,
    accept_licence: bool = False,
) -> Model:
    """Find, fetch, verify and load a model. See ``aigc_core.load``."""
    if not all(isinstance(text, str) for text in (name, device, engine, dtype)):
        raise WrongUse("A model, a device, an engine and a type are named by text: load('dcgan-fashion', 'cpu').")
    entry = resolve(name, locked=locked)
    check_licence(entry, accept_licence)
    return open_entry(entry, fetch(entry, offline=locked), device, Computing(engine, dtype, threads))


def open_entry(entry: Entry, files: Mapping[str, Path], device: str, computing: Computing = FASTEST) -> Model:
    """Load a model that ``resolve`` found from the files that ``fetch`` verified. Raises as ``aigc_core.load`` does."""
    model = unsettled(entry, files, device, computing)
    if model.language is None:
        settle(model)
    return model


def unsettled(entry: Entry, files: Mapping[str, Path], device: str, computing: Computing = FASTEST) -> Model:
    """Load a model that has computed nothing yet: what it makes may be wrong in every way. Raises as above."""
    assert entry.plugin is not None
    same_bits.settle()
    if (threads := whole_number(computing.threads, "threads", 0)) > MAX_THREADS:
        raise WrongUse(f"threads is {threads}, it takes a whole number from 0 to {MAX_THREADS:,}.")
    check_device(device)
    for file in entry.manifest.files if entry.manifest else ():
        if file.dtype:
            check_dtype(files[file.path], file.dtype)
    kind, config = generator_class(entry), _config(entry, files)
    computing = computing._replace(dtype=SHORT.get(computing.dtype, computing.dtype))
    chosen = computing._asdict() if has_engines(kind) else _chosen_type(entry, kind, computing)
    generator = guarded(entry, "load", lambda: kind.open(config, files, device, **chosen))
    assert entry.manifest is not None
    if reason := fault(generator, entry.manifest):
        raise NotAvailable(f"The generator of {entry.id}, by {entry.plugin.distribution}, {reason}.")
    return Model(entry, generator, device)


def generator_class(entry: Entry) -> Any:
    """Import the class that a model's architecture names. Raises ``NotAvailable`` where that fails."""
    assert entry.manifest is not None
    assert entry.plugin is not None
    return plugins.component(entry.plugin, "generators", entry.manifest.architecture)


def has_engines(kind: Any) -> bool:
    """Say whether the models of a generator class can be computed in more than one way."""
    return isinstance(getattr(kind, "engines", None), Mapping)


def types(kind: Any) -> tuple[str, ...]:
    """Return the types that the models of a generator class without engines compute in, if it leaves a choice."""
    found = getattr(kind, "dtypes", ())
    return tuple(found) if isinstance(found, (tuple, list)) else ()


def _chosen_type(entry: Entry, kind: Any, computing: Computing) -> dict[str, Any]:
    """Return what ``open`` takes of a class without engines: a type, where it leaves a choice, or nothing.

    Raises ``WrongUse`` where more was chosen than there is.
    """
    known = types(kind)
    if known and (computing.dtype in known or computing.dtype == AUTO):
        rest, chosen = (
            computing._replace(dtype=AUTO),
            {"dtype": known[0] if computing.dtype == AUTO else computing.dtype},
        )
    elif known:
        raise WrongUse(f"{entry.id} computes in {' or '.join(known)}, so dtype cannot be {computing.dtype!r}.")
    else:
        rest, chosen = computing, {}
    for (field, value), default in zip(rest._asdict().items(), FASTEST, strict=True):
        if value != default:
            way = "by one engine only" if known else "in one way only"
            raise WrongUse(f"{entry.id} is computed {way}, so {field} cannot be {value!r}: leave it out.")
    return chosen


def settle(model: Model) -> None:
    """Compute one sample and one small image on one thread and throw them away.

    A language model, which may need no torch, settles itself.

    The libraries under torch choose their kernels at the first call. Where two threads make that call at once, one of
    them can compute its half of the first batch with others: without this, 8 of 282 fresh processes on a loaded
    machine differed in the last bits; with it, none of 282 (``benchmarks/fresh_processes.py``).
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        if "generate" in model.manifest.capabilities:
            next(model.stream([0], batch_size=1))
        if model.manifest.input:
            autoencode.settle(model)
        if "translate" in model.manifest.capabilities and model.manifest.input:
            translate.settle(model)
    finally:
        torch.set_num_threads(threads)


def resolve(name: str, *, locked: bool = False, say: Callable[[str], None] = lambda text: None) -> Entry:
    """Return the usable model of that name; a repository that is used for the first time is pinned, and ``say`` told.

    With ``locked``, only what the project's lock file pins, and nothing is asked of the network. Raises the model's
    error where it is not usable.
    """
    if is_hub_name(name):
        from aigc_core.hub.repository import settle

        settle(name, say, offline=locked)
    entry = registry.find(name)
    if entry.state not in (*registry.RUNNABLE, "failed") or entry.manifest is None:
        raise entry.error()
    if locked:
        lock.require(entry.lock_name, entry.manifest.files)
    return entry


def check_licence(entry: Entry, accepted: bool) -> None:
    """Raise ``Refused`` where weights from the Hub come without any licence, unless the user has accepted that."""
    manifest = entry.manifest
    if manifest and manifest.source == "hub" and not manifest.licence and not accepted:
        raise Refused(
            f"{manifest.repo_id} declares no licence for its weights, so nobody has said that you may use them.",
            "To use them on your own responsibility, add --accept-licence.",
        )


def fetch(entry: Entry, *, offline: bool = False, report: Report = silent) -> dict[str, Path]:
    """Return the model's files by their name in the manifest, each verified; what is on the Hub is pulled first.

    Raises ``NotAvailable`` where a file cannot be had, ``Refused`` where it has no hash or another one, or lies
    outside the model's folder.
    """
    manifest = entry.manifest
    assert manifest is not None
    if manifest.source == "hub":
        return pull(manifest.repo_id, manifest.revision, manifest.files, offline=offline, report=report)
    found: dict[str, Path] = {}
    for file in manifest.files:
        if not file.pinned:
            raise unpinned(entry.id, file.path)
        path = os.path.realpath(os.path.join(entry.folder, file.path))
        if not path.startswith(os.path.realpath(entry.folder) + os.sep):
            raise Refused(f"{entry.id} lists {file.path}, which lies outside its folder.")
        verify(path, file.size, file.sha256)
        found[file.path] = Path(path)
    return found


def _config(entry: Entry, files: Mapping[str, Path]) -> dict[str, Any]:
    """Return what the architecture is built with: config.json where the model has one, under the manifest's own."""
    assert entry.manifest is not None
    if CONFIG not in files:
        return entry.manifest.config
    try:
        return read_object(str(files[CONFIG])) | entry.manifest.config
    except Malformed as error:
        raise NotAvailable(f"The config of {entry.id} cannot be used: {error}.") from None


def check_device(device: str) -> None:
    """Raise ``WrongUse`` for a name that is no device and ``NotAvailable`` for a device that is not here."""
    if device == "cpu":  # what runs there may need no torch
        return
    import torch

    try:
        kind = torch.device(device)
    except RuntimeError as error:
        raise WrongUse(f"{device} is no device.", "Use cpu, cuda, cuda:0 or mps.") from error
    if kind.type not in ("cpu", "cuda", "mps"):
        raise WrongUse(f"{device} is no device that models run on.", "Use cpu, cuda, cuda:0 or mps.")
    count = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}[kind.type]
    if (kind.index or 0) >= count:
        raise NotAvailable(f"There is no device {device} here ({kind.type} devices: {count}).", "Use --device cpu.")
