"""Characters as tokens: a token is the place of a character in the vocabulary."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable

from aigc_core.errors import WrongUse

END = 0
"""The token that starts and ends a document."""
MAX_SHOWN = 100
"""How many characters a sentence names."""


def known(vocabulary: str) -> str:
    """Say in a sentence which characters there are: all of them, or how many of which script where they are many."""
    if len(shown := "".join(filter(str.isprintable, vocabulary))) <= MAX_SHOWN:
        return f"It has: {shown}"
    # A character's name in Unicode begins with its script, such as LATIN or CJK.
    ((script, most),) = Counter(unicodedata.name(each, "other").split()[0] for each in shown).most_common(1)
    return f"It has {len(shown):,} characters, {most:,} of them {script.capitalize() if len(script) > 3 else script}."


class Characters:
    """Text to tokens and back. With ``document``, characters count from 1 and ``END`` is none of them."""

    def __init__(self, vocabulary: str, document: bool) -> None:
        self.vocabulary, self.document = vocabulary, document
        self.size = len(vocabulary) + document
        self.ends = frozenset([END] if document else [])
        self._tokens = {character: token for token, character in enumerate(vocabulary, start=int(document))}

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text. Raises ``WrongUse`` with the first character that is none of the model's."""
        if unknown := next((character for character in text if character not in self._tokens), None):
            text = f"The prompt has {unknown!r}, a character that this model has not seen."
            raise WrongUse(text, known(self.vocabulary))
        return [self._tokens[character] for character in text]

    def start(self) -> list[int]:
        """Return what stands before a text's first character: a document's start, else a new line if there is one."""
        return [END] if self.document else [self._tokens.get("\n", 0)]

    def prompt(self, text: str) -> list[int]:
        """Return the tokens that a text goes on from: a document begins with its start, whatever follows; any other
        text goes on from what is there, and from its start where nothing is. Raises ``WrongUse`` as ``encode``."""
        given = self.encode(text)
        return given if given and not self.document else self.start() + given

    def decode(self, tokens: Iterable[int]) -> str:
        """Return the text of tokens, up to a document's end."""
        found = []
        for token in tokens:
            if self.document and token == END:
                break
            found.append(self.vocabulary[token - self.document])
        return "".join(found)
