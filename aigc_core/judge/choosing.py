"""Which models are judged: those that are named, those of a contributed plugin, those that a change touches, or all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from aigc_core import registry
from aigc_core.errors import WrongUse, counted, did_you_mean
from aigc_core.judge.candidate import Candidate
from aigc_core.judge.changes import changed
from aigc_core.judge.touched import shard as part_of
from aigc_core.judge.touched import touched

_NOT_JUDGED = ("no plugin", "disabled", "not pinned")
"""States that a manifest of the zoo's index may have without being wrong."""


class Chosen(NamedTuple):
    """The models to judge, and how they were found."""

    candidates: tuple[Candidate, ...]
    text: str
    unchosen: int
    notes: tuple[str, ...] = ()


def installed(trusted: Sequence[str]) -> list[Candidate]:
    """Return every model that is known here and can be run, or that ought to be and is broken."""
    found = [entry for entry in registry.entries() if entry.state not in _NOT_JUDGED]
    return [Candidate(entry, _trusted(entry, trusted)) for entry in found]


def _trusted(entry: registry.Entry, trusted: Sequence[str]) -> bool:
    return entry.manifest is not None and entry.manifest.plugin in trusted


def choose(known: Sequence[Candidate], names: Sequence[str], git_range: str, shard: str) -> Chosen:
    """Return what is to be judged of what is known. Raises ``WrongUse`` for a name, a range or a shard that is none."""
    found, notes, text = [*known], [], f"Every known model: {len(known):,}."
    if names:
        found = [_named(name, known)._replace(why=("it was named",)) for name in dict.fromkeys(names)]
        text = f"{counted(len(found), 'model')} that were named." if len(found) > 1 else "One model that was named."
    if git_range:
        files = changed(git_range)
        change = touched(found, files)
        found = [*change.candidates]
        text = (
            f"{counted(len(found), 'model')} of {len(known):,} touched by {counted(len(files), 'file')} of {git_range}."
        )
        if change.idle:
            more = f" and {len(change.idle) - 3} more" if len(change.idle) > 3 else ""
            names_of = ", ".join(change.idle[:3])
            notes.append(f"No model depends on {counted(len(change.idle), 'changed file')}: {names_of}{more}.")
    if shard:
        number, of = _shard(shard)
        found = part_of(found, number, of)
        text += f" Of these, part {number} of {of}: {len(found):,}."
    found.sort(key=lambda candidate: candidate.id)
    return Chosen(tuple(found), text, len(known) - len(found), tuple(notes))


def _named(name: str, known: Sequence[Candidate]) -> Candidate:
    for each in known:
        if name in (each.id, each.entry.qualified):
            return each
    near = did_you_mean(name, [each.id for each in known])
    raise WrongUse(f"No model {name} is here to be judged.{near}", "See: aigc-zoo ci --list")


def _shard(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})", text)
    if not found or int(found[1]) > int(found[2]):
        raise WrongUse(f"--shard is {text}, it takes a part of how many, from 1.", "Such as: --shard 1/4")
    return int(found[1]), int(found[2])
