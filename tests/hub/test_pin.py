"""``aigc-zoo pin``: a manifest's facts asked of the Hub, what has changed there since, and where they are kept."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import importlib
import json
import math
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("huggingface_hub", reason="the Hub's client is not installed here")

from aigc_core import interrupt, registry
from aigc_core.cli import outcome
from aigc_core.hub import client, pin
from aigc_core.manifest.validate import validate_model

WEIGHTS = bytes(range(256)) * 40
CONFIG = b'{"width": 4}'
CARD = b"---\nlicense: mit\n---\n"
FILES = {"config.json": CONFIG, "model.safetensors": WEIGHTS, "README.md": CARD}
KINDS = {"config.json": "json", "model.safetensors": "safetensors"}
SOMEBODY = {"facts": ["/citation", "/terms/weights"], "source": "its page", "verified": False, "date": "2026-08"}


@dataclasses.dataclass
class Done:
    """What a call of the command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def index(site: Any) -> Path:
    """Return the folder that stands for the registry of a checkout."""
    folder: Path = site.root / "checkout" / "registry"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def zoo(
    hub: Any, site: Any, index: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> Iterator[Callable[..., Done]]:
    """Run the command line in this process: an empty home, the index of the test, the plugins of ``site``."""
    for module in (registry, pin):
        monkeypatch.setattr(module, "builtin_folder", lambda: str(index))
    monkeypatch.setattr(interrupt, "install", lambda: None)  # pytest's own handlers stay
    monkeypatch.setattr(client, "PAUSES", (0.0, 0.0))
    monkeypatch.setenv("AIGC_ZOO_HOME", str(site.home))
    monkeypatch.syspath_prepend(str(site.packages))
    monkeypatch.chdir(site.work)
    before = set(sys.modules)

    def run(*arguments: Any) -> Done:
        importlib.invalidate_caches()
        code = outcome([str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert "a fault in aigc-zoo itself" not in said.err
        return Done(code, said.out, said.err)

    yield run
    for name in set(sys.modules) - before:
        if name.startswith("toy_dist"):
            del sys.modules[name]


@pytest.fixture
def listed(site: Any) -> Callable[..., Path]:
    """Install a plugin with one model of which nothing is known but where it is; return its manifest."""

    def install(paths: tuple[str, ...] = tuple(KINDS), **weights: Any) -> Path:
        path: Path = site.install("toy-dist", "toy", models=("tiny",)) / "zoo" / "models" / "tiny.json"
        document = json.loads(path.read_text())
        files = [{"path": each, "format": KINDS.get(each, "text")} for each in paths]
        document["weights"] = {"source": "hub", "repo_id": "me/tiny", "files": files, **weights}
        document["terms"]["weights"] = None
        document["provenance"] = [SOMEBODY]
        path.write_text(json.dumps(document))
        return path

    return install


@pytest.fixture
def overlay(site: Any) -> Path:
    path: Path = site.home / "data" / "models" / "tiny.json"
    return path


def state(zoo: Callable[..., Done]) -> str:
    found: str = zoo("show", "tiny", "--json").json["state"]
    return found


def facts(data: bytes) -> dict[str, Any]:
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def forget_cache() -> None:
    shutil.rmtree(Path(os.environ["HF_HOME"]) / "hub")


def test_every_fact_is_filled_in_and_kept_as_an_overlay(hub: Any, zoo: Any, listed: Any, overlay: Path) -> None:
    commit, path = hub.commit("me/tiny", FILES), listed()
    before = path.read_text()
    done = zoo("pin", "tiny")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        f"revision: not known -> {commit}",
        "licence: not known -> MIT",
        f"config.json: size: not known -> {len(CONFIG)}",
        f"config.json: sha256: not known -> {facts(CONFIG)['sha256']}",
        f"model.safetensors: size: not known -> {len(WEIGHTS):,}",
        f"model.safetensors: sha256: not known -> {facts(WEIGHTS)['sha256']}",
        f"tiny is pinned to {commit}: {overlay}",
    ]
    found, was = json.loads(overlay.read_text()), json.loads(before)
    assert found["weights"] == {
        "source": "hub",
        "repo_id": "me/tiny",
        "revision": commit,
        "files": [
            {"path": "config.json", "format": "json", **facts(CONFIG)},
            {"path": "model.safetensors", "format": "safetensors", **facts(WEIGHTS)},
        ],
    }
    assert found["terms"] == was["terms"] | {"weights": "MIT"}
    kept = ("weights", "terms", "provenance")
    assert {key: value for key, value in found.items() if key not in kept} == {
        key: value for key, value in was.items() if key not in kept
    }
    assert path.read_text() == before
    assert validate_model(str(overlay)) == []
    assert not hub.requests("model.safetensors")  # its hash is in the listing


def test_the_state_goes_from_not_pinned_to_not_fetched_to_ready(hub: Any, zoo: Any, listed: Any) -> None:
    hub.commit("me/tiny", FILES)
    listed()
    shown = zoo("show", "tiny", "--json").json
    assert (shown["state"], shown["repair"], shown["origin"]) == ("not pinned", "aigc-zoo pin tiny", "plugin toy")
    refused = zoo("run", "tiny", "-n", 1, "-o", "a.npy")
    assert refused.code == 4
    assert refused.err.startswith("aigc-zoo: Model tiny cannot be run (not pinned): ")
    assert refused.err.endswith("Try: aigc-zoo pin tiny\n")
    assert zoo(*shown["repair"].split()[1:]).code == 0
    shown = zoo("show", "tiny", "--json").json
    assert (shown["state"], shown["repair"], shown["origin"]) == ("not fetched", "aigc-zoo pull tiny", "user")
    assert zoo(*shown["repair"].split()[1:]).code == 0
    assert state(zoo) == "ready"
    hub.log.clear()
    assert zoo("run", "tiny", "-n", 1, "-o", "a.npy").code == 0
    assert hub.requests() == []


def test_where_the_facts_come_from_is_said(hub: Any, zoo: Any, listed: Any, overlay: Path) -> None:
    hub.commit("me/tiny", FILES)
    listed()
    days = [datetime.datetime.now(datetime.timezone.utc).date().isoformat()]
    zoo("pin", "tiny")
    days.append(datetime.datetime.now(datetime.timezone.utc).date().isoformat())
    asked, kept = json.loads(overlay.read_text())["provenance"]
    assert asked["source"] == f"asked of {hub.url} by aigc-zoo pin"
    assert asked["verified"]
    assert asked["date"] in days
    assert asked["facts"] == [
        "/weights/repo_id",
        "/weights/revision",
        "/terms/weights",
        *(f"/weights/files/{index}/{key}" for index in (0, 1) for key in ("path", "size", "sha256")),
    ]
    assert kept == SOMEBODY | {"facts": ["/citation"]}  # what the Hub was not asked


def test_the_second_pin_finds_that_every_fact_agrees(hub: Any, zoo: Any, listed: Any, overlay: Path) -> None:
    commit = hub.commit("me/tiny", FILES)
    listed()
    zoo("pin", "tiny")
    before = overlay.read_text()
    hub.commit("me/tiny", {"model.safetensors": b"main has moved on"})
    done = zoo("pin", "tiny")
    assert done.out.splitlines() == [
        "Every fact agrees with the Hub.",
        f"tiny is pinned to {commit}: {overlay}",
    ]
    assert overlay.read_text() == before


def test_a_dry_run_writes_nothing(hub: Any, zoo: Any, listed: Any, overlay: Path) -> None:
    hub.commit("me/tiny", FILES)
    listed()
    done = zoo("pin", "tiny", "--dry-run")
    assert done.code == 0
    assert done.out.splitlines()[-1] == "Nothing was written (--dry-run)."
    assert "revision: not known ->" in done.out
    assert not overlay.exists()
    assert state(zoo) == "not pinned"


@pytest.mark.parametrize("way", ["branch", "tag", "commit"])
def test_another_revision_on_demand(hub: Any, zoo: Any, listed: Any, overlay: Path, way: str) -> None:
    first = hub.commit("me/tiny", FILES)
    listed()
    zoo("pin", "tiny")
    second = hub.commit(
        "me/tiny", {"model.safetensors": WEIGHTS + b"more", "README.md": b"---\nlicense: apache-2.0\n---\n"}
    )
    hub.repo("me/tiny").tags["v2"] = second
    name = {"branch": "main", "tag": "v2", "commit": second}[way]
    done = zoo("pin", "tiny", "--revision", name)
    assert done.out.splitlines()[:4] == [
        f"revision: {first} -> {second}",
        "licence: MIT -> Apache-2.0",
        f"model.safetensors: size: {len(WEIGHTS):,} -> {len(WEIGHTS) + 4:,}",
        f"model.safetensors: sha256: {facts(WEIGHTS)['sha256']} -> {facts(WEIGHTS + b'more')['sha256']}",
    ]
    assert json.loads(overlay.read_text())["weights"]["revision"] == second


def test_in_a_checkout_the_registrys_file_itself_is_changed(
    hub: Any, zoo: Any, listed: Any, overlay: Path, index: Path
) -> None:
    commit = hub.commit("me/tiny", FILES)
    shutil.move(listed(), index / "tiny.json")
    done = zoo("pin", "tiny")
    assert done.out.splitlines()[-1] == f"tiny is pinned to {commit}: {index / 'tiny.json'}"
    assert json.loads((index / "tiny.json").read_text())["weights"]["revision"] == commit
    assert validate_model(str(index / "tiny.json")) == []
    assert not overlay.exists()
    assert (index / "tiny.json").read_text().endswith("}\n")
    assert "Every fact agrees" in zoo("pin", "tiny").out


def test_an_installed_index_is_left_alone(
    hub: Any, zoo: Any, listed: Any, overlay: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = index.rename(index.parent / "_registry")
    for module in (registry, pin):
        monkeypatch.setattr(module, "builtin_folder", lambda: str(installed))
    hub.commit("me/tiny", FILES)
    shutil.move(listed(), installed / "tiny.json")
    before = (installed / "tiny.json").read_text()
    assert zoo("pin", "tiny").code == 0
    assert (installed / "tiny.json").read_text() == before
    assert overlay.exists()
    assert zoo("show", "tiny", "--json").json["origin"] == "user"


def test_an_overlay_is_pinned_in_its_place(hub: Any, zoo: Any, listed: Any, overlay: Path) -> None:
    hub.commit("me/tiny", FILES)
    listed()
    zoo("pin", "tiny")
    second = hub.commit("me/tiny", {"config.json": b"{}"})
    assert zoo("pin", "tiny", "--revision", "main").code == 0
    assert json.loads(overlay.read_text())["weights"]["revision"] == second
    overlay.unlink()  # which is all it takes to be rid of it
    assert state(zoo) == "not pinned"


def test_a_project_that_is_locked_does_not_change_what_is_asked(hub: Any, zoo: Any, listed: Any, overlay: Path) -> None:
    """The lock file of the folder that one happens to be in is no source for a manifest."""
    first = hub.commit("me/tiny", FILES)
    path = listed()
    zoo("pin", "tiny")
    assert zoo("lock", "tiny").code == 0
    overlay.unlink()
    second = hub.commit("me/tiny", {"config.json": b"{}"})
    document = json.loads(path.read_text())
    document["weights"]["files"].append({"path": "README.md", "format": "text"})
    path.write_text(json.dumps(document))
    done = zoo("pin", "tiny")
    assert done.code == 0, done.err
    assert first not in done.out
    assert json.loads(overlay.read_text())["weights"]["revision"] == second


def test_a_moved_repository_is_pinned_under_its_new_name(hub: Any, zoo: Any, listed: Any, overlay: Path) -> None:
    hub.commit("you/tiny", FILES)
    hub.renames["me/tiny"] = "you/tiny"
    listed()
    done = zoo("pin", "tiny")
    assert done.out.splitlines()[0] == "repo_id: me/tiny -> you/tiny"
    assert json.loads(overlay.read_text())["weights"]["repo_id"] == "you/tiny"
    hub.log.clear()
    assert zoo("run", "tiny", "-n", 1, "-o", "a.npy").code == 0
    assert not hub.requests("me/tiny")


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        (b"---\nlicense: apache-2.0\n---\n", "Apache-2.0"),
        (b"---\nlicense: openrail++\n---\n", "openrail++"),
        (b"---\nlicense: other\nlicense_name: my-own\n---\n", "LicenseRef-my-own"),
        (b"---\nlicense: other\n---\n", "LicenseRef-other"),
        (b"---\nlicense: unknown\n---\n", None),
        (b"---\nlicense: [mit, apache-2.0]\n---\n", None),
        (b"---\nlicense: 'mit; rm -rf /'\n---\n", None),
        (b"no front matter", None),
    ],
)
def test_the_licence_is_the_cards(
    hub: Any, zoo: Any, listed: Any, overlay: Path, card: bytes, licence: str | None
) -> None:
    hub.commit("me/tiny", FILES | {"README.md": card})
    listed()
    assert zoo("pin", "tiny").code == 0
    assert json.loads(overlay.read_text())["terms"]["weights"] == licence
    assert validate_model(str(overlay)) == []


# --- what cannot be pinned ---


def test_a_file_that_the_repository_lacks_is_named_with_those_that_it_has(
    hub: Any, zoo: Any, listed: Any, overlay: Path
) -> None:
    commit = hub.commit("me/tiny", FILES)
    listed(paths=("config.json", "vocab.txt", "folder/merges.txt"))
    done = zoo("pin", "tiny")
    assert (done.code, done.out, done.err.count("\n")) == (3, "", 1)
    assert f"me/tiny has no vocab.txt, folder/merges.txt at {commit[:12]}, which tiny names." in done.err
    assert "It has: README.md, config.json, model.safetensors." in done.err
    assert not overlay.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["pin"], 2, "Missing argument"),
        (["pin", "tinny"], 2, "No model tinny is known. Did you mean tiny?"),
        (["pin", "dcgan-digits"], 2, "has its weights beside its manifest"),
        (["pin", "tiny", "--revision", "gone"], 3, "The revision of me/tiny at gone is not on the Hub"),
        (["pin", "tiny", "--revision", "0" * 40], 3, "is not on the Hub"),
    ],
)
def test_what_cannot_be_pinned(
    hub: Any, zoo: Any, listed: Any, overlay: Path, arguments: list[str], code: int, sentence: str
) -> None:
    hub.commit("me/tiny", FILES)
    listed()
    done = zoo(*arguments)
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
    assert sentence in done.err
    assert not overlay.exists()


def test_a_repository_that_is_gone_private_or_gated(hub: Any, zoo: Any, listed: Any, overlay: Path) -> None:
    listed()
    assert "me/tiny is not on the Hub, or is private" in zoo("pin", "tiny").err
    hub.commit("me/tiny", FILES, private=True)
    assert "me/tiny is not on the Hub, or is private" in zoo("pin", "tiny").err
    hub.repo("me/tiny", private=False, gated="manual")
    done = zoo("pin", "tiny")
    assert done.code == 3
    assert "is gated" in done.err
    assert not overlay.exists()


def test_without_network_nothing_is_asked(
    hub: Any, zoo: Any, listed: Any, overlay: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.commit("me/tiny", FILES)
    listed()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    done = zoo("pin", "tiny")
    assert done.code == 3
    assert "HF_HUB_OFFLINE is set" in done.err
    assert hub.requests() == []
    assert not overlay.exists()


def test_a_small_file_that_always_comes_wrong_is_not_pinned(hub: Any, zoo: Any, listed: Any, overlay: Path) -> None:
    """Its hash is made here, of bytes that came over a wire: they must be those of the commit."""
    hub.commit("me/tiny", FILES)
    listed()
    hub.fault("resolve-cache.*/config.json", "corrupt", math.inf, 3)
    done = zoo("pin", "tiny")
    assert (done.code, done.out) == (4, "")
    assert "config.json of me/tiny is not what" in done.err
    assert not overlay.exists()


def test_a_small_file_that_comes_wrong_once_gets_the_right_hash(hub: Any, zoo: Any, listed: Any, overlay: Path) -> None:
    hub.commit("me/tiny", FILES)
    listed()
    hub.fault("resolve-cache.*/config.json", "corrupt", 1, 3)
    assert zoo("pin", "tiny").code == 0
    assert json.loads(overlay.read_text())["weights"]["files"][0]["sha256"] == facts(CONFIG)["sha256"]


def test_a_small_file_that_is_wrong_in_the_cache_gets_the_right_hash(
    hub: Any, zoo: Any, listed: Any, overlay: Path
) -> None:
    """Another tool has put it there: the client checks no bytes."""
    commit = hub.commit("me/tiny", FILES)
    listed()
    blob = hub.repo("me/tiny").commits[commit].tree["config.json"].oid
    folder = Path(os.environ["HF_HOME"]) / "hub" / "models--me--tiny"
    (folder / "blobs").mkdir(parents=True)
    (folder / "blobs" / blob).write_bytes(CONFIG.replace(b"4", b"9"))
    (folder / "snapshots" / commit).mkdir(parents=True)
    (folder / "snapshots" / commit / "config.json").symlink_to(f"../../blobs/{blob}")
    assert zoo("pin", "tiny").code == 0
    assert json.loads(overlay.read_text())["weights"]["files"][0]["sha256"] == facts(CONFIG)["sha256"]


def test_a_listing_that_lies_of_a_large_file_is_found_when_it_is_fetched(hub: Any, zoo: Any, listed: Any) -> None:
    """The hash of a file in LFS is the Hub's word; every fetch holds the bytes to it."""
    hub.commit("me/tiny", FILES)
    listed()
    assert zoo("pin", "tiny").code == 0
    hub.fault("/cdn/", "corrupt", math.inf, 100)
    done = zoo("run", "tiny", "-n", 1, "-o", "a.npy")
    assert done.code == 4
    assert "model.safetensors of me/tiny is not what its manifest pins" in done.err
    assert state(zoo) == "not fetched"


@pytest.mark.parametrize("fault", ["terms", "no-terms", "provenance"])
def test_a_manifest_that_is_not_valid_is_still_pinned(
    hub: Any, zoo: Any, listed: Any, overlay: Path, fault: str
) -> None:
    """The check of a manifest is another command; pin does not fall over what has nothing to do with it."""
    hub.commit("me/tiny", FILES)
    path = listed()
    document = json.loads(path.read_text())
    document |= {"terms": 7} if fault == "terms" else {}
    document.pop({"no-terms": "terms", "provenance": "provenance"}.get(fault, ""), None)
    path.write_text(json.dumps(document))
    assert zoo("pin", "tiny").code == 0
    assert json.loads(overlay.read_text())["terms"]["weights"] == "MIT"
    assert state(zoo) == "not fetched"


def test_an_empty_file_has_a_hash_too(hub: Any, zoo: Any, listed: Any, overlay: Path) -> None:
    hub.commit("me/tiny", FILES | {"merges.txt": b""})
    listed(paths=("model.safetensors", "merges.txt"))
    assert zoo("pin", "tiny").code == 0
    assert json.loads(overlay.read_text())["weights"]["files"][1] == {
        "path": "merges.txt",
        "format": "text",
        **facts(b""),
    }
    assert zoo("pull", "tiny").code == 0
    assert state(zoo) == "ready"


def test_a_home_that_cannot_be_written_is_said(hub: Any, zoo: Any, listed: Any, site: Any) -> None:
    hub.commit("me/tiny", FILES)
    listed()
    site.home.mkdir(exist_ok=True)
    (site.home / "data").write_text("a file in the folder's place")
    done = zoo("pin", "tiny")
    assert done.code in (2, 3)
    assert done.err.count("\n") == 1
