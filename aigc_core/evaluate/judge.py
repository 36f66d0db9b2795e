"""The extractor at work: levels in, features and class probabilities out, the same bits on any number of cores."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.evaluate.steady import one_thread
from aigc_core.interfaces.extractor import Extractor, Features

if TYPE_CHECKING:
    import numpy as np

    from aigc_core.run.model import Model

DEFAULT = "core:fashion-features"
SHORT = 12
"""So many digits of a sha256 stand in an id."""


class Judge(NamedTuple):
    """A loaded extractor."""

    model: Model

    @property
    def tag(self) -> str:
        """Its id and the beginning of its weights' hash, for a score's id."""
        files = self.model.manifest.files
        return ".".join([self.model.manifest.id, *(file.sha256[:SHORT] for file in files)])

    def resize(self, shape: tuple[int, ...]) -> str:
        """Return how images (c, h, w) of a shape come to the extractor's: ``none``, or the rule's name."""
        return "none" if tuple(shape) == self._shape else "bicubic-antialiased"

    def fitted(self, levels: np.ndarray) -> np.ndarray:
        """Return 8-bit images (n, c, h, w) as the extractor takes them, still uint8: colours, then size.

        Grey is ITU-R 601's luma. A size is reached by Pillow's antialiased bicubic filter, one channel after another,
        and rounded to 8 bits (arXiv 2104.11222, section 3); proportions are not kept.
        """
        import numpy as np

        channels, height, width = self._shape
        if levels.shape[1:] == self._shape:
            return levels
        from PIL import Image

        found = np.empty((len(levels), *self._shape), np.uint8)
        for row, image in enumerate(levels):
            whole = Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))
            whole = whole.convert("L" if channels == 1 else "RGB").resize((width, height), Image.Resampling.BICUBIC)
            found[row] = np.asarray(whole).reshape(height, width, channels).transpose(2, 0, 1)
        return found

    def look(self, levels: np.ndarray) -> Features:
        """Return the features of 8-bit images (n, c, h, w) of the extractor's own shape.

        Raises ``NotAvailable`` where the plugin's code fails or gives something else.
        """
        import numpy as np

        from aigc_core.run.guarded import author, guarded

        low, high = self.model.manifest.input["range"]
        values = levels.astype(np.float32) * np.float32((high - low) / 255) + np.float32(low)
        with one_thread():
            found = guarded(
                self.model.entry, "extract features with", lambda: self.model.generator.features(values, {})
            )
        if not isinstance(found, Features) or found.values.shape != (len(levels), *self.model.manifest.output["shape"]):
            text = f"{author(self.model.entry)} gives no features of the shape that the manifest declares."
            raise NotAvailable(f"{self.model.manifest.id}: {text}")
        return found

    @property
    def _shape(self) -> tuple[int, ...]:
        return tuple(self.model.manifest.input["shape"])


def open_judge(name: str = DEFAULT) -> Judge:
    """Load an extractor by the name of its model. Raises ``WrongUse`` where that is none, and as ``load`` does."""
    from aigc_core.run.capabilities import require
    from aigc_core.run.load import load, resolve

    entry = resolve(name)
    assert entry.manifest is not None
    require(entry.manifest, "features", name)
    if None in entry.manifest.input["shape"]:
        raise WrongUse(f"{name} takes images of any size, so its features of two models would not compare.")
    model = load(name)
    if not isinstance(model.generator, Extractor):
        raise NotAvailable(f"The generator of {name} has no features.")
    return Judge(model)
