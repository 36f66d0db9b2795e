"""The adversarial update: its two orders, and what it does at the end. What every trainer keeps is in tests/train."""

from __future__ import annotations

import copy

import pytest
import torch

from aigc_core.errors import WrongUse
from aigc_core.interfaces import Trainer
from aigc_core.train.update import Part, Update
from aigc_gan.batch_norm import estimate_batch_norm
from aigc_gan.losses import Minimax, NonSaturating
from aigc_gan.networks import DcganDiscriminator, DcganGenerator
from aigc_gan.trainer import AdversarialTrainer

UPDATES = ["alternating", "simultaneous"]


class Other:
    """A loss of something else."""

    def __init__(self, networks):
        self.networks = networks

    def __call__(self, network, inputs):
        return {"loss": torch.zeros(())}


def trainer(update="alternating", seed=0, dropout=0.3, loss=None):
    torch.manual_seed(seed)
    networks = {"generator": DcganGenerator(8, width=4), "discriminator": DcganDiscriminator(width=4, dropout=dropout)}
    for network in networks.values():
        network.initialise()
    return AdversarialTrainer(networks, {"adversarial": loss or NonSaturating()}, update=update)


def updated(made, part):
    rates = {role: torch.optim.SGD(network.parameters(), 0.1) for role, network in made.networks.items()}
    return Update(made, rates, device=torch.device("cpu"))([part])


def part(rows=6):
    random = torch.Generator().manual_seed(1)
    images = torch.rand(rows, 1, 28, 28, generator=random) * 2 - 1
    return Part({"images": images}, {"latent": torch.randn(rows, 8, generator=random)})


def test_it_keeps_the_contract():
    made = trainer()
    assert isinstance(made, Trainer)
    assert list(made.roles) == ["generator", "discriminator"]
    assert made.noise["latent"] == ((8,), "normal")


@pytest.mark.parametrize(
    ("update", "expected"),
    [("alternating", [{"discriminator"}, {"generator"}]), ("simultaneous", [{"generator", "discriminator"}])],
)
def test_the_order_is_the_one_that_is_named(update, expected):
    assert [set(terms) for terms in trainer(update).step(part().batch, part().noise)] == expected


def test_an_alternating_step_is_two_plain_steps():
    """Against the same arithmetic, written out: the generator's loss is that of the new discriminator."""
    made = trainer(dropout=0.0)
    generator, discriminator = (copy.deepcopy(made.networks[role]) for role in ("generator", "discriminator"))
    (images,), (latent,) = part().batch.values(), part().noise.values()
    loss = NonSaturating()
    fake = generator(latent)
    inputs = {"real_logits": discriminator(images), "fake_logits": discriminator(fake.detach())}
    torch.optim.SGD(discriminator.parameters(), 0.1).step(lambda: backward(loss("discriminator", inputs)["loss"]))
    score = loss("generator", {"fake_logits": discriminator(fake)})["loss"]
    torch.optim.SGD(generator.parameters(), 0.1).step(lambda: backward(score))

    report = updated(made, part())
    torch.testing.assert_close(report["generator/loss"], score.detach())
    for role, network in (("generator", generator), ("discriminator", discriminator)):
        for (name, expected), got in zip(network.named_parameters(), made.networks[role].parameters(), strict=True):
            torch.testing.assert_close(got, expected, msg=lambda text, name=name: f"{name}: {text}")


def backward(loss):
    loss.backward()
    return loss


def test_a_simultaneous_step_gives_each_network_the_gradient_of_its_own_loss_alone():
    made = trainer("simultaneous", dropout=0.0)
    generator, discriminator = (copy.deepcopy(made.networks[role]) for role in ("generator", "discriminator"))
    (images,), (latent,) = part().batch.values(), part().noise.values()
    updated(made, part())

    fake, loss = generator(latent), NonSaturating()
    inputs = {"real_logits": discriminator(images), "fake_logits": discriminator(fake.detach())}
    loss("discriminator", inputs)["loss"].backward()
    for expected, got in zip(discriminator.parameters(), made.networks["discriminator"].parameters(), strict=True):
        torch.testing.assert_close(got.grad, expected.grad)
    loss("generator", {"fake_logits": discriminator(fake)})["loss"].backward()
    for expected, got in zip(generator.parameters(), made.networks["generator"].parameters(), strict=True):
        torch.testing.assert_close(got.grad, expected.grad)


@pytest.mark.parametrize("update", UPDATES)
def test_a_single_image_gets_a_second_fake_for_batch_norm(update):
    seen = []
    made = trainer(update)
    made.networks["generator"].register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    report = updated(made, part(1))
    assert seen == [2]
    assert all(map(torch.isfinite, report.values()))


def test_an_update_that_is_no_word_of_ours_is_refused():
    with pytest.raises(ValueError, match="update is 'both'"):
        trainer("both")


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ({}, "it takes a loss called adversarial, not none"),
        ({"other": NonSaturating()}, "it takes a loss called adversarial, not other"),
        ({"adversarial": NonSaturating(), "x": Other({"autoencoder": ("kl",)})}, "x is for autoencoder, not for"),
        ({"adversarial": NonSaturating(), "x": Other({"generator": ("kl",)})}, "the loss x asks for kl; there is"),
    ],
)
def test_losses_that_it_cannot_take_are_refused(losses, said):
    with pytest.raises(ValueError, match=said):
        AdversarialTrainer(trainer().networks, losses)


def test_data_of_another_size_are_named():
    with pytest.raises(WrongUse, match=r"makes samples of shape \[1, 28, 28\], the data have \[1, 32, 32\]"):
        trainer().check({"images": (1, 32, 32)})


def test_batch_norm_statistics_are_the_mean_over_fresh_latents():
    generator = trainer().networks["generator"]
    estimate_batch_norm(generator, seed=5, batches=3)
    random = torch.Generator().manual_seed(5)
    rows = [generator.project(torch.randn(256, 8, generator=random)) for _ in range(3)]
    expected = torch.stack([row.mean(0) for row in rows]).mean(0)
    torch.testing.assert_close(generator.norm0.running_mean, expected)
    assert not generator.training


def test_warnings_speak_of_impossible_pairs_only_where_the_loss_is_bounded():
    pair = {"discriminator/loss": 0.08, "generator/loss": 0.13}
    assert len(trainer("simultaneous").warnings(pair)) == 1
    assert trainer("simultaneous", loss=Minimax()).warnings(pair) == []
