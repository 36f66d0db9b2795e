"""A licence as its SPDX expression: what a package that names anything else cannot even be built with."""

from __future__ import annotations

import os
import re

from aigc_core.errors import WrongUse
from aigc_core.manifest.problems import near

_LIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "spdx.txt")
_OWN = re.compile(r"LicenseRef-[A-Za-z0-9.-]+")


def canonical(text: str) -> str:
    """Return an expression of ids, ``AND``, ``OR`` and ``WITH``, each as SPDX writes it.

    Raises ``WrongUse`` with a near id where one is not known.
    """
    licences, exceptions = _known()
    joins = {each.lower(): each for each in ("AND", "OR", "WITH")}
    words = text.split()
    if not len(words) % 2 or any(word.lower() not in joins for word in words[1::2]):
        raise WrongUse(f"{text!r} is no SPDX id.", _hint("-".join(words), licences))
    found: list[str] = []
    for at, word in enumerate(words):
        known = joins if at % 2 else exceptions if found[-1:] == ["WITH"] else licences
        plus = "+" if word.endswith("+") and known is licences else ""  # "or a later version"
        own = known is licences and _OWN.fullmatch(word)
        if not own and word.removesuffix(plus).lower() not in known:
            raise WrongUse(f"{word!r} is no SPDX id.", _hint(word, known))
        found.append(word if own else known[word.removesuffix(plus).lower()] + plus)
    return " ".join(found)


def _hint(word: str, known: dict[str, str]) -> str:
    """Return what may be meant: of a family of licences, the ids that are shortest."""
    begun = sorted((each for each in known.values() if each.lower().startswith(f"{word.lower()}-")), key=len)
    if begun:
        return f"Did you mean one of {', '.join(begun[:3])}?"
    meant = near(word, known.values())
    return f"Did you mean {meant}?" if meant else "Such as: --license Apache-2.0"


def _known() -> tuple[dict[str, str], dict[str, str]]:
    """Return every licence and every exception by its lower case."""
    with open(_LIST, encoding="utf-8") as stream:
        _, licences, exceptions = re.split(r"^#.*\n", stream.read(), flags=re.MULTILINE)
    return {each.lower(): each for each in licences.split()}, {each.lower(): each for each in exceptions.split()}
