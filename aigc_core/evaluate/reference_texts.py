"""Real texts that samples are compared with: documents as they are, a stream in pieces of one length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aigc_core.evaluate.data_spec import HELD_OUT
from aigc_core.evaluate.reference import Reference
from aigc_core.evaluate.views import Views

PIECE = 500
"""Characters of a piece of a stream."""


def texts_reference(spec: Mapping[str, Any], place: str | None) -> Reference:
    """Return the texts that a recipe's ``data`` names. Raises as ``reference_of`` does."""
    from aigc_core.hub.names import model_id
    from aigc_core.train.build import component
    from aigc_core.train.data.read import read_texts

    parts = read_texts(spec, place, lambda use: component("datasets", use))
    return of_texts(model_id(spec["name"]), parts, stream=spec["form"]["kind"] == "windows")


def of_texts(name: str, parts: Mapping[str, Sequence[str]], *, stream: bool) -> Reference:
    """Return texts by part (``train`` and any of ``test``, ``validation``) as a reference.

    Those of a ``stream`` are cut into pieces; what is trained on is kept whole beside its pieces.
    """
    part = next((each for each in HELD_OUT if parts.get(each)), "training")
    training = [*parts["train"]]
    real = training if part == "training" else [*parts[part]]
    if stream:
        training, real = pieces(training), pieces(real)
    trained = Views(training)
    whole = Views([*parts["train"]]) if stream else None
    return Reference(name, part, trained if part == "training" else Views(real), trained, whole)


def pieces(texts: Sequence[str]) -> list[str]:
    """Cut texts into pieces of ``PIECE`` characters; a shorter rest is left out, unless it is all."""
    found = [text[at : at + PIECE] for text in texts for at in range(0, max(1, len(text) - PIECE + 1), PIECE)]
    return [text for text in found if text.strip()]
