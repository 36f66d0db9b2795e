"""llama.cpp against transformers, and the border between it and the rest."""

import gc
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
pytest.importorskip("gguf", reason="gguf is not installed")

from aigc_core.errors import NotAvailable, Refused, WrongUse
from aigc_text.architecture.configs import shape_of
from aigc_text.architecture.shape import Shape
from aigc_text.engines import gguf_write
from aigc_text.engines.gguf import Gguf
from aigc_text.engines.sources import Source

VOCABULARY = 300
EXACT = 1e-4
TABLE = 2e-2
"""llama.cpp's GELU is a table of half precision: so far are the logits off, whose spread is 1 to 10."""


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Return a function from an oracle and a type to the engine, each made once."""
    made = {}

    def get(oracle, dtype="float32"):
        name = (oracle.folder, dtype)
        if name not in made:
            path = tmp_path_factory.mktemp("gguf") / "model.gguf"
            source = Source.of(oracle.config, oracle.weights)
            gguf_write.write(path, source.shape, source.tensors().float32, dtype)
            made[name] = Gguf.open(path, 1)
        return made[name]

    yield get
    for engine in made.values():
        engine.close()


def all_logits(engine, text):
    return np.concatenate(list(engine.logits(text)))


def test_logits_are_those_of_transformers(model, opened, tokens):
    engine, shape = opened(model), shape_of(model.config)
    text = tokens(min(600, engine.context))
    off = np.abs(all_logits(engine, text) - model.logits(text)).max()
    assert off <= (EXACT if gguf_write.exact(shape) else TABLE)
    assert (engine.dtype, engine.vocabulary) == ("float32", VOCABULARY)
    assert engine.context == (min(shape.window, shape.context) if shape.window else shape.context)


def test_greedy_texts_are_those_of_transformers(model, opened, tokens):
    engine = opened(model)
    cache, text = engine.cache(1, min(60, engine.context)), tokens(5)
    logits = cache.feed(0, text)
    for _ in range(min(50, engine.context - 5)):
        wanted = model.logits(text)[-1]
        chosen = int(logits.argmax())
        assert wanted[chosen] >= wanted.max() - 2 * TABLE
        text.append(int(wanted.argmax()))
        logits = cache.step([0], text[-1:])[0]
    cache.close()


def test_greedy_tokens_are_equal_where_the_arithmetic_is(models, opened, tokens):
    for name in ("llama", "llama-3", "qwen2", "qwen3", "mistral-unbounded"):
        model = models(name)
        engine = opened(model)
        cache, text = engine.cache(1, 60), tokens(5)
        logits = cache.feed(0, text)
        own = list(text)
        for _ in range(50):
            own.append(int(logits.argmax()))
            text.append(int(model.logits(text)[-1].argmax()))
            logits = cache.step([0], own[-1:])[0]
        assert own == text
        cache.close()


@pytest.mark.parametrize(("dtype", "agree"), [("float16", 0.97), ("bfloat16", 0.9), ("int8", 0.9), ("int4", 0.5)])
def test_narrower_types_agree_mostly(models, opened, dtype, agree, tokens):
    model = models("llama")
    engine, text = opened(model, dtype), tokens(400)
    assert engine.dtype == dtype
    found, wanted = all_logits(engine, text), model.logits(text)
    assert (found.argmax(1) == wanted.argmax(1)).mean() >= agree
    assert np.abs(found - wanted).max() > EXACT  # it is another type, and the first check can tell


def test_rows_that_cannot_be_cut_into_blocks_stay_whole(opened, models, tmp_path, tokens):
    shape = Shape(VOCABULARY, 32, 40, 1, 5, 5, 8, 56)  # 40 and 56 are no multiples of 32
    draw = np.random.default_rng(0)
    sizes = {
        "tokens.weight": (VOCABULARY, 40), "positions.weight": (32, 40), "norm.weight": (40,), "norm.bias": (40,),
        "blocks.0.norm1.weight": (40,), "blocks.0.norm1.bias": (40,), "blocks.0.norm2.weight": (40,),
        "blocks.0.norm2.bias": (40,), "blocks.0.attend.weight": (120, 40), "blocks.0.attend.bias": (120,),
        "blocks.0.join.weight": (40, 40), "blocks.0.join.bias": (40,), "blocks.0.up.weight": (56, 40),
        "blocks.0.up.bias": (56,), "blocks.0.down.weight": (40, 56), "blocks.0.down.bias": (40,),
    }  # fmt: skip
    values = {name: draw.normal(size=size).astype(np.float32) for name, size in sizes.items()}
    found = []
    for dtype in ("float32", "int8"):
        gguf_write.write(tmp_path / dtype, shape, values.__getitem__, dtype)
        engine = Gguf.open(tmp_path / dtype, 1)
        found.append(all_logits(engine, tokens(20)))
        engine.close()
    assert np.abs(found[0] - found[1]).max() < 0.05 * found[0].std()


def test_a_bias_that_is_absent_is_a_bias_of_zeros(models, tmp_path, tokens):
    source = Source.of(models("gpt2").config, models("gpt2").weights)
    whole, found = source.tensors().float32, []

    def zeroed(name):
        return np.zeros_like(whole(name)) if name.endswith("bias") else whole(name)

    bare = source.shape._replace(norm_bias=False, attend_bias=False, join_bias=False, inner_bias=False)
    for number, shape in enumerate((source.shape, bare)):
        gguf_write.write(tmp_path / str(number), shape, zeroed, "float32")
        engine = Gguf.open(tmp_path / str(number), 1)
        found.append(all_logits(engine, tokens(20)))
        engine.close()
    assert np.array_equal(*found)


LLAMA = Shape(VOCABULARY, 64, 32, 1, 4, 2, 8, 64, "rms", False, rotary=8, gated=True, activation="silu")


@pytest.mark.parametrize(
    "shape",
    [
        LLAMA._replace(activation="gelu"),
        LLAMA._replace(rotary=4),
        LLAMA._replace(parallel=True),
        LLAMA._replace(qk_norm=True),  # with biases
        LLAMA._replace(scaling=(("rope_type", "yarn"),)),
        Shape(VOCABULARY, 64, 32, 1, 4, 4, 8, 64, activation="relu"),
        Shape(VOCABULARY, 64, 32, 1, 4, 4, 8, 64, parallel=True),
        Shape(VOCABULARY, 64, 32, 1, 4, 4, 16, 64),
    ],
)
def test_a_shape_that_llama_cpp_has_not_is_refused_before_a_tensor_is_read(shape, tmp_path):
    assert gguf_write.misfit(shape)
    with pytest.raises(NotAvailable, match="no architecture") as raised:
        gguf_write.write(tmp_path / "x", shape, None, "float32")
    assert "--engine native" in raised.value.hint
    assert not (tmp_path / "x").exists()


def test_a_tensor_of_another_shape_is_not_written(tmp_path):
    with pytest.raises(ValueError, match=r"token_embd.weight is to have shape \(300, 32\)"):
        gguf_write.write(tmp_path / "x", LLAMA, lambda name: np.zeros((3, 3), np.float32), "float32")


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@settings(max_examples=10)
@given(
    chosen=st.permutations(range(6)).flatmap(lambda order: st.integers(1, 6).map(lambda count: order[:count])),
    seed=st.integers(0, 9),
)
def test_a_row_depends_on_its_own_tokens_and_on_how_many_rows_there_are(models, opened, dtype, chosen, seed, tokens):
    engine = opened(models("llama"), dtype)
    texts = [tokens(3 + 5 * row, seed) for row in range(6)]
    # The texts lie in rows of any order, among others that are not computed; and alone, in order.
    many, few = engine.cache(6, 64), engine.cache(len(chosen), 64)
    for row, text in enumerate(texts):
        many.feed(row, text)
    for place, row in enumerate(chosen):
        few.feed(place, texts[row])
    for _ in range(3):
        found = many.step(chosen, [7 + row for row in chosen])
        assert np.array_equal(found, few.step(range(len(chosen)), [7 + row for row in chosen]))
    assert [many.length(row) for row in range(6)] == [len(texts[row]) + 3 * (row in chosen) for row in range(6)]
    rest = [row for row in range(6) if row not in chosen]  # what was moved about is still whole
    if rest:
        left = engine.cache(len(rest), 64)
        for place, row in enumerate(rest):
            left.feed(place, texts[row])
        again = left.step(range(len(rest)), [9] * len(rest))
        assert np.array_equal(many.step(rest, [9] * len(rest)), again)
        left.close()
    many.close()
    few.close()


def test_rows_are_fed_in_pieces_shared_cleared_and_stepped(models, opened, tokens):
    model = models("llama")
    engine, text = opened(model), tokens(700)
    cache, wanted = engine.cache(3, 1000), model.logits(text)
    assert np.abs(cache.feed(1, text[:600]) - wanted[599]).max() <= EXACT  # longer than what is computed at once
    assert np.abs(cache.feed(1, text[600:640]) - wanted[639]).max() <= EXACT
    cache.share(1, 0)
    assert [cache.length(row) for row in range(3)] == [640, 640, 0]
    found = cache.step([1, 0], [text[640]] * 2)
    assert np.array_equal(found[0], found[1])
    assert np.abs(found[0] - wanted[640]).max() <= EXACT
    cache.clear(1)
    assert cache.length(1) == 0
    assert np.abs(cache.feed(1, text[:3]) - wanted[2]).max() <= EXACT
    found = cache.step([0, 1], [text[641], text[3]])
    assert np.abs(found - wanted[[641, 3]]).max() <= EXACT
    found[:] = 0  # the caller may change it
    assert np.abs(cache.step([0, 1], [text[642], text[4]]) - wanted[[642, 4]]).max() <= EXACT
    cache.close()


def test_cached_and_uncached_logits_are_equal(models, opened, tokens):
    for name, most in (("llama", 1e-5), ("qwen3", 1e-5), ("gpt2", TABLE)):
        engine, text = opened(models(name)), tokens(40)
        whole, cache = all_logits(engine, text), engine.cache(1, 64)
        found = [cache.feed(0, text[:10]), *(cache.step([0], [token])[0] for token in text[10:])]
        assert np.abs(np.stack(found) - whole[9:]).max() <= most
        cache.close()


def test_what_does_not_fit_is_a_sentence_and_not_the_end_of_the_process(models, opened, tokens):
    engine = opened(models("gpt2"))  # whose positions are a table: llama.cpp would abort beyond it
    with pytest.raises(WrongUse, match="holds 1,024 tokens, not 1,025"):
        engine.cache(1, 1025)
    with pytest.raises(WrongUse, match="holds 1,024 tokens"):
        next(engine.logits(tokens(1025)))
    cache = engine.cache(2, 8)
    with pytest.raises(WrongUse, match="at most 8 tokens"):
        cache.feed(0, tokens(9))
    cache.feed(0, tokens(8))
    cache.feed(1, tokens(3))
    with pytest.raises(WrongUse, match="at most 8 tokens"):
        cache.step([0, 1], [1, 1])
    with pytest.raises(WrongUse, match="texts at once"):
        engine.cache(100_000, 8)
    with pytest.raises(NotAvailable, match="could not go on"):
        cache.feed(1, [VOCABULARY])
    assert cache.step([1], [1]).shape == (1, VOCABULARY)  # and the others go on
    cache.close()


def test_a_closed_engine_gives_its_memory_back(models, tmp_path):
    source = Source.of(models("llama").config, models("llama").weights)
    gguf_write.write(tmp_path / "x", source.shape, source.tensors().float32, "float32")
    engine = Gguf.open(tmp_path / "x", 1)
    cache = engine.cache(1, 64)
    engine.close()
    assert not cache.close.alive
    assert not engine.file.close.alive
    engine = Gguf.open(tmp_path / "x", 1)
    file, cache = engine.file, engine.cache(1, 64)
    freed = cache.close
    del cache
    gc.collect()
    assert not freed.alive
    freed = file.close
    del engine, file
    gc.collect()
    assert not freed.alive


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"", "is no GGUF file"), (b"PK\x03\x04", "is no GGUF file"), (b"GGUF" + b"\xff" * 60, "can run")],
)
def test_a_file_that_is_none_is_refused_in_one_sentence(tmp_path, capfd, data, said):
    (tmp_path / "x.gguf").write_bytes(data)
    with pytest.raises(Refused, match=said):
        Gguf.open(tmp_path / "x.gguf", 1)
    assert capfd.readouterr().err == ""
    with pytest.raises(NotAvailable, match="cannot be read"):
        Gguf.open(tmp_path / "none.gguf", 1)


def test_a_file_cut_short_is_refused_at_every_length(models, tmp_path):
    source = Source.of(models("llama").config, models("llama").weights)
    gguf_write.write(tmp_path / "x", source.shape, source.tensors().float32, "int8")
    data = (tmp_path / "x").read_bytes()
    for length in (4, 24, 200, 1000, len(data) // 2, len(data) - 32):
        (tmp_path / "cut").write_bytes(data[:length])
        with pytest.raises(Refused, match=r"no GGUF file that llama\.cpp can run: .+"):
            Gguf.open(tmp_path / "cut", 1)


TORCHLESS = """
import sys
from aigc_text.engines.gguf import Gguf
engine = Gguf.open(sys.argv[1], 1)
cache = engine.cache(1, 16)
cache.feed(0, [1, 2, 3])
cache.step([0], [4])
print("torch" in sys.modules, "transformers" in sys.modules)
"""


def test_it_computes_without_torch_and_in_silence(models, opened):
    done = subprocess.run(
        [sys.executable, "-c", TORCHLESS, opened(models("llama")).file.path], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("False False\n", "")


def test_without_llama_cpp_it_says_what_to_install(tmp_path):
    code = """
import sys
sys.modules["llama_cpp"] = None
from aigc_core.errors import NotAvailable
from aigc_text.engines.gguf import Gguf
try:
    Gguf.open(sys.argv[1], 1)
except NotAvailable as error:
    print(error.hint)
"""
    (tmp_path / "x").write_bytes(b"GGUF")
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "x"], capture_output=True, text=True, check=True)
    assert done.stdout == 'Try: pip install "aigc-text[gguf]"\n'


def test_it_says_what_computes(models, opened):
    environment = opened(models("llama")).environment()
    assert environment["threads"] == 1
    assert str(environment["llama-cpp-python"])[0].isdigit()
