"""One text that is being written: its tokens so far, what it waits for, and where it ends."""

from __future__ import annotations

from array import array

import numpy as np

from aigc_core.errors import WrongUse, counted
from aigc_core.interfaces.language_model import Piece, Request
from aigc_text.generate.choose import choose, logprob
from aigc_text.generate.penalties import penalised
from aigc_text.generate.settings import Settings
from aigc_text.generate.stops import Stops
from aigc_text.tokens.shown import Shown
from aigc_text.tokens.tokenizer import Tokenizer


class Row:
    """A request, checked, and the text that it has become.

    ``limit`` is how many tokens prompt and text may have together, 0 without a bound; ``vocabulary`` how many logits
    there are. Raises ``WrongUse`` where the prompt does not fit, a token or an option cannot be, or noise is missing.
    """

    def __init__(self, request: Request, tokenizer: Tokenizer, limit: int, vocabulary: int) -> None:
        self.settings = settings = Settings.of(request.options)
        _check_tokens(request.tokens, vocabulary)
        _check_bias(settings, vocabulary)
        kept = _fitting(request.tokens, settings, limit)
        self.lost = len(request.tokens) - len(kept)
        """How many of its oldest tokens the model no longer sees."""
        self.tokens = array("q", kept)
        self.logits: np.ndarray | None = None
        """Those of the prompt's successor, while no token has been chosen by them."""
        self._limit, self._prompt = limit, len(kept)
        room = limit - len(kept) if limit and not settings.slide else settings.max_new_tokens
        self._most = min(room, settings.max_new_tokens)
        self._uniform = _noise(request.uniform, 0 if settings.greedy else self._most)
        self._ends, self._shown, self._stops = tokenizer.ends, Shown(tokenizer), Stops(settings.stop)

    @property
    def length(self) -> int:
        """How many tokens the text can need a place for."""
        needed = self._prompt + self.settings.max_new_tokens
        return min(needed, self._limit) if self._limit else needed

    def take(self, number: int, logits: np.ndarray) -> Piece:
        """Choose the next token by logits (vocabulary,), which stay as they are, and return what it adds.

        Raises what ``choose`` does; the text is then over.
        """
        self.logits = None
        place = len(self.tokens) - self._prompt
        scores = penalised(logits, np.frombuffer(self.tokens, np.int64), place, self.settings)
        token = choose(scores, 0.0 if self.settings.greedy else float(self._uniform[place]), self.settings)
        self.tokens.append(token)
        text, finish = self._text(token, self._finish(token, place + 1))
        return Piece(number, text, token, logprob(logits, token), finish)

    def slide(self) -> list[int]:
        """Let the oldest tokens of a full row go, and return the last half of what it can hold: it is fed again."""
        half = max(2, self._limit // 2)  # the last of them is stepped, not fed: one has to stand before it
        self.lost += self._limit + 1 - half  # the text is one token longer than what has been computed
        return self.tokens[-half:].tolist()

    def _finish(self, token: int, new: int) -> str:
        """Return why the text ends after its ``new``-th token, or nothing where it goes on."""
        if token in self._ends:
            return "stop"
        if new == self.settings.max_new_tokens:
            return "length"
        return "context" if new == self._most else ""

    def _text(self, token: int, finish: str) -> tuple[str, str]:
        """Return what can be shown after a token, and why the text ends; a stop string goes before other reasons."""
        text, stopped = self._stops.add("" if token in self._ends else self._shown.add(token))
        if finish and not stopped:
            rest, stopped = self._stops.add(self._shown.flush())
            text += rest
        if stopped:
            return text, "stop"
        return (text + self._stops.flush() if finish else text), finish


def _check_tokens(tokens: tuple[int, ...], vocabulary: int) -> None:
    if not tokens:
        raise WrongUse("The prompt has no token, so that there is nothing to go on from.")
    strange = min(tokens) if min(tokens) < 0 else max(tokens)
    if not 0 <= strange < vocabulary:
        raise WrongUse(f"The prompt has the token {strange}, the model knows 0 to {vocabulary - 1}.")


def _check_bias(settings: Settings, vocabulary: int) -> None:
    for token, _ in settings.logit_bias:
        if token >= vocabulary:
            raise WrongUse(f"Option logit_bias names the token {token}, the model knows 0 to {vocabulary - 1}.")


def _fitting(tokens: tuple[int, ...], settings: Settings, limit: int) -> tuple[int, ...]:
    """Return the prompt, or the end of it that leaves room for what is asked, and is at least half of what fits."""
    if not limit or len(tokens) < limit:
        return tokens
    if not settings.slide or limit < 2:
        raise WrongUse(
            f"The prompt has {counted(len(tokens), 'token')}, the model holds {limit:,} together with what it writes.",
            "Shorten the prompt, or let its oldest tokens go: --overflow slide.",
        )
    return tokens[-max(1, limit // 2, limit - settings.max_new_tokens) :]


def _noise(uniform: np.ndarray, needed: int) -> np.ndarray:
    """Return the uniforms that a text can need, where they are there and lie in [0, 1]."""
    if np.ndim(uniform) != 1 or len(uniform) < needed:
        there = f"noise of shape {tuple(np.shape(uniform))}"
        raise WrongUse(
            f"The text may take {counted(needed, 'new token')} and there is {there}: one number for each is needed.",
            "Ask for fewer with max_new_tokens, or take temperature 0, which needs none.",
        )
    used = uniform[:needed]
    if not bool(np.all((used >= 0) & (used <= 1))):
        raise WrongUse("The noise of the text has a number outside [0, 1].")
    return used
