"""Two models beside each other, score by score; only scores of one id, each with its doubt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.evaluate.identity import Identity, check_equal
from aigc_core.evaluate.score import NORMAL, Score, quantile


class Compared(NamedTuple):
    """What is known of the difference of two scores of one id."""

    id: Identity
    one: str
    other: str
    difference: float | None
    """The first model's value less the second's; None where one has none."""
    interval: tuple[float, float] | None
    """Its 95 % interval; None where nothing says one."""
    better: str
    """The better model's name; empty where the interval holds 0, or there is none."""
    over: str = "seeds"
    """What the interval is over: ``seeds``, by Welch's t, or held-out ``items``, by their standard errors."""

    @property
    def says(self) -> str:
        """The verdict in a sentence."""
        if self.difference is None:
            return f"{self.id.metric}: no verdict, for one of the two has no number."
        number = f"{self.one} less {self.other}: {self.difference:.6g}"
        if self.interval is not None:
            number += f" ({self.interval[0]:.6g} to {self.interval[1]:.6g}, 95 % over {self.over})"
        if self.better:
            return f"{self.id.metric}: {self.better} is better. {number}."
        why = "it takes two seeds of each to tell" if self.interval is None else f"{self.over} differ by as much"
        return f"{self.id.metric}: no verdict, {why}. {number}."

    def facts(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        interval = None if self.interval is None else [*self.interval]
        return {**self._asdict(), "id": str(self.id), "interval": interval, "says": self.says}


def compare(one: str, scores: Sequence[Score], other: str, others: Sequence[Score]) -> list[Compared]:
    """Compare two models' scores pair by pair; metrics that only one was judged by are left out.

    Raises ``WrongUse`` where two scores of one metric have different ids, or no metric is of both.
    """
    known = {score.id.metric: score for score in others}
    pairs = [(score, known[score.id.metric]) for score in scores if score.id.metric in known]
    if not pairs:
        raise WrongUse(f"{one} and {other} have no metric in common, so nothing compares.", "See: --metric")
    for first, second in pairs:
        check_equal(first.id, second.id)
    return [_compared(one, first, other, second) for first, second in pairs]


def _compared(one: str, first: Score, other: str, second: Score) -> Compared:
    if first.value is None or second.value is None:
        return Compared(first.id, one, other, None, None, "")
    difference, interval, over = first.value - second.value, _interval(first, second), "seeds"
    if interval is None and first.error is not None and second.error is not None:
        # The items are the same ones, so that their errors go together: the difference is surer than this says.
        half = NORMAL * math.hypot(first.error, second.error)
        interval, over = (difference - half, difference + half), "items"
    sure = interval is not None and not interval[0] <= 0 <= interval[1]
    lower = one if difference < 0 else other
    higher = other if difference < 0 else one
    better = (lower if first.direction == "lower" else higher) if sure else ""
    return Compared(first.id, one, other, difference, interval, better, over)


def _interval(first: Score, second: Score) -> tuple[float, float] | None:
    """Return the difference's 95 % interval: Welch's t, with Satterthwaite's degrees of freedom, rounded down."""
    assert first.value is not None
    assert second.value is not None
    if first.spread is None or second.spread is None:
        return None
    sizes = len(first.by_seed), len(second.by_seed)
    parts = [spread**2 / size for spread, size in zip((first.spread, second.spread), sizes, strict=True)]
    difference = first.value - second.value
    if not sum(parts):
        return difference, difference
    degrees = sum(parts) ** 2 / sum(part**2 / (size - 1) for part, size in zip(parts, sizes, strict=True))
    half = quantile(max(1, math.floor(degrees))) * math.sqrt(sum(parts))
    return difference - half, difference + half


def saved(path: str) -> tuple[str, list[Score]]:
    """Return the model and its scores from a file that ``aigc-zoo eval --json`` wrote of one model.

    Raises ``NotAvailable`` where the file is none, ``WrongUse`` where it is of more than one model.
    """
    from jsonschema import Draft202012Validator

    from aigc_core.manifest.read import Malformed, read_object
    from aigc_core.manifest.schema import schema

    try:
        document = read_object(path)
    except Malformed as error:
        raise NotAvailable(f"{path} cannot be read: {error}.") from error
    if not Draft202012Validator(schema("eval")).is_valid(document):
        raise NotAvailable(f"{path} is no result of an evaluation.", "Make one: aigc-zoo eval MODEL --json > FILE.json")
    if len(document["models"]) != 1:
        raise WrongUse(f"{path} holds {len(document['models'])} models, and one is compared with one.")
    (only,) = document["models"]
    return only["model"], [Score.of_facts(facts) for facts in only["scores"]]
