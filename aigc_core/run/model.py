"""A loaded model: the Python API, and the generate step of the one way through."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from aigc_core.errors import NotAvailable, WrongUse, ZooError
from aigc_core.interfaces import Autoencoder, Generator, Latents, Samples
from aigc_core.interfaces.language_model import LanguageModel
from aigc_core.interfaces.samples import NO_RANGE, fault
from aigc_core.manifest import ModelManifest
from aigc_core.manifest.options import check
from aigc_core.registry import Entry
from aigc_core.run.capabilities import require
from aigc_core.run.noise import draw

if TYPE_CHECKING:
    import numpy as np

    from aigc_core.run.autoencode import Images

BATCH = 64
"""Every batch has this shape, the last one padded: so sample *i* is the same to the bit whatever is made beside it."""
TEXT_BATCH = 8
"""As many texts are written side by side; fewer where fewer are asked for, because one alone is the usual case."""
MAX_INDEX = 2**63
_AHEAD = 16
"""Of so many batches the noise is drawn at once: for one, the calls cost as much as a small network's arithmetic."""


class Model:
    """A generator, an autoencoder or both, with its manifest. Using it leaves it, and every global state, as it was.

    What it can do is what its manifest says; asked for anything else, it raises ``WrongUse``.
    """

    def __init__(self, entry: Entry, generator: Generator | Autoencoder, device: str) -> None:
        assert entry.manifest is not None
        self.entry, self.device = entry, device
        self.generator: Any = generator
        self.manifest: ModelManifest = entry.manifest

    @property
    def language(self) -> LanguageModel | None:
        """The generator, where it is one that speaks token by token and scores texts."""
        return self.generator if isinstance(self.generator, LanguageModel) else None

    def generate(
        self, count: int, *, seed: int = 0, start: int = 0, batch_size: int | None = None, **options: Any
    ) -> Samples:
        """Return samples ``start`` to ``start + count - 1`` of a seed, all in memory.

        Sample *i* depends on weights, options, seed, *i* and the numeric environment alone: to the bit at one
        ``batch_size``, within one 8-bit level across batch sizes. ``options`` are the manifest's. Raises ``WrongUse``
        for an option, a count or a seed that cannot be.
        """
        import numpy as np

        indices, output = index_range(start, count), self.manifest.output
        text = output["kind"] == "text"
        values = np.empty(len(indices), object) if text else np.empty((len(indices), *output["shape"]), np.float32)
        done = 0
        for part in self.stream(indices, seed=seed, batch_size=batch_size, **options):
            values[done : done + len(part.values)] = part.values
            done += len(part.values)
        low, high = NO_RANGE if text else output["range"]
        return Samples(output["kind"], values, (low, high))

    def stream(
        self, indices: Sequence[int], *, seed: int = 0, batch_size: int | None = None, **options: Any
    ) -> Iterator[Samples]:
        """Yield the samples with the given indices, in that order, a batch at a time, in bounded memory.

        Every batch is computed as ``batch_size`` samples; where none is given, as ``batch_shape`` says. Raises
        ``WrongUse`` as ``generate`` does, and ``NotAvailable`` where the plugin's code fails.
        """
        checked = self._asked("generate", options)
        seed = whole_number(seed, "seed", 0)
        if batch_size is None:
            batch_size = batch_shape(self.manifest, len(indices))
        return self._batches(indices, seed, whole_number(batch_size, "batch_size", 1), checked)

    def encode(self, images: np.ndarray, /, **options: Any) -> Latents:
        """Return the latents of images (n, c, h, w): uint8 levels, or float32 in the range of ``use.input``.

        ``aigc_core.run.pictures.read`` brings a file to what the model takes. Raises ``WrongUse`` for images or options
        that cannot be, ``NotAvailable`` where the plugin's code fails.
        """
        from aigc_core.run import autoencode

        return autoencode.joined([*autoencode.encoded(self, _some(images), self._asked("encode", options))])

    def decode(self, latents: Latents | np.ndarray, /, **options: Any) -> Samples:
        """Return the images of latents, as ``encode`` returns them or their values alone. Raises as ``encode`` does."""
        from aigc_core.run import autoencode

        values: Any = latents.values if isinstance(latents, Latents) else latents
        return _gathered(autoencode.decoded(self, values, self._asked("decode", options)))

    def reconstruct(self, images: np.ndarray, /, **options: Any) -> Samples:
        """Return what decoding the latents of images (n, c, h, w) gives. Takes and raises what ``encode`` does."""
        from aigc_core.run import autoencode

        return _gathered(autoencode.reconstructed(self, _some(images), self._asked("reconstruct", options)))

    def interpolate(self, one: np.ndarray, other: np.ndarray, /, count: int, **options: Any) -> Samples:
        """Return ``count`` images from the reconstruction of one image (c, h, w) to that of another, both included.

        The way between is the plugin's (``Autoencoder.between``). Raises as ``encode`` does, and for a count below 2.
        """
        from aigc_core.run import autoencode

        checked, count = self._asked("interpolate", options), whole_number(count, "count", 2)
        return _gathered(autoencode.interpolated(self, [*_some([one]), *_some([other])], count, checked))

    def _asked(self, capability: str, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options with their defaults. Raises ``WrongUse`` where the model cannot do that, or has others."""
        require(self.manifest, capability)
        return check(options, self.manifest.options, self.manifest.id)

    def _batches(self, indices: Sequence[int], seed: int, size: int, options: dict[str, Any]) -> Iterator[Samples]:
        for first in range(0, len(indices), size * _AHEAD):
            wanted = _checked(indices[first : first + size * _AHEAD])
            noise = draw(self.generator.noise, seed, wanted)
            for at in range(0, len(wanted), size):
                count = min(size, len(wanted) - at)
                padded = {name: pad(values[at : at + count], size) for name, values in noise.items()}
                samples = guarded(self.entry, "sample from", partial(self.generator.generate, padded, options))
                self.check(samples, size, author(self.entry))
                yield samples._replace(values=samples.values[:count])

    def check(self, samples: Any, count: int, maker: str) -> None:
        """Raise ``NotAvailable``, naming ``maker``, where samples are not ``count`` of what the manifest declares."""
        if found := fault(samples, count, self.manifest.output):
            raise NotAvailable(f"{self.manifest.id}: {maker} made {found}.")


def batch_shape(manifest: ModelManifest, count: int, most: int | None = None) -> int:
    """Return how many samples are computed at once: ``most`` of images, and of texts no more than are asked for.

    Raises ``WrongUse`` where ``most`` is no such number.
    """
    if manifest.output.get("kind") != "text":
        return whole_number(BATCH if most is None else most, "batch_size", 1)
    return max(1, min(count, whole_number(TEXT_BATCH if most is None else most, "batch_size", 1)))


def guarded(entry: Entry, what: str, work: Callable[[], Any]) -> Any:
    """Run a plugin's code for a model; whatever it raises ends in ``NotAvailable`` with the distribution and cause."""
    try:
        return work()
    except (ZooError, KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:
        cause = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise NotAvailable(f"{author(entry)} failed to {what} {entry.id}: {cause}.", "See --debug.") from error


def author(entry: Entry) -> str:
    """Return the distribution and version that a model's code comes from."""
    return f"{entry.plugin.distribution} {entry.plugin.version}" if entry.plugin else entry.origin


def index_range(start: int, count: int) -> range:
    """Return the indices of ``count`` samples from ``start`` on. Raises ``WrongUse`` where that cannot be."""
    start, count = whole_number(start, "start", 0), whole_number(count, "count", 1)
    whole_number(start + count, "start + count", 1)
    return range(start, start + count)


def _checked(indices: Sequence[int]) -> Sequence[int]:
    """Return indices as ints. Raises ``WrongUse`` where one is none from 0 up."""
    if isinstance(indices, range):
        for index in (indices[0], indices[-1]):
            whole_number(index, "index", 0)
        return indices
    return [whole_number(index, "index", 0) for index in indices]


def whole_number(value: Any, name: str, lowest: int) -> int:
    """Return an argument as an int from ``lowest`` up. Raises ``WrongUse`` where it is no such number."""
    try:
        number = operator.index(value)
    except TypeError:
        raise WrongUse(f"{name} is {value!r}, it takes a whole number.") from None
    if not lowest <= number < MAX_INDEX:
        upper = "up" if number < lowest else "to 2**63 - 1"
        raise WrongUse(f"{name} is {number}, it takes a whole number from {lowest} {upper}.")
    return number


def pad(values: np.ndarray, size: int) -> np.ndarray:
    """Repeat the first row until the batch has its full shape."""
    import numpy as np

    if len(values) == size:
        return values
    return np.concatenate([values, np.repeat(values[:1], size - len(values), axis=0)])


def _some(images: Any) -> Images:
    """Return images that somebody gave. Raises ``WrongUse`` where they are no arrays, or none."""
    import numpy as np

    if not isinstance(images, (np.ndarray, list)) or not all(isinstance(image, np.ndarray) for image in images):
        raise WrongUse("Images are given as a numpy array of shape (n, channels, height, width).")
    if not len(images):
        raise WrongUse("There are no images.")
    return images


def _gathered(parts: Iterable[Samples]) -> Samples:
    import numpy as np

    found = list(parts)
    return found[0]._replace(values=np.concatenate([part.values for part in found]))
