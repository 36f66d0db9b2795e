"""The noise of sample *i*: a pure function of seed, input name and *i*, whoever asks and in whatever order.

The bits come from numpy's Philox 4x64-10, a counter-based generator (Salmon et al., SC 2011, "Parallel random numbers:
as easy as 1, 2, 3") whose stream numpy guarantees; normals are made here by Box and Muller's method, because numpy does
not guarantee those of its own.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aigc_core.errors import WrongUse
from aigc_core.interfaces import NoiseSpec

if TYPE_CHECKING:
    import numpy as np


_BELOW_ONE = 1 - 2.0**-24
"""The largest float32 below 1: three uniform numbers in 100 million would be rounded up to 1 itself."""


def draw(specs: Mapping[str, NoiseSpec], seed: int, indices: Sequence[int]) -> dict[str, np.ndarray]:
    """Draw each input's noise for the given sample indices: float32, shape (len(indices), \\*spec.shape).

    ``seed`` and every index lie in [0, 2**63).
    """
    import numpy as np

    drawn = {}
    for name, spec in specs.items():
        width = math.prod(spec.shape)
        blocks = -(-width // 4)  # one Philox counter value gives four 64-bit words, each at most one number
        rows = np.concatenate([_words(seed, name, run, blocks) for run in _runs(indices)])
        # The top 53 bits, centred in their step, so that 0 is never reached and log is always finite.
        uniform = ((rows[:, : 2 * -(-width // 2)] >> np.uint64(11)) + 0.5) * 2.0**-53
        values = _normal(uniform) if spec.distribution == "normal" else np.minimum(uniform, _BELOW_ONE)
        drawn[name] = values[:, :width].astype(np.float32).reshape(len(indices), *spec.shape)
    return drawn


def checked(specs: Mapping[str, NoiseSpec], given: Any, what: str, model: str) -> dict[str, np.ndarray]:
    """Return noise that somebody gives as a model takes it: each input by name, float32 (n, \\*spec.shape).

    ``given`` is an array, where there is one input, or arrays by name; ``what`` and ``model`` say in a sentence where
    it comes from and who takes it. Raises ``WrongUse`` for anything that the model's inputs cannot be: other names,
    shapes or types, numbers that are not finite, and for a uniform input numbers outside of [0, 1).
    """
    inputs = given if isinstance(given, Mapping) else dict.fromkeys([*specs][:1], given)
    if not isinstance(given, Mapping) and len(specs) != 1:
        raise WrongUse(f"{what} is one array, and {model} takes {_named(specs)}.", "Give each by its name.")
    if others := [name for name in inputs if name not in specs]:
        raise WrongUse(f"{what} has {_named(others)}, and {model} takes {_named(specs)}.")
    if missing := [name for name in specs if name not in inputs]:
        raise WrongUse(f"{what} has no {missing[0]}, and {model} takes {_named(specs)}.")
    found = {name: _fitting(spec, inputs[name], f"{name} of {what}", model) for name, spec in specs.items()}
    if len({len(values) for values in found.values()}) > 1:
        counts = ", ".join(f"{name} of {len(values):,}" for name, values in found.items())
        raise WrongUse(f"{what} has {counts} samples: each input takes as many.")
    return found


def _fitting(spec: NoiseSpec, values: Any, what: str, model: str) -> np.ndarray:
    import numpy as np

    wanted = f"{model} takes float32 of shape {['n', *spec.shape]}".replace("'", "")
    if not isinstance(values, np.ndarray) or values.dtype not in (np.float16, np.float32, np.float64):
        raise WrongUse(f"{what} is {getattr(values, 'dtype', type(values).__name__)}; {wanted}.")
    if values.shape[1:] != tuple(spec.shape) or not values.ndim or not len(values):
        raise WrongUse(f"{what} has shape {list(values.shape)}; {wanted}.")
    with np.errstate(over="ignore"):  # what float32 cannot hold is found below
        found = np.ascontiguousarray(values, np.float32)
    rows = found.reshape(len(found), -1)
    if not (good := np.isfinite(rows).all(1)).all():
        raise WrongUse(f"{what} has numbers that are not finite, first in row {int(good.argmin())}.")
    if spec.distribution == "uniform" and not (good := ((rows >= 0) & (rows < 1)).all(1)).all():
        raise WrongUse(f"{what} is uniform, from 0 up to but not 1, and row {int(good.argmin())} is not.")
    return found


def _named(names: Iterable[str]) -> str:
    return " and ".join(names) or "no noise"


def _words(seed: int, name: str, indices: range, blocks: int) -> np.ndarray:
    """Return the 64-bit words of consecutive samples, one row each."""
    import numpy as np

    stream = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    bits = np.random.Philox(key=np.array([seed, stream], np.uint64), counter=indices.start * blocks)
    return bits.random_raw(len(indices) * blocks * 4).reshape(len(indices), blocks * 4)


def _normal(uniform: np.ndarray) -> np.ndarray:
    """Turn pairs of columns of uniforms into pairs of columns of standard normals."""
    import numpy as np

    radius, angle = np.ascontiguousarray(uniform[:, 0::2]), np.ascontiguousarray(uniform[:, 1::2])
    np.sqrt(np.multiply(np.log(radius, out=radius), -2, out=radius), out=radius)  # in place: half of the time
    angle *= 2 * np.pi
    normal = np.empty(uniform.shape)
    np.multiply(radius, np.cos(angle), out=normal[:, 0::2])
    np.multiply(radius, np.sin(angle), out=normal[:, 1::2])
    return normal


def _runs(indices: Sequence[int]) -> list[range]:
    """Split indices into runs of consecutive ones, so that a run is drawn at once."""
    if isinstance(indices, range) and indices.step == 1:
        return [indices]
    runs: list[range] = []
    for index in indices:
        if runs and runs[-1].stop == index:
            runs[-1] = range(runs[-1].start, index + 1)
        else:
            runs.append(range(index, index + 1))
    return runs
