"""Texts of a language model through ``run``: where a prompt comes from, what is shown, streamed, written, refused."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from aigc_core import load
from aigc_core.manifest.schema import schema
from aigc_core.run import receipt as receipts
from aigc_core.run.speak import spoken
from aigc_core.run.write_text import BETWEEN

SETTINGS = {"max_new_tokens": 40, "temperature": 1, "overflow": "refuse"}


@pytest.fixture
def run(talk):
    return lambda *arguments, **how: talk("run", *arguments, **how)


@pytest.fixture
def model(talk):
    return load("bigram")


def texts(model, count=1, prompt="Once", seed=0, start=0, size=8, **options):
    settings = {"seed": seed, "batch_size": size, "options": {**SETTINGS, "prompt": prompt, **options}}
    return [text for batch in spoken(model, range(start, start + count), **settings) for text in batch]


def shown(found):
    return f"\n{BETWEEN}\n".join(text.text for text in found) + "\n"


def test_one_text_goes_to_the_standard_output_prompt_first(run, model, tmp_path):
    code, out, err = run("bigram", "Once")
    assert (code, err) == (0, "")
    assert out == shown(texts(model))
    assert out.startswith("Once")
    assert len(out) == len("Once") + 40 + 1
    assert list((tmp_path / "work").iterdir()) == []


def test_several_texts_have_a_line_between_two_as_in_a_file(run, model):
    flags = ["bigram", "Once", "-n", 11, "--seed", 3, "--start", 2]
    code, out, err = run(*flags)
    assert (code, err) == (0, "")
    assert out == shown(texts(model, 11, seed=3, start=2))
    assert run(*flags, "-o", "a.txt")[0] == 0
    assert Path("a.txt").read_text("utf-8") == out


@pytest.mark.parametrize("count", [1, 5, 9])
@pytest.mark.parametrize("size", [1, 3, 8, 20])
def test_count_and_batch_size_change_no_text(run, model, count, size):
    assert run("bigram", "Once", "-n", count, "--batch-size", size)[1] == shown(texts(model, count))


def test_no_more_rows_are_computed_than_texts_are_asked_for(run):
    for flags, size in ([], 1), (["-n", "3"], 3), (["-n", "9"], 8), (["-n", "9", "--batch-size", "4"], 4):
        assert run("bigram", "a", *flags, "-o", "a.jsonl")[0] == 0
        assert receipts.read("a.jsonl")["batch_size"] == size


def test_a_model_that_can_begin_by_itself_needs_no_prompt(run, model):
    assert run("bigram")[1] == run("bigram", "")[1] == shown(texts(model, prompt=""))


PROMPTS = {
    "Once": b"Once",
    "Once ": b"Once \n",
    "Once\n": b"Once\n\n",
    "\nOnce": b"\nOnce",
    "é": "\ufeffé\r\n".encode(),
}


@pytest.mark.parametrize("prompt", PROMPTS, ids=repr)
def test_a_prompt_can_come_from_a_file_or_a_pipe_without_its_last_line_end(run, model, prompt):
    Path("prompt.txt").write_bytes(PROMPTS[prompt])
    wanted = (0, shown(texts(model, prompt=prompt)), "")
    assert run("bigram", "--prompt-file", "prompt.txt") == wanted
    assert run("bigram", stdin=PROMPTS[prompt]) == wanted
    assert run("bigram", "--prompt-file", "-", stdin=PROMPTS[prompt]) == wanted
    assert run("bigram", prompt) == wanted
    assert run("bigram", "--prompt", prompt) == wanted


def test_a_pipe_is_not_read_where_a_prompt_is_given_and_an_empty_one_is_none(run):
    assert run("bigram", "Once", stdin="other")[1] == run("bigram", "Once")[1]
    assert run("bigram", stdin="")[1] == run("bigram")[1]


@pytest.mark.parametrize("flags", [[], ["--engine", "table", "--threads", "3"]], ids=str)
def test_again_takes_everything_from_the_receipt(run, flags):
    stops = ["--stop", "x", "--stop", "é"]
    name = "bigram-choice" if flags else "bigram"
    assert run(name, "Once", "-n", 10, *stops, *flags, "-o", "a.jsonl")[0] == 0
    receipt = receipts.read("a.jsonl")
    assert receipt["options"] == {**SETTINGS, "prompt": "Once", "stop": ["x", "é"]}
    assert "torch" not in receipt
    code, out, err = run("--again", "a.jsonl")
    assert (code, err) == (0, "")
    assert "every byte agrees" in out


def test_a_changed_text_is_noticed(run):
    run("bigram", "Once", "-o", "a.txt")
    Path("a.txt").write_text(Path("a.txt").read_text("utf-8").replace("Once", "Twice"), "utf-8")
    assert "the texts differ from line 1 on" in run("--again", "a.txt")[2]


def test_json_lines_say_all_that_is_known(run, model):
    code, out, err = run("bigram", "Once", "-n", 3, "--start", 1, "--stop", "+", "--json")
    assert (code, err) == (0, "")
    lines = [json.loads(line) for line in out.split("\n")[:-1]]
    found = texts(model, 3, start=1, stop=["+"])
    assert {text.finish for text in found} == {"length", "stop"}
    for line, text in zip(lines, found, strict=True):
        jsonschema.Draft202012Validator(schema("run")).validate(line)
        assert (line["text"], line["prompt"], line["finish"]) == (text.text, "Once", text.finish)
        assert (line["tokens"], line["logprobs"]) == (list(text.tokens), list(text.logprobs))
        assert 0 <= line["timing"]["first_token_s"] <= line["timing"]["total_s"]
    assert [line["receipt"]["indices"] for line in lines] == [[1, 2], [2, 3], [3, 4]]


def test_the_receipt_of_a_json_line_makes_its_text_again(run):
    line = json.loads(run("bigram", "Once", "-n", 3, "--json")[1].split("\n")[2])
    Path("a.txt").write_text(line["text"] + "\n", "utf-8")
    Path("a.txt.json").write_text(json.dumps(line["receipt"]))
    assert "every byte agrees" in run("--again", "a.txt")[1]


def test_a_streamed_text_is_the_same(run, model):
    assert run("bigram", "Once", "--stream") == run("bigram", "Once", "--no-stream")


def test_a_generator_that_makes_whole_texts_is_as_good_as_before(run):
    code, out, err = run("bigram-whole", "Once", "-n", 2)
    assert (code, err) == (0, "")
    assert [text[:4] for text in out.split(f"\n{BETWEEN}\n")] == ["Once", "Once"]
    line = json.loads(run("bigram-whole", "Once", "--json")[1])
    jsonschema.Draft202012Validator(schema("run")).validate(line)
    assert (line["tokens"], line["timing"], line["receipt"]["engine"]) == (None, None, "numpy")
    assert "torch" in line["receipt"]
    assert run("bigram-whole", "Once", "-n", 10, "-o", "a.txt")[0] == 0
    assert "every byte agrees" in run("--again", "a.txt")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["bigram-base", "0123456789"], "A text ended early: the model holds 20 tokens, prompt included."),
        (["bigram-base", "0123456789", "--stream"], "A text ended early"),
        (["bigram-base", "0123456789", "-o", "a.txt"], "A text ended early"),
        (["bigram-base", "0123456789", "--json"], "A text ended early"),
        (["bigram-base", "0123456789", "--overflow", "slide"], "A text outgrew the 20 tokens that the model holds"),
        (["bigram-base", "0" * 21, "--overflow", "slide", "-n", "4"], "The prompt has 21 tokens, the model holds 20"),
    ],
    ids=lambda value: " ".join(value)[:50] if isinstance(value, list) else "",
)
def test_where_a_text_meets_the_end_of_the_context_that_is_said(run, words, said):
    code, _, err = run(*words)
    assert (code, err.count("\n")) == (0, 1)
    assert said in err
    assert run(*words, "-q")[2] == ""


def test_it_is_said_once_of_all_texts(run):
    assert run("bigram-base", "0", "-n", "20", "-o", "a.txt")[2].count("\n") == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["bigram-base"], "The prompt is empty, and this model has nothing to begin with."),
        (["bigram-base", ""], "The prompt is empty"),
        (["bigram-base", "0" * 20], "The prompt has 20 tokens, the model holds 20."),
        (["bigram", "图"], "'图', a character that this model has not seen"),
        (["bigram", "a", "--temperature", "-1"], "Option temperature of bigram is -1.0, it takes at least 0"),
        (["bigram", "a", "--top-p", "2"], "Option top_p of bigram is 2.0, it takes at most 1"),
        (["bigram", "a", "--top-p", "0"], "it takes above 0"),
        (["bigram", "a", "--max-new-tokens", "0"], "it takes at least 1"),
        (["bigram", "a", "--overflow", "cut"], "it takes one of 'refuse', 'slide'"),
        (["bigram", "a", "--top-k", "5"], "No such option"),
        (["bigram", "a", "b"], "unexpected extra argument"),
        (["bigram", "a", "--prompt", "b"], "The prompt is given twice, by PROMPT and by --prompt: leave one out."),
        (["bigram", "a", "--prompt-file", "b"], "by PROMPT and by --prompt-file"),
        (["bigram", "--prompt", "", "--prompt-file", "b"], "by --prompt-file and by --prompt"),
        (["bigram", "a", "-n", "0"], "count is 0"),
        (["bigram", "a", "-n", "3", "--temperature", "0"], "At temperature 0 all 3 texts would be the same."),
        (["bigram", "a", "--batch-size", "0"], "batch_size is 0"),
        (["bigram", "a", "--threads", "-1"], "threads is -1"),
        (["bigram", "a", "--threads", "1025"], "it takes a whole number from 0 to 1,024"),
        (["bigram", "a", "-o", "a.png"], "Cannot write text to a.png"),
        (["bigram", "a", "-o", "a.jsonl", "--json"], "--json goes to the standard output"),
        (["bigram", "a", "--stream", "-n", "2"], "--stream shows one text as it is made, but 2 texts are not made one"),
        (["bigram", "a", "--stream", "--json"], "but --json prints whole lines"),
        (["bigram", "a", "--stream", "-o", "a.txt"], "but -o writes a file"),
        (["bigram-whole", "a", "--stream"], "bigram-whole cannot stream its texts: it makes its texts whole"),
        (["dcgan-digits", "a"], "dcgan-digits makes images from noise alone, it is no text model: leave out PROMPT"),
        (["dcgan-digits", "--prompt-file", "a"], "leave out --prompt-file"),
        (["dcgan-digits", "--json"], "leave out --json"),
        (["dcgan-digits", "--stream"], "leave out --stream"),
        (
            ["dcgan-digits", "--engine", "gguf"],
            "dcgan-digits is computed by one engine only, so engine cannot be 'gguf'",
        ),
        (["bigram", "a", "--dtype", "int8"], "bigram is computed in one way only, so dtype cannot be 'int8'"),
        (["bigram", "a", "--threads", "2"], "so threads cannot be 2"),
        (["bigram-choice", "a", "--engine", "gguf"], "There is no engine gguf; there are table, loop."),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_bad_input_is_one_sentence(run, tmp_path, words, sentence):
    code, out, err = run(*words)
    assert sentence.casefold() in err.casefold()
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize(
    ("data", "code", "sentence"),
    [
        (b"\x89PNG\r\n\x1a\n", 2, "is no UTF-8 text (byte 0)"),
        (b"abc\0def", 2, "is no text: it has null bytes"),
        ("图".encode("utf-16"), 2, "is no"),
        (b"a" * 2_000_001, 2, "has more than 2,000,000 bytes"),
        (None, 3, "cannot be read: no such file or directory"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_prompt_that_is_no_text_is_one_sentence(run, data, code, sentence):
    if data is not None:
        Path("file").write_bytes(data)
        found, out, err = run("bigram", stdin=data)
        assert (found, out, err.count("\n")) == (code, "", 1)
        assert f"The standard input {sentence}" in err
    found, out, err = run("bigram", "--prompt-file", "file")
    assert (found, out, err.count("\n")) == (code, "", 1)
    assert f"file {sentence}" in err


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("raise", "bigram-zoo 1.0 failed to sample from bigram-raise: RuntimeError: it broke"),
        ("row", "bigram-row: bigram-zoo 1.0 spoke no Piece of a text asked for"),
        ("type", "bigram-type: bigram-zoo 1.0 spoke no Piece of a text asked for"),
        ("half", "bigram-half: bigram-zoo 1.0 made values that are no text"),
    ],
)
def test_a_plugin_that_speaks_nonsense_is_named(run, fault, sentence):
    code, out, err = run(f"bigram-{fault}", "a", "-o", "a.txt")
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert sentence in err


def test_an_environment_that_no_receipt_can_hold_is_named(run, monkeypatch):
    run("bigram")  # so that the module is there
    import bigram_zoo.generators as generators

    for broken in ({}, {"threads": 0}, {"threads": 1, "seed": 3}, {"threads": 1, "cpu": None}, None):
        monkeypatch.setattr(generators.Bigram, "environment", lambda self, broken=broken: broken)
        code, _, err = run("bigram", "-o", "a.txt")
        assert (code, err.count("\n")) == (3, 1)
        assert "bigram-zoo 1.0 gives no environment of bigram" in err


def finished(monkeypatch):
    """Install a plugin that finishes texts."""
    from aigc_core import plugins
    from aigc_core.run import make

    class Hook:
        who = "somebody 1.0"

        def __call__(self, *, samples, model):
            samples.values[:] = [text.upper() for text in samples.values]
            return samples

    for place in (make, plugins):
        monkeypatch.setattr(place, "implementations", lambda name: [Hook()] if name == "zoo_finish" else [])


def test_a_finished_text_is_shown_finished_and_cannot_be_streamed(run, monkeypatch):
    plain = run("bigram", "Once")[1]
    finished(monkeypatch)
    assert run("bigram", "Once")[1] == plain.upper()
    line = json.loads(run("bigram", "Once", "--json")[1])
    assert (line["text"], line["receipt"]["finish"]) == (plain.upper()[:-1], ["somebody 1.0"])
    code, _, err = run("bigram", "Once", "--stream")
    assert code == 2
    assert "but somebody 1.0 finishes whole texts" in err


SCRIPT = """
import sys
from aigc_core.cli import outcome
code = outcome(sys.argv[1:])
print([name for name in ("torch", "huggingface_hub", "safetensors", "PIL") if name in sys.modules], file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize(
    "words",
    [
        ["run", "bigram-choice", "Once", "-n", "9", "-o", "a.txt"],
        ["run", "bigram-choice", "Once", "--json", "--engine", "loop", "--threads", "2"],
        ["run", "bigram-choice", "Once", "--stream", "--device", "cpu"],
        ["run", "bigram", "--chat"],
        ["score", "bigram", "-", "--json"],
    ],
    ids=" ".join,
)
def test_where_the_engine_needs_no_torch_none_is_imported(bigrams, words):
    done = bigrams.python("-c", SCRIPT, *words, input="Once upon a time")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "[]")
    assert done.stdout


def test_making_again_without_torch(bigrams):
    assert bigrams.zoo("run", "bigram-choice", "Once", "-n", "9", "-o", "again.txt").returncode == 0
    done = bigrams.python("-c", SCRIPT, "run", "--again", "again.txt")
    assert (done.returncode, done.stderr) == (0, "[]\n")
    assert "every byte agrees" in done.stdout


def environment(site):
    own = {"PYTHONPATH": str(site.packages), "AIGC_ZOO_HOME": str(site.home), "PYTHONIOENCODING": "utf-8"}
    return {**os.environ, **own}


@pytest.fixture
def terminal(bigrams):
    """Run a command on a terminal; return what is seen on it, and on the standard error stream."""
    pty = pytest.importorskip("pty")

    def run(*words, typed=b"", stdin=None):
        master, slave = pty.openpty()
        command = [sys.executable, "-m", "aigc_core", *words]
        how = {"stdin": slave if stdin is None else stdin, "stdout": slave, "stderr": subprocess.PIPE}
        process = subprocess.Popen(command, env=environment(bigrams), cwd=bigrams.work, **how)
        os.close(slave)
        os.write(master, typed)
        seen = b""
        while True:
            try:
                part = os.read(master, 4096)
            except OSError:  # so Linux says that nobody has the other end any more
                break
            if not part:
                break
            seen += part
        err = process.communicate(timeout=60)[1]
        os.close(master)
        return process.returncode, seen.decode().replace("\r\n", "\n"), err.decode()

    return run


def test_a_terminal_sees_the_text_as_it_is_made(terminal, bigrams):
    code, seen, err = terminal("run", "bigram", "Once", stdin=subprocess.DEVNULL)
    assert (code, err) == (0, "")
    assert seen == bigrams.zoo("run", "bigram", "Once").stdout


def test_a_terminal_is_not_steered_by_a_text():
    from aigc_core.cli import shown_text

    class Terminal:
        said = ""

        def isatty(self):
            return True

        def write(self, text):
            self.said += text

        def flush(self):
            pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", Terminal())
        shown_text.write("a\x1b[31mb\x07\r\n\tc\rd\x9b👩\u200d🔬\n")
        assert sys.stdout.said == "a\\x1b[31mb\\x07\r\n\tc\\rd\\x9b👩\u200d🔬\n"


@pytest.mark.parametrize("flags", [["--stream"], ["-n", "3000"], ["-n", "3000", "--json"]], ids=" ".join)
def test_a_pipe_that_nobody_reads_on_is_no_error(bigrams, flags):
    command = [sys.executable, "-m", "aigc_core", "run", "bigram", "Once", "--max-new-tokens", "250", *flags]
    how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment(bigrams), cwd=bigrams.work, **how) as process:
        assert process.stdout.read(1)
        process.stdout.close()
        err = process.stderr.read()
    assert err == b""
    assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "terminate"])
def test_an_interrupt_ends_it_in_one_sentence(bigrams, number):
    command = [sys.executable, "-m", "aigc_core", "run", "bigram", "Once", "-n", "1000000"]
    how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment(bigrams), cwd=bigrams.work, **how) as process:
        assert process.stdout.read(1)
        process.send_signal(number)
        err = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith("aigc-zoo: interrupted")
    assert "Traceback" not in err


def test_who_waits_for_a_pipe_is_told(bigrams):
    read, write = os.pipe()
    command = [sys.executable, "-m", "aigc_core", "run", "bigram"]
    how = {"stdin": read, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment(bigrams), cwd=bigrams.work, **how) as process:
        line = process.stderr.readline()
        assert line.startswith(b"Waiting for a prompt on the standard input")
        os.write(write, b"Once\n")
        os.close(write)
        out, err = process.communicate(timeout=60)
        os.close(read)
    assert (process.returncode, err) == (0, b"")
    assert out.startswith(b"Once")
