"""How texts are shown on the standard output: as they are, as they come, or as JSON lines."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aigc_core.cli.output import finite

if TYPE_CHECKING:
    from aigc_core.interfaces import Samples
    from aigc_core.run.speak import Spoken
    from aigc_core.run.write import Job

_STEERING = re.compile(r"\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""What a terminal obeys. A text is a model's, and so may be a stranger's."""


def write(text: str) -> None:
    """Write to the standard output at once; a terminal shows what would steer it as its escape."""
    if sys.stdout.isatty():
        text = _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    sys.stdout.write(text)
    sys.stdout.flush()


def show(job: Job, batches: Iterator[Samples]) -> None:
    """Show the texts as ``write_txt`` writes them."""
    from aigc_core.run.write_text import BETWEEN

    before = ""
    for samples in batches:
        for text in samples.values:
            write(f"{before}{text}\n")
            before = f"{BETWEEN}\n"


class Lines:
    """Shows texts as JSON lines, with what was heard of each while it was made."""

    def __init__(self) -> None:
        self.heard: list[Spoken] = []

    def write(self, job: Job, batches: Iterator[Samples]) -> None:
        """Show the texts, each when its batch is made."""
        indices = iter(job.indices)
        for samples in batches:
            heard, self.heard = {text.sample: text for text in self.heard}, []
            for text, index in zip(samples.values, indices, strict=False):
                line = {
                    "schema": "aigc-zoo/run/1",
                    "index": index,
                    "text": text,
                    "prompt": job.receipt["options"].get("prompt", ""),
                    **_details(heard.get(index)),
                    "receipt": job.receipt | {"indices": [index, index + 1]},
                }
                sys.stdout.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
                sys.stdout.flush()


def _details(text: Spoken | None) -> dict[str, Any]:
    if text is None:  # of a generator that makes whole texts
        return {"tokens": None, "logprobs": None, "finish": None, "timing": None}
    timing = {"first_token_s": text.first_token_s, "total_s": text.total_s, "tokens_per_s": text.tokens_per_s}
    tokens, logprobs = [int(token) for token in text.tokens], [finite(value) for value in text.logprobs]
    return {"tokens": tokens, "logprobs": logprobs, "finish": text.finish, "timing": timing}


@contextmanager
def to_stdout() -> Iterator[None]:
    """End quietly where nobody reads on, as after ``| head``."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter's own flush fails too
        sys.exit(0)
