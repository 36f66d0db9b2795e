"""Many models, a few at a time: each in processes of its own, and whatever one of them does is a row of the result."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

from aigc_core import interrupt
from aigc_core.findings import Finding, Report
from aigc_core.judge.candidate import Candidate
from aigc_core.judge.kept import Kept, Nothing
from aigc_core.judge.key import key
from aigc_core.judge.result import Row
from aigc_core.judge.settings import Settings
from aigc_core.judge.steps import Judged, judge

Told = Callable[[Row], None]


def silent(row: Row) -> None:
    """Hear of a row and say nothing."""


def supervise(
    candidates: Sequence[Candidate],
    settings: Settings,
    steps: tuple[str, ...],
    *,
    workers: int = 1,
    kept: Kept | None = None,
    told: Told = silent,
) -> tuple[Row, ...]:
    """Judge candidates and return a row for each, in their order; ``told`` hears of each as it is done.

    A judgement is kept as soon as it is there, so a run that was cut off goes on where it was. Raises ``Interrupted``'s
    own error where the user stops it, and ends every sandbox then.
    """
    kept = kept or Nothing()
    rows: dict[int, Row] = {}
    settings = settings._replace(stop=threading.Event())
    pool = ThreadPoolExecutor(workers, thread_name_prefix="judge")
    try:
        waiting: dict[Future[Row], int] = {
            pool.submit(_row, candidate, settings, steps, kept): number for number, candidate in enumerate(candidates)
        }
        for done in as_completed(waiting):
            interrupt.check()
            rows[waiting[done]] = row = done.result()
            told(row)
    except BaseException:
        assert settings.stop is not None
        settings.stop.set()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    return tuple(rows[number] for number in range(len(candidates)))


def _row(candidate: Candidate, settings: Settings, steps: tuple[str, ...], kept: Kept) -> Row:
    began = time.perf_counter()
    if refusal := _refusal(candidate, settings):
        return _made(candidate, Judged((refusal,), {}, {}), False, began)
    name = key(candidate, settings, steps)
    found = kept.get(name)
    if found is None:
        try:
            judged = judge(candidate, settings, steps)
        except Exception as error:  # a fault of the judge's own: the other models are still judged
            text = f"The judge itself failed: {type(error).__name__}: {' '.join(str(error).split())[:500]}."
            at = "".join(traceback.format_exception(error))[-2000:]
            finding = Finding("judge", candidate.id, "failed", text, "This is a bug of aigc-zoo.", {"traceback": at})
            return _made(candidate, Judged((finding,), {}, {}), False, began)
        kept.put(name, judged)
        return _made(candidate, judged, False, began)
    return _made(candidate, found, True, began)


def _refusal(candidate: Candidate, settings: Settings) -> Finding | None:
    """Return why a candidate is not judged here at all."""
    entry, backend = candidate.entry, settings.backend
    if entry.manifest is None or entry.state not in ("ready", "not fetched", "failed"):
        return Finding(
            "manifest", candidate.id, "failed", f"It cannot be run ({entry.state}): {entry.reason}.", entry.repair
        )
    if backend.name == "landlock" and not candidate.trusted:
        name = entry.manifest.plugin
        text = f"Its code is not trusted, and there is no bubblewrap here ({backend.reason}); Landlock leaves too much."
        hint = f"Use bubblewrap; or, if somebody has read the code: --trust {name}"
        return Finding("sandbox/refused", candidate.id, "failed", text, hint, {"leaves": list(backend.leaves)})
    return None


def _made(candidate: Candidate, judged: Judged, kept: bool, began: float) -> Row:
    report = Report(candidate.id, judged.findings, judged.environment)
    seconds = round(time.perf_counter() - began, 3)
    return Row(report, candidate.why, kept, seconds, judged.sheet, judged.numbers)
