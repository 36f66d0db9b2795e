"""Floors that are kept: what real data get in the samples' place is the same for every model."""

from __future__ import annotations

from typing import Any

from aigc_core.evaluate.cache import Kept, code_of
from aigc_core.evaluate.measure import floors_of
from aigc_core.evaluate.reference import Reference
from aigc_core.evaluate.wanted import Wanted
from aigc_core.interfaces.metric import Measured


def floors(each: Wanted, data: Reference, count: int, kept: Kept) -> list[Measured]:
    """Return a metric's floors for ``count`` samples, as they are kept or measured now."""
    draws = len(data.stand_ins(count, each.needs("training_"))) if each.of_samples and len(data.real) else 0
    keys = [{**key_of(each, data, count), "floor": draw} for draw in range(draws)]
    known = [kept.get(key) for key in keys]
    if any(one is None for one in known):
        known = [*floors_of(each, data, count)]
        for key, one in zip(keys, known, strict=True):
            assert one is not None
            kept.put(key, one)
    return [one for one in known if one is not None]


def key_of(each: Wanted, data: Reference, count: int) -> dict[str, Any]:
    """Return what a number depends on beside the samples: the metric, its code, the data, what computes."""
    import torch

    from aigc_core import __file__ as core

    judge = data.real.judge
    return {
        "metric": each.name,
        "estimator": each.metric.estimator,
        "code": [code_of(each.package), code_of(core.removesuffix("__init__.py"))],
        "data": [data.tag(count), data.real.sha256, data.training.sha256],
        "extractor": judge.tag if judge is not None else "",
        "count": count,
        "computes": [torch.__version__, torch.backends.cpu.get_cpu_capability()],
    }
