"""Make a file again from its receipt, and say whether the bytes agree."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from aigc_core.errors import Refused, WrongUse
from aigc_core.registry import Entry
from aigc_core.run import receipt as receipts
from aigc_core.run.load import (
    AUTO,
    FASTEST,
    Computing,
    check_licence,
    fetch,
    generator_class,
    has_engines,
    open_entry,
    resolve,
    types,
)
from aigc_core.run.make import make, plan
from aigc_core.run.model import Model
from aigc_core.run.write import SINGLE, write_single
from aigc_core.run.write_text import TEXTS, first_difference


class Again(NamedTuple):
    """What came of making a file again."""

    equal: bool
    """Every value agrees."""
    differences: list[str]
    """What is not as it was: the receipt's fields, then the values; empty where every byte agrees."""


def again(
    path: str,
    output: str | None = None,
    progress: Callable[[int], None] = lambda done: None,
    *,
    locked: bool = False,
    accept_licence: bool = False,
) -> Again:
    """Make ``path`` again, into ``output`` or a temporary file, and compare.

    Raises ``Refused`` where the file has no receipt, or the model's weights are others now, and ``WrongUse`` where
    ``output`` is the file itself or of another kind.
    """
    if output is not None:
        _check_output(path, output)
    receipt = receipts.read(path)
    entry = resolve(receipt["model"], locked=locked)
    check_licence(entry, accept_licence)
    model = open_entry(entry, fetch(entry, offline=locked), receipt["device"], _computing(entry, receipt))
    weights = {file.path: file.sha256 for file in model.manifest.files}
    if weights != receipt["weights"]:
        raise Refused(f"{path} was made with other weights of {receipt['model']} than those installed.")
    with tempfile.TemporaryDirectory() as folder, _threads(model, receipt["threads"]):
        target = output or os.path.join(folder, os.path.basename(path))
        planned = plan(
            model.manifest,
            target,
            range(*receipt["indices"]),
            seed=receipt["seed"],
            options=receipt["options"],
            batch_size=receipt["batch_size"],
        )
        if receipt.get("layout") == SINGLE:
            planned = planned._replace(writer=write_single)
        make(model, planned, progress)
        return _compare(path, target, receipt, receipts.read(target))


def _computing(entry: Entry, receipt: dict[str, Any]) -> Computing:
    """Return what computed the file, where that can be chosen; what the model no longer has is left to it."""
    kind = generator_class(entry)
    if not has_engines(kind):
        return FASTEST._replace(dtype=receipt["dtype"]) if receipt["dtype"] in types(kind) else FASTEST
    engine = receipt["engine"] if receipt["engine"] in kind.engines else AUTO
    dtype = receipt["dtype"] if receipt["dtype"] in kind.engines.get(engine, ()) else AUTO
    return Computing(engine, dtype, receipt["threads"])


@contextlib.contextmanager
def _threads(model: Model, number: int) -> Iterator[None]:
    """Let torch compute on so many threads; a language model, which may need no torch, has its own."""
    if model.language is not None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _check_output(path: str, output: str) -> None:
    if os.path.realpath(path) == os.path.realpath(output):
        raise WrongUse(f"{output} is the file itself; it would be compared with itself.", "Name another -o.")
    if os.path.isdir(output) or receipts.ending(path) != receipts.ending(output):
        raise WrongUse(f"{path} can only be made again into a file with the same ending, not {output}.")


def _compare(old: str, new: str, was: dict[str, Any], now: dict[str, Any]) -> Again:
    with open(old, "rb") as one, open(new, "rb") as other:
        same = one.read() == other.read() and was == now  # a receipt beside the file counts too
    if same:
        return Again(True, [])
    fields = sorted(was.keys() | now.keys())
    changed = [
        f"{field} was {str(was.get(field))[:80]}, is {str(now.get(field))[:80]}"
        for field in fields
        if was.get(field) != now.get(field)
    ]
    found = _values(old, new)
    return Again(not found, [*changed, found] if found else changed or ["the file's encoding differs"])


def _values(old: str, new: str) -> str:
    """Say how the values of two files differ; an empty string where they agree."""
    if receipts.ending(old) in TEXTS:
        return first_difference(old, new)
    import numpy as np

    one, other = _array(old), _array(new)
    if one.shape != other.shape:
        return f"shape {list(one.shape)} became {list(other.shape)}"
    apart = np.abs(one.astype(np.float64) - other.astype(np.float64))
    count = int((apart > 0).sum())
    if not count:
        return ""
    return f"{count:,} of {apart.size:,} values differ, by at most {apart.max():g}"


def _array(path: str) -> Any:
    import numpy as np

    if receipts.ending(path) == ".npy":
        return np.load(path, allow_pickle=False)
    if receipts.ending(path) == ".safetensors":
        from safetensors.numpy import load_file

        return load_file(path)["samples"]
    from PIL import Image

    with Image.open(path, formats=["PNG"]) as image:
        return np.asarray(image)
