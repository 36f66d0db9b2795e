"""PacGAN's networks for points of the plane: sizes, first weights, and maxout against ``amax``."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from aigc_core.train.update import Part, Update
from aigc_gan.losses import NonSaturating
from aigc_gan.points import PointDiscriminator, PointGenerator, maxout
from aigc_gan.trainer import AdversarialTrainer


def drawn(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(st.integers(0, 100), st.integers(1, 5), st.integers(1, 4), st.integers(1, 6))
def test_maxout_is_the_largest_piece_with_its_gradient(seed, rows, pieces, units):
    values, gradient = drawn(seed, rows, pieces, units).requires_grad_(), drawn(seed + 1, rows, units)
    expected = values.amax(1)
    assert torch.equal(maxout(values), expected)
    (found,) = torch.autograd.grad(maxout(values), values, gradient)
    assert torch.equal(found, torch.autograd.grad(expected, values, gradient)[0])


def test_equal_pieces_share_the_gradient():
    values = torch.tensor([[[1.0, 0.0], [1.0, 2.0], [0.0, 2.0]]], requires_grad=True)
    maxout(values).backward(torch.tensor([[4.0, 6.0]]))
    assert values.grad.tolist() == [[[2.0, 0.0], [2.0, 3.0], [0.0, 3.0]]]


def test_maxout_can_be_differentiated_twice():
    values = drawn(3, 2, 5, 3).requires_grad_()
    assert torch.autograd.gradcheck(maxout, (values,))
    assert torch.autograd.gradgradcheck(maxout, (values,))


def test_the_networks_are_the_papers():
    """Parameters of section 4: 4 x 400 with batch norm and without bias, 3 x 200 of five pieces."""
    generator = sum(each.numel() for each in PointGenerator().parameters())
    assert generator == (2 + 3 * 400) * 400 + 4 * 2 * 400 + 400 * 2 + 2
    for pac in (1, 2, 4):
        discriminator = sum(each.numel() for each in PointDiscriminator(pac).parameters())
        assert discriminator == (2 * pac + 1) * 1000 + 2 * (200 + 1) * 1000 + 200 + 1
    assert [type(layer).__name__ for layer in PointGenerator().layers[:3]] == ["Linear", "BatchNorm1d", "ReLU"]


def test_the_first_weights_are_drawn_with_a_deviation_of_002():
    torch.manual_seed(0)
    for network in (PointGenerator(), PointDiscriminator(2)):
        network.initialise()
        matrices = [module for module in network.modules() if isinstance(module, nn.Linear)]
        wide = torch.cat([module.weight.detach().flatten() for module in matrices])
        assert wide.std().item() == pytest.approx(0.02, rel=0.02)
        assert not any(module.bias.any() for module in matrices if module.bias is not None)


@pytest.mark.parametrize("rows", [1, 3, 8])
@pytest.mark.parametrize("pac", [1, 2])
def test_they_train_together(rows, pac):
    torch.manual_seed(0)
    networks = {"generator": PointGenerator(width=8), "discriminator": PointDiscriminator(pac, width=4)}
    made = AdversarialTrainer(networks, {"adversarial": NonSaturating()}, update="simultaneous", pac=pac)
    made.check({"images": (2,)})
    rates = {role: torch.optim.Adam(network.parameters()) for role, network in networks.items()}
    part = Part({"images": torch.randn(rows, 2)}, {"latent": torch.randn(rows, 2)})
    report = Update(made, rates, device=torch.device("cpu"))([part])
    assert all(map(torch.isfinite, report.values()))


def test_a_maxout_of_neighbours_in_place_of_pieces_is_found():
    """Saboteur: the largest along the units."""
    values = drawn(1, 4, 3, 3)
    with pytest.raises(AssertionError):
        torch.testing.assert_close(values.amax(2), maxout(values))
