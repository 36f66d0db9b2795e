"""Stop strings across the borders of pieces."""

from __future__ import annotations

from collections.abc import Sequence


class Stops:
    """Lets a text through up to the first stop string.

    The first is the one that is complete first, so that the text ends as early as it can; of those that are complete
    together, the longest. Neither depends on how the text is split into pieces.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._firsts = frozenset(stop[0] for stop in stops)
        self._longest = max((len(stop) for stop in stops), default=0)
        self._held = ""

    def add(self, piece: str) -> tuple[str, bool]:
        """Return what can be shown once ``piece`` follows, and whether the text has ended before a stop string.

        Nothing is to be added after that.
        """
        text = self._held + piece
        found = [(start + len(stop), start) for stop in self._stops if (start := text.find(stop)) >= 0]
        if found:
            self._held = ""
            return text[: min(found)[1]], True
        safe = self._begun(text)
        self._held = text[safe:]
        return text[:safe], False

    def flush(self) -> str:
        """Return what was held back: the text has ended, and it became no stop string."""
        held, self._held = self._held, ""
        return held

    def _begun(self, text: str) -> int:
        """Return where the longest end of the text lies that a stop string begins with."""
        for start in range(max(0, len(text) - self._longest + 1), len(text)):
            if text[start] in self._firsts:
                end = text[start:]
                if any(stop.startswith(end) for stop in self._stops):
                    return start
        return len(text)
