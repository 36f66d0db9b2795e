"""Make a file again from its receipt, and say whether the bytes agree."""

from __future__ import annotations

import os
import tempfile
from typing import Any, NamedTuple

from aigc_core.errors import Refused, WrongUse
from aigc_core.run import receipt as receipts
from aigc_core.run.load import load
from aigc_core.run.make import make, plan
from aigc_core.run.write import SINGLE, write_single


class Again(NamedTuple):
    """What came of making a file again."""

    equal: bool
    """Every byte agrees."""
    differences: list[str]
    """What is not as it was: the environment's fields, then the samples."""


def again(path: str, output: str | None = None) -> Again:
    """Make ``path`` again, into ``output`` or a temporary file, and compare.

    Raises ``Refused`` where the file has no receipt, or the model's weights are others now, and ``WrongUse`` where
    ``output`` is the file itself or of another kind.
    """
    import torch

    if output is not None:
        _check_output(path, output)
    receipt = receipts.read(path)
    model = load(receipt["model"], receipt["device"])
    weights = {file.path: file.sha256 for file in model.manifest.files}
    if weights != receipt["weights"]:
        raise Refused(f"{path} was made with other weights of {receipt['model']} than those installed.")
    threads = torch.get_num_threads()
    torch.set_num_threads(receipt["threads"])
    try:
        with tempfile.TemporaryDirectory() as folder:
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
            make(model, planned)
            return _compare(path, target, receipt, receipts.read(target))
    finally:
        torch.set_num_threads(threads)


def _check_output(path: str, output: str) -> None:
    if os.path.realpath(path) == os.path.realpath(output):
        raise WrongUse(f"{output} is the file itself; it would be compared with itself.", "Name another -o.")
    if os.path.isdir(output) or os.path.splitext(path)[1].lower() != os.path.splitext(output)[1].lower():
        raise WrongUse(f"{path} can only be made again into a file with the same ending, not {output}.")


def _compare(old: str, new: str, was: dict[str, Any], now: dict[str, Any]) -> Again:
    with open(old, "rb") as one, open(new, "rb") as other:
        if one.read() == other.read():
            return Again(True, [])
    fields = sorted(was.keys() | now.keys())
    changed = [
        f"{field} was {was.get(field)}, is {now.get(field)}" for field in fields if was.get(field) != now.get(field)
    ]
    return Again(False, [*changed, _values(old, new)])


def _values(old: str, new: str) -> str:
    import numpy as np

    one, other = _array(old), _array(new)
    if one.shape != other.shape:
        return f"shape {list(one.shape)} became {list(other.shape)}"
    apart = np.abs(one.astype(np.float64) - other.astype(np.float64))
    count = int((apart > 0).sum())
    if not count:
        return "every value agrees, only the file's encoding differs"
    return f"{count:,} of {apart.size:,} values differ, by at most {apart.max():g}"


def _array(path: str) -> Any:
    import numpy as np

    if path.endswith(".npy"):
        return np.load(path, allow_pickle=False)
    if path.endswith(".safetensors"):
        from safetensors.numpy import load_file

        return load_file(path)["samples"]
    from PIL import Image

    with Image.open(path, formats=["PNG"]) as image:
        return np.asarray(image)
