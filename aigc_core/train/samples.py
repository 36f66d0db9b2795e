"""Samples of a model that is still training, made by the very code that will run it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn

from aigc_core.hub import repository
from aigc_core.run import receipt as receipts
from aigc_core.run.batches import BATCH
from aigc_core.run.load import FASTEST, Computing, fetch, generator_class, has_engines, open_entry
from aigc_core.run.make import plan
from aigc_core.run.write import Job
from aigc_core.train.export import export
from aigc_core.train.training import Training
from aigc_core.train.translations import translations


def sample(training: Training, model: nn.Module, folder: Path) -> tuple[Path, Tensor | None]:
    """Write samples 0, 1, ... of seed 0 into the run's folder; return the file, and the values where they are numbers.

    Of a model that makes nothing from noise, what it makes of the first rows that are held out, or that train.

    The model is written out and loaded as any other is, so what is seen is what ``run`` will make of it.
    """
    recipe, count = training.recipe, training.recipe["samples"]["count"]
    with tempfile.TemporaryDirectory() as written:
        record = {"data": training.data.identity, "steps": training.step}
        export(model, recipe, training.model_role, training.data.facts, record, Path(written), training.beside)
        entry = repository.entry(written + os.sep)
        # No more threads than the training has: it goes on in this process.
        computing = Computing(threads=torch.get_num_threads()) if has_engines(generator_class(entry)) else FASTEST
        loaded = open_entry(entry, fetch(entry), str(training.device), computing)
        assert entry.manifest is not None
        ending = "txt" if entry.manifest.output["kind"] == "text" else "png"
        path = folder / "samples" / f"step-{training.step:08}.{ending}"
        path.parent.mkdir(exist_ok=True)
        if "generate" not in entry.manifest.capabilities:
            return path, torch.from_numpy(translations(training, loaded, path))
        size = min(count, BATCH)
        samples = loaded.generate(count, batch_size=size)
        planned = plan(entry.manifest, str(path), range(count), seed=0, options={}, batch_size=size)
        receipt = receipts.make(loaded, indices=planned.indices, options={}, seed=0, batch_size=size)
        job = Job(planned.output, entry.id, planned.indices, 0, planned.shape, receipt)
        planned.writer(job, iter([samples]))
    return path, torch.from_numpy(samples.values) if samples.kind == "image" else None
