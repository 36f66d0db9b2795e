"""The losses of logits against their closed forms in double precision (DESIGN section 7)."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aigc_core.interfaces import Loss
from aigc_gan.losses import Hinge, LeastSquares, Minimax, NonSaturating, RelativisticAverage, Wasserstein

logits = st.floats(-50, 50)
rows = st.lists(logits, min_size=1, max_size=20)


def nll(logit):
    """-ln of the sigmoid of a logit."""
    return np.logaddexp(0, -logit)


ORACLES = {
    NonSaturating: (lambda r, f: nll(r).mean() + nll(-f).mean(), lambda r, f: nll(f).mean()),
    Minimax: (lambda r, f: nll(r).mean() + nll(-f).mean(), lambda r, f: -nll(-f).mean()),
    LeastSquares: (
        lambda r, f: ((r - 1) ** 2).mean() / 2 + (f**2).mean() / 2,
        lambda r, f: ((f - 1) ** 2).mean() / 2,
    ),
    Hinge: (lambda r, f: np.maximum(0, 1 - r).mean() + np.maximum(0, 1 + f).mean(), lambda r, f: -f.mean()),
    Wasserstein: (lambda r, f: f.mean() - r.mean(), lambda r, f: -f.mean()),
    RelativisticAverage: (
        lambda r, f: nll(r - f.mean()).mean() + nll(r.mean() - f).mean(),
        lambda r, f: nll(f - r.mean()).mean() + nll(f.mean() - r).mean(),
    ),
}
"""Each loss's two parts by numpy, from the papers' definitions."""
NOTHING_KNOWN = {
    NonSaturating: (2 * math.log(2), math.log(2)),
    Minimax: (2 * math.log(2), -math.log(2)),
    LeastSquares: (0.5, 0.5),
    Hinge: (2.0, 0.0),
    Wasserstein: (0.0, 0.0),
    RelativisticAverage: (2 * math.log(2), 2 * math.log(2)),
}
"""Of the discriminator and of the generator, where every logit is 0."""
TARGETS = {LeastSquares: (1.0, 0.0, 1.0)}
"""Where logits beyond a point are drawn back: of real, of fake, of the generator's."""
LOSSES = list(ORACLES)
ROLES = ["discriminator", "generator"]
every_loss = pytest.mark.parametrize("kind", LOSSES, ids=lambda kind: kind.__name__)


def inputs_of(real, fake, dtype=torch.float64):
    return {
        f"{side}_logits": torch.tensor(values, dtype=dtype).view(-1, 1).requires_grad_()
        for side, values in (("real", real), ("fake", fake))
    }


def gradients(kind, role, inputs):
    loss = kind()(role, inputs)["loss"]
    return torch.autograd.grad(loss, [*inputs.values()], allow_unused=True, materialize_grads=True)


@every_loss
class TestEveryLoss:
    def test_is_a_loss(self, kind):
        assert isinstance(kind(), Loss)
        assert set(kind().networks) == set(ROLES)

    @given(real=rows, fake=rows)
    def test_equals_its_definition(self, kind, real, fake):
        inputs = inputs_of(real, fake)
        for role, oracle in zip(ROLES, ORACLES[kind], strict=True):
            expected = oracle(np.array(real), np.array(fake))
            assert kind()(role, inputs)["loss"].item() == pytest.approx(expected, rel=1e-9, abs=1e-12)

    def test_where_nothing_is_known(self, kind):
        for role, expected in zip(ROLES, NOTHING_KNOWN[kind], strict=True):
            assert kind()(role, inputs_of([0.0, 0.0], [0.0]))["loss"].item() == pytest.approx(expected, abs=1e-12)

    @given(real=logits, fake=logits)
    def test_gradients_push_real_up_and_fake_down_and_the_generators_up(self, kind, real, fake):
        inputs = inputs_of([real], [fake])
        targets = TARGETS.get(kind, (math.inf, -math.inf, math.inf))
        up, down = (value.item() for value in gradients(kind, "discriminator", inputs))
        assert up * (real - targets[0]) >= 0 or (math.isinf(targets[0]) and up <= 0)
        assert down * (fake - targets[1]) >= 0 or (math.isinf(targets[1]) and down >= 0)
        wish = gradients(kind, "generator", inputs)[1].item()
        assert wish * (fake - targets[2]) >= 0 or (math.isinf(targets[2]) and wish <= 0)

    @given(real=rows, fake=rows)
    def test_only_what_it_names_is_differentiated(self, kind, real, fake):
        inputs = inputs_of(real, fake)
        for role in ROLES:
            for name, value in zip(inputs, gradients(kind, role, inputs), strict=True):
                assert name in kind.networks[role] or not value.any()

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
    @pytest.mark.parametrize("role", ROLES)
    @pytest.mark.parametrize("real", [50.0, -50.0])
    @pytest.mark.parametrize("fake", [50.0, -50.0])
    def test_right_and_finite_with_finite_gradients_at_logits_of_fifty(self, kind, dtype, role, real, fake):
        inputs = inputs_of([real] * 300, [fake] * 300, dtype)
        total = kind()(role, inputs)["loss"]
        expected = ORACLES[kind][ROLES.index(role)](np.array([real]), np.array([fake]))
        assert total.item() == pytest.approx(expected, rel=1e-6, abs=1e-12)
        exact = gradients(kind, role, inputs_of([real] * 300, [fake] * 300))
        for value, wanted in zip(gradients(kind, role, inputs), exact, strict=True):
            torch.testing.assert_close(value.double(), wanted, rtol=1e-2, atol=1e-6)

    def test_an_unknown_network_is_named(self, kind):
        with pytest.raises(KeyError, match="generatr"):
            kind()("generatr", inputs_of([0.0], [0.0]))

    @pytest.mark.parametrize("role", ROLES)
    def test_a_missing_input_is_named(self, kind, role):
        for name in kind.networks[role]:
            given_ = inputs_of([0.0], [0.0])
            del given_[name]
            with pytest.raises(KeyError, match=name):
                kind()(role, given_)

    def test_the_discriminators_is_the_sum_of_its_named_terms(self, kind):
        terms = kind()("discriminator", inputs_of([0.3, -2.0], [1.5]))
        if "distance" in terms:
            assert terms["loss"].item() == -terms["distance"].item()
        else:
            assert terms["loss"].item() == pytest.approx((terms["real"] + terms["fake"]).item())


def test_where_the_discriminator_wins_only_minimax_loses_its_gradient():
    found = {kind: abs(gradients(kind, "generator", inputs_of([20.0], [-20.0]))[1].item()) for kind in LOSSES}
    assert found.pop(Minimax) < 1e-6
    assert min(found.values()) > 0.9


def test_a_hinge_beyond_its_margin_costs_nothing():
    inputs = inputs_of([1.0, 7.0], [-1.0, -9.0])
    assert Hinge()("discriminator", inputs)["loss"].item() == 0
    assert not any(value.any() for value in gradients(Hinge, "discriminator", inputs))


def test_the_critic_of_slope_one_measures_the_distance_of_two_point_masses():
    """Kantorovich and Rubinstein: the steepest such critic of masses at a and b is the line between them."""
    a, b = torch.tensor([1.0, -2.0], dtype=torch.float64), torch.tensor([4.0, 2.0], dtype=torch.float64)
    critic = (a - b) / (a - b).norm()
    inputs = {"real_logits": (a @ critic).view(1, 1), "fake_logits": (b @ critic).view(1, 1)}
    assert Wasserstein()("discriminator", inputs)["distance"].item() == pytest.approx(5)


@given(st.floats(-20, 20), rows, rows)
def test_a_relativistic_average_knows_no_absolute_score(shift, real, fake):
    for role in ROLES:
        plain, shifted = (
            RelativisticAverage()(role, inputs_of([r + by for r in real], [f + by for f in fake]))["loss"].item()
            for by in (0.0, shift)
        )
        assert shifted == pytest.approx(plain, rel=1e-9, abs=1e-9)


@given(st.lists(st.tuples(logits, logits), min_size=1, max_size=20))
def test_generator_loss_is_bounded_below_by_what_the_discriminator_loss_allows(pairs):
    """G >= -log(1 - exp(-D)) for any batch, by Jensen: a printed pair that breaks it is impossible."""
    inputs = inputs_of(*zip(*pairs, strict=True))
    d = NonSaturating()("discriminator", inputs)["loss"].item()
    g = NonSaturating()("generator", inputs)["loss"].item()
    assert g >= -math.log(-math.expm1(-d)) - 1e-9


# Saboteurs: each mistake of the literature, which the checks above must see.


def naive(role, inputs):
    """Cross-entropy of probabilities: -log of a sigmoid that has rounded to 0."""
    return {"loss": -torch.log(torch.sigmoid(inputs["fake_logits"].float())).mean()}


def test_the_naive_form_is_not_finite_where_ours_is():
    inputs = inputs_of([0.0], [-200.0], torch.float32)
    assert not torch.isfinite(naive("generator", inputs)["loss"])
    assert NonSaturating()("generator", inputs)["loss"].item() == 200


def test_halves_that_are_not_widened_are_wrong():
    wrong = 0.5 * (torch.full((300, 1), -300.0, dtype=torch.float16) - 1).square().mean()
    assert not torch.isfinite(wrong)
    right = LeastSquares()("generator", inputs_of([0.0], [-300.0] * 300, torch.float16))["loss"].item()
    assert right == pytest.approx(301**2 / 2, rel=1e-6)


def swapped(kind):
    class Swapped(kind):
        def __call__(self, network, inputs):
            return super().__call__(
                network, {"real_logits": inputs["fake_logits"], "fake_logits": inputs["real_logits"]}
            )

    return Swapped


@every_loss
def test_sides_that_are_swapped_are_found(kind):
    wrong = swapped(kind)
    inputs = inputs_of([2.0, 3.0], [-1.0])
    expected = ORACLES[kind][0](np.array([2.0, 3.0]), np.array([-1.0]))
    assert wrong()("discriminator", inputs)["loss"].item() != pytest.approx(expected)
    up = torch.autograd.grad(wrong()("discriminator", inputs)["loss"], inputs["real_logits"])[0]
    assert (up > 0).any()
