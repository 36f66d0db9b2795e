"""Our reading of entry points is ``importlib.metadata``'s, on any mixture of layouts."""

from __future__ import annotations

import contextlib
import gc
import importlib.metadata
import os
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

from aigc_core.entry_points import entry_points, name_and_version

Row = tuple[str, str, str, str]


class Dist(NamedTuple):
    name: str
    version: str
    layout: str
    """dist-info, egg-info, or file (an egg-info file)."""
    text: str
    """Its entry_points.txt."""


class Root(NamedTuple):
    kind: str
    dists: list[Dist]


NAMES = ["Foo.Bar", "foo-bar", "foo_bar", "FOO--BAR", "zoo-gan", "zoo_gan", "größe", "画廊", "a"]
LINES = [
    "gan = aigc_gan.plugin",
    "gan=aigc_gan.plugin",
    "  spaced   =   some.module : attribute  ",
    "extra = module:attr [more]",
    "生成 = package.模块",
    "equals = a=b",
    "# comment = no",
    "",
    "   ",
    "[aigc_zoo]",
    "[ aigc_zoo ]",
    "[console_scripts]",
    "[[aigc_zoo]]",
    "[aigc_zoo_other]",
    "#[aigc_zoo]",
]
KINDS = ["folder", "egg", "zip", "zipped egg", "linked", "relative", "empty", "missing", "text file"]

texts = st.lists(st.sampled_from(LINES), max_size=6).map(lambda lines: "\n".join(["[aigc_zoo]", *lines]) + "\n")
dists = st.builds(
    Dist,
    st.sampled_from(NAMES),
    st.sampled_from(["1.0", "2.0", "0.1.dev1+local"]),
    st.sampled_from(["dist-info", "egg-info", "file"]),
    texts,
)
sites = st.lists(st.builds(Root, st.sampled_from(KINDS), st.lists(dists, max_size=4)), max_size=5)


@settings(max_examples=100)
@given(sites)
@example([Root("folder", [Dist("Foo.Bar", "1.0", "dist-info", "[aigc_zoo]\na=b\n")] * 2)])
@example([Root("zip", [Dist("a", "1.0", "dist-info", "[aigc_zoo]\na=b\n")])])
@example([Root("folder", [Dist("a", "1.0", "dist-info", "[aigc_zoo]\na=b\n")]), Root("linked", [])])
def test_equal_to_the_library(roots: list[Root]) -> None:
    with tempfile.TemporaryDirectory() as folder, working_in(folder):
        path = [build(Path(folder), number, root) for number, root in enumerate(roots)]
        assert ours(path) == theirs(path)


def test_equal_to_the_library_for_this_environment() -> None:
    assert ours(sys.path) == theirs(sys.path)
    assert entry_points("console_scripts") == entry_points("console_scripts", sys.path)


@pytest.mark.parametrize("group", ["console_scripts", "pytest11", "no such group"])
def test_other_groups(group: str) -> None:
    assert ours(sys.path, group) == theirs(sys.path, group)


def test_windows_line_ends(tmp_path: Path) -> None:
    metadata = "Name: foo\r\nVersion: 1\r\n\r\nName: in the description\r\n"
    write(tmp_path / "foo-1.dist-info", metadata, "[aigc_zoo]\r\na = b\r\n")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("bar-1.dist-info/METADATA", metadata.replace("foo", "bar"))
        archive.writestr("bar-1.dist-info/entry_points.txt", "[aigc_zoo]\r\na = b\r\n")
    path = [str(tmp_path), str(tmp_path / "all.zip")]
    assert ours(path) == theirs(path) == [("a", "b", "foo", "1"), ("a", "b", "bar", "1")]


def test_the_first_of_two_equal_fields_counts(tmp_path: Path) -> None:
    write(tmp_path / "foo-1.dist-info", "Name: foo\nName: bar\nVersion: 1\nVersion: 2\n", "[aigc_zoo]\na = b\n")
    assert ours([str(tmp_path)]) == theirs([str(tmp_path)]) == [("a", "b", "foo", "1")]


@pytest.mark.parametrize("metadata", [None, "", "Metadata-Version: 2.1\n\nName: in the description\n"])
def test_a_distribution_without_a_name_is_called_by_its_folder(tmp_path: Path, metadata: str | None) -> None:
    write(tmp_path / "foo-1.0.dist-info", metadata, "[aigc_zoo]\na = b\n")
    assert ours([str(tmp_path)]) == [("a", "b", "foo", "1.0")]


def test_an_egg_info_file_is_its_own_metadata(tmp_path: Path) -> None:
    (tmp_path / "Foo-1.0-py3.egg-info").write_text("Name: Foo\nVersion: 1.0\n")
    assert name_and_version(str(tmp_path / "Foo-1.0-py3.egg-info")) == ("Foo", "1.0")


def test_an_editable_install_has_its_metadata_here_and_its_code_elsewhere(tmp_path: Path) -> None:
    write(tmp_path / "site" / "foo-1.dist-info", "Name: foo\nVersion: 1\n", "[aigc_zoo]\na = foo.plugin\n")
    (tmp_path / "checkout" / "foo").mkdir(parents=True)
    write(
        tmp_path / "checkout" / "foo.egg-info", "Name: foo\nVersion: 0\n", "[aigc_zoo]\nold = foo.plugin\n", "PKG-INFO"
    )
    path = [str(tmp_path / "site"), str(tmp_path / "checkout")]
    assert ours(path) == theirs(path) == [("a", "foo.plugin", "foo", "1")]


def test_text_that_is_no_utf8_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    write(tmp_path / "foo-1.dist-info", "Name: foo\nVersion: 1\n", "")
    (tmp_path / "foo-1.dist-info" / "entry_points.txt").write_bytes(b"[aigc_zoo]\na = b\n\xff = c\n")
    assert ours([str(tmp_path)])[0] == ("a", "b", "foo", "1")


def test_a_folder_in_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "foo-1.dist-info" / "entry_points.txt").mkdir(parents=True)
    (tmp_path / "bar-1.dist-info" / "METADATA").mkdir(parents=True)
    assert ours([str(tmp_path)]) == theirs([str(tmp_path)]) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("closed", ["", "foo-1.dist-info", "foo-1.dist-info/entry_points.txt"])
def test_what_may_not_be_read_is_not_there(tmp_path: Path, closed: str) -> None:
    write(tmp_path / "site" / "foo-1.dist-info", "Name: foo\nVersion: 1\n", "[aigc_zoo]\na = b\n")
    target = tmp_path / "site" / closed
    target.chmod(0)
    try:
        assert ours([str(tmp_path / "site")]) == theirs([str(tmp_path / "site")]) == []
    finally:
        target.chmod(0o755)


def test_a_path_object_on_the_path(tmp_path: Path) -> None:
    write(tmp_path / "foo-1.dist-info", "Name: foo\nVersion: 1\n", "[aigc_zoo]\na = b\n")
    assert [entry.name for entry in entry_points("aigc_zoo", [tmp_path])] == ["a"]  # type: ignore[list-item]


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04 cut off"])
def test_a_damaged_zip_file_holds_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged.zip"
    path.write_bytes(content)
    assert entry_points("aigc_zoo", [str(path)]) == []


def ours(path: list[str], group: str = "aigc_zoo") -> list[Row]:
    return [(entry.name, entry.value, *name_and_version(entry.info)) for entry in entry_points(group, path)]


def theirs(path: list[str], group: str = "aigc_zoo") -> list[Row]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the library leaves zip files open until they are collected
        rows = _theirs(path, group)
        if any(os.path.isfile(root) for root in path):
            importlib.metadata.MetadataPathFinder().invalidate_caches()
            gc.collect()
    return rows


def _theirs(path: list[str], group: str) -> list[Row]:
    importlib.metadata.MetadataPathFinder().invalidate_caches()
    before, sys.path = sys.path, path
    try:
        found = list(importlib.metadata.entry_points(group=group))
    finally:
        sys.path = before
    return [(entry.name, entry.value, entry.dist.name, entry.dist.version) for entry in found if entry.dist]


def build(folder: Path, number: int, root: Root) -> str:
    """Write one entry of the path and return it as it stands there."""
    place = folder / f"root{number}"
    if root.kind == "missing":
        return str(place)
    if root.kind == "text file":
        place.write_text("no zip file")
        return str(place)
    if root.kind == "linked":
        place.symlink_to(folder / "root0", target_is_directory=True)
        return str(place)
    if root.kind == "empty":
        place = folder
    if root.kind in ("egg", "zipped egg"):
        place = folder / f"egg_{number}-1.0-py3.egg"
        write(place / "EGG-INFO", f"Name: egg-{number}\nVersion: 1.0\n", "[aigc_zoo]\negg = an.egg\n", "PKG-INFO")
    place.mkdir(exist_ok=True)
    for dist in root.dists:
        write_dist(place, dist)
    if root.kind in ("zip", "zipped egg"):
        place = zipped(place)
    return {"relative": place.name, "empty": ""}.get(root.kind, str(place))


def write_dist(place: Path, dist: Dist) -> None:
    metadata = f"Metadata-Version: 2.1\nName: {dist.name}\nVersion: {dist.version}\nSummary: Name: x\n\nName: text\n"
    stem = f"{dist.name.replace('-', '_')}-{dist.version}"
    if dist.layout == "file":
        if not (place / f"{stem}.egg-info").exists():
            (place / f"{stem}.egg-info").write_text(metadata, encoding="utf-8")
    elif not (place / f"{stem}.{dist.layout}").is_file():
        name = "METADATA" if dist.layout == "dist-info" else "PKG-INFO"
        write(place / f"{stem}.{dist.layout}", metadata, dist.text, name)


def write(info: Path, metadata: str | None, text: str, name: str = "METADATA") -> None:
    info.mkdir(parents=True, exist_ok=True)
    (info / "entry_points.txt").write_text(text, encoding="utf-8", newline="")
    if metadata is not None:
        (info / name).write_text(metadata, encoding="utf-8", newline="")


def zipped(place: Path) -> Path:
    archive = place.with_name(f"zipped_{place.name}")
    with zipfile.ZipFile(archive, "w") as opened:
        for file in sorted(file for file in place.rglob("*") if file.is_file()):
            opened.write(file, file.relative_to(place).as_posix())
    return archive


@contextlib.contextmanager
def working_in(folder: str) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
