"""What the plugin declares: it is sound, its recipes can be built and train, each with what fits it."""

import json
from pathlib import Path

import jsonschema
import pytest
import torch

import aigc_gan
from aigc_core.errors import NotAvailable
from aigc_core.manifest.validate import validate_plugin
from aigc_core.train import recipe as recipes
from aigc_core.train.build import build, component

ZOO = Path(aigc_gan.__file__).parent / "zoo"
REGISTRY = Path(__file__).parents[3] / "registry"
RECIPES = sorted(path.stem for path in (ZOO / "recipes").glob("*.json"))
PLUGIN = json.loads((ZOO / "plugin.json").read_text())
TRAINED = sorted(PLUGIN["claims"]["model_type"])
MINE = {
    "cgan-fashion": (1, 28, 28),
    "wgan-gp-fashion": (1, 28, 28),
    "infogan-digits": (1, 28, 28),
    "dcgan-emoji": (3, 64, 64),
}
CLASSES = [str(number) for number in range(10)]


def read(name):
    return recipes.read(str(ZOO / "recipes" / f"{name}.json"))


def schema(name):
    return json.loads((ZOO / "architectures" / f"{name}.schema.json").read_text())


def test_the_plugin_manifest_and_its_templates_are_sound():
    assert validate_plugin(str(ZOO / "plugin.json")) == []


@pytest.mark.parametrize("kind", list(PLUGIN["components"]))
def test_every_component_can_be_imported(kind):
    for name in PLUGIN["components"][kind]:
        assert callable(component(kind, f"gan:{name}"))


@pytest.mark.parametrize("name", TRAINED)
def test_what_is_trained_here_can_be_run_and_described(name):
    template = json.loads((ZOO / "claims" / f"{name}.json").read_text())
    assert template["code"]["architecture"] == name
    assert name in PLUGIN["components"]["networks"]
    assert name in PLUGIN["components"]["generators"]


@pytest.mark.parametrize("name", sorted(PLUGIN["components"]["generators"]))
def test_an_architecture_has_a_schema_whose_fields_are_described(name):
    found = schema(name)
    assert found["additionalProperties"] is False
    assert all(field.get("description") for field in found["properties"].values())
    assert set(found.get("required", [])) <= found["properties"].keys()


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_sound_and_builds(name):
    plan = read(name)
    assert plan["name"] == name
    try:
        build(plan, {"classes": CLASSES}, "meta")
    except NotAvailable as error:
        pytest.skip(f"it takes another plugin's component: {error}")
    role = next(iter(plan["networks"]))
    use = plan["networks"][role]["use"].removeprefix("gan:")
    if f"{use}.schema.json" in {path.name for path in (ZOO / "architectures").iterdir()}:
        jsonschema.validate(plan["networks"][role]["config"], schema(use))


@pytest.mark.parametrize("name", MINE)
def test_a_recipes_networks_fit_and_every_parameter_is_trained(name):
    """Two updates on random images: a first one may leave what begins at zero without effect."""
    plan = read(name)
    torch.manual_seed(0)
    trainer = build(plan, {"classes": CLASSES})
    shapes = {"images": MINE[name], "labels": ()}
    trainer.check(shapes)
    batch = {"images": torch.randn(3, *MINE[name]).tanh(), "labels": torch.arange(3)}
    draw = {"normal": torch.randn, "uniform": torch.rand}
    noise = {key: draw[spec.distribution](3, *spec.shape) for key, spec in trainer.noise.items()}
    seen = set()
    for terms in trainer.step(batch, noise):
        for role, said in terms.items():
            parameters = list(trainer.networks[role].named_parameters())
            found = torch.autograd.grad(
                said["loss"], [each for _, each in parameters], retain_graph=True, allow_unused=True
            )
            assert [key for (key, _), value in zip(parameters, found, strict=True) if value is None] == []
            assert all(torch.isfinite(value).all() for value in found)
            seen.add(role)
    assert seen == {"generator", "discriminator"}


@pytest.mark.parametrize("name", MINE)
def test_a_generator_ships_in_6_mb(name):
    plan = read(name)
    with torch.device("meta"):
        network = component("networks", plan["networks"]["generator"]["use"])(**plan["networks"]["generator"]["config"])
    assert plan["dtype"] == "float16"
    assert sum(2 * value.numel() for value in network.state_dict().values()) < 5_900_000


def test_infogan_is_told_no_label():
    plan = read("infogan-digits")
    trainer = build(plan, {"classes": CLASSES}, "meta")
    assert not any("label" in wanted for names in trainer.wanted.values() for wanted in names)
    trainer.check({"images": (1, 28, 28)})


@pytest.mark.parametrize("name", ["fastgan-few-shot-painting", "butterfly", "dcgan-mnist"])
def test_a_model_of_the_registry_has_its_architecture(name):
    code = json.loads((REGISTRY / f"{name}.json").read_text())["code"]
    assert code["architecture"] in PLUGIN["components"]["generators"]
    jsonschema.validate(code["config"], schema(code["architecture"]))
