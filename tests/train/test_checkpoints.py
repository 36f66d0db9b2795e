"""Checkpoints: whole or not there, verified, never a pickle; and each fault of one ends in a sentence."""

from __future__ import annotations

import contextlib
import errno
import io
import itertools
import json
import os
import pickletools
import shutil
import subprocess

import pytest
import torch

from aigc_core.errors import CheckFailed, NotAvailable, Refused, WrongUse
from aigc_core.train import checkpoint

STEPS = 6
USUAL = [
    "budget.steps=6",
    "schedule.steps=6",
    "checkpoint.every=2",
    "checkpoint.keep=3",
    "log.every=2",
    "ema=0.9",
]


@pytest.fixture(scope="module")
def written(training, tmp_path_factory):
    """A run of six steps with checkpoints of steps 2, 4 and 6; never changed, only copied."""
    from aigc_core.train.loop import Loop
    from aigc_core.train.monitors import Watch

    folder = tmp_path_factory.mktemp("written")
    made = training("vae-digits", *USUAL)
    Loop(made, folder, tell=lambda event: None, watch=Watch(False, lambda text: None)).run()
    return folder


@pytest.fixture
def run(written, tmp_path):
    """A copy of that run, to be spoiled."""
    return shutil.copytree(written, tmp_path / "run")


@pytest.fixture
def again(training, loop):
    """Build the training of that run once more, with changes, and go on with the one in a folder."""

    def call(folder, *changes):
        around = loop(training("vae-digits", *USUAL, *changes), folder)
        around.said = []
        around.resume(around.said.append)
        return around

    return call


def newest(run):
    return max((run / "checkpoints").iterdir())


def change_byte(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_what_was_written_is_read_to_the_bit(tmp_path):
    tensors = {
        "a": torch.randn(3, 4),
        "transposed": torch.randn(3, 4).t(),
        "half": torch.randn(5).half(),
        "rough": torch.randn(5).bfloat16(),
        "whole": torch.tensor(3),
        "none": torch.empty(0, 2),
        "odd": torch.tensor([float("nan"), float("inf"), -0.0, 1e-45]),
        "images": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
    }
    tensors["same"] = tensors["a"]
    tensors["view"] = tensors["a"].view(-1)
    state = {"step": 3, "text": "ü", "float": 0.1 + 0.2, "list": [1, None, True]}
    path = checkpoint.write(tmp_path / "c", 3, tensors, state, 1)
    found, read = checkpoint.read(path)
    assert read == state
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        assert found[name].dtype == value.dtype
        assert found[name].shape == value.shape
        one, other = (each.contiguous().flatten().view(torch.uint8) for each in (found[name], value))
        assert torch.equal(one, other) if value.dim() else found[name] == value


def test_the_newest_are_kept_and_no_part_is_left(tmp_path):
    for step in range(1, 6):
        checkpoint.write(tmp_path / "c", step, {"a": torch.ones(1)}, {}, 3)
    assert sorted(os.listdir(tmp_path / "c")) == ["step-00000003", "step-00000004", "step-00000005"]
    assert checkpoint.steps(tmp_path / "c") == [3, 4, 5]


def test_steps_are_in_the_order_of_their_numbers(tmp_path):
    for name in (
        "step-00000009",
        "step-100000000",
        "step-99999999",
        "step-1",
        "step-00000002.old",
        ".step-00000003.part",
    ):
        (tmp_path / name).mkdir()
    assert checkpoint.steps(tmp_path) == [9, 99_999_999, 100_000_000]
    assert checkpoint.steps(tmp_path / "nowhere") == []


def test_a_checkpoint_holds_safetensors_and_json_and_no_pickle(written):
    files = sorted(path for path in (written / "checkpoints").rglob("*") if path.is_file())
    assert {path.name for path in files} == {"tensors.safetensors", "state.json", "manifest.json"}
    for path in [*files, written / "model.safetensors"]:
        data = path.read_bytes()
        if path.suffix == ".json":
            assert isinstance(json.loads(data), dict)
        else:
            header = int.from_bytes(data[:8], "little")
            assert isinstance(json.loads(data[8 : 8 + header]), dict)
        assert not data.startswith(b"PK")
        assert not is_pickle(data)


def is_pickle(data):
    stream = io.BytesIO(data)
    with contextlib.suppress(Exception):
        return sum(1 for _ in pickletools.genops(stream)) > 1
    return False


def test_a_pickle_would_be_seen(tmp_path):
    torch.save({"a": torch.ones(1)}, tmp_path / "it", _use_new_zipfile_serialization=False)
    assert is_pickle((tmp_path / "it").read_bytes())


def test_a_checkpoint_holds_networks_optimizers_and_average(written):
    tensors, state = checkpoint.read(newest(written))
    assert {name.partition(".")[0] for name in tensors} == {"network", "optimizer", "average"}
    assert state["training"]["step"] == STEPS


# Damage.

FAULTS = {
    f"{kind} {name}": (name, spoil)
    for name in ("tensors.safetensors", "state.json", "manifest.json")
    for kind, spoil in {
        "one byte changed in": change_byte,
        "cut short": lambda path: path.write_bytes(path.read_bytes()[:-7]),
        "emptied": lambda path: path.write_bytes(b""),
        "missing": lambda path: path.unlink(),
        "longer": lambda path: path.write_bytes(path.read_bytes() + b"xx"),
    }.items()
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(run, again, fault):
    name, spoil = FAULTS[fault]
    expected = (run / "model.safetensors").read_bytes(), (run / "losses.jsonl").read_bytes()
    if fault == "one byte changed in manifest.json":  # in a digest: elsewhere it may be white space
        path = newest(run) / name
        path.write_text(path.read_text().replace('"sha256": "', '"sha256": "0', 1))
    else:
        spoil(newest(run) / name)
    around = again(run)
    assert around.training.step == 4
    (said,) = around.said
    assert str(newest(run)) in said
    assert "is damaged" in said
    assert said.endswith("it is passed over.")
    assert "\n" not in said
    assert around.run()
    assert ((run / "model.safetensors").read_bytes(), (run / "losses.jsonl").read_bytes()) == expected
    assert checkpoint.read(newest(run))[1]["training"]["step"] == STEPS


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"format": 1}', '{"format": 1, "files": []}', '{"format": 1, "files": {}}']
)
def test_a_manifest_that_is_none_is_damage(run, again, text):
    (newest(run) / "manifest.json").write_text(text)
    assert again(run).training.step == 4


def test_a_folder_without_files_is_damage(run, again):
    (run / "checkpoints" / "step-00000008").mkdir()
    assert again(run).training.step == 6


def test_where_none_is_whole_that_is_said_and_nothing_is_lost(run, again):
    for path in (run / "checkpoints").iterdir():
        change_byte(path / "tensors.safetensors")
    before = sorted(run.rglob("*"))
    with pytest.raises(Refused, match=r"No checkpoint in .* is whole") as error:
        again(run)
    assert error.value.hint
    assert sorted(path for path in run.rglob("*")) == before
    assert (run / "losses.jsonl").stat().st_size > 0


def test_a_run_without_a_checkpoint_begins_anew(run, again):
    shutil.rmtree(run / "checkpoints")
    expected = (run / "model.safetensors").read_bytes(), (run / "losses.jsonl").read_bytes()
    around = again(run)
    assert around.training.step == 0
    assert (run / "losses.jsonl").read_bytes() == b""
    assert around.run()
    assert ((run / "model.safetensors").read_bytes(), (run / "losses.jsonl").read_bytes()) == expected


def test_a_part_that_was_left_over_is_no_checkpoint_and_does_not_hinder(run, again):
    part = run / "checkpoints" / ".step-00000006.part"
    shutil.copytree(newest(run), part)
    shutil.rmtree(newest(run))
    (part / "manifest.json").unlink()
    around = again(run)
    assert (around.training.step, around.said) == (4, [])
    assert around.run()
    assert not part.exists()
    assert newest(run).name == "step-00000006"


def test_a_later_format_is_refused_and_not_passed_over(run, again):
    path = newest(run) / "manifest.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(Refused, match="has format 2; this version reads 1") as error:
        again(run)
    assert "upgrade" in error.value.hint


def test_a_log_that_was_cut_is_refused(run, again):
    (run / "losses.jsonl").write_bytes(b"")
    with pytest.raises(Refused, match="lines were removed"):
        again(run)


# Of something else.


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ("optimizers.autoencoder.learning_rate=0.5", "optimizers"),
        ("networks.autoencoder.config.hidden=8", "networks"),
        ("trainer.config.draws=2", "trainer"),
        ("data.binarise=dynamic", "data"),
        ('losses.evidence={"use": "vae:elbo"}', "losses"),
        ("data.batch_size=3", "data"),
        ("seed=2", "seed"),
        ("ema=0.5", "ema"),
        ("clip=0.5", "clip"),
        ("schedule.warmup=1", "schedule"),
        ("accumulate=2", "accumulate"),
    ],
)
def test_a_checkpoint_of_another_recipe_is_refused_by_what_differs(run, again, change, part):
    with pytest.raises(Refused, match=rf"are those of another recipe: {part} differ\.") as error:
        again(run, change)
    assert error.value.hint


@pytest.mark.parametrize(
    "change",
    [
        "budget.steps=9",
        "checkpoint.every=1",
        "checkpoint.keep=1",
        "samples.count=3",
        "evaluate.every=2",
        "data.folder=x",
    ],
)
def test_what_no_step_depends_on_may_change(run, again, change):
    assert again(run, change).training.step == 6


def test_other_data_are_refused(run, training, small, synthetic, loop):
    made = training("vae-digits", *USUAL)
    made.data = made.data._replace(identity=made.data.identity | {"sha256": "0" * 64})
    with pytest.raises(Refused, match=r"data are not those that the run in .* began with") as error:
        loop(made, run).resume(print)
    assert "--data" in error.value.hint


@pytest.mark.parametrize(
    ("name", "then", "said"),
    [
        ("torch", "1.0", "torch was 1.0, now "),
        ("threads", 7, "threads was 7, now 1"),
        ("code", "0" * 64, "the code was 000000000000, now "),
        ("instructions", "AVX9", "the processor's instruction set was AVX9, now "),
    ],
)
def test_another_numeric_environment_is_told_and_goes_on(run, again, name, then, said):
    rewrite(newest(run), lambda state: state["record"]["environment"].update({name: then}))
    around = again(run)
    assert around.training.step == 6
    (told,) = around.said
    assert told.startswith("The result will not equal that of an unbroken run to the bit: ")
    assert said in told


def rewrite(path, change):
    """Change a checkpoint's state and its manifest with it, as nothing but a saboteur does."""
    tensors, state = checkpoint.read(path)
    change(state)
    checkpoint.write(path.parent, int(path.name.removeprefix("step-")), tensors, state, 9)


def test_a_checkpoint_whose_tensors_do_not_fit_is_refused(run, again):
    path = newest(run)
    tensors, state = checkpoint.read(path)
    name = next(name for name in tensors if name.startswith("network"))
    checkpoint.write(path.parent, 6, {**tensors, name: torch.zeros(1)}, state, 9)
    with pytest.raises(Refused, match="does not fit its recipe"):
        again(run)


# A disk that is full, a folder that cannot be written.


def small_disk(tmp_path):
    """Mount a disk of 64 kB, where that is allowed."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    done = mount and subprocess.run([mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True)
    return disk if done and done.returncode == 0 else None


def test_a_full_disk_leaves_the_older_checkpoint(tmp_path):
    disk = small_disk(tmp_path)
    if disk is None:
        pytest.skip("no file system can be mounted here")
    try:
        checkpoint.write(disk / "c", 1, {"a": torch.ones(100)}, {"step": 1}, 1)
        with pytest.raises(NotAvailable, match=r"No space left for the checkpoint of step 2 in .*step 1 is untouched"):
            checkpoint.write(disk / "c", 2, {"a": torch.ones(100_000)}, {"step": 2}, 1)
        assert os.listdir(disk / "c") == ["step-00000001"]
        assert checkpoint.read(disk / "c" / "step-00000001")[1] == {"step": 1}
        with pytest.raises(NotAvailable, match="there is none yet"):
            checkpoint.write(disk / "d", 1, {"a": torch.ones(100_000)}, {}, 1)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_file_that_may_not_grow_ends_a_training_in_a_sentence(zoo, tiny, tmp_path):
    out = tmp_path / "run"
    done = zoo("train", tiny("vae"), "--out", out, limits={"RLIMIT_FSIZE": 60_000})
    assert done.returncode == 3
    assert "No space left for the checkpoint of step 0" in done.stderr
    assert "Free some space, then start again." in done.stderr
    assert "Traceback" not in done.stderr
    assert os.listdir(out / "checkpoints") == []
    assert zoo("train", tiny("vae"), "--out", out).returncode == 0


def full_after(calls, real):
    left = itertools.count(calls, -1)

    def call(*given, **named):
        if next(left) <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*given, **named)

    return call


def test_an_error_of_the_disk_at_any_call_leaves_an_old_or_a_new_one(tmp_path, monkeypatch):
    folder = tmp_path / "c"
    checkpoint.write(folder, 1, {"a": torch.ones(3)}, {"step": 1}, 2)
    for call in ("fsync", "rename", "mkdir"):
        for number in range(9):
            fail = full_after(number, getattr(os, call))
            with monkeypatch.context() as patch:
                patch.setattr(os, call, fail)
                with contextlib.suppress(NotAvailable):
                    checkpoint.write(folder, 2, {"a": torch.ones(4)}, {"step": 2}, 2)
            _, state = checkpoint.newest(folder, lambda text: pytest.fail(text))
            assert state["step"] in (1, 2)
            assert not list(folder.glob(".*"))
            shutil.rmtree(folder / "step-00000002", ignore_errors=True)


def test_a_folder_that_is_read_only_is_named(tmp_path, monkeypatch):
    folder = tmp_path / "c"
    checkpoint.write(folder, 1, {"a": torch.ones(3)}, {"step": 1}, 2)

    def refuse(*given, **named):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(
        WrongUse, match=r"Cannot write the checkpoint of step 2 .*: permission denied; .*step 1 is untouched"
    ):
        checkpoint.write(folder, 2, {"a": torch.ones(3)}, {"step": 2}, 2)


def test_a_file_in_the_folders_place_is_named(tmp_path):
    (tmp_path / "c").write_text("")
    with pytest.raises(WrongUse, match="Cannot write the checkpoint of step 2"):
        checkpoint.write(tmp_path / "c", 2, {"a": torch.ones(3)}, {"step": 2}, 2)


def test_a_damaged_checkpoint_of_the_same_step_is_replaced(tmp_path):
    folder = tmp_path / "c"
    for value in (1, 2):
        path = checkpoint.write(folder, 5, {"a": torch.full((3,), value)}, {"value": value}, 2)
    assert checkpoint.read(path)[1] == {"value": 2}


def test_a_model_with_numbers_that_are_not_finite_is_not_written(training, loop, tmp_path):
    made = training("vae-digits", "budget.steps=2", "optimizers.autoencoder.learning_rate=1e37")
    with pytest.raises(CheckFailed, match="weights are not finite"):
        loop(made).run()
    assert not (tmp_path / "model.safetensors").exists()
    assert (tmp_path / "checkpoints").exists()
