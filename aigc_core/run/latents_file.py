"""Latents in files: the tensor ``latents`` of a ``.safetensors``, or an ``.npy``, with where each picture lies."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from aigc_core.errors import Refused, WrongUse
from aigc_core.files import whole_file
from aigc_core.interfaces import Latents
from aigc_core.run import receipt as receipts
from aigc_core.run import write
from aigc_core.run.given_file import npy_values, read_bytes
from aigc_core.run.pictures import Place

if TYPE_CHECKING:
    import numpy as np

FILE_BYTES = 256_000_000
LATENTS, DEVIATION = "latents", "deviation"
_ENDINGS = (".safetensors", ".npy")
_HINT = "It takes a .safetensors with a tensor `latents`, or an .npy, as `aigc-zoo encode` writes them."


class Stored(NamedTuple):
    """What a file of latents holds."""

    name: str
    """The file's, without its folders."""
    sha256: str
    values: np.ndarray
    places: list[Place]
    """Where each latent's picture lies in what it decodes to; empty where the file does not say."""
    weights: dict[str, Any]
    """The sha256 of each file of the model that encoded it; empty where it does not say."""


def check_output(output: str) -> None:
    """Raise ``WrongUse`` where latents cannot be written to a file of that name."""
    if receipts.ending(output) not in _ENDINGS or output.endswith(("/", os.sep)) or os.path.isdir(output):
        raise WrongUse(f"Cannot write latents to {output}.", "Name a .safetensors or an .npy.")
    write.check_room(output, 1, (), write.writer_for(output))


def store(output: str, latents: Latents, receipt: dict[str, Any]) -> None:
    """Write latents: their values and, into a ``.safetensors``, their deviations where they have any."""
    from numpy.lib import format as npy
    from safetensors.numpy import save

    if receipts.ending(output) == ".npy":
        job = write.Job(output, "", range(len(latents.values)), 0, (), receipt)
        with write.with_receipt_beside(job) as stream:
            npy.write_array(stream, latents.values, allow_pickle=False)
        return
    tensors = {LATENTS: latents.values} | ({} if latents.deviation is None else {DEVIATION: latents.deviation})
    with whole_file(output) as stream:
        stream.write(save(tensors, {receipts.KEY: receipts.dumps(receipt)}))


def read(path: str) -> Stored:
    """Read a file of latents, which anybody may have made: nothing in it is run.

    Raises ``WrongUse`` where it is none, or larger than ``FILE_BYTES``, and ``Refused`` where it says of its pictures
    what cannot be.
    """
    if (ending := receipts.ending(path)) not in _ENDINGS:
        raise WrongUse(f"{path} has no latents.", _HINT)
    data = read_bytes(path, FILE_BYTES, _HINT)
    try:
        values, text = (npy_values(data), _beside(path)) if ending == ".npy" else _safetensors(data)
        receipt = json.loads(text) if text else {}
    except (WrongUse, MemoryError):
        raise
    except Exception as error:  # whatever the readers meet
        reason = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
        raise WrongUse(f"{path} has no latents: {reason}.", _HINT) from error
    name, digest = os.path.basename(path), hashlib.sha256(data).hexdigest()
    if not isinstance(receipt, dict) or receipt.get("verb") != "encode":
        return Stored(name, digest, values, [], {})
    weights, places = receipt.get("weights"), _places(path, receipt, len(values))
    return Stored(name, digest, values, places, weights if isinstance(weights, dict) else {})


def _beside(path: str) -> str:
    beside = receipts.beside(path)
    return read_bytes(beside, FILE_BYTES).decode() if os.path.exists(beside) else ""


def _safetensors(data: bytes) -> tuple[np.ndarray, str]:
    from safetensors.numpy import load

    tensors = load(data)
    if LATENTS not in tensors:
        raise ValueError(f"its tensors are {', '.join(tensors)[:100] or 'none'}")
    if not tensors[LATENTS].ndim:
        raise ValueError("its latents are one number")
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return tensors[LATENTS], header.get("__metadata__", {}).get(receipts.KEY, "")


def _places(path: str, receipt: dict[str, Any], rows: int) -> list[Place]:
    inputs = receipt.get("inputs")
    entries = [entry for entry in inputs if isinstance(entry, dict)] if isinstance(inputs, list) else []
    places = [Place(*entry["place"]) for entry in entries if _is_place(entry.get("place"))]
    if len(places) != rows:
        raise Refused(f"The receipt of {path} does not say where each of its {rows:,} pictures lies.")
    return places


def _is_place(place: Any) -> bool:
    if not isinstance(place, list) or len(place) != 4:
        return False
    return all(type(size) is int and least <= size < 10**6 for size, least in zip(place, (0, 0, 1, 1), strict=True))
