"""Texts from plain files and JSON lines: tokens, forms, cleaning, and what is said of bad input."""

import json
import unicodedata

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aigc_core.errors import NotAvailable, Refused, WrongUse
from aigc_core.train.data.batches import Batches
from aigc_core.train.data.clean.steps import clean
from aigc_core.train.data.clean.texts import steps
from aigc_core.train.data.tokenise import Bytes, Characters

TEXT, LINES = {"kind": "text"}, {"kind": "jsonl", "file": "rows.jsonl", "text": "body"}
DOCUMENTS = {"kind": "documents", "block": 8}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@pytest.fixture
def write(tmp_path):
    def call(content, name="text.txt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return call


def left(texts, *declared):
    return [text for _, text in clean(texts, steps(declared))]


def stream(rows):
    return rows.tokens.tolist()


@given(TEXTS, TEXTS)
def test_tokens_are_the_text_again(text, more):
    characters = Characters.of([text, more])
    assert characters.vocabulary == "".join(sorted(set(text + more)))
    for tokenizer in (characters, Bytes()):
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids.tolist()) == text
        assert all(0 <= each < tokenizer.size for each in ids.tolist())
    assert Bytes().encode(text).tobytes() == text.encode()


@pytest.mark.parametrize("size", [256, 257, 1 << 15, (1 << 15) + 1])
def test_large_vocabularies_fit_their_type(size):
    characters = Characters("".join(map(chr, range(0x10000, 0x10000 + size))))
    ids = characters.encode(characters.vocabulary)
    assert ids.tolist() == list(range(size))
    assert ids.itemsize == (1 if size <= 256 else 2 if size <= 1 << 15 else 4)


@pytest.mark.parametrize("unknown", ["b", "z", "\U0010ffff"])
def test_a_character_without_an_id_is_named(unknown):
    with pytest.raises(WrongUse, match="The vocabulary has no character"):
        Characters("ac").encode("a" + unknown)


def test_a_text_is_one_stream_cut_by_position(write, get_text):
    data = get_text(TEXT, write("the cat\r\nsat\n" * 10), split={"by": "position", "validation": 0.2, "test": 0.1})
    text = "the cat\nsat\n" * 10
    ids = [data.facts["vocabulary"].index(character) for character in text]
    assert data.facts == {"block": 4, "tokenizer": "characters", "vocabulary": "\n acehst"}
    assert [stream(rows) for rows in data[:3]] == [ids[:84], ids[84:108], ids[108:]]
    assert data.identity["tokens"] == {"train": 84, "validation": 24, "test": 12}
    assert data.identity["rows"] == {"train": 80, "validation": 20, "test": 8}


@given(TEXTS.filter(lambda text: len(text) > 4))
def test_no_character_of_a_plain_text_is_lost(tmp_path_factory, text):
    from aigc_core.train.data.read import read

    path = tmp_path_factory.mktemp("texts") / "text.txt"
    path.write_bytes(text.encode())
    form = {"kind": "windows", "block": 1}
    spec = {"name": "it", "source": TEXT, "batch_size": 1, "tokenizer": {"kind": "bytes"}, "form": form}
    expected = path.read_text(encoding="utf-8-sig")  # Python's own reading: line ends, byte order mark
    if len(expected.encode()) > 1:
        assert bytes(stream(read(spec, str(path), None).train)).decode() == expected


def test_documents_are_the_lines_that_are_not_empty(write, get_text):
    data = get_text(TEXT, write("emma\n\nbo\n"), form=DOCUMENTS)
    taken = data.train.take(torch.tensor([0, 1]))
    assert data.facts["vocabulary"] == "abemo"
    assert taken["tokens"].tolist() == [[0, 3, 4, 4, 1, 0, 0, 0], [0, 2, 5, 0, 0, 0, 0, 0]]
    assert taken["targets"].tolist() == [[3, 4, 4, 1, 0, -100, -100, -100], [2, 5, 0, *[-100] * 5]]
    assert data.identity["tokens"] == {"train": 8}
    ids = get_text(TEXT, write("emma\n\nbo\n"), form=DOCUMENTS, tokenizer={"kind": "bytes"}).train.take(
        torch.tensor([1])
    )
    assert ids["tokens"].tolist() == [[0, ord("b") + 1, ord("o") + 1, 0, 0, 0, 0, 0]]


def test_a_text_as_a_rows_batch_has_what_a_language_model_needs(write, get_text):
    data = get_text(TEXT, write("emma\nbo\n" * 5), form=DOCUMENTS)
    batch = Batches(data.train, {"batch_size": 3, "order": "replacement"}, 1).batch(7)
    assert {name: (tuple(each.shape), each.dtype) for name, each in batch.items()} == {
        "tokens": ((3, 8), torch.int64), "targets": ((3, 8), torch.int64),
    }  # fmt: skip


def test_json_lines_give_texts_and_labels(write, get_text):
    rows = [{"body": "ab\nc", "kind": "x"}, {"body": "é", "kind": "a"}]
    path = write("\n".join(map(json.dumps, rows)) + "\n\n", "rows.jsonl")
    data = get_text({**LINES, "label": "kind"}, path.parent, form=DOCUMENTS)
    assert data.facts["vocabulary"] == "\nabcé"
    assert data.facts["classes"] == ["a", "x"]
    assert data.train.take(torch.tensor([1, 0]))["labels"].tolist() == [0, 1]


PAIRS = {"kind": "jsonl", "file": "pairs.jsonl", "prompt": "ask", "completion": "say"}


def pairs(write, *rows):
    return write("\n".join(json.dumps({"ask": ask, "say": say}) for ask, say in rows), "pairs.jsonl")


def both(rows):
    taken = rows.take(torch.arange(len(rows)))
    return taken["tokens"].tolist(), taken["targets"].tolist()


def test_only_the_completion_is_learned(write, get_text):
    """The prompt is read and never a target, in rows of their own and one after another."""
    path = pairs(write, ("ab", "c"), ("", "a"), ("b", ""))
    data = get_text(PAIRS, path, form=DOCUMENTS | {"block": 4})
    tokens = [[0, 1, 2, 3], [0, 1, 0, 0], [0, 2, 0, 0]]
    assert both(data.train) == (tokens, [[-100, -100, 3, 0], [1, 0, -100, -100], [-100, 0, -100, -100]])
    assert data.identity["tokens"] == {"train": 5}
    packed = get_text(PAIRS, path, form={"kind": "packed", "block": 4})
    assert both(packed.train) == ([[0, 1, 2, 3], [0, 1, 0, 2]], [[-100, -100, 3, 0], [1, 0, -100, 0]])
    assert packed.identity["tokens"] == {"train": 5}


def test_a_prompt_that_is_learned_too_would_be_seen(write, get_text, monkeypatch):
    monkeypatch.setattr("aigc_core.train.data.rows.Document.targets", property(lambda document: document.tokens))
    data = get_text(PAIRS, pairs(write, ("ab", "c")), form=DOCUMENTS | {"block": 4})
    assert both(data.train)[1] == [[1, 2, 3, 0]]


def test_cleaning_sees_the_whole_and_leaves_the_border_where_it_is(write, get_text):
    """NFC would join an e at a prompt's end with an accent at the completion's beginning."""
    rows = [("cafe", "\u0301x"), ("cafe", "\u0301x"), ("e\u0301", "x"), ("long enough to be", " left out")]
    cleaning = [
        {"step": "exact-duplicates"}, {"step": "normalise", "form": "NFC"}, {"step": "length", "max": 8},
    ]  # fmt: skip
    data = get_text(PAIRS, pairs(write, *rows), form=DOCUMENTS, clean=cleaning)
    assert data.facts["vocabulary"] == "acefx\xe9\u0301"
    ids = {character: place for place, character in enumerate(data.facts["vocabulary"], 1)}
    assert both(data.train)[1] == [
        [*[-100] * 4, ids["\u0301"], ids["x"], 0, -100],
        [-100, ids["x"], 0, *[-100] * 5],
    ]
    assert [(each["before"], each["after"]) for each in data.identity["clean"]] == [(4, 3), (3, 3), (3, 2)]


def test_prompts_go_with_their_rows_through_a_split(write, get_text):
    rows = [(letter, letter.upper()) for letter in "abcdefghijklmnopqrst"]
    data = get_text(PAIRS, pairs(write, *rows), form=DOCUMENTS, split={"by": "hash", "validation": 0.4})
    vocabulary = " " + data.facts["vocabulary"]
    seen = 0
    for part in (data.train, data.validation):
        for tokens, targets in zip(*both(part), strict=True):
            assert vocabulary[tokens[1]].upper() == vocabulary[tokens[2]] == vocabulary[targets[1]]
            assert targets[0] == -100
            seen += 1
    assert seen == 20


def test_packed_texts_know_what_a_document_is(write, get_text):
    data = get_text(TEXT, write("emma\n\nbo\n"), form={"kind": "packed", "block": 4})
    assert both(data.train) == ([[0, 3, 4, 4], [1, 0, 2, 5]], [[3, 4, 4, 1], [0, 2, 5, 0]])
    assert data.identity["tokens"] == {"train": 8}
    assert data.identity["rows"] == {"train": 2}


class Words:
    """A model's tokenizer: words, with marks of its own around a document."""

    size, vocabulary, start, end = 9, None, (7,), 8

    def encode(self, text):
        return [("a", "b", "c").index(word) for word in text.split()]

    def decode(self, tokens):
        return " ".join("abc"[token] for token in tokens)


MODEL = {"kind": "model"}


def test_texts_are_read_as_the_model_does(write, get_text):
    path = write("a b\nc\n")
    documents = get_text(TEXT, path, form=DOCUMENTS | {"block": 3}, tokenizer=MODEL, model=Words())
    assert both(documents.train) == ([[7, 0, 1], [7, 2, 0]], [[0, 1, 8], [2, 8, -100]])
    assert documents.facts == {"block": 3, "tokenizer": "model"}
    packed = get_text(TEXT, path, form={"kind": "packed", "block": 6}, tokenizer=MODEL, model=Words())
    assert both(packed.train) == ([[7, 0, 1, 8, 7, 2]], [[0, 1, 8, -100, 2, 8]])
    windows = get_text(TEXT, path, form={"kind": "windows", "block": 2}, tokenizer=MODEL, model=Words())
    assert stream(windows.train) == [0, 1, 2]


def test_a_model_without_a_tokenizer_or_without_documents_is_told(write, get_text):
    endless = Words()
    endless.end = None
    with pytest.raises(WrongUse, match="knows no documents: its texts have no end"):
        get_text(TEXT, write("a b\n"), form=DOCUMENTS, tokenizer=MODEL, model=endless)
    with pytest.raises(WrongUse, match="there is none that has one"):
        get_text(TEXT, write("a b\n"), form=DOCUMENTS, tokenizer=MODEL)


def test_pairs_that_cannot_be_are_one_sentence_each(write, get_text):
    path = pairs(write, ("a", "b"))
    with pytest.raises(WrongUse, match="Prompts are of documents"):
        get_text(PAIRS, path)
    with pytest.raises(NotAvailable, match=r"line 1 has no field 'completion'; it has 'ask', 'say'"):
        get_text({"kind": "jsonl", "prompt": "ask"}, path, form=DOCUMENTS)
    with pytest.raises(WrongUse, match="has a field 'text', which nothing reads"):
        get_text(PAIRS | {"text": "body"}, path, form=DOCUMENTS)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"text": "a"}', r"rows\.jsonl, line 2 has no field 'body'; it has 'text'\."),
        ('{"body": 3}', r"line 2 has a field 'body' that is no text but 3\."),
        ("{body: 3}", r"line 2 is no JSON: "),
        ('["body"]', r"line 2 is no JSON object\."),
        ("[" * 100_000, "line 2 is no JSON"),
        ('{"body": "\\ud800"}', "line 2 has a field 'body' with half a surrogate pair"),
    ],
)
def test_a_bad_json_line_is_named_by_its_number(write, get_text, line, said):
    path = write('{"body": "good"}\n' + line + "\n", "rows.jsonl")
    with pytest.raises(NotAvailable, match=said):
        get_text(LINES, path.parent)


def test_labels_of_two_types_are_one_sentence(write, get_text):
    path = write('{"body": "a", "kind": "x"}\n{"body": "b", "kind": 1}\n', "rows.jsonl")
    with pytest.raises(NotAvailable, match="labels that are neither all texts nor all whole numbers"):
        get_text({**LINES, "label": "kind"}, path, form=DOCUMENTS)


def test_bad_texts_are_one_sentence_each(write, get_text, tmp_path):
    with pytest.raises(NotAvailable, match=r"is not UTF-8 text: line 2 has the byte 0xe9"):
        get_text(TEXT, write(b"good\ncaf\xe9\n"))
    with pytest.raises(WrongUse, match=r"A block of 4 tokens .* do not fit into a part of the text with 3 tokens"):
        get_text(TEXT, write("abc"))
    with pytest.raises(WrongUse, match="Text 1 has 10 tokens with start and end; a block of 8 takes 9"):
        get_text(TEXT, write("charlott\n"), form=DOCUMENTS)
    with pytest.raises(WrongUse, match=r"No text of .* is left to train on"):
        get_text(TEXT, write("\n\n"), form=DOCUMENTS)
    with pytest.raises(NotAvailable, match="there is no such file or folder"):
        get_text(TEXT, tmp_path / "missing.txt")
    with pytest.raises(NotAvailable, match="is a folder, and the data set toys is one file"):
        get_text(TEXT, tmp_path)
    with pytest.raises(Refused, match=r"The text in .* is not the recipe's: it has sha256 .*, not 00"):
        get_text(TEXT, write("some text"), sha256="00")
    with pytest.raises(WrongUse, match=r"data.form.kind .* takes one of windows, documents"):
        get_text(TEXT, write("some text"), form={"kind": "window", "block": 2})
    with pytest.raises(WrongUse, match=r"data.form.block in the recipe is 0; it takes a whole number from 1"):
        get_text(TEXT, write("some text"), form={"kind": "windows", "block": 0})
    with pytest.raises(WrongUse, match=r"data.augment in the recipe is for images"):
        get_text(TEXT, write("some text"), augment=[{"kind": "flip"}])


def test_cleaning_a_text_is_counted_and_changes_only_what_it_says(write, get_text):
    text = "cafe\u0301\ncaf\xe9\nabc\nabc\nx\nабв\n"
    cleaning = [
        {"step": "normalise", "form": "NFC"},
        {"step": "exact-duplicates"},
        {"step": "length", "min": 2, "max": 5},
        {"step": "script", "name": "Latin"},
    ]
    data = get_text(TEXT, write(text), form=DOCUMENTS, clean=cleaning)
    assert [(each["before"], each["after"]) for each in data.identity["clean"]] == [(6, 6), (6, 4), (4, 3), (3, 2)]
    assert data.facts["vocabulary"] == "abcf\xe9"
    assert data.identity["source_rows"] == 6


@given(st.lists(st.text("abé\u0301 xя", max_size=6), max_size=20))
def test_steps_keep_what_they_say(texts):
    assert left(texts, {"step": "length", "min": 1, "max": 3}) == [text for text in texts if 1 <= len(text) <= 3]
    assert left(texts, {"step": "characters", "allowed": "ab "}) == [text for text in texts if set(text) <= set("ab ")]
    assert left(texts, {"step": "exact-duplicates"}) == list(dict.fromkeys(texts))
    assert left(texts, {"step": "normalise", "form": "NFC"}) == [unicodedata.normalize("NFC", text) for text in texts]
    mostly = left(texts, {"step": "script", "name": "LATIN", "share": 0.5})
    assert mostly == [text for text in texts if text.count("я") <= sum(map(text.count, "abéx"))]


def test_near_duplicates_of_texts_are_left_out():
    pytest.importorskip("datasketch", reason="the extra `dedup` is not installed here")
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("abcdefgh "), 200)) for _ in range(12)]
    nearly = texts[4][:100] + "Z" + texts[4][100:]
    step = {"step": "near-duplicates", "similarity": 0.8}
    assert left([*texts, nearly, texts[6], "", ""], step) == [*texts, ""]
    for similarity in (0.1, 0.95):
        assert left([texts[4], nearly][::-1], {"step": "near-duplicates", "similarity": similarity})[0] == nearly
    half = texts[4][:100] + texts[5][100:]
    assert left([texts[4], half], step) == [texts[4], half]


def test_without_the_extra_a_step_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "datasketch", None)
    with pytest.raises(Exception, match="near-duplicates needs datasketch") as caught:
        steps([{"step": "near-duplicates", "similarity": 0.8}])
    assert isinstance(caught.value, NotAvailable)
    assert caught.value.hint == "Install it: pip install 'aigc-core[dedup]'"


def test_a_held_out_file_shares_no_document(write, get_text):
    path = write("emma\nbo\nann\n", "train.txt")
    write("bo\nzoe\n", "test.txt")
    data = get_text({"kind": "text", "file": "train.txt", "test": {"file": "test.txt"}}, path.parent, form=DOCUMENTS)
    assert data.identity["rows"] == {"train": 2, "test": 2}
    assert data.identity["clean"] == [{"step": "held out elsewhere", "before": 3, "after": 2}]
    assert "z" in data.facts["vocabulary"]


def test_shakespeare_is_cut_as_nanogpt_cuts_it(real, get_text):
    path = real("tinyshakespeare.txt")
    data = get_text(
        TEXT,
        path,
        sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        split={"by": "position", "validation": 0.1},
        form={"kind": "windows", "block": 64},
    )
    text = path.read_text()
    assert data.facts["vocabulary"] == "".join(sorted(set(text)))
    assert len(data.facts["vocabulary"]) == 65
    assert "".join(data.facts["vocabulary"][each] for each in stream(data.train)) == text[: int(0.9 * len(text))]
    assert len(data.train) + 64 + len(data.validation) + 64 == len(text)


def test_names_are_split_so_that_equal_ones_stay_together(real, get_text):
    data = get_text(
        TEXT, real("names.txt"), form={"kind": "documents", "block": 16}, split={"validation": 0.1, "test": 0.1}
    )
    parts = [{tuple(row) for row in rows.tokens.tolist()} for rows in data[:3]]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]
    assert sum(map(len, data[:3])) == 32033
    assert len(data.validation) / 32033 == pytest.approx(0.1, abs=0.01)
