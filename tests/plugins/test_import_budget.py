"""Twenty installed plugins, and no command that only reads imports one of them, or anything heavy."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

HEAVY = [
    "torch",
    "numpy",
    "huggingface_hub",
    "safetensors",
    "jsonschema",
    "pluggy",
    "PIL",
    "importlib.metadata",
]

PACKAGES = [f"package_{number}" for number in range(20)]

SCRIPT = """
import json, sys
from aigc_core.cli import outcome

unwanted = set(json.loads(sys.argv[1]))
code = outcome(sys.argv[2:])
found = sorted(name for name in sys.modules if name in unwanted or name.partition(".")[0] in unwanted)
print("\\n" + json.dumps({"code": code, "found": found}), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def crowded(make_site: Callable[[], Any]) -> Any:
    site = make_site()
    commands = {"greet": {"summary": "Say hello.", "target": "nowhere:greet"}}
    for number, package in enumerate(PACKAGES):
        hooks = ["zoo_event", "zoo_finish"]
        names: dict[str, Any] = {"package": package, "hooks": hooks, "commands": commands}
        site.install(f"dist-{number}", f"plugin-{number}", models=(f"model-{number}",), **names)
    return site


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["list"], 0),
        (["list", "--json"], 0),
        (["show", "model-3"], 0),
        (["show", "model-3", "--json"], 0),
        (["cache"], 0),
        (["cache", "--help"], 0),
        (["search", "--help"], 0),
        (["pull", "--help"], 0),
        (["lock", "--help"], 0),
        (["plugins"], 0),
        (["plugins", "--json"], 0),
        (["disable", "plugin-3"], 0),
        (["enable", "plugin-3"], 0),
        (["--help"], 0),
        (["--version"], 0),
        (["run", "--help"], 0),
        (["run", "model-4", "--help"], 0),
        (["plugin-5", "--help"], 0),
        (["completion", "bash"], 0),
        (["doctor"], None),
        (["doctor", "--json"], None),
        (["show", "no-model"], 2),
        (["run", "no-model"], 2),
        (["run", "model-4", "--no-such-option"], 2),
        (["run", "model-4", "-o", "x.nosuchending"], 2),
        (["reconstruct", "--help"], 0),
        (["interpolate", "model-4", "--help"], 0),
        (["translate", "model-4", "--help"], 0),
        (["translate", "no-model", "x.png"], 2),
        (["encode", "no-model", "x.png"], 2),
        (["decode", "model-4", "x.npy"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_reading_imports_no_plugin_and_nothing_heavy(crowded: Any, command: Any, code: int | None) -> None:
    done = crowded.python("-c", SCRIPT, json.dumps([*HEAVY, *PACKAGES]), *command)
    report = json.loads(done.stderr.splitlines()[-1])
    assert report["found"] == []
    assert crowded.imported() == []
    assert code is None or report["code"] == code  # doctor judges this machine too


def test_completion_of_names_imports_nothing_heavy(crowded: Any) -> None:
    shell = {"_AIGC_ZOO_COMPLETE": "bash_complete", "COMP_WORDS": "aigc-zoo run model-1", "COMP_CWORD": "2"}
    done = crowded.zoo(**shell)
    assert "plain,model-1\n" in done.stdout
    assert "plain,model-19\n" in done.stdout
    assert crowded.imported() == []


@pytest.mark.parametrize("module", ["aigc_core", "aigc_core.cli", "aigc_core.registry", "aigc_core.interfaces"])
def test_importing_the_core_imports_nothing_heavy(crowded: Any, module: str) -> None:
    script = f"import sys, json, {module}; print(json.dumps([n for n in {HEAVY!r} if n in sys.modules]))"
    assert crowded.python("-c", script).json == []
