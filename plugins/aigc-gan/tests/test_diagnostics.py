"""What the adversarial trainer shows beside its losses, and that looking changes nothing."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from aigc_core.train.randomness import draw, seed_step
from aigc_core.train.update import Part, Update
from aigc_gan.diagnostics import evaluating, gradient_norm, spectral_norms
from aigc_gan.losses import NonSaturating
from aigc_gan.networks import DcganDiscriminator, DcganGenerator
from aigc_gan.trainer import AdversarialTrainer


def made(rows=5):
    torch.manual_seed(0)
    networks = {"generator": DcganGenerator(8, width=4), "discriminator": DcganDiscriminator(width=4)}
    trainer = AdversarialTrainer(networks, {"adversarial": NonSaturating()})
    for network in networks.values():
        network.initialise()
    seed_step(1, 0)
    return trainer, Part({"images": torch.rand(rows, 1, 28, 28) * 2 - 1}, draw(trainer.noise, rows))


def stepped(trainer, part):
    rates = {role: torch.optim.SGD(network.parameters(), 0.1) for role, network in trainer.networks.items()}
    Update(trainer, rates, device=torch.device("cpu"))([part])


def shown(trainer, part):
    with torch.no_grad():
        return trainer.diagnostics(*part[:2])


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_it_shows_logits_gradients_slopes_and_variances(rows):
    trainer, part = made(rows)
    before = shown(trainer, part)
    assert not any("gradient_norm" in name for name in before)  # no step yet
    stepped(trainer, part)
    found = shown(trainer, part)
    assert found.keys() - before.keys() == {"generator/gradient_norm", "discriminator/gradient_norm"}
    assert len(found["real_logits"]) == rows
    assert len(found["fake_logits"]) == max(rows, 2)
    layers = {name.rpartition("/")[2] for name in found if "spectral_norm" in name}
    assert layers == {"down1", "down2", "score"}
    assert all(torch.isfinite(value).all() for value in found.values())
    assert all(value.ndim == ("logits" in name) for name, value in found.items())
    pixels = part.batch["images"]
    torch.testing.assert_close(found["real_variance"], pixels.var(0, correction=0).mean())


def test_looking_changes_nothing():
    trainer, part = made()
    stepped(trainer, part)
    state = {role: {k: v.clone() for k, v in each.state_dict().items()} for role, each in trainer.networks.items()}
    trainer.networks["discriminator"].down1.eval()  # a part with a mode of its own
    modes = [module.training for each in trainer.networks.values() for module in each.modules()]
    shown(trainer, part)
    assert modes == [module.training for each in trainer.networks.values() for module in each.modules()]
    for role, network in trainer.networks.items():
        for name, value in network.state_dict().items():
            assert torch.equal(value, state[role][name]), name


def test_a_generators_norm_that_learnt_from_being_looked_at_is_found(monkeypatch):
    """Saboteur: a plain call writes batch norm's statistics."""
    monkeypatch.setattr(torch.func, "functional_call", lambda network, own, given: network(*given))
    with pytest.raises(AssertionError, match="running"):
        test_looking_changes_nothing()


def test_the_gradients_norm_is_that_of_all_of_them():
    trainer, part = made()
    stepped(trainer, part)
    network = trainer.networks["discriminator"]
    expected = torch.cat([value.grad.flatten() for value in network.parameters()]).norm()
    torch.testing.assert_close(gradient_norm(network), expected)
    assert gradient_norm(nn.Linear(2, 2)) is None


LAYERS = {
    "wide": (lambda: nn.Linear(40, 7), lambda weight: weight),
    "tall": (lambda: nn.Linear(7, 40), lambda weight: weight),
    "kernel": (lambda: nn.Conv2d(3, 6, 5), lambda weight: weight.reshape(6, 75)),
    "turned kernel": (lambda: nn.ConvTranspose2d(6, 3, 5), lambda weight: weight.transpose(0, 1).reshape(3, 150)),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_a_spectral_norm_is_the_largest_singular_value(kind):
    build, matrix = LAYERS[kind]
    torch.manual_seed(1)
    layer = build()
    expected = torch.linalg.svdvals(matrix(layer.weight.detach().double()))[0]
    assert spectral_norms(nn.Sequential(layer))["0"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_largest_layers_are_looked_at_and_no_others():
    network = nn.Sequential(*(nn.Linear(size, 3) for size in (5, 9, 2, 7, 8)))
    assert [*spectral_norms(network)] == ["1", "4", "3"]


def test_a_network_that_divides_by_it_shows_one_and_is_left_alone():
    torch.manual_seed(1)
    network = nn.Sequential(spectral_norm(nn.Linear(30, 20), n_power_iterations=200))
    network(torch.randn(2, 30))
    before = {name: value.clone() for name, value in network.named_buffers()}
    with evaluating(network):
        assert spectral_norms(network)["0"].item() == pytest.approx(1, rel=1e-3)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.named_buffers())
