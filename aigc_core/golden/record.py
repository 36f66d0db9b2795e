"""A new golden case: its input drawn, its output computed in fresh processes, its tolerances measured, all written."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aigc_core.check.layout import ordered, written
from aigc_core.errors import WrongUse
from aigc_core.files import whole_file
from aigc_core.golden import measure, tolerance
from aigc_core.manifest.read import read_object
from aigc_core.manifest.schema import schema

if TYPE_CHECKING:
    from aigc_core.registry import Entry


def record(name: str, entry: Entry, options: Mapping[str, Any], *, count: int = 4, seed: int = 0) -> dict[str, Any]:
    """Record a case and write it into the model's manifest, in the place of one with the same options; return it.

    ``name`` is what the model is called on the command line. Raises ``WrongUse`` for a model that makes nothing from
    noise or whose manifest is not the user's to change, ``CheckFailed`` where it is not reproducible.
    """
    _check(entry)
    document = read_object(entry.path)
    given, known = dict(options), document.setdefault("golden", [])
    properties = (entry.manifest.options if entry.manifest else {}).get("properties", {})
    is_text = entry.manifest is not None and entry.manifest.output["kind"] == "text"
    if is_text and "temperature" in properties and "temperature" not in given:
        given["temperature"] = 0  # the likeliest token: what a sampler does beside the model is tested by itself
    prompt = str(given.pop("prompt", "")) if is_text else None
    number = _place(known, given, prompt)
    with tempfile.TemporaryDirectory() as folder:
        noise = _store_noise(name, os.path.join(folder, "noise.safetensors"), seed, count)
        asked = given | ({"prompt": prompt} if prompt else {})
        found, environment = measure.run(name, noise, asked, folder)
        low, high = entry.manifest.output.get("range", (0, 1)) if entry.manifest else (0, 1)
        measured = tolerance.of(found, high - low)
        stored = os.path.join(folder, "1-thread.safetensors")
        case: dict[str, Any] = {}
        if noise:
            case["noise"] = _keep(noise, entry, f"{entry.id}-{number}-noise.safetensors")
        if prompt is not None:
            case["prompt"] = prompt
        if given:
            case["options"] = given
        case["output"] = _keep(stored, entry, f"{entry.id}-{number}.safetensors")
        values = sum(array.size for array in next(iter(found.values())).values())
    with open(os.path.join(entry.folder, case["output"]), "rb") as stream:
        case["sha256"] = hashlib.sha256(stream.read()).hexdigest()
    case |= {"rtol": measured.rtol, "atol": measured.atol, "mismatches_per_million": measured.per_million}
    case["evidence"] = tolerance.evidence(measured, environment, values)
    known[number:] = [case, *known[number + 1 :]]
    with whole_file(entry.path) as stream:
        stream.write(written(ordered(document, schema("model"), schema("model"))).encode())
    return case


def _check(entry: Entry) -> None:
    if entry.manifest is None:
        raise entry.error()
    if "generate" not in entry.manifest.capabilities:
        raise WrongUse(f"{entry.id} makes nothing from noise, so there is no golden case of it.")
    if entry.manifest.source != "bundled":
        text = f"{entry.id} has its weights on the Hub; a golden case lies beside weights."
        raise WrongUse(text, "Record it in the plugin or the folder that has them.")
    if not os.access(entry.path, os.W_OK):
        raise WrongUse(f"{entry.path} cannot be written.", "Install the plugin from its source: pip install -e .")


def _place(known: list[dict[str, Any]], options: dict[str, Any], prompt: str | None) -> int:
    """Return the number of the case with these options and this prompt, or that of a new one."""
    for number, case in enumerate(known):
        if case.get("options", {}) == options and case.get("prompt") == prompt:
            return number
    return len(known)


def _store_noise(name: str, path: str, seed: int, count: int) -> str:
    """Write the noise of a seed's first samples; return the path, empty for a language model, which has its own."""
    from safetensors.numpy import save_file

    from aigc_core.run.load import load

    model = load(name)
    if model.language is not None:
        return ""
    save_file(model.noise(count, seed=seed), path)
    return path


def _keep(source: str, entry: Entry, name: str) -> str:
    """Copy a file into the model's folder, whole; return its path there."""
    os.makedirs(os.path.join(entry.folder, "golden"), exist_ok=True)
    with open(source, "rb") as given, whole_file(os.path.join(entry.folder, "golden", name)) as stream:
        shutil.copyfileobj(given, stream)
    return f"golden/{name}"


def shown(case: Mapping[str, Any]) -> str:
    """Return what was measured, in a line."""
    largest = ", ".join(f"{name} {value:g}" for name, value in case["evidence"]["largest"].items())
    given = {key: case[key] for key in ("prompt", "options") if key in case}
    told = f"; {json.dumps(given, ensure_ascii=False)}" if given else ""
    return f"{case['output']}: atol {case['atol']:g}; furthest from it: {largest}{told}"
