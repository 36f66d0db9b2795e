"""Weights are bytes with a hash: verified before they are opened, loaded strictly, never unpickled."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from aigc_core.errors import NotAvailable, Refused

if TYPE_CHECKING:
    import torch

Module = TypeVar("Module", bound="torch.nn.Module")

FLOATS = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
"""Stored types that a floating-point parameter may have; they are converted to the parameter's own."""


def verify(path: str | Path, size: int, sha256: str) -> None:
    """Check a file's size, then its hash. Raises ``NotAvailable`` where it is missing, ``Refused`` where it differs."""
    try:
        if not os.path.isfile(path):  # to read a pipe would wait for ever
            raise FileNotFoundError(2, "no such file")
        found = os.path.getsize(path)
        if found != size:
            raise Refused(f"{path} has {found:,} bytes, its manifest says {size:,}.", _AGAIN)
        digest = sha256_of(path)
    except OSError as error:
        raise NotAvailable(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.", _AGAIN) from error
    if digest != sha256:
        raise Refused(f"{path} has sha256 {digest}, its manifest says {sha256}.", _AGAIN)


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


_AGAIN = "Reinstall the package or fetch the file again; it was not loaded."


def check_dtype(path: str | Path, dtype: str) -> None:
    """Check that a safetensors file stores its floating-point tensors as ``dtype``, from its header alone.

    Raises ``Refused`` with the first that it stores otherwise, or where the file is no valid safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            for name in file.keys():  # noqa: SIM118 (it is no dict)
                stored = str(file.get_slice(name).get_dtype())
                if stored in FLOATS and FLOATS[stored] != dtype:
                    text = f"{path} does not hold what it says: {name} is stored as {FLOATS[stored]}, the manifest says"
                    raise Refused(f"{text} {dtype}.", _AGAIN)
    except SafetensorError as error:
        raise Refused(f"{path} is no valid safetensors file: {error}.", _AGAIN) from error


def load_module(build: Callable[[], Module], path: str | Path, device: str = "cpu") -> Module:
    """Build a module without memory, check a safetensors file against it, and move the file's tensors in.

    Every key and shape must match exactly, before anything is allocated. Floating-point tensors may be stored in
    another floating-point type and are converted to the module's. The module comes back on ``device``, in eval mode,
    without gradients. Raises ``Refused`` with the file and the cause.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    with torch.device("meta"):
        module = build()
    expected = module.state_dict()
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            stored = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
            shapes = {name: (tuple(entry.get_shape()), str(entry.get_dtype())) for name, entry in stored.items()}
            if reason := _mismatch({name: tuple(value.shape) for name, value in expected.items()}, shapes):
                raise Refused(f"{path} does not fit its architecture: {reason}.", _AGAIN)
            if reason := _wrong_type({n: v.dtype.is_floating_point for n, v in expected.items()}, shapes):
                raise Refused(f"{path} does not hold what it says: {reason}.", _AGAIN)
            tensors = {name: file.get_tensor(name).to(device, value.dtype) for name, value in expected.items()}
    except SafetensorError as error:
        raise Refused(f"{path} is no valid safetensors file: {error}.", _AGAIN) from error
    module.load_state_dict(tensors, strict=True, assign=True)
    if lost := [name for name, buffer in module.named_buffers() if buffer.is_meta]:
        raise Refused(f"{path} cannot fill {_some(lost)}: a buffer that is not saved must be made outside the module.")
    return module.requires_grad_(False).eval()


def _mismatch(expected: dict[str, tuple[int, ...]], stored: dict[str, tuple[tuple[int, ...], str]]) -> str:
    if missing := sorted(expected.keys() - stored.keys()):
        return f"it lacks {_some(missing)}"
    if extra := sorted(stored.keys() - expected.keys()):
        return f"it has {_some(extra)}, which the architecture does not know"
    for name, shape in expected.items():
        if stored[name][0] != shape:
            return f"{name} has shape {list(stored[name][0])}, the architecture has {list(shape)}"
    return ""


def _wrong_type(floating: dict[str, bool], stored: dict[str, tuple[tuple[int, ...], str]]) -> str:
    for name, is_float in floating.items():
        kind = stored[name][1]
        if is_float != (kind in FLOATS):
            return f"{name} is stored as {kind}, which is {'no ' if is_float else 'a '}floating-point type"
    return ""


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
