"""One run from a loaded model to a file: generate, finish, write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from aigc_core.errors import NotAvailable
from aigc_core.interfaces import Samples
from aigc_core.manifest import ModelManifest
from aigc_core.manifest.options import check
from aigc_core.plugins import Implementation, implementations
from aigc_core.run import receipt as receipts
from aigc_core.run.model import BATCH, whole_number
from aigc_core.run.write import Job, Writer, check_room, writer_for

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

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one sample."""
        channels, height, width = self.manifest.output["shape"]
        return channels, height, width


def plan(
    manifest: ModelManifest, output: str, indices: range, *, seed: int, options: dict[str, Any], batch_size: int = BATCH
) -> Plan:
    """Check everything about a run that can be known without the model.

    Raises ``WrongUse`` for an option, output or count that cannot be, ``NotAvailable`` where the disk has no room.
    """
    if manifest.output.get("kind") != "image":
        raise NotAvailable(f"{manifest.id} makes {manifest.output.get('kind')}, which this version cannot write.")
    seed, batch_size = whole_number(seed, "seed", 0), whole_number(batch_size, "batch_size", 1)
    checked = check(options, manifest.options, manifest.id)
    planned = Plan(manifest, output, indices, seed, checked, batch_size, writer_for(output))
    check_room(output, len(indices), planned.shape, planned.writer)
    return planned


def make(model: Model, plan: Plan, progress: Callable[[int], None] = lambda done: None) -> dict[str, Any]:
    """Make the samples, write them and return the receipt.

    ``progress`` hears how many samples are done after each batch. Raises ``ZooError`` with nothing half-written.
    """
    settings: dict[str, Any] = {"seed": plan.seed, "batch_size": plan.batch_size}
    hooks = implementations("zoo_finish")
    receipt = receipts.make(model, indices=plan.indices, options=plan.options, **settings)
    receipt |= {"finish": [hook.who for hook in hooks]} if hooks else {}
    job = Job(plan.output, plan.manifest.id, plan.indices, plan.seed, plan.shape, receipt)
    batches = model.stream(plan.indices, **settings, **plan.options)
    plan.writer(job, _followed(finish(batches, job.model, hooks), job, progress))
    for hear in implementations("zoo_event"):
        hear(event={"kind": "written", "path": plan.output, "receipt": receipt})
    return receipt


def finish(batches: Iterator[Samples], model: str, hooks: list[Implementation]) -> Iterator[Samples]:
    """Let every plugin that lists ``zoo_finish`` post-process each batch, each on the result of the one before.

    Raises ``NotAvailable`` where one returns anything but as many samples as it was given.
    """
    for samples in batches:
        for hook in hooks:
            result = hook(samples=samples, model=model)
            if result is None:
                continue
            if not isinstance(result, Samples) or result.values.shape != samples.values.shape:
                text = f"zoo_finish of {hook.who} returned no Samples of the shape that it was given."
                raise NotAvailable(text, f"Try: aigc-zoo disable {hook.plugin.key}")
            samples = result
        yield samples


def _followed(batches: Iterator[Samples], job: Job, progress: Callable[[int], None]) -> Iterator[Samples]:
    done, total = 0, len(job.indices)
    listeners = implementations("zoo_event")
    for samples in batches:
        yield samples
        done += len(samples.values)
        progress(done)
        for hear in listeners:
            hear(event={"kind": "progress", "model": job.model, "done": done, "total": total})
