"""The tokenizer inside a GGUF file against the same one by its own library."""

import json
import random

import numpy as np
import pytest

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.interfaces.language_model import Message
from aigc_text.architecture.layouts import expected
from aigc_text.architecture.shape import Shape
from aigc_text.engines import gguf_write
from aigc_text.engines.gguf import Gguf
from aigc_text.engines.gguf_file import GgufFile
from aigc_text.engines.gguf_tensors import Items
from aigc_text.tokens.gguf_vocabulary import GgufVocabulary, open_vocabulary

pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
gguf = pytest.importorskip("gguf", reason="gguf is not installed")
tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed")

TEXTS = ["def one(two): return three + 4\n", "the cat sat on the mat, and it's fine.", "人工智能 will é naïve 😀"] * 50
TEMPLATE = "{{ bos_token }}{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"


def written(path, library, template="", add_bos=False):
    """Write a tiny Llama with a vocabulary, as the Hub's GGUF files have it."""
    parts = json.loads(library.to_str())["model"]
    names = sorted(parts["vocab"], key=parts["vocab"].get)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_vocab_size(len(names))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(names)
    writer.add_token_types([3 if name in ("<s>", "</s>", "<|im_end|>") else 1 for name in names])
    writer.add_token_merges([" ".join(merge) for merge in parts["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_eot_token_id(2)
    writer.add_add_bos_token(add_bos)
    if template:
        writer.add_chat_template(template)
    shape = Shape(len(names), 64, 32, 1, 4, 2, 8, 64, "rms", False, 1e-5, 8, gated=True, activation="silu")
    shape = shape._replace(attend_bias=False, join_bias=False, inner_bias=False)
    gguf_write.describe(writer, shape)
    draw = np.random.default_rng(0)

    def tensor(name):
        return draw.normal(size=expected(shape)[name]).astype(np.float32)

    for item in Items(shape, "llama", tensor).items:
        writer.add_tensor(item.name, np.ascontiguousarray(item.read(), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def library():
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<s>", "</s>", "<|im_end|>"], initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(TEXTS, trainer)
    return made


@pytest.fixture(scope="module")
def file(library, tmp_path_factory):
    path = written(tmp_path_factory.mktemp("vocabulary") / "x.gguf", library, TEMPLATE, add_bos=True)
    opened = GgufFile(path)
    yield opened
    opened.close()


def test_it_encodes_and_decodes_as_the_library_that_made_it(file, library):
    own, draw = GgufVocabulary(file), random.Random(0)
    pieces = ["the ", "def ", "  ", "\n\n", "it's", "<s>", "</s>", *"abc01 .,'é人工智能😀\u200d\x00\t"]
    for _ in range(1000):
        text = "".join(draw.choice(pieces) for _ in range(draw.randrange(30)))
        found = library.encode(text, add_special_tokens=False).ids
        assert own.encode(text) == found
        assert own.prompt(text) == [0, *found]
        assert own.decode(found) == library.decode(found, skip_special_tokens=True)
    assert own.size == library.get_vocab_size()
    assert own.ends == {1, 2}


def test_half_a_character_is_shown_as_what_it_is(file):
    own = GgufVocabulary(file)
    face = own.encode("😀")
    assert own.decode(face) == "😀"
    assert "\ufffd" in own.decode(face[:-1])
    assert own.decode([]) == ""
    assert len(own.decode(own.encode("def ") * 500)) == 2000


def test_half_a_surrogate_pair_is_refused(file):
    with pytest.raises(WrongUse, match="half a surrogate pair"):
        GgufVocabulary(file).encode("a\ud800")


def test_the_chat_template_comes_with_the_texts_that_it_needs(file):
    pytest.importorskip("jinja2", reason="jinja2 is not installed")
    tokenizer, template = open_vocabulary(Gguf(file, 1))
    assert tokenizer.specials == {"bos_token": "<s>", "eos_token": "</s>", "eot_token": "<|im_end|>"}
    assert template.render([Message("user", "hello")]) == "<s>user: hello\n"


def test_a_file_without_template_has_none_and_without_begin_adds_none(library, tmp_path):
    engine = Gguf.open(written(tmp_path / "x.gguf", library), 1)
    tokenizer, template = open_vocabulary(engine)
    assert template is None
    assert tokenizer.prompt("a") == tokenizer.encode("a")
    logits = np.concatenate(list(engine.logits(tokenizer.encode("the cat"))))
    assert logits.shape[1] == tokenizer.size
    engine.close()


def test_a_file_that_the_zoo_converted_has_no_tokenizer(tmp_path):
    shape = Shape(50, 64, 32, 1, 4, 4, 8, 64)
    gguf_write.write(tmp_path / "x", shape, lambda name: np.zeros(expected(shape)[name], np.float32), "float32")
    opened = GgufFile(tmp_path / "x")
    with pytest.raises(NotAvailable, match="has no tokenizer"):
        GgufVocabulary(opened)
    opened.close()
