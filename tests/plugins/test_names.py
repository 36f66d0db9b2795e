"""Plugins are found by whatever name a person types, and no name can take something away from the core."""

from __future__ import annotations

import os
from typing import Any

import pytest

GREETING = """
import click


@click.command("greet")
def greet():
    print("hello from a plugin")
"""


def commands(package: str) -> dict[str, dict[str, str]]:
    return {"greet": {"summary": "Say hello.", "target": f"{package}.plugin:greet"}}


def test_a_plugins_own_command(site: Any) -> None:
    site.install("well-dist", "well", body=GREETING, commands=commands("well_dist"))
    assert "greet: Say hello." in site.zoo("--help").stdout
    assert "Say hello." in site.zoo("well", "--help").stdout
    assert site.imported() == []
    assert site.zoo("well", "greet").stdout == "hello from a plugin\n"


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (
            "import click\n@click.command()\ndef greet(): return 1 / 0\n",
            3,
            "failed: ZeroDivisionError: division by zero",
        ),
        ("def greet(): pass\n", 3, "is a function, no click command"),
        ("", 3, "has no attribute 'greet'"),
        ("import click\n@click.command()\ndef greet(): return 5\n", 0, ""),
        ("import click\n@click.command()\n@click.pass_context\ndef greet(context): context.exit(4)\n", 4, ""),
        ("import click\n@click.command()\ndef greet(): raise click.UsageError('not so')\n", 2, "not so"),
    ],
    ids=["raises", "no command", "missing", "returns", "exits", "usage"],
)
def test_what_a_plugins_command_comes_to(site: Any, body: str, code: int, said: str) -> None:
    site.install("well-dist", "well", body=body, commands=commands("well_dist"))
    done = site.zoo("well", "greet")
    assert done.returncode == code
    assert said in done.stderr
    assert "a fault in aigc-zoo itself" not in done.stderr
    if code == 3:
        assert "well-dist 1.0" in done.stderr


@pytest.mark.parametrize("verb", ["list", "run", "doctor"])
def test_a_plugin_cannot_take_a_verb(site: Any, verb: str) -> None:
    site.install("verb-dist", verb, body=GREETING, commands=commands("verb_dist"), models=("verb-model",))
    done = site.zoo(verb, "greet")
    assert done.returncode == 2
    assert "hello" not in done.stdout
    assert "Say hello." not in site.zoo("--help").stdout  # it cannot be reached, so it is not offered
    assert site.zoo("show", f"{verb}:verb-model", "--json").json["state"] == "ready"
    assert site.imported() == []


@pytest.mark.parametrize("command", [[], ["well"]])
def test_a_group_without_a_command_shows_its_help(site: Any, command: list[str]) -> None:
    site.install("well-dist", "well", body=GREETING, commands=commands("well_dist"))
    done = site.zoo(*command)
    assert (done.stdout + done.stderr).startswith("Usage: aigc-zoo ")
    assert "Say hello." in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["well", "well-dist", "Well_Dist", "WELL.dist", "well-dist:well"])
def test_ways_to_name_a_plugin(site: Any, name: str) -> None:
    site.install("well-dist", "well")
    assert site.zoo("disable", name).returncode == 0
    assert site.state_of("well")["state"] == "disabled"


@pytest.mark.parametrize("command", [["disable", "wel"], ["show", "well-modle"], ["wel", "greet"], ["lst"]])
def test_did_you_mean(site: Any, command: list[str]) -> None:
    site.install("well-dist", "well", models=("well-model",), commands=commands("well_dist"))
    done = site.zoo(*command)
    assert done.returncode == 2
    assert "Did you mean" in done.stderr


@pytest.mark.parametrize("distribution", ["größe", "画廊", "Ünicode.Dist"])
def test_a_distribution_may_have_any_name(site: Any, distribution: str) -> None:
    site.install(distribution, "well", package="well_package", models=("well-model",))
    row = site.state_of(distribution)
    assert (row["distribution"], row["state"]) == (distribution, "registered")
    assert f"well\t{distribution}\t1.0\tregistered\t" in site.zoo("plugins").stdout
    assert site.zoo("disable", distribution).returncode == 0
    assert site.state_of(distribution)["state"] == "disabled"


def test_a_package_may_have_any_name(site: Any) -> None:
    site.install("well-dist", "well", package="画廊", models=("well-model",))
    script = "from aigc_core import discovery, plugins; print(plugins.activate(discovery.find('well')).__name__)"
    assert site.python("-c", script).stdout == "画廊.plugin\n"


@pytest.mark.parametrize("name", ["Größe", "画廊", "Well", "well_plugin", "a:b", "-well", "well plugin"])
def test_a_plugin_name_of_other_letters_is_a_broken_row(site: Any, name: str) -> None:
    site.install("odd-dist", name)
    listing = ["plugins", "--json"]
    before, after = site.many([[listing], [["disable", "odd-dist"], listing]])
    rows = [row for done in (before, after) for row in done.json["plugins"] if row["distribution"] == "odd-dist"]
    assert [(row["state"], row["name"]) for row in rows] == [("broken", name), ("disabled", name)]
    assert "is malformed" in rows[0]["reason"]


def test_an_editable_install(site: Any) -> None:
    """Its metadata lies in one folder and its package in another, which a .pth file put on the path."""
    site.install("well-dist", "well", folder=site.root / "checkout", models=("well-model",))
    path = os.pathsep.join([str(site.packages), str(site.root / "checkout")])
    rows = site.zoo("list", "--json", PYTHONPATH=path).json["models"]
    assert next(row for row in rows if row["id"] == "well-model")["state"] == "ready"
    assert site.state_of("well")["reason"] == "its package well_dist is not on the Python path"


def test_a_package_that_is_one_module_has_no_folder(site: Any) -> None:
    site.install("well-dist", "well", entry="well = single")
    (site.packages / "single.py").write_text("")
    assert site.state_of("well")["state"] == "broken"
