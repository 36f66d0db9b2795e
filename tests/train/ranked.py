"""Runs command lines one after another in each process of a group, and notes what each rank did in every one of them.

``torchrun ranked.py JOBS.json``, or without torchrun for one rank. A job is a line of ``aigc-zoo train`` with a name;
for each there is NAME.RANK.json (exit code, the rows of each step, a hash of what the networks hold at the end) and
NAME.RANK.safetensors (gradients of the first step, weights at the end) beside the jobs.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import signal
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from aigc_core.cli import outcome
from aigc_core.train import ranks
from aigc_core.train.sharding import whole
from aigc_core.train.training import Training

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


class Notes:
    """What one rank did in one job."""

    def __init__(self, job: dict) -> None:
        self.job, self.rows, self.tensors, self.hashes = job, [], {}, {}
        self.training: Training | None = None

    def advance(self, training: Training) -> object:
        """Take a step as ``Training.advance`` does, and note it."""
        if self.training is None:
            self.training = training
            if self.job.get("still"):
                for network in training.networks.values():
                    for module in network.modules():
                        module.training = module.training and not isinstance(module, NORMS)
        if self.job.get("kill") == [training.ranks.rank, training.step + 1]:
            os.kill(os.getpid(), signal.SIGKILL)
        seen, rows = [], training.data.train
        real = rows.take
        rows.take = lambda indices: seen.append(indices.tolist()) or real(indices)
        report = ADVANCE(training)
        rows.take = real
        self.rows.append(seen[0])  # a rank without rows takes another's afterwards
        if len(self.rows) == 1:
            for role, network in training.networks.items():
                for name, value in network.named_parameters():
                    self.tensors[f"gradient.{role}.{name}"] = whole(value.grad).clone()
        return report

    def end(self) -> None:
        """Note what the networks, and the average of the first, hold now."""
        if self.training is None:
            return
        average = {"average": self.training.average.network} if self.training.average else {}
        for role, network in (self.training.networks | average).items():
            digest = hashlib.sha256()
            for name, value in sorted(network.state_dict().items()):
                value = whole(value).contiguous()
                self.tensors[f"weight.{role}.{name}"] = value
                digest.update(value.numpy().tobytes())
            self.hashes[role] = digest.hexdigest()


ADVANCE = Training.advance


def main(path: Path) -> int:
    torch.set_num_threads(1)
    end, ranks.end = ranks.end, lambda: None  # one group for all jobs
    ranks.TIMEOUT = datetime.timedelta(seconds=30)
    rank = int(os.environ.get("RANK", 0))
    (path.parent / f"process.{rank}").write_text(str(os.getpid()))
    try:
        for job in json.loads(path.read_text()):
            notes = Notes(job)
            Training.advance = lambda training, notes=notes: notes.advance(training)
            code = outcome(["train", *job["arguments"]])
            if code == 0:
                notes.end()
                save_file(
                    {name: value.clone() for name, value in notes.tensors.items()},
                    path.parent / f"{job['name']}.{rank}.safetensors",
                )
            said = {"code": code, "rows": notes.rows, "hashes": notes.hashes}
            (path.parent / f"{job['name']}.{rank}.json").write_text(json.dumps(said))
            if code:
                print(f"rank {rank}: {job['name']} ended with {code}", file=sys.stderr)
                return code
        return 0
    finally:
        end()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
