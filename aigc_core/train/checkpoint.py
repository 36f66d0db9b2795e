"""Checkpoints: a folder of safetensors and JSON that either is whole or is not there, and is verified when it is read.

``step-00000500/`` holds ``tensors.safetensors``, ``state.json`` and, written last, ``manifest.json`` with the size and
SHA-256 of both. It is written aside, every file forced to the disk, and renamed; so is the folder around it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from aigc_core.errors import NotAvailable, Refused, WrongUse
from aigc_core.manifest.read import Malformed, read_object
from aigc_core.verified import sha256_of

FORMAT = 1
"""Version of the layout; a later one is refused, for it may mean something else."""
TENSORS, STATE, MANIFEST = "tensors.safetensors", "state.json", "manifest.json"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write(folder: Path, step: int, tensors: Mapping[str, Tensor], state: Mapping[str, Any], keep: int) -> Path:
    """Write the checkpoint of a step and remove all but the newest ``keep``.

    Raises ``NotAvailable`` where the disk is full and ``WrongUse`` where the folder cannot be written; the older
    checkpoints are untouched then.
    """
    target, part = folder / f"step-{step:08}", folder / f".step-{step:08}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for torn in folder.glob(".step-*.part"):  # of one that was killed here
            shutil.rmtree(torn, ignore_errors=True)
        part.mkdir()
        files = {TENSORS: _serialised(tensors), STATE: _json(dict(state))}
        listed = {name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
        files[MANIFEST] = _json({"format": FORMAT, "step": step, "files": listed})
        for name, data in files.items():
            _written(part / name, data)
        _forced(part)
        if target.exists():  # a damaged one, or the same step reached again after a resumption
            shutil.rmtree(target)
        os.rename(part, target)
        _forced(folder)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        left = steps(folder)
        kept = f"that of step {left[-1]} is untouched" if left else "there is none yet"
        if error.errno in _FULL:
            text = f"No space left for the checkpoint of step {step} in {folder}; {kept}."
            again = f"go on: aigc-zoo train --resume {folder.parent}" if left else "start again."
            raise NotAvailable(text, f"Free some space, then {again}") from error
        cause = (error.strerror or str(error)).lower()
        raise WrongUse(f"Cannot write the checkpoint of step {step} into {folder}: {cause}; {kept}.") from error
    known = steps(folder)
    later, earlier = [each for each in known if each > step], [each for each in known if each <= step]
    for old in [*later, *earlier[:-keep]]:  # what lies after it was passed over, and is of steps that are made again
        shutil.rmtree(folder / f"step-{old:08}", ignore_errors=True)
    return target


def steps(folder: Path) -> list[int]:
    """Return the steps that have a checkpoint, oldest first, valid or not."""
    names = os.listdir(folder) if folder.is_dir() else []
    return sorted(int(found[1]) for name in names if (found := re.fullmatch(r"step-(\d{8,})", name)))


def newest(folder: Path, say: Callable[[str], None]) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read the newest checkpoint that is whole; ``say`` is told of each that is not. None where there is none.

    Raises ``Refused`` where one was written by a later version, and where there are some but none is whole.
    """
    known = steps(folder)
    for step in reversed(known):
        try:
            return read(folder / f"step-{step:08}")
        except NotAvailable as error:
            say(f"{str(error).removesuffix('.')}; it is passed over.")
    if known:
        raise Refused(f"No checkpoint in {folder} is whole.", "Start again with another --out.")
    return None


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read one checkpoint, verified. Raises ``NotAvailable`` where it is damaged, ``Refused`` where it is newer."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        manifest = read_object(str(path / MANIFEST))
        if manifest.get("format") != FORMAT:
            text = f"The checkpoint {path} has format {manifest.get('format')}; this version reads {FORMAT}."
            raise Refused(text, "Try: pip install --upgrade aigc-core")
        for name in (TENSORS, STATE):
            file, listed = path / name, manifest["files"][name]
            if file.stat().st_size != listed["size"] or sha256_of(str(file)) != listed["sha256"]:
                raise NotAvailable(f"The checkpoint {path} is damaged: {name} is not what its manifest says.")
        return load_file(path / TENSORS), json.loads((path / STATE).read_bytes())
    except (Malformed, OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
        cause = " ".join(str(error).split())
        raise NotAvailable(f"The checkpoint {path} is damaged: {cause}.") from error


def _serialised(tensors: Mapping[str, Tensor]) -> bytes:
    from safetensors.torch import save

    seen: set[int] = set()
    whole = {}
    for name, tensor in tensors.items():
        value = tensor.detach().cpu().contiguous()
        if value.data_ptr() in seen and value.numel():  # two names of one tensor: the format wants a copy for each
            value = value.clone()
        seen.add(value.data_ptr())
        whole[name] = value
    return save(whole)


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def _written(path: Path, data: bytes) -> None:
    with open(path, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _forced(folder: Path) -> None:
    """Force a folder's entries to the disk, where the system can."""
    with contextlib.suppress(PermissionError, NotImplementedError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
