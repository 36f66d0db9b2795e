"""Metrics by name: ``plugin:name``, or ``name`` of the core's own, imported when they are used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aigc_core import discovery, plugins
from aigc_core.errors import NotAvailable, WrongUse, did_you_mean
from aigc_core.interfaces.metric import INPUTS, OF_COST, OF_EXTRACTOR, OF_LIKELIHOOD, OF_SAMPLES, Metric

_NOT_BY_DEFAULT = {"mauve", "cost"}
"""Metrics that need an extra, or another run: they are measured where they are asked for."""


class Wanted(NamedTuple):
    """A metric, with the plugin that it comes from."""

    name: str
    """``plugin:name``."""
    metric: Metric
    distribution: str
    package: str
    """Folder of the code that computes it."""

    def of(self, value: str) -> str:
        """Return the name that a score of one of its values has: that of the metric, and the value's unless equal."""
        return self.name if value == self.name.partition(":")[2] else f"{self.name}.{value}"

    @property
    def kind(self) -> str:
        """``image`` or ``text``, as its inputs are; ``any`` of a metric that looks at no sample."""
        if self.of_cost:
            return "any"
        of_text = any("texts" in need or need in ("tokens", "bytes") for need in self.metric.needs)
        return "text" if of_text else "image"

    @property
    def looks_at(self) -> str:
        """Whose features it needs: a part of the score's id."""
        return "extractor" if OF_EXTRACTOR & {*self.metric.needs} else ""

    @property
    def of_samples(self) -> bool:
        """It judges samples, and not what the model says of held-out data."""
        return bool(OF_SAMPLES & {*self.metric.needs})

    @property
    def of_likelihood(self) -> bool:
        """It judges what the model says of held-out data."""
        return bool(OF_LIKELIHOOD & {*self.metric.needs})

    @property
    def of_cost(self) -> bool:
        """It judges a run of the model, and nothing that comes of it."""
        return bool(OF_COST & {*self.metric.needs})

    @property
    def of_data(self) -> bool:
        """It takes real data, beside those that the floor is made of."""
        return self.of_likelihood or self.needs("real_") or self.needs("training_")

    def needs(self, prefix: str) -> bool:
        """Say whether it looks at real (``real_``) or training (``training_``) data."""
        return any(name.startswith(prefix) for name in self.metric.needs)


def wanted(names: Sequence[str]) -> list[Wanted]:
    """Return metrics by name, each once. Raises ``WrongUse`` for an unknown one, ``NotAvailable`` for a broken one."""
    return [_found(name) for name in dict.fromkeys(name if ":" in name else f"core:{name}" for name in names)]


def usual(kind: str, able: Sequence[str], held_out: bool) -> list[Wanted]:
    """Return the core's metrics for samples of a kind, by a model with these capabilities.

    Without data that it has not learned from (``held_out``), nothing is said of copies and of likelihood.
    """
    found = [_found(f"core:{name}") for name in _components("core") if name not in _NOT_BY_DEFAULT]
    found = [each for each in found if each.kind == kind and (each.of_samples or "score" in able)]
    found = [each for each in found if held_out or (each.of_samples and not each.needs("training_"))]
    return [each for each in found if not each.of_samples or "generate" in able]


def _components(plugin: str) -> Mapping[str, Any]:
    manifest = discovery.find(plugin).manifest
    return manifest.components.get("metrics", {}) if manifest else {}


def _found(name: str) -> Wanted:
    owner, _, component = name.partition(":")
    plugin = discovery.find(owner)
    if plugin.manifest and component not in (known := [*_components(owner)]):
        near = did_you_mean(component, known)
        raise WrongUse(f"Plugin {owner} has no metric {component}.{near}", f"It has {', '.join(known) or 'none'}.")
    metric = plugins.component(plugin, "metrics", component)()
    if not isinstance(metric, Metric) or {*metric.needs} - INPUTS.keys():
        text = f"{name} of {plugin.distribution} {plugin.version} is no metric that this core can use"
        raise NotAvailable(f"{text}: it takes needs, values, estimator and a call.", "See: docs/metrics.md")
    return Wanted(name, metric, f"{plugin.distribution} {plugin.version}", plugin.package)
