"""``aigc-zoo new plugin``: what cannot be is refused before anything is written; each family's package is whole."""

from __future__ import annotations

import ast
import json
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_core.check import check_static
from aigc_core.check.fix import mend
from aigc_core.errors import WrongUse
from aigc_core.scaffold.asked import FAMILIES, Asked, checked
from aigc_core.scaffold.licence import canonical
from aigc_core.scaffold.write import TEMPLATES, files, write

WHOLE = ("--family", "gan", "--license", "MIT", "--author", "Ada")
REFUSED = {
    "capitals": (("Plaid", *WHOLE), "Such as: plaid"),
    "an underscore": (("my_plaid", *WHOLE), "Such as: my-plaid"),
    "nothing that is left": (("Ü", *WHOLE), "Such as: plaid"),
    "a verb": (("train", *WHOLE), "a name of aigc-zoo's own"),
    "a plugin of the zoo": (("gan", *WHOLE), "a name of aigc-zoo's own"),
    "blanks": (("my plaid", *WHOLE), "Such as: my-plaid"),
    "a distribution of somebody else": (("zoo", *WHOLE), "a name of aigc-zoo's own"),
    "a model of the zoo": (("dcgan-fashion", *WHOLE), "a model of plugin gan already"),
    "a model on the Hub": (("gpt2", *WHOLE), "a model of the registry folder already"),
    "another family": (("plaid", "--family", "gann", *WHOLE[2:]), "Did you mean gan?"),
    "a sentence for a licence": (("plaid", *WHOLE[:2], "--license", "do what you like!", *WHOLE[4:]), "no SPDX id"),
    "a licence without its version": (("plaid", *WHOLE[:2], "--license", "gpl", *WHOLE[4:]), "GPL-3.0?"),
    "a licence's nickname": (("plaid", *WHOLE[:2], "--license", "Apache2", *WHOLE[4:]), "Did you mean Apache-2.0?"),
    "two lines for an author": (("plaid", *WHOLE[:4], "--author", "Ada\nLovelace"), "one line of text"),
    "nobody": (("plaid", *WHOLE[:4], "--author", " "), "one line of text"),
    "a folder that is not there": (("plaid", *WHOLE, "--out", "a/b/c"), "There is no folder"),
    "nothing said": (("plaid",), "Add: --family ... --license ... --author ..."),
    "no author": (("plaid", *WHOLE[:4]), "Add: --author ..."),
}
"""What is typed after ``new plugin``, and what the refusal says."""


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_and_nothing_is_written(site, name):
    words, told = REFUSED[name]
    done = site.zoo("new", "plugin", *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert not list(site.work.iterdir())


def test_the_name_of_a_plugin_that_is_installed_is_refused_before_anything_is_asked(site):
    site.install("aigc-plaid", "plaid", models=("tartan",))
    for name, told in (("plaid", "a plugin of aigc-plaid, which is installed"), ("tartan", "a model of plugin plaid")):
        done = site.zoo("new", "plugin", name)
        assert done.returncode == 2
        assert told in done.stderr


GOOD_NAMES = ["3d", "a", "class", "import", "two-words", "x" * 60, "none", "torch", "numpy", "test"]


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_digits_first_dashes_and_pythons_words_are_good_names(name, tmp_path):
    asked = checked(Asked(name, "gan", "mit", " Ada "))
    assert (asked.licence, asked.author) == ("MIT", "Ada")
    assert asked.package.isidentifier()
    write(asked, str(tmp_path / "there"))
    assert {finding.status for finding in check_static(str(tmp_path / "there"))} == {"passed"}
    zoo = tmp_path / "there" / "src" / asked.package / "zoo"
    manifest, recipe = (json.loads((zoo / kind / f"{name}.json").read_text()) for kind in ("models", "recipes"))
    assert manifest["origin"]["data"]["source"] == recipe["data"]["from"]  # as the training writes it


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("mit", "MIT"),
        ("gpl-3.0+", "GPL-3.0+"),
        ("mit or APACHE-2.0", "MIT OR Apache-2.0"),
        ("gpl-3.0-only with classpath-exception-2.0", "GPL-3.0-only WITH Classpath-exception-2.0"),
        ("LicenseRef-Mine", "LicenseRef-Mine"),
    ],
)
def test_a_licence_is_written_as_spdx_writes_it(given, expected):
    from packaging.licenses import canonicalize_license_expression

    assert canonical(given) == expected == canonicalize_license_expression(given)


@given(
    st.lists(
        st.sampled_from(["MIT", "mit+", "or", "WITH", "and", "GPL-3.0-only", "Classpath-exception-2.0", "BSD", "+"]),
        max_size=5,
    )
)
def test_what_is_a_licence_is_what_the_builder_takes(words):
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    text = " ".join(words)
    try:
        expected = canonicalize_license_expression(text)
    except (InvalidLicenseExpression, ValueError, IndexError):
        expected = None
    try:
        found = canonical(text)
    except WrongUse:
        found = None
    if expected is None or found is not None:  # we may be stricter, never laxer
        assert found == expected


def test_the_list_of_licences_is_that_of_its_version():
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        import spdx_again
    finally:
        sys.path.pop(0)
    ours, theirs = (text.splitlines() for text in (spdx_again.TARGET.read_text(), spdx_again.text()))
    if ours[0] != theirs[0]:
        pytest.skip("another version of the list is installed")
    assert ours == theirs


def test_a_folder_that_is_there_is_left_as_it_is(site):
    (site.work / "aigc-plaid").mkdir()
    (site.work / "aigc-plaid" / "mine").touch()
    done = site.zoo("new", "plugin", "plaid", *WHOLE)
    assert (done.returncode, "is there already" in done.stderr) == (2, True)
    assert [path.name for path in (site.work / "aigc-plaid").iterdir()] == ["mine"]


def test_a_disk_that_fills_up_leaves_nothing(tmp_path, monkeypatch):
    from aigc_core.scaffold import write as writing

    def half(asked):
        yield from list(files(asked))[:5]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "files", half)
    with pytest.raises(OSError, match="No space"):
        write(Asked("plaid", "gan", "MIT", "Ada"), str(tmp_path / "aigc-plaid"))
    assert not list(tmp_path.iterdir())


def test_on_a_terminal_it_asks_for_what_was_not_said(site):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "aigc_core", "new", "plugin", "plaid", "--family", "vae"]
    child = subprocess.Popen(
        command, cwd=site.work, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "dumb"}
    )
    os.close(theirs)
    said = ""
    asked = (("Licence", "BSD-3"), ("Did you mean one of BSD-3-Clause", "bsd-3-clause"), ("Author", "Grace Hopper"))
    for question, answer in asked:
        while question not in said:
            assert select.select([ours], [], [], 60)[0], said
            said += os.read(ours, 4096).decode()
        os.write(ours, f"{answer}\n".encode())
    while "add it as LICENSE" not in said:
        assert select.select([ours], [], [], 60)[0], said
        said += os.read(ours, 4096).decode()
    assert child.wait(60) == 0
    os.close(ours)
    assert "Family" not in said
    project = (site.work / "aigc-plaid" / "pyproject.toml").read_text()
    assert 'license = "BSD-3-Clause"' in project
    assert "Grace Hopper" in project
    assert not (site.work / "aigc-plaid" / "LICENSE").exists()  # its text is not one that ships


@pytest.fixture(scope="module", params=FAMILIES)
def made(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "aigc-two-words"
    write(Asked("two-words", request.param, "Apache-2.0", 'Ada "the Countess" Löwe'), str(folder))
    return request.param, folder


def test_every_family_is_without_fault_and_in_the_layout_that_fix_leaves(made):
    _, folder = made
    findings = check_static(str(folder))
    assert {finding.status for finding in findings} == {"passed"}
    assert len(findings) == 4
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert not mend(str(folder))
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_file_is_filled_in_and_parses(made):
    _, folder = made
    for path in folder.rglob("*"):
        if path.suffix == ".py":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            assert ast.get_docstring(tree), path
        if path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        if path.is_file() and path.suffix != ".safetensors":
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"\$[a-z]", text.replace("$schema", "").replace("$ ", "")), path
            assert all(len(line) <= 120 for line in text.splitlines()), path
            assert "PACKAGE" not in text
    manifest = json.loads((folder / "src/aigc_two_words/zoo/models/two-words.json").read_text(encoding="utf-8"))
    assert manifest["authors"] == ['Ada "the Countess" Löwe']
    assert manifest["golden"]
    assert manifest["origin"]["recipe"] == "recipes/two-words.json"
    if sys.version_info >= (3, 11):
        import tomllib

        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert project["entry-points"] == {"aigc_zoo": {"two-words": "aigc_two_words"}}
        assert project["authors"] == [{"name": 'Ada "the Countess" Löwe'}]
        assert project["license"] == "Apache-2.0"


def test_the_sources_are_as_their_own_linter_wants_them(made):
    _, folder = made
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--line-length", "120", "."],
        cwd=folder,  # where aigc_core is somebody else's
        capture_output=True,
        text=True,
        check=False,
    )
    if "No module named ruff" in done.stderr:
        pytest.skip("ruff is not installed")
    assert done.returncode == 0, done.stdout


def test_the_workflow_runs_what_the_author_runs(made):
    import yaml

    _, folder = made
    steps = yaml.safe_load((folder / ".github/workflows/ci.yml").read_text())["jobs"]["test"]["steps"]
    assert [step["run"] for step in steps if "run" in step][-2:] == ["aigc-zoo check .", "pytest --aigc-zoo"]


def test_a_name_that_python_has_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "stdlib_module_names", frozenset({"aigc_plaid"}))
    with pytest.raises(WrongUse, match="Python has"):
        checked(Asked("plaid", "gan", "MIT", "Ada"))


def test_what_ships_with_the_templates_is_small():
    sizes = [path.stat().st_size for path in Path(TEMPLATES).rglob("*") if path.is_file()]
    assert sum(sizes) < 300_000
