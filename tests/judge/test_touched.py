"""Which models a git range touches: in a real repository, by real imports."""

import json

import pytest

from aigc_core.errors import WrongUse
from aigc_core.judge.changes import changed
from aigc_core.judge.choosing import _shard
from aigc_core.judge.imports import Graph
from aigc_core.judge.touched import shard

CODE = {
    "generators.py": "from toy_zoo import shared\nfrom .deep.inner import thing\nclass Plain: ...\n",
    "other.py": "def work():\n    import toy_zoo.lazy\nclass Other: ...\n",
    "shared.py": "",
    "lazy.py": "",
    "unused.py": "",
    "deep/__init__.py": "",
    "deep/inner.py": "from . import below\nthing = 1\n",
    "deep/below.py": "",
}


@pytest.fixture
def repository(site, manifest_of, git):
    """Two models of two architectures in one plugin, installed from a repository; return its package."""
    source = site.install(
        "toy-zoo",
        "toy",
        components={"generators": {"plain": "toy_zoo.generators:Plain", "other": "toy_zoo.other:Other"}},
    )
    for name, text in CODE.items():
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text(text)
    (source / "zoo" / "models").mkdir()
    (source / "zoo" / "golden").mkdir()
    for name, architecture in (("one", "plain"), ("two", "other")):
        golden = [{"noise": "golden/n.safetensors", "output": f"golden/{name}.safetensors"}]
        document = manifest_of(name, architecture) | {"golden": golden}
        (source / "zoo" / "models" / f"{name}.json").write_text(json.dumps(document))
        (source / "zoo" / "golden" / f"{name}.safetensors").write_text(name)
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "first")
    return source


@pytest.fixture
def chosen(repository, site, git):
    def after(*changes):
        """Commit a change of these files; return the reasons by model, and the sentences beside them."""
        for name in changes:
            path = repository / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text((path.read_text() if path.exists() else "") + " ")
        git("add", "--all")
        git("commit", "--quiet", "--message", "second")
        done = site.zoo("ci", "one", "two", "--list", "--json", "--git-range", "HEAD~1..HEAD")
        assert done.returncode == 0, done.stderr
        return {row["model"]: row["why"] for row in done.json["models"]}, done.json["notes"]

    return after


@pytest.mark.parametrize(
    ("path", "models", "why"),
    [
        ("zoo/models/one.json", ["one"], "its manifest changed"),
        ("zoo/golden/two.safetensors", ["two"], "its file golden/two.safetensors changed"),
        ("zoo/plugin.json", ["one", "two"], "the plugin.json of toy changed"),
        ("generators.py", ["one"], "its code toy_zoo/generators.py changed"),
        ("shared.py", ["one"], "its code toy_zoo/shared.py changed, imported by toy_zoo.generators"),
        ("deep/below.py", ["one"], "its code toy_zoo/deep/below.py changed, imported by toy_zoo.deep.inner"),
        ("lazy.py", ["two"], "its code toy_zoo/lazy.py changed, imported by toy_zoo.other"),
        ("__init__.py", ["one", "two"], "its code toy_zoo/__init__.py changed"),
        ("unused.py", [], ""),
        ("README.md", [], ""),
    ],
)
def test_one_file(chosen, path, models, why):
    found, notes = chosen(path)
    assert [*found] == models
    assert all(why in reasons[0] for reasons in found.values())
    assert bool(notes) == (not models)


def test_several_reasons_are_all_told(chosen):
    found, _ = chosen("zoo/models/one.json", "shared.py", "other.py")
    assert {name: len(reasons) for name, reasons in found.items()} == {"one": 2, "two": 1}


def test_a_deleted_and_a_moved_file_count(repository, site, git):
    git("mv", "toy_zoo/shared.py".replace("toy_zoo", str(repository)), str(repository / "renamed.py"))
    git("commit", "--quiet", "--message", "second")
    names = sorted(path.rpartition("/")[2] for path in changed("HEAD~1..HEAD", str(site.root)))
    assert names == ["renamed.py", "shared.py"]


@pytest.mark.parametrize("text", ["--output=x", "", "nowhere..HEAD", "HEAD; rm -rf"])
def test_a_range_that_is_none(repository, site, text):
    with pytest.raises(WrongUse):
        changed(text, str(site.root))
    assert not (site.root / "x").exists()


def test_names_with_line_breaks(repository, site, git):
    (site.root / "a\nb.txt").touch()
    git("add", "--all")
    git("commit", "--quiet", "--message", "second")
    assert changed("HEAD~1..HEAD", str(site.root)) == [str(site.root.resolve() / "a\nb.txt")]


def test_the_graph_against_what_python_imports(site):
    """The independent answer: import the core's own modules in fresh processes and look at what is there."""
    import os

    import aigc_core

    graph = Graph({"aigc_core": os.path.dirname(aigc_core.__file__)})
    for module in ("aigc_core.registry", "aigc_core.judge.touched", "aigc_core.run.load"):
        code = f"import {module}, sys, json; print(json.dumps([m for m in sys.modules if m.startswith('aigc_core')]))"
        imported = {*site.python("-c", code).json}
        closure = graph.closure([module])
        assert {os.path.realpath(graph.files[name]) for name in imported} <= {*closure}


@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_shards_share_nothing_and_leave_nothing_out(of):
    from types import SimpleNamespace

    candidates = [SimpleNamespace(id=f"m{number * 7919 % 23}") for number in range(23)]
    parts = [shard(candidates, number, of) for number in range(1, of + 1)]
    assert sorted(each.id for part in parts for each in part) == sorted(each.id for each in candidates)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert parts == [shard(candidates[::-1], number, of) for number in range(1, of + 1)]


@pytest.mark.parametrize("text", ["0/4", "5/4", "1/0", "1", "a/b", "1/4/2", "-1/4", "1 / 4"])
def test_a_shard_that_is_none(text):
    with pytest.raises(WrongUse, match="--shard"):
        _shard(text)


ODD = [
    "-O/tmp/x",
    "--no-index",
    "-",
    "HEAD\n--output=x",
    "HEAD\x00",
    "HEAD --output=x",
    " --output=x",
    "\x1b[2J",
    "\udcff",
]


@pytest.mark.parametrize("text", ODD)
def test_a_range_is_never_an_option_of_git(repository, site, text):
    with pytest.raises(WrongUse):
        changed(text, str(site.root))
    done = site.zoo("ci", "--list", f"--git-range={text}") if text.isprintable() else None
    assert done is None or (done.returncode, done.stdout) == (2, "")
    assert not (site.root / "x").exists()
