"""What an autoencoder takes, as listing and running read it from a manifest."""

import copy

import pytest

from aigc_core.manifest.model import ModelManifest
from aigc_core.manifest.read import Malformed

FREE = {"kind": "image", "shape": [3, None, None], "range": [-1, 1]}


def document(zoo, taken=None, made=None, capabilities=("reconstruct",)):
    model = copy.deepcopy(zoo.MODEL)
    model["capabilities"] = [*capabilities]
    model["use"]["output"] = made or model["use"]["output"]
    model["use"]["input"] = taken or model["use"]["input"]
    return model


def test_defaults_are_filled_in(zoo):
    assert ModelManifest.of(document(zoo, FREE, FREE), "a.json").input == FREE | {"multiple": 1, "largest": 1024}
    assert ModelManifest.of(document(zoo), "a.json").input["largest"] == 28


def test_a_model_that_takes_no_image_says_nothing(zoo):
    model = document(zoo, capabilities=["generate"])
    del model["use"]["input"]
    manifest = ModelManifest.of(model, "a.json")
    assert (manifest.input, manifest.capabilities) == ({}, ("generate",))
    del model["capabilities"]
    assert ModelManifest.of(model, "a.json").capabilities == ("generate",)


def test_null_sizes_are_for_a_model_that_does_not_generate(zoo):
    assert ModelManifest.of(document(zoo, FREE, FREE), "a.json").output["shape"] == [3, None, None]
    with pytest.raises(Malformed, match=r"use\.output: shape is no list of sizes"):
        ModelManifest.of(document(zoo, FREE, FREE, ["generate", "reconstruct"]), "a.json")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"shape": [3, None]}, "channels"),
        ({"shape": [2, None, None]}, "channels"),
        ({"shape": [3, None, 28]}, "neither two sizes nor null both"),
        ({"shape": [3, 0, 28]}, "neither two sizes nor null both"),
        ({"shape": [3, 10**5, 28]}, "neither two sizes nor null both"),
        ({"shape": [3, True, 28]}, "neither two sizes nor null both"),
        ({"shape": "large"}, r"shape is \"large\""),
        ({"range": [1, 0]}, "range is no pair"),
        ({"range": [0, "1"]}, "range is no pair"),
        ({"multiple": 0}, "multiple or largest"),
        ({"multiple": 8.0}, "multiple or largest"),
        ({"largest": 10**9}, "multiple or largest"),
        ({"kind": "sound"}, "kind is no image"),
        ({"kind": 3}, "kind is 3"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_when_it_is_read(zoo, change, sentence):
    with pytest.raises(Malformed, match=rf"a\.json, use\.input: .*{sentence}|{sentence}"):
        ModelManifest.of(document(zoo, FREE | change, FREE), "a.json")


@pytest.mark.parametrize("capabilities", ["generate", [1], None])
def test_capabilities_are_a_list_of_names(zoo, capabilities):
    model = document(zoo) | {"capabilities": capabilities}
    with pytest.raises(Malformed, match="capabilities is no list of names"):
        ModelManifest.of(model, "a.json")


def test_a_way_between_samples_takes_no_image(zoo):
    model = document(zoo, capabilities=["generate", "interpolate"])
    assert not ModelManifest.of(model, "a.json").interpolates_samples, "it says which images it takes"
    del model["use"]["input"]
    assert ModelManifest.of(model, "a.json").interpolates_samples
    changes = [("put", "/capabilities", ["generate", "interpolate"]), ("drop", "/use/input")]
    assert zoo.problems(*changes) == []
    for able in (["interpolate"], ["generate", "interpolate", "encode"]):
        (problem,) = zoo.problems(("put", "/capabilities", able), changes[1])
        assert (problem.code, problem.pointer) == ("missing-field", "/use/input")


def test_an_autoencoder_of_any_size_is_sound(zoo):
    changes = [
        ("put", "/capabilities", ["reconstruct", "interpolate", "encode", "decode"]),
        ("put", "/use/output/shape", [3, None, None]),
        ("put", "/use/input/shape", [3, None, None]),
    ]
    assert zoo.problems(*changes) == []
    assert zoo.problems(*changes[:1]) == []


def test_a_translator_may_change_colours_but_no_sizes(zoo):
    changes = [
        ("put", "/capabilities", ["translate"]),
        ("put", "/use/output/shape", [3, 28, 28]),
        ("put", "/use/input/shape", [1, 28, 28]),
    ]
    assert zoo.problems(*changes) == []
    (problem,) = zoo.problems(*changes, ("put", "/use/output/shape", [3, 28, 56]))
    assert (problem.code, problem.pointer) == ("shapes-disagree", "/use/input/shape")
    (problem,) = zoo.problems(*changes, ("put", "/capabilities", ["translate", "reconstruct"]))
    assert (problem.code, problem.pointer) == ("shapes-disagree", "/use/input/shape")
    free = [("put", f"/use/{side}/shape", [channels, None, None]) for side, channels in (("input", 3), ("output", 1))]
    assert zoo.problems(*changes[:1], *free) == []


def test_a_translator_says_what_it_takes(zoo):
    (problem,) = zoo.problems(("put", "/capabilities", ["translate"]), ("drop", "/use/input"))
    assert (problem.code, problem.pointer) == ("missing-field", "/use/input")
