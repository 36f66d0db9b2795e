"""Tokenizers that the ``tokenizers`` library computes: from tokenizer.json, or from vocab.json with merges.txt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aigc_core.errors import WrongUse
from aigc_text.tokens.beside import Beside, Special
from aigc_text.tokens.guarded import guarded, sized
from aigc_text.tokens.pipelines import rebuild

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Library

SPACES = ((" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
          (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"))  # fmt: skip
"""What ``clean_up_tokenization_spaces`` replaces in a decoded text, in this order."""


class Fast:
    """A tokenizer around one of the library's, whose added tokens, truncation and padding are settled."""

    def __init__(self, library: Library, path: Path, ends: Iterable[int], cleans: bool) -> None:
        self._library, self._path = library, path
        self._cleans = cleans and type(library.model).__name__ != "BPE"  # transformers: it would corrupt those
        self.size = library.get_vocab_size()
        self.ends = frozenset(ends)
        self._specials = {number for number, token in library.get_added_tokens_decoder().items() if token.special}
        state = library.decoder.__getstate__() if library.decoder else b""
        written = (f"<0x{byte:02X}>" for byte in range(256)) if b"ByteFallback" in state else ()
        self.joined = frozenset(token for text in written if (token := library.token_to_id(text)) is not None)
        """Single bytes as sentencepiece writes them: their text depends on those beside them."""
        self.unsettled = 8 if self._cleans else 0
        """How many characters at a text's end can still change by what follows."""
        self._start = self._found_start()

    def encode(self, text: str) -> list[int]:
        """Return a text's tokens. Raises ``WrongUse`` where it has half a surrogate pair, which is no character."""
        return list(self._encoded(text, special=False)[0])

    def prompt(self, text: str) -> list[int]:
        """Return a text's tokens after those that begin one, and without those that end one."""
        return self._start + self.encode(text)

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens, special ones and those that the vocabulary has not left out."""
        with guarded(self._path):
            text: str = self._library.decode(tokens, skip_special_tokens=True)
        if self._cleans:
            for spaced, joined in SPACES:
                text = text.replace(spaced, joined)
        return text

    def hidden(self, token: int) -> bool:
        """Return whether no text changes by this token: it is special, or the vocabulary has it not."""
        return token in self._specials or (token >= self.size and self._library.id_to_token(token) is None)

    def _encoded(self, text: str, special: bool) -> tuple[list[int], list[int]]:
        """Return tokens and, for each, 1 where the post-processor put it there."""
        try:
            text.isascii() or text.encode()
        except UnicodeEncodeError as error:
            half = f"{text[error.start]!r} at character {error.start + 1:,}"
            raise WrongUse(f"The text has half a surrogate pair, {half}, which no tokenizer can take.") from error
        with guarded(self._path):
            found = self._library.encode(text, add_special_tokens=special)
            return found.ids, found.special_tokens_mask if special else []

    def _found_start(self) -> list[int]:
        """Return what the post-processor puts before a text. A text of no token would not show where that ends."""
        for text in ("a", " a", *(token.content for token in self._library.get_added_tokens_decoder().values())):
            tokens, put = self._encoded(text, special=True)
            if 0 in put:
                return tokens[: put.index(0)]
        return []


def open_json(files: Mapping[str, Path], beside: Beside, eos: Sequence[int]) -> Fast:
    """Open tokenizer.json. Raises ``Refused`` where it is damaged."""
    from tokenizers import Tokenizer

    path = sized(files, "tokenizer.json")
    with guarded(path):
        library = Tokenizer.from_file(str(path))
        if beside.kind:
            rebuild(library, beside.kind, beside.settings, beside.named)
        add_beside(library, beside)
        if beside.kind == "GPTNeoXTokenizer":  # transformers forgets what the file puts around a text
            frame(library, None, None)
        elif beside.kind == "BertTokenizer":
            frame(library, beside.named.get("cls_token"), beside.named.get("sep_token"))
        return finish(library, path, beside, eos)


def open_merges(files: Mapping[str, Path], beside: Beside, eos: Sequence[int]) -> Fast:
    """Open vocab.json and merges.txt, byte pairs as GPT-2's. Raises ``Refused`` where one of them is damaged."""
    from tokenizers import Tokenizer
    from tokenizers.models import BPE

    path, merges = sized(files, "vocab.json"), sized(files, "merges.txt")
    with guarded(path):
        library = Tokenizer(BPE.from_file(str(path), str(merges)))
        rebuild(library, beside.kind, beside.settings, beside.named)
        add_beside(library, beside)
        before, after = (
            beside.named.get(name) if beside.settings.get(f"add_{name}") else None
            for name in ("bos_token", "eos_token")
        )
        frame(library, before, after)
        return finish(library, path, beside, eos)


def finish(library: Library, path: Path, beside: Beside, eos: Sequence[int]) -> Fast:
    """Settle what an opened tokenizer cuts, pads and ends with."""
    library.no_truncation()
    library.no_padding()
    library.encode_special_tokens = bool(beside.settings.get("split_special_tokens"))

    def known(tokens: Iterable[int | None]) -> list[int]:
        return [token for token in tokens if token is not None and library.id_to_token(token) is not None]

    eos_token, separator = (
        library.token_to_id(beside.named[name].content) if name in beside.named else None
        for name in ("eos_token", "sep_token")
    )
    ends = known([*eos, eos_token]) or known([separator] if beside.kind == "BertTokenizer" else [])
    return Fast(library, path, ends, bool(beside.settings.get("clean_up_tokenization_spaces")))


def add_beside(library: Library, beside: Beside) -> None:
    """Add the tokens that are matched before all else, in transformers' order (TokenizersBackend.__init__)."""
    from tokenizers import AddedToken

    def made(token: Special, special: bool) -> AddedToken:
        flags = token._asdict() | {"special": special}
        return AddedToken(flags.pop("content"), **flags)

    there = {
        number: Special(token.content, token.lstrip, token.rstrip, token.single_word, token.normalized, token.special)
        for number, token in library.get_added_tokens_decoder().items()
    }
    added = dict(beside.added) if beside.complete else dict(beside.added) | there
    named = {token.content for token in beside.named.values()}
    known = {token.content for token in (*added.values(), *there.values())}
    tokens = [made(added[number], added[number].special or added[number].content in named) for number in sorted(added)]
    tokens += [made(token, True) for token in beside.named.values() if token.content not in known]
    tokens += [made(token, token.special) for token in beside.extra if token.content not in known]
    if beside.kind == "Qwen2Tokenizer":
        tokens += [AddedToken(token.content, special=True) for token in (*beside.named.values(), *beside.extra)]
    library.add_tokens(tokens)


def frame(library: Library, before: Special | None, after: Special | None) -> None:
    """Put a token before each text and one after it, and nothing else."""
    from tokenizers import processors

    tokens = [(token.content, library.token_to_id(token.content)) for token in (before, after) if token]
    first, last = (f"{token.content}:0" if token else "" for token in (before, after))
    text = f"{first} $A:0 {last}".strip()
    library.post_processor = processors.TemplateProcessing(single=text, pair=f"{text} $B:1", special_tokens=tokens)
