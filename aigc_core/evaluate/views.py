"""One set of images or texts, and what metrics look at of it; each view is computed once, when it is asked for."""

from __future__ import annotations

import hashlib
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from aigc_core.evaluate.judge import Judge

if TYPE_CHECKING:
    import numpy as np

    from aigc_core.interfaces.extractor import Features


class Views:
    """Samples or data: uint8 images (n, c, h, w), or a list of texts; ``judge`` where features can be asked for."""

    def __init__(self, rows: np.ndarray | list[str], judge: Judge | None = None) -> None:
        self.rows, self.judge = rows, judge
        self._samples: dict[tuple[int, int], Views] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, name: str) -> Any:
        """Return one view: ``images``, ``features``, ``probabilities`` or ``texts``."""
        return getattr(self, name)

    def some(self, places: list[int]) -> Views:
        """Return the rows at these places."""
        rows = [self.rows[place] for place in places] if isinstance(self.rows, list) else self.rows[places]
        return Views(rows, self.judge)

    def sample(self, count: int, draw: int = 0) -> Views:
        """Return ``count`` of the rows, always the same ones and never just the first; or all.

        Another ``draw`` gives others, and none twice as long as there are so many.
        """
        if count >= len(self):
            return self
        if (count, draw) not in self._samples:
            order = shuffled(len(self))
            places = [order[at % len(self)] for at in range(draw * count, (draw + 1) * count)]
            self._samples[count, draw] = self.some(sorted(places))
        return self._samples[count, draw]

    @cached_property
    def texts(self) -> list[str]:
        return list(self.rows)

    @cached_property
    def images(self) -> np.ndarray:
        rows: Any = self.rows
        return rows if self.judge is None else self.judge.fitted(rows)

    @cached_property
    def features(self) -> np.ndarray:
        import numpy as np

        return self._seen.values.astype(np.float64)

    @cached_property
    def probabilities(self) -> np.ndarray | None:
        """Softmax of the extractor's logits, float64; None where it has none."""
        import numpy as np

        if self._seen.logits is None:
            return None
        logits = self._seen.logits.astype(np.float64)
        powers = np.exp(logits - logits.max(1, keepdims=True))
        found: np.ndarray = powers / powers.sum(1, keepdims=True)
        return found

    @cached_property
    def sha256(self) -> str:
        """Of the pixels with their shape, or of the texts with their lengths."""
        import numpy as np

        rows, content = self.rows, hashlib.sha256()
        if isinstance(rows, list):
            for text in rows:
                data = text.encode("utf-8", "surrogatepass")
                content.update(len(data).to_bytes(8, "little") + data)
        else:
            content.update(repr(rows.shape).encode())
            content.update(np.ascontiguousarray(rows).data)
        return content.hexdigest()

    @cached_property
    def _seen(self) -> Features:
        assert self.judge is not None
        return self.judge.look(self.images)


@cache
def shuffled(size: int) -> list[int]:
    """Return the numbers below ``size`` in an order that is always the same."""
    import numpy as np

    from aigc_core.interfaces import NoiseSpec
    from aigc_core.run.noise import draw

    keys = draw({"chosen": NoiseSpec((), "uniform")}, 0, range(size))["chosen"]
    order: list[int] = np.argsort(keys, kind="stable").tolist()
    return order
