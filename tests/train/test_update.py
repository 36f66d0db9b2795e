"""One step of any family, on networks so small that every number can be worked out."""

from __future__ import annotations

from contextlib import nullcontext
from typing import ClassVar

import pytest
import torch
from torch import nn

from aigc_core.errors import NotAvailable
from aigc_core.interfaces import Trainer
from aigc_core.train.average import Average
from aigc_core.train.update import Part, Update, autocast, measured

CPU = torch.device("cpu")


class Pair(Trainer):
    """Two scalars, a and b: a minimises a * b * x, b then (a - b)^2 / 2, with the a that there is by then."""

    roles: ClassVar = {"a": "networks", "b": "networks"}

    def step(self, batch, noise):
        x = batch["x"].mean()
        yield {"a": {"loss": self.value("a") * self.value("b") * x, "x": x}}
        yield {"b": {"loss": (self.value("a") - self.value("b")) ** 2 / 2}}

    def value(self, role):
        return self.networks[role](torch.ones(1, 1)).sum()


class Both(Pair):
    """The same two losses, from one pass."""

    def step(self, batch, noise):
        a, b = self.value("a"), self.value("b")
        yield {"a": {"loss": a * b * batch["x"].mean()}, "b": {"loss": (a - b) ** 2 / 2}}


def scalar(value):
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, value)
    return network


def update(kind=Pair, rate=0.5, **settings):
    trainer = kind({"a": scalar(2.0), "b": scalar(3.0)}, {})
    optimizers = {role: torch.optim.SGD(each.parameters(), rate) for role, each in trainer.networks.items()}
    return Update(trainer, optimizers, device=CPU, **settings)


def values(made):
    return {role: network.weight.item() for role, network in made.trainer.networks.items()}


def part(*rows, share=1.0):
    return Part({"x": torch.tensor(rows)}, {}, share)


def test_updates_follow_one_another():
    made = update()
    report = made([part(1.0)])
    assert values(made) == {"a": 0.5, "b": 1.75}  # a = 2 - 3/2; b = 3 - (3 - 1/2)/2
    assert {name: value.item() for name, value in report.items()} == {"a/loss": 6.0, "a/x": 1.0, "b/loss": 3.125}
    assert not any(value.requires_grad for value in report.values())


def test_updates_of_one_pass_see_the_same_weights():
    made = update(Both)
    made([part(1.0)])
    assert values(made) == {"a": 0.5, "b": 2.5}  # b = 3 - (3 - 2)/2


def test_no_gradient_reaches_a_network_that_is_not_its_own():
    made = update()
    (first, *_) = made.trainer.step({"x": torch.ones(1)}, {})
    made._backward("a", first["a"]["loss"], 1.0, last=True, keep=False)
    assert made.trainer.networks["a"].weight.grad.item() == 3.0
    assert made.trainer.networks["b"].weight.grad is None


def test_old_gradients_are_gone_before_new_ones_come():
    made = update(rate=0.0)
    for _ in range(2):
        made([part(1.0)])
        assert made.trainer.networks["a"].weight.grad.item() == 3.0


def test_parts_count_by_their_share():
    whole, cut = update(), update()
    one = whole([part(1.0, 2.0, 6.0)])
    other = cut([part(1.0, 2.0, share=2 / 3), part(6.0, share=1 / 3)])
    assert values(cut) == pytest.approx(values(whole))
    assert {key: value.item() for key, value in other.items()} == pytest.approx(
        {key: value.item() for key, value in one.items()}
    )


def test_shares_that_are_not_those_of_the_rows_are_found():
    """Saboteur: halves for parts of two rows and of one."""
    whole, cut = update(), update()
    whole([part(1.0, 2.0, 6.0)])
    cut([part(1.0, 2.0, share=0.5), part(6.0, share=0.5)])
    assert values(cut) != pytest.approx(values(whole))


@pytest.mark.parametrize(("clip", "gradient"), [(None, 30.0), (100.0, 30.0), (30.0, 30.0), (1.5, 1.5)])
def test_the_norm_is_cut_where_it_is_above_the_bound(clip, gradient):
    made = update(rate=0.0, clip=clip)
    made([part(10.0)])
    assert made.trainer.networks["a"].weight.grad.item() == pytest.approx(gradient, rel=1e-5)


def test_float16_trains_on_a_gpu_alone():
    with pytest.raises(NotAvailable, match="float16 trains on a GPU alone") as error:
        update(precision="float16")
    assert "bfloat16" in error.value.hint


def test_bfloat16_computes_so_and_keeps_weights_whole():
    seen = []
    made = update(precision="bfloat16")
    made.trainer.networks["a"].register_forward_hook(lambda _, given, out: seen.append(out.dtype))
    made([part(1.0)])
    assert set(seen) == {torch.bfloat16}
    assert made.trainer.networks["a"].weight.dtype == torch.float32
    assert values(made)["a"] == pytest.approx(0.5, rel=0.02)
    assert isinstance(autocast(CPU, "float32"), nullcontext)


def test_measuring_gives_every_update_of_the_step_its_terms_and_back_its_mode():
    made = update()
    made.trainer.networks["a"].eval()
    report = measured(made.trainer, part(1.0), nullcontext())
    assert {name: value.item() for name, value in report.items()} == {"a/loss": 6.0, "a/x": 1.0, "b/loss": 0.5}
    assert values(made) == {"a": 2.0, "b": 3.0}
    assert not made.trainer.networks["a"].training
    assert made.trainer.networks["b"].training


def test_measuring_gives_back_the_mode_also_after_an_error():
    made = update()
    with pytest.raises(KeyError):
        measured(made.trainer, Part({}, {}), nullcontext())
    assert made.trainer.networks["a"].training


def test_a_frozen_parameter_stays():
    trainer = Pair({"a": scalar(2.0), "b": scalar(3.0)}, {})
    trainer.networks["a"].extra = nn.Parameter(torch.ones(1), requires_grad=False)
    optimizers = {role: torch.optim.SGD([each.weight], 0.5) for role, each in trainer.networks.items()}
    Update(trainer, optimizers, device=CPU)([part(1.0)])
    assert trainer.networks["a"].extra.item() == 1.0
    assert trainer.networks["a"].extra.grad is None


def test_an_average_follows_by_the_closed_form():
    network = scalar(0.0)
    average = Average(network, 0.9)
    for step in range(1, 5):
        nn.init.constant_(network.weight, float(step))
        average.follow()
    expected = sum(0.1 * 0.9 ** (4 - step) * step for step in range(1, 5))
    assert average.current().weight.item() == pytest.approx(expected, rel=1e-6)
    assert not average.current().weight.requires_grad


def test_an_average_follows_when_the_model_was_updated_and_not_else(training):
    made = training("wgan-gp-fashion", "trainer.config.critic_steps=3", "ema=0.5")
    moved = []
    for _ in range(6):
        before = [each.clone() for each in made.average.network.parameters()]
        made.advance()
        after = made.average.network.parameters()
        moved.append(not all(torch.equal(old, new) for old, new in zip(before, after, strict=True)))
    assert moved == [True, False, False, True, False, False]


def test_an_average_takes_buffers_as_they_are():
    network = nn.BatchNorm1d(2)
    average = Average(network, 0.9)
    network(torch.randn(8, 2))
    assert not torch.equal(average.network.running_mean, network.running_mean)
    assert torch.equal(average.current().running_mean, network.running_mean)
    assert average.current().num_batches_tracked == 1
