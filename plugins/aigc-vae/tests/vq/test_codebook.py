"""The codebook: nearest entries, the straight-through gradient, moving means by a plain reference, revival."""

import math
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from aigc_vae.vq.codebook import Codebook, Coded, straight_through

DECAY = 0.9


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def filled(codes=5, dim=3):
    """A codebook in the middle of a training: every entry is in use."""
    made = Codebook(codes, dim)
    made.entries.copy_(normal(codes, dim, seed=7))
    made.uses.copy_(torch.arange(codes) + 2.0)
    return made


def coded(codebook, count=40, seed=3):
    vectors = normal(count, codebook.entries.shape[1], seed=seed)
    return Coded(vectors, codebook.nearest(vectors))


# Nearest.


@given(st.integers(1, 9), st.integers(1, 6), st.integers(0, 99))
def test_the_nearest_entry_is_that_of_a_search_one_by_one(codes, dim, seed):
    codebook, vectors = Codebook(codes, dim), normal(2, 4, dim, seed=seed)
    codebook.entries.copy_(normal(codes, dim, seed=seed + 100))
    found = codebook.nearest(vectors)
    assert found.shape == (2, 4)
    for vector, code in zip(vectors.reshape(-1, dim), found.flatten(), strict=True):
        distances = [math.dist(vector.tolist(), entry.tolist()) for entry in codebook.entries]
        assert distances[code] == pytest.approx(min(distances), rel=1e-4, abs=1e-5)


def test_of_equally_near_entries_it_is_the_first():
    codebook = Codebook(3, 2)
    codebook.entries.copy_(torch.tensor([[5.0, 5.0], [1.0, 1.0], [1.0, 1.0]]))
    assert codebook.nearest(torch.zeros(4, 2)).tolist() == [1, 1, 1, 1]


def test_an_entry_is_its_own_code():
    codebook = filled()
    assert torch.equal(codebook.nearest(codebook.entries), torch.arange(5))
    assert torch.equal(codebook.look_up(torch.tensor([[3, 1]])), codebook.entries[[3, 1]][None])


def test_low_precision_around_it_does_not_change_the_codes():
    codebook, vectors = Codebook(64, 8), normal(500, 8)
    exact = codebook.nearest(vectors)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(codebook.nearest(vectors), exact)


# Straight through.


def test_the_gradient_goes_straight_through():
    """In closed form: of any function of the entries, the vectors get the gradient that the entries would."""
    vectors, entries = normal(4, 3).requires_grad_(), normal(4, 3, seed=1).requires_grad_()
    weights = normal(4, 3, seed=2)
    (straight_through(vectors, entries).sin() * weights).sum().backward()
    torch.testing.assert_close(vectors.grad, entries.detach().cos() * weights)
    assert entries.grad is None


def test_what_goes_on_is_the_entry_to_the_bit():
    vectors, entries = 1e4 * normal(50, 3), 1e-4 * normal(50, 3, seed=1)
    assert torch.equal(straight_through(vectors, entries), entries)
    assert not torch.equal(vectors + (entries - vectors), entries)  # as it is usually written


# Moving means.


def reference(counts, sums, vectors, codes):
    """Appendix A.1, entry by entry, with N and m kept."""
    made = []
    for code in range(len(counts)):
        mine = [vector for vector, other in zip(vectors.tolist(), codes.tolist(), strict=True) if other == code]
        counts[code] = DECAY * counts[code] + (1 - DECAY) * len(mine)
        for axis in range(len(sums[code])):
            sums[code][axis] = DECAY * sums[code][axis] + (1 - DECAY) * sum(vector[axis] for vector in mine)
        made.append([value / counts[code] for value in sums[code]])
    return made


def test_the_entries_follow_the_moving_means_of_the_appendix():
    codebook = filled()
    counts = codebook.uses.double().tolist()
    sums = (codebook.entries * codebook.uses[:, None]).double().tolist()
    for seed in range(20):
        seen = coded(codebook, seed=seed)
        expected = reference(counts, sums, *seen)
        codebook.follow(seen, DECAY, 0.0)
        torch.testing.assert_close(codebook.entries, torch.tensor(expected), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(codebook.uses, torch.tensor(counts, dtype=torch.float32))


def test_an_entry_that_forgets_at_once_is_the_mean_of_its_vectors():
    codebook = filled()
    seen = coded(codebook)
    codebook.follow(seen, 0.0, 0.0)
    for code in seen.codes.unique():
        torch.testing.assert_close(codebook.entries[code], seen.vectors[seen.codes == code].mean(0))


def test_an_entry_that_nothing_used_stays_where_it_is():
    codebook = filled()
    before = codebook.entries[4].clone()
    seen = coded(codebook)
    codebook.follow(Coded(seen.vectors, seen.codes.clamp(max=3)), DECAY, 0.0)
    assert torch.equal(codebook.entries[4], before)
    assert codebook.uses[4] == pytest.approx(6 * DECAY)


# Revival.


def test_the_first_step_puts_every_entry_on_what_the_encoder_made():
    torch.manual_seed(0)
    codebook, vectors = Codebook(6, 2), 100 + normal(30, 2)
    codebook.follow(Coded(vectors, torch.zeros(30, dtype=torch.int64)), DECAY, 0.03)
    torch.testing.assert_close(codebook.entries[0], vectors.mean(0))
    assert all((vectors == entry).all(1).any() for entry in codebook.entries[1:])
    assert len({tuple(entry) for entry in codebook.entries.tolist()}) > 3


@pytest.mark.parametrize(("revive", "dead"), [(0.1, {0, 2}), (0.0, set())])
def test_only_dead_entries_are_put_elsewhere(revive, dead):
    codebook = filled()
    codebook.uses.copy_(torch.tensor([0.01, 5.0, 0.02, 5.0, 5.0]))
    before = codebook.entries.clone()
    # What they code now goes to entries 1, 3 and 4, at where these are: so they do not move.
    codes = torch.tensor([1, 3, 4, 1, 3, 4, 1])
    torch.manual_seed(0)
    codebook.follow(Coded(codebook.entries[codes], codes), DECAY, revive)
    moved = {code for code in range(5) if not torch.allclose(codebook.entries[code], before[code], atol=1e-6)}
    assert moved == dead
    for code in dead:
        assert any(torch.equal(codebook.entries[code], before[other]) for other in (1, 3, 4))
        assert codebook.uses[code] > revive * codebook.uses.mean()


def test_an_entry_that_was_revived_has_some_steps_to_be_used_in():
    codebook = filled()
    codebook.uses.copy_(torch.tensor([0.0, 5.0, 5.0, 5.0, 5.0]))
    away = Coded(codebook.entries[1:].repeat(5, 1), torch.arange(1, 5).repeat(5))
    codebook.follow(away, 0.99, 0.03)
    revived, lived = codebook.entries[0].clone(), 0
    while torch.equal(codebook.entries[0], revived) and lived < 200:
        codebook.follow(away, 0.99, 0.03)
        lived += 1
    assert lived == pytest.approx(math.log(2) / -math.log(0.99), abs=3)


def test_revival_draws_from_the_global_generator_alone():
    entries = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        codebook, seen = filled(), coded(filled(), seed=3)
        codebook.uses[0] = -100.0
        codebook.follow(seen, DECAY, 0.03)
        entries.append(codebook.entries)
    assert torch.equal(entries[0], entries[1])
    assert not torch.equal(entries[0], entries[2])


# What is told of its use.


@pytest.mark.parametrize(
    ("uses", "perplexity"), [([1, 1, 1, 1], 4), ([5, 0, 0, 0], 1), ([2, 2, 0, 0], 2), ([0, 0, 0, 0], 1)]
)
def test_the_perplexity_has_its_closed_form(uses, perplexity):
    codebook = Codebook(4, 2)
    codebook.uses.copy_(torch.tensor(uses))
    assert codebook.perplexity().item() == pytest.approx(perplexity)


def test_what_was_only_put_elsewhere_is_not_in_use():
    codebook = filled()
    assert codebook.used(0.03).item() == 1
    codebook.uses[:2] = 0.0
    seen = Coded(codebook.entries[2:], torch.tensor([2, 3, 4]))
    codebook.follow(seen, DECAY, 0.03)
    assert codebook.used(0.03).item() == pytest.approx(3 / 5)


# Ranks.

RANK = """
import sys
import torch
import torch.distributed as dist
from safetensors.torch import save_file
from aigc_vae.vq.codebook import Coded, Codebook

rank, folder = int(sys.argv[1]), sys.argv[2]
torch.manual_seed(0)
codebook, vectors = Codebook(6, 3), torch.randn(20, 3)
codes = codebook.nearest(vectors).clamp(max=3)  # 4 and 5 are dead
if sys.argv[3] == "two":
    dist.init_process_group("gloo", init_method=f"file://{folder}/group", rank=rank, world_size=2)
    vectors, codes = (each.split([8, 12])[rank] for each in (vectors, codes))
torch.manual_seed(5 + rank)
codebook.follow(Coded(vectors, codes), 0.9, 0.03)
save_file(codebook.state_dict(), f"{folder}/{sys.argv[3]}.{rank}")
"""


@pytest.mark.slow
def test_ranks_keep_one_codebook_which_is_that_of_the_whole_batch(tmp_path):
    started = [
        subprocess.Popen([sys.executable, "-c", RANK, str(rank), str(tmp_path), how])
        for rank, how in ((0, "one"), (0, "two"), (1, "two"))
    ]
    assert [process.wait(120) for process in started] == [0, 0, 0]
    whole, first, second = (load_file(tmp_path / name) for name in ("one.0", "two.0", "two.1"))
    assert all(torch.equal(first[name], second[name]) for name in first)
    torch.testing.assert_close(first["uses"], whole["uses"])
    torch.testing.assert_close(first["entries"][:4], whole["entries"][:4])
    assert not torch.equal(first["entries"][4:], Codebook(6, 3).entries[4:])
