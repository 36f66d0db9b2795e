"""What the losses of a GAN show to be wrong: never said of honest ones, always of the literature's mistakes."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from aigc_gan.losses import NonSaturating
from aigc_gan.warnings import impossible, least_generator_loss, won

LOGITS = st.lists(st.floats(-60, 60), min_size=1, max_size=20)


def losses(real, fake):
    """Both losses by numpy in double precision, from the definitions: an oracle beside ``aigc_gan.losses``."""
    real, fake = np.asarray(real), np.asarray(fake)
    discriminator = np.logaddexp(0, -real).mean() + np.logaddexp(0, fake).mean()
    return float(discriminator), float(np.logaddexp(0, -fake).mean())


class TestBound:
    def test_closed_forms(self):
        assert least_generator_loss(math.log(2)) == pytest.approx(math.log(2))
        assert least_generator_loss(2 * math.log(2)) == pytest.approx(math.log(4 / 3))

    @given(st.floats(-30, 30))
    def test_it_is_reached_by_one_fake_and_real_data_that_are_known(self, logit):
        discriminator, generator = losses([1e9], [logit])
        assert least_generator_loss(discriminator) == pytest.approx(generator, rel=1e-6, abs=1e-12)

    @given(LOGITS, LOGITS)
    def test_honest_losses_are_never_impossible(self, real, fake):
        assert impossible(*losses(real, fake), tolerance=1e-9) == ""

    @given(LOGITS, LOGITS)
    def test_nor_are_those_of_float32(self, real, fake):
        inputs = {"real_logits": torch.tensor(real).float(), "fake_logits": torch.tensor(fake).float()}
        found = [NonSaturating()(role, inputs)["loss"].item() for role in ("discriminator", "generator")]
        assert impossible(*found, tolerance=1e-3) == ""

    @given(st.lists(st.tuples(LOGITS, LOGITS), min_size=1, max_size=10))
    def test_nor_are_means_over_steps(self, steps):
        means = np.mean([losses(*step) for step in steps], axis=0)
        assert impossible(*means, tolerance=1e-9) == ""

    def test_losses_that_underflow_to_zero_are_honest(self):
        inputs = {"real_logits": torch.full((4,), 500.0), "fake_logits": torch.full((4,), -500.0)}
        found = [NonSaturating()(role, inputs)["loss"].item() for role in ("discriminator", "generator")]
        assert found == [0.0, 500.0]
        assert impossible(*found) == ""

    @pytest.mark.parametrize("pair", [(math.nan, 1.0), (1.0, math.nan), (math.inf, 0.0), (1.0, math.inf)])
    def test_what_is_not_finite_is_for_others_to_say(self, pair):
        assert impossible(*pair) == ""
        assert won(*pair) == ""


class TestSaboteurs:
    def test_a_generator_that_is_scored_on_real_images(self):
        """BCE of the real logits in the place of the fakes': 0.1 where the bound is about 2."""
        discriminator, _ = losses([2.0, 2.5], [-2.0, -2.5])
        _, wrong = losses([0.0], [2.0, 2.5])
        said = impossible(discriminator, wrong)
        assert said.startswith(
            "The generator's loss is 0.1029, but where the discriminator's is 0.2058 it is at least 1."
        )

    def test_a_generator_with_the_label_of_a_fake(self):
        """softplus(fake) in the place of softplus(-fake): it learns to be found out."""
        discriminator, _ = losses([3.0], [-3.0])
        assert impossible(discriminator, float(np.logaddexp(0, -3.0))) != ""

    def test_a_probability_taken_for_a_logit(self):
        """BCE with logits of a sigmoid's output: G lies in [0.31, 0.69], whatever the discriminator knows."""
        discriminator, _ = losses([6.0], [-6.0])
        _, squashed = losses([0.0], [1 / (1 + math.exp(6))])
        assert impossible(discriminator, squashed) != ""

    def test_a_loss_below_zero(self):
        assert impossible(-0.4, 3.0) == ("The discriminator's loss is -0.4, but a cross-entropy is never below 0.")

    def test_the_tolerance_is_a_tolerance(self):
        least = least_generator_loss(1.0)
        assert impossible(1.0, least - 0.009) == ""
        assert impossible(1.0, least - 0.011) != ""


class TestWon:
    def test_a_discriminator_that_knows_everything(self):
        said = won(0.01, 5.2)
        assert said.startswith("The discriminator has won: its loss is 0.01, the generator's 5.2")

    @given(st.floats(0.05, 50), st.floats(0, 50))
    def test_one_that_does_not_has_not_won(self, discriminator, generator):
        assert won(discriminator, generator) == ""

    def test_a_loss_below_zero_is_another_s_fault(self):
        assert won(-0.1, 1.0) == ""


def train(generator_rate, discriminator_rate, steps=150):
    """Train a line onto a normal of two dimensions, both losses from one pass; return the last window's means."""
    torch.manual_seed(0)
    nets = nn.Linear(4, 2), nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 1))
    rates = generator_rate, discriminator_rate
    optimizers = [torch.optim.Adam(net.parameters(), lr) for net, lr in zip(nets, rates, strict=True)]
    loss, window = NonSaturating(), []
    for _ in range(steps):
        fake, real = nets[0](torch.randn(64, 4)), torch.randn(64, 2) + 6
        inputs = {"real_logits": nets[1](real), "fake_logits": nets[1](fake)}
        pair = [loss(role, inputs)["loss"] for role in ("generator", "discriminator")]
        gradients = [
            torch.autograd.grad(each, [*net.parameters()], retain_graph=True)
            for each, net in zip(pair, nets, strict=True)
        ]
        for optimizer, net, found in zip(optimizers, nets, gradients, strict=True):
            for parameter, gradient in zip(net.parameters(), found, strict=True):
                parameter.grad = gradient
            optimizer.step()
        window.append([pair[1].item(), pair[0].item()])
        assert impossible(*window[-1], tolerance=1e-4) == ""
    return np.mean(window[-20:], axis=0)


def test_real_trainings_are_never_impossible_and_only_the_lost_one_is_lost():
    assert won(*train(0.05, 0.005)) == ""
    lost = train(0.0, 0.05)
    assert won(*lost) != ""
    assert impossible(*lost, tolerance=1e-4) == ""
