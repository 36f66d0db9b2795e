"""A plugin's reader: given the folder, or the file in it that the recipe names; whatever it meets is a sentence."""

from __future__ import annotations

import numpy as np
import pytest

from aigc_core.errors import NotAvailable, WrongUse

KIND = {"kind": "toys:dots"}


def dots(path):
    """One image of 2 x 2 for each byte of a file."""
    values = np.frombuffer(path.read_bytes(), np.uint8)
    return np.repeat(values, 4).reshape(-1, 2, 2)


@pytest.fixture
def folder(tmp_path):
    for name, values in (("train", b"abcdef"), ("valid", b"gh"), ("test", b"ijk")):
        (tmp_path / name).write_bytes(values)
    (tmp_path.parent / "outside").write_bytes(b"secret")
    return tmp_path


def test_parts_are_files_of_one_folder(get, folder):
    source = {**KIND, "file": "train", "validation": {"file": "valid"}, "test": {"file": "test"}}
    found = get(source, folder, lambda name: dots)
    assert [len(part) for part in (found.train, found.validation, found.test)] == [6, 2, 3]
    assert found.identity["rows"] == {"train": 6, "validation": 2, "test": 3}


def test_without_a_file_the_reader_has_the_folder(get, folder):
    seen = []
    get(KIND, folder, lambda name: lambda path: seen.append(path) or dots(path / "train"))
    assert seen == [folder]


def test_a_lone_file_may_be_named_by_the_user_whatever_it_is_called(get, folder):
    assert len(get({**KIND, "file": "train"}, folder / "test", lambda name: dots).train) == 3


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "a/../../outside"])
def test_a_recipe_names_no_file_outside_the_users_folder(get, folder, name):
    with pytest.raises(WrongUse, match="which does not lie in the data set's folder"):
        get({**KIND, "file": name}, folder, lambda _: dots)


def test_a_file_that_is_missing_is_named(get, folder):
    with pytest.raises(NotAvailable, match=r"There is no data set toys in .*: gone is missing"):
        get({**KIND, "file": "gone"}, folder, lambda name: dots)
    with pytest.raises(WrongUse, match=r"data\.source\.file in the recipe is 3; it takes a text"):
        get({**KIND, "file": 3}, folder, lambda name: dots)


class OddError(Exception):
    """What a library of a format raises of its own."""


@pytest.mark.parametrize("error", [OddError("no such\n header."), ValueError("no such header"), EOFError()], ids=repr)
def test_whatever_a_reader_meets_is_a_sentence(get, folder, error):
    def reader(path):
        raise error

    with pytest.raises(NotAvailable, match=r"train does not hold the data set toys: (no such header|EOFError)\.$"):
        get({**KIND, "file": "train"}, folder, lambda name: reader)


def test_what_is_missing_to_read_it_is_said_by_the_reader(get, folder):
    def reader(path):
        raise NotAvailable("Dots are read with dotpy.", "Try: pip install dotpy")

    with pytest.raises(NotAvailable, match=r"Dots are read with dotpy") as error:
        get({**KIND, "file": "train"}, folder, lambda name: reader)
    assert error.value.hint == "Try: pip install dotpy"
