"""From batches of texts to a file: plain text or JSON lines, by the output's name, with the receipt beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import zip_longest

from aigc_core.errors import WrongUse
from aigc_core.interfaces import Samples
from aigc_core.run import receipt as receipts
from aigc_core.run.write import Job, Writer, with_receipt_beside

BETWEEN = "--------"
"""The line between two texts."""


def text_writer_for(output: str) -> Writer:
    """Choose by the output's name. Raises ``WrongUse`` for an ending that is not one of text."""
    if "\0" in output:
        raise WrongUse("The output's name cannot hold a null character.")
    if output.endswith(("/", os.sep)) or os.path.isdir(output):
        what = "it is a folder"
    elif (ending := receipts.ending(output)) in TEXTS:
        return TEXTS[ending]
    else:
        what = f"it has the ending {ending}" if ending else "it has no ending"
    raise WrongUse(f"Cannot write text to {output}: {what}.", "Name a .txt or a .jsonl (a JSON object a line).")


def write_txt(job: Job, batches: Iterator[Samples]) -> None:
    """Write the texts as they are, in UTF-8, each on lines of its own, with a line of dashes between two."""
    with with_receipt_beside(job) as stream:
        before = ""
        for samples in batches:
            for text in samples.values:
                stream.write(f"{before}{text}\n".encode())
                before = f"{BETWEEN}\n"


def write_jsonl(job: Job, batches: Iterator[Samples]) -> None:
    """Write a JSON object a line, in UTF-8: ``index`` of the sample and its ``text``."""
    indices = iter(job.indices)
    with with_receipt_beside(job) as stream:
        for samples in batches:
            for text, index in zip(samples.values, indices, strict=False):
                line = json.dumps({"index": index, "text": text}, ensure_ascii=False)
                stream.write(f"{line}\n".encode())


TEXTS: dict[str, Writer] = {".txt": write_txt, ".jsonl": write_jsonl}


def first_difference(old: str, new: str) -> str:
    """Say from where on two files of text differ; an empty string where they agree."""
    with open(old, "rb") as one, open(new, "rb") as other:
        for number, lines in enumerate(zip_longest(one, other), start=1):
            if lines[0] != lines[1]:
                return f"the texts differ from line {number:,} on"
    return ""
