"""From a name to a model that is ready to sample: resolve, fetch, load."""

from __future__ import annotations

import os
from pathlib import Path

from aigc_core import plugins, registry
from aigc_core.errors import NotAvailable, Refused, WrongUse
from aigc_core.registry import Entry
from aigc_core.run.model import Model, guarded
from aigc_core.weights import verify


def load(name: str, device: str = "cpu") -> Model:
    """Find, verify and load a model. See ``aigc_core.load``."""
    entry = resolve(name)
    files = fetch(entry)
    check_device(device)
    assert entry.manifest is not None
    assert entry.plugin is not None
    generator = plugins.component(entry.plugin, "generators", entry.manifest.architecture)
    config = entry.manifest.config
    opened = guarded(entry, "load", lambda: generator.open(config, files, device))
    return Model(entry, opened, device)


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
    if entry.manifest.source != "bundled":
        text = f"The weights of {entry.id} are on the Hugging Face Hub, which aigc-core cannot fetch from yet."
        raise NotAvailable(text)
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
