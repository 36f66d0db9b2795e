"""Weights that nobody has licensed: refused until the user says that it is on their own responsibility."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("huggingface_hub", reason="the Hub's client is not installed here")

import aigc_core
from aigc_core import interrupt, registry
from aigc_core.cli import outcome
from aigc_core.errors import Refused

FILES = {"config.json": b'{"model_type": "toy"}', "model.safetensors": bytes(range(256)) * 40, "README.md": b"A toy."}
LICENSED = {"README.md": b"---\nlicense: mit\n---\n"}
RUN = ("-n", 1, "-o", "a.npy")
SENTENCE = "me/toy declares no licence for its weights, so nobody has said that you may use them."
HINT = "To use them on your own responsibility, add --accept-licence.\n"
NAMES = ["toy", "hf:me/toy"]


@dataclasses.dataclass
class Done:
    """What a call of the command line came to."""

    code: int
    out: str
    err: str


@pytest.fixture
def zoo(hub: Any, site: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Iterator[Callable[..., Done]]:
    """Run the command line in this process: an empty home, an empty index, the plugins of ``site``."""
    monkeypatch.setattr(registry, "builtin_folder", lambda: str(site.root / "no-index"))
    monkeypatch.setattr(interrupt, "install", lambda: None)  # pytest's own handlers stay
    monkeypatch.setenv("AIGC_ZOO_HOME", str(site.home))
    monkeypatch.syspath_prepend(str(site.packages))
    monkeypatch.chdir(site.work)
    before = set(sys.modules)

    def run(*arguments: Any) -> Done:
        importlib.invalidate_caches()
        code = outcome([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    yield run
    for name in set(sys.modules) - before:
        if name.startswith("toy_dist"):
            del sys.modules[name]


@pytest.fixture
def toy(hub: Any, site: Any) -> Callable[..., Path]:
    """Put weights on the Hub, listed as ``toy`` and claimed as ``hf:me/toy``; return the model's manifest."""

    def publish(files: dict[str, bytes] = FILES, licence: Any = None) -> Path:
        commit = hub.commit("me/toy", files)
        claims = {"model_type": {"toy": "small"}}
        generators = {"grey": "toy_dist.generators:Grey"}
        declared = {
            "name": "toy",
            "api": 1,
            "summary": "A toy.",
            "claims": claims,
            "components": {"generators": generators},
        }
        package = site.install("toy-dist", "toy", models=("toy",), plugin_json=json.dumps(declared))
        path: Path = package / "zoo" / "models" / "toy.json"
        document = json.loads(path.read_text())
        template = {key: value for key, value in document.items() if key not in ("schema", "id", "summary", "weights")}
        template["terms"] = {key: value for key, value in document["terms"].items() if key != "weights"}
        (package / "zoo" / "claims").mkdir()
        (package / "zoo" / "claims" / "small.json").write_text(json.dumps(template))
        listing = [
            {"path": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "format": "text"}
            for name, data in files.items()
        ]
        document["weights"] = {"source": "hub", "repo_id": "me/toy", "revision": commit, "files": listing}
        document["terms"]["weights"] = licence
        path.write_text(json.dumps(document))
        return path

    return publish


@pytest.mark.parametrize("name", NAMES)
def test_it_is_refused_with_the_flag_that_accepts_it(hub: Any, zoo: Any, toy: Any, site: Any, name: str) -> None:
    toy()
    for flags in ((), ("-q",)):
        done = zoo("run", name, *RUN, *flags)
        assert (done.code, done.out) == (4, "")
        assert done.err.splitlines(keepends=True)[-1] == f"aigc-zoo: {SENTENCE} {HINT}"
        assert done.err.count("\n") == (2 if name.startswith("hf:") and not flags else 1)  # its first pin
    assert [*site.work.iterdir()] == []
    assert not hub.requests("model.safetensors")  # refused before it is fetched


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_where_the_user_accepts_it(zoo: Any, toy: Any, name: str) -> None:
    toy()
    assert zoo("run", name, *RUN, "--accept-licence").code == 0
    assert zoo("run", name, *RUN).code == 4  # each time anew


@pytest.mark.parametrize("name", NAMES)
def test_load_refuses_it_too(hub: Any, zoo: Any, toy: Any, name: str) -> None:
    toy()
    with pytest.raises(Refused, match=SENTENCE.replace(".", r"\.")) as refused:
        aigc_core.load(name)
    assert "--accept-licence" in refused.value.hint
    assert not hub.requests("model.safetensors")
    assert aigc_core.load(name, accept_licence=True).generate(2).values.shape == (2, 1, 4, 4)


@pytest.mark.parametrize("name", NAMES)
def test_making_a_file_again_asks_again(zoo: Any, toy: Any, site: Any, name: str) -> None:
    toy()
    assert zoo("run", name, *RUN, "--accept-licence").code == 0
    done = zoo("run", "--again", "a.npy")
    assert (done.code, done.out) == (4, "")
    assert SENTENCE in done.err
    assert HINT in done.err
    again = zoo("run", "--again", "a.npy", "--accept-licence")
    assert (again.code, again.err) == (0, "")


@pytest.mark.parametrize("name", NAMES)
def test_pull_fetches_it_and_says_so(zoo: Any, toy: Any, name: str) -> None:
    toy()
    done = zoo("pull", name)
    assert done.code == 0
    assert done.err.splitlines()[-1] == f"{name} declares no licence for its weights; to run it takes --accept-licence."
    assert zoo("pull", name, "-q") == Done(0, "", "")


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_file_licenses_nothing(zoo: Any, toy: Any, site: Any, name: str) -> None:
    toy()
    assert zoo("pull", name).code == 0
    assert "no licence declared" in zoo("lock", name).out
    done = zoo("run", name, *RUN, "--locked")
    assert done.code == 4
    assert SENTENCE in done.err
    assert zoo("run", name, *RUN, "--locked", "--accept-licence").code == 0


def test_the_first_pin_says_that_there_is_none(zoo: Any, toy: Any) -> None:
    toy()
    assert "no licence declared) in " in zoo("pull", "hf:me/toy").err


@pytest.mark.parametrize("name", NAMES)
def test_a_licence_is_enough(zoo: Any, toy: Any, name: str) -> None:
    toy(FILES | LICENSED, "MIT")
    assert zoo("run", name, *RUN).code == 0
    assert zoo("run", name, *RUN, "--accept-licence").code == 0  # does no harm
    assert zoo("run", "--again", "a.npy").code == 0
    assert "licence" not in zoo("pull", name).err


def test_a_licence_that_comes_later_takes_a_pin(hub: Any, zoo: Any, toy: Any) -> None:
    toy()
    assert zoo("run", "hf:me/toy", *RUN).code == 4
    hub.commit("me/toy", LICENSED)
    assert zoo("run", "hf:me/toy", *RUN).code == 4
    assert "licence: None -> MIT" in zoo("pin", "hf:me/toy").out
    assert zoo("run", "hf:me/toy", *RUN).code == 0


@pytest.mark.parametrize("licence", ["", [], {}, False, 0, ["MIT"]], ids=repr)
def test_what_is_no_text_is_no_licence(zoo: Any, toy: Any, licence: Any) -> None:
    toy(licence=licence)
    done = zoo("run", "toy", *RUN)
    assert done.code == 4
    assert SENTENCE in done.err


@pytest.mark.parametrize("terms", [None, [], "MIT"])
def test_a_manifest_without_terms_has_none(zoo: Any, toy: Any, terms: Any) -> None:
    path = toy()
    document = json.loads(path.read_text()) | {"terms": terms}
    if terms is None:
        del document["terms"]
    path.write_text(json.dumps(document))
    for command in (("run", "toy", *RUN), ("run", "toy", *RUN, "--accept-licence"), ("pull", "toy"), ("lock", "toy")):
        done = zoo(*command)
        assert done.code == (4 if command[-1] == "a.npy" else 0), done.err
        assert "a fault in aigc-zoo itself" not in done.err


def test_what_did_not_come_from_the_hub_is_the_users_own_affair(zoo: Any, toy: Any, site: Any) -> None:
    toy()
    folder = site.work / "mine"
    folder.mkdir()
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    assert zoo("run", "./mine", *RUN).code == 0
