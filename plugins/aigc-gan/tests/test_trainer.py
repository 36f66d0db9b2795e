"""The update step: isolation of gradients, odd batches, both orders, and a state that goes out and in exactly."""

import copy

import pytest
import torch
from torch import nn

from aigc_core.interfaces import Discriminator, Trainer
from aigc_core.interfaces.trainer import TrainerState
from aigc_core.train.checks import unused_parameters
from aigc_gan.losses import NonSaturating
from aigc_gan.networks import DcganDiscriminator, DcganGenerator, initialise
from aigc_gan.trainer import AdversarialTrainer

UPDATES = ["alternating", "simultaneous"]


def trainer(update="alternating", seed=0, discriminator=None):
    torch.manual_seed(seed)
    generator, discriminator = DcganGenerator(8, width=4), discriminator or DcganDiscriminator(width=4)
    initialise(generator)
    initialise(discriminator)
    rates = {"generator": 1e-3, "discriminator": 1e-3}
    return AdversarialTrainer(
        generator, discriminator, NonSaturating(), latent_dim=8, learning_rate=rates, betas=(0.5, 0.999), update=update
    )


def weights(network):
    return {name: value.clone() for name, value in network.named_parameters()}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def real(count=6):
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_keeps_the_contracts():
    made = trainer()
    assert isinstance(made, Trainer)
    assert isinstance(made.networks["discriminator"], Discriminator)


def test_a_discriminator_step_leaves_the_generator_alone():
    made = trainer()
    made.step(real())  # also after a step that left gradients everywhere
    generator, discriminator = made.networks["generator"], made.networks["discriminator"]
    before, other = weights(generator), weights(discriminator)
    made.discriminator_step(real(), torch.randn(6, 8))
    assert all(parameter.grad is None for parameter in generator.parameters())
    assert same(before, weights(generator))
    assert not same(other, weights(discriminator))


def test_a_generator_step_leaves_the_discriminator_alone():
    made = trainer()
    generator, discriminator = made.networks["generator"], made.networks["discriminator"]
    made.generator_step(torch.randn(6, 8))
    assert all(parameter.grad is None for parameter in discriminator.parameters())
    made.step(real())
    gradients = [parameter.grad.clone() for parameter in discriminator.parameters()]
    before, other = weights(discriminator), weights(generator)
    made.generator_step(torch.randn(6, 8))
    assert all(map(torch.equal, gradients, [parameter.grad for parameter in discriminator.parameters()]))
    assert same(before, weights(discriminator))
    assert not same(other, weights(generator))


def test_a_simultaneous_step_gives_each_network_the_gradient_of_its_own_loss_alone():
    made = trainer("simultaneous", discriminator=DcganDiscriminator(width=4, dropout=0.0))
    generator, discriminator = (copy.deepcopy(made.networks[name]) for name in ("generator", "discriminator"))
    latent, images = torch.randn(6, 8), real()
    made.simultaneous_step(images, latent)

    fake, loss = generator(latent), NonSaturating()
    inputs = {"real_logits": discriminator(images), "fake_logits": discriminator(fake.detach())}
    loss("discriminator", inputs)["loss"].backward()
    for (name, expected), got in zip(
        discriminator.named_parameters(), made.networks["discriminator"].parameters(), strict=True
    ):
        torch.testing.assert_close(got.grad, expected.grad, msg=lambda text, name=name: f"{name}: {text}")
    loss("generator", {"fake_logits": discriminator(fake)})["loss"].backward()
    for expected, got in zip(generator.parameters(), made.networks["generator"].parameters(), strict=True):
        torch.testing.assert_close(got.grad, expected.grad)


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("count", [1, 2, 5])
def test_any_last_batch_size_works(update, count):
    made = trainer(update)
    scalars = made.step(real(count))
    assert {"discriminator/loss", "generator/loss"} <= scalars.keys()
    assert all(torch.isfinite(value) and not value.requires_grad for value in scalars.values())


@pytest.mark.parametrize("update", UPDATES)
def test_every_parameter_is_trained(update):
    made = trainer(update)
    before = {name: weights(network) for name, network in made.networks.items()}
    made.step(real())
    assert unused_parameters(made.networks) == []
    for name, network in made.networks.items():
        stuck = [key for key, value in weights(network).items() if torch.equal(value, before[name][key])]
        assert stuck == []


class IdleLayer(DcganDiscriminator):
    """The literature's mistake: a layer that is made and never called."""

    def __init__(self):
        super().__init__(width=4)
        self.forgotten = nn.Linear(3, 3)


@pytest.mark.parametrize("update", UPDATES)
def test_parameters_that_nobody_uses_are_reported(update):
    made = trainer(update, discriminator=IdleLayer())
    made.step(real())
    expected = ["discriminator.forgotten.weight", "discriminator.forgotten.bias"]
    assert unused_parameters(made.networks) == expected


@pytest.mark.parametrize("update", UPDATES)
def test_the_state_goes_out_and_in_to_the_bit(update):
    one, other = trainer(update), trainer(update, seed=9)
    for step in range(2):
        torch.manual_seed(step)
        one.step(real())
    state = one.state()
    tensors = {name: value.clone() for name, value in state.tensors.items()}
    other.load_state(TrainerState(tensors, copy.deepcopy(state.json)))
    for made in (one, other):
        torch.manual_seed(7)
        made.step(real())
    left, right = one.state(), other.state()
    assert left.json == right.json
    assert left.tensors.keys() == right.tensors.keys()
    assert [name for name in left.tensors if not torch.equal(left.tensors[name], right.tensors[name])] == []


def test_a_state_before_the_first_step_can_be_restored():
    one, other = trainer(), trainer(seed=9)
    other.load_state(one.state())
    assert same(weights(one.networks["generator"]), weights(other.networks["generator"]))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda tensors: tensors.pop("generator.project.weight"), "project.weight"),
        (lambda tensors: tensors.update({"critic.weight": torch.zeros(1)}), "critic.weight"),
        (lambda tensors: tensors.update({"generator.project.weight": torch.zeros(2, 2)}), "size mismatch"),
        (lambda tensors: tensors.update({"generator.optimizer.0.exp_avg": torch.zeros(2)}), "exp_avg"),
        (lambda tensors: tensors.pop("generator.optimizer.0.exp_avg"), "exp_avg"),
        (lambda tensors: tensors.update({"generator.optimizer.99.exp_avg": torch.zeros(2)}), "99.exp_avg"),
    ],
    ids=["missing weight", "extra tensor", "misshapen weight", "misshapen moment", "missing moment", "extra moment"],
)
def test_a_state_that_does_not_fit_is_refused(fault, message):
    made = trainer()
    made.step(real())
    tensors = dict(made.state().tensors)
    fault(tensors)
    with pytest.raises(ValueError, match=message):
        trainer().load_state(TrainerState(tensors, made.state().json))


def test_an_update_that_is_no_word_of_ours_is_refused():
    with pytest.raises(ValueError, match="both"):
        trainer("both")
