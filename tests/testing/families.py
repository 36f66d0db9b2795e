"""Good plugins, one for each family, written as packages; a saboteur is one of them with one thing changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors.numpy import save_file

GOOD = Path(__file__).parent / "good"
OPTIONS = {"type": "object", "additionalProperties": False, "properties": {}}


class Change(NamedTuple):
    """What makes a saboteur of a good plugin: a text in one of its files, or a value in one of its documents."""

    file: str
    """``generators.py``, or ``zoo/plugin.json``, ``zoo/models/NAME.json``, ``zoo/recipes/NAME.json``."""
    old: Any
    """The text that is replaced; of a document, the path of what is set."""
    new: Any


def paint(name: str, package: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]], dict[str, Any]]:
    random = np.random.default_rng(0)
    tensors = {"bias": random.normal(size=(3, 16)), "matrix": random.normal(size=(6, 16))}
    gain = {"type": "number", "minimum": 0.5, "maximum": 2, "default": 1, "description": "More is stronger."}
    chosen = {"type": "integer", "minimum": 0, "maximum": 2, "description": "The class of all images."}
    use = {
        "options": OPTIONS | {"properties": {"gain": gain, "class": chosen}},
        "output": {"kind": "image", "shape": [1, 4, 4], "range": [-1, 1]},
    }
    model = manifest(name, "gan", "painter", {}, ["generate"], use)
    components = {"generators": {"painter": f"{package}.generators:Painter"}}
    return plugin(name, components, hooks=["zoo_event"]), {"model": model}, {"model": tensors}


def forge(name: str, package: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]], dict[str, Any]]:
    random = np.random.default_rng(0)
    shapes = {
        "hidden.weight": (8, 4), "hidden.bias": (8,), "norm.weight": (8,), "norm.bias": (8,), "norm.running_mean": (8,),
        "last.weight": (16, 8), "last.bias": (16,),
    }  # fmt: skip
    tensors = {key: random.normal(size=shape) for key, shape in shapes.items()}
    tensors["norm.running_var"] = np.ones(8)
    output = {"kind": "image", "shape": [1, 4, 4], "range": [-1, 1]}
    model = manifest(name, "gan", "net", {"latent_dim": 4}, ["generate"], {"options": OPTIONS, "output": output})
    components = {
        "generators": {"net": f"{package}.generators:Forged"},
        "networks": {"net": f"{package}.networks:Net"},
        "discriminators": {"critic": f"{package}.networks:Critic"},
        "losses": {"non-saturating": f"{package}.losses:NonSaturating"},
        "trainers": {"alternating": f"{package}.trainer:Alternating"},
    }
    return plugin(name, components) | {"claims": {"model_type": {"net": "net"}}}, {"model": model}, {"model": tensors}


def coder(name: str, package: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]], dict[str, Any]]:
    random = np.random.default_rng(0)
    weights = {"coder": {"matrix": random.normal(size=(16, 3))}, "pixels": {"logits": random.normal(size=4)}}
    able = ["generate", "reconstruct", "interpolate", "encode", "decode", "score"]
    models = {}
    for part, side, can in (("coder", 4, able), ("pixels", 2, ["generate", "score"])):
        image = {"kind": "image", "shape": [1, side, side], "range": [0, 1]}
        use = {"options": OPTIONS, "input": image, "output": image}
        models[part] = manifest(f"{name}-{part}", "vae", part, {}, can, use)
    generators = {"coder": f"{package}.generators:Coder", "pixels": f"{package}.generators:Pixels"}
    return plugin(name, {"generators": generators}), models, weights


def talk(name: str, package: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]], dict[str, Any]]:
    logits = np.random.default_rng(0).normal(size=(28, 28)) * 2
    logits[:, 27] -= 4
    options = {
        "prompt": {"type": "string", "description": "What every text begins with."},
        "max_new_tokens": {
            "type": "integer",
            "minimum": 1,
            "maximum": 64,
            "default": 20,
            "description": "At most so many.",
        },
        "temperature": {"type": "number", "minimum": 0, "default": 1, "description": "More is more varied."},
    }
    use = {"options": OPTIONS | {"properties": options}, "output": {"kind": "text"}}
    model = manifest(name, "autoregressive", "talker", {}, ["generate", "score"], use)
    components = {"generators": {"talker": f"{package}.generators:Talker"}}
    return plugin(name, components), {"model": model}, {"model": {"logits": logits}}


FAMILIES: dict[str, Callable[[str, str], Any]] = {"paint": paint, "forge": forge, "coder": coder, "talk": talk}

RECIPE: dict[str, Any] = {
    "schema": 1,
    "summary": "Four by four.",
    "losses": {},
    "data": {"name": "nothing", "source": {"kind": "folder"}, "folder": "nothing", "range": [-1, 1], "batch_size": 8},
    "ema": None,
    "budget": {"steps": 4},
}


def plugin(name: str, components: dict[str, Any], hooks: list[str] | None = None) -> dict[str, Any]:
    return {"name": name, "api": 1, "summary": "For tests.", "components": components, "hooks": hooks or []}


def manifest(
    model: str, family: str, architecture: str, config: dict[str, Any], can: list[str], use: dict[str, Any]
) -> dict[str, Any]:
    return {
        "schema": 1,
        "id": model,
        "family": family,
        "task": "text-generation" if family == "autoregressive" else "unconditional-image-generation",
        "summary": "For tests.",
        "code": {"plugin": model, "api": 1, "architecture": architecture, "config": config},
        "weights": {"source": "bundled", "files": []},
        "capabilities": can,
        "use": use,
        "terms": {"code": "Apache-2.0", "weights": "Apache-2.0", "data": None},
        "budget": {"seconds": 60, "memory_mb": 2000},
    }


def build(folder: Path, family: str, name: str, change: Change | None = None) -> Path:
    """Write a plugin of a family under a name of its own, as if installed into ``folder``; return its package."""
    package = "kit_" + name.replace("-", "_")
    declared, models, weights = FAMILIES[family](name, package)
    documents: dict[str, Any] = {"zoo/plugin.json": declared}
    for part, model in models.items():
        model["code"]["plugin"] = name
        documents[f"zoo/models/{model['id']}.json"] = model
        model["weights"]["files"] = [weigh(folder / package / "zoo", model["id"], weights[part])]
    if family == "forge":
        documents[f"zoo/recipes/{name}.json"] = recipe(name)
        documents["zoo/claims/net.json"] = template(models["model"])
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted((GOOD / family).glob("*.py"))}
    texts["__init__.py"] = '"""A plugin for tests."""\n'
    if change:
        alter(documents if change.file.startswith("zoo/") else texts, change, name, package)
    for path, document in documents.items():
        texts[path] = json.dumps(document, indent=2)
    for path, text in texts.items():
        (folder / package / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / package / path).write_text(text.replace("PACKAGE", package), encoding="utf-8")
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package.replace('_', '-')}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[aigc_zoo]\n{name} = {package}.plugin\n")
    return folder / package


def template(model: dict[str, Any]) -> dict[str, Any]:
    """Return what the core makes the manifest of a trained model from."""
    taken = {key: value for key, value in model.items() if key not in ("id", "summary", "weights", "budget")}
    return taken | {"terms": {"code": "Apache-2.0", "data": None}}


def recipe(name: str) -> dict[str, Any]:
    return RECIPE | {
        "name": name,
        "trainer": {"use": f"{name}:alternating"},
        "networks": {
            "generator": {"use": f"{name}:net", "config": {"latent_dim": 4}},
            "discriminator": {"use": f"{name}:critic", "config": {}},
        },
        "losses": {"adversarial": f"{name}:non-saturating"},
        "optimizers": {role: {"kind": "sgd", "learning_rate": 0.01} for role in ("generator", "discriminator")},
    }


def weigh(zoo: Path, model: str, tensors: dict[str, Any]) -> dict[str, Any]:
    """Write a weight file and return its entry in the manifest."""
    path = zoo / "weights" / f"{model}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {name: np.ascontiguousarray(values, np.float32) for name, values in tensors.items()}
    if "norm.running_var" in whole:
        whole["norm.num_batches_tracked"] = np.array(0, np.int64)
    save_file(whole, path)
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    return {"path": f"weights/{model}.safetensors", "size": len(data), "sha256": digest, "format": "safetensors"}


def alter(parts: dict[str, Any], change: Change, name: str, package: str) -> None:
    """Carry out a change; a text must be there once, or the saboteur would be a good plugin."""
    file = change.file.replace("NAME", name)
    if isinstance(change.old, str):
        assert parts[file].count(change.old) == 1, (file, change.old, parts[file].count(change.old))
        parts[file] = parts[file].replace(change.old, change.new)
        return
    at = parts[file]
    *path, last = change.old
    for key in path:
        at = at.setdefault(key, {})
    at[last] = change.new.replace("PACKAGE", package) if isinstance(change.new, str) else change.new
