"""Numbers out of the sandbox: what is read is checked against what was asked for before anything is done with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aigc_core.errors import Refused
from aigc_core.interfaces.samples import NO_RANGE, Samples, fault
from aigc_core.sandbox.collect import Came, content

if TYPE_CHECKING:
    import numpy as np

_MOST = 1 << 30
_TEXT_MOST = 1_000_000
"""Bytes of one text; what is longer is no sample."""


def tensors(came: Came, name: str) -> dict[str, np.ndarray]:
    """Return the tensors of a safetensors file that came. Raises ``Refused``."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    if name not in came.files:
        raise Refused(f"No {name} came out of the sandbox.")
    try:
        found: dict[str, np.ndarray] = load(content(came.files[name], _MOST))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise Refused(f"{name} is no safetensors file: {' '.join(str(error).split())[:200]}.") from None
    return found


def samples(came: Came, name: str, count: int, output: Mapping[str, Any]) -> Samples:
    """Return ``count`` samples as a manifest's ``use.output`` declares them. Raises ``Refused`` with what they are."""
    found = tensors(came, name)
    if output["kind"] == "text":
        made = Samples("text", _texts(found, count, name), NO_RANGE)
    else:
        low, high = output["range"]
        made = Samples(output["kind"], found.get("values"), (low, high))  # type: ignore[arg-type]
    if reason := fault(made, count, output):
        raise Refused(f"The samples are {reason}.")
    return made


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
