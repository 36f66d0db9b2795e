"""A training that begins with a model: its weights, its network's config, its tokenizer; and what cannot be."""

import copy
import json
import os

import pytest
import torch
from safetensors.torch import load_file

from aigc_core.errors import Refused, WrongUse
from aigc_core.manifest.validate import validate_model
from aigc_core.train import parent

CONFIGS = {
    "char-transformer": {
        "vocabulary": {"data": "vocabulary"}, "block": 8, "layers": 1, "heads": 2, "width": 8, "dropout": 0.0,
        "bias": False, "document": True,
    },
    "recurrent": {
        "vocabulary": {"data": "vocabulary"}, "cell": "lstm", "layers": 1, "width": 8, "dropout": 0.0, "document": True,
    },
}  # fmt: skip
TEXTS = ["abc", "cab", "bca", "acb", "abcabc"]


def recipe(architecture="char-transformer", **data):
    return {
        "schema": 1,
        "name": "first",
        "trainer": {"use": "text:next-token"},
        "networks": {"decoder": {"use": f"text:{architecture}", "config": CONFIGS[architecture]}},
        "losses": {"next": "text:cross-entropy"},
        "data": {
            "name": "toys", "licence": "CC0-1.0", "source": {"kind": "text"}, "tokenizer": {"kind": "characters"},
            "form": {"kind": "documents", "block": 8}, "batch_size": 2, **data,
        },
        "optimizers": {"decoder": {"kind": "adamw", "learning_rate": 0.01}},
        "compute": {"threads": 1},
        "checkpoint": {"every": 1, "keep": 9},
        "samples": {"every": 0},
        "log": {"every": 1},
        "budget": {"steps": 2},
        "licence": "CC0-1.0",
    }  # fmt: skip


def fine(architecture="char-transformer", config=None, **data):
    """A recipe that takes config and tokenizer of the model; its data have no b."""
    source = {"kind": "jsonl", "prompt": "ask", "completion": "say"}
    whole = recipe(architecture, source=source, tokenizer={"kind": "model"}, **data)
    whole["networks"]["decoder"]["config"] = config or {"data": "parent"}
    return whole | {"name": "second", "budget": {"steps": 3}}


class Place:
    """A folder with data, recipes and runs in it."""

    def __init__(self, zoo, path):
        self.zoo, self.path = zoo, path
        (path / "texts.txt").write_text("".join(f"{text}\n" for text in TEXTS))
        (path / "pairs.jsonl").write_text('{"ask": "a", "say": "ca"}\n{"ask": "cc", "say": "a"}\n')

    def __call__(self, made, data, out, *given, **how):
        file = self.path / f"{out}.json"
        file.write_text(json.dumps(made))
        return self.zoo("train", file, "--data", self.path / data, "--out", self.path / out, *given, **how)


@pytest.fixture
def place(zoo, tmp_path):
    return Place(zoo, tmp_path)


@pytest.fixture(params=sorted(CONFIGS))
def begun(request, place):
    """A folder in which a model of each kind was trained, two steps, as first/."""
    done = place(recipe(request.param), "texts.txt", "first")
    assert done.returncode == 0, done.stderr
    place.architecture = request.param
    return place


def test_weights_config_and_tokenizer_are_the_models(begun):
    first = f"{begun.path / 'first'}/"
    done = begun(fine(begun.architecture), "pairs.jsonl", "second", "--from", first)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((begun.path / "second" / "aigc-zoo.json").read_text())
    assert manifest["code"]["config"]["vocabulary"] == "abc"  # the data have no b
    assert manifest["origin"]["parents"] == ["first"]
    assert validate_model(str(begun.path / "second" / "aigc-zoo.json")) == []
    kept = json.loads((begun.path / "second" / "recipe.json").read_text())
    assert kept["networks"]["decoder"]["config"] == manifest["code"]["config"]
    before = load_file(begun.path / "first" / "model.safetensors")
    after = load_file(begun.path / "second" / "checkpoints" / "step-00000001" / "tensors.safetensors")
    assert all(torch.allclose(before[name], after[f"network.decoder.{name}"], atol=0.02) for name in before)


def test_a_killed_fine_tuning_ends_as_an_unbroken_one_to_the_bit(begun):
    first = f"{begun.path / 'first'}/"
    for out, how in (("whole", {}), ("cut", {"kill": ["step", 2]})):
        begun(fine(begun.architecture), "pairs.jsonl", out, "--from", first, **how)
    done = begun.zoo("train", "--resume", begun.path / "cut")
    assert done.returncode == 0, done.stderr
    one, other = (load_file(begun.path / out / "model.safetensors") for out in ("whole", "cut"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_config_over_the_models_may_change_what_has_no_weights(place):
    assert place(recipe(), "texts.txt", "first").returncode == 0
    changed = fine(config={"data": "parent", "dropout": 0.5})
    done = place(changed, "pairs.jsonl", "second", "--from", f"{place.path / 'first'}/")
    assert done.returncode == 0, done.stderr
    kept = json.loads((place.path / "second" / "recipe.json").read_text())["networks"]["decoder"]["config"]
    assert (kept["dropout"], kept["vocabulary"]) == (0.5, "abc")


@pytest.mark.parametrize(
    ("made", "data", "given", "code", "said"),
    [
        (fine(), "pairs.jsonl", [], 2, "is that of the model that it begins with, and none is named"),
        (fine(config=CONFIGS["char-transformer"]), "pairs.jsonl", [], 2, "there is none that has one"),
        # The same shapes, and another meaning.
        (
            fine(config={"data": "parent", "heads": 4}), "pairs.jsonl", ["--from", "first/"], 4,
            "The weights of first do not fit: its heads is 2, the recipe's is 4.",
        ),
        (
            recipe(), "others.txt", ["--from", "first/"], 4,
            "its vocabulary is 'abc', the recipe's is 'xyz'. Take the model's: --set data.tokenizer.kind=model",
        ),
        (fine(), "strange.jsonl", ["--from", "first/"], 2, "The data have 'é', a character that the model does not"),
        (fine("recurrent"), "pairs.jsonl", ["--from", "first/"], 2, "is a text:char-transformer, the recipe trains a"),
        (fine(), "pairs.jsonl", ["--from", "dcgan-digits"], 2, "is a gan:dcgan-28, the recipe trains a"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_sentence_and_leaves_no_run(place, made, data, given, code, said):
    assert place(recipe(), "texts.txt", "first").returncode == 0
    (place.path / "others.txt").write_text("xyz\nzyx\n")
    (place.path / "strange.jsonl").write_text('{"ask": "a", "say": "é"}\n')
    given = [f"{place.path / 'first'}/" if each == "first/" else each for each in given]
    done = place(made, data, "second", *given)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (place.path / "second" / "recipe.json").exists()


def test_a_model_that_is_no_longer_here_is_told_at_a_resumption(begun):
    first = begun.path / "first"
    begun(fine(begun.architecture), "pairs.jsonl", "cut", "--from", f"{first}/", kill=["step", 2])
    os.rename(first, begun.path / "gone")
    done = begun.zoo("train", "--resume", begun.path / "cut")
    assert done.returncode in (2, 3)
    assert "first" in done.stderr


def test_damaged_weights_are_refused(begun):
    path = begun.path / "first" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    done = begun(fine(begun.architecture), "pairs.jsonl", "second", "--from", f"{begun.path / 'first'}/")
    assert done.returncode == 4
    assert not (begun.path / "second").exists()


def begun_with(**config):
    return parent.Begun("it", "text:decoder", config, None, {}, lambda build: build())


def test_the_config_is_written_out_and_what_stands_beside_it_wins():
    networks = {
        "decoder": {"use": "text:decoder", "config": {"data": "parent", "dropout": 0.1}},
        "other": {"use": "text:other", "config": {"a": 1}},
    }
    made = {"networks": copy.deepcopy(networks)}
    parent.settle(made, begun_with(width=3, dropout=0.5))
    found = {role: each["config"] for role, each in made["networks"].items()}
    assert found == {"decoder": {"width": 3, "dropout": 0.1}, "other": {"a": 1}}
    parent.settle(made, None)  # nothing is left to be asked for
    with pytest.raises(WrongUse, match=r"networks\.decoder\.config in the recipe is that of the model"):
        parent.settle({"networks": networks}, None)


def test_dropout_is_free_and_nothing_else():
    parent.check(begun_with(width=3, dropout=0.5), "text:decoder", {"width": 3, "dropout": 0.1, "new": 1})
    with pytest.raises(Refused, match="its width is 3, the recipe's is 4"):
        parent.check(begun_with(width=3), "text:decoder", {"width": 4})


def test_a_decoder_of_the_hub_is_tuned_on_completions_and_runs(place):
    """Its own tokenizer goes with what is made of it."""
    transformers = pytest.importorskip("transformers", reason="transformers is not installed here")
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed here")
    sizes = {"vocab_size": 6, "n_positions": 16, "n_embd": 8, "n_layer": 1, "n_head": 2}
    config = transformers.GPT2Config(eos_token_id=5, bos_token_id=4, **sizes)
    torch.manual_seed(0)
    folder = place.path / "tiny"
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "b": 1, "c": 2, "[UNK]": 3}, "[UNK]"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    words.add_special_tokens(["<s>", "</s>"])
    words.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (place.path / "pairs.jsonl").write_text('{"ask": "a", "say": "c"}\n{"ask": "b", "say": "b"}\n' * 2)
    made = fine() | {"budget": {"steps": 60}, "checkpoint": {"every": 0}}
    made["networks"]["decoder"]["use"] = "text:decoder"
    made["optimizers"] = {"decoder": {"kind": "adamw", "learning_rate": 0.05}}
    done = place(made, "pairs.jsonl", "second", "--from", f"{folder}/", "--accept-licence")
    assert done.returncode == 0, done.stderr
    assert {"tokenizer.json", "tokenizer_config.json"} <= {path.name for path in (place.path / "second").iterdir()}
    for prompt, said in (("a", "c"), ("b", "b")):
        done = place.zoo("run", f"{place.path / 'second'}/", "--prompt", prompt, "--temperature", "0")
        assert done.stdout.split() == [prompt + said], done.stderr
    again = json.loads((place.path / "second" / "losses.jsonl").read_text().splitlines()[-1])
    assert again["losses"]["decoder/loss"] < 0.2
