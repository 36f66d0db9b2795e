"""kill -9 at any moment, often: what a resumed training ends with is, to the byte, what an unbroken one does."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
import signal

import pytest
import torch
from safetensors.torch import load_file, save_file

FAMILIES = ["gan", "vae", "text"]
ONCE = {"sample", "evaluate", "export"}
"""Phases that there is one of in a whole run; the others come back at least every four of the twelve steps."""
HIT: dict[str, set[str]] = {family: set() for family in FAMILIES}
FAST = {
    "gan": ["step", "write", "between", "rename", "force", "export"],
    "vae": ["start", "log", "sample", "force", "remove", "step"],
    "text": ["write", "sample", "step", "rename", "remove", "evaluate"],
}


def fingerprint(folder):
    """Return all of a run's folder that a repetition must equal: every byte but the clock's."""
    last = max((folder / "checkpoints").iterdir())
    state, record = (json.loads(path.read_text()) for path in (last / "state.json", folder / "record.json"))
    for each in (record, state["record"]):
        del each["cpu_seconds"]
    del state["seconds"]
    files = {name: (folder / name).read_bytes() for name in ("model.safetensors", "losses.jsonl", "recipe.json")}
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix != ".part")
    names = [name for name in names if not name.startswith("checkpoints")]  # one more, if killed in the last removal
    samples = {path.name: path.read_bytes() for path in (folder / "samples").iterdir() if path.suffix == ".txt"}
    return (
        files
        | samples
        | {"names": names, "record": record, "state": state, "tensors": (last / "tensors.safetensors").read_bytes()}
    )


@pytest.fixture(scope="module")
def unbroken(zoo, tiny, tmp_path_factory):
    """Return what an unbroken run of a family leaves, and how many calls it makes in each phase."""
    known = {}

    def call(family):
        if family not in known:
            folder = tmp_path_factory.mktemp("unbroken") / family
            done = zoo("train", tiny(family), "--out", folder, count=True)
            assert done.returncode == 0, done.stderr
            known[family] = fingerprint(folder), done.events
        return known[family]

    return call


class Campaign:
    """Kills one run after another, each until it has ended in spite of it."""

    def __init__(self, zoo, recipe, folder, expected):
        self.zoo, self.recipe, self.folder, self.expected = zoo, recipe, folder, expected
        self.ended, self.killed = 0, 0

    def strike(self, **how):
        """Start or go on with a run that is killed; return the phase that it was in."""
        out = self.folder / str(self.ended)
        begun = (out / "recipe.json").exists()
        done = self.zoo("train", *(["--resume", out] if begun else [self.recipe, "--out", out]), **how)
        if done.returncode == 0:
            self.compare(out)
            self.ended += 1
        else:
            assert done.returncode == -signal.SIGKILL, done.stderr
            self.killed += 1
        return done.hit

    def finish(self):
        ended = self.ended
        self.strike()
        assert self.ended == ended + 1

    def compare(self, out):
        found = fingerprint(out)
        assert found.keys() == self.expected.keys()
        assert [name for name in found if found[name] != self.expected[name]] == []
        assert sorted(os.listdir(out / "checkpoints"))[-2:] == ["step-00000008", "step-00000012"]


def moment(phase, events, where):
    """Return the call in a phase at which to strike, for ``where`` from 0 to 1."""
    reach = events[phase] if phase in ONCE else events[phase] // 4
    return 1 + int(where * (reach - 1))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_killed_run_ends_as_an_unbroken_one(zoo, tiny, unbroken, tmp_path, family):
    expected, events = unbroken(family)
    campaign = Campaign(zoo, tiny(family), tmp_path, expected)
    chosen = random.Random(family)
    for phase in FAST[family]:
        hit = campaign.strike(kill=(phase, moment(phase, events, chosen.random())))
        assert hit in (phase, "")
        HIT[family].add(hit)
    campaign.finish()
    assert campaign.killed >= len(FAST[family]) - 1
    assert HIT[family] - {""} >= set(FAST[family]) - {"sample"}


@pytest.mark.parametrize("place", range(8))
def test_a_kill_around_the_renaming_of_a_checkpoint_leaves_an_old_or_a_new_one(zoo, tiny, unbroken, tmp_path, place):
    expected, events = unbroken("vae")
    campaign = Campaign(zoo, tiny("vae"), tmp_path, expected)
    each = {phase: events[phase] // 4 for phase in ("force", "rename")}  # of steps 0, 4, 8 and 12
    # The folder's own entries, then the rename, then those of the folder around it, of the second checkpoint.
    moments = [("force", each["force"] + n) for n in (1, each["force"] // 2, each["force"] // 2 + 1, each["force"])]
    moments += [("rename", each["rename"] + n) for n in (1, each["rename"] // 2, each["rename"])]
    moments += [("remove", events["remove"])]
    assert campaign.strike(kill=moments[place]) == moments[place][0]
    left = {name for name in os.listdir(tmp_path / "0" / "checkpoints") if name.startswith("step-")}
    assert left & {"step-00000000", "step-00000004", "step-00000008"}
    campaign.finish()


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_a_hundred_kills(zoo, tiny, unbroken, tmp_path, family):
    """34 for each family: three of four at a call drawn at random in each phase in turn, the fourth by the clock."""
    expected, events = unbroken(family)
    campaign = Campaign(zoo, tiny(family), tmp_path, expected)
    chosen, hit = random.Random(family), []
    phases = [phase for phase in events if events[phase]]
    coming, number = itertools.cycle(phases), 0
    while campaign.killed < 34:
        number += 1
        assert number < 200
        if number % 4 == 0:
            campaign.strike(after=chosen.uniform(0.05, 1.5))
        else:
            phase = next(coming)
            hit.append(campaign.strike(kill=(phase, moment(phase, events, chosen.random()))))
    campaign.finish()
    assert set(hit) - {""} == set(phases), hit


def test_a_resumption_that_forgets_the_optimizer_is_found(zoo, tiny, unbroken, tmp_path):
    """Saboteur: with the moments of one parameter changed, and the hashes made right, the end is another."""
    expected, events = unbroken("vae")
    campaign = Campaign(zoo, tiny("vae"), tmp_path, expected)
    campaign.strike(kill=("force", events["force"] // 3 * 2))
    newest = max((tmp_path / "0" / "checkpoints").glob("step-*"))
    assert newest.name == "step-00000008"
    tensors = load_file(newest / "tensors.safetensors")
    name = next(name for name in tensors if name.endswith(".exp_avg"))
    tensors[name] = torch.zeros_like(tensors[name])
    save_file(tensors, newest / "tensors.safetensors")
    manifest = json.loads((newest / "manifest.json").read_text())
    data = (newest / "tensors.safetensors").read_bytes()
    manifest["files"]["tensors.safetensors"] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (newest / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(AssertionError, match="model"):
        campaign.finish()
