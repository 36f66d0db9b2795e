"""A batch is a function of (seed, step) alone: of no rank, no worker count, and of nothing that was asked before."""

import contextlib
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aigc_core.errors import WrongUse
from aigc_core.train.data.augment import check
from aigc_core.train.data.batches import Batches, held_out, normalised
from aigc_core.train.data.order import Order, mixed, share
from aigc_core.train.data.prefetch import prefetch
from aigc_core.train.data.rows import NOTHING, Document, DocumentRows, ImageRows, LazyRows, PackedRows, WindowRows

SIZES = {"n": st.integers(1, 60), "size": st.integers(1, 20), "seed": st.integers(0, 2**31 - 1)}
AUGMENT = [{"kind": "flip"}, {"kind": "shift", "pixels": 1}, {"kind": "crop", "size": [3, 4]}]


def image_rows(n, h=4, w=5, channels=1):
    images = torch.randint(256, (n, channels, h, w), dtype=torch.uint8, generator=torch.Generator().manual_seed(n))
    return ImageRows(images, torch.arange(n))


def spec(**fields):
    return {"batch_size": 4, "range": [-1, 1], **fields}


@given(**SIZES)
def test_every_row_comes_once_an_epoch(n, size, seed):
    order = Order(n, size, seed)
    for epoch in (0, 3):
        seen = torch.cat([order.indices(epoch * order.per_epoch + step) for step in range(order.per_epoch)])
        assert sorted(seen.tolist()) == list(range(n))


@given(**SIZES, ranks=st.integers(1, 7), step=st.integers(0, 40), order=st.sampled_from(["shuffle", "replacement"]))
def test_the_shares_of_all_ranks_are_the_whole_batch(n, size, seed, ranks, step, order):
    batches = Batches(image_rows(n), spec(batch_size=size, order=order, augment=AUGMENT), seed)
    whole = batches.batch(step)
    parts = [batches.batch(step, rank, ranks) for rank in range(ranks)]
    for name in ("images", "labels"):
        assert torch.equal(torch.cat([part[name] for part in parts]), whole[name])
    sizes = [len(part["labels"]) for part in parts]
    assert sizes == sorted(sizes, reverse=True)


@given(
    asked=st.lists(st.integers(0, 40), max_size=8),
    step=st.integers(0, 40),
    order=st.sampled_from(["shuffle", "replacement"]),
)
def test_what_was_asked_before_changes_nothing(asked, step, order):
    used, fresh = (Batches(image_rows(11), spec(order=order, augment=AUGMENT), 3) for _ in range(2))
    for each in asked:
        used.batch(each)
    torch.rand(3)  # the global generator has no part in it
    assert torch.equal(used.batch(step)["images"], fresh.batch(step)["images"])


def test_the_bits_are_those_that_the_bundled_models_were_trained_with():
    rows, seed, size = image_rows(10), 1, 4
    batches = Batches(rows, spec(), seed)
    assert batches.per_epoch == 3
    for step in range(7):
        epoch, place = divmod(step, 3)
        order = torch.randperm(10, generator=torch.Generator().manual_seed(seed << 32 | epoch))
        expected = rows.images[order[place * size : (place + 1) * size]].float() / 127.5 - 1
        assert torch.equal(batches.batch(step)["images"], expected)


@pytest.mark.parametrize("kind", ["shuffle", "replacement"])
def test_two_seeds_and_two_steps_give_other_rows(kind):
    orders = [Order(1000, 100, seed, kind).indices(step).tolist() for seed in (1, 2, 7) for step in (0, 1, 10)]
    assert len({tuple(each) for each in orders}) == 9


def test_the_upper_half_of_a_seed_is_lost_on_the_cpu_which_is_why_it_is_mixed():
    first, second = (torch.rand(4, generator=torch.Generator().manual_seed(seed << 32 | 3)) for seed in (1, 2))
    assert torch.equal(first, second)


def test_the_places_of_a_thousand_seeds_are_far_from_one_another():
    starts = sorted(mixed(seed, 0) for seed in range(1000))
    assert min(after - before for before, after in itertools.pairwise(starts)) > 1_500_000
    assert mixed(1, 12345) == 12345


def test_augmentation_differs_by_seed_and_by_step():
    declared = spec(batch_size=64, augment=[{"kind": "flip"}])
    same = ImageRows(image_rows(1).images.expand(64, -1, -1, -1))
    seen = {bytes(Batches(same, declared, seed).batch(step)["images"].numpy()) for seed in (1, 2) for step in (0, 1)}
    assert len(seen) == 4


def test_no_rows_are_refused():
    with pytest.raises(WrongUse, match="no row left to train on"):
        Order(0, 4, 1)


@given(count=st.integers(0, 50), ranks=st.integers(1, 9))
def test_shares_are_contiguous_and_none_is_larger_than_the_first(count, ranks):
    places = [list(range(count))[share(count, rank, ranks)] for rank in range(ranks)]
    assert list(itertools.chain(*places)) == list(range(count))
    assert max(map(len, places)) == len(places[0]) == -(-count // ranks)


@pytest.mark.parametrize("range_", [[0, 1], [-1, 1], [-0.5, 2]])
def test_pixels_span_the_range(range_):
    values = normalised(torch.tensor([0, 255, 51], dtype=torch.uint8), {"range": range_})
    low, high = range_
    assert values.dtype == torch.float32
    assert values.tolist() == pytest.approx([low, high, low + (high - low) / 5])


def test_augmentation_changes_an_image_only_as_declared():
    rows = image_rows(1, channels=3)
    (image,) = rows.images
    found = {}
    for kind, one in {each["kind"]: each for each in AUGMENT}.items():
        batches = Batches(rows, spec(augment=[one], range=[0, 255]), 1)
        found[kind] = {tuple(batches.batch(step)["images"].flatten().int().tolist()) for step in range(80)}
    padded = torch.nn.functional.pad(image.float()[None], (1, 1, 1, 1), mode="replicate")[0]
    allowed = {
        "flip": [image, image.flip(-1)],
        "shift": [padded[:, y : y + 4, x : x + 5] for y in range(3) for x in range(3)],
        "crop": [image[:, y : y + 3, x : x + 4] for y in range(2) for x in range(2)],
    }
    for kind, images in allowed.items():
        assert found[kind] == {tuple(each.flatten().int().tolist()) for each in images}


def test_rows_that_are_held_out_are_not_augmented_and_come_once_in_order():
    rows = image_rows(7)
    batches = list(held_out(rows, spec(augment=AUGMENT[:2], range=[0, 255]), 3))
    assert [len(each["labels"]) for each in batches] == [3, 3, 1]
    assert torch.equal(torch.cat([each["images"] for each in batches]), rows.images.float())
    cropped = next(held_out(rows, spec(augment=AUGMENT, range=[0, 255]), 7))["images"]
    assert torch.equal(cropped, rows.images[:, :, 0:3, 0:4].float())
    assert list(held_out(image_rows(0), spec(), 3)) == []


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"kind": "flop"}, r"augment\[0\].kind .* takes one of flip, shift, crop. Did you mean flip\?"),
        ({"kind": "shift", "pixels": 4}, "takes a whole number from 1 to 3"),
        ({"kind": "shift"}, "has no pixels"),
        ({"kind": "flip", "pixels": 2}, "a field 'pixels', which nothing reads"),
        ({"kind": "crop", "size": [5, 5]}, "the images are 4 x 5"),
        ({"kind": "crop", "size": [2]}, "a list of two numbers"),
        ({"kind": "crop", "size": [2, True]}, "a list of two numbers"),
    ],
)
def test_an_augmentation_that_cannot_be_done_is_named(declared, said):
    with pytest.raises(WrongUse, match=said):
        check([declared], [1, 4, 5])


@given(length=st.integers(2, 70), block=st.integers(1, 12), size=st.integers(1, 5), data=st.data())
def test_windows_hold_each_token_and_the_next(length, block, size, data):
    if length <= block:
        with pytest.raises(WrongUse, match=f"do not fit into a part of the text with {length} tokens"):
            WindowRows(torch.arange(length), block)
        return
    rows = WindowRows(torch.arange(length, dtype=torch.int16), block)
    assert len(rows) == length - block
    at = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=4))
    taken = rows.take(torch.tensor(at, dtype=torch.int64))
    assert taken["tokens"].tolist() == [list(range(i, i + block)) for i in at]
    assert torch.equal(taken["targets"], taken["tokens"] + 1)
    assert taken["targets"].dtype == torch.int64
    assert taken["targets"].is_contiguous()
    predicted = torch.cat([each["targets"].flatten() for each in held_out(rows, {}, size)])
    assert sorted(predicted[predicted != NOTHING].tolist()) == list(range(1, length))


def test_documents_are_laid_out_as_makemore_does():
    rows = DocumentRows([document(5, 13, 13, 1), document(2)], 6)
    taken = rows.take(torch.tensor([1, 0]))
    assert taken["tokens"].tolist() == [[0, 2, 0, 0, 0, 0], [0, 5, 13, 13, 1, 0]]
    assert taken["targets"].tolist() == [[2, 0, -100, -100, -100, -100], [5, 13, 13, 1, 0, -100]]
    with pytest.raises(WrongUse, match="Text 2 has 7 tokens with start and end; a block of 5 takes 6"):
        DocumentRows([document(*[1] * size) for size in (4, 5)], 5)


def test_what_is_given_is_read_and_not_predicted():
    """A prompt of two tokens, and what follows it; a start of two marks, as another family has them."""
    rows = DocumentRows([document(5, 6, 7, 8, given=3), Document(np.array([9, 8, 4, 3], np.int32), 2)], 6)
    taken = rows.take(torch.tensor([0, 1]))
    assert taken["tokens"].tolist() == [[0, 5, 6, 7, 8, 0], [9, 8, 4, 0, 0, 0]]
    assert taken["targets"].tolist() == [[-100, -100, 7, 8, 0, -100], [-100, 4, 3, -100, -100, -100]]


def document(*text, given=1):
    return Document(np.array([0, *text, 0], np.int32), given)


@given(st.lists(st.lists(st.integers(1, 9), max_size=9), min_size=1, max_size=9), st.integers(1, 7))
def test_packed_documents_are_one_stream_with_an_end_between(texts, block):
    rows = PackedRows([document(*text) for text in texts], block)
    stream = [0] + [token for text in texts for token in (*text, 0)]
    whole = rows.take(torch.arange(len(rows)))
    assert whole["tokens"].shape == whole["targets"].shape == (-(-(len(stream) - 1) // block), block)
    assert whole["tokens"].flatten().tolist()[: len(stream) - 1] == stream[:-1]
    kept = whole["targets"].flatten()
    assert kept[kept != NOTHING].tolist() == stream[1:]
    assert kept[: len(stream) - 1].tolist() == stream[1:]


def test_packed_documents_with_another_start_keep_it_and_do_not_predict_it():
    rows = PackedRows([Document(np.array([9, 1, 2, 8], np.int32), 1), Document(np.array([9, 3, 8], np.int32), 1)], 3)
    whole = rows.take(torch.arange(len(rows)))
    assert whole["tokens"].tolist() == [[9, 1, 2], [8, 9, 3]]
    assert whole["targets"].tolist() == [[1, 2, 8], [-100, 3, 8]]


def test_packed_rows_that_predict_nothing_are_left_out():
    """A whole batch of them would have no mean."""
    rows = PackedRows([document(*[1] * 9, given=10), document(2, 3)], 4)
    assert len(rows) == 2
    assert rows.take(torch.tensor([0]))["targets"].tolist() == [[-100, 0, 2, 3]]
    with pytest.raises(WrongUse, match="No token of the texts is to be predicted"):
        PackedRows([], 4)


@given(
    st.lists(st.tuples(st.lists(st.integers(1, 9), max_size=5), st.lists(st.integers(1, 9), max_size=5)), min_size=1),
    st.integers(1, 5),
)
def test_packed_completions_are_each_a_target_once(pairs, block):
    documents = [document(*prompt, *rest, given=1 + len(prompt)) for prompt, rest in pairs]
    batches = held_out(PackedRows(documents, block), {}, 2)
    predicted = torch.cat([each["targets"].flatten() for each in batches])
    assert predicted[predicted != NOTHING].tolist() == [token for _, rest in pairs for token in (*rest, 0)]


def test_lazy_rows_decode_what_is_taken_and_nothing_else():
    images = image_rows(6).images.numpy()

    class Seen(list):
        def __getitem__(self, index):
            asked.append(index)
            return super().__getitem__(index)

    asked = []
    rows = LazyRows(Seen(images), torch.arange(6))
    taken = rows.take(torch.tensor([4, 1]))
    assert asked == [4, 1]
    assert torch.equal(taken["images"], torch.from_numpy(images[[4, 1]]))
    assert taken["labels"].tolist() == [4, 1]
    assert rows.take(torch.tensor([], dtype=torch.int64))["images"].shape == (0, 1, 4, 5)


@pytest.mark.parametrize("workers", [1, 3])
def test_what_is_made_ahead_is_what_is_made_at_once(workers):
    batches = Batches(image_rows(11), spec(augment=AUGMENT), 3)
    ahead = prefetch(lambda step: batches.batch(step)["images"], range(12), 4, workers)
    fresh = Batches(image_rows(11), spec(augment=AUGMENT), 3)
    for step, images in enumerate(ahead):
        assert torch.equal(images, fresh.batch(step)["images"])
    assert step == 11


def test_no_more_is_made_ahead_than_the_depth():
    made = []
    with contextlib.closing(prefetch(lambda step: made.append(step) or step, iter(range(10**9)), depth=3)) as ahead:
        assert [next(ahead) for _ in range(5)] == list(range(5))
        assert made[-1] <= 4 + 3
    assert not [each for each in threading.enumerate() if each.name.startswith("prefetch")]
    assert len(made) <= 8


def test_closing_drops_what_nobody_has_begun(monkeypatch):
    made, closing = [], threading.Event()

    class Watched(ThreadPoolExecutor):
        def shutdown(self, *arguments, **options):
            closing.set()
            super().shutdown(*arguments, **options)

    def make(step):
        made.append(step)
        if step:
            closing.wait(60)

    monkeypatch.setattr("aigc_core.train.data.prefetch.ThreadPoolExecutor", Watched)
    ahead = prefetch(make, range(9), depth=3)
    next(ahead)
    ahead.close()
    assert set(made) <= {0, 1}


def test_what_making_raises_is_raised_at_its_step_and_leaves_no_thread():
    ahead = prefetch(lambda step: 1 // (3 - step), range(9))
    assert [next(ahead) for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(ahead)
    assert not [each for each in threading.enumerate() if each.name.startswith("prefetch")]
