"""Other files of a plugin that its manifests lean on: an unusable schema or template is one problem, never an error."""

from __future__ import annotations

import json
import os

import pytest

CLAIM = "/claims/model_type/toy"


@pytest.mark.parametrize(
    "schema",
    ["[]", "{", '{"type": "strange"}', '{"$ref": "#"}', '{"$ref": "https://example.org/x"}', '{"$ref": "#/$defs/no"}',
     '{"properties": {"width": {"$ref": "#/properties/width"}}}', '{"patternProperties": {"(": {}}}'],
)  # fmt: skip
def test_an_unusable_schema_is_one_problem(schema, zoo, judge):
    (zoo.folder / "architectures" / "toy-net.schema.json").write_text(schema)
    (problem,) = judge(zoo.validate("model"))
    assert problem[:2] == ("unusable-schema", "/code/architecture")
    assert "JSON Schema 2020-12" in problem.hint


def template(**changes):
    def change(good):
        return {field: value for field, value in (good | changes).items() if value != "drop"}

    return change


TEMPLATES = {
    "with an id": (template(id="toy"), "has id", "Leave id out."),
    "with weights": (template(weights={}), "has weights", "Leave weights out."),
    "with a summary": (template(summary="A toy."), "has summary", "Leave summary out."),
    "with a licence of the weights": (
        template(terms={"code": "MIT", "weights": "MIT"}), "has terms.weights", "Leave terms.weights out."),
    "without a family": (template(family="drop"), "The manifest has no family", 'Add "family".'),
    "of an unknown family": (template(family="gam"), 'family is "gam"', "Did you mean gan?"),
    "with terms as a text": (template(terms="MIT"), "terms is a string", "It takes an object"),
    "with an unknown architecture": (
        template(code={"plugin": "toy", "api": 1, "architecture": "toy-nett", "config": {}}),
        "Plugin toy has no generator toy-nett", "Did you mean toy-net?"),
    "of another plugin": (
        template(code={"plugin": "other", "api": 1, "architecture": "net", "config": {}}),
        "its code.plugin is other, this plugin is toy", 'It takes "toy".'),
    "with a reserved option": (
        template(use={"options": {"properties": {"seed": {"type": "integer", "description": "No."}}},
                      "output": {"kind": "text"}}),
        "seed is a flag", "Call it otherwise"),
}  # fmt: skip


@pytest.mark.parametrize("name", TEMPLATES)
def test_an_unusable_template_is_one_problem(name, zoo, judge):
    change, message, hint = TEMPLATES[name]
    zoo.write(zoo.folder / "claims" / "toy.json", change(zoo.TEMPLATE))
    (problem,) = judge(zoo.validate("plugin"))
    assert problem[:2] == ("unusable-template", CLAIM)
    assert message in problem.message
    assert "Correct zoo/claims/toy.json." in problem.hint
    assert hint in problem.hint


@pytest.mark.parametrize("content", [None, "", "[]", "{", "[" * 1000, "{} {}"], ids=repr)
def test_a_template_that_cannot_be_read_is_one_problem(content, zoo, judge):
    path = zoo.folder / "claims" / "toy.json"
    os.unlink(path) if content is None else path.write_text(content)
    (problem,) = judge(zoo.validate("plugin"))
    assert problem[:2] == ("unusable-template", CLAIM)


OPTIONS = {
    "no object": ([], "holds no JSON object", "use.options"),
    "of scalars": ({"properties": {"x": 3}}, "x is a number", "It takes an object"),
    "with a reserved option": (
        {"properties": {"seed": {"type": "integer", "description": "No."}}}, "seed is a flag", "Call it otherwise"),
    "with a default out of bounds": (
        {"properties": {"x": {"type": "number", "maximum": 1, "default": 2, "description": "No."}}},
        "The default 2 is none", "at most 1"),
    "with an array of anything": (
        {"properties": {"x": {"type": "array", "description": "No."}}}, "has no items", 'Add "items"'),
    "with an array of numbers": (
        {"properties": {"x": {"type": "array", "items": {"type": "number"}, "description": "No."}}},
        'type is "number"', 'It takes "string"'),
    "with an enum of arrays": (
        {"properties": {"x": {"type": "array", "items": {"type": "string"}, "enum": [["a"]], "description": "No."}}},
        "enum has no meaning", "Leave it out"),
    "with items of a number": (
        {"properties": {"x": {"type": "number", "items": {"type": "string"}, "description": "No."}}},
        "items has no meaning", "Leave it out"),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_unusable_options_are_one_problem(name, zoo, judge):
    content, message, hint = OPTIONS[name]
    zoo.write(zoo.folder / "options" / "common.json", content)
    (problem,) = judge(zoo.validate("plugin"))
    assert problem[:2] == ("unusable-options", "/options/toy-net")
    assert message in problem.message
    assert "Correct zoo/options/common.json." in problem.hint
    assert hint in problem.hint


def test_a_misspelt_template_has_a_near_name(zoo, judge):
    zoo.spoil("plugin", ("put", CLAIM, "toyy"))
    (problem,) = judge(zoo.validate("plugin"))
    assert problem[:2] == ("unusable-template", CLAIM)
    assert "no such file" in problem.message
    assert problem.hint.startswith("Did you mean toy?")


def test_templates_may_say_less_of_the_config_and_more_of_the_terms(zoo):
    code = zoo.TEMPLATE["code"] | {"config": {}}  # config.json has the rest
    terms = {"code": "MIT", "limits": ["Small."], "intended_use": "Play."}
    zoo.write(zoo.folder / "claims" / "toy.json", zoo.TEMPLATE | {"code": code, "terms": terms})
    assert zoo.validate("plugin") == []


def test_claims_have_the_fields_that_the_core_looks_at(zoo):
    from aigc_core.hub.claims import FIELDS

    path = zoo.folder / "plugin.json"
    assert set(FIELDS) == {"model_type", "_class_name", "library_name"}
    for field in FIELDS:
        zoo.write(path, json.loads(path.read_text()) | {"claims": {field: {"Some Value/1": "toy"}}})
        assert zoo.validate("plugin") == []
