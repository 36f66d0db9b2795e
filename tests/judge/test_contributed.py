"""A contributed plugin is built inside the sandbox, and judged without anything of it being imported here."""

import json

import pytest

from aigc_core.errors import CheckFailed, Refused, WrongUse
from aigc_core.judge.contributed import contributed, take
from aigc_core.sandbox.choose import choose

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "{backend}"
{more}
[project]
name = "toy-zoo"
version = "2.0"
[project.entry-points."aigc_zoo"]
toy = "toy_zoo.plugin"
[tool.hatch.build.targets.wheel]
packages = ["toy_zoo"]
"""
BACKEND = """
import pathlib, socket, os
{what}
from hatchling.build import *
"""


@pytest.fixture
def project(tmp_path, toy_zoo, site):
    """A plugin's project whose build backend does ``what`` first."""

    def make(what="", models=None):
        source = toy_zoo(models or {"good": "plain"})
        folder = tmp_path / "project"
        folder.mkdir()
        source.rename(folder / "toy_zoo")
        for info in site.packages.glob("*.dist-info"):
            for path in info.iterdir():
                path.unlink()
            info.rmdir()
        own = 'backend-path = ["."]' if what else ""
        backend = "own_backend" if what else "hatchling.build"
        (folder / "pyproject.toml").write_text(PROJECT.format(backend=backend, more=own))
        if what:
            (folder / "own_backend.py").write_text(BACKEND.format(what=what))
        (folder / ".git").mkdir()
        (folder / ".git" / "config").write_text("token")
        return folder

    return make


def test_it_is_built_judged_and_never_imported_here(project, ci, rows, site):
    folder = project(models={"good": "plain", "bad": "constant"})
    done = ci("--plugin", str(folder))
    assert done.returncode == 1, done.stdout
    assert {name: row["state"] for name, row in rows(done).items()} == {"good": "passed", "bad": "failed"}
    assert rows(done)["good"]["why"] == ["it was contributed"]
    assert not (folder / "toy_zoo" / "IMPORTED").exists()
    assert sorted(path.name for path in folder.iterdir()) == [".git", "pyproject.toml", "toy_zoo"]  # nothing was left


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("socket.create_connection(('127.0.0.1', 9))", "PermissionError"),
        ("print(pathlib.Path('/root/.bashrc').read_text() + pathlib.Path('/etc/shadow').read_text())", "Error"),
        ("assert pathlib.Path('.git').exists(), 'no git here'", "no git here"),
        ("os.kill(os.getpid(), 9)", ""),
    ],
)
def test_a_build_that_reaches_out(project, what, text):
    with pytest.raises(CheckFailed, match="cannot be built") as caught, contributed(str(project(what)), choose(), ()):
        pass
    assert text in str(caught.value)


def test_where_the_sandbox_is_weak_it_is_not_built(project):
    weak = choose()._replace(name="landlock")
    with pytest.raises(Refused, match="too weak"), contributed(str(project()), weak, ()):
        pass


def test_a_folder_that_is_no_project(tmp_path):
    with pytest.raises(WrongUse, match=r"pyproject\.toml"), contributed(str(tmp_path), choose(), ()):
        pass


def test_only_regular_files_are_taken(tmp_path):
    source = tmp_path / "source"
    (source / ".git").mkdir(parents=True)
    (source / "a.py").write_text("a")
    (source / "link.py").symlink_to("/etc/passwd")
    (source / "folder").symlink_to("/etc")
    take(str(source), str(tmp_path / "taken"))
    assert [path.name for path in (tmp_path / "taken").rglob("*")] == ["a.py"]


def test_a_broken_manifest_is_a_row(project, ci, rows, failed):
    folder = project(models={"good": "plain", "bad": "plain"})
    path = folder / "toy_zoo" / "zoo" / "models" / "bad.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"use": 3}))
    found = rows(ci("--plugin", str(folder)))
    assert failed(found["good"]) == {}
    assert "manifest" in failed(found["bad"])


def test_a_manifest_whose_name_steers_a_terminal_is_a_row_that_does_not(project, ci, site, rows):
    folder = project(models={"good": "plain"})
    models = folder / "toy_zoo" / "zoo" / "models"
    (models / "\x1b[2J<script>.json").write_text("{")
    done = ci("--plugin", str(folder), "--report", "report")
    assert {name: row["state"] for name, row in rows(done).items()} == {"good": "passed", "??2J?script?": "failed"}
    for name in ("junit.xml", "report.md", "report.html", "report.json"):
        text = (site.work / "report" / name).read_text("utf-8")
        assert "\x1b" not in text, name
        assert name in ("report.md", "report.json") or "<script" not in text  # these hold it as text, in a code block


@pytest.mark.parametrize(
    "what",
    [
        "(pathlib.Path(os.environ['HOME']).parent / 'out' / ('d/' * 300)).mkdir(parents=True)",
        "pathlib.Path(os.environ['HOME']).parent.joinpath('out', 'closed').mkdir(mode=0)",
    ],
)
def test_a_build_that_hides_what_it_leaves(project, what, tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    with pytest.raises(CheckFailed, match="closed or deep"), contributed(str(project(what)), choose(), ()):
        pass
    assert [*(tmp_path / "tmp").iterdir()] == []


def test_a_project_that_is_nested_too_deep_is_refused(tmp_path):
    deep = tmp_path / "source" / ("d/" * 200)
    deep.mkdir(parents=True)
    with pytest.raises(Refused, match="nested more than 60 deep"):
        take(str(tmp_path / "source"), str(tmp_path / "taken"))
