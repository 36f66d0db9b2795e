"""Scores and gates as a person reads them."""

from __future__ import annotations

from aigc_core.errors import counted
from aigc_core.evaluate.score import Score
from aigc_core.findings import Finding


def told(finding: Finding) -> str:
    """Return how a gate ended, as a person reads it."""
    if finding.status != "passed":
        return f"{finding.status}: {finding.check}: {finding.text}"
    return f"passed: {finding.check}: {finding.details['value']:.6g}, the gate is {finding.details['gate']:g}"


def shown(score: Score) -> list[str]:
    """Return a score as a person reads it: number, spread, floor, which way is better; then its id."""
    words = [f"{score.value:.6g}" if score.value is not None else "no number"]
    if score.spread is not None:
        words[0] += f" ± {score.spread:.2g} over {counted(len(score.by_seed), 'seed')}"
    elif score.error is not None:
        words[0] += f" ± {score.error:.2g} (standard error over {score.id.n:,} items)"
    if score.floor is not None:
        words.append(f"real data {score.floor:.6g}")
    words.append(f"{score.direction} is better")
    return [f"  {score.id.metric}: {', '.join(words)}", *([f"    {score.why}"] if score.why else []), f"    {score.id}"]
