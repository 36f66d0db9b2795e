"""A golden case: what a manifest says of it, and its files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from aigc_core.errors import NotAvailable, Refused
from aigc_core.manifest.model import leaves_folder

if TYPE_CHECKING:
    import numpy as np

    from aigc_core.registry import Entry

MOST_BYTES = 64_000_000
"""A stored input or output is a few samples; what is larger is none of ours."""


class Case(NamedTuple):
    """One stored input with the output that it must give."""

    model: str
    number: int
    folder: str
    """Where its files lie."""
    kind: str
    """``image`` or ``text``."""
    noise: str
    """Path of the stored noise in ``folder``; empty for a language model, whose noise is that of seed 0, sample 0."""
    options: Mapping[str, Any]
    """The model's options, the prompt included."""
    output: str
    sha256: str
    rtol: float
    atol: float
    """Of images, in the model's own range; of texts, in nats of a token's log-probability."""
    per_million: float
    """How many values of a million may be further away than that."""

    @property
    def check(self) -> str:
        """The id of its finding."""
        return f"golden/{self.number}"


def cases(entry: Entry) -> list[Case]:
    """Return the cases of a model's manifest, which has been validated or may be anybody's.

    Raises ``NotAvailable`` where one cannot be used.
    """
    assert entry.manifest is not None
    found = entry.manifest.document.get("golden", [])
    if not isinstance(found, list):
        raise NotAvailable(f"The golden cases of {entry.id} are no list.", f"See: aigc-zoo check {entry.id}")
    return [case(entry, number, fields) for number, fields in enumerate(found)]


def case(entry: Entry, number: int, fields: Any) -> Case:
    """Return one case from what a manifest says. Raises ``NotAvailable`` where it cannot be used."""
    assert entry.manifest is not None
    try:
        options = dict(fields.get("options", {}))
        if fields.get("prompt"):  # an empty one is none: not every model has that option
            options["prompt"] = str(fields["prompt"])
        return Case(
            model=entry.id,
            number=number,
            folder=entry.folder,
            kind=str(entry.manifest.output["kind"]),
            noise=str(fields.get("noise", "")),
            options=options,
            output=str(fields["output"]),
            sha256=str(fields["sha256"]),
            rtol=float(fields["rtol"]),
            atol=float(fields["atol"]),
            per_million=float(fields.get("mismatches_per_million", 0)),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        text = f"Golden case {number} of {entry.id} cannot be used: {type(error).__name__} {error}."
        raise NotAvailable(text, f"See: aigc-zoo check {entry.id}") from None


def stored(case: Case) -> dict[str, np.ndarray]:
    """Return the tensors of a case's output, its hash verified. Raises ``NotAvailable`` and ``Refused``."""
    return _tensors(case, case.output, case.sha256)


def noise(case: Case) -> dict[str, np.ndarray]:
    """Return a case's stored noise by the name of its input. Raises ``NotAvailable`` and ``Refused``."""
    return _tensors(case, case.noise, "")


def _tensors(case: Case, name: str, sha256: str) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = os.path.realpath(os.path.join(case.folder, name))
    if leaves_folder(name) or not path.startswith(os.path.realpath(case.folder) + os.sep):
        raise Refused(f"{case.check} of {case.model} names {name[:100]}, which lies outside its folder.")
    try:
        if os.path.getsize(path) > MOST_BYTES:
            raise Refused(f"{path} is larger than {MOST_BYTES:,} bytes.")
        with open(path, "rb") as stream:
            data = stream.read()
    except OSError as error:
        again = f"Record it again: aigc-zoo golden record {case.model}"
        raise NotAvailable(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.", again) from None
    if sha256 and hashlib.sha256(data).hexdigest() != sha256:
        raise Refused(f"{path} is not what the manifest says: its SHA-256 differs.", "Restore it, or record it again.")
    try:
        tensors: dict[str, np.ndarray] = load(data)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise Refused(f"{path} is no safetensors file: {error}.") from None
    return tensors
