"""Records of what was hashed: they spare the hash of an unchanged file, and never let a changed one pass."""

import hashlib
import io
import json
import mmap
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from aigc_core import verified
from aigc_core.errors import NotAvailable, Refused
from aigc_core.verified import known_sha256, remember, sha256_of, verify

GOOD, BAD = b"good weights" * 100, b"evil weights" * 100
SIZE, DIGEST = len(GOOD), hashlib.sha256(GOOD).hexdigest()
PAST_THE_GRAIN = 0.03
"""Seconds after which a file that has not changed since may be recorded."""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("AIGC_ZOO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def hashed(monkeypatch):
    """The files that were hashed, in order."""
    paths = []
    monkeypatch.setattr(verified, "sha256_of", lambda path: paths.append(str(path)) or sha256_of(path))
    return paths


@pytest.fixture
def path(tmp_path, home):
    """A right file that has lain there for long enough."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(GOOD)
    time.sleep(PAST_THE_GRAIN)
    return path


@pytest.fixture
def known(path, home):
    """The same file, with a record."""
    verify(path, SIZE, DIGEST)
    assert records(home)
    return path


def records(home):
    return sorted(home.rglob("*.json"))


def accepts(path, **how):
    try:
        verify(path, SIZE, DIGEST, **how)
    except Refused:
        return False
    return True


def test_a_file_that_has_not_changed_is_hashed_once(known, hashed):
    for _ in range(3):
        verify(known, SIZE, DIGEST)
        assert known_sha256(known) == DIGEST
    assert hashed == []


def test_a_link_to_a_file_has_the_files_record(known, hashed, tmp_path):
    (tmp_path / "link").symlink_to(known)
    verify(tmp_path / "link", SIZE, DIGEST)
    assert hashed == []


def test_to_read_a_file_does_not_change_it(known, hashed):
    known.read_bytes()
    verify(known, SIZE, DIGEST)
    assert hashed == []


def test_fresh_hashes_every_time(known, hashed):
    for _ in range(3):
        verify(known, SIZE, DIGEST, fresh=True)
    assert len(hashed) == 3


# What changes a file. Each leaves it with as many bytes as before, since another size is seen at once.


def in_place(path):
    with path.open("r+b") as stream:
        stream.write(BAD)


def in_place_with_the_old_times(path):
    before = path.stat()
    in_place(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def one_bit(path):
    with path.open("r+b") as stream:
        stream.seek(SIZE // 2)
        byte = stream.read(1)[0]
        stream.seek(SIZE // 2)
        stream.write(bytes([byte ^ 1]))


def replaced(path):
    other = path.with_name("other")
    other.write_bytes(BAD)
    os.replace(other, path)


def replaced_by_one_with_the_old_times(path):
    before, other = path.stat(), path.with_name("other")
    other.write_bytes(BAD)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    os.replace(other, path)


def deleted_and_made_again(path):
    """As a rule with the same inode."""
    before = path.stat()
    path.unlink()
    path.write_bytes(BAD)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def copied_over(path):
    other = path.with_name("other")
    other.write_bytes(BAD)
    shutil.copystat(path, other)
    shutil.copy2(other, path)


def through_a_hard_link(path):
    os.link(path, path.with_name("link"))
    in_place(path.with_name("link"))


def cut_and_grown(path):
    os.truncate(path, SIZE // 2)
    os.truncate(path, SIZE)


def grown_and_shifted(path):
    path.write_bytes(b"x" + GOOD[:-1])


def through_a_map(path):
    with path.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as memory:
        memory[:4] = b"evil"


def a_link_turned_elsewhere(path):
    path.rename(path.with_name("moved"))
    path.with_name("other").write_bytes(BAD)
    path.symlink_to(path.with_name("other"))


CHANGES = {
    change.__name__: change
    for change in (
        in_place,
        in_place_with_the_old_times,
        one_bit,
        replaced,
        replaced_by_one_with_the_old_times,
        deleted_and_made_again,
        copied_over,
        through_a_hard_link,
        cut_and_grown,
        grown_and_shifted,
        through_a_map,
        a_link_turned_elsewhere,
    )
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_noticed(known, change):
    CHANGES[change](known)
    for fresh in (False, True, False):
        with pytest.raises(Refused, match=r"model\.safetensors has sha256 [0-9a-f]{64}, its manifest says"):
            verify(known, SIZE, DIGEST, fresh=fresh)
        assert known_sha256(known) != DIGEST
        time.sleep(PAST_THE_GRAIN)  # it is recorded as what it is, and refused by its record
    known.unlink()
    known.write_bytes(GOOD)
    verify(known, SIZE, DIGEST)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_just_after_the_hash_is_noticed(tmp_path, home, change):
    path = tmp_path / "model.safetensors"
    path.write_bytes(GOOD)
    verify(path, SIZE, DIGEST)
    CHANGES[change](path)
    assert not accepts(path)


def touched(path):
    path.touch()


def with_another_mode(path):
    path.chmod(0o600)


def with_a_hard_link(path):
    os.link(path, path.with_name("link"))


def written_again_with_the_same_bytes(path):
    with path.open("r+b") as stream:
        stream.write(GOOD)


def restored_from_a_copy(path):
    shutil.copy2(path, path.with_name("copy"))
    path.unlink()
    shutil.copy2(path.with_name("copy"), path)


def moved_away_and_back(path):
    path.rename(path.with_name("away"))
    path.with_name("away").rename(path)


HARMLESS = {
    change.__name__: change
    for change in (
        touched,
        with_another_mode,
        with_a_hard_link,
        written_again_with_the_same_bytes,
        restored_from_a_copy,
        moved_away_and_back,
    )
}


@pytest.mark.parametrize("change", HARMLESS)
def test_what_is_only_touched_is_hashed_once_more(known, hashed, change):
    HARMLESS[change](known)
    time.sleep(PAST_THE_GRAIN)
    for _ in range(3):
        verify(known, SIZE, DIGEST)
    assert len(hashed) == 1


def test_a_file_that_was_moved_or_copied_is_hashed_in_its_new_place(known, hashed, tmp_path):
    shutil.copy2(known, tmp_path / "copied")
    known.rename(tmp_path / "moved")
    for name in ("copied", "moved"):
        verify(tmp_path / name, SIZE, DIGEST)
    assert len(hashed) == 2


def test_a_store_through_a_map_that_was_stored_through_before_is_seen_by_fresh(path):
    """The kernel stamps the first store into a page, and not the next ones: the one limit that records have."""
    with path.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as memory:
        memory[:4] = GOOD[:4]
        time.sleep(PAST_THE_GRAIN)
        verify(path, SIZE, DIGEST)
        memory[:4] = b"evil"
        assert not accepts(path, fresh=True)
        assert not accepts(path)  # and what fresh has found stays known


def test_what_fresh_has_found_is_recorded(known, home):
    """A disk has rotted: the bytes differ, and the stamp does not. To find it once is enough."""
    write_record(known, stamp_of(known), DIGEST)
    in_place(known)
    time.sleep(PAST_THE_GRAIN)
    write_record(known, stamp_of(known), DIGEST)
    assert accepts(known)  # this is what a record means
    assert not accepts(known, fresh=True)
    assert not accepts(known)


# Damaged, forged and foreign records.


def stamp_of(path):
    return list(verified._stamp(path))


def write_record(path, stamp, digest):
    place = Path(verified._place(path))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"path": str(path), "stamp": stamp, "sha256": digest}))


DAMAGED = {
    "empty": b"",
    "no JSON": b"{",
    "no UTF-8": b"\xff\xfe",
    "no object": b"[]",
    "nothing in it": b"{}",
    "deep": b"[" * 100_000,
    "a number of many digits": b'{"stamp": ' + b"9" * 5000 + b"}",
    "no stamp": json.dumps({"sha256": DIGEST}).encode(),
    "a null for a stamp": json.dumps({"stamp": None, "sha256": DIGEST}).encode(),
    "an empty stamp": json.dumps({"stamp": [], "sha256": DIGEST}).encode(),
    "true for a stamp": json.dumps({"stamp": True, "sha256": DIGEST}).encode(),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_record_is_none(known, home, damage):
    records(home)[0].write_bytes(DAMAGED[damage])
    assert accepts(known)
    in_place(known)
    records(home)[0].write_bytes(DAMAGED[damage])
    assert not accepts(known)


@pytest.mark.parametrize("digest", [None, "", "x", 7, DIGEST.upper(), DIGEST[:-1], [DIGEST], "0" * 64, "\ud800"])
def test_a_record_alone_refuses_nothing(known, digest, hashed):
    write_record(known, stamp_of(known), digest)
    verify(known, SIZE, DIGEST)
    assert len(hashed) == 1
    if digest != "0" * 64:
        write_record(known, stamp_of(known), digest)
        assert known_sha256(known) == DIGEST


def test_a_forged_record_needs_the_exact_stamp(known):
    in_place(known)
    exact = stamp_of(known)
    for field in range(len(exact)):
        for step in (-1, 1, 1_000_000_000):
            write_record(known, [value + step * (index == field) for index, value in enumerate(exact)], DIGEST)
            assert not accepts(known)
    for other in (exact[:-1], [*exact, 0], exact[::-1], [str(value) for value in exact], {"0": exact}, [exact]):
        write_record(known, other, DIGEST)
        assert not accepts(known)


def test_the_record_of_another_file_is_foreign(known, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.write_bytes(BAD)
    time.sleep(PAST_THE_GRAIN)
    shutil.copy2(verified._place(known), verified._place(wrong))
    assert not accepts(wrong)


def test_the_home_of_another_machine_is_foreign(known, home, tmp_path):
    """As is one that was copied along with the files: inodes and times of change differ."""
    for name in ("model.safetensors", "home"):
        (shutil.copytree if name == "home" else shutil.copy2)(tmp_path / name, tmp_path / f"{name}.copy")
    in_place(known)
    shutil.rmtree(home)
    (tmp_path / "home.copy").rename(home)
    assert not accepts(known)


def test_a_record_says_of_a_folder_in_its_place_nothing(known, home):
    place = records(home)[0]
    place.unlink()
    place.mkdir()
    assert accepts(known)
    in_place(known)
    assert not accepts(known)


def test_without_a_home_that_can_be_written_files_are_still_verified(path, tmp_path, monkeypatch, hashed):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AIGC_ZOO_HOME", str(tmp_path / "file" / "home"))
    for _ in range(2):
        verify(path, SIZE, DIGEST)
    assert len(hashed) == 2
    in_place(path)
    assert not accepts(path)


def test_without_space_for_a_record_files_are_still_verified(path, monkeypatch, hashed):
    def full(place):
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(verified, "whole_file", full)
    for _ in range(2):
        verify(path, SIZE, DIGEST)
    assert len(hashed) == 2


# What is no file, or has another size.


def test_another_size_is_refused_without_a_hash(path, hashed):
    with pytest.raises(Refused, match=r"has 1,200 bytes, its manifest says 7\."):
        verify(path, 7, DIGEST)
    assert hashed == []


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "dangling link", "link to itself", "below a file"])
def test_what_is_no_file_is_not_available(tmp_path, home, kind):
    path = tmp_path / "thing"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind in ("dangling link", "link to itself"):
        path.symlink_to(path if kind == "link to itself" else tmp_path / "gone")
    elif kind == "below a file":
        path.write_text("")
        path = path / "thing"
    for fresh in (False, True):
        with pytest.raises(NotAvailable, match=r"thing cannot be read: "):
            verify(path, 0, DIGEST, fresh=fresh)
    with pytest.raises(OSError, match="no such file"):
        known_sha256(path)
    remember(path, DIGEST)
    assert records(home) == []


def test_an_empty_file_is_a_file(tmp_path, home):
    (tmp_path / "empty").touch()
    verify(tmp_path / "empty", 0, hashlib.sha256().hexdigest())


def test_a_name_that_is_no_text_has_a_record(tmp_path, home, hashed):
    path = tmp_path / os.fsdecode(b"\xff model")
    path.write_bytes(GOOD)
    time.sleep(PAST_THE_GRAIN)
    for _ in range(3):
        verify(path, SIZE, DIGEST)
    assert len(hashed) == 1


# What is remembered without being read again.


def test_what_was_hashed_as_it_was_written_is_not_read(tmp_path, home, hashed):
    path = tmp_path / "model.safetensors"
    path.write_bytes(GOOD)
    remember(path, DIGEST)
    verify(path, SIZE, DIGEST)
    assert hashed == []
    in_place(path)
    assert not accepts(path)


def test_what_is_remembered_is_what_was_said(tmp_path, home):
    """``remember`` takes the caller's word; whoever hashes what came in, and not what was wanted, is right."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(BAD)
    remember(path, hashlib.sha256(BAD).hexdigest())
    assert not accepts(path)


# The clock: a disk that stamps by ticks, with every interleaving of writes, waits and checks.


class Disk:
    """One file on a file system that stamps changes by ``tick`` nanoseconds, and a clock that a test can move.

    It is read in two halves, so that a write can come before, between or after the two.
    """

    def __init__(self, tick, phase):
        self.tick, self.phase, self.now = tick, phase, 10**18 + phase
        self.during = [(), (), ()]
        self.write("AA")

    def write(self, content):
        self.now += 1000
        self.content, self.changed = content, (self.now - self.phase) // self.tick * self.tick + self.phase

    def wait(self, nanoseconds):
        self.now += nanoseconds

    def stamp(self, path):
        return verified.Stamp(1, 2, 2, 0, self.changed)  # mtime was set back, as anybody can

    def sha256(self, path):
        during, self.during = self.during, [(), (), ()]
        read = ""
        for half, steps in enumerate(during):
            for step in steps:
                self.take(*step)
            read += self.content[half : half + 1]
        return hashlib.sha256(read.encode()).hexdigest()

    def take(self, action, argument):
        if action == "check":
            fresh, self.during = argument[0], argument[1:]
            self.check(fresh)
        else:
            getattr(self, action)(argument)

    def check(self, fresh=False):
        """Verify; where nothing was written meanwhile, the right bytes must pass, and only they."""
        written = any(self.during)
        try:
            verify("the file", 2, hashlib.sha256(b"AA").hexdigest(), fresh=fresh)
            accepted = True
        except Refused:
            accepted = False
        self.during = [(), (), ()]
        assert written or accepted == (self.content == "AA")


MS = 1_000_000
CHANGE = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(["AA", "BB", "AB"])),
    st.tuples(st.just("wait"), st.sampled_from([MS // 10, MS, 6 * MS, 11 * MS, 25 * MS, 900 * MS, 3000 * MS])),
)
MEANWHILE = st.lists(CHANGE, max_size=2)
CHECK = st.tuples(st.just("check"), st.tuples(st.booleans(), MEANWHILE, MEANWHILE, MEANWHILE))
STEPS = st.lists(st.one_of(CHANGE, CHECK), max_size=8)
DISKS = st.sampled_from([(1 * MS, 123), (4 * MS, 123_457), (10 * MS, 999_999), (1000 * MS, 0), (2000 * MS, 0)])


def interleaved(examples, phases=tuple(Phase)):
    """Try the law on many interleavings; raises ``AssertionError`` with one that breaks it."""
    settings(max_examples=examples, phases=phases)(given(DISKS, STEPS)(play))()


def play(disk, steps):
    """Do the steps, and check once more at the end."""
    disk, kept = Disk(*disk), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verified, "_stamp", disk.stamp)
        patch.setattr(verified, "sha256_of", disk.sha256)
        patch.setattr(verified, "time", SimpleNamespace(time_ns=lambda: disk.now, sleep=disk.wait))
        # Records in memory: thousands need not survive a crash.
        patch.setattr(verified, "open", lambda place, encoding: io.StringIO(kept.get(place, "")), raising=False)
        patch.setattr(verified, "whole_file", lambda place: Keep(kept, place))
        for step in [*steps, ("check", (False, (), (), ()))]:
            disk.take(*step)


class Keep(io.BytesIO):
    """A record that is kept when it is closed."""

    def __init__(self, kept, place):
        super().__init__()
        self.kept, self.place = kept, place

    def __exit__(self, *exception):
        self.kept[self.place] = self.getvalue().decode()
        super().__exit__(*exception)


def test_no_interleaving_lets_wrong_bytes_pass(home):
    interleaved(500)


@pytest.mark.slow
def test_no_interleaving_of_many_lets_wrong_bytes_pass(home):
    interleaved(4000)


def recorded_at_once(patch):
    patch.setattr(verified, "_settled", lambda stamp: True)


def coarse_clocks_taken_for_fine(patch):
    patch.setattr(verified, "_grain", lambda stamp: 20 * MS)


def age_asked_after_the_hash(patch):
    def hashed(path, stamp):
        digest = verified.sha256_of(path)
        if verified._settled(stamp):
            verified._record(path, stamp, digest)
        return digest

    patch.setattr(verified, "_hashed", hashed)


def recorded_though_it_changed(patch):
    real = verified._record
    patch.setattr(verified, "_record", lambda path, stamp, digest: real(path, verified._stamp(path), digest))


def time_of_change_ignored(patch):
    real = Disk.stamp
    patch.setattr(Disk, "stamp", lambda disk, path: real(disk, path)._replace(changed_ns=1))


def test_a_write_into_a_long_hash_is_noticed_though_it_leaves_the_stamp_as_it_was(home, monkeypatch):
    """It comes after the bytes have been read and in the tick of the last write; then the hash goes on for long."""
    steps = [("check", (False, (), (), [("write", "BB"), ("wait", 25 * MS)]))]
    play((10 * MS, 999_999), steps)
    age_asked_after_the_hash(monkeypatch)
    with pytest.raises(AssertionError):
        play((10 * MS, 999_999), steps)


SABOTEURS = [
    recorded_at_once,
    coarse_clocks_taken_for_fine,
    pytest.param(age_asked_after_the_hash, marks=pytest.mark.slow),
    recorded_though_it_changed,
    time_of_change_ignored,
]


@pytest.mark.parametrize("saboteur", SABOTEURS)
def test_a_record_that_is_made_too_early_is_caught(home, monkeypatch, saboteur):
    saboteur(monkeypatch)
    with pytest.raises(AssertionError):
        interleaved(5000, (Phase.generate,))


@pytest.mark.parametrize("age_ms", [0, 1999, 2000])
def test_a_stamp_in_whole_seconds_is_not_recorded_for_two(path, home, monkeypatch, age_ms):
    stamp = verified._stamp(path)._replace(changed_ns=1_700_000_000 * 10**9)
    now = stamp.changed_ns + age_ms * MS
    monkeypatch.setattr(verified, "_stamp", lambda path: stamp)
    monkeypatch.setattr(verified, "time", SimpleNamespace(time_ns=lambda: now, sleep=time.sleep))
    verify(path, SIZE, DIGEST)
    remember(path, DIGEST)
    assert records(home) == []
    now += 1
    verify(path, SIZE, DIGEST)
    assert bool(records(home)) == (age_ms == 2000)


def test_a_clock_that_was_set_back_records_nothing(path, home, monkeypatch):
    monkeypatch.setattr(verified, "time", SimpleNamespace(time_ns=lambda: 1, sleep=time.sleep))
    verify(path, SIZE, DIGEST)
    remember(path, DIGEST)
    assert records(home) == []


# The same law on a real file, with the kernel's clock.


DATA = st.sampled_from([GOOD, BAD])


class RealFile(RuleBasedStateMachine):
    """A real file that is changed and checked in any order."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.patch = pytest.MonkeyPatch()
        self.patch.setenv("AIGC_ZOO_HOME", str(self.folder / "home"))
        self.path = self.folder / "model.safetensors"
        self.path.write_bytes(GOOD)
        self.times = self.path.stat()
        self.waits = 0

    def teardown(self):
        self.patch.undo()
        shutil.rmtree(self.folder)

    @rule(data=DATA, back=st.booleans(), check=st.booleans())
    def write(self, data, back, check):
        with self.path.open("r+b") as stream:
            stream.write(data)
        self.leave(self.path, back, check)

    @rule(data=DATA, back=st.booleans(), check=st.booleans())
    def replace(self, data, back, check):
        other = self.folder / "other"
        other.write_bytes(data)
        self.leave(other, back, False)
        os.replace(other, self.path)
        self.leave(self.path, False, check)

    @rule(data=DATA, check=st.booleans())
    def cut_and_write(self, data, check):
        os.truncate(self.path, 0)
        with self.path.open("ab") as stream:
            stream.write(data)
        self.leave(self.path, False, check)

    @rule()
    def touch(self):
        self.path.touch()

    @precondition(lambda self: self.waits < 8)
    @rule()
    def wait(self):
        self.waits += 1
        time.sleep(PAST_THE_GRAIN)

    @rule(fresh=st.booleans())
    def check(self, fresh):
        assert accepts(self.path, fresh=fresh) == (self.path.read_bytes() == GOOD)

    @rule()
    def ask(self):
        assert known_sha256(self.path) == sha256_of(self.path)

    def leave(self, path, back, check):
        if back:
            os.utime(path, ns=(self.times.st_atime_ns, self.times.st_mtime_ns))
        if check:
            self.check(fresh=False)


def test_no_order_of_changes_lets_wrong_bytes_pass_on_a_real_file():
    run_state_machine_as_test(RealFile, settings=settings(max_examples=20, stateful_step_count=25))


@pytest.mark.slow
def test_no_order_of_many_changes_lets_wrong_bytes_pass_on_a_real_file():
    run_state_machine_as_test(RealFile, settings=settings(max_examples=80, stateful_step_count=40))


def test_a_stamp_without_the_time_of_change_is_caught_on_a_real_file(monkeypatch):
    real = verified._stamp
    monkeypatch.setattr(verified, "_stamp", lambda path: real(path)._replace(changed_ns=1))
    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            RealFile, settings=settings(max_examples=200, stateful_step_count=25, phases=[Phase.generate])
        )


# Several processes.

MANY_TIMES = """
import sys
from aigc_core.errors import Refused
from aigc_core.verified import verify

sys.stdin.readline()
outcomes = set()
for _ in range(300):
    try:
        verify(sys.argv[1], int(sys.argv[2]), sys.argv[3])
        outcomes.add("accepted")
    except Refused:
        outcomes.add("refused")
print(*sorted(outcomes))
"""


@pytest.mark.parametrize(("content", "outcome"), [(GOOD, "accepted"), (BAD, "refused")])
def test_processes_that_verify_at_once_agree(path, home, hashed, content, outcome):
    path.write_bytes(content)
    command = [sys.executable, "-c", MANY_TIMES, str(path), str(SIZE), DIGEST]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in started:  # all have been imported by the time that the first is let go, or soon after
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate()[0].strip() for process in started] == [outcome] * 4
    assert [file.name for file in home.rglob("*") if file.is_file()] == [records(home)[0].name]  # no part is left
    assert known_sha256(path) == hashlib.sha256(content).hexdigest()
    assert hashed == []
