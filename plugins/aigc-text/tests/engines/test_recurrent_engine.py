"""The recurrent engine: with its cache as without, rows apart from one another, numpy at the border."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from aigc_core.errors import Refused
from aigc_text.engines.recurrent import RecurrentCache, RecurrentEngine
from aigc_text.recurrent import Recurrent

CONFIG = {"vocabulary": "abcdef", "layers": 2, "width": 12, "embedding": 5, "document": True}
CLOSE = {"rtol": 0, "atol": 1e-5}


def made(cell="lstm"):
    """An engine with random weights, far from uniform."""
    torch.manual_seed(0)
    network = Recurrent(**CONFIG, cell=cell)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.6)
    return RecurrentEngine(network.eval().requires_grad_(False))


def text(length, seed=0):
    return np.random.default_rng(seed).integers(0, 7, length).tolist()


@pytest.fixture(params=["lstm", "gru"])
def engine(request):
    return made(request.param)


def test_it_says_what_it_is(engine):
    assert (engine.name, engine.dtype, engine.context, engine.vocabulary) == ("recurrent", "float32", 0, 7)
    assert engine.environment() == {"torch": torch.__version__, "threads": torch.get_num_threads()}


def test_with_a_cache_as_without(engine):
    row = text(40)
    whole, cache = next(engine.logits(row)), engine.cache(1, 40)
    assert whole.shape == (40, 7)
    assert whole.dtype == np.float32
    np.testing.assert_allclose(cache.feed(0, row[:10]), whole[9], **CLOSE)
    np.testing.assert_allclose(cache.feed(0, row[10:13]), whole[12], **CLOSE)
    for place in range(13, 40):
        np.testing.assert_allclose(cache.step([0], [row[place]])[0], whole[place], **CLOSE)
    assert cache.length(0) == 40


def test_a_cache_that_forgets_would_be_seen(engine):
    row = text(40)
    cache = engine.cache(1, 40)
    cache.feed(0, row[:10])
    cache.state = engine.network.empty(1)
    assert np.abs(cache.step([0], [row[10]])[0] - next(engine.logits(row[:11]))[10]).max() > 1e-3


def test_rows_go_on_apart_from_one_another(engine):
    rows = [text(9, seed) for seed in range(4)]
    cache = engine.cache(4, 20)
    for place, row in enumerate(rows):
        cache.feed(place, row)
    found = cache.step([3, 1], [2, 5])  # in any order, some of them
    np.testing.assert_allclose(found[0], next(engine.logits([*rows[3], 2]))[-1], **CLOSE)
    np.testing.assert_allclose(found[1], next(engine.logits([*rows[1], 5]))[-1], **CLOSE)
    np.testing.assert_allclose(cache.step([0], [1])[0], next(engine.logits([*rows[0], 1]))[-1], **CLOSE)
    assert [cache.length(row) for row in range(4)] == [10, 10, 9, 10]


def test_a_row_depends_on_its_own_tokens_alone_to_the_bit(engine):
    """Beside other neighbours it gets the same numbers, where the number of rows is the same."""
    found = []
    for neighbour in (1, 2):
        cache = engine.cache(3, 20)
        cache.feed(0, text(7))
        cache.feed(1, text(9, neighbour))
        cache.feed(2, text(5, neighbour))
        found.append(cache.step([0, 1, 2], [1, neighbour, neighbour])[0])
    assert np.array_equal(*found)


def test_a_prompt_is_fed_once_and_shared(engine):
    row, cache = text(8), engine.cache(2, 20)
    cache.feed(0, row)
    cache.share(0, 1)
    assert cache.length(1) == 8
    found = cache.step([0, 1], [3, 4])
    np.testing.assert_allclose(found[0], next(engine.logits([*row, 3]))[-1], **CLOSE)
    np.testing.assert_allclose(found[1], next(engine.logits([*row, 4]))[-1], **CLOSE)


def test_a_cleared_row_is_as_new(engine):
    cache = engine.cache(2, 20)
    cache.feed(0, text(8))
    cache.feed(1, text(8, 1))
    cache.clear(0)
    assert [cache.length(row) for row in (0, 1)] == [0, 8]
    np.testing.assert_allclose(cache.feed(0, text(3, 2)), next(engine.logits(text(3, 2)))[-1], **CLOSE)
    np.testing.assert_allclose(cache.step([1], [2])[0], next(engine.logits([*text(8, 1), 2]))[-1], **CLOSE)


def test_the_caller_may_change_what_it_gets(engine):
    cache = engine.cache(1, 9)
    first = cache.feed(0, text(4))
    first[:] = np.nan
    assert np.isfinite(cache.step([0], [1])).all()


def test_there_is_no_bound(engine):
    cache = engine.cache(1, 4)
    cache.feed(0, text(300))
    assert isinstance(cache, RecurrentCache)
    np.testing.assert_allclose(cache.step([0], [1])[0], next(engine.logits([*text(300), 1]))[-1], **CLOSE)


def test_weights_come_from_a_file_and_must_fit(engine, tmp_path):
    path = tmp_path / "model.safetensors"
    config = CONFIG | {"cell": engine.network.cell}
    save_file({name: value.half() for name, value in engine.network.state_dict().items()}, path)
    opened = RecurrentEngine.open(config, {"model.safetensors": path}, "cpu")
    np.testing.assert_allclose(next(opened.logits(text(9))), next(engine.logits(text(9))), rtol=0, atol=0.1)
    with pytest.raises(Refused, match="does not fit its architecture"):
        RecurrentEngine.open(config | {"width": 8}, {"model.safetensors": path}, "cpu")
