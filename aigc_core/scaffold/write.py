"""From what is asked for to the files of a package; all of them, or none.

A template is a file that ends in ``.tmpl``, filled in by ``string.Template``; any other file is copied as it is. In
paths, ``PACKAGE`` and ``NAME`` stand for the plugin's own.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from string import Template
from typing import Any

from aigc_core.check.layout import ordered, written
from aigc_core.errors import WrongUse
from aigc_core.manifest.schema import schema
from aigc_core.scaffold.asked import FAMILIES, Asked

TEMPLATES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates")
_ENDING = ".tmpl"


def write(asked: Asked, folder: str) -> list[str]:
    """Write the package into a new folder; return its files' paths in it, sorted.

    Raises ``WrongUse`` where the folder exists or cannot be made; then nothing has been written.
    """
    folder = os.path.abspath(folder)
    parent, name = os.path.split(folder)
    if os.path.lexists(folder):
        raise WrongUse(f"{folder} is there already.", "Choose another with --out, or move it away.")
    if not os.path.isdir(parent):
        raise WrongUse(f"There is no folder {parent} to put {name} into.", f"Make it: mkdir -p {parent}")
    found = dict(files(asked))
    part = tempfile.mkdtemp(prefix=f".{name}.", dir=parent)
    try:
        for path, data in found.items():
            target = os.path.join(part, *path.split("/"))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as stream:
                stream.write(data)
        os.chmod(part, 0o777 & ~_umask())  # mkdtemp's own is for its owner alone
        os.rename(part, folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return sorted(found)


def files(asked: Asked) -> Iterator[tuple[str, bytes]]:
    """Yield each file of the package: its path, with forward slashes, and what it holds."""
    words = _words(asked)
    for root in ("common", asked.family):
        base = os.path.join(TEMPLATES, root)
        for folder, folders, names in os.walk(base):
            folders.sort()
            for name in sorted(names):
                source = os.path.join(folder, name)
                path = os.path.relpath(source, base).replace(os.sep, "/")
                if path.startswith("trained/facts"):
                    continue
                with open(source, "rb") as stream:
                    data = stream.read()
                if name.endswith(_ENDING):
                    data = _filled(path.removesuffix(_ENDING), data.decode(), words).encode()
                yield _placed(path.removesuffix(_ENDING), asked), data
    text = os.path.join(TEMPLATES, "licences", f"{asked.licence}.txt")
    if os.path.exists(text):
        with open(text, "rb") as stream:
            yield "LICENSE", stream.read()


def _filled(path: str, template: str, words: dict[str, str]) -> str:
    """Return a template filled in; a manifest in the layout that ``aigc-zoo check --fix`` leaves as it is."""
    text = Template(template).substitute(words)
    folder, name = path.split("/")[-2:] if "/" in path else ("", path)
    kind = "plugin" if name == "plugin.json" else {"models": "model", "recipes": "recipe"}.get(folder)
    return written(ordered(json.loads(text), schema(kind), schema(kind))) if kind else text


def _placed(path: str, asked: Asked) -> str:
    """Return where a file goes: what a training made lies beside the templates under ``trained``."""
    if path.startswith("trained/"):
        path = path.replace("trained/", "src/PACKAGE/zoo/", 1)
    return path.replace("PACKAGE", asked.package).replace("NAME", asked.name)


def _words(asked: Asked) -> dict[str, str]:
    """Return what every placeholder stands for."""
    trained = os.path.join(TEMPLATES, asked.family, "trained")
    with open(os.path.join(trained, "weights", "NAME.safetensors"), "rb") as stream:
        weights = stream.read()
    words = {
        "name": asked.name,
        "distribution": asked.distribution,
        "package": asked.package,
        "base": f"aigc-{asked.family}",
        "licence": asked.licence,
        "author": json.dumps(asked.author, ensure_ascii=False),  # a string of JSON is one of TOML
        "summary": FAMILIES[asked.family],
        "data_file": "data/words.txt" if asked.family == "text" else f"src/{asked.package}/data.py",
        "size": str(len(weights)),
        "sha256": sha256(weights).hexdigest(),
    }
    with open(os.path.join(trained, "facts.json.tmpl"), encoding="utf-8") as stream:
        facts: dict[str, Any] = json.loads(Template(stream.read()).substitute(words))
    return words | {field: json.dumps(facts[field], ensure_ascii=False) for field in ("origin", "golden")}


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
