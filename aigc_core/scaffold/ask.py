"""The questions of ``aigc-zoo new plugin`` on a terminal."""

from __future__ import annotations

import click

from aigc_core.errors import WrongUse
from aigc_core.scaffold.asked import FAMILIES
from aigc_core.scaffold.licence import canonical


def ask(fields: list[str]) -> dict[str, str]:
    """Return an answer for each of ``family``, ``license`` and ``author`` that is asked for."""
    answers: dict[str, str] = {}
    for field in fields:
        if field == "family":
            answers[field] = click.prompt("Family", type=click.Choice([*FAMILIES]), default="gan")
        elif field == "license":
            question = "Licence of code and weights (SPDX)"
            answers[field] = click.prompt(question, default="Apache-2.0", value_proc=_licence)
        else:
            answers[field] = click.prompt("Author")
    return answers


def _licence(text: str) -> str:
    try:
        return canonical(text)
    except WrongUse as error:
        raise click.UsageError(f"{error} {error.hint}") from None  # which asks again
