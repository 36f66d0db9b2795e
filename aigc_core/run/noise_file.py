"""Noise in files: what samples were made of, written so that it can be edited and given back to the model."""

from __future__ import annotations

import hashlib
import json
import math
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from aigc_core.errors import WrongUse
from aigc_core.files import whole_file
from aigc_core.run import receipt as receipts
from aigc_core.run import write
from aigc_core.run.given_file import npy_values, read_bytes
from aigc_core.run.noise import draw

if TYPE_CHECKING:
    import numpy as np

    from aigc_core.run.model import Model

FILE_BYTES = 256_000_000
_ENDINGS = (".safetensors", ".npy")
_CHUNK = 1024
"""Rows that are drawn and written at once."""
_HINT = "It takes what --save-latent writes: a .safetensors with a tensor for each input, or, of one input, an .npy."


class Given(NamedTuple):
    """A file of noise that somebody gives; whether it fits a model is for ``noise.checked`` to say."""

    name: str
    """The file's, without its folders."""
    sha256: str
    inputs: np.ndarray | dict[str, np.ndarray]
    """An array for the one input that a model has, or each input's by name."""
    rows: int
    """How many samples it is for."""

    @property
    def facts(self) -> dict[str, str]:
        """What a receipt says of it."""
        return {"name": self.name, "sha256": self.sha256}


def read(path: str) -> Given:
    """Read a file of noise, which anybody may have made: nothing in it is run.

    Raises ``WrongUse`` where it is none, is larger than ``FILE_BYTES`` or holds no row.
    """
    if (ending := receipts.ending(path)) not in _ENDINGS:
        raise WrongUse(f"{path} has no noise.", _HINT)
    data = read_bytes(path, FILE_BYTES, _HINT)
    try:
        inputs = npy_values(data) if ending == ".npy" else _safetensors(data)
    except MemoryError:
        raise
    except Exception as error:  # whatever the readers meet
        reason = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
        raise WrongUse(f"{path} has no noise: {reason}.", _HINT) from error
    rows = {len(values) for values in (inputs.values() if isinstance(inputs, dict) else [inputs])}
    if rows == {0}:
        raise WrongUse(f"{path} has noise of no sample.")
    if len(rows) > 1:
        raise WrongUse(f"{path} has noise of {' and '.join(map(str, sorted(rows)))} samples: each input takes as many.")
    return Given(os.path.basename(path), hashlib.sha256(data).hexdigest(), inputs, rows.pop())


def check_output(output: str) -> None:
    """Raise ``WrongUse`` where noise cannot be written to a file of that name."""
    if receipts.ending(output) not in _ENDINGS or output.endswith(("/", os.sep)) or os.path.isdir(output):
        raise WrongUse(f"Cannot write noise to {output}.", "Name a .safetensors or an .npy.")
    write.check_room(output, 1, (), write.writer_for(output))


def store(output: str, model: Model, seed: int, indices: range, receipt: dict[str, Any]) -> None:
    """Write what the samples of a seed are made of, float32, in bounded memory.

    Into an ``.npy`` the one input of the model, with the receipt beside it; into a ``.safetensors`` every input by its
    name, with the receipt in it. Raises ``WrongUse`` for an ``.npy`` where the model has several inputs.
    """
    check_fit(output, model)
    specs, receipt = model.generator.noise, receipt | {"verb": "noise"}
    shapes = {name: (len(indices), *spec.shape) for name, spec in specs.items()}
    if receipts.ending(output) == ".npy":
        from numpy.lib import format as npy

        ((name, shape),) = shapes.items()
        with write.with_receipt_beside(write.Job(output, "", indices, seed, (), receipt)) as stream:
            npy.write_array_header_2_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})
            _draw_into(stream, model, name, seed, indices)
        return
    header: dict[str, Any] = {"__metadata__": {receipts.KEY: receipts.dumps(receipt)}}
    begin = 0
    for name, shape in shapes.items():
        end = begin + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": [*shape], "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # the format aligns the data to 8 bytes
    with whole_file(output) as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for name in shapes:
            _draw_into(stream, model, name, seed, indices)


def check_fit(output: str, model: Model) -> None:
    """Raise ``WrongUse`` where a model has more inputs than an ``.npy`` holds, or none."""
    names = list(model.generator.noise)
    if not names:
        raise WrongUse(f"{model.manifest.id} takes no noise, so there is none to save.")
    if receipts.ending(output) == ".npy" and len(names) > 1:
        text = f"{model.manifest.id} takes {' and '.join(names)}, and an .npy holds one array"
        raise WrongUse(f"{text}.", "Name a .safetensors.")


def _draw_into(stream: Any, model: Model, name: str, seed: int, indices: range) -> None:
    import numpy as np

    only = {name: model.generator.noise[name]}
    for first in range(0, len(indices), _CHUNK):
        values = draw(only, seed, indices[first : first + _CHUNK])[name]
        stream.write(np.ascontiguousarray(values, np.dtype("<f4")).tobytes())


def _safetensors(data: bytes) -> dict[str, np.ndarray]:
    from safetensors.numpy import load

    tensors: dict[str, np.ndarray] = load(data)
    if not tensors:
        raise ValueError("it has no tensor")
    if scalars := [name for name, values in tensors.items() if not values.ndim]:
        raise ValueError(f"its {scalars[0]} is one number")
    return tensors
