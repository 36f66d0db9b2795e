"""Bundled files that are not there, not inside, or not the right bytes: each is one problem."""

from __future__ import annotations

import os

import pytest

FILE = "/weights/files/0"
FAULTS = {
    "path out of the folder": (
        ("put", f"{FILE}/path", "../tiny.safetensors"),
        "path-escapes",
        f"{FILE}/path",
        '"path"',
        "weights/model.safetensors",
    ),
    "absolute path": (
        ("put", f"{FILE}/path", "/etc/x.safetensors"),
        "path-escapes",
        f"{FILE}/path",
        '"path"',
        "a relative path",
    ),
    "recipe out of the folder": (
        ("put", "/origin/recipe", "a//b"),
        "path-escapes",
        "/origin/recipe",
        '"recipe"',
        "a relative path",
    ),
    "weights not there": (
        ("put", f"{FILE}/path", "weights/no.safetensors"),
        "missing-file",
        f"{FILE}/path",
        '"path"',
        "above models/",
    ),
    "recipe not there": (
        ("put", "/origin/recipe", "recipes/no"),
        "missing-file",
        "/origin/recipe",
        '"recipe"',
        "above",
    ),
    "golden output not there": (
        ("put", "/golden/0/output", "golden/no"),
        "missing-file",
        "/golden/0/output",
        '"golden/no"',
        "Put the file there",
    ),
    "another size": (("put", f"{FILE}/size", 3), "wrong-size", f"{FILE}/size", '"size"', "It takes 57,"),
    "another hash": (
        ("put", f"{FILE}/sha256", "0" * 64),
        "wrong-hash",
        f"{FILE}/sha256",
        '"sha256"',
        "acd23f8b19b7962a",
    ),
    "another golden hash": (
        ("put", "/golden/0/sha256", "f" * 64),
        "wrong-hash",
        "/golden/0/sha256",
        "f" * 64,
        "acd23f8b19b7962a",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_is_one_problem(name, check_fault):
    check_fault(FAULTS[name])


def test_a_link_out_of_the_folder_escapes(zoo, judge, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "secret"
    outside.write_bytes(zoo.BYTES)
    link = zoo.folder / "weights" / "tiny.safetensors"
    link.unlink()
    link.symlink_to(outside)
    (problem,) = judge(zoo.validate("model"))
    assert problem[:2] == ("path-escapes", f"{FILE}/path")


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_plain_file_counts_as_missing(kind, zoo, judge):
    path = zoo.folder / "weights" / "odd.safetensors"
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    (problem,) = judge(zoo.problems(("put", f"{FILE}/path", "weights/odd.safetensors")))
    assert problem[:2] == ("missing-file", f"{FILE}/path")
