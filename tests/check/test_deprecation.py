"""What goes away is said with the author's own file and line, however deep in the core it is noticed."""

from __future__ import annotations

import warnings

import pytest

from aigc_core import deprecation


def test_the_warning_has_the_place_of_the_author(tmp_path, monkeypatch):
    core = tmp_path / "aigc_core"
    core.mkdir()
    monkeypatch.setattr(deprecation, "_OURS", f"{core}/")
    spaces = {"deprecated": deprecation.deprecated}
    for path, source in (
        (core / "old.py", "def old():\n    deprecated('old()', 'new()', '0.3')\n"),
        (core / "deeper.py", "def deeper():\n    old()\n"),
        (tmp_path / "author.py", "# a plugin\n\ndef use():\n    deeper()\n"),
    ):
        exec(compile(source, str(path), "exec"), spaces)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        spaces["use"]()
    (warning,) = caught
    assert (warning.filename, warning.lineno) == (str(tmp_path / "author.py"), 4)
    assert str(warning.message) == "old() is gone in aigc-core 0.3: use new()."
    assert issubclass(warning.category, DeprecationWarning)


def test_it_can_be_made_an_error():
    with warnings.catch_warnings():
        warnings.simplefilter("error", deprecation.Deprecated)
        with pytest.raises(deprecation.Deprecated):
            deprecation.deprecated("old()", "new()", "0.3")
