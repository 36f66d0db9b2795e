"""pix2pix's update, against the same arithmetic written out. What every trainer keeps is in tests/train."""

import copy

import pytest
import torch

from aigc_core.errors import WrongUse
from aigc_gan.losses import NonSaturating
from aigc_gan.translate.patch import Patch
from aigc_gan.translate.pix2pix import Pix2PixTrainer
from aigc_gan.translate.unet import Pix2Pix64


@pytest.fixture
def trainer(apart):
    def made(dropout=0.0, losses=None, **config):
        torch.manual_seed(0)
        networks = {"generator": Pix2Pix64(4, 8, dropout), "discriminator": Patch(4, 4, 2)}
        for network in networks.values():
            network.initialise()
        usual = {"adversarial": NonSaturating(), "l1": apart("made", "wanted", 100)}
        return Pix2PixTrainer(networks, usual if losses is None else losses, **{"source_channels": 1, **config})

    return made


def backward(loss):
    loss.backward()
    return loss


def test_a_step_is_two_plain_steps(trainer, part, updated):
    made, rows = trainer(), part(3, 4, 64, 64)
    generator, discriminator = (copy.deepcopy(made.networks[role]) for role in ("generator", "discriminator"))
    images = rows.batch["images"]
    source, wanted = images[:, :1], images[:, 1:]
    fake, loss = generator(source), NonSaturating()
    pair = {"real_logits": discriminator(images), "fake_logits": discriminator(torch.cat([source, fake.detach()], 1))}
    torch.optim.SGD(discriminator.parameters(), 0.1).step(lambda: backward(loss("discriminator", pair)["loss"]))
    against = loss("generator", {"fake_logits": discriminator(torch.cat([source, fake], 1))})["loss"]
    distance = (fake - wanted).abs().mean()
    total = against + 100 * distance
    torch.optim.SGD(generator.parameters(), 0.1).step(lambda: backward(total))

    report = updated(made, rows)
    torch.testing.assert_close(report["generator/loss"], total.detach())
    torch.testing.assert_close(report["generator/l1-loss"], 100 * distance.detach())
    torch.testing.assert_close(report["generator/l1-distance"], distance.detach())
    for role, network in (("generator", generator), ("discriminator", discriminator)):
        for expected, got in zip(network.parameters(), made.networks[role].parameters(), strict=True):
            torch.testing.assert_close(got, expected)


def test_the_discriminator_sees_what_a_translation_was_made_of(trainer, part):
    """A saboteur that judges the translation alone would not see that the source is another."""
    made, rows = trainer(), part(2, 4, 64, 64)
    first = next(made.step(rows.batch, {}))["discriminator"]["real"]
    images = rows.batch["images"].clone()
    images[:, :1] = images[:, :1].flip(0)
    other = next(made.step({"images": images}, {}))["discriminator"]["real"]
    assert first != other


def test_a_generator_that_is_right_has_no_distance(trainer, part):
    made, rows = trainer(), part(2, 4, 64, 64)
    wanted = rows.batch["images"][:, 1:]
    made.networks["generator"].forward = lambda source: wanted.clone().requires_grad_()
    *_, last = made.step(rows.batch, {})
    assert last["generator"]["l1-distance"] == 0


def test_dropout_is_drawn_by_torch(trainer, part):
    made, rows = trainer(dropout=0.5), part(2, 4, 64, 64)

    def report(seed):
        torch.manual_seed(seed)
        return [terms[role]["loss"].item() for terms in made.step(rows.batch, {}) for role in terms]

    assert report(1) == report(1)
    assert report(1) != report(2)


def test_a_loss_may_ask_for_the_real_logits_beside_the_translations(trainer, part):
    class Relative:
        networks = {"generator": ("real_logits", "fake_logits"), "discriminator": ("real_logits", "fake_logits")}  # noqa: RUF012

        def __call__(self, network, inputs):
            return {"loss": (inputs["real_logits"] - inputs["fake_logits"]).square().mean()}

    *_, last = trainer(losses={"adversarial": Relative()}).step(part(2, 4, 64, 64).batch, {})
    assert torch.isfinite(last["generator"]["loss"])


def test_losses_that_do_not_fit_are_named(trainer, apart):
    with pytest.raises(ValueError, match="it takes a loss called adversarial, not l1 alone"):
        trainer(losses={"l1": apart("made", "wanted", 1)})
    with pytest.raises(ValueError, match="the loss cycle asks for cycled; there is fake_logits, made"):
        trainer(losses={"adversarial": NonSaturating(), "cycle": apart("source", "cycled", 1)})
    other = apart("made", "wanted", 1)
    other.networks = {"autoencoder": ("made",)}
    with pytest.raises(ValueError, match="the loss l1 is for autoencoder, not for generator and discriminator"):
        trainer(losses={"adversarial": NonSaturating(), "l1": other})


@pytest.mark.parametrize("channels", [0, -1, 1.0, True, "1"])
def test_source_channels_that_cannot_be(trainer, channels):
    with pytest.raises(ValueError, match="source_channels is a whole number from 1 up"):
        trainer(source_channels=channels)


@pytest.mark.parametrize(
    ("shape", "channels", "said"),
    [
        ((3, 64, 64), 1, r"makes images of shape \[3, 64, 64\] of them, not \[2, 64, 64\]"),
        ((1, 64, 64), 1, "so there is nothing that they should become"),
        ((4, 28, 28), 1, r"shape \[4, 28, 28\], the first 1 of whose .*: the generator cannot take rows of shape"),
        ((4, 64, 64), 2, r"cannot take rows of shape \[2, 64, 64\]: layer down\.0"),
    ],
)
def test_data_that_do_not_fit_are_named(trainer, shape, channels, said):
    with pytest.raises(WrongUse, match=said):
        trainer(source_channels=channels).check({"images": shape})


def test_what_is_shown_is_of_the_networks_as_they_are_and_leaves_them(trainer, part, updated):
    made, rows = trainer(dropout=0.5), part(3, 4, 64, 64)
    updated(made, rows)
    before = {name: value.clone() for name, value in made.networks["generator"].state_dict().items()}
    with torch.no_grad():
        one, other = (made.diagnostics(rows.batch, {}) for _ in range(2))
        source = rows.batch["images"][:, :1]
        generator = copy.deepcopy(made.networks["generator"]).eval()
        fake = made.networks["discriminator"](torch.cat([source, generator(source)], 1)).flatten()
    torch.testing.assert_close(one["fake_logits"], fake)
    assert one.keys() >= {"real_logits", "fake_logits", "real_variance", "fake_variance", "generator/gradient_norm"}
    assert all(torch.equal(value, other[name]) for name, value in one.items()), "no dropout"
    assert all(torch.equal(value, made.networks["generator"].state_dict()[name]) for name, value in before.items())
    assert all(module.training for network in made.networks.values() for module in network.modules())
