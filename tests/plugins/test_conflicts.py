"""Names that more than one claims: an error that names both, and a command that settles it."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def two_claimants(site: Any) -> Any:
    """Two distributions that call their plugin ``same``."""
    site.install("one-dist", "same", models=("first",))
    site.install("two-dist", "same", version="2.0", models=("second",))
    return site


@pytest.fixture
def two_models(site: Any) -> Any:
    """Two plugins that ship a model ``twin``."""
    site.install("one-dist", "one", models=("twin",))
    site.install("two-dist", "two", version="2.0", models=("twin",))
    return site


def states(site: Any) -> dict[str, str]:
    """Return the state of every model but those that are there without this test."""
    rows = site.zoo("list", "--json").json["models"]
    others = ("plugin core", "plugin gan", "plugin vae", "plugin text", "registry")
    return {row["id"]: row["state"] for row in rows if row["origin"] not in others}


@pytest.mark.parametrize("command", [["run", "first"], ["run", "same:first"], ["show", "first"], ["disable", "same"]])
def test_a_plugin_name_claimed_twice_is_an_error_that_names_both(two_claimants: Any, command: list[str]) -> None:
    done = two_claimants.zoo(*command)
    assert done.returncode == 2
    assert "one-dist" in done.stderr
    assert "two-dist" in done.stderr
    assert two_claimants.imported() == []


@pytest.mark.parametrize(("loser", "winner", "model"), [("one", "two", "second"), ("two", "one", "first")])
def test_disabling_one_claimant_settles_it(two_claimants: Any, loser: str, winner: str, model: str) -> None:
    assert two_claimants.zoo("disable", f"{loser}-dist:same").returncode == 0
    assert two_claimants.state_of(f"{winner}-dist")["state"] == "registered"
    assert two_claimants.state_of(f"{loser}-dist")["state"] == "disabled"
    assert sorted(states(two_claimants).values()) == ["disabled", "ready"]
    assert states(two_claimants)[model] == "ready"


def test_the_command_that_a_row_names_settles_it(two_claimants: Any) -> None:
    repair = two_claimants.state_of("one-dist")["repair"]
    assert two_claimants.zoo(*repair.split()[1:]).returncode == 0
    assert two_claimants.state_of("one-dist")["state"] == "registered"


def test_the_command_that_enables_a_claimant_again_works(two_claimants: Any) -> None:
    two_claimants.zoo("disable", "two-dist:same")
    repair = two_claimants.state_of("two-dist")["repair"]
    assert two_claimants.zoo(*repair.split()[1:]).returncode == 0
    assert two_claimants.state_of("two-dist")["state"] == "conflict"


@pytest.mark.parametrize("loser", ["one", "two"])
def test_the_users_own_model_is_run_by_the_claimant_that_is_left(two_claimants: Any, loser: str) -> None:
    own = two_claimants.home / "data" / "models"
    own.mkdir(parents=True)
    text = (two_claimants.packages / "one_dist" / "zoo" / "models" / "first.json").read_text()
    (own / "mine.json").write_text(text.replace('"id": "first"', '"id": "mine"'))
    assert states(two_claimants)["mine"] == "conflict"
    two_claimants.zoo("disable", f"{loser}-dist:same")
    assert states(two_claimants)["mine"] == "ready"


@pytest.mark.parametrize("loser", ["one", "two"])
def test_a_qualified_name_means_the_model_that_can_be_run(site: Any, loser: str) -> None:
    site.install("one-dist", "same", models=("twin",))
    site.install("two-dist", "same", models=("twin",))
    site.zoo("disable", f"{loser}-dist:same")
    for name in ("twin", "same:twin"):
        assert site.zoo("show", name, "--json").json["state"] == "ready"


@pytest.mark.parametrize("command", ["show", "run"])
def test_a_model_listed_twice_is_an_error_that_names_both(two_models: Any, command: str) -> None:
    assert states(two_models) == {"twin": "conflict"}
    done = two_models.zoo(command, "twin")
    assert done.returncode == 2
    assert "one-dist 1.0 and two-dist 2.0" in done.stderr
    assert "aigc-zoo run one:twin" in done.stderr


def test_a_model_listed_twice_runs_by_its_qualified_name(two_models: Any) -> None:
    done = two_models.zoo("run", "two:twin", "-n", "1", "-o", "x.npy")
    assert (done.returncode, done.stderr) == (0, "")
    assert two_models.imported() == ["two_dist"]


def test_the_users_manifest_of_a_model_settles_whose_is_meant(two_models: Any) -> None:
    """An overlay of an id is no duplicate of it: the user has said what the name means."""
    own = two_models.home / "data" / "models"
    own.mkdir(parents=True)
    (own / "twin.json").write_text((two_models.packages / "two_dist" / "zoo" / "models" / "twin.json").read_text())
    assert states(two_models) == {"twin": "ready"}
    shown = two_models.zoo("show", "twin", "--json").json
    assert (shown["state"], shown["origin"]) == ("ready", "user")
    done = two_models.zoo("run", "twin", "-n", "1", "-o", "x.npy")
    assert (done.returncode, done.stderr) == (0, "")
    assert two_models.imported() == ["two_dist"]
    for name in ("one:twin", "two:twin"):
        assert two_models.zoo("show", name, "--json").json["state"] == "ready"


def test_disabling_one_plugin_settles_whose_model_is_meant(two_models: Any) -> None:
    two_models.zoo("disable", "one")
    assert two_models.zoo("show", "twin", "--json").json["origin"] == "plugin two"


def test_one_distribution_that_claims_its_name_twice_can_still_be_disabled(site: Any) -> None:
    site.install("one-dist", "same", entry="same = one_dist.plugin\nsame = one_dist.plugin")
    assert site.state_of("same")["state"] == "conflict"
    assert site.zoo("disable", "same").returncode == 0
    assert site.state_of("same")["state"] == "disabled"
