"""The loop around a trainer's step: log, evaluate, sample, checkpoint, stop, resume; it knows nothing of families."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

from aigc_core.errors import Refused, ZooError
from aigc_core.files import whole_file
from aigc_core.train import ranks as distributed
from aigc_core.train.animation import animate
from aigc_core.train.data.batches import Batches
from aigc_core.train.diagnostics import diagnose
from aigc_core.train.environment import environment
from aigc_core.train.evaluate import evaluate
from aigc_core.train.export import export, template
from aigc_core.train.finite import not_finite
from aigc_core.train.monitors import Watch, collapsed, idle, out_of_range, spread
from aigc_core.train.samples import sample
from aigc_core.train.saving import save, take_up
from aigc_core.train.selection import validated
from aigc_core.train.telling import Tell, Telling
from aigc_core.train.training import Training
from aigc_core.train.weights_hash import weights_sha256
from aigc_core.train.window import Window

CHECKED = (50, 200)
"""Steps after which the model's hash is recorded, so that a repetition is judged after a minute."""


class Loop:
    """Carries a training to the end of its budget, in a folder of its own."""

    def __init__(self, training: Training, folder: Path, *, tell: Tell, watch: Watch, gif: bool = False) -> None:
        self.training, self.recipe, self.folder, self.gif = training, training.recipe, folder, gif
        self.telling = Telling(folder, tell, watch, training.ranks.first)
        self.window = Window(training.device, training.ranks)
        self.record: dict[str, Any] = {
            "data": training.data.identity,
            "environment": environment(self.recipe, str(training.device), training.ranks.world),
            "cpu_seconds": 0.0,
            "checks": {},
        }
        self._saved = -1  # the step of the last checkpoint
        self._broken = False
        self._spread = 0.0  # of the data, which samples are held against
        self._start_clocks(0.0)

    def resume(self, say: Callable[[str], None]) -> None:
        """Take up the newest whole checkpoint, where there is one; the log goes back to where it was then."""
        now = self.record["environment"]
        state = take_up(self.training, self.folder, now, say)
        if state is not None:
            others = [*state["record"].get("environments", []), state["record"]["environment"]]
            known = [each for number, each in enumerate(others) if each not in others[:number] and each != now]
            self.record = state["record"] | {"environment": now} | ({"environments": known} if known else {})
            self.window.load_state(state["window"])
            self._saved = self.training.step
        step, ranks = self.training.step, self.training.ranks
        if distributed.total(step, ranks, self.training.device) != step * ranks.world:
            text = f"Rank {ranks.rank} found a checkpoint of step {step}, another rank one of another step."
            raise Refused(text, "Is the folder the same for all? Then start them again.")
        self._start_clocks(state["seconds"] if state else 0.0)
        if self.telling.losses:
            self.telling.losses.cut(state["log"] if state else 0)

    def start(self) -> None:
        """Begin anew: with an empty log, and a checkpoint of the first weights, which may come from a parent."""
        if self.telling.losses:
            self.telling.losses.cut(0)
        self.save()

    def save(self) -> None:
        """Write a checkpoint of the step that was last taken."""
        self._look_at(self.window.read())
        self._look_at_clock()
        log = self.telling.losses.forced() if self.telling.losses else 0
        rest = {"record": self.record, "window": self.window.state(), "seconds": self.telling.seconds, "log": log}
        save(self.training, self.folder, rest)
        self._saved = self.training.step
        if self.gif and self.training.ranks.first:
            self._animate()

    def run(self, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Go on until the budget is used up or ``stopped`` says so; return whether the training is complete.

        Either way there is a checkpoint of the last step; of a complete training, the model too.
        """
        training, last = self.training, self.recipe["budget"]["steps"]
        self.telling.say("train-begin", training.step, recipe=self.recipe)
        try:
            self._look_at_data()
            while training.step < last and not self._over(stopped):
                self._advance()
                if self._due("evaluate") and training.data.validation is not None:
                    self._look_at_clock()
                    self.telling.write(training.step, validated(training, self.record, self.folder))
                if self._due("samples"):
                    self._sample()
                if self._due("checkpoint"):
                    self.save()
            if self._saved != training.step:
                self.save()
            over = training.step >= last or self._out_of_time()
            complete = distributed.agreed(over, training.ranks, training.device)
            if complete:
                self._finish()
        finally:
            training.close()
            self.telling.close()
        return complete

    def _start_clocks(self, seconds: float) -> None:
        self._cpu = time.process_time() - self.record["cpu_seconds"]
        self.telling.begin(self.training.step, seconds)

    def _advance(self) -> None:
        training = self.training
        report = training.advance()
        step = training.step
        self._look_at(self.window.add(report))
        if step == 1:
            updated = {name.partition("/")[0] for name in report}
            self.telling.warn("idle", step, idle({role: training.networks[role] for role in sorted(updated)}))
        if step in CHECKED and not self.recipe["compute"]["shard"]:
            self.record["checks"][str(step)] = weights_sha256(training.networks[training.model_role])
        if step % self.recipe["log"]["every"] == 0 or step == self.recipe["budget"]["steps"]:
            self._look_at(self.window.read())
            means = self.window.means()
            self.record["final_losses"] = {
                name: round(value, 6) for name, value in means.items() if math.isfinite(value)
            }
            for number, text in enumerate(training.trainer.warnings(means)):
                self.telling.warn(f"trainer {number}", step, text)
            self.telling.write(step, means)
            self._diagnose()

    def _diagnose(self) -> None:
        step = self.training.step
        try:
            found = diagnose(self.training)
        except Exception as error:  # a training is worth more than a look at it
            cause = f"{type(error).__name__}: {' '.join(str(error).split())[:300].rstrip('.')}"
            kind = type(self.training.trainer).__name__
            self.telling.warn("diagnostics", step, f"The diagnostics of {kind} failed at step {step}: {cause}.")
            return
        if found:
            self.telling.diagnose(step, *found)

    def _look_at_clock(self) -> None:
        self.record |= {"steps": self.training.step, "cpu_seconds": round(time.process_time() - self._cpu, 1)}

    def _look_at(self, rows: list[dict[str, float]]) -> None:
        """Warn of losses that are not finite; the last of ``rows`` is the step that was just taken."""
        for step, row in enumerate(rows, self.training.step - len(rows) + 1):
            if not self._broken and not all(map(math.isfinite, row.values())):  # what follows has no other cause
                self._broken = True
                batch = self.training.batches.indices(step - 1)
                text = not_finite(step, row, batch, self.training.networks)
                began = f" It began in {bad}." if (bad := self.training.update.bad_layer) else ""
                self.telling.warn("not finite", step, text + began)

    def _look_at_data(self) -> None:
        """Hold the data against what the model makes, by its plugin's own word."""
        training = self.training
        grey = {**self.recipe["data"], "binarise": "none"}  # a model's samples are no draws, but their probabilities
        batch = Batches(training.data.train, grey, self.recipe["seed"]).batch(0)
        made = template(self.recipe, training.model_role)[1]["use"]["output"]
        if "images" in batch and "range" in made:
            self._spread = spread(batch["images"])
            self.telling.warn("range", training.step, out_of_range(batch, tuple(made["range"])))

    def _sample(self) -> None:
        step, model = self.training.step, self.training.copied()
        if not self.training.ranks.first:
            return
        try:
            path, values = sample(self.training, model, self.folder)
        except Exception as error:  # a training is worth more than a look at it
            self.telling.warn("samples", step, f"No samples could be made of step {step}: {error}")
            return
        self.telling.say("train-samples", step, path=str(path))
        begun = step * 10 >= self.recipe["budget"]["steps"]  # at first every sample is the same grey
        if begun and isinstance(values, Tensor):
            self.telling.warn("collapsed", step, collapsed(values, self._spread))

    def _animate(self) -> None:
        try:
            animate(self.folder, self.training.step)
        except (OSError, ZooError) as error:  # a training is worth more than a look at it
            self.telling.warn("gif", self.training.step, f"The GIF of the samples could not be written: {error}")

    def _over(self, stopped: Callable[[], bool]) -> bool:
        return distributed.agreed(stopped() or self._out_of_time(), self.training.ranks, self.training.device)

    def _out_of_time(self) -> bool:
        seconds = self.recipe["budget"]["seconds"]
        return seconds is not None and self.telling.seconds >= seconds

    def _due(self, what: str) -> bool:
        every = self.recipe[what]["every"]
        return bool(every) and self.training.step % every == 0

    def _finish(self) -> None:
        """Judge and write the model, and the record of how it was made."""
        training, data = self.training, self.training.data
        model = training.copied()
        training.trainer.finish(model, self.recipe["seed"])
        for part, rows in (("validation", data.validation), ("test", data.test)):
            if rows is not None:
                self.record[part] = evaluate(training, rows, part, model)
        found = self.record["environment"]
        self.record |= {name: found[name] for name in ("torch", "threads", "instructions")}
        self.record["seed"] = self.recipe["seed"]
        if training.ranks.first:
            role, beside = training.model_role, training.beside
            last = {name: value for name, value in self.record.items() if name != "selection"}
            export(model, self.recipe, role, data.facts, last, self.folder, beside)
            with whole_file(str(self.folder / "record.json")) as stream:
                stream.write(json.dumps(self.record, indent=1, ensure_ascii=False).encode() + b"\n")
        self.telling.say("train-end", training.step, record=self.record)
