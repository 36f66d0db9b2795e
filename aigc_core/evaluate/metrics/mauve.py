"""MAUVE: how far texts lie from real ones, by what two of them have in common at every balance of the two."""

from __future__ import annotations

import contextlib
import importlib
import math
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from typing import TYPE_CHECKING, Any, ClassVar

from aigc_core.errors import NotAvailable
from aigc_core.interfaces.metric import Direction, Measured

if TYPE_CHECKING:
    import numpy as np

GRAM, WIDTH = 3, 512
"""A text's features are how often its passages of three characters fall in each of 512 places."""
LEAST = 100
"""Of fewer texts the number says more of how few they are."""


class Mauve:
    """The area under the divergence curve of the two sets' clusters (arXiv 2102.01454, section 3), in [0, 1].

    It needs the extra ``mauve``, whose version is a part of the id. Features are hashed counts of characters, for the
    core has no language model that would be everybody's; so it sees spelling, words and form, and no sense. It compares
    at one number of texts, a tenth of which is that of the clusters.
    """

    needs = ("texts", "real_texts")
    values: ClassVar[Mapping[str, Direction]] = {"mauve": "higher"}
    estimator = f"{GRAM}-grams.{WIDTH}.seed-25"

    def __init__(self) -> None:
        with contextlib.suppress(metadata.PackageNotFoundError):  # then a call says what to install
            self.estimator += f".mauve-text-{metadata.version('mauve-text')}"

    def __call__(self, inputs: Mapping[str, Any]) -> Measured:
        """Measure; NaN of fewer than 100 texts on a side. Raises ``NotAvailable`` where the extra is not installed."""
        if min(len(inputs["texts"]), len(inputs["real_texts"])) < LEAST:
            return Measured({"mauve": math.nan}, f"it takes {LEAST} texts, and as many real ones")
        try:
            import mauve
        except ImportError as error:
            raise NotAvailable("MAUVE is computed by mauve-text.", "pip install 'aigc-core[mauve]'") from error
        made, real = (hashed(inputs[name]) for name in ("texts", "real_texts"))
        if (made == made[0]).all() and (real == made[0]).all():
            return Measured({"mauve": math.nan}, "all texts, real ones too, are made of the same characters")
        with _one_thread():
            found = mauve.compute_mauve(p_features=real, q_features=made, seed=25, verbose=False)
        return Measured({"mauve": float(found.mauve)})


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Cluster on one thread: faiss adds in another order on two."""
    faiss = importlib.import_module("faiss")
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def hashed(texts: Sequence[str]) -> np.ndarray:
    """Return a text's hashed counts as a row of length 1, float32 (n, 512)."""
    import zlib

    import numpy as np

    rows = np.zeros((len(texts), WIDTH), np.float32)
    for row, text in enumerate(texts):
        for at in range(len(text) - GRAM + 1):
            rows[row, zlib.crc32(text[at : at + GRAM].encode("utf-8", "surrogatepass")) % WIDTH] += 1
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    found: np.ndarray = rows / np.maximum(lengths, 1)
    return found
