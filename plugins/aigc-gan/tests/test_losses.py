"""Both losses against their closed forms (arXiv 1406.2661, section 4; DESIGN section 7)."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aigc_core.interfaces import Loss
from aigc_gan.losses import Minimax, NonSaturating

LOSSES = [NonSaturating(), Minimax()]
logits = st.floats(-50, 50)


def value(loss, network, real=0.0, fake=0.0, dtype=torch.float64):
    inputs = {"real_logits": torch.tensor([[real]], dtype=dtype), "fake_logits": torch.tensor([[fake]], dtype=dtype)}
    return loss(network, inputs)["loss"].item()


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
class TestEveryLoss:
    def test_is_a_loss(self, loss):
        assert isinstance(loss, Loss)
        assert set(loss.networks) == {"generator", "discriminator"}

    def test_discriminator_at_equilibrium_is_two_ln_two(self, loss):
        assert value(loss, "discriminator") == pytest.approx(2 * math.log(2), rel=1e-12)

    def test_discriminator_is_the_sum_of_its_named_terms(self, loss):
        inputs = {"real_logits": torch.randn(5, 1), "fake_logits": torch.randn(5, 1)}
        terms = loss("discriminator", inputs)
        assert terms["loss"].item() == pytest.approx((terms["real"] + terms["fake"]).item())

    @given(real=logits, fake=logits)
    def test_discriminator_equals_binary_cross_entropy_of_probabilities(self, loss, real, fake):
        # The naive form in float64, where 1 - sigmoid(50) is still exact enough: log1p(exp(l)) written out.
        expected = math.log1p(math.exp(-real)) + math.log1p(math.exp(fake))
        assert value(loss, "discriminator", real, fake) == pytest.approx(expected, rel=1e-9, abs=1e-12)

    @given(real=logits, fake=logits)
    def test_gradient_pushes_real_up_and_fake_down(self, loss, real, fake):
        inputs = {
            name: torch.tensor([[number]], dtype=torch.float64, requires_grad=True)
            for name, number in (("real_logits", real), ("fake_logits", fake))
        }
        loss("discriminator", inputs)["loss"].backward()
        assert inputs["real_logits"].grad.item() <= 0 <= inputs["fake_logits"].grad.item()
        generated = torch.tensor([[fake]], dtype=torch.float64, requires_grad=True)
        loss("generator", {"fake_logits": generated})["loss"].backward()
        assert generated.grad.item() <= 0, "the generator must want its samples to be called real"

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
    @pytest.mark.parametrize("network", ["generator", "discriminator"])
    @pytest.mark.parametrize("sign", [1, -1])
    def test_finite_with_finite_gradient_at_logits_of_fifty(self, loss, dtype, network, sign):
        inputs = {
            name: torch.full((3, 1), 50.0 * sign, dtype=dtype, requires_grad=True)
            for name in ("real_logits", "fake_logits")
        }
        total = loss(network, inputs)["loss"]
        total.backward()
        assert torch.isfinite(total)
        assert all(torch.isfinite(tensor.grad).all() for tensor in inputs.values() if tensor.grad is not None)

    def test_an_unknown_network_is_named(self, loss):
        with pytest.raises(KeyError, match="generatr"):
            loss("generatr", {"real_logits": torch.zeros(1, 1), "fake_logits": torch.zeros(1, 1)})

    def test_a_missing_input_is_named(self, loss):
        with pytest.raises(KeyError, match="fake_logits"):
            loss("generator", {"real_logits": torch.zeros(1, 1)})


def test_non_saturating_generator_at_equilibrium_is_ln_two():
    assert value(NonSaturating(), "generator") == pytest.approx(math.log(2), rel=1e-12)


def test_minimax_generator_at_equilibrium_is_minus_ln_two():
    assert value(Minimax(), "generator") == pytest.approx(-math.log(2), rel=1e-12)


@given(fake=logits)
def test_minimax_generator_is_the_negative_of_the_discriminators_fake_term(fake):
    assert value(Minimax(), "generator", fake=fake) == pytest.approx(-math.log1p(math.exp(fake)), rel=1e-9)


def test_where_the_discriminator_wins_only_minimax_loses_its_gradient():
    gradients = {}
    for loss in LOSSES:
        fake = torch.tensor([[-20.0]], dtype=torch.float64, requires_grad=True)
        loss("generator", {"fake_logits": fake})["loss"].backward()
        gradients[type(loss)] = abs(fake.grad.item())
    assert gradients[NonSaturating] == pytest.approx(1, abs=1e-6)
    assert gradients[Minimax] < 1e-6


@given(st.lists(st.tuples(logits, logits), min_size=1, max_size=20))
def test_generator_loss_is_bounded_below_by_what_the_discriminator_loss_allows(pairs):
    """G >= -log(1 - exp(-D)) for any batch, by Jensen: a printed pair that breaks it is impossible."""
    real, fake = (torch.tensor([pair[side] for pair in pairs], dtype=torch.float64) for side in (0, 1))
    inputs = {"real_logits": real, "fake_logits": fake}
    d = NonSaturating()("discriminator", inputs)["loss"].item()
    g = NonSaturating()("generator", inputs)["loss"].item()
    assert g >= -math.log(-math.expm1(-d)) - 1e-9
