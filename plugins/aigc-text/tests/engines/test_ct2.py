"""CTranslate2 against transformers: logits, and the greedy texts that it writes by itself."""

import subprocess
import sys

import numpy as np
import pytest
import torch

pytest.importorskip("ctranslate2", reason="ctranslate2 is not installed")

from aigc_core.errors import NotAvailable, Refused, WrongUse
from aigc_text.architecture.configs import shape_of
from aigc_text.architecture.shape import Shape
from aigc_text.engines import ct2_write
from aigc_text.engines.ct2 import Ct2
from aigc_text.engines.engine import Writer
from aigc_text.engines.sources import Source

VOCABULARY = 300
EXACT = 1e-4


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Return a function from an oracle and a type to the engine, each made once; skip what CTranslate2 cannot run."""
    made = {}

    def get(oracle, dtype="float32"):
        name = (oracle.folder, dtype)
        if name not in made:
            folder, source = tmp_path_factory.mktemp("ct2"), Source.of(oracle.config, oracle.weights)
            if reason := ct2_write.misfit(source.shape):
                pytest.skip(reason)
            ct2_write.write(folder, source.shape, source.tensors().float32, dtype)
            made[name] = Ct2.open(folder, source.shape, 1)
        return made[name]

    return get


def greedy(model, prompt, count):
    """Return transformers' greedy continuation, with log-probabilities."""
    text, found = list(prompt), []
    for _ in range(count):
        logits = model.logits(text)[-1].astype(np.float64)
        text.append(int(logits.argmax()))
        found.append((text[-1], float(logits.max() - np.log(np.exp(logits - logits.max()).sum()) - logits.max())))
    return found


def test_logits_are_those_of_transformers(model, opened, tokens):
    engine, shape = opened(model), shape_of(model.config)
    text = tokens(min(600, engine.context))
    (found,) = engine.logits(text)
    assert np.abs(found - model.logits(text)).max() <= EXACT
    assert found.dtype == np.float32
    assert (engine.dtype, engine.vocabulary) == ("float32", VOCABULARY)
    assert engine.context == (min(shape.window, shape.context) if shape.window else shape.context)


def test_greedy_texts_of_unequal_prompts_are_those_of_transformers(model, opened, tokens):
    engine = opened(model)
    new = min(50, engine.context - 9)
    prompts = [tokens(5), tokens(9, 1), tokens(1, 2)]
    written = engine.write(prompts, new, frozenset())
    for found, prompt in zip(written, prompts, strict=True):
        wanted = greedy(model, prompt, new)
        assert [token for token, _ in found] == [token for token, _ in wanted]
        assert np.allclose([p for _, p in found], [p for _, p in wanted], atol=1e-4)


def test_a_text_is_the_same_alone_and_among_others(models, opened, tokens):
    for dtype in ("float32", "int8"):
        engine = opened(models("llama"), dtype)
        prompts = [tokens(5), tokens(30, 1), tokens(12, 2)]
        together = engine.write(prompts, 30, frozenset())
        for found, prompt in zip(together, prompts, strict=True):
            ((alone),) = engine.write([prompt], 30, frozenset())
            assert [token for token, _ in found] == [token for token, _ in alone]
            assert np.allclose([p for _, p in found], [p for _, p in alone], atol=1e-4)


def test_a_text_ends_after_what_ends_it_and_the_others_go_on(models, opened, tokens):
    engine, prompts = opened(models("qwen2")), [tokens(5), tokens(5, 1)]
    whole = [[token for token, _ in text] for text in engine.write(prompts, 20, frozenset())]
    end = next(token for token in whole[0] if token not in whole[1])
    never = next(token for token in range(VOCABULARY) if token not in whole[0] + whole[1])
    first, second = engine.write(prompts, 20, frozenset({end, never}))
    assert [token for token, _ in first] == whole[0][: whole[0].index(end) + 1]
    assert [token for token, _ in second] == whole[1]


def test_tokens_are_told_as_they_come_and_a_text_can_be_ended(models, opened, tokens):
    engine, prompts, told = opened(models("gpt2")), [tokens(5), tokens(5, 1)], []

    def each(text, token, logprob):
        told.append((text, token, logprob))
        return text == 0 and sum(one[0] == 0 for one in told) == 3

    written = engine.write(prompts, 10, frozenset(), each)
    assert [len(text) for text in written] == [3, 10]
    assert [[one[1:] for one in told if one[0] == text] for text in (0, 1)] == written
    assert [text for text, _, _ in told[:6]] == [0, 1, 0, 1, 0, 1]  # step by step, not text by text


def test_what_a_listener_raises_is_raised(models, opened, tokens):
    def each(text, token, logprob):
        raise KeyError("no")

    with pytest.raises(KeyError):
        opened(models("gpt2")).write([tokens(5)], 10, frozenset(), each)


def test_int8_agrees_mostly_and_is_smaller(models, opened, tmp_path, tokens):
    model = models("llama-tied-biased")
    engine, text = opened(model, "int8"), tokens(400)
    assert engine.dtype == "int8"
    (found,) = engine.logits(text)
    wanted = model.logits(text)
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] >= 0.97
    if torch.backends.cpu.get_cpu_capability() == "AVX512":  # AVX2 alone adds products in 16 bits, which saturate
        assert (found.argmax(1) == wanted.argmax(1)).mean() >= 0.9
    assert np.abs(found - wanted).max() > EXACT  # it is another type, and the first check can tell
    source, sizes = Source.of(model.config, model.weights), {}
    for dtype in ct2_write.TYPES:
        (tmp_path / dtype).mkdir()
        ct2_write.write(tmp_path / dtype, source.shape, source.tensors().float32, dtype)
        sizes[dtype] = (tmp_path / dtype / "model.bin").stat().st_size
    assert sizes["int8"] < 0.4 * sizes["float32"]
    assert sizes["float32"] < 1.1 * (model.folder / "model.safetensors").stat().st_size  # a tied head is stored once


def test_it_has_no_cache_and_says_so(models, opened):
    engine = opened(models("llama"))
    assert isinstance(engine, Writer)
    with pytest.raises(NotAvailable, match="writes whole texts") as raised:
        engine.cache(1, 8)
    assert "--engine native or gguf" in raised.value.hint


def test_a_text_that_does_not_fit_is_refused(models, opened, tokens):
    engine = opened(models("gpt2"))
    with pytest.raises(WrongUse, match="holds 1,024 tokens"):
        engine.write([tokens(1020)], 5, frozenset())
    with pytest.raises(WrongUse, match="holds 1,024 tokens"):
        next(engine.logits(tokens(1025)))
    assert len(engine.write([tokens(1020)], 4, frozenset())[0]) == 4


@pytest.mark.parametrize(
    "change", [{"scaling": (("rope_type", "llama3"), ("factor", 8.0))}, {"norm": "rms", "norm_bias": True}]
)
def test_a_shape_that_it_cannot_run_is_refused_before_a_tensor_is_read(change, tmp_path):
    shape = Shape(VOCABULARY, 64, 32, 1, 4, 4, 8, 64)._replace(**change)
    with pytest.raises(NotAvailable, match="CTranslate2") as raised:
        ct2_write.write(tmp_path, shape, None, "float32")
    assert "--engine native" in raised.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_none_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(Refused, match="no model that CTranslate2 can run"):
        Ct2.open(tmp_path, Shape(VOCABULARY, 64, 32, 1, 4, 4, 8, 64), 1)


TORCHLESS = """
import sys
from aigc_text.architecture.shape import Shape
from aigc_text.engines.ct2 import Ct2
engine = Ct2.open(sys.argv[1], Shape(300, 1024, 64, 3, 4, 4, 16, 256), 1)
engine.write([[1, 2, 3]], 3, frozenset())
list(engine.logits([1, 2, 3]))
print("torch" in sys.modules, "transformers" in sys.modules)
"""


def test_it_computes_without_torch(models, tmp_path):
    source = Source.of(models("gpt2").config, models("gpt2").weights)
    ct2_write.write(tmp_path, source.shape, source.tensors().float32, "float32")
    done = subprocess.run([sys.executable, "-c", TORCHLESS, tmp_path], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("False False\n", "")
