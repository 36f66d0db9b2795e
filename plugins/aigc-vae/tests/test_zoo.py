"""What the plugin declares: it is sound, its recipes can be built, and each says what it is compared with."""

import json
from pathlib import Path

import pytest

import aigc_vae
from aigc_core.errors import NotAvailable
from aigc_core.manifest.validate import validate_plugin
from aigc_core.train import recipe as recipes
from aigc_core.train.build import build, component

ZOO = Path(aigc_vae.__file__).parent / "zoo"
RECIPES = sorted(path.stem for path in (ZOO / "recipes").glob("*.json"))
PLUGIN = json.loads((ZOO / "plugin.json").read_text())
ARCHITECTURES = sorted(PLUGIN["components"]["generators"])


def read(name):
    return recipes.read(str(ZOO / "recipes" / f"{name}.json"))


def test_the_plugin_manifest_and_its_templates_are_sound():
    assert validate_plugin(str(ZOO / "plugin.json")) == []


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_sound_and_builds(name):
    made = read(name)
    assert made["name"] == name
    if made["data"].get("range"):
        assert made["data"]["range"] == [0, 1]
    try:
        build(made, {"classes": [str(number) for number in range(10)], "shape": [1, 28, 28]}, "meta")
    except NotAvailable as error:
        pytest.skip(f"it takes another plugin's component: {error}")


@pytest.mark.parametrize("kind", list(PLUGIN["components"]))
def test_every_component_can_be_imported(kind):
    for name in PLUGIN["components"][kind]:
        assert callable(component(kind, f"vae:{name}"))


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if "28" in name])
def test_an_architecture_has_a_template_and_a_schema_whose_fields_are_described(name):
    template = json.loads((ZOO / "claims" / f"{name}.json").read_text())
    assert template["code"]["architecture"] == name
    schema = json.loads((ZOO / "architectures" / f"{name}.schema.json").read_text())
    assert schema["additionalProperties"] is False
    assert all(field.get("description") for field in schema["properties"].values())
    takes = set(json.loads((ZOO / "architectures" / f"{name}.schema.json").read_text())["required"])
    assert takes <= schema["properties"].keys()


BINARY = ["iwae-1-binary-mnist", "iwae-5-binary-mnist", "iwae-50-binary-mnist", "vamp-binary-mnist"]


@pytest.mark.parametrize("name", BINARY)
def test_what_is_compared_differs_in_one_thing_alone(name):
    one, other = read(BINARY[0]), read(name)
    differs = {field for field in one if one[field] != other[field]} - {"name", "summary"}
    allowed = {"networks", "losses"} if name.startswith("vamp") else {"trainer"}
    assert differs <= allowed
    assert other["data"] == read("vae-binary-mnist")["data"] == read("made-binary-mnist")["data"]
    if name.startswith("iwae"):
        assert other["trainer"]["config"]["draws"] == int(name.split("-")[1])
