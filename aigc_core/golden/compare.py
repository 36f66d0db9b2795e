"""A golden case's stored output against what a model makes now, as one finding with its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aigc_core.findings import Finding
from aigc_core.golden.case import Case
from aigc_core.golden.form import misfit, number
from aigc_core.golden.texts import compare_texts

if TYPE_CHECKING:
    import numpy as np

WORST = 5
"""Elements that are named."""


def compare(case: Case, stored: Mapping[str, np.ndarray], now: Mapping[str, np.ndarray]) -> Finding:
    """Return whether what a model makes now is what is stored, within the case's tolerances.

    ``now`` may come from another process, as ``made`` returns it: nothing of it is trusted to fit.
    """
    for found, what in ((stored, "What is stored"), (now, "What there is now")):
        if reason := misfit(found):
            return _finding(case, f"{what} is no output of a model: {reason}.", {})
    if stored.keys() != now.keys():
        text = f"There is {', '.join(sorted(now))} now, stored is {', '.join(sorted(stored))}."
        return _finding(case, text, {})
    if "images" not in stored:
        text, details = compare_texts(stored, now, case.atol)
        return _finding(case, text, details)
    return _compare_images(case, stored["images"], now["images"])


def _compare_images(case: Case, stored: np.ndarray, now: np.ndarray) -> Finding:
    import numpy as np

    if stored.shape != now.shape:
        return _finding(case, f"The output has shape {list(now.shape)}, stored is {list(stored.shape)}.", {})
    with np.errstate(all="ignore"):  # what is no number is counted, not warned of
        off = np.abs(now.astype(np.float64) - stored)
        off = np.where(np.isnan(off), np.inf, off)
        wrong = ~(off <= case.atol + case.rtol * np.abs(stored.astype(np.float64)))
    count, per_million = int(wrong.sum()), float(wrong.mean() * 1e6)
    details: dict[str, Any] = {"mismatches": count, "mismatches_per_million": per_million, "values": wrong.size}
    details |= {"largest": number(off.max()), "rtol": case.rtol, "atol": case.atol}
    if per_million <= case.per_million:
        return _finding(case, "", details)
    places = np.argsort(-off, axis=None, kind="stable")[: min(WORST, count)]
    details["worst"] = [_element(stored, now, off, np.unravel_index(place, off.shape)) for place in places]
    first = details["worst"][0]
    text = (
        f"{per_million:,.0f} values of a million differ, {case.per_million:,.0f} may (atol {case.atol:g}, rtol "
        f"{case.rtol:g}); worst at {first['at']}: {first['now']:.7g}, stored is {first['stored']:.7g}."
        if isinstance(first["now"], float)
        else f"{per_million:,.0f} values of a million differ; at {first['at']} there is no number."
    )
    return _finding(case, text, details)


def _element(stored: np.ndarray, now: np.ndarray, off: np.ndarray, at: Any) -> dict[str, Any]:
    place = [int(index) for index in at]
    values = {"stored": stored[at], "now": now[at], "difference": off[at]}
    return {"at": place, **{name: number(value) for name, value in values.items()}}


def _finding(case: Case, text: str, details: dict[str, Any]) -> Finding:
    hint = f"If it is meant to be so, record it again: aigc-zoo golden record {case.model}" if text else ""
    return Finding(case.check, case.model, "failed" if text else "passed", text, hint, details)
