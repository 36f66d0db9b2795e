"""The loopback Hub itself, as the real client sees it."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import math
import mmap
import os
import signal
import subprocess
import sys
import time
import tracemalloc
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

huggingface_hub = pytest.importorskip("huggingface_hub")

from huggingface_hub import HfApi, ModelCard, errors, hf_hub_download, snapshot_download  # noqa: E402

MIB = 2**20
WEIGHTS = bytes(range(256)) * 40
CARD = """---
language: [en, zh]
license: apache-2.0
library_name: aigc-zoo
pipeline_tag: unconditional-image-generation
tags: [gan, small]
datasets: fashion-mnist
metrics: [fid]
base_model: me/base
model-index:
- name: tiny
  results:
  - task: {type: unconditional-image-generation, name: Images}
    dataset: {type: fashion-mnist, name: Fashion-MNIST, split: test, args: {size: 28}}
    metrics:
    - {type: fid, value: 20.5, name: FID, args: {images: 1000}, verified: false}
    - {type: kid, value: 0.01 ± 0.001}
    source: {url: "https://example.org/report", name: A report}
---
# Tiny
"""
TINY = {"README.md": CARD, "config.json": b'{"hidden": 4}', "model.safetensors": WEIGHTS}


def safetensors(shape: tuple[int, ...]) -> bytes:
    size = 4 * math.prod(shape)
    header = json.dumps({"w": {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(size)


def ask(url: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Send one request, and follow nothing."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, headers=headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def fetch(repo_id: str, path: str, **options: Any) -> bytes:
    return Path(hf_hub_download(repo_id, path, **options)).read_bytes()


def link(hub: Any, repo_id: str = "me/tiny", path: str = "model.safetensors") -> str:
    return ask(f"{hub.url}/{repo_id}/resolve/main/{path}", "HEAD")[1]["location"]


# Ids


def git(folder: Path, *arguments: str, date: int = 0) -> str:
    who = {"NAME": "hub", "EMAIL": "hub@loopback", "DATE": f"{date} +0000"}
    own = {f"GIT_{role}_{field}": value for role in ("AUTHOR", "COMMITTER") for field, value in who.items()}
    environment = {**os.environ, **own, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", "-c", "core.autocrlf=false", *arguments], cwd=folder, env=environment, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


def test_ids_are_those_of_git(hub: Any, tmp_path: Path) -> None:
    steps: list[dict[str, bytes]] = [
        {"a": b"1\n", "b.txt": b"2", "b/c": b"3", "b-d": b"4", "b0": b"5", "模型.txt": b"6", "w.safetensors": WEIGHTS},
        {"b/e/f/g": b"", "a": b"changed\n", "b/w.bin": b"\0" * 100},
    ]
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    git(folder, "commit", "--allow-empty", "-qm", "initial commit", date=1_700_000_000)
    for number, files in enumerate(steps, start=1):
        for name, data in files.items():
            sha256 = hashlib.sha256(data).hexdigest()
            pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(data)}\n".encode()
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(pointer if name.endswith((".safetensors", ".bin")) else data)
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", f"Step {number}", date=1_700_000_000 + 60 * number)
        assert hub.commit("me/tiny", files, f"Step {number}") == git(folder, "rev-parse", "HEAD")
    git(folder, "rm", "-rq", "b")
    git(folder, "commit", "-qm", "Less", date=1_700_000_180)
    assert hub.commit("me/tiny", {}, "Less", delete=["b"]) == git(folder, "rev-parse", "HEAD")
    before = git(folder, "rev-parse", "HEAD~1")
    for row in HfApi().list_repo_tree("me/tiny", recursive=True, revision=before):
        oid = getattr(row, "blob_id", None) or row.tree_id
        assert oid == git(folder, "rev-parse", f"{before}:{row.path}")


# Files


def test_download(hub: Any, tmp_path: Path) -> None:
    revision = hub.commit("me/tiny", TINY)
    for name, data in TINY.items():
        assert fetch("me/tiny", name) == (data.encode() if isinstance(data, str) else data)
    link_path = Path(hf_hub_download("me/tiny", "model.safetensors"))
    assert link_path.is_relative_to(tmp_path)
    assert link_path.parent.name == revision
    assert link_path.resolve().name == hashlib.sha256(WEIGHTS).hexdigest()
    assert hub.requests(r"^GET http|agent-harnesses") == []
    connections, rows = hub.connections, len(hub.log)
    assert connections > 0
    assert fetch("me/tiny", "config.json", revision=revision) == TINY["config.json"]
    assert (hub.connections, len(hub.log)) == (connections, rows)


def test_snapshot(hub: Any) -> None:
    hub.commit("me/tiny", TINY)
    revision = hub.commit("me/tiny", {"deep/er/file.txt": b"x"})
    folder = Path(snapshot_download("me/tiny"))
    assert folder.name == revision
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == sorted(
        [*TINY, "deep/er/file.txt"]
    )
    older = Path(snapshot_download("me/tiny", revision=hub.repo("me/tiny").commits[revision].parent))
    assert not (older / "deep").exists()


def test_data_set_and_name_without_owner(hub: Any) -> None:
    hub.commit("me/data", {"train.csv": b"1,2"}, kind="datasets")
    hub.commit("gpt2", {"config.json": b"{}"})
    assert fetch("me/data", "train.csv", repo_type="dataset") == b"1,2"
    assert fetch("gpt2", "config.json") == b"{}"
    assert HfApi().model_info("gpt2").id == "gpt2"
    assert [row.id for row in HfApi().list_datasets()] == ["me/data"]


def test_range(hub: Any) -> None:
    hub.commit("me/tiny", TINY)
    status, headers, body = ask(link(hub), Range="bytes=100-")
    assert (status, body, headers["content-range"]) == (206, WEIGHTS[100:], f"bytes 100-10239/{len(WEIGHTS)}")
    assert ask(link(hub), Range="bytes=5-9")[2] == WEIGHTS[5:10]
    assert ask(link(hub), Range=f"bytes={len(WEIGHTS)}-")[0] == 416
    small = f"{hub.url}/api/resolve-cache/models/me/tiny/{hub.repo('me/tiny').refs['main']}/config.json"
    assert ask(small, Range="bytes=1-3")[2] == TINY["config.json"][1:4]


def test_renamed(hub: Any) -> None:
    hub.commit("new/tiny", TINY)
    hub.renames["old/tiny"] = "new/tiny"
    assert fetch("old/tiny", "model.safetensors") == WEIGHTS
    assert HfApi().model_info("old/tiny", files_metadata=True).id == "new/tiny"


def test_large_file_is_mapped_and_not_copied(hub: Any, tmp_path: Path) -> None:
    path = tmp_path / "large.safetensors"
    with path.open("wb") as file:
        for number in range(40):
            file.write(bytes([number]) * MIB)
    hub.commit("me/large", {"model.safetensors": path})
    (stored,) = hub.objects.values()
    assert isinstance(stored, mmap.mmap)
    address, digest, seen = link(hub, "me/large"), hashlib.sha256(), bytearray(MIB)
    tracemalloc.start()
    try:
        with urllib.request.urlopen(address) as answer:
            while size := answer.readinto(seen):
                digest.update(memoryview(seen)[:size])
        assert tracemalloc.get_traced_memory()[1] < 4 * MIB
    finally:
        tracemalloc.stop()
    assert digest.digest() == hashlib.sha256(path.read_bytes()).digest()
    assert ask(address, Range="bytes=3145727-3145728")[2] == b"\x02\x03"


# What is there


def test_model_info(hub: Any) -> None:
    data = safetensors((3, 4))
    revision = hub.commit("me/tiny", {**TINY, "model.safetensors": data})
    info = HfApi().model_info("me/tiny", files_metadata=True)
    assert (info.sha, info.private, info.gated, info.author) == (revision, False, False, "me")
    files = {row.rfilename: row for row in info.siblings}
    assert files["model.safetensors"].lfs.sha256 == hashlib.sha256(data).hexdigest()
    assert files["model.safetensors"].size == len(data)
    assert files["config.json"].lfs is None
    assert files["config.json"].blob_id == hashlib.sha1(b"blob 13\0" + TINY["config.json"]).hexdigest()
    assert info.safetensors.total == 12
    assert info.card_data.license == "apache-2.0"
    assert info.card_data.eval_results[0].metric_value == 20.5
    assert HfApi().model_info("me/tiny", expand=["tags"]).siblings is None


def test_tags(hub: Any) -> None:
    hub.commit("me/tiny", TINY)
    hub.commit("me/gpt", {"config.json": b'{"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}'})
    hub.commit("me/vae", {"config.json": b'{"_class_name": "AutoencoderTiny"}'})
    hub.commit("me/pipe", {"model_index.json": b'{"_class_name": "DDPMPipeline"}', "config.json": b"[1]"})
    hub.commit("me/broken", {"config.json": b"{", "README.md": b"---\n: [\n---\n", "model.safetensors": b"\xff" * 99})
    tags = {row.id: row.tags for row in HfApi().list_models()}
    own = ["gan", "small", "en", "zh", "dataset:fashion-mnist", "base_model:me/base", "license:apache-2.0"]
    assert set(own) <= set(tags["me/tiny"])
    assert {"aigc-zoo", "safetensors", "unconditional-image-generation"} <= set(tags["me/tiny"])
    assert tags["me/gpt"] == ["transformers", "gpt2", "region:us"]
    assert tags["me/vae"] == ["diffusers", "diffusers:AutoencoderTiny", "region:us"]
    assert tags["me/pipe"] == ["diffusers", "diffusers:DDPMPipeline", "region:us"]
    assert tags["me/broken"] == ["safetensors", "region:us"]
    info = HfApi().model_info("me/gpt")
    assert (info.config["model_type"], info.library_name) == ("gpt2", "transformers")
    assert HfApi().model_info("me/vae").config == {"diffusers": {"_class_name": "AutoencoderTiny"}}


def test_list_models(make_hub: Callable[..., Any]) -> None:
    hub = make_hub(page_size=2)
    for number in range(5):
        library = "aigc-zoo" if number % 2 else "timm"
        card = f"---\nlibrary_name: {library}\nlicense: mit\ntags: [n{number}]\n---\n"
        hub.commit(f"org{number % 2}/model-{number}", {"README.md": card}, downloads=number)
    hub.commit("me/secret", {}, private=True)

    def ids(**query: Any) -> list[str]:
        return [row.id for row in HfApi().list_models(**query)]

    assert len(ids()) == 5
    assert len(hub.requests(r"^GET /api/models\?.*cursor=")) == 2
    assert ids(filter=["aigc-zoo", "license:mit"]) == ["org1/model-1", "org1/model-3"]
    assert ids(filter=["aigc-zoo", "n3"]) == ["org1/model-3"]
    assert ids(filter=["aigc-zoo", "license:other"]) == []
    assert ids(author="org0", search="MODEL-4") == ["org0/model-4"]
    assert ids(sort="downloads", limit=3) == ["org0/model-4", "org1/model-3", "org0/model-2"]
    assert "me/secret" in ids(token="hf_test")
    row = next(iter(HfApi().list_models(full=True, cardData=True)))
    assert row.card_data.license == "mit"
    assert row.sha == hub.repo("org0/model-0").refs["main"]


def test_tree(make_hub: Callable[..., Any]) -> None:
    hub = make_hub(page_size=2)
    revision = hub.commit("me/tiny", {"a/b/c.txt": b"1", "a/d.bin": b"22", "e.txt": b"333"})
    api = HfApi()
    assert [row.path for row in api.list_repo_tree("me/tiny")] == ["a", "e.txt"]
    assert [row.path for row in api.list_repo_tree("me/tiny", "a")] == ["a/b", "a/d.bin"]
    everything = list(api.list_repo_tree("me/tiny", recursive=True, revision=revision))
    assert [row.path for row in everything] == ["a", "a/b", "a/b/c.txt", "a/d.bin", "e.txt"]
    assert everything[3].lfs.sha256 == hashlib.sha256(b"22").hexdigest()
    assert [row.path for row in api.get_paths_info("me/tiny", ["e.txt", "a", "none"])] == ["a", "e.txt"]
    assert api.list_repo_refs("me/tiny").branches[0].target_commit == revision
    assert [row.title for row in api.list_repo_commits("me/tiny")] == ["add files", "initial commit"]
    with pytest.raises(errors.EntryNotFoundError):
        list(api.list_repo_tree("me/tiny", "none"))


# Who may do what


def test_what_is_missing_private_or_gated(hub: Any) -> None:
    hub.commit("me/tiny", TINY)
    hub.commit("me/secret", TINY, private=True)
    hub.commit("other/gated", TINY, gated="auto")
    hub.tokens["hf_other"] = ("guest", "read")
    missing, api = errors.RepositoryNotFoundError, HfApi()
    for repo_id, path, revision, token, expected in [
        ("me/none", "config.json", "main", False, missing),
        ("me/none", "config.json", "main", "hf_test", missing),
        ("me/secret", "config.json", "main", False, missing),
        ("me/secret", "config.json", "main", "hf_other", missing),
        ("other/gated", "config.json", "main", False, errors.GatedRepoError),
        ("other/gated", "config.json", "main", "hf_test", errors.GatedRepoError),
        ("me/tiny", "config.json", "f" * 40, False, errors.RevisionNotFoundError),
        ("me/tiny", "none.json", "main", False, errors.EntryNotFoundError),
        ("me/tiny", "config.json", "main", "hf_wrong", errors.HfHubHTTPError),
    ]:
        with pytest.raises(expected) as caught:
            hf_hub_download(repo_id, path, revision=revision, token=token)
        assert type(caught.value) in (expected, errors.RemoteEntryNotFoundError)
    assert fetch("me/secret", "model.safetensors", token="hf_test") == WEIGHTS
    assert api.model_info("other/gated").gated == "auto"
    hub.repo("other/gated", allowed={"me"})
    assert fetch("other/gated", "config.json", token="hf_test") == TINY["config.json"]
    with pytest.raises(AttributeError):
        hub.repo("other/gated", closed=True)


def test_token_never_reaches_the_cdn(hub: Any) -> None:
    hub.commit("me/secret", TINY, private=True)
    assert fetch("me/secret", "model.safetensors", token="hf_test") == WEIGHTS
    assert all("authorization" in row.headers for row in hub.requests("/resolve/"))
    assert [row.status for row in hub.requests("/cdn/")] == [200]
    assert ask(link_of_secret(hub), Authorization="Bearer hf_test")[0] == 400


def link_of_secret(hub: Any) -> str:
    url = f"{hub.url}/me/secret/resolve/main/model.safetensors"
    return ask(url, "HEAD", Authorization="Bearer hf_test")[1]["location"]


# Uploads


def test_upload(hub: Any, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "samples").mkdir(parents=True)
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    (folder / "samples" / "one.txt").write_bytes(b"1")
    api = HfApi(token="hf_test")
    assert api.whoami()["name"] == "me"
    assert api.create_repo("me/new", private=True).repo_id == "me/new"
    api.create_repo("me/new", exist_ok=True)
    with pytest.raises(errors.HfHubHTTPError, match="409"):
        api.create_repo("me/new")
    done = api.upload_folder(repo_id="me/new", folder_path=folder, commit_message="First")
    assert done.oid == hub.repo("me/new").refs["main"]
    assert sorted(api.list_repo_files("me/new")) == ["README.md", "model.safetensors", "samples/one.txt"]
    assert fetch("me/new", "model.safetensors", token="hf_test") == WEIGHTS
    assert hub.commit("me/again", {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.*")})
    api.delete_file("samples/one.txt", "me/new")
    assert "samples/one.txt" not in api.list_repo_files("me/new")
    with pytest.raises(errors.HfHubHTTPError, match="412"):
        api.upload_file(path_or_fileobj=b"2", path_in_repo="two", repo_id="me/new", parent_commit=done.oid)
    assert [row.title for row in api.list_repo_commits("me/new")][-2:] == ["First", "initial commit"]
    api.delete_repo("me/new")
    assert not api.repo_exists("me/new")


def test_upload_needs_a_right(hub: Any) -> None:
    hub.tokens |= {"hf_read": ("reader", "read"), "hf_other": ("other", "write")}
    hub.commit("me/tiny", TINY)
    for token in ("hf_read", "hf_other", False):
        with pytest.raises(errors.HfHubHTTPError, match=r"40[13]"):
            HfApi(token=token).upload_file(path_or_fileobj=b"2", path_in_repo="two", repo_id="me/tiny")
        with pytest.raises(errors.HfHubHTTPError, match=r"40[13]"):
            HfApi(token=token).create_repo("me/mine")
    assert list(hub.repos) == [("models", "me/tiny")]


def test_upload_under_faults(hub: Any) -> None:
    api = HfApi(token="hf_test")
    api.create_repo("me/tiny")
    hub.fault("PUT /lfs/", "status", arg=503)
    api.upload_file(path_or_fileobj=WEIGHTS, path_in_repo="model.safetensors", repo_id="me/tiny")
    assert [row.status for row in hub.requests("PUT /lfs/")] == [503, 200]
    hub.fault("POST .*/commit/", "status", arg=503)
    with pytest.raises(errors.HfHubHTTPError, match="503"):
        api.upload_file(path_or_fileobj=b"1", path_in_repo="one", repo_id="me/tiny")


# Cards


def changed(old: str, new: str) -> str:
    assert old in CARD
    return CARD.replace(old, new)


def test_good_card(hub: Any) -> None:
    hub.commit("me/tiny", {})
    HfApi(token="hf_test").upload_file(path_or_fileobj=CARD.encode(), path_in_repo="README.md", repo_id="me/tiny")
    assert [row.status for row in hub.requests("validate-yaml")] == [200]
    for text in (
        CARD,
        CARD.replace("\n", "\r\n"),
        "\ufeff" + CARD,
        changed("language: [en, zh]", "language: no"),
        changed("license: apache-2.0", "license: [mit, cc-by-4.0]"),
        changed("license: apache-2.0", "license: other\nlicense_name: own-1.0\nlicense_link: LICENSE"),
        changed("# Tiny", ""),
        "---\nsomething: else\n---\n",
    ):
        assert hub.check_card(text) == {"errors": [], "warnings": []}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("license: apache-2.0", "license: Apache-2.0", '"license" must be one of [apache-2.0, mit,'),
        ("license: apache-2.0", "license: [mit, none]", '"license[1]" must be one of'),
        ("license: apache-2.0", "license: other", '"license_name" is required'),
        ("license: apache-2.0", "license: mit\nlicense_link: ./here", '"license_link" must be one of'),
        ("license: apache-2.0", "license:", '"license" must be one of'),
        ("[en, zh]", "zh-CN", '"language" must only contain lowercase'),
        ("[en, zh]", "[en, noinfo]", '"language[1]" with value "noinfo" is not valid'),
        ("[en, zh]", "[en, qq]", '"language[1]" with value "qq" is not valid'),
        ("tags: [gan, small]", "tags: gan", '"tags" must be an array'),
        ("tags: [gan, small]", "tags: [gan, 1]", '"tags[1]" must be a string'),
        ("tags: [gan, small]", "tags: [gan, true]", '"tags[1]" must be a string'),
        ("tags: [gan, small]", "tags: [gan]\ntags: [small]", "duplicated mapping key"),
        ("datasets: fashion-mnist", "datasets: [Fashion MNIST]", '"datasets[0]" with value "Fashion MNIST"'),
        ("base_model: me/base", "base_model: /home/me/base", '"base_model" with value "/home/me/base"'),
        ("metrics: [fid]", "metrics: fid", '"metrics" must be an array'),
        ("library_name: aigc-zoo", "library_name: [aigc-zoo]", '"library_name" must be a string'),
        ("pipeline_tag: uncond", "pipeline_tag: 3 #", '"pipeline_tag" must be a string'),
        ("- name: tiny\n  results:", "- results:", '"model-index[0].name" is required'),
        ("  results:\n", "  result:\n", '"model-index[0].results" is required'),
        ("    metrics:\n", "    metric:\n", '"model-index[0].results[0].metrics" is required'),
        ("task: {type: ", "task: {kind: ", '"model-index[0].results[0].task.type" is required'),
        ("dataset: {type: fashion-mnist, ", "dataset: {", '"model-index[0].results[0].dataset.type" is required'),
        ("split: test", "split: 1", '"model-index[0].results[0].dataset.split" must be a string'),
        ("value: 20.5", "value:", '"model-index[0].results[0].metrics[0].value" must be one of'),
        ("value: 20.5", "value: .nan", '"model-index[0].results[0].metrics[0].value" must be one of'),
        ("value: 20.5, ", "", '"model-index[0].results[0].metrics[0].value" is required'),
        ("verified: false", "verified: maybe", '"model-index[0].results[0].metrics[0].verified" must be a boolean'),
        ('url: "https://example.org/report"', "url: report.html", '"model-index[0].results[0].source.url" must be'),
        ('url: "https://example.org/report", ', "", '"model-index[0].results[0].source.url" is required'),
        ("model-index:\n- name", "model-index:\n  name", '"model-index" must be an array'),
        ("license: apache-2.0", "license: [", "Invalid YAML in README.md"),
    ],
)
def test_bad_card(hub: Any, tmp_path: Path, old: str, new: str, message: str) -> None:
    text = changed(old, new)
    assert message in json.dumps([row["message"] for row in hub.check_card(text)["errors"]]).replace('\\"', '"')
    hub.commit("me/tiny", {})
    (tmp_path / "card").mkdir()
    (tmp_path / "card" / "README.md").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"Invalid metadata in README.md") as caught:
        HfApi(token="hf_test").upload_folder(repo_id="me/tiny", folder_path=tmp_path / "card")
    assert message in str(caught.value)
    assert HfApi().list_repo_files("me/tiny") == []


@pytest.mark.skipif(huggingface_hub.__version__ < "2", reason="client 1.x asks huggingface.co, whatever the endpoint")
def test_card_is_validated_by_the_card_too(hub: Any) -> None:
    ModelCard(CARD).validate()
    with pytest.raises(ValueError, match="license"):
        ModelCard("---\nlicense: mine\n---\n").validate()


@pytest.mark.parametrize(
    ("text", "errors", "warnings"),
    [
        ("# Nothing", 0, 1),
        ("---\nlicense: mit\n---oops\n", 0, 1),
        ("---\n\n---\n", 1, 0),
        ("---\nwords\n---\n", 1, 0),
        ("---\n- a\n---\n", 1, 0),
        ("---\n" + "[" * 20_000 + "\n---\n", 1, 0),
        ("---\npipeline_tag: image-making\n---\n", 0, 1),
    ],
)
def test_front_matter(hub: Any, text: str, errors: int, warnings: int) -> None:
    verdict = hub.check_card(text)
    assert [len(verdict["errors"]), len(verdict["warnings"])] == [errors, warnings]


def test_warning_of_a_card_is_shown(hub: Any) -> None:
    hub.commit("me/tiny", {})
    card = b"---\npipeline_tag: image-making\n---\n"
    with pytest.warns(UserWarning, match="image-making"):
        HfApi(token="hf_test").upload_file(path_or_fileobj=card, path_in_repo="README.md", repo_id="me/tiny")


def test_commit_refuses_a_bad_card(hub: Any) -> None:
    hub.commit("me/tiny", {})
    lines = [
        {"key": "header", "value": {"summary": "Bad"}},
        {"key": "file", "value": {"path": "README.md", "content": "LS0tCmxpY2Vuc2U6IG1pbmUKLS0tCg=="}},
    ]
    request = urllib.request.Request(
        f"{hub.url}/api/models/me/tiny/commit/main",
        "\n".join(map(json.dumps, lines)).encode(),
        {"Authorization": "Bearer hf_test"},
    )
    with pytest.raises(urllib.error.HTTPError, match="400") as caught:
        urllib.request.urlopen(request)
    caught.value.close()


# Faults


def test_faults_of_metadata(hub: Any, tmp_path: Path) -> None:
    hub.commit("me/tiny", TINY)
    for kind, arg in (("status", 503), ("status", (429, {"Retry-After": "1"})), ("limit", 1), ("delay", 2.5)):
        hub.fault("HEAD /me/tiny/resolve/main/config.json", kind, arg=arg)
        hub.log.clear()
        assert fetch("me/tiny", "config.json", cache_dir=tmp_path / f"{kind}-{arg}") == TINY["config.json"]
        if kind != "delay":  # the request that was given up is logged when it is answered
            assert len(hub.requests("HEAD /me/tiny/resolve/main/config.json")) == 2
    hub.fault("HEAD /me/tiny/resolve/main/config.json", "status", arg=503)
    with pytest.raises(ValueError, match="Force download failed"):
        hf_hub_download("me/tiny", "config.json", cache_dir=tmp_path / "limit-1", force_download=True)
    status, headers, _ = limited(hub)
    assert (status, headers["retry-after"], headers["ratelimit"]) == (429, "7", '"api";r=0;t=7')


def limited(hub: Any) -> tuple[int, dict[str, str], bytes]:
    hub.fault("GET /api/models$", "limit", arg=7)
    return ask(f"{hub.url}/api/models")


def test_fault_loop_and_redirect(hub: Any) -> None:
    hub.commit("me/tiny", TINY)
    hub.fault("/api/models/me/tiny", "redirect", arg=f"{hub.url}/api/models/other/model")
    with pytest.raises(errors.RepositoryNotFoundError):
        HfApi().model_info("me/tiny")
    hub.fault("/api/models/me/tiny", "loop")
    with pytest.raises(Exception, match=r"(?i)redirects"):
        HfApi().model_info("me/tiny")
    assert len(hub.requests("^GET /api/models/me/tiny")) > 10
    hub.faults.clear()
    assert HfApi().model_info("me/tiny").id == "me/tiny"


def test_fault_garbage(hub: Any) -> None:
    hub.commit("me/tiny", TINY)
    hub.fault("/api/models/me/tiny", "garbage", arg=b"\xff{")
    assert ask(f"{hub.url}/api/models/me/tiny")[::2] == (200, b"\xff{")
    hub.fault("/api/models/me/tiny", "garbage", arg=b'["id"]')
    with pytest.raises((TypeError, AttributeError)):
        HfApi().model_info("me/tiny")


@pytest.mark.parametrize("kind", ["drop", "truncate", "stall"])
def test_faults_that_the_client_survives(hub: Any, kind: str) -> None:
    hub.commit("me/tiny", TINY)
    hub.fault("GET /cdn/", kind, arg={"truncate": 100, "stall": 4}.get(kind))
    assert fetch("me/tiny", "model.safetensors") == WEIGHTS
    assert [row.status for row in hub.requests("GET /cdn/")] == [0 if kind == "drop" else 200, 200]


def test_fault_short(hub: Any) -> None:
    hub.commit("me/tiny", TINY)
    hub.fault("GET /cdn/", "short", arg=100)
    with pytest.raises(OSError, match="Consistency check failed"):
        hf_hub_download("me/tiny", "model.safetensors")


@pytest.mark.parametrize("offset", [None, 0, 5000])
def test_fault_corrupt_is_not_seen_by_the_client(hub: Any, offset: int | None) -> None:
    hub.commit("me/tiny", TINY)
    hub.fault("GET /cdn/", "corrupt", arg=offset)
    bad = bytearray(WEIGHTS)
    bad[-1 if offset is None else offset] ^= 255
    assert fetch("me/tiny", "model.safetensors") == bad


def test_fault_corrupt_means_the_offset_in_the_file(hub: Any) -> None:
    hub.commit("me/tiny", TINY)
    hub.fault("GET /cdn/", "corrupt", times=2, arg=5000)
    assert ask(link(hub), Range="bytes=4999-5001")[2] == bytes([135, 136 ^ 255, 137])
    assert ask(link(hub), Range="bytes=5001-5003")[2] == WEIGHTS[5001:5004]


def test_expired_link(hub: Any) -> None:
    hub.commit("me/tiny", TINY)
    hub.fault("GET /cdn/", "expire")
    with pytest.raises(errors.HfHubHTTPError, match="403"):
        hf_hub_download("me/tiny", "model.safetensors")
    assert fetch("me/tiny", "model.safetensors") == WEIGHTS
    old = link(hub)
    assert "?X-Expires=" in old
    assert ask(old)[0] == 200
    hub.fault("GET /cdn/", "expire")
    assert [ask(old)[0], ask(old)[0], ask(old.split("?")[0])[0], ask(link(hub))[0]] == [403, 403, 403, 200]


def test_fault_slow(hub: Any) -> None:
    hub.commit("me/slow", {"model.bin": bytes(3 * MIB)})
    hub.fault("GET /cdn/", "slow", arg=0.2)
    address, start = link(hub, "me/slow", "model.bin"), time.monotonic()
    assert len(ask(address)[2]) == 3 * MIB
    assert time.monotonic() - start > 0.39


def test_end_interrupts_what_waits(make_hub: Callable[..., Any]) -> None:
    hub = make_hub()
    hub.fault("/api/models", "delay", arg=600)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, f"{hub.url}/api/models")
        for _ in range(6000):
            if not hub.connections:
                time.sleep(0.01)
        start = time.monotonic()
        hub.__exit__()
        with contextlib.suppress(OSError, http.client.HTTPException):
            answer.result(timeout=500)
        assert time.monotonic() - start < 500


def test_unknown_fault(hub: Any) -> None:
    with pytest.raises(ValueError, match="no fault explode; there are status"):
        hub.fault("", "explode")


def test_first_fault_that_fits_and_times(hub: Any) -> None:
    hub.fault("whoami", "status", times=2, arg=500)
    hub.fault("GET", "status", times=math.inf, arg=418)
    assert [ask(f"{hub.url}/api/whoami-v2")[0] for _ in range(4)] == [500, 500, 418, 418]


def test_faults_and_log_are_counted_once_under_threads(hub: Any) -> None:
    hub.fault("/api/whoami", "status", times=50, arg=500)
    with ThreadPoolExecutor(16) as pool:
        statuses = [answer[0] for answer in pool.map(lambda _: ask(f"{hub.url}/api/whoami-v2"), range(200))]
    assert statuses.count(500) == 50
    assert [len(hub.requests("whoami")), hub.connections] == [200, 200]


def test_what_it_cannot_digest_is_an_answer(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    request = urllib.request.Request(f"{hub.url}/api/validate-yaml", b"{")
    with pytest.raises(urllib.error.HTTPError, match="500") as caught:
        urllib.request.urlopen(request)
    caught.value.close()
    assert "JSONDecodeError" in capsys.readouterr().err
    assert ask(f"{hub.url}/nothing")[0] == 404
    assert ask(f"{hub.url}/api/whoami-v2", "PUT", **{"Transfer-Encoding": "chunked"})[0] == 411


# Surroundings


def test_offline_makes_no_connection(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.commit("me/tiny", TINY)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(errors.LocalEntryNotFoundError):
        hf_hub_download("me/tiny", "config.json")
    assert (hub.connections, hub.log) == (0, [])


def test_new_processes_are_settled_too(hub: Any) -> None:
    hub.commit("me/tiny", TINY)
    script = """
from huggingface_hub import constants, hf_hub_download
print(hf_hub_download("me/tiny", "config.json"), constants.HF_HUB_ETAG_TIMEOUT, constants.HF_HUB_DISABLE_XET)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    path, *rest = done.stdout.split()
    assert path == hf_hub_download("me/tiny", "config.json", local_files_only=True)
    assert rest == ["2", "True"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_program(tmp_path: Path, number: signal.Signals) -> None:
    for step, name in (("001-First", "a.txt"), ("002-Second", "b/c.txt")):
        path = tmp_path / "me" / "steps" / step / name
        path.parent.mkdir(parents=True)
        path.write_text(step)
    (tmp_path / "me" / "flat").mkdir()
    (tmp_path / "me" / "flat" / "model.bin").write_bytes(WEIGHTS)
    program = Path(__file__).with_name("loopback")
    with subprocess.Popen([sys.executable, program, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            name, _, url = process.stdout.readline().strip().partition("=")
            assert name == "HF_ENDPOINT"
            api = HfApi(endpoint=url)
            assert [row.title for row in api.list_repo_commits("me/steps")] == ["Second", "First", "initial commit"]
            assert api.list_repo_files("me/steps") == ["a.txt", "b/c.txt"]
            assert Path(api.hf_hub_download("me/flat", "model.bin", cache_dir=tmp_path)).read_bytes() == WEIGHTS
            huggingface_hub.close_session()
            process.send_signal(number)
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()
