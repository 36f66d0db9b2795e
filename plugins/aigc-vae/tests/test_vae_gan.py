"""VAE-GAN: whose gradient reaches whom, as algorithm 1 of arXiv 1512.09300 has it."""

import math

import pytest
import torch

from aigc_core.errors import WrongUse
from aigc_core.interfaces import Discriminator, Trainer
from aigc_core.train.checks import unused_parameters
from aigc_vae.losses import BetaElbo, Elbo, Iwae
from aigc_vae.vae_gan import FeatureDiscriminator28, VaeGan28, VaeGanTrainer

ENCODER = ("down1", "down2", "posterior")
"""What of the network is the encoder; the rest is the decoder."""


class Adversarial:
    """Minimax in its non-saturating form, as ``gan:non-saturating``, which may not be installed here."""

    networks = {"discriminator": ("real_logits", "fake_logits"), "generator": ("fake_logits",)}  # noqa: RUF012

    def __call__(self, network, inputs):
        softplus = torch.nn.functional.softplus
        if network == "discriminator":
            return {"loss": softplus(-inputs["real_logits"]).mean() + softplus(inputs["fake_logits"]).mean()}
        return {"loss": softplus(-inputs["fake_logits"]).mean()}


def trainer(gamma=0.01, evidence=Elbo, adversarial=Adversarial):
    torch.manual_seed(0)
    networks = {"autoencoder": VaeGan28(4, 3), "discriminator": FeatureDiscriminator28(4)}
    return VaeGanTrainer(networks, {"evidence": evidence(), "adversarial": adversarial()}, gamma=gamma)


def given(count=6):
    random = torch.Generator().manual_seed(1)
    images = torch.rand(count, 1, 28, 28, generator=random)
    return {"images": images}, {name: torch.randn(count, 3, generator=random) for name in ("latent", "prior")}


def losses(made, count=6):
    found = {}
    for terms in made.step(*given(count)):
        found |= terms
    return found


def gradient(made, loss):
    """Return the autoencoder's gradient, the encoder's apart from the decoder's."""
    network = made.networks["autoencoder"]
    named = dict(network.named_parameters())
    found = dict(
        zip(named, torch.autograd.grad(loss, list(named.values()), retain_graph=True, allow_unused=True), strict=True)
    )
    parts = {"encoder": [], "decoder": []}
    for name, value in found.items():
        part = "encoder" if name.startswith(ENCODER) else "decoder"
        parts[part].append((torch.zeros_like(named[name]) if value is None else value).flatten())
    return {part: torch.cat(values) for part, values in parts.items()}


def test_keeps_the_contract():
    made = trainer()
    assert isinstance(made, Trainer)
    assert isinstance(made.networks["discriminator"], Discriminator)
    assert made.noise == {"latent": ((3,), "normal"), "prior": ((3,), "normal")}
    assert list(made.roles) == ["autoencoder", "discriminator"]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_any_batch_size_works(count):
    found = losses(trainer(), count)
    assert list(found) == ["discriminator", "autoencoder"]
    assert set(found["autoencoder"]) == {"loss", "reconstruction", "kl", "adversarial"}
    assert all(torch.isfinite(value) for terms in found.values() for value in terms.values())


def test_the_loss_is_the_papers():
    found = losses(trainer(gamma=0.5))["autoencoder"]
    torch.testing.assert_close(found["loss"], found["reconstruction"] + found["kl"] + found["adversarial"] / 0.5)


def test_the_reconstruction_is_among_the_discriminators_features():
    made, (batch, noise) = trainer(), given()
    network, judge = made.networks["autoencoder"], made.networks["discriminator"]
    mean, log_variance = network.encode(batch["images"])
    latent = mean + (0.5 * log_variance).exp() * noise["latent"]
    seen = [judge(images, features=True)[1] for images in (batch["images"], network.decode(latent).sigmoid())]
    expected = 0.5 * (seen[0] - seen[1]).square().sum(1).mean()
    torch.testing.assert_close(losses(made)["autoencoder"]["reconstruction"], expected)


def test_the_adversarial_loss_does_not_reach_the_encoder():
    made = trainer()
    found = losses(made)["autoencoder"]
    adversarial, whole = gradient(made, found["adversarial"]), gradient(made, found["loss"])
    assert not adversarial["encoder"].any()
    assert adversarial["decoder"].any()
    evidence = gradient(made, found["reconstruction"] + found["kl"])
    torch.testing.assert_close(whole["encoder"], evidence["encoder"])
    torch.testing.assert_close(whole["decoder"], evidence["decoder"] + adversarial["decoder"] / 0.01)
    assert not gradient(made, found["kl"])["decoder"].any()


def test_a_latent_that_is_not_detached_is_found():
    """Saboteur: without it, the check above sees a gradient in the encoder."""

    class Careless(VaeGan28):
        def forward(self, images, noise, prior):
            mean, log_variance = self.encode(images)
            latent = mean + (0.5 * log_variance).exp() * noise
            return self.decode(torch.cat([latent, latent, prior])).sigmoid(), mean, log_variance

    made = trainer()
    made.networks["autoencoder"] = Careless(4, 3)
    assert gradient(made, losses(made)["autoencoder"]["adversarial"])["encoder"].any()


def test_the_discriminators_loss_reaches_the_discriminator_alone():
    made = trainer()
    losses(made)["discriminator"]["loss"].backward()
    assert unused_parameters({"discriminator": made.networks["discriminator"]}) == []
    assert all(value.grad is None for value in made.networks["autoencoder"].parameters())


def test_the_discriminator_is_not_trained_to_reconstruct():
    """Its features of the real image are a target; those of the other pass gradients on to the decoder alone."""
    made = trainer()
    losses(made)["autoencoder"]["loss"].backward(inputs=list(made.networks["autoencoder"].parameters()))
    assert unused_parameters({"autoencoder": made.networks["autoencoder"]}) == []
    assert all(value.grad is None for value in made.networks["discriminator"].parameters())


def test_where_nothing_is_known():
    made = trainer(gamma=0.01)
    with torch.no_grad():
        for network in made.networks.values():
            for value in network.parameters():
                value.zero_()
    found = losses(made)
    assert found["discriminator"]["loss"].item() == pytest.approx(2 * math.log(2))
    assert found["autoencoder"]["adversarial"].item() == pytest.approx(math.log(2))
    assert found["autoencoder"]["kl"].item() == found["autoencoder"]["reconstruction"].item() == 0


def test_fakes_are_reconstructions_and_samples_of_the_prior():
    made, (batch, noise) = trainer(), given()
    images, _, _ = made.networks["autoencoder"](batch["images"], noise["latent"], noise["prior"])
    assert images.shape == (18, 1, 28, 28)
    torch.testing.assert_close(images[:6], images[6:12])
    torch.testing.assert_close(images[12:], made.networks["autoencoder"].decode(noise["prior"]).sigmoid())


def test_shapes_can_be_tried_on_the_meta_device():
    with torch.device("meta"):
        made = trainer()
        batch, noise = {"images": torch.rand(2, 1, 28, 28)}, dict.fromkeys(("latent", "prior"), torch.randn(2, 3))
    found = list(made.step(batch, noise))
    assert found[1]["autoencoder"]["loss"].is_meta
    made.check({"images": (1, 28, 28)})
    with pytest.raises(WrongUse, match=r"the data have \[1, 32, 32\]"):
        made.check({"images": (1, 32, 32)})


@pytest.mark.parametrize("gamma", [0, -1, math.nan, math.inf])
def test_a_gamma_that_cannot_be_is_refused(gamma):
    with pytest.raises(ValueError, match="above 0"):
        trainer(gamma)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"evidence": Iwae}, "evidence asks for log_weights"),
        ({"evidence": BetaElbo}, "evidence asks for warmth"),
        ({"adversarial": Elbo}, "adversarial is for autoencoder, not for discriminator"),
    ],
)
def test_losses_of_another_kind_are_refused(config, said):
    with pytest.raises(ValueError, match=said):
        trainer(**config)
