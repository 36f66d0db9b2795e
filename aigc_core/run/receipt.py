"""The receipt: everything that makes a file again, as JSON inside it (PNG, GIF, safetensors) or beside it."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aigc_core import __version__
from aigc_core.errors import NotAvailable, Refused, WrongUse, ZooError
from aigc_core.run.batches import BATCH
from aigc_core.run.guarded import author, guarded

if TYPE_CHECKING:
    from aigc_core.run.model import Model

KEY = "aigc-zoo"
"""Name of the PNG text chunk, and of the entry in a safetensors file's metadata."""
BESIDE = (".npy", ".txt", ".jsonl")
"""Endings of files that cannot hold a receipt."""
FORMAT = 1
OF_FILES = ("reconstruct", "interpolate", "translate", "encode", "decode", "run")
"""Verbs that make a file out of files; their receipts name them, and hold no seed. ``run`` takes noise in one."""
_BYTES = 16_000_000
"""A receipt holds the prompt, which ``--prompt-file`` may give; more than this is none of ours."""
_BOUNDS = {"seed": (0, 2**63 - 1), "batch_size": (1, 65_536), "threads": (1, 1024)}
# A receipt is somebody's file: it must not make us start a million threads, or ask for all memory at once.
_KINDS: dict[str, type] = {
    **{"format": int, "model": str, "options": dict, "indices": list, "device": str, "weights": dict},
    **{"engine": str, "dtype": str},
}


def make(model: Model, *, seed: int, indices: range, options: dict[str, Any], batch_size: int) -> dict[str, Any]:
    """Describe a run: no time and no path, so that the same run gives the same bytes."""
    drawn = {"options": options, "seed": seed, "indices": [indices.start, indices.stop], "batch_size": batch_size}
    return {"format": FORMAT, **identity(model), **drawn, **environment(model)}


def of_files(model: Model, verb: str, inputs: Sequence[Mapping[str, Any]], options: dict[str, Any]) -> dict[str, Any]:
    """Describe what a verb made of files, each with its ``name`` (no folder) and ``sha256``: no time and no path."""
    made = {"verb": verb, "options": options, "inputs": [*inputs]}
    return {"format": FORMAT, **identity(model), **made, **environment(model)}


def identity(model: Model) -> dict[str, Any]:
    """Say which model it is: its name, the versions of its code, its weights' hashes."""
    return {
        "model": model.entry.qualified,
        "plugin": author(model.entry),
        "core": __version__,
        "weights": {file.path: file.sha256 for file in model.manifest.files},
    }


def environment(model: Model) -> dict[str, Any]:
    """Say what computes. Of a language model, which may need no torch, it is the generator that knows.

    Raises ``NotAvailable`` where that is nothing that a receipt can hold.
    """
    chosen = {"engine": model.generator.engine, "dtype": model.generator.dtype, "device": model.device}
    if (language := model.language) is None:
        import torch

        instructions = torch.backends.cpu.get_cpu_capability()
        return {**chosen, "torch": torch.__version__, "instructions": instructions, "threads": torch.get_num_threads()}
    found = guarded(model.entry, "ask for the environment of", language.environment)
    plain = isinstance(found, dict) and all(isinstance(key, str) and type(found[key]) in (str, int) for key in found)
    if not plain or _out_of_bounds(found, "threads") or found.keys() & {*chosen, *_KINDS, *_BOUNDS} - {"threads"}:
        raise NotAvailable(f"{author(model.entry)} gives no environment of {model.manifest.id} with texts and threads.")
    return {**chosen, **found}


def ending(path: str) -> str:
    """Return what tells a file's kind: its ending, in lower case."""
    return os.path.splitext(path)[1].lower()


def beside(path: str) -> str:
    """Return where the receipt of a file lies that cannot hold it."""
    return f"{path}.json"


def dumps(receipt: dict[str, Any]) -> str:
    """Write a receipt as one line of ASCII."""
    return json.dumps(receipt, separators=(",", ":"))


def read(path: str) -> dict[str, Any]:
    """Read the receipt of a file that ``aigc-zoo run`` wrote.

    Raises ``NotAvailable`` where the file cannot be read, ``Refused`` where it holds no receipt that can be used, and
    ``WrongUse`` where another verb made it, which takes files that a receipt does not hold.
    """
    receipt = found(path)
    if receipt is None:
        raise Refused(
            f"{path} holds no receipt of aigc-zoo: it was not written by it, or saved again by another program."
        )
    if "verb" in receipt:
        raise _by_another_verb(path, receipt)
    if reason := _unusable(receipt):
        raise Refused(f"The receipt in {path} cannot be used: {reason}.")
    return receipt


def found(path: str) -> dict[str, Any] | None:
    """Return the receipt in or beside a file, whatever it says; None where there is none. Raises as ``read`` does."""
    try:
        text = _embedded(path)
        receipt = json.loads(text) if text else None
    except FileNotFoundError:
        raise NotAvailable(f"{path} does not exist.") from None
    except OSError as error:
        raise NotAvailable(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise Refused(f"The receipt in {path} is damaged: {error}.") from error
    return receipt if isinstance(receipt, dict) else None


def of_samples(model: Model, one: int, other: int, seed: int, options: dict[str, Any]) -> dict[str, Any]:
    """Describe the way from one sample of a seed to another: no time and no path."""
    made = {"verb": "interpolate", "options": options, "samples": [one, other], "seed": seed}
    return {"format": FORMAT, **identity(model), **made, **environment(model)}


def _by_another_verb(path: str, receipt: dict[str, Any]) -> ZooError:
    """Return the error that a receipt of what ``--again`` does not repeat is, with what to type in its place."""
    entries, options = receipt.get("inputs"), receipt.get("options")
    samples, verb = _range(receipt.get("samples")), receipt["verb"]
    rows = _range(receipt.get("indices"))
    if verb == "noise" and rows:
        words = ["run", "-n", str(rows[1] - rows[0]), "--start", str(rows[0])]
        words += ["--seed", str(receipt.get("seed")), "--save-latent", path]
        message = f"{path} holds the noise that samples are made of, and --again repeats samples."
        return WrongUse(message, f"Type: {_command(receipt, words)}")
    made_of = verb == "interpolate" and samples is not None
    if verb not in OF_FILES or not (made_of or isinstance(entries, list)) or not isinstance(options, dict):
        return Refused(f"The receipt in {path} cannot be used: it is of a verb that this version does not know.")
    inputs = [str(entry.get("name")) for entry in entries or () if isinstance(entry, dict)]
    if made_of:
        inputs = [*map(str, samples or ())]
    words = [verb, *(["--latent"] if verb == "run" else []), *inputs[:8], *["..."] * (len(inputs) > 8)]
    words += ["-n", str(receipt["count"])] if "count" in receipt else []
    words += ["--seed", str(receipt.get("seed"))] if made_of else []
    words += ["--batch-size", str(size)] if (size := receipt.get("batch_size", BATCH)) != BATCH else []
    words += ["--dtype", str(dtype)] if (dtype := receipt.get("dtype")) == "bfloat16" else []
    words += as_flags(options)
    what = "from samples" if made_of else "of files"
    message = f"{path} was made {what} by `aigc-zoo {verb}`, and --again repeats only what run made."
    if verb == "run":
        message = f"{path} was made by `aigc-zoo run --latent`, and its receipt names the noise but does not hold it."
    return WrongUse(message, f"Type: {_command(receipt, [*words, '-o', path])}")


def as_flags(options: Mapping[str, Any]) -> list[str]:
    """Return what to type for options of a model."""
    words = []
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            for one in value if isinstance(value, (list, tuple)) else [value]:
                words += [f"--{flag}", str(one)]
    return words


def _command(receipt: dict[str, Any], words: Sequence[str]) -> str:
    whole = ["aigc-zoo", words[0], str(receipt.get("model")), *words[1:]]
    return " ".join(word if word == "..." else shlex.quote(word) for word in whole)


def _range(value: Any) -> list[int] | None:
    """Return a pair of whole numbers from somebody's receipt; None where it is none."""
    pair = isinstance(value, list) and len(value) == 2 and all(type(each) is int for each in value)
    return value if pair else None


def _embedded(path: str) -> str:
    if ending(path) in BESIDE:
        os.stat(path)  # or a receipt whose file is gone would be found in its place
        if not os.path.exists(beside(path)):
            return ""
        with open(beside(path), encoding="utf-8") as stream:
            return stream.read(_BYTES)
    if ending(path) == ".safetensors":
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="np") as file:
                return str((file.metadata() or {}).get(KEY, ""))
        except SafetensorError as error:
            raise ValueError(str(error)) from error
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=["PNG", "GIF"]) as image:
            if image.format == "GIF":
                comment = image.info.get("comment", b"").decode()
                return str(comment.removeprefix(KEY)) if comment.startswith(KEY) else ""
            return str(image.info.get(KEY, ""))
    except UnidentifiedImageError:
        return ""
    except (SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(str(error)) from error


def _unusable(receipt: dict[str, Any]) -> str:
    for field, kind in _KINDS.items():
        if type(receipt.get(field)) is not kind:
            return f"{field} is missing or of another type"
    if receipt["format"] != FORMAT:
        return f"its format is {receipt['format']}, this version reads {FORMAT}"
    for field, (lowest, highest) in _BOUNDS.items():
        if _out_of_bounds(receipt, field):
            return f"{field} is no whole number from {lowest} to {highest}"
    bounds = receipt["indices"]
    if len(bounds) != 2 or not all(type(bound) is int for bound in bounds) or not 0 <= bounds[0] < bounds[1] < 2**63:
        return "indices is no pair of rising numbers"
    return ""


def _out_of_bounds(receipt: dict[str, Any], field: str) -> bool:
    lowest, highest = _BOUNDS[field]
    return type(receipt.get(field)) is not int or not lowest <= receipt[field] <= highest
