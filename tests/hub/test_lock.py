"""Lock files: what a project is pinned to, what comes before what, and what a stranger's lock file cannot do."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import itertools
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("huggingface_hub", reason="the Hub's client is not installed here")

import aigc_core
from aigc_core import interrupt, registry
from aigc_core.cli import outcome
from aigc_core.errors import NotAvailable, Refused
from aigc_core.hub import client, lock
from aigc_core.hub.lock import Pin
from aigc_core.manifest.model import WeightFile

WEIGHTS = bytes(range(256)) * 40
CONFIG = b'{"model_type": "toy"}'
CARD = b"---\nlicense: mit\n---\n"
FILES = {"README.md": CARD, "config.json": CONFIG, "model.safetensors": WEIGHTS}
KINDS = {"README.md": "text", "config.json": "json", "model.safetensors": "safetensors"}


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
    """Run the command line in this process: an empty home, an index of the test's own, the plugins of ``site``."""
    monkeypatch.setattr(registry, "builtin_folder", lambda: str(site.root / "registry"))
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
def toy(site: Any) -> Path:
    """Install a plugin that runs models of the architecture ``grey`` and claims ``model_type: toy``."""
    declared = {"name": "toy", "api": 1, "summary": "A toy.", "claims": {"model_type": {"toy": "small"}}}
    declared["components"] = {"generators": {"grey": "toy_dist.generators:Grey"}}
    package: Path = site.install("toy-dist", "toy", models=("sample",), plugin_json=json.dumps(declared))
    sample = package / "zoo" / "models" / "sample.json"
    template = json.loads(sample.read_text())
    for field in ("schema", "id", "summary", "weights"):
        del template[field]
    del template["terms"]["weights"]
    (package / "zoo" / "claims").mkdir()
    (package / "zoo" / "claims" / "small.json").write_text(json.dumps(template))
    sample.rename(package / "zoo" / "sample.json")
    return package


@pytest.fixture
def listed(toy: Path, site: Any) -> Callable[..., Path]:
    """List a model of the Hub: in the plugin, in the index, or in the user's folder."""
    places = {
        "plugin": toy / "zoo" / "models",
        "registry": site.root / "registry",
        "user": site.home / "data" / "models",
    }

    def install(
        name: str, commit: str, files: dict[str, bytes] = FILES, repo_id: str = "", where: str = "plugin"
    ) -> Path:
        document = json.loads((toy / "zoo" / "sample.json").read_text()) | {"id": name}
        listing = [{"path": path, **facts(data), "format": KINDS[path]} for path, data in files.items()]
        repo_id = repo_id or f"me/{name}"
        document["weights"] = {"source": "hub", "repo_id": repo_id, "revision": commit, "files": listing}
        places[where].mkdir(parents=True, exist_ok=True)
        (places[where] / f"{name}.json").write_text(json.dumps(document))
        return places[where] / f"{name}.json"

    return install


@pytest.fixture
def tiny(hub: Any, listed: Callable[..., Path]) -> str:
    """Put the model ``tiny`` on the Hub, and return its commit."""
    commit: str = hub.commit("me/tiny", FILES)
    listed("tiny", commit)
    return commit


def facts(data: bytes) -> dict[str, Any]:
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def locked(folder: Path = Path()) -> dict[str, Any]:
    """Return the models of a folder's lock file."""
    models: dict[str, Any] = json.loads((folder / lock.NAME).read_text())["models"]
    return models


def entry_of(commit: str, repo_id: str = "me/tiny", files: dict[str, bytes] = FILES) -> dict[str, Any]:
    listing = [{"path": path, **facts(data), "format": KINDS.get(path, "pickle")} for path, data in files.items()]
    return {"repo_id": repo_id, "revision": commit, "license": "Apache-2.0", "files": listing}


def write(models: dict[str, Any], folder: Path = Path()) -> None:
    """Write a lock file by hand."""
    (folder / lock.NAME).write_text(json.dumps({"schema": 1, "models": models}))


# --- what is written ---


def test_every_file_of_every_model_is_written(hub: Any, zoo: Any, tiny: str, site: Any) -> None:
    done = zoo("lock", "tiny", "dcgan-digits")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        f"tiny: new: me/tiny at {tiny}, 3 files, 0.0 MB, Apache-2.0",
        "dcgan-digits: new: 1 file, 4.7 MB, Apache-2.0",
        "2 models in aigc-zoo.lock. Use nothing else: aigc-zoo run MODEL --locked",
    ]
    found = locked(site.work)
    assert found["tiny"] == entry_of(tiny)
    assert found["dcgan-digits"]["repo_id"] is None
    assert found["dcgan-digits"]["files"][0]["path"] == "weights/dcgan-digits.safetensors"
    assert hub.requests() == []  # the manifest knows it all


def test_the_same_content_gives_the_same_bytes_whatever_the_order(zoo: Any, tiny: str, site: Any, toy: Path) -> None:
    texts = []
    for order in itertools.permutations(["tiny", "dcgan-digits", "dcgan-fashion"]):
        assert zoo("lock", *order).code == 0
        texts.append((site.work / lock.NAME).read_bytes())
        (site.work / lock.NAME).unlink()
    for name in ("tiny", "dcgan-fashion", "dcgan-digits", "tiny"):
        assert zoo("lock", name).code == 0
    texts.append((site.work / lock.NAME).read_bytes())
    assert len(set(texts)) == 1
    assert zoo("lock", "tiny").out.startswith("tiny: as it was\n")
    assert (site.work / lock.NAME).read_bytes() == texts[0]
    assert texts[0].endswith(b"}\n")


def test_reading_and_writing_loses_nothing(tmp_path: Path) -> None:
    files = tuple(WeightFile(f"{name}.safetensors", 3, name * 64, "safetensors", "float16") for name in "cab")
    pins = {
        "b": Pin("me/x", "1" * 40, None, files),
        "a": Pin("", "", "MIT", files[:1]),
        "hf:me/ü": Pin("", "", None, ()),
    }
    path = str(tmp_path / "new" / lock.NAME)
    lock.write(path, pins)
    found = lock.read(path)
    assert [*found] == sorted(pins)
    assert {name: pin._replace(files=tuple(sorted(pin.files))) for name, pin in pins.items()} == found


def test_a_dry_run_writes_nothing(zoo: Any, tiny: str, site: Any) -> None:
    done = zoo("lock", "tiny", "--dry-run")
    assert done.code == 0
    assert done.out.splitlines()[-1] == "Nothing was written (--dry-run)."
    assert not (site.work / lock.NAME).exists()


def test_without_names_every_model_is_brought_up_to_its_manifest(
    hub: Any, zoo: Any, tiny: str, listed: Any, site: Any
) -> None:
    assert zoo("lock", "tiny", "dcgan-digits").code == 0
    newer = FILES | {"model.safetensors": WEIGHTS[::-1]}
    second = hub.commit("me/tiny", newer)
    listed("tiny", second, newer)
    dry = zoo("lock", "--dry-run")
    assert dry.out.splitlines()[:-1] == [
        "dcgan-digits: as it was",
        f"tiny: commit: {tiny} -> {second}",
        "tiny: model.safetensors: other bytes",
    ]
    assert locked(site.work)["tiny"]["revision"] == tiny
    assert zoo("lock").code == 0
    assert locked(site.work)["tiny"] == entry_of(second, files=newer)
    assert len(locked(site.work)) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["lock"], 2, "There is no model in"),
        (["lock", "tinny"], 2, "Did you mean tiny?"),
        (["lock", "tiny", "tinny"], 2, "No model tinny is known"),
        (["lock", "tiny", "open"], 4, "open is not pinned"),
        (["lock", "tiny", "hf:me/gone"], 3, "me/gone is not on the Hub"),
    ],
)
def test_what_cannot_be_locked_leaves_no_lock_file(
    hub: Any, zoo: Any, tiny: str, listed: Any, site: Any, arguments: list[str], code: int, sentence: str
) -> None:
    listed("open", "")
    done = zoo(*arguments)
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
    assert sentence in done.err
    assert not (site.work / lock.NAME).exists()


def test_a_qualified_name_locks_the_model_that_it_means(zoo: Any, tiny: str, site: Any) -> None:
    assert zoo("lock", "gan:dcgan-digits", "toy:tiny").code == 0
    for name in ("gan:dcgan-digits", "dcgan-digits"):
        done = zoo("run", name, "--locked", "-n", 1, "-o", "a.npy")
        assert (done.code, done.err) == (0, "")
    assert locked(site.work).keys() == {"dcgan-digits", "tiny"}


def test_a_folder_is_locked_by_its_name(zoo: Any, toy: Path, site: Any) -> None:
    folder = site.work / "toys"
    folder.mkdir()
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    assert zoo("lock", "./toys").code == 0
    assert zoo("run", "./toys", "--locked", "-n", 1, "-o", "a.npy").code == 0
    (folder / "model.safetensors").write_bytes(WEIGHTS[::-1])
    done = zoo("run", "./toys", "--locked", "-n", 1, "-o", "a.npy")
    assert done.code == 4
    assert "./toys has other files than aigc-zoo.lock says" in done.err


# --- what comes before what ---


def test_the_lock_file_comes_before_overlay_plugin_and_index(hub: Any, zoo: Any, listed: Any, site: Any) -> None:
    contents = [FILES | {"model.safetensors": WEIGHTS + bytes([number])} for number in range(4)]
    commits = [hub.commit("me/tiny", files) for files in contents]
    seen = []
    for place, where in enumerate(("registry", "plugin", "user")):
        path = listed("tiny", commits[place], contents[place], where=where)
        seen.append(path)
        assert zoo("show", "tiny", "--json").json["path"] == str(path)
        assert aigc_core.load("tiny").manifest.revision == commits[place]
    write({"tiny": entry_of(commits[3], files=contents[3])}, site.work)
    model = aigc_core.load("tiny")
    assert (model.manifest.revision, model.manifest.files[2].size) == (commits[3], len(WEIGHTS) + 1)
    for entry in ("user:tiny", "toy:tiny", "registry:tiny"):
        assert aigc_core.load(entry).manifest.revision == commits[3]
    (site.work / lock.NAME).unlink()
    for path, commit in zip(seen[::-1], commits[2::-1], strict=True):
        assert aigc_core.load("tiny").manifest.revision == commit
        path.unlink()


def test_another_folders_lock_file_has_no_effect(
    hub: Any, zoo: Any, tiny: str, listed: Any, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = site.work / "project"
    (project / "below").mkdir(parents=True)
    monkeypatch.chdir(project)
    assert zoo("lock", "tiny").code == 0
    second = hub.commit("me/tiny", {"config.json": b"{}"})
    listed("tiny", second, FILES | {"config.json": b"{}"})
    for folder, commit in ((project, tiny), (site.work, second), (project / "below", second)):
        monkeypatch.chdir(folder)
        assert aigc_core.load("tiny").manifest.revision == commit
        locked_run = zoo("run", "tiny", "--locked", "-n", 1, "-o", "a.npy")
        assert locked_run.code == (0 if folder == project else 4)


def test_a_project_pins_a_repository_that_no_manifest_names(
    hub: Any, zoo: Any, toy: Path, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = hub.commit("me/toys", FILES)
    assert zoo("pull", "hf:me/toys").code == 0
    project = site.work / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    assert zoo("lock", "hf:me/toys").code == 0
    assert locked(project)["hf:me/toys"] == entry_of(first, "me/toys") | {"license": "MIT"}
    second = hub.commit("me/toys", {"model.safetensors": WEIGHTS[::-1]})
    assert zoo("pin", "hf:me/toys").code == 0
    assert aigc_core.load("hf:me/toys").manifest.revision == first
    monkeypatch.chdir(site.work)
    assert aigc_core.load("hf:me/toys").manifest.revision == second
    monkeypatch.chdir(project)
    assert zoo("lock").out.splitlines()[0] == f"hf:me/toys: commit: {first} -> {second}"
    assert aigc_core.load("hf:me/toys", locked=True).manifest.revision == second


def test_a_project_that_was_cloned_needs_no_pin_of_the_users(hub: Any, zoo: Any, toy: Path, site: Any) -> None:
    first = hub.commit("me/toys", FILES)
    hub.commit("me/toys", {"model.safetensors": WEIGHTS[::-1]})
    write({"hf:me/toys": entry_of(first, "me/toys")}, site.work)
    done = zoo("pull", "hf:me/toys")
    assert done.code == 0
    assert "is pinned" not in done.err
    assert not (site.home / "data").exists()
    assert not hub.requests("/revision/|/main")
    for name in ("hf:me/toys", f"hf:me/toys@{first}"):
        assert zoo("run", name, "--locked", "-n", 1, "-o", "a.npy").code == 0


# --- --locked ---


def test_locked_refuses_what_is_not_locked(hub: Any, zoo: Any, tiny: str, site: Any) -> None:
    for name in ("tiny", "dcgan-digits"):
        done = zoo("run", name, "--locked")
        assert (done.code, done.out, done.err.count("\n")) == (4, "", 1)
        assert "There is no aigc-zoo.lock in this folder, so nothing is locked." in done.err
        assert done.err.endswith(f"Try: aigc-zoo lock {name}\n")
    assert zoo("lock", "dcgan-digits").code == 0
    done = zoo("run", "tiny", "--locked")
    assert done.code == 4
    assert "tiny is not in aigc-zoo.lock" in done.err
    with pytest.raises(Refused, match=r"tiny is not in aigc-zoo\.lock"):
        aigc_core.load("tiny", locked=True)
    assert hub.requests() == []


def test_locked_refuses_a_repository_that_only_the_user_has_pinned(hub: Any, zoo: Any, toy: Path) -> None:
    hub.commit("me/toys", FILES)
    assert zoo("run", "hf:me/toys", "-n", 1, "-o", "a.npy").code == 0
    assert zoo("lock", "dcgan-digits").code == 0
    done = zoo("run", "hf:me/toys", "--locked")
    assert done.code == 4
    assert "hf:me/toys is not in aigc-zoo.lock" in done.err


def test_locked_refuses_bundled_files_that_differ(zoo: Any, site: Any) -> None:
    assert zoo("lock", "dcgan-digits").code == 0
    assert zoo("run", "dcgan-digits", "--locked", "-n", 1, "-o", "a.npy").code == 0
    models = locked(site.work)
    models["dcgan-digits"]["files"][0]["sha256"] = "0" * 64
    write(models, site.work)
    done = zoo("run", "dcgan-digits", "--locked", "-n", 1, "-o", "a.npy")
    assert done.code == 4
    assert "dcgan-digits has other files than aigc-zoo.lock says" in done.err
    assert done.err.endswith("See what changed: aigc-zoo lock dcgan-digits\n")


@pytest.mark.parametrize("name", ["tiny", "hf:me/tiny"])
def test_locked_runs_from_the_cache_without_network(
    hub: Any, zoo: Any, tiny: str, site: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for command in ("lock", "pull"):
        assert zoo(command, name).code == 0
    hub.log.clear()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")  # nobody is there
    done = zoo("run", name, "--locked", "-n", 2, "-o", "a.npy")
    assert (done.code, done.err) == (0, "")
    assert zoo("run", "--again", "a.npy", "--locked").code == 0
    assert aigc_core.load(name, locked=True).generate(1).values.shape == (1, 1, 4, 4)
    assert hub.requests() == []


@pytest.mark.parametrize("name", ["tiny", "hf:me/tiny"])
def test_locked_fetches_nothing(hub: Any, zoo: Any, tiny: str, site: Any, name: str) -> None:
    assert zoo("lock", name).code == 0
    shutil.rmtree(Path(os.environ["HF_HOME"]) / "hub", ignore_errors=True)
    hub.log.clear()
    done = zoo("run", name, "--locked")
    assert (done.code, done.out, done.err.count("\n")) == (3, "", 1)
    assert "is not all in the cache" in done.err
    assert "to fetch from" not in done.err
    with pytest.raises(NotAvailable, match="is not all in the cache"):
        aigc_core.load(name, locked=True)
    assert hub.requests() == []


def test_locked_refuses_a_file_that_is_damaged_in_the_cache(hub: Any, zoo: Any, tiny: str, site: Any) -> None:
    for command in ("lock", "pull"):
        assert zoo(command, "tiny").code == 0
    place = Path(os.environ["HF_HOME"]) / "hub" / "models--me--tiny" / "snapshots" / tiny / "model.safetensors"
    place.unlink()
    place.write_bytes(WEIGHTS[::-1])
    hub.log.clear()
    done = zoo("run", "tiny", "--locked")
    assert done.code == 4
    assert "model.safetensors of me/tiny in the cache is damaged" in done.err
    assert hub.requests() == []


# --- damage ---

DAMAGE = {
    "empty": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "no text": b"\xff\xfe",
    "deep": b"[" * 100_000,
    "huge": b" " * 2_000_000 + b"{}",
    "no schema": b"{}",
    "a later schema": b'{"schema": 2, "models": {}}',
    "a schema as text": b'{"schema": "1", "models": {}}',
    "no models": b'{"schema": 1}',
    "models as a list": b'{"schema": 1, "models": []}',
    "a conflict": b'<<<<<<< HEAD\n{"schema": 1, "models": {}}\n=======\n',
    "twice NaN": b'{"schema": NaN, "models": NaN}',
}
ENTRIES: dict[str, Any] = {
    "a number": 7,
    "nothing": {},
    "no files": {"repo_id": "me/tiny", "revision": "0" * 40},
    "no commit": entry_of("main"),
    "a short commit": entry_of("0123abc"),
    "no repository": entry_of("0" * 40, "tiny"),
    "a repository above": entry_of("0" * 40, "../tiny"),
    "a path above": entry_of("0" * 40, files={"../../x.safetensors": b""}),
    "an absolute path": entry_of("0" * 40, files={"/etc/passwd": b""}),
    "a backslash": entry_of("0" * 40, files={"a\\..\\b": b""}),
    "an empty path": entry_of("0" * 40, files={"": b""}),
    "no size": entry_of("0" * 40) | {"files": [{"path": "a.json", "sha256": "0" * 64}]},
    "no hash": entry_of("0" * 40) | {"files": [{"path": "a.json", "size": 1}]},
    "a negative size": entry_of("0" * 40) | {"files": [{"path": "a.json", "size": -1, "sha256": "0" * 64}]},
    "half a hash": entry_of("0" * 40) | {"files": [{"path": "a.json", "size": 1, "sha256": "0" * 40}]},
    "files as text": entry_of("0" * 40) | {"files": "all"},
}
DAMAGE |= {name: json.dumps({"schema": 1, "models": {"tiny": entry}}).encode() for name, entry in ENTRIES.items()}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_lock_file_is_one_sentence(hub: Any, zoo: Any, tiny: str, site: Any, damage: str) -> None:
    (site.work / lock.NAME).write_bytes(DAMAGE[damage])
    for command in (
        ["list"],
        ["show", "tiny"],
        ["run", "tiny"],
        ["run", "tiny", "--locked"],
        ["lock"],
        ["pull", "tiny"],
    ):
        done = zoo(*command)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), done
        assert done.err.startswith(f"aigc-zoo: The lock file cannot be used: {site.work / lock.NAME}")
    assert f"rm {site.work / lock.NAME}" in done.err
    assert (site.work / lock.NAME).read_bytes() == DAMAGE[damage]
    assert zoo("run", "--help").code == 0
    assert hub.requests() == []


def test_a_folder_or_a_pipe_in_its_place(zoo: Any, tiny: str, site: Any) -> None:
    (site.work / lock.NAME).mkdir()
    assert zoo("list").code == 2
    (site.work / lock.NAME).rmdir()
    os.mkfifo(site.work / lock.NAME)
    done = zoo("list")
    assert done.code == 2
    assert "it is no file" in done.err


def test_a_damaged_lock_file_of_the_user_concerns_repositories_alone(hub: Any, zoo: Any, toy: Path, site: Any) -> None:
    hub.commit("me/toys", FILES)
    (site.home / "data").mkdir(parents=True)
    (site.home / "data" / lock.NAME).write_text("{")
    for command in ("run", "pull", "lock", "show"):
        done = zoo(command, "hf:me/toys")
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert f"The lock file cannot be used: {site.home / 'data' / lock.NAME}, line 1" in done.err
    assert zoo("list").code == 0
    assert (site.home / "data" / lock.NAME).read_text() == "{"
    assert hub.requests() == []


# --- a lock file that came with somebody's project ---


def test_another_repository_for_a_known_model_is_refused(hub: Any, zoo: Any, tiny: str, site: Any) -> None:
    evil = hub.commit("evil/tiny", FILES)
    write({"tiny": entry_of(evil, "evil/tiny")}, site.work)
    for command in (["run", "tiny"], ["run", "tiny", "--locked"], ["pull", "tiny"]):
        done = zoo(*command)
        assert (done.code, done.out, done.err.count("\n")) == (3, "", 1)
        assert "aigc-zoo.lock pins it to evil/tiny, its manifest says me/tiny" in done.err
        assert done.err.endswith("Try: aigc-zoo lock tiny\n")
    assert hub.requests() == []
    assert zoo("list", "--strict").code == 1
    assert zoo("lock", "tiny").code == 0
    assert zoo("run", "tiny", "-n", 1, "-o", "a.npy").code == 0


def test_no_repository_for_a_known_model_is_refused(hub: Any, zoo: Any, tiny: str, site: Any) -> None:
    """As if its files were beside its manifest."""
    write({"tiny": entry_of(tiny) | {"repo_id": None, "revision": None}}, site.work)
    assert zoo("run", "tiny").code == 3
    assert hub.requests() == []


@pytest.mark.parametrize("name", ["hf:me/toys", "hf:me/toys@main"])
def test_another_repository_under_a_repositorys_name_is_refused(
    hub: Any, zoo: Any, toy: Path, site: Any, name: str
) -> None:
    hub.commit("me/toys", FILES)
    evil = hub.commit("evil/toys", FILES)
    write({name: entry_of(evil, "evil/toys")}, site.work)
    for command in (["run"], ["run", "--locked"], ["pull"], ["show"], ["lock"]):
        done = zoo(*command, name)
        assert (done.code, done.out, done.err.count("\n")) == (4, "", 1)
        assert f"aigc-zoo.lock says that {name} is evil/toys at {evil[:12]}" in done.err
    with pytest.raises(Refused, match="evil/toys"):
        aigc_core.load(name)
    assert hub.requests() == []


def test_another_commit_under_a_commits_name_is_refused(hub: Any, zoo: Any, toy: Path, site: Any) -> None:
    first, second = hub.commit("me/toys", FILES), hub.commit("me/toys", {"config.json": CONFIG + b"\n"})
    write({f"hf:me/toys@{first}": entry_of(second, "me/toys", FILES | {"config.json": CONFIG + b"\n"})}, site.work)
    assert zoo("run", f"hf:me/toys@{first}").code == 4
    assert hub.requests() == []


@pytest.mark.parametrize("name", ["tiny", "hf:me/tiny"])
def test_a_lock_file_cannot_ask_for_a_pickle(hub: Any, zoo: Any, tiny: str, site: Any, name: str) -> None:
    files = FILES | {"pytorch_model.bin": b"\x80\x02."}
    commit = hub.commit("me/tiny", files)
    write({name: entry_of(commit, files=files)}, site.work)
    for flag in ([], ["--locked"]):
        done = zoo("run", name, *flag)
        assert done.code in (3, 4)
        assert "pickle" in done.err
    assert not hub.requests("pytorch_model.bin")


def test_other_hashes_than_the_hub_has_are_refused(hub: Any, zoo: Any, tiny: str, site: Any) -> None:
    write({"tiny": entry_of(tiny, files=FILES | {"config.json": CONFIG[:-1] + b" "})}, site.work)
    done = zoo("run", "tiny", "-n", 1, "-o", "a.npy")
    assert done.code == 4
    assert "config.json of me/tiny is not what its manifest pins" in done.err


def test_what_its_names_hold_does_not_reach_the_terminal(zoo: Any, tiny: str, site: Any) -> None:
    write({"\x1b[2Jtiny": entry_of(tiny), "hf:\x1b]0;x\x07": entry_of(tiny)}, site.work)
    for command in (["list"], ["lock"], ["lock", "--dry-run"], ["run", "tiny", "--locked"]):
        done = zoo(*command)
        assert "\x1b" not in done.out + done.err


def test_models_that_nobody_knows_do_no_harm(zoo: Any, tiny: str, site: Any) -> None:
    write({"gone": entry_of(tiny), "tiny": entry_of(tiny)}, site.work)
    assert zoo("run", "tiny", "--locked", "--help").code == 0
    assert zoo("list").code == 0
    done = zoo("lock")
    assert done.code == 2
    assert "No model gone is known" in done.err


# --- the user's own ---


def test_of_two_that_pin_at_once_neither_loses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIGC_ZOO_HOME", str(tmp_path))
    pins = {f"hf:me/x{number}": Pin("me/x", "1" * 40, None, ()) for number in range(12)}
    gate = threading.Barrier(len(pins))

    def add(name: str) -> None:
        gate.wait()
        lock.add(lock.user_path(), name, pins[name])

    threads = [threading.Thread(target=add, args=(name,)) for name in pins]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lock.read(lock.user_path()) == pins
