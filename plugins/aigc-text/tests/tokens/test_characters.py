"""Characters as tokens, as a tokenizer."""

import pytest

from aigc_core.errors import WrongUse
from aigc_text import characters as before
from aigc_text.tokens.characters import END, Characters
from aigc_text.tokens.tokenizer import Tokenizer


def test_characters_are_a_tokenizer():
    text: Tokenizer = Characters("\nab", document=False)
    assert (text.size, text.ends) == (3, frozenset())
    assert text.decode(text.encode("ab\n")) == "ab\n"
    assert text.prompt("ab") == [1, 2]
    assert text.prompt("") == [0]
    assert Characters("ab", document=False).prompt("") == [0]


def test_a_document_begins_and_ends_with_its_token():
    names = Characters("ab", document=True)
    assert (names.size, names.ends) == (3, {END})
    assert names.prompt("ba") == [END, 2, 1]
    assert names.prompt("") == [END]
    assert names.decode([2, 1, END, 2]) == "ba"


@pytest.mark.parametrize("use", [Characters.encode, Characters.prompt])
def test_an_unknown_character_is_named(use):
    with pytest.raises(WrongUse, match="The prompt has '人', a character that this model has not seen") as refusal:
        use(Characters("ab", document=True), "a人b")
    assert refusal.value.hint == "It has: ab"


def test_of_many_characters_the_hint_says_how_many():
    many = "\n" + "".join(map(chr, range(0x4E00, 0x4E00 + 3000))) + "。，"
    with pytest.raises(WrongUse) as refusal:
        Characters(many, document=True).encode("a")
    assert refusal.value.hint == "It has 3,002 characters, 3,000 of them CJK."
    with pytest.raises(WrongUse) as refusal:
        Characters("".join(map(chr, range(0x3B1, 0x3B1 + 200))), document=False).encode("a")
    assert refusal.value.hint == "It has 200 characters, 121 of them Cyrillic."


def test_the_old_name_is_the_same_class():
    assert (before.Characters, before.END) == (Characters, END)
