"""Numbers out of the sandbox: what is read is checked against what was asked for before anything is done with it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aigc_core.errors import Refused
from aigc_core.golden.case import MOST_BYTES
from aigc_core.interfaces.samples import NO_RANGE, Samples, fault
from aigc_core.sandbox.collect import Came, content

if TYPE_CHECKING:
    import numpy as np

_MOST = 1 << 30
_HEADER_MOST = 1_000_000
"""Bytes of a safetensors file's header, which names its tensors: thousands of them are no sample and no answer."""
_TENSORS_MOST = 64
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_TEXT_MOST, _TEXTS_MOST = 1_000_000, 1 << 28
"""Bytes of one text, and of all together; what is longer is no sample."""
_NUMBER = 8
"""Bytes of the largest number that a sample can be of."""


def tensors(came: Came, name: str, most: int = MOST_BYTES) -> dict[str, np.ndarray]:
    """Return the tensors of a safetensors file that came, of at most ``most`` bytes. Raises ``Refused``."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    if name not in came.files:
        raise Refused(f"No {name} came out of the sandbox.")
    data = content(came.files[name], most + _HEADER_MOST)
    if int.from_bytes(data[:8], "little") > _HEADER_MOST:
        raise Refused(f"{name} is no safetensors file: its header has more than {_HEADER_MOST:,} bytes.")
    try:
        found: dict[str, np.ndarray] = load(data)
    except (SafetensorError, ImportError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise Refused(f"{name} is no safetensors file: {' '.join(str(error).split())[:200]}.") from None
    if len(found) > _TENSORS_MOST or not all(_NAME.fullmatch(each) for each in found):
        raise Refused(f"{name} holds {len(found):,} tensors, more than {_TENSORS_MOST} or of odd names.")
    return found


def samples(came: Came, name: str, count: int, output: Mapping[str, Any]) -> Samples:
    """Return ``count`` samples as a manifest's ``use.output`` declares them. Raises ``Refused`` with what they are."""
    found = tensors(came, name, _size(count, output))
    if output["kind"] == "text":
        made = Samples("text", _texts(found, count, name), NO_RANGE)
    else:
        if "range" not in output:
            raise Refused(f"Samples of the kind {output['kind']} have no range, so nothing can be compared.")
        low, high = output["range"]
        made = Samples(output["kind"], found.get("values"), (low, high))  # type: ignore[arg-type]
    if reason := fault(made, count, output):
        raise Refused(f"The samples are {reason}.")
    return made


def _size(count: int, output: Mapping[str, Any]) -> int:
    """Return how many bytes so many samples can have."""
    if output["kind"] == "text":
        return min(_TEXTS_MOST, count * (_TEXT_MOST + _NUMBER))
    known = [size for size in output["shape"] if size is not None]
    return min(_MOST, count * math.prod(known) * _NUMBER) if len(known) == len(output["shape"]) else _MOST


def _texts(found: Mapping[str, np.ndarray], count: int, name: str) -> np.ndarray:
    """Return texts that are stored one after another with their lengths in bytes."""
    import numpy as np

    data, lengths = found.get("bytes"), found.get("lengths")
    if data is None or lengths is None or data.dtype != np.uint8 or lengths.dtype != np.int64 or lengths.ndim != 1:
        raise Refused(f"{name} holds no texts.")
    if len(lengths) != count or lengths.min(initial=0) < 0 or lengths.max(initial=0) > _TEXT_MOST:
        raise Refused(f"{name} holds {len(lengths)} texts, or one of an impossible length; {count} were asked for.")
    ends = np.cumsum(lengths)
    whole, texts = data.tobytes(), np.empty(count, object)
    if (int(ends[-1]) if count else 0) != len(whole):
        raise Refused(f"{name} holds other bytes than its lengths say.")
    for row, (end, length) in enumerate(zip(ends, lengths, strict=True)):
        try:
            texts[row] = whole[int(end - length) : int(end)].decode()
        except UnicodeDecodeError:
            raise Refused(f"Text {row} is no UTF-8.") from None
    return texts
