"""Bytes that change in the cache after a good pull: seen before they are used, mended where the Hub may be asked."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("huggingface_hub", reason="the Hub's client is not installed here")

from aigc_core import verified
from aigc_core.cli import outcome
from aigc_core.errors import Refused
from aigc_core.hub import cache

ZOO = Path(__file__).parents[2] / "plugins" / "aigc-gan" / "src" / "aigc_gan" / "zoo"
WEIGHTS = (ZOO / "weights" / "dcgan-digits.safetensors").read_bytes()
CONFIG = b'{"latent_dim": 100, "width": 64}\n'
FILES = {"config.json": CONFIG, "model.safetensors": WEIGHTS}
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()


class Pulled:
    """A real model that has been pulled, locked and run once; ``run`` runs it again."""

    def __init__(self, hub: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.hub, self.folder, self.capsys, self.opened = hub, folder, capsys, list[str]()
        self.document = json.loads((ZOO / "models" / "dcgan-digits.json").read_text()) | {"id": "digits"}
        self.revision = hub.commit("me/digits", FILES)
        rows = [
            {"path": path, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "format": kind}
            for (path, data), kind in zip(FILES.items(), ("json", "safetensors"), strict=True)
        ]
        self.document["weights"] = {
            "source": "hub", "repo_id": "me/digits", "revision": self.revision, "files": rows,
        }  # fmt: skip
        path = Path(os.environ["AIGC_ZOO_HOME"], "data", "models", "digits.json")
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(self.document))

    @property
    def link(self) -> Path:
        """The file in the snapshot."""
        return Path(cache.path("me/digits", self.revision, "model.safetensors"))

    @property
    def blob(self) -> Path:
        """What it is a link to."""
        return Path(cache.blob("me/digits", SHA256))

    @property
    def record(self) -> Path:
        """What says that the blob was hashed."""
        name = hashlib.sha256(os.fsencode(os.path.realpath(self.blob))).hexdigest()[:32]
        return Path(os.environ["AIGC_ZOO_HOME"], "state", "verified", f"{name}.json")

    @property
    def asked(self) -> tuple[int, int]:
        """Connections and requests so far: a connection that was kept open would take a request in silence."""
        return self.hub.connections, len(self.hub.log)

    def zoo(self, *words: str) -> tuple[int, str]:
        """Call the command line; return the exit code and what it said on the standard error stream."""
        self.capsys.readouterr()
        code = outcome(list(words))
        return code, self.capsys.readouterr().err

    def run(self, *options: str) -> tuple[int, str, str]:
        """Make a sample; return what its numbers hash to, nothing where none was made."""
        target = self.folder / "sample.npy"
        target.unlink(missing_ok=True)
        code, said = self.zoo("run", "digits", "-n", "1", "-q", "-o", str(target), *options)
        return code, said, values(target) if target.exists() else ""


def values(path: Path) -> str:
    """Return the hash of a sample's numbers; the file also says which model they are of."""
    return hashlib.sha256(np.load(path).tobytes()).hexdigest()


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what the same weights make where they are bundled."""
    target = tmp_path_factory.mktemp("bundled") / "sample.npy"
    assert outcome(["run", "dcgan-digits", "-n", "1", "-q", "-o", str(target)]) == 0
    return values(target)


@pytest.fixture
def pulled(hub: Any, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> Pulled:
    """Return a model that is whole; whatever bytes its plugin is given from now on are noted."""
    pytest.importorskip("aigc_gan")
    from aigc_gan.generators import Dcgan28

    monkeypatch.chdir(tmp_path)
    model = Pulled(hub, tmp_path, capsys)
    assert model.zoo("pull", "digits")[0] == 0
    assert model.zoo("lock", "digits")[0] == 0
    real = Dcgan28.open

    def noting(config: Any, weights: Any, device: str, **computing: Any) -> Any:
        model.opened.append(hashlib.sha256(weights["model.safetensors"].read_bytes()).hexdigest())
        return real(config, weights, device, **computing)

    monkeypatch.setattr(Dcgan28, "open", noting)
    return model


# The ways in which a file can change


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1000] ^= 1
    with path.open("r+b") as stream:
        stream.write(data)


def in_place(pulled: Pulled) -> None:
    flip(pulled.blob)


def with_the_time_set_back(pulled: Pulled) -> None:
    times = pulled.blob.stat()
    flip(pulled.blob)
    os.utime(pulled.blob, ns=(times.st_atime_ns, times.st_mtime_ns))


def replaced(pulled: Pulled) -> None:
    """Put another file in its place, with the same size and times."""
    copy = shutil.copy2(pulled.blob, pulled.folder / "copy")
    times = pulled.blob.stat()
    flip(Path(copy))
    os.utime(copy, ns=(times.st_atime_ns, times.st_mtime_ns))
    os.replace(copy, pulled.blob)


def replaced_in_the_snapshot(pulled: Pulled) -> None:
    """Put a file where the link was."""
    copy = shutil.copy2(pulled.blob, pulled.folder / "copy")
    flip(Path(copy))
    os.replace(copy, pulled.link)


def forged_record(pulled: Pulled) -> None:
    """Say that the right hash was found, but of a file with another inode."""
    with_the_time_set_back(pulled)
    stamp = list(verified._stamp(pulled.blob))
    document = {"path": str(pulled.blob), "stamp": [stamp[0], stamp[1] + 1, *stamp[2:]], "sha256": SHA256}
    pulled.record.write_text(json.dumps(document))


def forged_time(pulled: Pulled) -> None:
    """Say that the right hash was found, but before the last change."""
    with_the_time_set_back(pulled)
    stamp = list(verified._stamp(pulled.blob))
    document = {"path": str(pulled.blob), "stamp": [*stamp[:4], stamp[4] - 1], "sha256": SHA256}
    pulled.record.write_text(json.dumps(document))


def broken_record(pulled: Pulled) -> None:
    flip(pulled.blob)
    pulled.record.write_text("[" * 100_000)


def another_record(pulled: Pulled) -> None:
    flip(pulled.blob)
    pulled.record.write_text(json.dumps([SHA256]))


def shorter(pulled: Pulled) -> None:
    os.truncate(pulled.blob, len(WEIGHTS) - 1)


def longer(pulled: Pulled) -> None:
    with pulled.blob.open("ab") as stream:
        stream.write(b"\0")


def empty(pulled: Pulled) -> None:
    os.truncate(pulled.blob, 0)


def another_blob(pulled: Pulled) -> None:
    """Let the snapshot's link lead to another blob of the repository."""
    (other,) = [path for path in pulled.blob.parent.iterdir() if path != pulled.blob]
    pulled.link.unlink()
    pulled.link.symlink_to(os.path.relpath(other, pulled.link.parent))


def link_out(pulled: Pulled) -> None:
    """Let the snapshot's link lead out of the cache, to a file that the user would not want to be read."""
    secret = pulled.folder / "passwd"
    secret.write_text("root:x:0:0:root:/root:/bin/bash\n")
    pulled.link.unlink()
    pulled.link.symlink_to(secret)


def link_out_to_the_same_bytes(pulled: Pulled) -> None:
    """Let it lead to a file that is right now, but that others may change."""
    secret = pulled.folder / "elsewhere"
    secret.write_bytes(WEIGHTS)
    pulled.link.unlink()
    pulled.link.symlink_to(secret)


def blob_out_to_the_same_bytes(pulled: Pulled) -> None:
    """Let the blob be such a link."""
    secret = pulled.folder / "elsewhere"
    os.replace(pulled.blob, secret)
    pulled.blob.symlink_to(secret)


DAMAGE = [
    in_place, with_the_time_set_back, replaced, replaced_in_the_snapshot, forged_record, forged_time, broken_record,
    another_record, shorter, longer, empty, another_blob, link_out, link_out_to_the_same_bytes,
    blob_out_to_the_same_bytes,
]  # fmt: skip


@pytest.fixture(params=DAMAGE, ids=lambda damage: damage.__name__)
def damage(request: pytest.FixtureRequest) -> Callable[[Pulled], None]:
    found: Callable[[Pulled], None] = request.param
    return found


def check_mended(pulled: Pulled, expected: str) -> None:
    """Run it, and check that the plugin has seen the right bytes alone and made what it should."""
    code, said, sample = pulled.run()
    assert code == 0, said
    assert set(pulled.opened) == {SHA256}
    assert sample == expected
    assert pulled.link.resolve() == pulled.blob, "it lies in the cache again"
    assert pulled.blob.read_bytes() == WEIGHTS


def check_refused(pulled: Pulled, *options: str) -> None:
    """Run it, and check that nothing was loaded and nobody asked."""
    asked = pulled.asked
    pulled.opened.clear()
    code, said, sample = pulled.run(*options)
    assert (code, sample, pulled.opened) == (4, "", []), said
    assert re.fullmatch(r"aigc-zoo: model.safetensors of me/digits in the cache is damaged: [^\n]+\n", said)
    assert "fetched again" in said
    assert pulled.asked == asked


def test_damage_is_seen_and_mended(pulled: Pulled, expected: str, damage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    damage(pulled)
    check_refused(pulled, "--locked")
    with monkeypatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        check_refused(pulled)
        assert pulled.zoo("pull", "digits")[0] == 4
    pulled.hub.log.clear()
    check_mended(pulled, expected)
    assert not pulled.hub.requests("config.json"), "what is whole is not asked for"
    asked = pulled.asked
    assert pulled.zoo("pull", "digits")[0] == 0
    assert pulled.asked == asked


@pytest.mark.parametrize("damage", [in_place, replaced_in_the_snapshot, shorter, blob_out_to_the_same_bytes])
def test_a_pull_mends_too(pulled: Pulled, damage: Any) -> None:
    damage(pulled)
    code, said = pulled.zoo("pull", "digits")
    assert code == 0, said
    assert pulled.link.resolve() == pulled.blob
    assert pulled.blob.read_bytes() == WEIGHTS


def test_a_damaged_file_is_not_used_while_the_hub_is_away(pulled: Pulled, monkeypatch: pytest.MonkeyPatch) -> None:
    from aigc_core.hub import client

    monkeypatch.setattr(client, "PAUSES", (0.01,))
    in_place(pulled)
    pulled.hub.fault("HEAD", "status", float("inf"), 503)
    code, said, sample = pulled.run()
    assert (code, sample, pulled.opened) == (3, "", []), said


@pytest.mark.parametrize("broken", [b"", b'{"latent_dim": 101, "width": 64}\n', CONFIG[:-1] + b" "])
def test_a_small_file_is_watched_as_well(pulled: Pulled, expected: str, broken: bytes) -> None:
    """It is no LFS file: the Hub's own client knows it by its git id."""
    link = Path(cache.path("me/digits", pulled.revision, "config.json"))
    link.resolve().write_bytes(broken)
    assert pulled.run("--locked")[0] == 4
    check_mended(pulled, expected)
    assert link.read_bytes() == CONFIG


def test_a_change_right_after_the_check_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system stamps a change with its clock's last tick: two changes in one tick would look the same."""
    monkeypatch.setenv("AIGC_ZOO_HOME", str(tmp_path / "home"))
    path = tmp_path / "file"
    for number in range(30):
        path.write_bytes(good := b"good" * 1000 + bytes([number]))
        sha256 = hashlib.sha256(good).hexdigest()
        if number % 2:
            verified.remember(path, sha256)
        verified.verify(path, len(good), sha256)
        times = path.stat()
        path.write_bytes(bytes(len(good)))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        with pytest.raises(Refused):
            verified.verify(path, len(good), sha256)


# Each check can fail


def trust_the_size(patch: pytest.MonkeyPatch) -> None:
    real = verified.sha256_of
    believed = lambda path: SHA256 if Path(path).stat().st_size == len(WEIGHTS) else real(path)  # noqa: E731
    patch.setattr(verified, "_recorded", lambda path, stamp: believed(path))
    patch.setattr(verified, "sha256_of", believed)


def trust_the_time(patch: pytest.MonkeyPatch) -> None:
    real = verified._stamp
    patch.setattr(verified, "_stamp", lambda path: real(path)._replace(inode=0, changed_ns=0))


def trust_the_links(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(cache, "inside", lambda repo_id, name: True)


@pytest.mark.parametrize(
    ("sabotage", "unseen"),
    [
        (trust_the_size, in_place),
        (trust_the_time, with_the_time_set_back),
        (trust_the_time, replaced),
        (trust_the_links, link_out_to_the_same_bytes),
    ],
)
def test_the_check_sees_a_saboteur(
    pulled: Pulled, expected: str, monkeypatch: pytest.MonkeyPatch, sabotage: Any, unseen: Any
) -> None:
    sabotage(monkeypatch)
    check_mended(pulled, expected)
    unseen(pulled)
    with pytest.raises(AssertionError):
        check_refused(pulled, "--locked")
    with pytest.raises(AssertionError):
        check_mended(pulled, expected)
