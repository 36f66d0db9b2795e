"""Faults of the literature's sample code, seen before the first step and named with layer and sizes."""

import pytest
import torch
from torch import nn

from aigc_core.errors import WrongUse
from aigc_core.train.checks import check_adversarial_shapes, output_shape, unused_parameters

GENERATOR = nn.Sequential(nn.Linear(8, 4 * 7 * 7), nn.Unflatten(1, (4, 7, 7)), nn.ConvTranspose2d(4, 1, 4, 2, 1))
CRITIC = nn.Sequential(nn.Conv2d(1, 4, 4, 2, 1), nn.Flatten(), nn.Linear(4 * 7 * 7, 1))


def test_networks_that_fit_pass():
    check_adversarial_shapes(GENERATOR, CRITIC, (8,), (1, 14, 14))


def test_a_latent_of_another_size_is_named_with_the_layer():
    """128 declared, 100 fed."""
    with pytest.raises(WrongUse, match=r"the generator cannot take rows of shape \[100\]: layer 0, given \[2, 100\]"):
        check_adversarial_shapes(GENERATOR, CRITIC, (100,), (1, 14, 14))


def test_a_generator_that_makes_another_size_than_the_data_is_named():
    """28 x 28 made, 64 x 64 wanted."""
    with pytest.raises(WrongUse, match=r"makes samples of shape \[1, 14, 14\], the data have \[3, 64, 64\]"):
        check_adversarial_shapes(GENERATOR, CRITIC, (8,), (3, 64, 64))


def test_a_discriminator_that_mixes_rows_into_features_is_named():
    """view(-1, 256) turns the batch into other rows, against a layer of 2304."""
    wrong = nn.Sequential(nn.Flatten(), nn.Unflatten(1, (2, 98)), nn.Linear(2304, 1))
    with pytest.raises(WrongUse, match=r"the discriminator cannot take .* layer 2, given \[2, 2, 98\]"):
        check_adversarial_shapes(GENERATOR, wrong, (8,), (1, 14, 14))


def test_a_discriminator_that_gives_no_single_logit_is_named():
    with pytest.raises(WrongUse, match=r"gives \[4\] for a sample; it must give one logit"):
        check_adversarial_shapes(GENERATOR, nn.Sequential(nn.Flatten(), nn.Linear(196, 4)), (8,), (1, 14, 14))


def test_the_check_leaves_the_networks_and_the_random_state_alone():
    network = nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4), nn.Dropout())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.random.get_rng_state()
    assert output_shape("it", network, (8,)) == (4,)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(state, torch.random.get_rng_state())
    assert not any(module._forward_pre_hooks for module in network.modules())


def test_the_check_needs_no_memory_for_what_the_network_would_make():
    huge = nn.Sequential(nn.Linear(1, 1, device="meta"), nn.Unflatten(1, (1, 1)), nn.Upsample(scale_factor=1e9))
    assert output_shape("it", huge, (1,)) == (1, 10**9)


def test_a_layer_assigned_twice_or_never_called_is_found_by_its_missing_gradient():
    class Forgetful(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.forgotten, self.frozen = nn.Linear(2, 1), nn.Linear(2, 1), nn.Linear(2, 1)
            self.frozen.requires_grad_(False)

        def forward(self, x):
            return self.used(x)

    network = Forgetful()
    network(torch.ones(1, 2)).sum().backward()
    assert unused_parameters({"critic": network}) == ["critic.forgotten.weight", "critic.forgotten.bias"]
