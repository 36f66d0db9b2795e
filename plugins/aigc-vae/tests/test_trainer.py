"""The update steps of bounds and of exact likelihoods: one network, every parameter of it, any batch size."""

import pytest
import torch
from torch import nn

from aigc_core.errors import WrongUse
from aigc_core.interfaces import Trainer
from aigc_core.train.checks import unused_parameters
from aigc_vae.evidence import divergence, log_weights
from aigc_vae.likelihood_trainer import LikelihoodTrainer
from aigc_vae.losses import BetaElbo, Elbo, Iwae, NegativeLogLikelihood
from aigc_vae.made import Made28
from aigc_vae.networks import Mlp28
from aigc_vae.trainer import EvidenceTrainer

LOSSES = {"elbo": Elbo, "beta-elbo": BetaElbo, "iwae": Iwae}
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
NETWORKS = {"plain": {}, "classes": {"classes": 5}, "vamp": {"pseudo_inputs": 4}}
every_network = pytest.mark.parametrize("config", NETWORKS.values(), ids=NETWORKS)


def trainer(network=None, loss=Elbo, **config):
    torch.manual_seed(0)
    return EvidenceTrainer({"autoencoder": network or Mlp28(16, 3)}, {"evidence": loss()}, **config)


def batch(count=6):
    images = torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    return {"images": images, "labels": torch.arange(count) % 5}


def noise(count=6, k=1, dims=3):
    return {"latent": torch.randn(count, k, dims, generator=torch.Generator().manual_seed(2))}


def terms(made, count=6, k=1):
    (found,) = made.step(batch(count), noise(count, k))
    return found["autoencoder"]


def test_keeps_the_contract():
    made = trainer(draws=7)
    assert isinstance(made, Trainer)
    assert made.roles == {"autoencoder": "networks"}
    assert made.noise["latent"] == ((7, 3), "normal")
    assert made.weight(batch(6)) == 6.0


@every_loss
@every_network
@pytest.mark.parametrize(("count", "k"), [(1, 1), (2, 3), (5, 1)])
def test_any_batch_size_works(loss, config, count, k):
    found = terms(trainer(Mlp28(16, 3, **config), loss, draws=k), count, k)
    assert "loss" in found
    assert all(torch.isfinite(value) and value.dim() == 0 for value in found.values())


@every_loss
def test_the_terms_are_those_of_the_network_and_the_loss(loss):
    made = trainer(loss=loss)
    drawn = made.networks["autoencoder"](batch()["images"], noise()["latent"])
    inputs = {
        "log_likelihood": drawn.log_likelihood,
        "divergence": divergence(drawn),
        "log_weights": log_weights(drawn),
        "warmth": torch.tensor(1.0),
    }
    expected = loss()("autoencoder", {name: inputs[name] for name in loss.networks["autoencoder"]})
    assert terms(made) == expected


def test_labels_are_given_to_a_network_of_classes_alone():
    made = trainer(Mlp28(16, 3, classes=5))
    before = terms(made)["loss"]
    (found,) = made.step(batch() | {"labels": torch.full((6,), 4)}, noise())
    assert found["autoencoder"]["loss"] != before
    plain = trainer()
    (found,) = plain.step({"images": batch()["images"]}, noise())
    assert found["autoencoder"]["loss"] == terms(plain)["loss"]


class IdleLayer(Mlp28):
    """The literature's mistake: a layer that is made and never called."""

    def __init__(self):
        super().__init__(16, 3)
        self.forgotten = nn.Linear(3, 3)


class HiddenPrior(Mlp28):
    """One of ours: an attribute of the class hides the module of that name, and the plain prior is used."""

    prior = None

    def __init__(self):
        super().__init__(16, 3, pseudo_inputs=4)


@pytest.mark.parametrize(
    ("network", "unused"),
    [
        (Mlp28(16, 3), []),
        (Mlp28(16, 3, classes=5), []),
        (Mlp28(16, 3, pseudo_inputs=4), []),
        (Mlp28(16, 3, layers=2), []),
        (IdleLayer(), ["autoencoder.forgotten.weight", "autoencoder.forgotten.bias"]),
        (HiddenPrior(), ["autoencoder.prior.pseudo_inputs"]),
    ],
    ids=["plain", "classes", "vamp", "deep", "idle layer", "hidden prior"],
)
@every_loss
def test_every_parameter_is_trained(network, unused, loss):
    network.zero_grad()
    made = trainer(network, loss)
    terms(made)["loss"].backward()
    assert unused_parameters(made.networks) == unused


# The warmth.


def test_warmth_rises_with_the_steps_that_were_taken():
    made = trainer(loss=BetaElbo, warmup=10)
    shares = {}
    for taken in (0, 5, 10, 1000):
        made.taken = taken
        found = terms(made)
        shares[taken] = ((found["loss"] - found["reconstruction"]) / found["kl"]).item()
    assert shares == pytest.approx({0: 0.0, 5: 0.5, 10: 1.0, 1000: 1.0}, abs=1e-3)


def test_without_warmup_the_whole_divergence_counts_from_the_first_step():
    found = terms(trainer(loss=BetaElbo))
    torch.testing.assert_close(found["loss"], found["elbo"])


def test_a_warmup_that_no_loss_uses_is_refused():
    with pytest.raises(ValueError, match="a loss that takes a warmth"):
        trainer(warmup=10)


# The step as the core needs it.


def test_nothing_is_drawn_in_a_step():
    made = trainer(Mlp28(16, 3, pseudo_inputs=4))
    before = torch.random.get_rng_state()
    terms(made)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_step_only_measures_under_no_grad():
    made = trainer()
    with torch.no_grad():
        assert not terms(made)["loss"].requires_grad


@every_loss
@every_network
def test_shapes_can_be_tried_on_the_meta_device(loss, config):
    with torch.device("meta"):
        made = trainer(Mlp28(16, 3, **config), loss)
        images, latent, labels = torch.rand(2, 1, 28, 28), torch.randn(2, 1, 3), torch.zeros(2, dtype=torch.int64)
    (found,) = made.step({"images": images, "labels": labels}, {"latent": latent})
    assert found["autoencoder"]["loss"].is_meta


@every_loss
@every_network
def test_steps_raise_the_bound(loss, config):
    made = trainer(Mlp28(16, 3, **config), loss)
    optimizer = torch.optim.Adam(made.networks["autoencoder"].parameters(), 1e-2)
    first = terms(made)["loss"].item()
    for _ in range(30):
        optimizer.zero_grad()
        terms(made)["loss"].backward()
        optimizer.step()
    assert terms(made)["loss"].item() < 0.95 * first


# What is refused, and what is said.


@pytest.mark.parametrize("config", [{"draws": 0}, {"draws": 1.5}, {"warmup": -1}, {"draws": True}])
def test_numbers_that_cannot_be_are_refused(config):
    with pytest.raises(ValueError, match="a whole number from 1 up"):
        trainer(**config)


def test_a_network_that_says_nothing_of_its_latents_is_refused():
    with pytest.raises(ValueError, match="does not say its latent_dim"):
        trainer(nn.Linear(784, 784))


class Asking(Elbo):
    """It asks for what no trainer of ours has."""

    networks = {"autoencoder": ("log_likelihood", "codebook")}  # noqa: RUF012


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (NegativeLogLikelihood, "the loss evidence is for density, not for autoencoder"),
        (Asking, "the loss evidence asks for codebook; there is log_likelihood, divergence"),
    ],
)
def test_a_loss_of_another_kind_is_refused(loss, said):
    with pytest.raises(ValueError, match=said):
        trainer(loss=loss)


def test_a_recipe_without_the_loss_is_told_its_name():
    with pytest.raises(KeyError, match="evidence"):
        EvidenceTrainer({"autoencoder": Mlp28(16, 3)}, {"adversarial": Elbo()})


@pytest.mark.parametrize(
    ("config", "shapes", "said"),
    [
        ({}, {"images": (1, 32, 32)}, r"takes images of shape \[1, 28, 28\], the data have \[1, 32, 32\]"),
        ({}, {"images": (3, 28, 28)}, r"takes images of shape \[1, 28, 28\], the data have \[3, 28, 28\]"),
        ({"classes": 5}, {"images": (1, 28, 28)}, "the data have no labels"),
    ],
)
def test_data_that_do_not_fit_are_named(config, shapes, said):
    with pytest.raises(WrongUse, match=said):
        trainer(Mlp28(16, 3, **config)).check(shapes)


def test_data_that_fit_pass():
    trainer().check({"images": (1, 28, 28)})
    trainer(Mlp28(16, 3, classes=5)).check({"images": (1, 28, 28), "labels": ()})


@pytest.mark.parametrize(
    ("losses", "taken", "said"),
    [
        ({"autoencoder/reconstruction": 80.0, "autoencoder/kl": 20.0}, 100, ""),
        ({"autoencoder/reconstruction": 200.0, "autoencoder/kl": 0.01}, 100, "posterior collapse"),
        ({"autoencoder/reconstruction": 200.0, "autoencoder/kl": 0.01}, 5, ""),
        ({}, 100, ""),
    ],
    ids=["fine", "collapse", "still cold", "nothing known"],
)
def test_what_the_losses_show_to_be_wrong_is_said(losses, taken, said):
    made = trainer(loss=BetaElbo, warmup=10)
    made.taken = taken
    found = made.warnings(losses)
    assert len(found) == bool(said)
    assert said in "".join(found)


# Exact likelihoods.


def exactly():
    return LikelihoodTrainer({"density": Made28(16)}, {"likelihood": NegativeLogLikelihood()})


@pytest.mark.parametrize("count", [1, 2, 5])
def test_an_exact_likelihood_is_trained(count):
    made, binary = exactly(), (batch(count)["images"] > 0.5).float()
    assert isinstance(made, Trainer)
    assert made.noise == {}
    (found,) = made.step({"images": binary}, {})
    torch.testing.assert_close(found["density"]["loss"], -made.networks["density"](binary).mean())
    found["density"]["loss"].backward()
    assert unused_parameters(made.networks) == []


def test_an_exact_likelihood_on_the_meta_device():
    with torch.device("meta"):
        made, images = exactly(), torch.rand(2, 1, 28, 28)
    (found,) = made.step({"images": images}, {})
    assert found["density"]["loss"].is_meta
    with pytest.raises(WrongUse, match=r"the data have \[1, 32, 32\]"):
        made.check({"images": (1, 32, 32)})


def test_a_bound_is_no_exact_likelihood():
    with pytest.raises(ValueError, match="the loss likelihood is for autoencoder, not for density"):
        LikelihoodTrainer({"density": Made28(16)}, {"likelihood": Elbo()})
