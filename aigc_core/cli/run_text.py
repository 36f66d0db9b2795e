"""``aigc-zoo run`` of a text model: its texts shown, streamed, written or as JSON lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from aigc_core import interrupt
from aigc_core.cli.opening import Opening
from aigc_core.cli.progress import samples_bar, say
from aigc_core.cli.shown_text import Lines, show, to_stdout, write
from aigc_core.errors import WrongUse
from aigc_core.registry import Entry

if TYPE_CHECKING:
    from aigc_core.interfaces.language_model import Piece
    from aigc_core.run.make import Plan
    from aigc_core.run.model import Model
    from aigc_core.run.speak import Spoken


class Asked(NamedTuple):
    """What the command line says beside the model and its options."""

    texts: int | None
    seed: int
    start: int
    output: str | None
    stream: bool | None
    as_json: bool
    batch_size: int | None
    quiet: bool


def run(name: str, entry: Entry, opening: Opening, asked: Asked, options: dict[str, Any]) -> None:
    """Make the texts that are asked for. Raises ``ZooError`` as ``make`` does."""
    from aigc_core.interfaces.language_model import GREEDY
    from aigc_core.run.batches import batch_shape
    from aigc_core.run.make import announce, make, plan
    from aigc_core.run.numbers import index_range

    began, manifest, count = time.perf_counter(), entry.manifest, 1 if asked.texts is None else asked.texts
    assert manifest is not None
    indices, streamed = index_range(asked.start, count), _streamed(asked, count)
    lines = Lines()
    writer = None if asked.output is not None else lines.write if asked.as_json else show
    planned = plan(
        manifest,
        asked.output or "",
        indices,
        seed=asked.seed,
        options=options,
        batch_size=batch_shape(manifest, count, asked.batch_size),
        writer=writer,
    )
    if count > 1 and planned.options.get("temperature") == GREEDY:
        text = f"At temperature 0 all {count:,} texts would be the same."
        raise WrongUse(text, "Leave out -n, or give a temperature above 0.")
    model = opening.load(name, entry, quiet=asked.quiet)
    note = _notes(model, asked.quiet)

    def heard(texts: list[Spoken]) -> None:
        if asked.as_json:
            lines.heard.extend(texts)
        note(texts)

    with to_stdout():
        if streamed and (asked.stream or model.language is not None):
            note([_stream(model, planned)])
            return
        hidden = asked.quiet or asked.output is None or count <= planned.batch_size
        with samples_bar(count, hidden) as progress:
            receipt = make(model, planned, progress, heard)
    if asked.output is not None:
        announce(asked.output, receipt)
        if not asked.quiet:
            from aigc_core.cli.written import tell_written

            tell_written(asked.output, asked.output, count, entry.id, asked.seed, began)


def _streamed(asked: Asked, count: int) -> bool:
    """Say whether the text is to be shown as it is made. Raises ``WrongUse`` where that is asked for and cannot be."""
    from aigc_core.plugins import implementations

    if asked.as_json and asked.output is not None:
        raise WrongUse("--json goes to the standard output: leave out -o, or name a .jsonl without --json.")
    finishers = [hook.who for hook in implementations("zoo_finish")]
    bars = {
        "--json prints whole lines": asked.as_json,
        "-o writes a file": asked.output is not None,
        f"{count} texts are not made one after another": count != 1,
        f"{' and '.join(finishers)} finishes whole texts": bool(finishers),
    }
    if asked.stream:
        for reason, holds in bars.items():
            if holds:
                raise WrongUse(f"--stream shows one text as it is made, but {reason}.")
    return sys.stdout.isatty() and not any(bars.values()) if asked.stream is None else asked.stream


def _stream(model: Model, planned: Plan) -> Spoken:
    from aigc_core.run.speak import encoded, language_model, pieces, requests, told

    language_model(model, "stream its texts")
    given = planned.options.get("prompt", "")
    tokens = encoded(model, given)
    asked = requests(model, tokens, planned.seed, planned.indices, planned.options)
    began = time.perf_counter()
    found: list[Piece] = []
    times: list[float] = []
    for piece in pieces(model, asked):
        interrupt.check()
        write(piece.text if found else given + piece.text)
        found.append(piece)
        times.append(time.perf_counter() - began)
    write("\n")
    return told(planned.indices[0], given, len(tokens), found, times)


def _notes(model: Model, quiet: bool) -> Callable[[list[Spoken]], None]:
    """Return what says on the standard error stream, once each, where texts ran into what the model can hold."""
    from aigc_core.run.speak import words_on

    said: set[str] = set()

    def note(texts: list[Spoken]) -> None:
        for text in texts:
            words = words_on(text, model.language.context if model.language else 0)
            if words and not quiet and words not in said:
                said.add(words)
                say(words)

    return note
