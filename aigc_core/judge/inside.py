"""What a visit to the sandbox says of a model: how it ended, and what its numbers are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aigc_core.errors import Refused, ZooError
from aigc_core.findings import Finding, Status
from aigc_core.golden.case import cases, stored
from aigc_core.golden.compare import compare
from aigc_core.interfaces.samples import Samples
from aigc_core.judge import believed
from aigc_core.judge.boxed import Boxed, Settings
from aigc_core.judge.candidate import Candidate
from aigc_core.sandbox.verdict import VERDICTS

if TYPE_CHECKING:
    import numpy as np

BySeed = dict[int, Samples]
_STATUSES: tuple[Status, ...] = ("passed", "failed", "expected", "skipped")
_MOST_CLAUSES = 1000


def environment(visit: Boxed) -> dict[str, str]:
    """Return what the worker says that computed: short texts by name."""
    said = visit.said.get("environment")
    pairs = said.items() if isinstance(said, dict) else ()
    return {_line(name)[:50]: _line(value)[:100] for name, value in list(pairs)[:30]}


def ending(candidate: Candidate, visit: Boxed) -> Iterator[Finding]:
    """Yield how the visit ended; a failure is named after the verdict, and says at what stage it came."""
    ended, error = visit.ended, visit.said.get("error")
    details = {
        "verdict": ended.verdict, "seconds": ended.seconds, "cpu_s": ended.cpu_s, "peak_mb": ended.peak_mb,
        "stages": visit.said.get("done"),
    }  # fmt: skip
    stage = _line(visit.said.get("stage") or "start")[:20]
    if ended.verdict == "crashed" and isinstance(error, dict):
        text, hint = _line(error.get("text"))[:2000], _line(error.get("hint"))[:500]
        yield Finding(f"sandbox/{stage}", candidate.id, "failed", text, hint, details, ended.seconds)
    elif not ended.fine:
        details["said"] = _printable(ended.said)[-2000:]
        text = f"At the stage {stage}: {ended.text}"
        yield Finding(
            f"sandbox/{ended.verdict}",
            candidate.id,
            "failed",
            text,
            _HINTS.get(ended.verdict, ""),
            details,
            ended.seconds,
        )
    else:
        yield Finding("sandbox/finished", candidate.id, "passed", "", "", details, ended.seconds)
    if visit.came.refused:
        text = f"Its output folder holds what was not taken: {'; '.join(visit.came.refused[:5])}."
        yield Finding("sandbox/output", candidate.id, "failed", text, "Leave the output folder to the judge.")


_HINTS = {
    "time": "Make it faster, or raise budget.seconds in its manifest.",
    "memory": "Make it smaller, or raise budget.memory_mb in its manifest.",
    "daemon": "End every process and thread that the code starts.",
    "sandbox": "Look at the machine, not at the model.",
}
assert not _HINTS.keys() - VERDICTS.keys()


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
    for case in known:
        try:
            now = believed.tensors(visit.came, f"golden-{case.number}.safetensors")
            yield compare(case, stored(case), now)._replace(subject=candidate.id)
        except ZooError as error:
            yield Finding(case.check, candidate.id, "failed", str(error), error.hint)


def clauses(candidate: Candidate, visit: Boxed) -> Iterator[Finding]:
    """Yield what the conformance kit found inside, which a hostile plugin could have written itself: each says so."""
    try:
        said = visit.came.document("clauses.json").get("findings")
    except Refused as error:
        yield Finding("clause", candidate.id, "failed", f"The conformance kit gave no result: {error}", error.hint)
        return
    rows = [row for row in said if isinstance(row, dict)] if isinstance(said, list) else []
    for row in rows[:_MOST_CLAUSES]:
        yield _told(row, candidate.id)
    if not rows:
        yield Finding("clause", candidate.id, "failed", "The conformance kit ran no clause.")


def _told(row: Mapping[str, Any], name: str) -> Finding:
    """Return a finding that came out of the sandbox: every field bounded, and of a status that there is."""
    status: Status = next((known for known in _STATUSES if known == row.get("status")), "failed")
    check, text, hint = (_line(row.get(field))[:2000] for field in ("check", "text", "hint"))
    details: Any = row.get("details")
    details = {**(details if isinstance(details, dict) else {}), "of": _line(row.get("subject"))[:200]}
    seconds: Any = row.get("seconds")
    took = float(seconds) if type(seconds) in (int, float) else 0.0
    check = check if re.fullmatch(r"clause/[A-Z][0-9]{1,2}", check) or check == "clause" else "clause/unknown"
    return Finding(check, name, status, text, hint, {**details, "said_inside": True}, took)


def fingerprint(made: BySeed) -> dict[str, str]:
    """Return a hash of the samples of each seed, for the ledger: of texts, or of 8-bit levels."""
    found = {}
    for seed, samples in made.items():
        texts = samples.values.dtype == object
        data = "\0".join(samples.values).encode() if texts else samples.levels().tobytes()
        found[f"samples/{seed}"] = hashlib.sha256(data).hexdigest()
    return found


def _line(value: object) -> str:
    return _printable(" ".join(str(value if value is not None else "").split()))


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text)
