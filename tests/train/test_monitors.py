"""Each monitor: a saboteur that it must name, and honest cases that it must leave alone."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from aigc_core.errors import CheckFailed
from aigc_core.train.finite import first_bad_layer, not_finite
from aigc_core.train.monitors import Watch, collapsed, idle, out_of_range, spread

ROWS = torch.tensor([31, 4, 15, 9, 26])


class Net(nn.Module):
    """Two layers with a batch norm between them, and an arithmetic of its own at the end."""

    def __init__(self, end=torch.tanh):
        super().__init__()
        self.first, self.norm, self.second, self.end = nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2), end

    def forward(self, x, *, more=None):
        return {"made": self.end(self.second(self.norm(self.first(x))))}


@pytest.fixture
def networks():
    torch.manual_seed(0)
    return {"generator": Net(), "critic": nn.Sequential(nn.Linear(2, 1))}


class TestNotFinite:
    def test_finite_losses_are_fine(self, networks):
        assert not_finite(7, {"generator/loss": 1e30, "critic/loss": -0.0}, ROWS, networks) == ""

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_the_step_the_loss_and_the_rows_are_named(self, networks, value):
        said = not_finite(7, {"generator/loss": 0.5, "critic/loss": value}, ROWS, networks)
        assert said == (
            f"At step 7, critic/loss is {value}; the batch is rows 31, 4, 15, 9 and 1 more of the data; "
            "no parameter, buffer or gradient holds such a number."
        )

    @pytest.mark.parametrize(
        ("sabotage", "where"),
        [
            (lambda net: net.second.weight.data[0].fill_(math.nan), "generator.second, in its parameter weight"),
            (lambda net: net.norm.running_var.fill_(math.inf), "generator.norm, in its buffer running_var"),
            (
                lambda net: setattr(net.first.bias, "grad", torch.tensor([0.0, math.nan, 0.0, 0.0])),
                "generator.first, in the gradient of its parameter bias",
            ),
        ],
        ids=["parameter", "buffer", "gradient"],
    )
    def test_the_first_layer_that_holds_it_is_named(self, networks, sabotage, where):
        sabotage(networks["generator"])
        said = not_finite(7, {"generator/loss": math.nan}, ROWS[:2], networks)
        assert said == (
            "At step 7, generator/loss is nan; the batch is rows 31, 4 of the data; "
            f"the first layer with such a number is {where}."
        )

    def test_a_parameter_says_more_than_the_gradients_that_it_spoilt(self, networks):
        net = networks["generator"]
        net.second.weight.data.fill_(math.inf)
        (net(torch.ones(3, 3))["made"].sum() * math.nan).backward()
        assert "generator.second, in its parameter weight" in not_finite(1, {"x/loss": math.nan}, ROWS, networks)

    def test_a_learning_rate_that_explodes_is_seen(self):
        """A real training, seven orders of magnitude too fast: seen in the forward pass, and after it."""
        torch.manual_seed(0)
        net, data = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 1)), torch.randn(16, 4)
        optimizer = torch.optim.SGD(net.parameters(), lr=1e6)
        for step in range(1, 50):
            loss = net(data).square().mean()
            if said := not_finite(step, {"net/loss": loss.item()}, torch.arange(16), {"net": net}):
                break
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert said.startswith(f"At step {step}, net/loss is ")
        assert said.endswith("no parameter, buffer or gradient holds such a number.")
        assert first_bad_layer({"net": net}, lambda: net(data)) in ("net.0", "net.1")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        said = not_finite(step, {"net/loss": math.nan}, torch.arange(16), {"net": net})
        assert said.endswith("the first layer with such a number is net.0, in its parameter weight.")


class TestFirstBadLayer:
    def test_a_healthy_network_has_none(self, networks):
        assert first_bad_layer(networks, lambda: networks["generator"](torch.ones(3, 3))) == ""

    def test_the_layer_that_makes_it_is_named_not_those_that_pass_it_on(self, networks):
        networks["generator"].norm.weight.data.fill_(math.nan)
        assert first_bad_layer(networks, lambda: networks["generator"](torch.ones(3, 3))) == "generator.norm"

    def test_arithmetic_between_layers_is_its_network_s(self, networks):
        networks["generator"].end = lambda x: (x - x).log() * 0
        assert first_bad_layer(networks, lambda: networks["generator"](torch.ones(3, 3))) == "generator"

    def test_what_comes_in_bad_is_no_layer_s_fault(self, networks):
        bad = torch.full((3, 3), math.nan)
        assert first_bad_layer(networks, lambda: networks["generator"](bad)) == ""
        given = {"more": [(bad,)]}
        networks["generator"].end = lambda x: x * math.nan
        assert first_bad_layer(networks, lambda: networks["generator"](torch.ones(3, 3), **given)) == ""

    def test_the_network_is_left_as_it_was(self, networks):
        net = networks["generator"]
        before = {name: value.clone() for name, value in net.state_dict().items()}
        first_bad_layer(networks, lambda: net(torch.randn(5, 3)))
        assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
        with pytest.raises(RuntimeError):
            first_bad_layer(networks, lambda: net(torch.randn(5, 7)))
        assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
        assert not any(module._forward_hooks for module in net.modules())
        net(torch.randn(5, 3))  # the saboteur: without care, a forward moves the running statistics
        assert not torch.equal(net.norm.running_mean, before["norm.running_mean"])


class TestOutOfRange:
    levels = torch.arange(256, dtype=torch.uint8).view(4, 1, 8, 8)

    @pytest.mark.parametrize(("low", "high"), [(-1, 1), (0, 1), (-0.5, 0.5), (0, 255)])
    def test_data_scaled_to_the_range_are_fine(self, low, high):
        """As ``Batches`` scales them: float32, whose rounding may step over the border."""
        images = self.levels.float() / (255 / (high - low)) + low
        assert out_of_range({"images": images}, (low, high)) == ""

    def test_unit_data_against_tanh(self):
        said = out_of_range({"images": self.levels.float() / 255}, (-1, 1))
        assert said == "The data lie in [0.0, 1.0], the model's range is [-1, 1]: its lower half is not used."

    def test_tanh_data_against_a_sigmoid(self):
        said = out_of_range({"images": self.levels.float() / 127.5 - 1}, (0, 1))
        assert said == "The data lie in [-1.0, 1.0], the model's range is [0, 1]."

    def test_bytes_against_tanh(self):
        assert "The data lie in [0.0, 255.0]" in out_of_range({"images": self.levels.float()}, (-1, 1))

    def test_numbers_that_are_not_finite(self):
        images = torch.tensor([[0.0, math.nan]])
        assert out_of_range({"images": images}, (-1, 1)) == "The data hold numbers that are not finite."

    def test_what_is_no_image_has_no_range(self):
        assert out_of_range({"tokens": torch.tensor([[5, 900]])}, (-1, 1)) == ""
        assert out_of_range({"images": torch.empty(0, 1, 2, 2)}, (-1, 1)) == ""

    @given(st.lists(st.floats(-1, 1, width=32), min_size=1), st.floats(-1, -0.125, width=32))
    def test_nothing_is_said_of_data_that_use_the_range(self, values, dark):
        assert out_of_range({"images": torch.tensor([*values, dark])}, (-1, 1)) == ""

    @given(st.lists(st.floats(0, 1, width=32), min_size=1))
    def test_upper_halves_are_always_seen(self, values):
        assert out_of_range({"images": torch.tensor(values)}, (-1, 1)) != ""


class TestCollapsed:
    data = torch.rand(64, 1, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1

    def test_one_image_again_and_again(self):
        said = collapsed(self.data[:1].expand(64, -1, -1, -1) + 0.01 * self.data, spread(self.data))
        assert said.startswith("Mode collapse: 64 samples differ by 0.00")
        assert said.endswith(" on average, rows of the data by 0.571.")

    def test_the_data_themselves_and_half_of_them_are_fine(self):
        assert collapsed(self.data, spread(self.data)) == ""
        assert collapsed(self.data[:32], spread(self.data)) == ""

    def test_few_modes_are_not_one(self):
        assert collapsed(self.data[:4].repeat(16, 1, 1, 1), spread(self.data)) == ""

    def test_one_sample_cannot_tell_nor_can_data_that_do_not_differ(self):
        assert collapsed(self.data[:1], spread(self.data)) == ""
        assert collapsed(torch.zeros(8, 3), spread(torch.zeros(8, 3))) == ""

    def test_the_spread_is_the_standard_deviation(self):
        assert spread(torch.tensor([[0.0, 5.0], [2.0, 5.0]])) == 0.5
        assert spread(torch.randn(20000, 3, generator=torch.Generator().manual_seed(0))) == pytest.approx(1, rel=0.02)

    @given(st.floats(0.11, 10), st.integers(2, 40))
    def test_only_the_spread_counts(self, factor, count):
        """Shifting all samples changes nothing; scaling does, by the factor."""
        assert collapsed(self.data[:count] * factor + 3, spread(self.data[:count])) == ""
        assert collapsed(self.data[:count] * 0.09 + factor, spread(self.data[:count])) != ""


def test_idle_parameters_are_named(networks):
    networks["generator"](torch.randn(4, 3))["made"].sum().backward()
    assert idle({"generator": networks["generator"]}) == ""
    assert idle(networks) == (
        "Nothing trains critic.0.weight, critic.0.bias: no loss depends on them, as for a layer that is never called."
    )
    networks["critic"].requires_grad_(False)
    assert idle(networks) == ""


class TestWatch:
    def test_each_is_said_once_whatever_its_numbers(self):
        said = []
        watch = Watch(False, said.append)
        for step in (100, 200, 300):
            watch.say("loss", f"the loss is {0.5 / step:.3g} at step {step}")
            watch.say("loss", "another thing is wrong")
            watch.say("data", f"the loss is {step} at step -1e-5")
            watch.say("fine", "")
        assert said == [
            "the loss is 0.005 at step 100",
            "another thing is wrong",
            "the loss is 100 at step -1e-5",
        ]
        assert watch.said == said

    def test_strict_stops(self):
        said = []
        watch = Watch(True, said.append)
        watch.say("fine", "")
        with pytest.raises(CheckFailed, match="the loss is 3") as caught:
            watch.say("loss", "the loss is 3")
        assert caught.value.hint == "Without --strict, the training goes on."
        assert said == []
