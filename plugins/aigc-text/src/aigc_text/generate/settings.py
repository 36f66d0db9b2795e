"""The options of ``zoo/options/decoding.json`` as one text needs them: parsed, and none that would have no effect."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aigc_core.errors import WrongUse, did_you_mean
from aigc_core.interfaces.language_model import GREEDY

MAX_STOPS = 64
"""Every piece of text is searched for each of them."""
MAX_BIAS = 100.0

_BIAS = re.compile(r"\s*([0-9]{1,9})\s*=\s*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*", re.ASCII)


class Settings(NamedTuple):
    """How a text's tokens are chosen. Every default changes nothing, but for ``max_new_tokens``."""

    max_new_tokens: int = 200
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    typical_p: float = 1.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    no_repeat_ngram: int = 0
    stop: tuple[str, ...] = ()
    logit_bias: tuple[tuple[int, float], ...] = ()
    """Pairs of a token and what is added to its logit; each token at most once."""
    slide: bool = False
    """Whether the oldest tokens go where the context is full."""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Settings:
        """Parse options whose types and bounds the schema has checked.

        Raises ``WrongUse`` for an unknown option, one that would have no effect, a number that is not finite, a bias
        that cannot be read and an empty stop string.
        """
        own = dict(options)
        slide = own.pop("overflow", "refuse") == "slide"
        for name, value in own.items():
            if name not in _NAMES:
                raise WrongUse(f"There is no option {name} for a text.{did_you_mean(name, list(_NAMES))}")
            if isinstance(value, float) and not math.isfinite(value):
                raise WrongUse(f"Option {name} is {value}, it takes a finite number.")
        own["stop"] = _stops(own.get("stop", ()))
        own["logit_bias"] = _biases(own.get("logit_bias", ()))
        settings = cls(**own, slide=slide)
        settings._refuse_inert()
        return settings

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is taken, so that no noise is needed."""
        return self.temperature == GREEDY

    @property
    def plain(self) -> bool:
        """Whether the text is the model's own greedy one: no logit is changed, no text slides. An engine that writes
        whole texts can take it; stop strings then cut what it wrote."""
        return self.greedy and not self.penalises and not self.slide

    @property
    def penalises(self) -> bool:
        """Whether a logit may be changed by the tokens before it, or by a bias."""
        neutral = (1.0, 0.0, 0.0, 0)
        given = (self.repetition_penalty, self.presence_penalty, self.frequency_penalty, self.no_repeat_ngram)
        return given != neutral or any(value for _, value in self.logit_bias)

    def _refuse_inert(self) -> None:
        """Raise ``WrongUse`` for a filter of what greedy decoding never looks at."""
        for name in ("top_k", "top_p", "min_p", "typical_p"):
            if self.greedy and getattr(self, name) != self._field_defaults[name]:
                raise WrongUse(
                    f"Option {name} has no effect at temperature 0, which always takes the likeliest token.",
                    f"Leave {name} out, or give a temperature above 0.",
                )


_NAMES = tuple(name for name in Settings._fields if name != "slide")


def _stops(given: Sequence[str]) -> tuple[str, ...]:
    if len(given) > MAX_STOPS:
        raise WrongUse(f"There are {len(given)} stop strings, a text takes at most {MAX_STOPS}.")
    if "" in given:
        raise WrongUse("A stop string is empty: every text would end before it begins.")
    return tuple(dict.fromkeys(given))


def _biases(given: Sequence[str]) -> tuple[tuple[int, float], ...]:
    biases: dict[int, float] = {}
    for entry in given:
        parts = _BIAS.fullmatch(entry)
        if not parts:
            example = "TOKEN=BIAS with a token's number, such as 50256=-100"
            raise WrongUse(f"Option logit_bias is {entry[:80]!r}, it takes {example}.")
        token, bias = int(parts[1]), float(parts[2])
        if not abs(bias) <= MAX_BIAS:
            raise WrongUse(f"Option logit_bias gives token {token} {bias:g}, it takes -{MAX_BIAS:g} to {MAX_BIAS:g}.")
        if token in biases:
            raise WrongUse(f"Option logit_bias names token {token} twice.")
        biases[token] = bias
    return tuple(biases.items())
