"""One run from a loaded model to a file: generate, finish, write."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from aigc_core.errors import NotAvailable
from aigc_core.interfaces import Samples
from aigc_core.manifest import ModelManifest
from aigc_core.manifest.options import check
from aigc_core.plugins import Implementation, implementations
from aigc_core.run import receipt as receipts
from aigc_core.run.batches import BATCH
from aigc_core.run.capabilities import require
from aigc_core.run.noise_file import Given
from aigc_core.run.numbers import whole_number
from aigc_core.run.speak import Spoken
from aigc_core.run.speak import samples as spoken_samples
from aigc_core.run.write import Job, Writer, check_room, writer_for
from aigc_core.run.write_text import text_writer_for

if TYPE_CHECKING:
    from aigc_core.run.model import Model


class Plan(NamedTuple):
    """A run whose every input has been checked, before anything heavy is imported."""

    manifest: ModelManifest
    output: str
    indices: range
    seed: int
    options: dict[str, Any]
    batch_size: int
    writer: Writer
    given: Given | None = None
    """Noise in a file, in the place of the seed's; the indices are its rows."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Channels, height and width of an image; nothing of a text."""
        return tuple(self.manifest.output["shape"]) if self.manifest.output["kind"] == "image" else ()


_WRITERS = {"image": writer_for, "text": text_writer_for}


def default_output(manifest: ModelManifest, seed: int | None) -> str:
    """Return what a file of images is called where nobody says: ``MODEL-SEED.png``, of no seed ``MODEL-latent.png``.

    Texts are shown, not written.
    """
    return f"{manifest.id}-{'latent' if seed is None else seed}.png"


def plan(
    manifest: ModelManifest,
    output: str,
    indices: range,
    *,
    seed: int,
    options: dict[str, Any],
    batch_size: int = BATCH,
    writer: Writer | None = None,
    given: Given | None = None,
) -> Plan:
    """Check everything about a run that can be known without the model.

    The output's name says what is written, but for a ``writer`` that is given, which writes no file. Raises
    ``WrongUse`` for a model that makes nothing from noise, an option, output or count that cannot be, ``NotAvailable``
    where the disk has no room.
    """
    require(manifest, "generate")
    if (kind := manifest.output.get("kind")) not in _WRITERS:
        raise NotAvailable(f"{manifest.id} makes {kind}, which this version cannot write.")
    seed, batch_size = whole_number(seed, "seed", 0), whole_number(batch_size, "batch_size", 1)
    checked = check(options, manifest.options, manifest.id)
    planned = Plan(manifest, output, indices, seed, checked, batch_size, writer or _WRITERS[kind](output), given)
    if writer is None:
        check_room(output, len(indices), planned.shape, planned.writer)
    return planned


def make(
    model: Model,
    plan: Plan,
    progress: Callable[[int], None] = lambda done: None,
    heard: Callable[[list[Spoken]], None] = lambda texts: None,
) -> dict[str, Any]:
    """Make the samples, write them and return the receipt.

    ``progress`` hears how many samples are done after each batch, ``heard`` what a language model spoke, before it is
    written. Raises ``ZooError`` with nothing half-written.
    """
    settings: dict[str, Any] = {"seed": plan.seed, "batch_size": plan.batch_size}
    hooks = implementations("zoo_finish")
    if plan.given:
        noise = model.taken(plan.given.inputs, plan.given.name)
        made = model.stream_from(noise, batch_size=plan.batch_size, **plan.options)
    elif model.language is None:
        made = model.stream(plan.indices, **settings, **plan.options)
    else:
        made = spoken_samples(model, plan.indices, **settings, options=plan.options, heard=heard)
    batches = finish(made, model, hooks)
    first = next(batches)  # before the receipt: it names the hooks that run, and one that cannot is gone by now
    if plan.given:
        receipt = receipts.of_files(model, "run", [plan.given.facts], plan.options)
        receipt |= {"indices": [0, plan.given.rows], "batch_size": plan.batch_size}
    else:
        receipt = receipts.make(model, indices=plan.indices, options=plan.options, **settings)
    receipt |= {"finish": [hook.who for hook in hooks]} if hooks else {}
    seed = None if plan.given else plan.seed
    job = Job(plan.output, plan.manifest.id, plan.indices, seed, plan.shape, receipt)
    plan.writer(job, _followed(itertools.chain([first], batches), job, progress))
    return receipt


def announce(path: str, receipt: dict[str, Any]) -> None:
    """Tell every plugin that lists ``zoo_event`` that a file was written for the user."""
    for hook in implementations("zoo_event"):
        hook.or_skip(event={"kind": "written", "path": path, "receipt": receipt})


def finish(batches: Iterator[Samples], model: Model, hooks: list[Implementation]) -> Iterator[Samples]:
    """Let every plugin that lists ``zoo_finish`` post-process each batch, each on the result of the one before.

    One that fails on the first batch is reported and taken out of ``hooks``. Raises ``NotAvailable`` where one fails
    later, for then half of the samples would be finished otherwise than the rest, and where one returns anything but
    samples as the manifest declares them.
    """
    for number, samples in enumerate(batches):
        for hook in list(hooks):
            try:
                copied = samples._replace(values=samples.values.copy())  # what a hook changes in place is its own
                result = hook(samples=copied, model=model.manifest.id)
            except NotAvailable as error:
                if number:
                    raise
                hook.skip(error)
                hooks.remove(hook)
                continue
            if result is not None:
                model.check(result, len(samples.values), f"zoo_finish of {hook.who}")
                samples = result
        yield samples


def _followed(batches: Iterator[Samples], job: Job, progress: Callable[[int], None]) -> Iterator[Samples]:
    done, total = 0, len(job.indices)
    listeners = implementations("zoo_event")
    for samples in batches:
        yield samples
        done += len(samples.values)
        progress(done)
        for hook in listeners:
            hook.or_skip(event={"kind": "progress", "model": job.model, "done": done, "total": total})
