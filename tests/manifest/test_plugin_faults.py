"""What can be wrong with a plugin.json: each is one problem, with its place and a hint."""

from __future__ import annotations

import pytest

FAULTS = {
    "no name": (("drop", "/name"), "missing-field", "/name", "{", 'such as "gan"'),
    "command without a target": (
        ("drop", "/commands/play/target"),
        "missing-field",
        "/commands/play/target",
        '"play"',
        "aigc_gan.train:command",
    ),
    "kind misspelt": (
        ("rename", "/components/losses", "loses"),
        "unknown-field",
        "/components/loses",
        '"loses"',
        "Did you mean losses?",
    ),
    "unknown claim": (
        ("rename", "/claims/model_type", "model_typ"),
        "unknown-field",
        "/claims/model_typ",
        '"model_typ"',
        "mean model_type?",
    ),
    "target without a colon": (
        ("put", "/components/losses/hinge", "toy.Hinge"),
        "bad-form",
        "/components/losses/hinge",
        '"hinge"',
        "module:attribute",
    ),
    "component in capitals": (
        ("rename", "/components/losses/hinge", "Hinge"),
        "bad-form",
        "/components/losses/Hinge",
        '"Hinge"',
        "",
    ),
    "command with a blank": (
        ("rename", "/commands/play", "play it"),
        "bad-form",
        "/commands/play it",
        '"play it"',
        "lower-case letters",
    ),
    "api is true": (("put", "/api", True), "wrong-type", "/api", '"api"', "a whole number"),
    "hooks is a text": (("put", "/hooks", "zoo_event"), "wrong-type", "/hooks", '"hooks"', "an array"),
    "unknown hook": (
        ("put", "/hooks/0", "zoo_evnt"),
        "unknown-hook",
        "/hooks/0",
        '"zoo_evnt"',
        "Did you mean zoo_event?",
    ),
    "hook twice": (
        ("put", "/hooks", ["zoo_event", "zoo_event"]),
        "duplicate-entry",
        "/hooks/1",
        '\n"zoo_event",\n"zoo_event"',
        "Remove one",
    ),
    "claims in a list": (
        ("put", "/claims/model_type", ["toy"]),
        "wrong-type",
        "/claims/model_type",
        '"model_type"',
        "an object",
    ),
    "claim without a template": (
        ("put", "/claims/model_type/toy", None),
        "wrong-type",
        "/claims/model_type/toy",
        '"toy": null',
        "a string",
    ),
    "template as a path": (
        ("put", "/claims/model_type/toy", "../toy.json"),
        "bad-form",
        "/claims/model_type/toy",
        '"toy": "..',
        "Lower-case letters",
    ),
    "options of an unknown architecture": (
        ("rename", "/options/toy-net", "toy-nett"),
        "unknown-architecture",
        "/options/toy-nett",
        '"toy-nett"',
        "Did you mean toy-net? It takes one of toy-net.",
    ),
    "options misspelt": (
        ("put", "/options/toy-net", "comon"),
        "unusable-options",
        "/options/toy-net",
        '"toy-net": "comon"',
        "Did you mean common?",
    ),
    "options as a path": (
        ("put", "/options/toy-net", "../common"),
        "bad-form",
        "/options/toy-net",
        '"toy-net": "..',
        "Lower-case letters",
    ),
    "claim of an empty value": (
        ("put", "/claims/library_name", {"": "toy"}),
        "bad-form",
        "/claims/library_name/",
        '"": "toy"',
        "",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_is_one_problem(name, check_fault):
    check_fault(FAULTS[name], "plugin")
