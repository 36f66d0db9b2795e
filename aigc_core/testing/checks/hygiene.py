"""H: what a model does beside making samples, seen from outside, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from aigc_core.testing.outdated import in_parts
from aigc_core.testing.subjects import ModelSubject, Subject
from aigc_core.testing.verdict import Broken, Skipped

FRAMEWORKS = ("torch", "tensorflow", "jax", "transformers", "diffusers", "onnxruntime", "scipy", "pandas", "matplotlib")
"""What takes long to import, and no hook or command needs before it is called."""


def network(subject: ModelSubject) -> None:
    """H1: no name was looked up and nothing was connected."""
    if found := subject.observed.network:
        raise Broken(
            f"It asks the network: {found[0]}.",
            "Name what it needs under weights.files; the core fetches it.",
            events=found,
        )


def writes(subject: ModelSubject) -> None:
    """H2: no file outside the temporary folder and the zoo's home was written, made, moved or removed."""
    if found := subject.observed.writes:
        raise Broken(f"It writes {found[0]}.", "Keep it in memory, or in a folder of tempfile.", files=found)


def silence(subject: ModelSubject) -> None:
    """H3: nothing came to standard output."""
    if text := subject.observed.output:
        raise Broken(f"It says {text.strip()[:80]!r} on standard output.", "Leave it out, or print to sys.stderr.")


def imports(subject: Subject) -> None:
    """H4: the frameworks that are among the modules after the entry point's module has been imported."""
    program = "import importlib, json, sys; importlib.import_module(sys.argv[1]); print(json.dumps([*sys.modules]))"
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", program, subject.plugin.module],
        env={**os.environ, "PYTHONPATH": paths},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Broken(f"{subject.plugin.module} cannot be imported by itself: {last}")
    loaded = set(json.loads(done.stdout.strip().splitlines()[-1]))
    if heavy := [name for name in FRAMEWORKS if name in loaded]:
        raise Broken(
            f"Importing {subject.plugin.module} imports {', '.join(heavy)}.",
            "Import it inside the functions that need it.",
            modules=heavy,
        )


def time(subject: ModelSubject) -> None:
    """H5: CPU seconds of every use against ``budget.seconds``."""
    allowed = _budget(subject, "seconds")
    if (spent := subject.observed.cpu_seconds) > allowed:
        raise Broken(
            f"It takes {spent:.1f} CPU seconds, the manifest's budget is {allowed:g}.",
            "Make it faster, or state more under budget.seconds.",
        )


def memory(subject: ModelSubject) -> None:
    """H6: the largest resident memory against ``budget.memory_mb``."""
    allowed, held = _budget(subject, "memory_mb"), subject.observed.memory_mb
    if held != held:
        raise Skipped("this system does not say how much memory a process held")
    if held > allowed:
        raise Broken(
            f"It takes {held:,.0f} MB, the manifest's budget is {allowed:,g}.",
            "Make it smaller, or state more under budget.memory_mb.",
        )


def model_is_current(subject: ModelSubject) -> None:
    """H7: no warning of ``aigc_core.deprecation`` came while a fresh process opened and used the model."""
    _none_outdated(subject.observed.outdated)


def parts_are_current(subject: Subject) -> None:
    """H8: nor while one imported the components, called the losses and took a step of each recipe."""
    _none_outdated(in_parts(subject.plugin.name))


def _none_outdated(found: list[str]) -> None:
    if found:
        more = f" And {len(found) - 1} more." if len(found) > 1 else ""
        raise Broken(found[0] + more, "Use what it names, which is there already.", uses=found)


def _budget(subject: ModelSubject, field: str) -> float:
    manifest = subject.entry.manifest
    budget = manifest.document["budget"] if manifest else {}
    if field not in budget:
        raise Skipped(f"the manifest's budget says nothing of {field}")
    return float(budget[field])
