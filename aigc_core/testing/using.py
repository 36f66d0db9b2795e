"""How checks use a model: samples by number, or from noise, whatever it makes them of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aigc_core.errors import WrongUse
from aigc_core.interfaces.language_model import Piece, Request
from aigc_core.manifest.options import check
from aigc_core.run import speak
from aigc_core.run.model import Model
from aigc_core.run.noise import draw

if TYPE_CHECKING:
    import numpy as np

COUNT = 4
"""So many samples are made at once: enough to have neighbours."""
TOKENS = 12
"""So many new tokens a text has, where the model lets one say."""
_PROMPTS = ("", "The ", "the ", "a", "\u6625", "1")


def usual(model: Model) -> dict[str, Any]:
    """Return options with which a model makes samples soon: a prompt that it takes, and few tokens."""
    known = model.manifest.options.get("properties", {})
    given: dict[str, Any] = {"max_new_tokens": TOKENS} if "max_new_tokens" in known else {}
    if "prompt" in known and (text := prompt(model)):
        given["prompt"] = text
    return given


def prompt(model: Model) -> str:
    """Return the first of some prompts that a language model takes; empty where it begins by itself."""
    if model.language is None:
        return ""
    examples = model.manifest.options.get("properties", {}).get("prompt", {}).get("examples", [])
    for text in (*examples, *_PROMPTS):
        try:
            model.language.encode(text)
        except WrongUse:
            continue
        return str(text)
    return _PROMPTS[1]


def samples(
    model: Model, indices: Sequence[int] = range(COUNT), batch: int = 0, options: Mapping[str, Any] | None = None
) -> list[Any]:
    """Return samples of seed 0 by their numbers, each an array or a text, computed ``batch`` (or all) at once."""
    given = usual(model) if options is None else dict(options)
    size = batch or len(indices)
    if model.language:
        asked = check(given, model.manifest.options, model.manifest.id)
        parts = speak.samples(model, indices, seed=0, batch_size=size, options=asked, heard=lambda texts: None)
    else:
        parts = model.stream(indices, batch_size=size, **given)
    return [value for part in parts for value in part.values]


def noise(model: Model, indices: Sequence[int] = range(COUNT), seed: int = 0) -> dict[str, np.ndarray]:
    """Return the noise of samples by their numbers."""
    return draw(model.generator.noise, seed, indices)


def made(model: Model, given: Mapping[str, np.ndarray], options: Mapping[str, Any] | None = None) -> list[Any]:
    """Return what noise makes, all rows at once: an array or a text each."""
    asked = usual(model) if options is None else dict(options)
    if model.language:
        pieces = spoken(model, given, asked)
        return ["".join(piece.text for piece in row) for row in pieces]
    rows = len(next(iter(given.values()))) if given else 1
    checked = check(asked, model.manifest.options, model.manifest.id)
    found = model.generator.generate(given, checked)
    model.check(found, rows, "it")
    return list(found.values)


def spoken(model: Model, given: Mapping[str, np.ndarray], options: Mapping[str, Any]) -> list[list[Piece]]:
    """Return what a language model says for each row of noise, piece by piece."""
    asked = check(dict(options), model.manifest.options, model.manifest.id)
    (uniform,) = given.values()
    tokens = speak.encoded(model, str(asked.pop("prompt", "")))
    wanted = [Request(tokens, asked, row) for row in uniform]
    rows: list[list[Piece]] = [[] for _ in wanted]
    for piece in speak.pieces(model, wanted):
        rows[piece.row].append(piece)
    return rows


def same(one: Any, other: Any) -> bool:
    """Say whether two samples are equal to the bit."""
    if isinstance(one, str) or isinstance(other, str):
        return bool(one == other)
    return bool(one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes())


def differing(one: Sequence[Any], other: Sequence[Any]) -> list[int]:
    """Return the places at which two lists of samples differ in any bit."""
    return [at for at, pair in enumerate(zip(one, other, strict=True)) if not same(*pair)]


def apart(one: Any, other: Any) -> str:
    """Say how far two samples are apart: the largest difference of images, the first one of texts."""
    if isinstance(one, str):
        at = next(
            (i for i, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other))
        )
        return f"the texts part at character {at}: {one[at : at + 20]!r}, {other[at : at + 20]!r}"
    import numpy as np

    away = np.abs(one.astype(np.float64) - other)
    place = [int(index) for index in np.unravel_index(int(away.argmax()), away.shape)]
    return f"by up to {away.max():.3g}, at {place}"
