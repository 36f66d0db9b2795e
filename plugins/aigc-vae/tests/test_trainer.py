"""The update step: one network, every parameter of it, any batch size, and what binarisation draws."""

import pytest
import torch
from torch import nn

from aigc_core.interfaces import Trainer
from aigc_core.train.checks import unused_parameters
from aigc_vae.losses import Elbo
from aigc_vae.networks import Mlp28
from aigc_vae.trainer import EvidenceTrainer

BINARISE = ["none", "dynamic"]


def trainer(network=None, **config):
    torch.manual_seed(0)
    return EvidenceTrainer({"autoencoder": network or Mlp28(16, 3)}, {"evidence": Elbo()}, **config)


def batch(count=6):
    return {"images": torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(1))}


def noise(count=6, dims=3):
    return {"latent": torch.randn(count, dims, generator=torch.Generator().manual_seed(2))}


def terms(made, count=6):
    (found,) = made.step(batch(count), noise(count))
    return found["autoencoder"]


def test_keeps_the_contract():
    made = trainer()
    assert isinstance(made, Trainer)
    assert made.roles == {"autoencoder": "networks"}
    assert made.noise["latent"] == ((3,), "normal")
    assert made.weight(batch(6)) == 6.0


@pytest.mark.parametrize("binarise", BINARISE)
@pytest.mark.parametrize("count", [1, 2, 5])
def test_any_batch_size_works(binarise, count):
    found = terms(trainer(binarise=binarise), count)
    assert found.keys() == {"loss", "reconstruction", "kl"}
    assert all(torch.isfinite(value) for value in found.values())


def test_the_terms_are_those_of_the_network_and_the_loss():
    made = trainer()
    logits, mean, log_variance = made.networks["autoencoder"](batch()["images"], noise()["latent"])
    inputs = {"logits": logits, **batch(), "mean": mean, "log_variance": log_variance}
    assert terms(made) == Elbo()("autoencoder", inputs)


class IdleLayer(Mlp28):
    """The literature's mistake: a layer that is made and never called."""

    def __init__(self):
        super().__init__(16, 3)
        self.forgotten = nn.Linear(3, 3)


@pytest.mark.parametrize(
    ("network", "unused"),
    [(None, []), (IdleLayer(), ["autoencoder.forgotten.weight", "autoencoder.forgotten.bias"])],
    ids=["whole", "idle layer"],
)
def test_every_parameter_is_trained(network, unused):
    made = trainer(network)
    terms(made)["loss"].backward()
    assert unused_parameters(made.networks) == unused


def test_dynamic_binarisation_draws_black_or_white_from_the_global_state():
    seen = []
    made = trainer(binarise="dynamic")
    made.loss = lambda network, inputs: seen.append(inputs["images"]) or {"loss": inputs["logits"].sum()}
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        list(made.step(batch(100), noise(100)))
    assert set(seen[0].unique().tolist()) == {0.0, 1.0}
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[2])
    # 78,400 draws, each with its pixel as probability: five standard deviations of their mean are 0.008.
    assert (seen[0] - batch(100)["images"]).mean().abs() < 0.008


def test_without_binarisation_nothing_is_drawn():
    made = trainer()
    before = torch.random.get_rng_state()
    terms(made)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_step_only_measures_under_no_grad():
    made = trainer()
    with torch.no_grad():
        assert not terms(made)["loss"].requires_grad


def test_shapes_can_be_tried_on_the_meta_device():
    with torch.device("meta"):
        made = trainer(binarise="dynamic")
        images, latent = torch.rand(2, 1, 28, 28), torch.randn(2, 3)
    (found,) = made.step({"images": images}, {"latent": latent})
    assert found["autoencoder"]["loss"].is_meta


def test_steps_lower_the_bound():
    made = trainer()
    optimizer = torch.optim.Adam(made.networks["autoencoder"].parameters(), 1e-2)
    first = terms(made)["loss"].item()
    for _ in range(30):
        optimizer.zero_grad()
        terms(made)["loss"].backward()
        optimizer.step()
    assert terms(made)["loss"].item() < 0.95 * first


def test_a_binarisation_that_is_no_word_of_ours_is_refused():
    with pytest.raises(ValueError, match="binarise is 'static'"):
        trainer(binarise="static")


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ({"autoencoder/reconstruction": 80.0, "autoencoder/kl": 20.0}, ""),
        ({"autoencoder/reconstruction": -80.0, "autoencoder/kl": 20.0}, "set data.range to [0, 1]"),
        ({"autoencoder/reconstruction": 200.0, "autoencoder/kl": 0.01}, "posterior collapse"),
        ({}, ""),
    ],
    ids=["fine", "pixels below 0", "collapse", "nothing known"],
)
def test_what_the_losses_show_to_be_wrong_is_said(losses, said):
    found = trainer().warnings(losses)
    assert len(found) == bool(said)
    assert said in "".join(found)


def test_a_network_that_says_nothing_of_its_latents_is_refused():
    with pytest.raises(ValueError, match="does not say its latent_dim"):
        trainer(nn.Linear(784, 784))
