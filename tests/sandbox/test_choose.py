"""Which sandbox is taken, what is said where there is none."""

import pytest

from aigc_core.errors import NotAvailable, Refused
from aigc_core.sandbox import bubblewrap, choose, landlock


def have(monkeypatch, bwrap="", abi=7):
    monkeypatch.setattr(bubblewrap, "fault", lambda: bwrap)
    monkeypatch.setattr(landlock, "abi", lambda: abi)
    monkeypatch.setattr(choose, "_open_to_all", lambda path: True)


FORBIDDEN = "bwrap: setting up uid map: Permission denied"


def test_bubblewrap_comes_first(monkeypatch):
    have(monkeypatch)
    found = choose.choose()
    assert (found.name, found.reason, found.for_untrusted) == ("bubblewrap", "", True)


def test_landlock_is_second_says_why_and_is_not_for_strangers(monkeypatch):
    have(monkeypatch, bwrap=FORBIDDEN)
    found = choose.choose()
    assert (found.name, found.reason, found.for_untrusted) == ("landlock", FORBIDDEN, False)
    assert len(found.leaves) > 3


@pytest.mark.parametrize(
    ("bwrap", "hint"),
    [(FORBIDDEN, "apparmor_restrict_unprivileged_userns"), ("bubblewrap is not installed", "pip install")],
)
def test_with_neither_it_is_refused(monkeypatch, bwrap, hint):
    have(monkeypatch, bwrap=bwrap, abi=3)
    with pytest.raises(Refused, match="no sandbox on this machine") as caught:
        choose.choose()
    assert hint in caught.value.hint
    assert "ABI 3" in str(caught.value)


@pytest.mark.parametrize("wanted", ["bubblewrap", "landlock"])
def test_one_that_is_named_is_not_replaced(monkeypatch, wanted):
    have(monkeypatch, bwrap=FORBIDDEN, abi=0)
    with pytest.raises(NotAvailable, match=wanted):
        choose.choose(wanted)


def test_nothing_must_be_asked_for(monkeypatch):
    have(monkeypatch, bwrap=FORBIDDEN, abi=0)
    assert choose.choose("none").leaves == ("everything",)
