"""``aigc-zoo cache``: what the real client has put into the real cache, damaged and sabotaged in many ways."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

pytest.importorskip("huggingface_hub", reason="the Hub's client is not installed here")

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "aigc_core/manifest/schemas/cache.schema.json").read_text())
WEIGHTS = bytes(range(256)) * 40
CONFIG = b'{"model_type": "toy"}'
FILES = {"config.json": CONFIG, "model.safetensors": WEIGHTS, "README.md": b"---\nlicense: mit\n---\n"}


@pytest.fixture
def folder(hub: Any) -> Path:
    """Return the cache's folder; nothing is there yet."""
    return Path(os.environ["HF_HOME"]) / "hub"


@pytest.fixture
def fetch(hub: Any) -> Callable[..., str]:
    """Commit a repository and fetch it as other tools do: with the client; return the commit."""

    def get(repo_id: str = "me/tiny", files: dict[str, bytes] = FILES, kind: str = "model", **options: Any) -> str:
        from huggingface_hub import snapshot_download

        commit: str = hub.commit(repo_id, files, kind=f"{kind}s")
        snapshot_download(repo_id, repo_type=kind, **options)
        return commit

    return get


@pytest.fixture
def model(site: Any) -> Callable[..., None]:
    """Install a plugin with one model whose weights are in a repository."""

    def install(name: str, repo_id: str, commit: str, files: dict[str, bytes]) -> None:
        path = site.install(f"aigc-{name}", name, models=(name,)) / "zoo" / "models" / f"{name}.json"
        document = json.loads(path.read_text())
        document["weights"] = {
            "source": "hub",
            "repo_id": repo_id,
            "revision": commit,
            "files": [
                {"path": each, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "format": "text"}
                for each, data in files.items()
            ],
        }
        path.write_text(json.dumps(document))

    return install


@pytest.fixture
def listed(zoo: Callable[..., Any]) -> Callable[[], Any]:
    """Return what ``cache list`` says, by its schema."""

    def call() -> Any:
        done = zoo("cache", "list", "--json")
        assert done.returncode == 0, done.stderr
        jsonschema.Draft202012Validator(SCHEMA).validate(done.json)
        return done.json

    return call


def tree(folder: Path) -> dict[str, str]:
    """Return everything below a folder: links and what they say, files and their hashes."""
    return {
        str(path.relative_to(folder)): os.readlink(path)
        if path.is_symlink()
        else hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else "folder"
        for path in sorted(folder.rglob("*"))
        if ".locks" not in path.parts
    }


def on_disk(folder: Path) -> int:
    found = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum(path.stat().st_size for path in found if ".locks" not in path.parts)


def flip(path: Path) -> None:
    """Change one byte; neither the size nor the time of the last change shows it."""
    times, data = path.stat(), bytearray(path.read_bytes())
    data[0] ^= 1
    os.chmod(path, 0o644)
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def snapshot(folder: Path, repo_id: str, commit: str) -> Path:
    return folder / f"models--{repo_id.replace('/', '--')}" / "snapshots" / commit


# --- list ---


def test_a_cache_that_is_not_there_is_empty(hub: Any, zoo: Any, listed: Any) -> None:
    assert listed()["revisions"] == []
    done = zoo("cache")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("0 revisions, 0 B, in ")
    assert zoo("cache", "verify").returncode == 0
    assert hub.requests() == []


def test_a_cache_that_is_a_file_is_said_in_one_line(hub: Any, zoo: Any, folder: Path) -> None:
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("no folder")
    done = zoo("cache")
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "cannot be read" in done.stderr


def test_each_revision_has_a_row_with_who_uses_it(fetch: Any, model: Any, listed: Any, zoo: Any) -> None:
    first = fetch()
    second = fetch("me/tiny", {"model.safetensors": WEIGHTS[:1000]})
    other = fetch("you/theirs", {"model.bin": b"x" * 2000})
    fetch("you/rows", {"a.csv": b"1"}, kind="dataset")
    model("tiny", "me/tiny", first, FILES)
    found = {(row["repo_id"], row["revision"]): row for row in listed()["revisions"]}
    assert found.keys() == {("me/tiny", first), ("me/tiny", second), ("you/theirs", other)}
    assert found["me/tiny", first]["models"] == ["tiny"]
    assert [row["state"] for row in found.values()].count("complete") == 1
    assert found["me/tiny", first] == {
        "repo_id": "me/tiny",
        "revision": first,
        "size": sum(map(len, FILES.values())),
        "files": 3,
        "state": "complete",
        "models": ["tiny"],
    }
    assert found["you/theirs", other]["state"] == "other"
    document = listed()
    assert document["other_repositories"] == 1
    assert document["size"] == sum(map(len, FILES.values())) + 1000 + 2000
    lines = zoo("cache", "list").stdout.splitlines()
    assert f"me/tiny\t{first[:8]}\t10.3 kB\t3\tcomplete\ttiny" in lines
    assert zoo("cache").stderr.endswith(" (beside data sets and spaces: 1).\n")


def test_a_model_with_a_file_missing_is_partial(fetch: Any, model: Any, listed: Any) -> None:
    commit = fetch(allow_patterns=["*.json"])
    model("tiny", "me/tiny", commit, FILES)
    assert [row["state"] for row in listed()["revisions"]] == ["partial"]


def test_a_model_with_half_a_file_is_partial(fetch: Any, model: Any, folder: Path, listed: Any) -> None:
    commit = fetch()
    model("tiny", "me/tiny", commit, FILES)
    (snapshot(folder, "me/tiny", commit) / "config.json").write_bytes(CONFIG[:5])
    assert [row["state"] for row in listed()["revisions"]] == ["partial"]


def test_a_repository_that_the_users_lock_file_pins_is_used(fetch: Any, listed: Any, site: Any) -> None:
    commit = fetch()
    files = [{"path": "config.json", "size": len(CONFIG), "sha256": hashlib.sha256(CONFIG).hexdigest()}]
    pin = {"repo_id": "me/tiny", "revision": commit, "license": None, "files": files}
    path = site.home / "data" / "aigc-zoo.lock"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"schema": 1, "models": {"hf:me/tiny": pin}}))
    assert [(row["state"], row["models"]) for row in listed()["revisions"]] == [("complete", ["hf:me/tiny"])]


def test_unfinished_downloads_are_listed_with_their_fate(fetch: Any, folder: Path, listed: Any, zoo: Any) -> None:
    fetch()
    blobs = folder / "models--me--tiny" / "blobs"
    (blobs / f"{'a' * 64}.aigc-zoo.incomplete").write_bytes(b"1234")
    (blobs / f"{'b' * 64}.0123abcd.incomplete").write_bytes(b"12")
    found = listed()["unfinished"]
    assert [(row["size"], row["resumable"]) for row in found] == [(4, True), (2, False)]
    assert zoo("cache").stdout.count("unfinished\t") == 2
    assert listed()["size"] == on_disk(folder / "models--me--tiny" / "blobs")


def test_listing_imports_neither_the_client_nor_torch(fetch: Any, zoo: Any, site: Any) -> None:
    fetch()
    script = (
        "import sys; from aigc_core.cli import outcome; outcome(['cache', 'list']);"
        "print([name for name in ('huggingface_hub', 'torch', 'jsonschema') if name in sys.modules])"
    )
    assert site.python("-c", script).stdout.splitlines()[-1] == "[]"


# --- damage ---


def dangling(cache: Path, home: Path, commit: str) -> None:
    (snapshot(cache, "me/tiny", commit) / "gone.json").symlink_to("../../blobs/" + "f" * 40)


def loop(cache: Path, home: Path, commit: str) -> None:
    (snapshot(cache, "me/tiny", commit) / "loop").symlink_to("loop")


def leaving(cache: Path, home: Path, commit: str) -> None:
    (snapshot(cache, "me/tiny", commit) / "mine.txt").symlink_to(home / "letter.txt")


def leaving_folder(cache: Path, home: Path, commit: str) -> None:
    (snapshot(cache, "me/tiny", commit) / "sub").symlink_to(home)


def linked_blob(cache: Path, home: Path, commit: str) -> None:
    blob = cache / "models--me--tiny" / "blobs" / hashlib.sha256(b"Dear").hexdigest()
    blob.symlink_to(home / "letter.txt")
    (snapshot(cache, "me/tiny", commit) / "mine.txt").symlink_to(f"../../blobs/{blob.name}")


def linked_snapshot(cache: Path, home: Path, commit: str) -> None:
    snapshot(cache, "me/tiny", "e" * 40).symlink_to(home)


def linked_snapshots(cache: Path, home: Path, commit: str) -> None:
    place = cache / "models--me--tiny" / "snapshots"
    place.rename(home / "snapshots")
    place.symlink_to(home / "snapshots")


def linked_blobs(cache: Path, home: Path, commit: str) -> None:
    place = cache / "models--me--tiny" / "blobs"
    place.rename(home / "blobs")
    place.symlink_to(home / "blobs")


def linked_refs(cache: Path, home: Path, commit: str) -> None:
    place = cache / "models--me--tiny" / "refs"
    place.rename(home / "refs")
    place.symlink_to(home / "refs")


def linked_repository(cache: Path, home: Path, commit: str) -> None:
    place = cache / "models--me--tiny"
    place.rename(home / "tiny")
    place.symlink_to(home / "tiny")


def pipe(cache: Path, home: Path, commit: str) -> None:
    os.mkfifo(cache / "models--me--tiny" / "blobs" / ("d" * 64))
    (snapshot(cache, "me/tiny", commit) / "pipe").symlink_to("../../blobs/" + "d" * 64)


def file_among_snapshots(cache: Path, home: Path, commit: str) -> None:
    snapshot(cache, "me/tiny", "notes.txt").write_text("mine")


def nothing_but_a_folder(cache: Path, home: Path, commit: str) -> None:
    (cache / "models--me--empty").mkdir()
    (cache / "models--me--file").write_text("no folder")


def steering_name(cache: Path, home: Path, commit: str) -> None:
    (cache / "models--me--\x1b[31mred" / "snapshots" / "\x1b[2J").mkdir(parents=True)
    (cache / "models--me--\x1b[31mred" / "snapshots" / "\x1b[2J" / "gone\n").symlink_to("nothing")
    os.symlink(b"nothing", os.fsencode(snapshot(cache, "me/tiny", commit)) + b"/\xff")


def ref_of_bytes(cache: Path, home: Path, commit: str) -> None:
    (cache / "models--me--tiny" / "refs" / "main").write_bytes(b"\xff\xfe\0")
    os.mkfifo(cache / "models--me--tiny" / "refs" / "pipe")


DAMAGE = [
    *(dangling, loop, leaving, leaving_folder, linked_blob, linked_snapshot, linked_snapshots, linked_blobs),
    *(linked_refs, linked_repository, pipe, file_among_snapshots, nothing_but_a_folder, steering_name, ref_of_bytes),
]
HARMLESS = {linked_refs, ref_of_bytes}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a folder outside the cache with something dear in it."""
    path = tmp_path / "own"
    path.mkdir()
    (path / "letter.txt").write_text("Dear")
    (path / "config.json").write_bytes(CONFIG)
    return path


@pytest.fixture
def commits(fetch: Any, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Fill the cache with two commits of me/tiny and one of me/sound, fetched once and copied ever after."""
    kept = tmp_path_factory.getbasetemp() / "fetched"
    if not kept.exists():
        found = [fetch(), fetch("me/tiny", {"other.bin": b"more"}), fetch("me/sound", {"model.bin": WEIGHTS})]
        shutil.copytree(folder, kept, symlinks=True)
        (kept / "commits").write_text(" ".join(found))
    elif not folder.exists():
        shutil.copytree(kept, folder, symlinks=True)
    return (kept / "commits").read_text().split()


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda each: each.__name__)
def test_damage_is_a_row_and_never_a_crash(
    damage: Callable[..., None], commits: list[str], folder: Path, home: Path, listed: Any, zoo: Any
) -> None:
    damage(folder, home, commits[0])
    before, found = tree(home), listed()
    assert "me/sound" in [row["repo_id"] for row in found["revisions"]]
    assert bool(found["problems"]) == (damage not in HARMLESS)
    for words, code in ((["list"], 0), (["verify"], int(damage not in HARMLESS)), (["verify", "hf:me/sound"], 0)):
        done = zoo("cache", *words)
        assert done.returncode == code
        assert "Traceback" not in done.stderr
        assert "\x1b" not in done.stdout + done.stderr
    assert tree(home) == before


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda each: each.__name__)
@pytest.mark.parametrize("name", ["tiny", "me/tiny", "hf:me/tiny@{first}", "hf:me/tiny@{second}"])
def test_nothing_outside_the_cache_is_removed(
    damage: Callable[..., None], name: str, commits: list[str], model: Any, folder: Path, home: Path, zoo: Any
) -> None:
    first, second, _ = commits
    model("tiny", "me/tiny", first, FILES)
    damage(folder, home, first)
    before, theirs = tree(home), tree(folder / "models--me--sound")
    done = zoo("cache", "remove", name.format(first=first, second=second), "unfinished", "--yes")
    unseen = damage in (linked_snapshots, linked_repository) and name != "me/tiny"
    assert done.returncode == (2 if unseen else 0), done.stderr
    assert "Traceback" not in done.stderr
    assert tree(home) == before
    assert tree(folder / "models--me--sound") == theirs
    if name == "me/tiny":
        assert not os.path.lexists(folder / "models--me--tiny")
    elif not unseen:
        gone, kept = (second, first) if "second" in name else (first, second)
        assert not os.path.lexists(snapshot(folder, "me/tiny", gone))
        assert {name: (snapshot(folder, "me/tiny", kept) / name).read_bytes() for name in FILES} == FILES


def test_a_folder_that_is_a_link_loses_the_link_alone(fetch: Any, folder: Path, home: Path, zoo: Any) -> None:
    linked_repository(folder, home, fetch())
    before = tree(home)
    assert "which is not looked into" in zoo("cache").stdout
    assert zoo("cache", "remove", "hf:me/tiny", "--yes").stdout == "Removed me/tiny: 0 B.\n"
    assert list(folder.glob("models--*")) == []
    assert tree(home) == before


# --- verify ---


def test_a_sound_cache_is_all_hashed(fetch: Any, model: Any, zoo: Any) -> None:
    first = fetch()
    fetch("me/tiny", {"sub/other.bin": b"more"})
    model("tiny", "me/tiny", first, {"model.safetensors": WEIGHTS})
    done = zoo("cache", "verify", "--json")
    assert done.returncode == 0
    jsonschema.Draft202012Validator(SCHEMA).validate(done.json)
    assert {(row["path"], row["state"], *row["models"]) for row in done.json["files"]} == {
        ("model.safetensors", "ok", "tiny"), ("config.json", "ok"), ("README.md", "ok"), ("sub/other.bin", "ok")
    }  # fmt: skip
    assert done.stderr == "4 files hashed, all as they should be.\n"


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize("pinned", [True, False])
def test_one_wrong_byte_is_found_and_named(
    name: str, pinned: bool, fetch: Any, model: Any, folder: Path, zoo: Any
) -> None:
    commit = fetch()
    if pinned:
        model("tiny", "me/tiny", commit, FILES)
    flip((snapshot(folder, "me/tiny", commit) / name).resolve())
    done = zoo("cache", "verify", "--json")
    assert done.returncode == 1
    bad = [row for row in done.json["files"] if row["state"] != "ok"]
    repair = "aigc-zoo pull tiny" if pinned else f"aigc-zoo cache remove hf:me/tiny@{commit[:12]}"
    assert [(row["path"], row["state"], row["repair"]) for row in bad] == [(name, "differs", repair)]
    assert repair in done.stderr
    plain = zoo("cache", "verify")
    assert plain.stdout.split("\t")[:4] == ["me/tiny", commit[:8], name, "differs"]
    assert plain.returncode == 1


def test_a_record_that_says_all_is_well_is_not_believed(
    fetch: Any, model: Any, folder: Path, zoo: Any, site: Any
) -> None:
    """The disk has rotted: the bytes differ, and nothing else does."""
    commit = fetch()
    model("tiny", "me/tiny", commit, {"model.safetensors": WEIGHTS})
    path = snapshot(folder, "me/tiny", commit) / "model.safetensors"
    flip(path.resolve())
    script = "import sys; from aigc_core.verified import *; "
    site.python("-c", script + f"remember({str(path)!r}, {hashlib.sha256(WEIGHTS).hexdigest()!r})")
    pins = f"{str(path)!r}, {len(WEIGHTS)}, {hashlib.sha256(WEIGHTS).hexdigest()!r}"
    assert site.python("-c", script + f"verify({pins})").returncode == 0  # the record is believed elsewhere
    assert zoo("cache", "verify", "tiny").returncode == 1
    assert site.python("-c", script + f"verify({pins})").returncode == 1  # and now it is corrected: pull mends it
    assert zoo("pull", "tiny").returncode == 0
    assert path.read_bytes() == WEIGHTS
    assert zoo("cache", "verify", "tiny").returncode == 0


def test_another_file_than_the_manifest_pins_is_found_though_its_blob_is_sound(
    fetch: Any, model: Any, zoo: Any
) -> None:
    commit = fetch()
    model("tiny", "me/tiny", commit, {"model.safetensors": WEIGHTS[:-1] + b"?"})
    done = zoo("cache", "verify", "--json")
    assert done.returncode == 1
    assert {row["path"]: row["models"] for row in done.json["files"] if row["state"] == "differs"} == {
        "model.safetensors": ["tiny"]
    }


def test_a_pinned_file_whose_blob_has_gone_is_mended_by_a_pull(fetch: Any, model: Any, folder: Path, zoo: Any) -> None:
    commit = fetch()
    model("tiny", "me/tiny", commit, FILES)
    (snapshot(folder, "me/tiny", commit) / "config.json").resolve().unlink()
    done = zoo("cache", "verify", "tiny", "--json")
    bad = [row for row in done.json["files"] if row["state"] != "ok"]
    assert [(row["path"], row["state"], row["repair"]) for row in bad] == [
        ("config.json", "damaged", "aigc-zoo pull tiny")
    ]
    assert zoo("pull", "tiny").returncode == 0
    assert zoo("cache", "verify", "tiny").returncode == 0


def test_a_blob_under_anothers_name_is_found_though_the_model_has_its_bytes(
    fetch: Any, model: Any, folder: Path, zoo: Any
) -> None:
    commit = fetch()
    model("tiny", "me/tiny", commit, FILES)
    blob = (snapshot(folder, "me/tiny", commit) / "config.json").resolve()
    blob.rename(blob.with_name("c" * 40))
    (snapshot(folder, "me/tiny", commit) / "config.json").unlink()
    (snapshot(folder, "me/tiny", commit) / "config.json").symlink_to("../../blobs/" + "c" * 40)
    done = zoo("cache", "verify", "--json")
    rows = [row for row in done.json["files"] if row["path"] == "config.json"]
    assert [(row["state"], row["models"]) for row in rows] == [("ok", ["tiny"]), ("differs", [])]


def test_only_what_is_named_is_hashed(fetch: Any, model: Any, folder: Path, zoo: Any) -> None:
    first = fetch()
    second = fetch("me/tiny", {"other.bin": b"more"})
    model("tiny", "me/tiny", first, FILES)
    flip((snapshot(folder, "me/tiny", second) / "other.bin").resolve())
    assert zoo("cache", "verify", "tiny").returncode == 0
    assert zoo("cache", "verify", f"me/tiny@{first[:7]}").returncode == 0
    for name in ("me/tiny", "hf:me/tiny", f"hf:me/tiny@{second}", "hf:me/tiny@main"):
        assert zoo("cache", "verify", name).returncode == 1, name


def test_a_blob_that_no_revision_has_is_hashed_too(fetch: Any, folder: Path, zoo: Any) -> None:
    fetch()
    (folder / "models--me--tiny" / "blobs" / ("c" * 64)).write_bytes(b"not that")
    (folder / "models--me--tiny" / "blobs" / "an-etag-of-another-kind").write_bytes(b"who knows")
    done = zoo("cache", "verify", "--json")
    states = {row["path"]: row["state"] for row in done.json["files"]}
    assert states[f"blobs/{'c' * 64}"] == "differs"
    assert states["blobs/an-etag-of-another-kind"] == "unknown"
    assert "aigc-zoo cache remove hf:me/tiny" in done.stderr


# --- remove ---


def test_a_model_is_removed_with_what_it_alone_has(fetch: Any, model: Any, folder: Path, zoo: Any) -> None:
    first = fetch()
    second = fetch("me/tiny", {"model.safetensors": WEIGHTS[:500]})  # shares the other files
    model("tiny", "me/tiny", first, FILES)
    before = on_disk(folder)
    done = zoo("cache", "remove", "tiny", "--yes")
    freed = before - on_disk(folder)
    assert freed >= len(WEIGHTS)
    assert done.stdout == f"Removed me/tiny@{first[:8]}: {freed / 1000:.1f} kB.\n"
    assert not snapshot(folder, "me/tiny", first).exists()
    assert list(folder.rglob(f"{first}*")) == []  # nor what the client notes of it
    kept = snapshot(folder, "me/tiny", second)
    assert (kept / "config.json").read_bytes() == CONFIG
    assert (kept / "model.safetensors").read_bytes() == WEIGHTS[:500]
    assert (folder / "models--me--tiny" / "refs" / "main").read_text() == second
    assert zoo("cache", "verify").returncode == 0
    assert zoo("cache", "remove", f"me/tiny@{second}", "--yes").returncode == 0
    assert not (folder / "models--me--tiny").exists()
    assert on_disk(folder) < 1000  # the client's tag file


def test_a_removed_branch_is_not_left_pointing_at_nothing(fetch: Any, folder: Path, zoo: Any) -> None:
    from huggingface_hub import scan_cache_dir

    first = fetch()
    fetch("me/tiny", {"more.bin": b"more"})
    assert zoo("cache", "remove", "me/tiny@main", "--yes").returncode == 0
    assert not (folder / "models--me--tiny" / "refs" / "main").exists()
    assert [path.name for path in (folder / "models--me--tiny" / "snapshots").iterdir()] == [first]
    assert scan_cache_dir(folder).warnings == []


def test_the_removed_can_be_fetched_again(fetch: Any, folder: Path, zoo: Any) -> None:
    commit = fetch()
    assert zoo("cache", "remove", "me/tiny", "--yes").returncode == 0
    assert fetch("me/tiny", {}) != commit
    assert zoo("cache", "verify").returncode == 0


def test_a_dry_run_removes_nothing_and_says_how_much(fetch: Any, folder: Path, zoo: Any) -> None:
    fetch()
    before = tree(folder)
    done = zoo("cache", "remove", "me/tiny", "--dry-run")
    assert done.returncode == 0
    size = on_disk(folder / "models--me--tiny")
    assert done.stdout == f"Would remove me/tiny: {size / 1000:.1f} kB.\n"
    assert tree(folder) == before


def test_where_nobody_can_be_asked_nothing_is_removed(fetch: Any, folder: Path, zoo: Any) -> None:
    fetch()
    before = tree(folder)
    done = zoo("cache", "remove", "me/tiny")
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert tree(folder) == before


@pytest.mark.parametrize(("answer", "gone"), [(b"y\n", True), (b"n\n", False), (b"\n", False)])
def test_on_a_terminal_it_asks(answer: bytes, gone: bool, fetch: Any, folder: Path, site: Any) -> None:
    fetch()
    master, slave = pty.openpty()
    environment = {**os.environ, "AIGC_ZOO_HOME": str(site.home)}
    command = [sys.executable, "-m", "aigc_core", "cache", "remove", "me/tiny"]
    with subprocess.Popen(command, stdin=slave, stdout=subprocess.PIPE, stderr=slave, env=environment) as process:
        os.close(slave)
        os.write(master, answer)
        assert process.wait(60) == 0
        assert process.stdout is not None
        assert b"Remove me/tiny: " in process.stdout.read()
    os.close(master)
    assert (folder / "models--me--tiny").exists() != gone


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("me/tinny", "Did you mean me/tiny?"),
        ("hf:me/tinny", "Did you mean me/tiny?"),
        ("tiny", "Did you mean me/tiny?"),
        ("me/tiny@0123456", "there: "),
        ("me/tiny@../../outside", "there: "),
        ("hf:../../own", "Nothing of ../../own is in the cache."),
        ("hf:", "Nothing of  is in the cache."),
        ("elsewhere", "Nothing of elsewhere (me/else@"),
        ("grey", "came with its plugin"),
    ],
)
def test_what_is_not_there_is_wrong_use(
    name: str, says: str, fetch: Any, model: Any, site: Any, folder: Path, zoo: Any
) -> None:
    (folder / "outside").write_text(fetch())
    model("elsewhere", "me/else", "0" * 40, FILES)
    site.install("aigc-grey", "grey-plugin", models=("grey",))
    before = tree(folder)
    for words in (["remove", name, "--yes"], ["verify", name]):
        done = zoo("cache", *words)
        assert done.returncode == 2
        assert says in done.stderr
    assert tree(folder) == before


def test_unfinished_downloads_go_and_nothing_else(fetch: Any, folder: Path, zoo: Any) -> None:
    fetch()
    before = tree(folder)
    blobs = folder / "models--me--tiny" / "blobs"
    (blobs / f"{'a' * 64}.aigc-zoo.incomplete").write_bytes(b"1234")
    (blobs / f"{'b' * 64}.0123abcd.incomplete").write_bytes(b"12")
    assert zoo("cache", "remove", "unfinished", "--yes").stdout == "Removed 2 unfinished downloads: 6 B.\n"
    assert tree(folder) == before
    assert zoo("cache", "remove", "unfinished", "--yes").stdout == "Removed 0 unfinished downloads: 0 B.\n"


HOLD = """
import sys
from huggingface_hub.utils import WeakFileLock
with WeakFileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_what_is_being_fetched_now_stays(fetch: Any, folder: Path, zoo: Any) -> None:
    fetch()
    part = folder / "models--me--tiny" / "blobs" / f"{'a' * 64}.aigc-zoo.incomplete"
    part.write_bytes(b"1234")
    lock = folder / ".locks" / "models--me--tiny" / f"{'a' * 64}.lock"
    before = tree(folder)
    command = [sys.executable, "-c", HOLD, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        done = zoo("cache", "remove", "unfinished", "--yes")
        assert (done.returncode, done.stdout) == (0, "Removed 0 unfinished downloads, not 1 download under way: 0 B.\n")
        done = zoo("cache", "remove", "me/tiny", "--yes")
        assert done.returncode == 3
        assert "is being fetched by another program" in done.stderr
        assert tree(folder) == before
        holder.communicate()
    assert zoo("cache", "remove", "unfinished", "--yes").returncode == 0
    assert not part.exists()


def share(folder: Path, repo_id: str) -> Path:
    """Move the weights of a repository into the store that repositories share, and return them there."""
    from huggingface_hub.utils import _shared_blobs

    xet = "0123456789abcdef" * 4
    blob = folder / f"models--{repo_id.replace('/', '--')}" / "blobs" / hashlib.sha256(WEIGHTS).hexdigest()
    size = len(WEIGHTS)
    _shared_blobs.publish_blob_to_shared_store(blob_path=str(blob), xet_hash=xet, cache_dir=folder, expected_size=size)
    assert blob.is_symlink()
    return folder / "blobs" / "01" / xet


def test_bytes_that_repositories_share_go_with_the_last_of_them(fetch: Any, folder: Path, zoo: Any) -> None:
    """The client keeps what it has from Xet once for all repositories; the blobs are links to that."""
    for repo_id in ("me/one", "me/two"):
        fetch(repo_id, {"model.safetensors": WEIGHTS})
        payload = share(folder, repo_id)
    assert zoo("cache").stderr.startswith("2 revisions, 10.2 kB, in ")
    assert zoo("cache", "verify").returncode == 0
    assert re.fullmatch(r"Removed me/one: \d+ B\.\n", zoo("cache", "remove", "me/one", "--yes").stdout)
    assert payload.read_bytes() == WEIGHTS
    assert zoo("cache", "verify").returncode == 0
    assert re.fullmatch(r"Would remove me/two: 10\.\d kB\.\n", zoo("cache", "remove", "me/two", "--dry-run").stdout)
    flip(payload)
    assert zoo("cache", "verify").returncode == 1
    assert zoo("cache", "remove", "me/two", "--yes").returncode == 0
    assert not payload.exists()
    assert list(folder.glob("models--*")) == []


def test_bytes_that_revisions_share_go_with_the_last_of_them(fetch: Any, folder: Path, zoo: Any) -> None:
    first = fetch()
    fetch("me/tiny", {"more.bin": b"more"})
    third = fetch("me/tiny", {"model.safetensors": b"other"})
    payload = share(folder, "me/tiny")
    assert zoo("cache", "remove", f"me/tiny@{first}", "--yes").returncode == 0
    assert payload.exists()
    assert zoo("cache", "verify").returncode == 0
    kept = snapshot(folder, "me/tiny", third)
    others = [path.name for path in kept.parent.iterdir() if path != kept]
    assert zoo("cache", "remove", f"me/tiny@{others[0]}", "--yes").returncode == 0
    assert not payload.exists()
    assert (kept / "config.json").read_bytes() == CONFIG
    assert zoo("cache", "verify").returncode == 0
