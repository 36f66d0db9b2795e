"""Two real processes against one: the same gradients, losses and order; and what is seen when one of them is gone."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from safetensors.torch import load_file

RANKED = str(Path(__file__).with_name("ranked.py"))
PATIENCE = 60
"""Seconds after which processes that should have ended are said to hang."""
PLAIN = ('{"kind": "sgd", "learning_rate": 0.05}', "clip=null")


def plain(*roles):
    """Return changes that make each optimizer the plainest: Adam turns a rounding error into a whole step."""
    return [*(f"optimizers.{role}={PLAIN[0]}" for role in roles), PLAIN[1]]


class Processes:
    """Processes that train together; each of their environments is that of a terminal of its own."""

    def __init__(self, home):
        self.home = home

    def environment(self, **more):
        own = {"AIGC_ZOO_HOME": str(self.home / "home"), "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
        inherited = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
        return inherited | own | {key: str(value) for key, value in more.items()}

    def start(self, arguments, ranks=1, **environment):
        agent = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)] if ranks > 1 else []
        return subprocess.Popen(
            [sys.executable, *agent, *map(str, arguments)],
            cwd=self.home,
            env=self.environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def jobs(self, name, jobs):
        """Write jobs into a folder of their own; return the path."""
        path = self.home / name / "jobs.json"
        path.parent.mkdir()
        path.write_text(json.dumps([{**job, "arguments": list(map(str, job["arguments"]))} for job in jobs]))
        return path


class Seen(NamedTuple):
    """What the ranks of one job noted, and its folder."""

    ranks: list[dict]
    tensors: list[dict[str, torch.Tensor]]
    folder: Path

    @property
    def order(self):
        """The rows of each step, those of the ranks one after another."""
        steps = zip(*(each["rows"] for each in self.ranks), strict=True)
        return [list(itertools.chain.from_iterable(step)) for step in steps]

    def gradients(self, rank=0):
        return {name: value for name, value in self.tensors[rank].items() if name.startswith("gradient.")}

    def weights(self, rank=0):
        return {name: value for name, value in self.tensors[rank].items() if name.startswith("weight.")}

    @property
    def losses(self):
        return [json.loads(line) for line in (self.folder / "losses.jsonl").read_text().splitlines()]


def seen(path, name, ranks, folder):
    notes = [json.loads((path.parent / f"{name}.{rank}.json").read_text()) for rank in range(ranks)]
    assert [note["code"] for note in notes] == [0] * ranks
    tensors = [load_file(path.parent / f"{name}.{rank}.safetensors") for rank in range(ranks)]
    return Seen(notes, tensors, folder)


def ended(process, patience=PATIENCE):
    """Wait for a process; return its exit code and what it printed."""
    try:
        printed, _ = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        pytest.fail(f"it hangs; until then it printed: {process.communicate()[0]}")
    return process.returncode, printed


def close(one, other, rtol=1e-4, atol=1e-6):
    assert one.keys() == other.keys()
    assert one
    for name, value in one.items():
        torch.testing.assert_close(
            other[name], value, rtol=rtol, atol=atol, msg=lambda text, name=name: f"{name}{text}"
        )


def close_losses(one, other, rel=1e-5):
    assert [line["step"] for line in one] == [line["step"] for line in other]
    for mine, theirs in zip(one, other, strict=True):
        assert theirs["losses"] == pytest.approx(mine["losses"], rel=rel, abs=1e-6), mine["step"]


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    return Processes(tmp_path_factory.mktemp("ranks"))


def test_two_ranks_take_the_step_of_one(processes, tiny):
    """The quick one: both are started at once."""
    recipe = tiny("vae", "data.binarise=none", "budget.steps=3", "samples.every=0", *plain("autoencoder"))
    started = {}
    for ranks in (1, 2):
        out = processes.home / f"quick-{ranks}-run"
        jobs = [{"name": "quick", "arguments": [recipe, "--quiet", "--out", out]}]
        path = processes.jobs(f"quick-{ranks}", jobs)
        started[ranks] = path, out, processes.start([RANKED, path], ranks)
    found = {}
    for ranks, (path, out, process) in started.items():
        code, printed = ended(process)
        assert code == 0, printed
        found[ranks] = seen(path, "quick", ranks, out)
    one, two = found[1], found[2]
    assert two.order == one.order
    assert [len(step) for step in two.ranks[1]["rows"]] == [2, 2, 1]
    for rank in range(2):
        close(one.gradients(), two.gradients(rank))
        close(one.weights(), two.weights(rank))
    close_losses(one.losses, two.losses)
    # Saboteur: the mean over a rank's own rows is another gradient, so the check can fail.
    with pytest.raises(AssertionError):
        close(one.gradients(), {name: value * 2 for name, value in two.gradients().items()})


# All others, in three starts: one rank, two ranks that also go on with the first's runs, one that goes on with theirs.

GAN = [
    "optimizers.generator=" + PLAIN[0],
    "optimizers.discriminator=" + PLAIN[0],
    "networks.discriminator.config.dropout=0.0",
    "data.order=replacement",
    "data.batch_size=8",
    "accumulate=2",
]
VALIDATED = ['data.split={"by": "position", "validation": 0.5}', "evaluate.every=4"]
RECIPES = {
    "vae": ("vae", ["data.binarise=none", "log.every=1", *VALIDATED, *plain("autoencoder")]),
    "text": ("text", ["networks.decoder.config.dropout=0.0", "log.every=1", "evaluate.every=4", *plain("decoder")]),
    "odd": ("vae", ["data.binarise=none", "data.batch_size=5", "log.every=1", *plain("autoencoder")]),
    "names": ("names", ["networks.decoder.config.dropout=0.0", "log.every=1", "accumulate=2", *plain("decoder")]),
    "alternating": ("gan", ["trainer.config.update=alternating", "log.every=1", *GAN]),
    "simultaneous": ("gan", ["trainer.config.update=simultaneous", "log.every=1", *GAN]),
    "adam": ("text", ["networks.decoder.config.dropout=0.0", "log.every=1", "ema=0.9"]),
    "sharded": ("text", ["networks.decoder.config.dropout=0.0", "log.every=1", "ema=0.9", "compute.shard=true"]),
}
"""What is trained for 5 steps by one rank and by two: family, and changes to its tiny recipe."""
STILL = {"alternating", "simultaneous"}
"""Compared with batch norm in eval mode: of a part of a batch it has other statistics than of the whole."""
BUFFERS = {f"{name} with batch norm": RECIPES[name] for name in ("alternating", "simultaneous")}
GOES_ON = {
    "vae": ("vae", ["data.binarise=none", "log.every=2", "ema=0.9", *VALIDATED, *plain("autoencoder")]),
    "gan": ("gan", ["log.every=2", "data.order=shuffle", "networks.discriminator.config.dropout=0.0"]),
    "text": ("text", ["networks.decoder.config.dropout=0.0", "log.every=2", "evaluate.every=4"]),
    "sharded": ("text", ["networks.decoder.config.dropout=0.0", "log.every=2", "compute.shard=true", "ema=0.9"]),
}
"""What is stopped after 4 steps and goes on to 8 with another number of ranks."""


@pytest.fixture(scope="module")
def recipes(tiny, small, tmp_path_factory):
    """Return the path of a recipe: of a family's tiny one, or of names of unequal lengths."""
    folder = tmp_path_factory.mktemp("names")
    (folder / "names.txt").write_text("\n".join("abcdefg"[number % 3 : 1 + number * 5 % 7] for number in range(40)))

    def call(family, *changes):
        if family != "names":
            return tiny(family, *changes)
        made = small("names", "log.every=1", "data.form.block=8", "data.batch_size=5", "data.split={}", *changes)
        made["data"] |= {"folder": str(folder), "source": {"kind": "text", "file": "names.txt"}}
        made["data"].pop("sha256", None)
        path = folder / f"{len(list(folder.iterdir()))}.json"
        path.write_text(json.dumps(made))
        return path

    return call


@pytest.fixture(scope="module")
def trained(processes, recipes):
    """Train all of it; return what each job's ranks saw, by (name, ranks), and what was printed."""
    home, outs, names = processes.home, {}, {1: [], 2: []}

    def job(phase, name, arguments, still=False):
        outs[phase, name] = home / f"{phase}-{name.replace(' ', '-')}"
        return {"name": name.replace(" ", "-"), "arguments": arguments, "still": still}

    def fresh(phase, name, spec, steps):
        recipe = recipes(spec[0], *spec[1], f"budget.steps={steps}", "schedule.steps=12", "checkpoint.every=0")
        made = job(phase, name, [recipe], name in STILL)
        made["arguments"] += ["--out", outs[phase, name]]
        return made

    def on(phase, name, before):
        made = job(phase, f"{name} goes on", [])
        out = outs[phase, f"{name} goes on"]
        made["arguments"] = ["--resume", out, "--set", "budget.steps=8"]
        return made, outs[before, name], out

    all_specs = {**RECIPES, **BUFFERS}
    printed = {}
    paths = {}
    first = [fresh("one", name, spec, 5) for name, spec in RECIPES.items()]
    first += [fresh("one", f"{name} unbroken", spec, 8) for name, spec in GOES_ON.items()]
    first += [fresh("one", f"{name} half", spec, 4) for name, spec in GOES_ON.items()]
    second = [fresh("two", name, spec, 5) for name, spec in all_specs.items()]
    second += [fresh("two", f"{name} half", spec, 4) for name, spec in GOES_ON.items()]
    third = []
    to_copy = {"two": [], "three": []}
    for name in GOES_ON:
        for phase, before, jobs in (("two", "one", second), ("three", "two", third)):
            made, source, out = on(phase, f"{name} half", before)
            jobs.append(made)
            to_copy[phase].append((source, out))
    for phase, jobs, ranks in (("one", first, 1), ("two", second, 2), ("three", third, 1)):
        for source, out in to_copy.get(phase, []):
            shutil.copytree(source, out)
        paths[phase] = processes.jobs(f"jobs-{phase}", jobs)
        code, printed[phase] = ended(processes.start([RANKED, paths[phase]], ranks), 120)
        assert code == 0, printed[phase]
        names[phase] = ranks

    def call(phase, name):
        return seen(paths[phase], name.replace(" ", "-"), names[phase], outs[phase, name])

    call.printed = printed
    return call


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_gradients_weights_losses_and_order_are_those_of_one_rank(trained, name):
    one, two = trained("one", name), trained("two", name)
    assert two.order == one.order
    assert len(one.order) == 5
    exact = not {"adam", "sharded"} & {name}
    for rank in range(2):
        close(one.gradients(), two.gradients(rank))
        if exact:
            close(one.weights(), two.weights(rank))
    close_losses(one.losses, two.losses, 1e-5 if exact else 1e-4)


@pytest.mark.slow
def test_a_rank_without_rows_takes_part(trained):
    two = trained("two", "odd")
    assert [[len(step) for step in rank["rows"]] for rank in two.ranks] == [[3, 3, 1, 3, 3], [2, 2, 0, 2, 2]]


@pytest.mark.slow
def test_ranks_of_unequal_weight_are_not_averaged_as_equals(trained, recipes):
    """Saboteur: in the first step of the names the ranks predict unequally many tokens."""
    from aigc_core.train.data.read import read
    from aigc_core.train.recipe import read as read_recipe

    made = read_recipe(str(recipes("names")))
    rows = read(made["data"], made["data"]["folder"], lambda use: None).train
    shares = [
        rows.take(torch.tensor(rank["rows"][0]))["targets"].ne(-100).sum() for rank in trained("two", "names").ranks
    ]
    assert len(set(map(int, shares))) == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", [*RECIPES, *BUFFERS])
def test_ranks_hold_the_same_weights_and_buffers(trained, name):
    first, second = (rank["hashes"] for rank in trained("two", name).ranks)
    assert first == second
    assert first


@pytest.mark.slow
@pytest.mark.parametrize("name", BUFFERS)
def test_batch_norms_statistics_are_gathered_from_both_ranks(trained, name):
    still, moved = (trained("two", each).weights() for each in (name.partition(" ")[0], name))
    means = [key for key in moved if key.endswith("running_mean")]
    assert means
    assert not any(torch.equal(still[key], moved[key]) for key in means)


@pytest.mark.slow
def test_sharding_is_no_other_training_than_copies_are(trained):
    copies, parts = trained("two", "adam"), trained("two", "sharded")
    close(copies.gradients(), parts.gradients())
    close_losses(copies.losses, parts.losses, 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", GOES_ON)
@pytest.mark.parametrize("phase", ["two", "three"], ids=["one rank, then two", "two ranks, then one"])
def test_a_run_goes_on_with_another_number_of_ranks(trained, name, phase):
    whole, rest = trained("one", f"{name} unbroken"), trained(phase, f"{name} half goes on")
    assert rest.order == whole.order[4:]
    # Batch norm's statistics are of a rank's own rows: with it, the losses are near, not equal.
    close_losses(whole.losses, rest.losses, 0.2 if name == "gan" else 1e-3)
    assert (rest.folder / "model.safetensors").exists()


@pytest.mark.slow
def test_another_number_of_ranks_is_told(trained):
    assert "the number of processes was 1, now 2" in trained.printed["two"]
    assert "the number of processes was 2, now 1" in trained.printed["three"]


@pytest.mark.slow
def test_only_the_first_rank_speaks(trained):
    assert len(re.findall(r"is trained, 5 steps", trained.printed["two"])) == len(RECIPES) + len(BUFFERS)
    assert "Expected to have finished reduction" not in trained.printed["two"]


@pytest.mark.slow
def test_a_rank_without_a_batch_of_validation_waits_for_nobody(processes, tiny):
    """3 rows of validation are one batch, so the second rank measures nothing."""
    few = 'data.split={"by": "position", "validation": 0.3}'
    recipe = tiny("vae", few, "evaluate.every=2", "budget.steps=2", "samples.every=0")
    path = processes.jobs("few", [{"name": "few", "arguments": [recipe, "--out", processes.home / "few-run"]}])
    code, printed = ended(processes.start([RANKED, path], 2))
    assert code == 0, printed
    assert "validation/autoencoder/loss" in printed


# What goes wrong.


def gone(path, ranks=2):
    """Say which of the processes that wrote their number are still there, giving them a moment to go."""
    numbers = [int((path.parent / f"process.{rank}").read_text()) for rank in range(ranks)]
    for _ in range(100):
        left = [number for number in numbers if alive(number)]
        if not left:
            return []
        time.sleep(0.1)
    return left


def alive(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_rank_ends_all_of_them(processes, tiny, victim):
    out = processes.home / f"killed-{victim}-run"
    jobs = [{"name": "killed", "arguments": [tiny("vae"), "--out", out], "kill": [victim, 3]}]
    path = processes.jobs(f"killed-{victim}", jobs)
    code, printed = ended(processes.start([RANKED, path], 2))
    assert code != 0
    assert "SIGKILL" in printed
    assert gone(path) == []


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_rank_whose_peer_is_gone_says_so_and_ends_where_nobody_ends_it(processes, tiny, victim):
    """As under a scheduler that starts the ranks itself: no agent of torchrun looks after them."""
    out = processes.home / f"alone-{victim}-run"
    jobs = [{"name": "alone", "arguments": [tiny("vae"), "--out", out], "kill": [victim, 3]}]
    path = processes.jobs(f"alone-{victim}", jobs)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free.getsockname()[1], "WORLD_SIZE": 2}
    started = [processes.start([RANKED, path], RANK=rank, LOCAL_RANK=rank, **group) for rank in range(2)]
    codes, said = zip(*map(ended, started), strict=True)
    assert codes[victim] == -9
    assert codes[1 - victim] == 3, said[1 - victim]
    assert f"Rank {1 - victim} of 2 stopped: another rank is gone" in said[1 - victim]
    assert "--resume" in said[1 - victim]
    assert "Traceback" not in said[1 - victim]
    assert gone(path) == []


@pytest.mark.slow
def test_a_signal_to_torchrun_leaves_a_checkpoint_of_the_last_step(processes, tiny):
    """As a scheduler does it before the time is over."""
    out = processes.home / "stopped-run"
    recipe = tiny("vae", "budget.steps=1000000", "checkpoint.every=0", "samples.every=0", "log.every=1")
    process = processes.start(["-m", "aigc_core.train", recipe, "--out", out], 2)
    until = time.monotonic() + PATIENCE
    while not (out / "losses.jsonl").exists() or not (out / "losses.jsonl").stat().st_size:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    code, printed = ended(process)
    assert code != 0
    (step,) = re.findall(r"Stopped after step (\d+)\. Go on: aigc-zoo train --resume", printed)
    assert max(path.name for path in (out / "checkpoints").iterdir()) == f"step-{int(step):08}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("data.batch_size=0", "The recipe tiny.json is not right"),
        ("networks.autoencoder.config.hidden=-1", "networks.autoencoder.config does not fit"),
    ],
)
def test_a_wrong_input_under_torchrun_is_one_sentence(processes, tiny, change, sentence):
    shutil.copy(tiny("vae"), processes.home / "tiny.json")
    out = processes.home / "wrong-run"
    code, printed = ended(processes.start(["-m", "aigc_core.train", "tiny.json", "--out", out, "--set", change], 2))
    assert code != 0
    said = [line for line in printed.splitlines() if line.startswith("aigc-zoo: ")]
    assert said
    assert all(line.startswith(f"aigc-zoo: {sentence}") for line in said)
    assert not (out / "recipe.json").exists()


@pytest.mark.slow
def test_what_the_first_rank_alone_finds_wrong_ends_the_others(processes, tiny):
    out = processes.home / "twice-run"
    out.mkdir()
    (out / "recipe.json").write_text("{}")
    code, printed = ended(processes.start(["-m", "aigc_core.train", tiny("vae"), "--out", out], 2))
    assert code != 0
    assert f"aigc-zoo: {out} holds a run already." in printed
