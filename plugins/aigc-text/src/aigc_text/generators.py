"""The language models that the plugin offers to ``run``, ``score`` and ``serve``: tokenizer, engine and generation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aigc_core.errors import WrongUse
from aigc_core.interfaces import NoiseSpec, Samples
from aigc_core.interfaces.language_model import Message, Piece, Request, Scores
from aigc_core.interfaces.samples import NO_RANGE
from aigc_text.engines.choice import Chosen, Only
from aigc_text.engines.engine import Writer
from aigc_text.engines.opening import ENGINES
from aigc_text.engines.sources import Source
from aigc_text.generate.desk import Desk
from aigc_text.generate.score import scores
from aigc_text.generate.speak import speak
from aigc_text.generate.written import written
from aigc_text.tokens.chat import Template
from aigc_text.tokens.tokenizer import Tokenizer

MAX_NEW_TOKENS = 32768
"""For how many tokens of a sample there is noise. Another number would give every sample other noise."""


class TextModel:
    """A tokenizer and an engine as a ``LanguageModel`` of the core."""

    noise: Mapping[str, NoiseSpec] = {"uniform": NoiseSpec((MAX_NEW_TOKENS,), "uniform")}

    def __init__(
        self,
        tokenizer: Tokenizer,
        template: Template | None,
        engines: Chosen | Only,
        usual: Mapping[str, Any] | None = None,
    ) -> None:
        """Take what makes a text; ``usual`` are options that hold where a request says nothing else."""
        self.tokenizer, self.template, self._engines, self._usual = tokenizer, template, engines, dict(usual or {})
        self.context = engines.context

    @property
    def engine(self) -> str:
        """What computed last, or would compute one text."""
        return self._engines.last.name

    @property
    def dtype(self) -> str:
        """What it computed in."""
        return self._engines.last.dtype

    def environment(self) -> dict[str, str | int]:
        return self._engines.last.environment()

    def encode(self, prompt: str) -> tuple[int, ...]:
        if not (tokens := self.tokenizer.prompt(prompt)):
            raise WrongUse("The prompt is empty, and this model has no token that begins a text.", "Give it a prompt.")
        return tuple(tokens)

    def render(self, messages: Sequence[Message]) -> tuple[int, ...]:
        if self.template is None:
            raise WrongUse("This model has no chat template: it continues texts.", "Use it without --chat.")
        return tuple(self.tokenizer.encode(self.template.render(messages)))

    def speak(self, requests: Sequence[Request]) -> Iterator[Piece]:
        own = [request._replace(options=self._usual | dict(request.options)) for request in requests]
        engine = self._engines.engine(len(own))
        if isinstance(engine, Writer):
            return written(engine, engine, self.tokenizer, own)
        return speak(engine, self.tokenizer, own)

    def desk(self, rows: int) -> Desk:
        return Desk(self._engines.engine(rows), self.tokenizer, rows)

    def score(self, text: str) -> Scores:
        return scores(self._engines.engine(), self.tokenizer.prompt(text))

    def complete(self, requests: Sequence[Request]) -> list[str]:
        """Return what follows each prompt, all at once."""
        texts = [""] * len(requests)
        for piece in self.speak(requests):
            texts[piece.row] += piece.text
        return texts

    def generate(self, noise: Mapping[str, np.ndarray], options: Mapping[str, Any]) -> Samples:
        """Continue the prompt once for each row of uniforms (n, MAX_NEW_TOKENS): texts (n,) that start with it."""
        own = {name: value for name, value in options.items() if name != "prompt"}
        prompt = options.get("prompt", "")
        tokens = self.encode(prompt)
        texts = self.complete([Request(tokens, own, row) for row in noise["uniform"]])
        return Samples("text", np.array([prompt + text for text in texts], object), NO_RANGE)


class Decoder(TextModel):
    """Any decoder of the Hub: what ``architecture.Shape`` describes, a GGUF file, or what transformers can load."""

    engines: Mapping[str, tuple[str, ...]] = ENGINES

    @classmethod
    def open(
        cls,
        config: Mapping[str, Any],
        weights: Mapping[str, Path],
        device: str,
        engine: str = "auto",
        dtype: str = "auto",
        threads: int = 0,
    ) -> Decoder:
        """Open the Hub's own files: safetensors or GGUF, config.json, and the tokenizer's."""
        source = Source.of(config, weights)
        chosen = Chosen(source, engine, dtype, threads, device)
        if source.gguf:
            from aigc_text.tokens.gguf_vocabulary import open_vocabulary

            return cls(*open_vocabulary(chosen.engine()), chosen)
        from aigc_text.tokens.open import open_tokenizer

        return cls(open_tokenizer(weights, config), Template.open(weights, config), chosen)


class CharTransformer(TextModel):
    """A decoder over characters. A text that is longer than its context goes on without its beginning."""

    engines: Mapping[str, tuple[str, ...]] = {name: ENGINES[name] for name in ("native", "compiled", "gguf")}

    @classmethod
    def open(
        cls,
        config: Mapping[str, Any],
        weights: Mapping[str, Path],
        device: str,
        engine: str = "auto",
        dtype: str = "auto",
        threads: int = 0,
    ) -> CharTransformer:
        """Load the safetensors file. ``config`` has ``vocabulary``, ``block``, ``layers``, ``heads`` and the others."""
        from aigc_text.tokens.characters import Characters

        source = Source.of({**config, "model_type": "char-transformer"}, weights)
        characters = Characters(config["vocabulary"], config["document"])
        return cls(characters, None, Chosen(source, engine, dtype, threads, device), {"overflow": "slide"})


class RecurrentModel(TextModel):
    """An LSTM or GRU over characters."""

    @classmethod
    def open(cls, config: Mapping[str, Any], weights: Mapping[str, Path], device: str) -> RecurrentModel:
        """Load the safetensors file. ``config`` is what ``recurrent.Recurrent`` is built with."""
        from aigc_text.engines.recurrent import RecurrentEngine
        from aigc_text.tokens.characters import Characters

        characters = Characters(config["vocabulary"], config.get("document", False))
        return cls(characters, None, Only(RecurrentEngine.open(config, weights, device)))
