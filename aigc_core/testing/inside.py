"""What an opened model holds: its torch modules, and every tensor and array among its attributes."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

_DEPTH, _MOST = 8, 20_000
_PLAIN = (str, bytes, int, float, complex, bool, type(None), type)


def walk(root: Any) -> Iterator[tuple[str, Any]]:
    """Yield what can be reached from an object through attributes and containers, once each, with its path."""
    seen: set[int] = set()
    waiting: list[tuple[str, Any, int]] = [("model", root, 0)]
    while waiting and len(seen) < _MOST:
        path, value, depth = waiting.pop(0)
        if isinstance(value, _PLAIN) or id(value) in seen or depth > _DEPTH:
            continue
        seen.add(id(value))
        yield path, value
        waiting += [(f"{path}{name}", part, depth + 1) for name, part in _parts(value)]


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((f"[{key!r}]", part) for key, part in [*value.items()][:1000])
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield from ((f"[{at}]", part) for at, part in enumerate([*value][:1000]))
    elif not _is_numbers(value) and not callable(getattr(value, "__wrapped__", None)):
        names = [*getattr(value, "__dict__", {})]
        for kind in type(value).__mro__:
            slots = kind.__dict__.get("__slots__", ())
            names += [slots] if isinstance(slots, str) else [*slots]
        for name in names:
            if not name.startswith("__"):
                yield f".{name}", getattr(value, name, None)


def modules(root: Any) -> Iterator[tuple[str, Any]]:
    """Yield every ``torch.nn.Module``, with its path."""
    torch = sys.modules.get("torch")
    if torch:
        for path, value in walk(root):
            if isinstance(value, torch.nn.Module):
                yield path, value


def outermost(root: Any) -> list[tuple[str, Any]]:
    """Return the modules that lie in no other one."""
    found = [*modules(root)]
    inner = {id(part) for _, module in found for part in module.modules() if part is not module}
    return [(path, module) for path, module in found if id(module) not in inner]


def numbers(root: Any) -> Iterator[tuple[str, bytes]]:
    """Yield the bytes of every tensor and array, with its path."""
    for path, value in walk(root):
        if _is_numbers(value):
            yield path, _bytes(value)


def _is_numbers(value: Any) -> bool:
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    return bool((torch and isinstance(value, torch.Tensor)) or (numpy and isinstance(value, numpy.ndarray)))


def _bytes(value: Any) -> bytes:
    torch = sys.modules.get("torch")
    if torch and isinstance(value, torch.Tensor):
        if value.is_meta or value.layout != torch.strided:
            return b""
        flat = value.detach().cpu().contiguous().reshape(-1)
        return bytes(flat.view(torch.uint8).numpy()) if flat.numel() else b""
    return b"" if value.dtype == object else bytes(value.tobytes())
