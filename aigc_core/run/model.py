"""A loaded model: the Python API, and the generate step of the one way through."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.interfaces import Autoencoder, Generator, Latents, Samples, Translator
from aigc_core.interfaces.language_model import LanguageModel
from aigc_core.interfaces.samples import NO_RANGE, fault
from aigc_core.manifest import ModelManifest
from aigc_core.manifest.options import check
from aigc_core.registry import Entry
from aigc_core.run.batches import batch_shape, pad
from aigc_core.run.capabilities import require
from aigc_core.run.guarded import author, guarded
from aigc_core.run.noise import checked, draw
from aigc_core.run.numbers import checked_indices, index_range, whole_number

if TYPE_CHECKING:
    import numpy as np

    from aigc_core.run.given_images import Images

_AHEAD = 16
"""Of so many batches the noise is drawn at once: for one, the calls cost as much as a small network's arithmetic."""


class Model:
    """A generator, an autoencoder, a translator or more than one of these, with its manifest.

    Using it leaves it, and every global state, as it was. What it can do is what its manifest says; asked for anything
    else, it raises ``WrongUse``.
    """

    def __init__(self, entry: Entry, generator: Generator | Autoencoder | Translator, device: str) -> None:
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
        indices = index_range(start, count)
        return self._whole(len(indices), self.stream(indices, seed=seed, batch_size=batch_size, **options))

    def stream(
        self, indices: Sequence[int], *, seed: int = 0, batch_size: int | None = None, **options: Any
    ) -> Iterator[Samples]:
        """Yield the samples with the given indices, in that order, a batch at a time, in bounded memory.

        Every batch is computed as ``batch_size`` samples; where none is given, as ``batch_shape`` says. Raises
        ``WrongUse`` as ``generate`` does, and ``NotAvailable`` where the plugin's code fails.
        """
        asked = self._asked("generate", options)
        seed, size = whole_number(seed, "seed", 0), self._size(len(indices), batch_size)

        def drawn(rows: slice) -> dict[str, np.ndarray]:
            return draw(self.generator.noise, seed, checked_indices(indices[rows]))

        return self._batches(len(indices), drawn, size, asked)

    def noise(self, count: int, *, seed: int = 0, start: int = 0) -> dict[str, np.ndarray]:
        """Return what samples ``start`` to ``start + count - 1`` of a seed are made of: float32 (count, ...) by input.

        Edited and given to ``from_noise``, it makes other samples. Raises ``WrongUse`` as ``generate`` does.
        """
        require(self.manifest, "generate")
        return draw(self.generator.noise, whole_number(seed, "seed", 0), index_range(start, count))

    def from_noise(
        self, noise: np.ndarray | Mapping[str, np.ndarray], /, *, batch_size: int | None = None, **options: Any
    ) -> Samples:
        """Return a sample for each row of noise that is given: as ``noise`` returns it, or the array of a sole input.

        Row *i* of what comes depends on row *i* of the noise alone, and ``from_noise(noise(n))`` is ``generate(n)``, to
        the bit. Raises ``WrongUse`` for noise that the model does not take, and as ``generate`` does.
        """
        given = self.taken(noise, "The noise")
        rows = len(next(iter(given.values())))
        return self._whole(rows, self.stream_from(given, batch_size=batch_size, **options))

    def stream_from(
        self, noise: Mapping[str, np.ndarray], /, *, batch_size: int | None = None, **options: Any
    ) -> Iterator[Samples]:
        """Yield the samples of noise, as ``taken`` returns it, a batch at a time. Raises as ``from_noise`` does."""
        asked, rows = self._asked("generate", options), len(next(iter(noise.values())))

        def given(part: slice) -> dict[str, np.ndarray]:
            return {name: values[part] for name, values in noise.items()}

        return self._batches(rows, given, self._size(rows, batch_size), asked)

    def taken(self, noise: Any, what: str) -> dict[str, np.ndarray]:
        """Return noise that somebody gives, as the model takes it; ``what`` is its name in a sentence.

        Raises ``WrongUse`` where it is none that the model takes.
        """
        require(self.manifest, "generate")
        if not self.generator.noise:
            raise WrongUse(f"{self.manifest.id} takes no noise, so none can be given.")
        return checked(self.generator.noise, noise, what, self.manifest.id)

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

    def interpolate(
        self, one: np.ndarray | int, other: np.ndarray | int, /, count: int, *, seed: int = 0, **options: Any
    ) -> Samples:
        """Return ``count`` images from the reconstruction of one image (c, h, w) to that of another, both included.

        The way between is the plugin's (``Autoencoder.between``). Of a generator that takes no images, the ends are
        samples of a seed by number, and the way leads through their noise (``run.between``). Raises as ``encode`` does,
        and for a count below 2.
        """
        from aigc_core.run import autoencode, between

        checked, count = self._asked("interpolate", options), whole_number(count, "count", 2)
        if self.manifest.interpolates_samples:
            try:
                numbers = operator.index(one), operator.index(other)
            except TypeError:
                text = f"{self.manifest.id} has no encoder, so it interpolates between samples: give their numbers"
                raise WrongUse(f"{text}, such as 0 and 5.") from None
            ends = whole_number(numbers[0], "one", 0), whole_number(numbers[1], "other", 0)
            made = between.between_samples(self, *ends, count, whole_number(seed, "seed", 0), checked)
            return self._whole(count, made)
        return _gathered(autoencode.interpolated(self, [*_some([one]), *_some([other])], count, checked))

    def translate(self, images: np.ndarray, /, **options: Any) -> Samples:
        """Return what images (n, c, h, w) become, as large as these. Takes and raises what ``encode`` does."""
        from aigc_core.run import translate

        return _gathered(translate.translated(self, _some(images), self._asked("translate", options)))

    def _asked(self, capability: str, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options with their defaults. Raises ``WrongUse`` where the model cannot do that, or has others."""
        require(self.manifest, capability)
        return check(options, self.manifest.options, self.manifest.id)

    def _size(self, count: int, given: int | None) -> int:
        return batch_shape(self.manifest, count) if given is None else whole_number(given, "batch_size", 1)

    def _batches(
        self, count: int, noise_of: Callable[[slice], dict[str, np.ndarray]], size: int, options: dict[str, Any]
    ) -> Iterator[Samples]:
        for first in range(0, count, size * _AHEAD):
            ahead = min(size * _AHEAD, count - first)
            noise = noise_of(slice(first, first + ahead))
            for at in range(0, ahead, size):
                rows = min(size, ahead - at)
                padded = {name: pad(values[at : at + rows], size) for name, values in noise.items()}
                samples = guarded(self.entry, "sample from", partial(self.generator.generate, padded, options))
                self.check(samples, size, author(self.entry))
                yield samples._replace(values=samples.values[:rows])

    def _whole(self, count: int, parts: Iterable[Samples]) -> Samples:
        """Return samples that come in parts as one: each is copied into its place, so that no two copies are held."""
        import numpy as np

        output = self.manifest.output
        text = output["kind"] == "text"
        values = np.empty(count, object) if text else np.empty((count, *output["shape"]), np.float32)
        done = 0
        for part in parts:
            values[done : done + len(part.values)] = part.values
            done += len(part.values)
        low, high = NO_RANGE if text else output["range"]
        return Samples(output["kind"], values, (low, high))

    def check(self, samples: Any, count: int, maker: str) -> None:
        """Raise ``NotAvailable``, naming ``maker``, where samples are not ``count`` of what the manifest declares."""
        if found := fault(samples, count, self.manifest.output):
            raise NotAvailable(f"{self.manifest.id}: {maker} made {found}.")


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
