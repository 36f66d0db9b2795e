"""Tokenizers: the same tokens and text as transformers' for every kind, and one sentence for every damaged file."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from aigc_core.errors import NotAvailable, Refused, WrongUse
from aigc_text.tokens import pipelines
from aigc_text.tokens.open import open_tokenizer


@pytest.fixture(scope="session")
def theirs():
    """``theirs(folder)``: the tokenizer that transformers opens."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    transformers = pytest.importorskip("transformers", minversion="5.0", reason="transformers is the oracle")
    transformers.logging.set_verbosity_error()
    opened = {}

    def tokenizer(folder):
        if folder not in opened:
            opened[folder] = transformers.AutoTokenizer.from_pretrained(folder)
        return opened[folder]

    return tokenizer


def difference(tokenizer, oracle, text):
    """What a text shows of two tokenizers that are not the same; empty where they are."""
    try:
        tokens = oracle.encode(text, add_special_tokens=False)
    except TypeError:  # half a surrogate pair
        with pytest.raises(WrongUse, match="half a surrogate pair"):
            tokenizer.encode(text)
        with pytest.raises(WrongUse, match="half a surrogate pair"):
            tokenizer.prompt(text)
        return ""
    if tokenizer.encode(text) != tokens:
        return f"encode({text[:80]!r}) is {tokenizer.encode(text)[:20]}, not {tokens[:20]}"
    if tokenizer.decode(tokens) != oracle.decode(tokens, skip_special_tokens=True):
        return f"decode(encode({text[:80]!r})) differs"
    framed, prompt = oracle(text)["input_ids"], tokenizer.prompt(text)
    after = framed[len(prompt) :]
    if framed[: len(prompt)] != prompt or not set(after) <= tokenizer.ends or len(after) > 1:
        return f"prompt({text[:80]!r}) is {prompt[:20]}, not {framed[:20]}"
    return ""


def differences(tokenizer, oracle, texts):
    return [found for text in texts if (found := difference(tokenizer, oracle, text))]


HALVES = ["\ud800", "a\udfff", "\udc00b", "\ud83d\ude00", "你\ud800好"]


def test_tokens_and_text_are_those_of_transformers(kind, theirs, strings):
    texts = [*strings(300), *HALVES, "", "x" * 20_000, "好" * 20_000, " " * 20_000]
    assert differences(kind.tokenizer, theirs(kind.folder), texts) == []
    assert kind.tokenizer.size == len(theirs(kind.folder))


@pytest.mark.slow
def test_tokens_and_text_of_ten_thousand_strings_are_those_of_transformers(kind, theirs, strings):
    halved = [text[:3] + half + text[3:] for text in strings(200) for half in "\ud83d\udc4d"]
    texts = [*strings(10_000), *halved, "word " * 60_000, "😀" * 100_000, "a" * 300_000, "\0" * 100_000]
    assert differences(kind.tokenizer, theirs(kind.folder), texts) == []


@given(tokens=st.lists(st.integers(0, 1300), max_size=60))
def test_text_of_any_tokens_is_that_of_transformers(kind, theirs, tokens):
    assert kind.tokenizer.decode(tokens) == theirs(kind.folder).decode(tokens, skip_special_tokens=True)


def test_a_pipeline_as_tokenizer_json_has_it_is_noticed(folders, reopened, theirs, strings, monkeypatch):
    """Saboteur: transformers does not take it from there, and the strings show that."""
    from aigc_text.tokens import fast

    monkeypatch.setattr(fast, "rebuild", lambda *_: None)
    assert differences(reopened(folders("llama")), theirs(folders("llama")), strings(300))


def test_a_class_with_another_regular_expression_in_its_file_is_opened_as_transformers_does(
    folders, reopened, theirs, strings, tmp_path, monkeypatch
):
    """Granite's, OLMo's and others' trap: GPT2Tokenizer is declared, and tokenizer.json cuts digits by threes."""
    folder = copied(folders("llama3"), tmp_path, tokenizer_config={"tokenizer_class": "GPT2Tokenizer"})
    assert differences(reopened(folder), theirs(folder), strings(100)) == []
    monkeypatch.setattr(pipelines, "_gpt2", lambda *_: None)
    assert differences(reopened(folder), theirs(folder), strings(100))


@pytest.mark.parametrize("declared", ["LlamaTokenizer", "LlamaTokenizerFast", "Unheard", None])
@pytest.mark.parametrize("model_type", ["llama", "gpt2", "gpt_neox", "qwen2", "qwen3", "mistral"])
@pytest.mark.parametrize("source", ["llama3", "qwen"])
def test_the_class_that_transformers_chooses_is_chosen(
    folders, reopened, theirs, strings, tmp_path, source, declared, model_type
):
    settings = {} if declared is None else {"tokenizer_class": declared}
    folder = copied(folders(source), tmp_path, tokenizer_config=settings, config={"model_type": model_type})
    assert differences(reopened(folder), theirs(folder), strings(40)) == []


def copied(folder, place, **files):
    """A copy of a folder with some of its JSON files replaced."""
    new = place / "copy"
    shutil.copytree(folder, new)
    for name, document in files.items():
        (new / f"{name}.json").write_text(json.dumps(document), "utf-8")
    return new


def test_what_a_file_cuts_and_pads_to_is_not_applied(folders, reopened, theirs, strings, tmp_path):
    folder = copied(folders("qwen"), tmp_path)
    library = Tokenizer.from_file(str(folder / "tokenizer.json"))
    library.enable_truncation(3)
    library.enable_padding(length=50)
    library.save(str(folder / "tokenizer.json"))
    assert differences(reopened(folder), theirs(folder), strings(50)) == []


ENDS = {
    "gpt2": [1200], "merges": [0], "smollm": [2], "qwen": [1200, 1202], "llama": [2], "llama3": [1201, 1204],
    "neox": [0], "bert": [7], "bert_cased": [7],
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_a_text_ends_where_the_configs_say(folders, reopened, name):
    assert reopened(folders(name)).ends == frozenset(ENDS[name])


def test_an_end_of_the_model_inside_the_vocabulary_goes_before_the_separator(folders, reopened, tmp_path):
    config = {"model_type": "gpt2", "tokenizer_class": "BertTokenizer", "eos_token_id": [50256, 3]}
    assert reopened(copied(folders("bert"), tmp_path, config=config)).ends == {3}


@pytest.mark.parametrize("eos", [None, True, -1, "2", [], [[2]], 2**40, 1.0, {"a": 1}], ids=repr)
def test_an_end_that_is_no_token_is_left_out(folders, reopened, tmp_path, eos):
    folder = copied(folders("llama_plain"), tmp_path, tokenizer_config={}, config={"eos_token_id": eos})
    assert reopened(folder).ends == frozenset()


def test_a_prompt_of_no_text_is_the_start_alone(folders, reopened):
    starts = {"gpt2": [], "merges_framed": [0], "llama": [1], "llama3": [1200], "bert": [6], "neox": []}
    assert {name: reopened(folders(name)).prompt("") for name in starts} == starts


def test_special_tokens_are_not_shown(folders, reopened):
    tokenizer = reopened(folders("qwen"))
    text = "<|im_start|>user\nhi<|im_end|><tool_call>"
    assert tokenizer.decode(tokenizer.encode(text)) == "user\nhi<tool_call>"


# Damaged files


def test_a_folder_without_a_tokenizer_says_what_is_missing(tmp_path):
    (tmp_path / "merges.txt").write_text("")
    with pytest.raises(
        NotAvailable, match=r"neither tokenizer\.json, nor vocab\.json with merges\.txt, nor vocab\.txt"
    ):
        open_tokenizer({"merges.txt": tmp_path / "merges.txt"}, {})


def damaged(folder, name, change):
    path = folder / name
    path.write_bytes(change(path.read_bytes()))
    return path


def deep(data):
    document = json.loads(data)
    document["normalizer"] = None
    text = json.dumps(document).replace(
        '"normalizer": null', '"normalizer": ' + '{"type":"Sequence","normalizers":[' * 5000
    )
    return text.encode()


def changed(**parts):
    return lambda data: json.dumps(json.loads(data) | parts).encode()


def unmerged(data):
    document = json.loads(data)
    document["model"]["merges"].append(["zq", "qz"])
    return json.dumps(document).encode()


DAMAGE = {
    "half": ("qwen", "tokenizer.json", lambda data: data[: len(data) // 2]),
    "empty": ("qwen", "tokenizer.json", lambda data: b""),
    "no json": ("qwen", "tokenizer.json", lambda data: b"\x89PNG" * 100),
    "no utf-8": ("qwen", "tokenizer.json", lambda data: data.replace(b"a", b"\xff")),
    "a list": ("qwen", "tokenizer.json", lambda data: b"[]"),
    "no model": ("qwen", "tokenizer.json", changed(model=None)),
    "unknown model": ("qwen", "tokenizer.json", changed(model={"type": "Magic"})),
    "unknown normalizer": ("llama3", "tokenizer.json", changed(normalizer={"type": "Magic"})),
    "a regular expression that is none": (
        "llama3", "tokenizer.json",
        changed(pre_tokenizer={"type": "Split", "pattern": {"Regex": "(("}, "behavior": "Isolated", "invert": False}),
    ),
    "a merge of no tokens": ("qwen", "tokenizer.json", unmerged),
    "nested": ("qwen", "tokenizer.json", deep),
    "settings that are no json": ("qwen", "tokenizer_config.json", lambda data: b"{"),
    "settings that are a list": ("qwen", "tokenizer_config.json", lambda data: b"[]"),
    "a token that is a number": ("qwen", "tokenizer_config.json", changed(eos_token=[7])),
    "a token without content": ("qwen", "tokenizer_config.json", changed(pad_token={"lstrip": True})),
    "a flag that is text": ("qwen", "tokenizer_config.json", changed(pad_token={"content": "a", "lstrip": "yes"})),
    "tokens that are a number": ("qwen", "tokenizer_config.json", changed(additional_special_tokens=7)),
    "numbers that are text": ("qwen", "tokenizer_config.json", changed(added_tokens_decoder={"x": {"content": "a"}})),
    "added tokens that are a list": ("qwen", "tokenizer_config.json", changed(added_tokens_decoder=["a"])),
    "generation that is no json": ("qwen", "generation_config.json", lambda data: b"eos"),
    "vocabulary without merges' tokens": ("merges", "vocab.json", lambda data: b'{"a": 0}'),
    "vocabulary that is no json": ("merges", "vocab.json", lambda data: data[:100]),
    "merges of three": ("merges", "merges.txt", lambda data: data + b"a b c d\n"),
    "merges that are no text": ("merges", "merges.txt", lambda data: b"\xff\xfe\x00" * 100),
    "legacy tokens without numbers": ("merges_framed", "added_tokens.json", lambda data: b'{"a": []}'),
    "words that are no text": ("bert", "vocab.txt", lambda data: b"\xff\xfe\x00" * 100),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_file_is_refused_in_one_sentence(folders, reopened, tmp_path, name, capfd):
    kind, file, change = DAMAGE[name]
    folder = copied(folders(kind), tmp_path)
    path = damaged(folder, file, change)
    with pytest.raises(Refused) as refusal:
        reopened(folder)
    said = str(refusal.value)
    assert str(path) in said or str(path.with_name("vocab.json")) in said
    assert "\n" not in said
    assert said.endswith(".")
    assert not said.endswith("..")
    assert len(said) < 300 + len(str(path))


def test_a_file_that_is_too_large_is_refused_before_it_is_read(folders, reopened, tmp_path):
    folder = copied(folders("qwen"), tmp_path)
    with (folder / "tokenizer.json").open("ab") as stream:
        stream.truncate(64_000_001)
    with pytest.raises(Refused, match=r"larger than 64,000,000 bytes"):
        reopened(folder)


def test_a_file_that_is_gone_is_not_available(folders, tmp_path):
    with pytest.raises(NotAvailable, match=r"tokenizer\.json cannot be read"):
        open_tokenizer({"tokenizer.json": tmp_path / "tokenizer.json"}, {})


def test_a_panic_of_the_library_is_a_refusal(tmp_path):
    """No ``Exception``: a handler that catches no more would let it through."""
    from aigc_text.tokens.guarded import guarded

    class PanicException(BaseException):
        pass

    with pytest.raises(Refused, match=r"x is no usable tokenizer: index out of bounds\."), guarded("x"):
        raise PanicException("index out of\nbounds.")
    with pytest.raises(KeyboardInterrupt), guarded("x"):
        raise KeyboardInterrupt


def test_a_regular_expression_that_never_ends_is_a_refusal(folders, reopened, tmp_path):
    folder = copied(folders("llama3"), tmp_path)
    pattern = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False}
    damaged(folder, "tokenizer.json", changed(pre_tokenizer=pattern))
    with pytest.raises(Refused, match="is no usable tokenizer"):
        reopened(folder).encode("a" * 60 + "b")


def test_neither_torch_nor_numpy_nor_transformers_is_imported(folders):
    code = """
import json, sys
from pathlib import Path
from aigc_text.tokens.open import open_tokenizer
files = {path.name: path for path in Path(sys.argv[1]).iterdir()}
tokenizer = open_tokenizer(files, json.loads(files["config.json"].read_text("utf-8")))
assert tokenizer.decode(tokenizer.encode("Hello"))
print(sorted({"torch", "numpy", "transformers", "jinja2", "regex"} & sys.modules.keys()))
"""
    command = [sys.executable, "-c", code, str(folders("smollm"))]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"
