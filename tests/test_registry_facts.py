"""The index holds no invented fact: what it says of the Hub is in the notes of what was seen, with its provenance."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from aigc_core.manifest import ModelManifest
from aigc_core.manifest.validate import validate_model

ROOT = Path(__file__).parents[1]
NOTES = ROOT.parent / "shared" / "research" / "hub.md"
MANIFESTS = sorted((ROOT / "registry").glob("*.json"))
HEX = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-f])")

each = pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)


@pytest.fixture
def notes() -> str:
    if not NOTES.exists():
        pytest.skip("the notes of what was seen on the Hub are not beside this checkout")
    return NOTES.read_text(encoding="utf-8")


def asked(document: dict[str, Any]) -> bool:
    """Say whether the Hub itself was asked since, so that a manifest knows more than the notes."""
    sources = [entry["source"] for entry in document["provenance"] if entry["verified"]]
    return any(re.fullmatch(r"asked of https://\S+ by aigc-zoo pin", source) for source in sources)


def passages(notes: str, repo_id: str) -> list[str]:
    """Return each passage on a repository: its bullet, or the paragraph with all bullets where its head names it."""
    found = []
    for block in re.split(r"\n\s*\n", notes):
        head, *bullets = re.split(r"^- ", block, flags=re.MULTILINE)
        found += [block] if repo_id in head else [bullet for bullet in bullets if repo_id in bullet]
    return found


def unseen(document: dict[str, Any], notes: str) -> list[str]:
    """Return the facts of a manifest that no one passage on its repository has together."""
    weights = document["weights"]
    names = dict.fromkeys([weights["repo_id"], weights["repo_id"].removesuffix("-Instruct")])  # written as one there
    reasons = [lacking(document, passage) for name in names for passage in passages(notes, name)]
    return min(reasons, key=len, default=["the repository"])


def lacking(document: dict[str, Any], passage: str) -> list[str]:
    """Return the facts of a manifest that a passage does not have."""
    weights, licence = document["weights"], document["terms"]["weights"]
    facts = [("the commit", weights.get("revision", "")), ("the licence", licence or "")]
    missing = [name for name, value in facts if value not in passage]
    for file in weights["files"]:
        size, sha256 = file.get("size"), file.get("sha256", "")
        text = rf"(?<!\d){size if size is not None else ''}\s*`?{sha256}(?![0-9a-f])"  # both are side by side there
        if not re.search(text, passage):
            missing.append(file["path"])
    verified = any(entry["verified"] for entry in document["provenance"])
    return missing + (["that it is verified"] if verified and "[A]" not in passage else [])


def uncovered(document: dict[str, Any]) -> list[str]:
    """Return the facts about the Hub that no entry of a manifest's provenance covers."""
    files = enumerate(document["weights"]["files"])
    facts = [f"/weights/files/{index}/{field}" for index, file in files for field in ("path", "size", "sha256")]
    facts = [
        "/weights/repo_id",
        "/weights/revision",
        "/terms/weights",
        "/use/output/shape",
        "/use/output/range",
        *facts,
    ]
    covering = {fact for entry in document["provenance"] for fact in entry["facts"]}
    named = {fact for fact in facts if any(f"{fact}/".startswith(f"{cover}/") for cover in covering)}
    return [fact for fact in facts if fact not in named and is_there(document, fact)]


def is_there(value: Any, pointer: str) -> bool:
    for key in pointer.split("/")[1:]:
        key = int(key) if isinstance(value, list) else key
        if isinstance(value, dict) and key not in value:
            return False
        value = value[key]
    return True


@each
def test_a_manifest_has_no_problem_and_is_on_the_hub(path):
    assert validate_model(str(path)) == []
    manifest = ModelManifest.read(str(path))
    assert manifest.source == "hub"
    assert manifest.distribution == f"aigc-{manifest.plugin}"


@each
def test_every_commit_and_hash_was_seen(path, notes):
    text = path.read_text(encoding="utf-8")
    assert set(HEX.findall(text)) <= set(HEX.findall(notes)) or asked(json.loads(text))


@each
def test_commit_sizes_hashes_and_licence_were_seen_together(path, notes):
    document = json.loads(path.read_text(encoding="utf-8"))
    assert unseen(document, notes) == [] or asked(document)


@each
def test_every_fact_has_a_provenance(path):
    assert uncovered(json.loads(path.read_text(encoding="utf-8"))) == []


@each
def test_a_pickle_is_listed_only_where_there_are_no_safetensors_and_says_so(path):
    manifest = ModelManifest.read(str(path))
    formats = {file.format for file in manifest.files}
    assert len(formats & {"safetensors", "pickle"}) == 1
    assert ("pickle" in formats) == any("pickle of torch.save" in text for text in manifest.document["terms"]["limits"])


@each
def test_undeclared_licences_and_random_weights_are_said(path):
    document = json.loads(path.read_text(encoding="utf-8"))
    limits = " ".join(document["terms"]["limits"])
    assert (document["terms"]["weights"] is None) == ("No licence is declared" in limits)
    assert ("random" in document["id"]) == ("Its weights are random" in limits)


@each
def test_an_autoencoder_without_a_prior_does_not_generate(path):
    document = json.loads(path.read_text(encoding="utf-8"))
    limits = " ".join(document["terms"]["limits"])
    assert (document["family"] == "vae") == ("No usable prior" in limits)
    assert (document["family"] == "vae") != bool({"generate", "translate"} & set(document["capabilities"]))


def test_the_index_has_pinned_models_of_each_family():
    found = [ModelManifest.read(str(path)) for path in MANIFESTS]
    assert {manifest.family for manifest in found if manifest.pinned} == {"gan", "vae", "autoregressive"}
    assert any(not manifest.pinned for manifest in found)


# --- Saboteurs: each check sees what it is there for ---

SEEN = """
**a/b** [B] MIT, `{r}`
- model.safetensors 12 `{h}`
- other/repo: Apache-2.0, model.bin 34 `{o}`
""".format(r="1" * 40, h="2" * 64, o="3" * 64)
GOOD = {
    "weights": {
        "repo_id": "a/b",
        "revision": "1" * 40,
        "files": [{"path": "model.safetensors", "size": 12, "sha256": "2" * 64}],
    },
    "use": {"output": {"kind": "text"}},
    "terms": {"weights": "MIT"},
    "provenance": [
        {"facts": ["/weights/repo_id", "/weights/revision", "/weights/files/0", "/terms/weights"], "verified": False}
    ],
}


def spoilt(pointer: str, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(GOOD)
    target: Any = document
    *outer, last = pointer.split("/")
    for key in outer:
        target = target[int(key) if isinstance(target, list) else key]
    target[last] = value
    return document


def test_what_was_seen_together_passes():
    assert unseen(GOOD, SEEN) == []
    assert uncovered(GOOD) == []


@pytest.mark.parametrize(
    ("pointer", "value", "missing"),
    [
        ("weights/revision", "4" * 40, "the commit"),
        ("weights/repo_id", "c/d", "the repository"),
        ("weights/repo_id", "other/repo", "the commit"),
        ("weights/files/0/sha256", "2" * 63 + "4", "model.safetensors"),
        ("weights/files/0/sha256", "3" * 64, "model.safetensors"),
        ("weights/files/0/size", 2, "model.safetensors"),
        ("weights/files/0/size", 34, "model.safetensors"),
        ("terms/weights", "BSD-3-Clause", "the licence"),
        ("provenance", [{"facts": [], "verified": True}], "that it is verified"),
    ],
)
def test_an_invented_fact_is_found(pointer, value, missing):
    assert missing in unseen(spoilt(pointer, value), SEEN)


@pytest.mark.parametrize(
    ("source", "verified", "counts"),
    [
        ("asked of https://huggingface.co by aigc-zoo pin", True, True),
        ("asked of https://huggingface.co by aigc-zoo pin", False, False),
        ("asked of http://127.0.0.1:1 by aigc-zoo pin", True, False),
        ("Several independent public projects give these same values.", True, False),
    ],
)
def test_only_the_hub_itself_counts_as_asked(source, verified, counts):
    assert asked(spoilt("provenance", [{"source": source, "verified": verified}])) == counts


@pytest.mark.parametrize("fact", ["/weights/repo_id", "/weights/revision", "/weights/files/0/sha256", "/terms/weights"])
def test_a_fact_without_a_provenance_is_found(fact):
    facts = [other for other in GOOD["provenance"][0]["facts"] if not fact.startswith(other)]
    assert fact in uncovered(spoilt("provenance", [{"facts": facts, "verified": False}]))
