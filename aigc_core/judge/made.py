"""What a model has made in the sandbox, compared out here: its samples among each other, its golden cases."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aigc_core.errors import Refused, ZooError
from aigc_core.findings import Finding
from aigc_core.golden.case import cases, stored
from aigc_core.golden.compare import compare
from aigc_core.interfaces.samples import Samples
from aigc_core.judge import believed
from aigc_core.judge.boxed import Boxed
from aigc_core.judge.candidate import Candidate
from aigc_core.judge.settings import Settings

if TYPE_CHECKING:
    import numpy as np

BySeed = dict[int, Samples]
_MOST_CASES = 100
"""So many golden cases are compared; who has more says nothing new by them."""


def samples(candidate: Candidate, visit: Boxed, settings: Settings) -> tuple[BySeed, list[Finding]]:
    """Return the samples of each seed that can be used, and a finding for each thing that was looked at."""
    assert candidate.entry.manifest is not None
    output, name = candidate.entry.manifest.output, candidate.id
    made: BySeed = {}
    try:
        for seed in settings.seeds:
            made[seed] = believed.samples(visit.came, f"samples-{seed}.safetensors", settings.samples, output)
        few = min(settings.few, settings.samples)
        again, alone = (believed.samples(visit.came, f"{part}.safetensors", few, output) for part in ("again", "alone"))
    except Refused as error:
        return {}, [Finding("samples/declared", name, "failed", str(error), error.hint)]
    first = made[settings.seeds[0]].values[:few]
    found = [
        Finding("samples/declared", name, "passed"),
        _same("samples/again", name, first, again.values, 0.0, "Made again in the same process", output),
        _same("samples/alone", name, first, alone.values, 1.0, "Made one at a time", output),
    ]
    return made, [*found, _varied(name, made[settings.seeds[0]])]


def _same(
    check: str, name: str, one: np.ndarray, other: np.ndarray, levels: float, how: str, output: Mapping[str, Any]
) -> Finding:
    """Hold samples equal: to the bit, or images within so many 8-bit levels, in which batch shapes may differ."""
    import numpy as np

    hint = "Sample i must depend on the weights, the options, the seed and i alone."
    if one.shape != other.shape:  # where the manifest leaves a size open
        text = f"{how}, samples have the shape {list(other.shape[1:])}, before it was {list(one.shape[1:])}."
        return Finding(check, name, "failed", text, hint)
    if one.dtype == object or not levels:
        rows = [row for row, (a, b) in enumerate(zip(one, other, strict=True)) if not np.array_equal(a, b)]
        if not rows:
            return Finding(check, name, "passed")
        text = f"{how}, {len(rows)} of {len(one)} samples are others, the first is sample {rows[0]}."
        return Finding(check, name, "failed", text, hint, {"rows": rows})
    low, high = output["range"]
    off = np.abs(one.astype(np.float64) - other) * (255 / (high - low))
    worst = float(off.max())
    details = {"largest_levels": worst, "allowed_levels": levels}
    if worst <= levels:
        return Finding(check, name, "passed", details=details)
    at = [int(index) for index in np.unravel_index(off.argmax(), off.shape)]
    text = f"{how}, values differ by up to {worst:.1f} of 255 levels, at {at}; {levels:g} is allowed."
    return Finding(check, name, "failed", text, hint, {**details, "at": at})


def _varied(name: str, made: Samples) -> Finding:
    """Hold that not all samples are one and the same."""
    import numpy as np

    rows = made.values
    if len(rows) > 1 and all(np.array_equal(rows[0], row) for row in rows[1:]):
        text = f"All {len(rows)} samples are equal: the noise changes nothing."
        return Finding("samples/varied", name, "failed", text, "Look at them: aigc-zoo run " + name)
    return Finding("samples/varied", name, "passed")


def golden(candidate: Candidate, visit: Boxed) -> Iterator[Finding]:
    """Yield a finding for each stored case, compared here with what came."""
    try:
        known = cases(candidate.entry)
    except ZooError as error:
        yield Finding("golden", candidate.id, "failed", str(error), error.hint)
        return
    if not known:
        hint = f"Record one: aigc-zoo golden record {candidate.id}"
        yield Finding("golden", candidate.id, "skipped", "The manifest has no golden case.", hint)
    if len(known) > _MOST_CASES:
        text = f"The manifest has {len(known):,} golden cases, and a judge compares {_MOST_CASES}."
        yield Finding("golden", candidate.id, "failed", text, "Keep those that say something new.")
    for case in known[:_MOST_CASES]:
        try:
            now = believed.tensors(visit.came, f"golden-{case.number}.safetensors")
            yield compare(case, stored(case), now)._replace(subject=candidate.id)
        except ZooError as error:
            yield Finding(case.check, candidate.id, "failed", str(error), error.hint)


def fingerprint(made: BySeed) -> dict[str, str]:
    """Return a hash of the samples of each seed, for the ledger: of texts, or of 8-bit levels."""
    found = {}
    for seed, samples in made.items():
        texts = samples.values.dtype == object
        data = "\0".join(samples.values).encode() if texts else samples.levels().tobytes()
        found[f"samples/{seed}"] = hashlib.sha256(data).hexdigest()
    return found
