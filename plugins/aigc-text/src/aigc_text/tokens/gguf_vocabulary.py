"""The tokenizer inside a GGUF file, through llama.cpp, and the file's chat template."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_core.errors import NotAvailable, Refused, WrongUse
from aigc_text.tokens.chat import MAX_SOURCE, Template

if TYPE_CHECKING:
    from aigc_text.engines.engine import Engine
    from aigc_text.engines.gguf_file import GgufFile


def open_vocabulary(engine: Engine) -> tuple[GgufVocabulary, Template | None]:
    """Return the tokenizer of the file that the engine ``gguf`` computes, and its chat template where it has one.

    Raises ``NotAvailable`` where the file has no tokenizer, ``Refused`` for a template that is longer than any.
    """
    from aigc_text.engines.gguf import Gguf

    assert isinstance(engine, Gguf)
    tokens, source = GgufVocabulary(engine.file), engine.file.text("tokenizer.chat_template")
    if len(source) > MAX_SOURCE:
        raise Refused(f"{engine.file.path}: its chat template is no text of at most {MAX_SOURCE:,} characters.")
    return tokens, Template(source, Path(engine.file.path), tokens.specials) if source else None


class GgufVocabulary:
    """A GGUF file's own vocabulary. See ``tokens.tokenizer.Tokenizer``. It lives as long as the file is open."""

    def __init__(self, file: GgufFile) -> None:
        """Raise ``NotAvailable`` where the file has no tokenizer, as those that the zoo converts."""
        llama = file.llama
        if llama.llama_vocab_type(file.vocabulary) == llama.LLAMA_VOCAB_TYPE_NONE:
            raise NotAvailable(f"{file.path} has no tokenizer.", "Use the files that it was made from.")
        self.size, self._file = file.tokens, file
        self._bytewise = llama.llama_vocab_type(file.vocabulary) == llama.LLAMA_VOCAB_TYPE_BPE
        places = {
            "bos_token": llama.llama_vocab_bos(file.vocabulary),
            "eos_token": llama.llama_vocab_eos(file.vocabulary),
            "eot_token": llama.llama_vocab_eot(file.vocabulary),
        }
        places = {name: token for name, token in places.items() if 0 <= token < self.size}
        self.ends = frozenset(token for name, token in places.items() if name != "bos_token")
        begins = "bos_token" in places and llama.llama_vocab_get_add_bos(file.vocabulary)
        self._start = [places["bos_token"]] if begins else []
        self.specials = {name: self._text([token], special=True) for name, token in places.items()}
        """The texts of special tokens, by the names that chat templates have for them."""

    def encode(self, text: str) -> list[int]:
        """Return a text's tokens. Raises ``WrongUse`` where it has half a surrogate pair, which is no character."""
        try:
            data = text.encode("utf-8")
        except UnicodeEncodeError as error:
            half = f"{text[error.start]!r} at character {error.start + 1:,}"
            raise WrongUse(f"The text has half a surrogate pair, {half}, which no tokenizer can take.") from error
        room = len(data) + 16  # a token stands for a byte or more; a space may be put before the text
        tokens = (ctypes.c_int32 * room)()
        count = int(self._file.llama.llama_tokenize(self._file.vocabulary, data, len(data), tokens, room, False, True))
        if count < 0:
            raise NotAvailable(f"{self._file.path} cannot encode the text: llama.cpp makes {-count:,} tokens of it.")
        return tokens[:count]

    def prompt(self, text: str) -> list[int]:
        """Return a text's tokens after the one that begins a text, where the file asks for that."""
        return self._start + self.encode(text)

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens without special ones; bytes that are no character become U+FFFD."""
        return self._text(tokens, special=False)

    def _text(self, tokens: Sequence[int], special: bool) -> str:
        if self._bytewise:  # llama.cpp would take out spaces before commas, as transformers once did by default
            data = b"".join(self._piece(token, special) for token in tokens)
        else:
            ids = (ctypes.c_int32 * len(tokens))(*tokens)
            data = _filled(
                self._file.llama.llama_detokenize, self._file.vocabulary, ids, len(tokens), last=(False, special)
            )
        return data.decode("utf-8", "replace")

    def _piece(self, token: int, special: bool) -> bytes:
        return _filled(self._file.llama.llama_token_to_piece, self._file.vocabulary, token, last=(0, special))


def _filled(function: Callable[..., int], *first: Any, last: tuple[Any, ...]) -> bytes:
    """Call a function of llama.cpp that fills a buffer, or returns how many bytes it needs, as a negative number."""
    room = 256
    while True:
        buffer = ctypes.create_string_buffer(room)
        count = function(*first, buffer, room, *last)
        if count >= 0:
            return buffer.raw[:count]
        room = -count
