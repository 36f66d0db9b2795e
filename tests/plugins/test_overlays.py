"""Who says what a name means: the user's folder, then plugins, then the index; and the states of models on the Hub."""

from __future__ import annotations

import hashlib
import importlib
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from aigc_core import registry
from aigc_core.cli import outcome
from aigc_core.errors import NotAvailable, Refused, WrongUse

COMMIT = "0123456789" * 4
DATA = b'{"width": 4}'


class Done(NamedTuple):
    """What a call of the command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def row(self, model: str) -> dict[str, Any]:
        """Return the one row that ``list --json`` has for a model."""
        (found,) = [row for row in self.json["models"] if row["id"] == model]
        return dict(found)


@pytest.fixture
def folders(site: Any) -> dict[str, Path]:
    """Return where each kind of manifest lies."""
    package = site.install("toy-dist", "toy", models=("sample",))
    (package / "zoo" / "models" / "sample.json").rename(package / "zoo" / "sample.json")
    found = {
        "user": site.home / "data" / "models",
        "plugin": package / "zoo" / "models",
        "registry": site.root / "index",
    }
    for folder in found.values():
        folder.mkdir(parents=True, exist_ok=True)
    return found


@pytest.fixture
def zoo(site: Any, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Callable[..., Done]:
    """Run the command line in this process, with an index and a Hub cache of the test's own."""
    monkeypatch.setattr(registry, "builtin_folder", lambda: str(folders["registry"]))
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_HOME", str(site.root / "huggingface"))
    monkeypatch.setenv("AIGC_ZOO_HOME", str(site.home))
    monkeypatch.syspath_prepend(str(site.packages))
    monkeypatch.chdir(site.work)

    def run(*arguments: str) -> Done:
        importlib.invalidate_caches()
        code = outcome(list(arguments))
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def listed(folders: dict[str, Path]) -> Callable[..., Path]:
    """List a model on the Hub that consists of one small file; fields given as None are left out."""

    def add(model: str, where: str = "registry", *, text: str = "", code: Any = None, **facts: Any) -> Path:
        document = json.loads((folders["plugin"].parent / "sample.json").read_text())
        file = {"path": "config.json", "size": len(DATA), "sha256": hashlib.sha256(DATA).hexdigest(), "format": "json"}
        weights = {"source": "hub", "repo_id": "me/tiny", "revision": COMMIT}
        weights |= {key: value for key, value in facts.items() if key in weights}
        file |= {key: value for key, value in facts.items() if key in file}
        weights["files"] = [{key: value for key, value in file.items() if value is not None}]
        document |= {"id": model, "summary": f"{model} of {where}.", "weights": weights}
        document["weights"] = {key: value for key, value in weights.items() if value is not None}
        document["code"] |= code or {}
        path = folders[where] / f"{model}.json"
        path.write_text(text or json.dumps(document))
        return path

    return add


@pytest.fixture
def cached(site: Any) -> Callable[..., None]:
    """Put the model's file into the cache, as a pull does."""

    def put(data: bytes = DATA) -> None:
        path = site.root / "huggingface" / "hub" / "models--me--tiny" / "snapshots" / COMMIT / "config.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    return put


# --- who says what a name means ---

PLACES = ("user", "plugin", "registry")
ORIGINS = {"user": "user", "plugin": "plugin toy", "registry": "registry"}


@pytest.mark.parametrize(
    "where", [places for count in (1, 2, 3) for places in itertools.combinations(PLACES, count)], ids="-".join
)
def test_the_first_of_user_plugin_and_index_is_meant(zoo: Any, listed: Any, where: tuple[str, ...]) -> None:
    for place in reversed(where):
        listed("tiny", place)
    row = zoo("list", "--json").row("tiny")  # one row, whoever else lists it
    assert (row["origin"], row["state"], row["summary"]) == (ORIGINS[where[0]], "not fetched", f"tiny of {where[0]}.")
    assert zoo("show", "tiny", "--json").json["origin"] == ORIGINS[where[0]]
    for place in where:
        name = f"{ORIGINS[place].removeprefix('plugin ')}:tiny"
        assert zoo("show", name, "--json").json["origin"] == ORIGINS[place]
    for place in {*PLACES} - {*where}:
        name = f"{ORIGINS[place].removeprefix('plugin ')}:tiny"
        assert zoo("show", name).code == 2


def test_an_overlay_says_what_is_fetched(zoo: Any, listed: Any) -> None:
    """As after ``aigc-zoo pin``: the plugin's own manifest knows no commit, the user's does."""
    listed("tiny", "plugin", revision=None, sha256=None)
    assert registry.find("tiny").state == "not pinned"
    listed("tiny", "user")
    assert registry.find("tiny").state == "not fetched"
    assert registry.find("toy:tiny").state == "not pinned"


def test_an_overlay_that_is_taken_away_was_never_there(zoo: Any, listed: Any) -> None:
    listed("tiny", "registry")
    before = zoo("list", "--json").out
    listed("tiny", "user").unlink()
    assert zoo("list", "--json").out == before


def test_a_broken_overlay_is_said_and_does_not_fall_back(zoo: Any, listed: Any) -> None:
    """What the user wrote down is what they mean; to run something else instead would be a guess."""
    listed("tiny", "plugin")
    path = listed("tiny", "user", text="{")
    row = zoo("list", "--json").row("tiny")
    assert (row["state"], row["origin"]) == ("broken", "user")
    assert f"{path}, line 1" in row["reason"]
    done = zoo("run", "tiny")
    assert done.code == 3
    assert str(path) in done.err
    assert zoo("show", "toy:tiny", "--json").json["state"] == "not fetched"


def test_an_overlay_of_two_plugins_model_settles_it_and_an_index_does_not(
    site: Any, zoo: Any, listed: Any, folders: dict[str, Path]
) -> None:
    other = site.install("other-dist", "other") / "zoo" / "models"
    other.mkdir()
    (other / "tiny.json").write_text(listed("tiny", "plugin").read_text())
    listed("tiny", "registry")
    rows = [row for row in zoo("list", "--json").json["models"] if row["id"] == "tiny"]
    assert [(row["origin"], row["state"]) for row in rows] == [("plugin other", "conflict"), ("plugin toy", "conflict")]
    assert "plugin other and toy-dist 1.0" in rows[0]["reason"]
    assert zoo("run", "tiny").code == 2
    listed("tiny", "user")
    assert zoo("list", "--json").row("tiny")["state"] == "not fetched"


def test_a_model_of_the_index_stays_with_its_plugin(zoo: Any, listed: Any) -> None:
    listed("tiny", "registry")
    assert zoo("list", "--json").row("tiny")["distribution"] == "toy-dist 1.0"
    assert zoo("disable", "toy").code == 0
    assert zoo("list", "--json").row("tiny")["state"] == "disabled"


# --- states of models on the Hub ---


class State(NamedTuple):
    """One state of a model on the Hub, and all that is said of it."""

    name: str
    how: dict[str, Any]
    state: str
    reason: str
    repair: str
    code: int
    """Exit code of a run without network."""


FETCH = "0.0 MB are to be fetched from me/tiny"
STATES = [
    State("pinned", {}, "not fetched", FETCH, "aigc-zoo pull tiny", 3),
    State("no commit", {"revision": None}, "not pinned", "its commit is not known", "aigc-zoo pin tiny", 4),
    State("no size", {"size": None}, "not pinned", "the hash of config.json is not known", "aigc-zoo pin tiny", 4),
    State("no hash", {"sha256": None}, "not pinned", "the hash of config.json is not known", "aigc-zoo pin tiny", 4),
    State(
        "no plugin",
        {"code": {"plugin": "far", "distribution": "aigc-far"}},
        "no plugin",
        "it needs the plugin far, which is not installed",
        "pip install aigc-far",
        3,
    ),
    State("nobody", {"code": {"plugin": "far"}}, "no plugin", "needs the plugin far", "aigc-zoo plugins", 3),
    State(
        "no such name",
        {"code": {"plugin": "far", "distribution": "far; reboot"}},
        "no plugin",
        "needs the plugin far",
        "aigc-zoo plugins",
        3,
    ),
    State(
        "new api", {"code": {"api": 99}}, "incompatible", "needs plugin API 99", "pip install --upgrade aigc-core", 3
    ),
    State("a branch", {"revision": "main"}, "broken", "weights.revision is no commit", "aigc-zoo doctor", 3),
    State("no repository", {"repo_id": "tiny"}, "broken", "is no ORGANISATION/NAME", "aigc-zoo doctor", 3),
    State("a path", {"path": "../x.json"}, "broken", "leaves the model's folder", "aigc-zoo doctor", 3),
]


@pytest.mark.parametrize("case", STATES, ids=lambda case: case.name)
def test_each_state_has_its_reason_and_the_command_that_mends_it(
    zoo: Any, listed: Any, monkeypatch: pytest.MonkeyPatch, case: State
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    listed("tiny", **case.how)
    row = zoo("list", "--json").row("tiny")
    assert (row["state"], row["repair"]) == (case.state, case.repair)
    assert case.reason in row["reason"]
    line = next(line for line in zoo("list").out.splitlines() if line.startswith("tiny\t"))
    usual = case.state in ("not fetched", "not pinned", "no plugin")  # then what it is tells more than what it lacks
    assert line.split("\t")[3:] == [case.state, f"{row['summary'] if usual else row['reason']} -> {case.repair}"]
    shown = zoo("show", "tiny")
    if case.state == "broken":
        assert (shown.code, shown.err.count("\n")) == (2, 1)
    else:
        assert f"state: {case.state} ({row['reason']}) -> {case.repair}" in shown.out.splitlines()
    done = zoo("run", "tiny")
    assert (done.code, done.out, done.err.count("\n")) == (case.code, "", 1)
    if case.state != "not fetched":
        assert f"Model tiny cannot be run ({case.state}): " in done.err
        assert done.err.endswith(f"Try: {case.repair}\n")
    strict = zoo("list", "--strict")
    assert strict.code == (1 if case.state in ("broken", "incompatible") else 0)


def test_what_is_in_the_cache_is_ready(zoo: Any, listed: Any, cached: Any) -> None:
    listed("tiny")
    cached()
    row = zoo("list", "--json").row("tiny")
    assert (row["state"], row["reason"], row["repair"]) == ("ready", "", "")
    assert "state: ready" in zoo("show", "tiny").out.splitlines()
    cached(DATA + b"\n")
    assert zoo("list", "--json").row("tiny")["state"] == "not fetched"  # by its size; the bytes are a load's affair


def test_strict_passes_over_what_only_has_to_be_fetched_pinned_or_installed(zoo: Any, listed: Any) -> None:
    listed("fetch")
    listed("pin", revision=None)
    listed("install", code={"plugin": "far"})
    zoo("disable", "toy")
    assert zoo("list", "--strict").code == 0
    zoo("enable", "toy")
    assert zoo("list", "--strict").code == 0
    broken = listed("broken", text="{}")
    assert zoo("list", "--strict").code == 1
    assert zoo("list", "--strict", "--search", "fetch").code == 0  # of what it shows
    broken.unlink()
    assert zoo("list", "--strict").code == 0


def test_strict_sees_two_plugins_that_list_one_id(site: Any, zoo: Any, listed: Any) -> None:
    models = site.install("other-dist", "other") / "zoo" / "models"
    models.mkdir()
    (models / "tiny.json").write_text(listed("tiny", "plugin").read_text())
    assert zoo("list", "--strict").code == 1


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ({"revision": None}, Refused),
        ({"code": {"plugin": "far"}}, NotAvailable),
        ({"code": {"api": 99}}, NotAvailable),
    ],
)
def test_load_says_the_same(zoo: Any, listed: Any, how: dict[str, Any], error: type[Exception]) -> None:
    import aigc_core

    listed("tiny", **how)
    with pytest.raises(error, match=r"Model tiny cannot be run \("):
        aigc_core.load("tiny")


def test_a_name_that_nobody_lists_has_a_near_one(zoo: Any, listed: Any) -> None:
    listed("tiny", revision=None)
    with pytest.raises(WrongUse, match=r"No model tinny is known\. Did you mean tiny\?"):
        registry.find("tinny")


def test_listing_neither_asks_nor_imports(site: Any, zoo: Any, listed: Any) -> None:
    listed("tiny", "plugin")
    script = (
        "import sys; from aigc_core.cli import outcome; outcome(['list']); outcome(['show', 'tiny']);"
        "print(sorted({'huggingface_hub', 'torch', 'tqdm', 'safetensors', 'jsonschema'} & set(sys.modules)))"
    )
    done = site.python("-c", script, HF_HOME=str(site.root / "huggingface"), HF_ENDPOINT="http://127.0.0.1:1")
    assert done.stdout.splitlines()[-1] == "[]"
    assert site.imported() == []
