"""Broken is a row, never a crash: every way in which a plugin can be broken, with every command."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest


class Way(NamedTuple):
    """One way in which a plugin can be broken."""

    name: str
    files: dict[str, Any]
    cause: str
    """What its message must say."""
    repair: str
    """What a row of it must tell to do."""
    state: str
    lazy: bool = False
    """Seen only when the plugin is imported."""


WAYS = [
    Way("import", {"body": "import nowhere_to_be_found"}, "nowhere_to_be_found", "aigc-zoo disable", "failed", True),
    Way("syntax", {"body": "def broken(:\n"}, "SyntaxError", "aigc-zoo disable", "failed", True),
    Way("exit", {"body": "raise SystemExit(0)"}, "SystemExit", "aigc-zoo disable", "failed", True),
    Way("json", {"plugin_json": '{"name":\n oops}'}, "plugin.json, line 2", "pip install --force", "broken"),
    Way("new api", {"api": 99}, "needs plugin API 99", "pip install --upgrade aigc-core", "incompatible"),
    Way("old api", {"api": 0}, "was made for plugin API 0", "pip install --upgrade ill-dist", "incompatible"),
    Way("claimed twice", {}, "ill-dist 1.0 and other-dist 2.0", "aigc-zoo disable", "conflict"),
    Way("no zoo", {"plugin_json": ""}, "plugin.json is missing", "pip install --force-reinstall ill-dist", "broken"),
]

COMMANDS = {
    "list": ["list"],
    "list --json": ["list", "--json"],
    "show": ["show", "ill-model"],
    "run": ["run", "ill-model", "-o", "x.png"],
    "plugins": ["plugins"],
    "plugins --json": ["plugins", "--json"],
    "disable": ["disable", "ill-dist:ill"],
    "enable": ["enable", "ill-dist:ill"],
    "--help": ["--help"],
    "run --help": ["run", "--help"],
    "run MODEL --help": ["run", "ill-model", "--help"],
    "doctor": ["doctor"],
    "doctor --json": ["doctor", "--json"],
    "doctor --activate": ["doctor", "--activate"],
}

CODES = {
    "show": (0, 2),
    "run": (2, 3),
}
"""Exit codes that a command may have here; 0 where it is not named, and doctor's tells whether it knows the cause."""

SAYS = {
    "list": "ill-model",
    "list --json": "ill-model",
    "show": "ill-model",
    "run": "ill-dist",
    "plugins": "ill-dist",
    "plugins --json": "ill-dist",
    "doctor": "ill-dist",
    "doctor --json": "ill-dist",
    "doctor --activate": "ill-dist",
}
"""What the commands that speak of plugins must name, besides cause and repair; without a folder there is no model."""

GREET = {"greet": {"summary": "Say hello.", "target": "ill_dist.plugin:command"}}


class Case(NamedTuple):
    way: Way
    tried: bool
    results: dict[str, Any]
    """What each command came to."""


CASES = [(way, tried) for way in WAYS for tried in (False, True)]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0].name}-{'tried' if case[1] else 'untried'}")
def case(request: pytest.FixtureRequest, make_site: Callable[[], Any]) -> Case:
    """Install a healthy and a broken plugin; where ``tried``, an activation has failed already."""
    way, tried = request.param
    site = make_site()
    site.install("well-dist", "well", models=("well-model",))
    site.install("ill-dist", "ill", models=("ill-model",), **way.files)
    if way.name == "claimed twice":
        site.install("other-dist", "ill", version="2.0", models=("other-model",))
    site.settle(disabled=["aigc-gan:gan"])  # it is installed beside these, and importing it takes seconds
    calls = [[["disable", "ill-dist:ill"]] * (name == "enable") + [call] for name, call in COMMANDS.items()]
    case = Case(way, tried, dict(zip(COMMANDS, site.many(calls, before=[COMMANDS["run"]] * tried), strict=True)))
    assert not (site.work / "x.png").exists()
    return case


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command(case: Case, command: str) -> None:
    way, tried, done = case.way, case.tried, case.results[command]
    said = done.stdout + done.stderr

    assert "Traceback" not in said
    assert "a fault in aigc-zoo itself" not in said
    knows = not way.lazy or tried or command in ("run", "doctor --activate")
    codes = (int(knows),) if command.startswith("doctor") else CODES.get(command, (0,))
    assert done.returncode in codes, said
    told = SAYS.get(command)
    if told and (way.name != "no zoo" or command.startswith(("plugins", "doctor"))):
        assert told in said
        assert (way.cause in said.replace("\\n", "\n")) == knows, said
        assert (way.repair in said) == knows, said
    if command == "plugins --json":
        rows = {row["distribution"]: row["state"] for row in done.json["plugins"]}
        assert (rows["ill-dist"], rows["well-dist"]) == (way.state if knows else "registered", "registered")
    if command == "list":
        assert "well-model\tgan\twell\tready\t" in done.stdout


@pytest.mark.parametrize("command", ["list", "plugins"])
def test_strict_tells_by_its_exit_code(site: Any, command: str) -> None:
    site.install("well-dist", "well", models=("well-model",))
    site.settle(disabled=["aigc-gan:gan"])
    arguments = [command, "--strict", *(["--plugin", "well"] if command == "list" else [])]
    assert site.zoo(*arguments).returncode == 0
    site.install("ill-dist", "ill", models=("ill-model",), api=99)
    assert site.zoo(command, "--strict").returncode == 1


@pytest.mark.parametrize("way", [way for way in WAYS if way.name != "no zoo"], ids=lambda way: way.name)
def test_disable_lasts_and_enable_undoes_it(site: Any, way: Way) -> None:
    site.install("ill-dist", "ill", models=("ill-model",), **way.files)
    off, on, listing = ["disable", "ill"], ["enable", "ill-dist:ill"], ["list", "--json"]
    before, disabled, run, enabled = site.many(
        [[listing], [off, listing], [off, ["run", "ill-model"]], [off, on, listing]]
    )
    assert model_in(disabled)["state"] == "disabled"
    assert model_in(disabled)["repair"] == "aigc-zoo enable ill-dist:ill"
    assert "disabled" in run.stderr
    assert run.returncode == 3
    assert model_in(enabled) == model_in(before)
    assert site.imported() == []


def test_a_healthy_neighbour_runs(site: Any) -> None:
    for number, way in enumerate(WAYS):
        site.install(f"ill-dist-{number}", "ill" if way.name == "claimed twice" else f"ill-{number}", **way.files)
    site.install("other-dist", "ill", version="2.0")
    site.install("well-dist", "well", models=("well-model",))
    done = site.zoo("run", "well-model", "-n", "4", "-o", "x.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert (site.work / "x.png").read_bytes().startswith(b"\x89PNG")
    assert site.imported() == ["well_dist"]


def test_a_failure_is_recorded_and_a_repair_clears_it(site: Any) -> None:
    package = site.install("ill-dist", "ill", models=("ill-model",), body="import nowhere_to_be_found")
    assert site.zoo("run", "ill-model", "-o", "x.png").returncode == 3
    assert "nowhere_to_be_found" in site.state_of("ill")["reason"]
    (package / "plugin.py").write_text("")
    assert site.state_of("ill")["state"] == "registered"
    assert model_in(site.zoo("list", "--json"))["state"] == "ready"


def test_an_upgrade_clears_the_record(site: Any) -> None:
    site.install("ill-dist", "ill", body="import nowhere_to_be_found", commands=GREET)
    assert site.zoo("ill", "greet").returncode == 3
    assert site.state_of("ill")["state"] == "failed"
    shutil.rmtree(site.packages / "ill_dist-1.0.dist-info")
    site.install("ill-dist", "ill", body="import nowhere_to_be_found", version="1.1", commands=GREET)
    assert site.state_of("ill")["state"] == "registered"


def test_a_failed_record_never_blocks_a_later_run(site: Any) -> None:
    """What was missing came from outside: no file of the plugin has changed."""
    site.install("ill-dist", "ill", models=("ill-model",), body="import came_later", commands=GREET)
    assert site.zoo("ill", "greet").returncode == 3
    (site.packages / "came_later.py").write_text("")
    assert site.state_of("ill")["state"] == "failed"
    assert site.zoo("run", "ill-model", "-n", "1", "-o", "x.png").returncode == 0
    assert site.state_of("ill")["state"] == "registered"


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("raise SystemExit", "SystemExit: no message"),
        ("raise RuntimeError('first line.\\nsecond line')", "RuntimeError: first line. Try"),
        ("class Odd(BaseException): pass\nraise Odd('all')", "Odd: all"),
        (
            "class Mute(Exception):\n    def __str__(self): raise OSError\nraise Mute",
            "Mute: its message cannot be shown",
        ),
        ("def again(): again()\nagain()", "RecursionError"),
        ("import sys; sys.modules[__name__] = None; raise ImportError", "ImportError: no message"),
    ],
)
def test_whatever_an_import_does_ends_in_one_sentence(site: Any, body: str, cause: str) -> None:
    site.install("ill-dist", "ill", body=body, commands=GREET)
    done = site.zoo("ill", "greet")
    assert done.returncode == 3
    assert done.stderr.startswith("aigc-zoo: Plugin ill of ill-dist 1.0 is failed: ")
    assert done.stderr.count("\n") == 1
    assert cause in done.stderr


@pytest.mark.parametrize(
    "entry", ["ill = ", "ill = not a module", "ill = gone.plugin", "Große = ill_dist.plugin", "ill"]
)
def test_an_entry_point_that_leads_nowhere(site: Any, entry: str) -> None:
    site.install("ill-dist", "ill", entry=entry)
    row = site.state_of("ill-dist")
    assert row["state"] == "broken"
    assert row["reason"]
    assert site.zoo("disable", "ill-dist").returncode == 0


@pytest.mark.parametrize(
    "plugin_json",
    ["[]", "1", "{}", '{"name": 1}', '{"name": "other", "api": 1, "summary": ""}', "\ufeff{}", "[" * 100_000, "\0"],
)
def test_a_plugin_json_of_another_shape(site: Any, plugin_json: str) -> None:
    site.install("ill-dist", "ill", plugin_json=plugin_json)
    row = site.state_of("ill")
    assert row["state"] == "broken"
    assert "plugin.json" in row["reason"]


@pytest.mark.parametrize("text", ["{", "[]", '{"disabled": 1}', '{"disabled": [1]}', "\0", "[" * 100_000])
def test_damaged_settings(site: Any, text: str) -> None:
    site.install("well-dist", "well", models=("well-model",), commands=GREET)
    site.settle(text=text)
    refused = [["list"], ["plugins"], ["show", "well-model"], ["run", "well-model"], ["disable", "well"]]
    for done in site.many([[command] for command in refused]):
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert "settings.json cannot be read" in done.stderr
    helpful = [["--help"], ["run", "--help"], ["run", "well-model", "--help"]]
    assert [done.returncode for done in site.many([[command] for command in helpful])] == [0, 0, 0]
    doctor = site.zoo("doctor")
    assert doctor.returncode == 1
    assert "settings.json cannot be read" in doctor.stdout


@pytest.mark.parametrize("text", ["{", "[]", '{"well-dist:well": 1}', '{"well-dist:well": {"version": "1.0"}}', "\0"])
def test_a_damaged_record_of_failures_is_no_record(site: Any, text: str) -> None:
    site.install("well-dist", "well")
    (site.home / "state").mkdir(parents=True)
    (site.home / "state" / "activations.json").write_text(text)
    assert site.state_of("well")["state"] == "registered"


def model_in(listing: Any) -> dict[str, Any]:
    """Return the row that ``list --json`` has for the broken plugin's model."""
    rows: list[dict[str, Any]] = listing.json["models"]
    return next(row for row in rows if row["id"] == "ill-model")
