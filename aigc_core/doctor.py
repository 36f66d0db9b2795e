"""Every check of an installation, as one list of results; imports no plugin (``activations`` tries them elsewhere)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from aigc_core import discovery, registry
from aigc_core.errors import ZooError, counted
from aigc_core.paths import home
from aigc_core.run.load import fetch

REQUIRED = ("torch", "numpy", "PIL", "pluggy", "huggingface_hub", "safetensors", "click", "jsonschema", "tqdm")
ELSEWHERE = ("not fetched", "not pinned", "no plugin")
"""States of a model that nothing is wrong with: its files, or its plugin, are not on this machine."""
ACTIVATION_SECONDS = 120
"""An import that takes longer is reported as hanging."""


class Check(NamedTuple):
    """One thing that was looked at. ``state`` is ``ok``, ``warning`` or ``problem``."""

    name: str
    state: str
    message: str
    repair: str = ""


def checks() -> Iterator[Check]:
    """Look at the dependencies, the folders, every plugin and every model."""
    yield from _dependencies()
    yield from _folders()
    try:
        plugins, entries = discovery.plugins(), registry.entries()
    except ZooError as error:
        yield Check("settings", "problem", str(error), error.hint)
        return
    for plugin in plugins:
        name, who = f"plugin {plugin.name}", f"{plugin.distribution} {plugin.version}"
        state = {"registered": "ok", "disabled": "warning"}.get(plugin.state, "problem")
        message = f"{who}: {plugin.state}" + (f": {plugin.reason}" if plugin.reason else "")
        yield Check(name, state, message, plugin.repair)
    for entry in entries:
        if entry.state not in ELSEWHERE:
            yield _model(entry)
    away = Counter(entry.state for entry in entries if entry.state in ELSEWHERE)
    if away:
        states = ", ".join(f"{count} {state}" for state, count in away.items())
        yield Check(
            "other models", "ok", f"{counted(away.total(), 'model')} known and not here ({states}): aigc-zoo list"
        )


def _dependencies() -> Iterator[Check]:
    from importlib.util import find_spec

    for package in REQUIRED:
        if find_spec(package) is None:
            yield Check(f"package {package}", "problem", "it is not installed", "pip install aigc-core")


def _folders() -> Iterator[Check]:
    for kind in ("config", "state"):
        folder = home(kind)
        while not os.path.isdir(folder) and folder != os.path.dirname(folder):
            folder = os.path.dirname(folder)
        writable = os.access(folder, os.W_OK)
        message = home(kind) + ("" if writable else " cannot be written, so nothing is remembered")
        yield Check(f"{kind} folder", "ok" if writable else "warning", message)


def _model(entry: registry.Entry) -> Check:
    name = f"model {entry.id}"
    if entry.state != "ready" or entry.manifest is None:
        state = "warning" if entry.state == "disabled" else "problem"
        return Check(name, state, f"{entry.state}: {entry.reason}", entry.repair)
    try:
        fetch(entry, offline=True)
    except ZooError as error:
        return Check(name, "problem", str(error), error.hint)
    return Check(name, "ok", "ready, its weights verified")


def manifest_problems() -> list[dict[str, Any]]:
    """Validate every manifest in full, in a process of its own: the schema library stays out of this one.

    Returns a list of problems as ``python -m aigc_core.manifest`` prints them.
    """
    paths = [entry.path for entry in registry.entries()]
    paths += [os.path.join(plugin.zoo, "plugin.json") for plugin in discovery.plugins() if plugin.package]
    existing = sorted({os.path.abspath(path) for path in paths if os.path.exists(path)})
    if not existing:
        return []
    done = _python("aigc_core.manifest", *existing)
    try:
        problems: list[dict[str, Any]] = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return [_failed_validation(last)]
    return problems


def _python(module: str, *arguments: str, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run a module of ours in a new interpreter, from our own folder: ``-m`` imports from the one that it starts in."""
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    path = os.pathsep.join(map(os.path.abspath, filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))))
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        cwd=home,
        env=dict(os.environ, PYTHONPATH=path),
    )


def _failed_validation(reason: str) -> dict[str, Any]:
    message = f"the manifests could not be validated: {reason}"
    return {"path": "", "code": "validator-failed", "pointer": "", "line": 1, "message": message, "hint": ""}


def activation_checks() -> Iterator[Check]:
    """Import every enabled plugin with all that it declares, each in a process of its own."""
    for plugin in discovery.usable(discovery.plugins()):
        name = f"activation of {plugin.name}"
        try:
            done = _python("aigc_core.activate", plugin.key, timeout=ACTIVATION_SECONDS)
        except subprocess.TimeoutExpired:
            repair = f"aigc-zoo disable {plugin.key}"
            yield Check(name, "problem", f"{plugin.distribution}: still importing after {ACTIVATION_SECONDS} s", repair)
            continue
        if done.returncode == 0:
            yield Check(name, "ok", f"{plugin.distribution} {plugin.version}: everything it declares can be imported")
        else:
            last = (done.stderr.strip().splitlines() or [f"the process ended with {done.returncode}"])[-1]
            repair = f"aigc-zoo disable {plugin.key}"
            yield Check(name, "problem", f"{plugin.distribution} {plugin.version}: {last}", repair)
