"""Tokens into text as they come: as much as is certain, in characters as a reader sees them."""

from __future__ import annotations

from collections.abc import Callable, Container

from aigc_text.tokens.graphemes import last_cut
from aigc_text.tokens.tokenizer import Tokenizer

KEPT = 24
"""Tokens that are decoded again with each new one, or up to twice as many: they tell where its text begins."""
KNOWN = 4
"""Characters that both agree on where older tokens are forgotten: half a character costs at most three."""
UNKNOWN = "\ufffd"


class Shown:
    """The text of one continuation. All that ``add`` and ``flush`` return together is ``decode`` of all tokens.

    Held back are the last cluster of characters, since an accent or a joiner may follow; a character whose bytes are
    not all there, which is U+FFFD only once it cannot become another one; and bytes as sentencepiece writes them, which
    are text all together or not at all, until another token follows. A token costs the decoding of ``KEPT`` to twice as
    many, however long the text is.

    A tokenizer may have ``hidden(token)``, whether no text changes by a token; ``joined``, tokens whose text depends on
    those of them beside it; and ``unsettled``, how many characters at a text's end what follows can change.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._hidden: Callable[[int], bool] = getattr(tokenizer, "hidden", lambda token: False)
        self._joined: Container[int] = getattr(tokenizer, "joined", frozenset())
        self._unsettled: int = getattr(tokenizer, "unsettled", 0)
        self._tokens: list[int] = []
        self._most = 2 * KEPT
        self._given = 0
        """How many characters of these tokens' text were returned."""

    def add(self, token: int) -> str:
        """Take the next token and return what can be shown now, often nothing."""
        if self._hidden(token):
            return ""
        self._tokens.append(token)
        if token in self._joined:
            return ""
        text = self._tokenizer.decode(self._tokens)
        certain = len(text) - max(self._unsettled, text.endswith(UNKNOWN))
        cut = last_cut(text[:certain], self._given) if certain > self._given else self._given
        found, self._given = text[self._given : cut], cut
        if len(self._tokens) >= self._most:
            self._forget(text)
        return found

    def flush(self) -> str:
        """Return the rest, after the last token."""
        found = self._tokenizer.decode(self._tokens)[self._given :]
        self._given += len(found)
        return found

    def _forget(self, text: str) -> None:
        """Drop the older half of the tokens where the newer alone have the same text, but for its first characters."""
        tokens = self._tokens[len(self._tokens) // 2 :]
        newer, held = self._tokenizer.decode(tokens), len(text) - self._given
        same = held + self._unsettled + KNOWN
        if len(newer) >= same and text.endswith(newer[-same:]):
            self._tokens, self._given, self._most = tokens, len(newer) - held, 2 * KEPT
        else:
            self._most = 2 * len(
                self._tokens
            )  # seldom, so that a text that never settles costs no square of its length
