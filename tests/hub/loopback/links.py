"""Signed links to the CDN, which expire."""

from __future__ import annotations

import itertools
import threading


class Links:
    """The links that have been given out; each is good until it expires."""

    def __init__(self) -> None:
        self._serial = itertools.count(1)
        self._good: set[str] = set()
        self._lock = threading.Lock()

    def issue(self, sha256: str) -> str:
        """Return a new link, as a path with a query."""
        with self._lock:
            link = f"/cdn/{sha256}?X-Expires=3600&X-Signature={next(self._serial)}"
            self._good.add(link)
        return link

    def expire(self, link: str) -> None:
        """Take a link back."""
        with self._lock:
            self._good.discard(link)

    def good(self, link: str) -> bool:
        """Say whether a link is one that was given out and has not expired."""
        with self._lock:
            return link in self._good
