"""What is measured of a folder: holes, closed and deep folders, and files that nobody can name."""

import mmap
import os
import socket

import pytest

from aigc_core.sandbox import tree, written
from aigc_core.sandbox.nameless import nameless

MEGA = 1 << 20


@pytest.fixture
def me():
    return [tree.one(os.getpid())]


def test_a_hole_takes_no_room_and_is_still_to_be_read(tmp_path):
    with open(tmp_path / "hollow", "wb") as stream:
        stream.truncate(100 * MEGA)
    found = written.size(str(tmp_path), 1000 * MEGA, 10)
    assert (found.stored < MEGA, found.apparent, found.entries, found.hidden) == (True, 100 * MEGA, 1, False)


def test_it_ends_at_the_first_limit(tmp_path):
    for number in range(30):
        (tmp_path / str(number)).touch()
    assert written.size(str(tmp_path), MEGA, 10).entries == 11


def test_links_are_not_followed_and_what_is_not_there_is_nothing(tmp_path):
    (tmp_path / "link").symlink_to("/usr")
    assert written.size(str(tmp_path), MEGA, 10).entries == 1
    assert written.size(str(tmp_path / "link"), MEGA, 10) == written.Size()
    assert written.size(str(tmp_path / "never"), MEGA, 10) == written.Size()


@pytest.mark.parametrize("where", [".", "a", "a/b"])
@pytest.mark.parametrize("mode", [0, 0o100, 0o400])
def test_a_closed_folder_is_told(tmp_path, where, mode):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / where).chmod(mode)
    assert written.size(str(tmp_path), MEGA, 10).hidden
    (tmp_path / where).chmod(0o700)
    assert not written.size(str(tmp_path), MEGA, 10).hidden


def test_a_deep_folder_is_told(tmp_path):
    (tmp_path / "/".join("d" * 64)).mkdir(parents=True)
    assert not written.size(str(tmp_path), MEGA, 1000).hidden
    (tmp_path / "/".join("d" * 65)).mkdir(parents=True)
    assert written.size(str(tmp_path), MEGA, 1000).hidden


def test_files_without_a_name_count_once_open_or_mapped(tmp_path, me):
    folders = (str(tmp_path), str(tmp_path))
    before = nameless(me, folders, 8 * MEGA).files
    with open(tmp_path / "file", "w+b") as stream:
        stream.write(b"x" * MEGA)
        stream.flush()
        os.fsync(stream.fileno())
        assert nameless(me, folders, 8 * MEGA).files == before  # it has one
        os.unlink(tmp_path / "file")
        other = os.dup(stream.fileno())
        assert nameless(me, folders, 8 * MEGA).files - before == pytest.approx(MEGA, rel=0.1)
        os.close(other)
        mapped = mmap.mmap(os.open(f"/proc/self/fd/{stream.fileno()}", os.O_RDWR), 4096)
    assert nameless(me, folders, 8 * MEGA).files - before >= MEGA  # its size, or the largest there can be
    mapped.close()


def test_sockets_count(me, tmp_path):
    before = nameless(me, (str(tmp_path), str(tmp_path)), MEGA).sockets
    with socket.socket(socket.AF_UNIX):
        assert nameless(me, (str(tmp_path), str(tmp_path)), MEGA).sockets - before >= 1 << 16
