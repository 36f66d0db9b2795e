"""Texts from a language model, token by token: the same texts that its ``generate`` makes, with all that is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.interfaces import Samples
from aigc_core.interfaces.language_model import LanguageModel, Piece, Request
from aigc_core.interfaces.samples import NO_RANGE
from aigc_core.manifest import ModelManifest
from aigc_core.run.guarded import author, guarded
from aigc_core.run.model import Model
from aigc_core.run.noise import draw


class Spoken(NamedTuple):
    """One text, and how it came about."""

    sample: int
    """Its index among the samples of its seed."""
    text: str
    """The prompt and what follows it."""
    tokens: tuple[int, ...]
    """The new tokens."""
    logprobs: tuple[float, ...]
    """ln p of each under the model's own distribution, in nats."""
    finish: str
    """Why it ended; see ``Piece``."""
    prompt_tokens: int
    """How many tokens the prompt has."""
    first_token_s: float
    """Seconds from the prompt to its first token, with all texts beside it."""
    total_s: float
    """Seconds from the prompt to its last token."""

    @property
    def tokens_per_s(self) -> float:
        """Tokens after the first in a second; 0 where there are none."""
        after = self.total_s - self.first_token_s
        return (len(self.tokens) - 1) / after if len(self.tokens) > 1 and after > 0 else 0.0


def language_model(model: Model, verb: str) -> LanguageModel:
    """Return the generator of a model that speaks. Raises ``WrongUse`` with what it is where it does not."""
    if (language := model.language) is None:
        raise no_language_model(model.manifest, verb)
    return language


def no_language_model(manifest: ModelManifest, verb: str) -> WrongUse:
    """Return the error that asking a model for what only language models do is; it says what the model is."""
    kind = manifest.output.get("kind")
    what = "makes its texts whole" if kind == "text" else f"is a {manifest.family} model that makes {kind}s"
    return WrongUse(f"{manifest.id} cannot {verb}: it {what}, and is no language model.", "See: aigc-zoo list")


def requests(model: Model, tokens: tuple[int, ...], seed: int, indices: Sequence[int], options: Any) -> list[Request]:
    """Return a request for each sample of a prompt whose tokens are given; ``options`` have been checked."""
    (uniform,) = draw(model.generator.noise, seed, indices).values()
    asked = {name: value for name, value in options.items() if name != "prompt"}
    return [Request(tokens, asked, row) for row in uniform]


def pieces(model: Model, asked: Sequence[Request]) -> Iterator[Piece]:
    """Yield what the model's plugin speaks; whatever it raises ends in ``NotAvailable``, as in ``guarded``.

    Leaving off in the middle closes what the plugin has open.
    """
    language = language_model(model, "speak")
    spoken = guarded(model.entry, "sample from", lambda: iter(language.speak(asked)))
    try:
        while (piece := guarded(model.entry, "sample from", lambda: next(spoken, None))) is not None:
            if not isinstance(piece, Piece) or not 0 <= piece.row < len(asked):
                raise NotAvailable(f"{model.manifest.id}: {author(model.entry)} spoke no Piece of a text asked for.")
            yield piece
    finally:
        if hasattr(spoken, "close"):  # an iterator that is no generator may have nothing open
            spoken.close()


def spoken(
    model: Model, indices: Sequence[int], *, seed: int, batch_size: int, options: Mapping[str, Any]
) -> Iterator[list[Spoken]]:
    """Yield the texts with the given indices, a batch at a time; every batch is computed as ``batch_size`` rows.

    Raises ``WrongUse`` where the prompt cannot be, ``NotAvailable`` where the plugin's code fails.
    """
    prompt = options.get("prompt", "")
    tokens = encoded(model, prompt)
    for first in range(0, len(indices), batch_size):
        wanted = indices[first : first + batch_size]
        asked = requests(model, tokens, seed, wanted, options)
        asked += asked[:1] * (batch_size - len(asked))
        yield _collected(model, asked, wanted, prompt)


def encoded(model: Model, prompt: str) -> tuple[int, ...]:
    """Return a prompt's tokens. Raises as ``LanguageModel.encode`` does."""
    language = language_model(model, "continue a prompt")
    tokens: tuple[int, ...] = guarded(model.entry, "encode the prompt for", lambda: language.encode(prompt))
    return tokens


def samples(
    model: Model,
    indices: Sequence[int],
    *,
    seed: int,
    batch_size: int,
    options: Mapping[str, Any],
    heard: Callable[[list[Spoken]], None],
) -> Iterator[Samples]:
    """Yield the texts as ``Model.stream`` does, and tell ``heard`` of each batch before."""
    import numpy as np

    for texts in spoken(model, indices, seed=seed, batch_size=batch_size, options=options):
        heard(texts)
        found = Samples("text", np.array([one.text for one in texts], object), NO_RANGE)
        model.check(found, len(texts), author(model.entry))
        yield found


def _collected(model: Model, asked: list[Request], wanted: Sequence[int], prompt: str) -> list[Spoken]:
    began = time.perf_counter()
    found: list[list[Piece]] = [[] for _ in asked]
    times: list[list[float]] = [[] for _ in asked]
    for piece in pieces(model, asked):
        found[piece.row].append(piece)
        times[piece.row].append(time.perf_counter() - began)
    return [told(index, prompt, len(asked[row].tokens), found[row], times[row]) for row, index in enumerate(wanted)]


def told(sample: int, prompt: str, prompt_tokens: int, found: Sequence[Piece], times: Sequence[float]) -> Spoken:
    """Return a whole text from its pieces and when each came."""
    new = [piece for piece in found if piece.token >= 0]
    return Spoken(
        sample,
        prompt + "".join(piece.text for piece in found),
        tuple(piece.token for piece in new),
        tuple(piece.logprob for piece in new),
        found[-1].finish if found else "",
        prompt_tokens,
        times[0] if times else 0.0,
        times[-1] if times else 0.0,
    )


def words_on(text: Spoken, context: int) -> str:
    """Say where a text ran into what the model can hold; an empty string where it did not."""
    if text.finish == "context":
        return f"A text ended early: the model holds {context:,} tokens, prompt included."
    if context and text.prompt_tokens > context:
        return f"The prompt has {text.prompt_tokens:,} tokens, the model holds {context:,}: its oldest were left out."
    if context and text.prompt_tokens + len(text.tokens) > context + 1:  # the last token needs no place
        return f"A text outgrew the {context:,} tokens that the model holds, which forgot its beginning."
    return ""
