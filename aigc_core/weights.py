"""Tensors into a module, strictly: every name, shape and type is checked before anything is allocated."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from aigc_core.errors import NotAvailable, Refused
from aigc_core.shards import tensor_files

if TYPE_CHECKING:
    import torch

Module = TypeVar("Module", bound="torch.nn.Module")

FLOATS = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
"""Stored types that a floating-point parameter may have; they are converted to the parameter's own."""
OTHERS = {
    "BOOL": "bool", "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64", "I8": "int8", "I16": "int16",
    "I32": "int32", "I64": "int64", "C64": "complex64", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
}  # fmt: skip
"""Stored types that are never converted: a tensor has the same one."""
_AGAIN = "Reinstall the package or fetch the file again; it was not loaded."


class Stored(NamedTuple):
    """One tensor in a file: what its header says, and how to read it."""

    shape: tuple[int, ...]
    type: str
    """As torch calls it, such as ``float32``; a type that no tensor may have, as the file's format does."""
    read: Callable[[], torch.Tensor]


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
                    raise Refused(f"{text} {dtype[:100]}.", _AGAIN)
    except SafetensorError as error:
        raise _invalid(path, error) from error


def load_module(build: Callable[[], Module], weights: str | Path | Mapping[str, Path], device: str = "cpu") -> Module:
    """Build a module without memory, check safetensors files against it, and move the files' tensors in.

    ``weights`` is one file, or a model's files by name: one of them safetensors, or an index and the shards that it
    names. Files are mapped into memory, not copied. Every key and shape must match exactly, before anything is
    allocated. Floating-point tensors may be stored in another floating-point type and are converted to the module's.
    The module comes back on ``device``, in eval mode, without gradients. Raises ``Refused`` with the file and the
    cause, ``NotAvailable`` where a file is too large for this machine.
    """
    from safetensors import SafetensorError, safe_open

    with ExitStack() as opened:
        files: dict[str, Any] = {}
        for path, expected in tensor_files(weights):
            try:
                file = opened.enter_context(safe_open(path, framework="pt", device="cpu"))
                names = file.keys()
            except SafetensorError as error:
                raise _invalid(path, error) from error
            except (RuntimeError, MemoryError) as error:  # the system has no room to map it
                text = f"{path} cannot be mapped into memory: {_said(error)}."
                raise NotAvailable(text, "Close other programs, or use a smaller model.") from error
            if expected is not None and (wrong := sorted(expected.symmetric_difference(names))):
                raise Refused(f"{path} does not hold what its index says: {_some(wrong)}.", _AGAIN)
            files |= dict.fromkeys(names, file)
        return fill(build, files, lambda name: _stored(files[name], name), str(path), device)


def _invalid(path: str | Path, error: Exception) -> Refused:
    return Refused(f"{path} is no valid safetensors file: {_said(error)}.", _AGAIN)


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")  # it may quote the file


def _stored(file: Any, name: str) -> Stored:
    entry = file.get_slice(name)
    kind = str(entry.get_dtype())
    return Stored(tuple(entry.get_shape()), (FLOATS | OTHERS).get(kind, kind), lambda: file.get_tensor(name))


def fill(
    build: Callable[[], Module], names: Collection[str], look: Callable[[str], Stored], path: str, device: str
) -> Module:
    """Build a module on the meta device, check stored tensors against it and assign them. Raises ``Refused``.

    ``names`` are all that are stored; ``look`` is asked for those of them that the module has.
    """
    import torch

    with torch.device("meta"):
        module = build()
    wanted = module.state_dict()
    if reason := _wrong_names(wanted.keys(), names):
        raise Refused(f"{path} does not fit its architecture: {reason}.", _AGAIN)
    stored = {name: look(name) for name in wanted}
    if reason := _wrong_shape({name: tuple(value.shape) for name, value in wanted.items()}, stored):
        raise Refused(f"{path} does not fit its architecture: {reason}.", _AGAIN)
    if reason := _wrong_type({name: type_name(value) for name, value in wanted.items()}, stored):
        raise Refused(f"{path} does not hold what it says: {reason}.", _AGAIN)
    tensors = {name: stored[name].read().to(device, value.dtype) for name, value in wanted.items()}
    module.load_state_dict(tensors, strict=True, assign=True)
    if lost := [name for name, buffer in module.named_buffers() if buffer.is_meta]:
        raise Refused(f"{path} cannot fill {_some(lost)}: a buffer that is not saved must be made outside the module.")
    return module.requires_grad_(False).eval()


def _wrong_names(wanted: Collection[str], names: Collection[str]) -> str:
    if missing := sorted(name for name in wanted if name not in names):
        return f"it lacks {_some(missing)}"
    if extra := sorted(name for name in names if name not in wanted):
        return f"it has {_some(extra)}, which the architecture does not know"
    return ""


def _wrong_shape(wanted: dict[str, tuple[int, ...]], stored: Mapping[str, Stored]) -> str:
    for name, shape in wanted.items():
        if stored[name].shape != shape:
            return f"{name} has shape {list(stored[name].shape)}, the architecture has {list(shape)}"
    return ""


def _wrong_type(wanted: dict[str, str], stored: Mapping[str, Stored]) -> str:
    for name, kind in wanted.items():
        floats = kind in FLOATS.values() and stored[name].type in FLOATS.values()
        if not floats and stored[name].type != kind:
            return f"{name} is stored as {stored[name].type}, the architecture has {kind}"
    return ""


def type_name(tensor: torch.Tensor) -> str:
    """Return what torch calls the type of a tensor's numbers, such as ``float32``."""
    return str(tensor.dtype).removeprefix("torch.")


def _some(names: list[str]) -> str:
    return ", ".join(name[:100] for name in names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
