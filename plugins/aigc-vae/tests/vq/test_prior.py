"""The prior: causal, normed, equal with and without its cache, and sampled by the inverse of its distribution."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aigc_vae.vq.prior import Block, CodePrior, chosen


def prior(codes=5, length=6, width=8, layers=2, heads=2):
    """A prior with random weights, large enough to say something."""
    torch.manual_seed(1)
    made = CodePrior(codes, length, width, layers, heads)
    with torch.no_grad():
        for value in made.parameters():
            value.add_(0.5 * torch.randn_like(value))
    return made.requires_grad_(False).eval()


def some_codes(count=4, length=6, codes=5):
    return torch.randint(codes, (count, length), generator=torch.Generator().manual_seed(2))


def depends_on_the_past_alone(made):
    codes = some_codes()
    before = made(codes)
    for place in range(6):
        other = codes.clone()
        other[:, place] = (other[:, place] + 1) % 5
        apart = (made(other) - before).abs().amax((0, 2))
        if apart[: place + 1].max() > 0 or (apart[place + 1 :] == 0).any():
            return False
    return True


def test_a_code_depends_on_those_before_it_and_on_all_of_them():
    assert depends_on_the_past_alone(prior())


def test_attention_to_everything_is_found(monkeypatch):
    """Saboteur: without the mask a code would see itself."""
    from aigc_vae.vq import prior as module

    real = module.scaled_dot_product_attention
    monkeypatch.setattr(module, "scaled_dot_product_attention", lambda q, k, v, is_causal: real(q, k, v))
    assert not depends_on_the_past_alone(prior())


def test_a_row_depends_on_itself_alone():
    made, codes = prior(), some_codes()
    other = codes.clone()
    other[1:] = 0
    assert torch.equal(made(codes)[0], made(other)[0])


def total(made):
    outcomes = torch.tensor(list(itertools.product(range(3), repeat=4)))
    return made.log_prob(outcomes).double().sum(1).exp().sum().item()


def test_the_probabilities_of_all_outcomes_add_up_to_one():
    assert total(prior(codes=3, length=4)) == pytest.approx(1, abs=1e-5)


def test_a_code_that_sees_itself_misses_that_sum(monkeypatch):
    """Saboteur: not one place too far."""
    monkeypatch.setattr(CodePrior, "forward", lambda self, codes: self.logits(self.norm(self.token(codes))))
    assert total(prior(codes=3, length=4)) != pytest.approx(1, abs=1e-3)


def test_the_log_probability_is_that_of_each_code():
    made, codes = prior(), some_codes()
    expected = made(codes).log_softmax(-1).gather(2, codes[..., None])[..., 0]
    torch.testing.assert_close(made.log_prob(codes), expected)
    assert made.log_prob(codes).shape == (4, 6)


def without_cache(made, uniform, temperature=1.0):
    codes = torch.zeros(uniform.shape, dtype=torch.int64)
    for place in range(uniform.shape[1]):
        codes[:, place] = chosen(made(codes)[:, place], uniform[:, place], temperature)
    return codes


def uniforms(count=50, length=6, seed=4):
    return torch.rand(count, length, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_with_its_cache_it_samples_as_without(temperature):
    made = prior()
    found = made.sample(uniforms(), temperature)
    assert torch.equal(found, without_cache(made, uniforms(), temperature))
    assert found.dtype == torch.int64
    assert len(found.unique(dim=0)) > 20


def test_with_its_cache_a_block_computes_the_same(monkeypatch):
    """Of logits and not of choices alone: each place's input is what the cache makes of the places before."""
    made, seen = prior(), []
    real = Block.forward
    monkeypatch.setattr(Block, "forward", lambda self, x, cache=None: seen.append(y := real(self, x, cache)) or y)
    codes = made.sample(uniforms())
    cached = torch.cat(seen[1::2], 1)
    seen.clear()
    made(codes)
    torch.testing.assert_close(cached, seen[1], rtol=1e-4, atol=1e-5)


def test_a_cache_that_forgets_is_found(monkeypatch):
    """Saboteur."""
    from aigc_vae.vq.prior import Cache

    monkeypatch.setattr(Cache, "add", lambda self, key, value: (key, value))
    made = prior()
    assert not torch.equal(made.sample(uniforms()), without_cache(made, uniforms()))


def test_a_sample_depends_on_its_own_noise_alone():
    made, other = prior(), uniforms(seed=5)
    other[7] = uniforms()[7]
    assert torch.equal(made.sample(uniforms())[7], made.sample(other)[7])


def test_a_code_depends_on_the_noise_up_to_its_place():
    made, other = prior(), uniforms()
    other[:, 3:] = uniforms(seed=5)[:, 3:]
    assert torch.equal(made.sample(uniforms())[:, :3], made.sample(other)[:, :3])


def test_samples_are_as_frequent_as_they_are_likely():
    made = prior(codes=3, length=2)
    found = made.sample(uniforms(40_000, 2))
    outcomes = torch.tensor(list(itertools.product(range(3), repeat=2)))
    expected = made.log_prob(outcomes).double().sum(1).exp()
    counts = torch.stack([(found == outcome).all(1).double().mean() for outcome in outcomes])
    assert ((counts - expected).abs() < 5 * (expected / 40_000).sqrt()).all()


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=9), st.floats(0, 1, exclude_max=True, width=32))
def test_the_choice_is_the_inverse_of_the_distribution(logits, uniform):
    found = int(chosen(torch.tensor([logits]), torch.tensor([uniform]))[0])
    exact = np.exp(np.array(logits) - max(logits))
    sums = np.cumsum(exact / exact.sum())
    low = sums[found - 1] if found else 0.0
    assert 0 <= found < len(logits)
    assert low - 1e-5 <= uniform <= sums[found] + 1e-5


def test_what_cannot_be_is_never_chosen():
    logits = torch.tensor([[-torch.inf, 0.0, -torch.inf]])
    assert [int(chosen(logits, torch.tensor([value]))) for value in (0.0, 0.5, 1 - 2**-24)] == [1, 1, 1]


def test_a_low_temperature_chooses_the_likeliest():
    logits = torch.tensor([[0.0, 1.0, 0.9]]).expand(20, -1)
    assert chosen(logits, uniforms(20, 1)[:, 0], 0.001).unique().tolist() == [1]


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValueError, match="8 cannot be shared by 3 heads"):
        CodePrior(5, 6, 8, 1, 3)
