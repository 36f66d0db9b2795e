"""From a name to a model that is ready to sample: resolve, fetch, load."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aigc_core import plugins, registry
from aigc_core.errors import NotAvailable, Refused, WrongUse
from aigc_core.interfaces import NoiseSpec
from aigc_core.registry import Entry
from aigc_core.run.model import Model, guarded
from aigc_core.weights import check_dtype, verify


def load(name: str, device: str = "cpu") -> Model:
    """Find, verify and load a model. See ``aigc_core.load``."""
    if not isinstance(name, str) or not isinstance(device, str):
        raise WrongUse("A model and a device are named by text, such as load('dcgan-fashion', 'cpu').")
    return open_entry(resolve(name), device)


def open_entry(entry: Entry, device: str) -> Model:
    """Verify and load a model that ``resolve`` found. Raises as ``aigc_core.load`` does."""
    files = fetch(entry)
    check_device(device)
    for file in entry.manifest.files if entry.manifest else ():
        if file.dtype:
            check_dtype(files[file.path], file.dtype)
    assert entry.manifest is not None
    assert entry.plugin is not None
    kind = plugins.component(entry.plugin, "generators", entry.manifest.architecture)
    config = entry.manifest.config
    generator = guarded(entry, "load", lambda: kind.open(config, files, device))
    if fault := _fault(generator):
        raise NotAvailable(f"The generator of {entry.id}, by {entry.plugin.distribution}, {fault}.")
    model = Model(entry, generator, device)
    _settle(model)
    return model


def _settle(model: Model) -> None:
    """Compute one sample on one thread and throw it away.

    The libraries under torch choose their kernels at the first call. Where two threads make that call at once, one of
    them can compute its half of the first batch with others: without this, 8 of 282 fresh processes on a loaded
    machine differed in the last bits; with it, none of 282 (``benchmarks/fresh_processes.py``).
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        next(model.stream([0], batch_size=1))
    finally:
        torch.set_num_threads(threads)


def _fault(generator: Any) -> str:
    """Return what keeps an object from being a generator, or an empty string."""
    if not all(isinstance(getattr(generator, name, None), str) for name in ("engine", "dtype")):
        return "has no engine and dtype as text"
    noise = getattr(generator, "noise", None)
    if not isinstance(noise, Mapping) or not all(isinstance(spec, NoiseSpec) for spec in noise.values()):
        return "has no map of NoiseSpec as noise"
    if not all(type(size) is int and size > 0 for spec in noise.values() for size in spec.shape):
        return "has noise of a shape that cannot be"
    return "" if callable(getattr(generator, "generate", None)) else "has no generate"


def resolve(name: str) -> Entry:
    """Return the usable model of that name. Raises its error where it is not usable."""
    entry = registry.find(name)
    if entry.state not in ("ready", "failed"):
        raise entry.error()
    return entry


def fetch(entry: Entry) -> dict[str, Path]:
    """Return the model's weight files by their name in the manifest, each verified.

    Raises ``Refused`` where a file has no hash or another one, or lies outside the model's folder.
    """
    assert entry.manifest is not None
    found: dict[str, Path] = {}
    for file in entry.manifest.files:
        if file.size < 0 or not file.sha256:
            raise Refused(f"{entry.id} lists {file.path} without size and sha256, so it cannot be verified.")
        path = os.path.realpath(os.path.join(entry.folder, file.path))
        if not path.startswith(os.path.realpath(entry.folder) + os.sep):
            raise Refused(f"{entry.id} lists {file.path}, which lies outside its folder.")
        verify(path, file.size, file.sha256)
        found[file.path] = Path(path)
    return found


def check_device(device: str) -> None:
    """Raise ``WrongUse`` for a name that is no device and ``NotAvailable`` for a device that is not here."""
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
