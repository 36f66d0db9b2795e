"""``aigc-zoo score`` of images: a small model from its recipe to a number, and every wrong use in a sentence."""

from __future__ import annotations

import json
import shutil
import struct

import jsonschema
import numpy as np
import pytest
from PIL import Image

from aigc_core import interrupt
from aigc_core.cli import outcome
from aigc_core.manifest.schema import schema


def pixels(binary):
    """30 images in three classes of ten, one class after another, and equal to none of one another."""
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (30, 28, 28)).astype(np.uint8)
    return np.where(images > 127, 255, 0).astype(np.uint8) if binary else images


def recipe(binarise):
    return {
        "schema": 1,
        "name": f"tiny-{binarise}",
        "trainer": {"use": "vae:evidence"},
        "networks": {"autoencoder": {"use": "vae:mlp-28", "config": {"hidden": 8, "latent_dim": 3}}},
        "losses": {"evidence": "vae:elbo"},
        "data": {
            "name": "toys",
            "licence": None,
            "source": {"kind": "idx", "images": "images"},
            "split": {"by": "position", "test": 0.5},
            "binarise": binarise,
            "batch_size": 4,
        },
        "optimizers": {"autoencoder": {"kind": "adam", "learning_rate": 0.01}},
        "compute": {"threads": 1},
        "budget": {"steps": 3},
    }


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with a model of each binarisation, random but for three steps, and the data of each."""
    root = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interrupt, "install", lambda: None)
        patch.setattr(interrupt, "defer", lambda: None)
        patch.setenv("AIGC_ZOO_HOME", str(root / "home"))
        for way in ("none", "dynamic", "fixed"):
            folder = root / f"data-{way}"
            folder.mkdir()
            images = pixels(way == "fixed")
            (folder / "images").write_bytes(b"\0\0\x08\x03" + struct.pack(">3I", *images.shape) + images.tobytes())
            for number in (0, 1):
                Image.fromarray(images[number]).save(folder / f"{number}.png")
            (root / f"{way}.json").write_text(json.dumps(recipe(way)))
            done = outcome(["train", str(root / f"{way}.json"), "--data", str(folder), "--out", str(root / way), "-q"])
            assert done == 0
    return root


@pytest.fixture
def score(models, monkeypatch, capsys):
    """Run ``aigc-zoo score`` in this process, where those models lie."""
    monkeypatch.setattr(interrupt, "install", lambda: None)
    monkeypatch.setenv("AIGC_ZOO_HOME", str(models / "home"))
    monkeypatch.chdir(models)

    def run(*arguments):
        capsys.readouterr()
        code = outcome(["score", *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def found(score, *arguments):
    code, out, err = score(*arguments, "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    jsonschema.Draft202012Validator(schema("score-images")).validate(document)
    return document


@pytest.mark.parametrize(("way", "kind"), [("none", "grey"), ("dynamic", "dynamic"), ("fixed", "fixed")])
def test_the_models_own_data_are_scored(score, way, kind):
    flags = ["--data", f"data-{way}", "--draws", 20, "--rounds", 3]
    one = found(score, f"./{way}", *flags)
    assert one["metric"] == f"nll-is-20@toys.{kind}"
    assert one["data"] == {
        **{"name": "toys", "binarise": way, "part": "test", "scored": 15, "of": 15},
        **{"sha256": one["data"]["sha256"], "pixels": "grey" if way == "none" else "levels"},
    }
    assert len(one["nats_by_image"]) == 15
    assert one["nats"] == pytest.approx(np.mean(one["nats_by_image"]))
    assert 300 < one["nats"] < 1000  # a fair coin for each pixel is 543
    assert (one["bits_per_dimension"] is None) == (way == "none")
    assert one["spread_over_rounds"] > 0
    assert one["interval_over_images"][0] < one["nats"] < one["interval_over_images"][1]
    bounds = [found(score, f"./{way}", *flags, "--estimator", name)["nats"] for name in ("elbo", "iwae")]
    assert bounds[0] < bounds[1] == pytest.approx(-one["nats"])


def test_equal_commands_give_equal_bytes_and_another_seed_does_not(score):
    command = ["./dynamic", "--data", "data-dynamic", "--draws", 5, "--count", 4, "--json"]
    assert score(*command) == score(*command)
    one, other = found(score, *command[:-1]), found(score, *command[:-1], "--seed", 1)
    assert one["nats_by_image"] != other["nats_by_image"]
    assert one["data"] == other["data"]


def test_a_count_is_not_the_first_rows_and_is_named(score):
    some = found(score, "./fixed", "--data", "data-fixed", "--count", 4, "--draws", 5)
    whole = found(score, "./fixed", "--data", "data-fixed", "--draws", 5)
    assert some["metric"] == "nll-is-5@toys.fixed.4-of-15"
    assert some["nats_by_image"] != pytest.approx(whole["nats_by_image"][:4])
    assert all(any(abs(each - other) < 1e-3 for other in whole["nats_by_image"]) for each in some["nats_by_image"])


def test_a_part_is_named(score):
    assert found(score, "./fixed", "--data", "data-fixed", "--part", "train")["metric"].endswith("@toys.fixed.train")


def test_files_are_scored_each_by_itself(score, models):
    one = found(score, "./fixed", "data-fixed/0.png", "data-fixed/1.png", "--draws", 5)
    assert one["metric"] == "nll-is-5@files.fixed"
    assert one["files"] == ["data-fixed/0.png", "data-fixed/1.png"]
    whole = found(score, "./fixed", "--data", "data-fixed", "--part", "train", "--draws", 5)
    assert one["nats_by_image"] == pytest.approx(whole["nats_by_image"][:2])
    code, out, _ = score("./fixed", "data-fixed/0.png", "data-fixed/1.png", "--draws", 5)
    assert code == 0
    assert out.startswith("data-fixed/0.png\t")
    assert len(out.splitlines()) == 4
    assert found(score, "./none", "data-none/0.png")["data"]["pixels"] == "grey"


def test_a_person_reads_what_the_number_is(score):
    code, out, err = score("./fixed", "--data", "data-fixed", "--draws", 5, "--rounds", 2)
    assert (code, err) == (0, "")
    number, is_ = out.splitlines()
    assert number.startswith("nll-is-5@toys.fixed: ")
    assert all(word in number for word in (" nats an image (", "95 % over images", "rounds differ by", "bits a pixel"))
    assert number.endswith("; of 15 images, by tiny-fixed.")
    assert "upper bound" in is_
    assert "Not a likelihood" in score("./none", "--data", "data-none")[1]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["./fixed"], 2, "Which images?"),
        (["./fixed", "data-fixed/0.png", "--data", "data-fixed"], 2, "so --data has no meaning"),
        (["./fixed", "data-fixed/0.png", "--part", "test"], 2, "so --part has no meaning"),
        (["./fixed", "--data", "data-fixed", "--class", 3], 2, "so --class has no meaning"),
        (["./fixed", "data-fixed/0.png", "--class", 3], 2, "tiny-fixed is given no class, so --class has no meaning"),
        (["./fixed", "--data", "data-fixed", "--part", "validation"], 2, "no part validation; they have train, test"),
        (["./fixed", "--data", "nowhere"], 3, "The data set toys is not at nowhere"),
        (["./fixed", "--data", "data-none"], 2, "binarise is fixed, but the train images"),
        (["./fixed", "data-none/0.png"], 2, "tiny-fixed was trained on images that are black and white, and these"),
        (["./dynamic", "data-none/0.png"], 2, "black and white (drawn from grey), and these are grey"),
        (["./none", "data-fixed/0.png"], 2, "tiny-none was trained on images that are grey, and these are black and"),
        (["./fixed", "--data", "data-fixed", "--draws", 0], 2, "draws is 0, it takes a whole number from 1"),
        (["./fixed", "--data", "data-fixed", "--rounds", 0], 2, "rounds is 0, it takes a whole number from 1"),
        (["./fixed", "--data", "data-fixed", "--count", 0], 2, "count is 0, it takes a whole number from 1"),
        (["./fixed", "--data", "data-fixed", "--seed", -1], 2, "seed is -1"),
        (["./fixed", "--data", "data-fixed", "--estimator", "exact"], 2, "'exact' is not one of"),
        (["./fixed", "fixed.json"], 2, "fixed.json is no image"),
        (["dcgan-digits", "data-fixed/0.png"], 2, "dcgan-digits does not say how likely an image is"),
        (["char-shakespeare", "fixed.json", "--draws", 3], 2, "is scored on a text, so --draws has no meaning"),
        (["char-shakespeare", "fixed.json", "none.json"], 2, "is scored on one text, and 2 are named"),
    ],
    ids=lambda value: " ".join(map(str, value))[:50] if isinstance(value, list) else "",
)
def test_wrong_use_is_one_sentence(score, words, code, said):
    found_, out, err = score(*words)
    assert (found_, out) == (code, "")
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize("change", ["no recipe", "other way", "outside", "no score"])
def test_a_folder_that_says_something_else_is_a_sentence(score, models, tmp_path, change):
    folder = shutil.copytree(models / "fixed", tmp_path / "model")
    path = folder / "aigc-zoo.json"
    document = json.loads(path.read_text())
    if change == "no recipe":
        del document["origin"]["recipe"]
    elif change == "other way":
        del document["origin"]["data"]["binarise"]
    elif change == "outside":
        recipe_ = json.loads((folder / "recipe.json").read_text())
        recipe_["data"]["folder"] = "/"
        (folder / "recipe.json").write_text(json.dumps(recipe_))
    else:
        document["capabilities"].remove("score")
    path.write_text(json.dumps(document))
    given = [] if change == "outside" else ["--data", models / "data-fixed"]
    code, _, err = score(folder, *given, *([] if given else ["--part", "test"]))
    assert code == 2
    assert {
        "no recipe": "does not say which data it was trained on",
        "other way": "was trained on images that are grey, and these are black and white",
        "outside": "outside the working folder",
        "no score": "does not say how likely an image is",
    }[change] in err
