"""Where a text can be cut so that no character, as a reader sees it, falls apart (Unicode Standard Annex 29).

Python's own tables lack two of the properties that the annex's rules are made of, and may be older than an emoji. So
the rules here leave a border out wherever they cannot be sure of it: every cut is one of the annex's borders, and a
text of many scripts has few borders that are none of these.
"""

from __future__ import annotations

import unicodedata

LONGEST = 64
"""Characters that one cluster may hold back; Unicode's own stream-safe format allows 30 marks after a letter."""
_JOINER = "\u200d"
_JOINS_BACK = {"Mn", "Mc", "Me", "Cn"}
"""Marks, and what this Python does not know yet."""
_EXTENDS = [(0x200C, 0x200D), (0x1F3FB, 0x1F3FF), (0xFF9E, 0xFF9F), (0xE0020, 0xE007F), (0x0E33, 0x0E33),
            (0x0EB3, 0x0EB3)]  # fmt: skip
"""Joiners, skin colours, half-width voicing marks, tags, Thai and Lao AM."""
_PREPENDS = [(0x0600, 0x0605), (0x06DD, 0x06DD), (0x070F, 0x070F), (0x0890, 0x0891), (0x08E2, 0x08E2),
             (0x0D4E, 0x0D4E), (0x1CF5, 0x1CF6), (0x110BD, 0x110BD), (0x110CD, 0x110CD), (0x111C2, 0x111C3),
             (0x113D1, 0x113D1), (0x1193F, 0x1193F), (0x11941, 0x11941), (0x11A3A, 0x11A3A), (0x11A84, 0x11A89),
             (0x11D46, 0x11D46), (0x11F02, 0x11F02)]  # fmt: skip
"""Numbers' signs and letters that lean on the one after them (GraphemeBreakProperty.txt, Prepend)."""
_CONTROLS = {"Cc", "Zl", "Zp"}


def last_cut(text: str, start: int) -> int:
    """Return the last place after ``start`` where a text can be cut whatever follows it; ``start`` where none is.

    The last cluster is held back, since a mark may follow; after a control character such as a new line nothing is.
    """
    if text and len(text) > start and text[-1] != "\r" and unicodedata.category(text[-1]) in _CONTROLS:
        return len(text)
    for place in range(len(text) - 1, start, -1):
        if _is_border(text, place, start):
            return place
    return start if len(text) - start <= LONGEST else len(text) - 1


def _is_border(text: str, place: int, start: int) -> bool:
    before, after = text[place - 1], text[place]
    if before < "\x7f" and after < "\x7f":
        return (before, after) != ("\r", "\n")
    if before == _JOINER or _joins_back(after) or _within(_PREPENDS, before):
        return unicodedata.category(before) in _CONTROLS
    if _is_flag(after):
        return _flags_before(text, place, start) % 2 == 0
    if _is_hangul(before) and _is_hangul(after):
        return _whole(before) and _whole(after)
    return not _conjunct(text, place)


def _joins_back(character: str) -> bool:
    return unicodedata.category(character) in _JOINS_BACK or _within(_EXTENDS, character)


def _within(spans: list[tuple[int, int]], character: str) -> bool:
    return any(low <= ord(character) <= high for low, high in spans)


def _is_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flags_before(text: str, place: int, start: int) -> int:
    count = 0
    while place - count > start and _is_flag(text[place - count - 1]):
        count += 1
    return count


def _is_hangul(character: str) -> bool:
    return "\u1100" <= character <= "\u11ff" or "\ua960" <= character <= "\ua97c" or "\uac00" <= character <= "\ud7fb"


def _whole(character: str) -> bool:
    """Return whether a Hangul character is a syllable, which no vowel or final consonant can begin."""
    return "\uac00" <= character <= "\ud7a3"


def _conjunct(text: str, place: int) -> bool:
    """Return whether an Indic consonant may stand below the one before it (rule GB9c): a mark, then a letter."""
    return unicodedata.category(text[place]) == "Lo" and _joins_back(text[place - 1])
