"""Steps that clean texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aigc_core.train.data.clean.steps import Dropped, Step, duplicates
from aigc_core.train.data.extra import extra
from aigc_core.train.data.fields import choice, field, number, only

Work = Callable[[str], "str | Dropped"]

SHINGLE = 5
"""Characters in a row that count as one thing when two texts are compared."""


def steps(declared: Sequence[Any]) -> list[Step[str]]:
    """Return a recipe's steps. Raises ``WrongUse`` where one is not as it should be."""
    return [_step(one, f"data.clean[{place}]") for place, one in enumerate(declared)]


def _step(one: Any, where: str) -> Step[str]:
    field({where: one}, where, dict, "data.clean")
    makers: dict[str, tuple[Callable[[Mapping[str, Any], str], Work], list[str]]] = {
        "normalise": (_normalise, ["form"]),
        "length": (_length, ["min", "max"]),
        "characters": (_characters, ["allowed"]),
        "script": (_script, ["name", "share"]),
        "exact-duplicates": (lambda one, where: duplicates(), []),
        "near-duplicates": (_near_duplicates, ["similarity"]),
    }
    make, fields = makers[choice(one, "step", list(makers), where)]
    only(one, ["step", *fields], where)
    return Step(one, make(one, where))


def _normalise(one: Mapping[str, Any], where: str) -> Work:
    """Write equal characters equally, by one of Unicode's normal forms."""
    form: Any = choice(one, "form", ["NFC", "NFD", "NFKC", "NFKD"], where)
    return lambda text: unicodedata.normalize(form, text)


def _length(one: Mapping[str, Any], where: str) -> Work:
    """Keep texts of ``min`` to ``max`` characters."""
    low = number(one, "min", int, where, 0, float("inf"), 0)
    high = number(one, "max", int, where, low, float("inf"), float("inf"))
    return lambda text: text if low <= len(text) <= high else Dropped(f"{len(text):,} characters")


def _characters(one: Mapping[str, Any], where: str) -> Work:
    """Keep texts that have no character but those allowed."""
    allowed = frozenset(field(one, "allowed", str, where))

    def work(text: str) -> str | Dropped:
        other = next((character for character in text if character not in allowed), None)
        return text if other is None else Dropped(f"it has {other!r}")

    return work


def _script(one: Mapping[str, Any], where: str) -> Work:
    """Keep texts of whose letters at least ``share`` are of a script, such as LATIN, CYRILLIC, CJK or HIRAGANA.

    A character's script is the first word of its name in Unicode. A text without letters is kept.
    """
    name = field(one, "name", str, where).upper() + " "
    least = number(one, "share", float, where, 0, 1, 1.0)

    def work(text: str) -> str | Dropped:
        letters = [character for character in text if character.isalpha()]
        right = sum(unicodedata.name(letter, "").startswith(name) for letter in letters)
        return text if right >= least * len(letters) else Dropped(f"{right} of {len(letters)} letters")

    return work


def _near_duplicates(one: Mapping[str, Any], where: str) -> Work:
    """Keep the first of texts whose sets of shingles have at least this Jaccard similarity (MinHash, Broder 1997).

    MinHash finds the candidates and may miss one; each is then compared exactly, so nothing is dropped wrongly.
    """
    least = number(one, "similarity", float, where, 0.1, 0.95)
    library = extra("datasketch", "dedup", "The step near-duplicates")
    index = library.MinHashLSH(threshold=least, num_perm=128)
    kept: list[str] = []

    def work(text: str) -> str | Dropped:
        shingles = _shingles(text)
        sketch = library.MinHash(num_perm=128, seed=1)
        sketch.update_batch(sorted(shingle.encode() for shingle in shingles))
        for candidate in sorted(index.query(sketch)):
            other = _shingles(kept[candidate])
            if len(shingles & other) >= least * len(shingles | other):
                return Dropped(f"like {kept[candidate][:40]!r}")
        index.insert(len(kept), sketch)
        kept.append(text)
        return text

    return work


def _shingles(text: str) -> set[str]:
    return {text[start : start + SHINGLE] for start in range(max(1, len(text) - SHINGLE + 1))}
