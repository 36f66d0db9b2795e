"""A private folder is gone afterwards, whatever was left in it."""

import os
import stat

import pytest

from aigc_core.sandbox.folder import private_folder, remove


def deep(folder):
    here = os.getcwd()
    try:
        os.chdir(folder)
        for _ in range(300):  # 30,000 characters: seven times what a path can have
            os.mkdir("d" * 100)
            os.chdir("d" * 100)
        open("end", "w").close()
    finally:
        os.chdir(here)


def closed(folder):
    os.makedirs(f"{folder}/closed/inner")
    open(f"{folder}/closed/inner/file", "w").close()
    for name in ("closed/inner", "closed", ""):
        os.chmod(f"{folder}/{name}", 0)


def odd(folder):
    open(os.fsencode(folder) + b"/\xff\n", "w").close()
    os.mkdir(os.fsencode(folder) + b"/0")
    os.mkfifo(f"{folder}/pipe")
    os.symlink("/", f"{folder}/root")
    os.symlink("nowhere", f"{folder}/dangling")


@pytest.mark.parametrize("left", [deep, closed, odd])
def test_whatever_is_left_is_removed(tmp_path, monkeypatch, left):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with private_folder() as place:
        assert stat.S_IMODE(os.stat(place).st_mode) == 0o755
        left(place)
    assert os.listdir(tmp_path) == []


def test_nothing_beside_it_goes(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "link").symlink_to(tmp_path / "kept")
    remove(str(tmp_path / "gone"))
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept" / "file").exists()
    remove(str(tmp_path / "never"))  # nothing to do
