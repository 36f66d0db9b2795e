"""``aigc-zoo search``: the real client's session asks a loopback Hub, with plugins that claim this and that."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("huggingface_hub", reason="the Hub's client is not installed here")

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "aigc_core/manifest/schemas/search.schema.json").read_text())
CLAIMS = {
    "model_type": {"toy": "toy", "toy2": "toy"},
    "_class_name": {"ToyKL": "kl"},
    "library_name": {"toylib": "lib"},
}


def card(**fields: Any) -> bytes:
    return f"---\n{json.dumps(fields)}\n---\n".encode()


@pytest.fixture
def installed(site: Any) -> list[str]:
    """Let the plugins that are really installed here step back, and return them."""
    from aigc_core import discovery

    found = [plugin.key for plugin in discovery.plugins()]
    site.settle(found)
    return found


@pytest.fixture
def claim(site: Any, installed: list[str]) -> Callable[..., None]:
    """Install a plugin with claims."""

    def install(name: str, claims: dict[str, dict[str, str]], generator: str = "grey") -> None:
        document = {"name": name, "api": 1, "summary": "Toys.", "hooks": [], "commands": {}, "claims": claims}
        document["components"] = {"generators": {generator: f"aigc_{name}.generators:Grey"}}
        site.install(f"aigc-{name}", name, plugin_json=json.dumps(document))

    return install


@pytest.fixture
def found(zoo: Callable[..., Any]) -> Callable[..., list[Any]]:
    """Return what a search finds, by its schema."""

    def call(*words: str) -> list[Any]:
        done = zoo("search", *words, "--json")
        assert done.returncode == 0, done.stderr
        jsonschema.Draft202012Validator(SCHEMA).validate(done.json)
        models: list[Any] = done.json["models"]
        return models

    return call


@pytest.fixture
def shelf(hub: Any) -> Any:
    """Put models on the Hub that a plugin of ``CLAIMS`` loads, and others."""
    weights, toy = {"model.safetensors": b"0"}, {"config.json": b'{"model_type": "toy"}'}
    hub.commit("me/toy-b", {**toy, **weights, "README.md": card(license="mit")}, downloads=5)
    hub.commit("me/toy-a", {**toy, **weights, "README.md": card(license="odd one")}, downloads=70, gated="manual")
    hub.commit("me/toy-kl", {"config.json": b'{"_class_name": "ToyKL"}', **weights}, downloads=3)
    hub.commit("me/toy-lib", {"README.md": card(library_name="toylib"), **weights}, downloads=2)
    hub.commit("me/toy-own", {"README.md": card(library_name="aigc-zoo", tags=["gan", "grey"])}, downloads=4)
    hub.commit("me/toy-pickled", {**toy, "model.bin": b"0"}, downloads=1000)
    hub.commit("me/toy-unclaimed", {"config.json": b'{"model_type": "bert"}', **weights}, downloads=1000)
    hub.commit("me/another", {**toy, **weights}, downloads=1000)
    hub.commit("me/toy-rows", {**toy, **weights}, kind="datasets", downloads=1000)
    return hub


def test_what_a_plugin_can_load_is_found_most_downloaded_first(shelf: Any, claim: Any, found: Any) -> None:
    claim("toy", CLAIMS)
    rows = found("toy")
    assert [(row["repo_id"], row["plugins"], row["downloads"]) for row in rows] == [
        ("me/toy-a", ["toy"], 70),
        ("me/toy-b", ["toy"], 5),
        ("me/toy-own", ["toy"], 4),
        ("me/toy-kl", ["toy"], 3),
        ("me/toy-lib", ["toy"], 2),
    ]
    assert (rows[0]["model"], rows[0]["gated"], rows[0]["license"]) == ("hf:me/toy-a", True, None)
    assert (rows[1]["gated"], rows[1]["license"]) == (False, "MIT")
    assert rows[1]["last_modified"].startswith("2023-11-14T22:14:20")


def test_it_is_printed_as_lines_for_programs(shelf: Any, claim: Any, zoo: Any) -> None:
    claim("toy", CLAIMS)
    done = zoo("search", "toy", "--limit", "2")
    assert done.stdout == "hf:me/toy-a\ttoy\t70\t-\tgated\t2023-11-14\nhf:me/toy-b\ttoy\t5\tMIT\t\t2023-11-14\n"
    assert (done.returncode, done.stderr) == (0, "")


def test_one_request_for_each_claim_and_no_more(shelf: Any, claim: Any, found: Any) -> None:
    claim("toy", CLAIMS)
    claim("other", {"model_type": {"toy": "toy"}}, "blue")
    rows = found("toy")
    assert rows[0]["plugins"] == ["other", "toy"]
    queries = [parse_qs(urlsplit(row.path).query) for row in shelf.requests()]
    assert sorted(query["filter"] for query in queries) == [
        ["aigc-zoo"],
        ["diffusers:ToyKL", "safetensors"],
        ["toy", "safetensors"],
        ["toy2", "safetensors"],
        ["toylib", "safetensors"],
    ]
    for query in queries:  # names of files would be most of the answer
        assert query["expand"] == ["downloads", "gated", "lastModified", "library_name", "tags"]
        assert (query["search"], query["limit"], query["sort"]) == (["toy"], ["20"], ["downloads"])


def test_a_disabled_plugins_claims_are_not_asked_for(
    shelf: Any, claim: Any, found: Any, site: Any, installed: list[str]
) -> None:
    claim("toy", CLAIMS)
    site.settle([*installed, "aigc-toy:toy"])
    assert [(row["repo_id"], row["plugins"]) for row in found("toy")] == [("me/toy-own", [])]


def test_where_no_plugin_claims_anything_ours_are_found_and_it_is_said(shelf: Any, claim: Any, zoo: Any) -> None:
    claim("plain", {})
    done = zoo("search", "toy")
    assert done.stdout.startswith("hf:me/toy-own\tplain\t4\t")
    assert done.stderr.startswith("No installed plugin claims")


def test_several_words_are_one_search(shelf: Any, claim: Any, zoo: Any) -> None:
    claim("toy", CLAIMS)
    done = zoo("search", "toy", "of", "mine")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "No model on the Hub that can be run here has such a name.\n"
    assert parse_qs(urlsplit(shelf.requests()[0].path).query)["search"] == ["toy of mine"]


@pytest.mark.parametrize("words", [[], [""], ["  "], ["toy", "--limit", "0"]])
def test_a_search_for_nothing_is_wrong_use(words: list[str], hub: Any, zoo: Any) -> None:
    done = zoo("search", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert hub.requests() == []


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_opens_no_connection(variable: str, shelf: Any, claim: Any, zoo: Any) -> None:
    claim("toy", CLAIMS)
    done = zoo("search", "toy", **{variable: "1"})
    assert done.returncode == 3
    assert "HF_HUB_OFFLINE" in done.stderr
    assert shelf.connections == 0


FAULTS: dict[str, tuple[str, Any]] = {
    "no listing": ("garbage", b'{"error": "no"}'),
    "no JSON": ("garbage", b"<html>"),
    "an unknown token": ("status", 401),
    "not found": ("status", 404),
}


@pytest.mark.parametrize("name", FAULTS)
def test_an_answer_that_cannot_be_used_is_one_line(name: str, shelf: Any, claim: Any, zoo: Any) -> None:
    claim("toy", CLAIMS)
    kind, arg = FAULTS[name]
    shelf.fault("GET /api/models.*toy2", kind, times=math.inf, arg=arg)
    done = zoo("search", "toy")
    assert done.returncode == 3
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    assert "Traceback" not in done.stderr


def test_a_failure_that_passes_is_tried_again(shelf: Any, claim: Any, found: Any) -> None:
    claim("toy", CLAIMS)
    shelf.fault("GET /api/models.*toy2", "status", arg=503)
    assert len(found("toy")) == 5


TAGS = ["toy", "safetensors"]
HOSTILE: list[Any] = [
    None, 7, "me/toy", [], {}, {"id": "me/toy-untagged"}, {"id": "me/toy-bare", "tags": {"toy": "safetensors"}},
    *({"id": name, "tags": TAGS} for name in (None, ["me/toy"], "me/\x1b[31mtoy", "../toy", "me/toy\n", "a/b/c")),
    {"id": "me/toy-odd", "tags": ["toy", 3, None, "safetensors", "license:\x1b[2J"], "downloads": "many",
     "gated": {"a": 1}, "lastModified": "\x1b[2J", "library_name": 5},
    {"id": "me/toy-huge", "tags": TAGS, "downloads": 10**400, "gated": [1], "lastModified": 10**400},
    {"id": "me/toy-less", "tags": TAGS, "downloads": -1, "gated": "auto", "lastModified": True},
    {"id": "me/toy-true", "tags": TAGS, "downloads": True, "gated": None, "lastModified": "2023"},
]  # fmt: skip


def test_a_hostile_listing_neither_crashes_nor_steers(shelf: Any, claim: Any, found: Any, zoo: Any) -> None:
    claim("toy", {"model_type": {"toy": "toy"}})
    shelf.fault("GET /api/models.*filter=toy&", "garbage", times=math.inf, arg=json.dumps(HOSTILE).encode())
    rows = {row["repo_id"]: row for row in found("toy")}
    assert rows.keys() == {"me/toy-odd", "me/toy-huge", "me/toy-less", "me/toy-true", "me/toy-own"}
    for name, row in rows.items():
        assert name == "me/toy-own" or (row["downloads"], row["license"], row["last_modified"]) == (None, None, None)
    assert {name: row["gated"] for name, row in rows.items() if row["gated"] is not None} == {
        "me/toy-less": True,
        "me/toy-own": False,
    }
    assert "\x1b" not in zoo("search", "toy").stdout


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
ROWS = JSON | st.fixed_dictionaries(
    {},
    optional={
        "id": JSON | st.from_regex(r"[\w.-]{1,5}/[\w.-]{1,5}\n?", fullmatch=True),
        "tags": JSON | st.lists(JSON | st.sampled_from(["license:mit", "license:" + "x" * 99])).map(["toy"].__add__),
        **dict.fromkeys(("library_name", "downloads", "gated", "lastModified"), JSON),
    },
)


@given(ROWS)
def test_no_row_is_an_error(row: Any) -> None:
    from aigc_core.hub.search import _found
    from aigc_core.manifest.model import is_repo_id

    found = _found(row, ("toy",), ["toy"])
    if found is not None:
        assert is_repo_id(found.repo_id)
        document = {**found._asdict(), "model": f"hf:{found.repo_id}", "plugins": list(found.plugins)}
        outer = {"schema": "aigc-zoo/search/1", "words": "x", "models": [document]}
        jsonschema.Draft202012Validator(SCHEMA).validate(outer)
        assert all(text.isprintable() for text in document.values() if isinstance(text, str))
