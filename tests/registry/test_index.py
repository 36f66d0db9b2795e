"""A large folder answers through its index what reading every manifest would answer."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_core import registry
from aigc_core.registry import Wanted, database, index, places, query, stamps

TEMPLATE = json.loads(Path(__file__).with_name("far-away.json").read_text())
WORDS = ("amber", "birch", "Straße", "élan", 'a "b" c', "50 %", "ΣΙΓΜΑ")


def write(folder, name, summary="", **fields):
    document = TEMPLATE | {"id": name, "summary": summary or f"The model {name}."} | fields
    (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")


@pytest.fixture
def models(tmp_path, monkeypatch):
    """The user's folder, in which five manifests are many, and no other model is known."""
    monkeypatch.setenv("AIGC_ZOO_HOME", str(tmp_path))
    monkeypatch.setattr(places, "LARGE", 5)
    known = registry.known_places  # an installed plugin may have five models too
    monkeypatch.setattr(registry, "known_places", lambda: [place for place in known() if place.origin == "user"])
    folder = tmp_path / "data" / "models"
    folder.mkdir(parents=True)
    return folder


def found(**wanted):
    return [entry.id for entry in registry.entries(Wanted(**wanted)) if entry.origin == "user"]


def file_of(models):
    (path,) = (models.parents[1] / "cache" / "index").glob("*.sqlite")
    return path


def test_a_small_folder_has_no_index(models):
    for number in range(4):
        write(models, f"m-{number}")
    assert len(found(search="m-")) == 4
    assert not (models.parents[1] / "cache").exists()


@pytest.mark.parametrize("trigrams", [True, False], ids=["trigrams", "scan"])
def test_what_is_found_is_what_reading_everything_finds(models, trigrams, monkeypatch):
    if not trigrams:
        monkeypatch.setattr(database, "_TRIGRAMS", "CREATE VIRTUAL TABLE trigram USING no_such_module(text)")
    for number, word in enumerate(WORDS * 3):
        code = TEMPLATE["code"] | {"plugin": "vae" if number % 2 else "gan"}
        write(models, f"m-{number}", f"Of {word}, number {number}.", family="vae" if number % 2 else "gan", code=code)
    (models / "broken.json").write_text("{")
    everything = [entry for entry in registry.entries() if entry.origin == "user"]
    assert len(everything) == 22
    searches = [
        *WORDS,
        "strasse",
        "STRASSE",
        "σιγμα",
        "é",
        "a",
        '"b"',
        "number 1",
        "broken",
        "no such",
        "m-1",
        "\0ab",
        "",
    ]
    for search in searches:
        for family in (None, "gan"):
            wanted = Wanted(search, family)
            assert found(search=search, family=family) == [
                entry.id for entry in everything if wanted.matches(entry.id, entry.manifest)
            ], search
    vaes = [entry.id for entry in everything if entry.manifest and entry.manifest.plugin == "vae"]
    assert found(plugin="vae", task="unconditional-image-generation") == vaes
    with sqlite3.connect(file_of(models)) as base:
        assert query.has_trigrams(base) == trigrams
    base.close()


CHANGES = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "replace"]), st.integers(0, 12), st.sampled_from(["red", "blue"])),
    max_size=12,
)


@settings(max_examples=25)
@given(changes=CHANGES)
def test_the_index_follows_the_folder(changes, tmp_path_factory):
    root = tmp_path_factory.mktemp("home")
    models = root / "data" / "models"
    models.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIGC_ZOO_HOME", str(root))
        patch.setattr(places, "LARGE", 5)
        for number in range(6):
            write(models, f"base-{number}", "A red one.")
        for change, number, colour in changes:
            path = models / f"m-{number}.json"
            if change == "remove":
                path.unlink(missing_ok=True)
            else:
                write(models, "m-new", f"A {colour} one, {change}.", id=f"m-{number}")
                os.replace(models / "m-new.json", path)
            wanted = Wanted("a blue")
            paths = index.paths(str(models), wanted)
            assert paths is not None
            truth = [str(each) for each in sorted(models.iterdir()) if "A blue" in each.read_text()]
            assert paths == truth


def test_of_very_many_the_folder_is_listed_only_when_its_time_has_moved(models, monkeypatch):
    monkeypatch.setattr(database, "WATCHED", 5)
    for number in range(6):
        write(models, f"m-{number}")
    assert len(found(search="model")) == 6
    with monkeypatch.context() as patch:
        patch.setattr(stamps, "of_files", lambda folder: pytest.fail("the folder was listed again"))
        assert found(search="m-3") == ["m-3"]
    write(models, "m-7")
    assert found(search="m-7") == ["m-7"]


@pytest.mark.parametrize("many", [False, True], ids=["each file", "the folder alone"])
def test_what_is_overwritten_in_place_is_shown_as_it_is_now(models, monkeypatch, many):
    for number in range(6):
        write(models, f"m-{number}", "A red one.")
    if many:
        monkeypatch.setattr(database, "WATCHED", 5)
    assert len(found(search="red")) == 6
    write(models, "m-2", "A new one.")  # as long as before; the folder's time does not move
    (entry,) = registry.entries(Wanted("m-2"))
    assert entry.manifest.summary == "A new one."
    assert "m-2" not in found(search="red")
    assert found(search="new") == ([] if many else ["m-2"])


@pytest.mark.parametrize("many", [False, True], ids=["each file", "the folder alone"])
def test_a_folder_that_takes_the_place_of_another_with_its_times_is_another(models, monkeypatch, many):
    if many:
        monkeypatch.setattr(database, "WATCHED", 5)

    def fill(folder, colour):
        folder.mkdir(exist_ok=True)
        for number in range(6):
            write(folder, f"m-{number}", f"A {colour} one.")
            os.utime(folder / f"m-{number}.json", (1, 1))
        os.utime(folder, (1, 1))  # as an archive that was packed to be reproducible leaves them

    fill(models, "red")
    assert len(found(search="red")) == 6
    fill(models.with_name("other"), "new")
    models.rename(models.with_name("old"))
    models.with_name("other").rename(models)
    assert (len(found(search="red")), len(found(search="new"))) == (0, 6)


def test_a_folder_that_is_gone_has_no_models(models, capsys):
    for number in range(6):
        write(models, f"m-{number}")
    assert len(found(search="model")) == 6
    models.rename(models.with_name("gone"))
    assert found(search="model") == []
    assert capsys.readouterr().err.count("\n") == 1  # that six were read, once


@pytest.mark.parametrize("damage", [b"", b"no database", b"SQLite format 3\0" + bytes(200)])
def test_a_damaged_index_is_built_again_at_once(models, damage, capsys):
    for number in range(6):
        write(models, f"m-{number}")
    assert len(found(search="model")) == 6
    file_of(models).write_bytes(damage)
    assert found(search="m-4") == ["m-4"]
    assert file_of(models).read_bytes() != damage
    assert "cannot be kept" not in capsys.readouterr().err


def test_an_index_without_its_tables_is_built_again(models, capsys):
    for number in range(6):
        write(models, f"m-{number}")
    assert len(found(search="model")) == 6
    with contextlib.closing(sqlite3.connect(file_of(models))) as base:
        base.execute("DROP TABLE folder")
        base.commit()
    assert found(search="m-4") == ["m-4"]
    assert "cannot be kept" not in capsys.readouterr().err


def test_an_index_of_another_format_is_built_again(models, monkeypatch):
    for number in range(6):
        write(models, f"m-{number}")
    assert found(search="m-4") == ["m-4"]
    monkeypatch.setattr(database, "FORMAT", 99)
    monkeypatch.setattr(database, "_TABLES", (*database._TABLES, "CREATE TABLE IF NOT EXISTS more (a TEXT)"))
    assert found(search="m-4") == ["m-4"]


def test_without_a_cache_that_can_be_written_manifests_are_read_one_by_one(models, capsys):
    for number in range(6):
        write(models, f"m-{number}")
    (models.parents[1] / "cache").write_text("a file, where a folder should be")
    assert found(search="m-4") == ["m-4"]
    assert "its index cannot be kept in" in capsys.readouterr().err


def test_an_index_that_is_read_only_answers_for_as_long_as_it_holds(models, monkeypatch, capsys):
    for number in range(6):
        write(models, f"m-{number}")
    assert found(search="m-4") == ["m-4"]
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **given: connect(f"file:{path}?mode=ro", uri=True, **given))
    assert found(search="m-3") == ["m-3"]
    assert "cannot" not in capsys.readouterr().err
    write(models, "m-9")
    assert found(search="m-9") == ["m-9"]
    assert "readonly database" in capsys.readouterr().err


def test_an_index_that_another_process_writes_is_waited_for_and_never_removed(models, monkeypatch, capsys):
    for number in range(6):
        write(models, f"m-{number}")
    assert found(search="m-4") == ["m-4"]
    monkeypatch.setattr(database, "PATIENCE", 0.05)
    monkeypatch.setattr(database, "_LONGEST", 0)
    write(models, "m-9")
    with contextlib.closing(sqlite3.connect(file_of(models))) as other:
        other.execute("BEGIN IMMEDIATE")
        assert found(search="m-9") == ["m-9"]
        told = capsys.readouterr().err
        assert "Another process is indexing" in told
        assert "database is locked" in told
        other.rollback()
    assert found(search="m-9") == ["m-9"]
    assert "cannot" not in capsys.readouterr().err


SEARCH = """
import resource, signal, sys
from aigc_core import registry
from aigc_core.registry import Wanted, database, places
places.LARGE = 5
limit = int(sys.argv[2])
if limit:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
if sys.argv[3] == "slow":
    import time
    row = database._row
    database._row = lambda *given: (print(flush=True), time.sleep(0.1), row(*given))[2]
print(sum(entry.origin == "user" for entry in registry.entries(Wanted(sys.argv[1]))))
"""


def searching(text, limit=0, pace="fast"):
    command = [sys.executable, "-c", SEARCH, text, str(limit), pace]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_that_build_at_once_both_answer(models):
    for number in range(30):
        write(models, f"m-{number}")
    both = [searching("model", pace="slow") for _ in range(2)]
    told = [process.communicate(timeout=120) for process in both]
    assert [out.split() for out, _ in told] == [["30"], ["30"]]
    assert sum("Reading 30 manifests" in err for _, err in told) == 1  # the other found it done
    assert not any("cannot" in err for _, err in told)


def test_a_process_that_is_killed_while_it_builds_leaves_nothing_wrong(models):
    for number in range(30):
        write(models, f"m-{number}")
    process = searching("model", pace="slow")
    for _ in range(5):
        process.stdout.readline()
    process.kill()
    process.communicate()
    assert len(found(search="model")) == 30
    write(models, "m-99")
    assert found(search="m-99") == ["m-99"]


def test_a_disk_that_is_full_costs_time_and_nothing_else(models):
    for number in range(300):
        write(models, f"m-{number}", "A long text. " * 10)
    out, err = searching("long", limit=20_000).communicate(timeout=120)
    assert (out.split(), "its index cannot be kept" in err) == (["300"], True), err
    out, err = searching("long").communicate(timeout=120)
    assert (out.split(), "cannot" in err) == (["300"], False), err


def test_bytes_that_are_no_text_are_nobodys_name(models):
    for number in range(6):
        write(models, f"m-{number}")
    with open(os.path.join(os.fsencode(models), b"m-\xff.json"), "wb") as stream:
        stream.write(b"{}")
    assert len(found(search="m-")) == 6
    assert found(search="m-\udcff") == []


def test_what_overlays_a_model_counts_whatever_its_summary_says(models, tmp_path, monkeypatch):
    builtin = tmp_path / "builtin"
    builtin.mkdir()
    monkeypatch.setattr(registry, "builtin_folder", lambda: str(builtin))
    for number in range(6):
        write(builtin, f"m-{number}", "A red one.")
        write(models, f"m-{number}", "A red one.")
    write(models, "m-3", "A blue one: the user's own.")
    assert [entry.origin for entry in registry.entries(Wanted("red"))] == ["user"] * 5
    assert [(entry.id, entry.origin) for entry in registry.entries(Wanted("blue"))] == [("m-3", "user")]


def test_a_name_is_looked_up_by_its_file_alone(models, monkeypatch):
    for number in range(6):
        write(models, f"m-{number}")
    read = registry.read
    seen = []
    monkeypatch.setattr(registry, "read", lambda *given: (seen.append(given[0]), read(*given))[1])
    assert registry.find("m-3").id == "m-3"
    assert registry.find("user:m-3").qualified == "user:m-3"
    assert {Path(path).name for path in seen} == {"m-3.json"}


@pytest.mark.parametrize("name", ["m-33", "user:m-33", "nobody:m-3", "../m-3", "", "a\0b", "M-3"])
def test_a_name_that_is_nobodys_is_refused_with_a_near_one(models, name):
    from aigc_core.errors import WrongUse

    for number in range(6):
        write(models, f"m-{number}")
    with pytest.raises(WrongUse) as refused:
        registry.find(name)
    if name.endswith("m-33"):
        assert "Did you mean m-3?" in str(refused.value)


def test_start_up_does_not_pay_for_an_index_that_is_not_there(site):
    code = (
        "import sys\nfrom aigc_core.cli import outcome\noutcome(['list', '--search', 'dcgan'])\n"
        "print([name for name in ('sqlite3', 'hashlib') if name in sys.modules])"
    )
    assert site.python("-c", code).stdout.splitlines()[-1] == "[]"
