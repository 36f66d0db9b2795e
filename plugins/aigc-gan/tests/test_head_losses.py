"""Losses of classes, codes, features and pixels, against their closed forms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aigc_core.interfaces import Loss
from aigc_gan.losses import L1, AuxiliaryClassifier, Cycle, FeatureMatching, Identity, MutualInformation

HALVES = [torch.float16, torch.bfloat16, torch.float32]
TEN = torch.arange(10)
seeds = st.integers(0, 1000)


def drawn(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def classified(real, fake, dtype=torch.float64):
    """Inputs whose class logits are certain of the right class by so much."""
    sure = torch.eye(10, dtype=torch.float64)
    return {
        "real_class_logits": (real * sure).to(dtype).requires_grad_(),
        "fake_class_logits": (fake * sure).to(dtype).requires_grad_(),
        "labels": TEN,
        "fake_labels": TEN,
    }


def missed(sure):
    """Cross-entropy of ten classes, of which the right one's logit is higher by so much."""
    return math.log1p(9 * math.exp(-sure))


class TestAuxiliaryClassifier:
    @given(real=st.floats(-50, 50), fake=st.floats(-50, 50), weight=st.floats(0, 10))
    def test_its_closed_form(self, real, fake, weight):
        loss, inputs = AuxiliaryClassifier(weight), classified(real, fake)
        both = weight * (missed(real) + missed(fake))
        assert loss("discriminator", inputs)["loss"].item() == pytest.approx(both, rel=1e-9, abs=1e-12)
        assert loss("generator", inputs)["loss"].item() == pytest.approx(weight * missed(fake), rel=1e-9, abs=1e-12)

    @pytest.mark.parametrize("dtype", HALVES)
    @pytest.mark.parametrize("sure", [50.0, -50.0])
    def test_finite_at_fifty(self, dtype, sure):
        inputs = classified(sure, sure, dtype)
        total = AuxiliaryClassifier()("discriminator", inputs)["loss"]
        total.backward()
        assert total.item() == pytest.approx(2 * missed(sure), rel=1e-6, abs=1e-12)
        assert all(torch.isfinite(inputs[f"{side}_class_logits"].grad).all() for side in ("real", "fake"))

    def test_the_right_class_is_pushed_up(self):
        inputs = classified(0.0, 0.0)
        AuxiliaryClassifier()("discriminator", inputs)["loss"].backward()
        for side in ("real", "fake"):
            grad = inputs[f"{side}_class_logits"].grad
            assert (grad.diagonal() < 0).all()
            assert (grad - torch.diag(grad.diagonal()) >= 0).all()

    def test_the_generators_part_does_not_look_at_real_images(self):
        inputs = classified(1.0, 2.0)
        AuxiliaryClassifier()("generator", {name: inputs[name] for name in ("fake_class_logits", "fake_labels")})
        assert inputs["real_class_logits"].grad is None

    def test_labels_of_the_other_side_are_found(self):
        """Saboteur."""
        inputs = classified(3.0, 3.0)
        inputs["fake_labels"] = inputs["labels"].roll(1)
        assert AuxiliaryClassifier()("discriminator", inputs)["loss"].item() != pytest.approx(2 * missed(3.0))


def coded(rows=10, values=2, sure=0.0, mean=None, log_variance=0.0, dtype=torch.float64):
    codes = drawn(5, rows, values).clamp(-1, 1)
    return {
        "code_class": torch.arange(rows) % 10,
        "code_class_logits": (sure * torch.eye(10, dtype=torch.float64)[torch.arange(rows) % 10]).to(dtype),
        "code_values": codes.to(dtype),
        "code_mean": (codes if mean is None else torch.full_like(codes, mean)).to(dtype),
        "code_log_variance": torch.full_like(codes, log_variance).to(dtype),
    }


class TestMutualInformation:
    @pytest.mark.parametrize("role", ["discriminator", "generator"])
    @given(sure=st.floats(-50, 50), seed=seeds)
    def test_its_definition(self, role, sure, seed):
        inputs = coded(sure=sure) | {"code_mean": drawn(seed, 10, 2), "code_log_variance": drawn(seed + 1, 10, 2)}
        normal = stats.norm(inputs["code_mean"].numpy(), np.exp(inputs["code_log_variance"].numpy() / 2))
        values = -normal.logpdf(inputs["code_values"].numpy()).sum(1).mean()
        terms = MutualInformation(2.0, 0.5)(role, inputs)
        assert terms["loss"].item() == pytest.approx(2 * missed(sure) + 0.5 * values, rel=1e-9)
        assert terms["class_bound"].item() == pytest.approx(math.log(10) - missed(sure), rel=1e-9, abs=1e-9)
        assert terms["value_bound"].item() == pytest.approx(2 * math.log(2) - values, rel=1e-9, abs=1e-9)

    @given(seed=seeds)
    def test_the_bound_is_never_above_the_entropy_of_the_code(self, seed):
        inputs = coded() | {"code_class_logits": 30 * drawn(seed, 10, 10)}
        assert MutualInformation()("generator", inputs)["class_bound"].item() <= math.log(10) + 1e-12

    def test_a_code_that_is_read_off_reaches_it_and_one_that_is_not_tells_nothing(self):
        assert MutualInformation()("generator", coded(sure=50))["class_bound"].item() == pytest.approx(math.log(10))
        assert MutualInformation()("generator", coded(sure=0))["class_bound"].item() == pytest.approx(0, abs=1e-12)

    def test_values_of_which_nothing_is_known_tell_less_than_nothing_by_the_normals_misfit(self):
        """The best normal for uniforms has variance 1/3: KL(uniform | normal) = ln(2 pi e / 3) / 2 - ln 2 each."""
        uniform = (torch.arange(100_000, dtype=torch.float64) + 0.5).view(-1, 1) / 50_000 - 1
        inputs = coded(len(uniform), 1) | {"code_values": uniform, "code_mean": torch.zeros_like(uniform)}
        inputs["code_log_variance"] = torch.full_like(uniform, -math.log(3))
        expected = math.log(2) - 0.5 * math.log(2 * math.pi * math.e / 3)
        assert MutualInformation()("generator", inputs)["value_bound"].item() == pytest.approx(expected, abs=1e-6)

    def test_no_values_are_no_loss(self):
        terms = MutualInformation()("generator", coded(values=0, sure=1.0))
        assert terms["loss"].item() == pytest.approx(missed(1.0))
        assert terms["value_bound"].item() == 0

    @pytest.mark.parametrize("dtype", HALVES)
    @pytest.mark.parametrize("number", [50.0, -50.0])
    def test_finite_at_fifty(self, dtype, number):
        inputs = coded(sure=number, mean=number, log_variance=number, dtype=dtype)
        read = ("code_class_logits", "code_mean", "code_log_variance")
        for name in read:
            inputs[name].requires_grad_()
        total = MutualInformation()("generator", inputs)["loss"]
        grads = torch.autograd.grad(total, [inputs[name] for name in read])
        assert torch.isfinite(total)
        # 2,500 e^50 is no half, and that is what the slope by the log variance is.
        assert dtype == torch.float16 or all(torch.isfinite(each).all() for each in grads)

    def test_a_network_that_it_is_not_for_is_named(self):
        with pytest.raises(KeyError, match="critic"):
            MutualInformation()("critic", coded())

    def test_a_standard_deviation_taken_for_a_log_variance_is_found(self):
        """Saboteur."""
        inputs = coded(mean=0.3)
        right = MutualInformation()("generator", inputs)["loss"].item()
        inputs["code_log_variance"] = torch.ones_like(inputs["code_log_variance"])
        assert MutualInformation()("generator", inputs)["loss"].item() != pytest.approx(right)


class TestFeatureMatching:
    @given(seed=seeds, weight=st.floats(0, 10))
    def test_its_definition(self, seed, weight):
        real, fake = drawn(seed, 7, 5), drawn(seed + 1, 4, 5)
        expected = weight * np.square(real.numpy().mean(0) - fake.numpy().mean(0)).sum()
        found = FeatureMatching(weight)("generator", {"real_features": real, "fake_features": fake})["loss"].item()
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)

    def test_equal_means_cost_nothing_and_real_features_stand_still(self):
        real = drawn(1, 6, 5).requires_grad_()
        fake = real.detach().flip(0).requires_grad_()
        total = FeatureMatching()("generator", {"real_features": real, "fake_features": fake})["loss"]
        total.backward()
        assert total.item() == pytest.approx(0, abs=1e-20)
        assert real.grad is None

    def test_a_step_against_the_gradient_comes_nearer(self):
        real, fake = drawn(1, 6, 5), drawn(2, 6, 5).requires_grad_()
        before = FeatureMatching()("generator", {"real_features": real, "fake_features": fake})["loss"]
        (grad,) = torch.autograd.grad(before, fake)
        after = FeatureMatching()("generator", {"real_features": real, "fake_features": fake - 0.1 * grad})["loss"]
        assert after < before

    @pytest.mark.parametrize("dtype", HALVES)
    def test_finite_at_fifty(self, dtype):
        inputs = {"real_features": torch.full((300, 600), 50.0, dtype=dtype)}
        inputs["fake_features"] = torch.full((300, 600), -50.0, dtype=dtype, requires_grad=True)
        total = FeatureMatching()("generator", inputs)["loss"]
        total.backward()
        assert total.item() == pytest.approx(600 * 100**2)
        assert torch.isfinite(inputs["fake_features"].grad).all()

    def test_it_is_the_generators_alone(self):
        with pytest.raises(KeyError, match="discriminator"):
            FeatureMatching()("discriminator", {"real_features": drawn(1, 2, 2), "fake_features": drawn(2, 2, 2)})


PIXELS = {L1: ("wanted", "made", 100.0), Cycle: ("source", "cycled", 10.0), Identity: ("source", "kept", 5.0)}


@pytest.mark.parametrize("kind", PIXELS)
class TestPixels:
    def test_is_a_loss_of_the_generator(self, kind):
        assert isinstance(kind(), Loss)
        assert kind.networks == {"generator": PIXELS[kind][:2]}

    @given(seed=seeds, weight=st.floats(0, 200))
    def test_its_definition(self, kind, seed, weight):
        one, other = drawn(seed, 2, 3, 4, 4), drawn(seed + 1, 2, 3, 4, 4)
        inputs = dict(zip(PIXELS[kind][:2], (one, other), strict=True))
        terms = kind(weight)("generator", inputs)
        expected = np.abs(one.numpy() - other.numpy()).mean()
        assert terms["difference"].item() == pytest.approx(expected, rel=1e-12)
        assert terms["loss"].item() == pytest.approx(weight * expected, rel=1e-12)

    def test_its_papers_weight_and_nothing_for_equal_images(self, kind):
        one = drawn(1, 1, 1, 2, 2)
        first, second, usual = PIXELS[kind]
        assert kind()("generator", {first: one, second: one + 1})["loss"].item() == pytest.approx(usual)
        assert kind()("generator", {first: one, second: one})["loss"].item() == 0

    def test_a_step_against_the_gradient_comes_nearer(self, kind):
        first, second, _ = PIXELS[kind]
        made = torch.tensor([[-0.5, 0.5]], requires_grad=True)
        kind()("generator", {first: torch.zeros(1, 2), second: made})["loss"].backward()
        assert made.grad[0, 0] < 0 < made.grad[0, 1]

    @pytest.mark.parametrize("dtype", HALVES)
    def test_finite_at_fifty(self, kind, dtype):
        first, second, usual = PIXELS[kind]
        made = torch.full((2, 3, 64, 64), -50.0, dtype=dtype, requires_grad=True)
        total = kind()("generator", {first: torch.full_like(made, 50.0).detach(), second: made})["loss"]
        total.backward()
        assert total.item() == pytest.approx(usual * 100)
        assert torch.isfinite(made.grad).all()

    def test_what_it_is_not_for_is_named(self, kind):
        with pytest.raises(KeyError, match="discriminator"):
            kind()("discriminator", {})
        with pytest.raises(KeyError, match=PIXELS[kind][0]):
            kind()("generator", {})

    def test_a_mean_that_lets_differences_cancel_is_found(self, kind):
        """Saboteur: |mean(a - b)| in the place of mean |a - b|."""
        one, other = torch.tensor([[1.0, -1.0]]), torch.zeros(1, 2)
        assert (one - other).mean().abs().item() == 0
        assert kind(1.0)("generator", dict(zip(PIXELS[kind][:2], (one, other), strict=True)))["loss"].item() == 1


@pytest.mark.parametrize("kind", [AuxiliaryClassifier, FeatureMatching, *PIXELS])
def test_a_weight_that_is_none_is_refused(kind):
    with pytest.raises(ValueError, match="weight is -1; it is a number from 0 up"):
        kind(weight=-1)
