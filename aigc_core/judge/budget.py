"""What a model may spend here: what its manifest asks for, as far as the judge goes, and where it asks for more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from aigc_core.errors import WrongUse
from aigc_core.findings import Finding
from aigc_core.judge.settings import Settings
from aigc_core.manifest import ModelManifest
from aigc_core.sandbox.limits import Limits

_SECONDS, _MEMORY_MB = 120.0, 2048.0
"""Budget of a model whose manifest states none."""
_START_S, _START_MB = 30, 700
"""What Python, torch and a plugin's imports take before a model is there."""
_SAMPLES_MB = 1024
_ENDLESS = 1e15
"""What is larger is no number that anybody has thought about."""
MOST_SAMPLES, MOST_SEEDS = 10_000, 5
"""What a manifest's gates can ask of a judge, however many samples its author has measured."""
MOST_BYTES = 50_000_000_000
"""The largest files that are fetched for a model, all together."""


class Asked(NamedTuple):
    """What a manifest asks for: its budget, and what its gates are of."""

    seconds: float
    memory_mb: float
    samples: int
    seeds: int


def asked(manifest: ModelManifest) -> Asked:
    """Return what a manifest asks for; what is no number counts as not stated."""
    budget = manifest.document.get("budget")
    budget = budget if isinstance(budget, dict) else {}
    seconds, memory = _number(budget.get("seconds"), _SECONDS), _number(budget.get("memory_mb"), _MEMORY_MB)
    scores = gated(manifest)
    seeds = max((int(_number(each.get("seeds"), 1)) for each in scores), default=1)
    return Asked(seconds, memory, max((_samples(each["metric"]) for each in scores), default=1), seeds)


def limits(manifest: ModelManifest, settings: Settings) -> Limits:
    """Return what a model may use: its manifest's budget within the judge's, and room for what every model needs."""
    wanted = asked(manifest)
    seconds, memory = min(wanted.seconds, settings.most_s), min(wanted.memory_mb, settings.most_mb)
    return Limits(
        idle_s=seconds,
        cpu_s=int(_START_S + seconds * settings.threads),
        memory_mb=_START_MB + int(memory),
        output_mb=_SAMPLES_MB,
        file_mb=_SAMPLES_MB,
    )


def as_gates_need(manifest: ModelManifest, settings: Settings) -> Settings:
    """Return the settings with as many samples, and seeds, as the manifest's gates are of; never fewer than before."""
    wanted = asked(manifest)
    samples = max(settings.samples, min(wanted.samples, MOST_SAMPLES))
    seeds = max(len(settings.seeds), min(wanted.seeds, MOST_SEEDS))
    return settings._replace(samples=samples, seeds=tuple(range(seeds)))


def cut(manifest: ModelManifest, settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each thing of which a manifest asks for more than the judge gives."""
    wanted = asked(manifest)
    most = Asked(settings.most_s, settings.most_mb, MOST_SAMPLES, MOST_SEEDS)
    words = Asked("{:g} s", "{:g} MB", "{:,} samples", "{:,} seeds")  # type: ignore[arg-type]
    hints = {"seconds": "If it is to have more: --seconds", "memory_mb": "If it is to have more: --memory"}
    for field, one, limit, word in zip(Asked._fields, wanted, most, words, strict=True):
        if one > limit:
            text = f"The manifest asks for {str(word).format(one)}, the judge gives {str(word).format(limit)}."
            details = {"asked": one, "given": limit}
            yield Finding(f"budget/{field}", manifest.id, "skipped", text, hints.get(field, ""), details)


def gated(manifest: ModelManifest) -> list[dict[str, Any]]:
    """Return the scores of a manifest that name a metric and have a gate, of whatever form."""
    scores = manifest.document.get("scores", [])
    found = scores if isinstance(scores, list) else []
    return [each for each in found if isinstance(each, dict) and "gate" in each and isinstance(each.get("metric"), str)]


def _samples(metric: str) -> int:
    from aigc_core.evaluate.identity import Identity

    try:
        return Identity.parse(metric).n
    except (WrongUse, ValueError):  # the gate itself will be told to be none
        return 1


def _number(value: Any, otherwise: float) -> float:
    return float(value) if type(value) in (int, float) and 0 < value < _ENDLESS else otherwise
