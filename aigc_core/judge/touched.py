"""Which models a change touches, and why: by their manifests, files, code, and by what the core holds them to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from aigc_core.judge.candidate import Candidate
from aigc_core.judge.depends import reasons


class Touched(NamedTuple):
    """What a change comes to."""

    candidates: tuple[Candidate, ...]
    """The models that it touches, each with the reasons."""
    idle: tuple[str, ...]
    """Changed files that no model depends on."""


def touched(candidates: Sequence[Candidate], changed: Sequence[str]) -> Touched:
    """Return the candidates that changed files (absolute paths) touch, in their order."""
    real = {os.path.realpath(path): path for path in changed}
    used: set[str] = set()
    found = []
    for candidate in candidates:
        known: dict[str, str] = {}
        for path, why in reasons(candidate, real):
            known.setdefault(why, path)
            used.add(path)
        if known:
            found.append(candidate._replace(why=tuple(known)))
    return Touched(tuple(found), tuple(sorted(shown for path, shown in real.items() if path not in used)))


def shard(candidates: Sequence[Candidate], number: int, of: int) -> list[Candidate]:
    """Return the ``number``-th of ``of`` parts, from 1: every candidate is in exactly one, whatever their order."""
    return [each for place, each in enumerate(sorted(candidates, key=lambda one: one.id)) if place % of == number - 1]
