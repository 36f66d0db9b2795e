import pytest

from aigc_core.errors import WrongUse
from aigc_core.serve.faults import Fault
from aigc_core.serve.keys import check_host, check_key, is_loopback, read_key


def test_a_key_is_read_from_a_file_or_the_environment(tmp_path, monkeypatch):
    path = tmp_path / "key"
    path.write_text("  a-key \n")
    monkeypatch.setenv("AIGC_ZOO_API_KEY", "other")
    assert read_key(str(path)) == "a-key"
    assert read_key(None) == "other"
    monkeypatch.delenv("AIGC_ZOO_API_KEY")
    assert read_key(None) == ""


@pytest.mark.parametrize("data", [b"", b" \n", b"two words", b"two\nlines", "schlüssel".encode(), b"x" * 5000, b"a\0b"])
def test_what_is_no_key_is_refused(tmp_path, data):
    path = tmp_path / "key"
    path.write_bytes(data)
    with pytest.raises(WrongUse, match="holds no API key"):
        read_key(str(path))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(WrongUse, match="no such file"):
        read_key(str(tmp_path / "none"))


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer ", "Basic a-key", "a-key", "Bearer a-keys", "Bearer a-ke"])
def test_another_key_is_refused(given):
    with pytest.raises(Fault) as refused:
        check_key("a-key", {"authorization": given})
    assert refused.value.status == 401
    assert refused.value.headers() == {"www-authenticate": "Bearer"}


def test_the_key_is_taken():
    check_key("a-key", {"authorization": "Bearer a-key"})
    check_key("a-key", {"authorization": "bearer  a-key "})
    check_key("", {})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "example.org", "", "localhost.example.org", "127.1"])
def test_not_loopback(host):
    assert not is_loopback(host)


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000", "[::1]"])
def test_names_of_this_machine(name):
    check_host("127.0.0.1", {"host": name})


@pytest.mark.parametrize("name", ["", "evil", "evil:8000", "127.0.0.1.evil", "[evil]", "[::1", "evil[::1]", "::1"])
def test_other_names_are_refused_on_loopback_alone(name):
    with pytest.raises(Fault) as refused:
        check_host("127.0.0.1", {"host": name})
    assert refused.value.status == 403
    check_host("0.0.0.0", {"host": name})
