"""The pool of images: nothing is lost or made up, it is never changed in place, and half of what is shown is old."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aigc_gan.translate.pool import Pool


def numbered(first, count):
    return torch.arange(first, first + count, dtype=torch.float32).view(-1, 1, 1, 1)


def held(pool):
    return [] if pool.images is None else pool.images.flatten().tolist()


@given(st.integers(1, 6), st.lists(st.integers(1, 9), max_size=6), st.integers(0, 99))
def test_what_was_there_and_what_came_is_what_is_there_and_was_shown(size, batches, seed):
    torch.manual_seed(seed)
    pool, first = Pool(size), 0
    for count in batches:
        made = numbered(first, count)
        before = held(pool)
        shown, after = pool.shown(made)
        assert shown.shape == made.shape
        assert held(pool) == before, "it is not changed in place"
        room = min(size - len(before), count)  # these are kept and shown
        both = [*before, *made.flatten().tolist(), *made[:room].flatten().tolist()]
        assert sorted(both) == sorted([*held(after), *shown.flatten().tolist()])
        assert shown[:room].equal(made[:room])
        assert len(held(after)) == min(size, len(before) + count)
        pool, first = after, first + count


def test_half_of_what_is_shown_is_old_once_it_is_full():
    torch.manual_seed(0)
    _, pool = Pool(50).shown(numbered(0, 50))
    old, first = 0, 50
    for _ in range(100):
        shown, pool = pool.shown(numbered(first, 10))
        old += int((shown.flatten() < first).sum())
        first += 10
    assert old / 1000 == pytest.approx(0.5, abs=0.05)


def test_chance_is_torchs_own():
    def run():
        torch.manual_seed(4)
        pool = Pool(2)
        for first in range(0, 30, 3):
            shown, pool = pool.shown(numbered(first, 3))
        return shown.tolist(), held(pool)

    assert run() == run()


def test_gradients_and_types_are_left_behind():
    made = torch.ones(2, 1, 3, 3, dtype=torch.bfloat16, requires_grad=True)
    shown, pool = Pool(5).shown(made)
    assert (shown.dtype, shown.requires_grad, pool.images.requires_grad) == (torch.float32, False, False)
