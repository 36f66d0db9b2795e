"""Penalties on gradients: their closed forms, and the gradients that a discriminator's pass gives them."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from aigc_core.interfaces import Loss
from aigc_gan import judged as module
from aigc_gan.judged import Seen, judged
from aigc_gan.losses import R1, R2, Dragan, GradientPenalty

UNIT = [GradientPenalty, Dragan]
FLAT = [R1, R2]
KINDS = [*UNIT, *FLAT]
GRADIENTS = ["real_gradients", "fake_gradients", "mixed_gradients", "near_gradients"]
WIDTH = 6


def name_of(kind):
    (name,) = kind.networks["discriminator"]
    return name


def value(kind, gradients, **config):
    return kind(**config)("discriminator", {name_of(kind): gradients})["loss"]


def slopes(length, rows=4, width=9, dtype=torch.float64):
    """Gradients of a length, in directions of their own."""
    drawn = torch.randn(rows, width, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return (drawn / drawn.norm(dim=1, keepdim=True) * length).to(dtype)


@pytest.mark.parametrize("kind", KINDS)
def test_is_a_loss_of_the_discriminator(kind):
    assert isinstance(kind(), Loss)
    assert set(kind.networks) == {"discriminator"}
    with pytest.raises(KeyError, match="generator"):
        kind()("generator", {name_of(kind): slopes(1.0)})
    with pytest.raises(KeyError, match=name_of(kind)):
        kind()("discriminator", {})


@pytest.mark.parametrize("kind", UNIT)
@given(length=st.floats(0, 50), weight=st.floats(0, 100))
def test_a_slope_costs_the_square_of_what_it_is_off_one(kind, length, weight):
    expected = weight * (length - 1) ** 2
    assert value(kind, slopes(length), weight=weight).item() == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("kind", FLAT)
@given(length=st.floats(0, 50), gamma=st.floats(0, 100))
def test_a_slope_costs_half_of_gamma_times_its_square(kind, length, gamma):
    assert value(kind, slopes(length), gamma=gamma).item() == pytest.approx(gamma * length**2 / 2, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("kind", UNIT)
def test_the_papers_weights_are_the_usual_ones(kind):
    assert value(kind, slopes(3.0)).item() == pytest.approx(10 * 4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("number", [50.0, -50.0, 0.0])
def test_finite_with_finite_gradients_at_fifty_and_at_nothing(kind, dtype, number):
    given_ = torch.full((3, 784), number, dtype=dtype, requires_grad=True)
    total = value(kind, given_)
    total.backward()
    length = abs(number) * 28
    assert total.item() == pytest.approx(10 * (length - 1) ** 2 if kind in UNIT else 5 * length**2, rel=1e-5)
    assert torch.isfinite(given_.grad).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [-1, math.inf, math.nan, "1", True, None])
def test_a_weight_that_is_none_is_refused(kind, number):
    with pytest.raises(ValueError, match="is a number from 0 up"):
        kind(number)


# The gradients themselves, against the gradient of each row alone.


class Judge(nn.Module):
    """Two layers and a curve: no gradient is like another."""

    def __init__(self, classes=0):
        super().__init__()
        torch.manual_seed(3)
        self.hidden, self.score = nn.Linear(WIDTH, 8), nn.Linear(8, 1)
        self.embed = nn.Embedding(classes, 8) if classes else None
        self.double()
        self.seen = []

    def forward(self, images, labels=None):
        self.seen.append((images.detach().clone(), labels))
        hidden = torch.tanh(self.hidden(images.flatten(1)))
        return self.score(hidden * self.embed(labels) if self.embed else hidden)


def images(rows, seed):
    drawn = torch.rand(rows, 1, 2, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return drawn * 2 - 1


def by_row(judge, points, labels=None):
    """The gradient of each row's logit by that row alone."""

    def one(image, label=None):
        return judge(image[None], None if label is None else label[None])[0, 0]

    given_ = (points,) if labels is None else (points, labels)
    return torch.stack([torch.func.grad(one)(*row).flatten() for row in zip(*given_, strict=True)])


@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("both", [True, False])
def test_gradients_at_real_and_fake_images_are_each_rows_own(rows, both):
    judge, real, fake = Judge(), images(rows, 1), images(rows + 1, 2)
    wanted = ["real_gradients", "fake_gradients", "real_logits"] if both else ["fake_gradients"]
    found = judged(judge, Seen(real), Seen(fake), wanted)
    torch.testing.assert_close(found["fake_gradients"], by_row(judge, fake))
    torch.testing.assert_close(found["fake_logits"], judge(fake))
    if both:
        torch.testing.assert_close(found["real_gradients"], by_row(judge, real))
        torch.testing.assert_close(found["real_logits"], judge(real))


def test_mixed_points_lie_between_by_each_rows_share():
    judge, real, fake = Judge(), images(4, 1), images(5, 2)
    mixture = torch.tensor([0.0, 0.25, 1.0, 0.5], dtype=torch.float64)
    found = judged(judge, Seen(real), Seen(fake), ["mixed_gradients"], mixture)
    share = mixture.view(4, 1, 1, 1)
    points = share * real + (1 - share) * fake[:4]
    torch.testing.assert_close(judge.seen[0][0], points)
    torch.testing.assert_close(found["mixed_gradients"], by_row(judge, points))


def test_near_points_are_real_ones_disturbed_upwards_by_half_a_deviation_at_most():
    judge, real = Judge(), images(200, 1)
    torch.manual_seed(4)
    found = judged(judge, Seen(real), Seen(images(3, 2)), ["near_gradients"])
    points = judge.seen[0][0]
    away = (points - real) / (0.5 * real.std(correction=0))
    assert (away >= 0).all()
    assert (away < 1).all()
    assert away.mean().item() == pytest.approx(0.25, abs=0.03)  # a share of its row's times its own, both uniform
    assert away.flatten(1).mean(1).std() > 0.1  # a row has one share
    torch.testing.assert_close(found["near_gradients"], by_row(judge, points))


def test_a_class_goes_with_its_row():
    judge, labels = Judge(classes=3), (torch.tensor([2, 0, 1]), torch.tensor([1, 1, 0]))
    real, fake = Seen(images(3, 1), labels[0]), Seen(images(3, 2), labels[1])
    found = judged(judge, real, fake, GRADIENTS, torch.full((3,), 0.5))
    torch.testing.assert_close(found["real_gradients"], by_row(judge, real.images, labels[0]))
    torch.testing.assert_close(found["fake_gradients"], by_row(judge, fake.images, labels[1]))
    told = [labels.tolist() for _, labels in judge.seen[:3]]
    assert told == [[2, 0, 1, 1, 1, 0], [2, 0, 1], [2, 0, 1]]  # mixed and disturbed images have the real ones' classes


def test_nothing_is_computed_that_nobody_asked_for():
    judge = Judge()
    before = torch.get_rng_state()
    found = judged(judge, Seen(images(2, 1)), Seen(images(3, 2)), ["fake_logits"])
    assert found.keys() == {"fake_logits"}
    assert [len(seen) for seen, _ in judge.seen] == [3]
    assert torch.equal(before, torch.get_rng_state())


PENALTY = {
    "real_gradients": R1(),
    "fake_gradients": R2(),
    "mixed_gradients": GradientPenalty(),
    "near_gradients": Dragan(),
}


def penalised(judge, name):
    torch.manual_seed(5)
    found = judged(judge, Seen(images(3, 1)), Seen(images(3, 2)), [name], torch.tensor([0.1, 0.5, 0.9]))
    return PENALTY[name]("discriminator", found)["loss"]


@pytest.mark.parametrize("name", GRADIENTS)
def test_the_second_derivative_is_that_of_differences(name):
    judge = Judge()
    (exact,) = torch.autograd.grad(penalised(judge, name), judge.hidden.weight)
    for row, column in ((0, 0), (3, 4), (7, 5)):
        ends = []
        for step in (1e-6, -2e-6):
            with torch.no_grad():
                judge.hidden.weight[row, column] += step
            ends.append(penalised(judge, name).item())
        with torch.no_grad():
            judge.hidden.weight[row, column] += 1e-6
        assert exact[row, column].item() == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("name", GRADIENTS)
def test_measuring_gives_the_same_value_and_no_graph(name):
    judge = Judge()
    trained = penalised(judge, name)
    with torch.no_grad():
        measured = penalised(judge, name)
    assert trained.requires_grad
    assert not measured.requires_grad
    assert measured.item() == pytest.approx(trained.item(), rel=1e-12)
    assert all(parameter.grad is None for parameter in judge.parameters())


@pytest.mark.parametrize("name", GRADIENTS)
def test_penalties_are_never_computed_in_halves(name):
    judge = Judge().float()
    found = {}
    for enabled in (True, False):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            torch.manual_seed(5)
            seen = [Seen(images(3, seed).to(torch.bfloat16 if seed == 2 else torch.float32)) for seed in (1, 2)]
            found[enabled] = judged(judge, *seen, [name], torch.tensor([0.1, 0.5, 0.9]))[name]
    assert found[True].dtype == torch.float32
    assert torch.equal(found[True], found[False])


def test_a_steepest_line_costs_nothing_and_twice_as_steep_a_line_the_weight():
    line = nn.Linear(WIDTH, 1).double()
    with torch.no_grad():
        line.weight.div_(line.weight.norm())
    judge = nn.Sequential(nn.Flatten(), line)
    for times, expected in ((1, 0.0), (2, 10.0)):
        found = judged(judge, Seen(images(3, 1)), Seen(images(3, 2)), ["mixed_gradients"], torch.rand(3))
        assert GradientPenalty()("discriminator", found)["loss"].item() == pytest.approx(expected, abs=1e-12), times
        with torch.no_grad():
            line.weight.mul_(2)


# Saboteurs.


def test_one_share_for_the_whole_batch_is_found(monkeypatch):
    real_mixed = module._mixed
    monkeypatch.setattr(module, "_mixed", lambda real, fake, mixture: real_mixed(real, fake, mixture[:1].expand(9)))
    with pytest.raises(AssertionError):
        test_mixed_points_lie_between_by_each_rows_share()


def test_a_penalty_without_its_graph_is_found(monkeypatch):
    real = torch.autograd.grad
    monkeypatch.setattr(
        torch.autograd, "grad", lambda *given, **how: tuple(each.detach() for each in real(*given, **how))
    )
    with pytest.raises(RuntimeError, match="does not require grad"):
        test_the_second_derivative_is_that_of_differences("mixed_gradients")


def test_rows_that_are_mixed_within_the_judge_are_found():
    """Batch norm in a critic: each logit depends on every image, so no gradient is its row's own."""
    judge, real, fake = Judge(), images(4, 1), images(4, 2)
    judge.hidden = nn.Sequential(judge.hidden, nn.BatchNorm1d(8).double())
    found = judged(judge, Seen(real), Seen(fake), ["fake_gradients"])["fake_gradients"]
    judge.eval()
    with pytest.raises(AssertionError):
        torch.testing.assert_close(found, by_row(judge, fake))
