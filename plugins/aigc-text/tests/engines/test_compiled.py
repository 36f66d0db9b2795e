"""The compiled engine against the native one: its arithmetic is another's, its numbers are the same."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from aigc_core.errors import WrongUse
from aigc_text.engines.choice import Chosen
from aigc_text.engines.native import Native
from aigc_text.engines.opening import opened
from aigc_text.engines.sources import Source

CXX = os.environ.get("CXX", {"darwin": "clang++"}.get(sys.platform, "g++"))
needs_compiler = pytest.mark.skipif(not shutil.which(CXX), reason=f"torch.compile needs a C++ compiler: no {CXX} here")
NEAR = {"rtol": 0, "atol": 1e-5}
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated")  # torch calls it itself


def source(model):
    return Source.of(model.config, model.weights)


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path_factory.mktemp("compiled")))
        yield


@pytest.fixture(scope="module")
def compiled(models):
    """Return a function from a model's name and a type to its engine, which is made once."""
    from torch._dynamo.utils import counters

    made = {}

    def get(name, dtype="float32"):
        if (name, dtype) not in made:
            torch._dynamo.reset()  # it compiles a function eight times, and then no more
            engine = made[name, dtype] = opened("compiled", source(models(name)), dtype, 1, "cpu")
            before = counters["stats"]["unique_graphs"]
            cache = engine.cache(1, 64)
            cache.feed(0, [1])
            cache.step([0], [1])
            assert counters["stats"]["unique_graphs"] == before + 1
            assert not counters["graph_break"]
        return made[name, dtype]

    return get


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("name", ["gpt2", "qwen3", "mistral", "neox"])
def test_logits_are_the_native_engines(models, compiled, name, tokens):
    engine, text = compiled(name), tokens(60)
    assert (engine.name, engine.dtype) == ("compiled", "float32")
    native = Native(source(models(name)).tensors(), "float32")
    one, other = engine.cache(1, 64), native.cache(1, 64)
    np.testing.assert_allclose(one.feed(0, text[:30]), other.feed(0, text[:30]), **NEAR)
    for token in text[30:]:
        found, wanted = one.step([0], [token]), other.step([0], [token])
        assert (found.shape, found.dtype) == (wanted.shape, np.float32)
        np.testing.assert_allclose(found, wanted, **NEAR)
    assert np.abs(wanted).max() > 1  # or anything would agree


@needs_compiler
@pytest.mark.slow
def test_a_token_moves_nothing_before_it_and_what_is_past_the_text_moves_nothing(compiled, tokens):
    engine, text = compiled("qwen3"), tokens(20)

    def steps(text, dirt=()):
        cache = engine.cache(1, 64)
        if dirt:  # left in memory by a longer text
            cache.feed(0, dirt)
            cache.clear(0)
        cache.feed(0, text[:5])
        return np.stack([cache.step([0], [token])[0] for token in text[5:]])

    wanted = steps(text)
    assert np.array_equal(steps(text, tokens(60, 1)), wanted)
    found = steps([*text[:12], (text[12] + 1) % 300, *text[13:]])
    assert np.array_equal(found[:7], wanted[:7])
    assert not np.allclose(found[7:], wanted[7:])


@needs_compiler
@pytest.mark.slow
def test_a_text_beside_others_and_in_a_larger_cache_is_the_same(models, compiled, tokens):
    text, native = tokens(280), Native(source(models("qwen3")).tensors(), "float32")
    found = []
    for cache in (compiled("qwen3").cache(3, 280), native.cache(3, 280)):
        cache.feed(0, text[:256])
        cache.share(0, 2)
        cache.feed(1, tokens(7))
        steps = [cache.step([2], [token]) for token in text[256:]]
        steps += [cache.step([0, 1], [1, 2]), cache.step([0], [3])]
        assert [cache.length(row) for row in range(3)] == [258, 8, 280]
        found.append(np.concatenate(steps))
    np.testing.assert_allclose(*found, **NEAR)


@needs_compiler
@pytest.mark.slow
def test_bfloat16_is_near(models, compiled, tokens):
    engine, text = compiled("llama", "bfloat16"), tokens(40)
    cache, wanted = engine.cache(1, 40), models("llama").logits(text)
    cache.feed(0, text[:10])
    found = np.stack([cache.step([0], [token])[0] for token in text[10:]])
    assert 0 < np.linalg.norm(found - wanted[10:]) / np.linalg.norm(wanted[10:]) < 0.05


@needs_compiler
def test_several_texts_go_the_native_way(models, tokens):
    engine = opened("compiled", source(models("llama")), "float32", 1, "cpu")
    native = Native(source(models("llama")).tensors(), "float32")
    found = []
    for each in (engine, native):
        cache = each.cache(2, 16)
        cache.feed(0, tokens(5))
        cache.feed(1, tokens(9, 1))
        found.append(cache.step([0, 1], [3, 4]))
    np.testing.assert_allclose(*found, **NEAR)


def test_auto_never_takes_it(models):
    assert Chosen(source(models("llama")), "auto", "bfloat16", 1, "cpu").engine().name == "native"


def test_what_it_has_not(models):
    with pytest.raises(WrongUse, match="compiled has no int8; it takes float32, bfloat16"):
        Chosen(source(models("llama")), "compiled", "int8", 1, "cpu")
    with pytest.raises(WrongUse, match="compiled computes on the cpu alone, not on cuda"):
        opened("compiled", source(models("llama")), "float32", 1, "cuda")


def test_without_a_compiler_it_says_what_to_install(models):
    code = """
import sys, json
from pathlib import Path
from aigc_core.errors import NotAvailable
from aigc_text.engines.opening import opened
from aigc_text.engines.sources import Source
folder = Path(sys.argv[1])
source = Source.of(json.loads((folder / "config.json").read_text()), {path.name: path for path in folder.iterdir()})
try:
    opened("compiled", source, "float32", 1, "cpu")
except NotAvailable as error:
    print(error, error.hint)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, models("llama").folder],
        capture_output=True, text=True, check=True, env=os.environ | {"CXX": "no-such-compiler"},
    )  # fmt: skip
    assert done.stdout.startswith("The engine compiled needs a C++ compiler, and there is no no-such-compiler. Install")
