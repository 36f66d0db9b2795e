"""What a run record says of its data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aigc_core.errors import NotAvailable, Refused
from aigc_core.train.data.fields import field


def check_sha256(spec: Mapping[str, Any], found: str, what: str, place: str) -> None:
    """Raise ``Refused`` where the recipe pins other rows; ``what`` is ``images`` or ``text``."""
    wanted = field(spec, "sha256", str, "data", "")
    if wanted and found != wanted:
        are, they = ("are", "they have") if what == "images" else ("is", "it has")
        raise Refused(f"The {what} in {place} {are} not the recipe's: {they} sha256 {found}, not {wanted}.")


def identity(
    spec: Mapping[str, Any], parts: Mapping[str, Mapping[str, Any]], rows: Mapping[str, int]
) -> dict[str, Any]:
    """Return the data's name, licence and origin, its split, and its rows.

    ``parts`` holds what is known of each source, train first: sha256, rows, and the steps with their counts.
    """
    said = {name: spec.get(name) for name in ("name", "licence", "from")}
    train, *_ = parts.values()
    others = {part: record for part, record in parts.items() if part != "train"}
    split = dict(field(spec, "split", dict, "data", {}))
    return {**said, **train, **({"sources": others} if others else {}), "split": split, "rows": dict(rows)}


def with_origin(error: NotAvailable, spec: Mapping[str, Any]) -> NotAvailable:
    """Return an error that also says where the data is to be had, where nothing better is known."""
    origin = field(spec, "from", str, "data", "")
    return NotAvailable(str(error), error.hint or (f"Get it from: {origin}" if origin else ""))
