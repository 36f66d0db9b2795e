"""Black or white: drawn by (seed, step) alone, of held-out rows always the same, and never called what it is not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aigc_core.errors import WrongUse
from aigc_core.train.data import batches as module
from aigc_core.train.data.batches import Batches, held_out
from aigc_core.train.data.rows import ImageRows

AUGMENT = [{"kind": "flip"}, {"kind": "crop", "size": [3, 4]}]
RANGES = [(0, 1), (-1, 1), (-0.5, 3)]


def rows(n=40, level=None, h=4, w=5):
    images = torch.randint(256, (n, 1, h, w), dtype=torch.uint8, generator=torch.Generator().manual_seed(n))
    return ImageRows(images if level is None else torch.full_like(images, level), torch.arange(n))


def spec(**fields):
    return {"batch_size": 8, "range": (0, 1), "binarise": "dynamic", **fields}


def held(found, **fields):
    return torch.cat([batch["images"] for batch in held_out(found, spec(**fields), fields.get("batch_size", 8))])


@pytest.mark.parametrize("range_", RANGES, ids=str)
def test_every_pixel_is_black_or_white_in_the_recipes_range(range_):
    low, high = range_
    drawn = Batches(rows(), spec(range=range_), 3).batch(2)["images"]
    assert set(drawn.unique().tolist()) == {low, high}
    assert set(held(rows(), range=range_).unique().tolist()) == {low, high}
    assert drawn.dtype == torch.float32


@pytest.mark.parametrize("range_", RANGES, ids=str)
@pytest.mark.parametrize(("level", "end"), [(0, 0), (255, 1)])
def test_black_stays_black_and_white_white(range_, level, end):
    found = rows(400, level, 28, 28)
    for images in (Batches(found, spec(range=range_, batch_size=400), 3).batch(0)["images"], held(found, range=range_)):
        assert images.eq(range_[end]).all()


@pytest.mark.parametrize("level", [1, 64, 128, 200, 254])
def test_the_share_of_white_is_the_grey(level):
    found = rows(500, level, 28, 28)
    for images in (Batches(found, spec(batch_size=500), 3).batch(0)["images"], held(found)):
        white, n = int(images.sum()), images.numel()
        assert stats.binomtest(white, n, level / 255).pvalue > 1e-4


@given(step=st.integers(0, 300), other=st.integers(0, 300), seed=st.integers(0, 2**31 - 2))
def test_it_is_a_function_of_seed_and_step(step, other, seed):
    found, whole = rows(8, 128), spec(order="replacement")
    one = Batches(found, whole, seed).batch(step)["images"]
    batches = Batches(found, whole, seed)
    batches.batch(other)
    assert torch.equal(batches.batch(step)["images"], one)
    if other != step:
        assert not torch.equal(batches.batch(other)["images"], one)
    assert not torch.equal(Batches(found, whole, seed + 1).batch(step)["images"], one)


@given(st.integers(1, 5), st.integers(0, 12))
def test_ranks_share_one_draw(ranks, step):
    batches = Batches(rows(21), spec(augment=AUGMENT), 7)
    parts = [batches.batch(step, rank, ranks)["images"] for rank in range(ranks)]
    assert torch.equal(torch.cat(parts), batches.batch(step)["images"])


@pytest.mark.parametrize("order", ["shuffle", "replacement"])
def test_it_draws_other_numbers_than_the_order_and_the_augmentation(order, monkeypatch):
    """Each from a generator of its own: with one, which rows come would say which of their pixels are white."""
    asked = []
    real = module.generator
    monkeypatch.setattr(module, "generator", lambda *given: asked.append(given) or real(*given))
    monkeypatch.setattr("aigc_core.train.data.order.generator", lambda *given: asked.append(given) or real(*given))
    batches = Batches(rows(), spec(order=order, augment=AUGMENT), 5)
    for step in range(20):
        batches.batch(step)
    assert len(asked) == len(set(asked))
    assert len(asked) >= 40


@given(st.integers(1, 50))
def test_held_out_rows_are_always_the_same(size):
    """Of whatever batch size, so that two estimators see one data set."""
    assert torch.equal(held(rows(), batch_size=size), held(rows(), batch_size=7))


def test_held_out_rows_differ_from_one_another_and_are_cut_in_the_middle():
    drawn = held(rows(30, 128))
    assert len({row.numpy().tobytes() for row in drawn}) == 30
    assert held(rows(), augment=AUGMENT).shape == (40, 1, 3, 4)


def test_without_it_images_stay_as_they_are():
    for binarise in ({}, {"binarise": "none"}, {"binarise": "fixed"}):
        whole = {"batch_size": 8, "range": (0, 1), **binarise}
        assert len(Batches(rows(), whole, 3).batch(2)["images"].unique()) > 10


def images(tmp_path, write_idx, **parts):
    for name, array in parts.items():
        write_idx(f"{name}.gz", array)
    source = {"kind": "idx", "images": "train.gz"}
    return {**source, **{name: {"images": f"{name}.gz"} for name in parts if name != "train"}}


def black_and_white(n=6):
    return np.random.default_rng(n).integers(0, 2, (n, 3, 5)).astype(np.uint8) * np.uint8(255)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize("level", [1, 128, 254])
def test_fixed_data_with_a_grey_pixel_are_refused(get, tmp_path, write_idx, part, level):
    arrays = {name: black_and_white(n) for n, name in enumerate(("train", "validation", "test"), 6)}
    arrays[part][4, 1, 2] = level
    source = images(tmp_path, write_idx, **arrays)
    with pytest.raises(WrongUse, match=rf"data\.binarise is fixed, but the {part} images in .* have grey pixels\."):
        get(source, tmp_path, binarise="fixed")
    get(source, tmp_path, binarise="dynamic")


def test_fixed_data_are_black_and_white(get, tmp_path, write_idx):
    found = get(images(tmp_path, write_idx, train=black_and_white()), tmp_path, binarise="fixed")
    assert found.identity["binarise"] == "fixed"


@pytest.mark.parametrize(
    ("fields", "said"), [({}, "none"), ({"binarise": "none"}, "none"), ({"binarise": "dynamic"}, "dynamic")]
)
def test_the_identity_says_how(get, toys, fields, said):
    folder, _ = toys
    assert get({"kind": "idx", "images": "images.gz"}, folder, **fields).identity["binarise"] == said


@pytest.mark.parametrize("wrong", ["threshold", "Dynamic", "", 1, None])
def test_another_word_is_refused(get, toys, wrong):
    with pytest.raises(WrongUse, match=r"data\.binarise in the recipe is"):
        get({"kind": "idx", "images": "images.gz"}, toys[0], binarise=wrong)


def test_texts_have_no_pixels(get_text, tmp_path):
    (tmp_path / "text").write_text("some text that is long enough")
    with pytest.raises(WrongUse, match=r"data\.binarise in the recipe is for images; these are texts"):
        get_text({"kind": "text", "file": "text"}, tmp_path, binarise="dynamic")


def test_saboteur_one_draw_for_all_steps_is_found(monkeypatch):
    real = module.generator
    monkeypatch.setattr(module, "generator", lambda seed, place: real(seed, place & 3 << 30))
    with pytest.raises(AssertionError):
        test_it_is_a_function_of_seed_and_step.hypothesis.inner_test(1, 2, 3)
