"""What a training takes from the model that it begins with: network, weights and tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.weights import Stored, fill, load_module
from aigc_text.architecture.layouts import expected
from aigc_text.engines.sources import Source
from aigc_text.tokens.characters import END, Characters, known
from aigc_text.tokens.open import open_tokenizer

if TYPE_CHECKING:
    import torch

    from aigc_text.tokens.tokenizer import Tokenizer

_NO_CONFIG = ("model_type", "library_name")
"""What config.json says beside what the network is built with."""


class CharacterTokens:
    """The tokens of a model over characters."""

    def __init__(self, vocabulary: str, document: bool) -> None:
        self.characters, self.vocabulary = Characters(vocabulary, document), vocabulary
        self.size = self.characters.size
        self.start, self.end = (END,), END if document else None
        self._known = frozenset(vocabulary)

    def encode(self, text: str) -> Sequence[int]:
        """Return the tokens of a text. Raises ``WrongUse`` with the first character that the model does not know."""
        if unknown := next((character for character in text if character not in self._known), None):
            hint = f"Leave such texts out: data.clean, step characters. {known(self.vocabulary)}"
            raise WrongUse(f"The data have {unknown!r}, a character that the model does not know.", hint)
        return self.characters.encode(text)

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens."""
        return self.characters.decode(tokens)


class CharacterParent:
    """A char-transformer or a recurrent network."""

    beside: Sequence[str] = ()

    def __init__(self, config: Mapping[str, Any], files: Mapping[str, Path]) -> None:
        self.config = {name: value for name, value in config.items() if name not in _NO_CONFIG}
        self.tokens = CharacterTokens(config["vocabulary"], config["document"])
        self.files = files

    @classmethod
    def open(cls, config: Mapping[str, Any], files: Mapping[str, Path]) -> CharacterParent:
        """Take the config and the verified files of a model."""
        return cls(config, files)

    def load(self, build: Callable[[], torch.nn.Module]) -> torch.nn.Module:
        """Return the network with the model's weights. Raises ``Refused`` where they do not fit."""
        return load_module(build, self.files)


class OwnTokens:
    """The tokens of a model from the Hub: a text stands between what its tokenizer begins one with, and its end."""

    vocabulary = None

    def __init__(self, tokenizer: Tokenizer, ends: Sequence[int]) -> None:
        self.tokenizer, self.size = tokenizer, tokenizer.size
        self.start = tuple(tokenizer.prompt(""))
        stated = [token for token in ends if token in tokenizer.ends]
        self.end = next(iter([*stated, *sorted(tokenizer.ends)]), None)

    def encode(self, text: str) -> Sequence[int]:
        """Return the tokens of a text and nothing around them."""
        return self.tokenizer.encode(text)

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens."""
        return self.tokenizer.decode(tokens)


class DecoderParent:
    """A decoder from the Hub: what is trained from it is ``networks.Decoder``, with the shape written out."""

    def __init__(self, source: Source, tokens: OwnTokens, beside: Sequence[str]) -> None:
        self.source, self.tokens, self.beside = source, tokens, beside
        assert source.shape is not None
        shape = source.shape._asdict()
        self.config = shape | {"scaling": [list(pair) for pair in source.shape.scaling], "dropout": 0.0}

    @classmethod
    def open(cls, config: Mapping[str, Any], files: Mapping[str, Path]) -> DecoderParent:
        """Take the Hub's own files. Raises ``NotAvailable`` where the decoder is not one that can be trained here."""
        source = Source.of(config, files)
        if source.shape is None:
            kind = "a GGUF file" if source.gguf else f"of model_type {str(config.get('model_type'))[:100]}"
            raise NotAvailable(f"A training cannot begin with this model: it is {kind}.", "Take its safetensors.")
        eos = config.get("eos_token_id")
        ends: list[int] = eos if isinstance(eos, list) else [] if eos is None else [eos]
        beside = [
            name
            for name in files
            if not name.endswith((".safetensors", ".index.json", ".md")) and name != "config.json"
        ]
        return cls(source, OwnTokens(open_tokenizer(files, config), ends), beside)

    def load(self, build: Callable[[], torch.nn.Module]) -> torch.nn.Module:
        """Return the network with the model's weights as float32. Raises ``Refused`` where they do not fit."""
        import torch

        assert self.source.shape is not None
        tensors, sizes = self.source.tensors(), expected(self.source.shape)

        def look(name: str) -> Stored:
            return Stored(sizes[name], "float32", lambda: torch.from_numpy(tensors.float32(name).copy()))

        return fill(build, sizes.keys(), look, "The model's file", "cpu")
