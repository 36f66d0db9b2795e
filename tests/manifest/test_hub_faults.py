"""Models on the Hugging Face Hub: what may be listed, and each fault of one is one problem."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_core.manifest import ModelManifest
from aigc_core.manifest.model import is_repo_id

SCHEMA = Path(__file__).parents[2] / "aigc_core" / "manifest" / "schemas" / "model.schema.json"
FILES = [
    {"path": "model.safetensors", "format": "safetensors"},
    {"path": "vocab.json", "format": "json"},
    {"path": "merges.txt", "format": "text"},
    {"path": "old/pytorch_model.bin", "format": "pickle"},
]
HUB = (
    ("put", "/weights", {"source": "hub", "repo_id": "openai-community/gpt2", "files": FILES}),
    ("drop", "/golden"),
    ("drop", "/origin"),
)
REPO, PATH = "/weights/repo_id", "/weights/files/{}/path"
ENDINGS = "Its ending fits its format"


def ending(index, name):
    pointer = PATH.format(index)
    return (("put", pointer, name), "bad-form", pointer, f'"{name}"', ENDINGS)


FAULTS = {
    "no repository": (("drop", REPO), "missing-field", REPO, '"weights"', "ORGANISATION/NAME"),
    "repository without organisation": (("put", REPO, "gpt2"), "bad-form", REPO, '"repo_id"', "openai-community/gpt2"),
    "repository with two dashes": (("put", REPO, "a/b--c"), "bad-form", REPO, '"repo_id"', "two dashes in a row"),
    "repository with two dots": (("put", REPO, "a..b/c"), "bad-form", REPO, '"repo_id"', "two dots"),
    "repository of 97 characters": (("put", REPO, f"a/{'b' * 97}"), "bad-form", REPO, '"repo_id"', "at most 96"),
    "repository as an address": (
        ("put", REPO, "https://huggingface.co/a/b"), "bad-form", REPO, '"repo_id"', "ORGANISATION/NAME"),
    "a branch": (
        ("put", "/weights/revision", "main"), "bad-form", "/weights/revision", '"main"', "a branch or a tag can move"),
    "commit in capitals": (
        ("put", "/weights/revision", "A" * 40), "bad-form", "/weights/revision", "A" * 40, "40 lower-case"),
    "no files": (("put", "/weights/files", []), "too-short", "/weights/files", '"files"', "at least 1 entries"),
    "path out of the folder": (
        ("put", PATH.format(0), "../x.safetensors"), "path-escapes", PATH.format(0), '"path"', "a relative path"),
    "file twice": (
        ("put", "/weights/files/1", {"path": "model.safetensors", "format": "safetensors"}),
        "duplicate-entry", PATH.format(1), '\n"format": "safetensors"\n},\n{\n"path": "model', "Remove one"),
    "distribution as a command": (
        ("put", "/code/distribution", "--index-url x"), "bad-form", "/code/distribution", '"distribution"', "aigc-gan"),
    "pickle as safetensors": ending(0, "model.bin"),
    "safetensors in capitals": ending(0, "model.SAFETENSORS"),
    "script as json": ending(1, "vocab.py"),
    "script as text": ending(2, "setup.py"),
    "pickle as text": ending(2, "model.pkl"),
    "checkpoint as text": ending(2, "model.ckpt"),
    "library as text": ending(2, "kernel.so"),
    "safetensors as text": ending(2, "more.safetensors"),
    "script as pickle": ending(3, "model.py"),
    "any object as pickle": ending(3, "encoder.pkl"),
    "no ending": ending(3, "bin"),
    "unknown format": (
        ("put", "/weights/files/3/format", "pickled"), "not-allowed", "/weights/files/3/format", '"pickled"',
        "Did you mean pickle?"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_each_is_one_problem(name, check_fault):
    check_fault(FAULTS[name], before=HUB)


def test_an_unpinned_model_may_be_listed(zoo):
    assert zoo.problems(*HUB) == []
    manifest = ModelManifest.read(str(zoo.model))
    assert not manifest.pinned
    assert manifest.distribution == "aigc-toy"


@pytest.mark.parametrize("name", ["model.pt", "model.pth", "a/b/model.ckpt"])
def test_a_pickle_has_one_of_four_endings(name, zoo):
    assert zoo.problems(*HUB, ("put", PATH.format(3), name)) == []


@pytest.mark.parametrize("name", ["merges.txt", "chat_template.jinja", "LICENSE", "py", "python.md"])
def test_a_text_has_any_ending_but_those_of_code(name, zoo):
    assert zoo.problems(*HUB, ("put", PATH.format(2), name)) == []


def test_a_config_that_the_repository_completes_is_not_judged(zoo, judge):
    partly = ("put", "/code/config", {"width": 64})
    (problem,) = judge(zoo.problems(*HUB, partly))
    assert problem[:2] == ("missing-field", "/code/config/latent_dim")
    assert zoo.problems(*HUB, partly, ("put", PATH.format(1), "config.json")) == []


@given(st.from_regex(r"[a-zA-Z0-9._/-]{0,12}\n?", fullmatch=True) | st.text(max_size=8).map(lambda text: f"a/{text}"))
def test_the_schema_and_the_reader_agree_on_repositories(text):
    pattern = json.loads(SCHEMA.read_text())["properties"]["weights"]["properties"]["repo_id"]["pattern"]
    assert (re.search(pattern, text) is not None) == is_repo_id(text)


@pytest.mark.parametrize(
    "text", ["a/b", "a/" + "b" * 96, "a/" + "b" * 97, "a" * 97 + "/b", "a/b--c", "a..b/c", "a/b/c", "-a/b", "a/b\n"]
)
def test_the_schema_and_the_reader_agree_on_the_edges(text):
    test_the_schema_and_the_reader_agree_on_repositories.hypothesis.inner_test(text)
