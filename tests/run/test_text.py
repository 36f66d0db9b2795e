"""A text model through ``run``: what is in the files, that they can be made again, and what is refused."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from aigc_core import load
from aigc_core.errors import NotAvailable
from aigc_core.interfaces import NoiseSpec, Samples
from aigc_core.manifest import ModelManifest
from aigc_core.run import make as making
from aigc_core.run import receipt as receipts
from aigc_core.run.make import default_output
from aigc_core.run.model import Model
from aigc_core.run.write_text import BETWEEN, text_writer_for

VOCABULARY = "\nabcé图\r\u2028 -"
CONFIG = {"block": 8, "layers": 1, "heads": 2, "width": 8, "dropout": 0.0, "bias": False, "document": False}
MODEL = "./random-text"


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    """Write a folder in the Hub's layout: a model of random weights, named as such."""
    import torch
    from safetensors.torch import save_file

    import aigc_text
    from aigc_text.networks import CharTransformer

    folder = tmp_path_factory.mktemp("layout") / "random-text"
    folder.mkdir()
    torch.manual_seed(0)
    config = CONFIG | {"vocabulary": VOCABULARY}
    network = CharTransformer(**config)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    save_file(network.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "char-transformer"}), "utf-8")
    files = []
    for name, kind in {"model.safetensors": "safetensors", "config.json": "json"}.items():
        data = (folder / name).read_bytes()
        files.append({"path": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "format": kind})
    template = Path(aigc_text.__file__).parent / "zoo" / "claims" / "char-transformer.json"
    document = json.loads(template.read_bytes()) | {
        "schema": 1,
        "id": "random-text",
        "summary": "Random characters: a transformer with random weights.",
        "weights": {"source": "bundled", "files": files},
    }
    document["code"]["config"] = config
    document["terms"] |= {"weights": "Apache-2.0", "data": None}
    (folder / "aigc-zoo.json").write_text(json.dumps(document), "utf-8")
    return folder


@pytest.fixture
def run(cli, tmp_path, layout):
    """Run the command line in a folder that has the model."""
    (tmp_path / "work" / "random-text").symlink_to(layout)
    return lambda *arguments: cli("run", *arguments)


@pytest.fixture(scope="module")
def model(layout):
    return load(str(layout))


def content(path):
    return Path(path).read_bytes()


def made(path):
    return [json.loads(line) for line in content(path).decode().split("\n")[:-1]]


def test_samples_are_texts(model):
    samples = model.generate(5, seed=3, max_new_tokens=30)
    assert (samples.kind, samples.range, samples.values.dtype, samples.values.shape) == ("text", (0, 0), object, (5,))
    assert {len(text) for text in samples.values} == {30}
    assert len(set(samples.values)) == 5


@pytest.mark.parametrize("options", [{}, {"prompt": "ab图"}, {"temperature": 0.3}], ids=str)
def test_a_sample_depends_on_seed_and_index_alone(model, options):
    options = {"max_new_tokens": 20} | options
    whole = model.generate(70, seed=3, **options).values
    assert list(model.generate(3, seed=3, start=66, **options).values) == list(whole[66:69])
    (part,) = model.stream([68, 2, 68], seed=3, **options)
    assert list(part.values) == [whole[68], whole[2], whole[68]]
    assert not set(whole) & set(model.generate(70, seed=4, **options).values)


def test_a_txt_has_the_texts_with_a_line_between_two(run, model):
    code, out, _ = run(MODEL, "-n", 3, "--seed", 5, "--max-new-tokens", 40, "-o", "out.txt")
    assert code == 0
    assert "out.txt: 3 samples of random-text, seed 5" in out
    texts = model.generate(3, seed=5, max_new_tokens=40).values
    assert content("out.txt").decode() == f"\n{BETWEEN}\n".join(texts) + "\n"


def test_a_jsonl_has_an_object_a_line(run, model):
    assert run(MODEL, "-n", 70, "--start", 4, "--max-new-tokens", 10, "-o", "out.jsonl")[0] == 0
    texts = model.generate(70, start=4, max_new_tokens=10).values
    assert made("out.jsonl") == [{"index": index, "text": text} for index, text in enumerate(texts, start=4)]


def test_a_prompt_begins_every_text(run):
    assert run(MODEL, "-n", 4, "--prompt", "ab图", "--max-new-tokens", 5, "-o", "out.jsonl")[0] == 0
    assert all(line["text"].startswith("ab图") and len(line["text"]) == 8 for line in made("out.jsonl"))


@pytest.mark.parametrize("output", ["a.txt", "a.jsonl", "A.TXT", "图.JsonL"])
def test_again_gives_the_same_bytes(run, output):
    flags = ["--max-new-tokens", 30, "--temperature", 0.7, "--prompt", "é", "--seed", 11]
    assert run(MODEL, "-n", 5, *flags, "-o", output)[0] == 0
    code, out, err = run("--again", output)
    assert (code, err) == (0, "")
    assert "every byte agrees" in out
    assert run("--again", output, "-o", f"copy-{output}")[0] == 0
    assert content(output) == content(f"copy-{output}")
    assert content(f"{output}.json") == content(f"copy-{output}.json")


def test_the_receipt_says_everything(run, layout):
    run(MODEL, "-n", 2, "--start", 1, "--seed", 6, "--prompt", "b", "-o", "a.txt")
    receipt = receipts.read("a.txt")
    assert (receipt["seed"], receipt["indices"]) == (6, [1, 3])
    assert receipt["options"].items() >= {"prompt": "b", "max_new_tokens": 200, "temperature": 1}.items()
    digest = hashlib.sha256((layout / "model.safetensors").read_bytes()).hexdigest()
    assert receipt["weights"]["model.safetensors"] == digest


def test_a_changed_character_is_noticed(run):
    run(MODEL, "-n", 3, "--max-new-tokens", 9, "-o", "a.jsonl")
    lines = content("a.jsonl").split(b"\n")
    lines[1] = lines[1].replace(b'"}', b'!"}')
    Path("a.jsonl").write_bytes(b"\n".join(lines))
    code, _, err = run("--again", "a.jsonl")
    assert code == 1
    assert "came out otherwise: the texts differ from line 2 on" in err


def test_a_shorter_file_is_noticed(run):
    run(MODEL, "-n", 2, "--max-new-tokens", 9, "-o", "a.jsonl")
    Path("a.jsonl").write_bytes(content("a.jsonl").split(b"\n")[0] + b"\n")
    assert "the texts differ from line 2 on" in run("--again", "a.jsonl")[2]


def test_another_version_alone_is_said_but_is_no_failure(run):
    run(MODEL, "-n", 2, "--max-new-tokens", 9, "-o", "a.txt")
    receipt = json.loads(content("a.txt.json")) | {"core": "0.0.1"}
    Path("a.txt.json").write_text(json.dumps(receipt))
    code, out, _ = run("--again", "a.txt")
    assert code == 0
    assert "every sample agrees, but core was 0.0.1, is " in out


@pytest.mark.parametrize("gone", ["a.txt", "a.txt.json"])
def test_without_the_file_or_its_receipt_nothing_is_made_again(run, gone):
    run(MODEL, "-n", 2, "--max-new-tokens", 9, "-o", "a.txt")
    Path(gone).unlink()
    code, _, err = run("--again", "a.txt")
    assert (code, err.count("\n")) == ((3, 1) if gone == "a.txt" else (4, 1))
    assert ("a.txt does not exist" if gone == "a.txt" else "a.txt holds no receipt") in err


def test_a_receipt_of_other_texts_does_not_outlive_them(run, monkeypatch):
    run(MODEL, "-n", 2, "--max-new-tokens", 9, "-o", "a.txt")
    monkeypatch.setattr("aigc_core.run.write.receipts.dumps", lambda receipt: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        text_writer_for("a.txt")(making.Job("a.txt", "m", range(1), 0, (), {}), iter([texts("new")]))
    assert content("a.txt") == b"new\n"
    assert not Path("a.txt.json").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ([MODEL, "-o", "a.png"], 2, "Cannot write text to a.png: it has the ending .png. Name a .txt or a .jsonl"),
        ([MODEL, "-o", "a.npy"], 2, "it has the ending .npy"),
        ([MODEL, "-o", "text"], 2, "it has no ending"),
        ([MODEL, "-o", "new/"], 2, "it is a folder"),
        ([MODEL, "-o", "gone/a.txt"], 2, "does not exist"),
        ([MODEL, "-o", "a\0.txt"], 2, "null character"),
        ([MODEL, "-o", "a.txt", "--prompt", "abZ"], 2, "'Z'"),
        ([MODEL, "-o", "a.txt", "--temperature", "-1"], 2, "Option temperature of random-text is -1.0, it takes"),
        ([MODEL, "-o", "a.txt", "--max-new-tokens", "0"], 2, "it takes at least 1"),
        (
            ["dcgan-fashion", "-o", "a.txt"],
            2,
            "Cannot tell what to write to a.txt: it has the ending .txt. Name a .png",
        ),
        (["dcgan-fashion", "-o", "a.jsonl"], 2, "it has the ending .jsonl"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_one_sentence_and_the_right_code(run, tmp_path, arguments, code, sentence):
    found, out, err = run(*arguments)
    assert sentence in err
    assert (found, out, err.count("\n")) == (code, "", 1)
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["random-text"]


def test_where_nobody_says_a_file_of_images_is_called_by_its_model():
    assert default_output(load("dcgan-digits").manifest, 7) == "dcgan-digits-7.png"


class Hook:
    """A plugin's implementation of ``zoo_finish``."""

    who = "somebody 1.0"

    def __init__(self, work):
        self.work = work

    def __call__(self, *, samples, model):
        return self.work(samples)

    def skip(self, error):
        pass


def upper(samples):
    samples.values[:] = [text.upper() for text in samples.values]  # in place: what it gets is its own
    return samples


@pytest.fixture
def finished(run, monkeypatch):
    """Return the texts and the receipt of a run with a plugin's ``zoo_finish``."""

    def finish(work):
        hooks = {"zoo_finish": [Hook(work)], "zoo_event": []}
        monkeypatch.setattr(making, "implementations", lambda name: list(hooks[name]))
        code, _, err = run(MODEL, "-n", 3, "--max-new-tokens", 20, "-o", "a.jsonl")
        return (code, err) if code else ([line["text"] for line in made("a.jsonl")], receipts.read("a.jsonl"))

    return finish


def test_a_plugin_can_finish_texts(finished, model):
    found, receipt = finished(upper)
    assert found == [text.upper() for text in model.generate(3, max_new_tokens=20).values]
    assert receipt["finish"] == ["somebody 1.0"]


def test_a_plugin_that_finishes_images_alone_is_left_out(finished, model):
    def broken(samples):
        try:
            return samples._replace(values=samples.values.clip(-0.9, 0.9))
        except TypeError as error:
            raise NotAvailable(str(error)) from error  # as the host says it

    found, receipt = finished(broken)
    assert found == list(model.generate(3, max_new_tokens=20).values)
    assert "finish" not in receipt


def test_what_a_plugin_makes_of_texts_is_checked(finished):
    code, err = finished(lambda samples: samples._replace(values=np.zeros((64, 1, 4, 4), np.float32)))
    assert code == 3
    assert "zoo_finish of somebody 1.0 made no Samples with an array of texts" in err


def texts(*values, kind="text", range=(0.0, 0.0)):
    return Samples(kind, np.array(values, object), range)


class Fake:
    """A generator that returns what it is given."""

    engine, dtype = "numpy", "float32"
    noise = {"z": NoiseSpec((2,), "normal")}  # noqa: RUF012

    def __init__(self, result):
        self.result = result

    def generate(self, noise, options):
        return self.result


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (texts("a", ""), ""),
        (texts("a", "b", range=(0, 0)), ""),
        (None, "made no Samples with an array of texts"),
        (["a", "b"], "made no Samples with an array of texts"),
        (Samples("text", ["a", "b"], (0.0, 0.0)), "made no Samples with an array of texts"),
        (Samples("text", np.array(["a", "b"]), (0.0, 0.0)), "made no Samples with an array of texts"),
        (Samples("image", np.zeros((2, 1, 4, 4), np.float32), (0.0, 1.0)), "made no Samples with an array of texts"),
        (texts("a"), r"made values of shape \[1\], of 2 texts it is \[2\]"),
        (texts(["a"], ["b"]), r"made values of shape \[2, 1\]"),
        (texts("a", "b", kind="image"), "made image in"),
        (texts("a", "b", range=(0.0, 1.0)), r"made text in \(0.0, 1.0\), the manifest says text, which has the range"),
        (texts("a", None), "made values that are no text"),
        (texts("a", b"b"), "made values that are no text"),
        (texts("a", "\ud800"), "made values that are no text"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_a_result_that_breaks_the_contract_is_named(model, result, sentence):
    fake = Model(model.entry, Fake(result), "cpu")
    if not sentence:
        assert list(fake.generate(2, batch_size=2).values) == list(result.values)
        return
    with pytest.raises(NotAvailable, match=sentence) as refusal:
        fake.generate(2, batch_size=2)
    assert "aigc-text" in str(refusal.value)


def test_an_image_model_cannot_return_texts():
    with pytest.raises(NotAvailable, match="made no Samples with a float32 array"):
        Model(load("dcgan-digits").entry, Fake(texts("a")), "cpu").generate(1, batch_size=1)


def test_a_medium_that_cannot_be_written_is_named(model):
    sound: ModelManifest = model.manifest._replace(output={"kind": "smell"})
    with pytest.raises(NotAvailable, match="random-text makes smell, which this version cannot write"):
        making.plan(sound, "a.txt", range(1), seed=0, options={})
