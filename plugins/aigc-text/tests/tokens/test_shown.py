"""Text as it comes: whole characters, nothing that is taken back, and together what ``decode`` says."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_text.tokens.characters import END, Characters
from aigc_text.tokens.graphemes import last_cut
from aigc_text.tokens.shown import KEPT, Shown

regex = pytest.importorskip("regex", reason="its \\X is the oracle for what one character is")


def shown(tokenizer, tokens):
    """What each token adds, and what is left at the end."""
    text = Shown(tokenizer)
    return [*(text.add(token) for token in tokens), text.flush()]


def torn(parts):
    """The first part that ends inside a character of the whole text, if any."""
    whole, place = "".join(parts), 0
    borders = {match.start() for match in regex.finditer(r"\X", whole)} | {len(whole)}
    for part in parts:
        place += len(part)
        if place not in borders:
            return part
    return None


def drawn(tokenizer, dice, size):
    """Tokens of one of four sorts: any at all, few over and over, mostly single bytes, or neighbours."""
    sort, joined = dice.randrange(4), sorted(getattr(tokenizer, "joined", ()))
    if sort == 0:
        return [dice.randrange(tokenizer.size + 3) for _ in range(size)]
    if sort == 1:
        return dice.choices([dice.randrange(tokenizer.size) for _ in range(4)], k=size)
    if sort == 2 and joined:
        return [dice.choice(joined) if dice.random() < 0.8 else dice.randrange(tokenizer.size) for _ in range(size)]
    return [(dice.randrange(tokenizer.size) + step // 2) % tokenizer.size for step in range(size)]


@given(seed=st.integers(0, 2**32), size=st.sampled_from([1, 2, 5, 20, 60, 150]))
def test_the_parts_are_together_what_decode_says_of_any_tokens(kind, seed, size):
    tokens = drawn(kind.tokenizer, random.Random(seed), size)
    parts = shown(kind.tokenizer, tokens)
    assert "".join(parts) == kind.tokenizer.decode(tokens)
    assert torn(parts) is None


def test_the_parts_of_real_texts_are_whole_characters_and_together_the_text(kind, strings):
    for text in strings(200):
        tokens = kind.tokenizer.encode(text)
        parts = shown(kind.tokenizer, tokens)
        assert "".join(parts) == kind.tokenizer.decode(tokens)
        assert torn(parts) is None


TEXTS = ["👩‍👩‍👧‍👦👍🏽❤️🇨🇳🇫🇷!", "e\u0301a\u0300\u0323 n\u0303", "안녕하세요 한국어", "नमस्ते क्षत्रिय", "ที่นี่ น้ำ", "人工智能",
         "\r\n\r\n a\r\nb", "\ufffd\ufffd a \ufffd", " lead", "  two", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", ["gpt2", "llama", "llama_plain", "qwen", "bert_cased"])
def test_a_character_comes_whole(folders, reopened, name, text):
    tokenizer = reopened(folders(name))
    for repeated in (text, text * 40):
        tokens = tokenizer.encode(repeated)
        parts = shown(tokenizer, tokens)
        assert "".join(parts) == tokenizer.decode(tokens)
        assert torn(parts) is None


def test_text_is_shown_one_character_late_and_a_line_at_once(folders, reopened):
    tokenizer = reopened(folders("gpt2"))
    text = Shown(tokenizer)
    parts = [text.add(token) for token in tokenizer.encode("Hello there\nyou")]
    assert "".join(parts) == "Hello there\nyo"
    assert text.flush() == "u"
    assert text.flush() == ""


def test_half_a_character_is_shown_only_when_it_stays_one(folders, reopened):
    tokenizer = reopened(folders("gpt2"))
    tokens = tokenizer.encode("€")
    assert len(tokens) == 3
    text = Shown(tokenizer)
    assert [text.add(token) for token in tokens[:2]] == ["", ""]
    assert text.flush() == "\ufffd"


def test_a_decoder_that_shows_each_token_by_itself_is_noticed(folders, reopened):
    """Saboteur."""
    tokenizer = reopened(folders("gpt2"))
    tokens = tokenizer.encode(TEXTS[0])
    parts = [tokenizer.decode([token]) for token in tokens]
    assert "".join(parts) != tokenizer.decode(tokens)


class Counted:
    """A tokenizer that counts what it decodes."""

    def __init__(self, tokenizer):
        self.decoded, self.tokenizer = 0, tokenizer

    def __getattr__(self, name):
        return getattr(self.tokenizer, name)

    def decode(self, tokens):
        self.decoded += len(tokens)
        return self.tokenizer.decode(tokens)


def test_a_token_costs_the_same_however_long_the_text_is(kind, strings):
    dice = random.Random(7)
    streams = {
        "texts": kind.tokenizer.encode("".join(strings(600)))[:6000],
        "any": [dice.randrange(kind.tokenizer.size) for _ in range(6000)],
        "bytes": dice.choices(sorted(kind.tokenizer.joined) or [5], k=6000),
        "families": (kind.tokenizer.encode("👩‍👩‍👧‍👦") * 6000)[:6000],
        "half": (kind.tokenizer.encode("€")[:1] * 6000)[:6000],
        "special": sorted(kind.tokenizer.ends) * 3000,
    }
    for name, tokens in streams.items():
        counted = Counted(kind.tokenizer)
        assert "".join(shown(counted, tokens)) == kind.tokenizer.decode(tokens)
        assert counted.decoded <= 5 * KEPT * len(tokens), name


@given(tokens=st.lists(st.integers(1, 12), max_size=80))
def test_characters_are_shown_as_they_are_decoded(tokens):
    tokenizer = Characters("ab\r\n e\u0301\u200d👍🏽🇨🇳"[:12], document=True)
    parts = shown(tokenizer, [token for token in tokens if token < tokenizer.size])
    assert "".join(parts) == tokenizer.decode([token for token in tokens if token < tokenizer.size])
    assert torn(parts) is None


def test_a_document_ends_what_is_shown():
    parts = shown(Characters("ab", document=True), [1, 2, END, 1, 1])
    assert "".join(parts) == "ab"


# Where a text can be cut

MARKS = [
    "a", "é", "\u0301", "\u200d", "😀", "❤", "🇨", "🇳", "가", "각", "\u1100", "\u1161", "\u11a8", "क", "त", "\u094d",
    "\u093c", "\u0600", "\r", "\n", "\u0e33", "\u0903", "\ufe0f", " ", "🏽", "\u00ad", "\u200b", "\u17d2", "ក",
    "\u0d4d", "ക", "\u1cf5", "\u200c", "一", "\ufffd", "\U000e0067",
]  # fmt: skip


@given(text=st.lists(st.sampled_from(MARKS) | st.characters(exclude_categories=["Cs"]), max_size=12).map("".join))
def test_every_cut_is_a_border_of_characters(text):
    borders = {match.start() for match in regex.finditer(r"\X", text)}
    given_out = 0
    for length in range(1, len(text) + 1):
        given_out = last_cut(text[:length], given_out)
        assert given_out in borders | {0, len(text)}


def test_most_borders_are_found():
    text = "Hello, world! 人工智能 안녕 👍🏽 🇨🇳🇫🇷 café नमस्ते"
    borders = [match.start() for match in regex.finditer(r"\X", text)][1:]
    found = {last_cut(text[:length], 0) for length in range(1, len(text) + 1)} - {0}
    assert len(found) >= 0.9 * len(borders)


def test_a_cluster_without_end_does_not_hold_text_back_for_ever():
    text, given_out = "e" + "\u0301" * 1000, 0
    for length in range(1, len(text) + 1):
        given_out = last_cut(text[:length], given_out)
        assert length - given_out <= 65
