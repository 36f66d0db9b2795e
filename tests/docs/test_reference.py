"""The reference is whole: everything that the code offers is on a page, with an explanation."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys

import click
import pytest

from aigc_core import discovery, hookspecs
from aigc_core.manifest.problems import CODES

PAGES = {"model": "model-manifest.md", "plugin": "plugin-manifest.md", "recipe": "recipe.md"}
KINDS = list(PAGES)


@pytest.fixture
def written(tmp_path, root, monkeypatch):
    monkeypatch.setenv("AIGC_ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.syspath_prepend(str(root / "docs"))
    from generate import write_pages

    write_pages(tmp_path / "pages")
    return lambda name: (tmp_path / "pages" / name).read_text(encoding="utf-8")


@pytest.fixture
def generate(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "docs"))
    import generate

    return generate


def declarations():
    tree = ast.parse(inspect.getsource(hookspecs))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list}


def test_every_declared_hook_is_called_by_the_core():
    assert set(declarations()) == set(hookspecs.NAMES)


@pytest.mark.parametrize("name", hookspecs.NAMES)
def test_a_hook_has_a_heading_with_its_signature_and_an_example(written, name):
    node = declarations()[name]
    signature = f"{name}({ast.unparse(node.args)}) -> {ast.unparse(node.returns)}"
    page = written("hooks.rst").replace("\\", "")
    assert re.search(rf"^{re.escape(signature)}\n-+$", page, re.MULTILINE)
    assert "Example::" in (ast.get_docstring(node) or "")


@pytest.mark.parametrize("name", hookspecs.NAMES)
def test_a_hooks_example_is_a_valid_implementation(name):
    import pluggy

    example = inspect.cleandoc(ast.get_docstring(declarations()[name])).partition("Example::")[2]
    space = {"hookimpl": hookspecs.hookimpl}
    exec(inspect.cleandoc(example), space)
    host = pluggy.PluginManager("aigc_zoo")
    host.add_hookspecs(hookspecs)
    host.register(type("Module", (), {name: staticmethod(space[name])})())
    host.check_pending()


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_explained_and_on_the_page(generate, written, kind):
    page, document = written(PAGES[kind]), generate.schemas.schema(kind)
    for path, entry, _ in generate.schemas.fields(document):
        assert len(entry.get("description", "")) > 8, path
        assert f"## {path}\n" in page or f"`{path}`" in page, path


@pytest.mark.parametrize("kind", KINDS)
def test_no_reference_is_left_unresolved(generate, kind):
    for path, entry, _ in generate.schemas.fields(generate.schemas.schema(kind)):
        assert "$ref" not in entry, path


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_that_is_no_fixed_word_has_an_example(generate, kind):
    free = ("const", "enum")
    lacking = [
        path
        for path, entry, _ in generate.schemas.fields(generate.schemas.schema(kind))
        if not any(key in entry for key in (*free, "examples")) and entry.get("type") not in (None, "boolean")
    ]
    assert not lacking


def test_every_command_and_option_has_help_and_is_on_the_page(generate, written):
    page, names = written("cli.md"), []
    for name, command, context in generate.cli.commands():
        names.append(name)
        assert command.help, name
        assert f"## {name}\n" in page
        for param in command.params:
            if isinstance(param, click.Option):
                assert param.help, f"{name} {param.opts}"
                assert generate.cli.options(param, context)[0].replace("|", "\\|") in page
    assert {"aigc-zoo run", "aigc-zoo doctor", "aigc-zoo train"} <= set(names)


def test_every_problem_code_is_on_the_page_and_explained(written):
    page = written("problems.md")
    for code, words in CODES.items():
        assert f'<a id="{code}"></a>`{code}`' in page
        assert len(words) > 20, code


def test_every_state_is_in_the_table(written):
    for state in discovery.STATES:
        assert f"| `{state}` |" in written("states.md")


def test_pages_that_have_not_changed_are_left_alone(generate, tmp_path):
    generate.write_pages(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    generate.write_pages(tmp_path)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(before) == len(generate.PAGES)


def test_markup_in_a_text_stays_text(generate):
    markdown = sys.modules["generate.markdown"]
    assert markdown.table(["a"], [["x | y\nz"]]).endswith("| x \\| y z |\n")
    assert markdown.text("<b> *x* a_b") == "\\<b\\> \\*x\\* a\\_b"
    assert markdown.code({"a": 1}) == '`{"a": 1}`'


def test_the_manual_lists_every_exit_code(read_page, root):
    from aigc_core import errors

    codes = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type)} | {0, errors.INTERRUPTED}
    page = read_page("docs/errors.md").path.read_text()
    assert codes == {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}


def test_the_receipt_on_the_page_has_the_fields_of_a_real_one(read_page, root):
    from aigc_core.run.receipt import read

    page = read_page("docs/reproducibility.md").path.read_text().partition("## The receipt")[2].partition("## Make")[0]
    listed = {name for line in page.splitlines() if line.startswith("| `") for name in code_words(line)}
    assert listed == set(read(str(root / "docs" / "images" / "dcgan-fashion.png")))


def code_words(line):
    return re.findall(r"`(\w+)`", line.split("|")[1])


def test_what_the_bundled_models_table_says_is_in_the_manifests(root):
    from aigc_core.registry import find

    zoo = root / "plugins/aigc-gan/src/aigc_gan/zoo"
    table = r"^\| `([\w-]+)` \|.*\| ([\d,]+) \| ([\d.]+) MB, (\w+) \|$"
    found = {name: rest for name, *rest in re.findall(table, (root / "README.md").read_text(), re.M)}
    models = {path.stem for path in (zoo / "models").glob("*.json")}
    assert models <= found.keys()
    for name in models:
        steps, megabytes, dtype = found[name]
        entry = find(name)
        recipe = json.loads((zoo / "recipes" / f"{name}.json").read_text())
        assert recipe["budget"]["steps"] == int(steps.replace(",", ""))
        assert round(entry.manifest.files[0].size / 1e6, 1) == float(megabytes)
        assert entry.manifest.files[0].dtype == dtype


def test_the_plugin_example_is_listed_and_run(read_page):
    texts = [command.text for command in read_page("docs/plugins.md").commands()]
    order = [
        "pip install ./aigc-plaid",
        "aigc-zoo list --plugin plaid",
        "aigc-zoo run plaid --count 9 --output plaid.png",
    ]
    assert [text for text in texts if text in order] == order


@pytest.mark.slow
def test_the_plugin_example_installs_with_pip(read_page, tmp_path, terminal):
    for block in read_page("docs/plugins.md").blocks():
        if block.mark[0] == "file":
            path = tmp_path / block.mark[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
    pytest.importorskip("hatchling", reason="its build backend is not installed here")
    pip = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--no-build-isolation", "--target"]
    done = subprocess.run(
        [*pip, str(terminal.site), "./aigc-plaid"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    code, printed = terminal.run("aigc-zoo plugins")
    assert code == 0
    assert re.search(r"plaid +aigc-plaid +0.1.0 +registered", printed)


def test_the_site_builds_without_a_warning(root, tmp_path, terminal):
    pytest.importorskip("sphinx", reason="the docs extra is not installed here")
    pytest.importorskip("myst_parser", reason="the docs extra is not installed here")
    sphinx = [
        sys.executable,
        "-m",
        "sphinx",
        "--fail-on-warning",
        "--keep-going",
        "-q",
        "-b",
        "html",
        "-d",
        str(tmp_path / "trees"),
    ]
    done = subprocess.run(
        [*sphinx, "docs", str(tmp_path / "site")], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for page in ("index", "plugins", "reference/generated/cli", "reference/generated/hooks", "reference/python"):
        assert (tmp_path / "site" / f"{page}.html").exists()
    text = (tmp_path / "site" / "reference" / "python.html").read_text()
    for name in ("aigc_core.load", "Model.generate", "Samples.levels", "aigc_core.errors.Refused"):
        assert name in text
