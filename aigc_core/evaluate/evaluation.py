"""A model's evaluation: samples of every seed, each metric on each, nothing computed that is known already."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from aigc_core.evaluate import cost
from aigc_core.evaluate.cache import Kept, code_of
from aigc_core.evaluate.floors import floors, key_of
from aigc_core.evaluate.likelihoods import said_by
from aigc_core.evaluate.measure import gathered, identity_of, measure
from aigc_core.evaluate.reference import Reference
from aigc_core.evaluate.score import Score
from aigc_core.evaluate.views import Views
from aigc_core.evaluate.wanted import Wanted
from aigc_core.interfaces.metric import Measured

if TYPE_CHECKING:
    from aigc_core.run.model import Model


class Plan(NamedTuple):
    """What is to be measured."""

    samples: int
    """So many of each seed, and as many held-out items where there are so many."""
    seeds: tuple[int, ...]
    options: Mapping[str, Any]
    """The model's options."""
    path: str | None = None
    """Where the data are, None where the model's recipe says it: for likelihoods, which read them as the model does."""


def evaluate(
    model: Model,
    metrics: Sequence[Wanted],
    data: Reference,
    plan: Plan,
    kept: Kept,
    done: Callable[[int], None] = lambda count: None,
) -> list[Score]:
    """Return the scores of a model, in the order of the metrics. ``done`` is told of samples as they come.

    A seed's samples are made when the first metric needs them, and forgotten after the last. Raises ``WrongUse`` where
    a metric is of another kind than the samples, and as ``Model.stream`` does.
    """
    study = _Study(model, data, plan, kept)
    of_samples = [each for each in metrics if each.of_samples]
    by_seed = {}
    for number, seed in enumerate(plan.seeds):
        samples = _Made(model, data, plan, seed, partial(_after, done, number * plan.samples))
        by_seed[seed] = {each.name: study.of_samples(each, samples) for each in of_samples}
        done((number + 1) * plan.samples)
    scores: list[Score] = []
    for each in metrics:
        if each.of_samples:
            measured = {seed: found[each.name] for seed, found in by_seed.items()}
            floor = floors(each, data, plan.samples, kept)
        else:
            alone = study.of_cost if each.of_cost else study.of_likelihood
            measured, floor = {plan.seeds[0]: alone(each)}, []
        scores += gathered(each, identity_of(each, data, plan.samples, study.shape), measured, floor, study.settings)
    return scores


def _after(done: Callable[[int], None], before: int, count: int) -> None:
    done(before + count)


class _Study:
    """One model's measurements, each as it is kept or computed now."""

    def __init__(self, model: Model, data: Reference, plan: Plan, kept: Kept) -> None:
        self.model, self.data, self.plan, self.kept = model, data, plan, kept
        self.settings = settings_of(model, plan.options)

    def of_samples(self, each: Wanted, samples: _Made) -> Measured:
        """Return what a metric says of one seed's samples."""
        key = {**key_of(each, self.data, self.plan.samples), "settings": self.settings, "seed": samples.seed}
        return self.kept.measured(key, lambda: measure(each, samples.views, self.data))

    def of_likelihood(self, each: Wanted) -> Measured:
        """Return what a metric says of the model's own word on held-out data, which no seed and no option changes."""
        key = {**key_of(each, self.data, self.plan.samples), "settings": {**self.settings, "options": {}}}
        return self.kept.measured(key, lambda: measure(each, Views([""] * self.plan.samples), self.data, self._said))

    def of_cost(self, each: Wanted) -> Measured:
        """Return what a metric says of a run of the model, in a fresh process; this is never kept."""
        name, plan = self.model.entry.qualified, self.plan
        said = cost.measured(name, self.model.device, plan.samples, plan.options)
        return measure(each, Views([""] * plan.samples), self.data, said)

    @cached_property
    def shape(self) -> Views | None:
        """One image of the shape that the model makes, of which only the shape is looked at; None of texts."""
        import numpy as np

        output = self.model.manifest.output
        return Views(np.zeros((1, *output["shape"]), np.uint8)) if output["kind"] == "image" else None

    @cached_property
    def _said(self) -> dict[str, Any]:
        return said_by(self.model, self.data, self.plan.samples, self.plan.path)


class _Made:
    """Samples of one seed, made when they are first looked at."""

    def __init__(self, model: Model, data: Reference, plan: Plan, seed: int, done: Callable[[int], None]) -> None:
        self.model, self.data, self.plan, self.seed, self.done = model, data, plan, seed, done

    @cached_property
    def views(self) -> Views:
        import numpy as np

        texts: list[str] = []
        levels: list[np.ndarray] = []
        for part in self.model.stream(range(self.plan.samples), seed=self.seed, **self.plan.options):
            if part.kind == "text":
                texts += [str(text) for text in part.values]
            else:
                levels.append(part.levels())
            self.done(len(texts) + sum(map(len, levels)))
        return Views(np.concatenate(levels) if levels else texts, self.data.real.judge)


def settings_of(model: Model, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the samples depend on, beside their seed: the model's content, its options, what computes."""
    from aigc_core.run import receipt

    assert model.entry.plugin is not None
    return {
        **receipt.identity(model),
        "architecture": model.manifest.architecture,
        "config": model.manifest.config,
        "code": code_of(model.entry.plugin.package),
        "options": dict(options),
        "environment": receipt.environment(model),
    }
