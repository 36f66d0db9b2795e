"""From samples to scores. The model itself is never needed: who has its samples can have them judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aigc_core.errors import NotAvailable, WrongUse, ZooError
from aigc_core.evaluate.identity import Identity
from aigc_core.evaluate.reference import Reference
from aigc_core.evaluate.score import Score, mean
from aigc_core.evaluate.steady import one_thread
from aigc_core.evaluate.views import Views
from aigc_core.evaluate.wanted import Wanted, wanted
from aigc_core.interfaces.metric import Measured

if TYPE_CHECKING:
    from aigc_core.evaluate.cache import Kept
    from aigc_core.interfaces import Samples


def scores_of(
    samples: Samples | Sequence[str] | Mapping[int, Samples | Sequence[str]],
    names: Sequence[str],
    data: Reference,
    *,
    said: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    kept: Kept | None = None,
) -> list[Score]:
    """Return the scores of samples that somebody made: images, texts, or either by seed; as many of each seed.

    ``names`` are metrics as ``plugin:name``. ``said`` is what the model says of held-out data, for metrics of
    likelihood (``OF_LIKELIHOOD`` in ``aigc_core.interfaces.metric``); ``kept`` is where floors are kept. Raises
    ``WrongUse`` where a metric is of another kind or its inputs are not there, ``NotAvailable`` where a plugin's metric
    fails.
    """
    from aigc_core.evaluate.floors import floors
    from aigc_core.interfaces import Samples

    given = samples if isinstance(samples, Mapping) else {0: samples}
    views = {
        seed: Views(
            rows.levels() if isinstance(rows, Samples) and rows.kind == "image" else _texts(rows), data.real.judge
        )
        for seed, rows in given.items()
    }
    if len({len(each) for each in views.values()}) != 1:
        raise WrongUse("Every seed needs as many samples as the others.")
    found: list[Score] = []
    for each in wanted(names):
        measured = {seed: measure(each, view, data, said) for seed, view in views.items()}
        count = len(next(iter(views.values())))
        floor = floors_of(each, data, count) if kept is None else floors(each, data, count, kept)
        found += gathered(
            each, identity_of(each, data, count, next(iter(views.values()))), measured, floor, settings or {}
        )
    return found


def _texts(rows: Any) -> list[str]:
    return list(rows.values if hasattr(rows, "kind") else rows)


def measure(each: Wanted, samples: Views, data: Reference, said: Mapping[str, Any] | None = None) -> Measured:
    """Apply one metric to the samples of one seed. Raises as ``scores_of`` does."""
    if samples.judge is None and each.looks_at:
        raise WrongUse(f"{each.name} needs the features of an extractor, and none was given.")
    count = len(samples)
    inputs = {name: _input(name, samples, data.some_real(count), data.known, said) for name in each.metric.needs}
    return _guarded(each, inputs)


def floors_of(each: Wanted, data: Reference, count: int) -> list[Measured]:
    """Return what real data get in the samples' place, by draw; none of a metric that does not judge samples, or where
    there are no data."""
    if not each.of_samples or not len(data.real):
        return []
    pairs = data.stand_ins(count, each.needs("training_"))
    return [
        _guarded(each, {name: _input(name, samples, real, data.known, None) for name in each.metric.needs})
        for samples, real in pairs
    ]


def identity_of(each: Wanted, data: Reference, count: int, samples: Views | None) -> Identity:
    """Return a score's id, but for the value's own name; ``samples`` say whether images are resized."""
    seen = each.looks_at or (samples is not None and each.kind == "image" and each.of_samples)
    judge = data.real.judge if seen else None
    shape = () if samples is None or isinstance(samples.rows, list) else samples.rows.shape[1:]
    return Identity(
        each.name,
        each.metric.estimator,
        count,
        data.tag(count) if each.of_data else "",
        data.training_tag if each.needs("training_") else "",
        judge.tag if judge is not None and each.looks_at else "",
        judge.resize(shape) if judge is not None and shape else "",
    )


def gathered(
    each: Wanted,
    identity: Identity,
    by_seed: Mapping[int, Measured],
    floor: Sequence[Measured],
    settings: Mapping[str, Any],
) -> list[Score]:
    """Return a score for each value of a metric."""
    found = []
    first = next(iter(by_seed.values()))
    for value, direction in each.metric.values.items():
        numbers = {seed: _finite(measured.values[value]) for seed, measured in by_seed.items()}
        why = next((measured.why for measured in by_seed.values() if measured.why), "")
        of_real = mean([_finite(measured.values[value]) for measured in floor])
        name = identity._replace(metric=each.of(value), estimator=first.estimator or identity.estimator)
        found.append(Score(name, mean([*numbers.values()]), direction, numbers, of_real, why, first.details, settings))
    return found


def _input(name: str, samples: Views, real: Views, training: Views, said: Mapping[str, Any] | None) -> Any:
    whole = {"real": real, "training": training}
    prefix, _, rest = name.partition("_")
    views, view = (whole[prefix], rest) if prefix in whole else (samples, name)
    if hasattr(Views, view):
        found = views.of(view)
        if found is None:
            raise WrongUse(f"The extractor is no classifier, and a metric needs {name}.")
        return found
    if said is None or name not in said:
        raise WrongUse(f"A metric needs {name}, and nobody said what the model gives.")
    return said[name]


def _guarded(each: Wanted, inputs: Mapping[str, Any]) -> Measured:
    try:
        with one_thread():
            found = each.metric(inputs)
    except (ZooError, MemoryError):
        raise
    except Exception as error:
        cause = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise NotAvailable(f"The metric {each.name} of {each.distribution} failed: {cause}.", "See --debug.") from error
    if not isinstance(found, Measured) or found.values.keys() != each.metric.values.keys():
        raise NotAvailable(f"The metric {each.name} of {each.distribution} gave no number for each of its values.")
    return found


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
