"""The model card: the README.md that a model's page on the Hub shows, written from its manifest alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from aigc_core.errors import Refused
from aigc_core.hub.publish import licences
from aigc_core.hub.publish.markdown import bullets, code, escaped, line, link
from aigc_core.manifest.model import is_repo_id

LIBRARY = "aigc-zoo"
"""The Hub's ``library_name`` of our models: what they are searched by."""


def card(document: dict[str, Any], repo_id: str = "") -> str:
    """Return the card of a valid manifest: metadata as YAML, then Markdown; ``repo_id`` is where it will be."""
    sections = "\n\n".join(f"## {title}\n\n{text}" for title, text in _sections(document, repo_id) if text)
    summary = escaped(document["summary"])
    return f"---\n{_front_matter(document)}\n---\n\n# {escaped(document['id'])}\n\n{summary}\n\n{sections}\n"


def check(text: str, document: dict[str, Any]) -> None:
    """Check a card that a person wrote against the manifest. Raises ``Refused`` with all that contradicts it."""
    from huggingface_hub import ModelCard

    try:
        data: dict[str, Any] = vars(ModelCard(text).data) if text.lstrip().startswith("---") else {}
    except Exception as error:  # YAML's errors, those of a model-index that is none, and whatever else a text can cause
        reason = line(str(error))[:200].rstrip(".")
        raise Refused(f"The front matter of README.md cannot be read: {reason}.", _MEND) from error
    wrong = [] if data.get("library_name") == LIBRARY else [f"it has no `library_name: {LIBRARY}`"]
    licence = licences.fields(document["terms"]["weights"]).get("license")
    if data.get("license") != licence:
        wrong.append(f"its license is {data.get('license') or 'missing'}, by the manifest it is {licence or 'none'}")
    if strange := sorted(set(re.findall(r"\b[0-9a-f]{64}\b", text)) - set(_hashes(document))):
        wrong.append(f"it names the SHA-256 {strange[0][:12]}..., which is none of the manifest's")
    if wrong:
        raise Refused(f"README.md does not fit the model: {'; '.join(wrong)}.", _MEND)


_MEND = "Correct it, or remove it and it is written from the manifest."


def _hashes(document: dict[str, Any]) -> list[str]:
    return re.findall(r"\b[0-9a-f]{64}\b", json.dumps(document))


def _metric(score: str) -> str:
    """Return which metric a score is of: ``core:vendi@n=64`` and ``nats-per-token:names:test`` say it each its way."""
    name, settings, _ = score.partition("@")
    return name if settings else score.partition(":")[0]


def _front_matter(document: dict[str, Any]) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    task, data = document["task"], document.get("origin", {}).get("data", {})
    results = [
        EvalResult(
            task_type=line(task),
            dataset_type=line(data.get("id", "unknown")),
            dataset_name=line(data.get("id", "not stated")),
            metric_type=line(_metric(score["metric"])),
            metric_name=line(score["metric"]),
            metric_value=score["value"],
        )
        for score in document.get("scores", [])
    ]
    licence = licences.fields(document["terms"]["weights"])
    metadata = ModelCardData(
        library_name=LIBRARY,
        license=licence.get("license"),
        license_name=line(licence["license_name"]) if "license_name" in licence else None,
        pipeline_tag=None if task == "other" else line(task),
        tags=[line(document["family"]), line(document["code"]["architecture"])],
        model_name=line(document["id"]) if results else None,
        eval_results=results or None,
    )
    return metadata.to_yaml()


def _sections(document: dict[str, Any], repo_id: str) -> Iterator[tuple[str, str]]:
    """Yield every section's title and Markdown; an empty one is left out."""
    terms = document["terms"]
    yield "Use", _use(document, repo_id)
    yield "What it is for", escaped(terms.get("intended_use", ""))
    yield "Limits", bullets([escaped(limit) for limit in terms.get("limits", [])])
    yield "Known failures", bullets([escaped(failure) for failure in terms.get("known_failures", [])])
    yield "Scores", bullets([_score(score) for score in document.get("scores", [])])
    yield "Licences", bullets([f"{part.capitalize()}: {_licence(terms[part])}" for part in ("weights", "code", "data")])
    yield "Origin", bullets(_origin(document.get("authors", []), document.get("origin", {})))
    yield "Citation", bullets([_paper(paper) for paper in document.get("citation", [])])
    yield "Files", bullets([_file(file) for file in document["weights"]["files"]])


def _use(document: dict[str, Any], repo_id: str) -> str:
    target = f"hf:{repo_id}" if is_repo_id(repo_id) else "./FOLDER"
    plugin, distribution = document["code"]["plugin"], document["code"].get("distribution", "")
    install = re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", distribution)  # it will be pasted into a shell
    needs = f" It needs the plugin {code(plugin)}" + (f" (`pip install {distribution}`)." if install else ".")
    options = document["use"].get("options", {}).get("properties", {})
    flags = [
        f"{code('--' + name.replace('_', '-'))}: {escaped(entry['description'])}" for name, entry in options.items()
    ]
    parts = [f"```bash\naigc-zoo run {target}\n```", f"Every byte is verified before it is loaded.{needs}"]
    return "\n\n".join([*parts, "Options:", bullets(flags)] if flags else parts)


def _score(score: dict[str, Any]) -> str:
    text = f"{code(score['metric'])}: {score['value']:g}, {escaped(score['direction'])} is better"
    if "interval" in score:
        text += "; 95 % interval {:g} to {:g}".format(*score["interval"])
    return text + (f"; {score['seeds']} seeds" if "seeds" in score else "")


def _licence(spdx: str | None) -> str:
    return "none is declared" if spdx is None else escaped(spdx)


def _origin(authors: list[str], origin: dict[str, Any]) -> Iterator[str]:
    if authors:
        yield f"Made by {escaped(', '.join(authors))}."
    if data := origin.get("data"):
        yield f"Training data: {code(data['id'])}" + "".join(
            f", {text}"
            for text in (
                f"{data['count']:,} samples" if "count" in data else "",
                escaped(data.get("source", "")),
                f"licence: {_licence(data['license'])}",
                f"sha256 {code(data['sha256'])}" if "sha256" in data else "",
            )
            if text
        )
    if facts := [f"{title} {escaped(str(origin[field]))}" for field, title in _TRAINING.items() if field in origin]:
        yield f"Training: {', '.join(facts)}"
    if parents := origin.get("parents"):
        yield f"Made from {', '.join(map(code, parents))}."
    if recipe := origin.get("recipe"):
        yield f"Recipe: {code(recipe)}"


_TRAINING = {
    "seed": "seed", "steps": "steps", "cpu_seconds": "CPU seconds", "threads": "threads", "torch": "torch",
    "instructions": "instructions",
}  # fmt: skip


def _paper(paper: dict[str, str]) -> str:
    for field, start in {"arxiv": "https://arxiv.org/abs/", "doi": "https://doi.org/", "url": ""}.items():
        if field in paper:
            return link(paper["title"], start + paper[field])
    return escaped(paper["title"])


def _file(file: dict[str, Any]) -> str:
    size = f", {file['size']:,} bytes" if "size" in file else ""
    return f"{code(file['path'])}{size}" + (f", sha256 {code(file['sha256'])}" if "sha256" in file else "")
