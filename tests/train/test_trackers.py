"""Trackers hear every event of a training, each alone; what TensorBoard and W&B wrote is read back."""

from __future__ import annotations

import importlib.util
import json
import os
import struct
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.hookspecs import hookimpl
from aigc_core.train.trackers import hear, tracker

needs_tensorboard = pytest.mark.skipif(not importlib.util.find_spec("tensorboard"), reason="tensorboard is missing")
needs_wandb = pytest.mark.skipif(not importlib.util.find_spec("wandb"), reason="wandb is missing")

RECIPE = {"name": "demo", "seed": 3, "data": {"range": [-1, 1]}, "losses": {"x": "gan:*not* _markdown_"}}
TEXT = "Once <b>upon</b>\n    a *time*\n"


@pytest.fixture
def run(tmp_path):
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(tmp_path / "sheet.png")
    (tmp_path / "sheet.txt").write_text(TEXT, encoding="utf-8")
    return str(tmp_path)


def begin(run, step=0):
    return {"kind": "train-begin", "run": run, "recipe": RECIPE, "step": step}


def losses(run, step, **values):
    named = {name.replace("__", "/"): value for name, value in values.items()}
    return {"kind": "train-losses", "run": run, "step": step, "losses": named, "seconds": 1.0, "steps_per_second": 9.0}


def samples(run, step, name):
    return {"kind": "train-samples", "run": run, "step": step, "path": f"{run}/{name}"}


def diagnostics(run, step):
    histograms = {"logits": {"edges": [-1.0, 0.0, 1.0, 2.0], "counts": [3, 0, 5]}}
    values = {"norm": step / 10, "none": float("nan")}
    return {"kind": "train-diagnostics", "run": run, "step": step, "values": values, "histograms": histograms}


def warning(run, step):
    return {"kind": "train-warning", "run": run, "step": step, "text": "it is <wrong>"}


def end(run, step):
    return {"kind": "train-end", "run": run, "step": step, "record": {}}


def a_training(run):
    """Two windows, samples of both kinds and a warning."""
    yield begin(run)
    yield losses(run, 10, generator__loss=0.5, validation__generator__loss=0.75)
    yield losses(run, 20, generator__loss=float("nan"))
    yield samples(run, 20, "sheet.png")
    yield losses(run, 30, generator__loss=0.25)
    yield samples(run, 30, "sheet.txt")
    yield warning(run, 30)
    yield end(run, 30)


class Listener:
    def __init__(self, raising=None):
        self.heard, self.raising = [], raising

    @hookimpl
    def zoo_event(self, event):
        self.heard.append(event["kind"])
        event.clear()  # what it does to its copy is its own affair
        if self.raising:
            raise self.raising


class TestHear:
    def test_every_tracker_hears_every_event_whole(self, run):
        first, second = Listener(), Listener()
        send = hear([first, second])
        for event in a_training(run):
            send(event)
            assert event["run"] == run
        assert first.heard == second.heard == [event["kind"] for event in a_training(run)]

    @pytest.mark.parametrize("error", [ValueError("no\nspace"), SystemExit(3), MemoryError()])
    def test_one_that_raises_is_reported_once_and_taken_out(self, run, error, capsys):
        bad, good = Listener(error), Listener()
        send = hear([bad, good])
        for event in a_training(run):
            send(event)
        assert len(bad.heard) == 1
        assert len(good.heard) == 8
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert f"Listener failed: {type(error).__name__}: " in said
        assert "the training goes on without it" in said

    def test_control_c_is_no_failure_of_a_tracker(self, run):
        with pytest.raises(KeyboardInterrupt):
            hear([Listener(KeyboardInterrupt())])(begin(run))

    def test_installed_plugins_hear_too(self, site):
        head = "from aigc_core.hookspecs import hookimpl\n\n\n@hookimpl\ndef zoo_event(event):\n    "
        site.install("good-dist", "good", hooks=["zoo_event"], body=f"{head}print('heard', event)\n")
        site.install("bad-dist", "bad", hooks=["zoo_event"], body=f"{head}event.clear(); 1 / 0\n")
        script = "from aigc_core.train.trackers import hear\nsend = hear([])\nsend({'kind': 'x'})\nsend({'kind': 'y'})"
        done = site.python("-c", script)
        assert done.stdout == "heard {'kind': 'x'}\nheard {'kind': 'y'}\n"
        assert done.stderr == (
            "aigc-zoo: warning: hook zoo_event of bad-dist 1.0 failed: ZeroDivisionError: division by zero; "
            "it was skipped.\n"
        )


class TestByName:
    def test_an_unknown_name_has_a_near_one(self, run):
        with pytest.raises(WrongUse, match=r"There is no tracker tensorbord\. Did you mean tensorboard\?"):
            tracker("tensorbord", run)

    @pytest.mark.parametrize(("name", "library"), [("tensorboard", "tensorboard"), ("wandb", "wandb")])
    def test_a_missing_library_is_named_with_its_extra(self, run, name, library, monkeypatch):
        for module in [module for module in sys.modules if module.startswith("torch.utils.tensorboard")]:
            monkeypatch.delitem(sys.modules, module)
        monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(NotAvailable, match=f"Tracker {name} cannot be used: .*{library}") as caught:
            tracker(name, run)
        assert caught.value.hint == f'Try: pip install "aigc-core[{name}]"'

    def test_a_plugin_brings_its_own(self, site):
        body = (
            "from aigc_core.hookspecs import hookimpl\n\n\nclass Mine:\n"
            "    def __init__(self, run): self.run = run\n"
            "    @hookimpl\n    def zoo_event(self, event): print(self.run, event['kind'])\n\n\n"
            "class Deaf:\n    def __init__(self, run): pass\n    def zoo_evnt(self, event): pass\n\n\n"
            "class Broken:\n    def __init__(self, run): raise OSError('no server')\n"
        )
        names = {
            "mine": "a_dist.generators:Mine",
            "deaf": "a_dist.generators:Deaf",
            "broken": "a_dist.generators:Broken",
        }
        site.install("a-dist", "a", components={"trackers": names}, generator=body)
        script = (
            "import sys\nfrom aigc_core.errors import ZooError\nfrom aigc_core.train.trackers import hear, tracker\n"
            "try:\n    hear([tracker(sys.argv[1], 'DIR')])({'kind': 'x'})\nexcept ZooError as error: print(error)"
        )
        said = {name: site.python("-c", script, name).stdout for name in ("a:mine", "a:deaf", "a:broken", "a:min")}
        assert said["a:mine"] == "DIR x\n"
        assert said["a:deaf"].startswith("Tracker a:deaf cannot be used: TypeError: it has no method zoo_event")
        assert said["a:broken"] == "Tracker a:broken cannot be used: OSError: no server.\n"
        assert said["a:min"] == "Plugin a of a-dist has no tracker min. Did you mean mine?\n"


@needs_tensorboard
class TestTensorBoard:
    @staticmethod
    def read(run):
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        found = EventAccumulator(f"{run}/tensorboard", size_guidance={"histograms": 0})
        found.Reload()
        return found

    @staticmethod
    def texts(found, name):
        return [tensor.tensor_proto.string_val[0].decode() for tensor in found.Tensors(f"{name}/text_summary")]

    def test_what_was_told_is_read_back(self, run):
        send = hear([tracker("tensorboard", run)])
        for event in a_training(run):
            send(event)
        found = self.read(run)
        scalars = [(scalar.step, scalar.value) for scalar in found.Scalars("generator/loss")]
        assert [step for step, _ in scalars] == [10, 20, 30]
        assert (scalars[0][1], scalars[2][1]) == (0.5, 0.25)
        assert np.isnan(scalars[1][1])
        assert [scalar.value for scalar in found.Scalars("validation/generator/loss")] == [0.75]
        (image,) = found.Images("samples")
        with Image.open(BytesIO(image.encoded_image_string)) as back, Image.open(f"{run}/sheet.png") as sheet:
            assert np.array_equal(np.asarray(back), np.asarray(sheet))
        assert image.step == 20
        assert self.texts(found, "samples") == ["    Once <b>upon</b>\n        a *time*"]
        assert self.texts(found, "warnings") == ["    it is <wrong>"]
        (recipe,) = self.texts(found, "recipe")
        assert json.loads(recipe) == RECIPE

    def test_diagnostics_are_numbers_and_histograms(self, run):
        send = hear([tracker("tensorboard", run)])
        for event in (begin(run), diagnostics(run, 10), diagnostics(run, 20), end(run, 20)):
            send(event)
        found = self.read(run)
        shown = [(scalar.step, scalar.value) for scalar in found.Scalars("diagnostics/norm")]
        assert shown == [(10, 1.0), (20, 2.0)]
        assert np.isnan(found.Scalars("diagnostics/none")[0].value)
        first, second = found.Histograms("diagnostics/logits")
        assert (first.step, second.step) == (10, 20)
        value = first.histogram_value
        assert (value.min, value.max, value.num) == (-1, 2, 8)
        assert (value.sum, value.sum_squares) == (6.0, 12.0), "as if each lay in the middle of its bin"
        assert (list(value.bucket_limit)[-3:], list(value.bucket)[-3:]) == ([0, 1, 2], [3, 0, 5])

    def test_a_killed_run_keeps_what_it_told(self, run):
        send = hear([tracker("tensorboard", run)])
        send(begin(run))
        send(losses(run, 10, g=0.5))
        assert [scalar.step for scalar in self.read(run).Scalars("g")] == [10]
        send(end(run, 10))

    def test_steps_that_are_made_again_are_shown_once(self, run):
        """Killed at 40, resumed from 20: 30 and 40 come again, with other values so that one can tell them."""
        send = hear([tracker("tensorboard", run)])
        send(begin(run))
        for step in (10, 20, 30, 40):
            send(losses(run, step, g=1.0))
        send = hear([tracker("tensorboard", run)])
        send(begin(run, 20))
        for step in (30, 40):
            send(losses(run, step, g=2.0))
        send(end(run, 40))
        shown = [(scalar.step, scalar.value) for scalar in self.read(run).Scalars("g")]
        assert shown == [(10, 1.0), (20, 1.0), (30, 2.0), (40, 2.0)]

    def test_events_of_others_are_not_for_it(self, run):
        send = hear([tracker("tensorboard", run)])
        for kind in ("progress", "written", "train-losses", "train-end", "something-new"):
            send({"kind": kind})


def records(folder):
    """Read the .wandb file of an offline run, once wandb's own process has written the last of it."""
    (path,) = folder.glob("run-*.wandb")
    for _ in range(300):
        found = list(parsed(path.read_bytes()))
        if any(record.WhichOneof("record_type") == "exit" for record in found):
            return found
        time.sleep(0.1)
    raise AssertionError(f"{path} has no end")


def parsed(data):
    """Read a LevelDB log of protocol buffers; their definition is all that is taken from wandb."""
    from wandb.proto.wandb_internal_pb2 import Record

    assert data[:4] in (b":W&B", b"")
    at, whole = 7, b""
    while at + 7 <= len(data):
        if (left := 32768 - at % 32768) < 7:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        if at + 7 + length > len(data):
            return
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield Record.FromString(whole)
            whole = b""


SCRIPT = """
import sys
import wandb
from aigc_core.train.trackers import hear, tracker

if sys.argv[1:]:
    settings = wandb.Settings
    wandb.Settings = lambda **_: settings()
send = hear([tracker("wandb", ".")])
send({"kind": "train-begin", "run": ".", "recipe": {"name": "demo"}, "step": 0})
print("a", "secret")
send({"kind": "train-end", "run": ".", "step": 0, "record": {}})
"""


@needs_wandb
class TestWeightsAndBiases:
    @pytest.fixture(autouse=True)
    def _offline(self, monkeypatch, tmp_path):
        monkeypatch.setenv("WANDB_MODE", "offline")
        monkeypatch.setenv("WANDB_SILENT", "true")
        monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
        for folder in ("CACHE", "CONFIG", "DATA"):
            monkeypatch.setenv(f"WANDB_{folder}_DIR", str(tmp_path / f"wandb-{folder}"))
        yield
        import wandb

        wandb.teardown()  # its process, and the variable by which every other would find it
        os.environ.pop("WANDB_SERVICE", None)

    @staticmethod
    def folders(run):
        return sorted(Path(run, "wandb").glob("offline-run-*"))

    def history(self, folder):
        return [
            {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
            for record in records(folder)
            if record.WhichOneof("record_type") == "history"
        ]

    def test_diagnostics_are_numbers_and_histograms(self, run):
        send = hear([tracker("wandb", run)])
        for event in (begin(run), losses(run, 10, g=0.5), diagnostics(run, 10), end(run, 10)):
            send(event)
        (folder,) = self.folders(run)
        (row,) = self.history(folder)
        assert (row["_step"], row["g"], row["diagnostics/norm"]) == (10, 0.5, 1.0)
        shown = {
            name.rpartition("/")[2]: value for name, value in row.items() if name.startswith("diagnostics/logits/")
        }
        assert shown == {"_type": "histogram", "values": [3, 0, 5], "bins": [-1, 0, 1, 2]}

    def test_what_was_told_is_in_the_offline_run(self, run):
        send = hear([tracker("wandb", run)])
        for event in a_training(run):
            send(event)
        (folder,) = self.folders(run)
        rows = self.history(folder)
        assert [row["_step"] for row in rows] == [10, 20, 30]
        assert [row["generator/loss"] for row in rows] == pytest.approx([0.5, float("nan"), 0.25], nan_ok=True)
        assert rows[0]["validation/generator/loss"] == 0.75
        started = next(record.run for record in records(folder) if record.WhichOneof("record_type") == "run")
        assert started.project == "demo"
        config = {update.key: json.loads(update.value_json) for update in started.config.update}
        assert {name: config[name] for name in RECIPE} == RECIPE
        (image,) = (folder / "files" / "media" / "images").glob("samples_20_*.png")
        assert image.read_bytes() == Path(run, "sheet.png").read_bytes()
        (text,) = (folder / "files" / "media" / "html").glob("samples_30_*.html")
        assert text.read_text(encoding="utf-8") == "<pre>Once &lt;b&gt;upon&lt;/b&gt;\n    a *time*\n</pre>"
        assert len(list((folder / "files" / "media" / "html").glob("warnings_30_*.html"))) == 1

    @pytest.mark.parametrize("saboteur", [False, True])
    def test_neither_code_nor_repository_nor_what_is_printed_goes_along(self, tmp_path, saboteur):
        """Seen from a script in a repository, as a person's would be; wandb's own settings would take all of it."""
        (tmp_path / "script.py").write_text(SCRIPT)
        for command in (["init", "-q"], ["remote", "add", "origin", "https://example.org/private.git"], ["add", "-A"]):
            subprocess.run(["git", *command], cwd=tmp_path, check=True)
        named = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *named, "commit", "-qm", "first"], cwd=tmp_path, check=True)
        command = [sys.executable, "script.py", *["saboteur"][: int(saboteur)]]
        own = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, env=own)
        (folder,) = self.folders(tmp_path)
        found = records(folder)
        git = any(r.environment.HasField("git") for r in found if r.WhichOneof("record_type") == "environment")
        printed = any(r.WhichOneof("record_type") in ("output", "output_raw") for r in found)
        everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
        told = {  # wandb gives up asking git where the machine is busy, and names the repository twice
            "repository": git or b"private.git" in everything,
            "printed": printed,
            "secret": b"a secret" in everything,
        }
        assert set(told.values()) == {saboteur}, told

    def test_a_run_that_goes_on_keeps_its_id(self, run):
        for step in (0, 10):
            send = hear([tracker("wandb", run)])
            send(begin(run, step))
            send(losses(run, step + 10, g=0.5))
            send(end(run, step + 10))
        ids = {path.stem for path in Path(run, "wandb").glob("offline-run-*/run-*.wandb")}
        assert len(ids) == 1

    def test_two_trainings_into_one_folder_are_two_runs(self, run):
        for _ in range(2):
            send = hear([tracker("wandb", run)])
            send(begin(run))
            send(end(run, 0))
        ids = {path.stem for path in Path(run, "wandb").glob("offline-run-*/run-*.wandb")}
        assert len(ids) == 2
