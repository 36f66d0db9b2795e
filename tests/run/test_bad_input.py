"""Bad input: one sentence, the right exit code, nothing half-written, and an existing file kept."""

import os
import signal
import subprocess
import sys
import time

import pytest

MODEL = "dcgan-fashion"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["run", "dcgan-fashio"], 2, "No model dcgan-fashio is known. Did you mean dcgan-fashion?"),
        (["show", "dcgan-fashio"], 2, "No model dcgan-fashio is known. Did you mean dcgan-fashion?"),
        (["run", ""], 2, "No model"),
        (["run", "../../etc/passwd"], 2, "There is no folder ../../etc/passwd"),
        (["run"], 2, "Which model?"),
        (["show"], 2, "Missing argument"),
        (["runn", MODEL], 2, "No command runn. Did you mean run?"),
        (["run", MODEL, "-n", "0"], 2, "count is 0, it takes a whole number from 1 up"),
        (["run", MODEL, "-n", "-3"], 2, "count is -3"),
        (["run", MODEL, "-n", "many"], 2, "'many' is not a valid integer"),
        (["run", MODEL, "-n", "1000000000"], 2, "A sheet of 1,000,000,000 images is too large; one holds about 71,111"),
        (["run", MODEL, "-n", "1000000000000", "-o", "d/"], 3, "samples need about"),
        (["run", MODEL, "-n", "1000000000000", "-o", "a.npy"], 3, "samples need about"),
        (["run", MODEL, "-n", "1000000000000", "-o", "a.safetensors"], 3, "samples need about"),
        (["run", MODEL, "-n", "9" * 30], 2, "it takes a whole number from 1 to 2**63 - 1"),
        (["run", MODEL, "--start", str(2**63 - 1)], 2, "start + count"),
        (["run", MODEL, "--seed", "seven"], 2, "'seven' is not a valid integer"),
        (["run", MODEL, "--seed", "-1"], 2, "seed is -1"),
        (["run", MODEL, "--sede", "1"], 2, "Did you mean"),
        (["run", MODEL, "--batch-size", "0"], 2, "batch_size is 0"),
        (["run", MODEL, "--truncation", "-1"], 2, "it takes above 0"),
        (["run", MODEL, "--truncation", "nan"], 2, "it takes a number"),
        (["run", MODEL, "--truncation", "high"], 2, "'high' is not a valid float"),
        (["run", MODEL, "-o", "a.jpg"], 2, "it has the ending .jpg"),
        (["run", MODEL, "-o", "sheet"], 2, "it has no ending"),
        (["run", MODEL, "-o", ""], 2, "it has no ending"),
        (["run", MODEL, "-o", "gone/a.png"], 2, "does not exist"),
        (["run", MODEL, "-o", "a\0b.png"], 2, "null character"),
        (["run", MODEL, "--device", "toaster"], 2, "toaster is no device"),
        (["run", MODEL, "--device", "cuda:99"], 3, "There is no device cuda:99 here"),
        (["run", MODEL, "--device", "meta"], 2, "meta is no device that models run on"),
        (["run", "--again", "gone.png"], 3, "gone.png does not exist"),
        (["run", "--again", "."], 3, "cannot be read"),
        (["run", MODEL, "--again", "a.png"], 2, "leave out MODEL"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_one_sentence_and_the_right_code(cli, tmp_path, arguments, code, sentence):
    found, out, err = cli(*arguments)
    assert sentence.casefold() in err.casefold()
    assert (found, out) == (code, "")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize("arguments", [["-n", "1000000000"], ["--seed", "x"], ["-o", "a.jpg"], ["--truncation", "99"]])
def test_what_can_be_refused_early_is_refused_before_torch_is_imported(arguments):
    script = (
        "import sys\nfrom aigc_core.cli import outcome\n"
        "code = outcome(sys.argv[1:])\nassert 'torch' not in sys.modules\nsys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, "run", MODEL, *arguments], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr


def test_an_unwritable_folder_is_named(cli, tmp_path):
    if os.geteuid() == 0:
        folder = "/proc"  # nobody can write there, not even root
    else:
        folder = tmp_path / "locked"
        folder.mkdir(mode=0o500)
    code, _, err = cli("run", MODEL, "-n", 1, "-o", f"{folder}/a.png")
    assert (code, err.count("\n")) == (2, 1)
    assert f"Cannot write {folder}/a.png" in err


@pytest.mark.parametrize("output", ["a.png", "a.npy", "a.safetensors"])
def test_a_folder_in_the_files_place_is_named(cli, tmp_path, output):
    (tmp_path / "work" / output).mkdir()
    code, _, err = cli("run", MODEL, "-n", 1, "-o", output)
    # A folder takes single images, whatever its name.
    assert (code, err) == (0, "")
    assert len(list((tmp_path / "work" / output).iterdir())) == 1


def small_disk(folder):
    """Mount 1 MB on ``folder``, or say why that cannot be."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")


@pytest.fixture
def full_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    small_disk(folder)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("output", ["a.npy", "a.safetensors", "a.png", "d/"])
def test_a_disk_that_fills_up_leaves_the_old_file_and_nothing_else(cli, full_disk, output):
    """The room is checked beforehand, so another program takes it here, between that check and the writing."""
    old = full_disk / output
    if output.endswith("/"):
        old.mkdir()
        old = old / f"{MODEL}-0-000000.png"
    old.write_bytes(b"what was there before")
    import aigc_core.run.make as making

    def fill(*arguments):
        with open(full_disk / "filler", "wb", buffering=0) as stream:
            try:
                while stream.write(b"x" * 4096):
                    pass
            except OSError:
                return

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "check_room", fill)
        code, _, err = cli("run", MODEL, "-n", 64, "-o", full_disk / output)
    assert code == 3
    assert "No space left" in err
    assert err.count("\n") == 1
    assert old.read_bytes() == b"what was there before"
    assert sorted(path.name for path in old.parent.iterdir()) == sorted(
        {old.name} | ({"filler"} & set(os.listdir(old.parent)))
    )


def test_too_little_room_is_seen_beforehand(cli, full_disk):
    code, _, err = cli("run", MODEL, "-n", 1000, "-o", full_disk / "a.npy")
    assert code == 3
    assert "1,000 samples need about" in err
    assert os.listdir(full_disk) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "terminate"])
@pytest.mark.parametrize("output", ["a.npy", "a.safetensors", "d/"])
def test_an_interrupt_leaves_whole_files_only(tmp_path, number, output):
    import numpy as np
    from PIL import Image

    target = tmp_path / output
    if not output.endswith("/"):
        target.write_bytes(b"what was there before")
    command = [sys.executable, "-m", "aigc_core", "run", MODEL, "-n", "100000", "-o", f"{tmp_path}/{output}"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    working = tmp_path / "d" if output.endswith("/") else tmp_path
    for _ in range(600):
        if working.exists() and len(os.listdir(working)) > (1 if working == tmp_path else 20):
            break
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.splitlines()[-1].startswith("aigc-zoo: interrupted")
    assert "Traceback" not in err
    assert not [name for name in os.listdir(working) if name.endswith(".part")]
    if output.endswith("/"):
        for name in os.listdir(working):
            with Image.open(working / name) as image:
                assert np.asarray(image).shape == (28, 28)
    else:
        assert target.read_bytes() == b"what was there before"


@pytest.mark.parametrize("moment", [0.05, 0.3, 0.8, 1.5])
def test_an_interrupt_at_any_moment_ends_in_one_sentence(tmp_path, moment):
    """During start-up, during the import of torch, during sampling: numpy turns an interrupt into an ImportError."""
    script = "import os, sys\nos.write(1, b'started')\nfrom aigc_core.cli import main\nmain()\n"
    command = [sys.executable, "-c", script, "run", MODEL, "-n", "100000", "-o", f"{tmp_path}/a.npy"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.read(7) == "started"
    time.sleep(moment + 0.2)  # past the import of click: before that, the interpreter itself answers
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert os.listdir(tmp_path) == []


def test_a_closed_pipe_is_no_error():
    command = f"{sys.executable} -m aigc_core show {MODEL} | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stdout.startswith(MODEL)
    assert done.stderr == ""


def test_debug_shows_the_traceback(tmp_path):
    command = [sys.executable, "-m", "aigc_core", "--debug", "run", "gone-model"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
