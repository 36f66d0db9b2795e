"""A state_dict that torch.save wrote, where a manifest opts in: opened without running anything, then as strict.

A pickle is a program. ``weights_only`` keeps torch from running it, and had holes twice: CVE-2025-32434, closed in
2.6.0, and CVE-2026-24747, closed in 2.10.0. So it takes torch 2.10, a file whose sha256 the manifest pins, and a
manifest that says ``"format": "pickle"``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_core.errors import Refused
from aigc_core.weights import Module, Stored, fill, type_name

if TYPE_CHECKING:
    import torch


def load_pickled(build: Callable[[], Module], path: str | Path, device: str = "cpu", part: str = "") -> Module:
    """Do what ``load_module`` does with a state_dict that ``torch.save`` wrote.

    ``part`` names the state_dict in a file that holds several, such as ``G``, or ``GAN.G`` where it lies deeper; where
    tensors are named ``G.weight`` and so on instead, it is those. Only verified files of a manifest that opts in reach
    a plugin. Raises ``Refused`` where the file needs more than tensors to be opened, or does not fit.
    """
    import torch

    if tuple(int(number) for number in torch.__version__.split("+")[0].split(".")[:2]) < (2, 10):
        raise Refused(f"torch {torch.__version__} is not safe for pickles.", "pip install --upgrade 'torch>=2.10'")
    try:
        found = _open(path)
    except Exception as error:  # whatever a damaged or hostile file makes of the reader
        raise Refused(f"{path} cannot be opened as tensors alone: {_cause(error)}.", "It was not loaded.") from error
    state = _within(found, part)
    if not isinstance(state, dict) or not all(isinstance(name, str) and _plain(state[name]) for name in state):
        where = f"its part {part!r}" if part else "it"
        raise Refused(f"{path} is no state_dict: {where} is no map from names to tensors.")
    return fill(build, state, lambda name: _stored(state[name]), str(path), device)


def _within(found: Any, part: str) -> Any:
    """Return what a part names, by its keys or by how the names of tensors begin; None where there is no such part."""
    for name in filter(None, part.split(".")):
        if not isinstance(found, dict):
            return None
        begun = {key: value for key, value in found.items() if isinstance(key, str) and key.startswith(f"{name}.")}
        found = found.get(name, {key.removeprefix(f"{name}."): value for key, value in begun.items()} or None)
    return found


def _open(path: str | Path) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except RuntimeError as error:
        if "mmap" not in str(error):
            raise
        return torch.load(path, map_location="cpu", weights_only=True)  # the format before torch 1.6 has no mapping


def _cause(error: Exception) -> str:
    """Return why, in our words where torch's are how to open the file unsafely."""
    text = str(error).strip()
    if needed := re.search(r"GLOBAL ([\w.]{1,100})", text):
        return f"it needs {needed[1].rstrip('.')}"
    if "weights_only" in text:
        return "it holds something else"
    return text.partition("\n")[0][:200].rstrip(".") or "it ends too early"


def _plain(value: Any) -> bool:
    """Say whether it is a tensor with its numbers one by one in memory: not sparse, nested or without any."""
    import torch

    if not isinstance(value, torch.Tensor) or value.is_nested:
        return False
    return value.layout == torch.strided and value.device.type == "cpu"


def _stored(value: torch.Tensor) -> Stored:
    return Stored(tuple(value.shape), type_name(value), value.detach)
