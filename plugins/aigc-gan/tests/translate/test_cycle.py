"""CycleGAN's update, against the same arithmetic written out; its pools are state, and measuring leaves them alone."""

import copy
import itertools

import pytest
import torch
from torch import nn

from aigc_core.errors import WrongUse
from aigc_core.interfaces.trainer import TrainerState
from aigc_core.train.update import measured
from aigc_gan.losses import NonSaturating
from aigc_gan.translate.cycle import CycleTrainer
from aigc_gan.translate.patch import PatchPair
from aigc_gan.translate.resnet import Cycle28


@pytest.fixture
def trainer(apart):
    def made(losses=("cycle", "identity"), seed=0, **config):
        torch.manual_seed(seed)
        networks = {"generator": Cycle28(2, 1), "discriminator": PatchPair(1, 4, 1)}
        for network in networks.values():
            network.initialise()
        every = {"cycle": apart("source", "cycled", 10), "identity": apart("source", "kept", 5)}
        chosen = {"adversarial": NonSaturating(), **{name: every[name] for name in losses}}
        return CycleTrainer(networks, chosen, **{"source_channels": 1, **config})

    return made


def backward(loss):
    loss.backward()
    return loss


def test_a_step_is_the_papers_objective(trainer, part, updated):
    """Equation 3, with the identity of section 5.2; then the discriminators, on what was made before."""
    made, rows = trainer(), part(3, 2, 28, 28)
    generator, discriminator = (copy.deepcopy(made.networks[role]) for role in ("generator", "discriminator"))
    a, b = rows.batch["images"][:, :1], rows.batch["images"][:, 1:]
    g, f, loss = generator.forth, generator.back, NonSaturating()
    of_a, of_b = discriminator.of["source"], discriminator.of["target"]
    fake_b, fake_a = g(a), f(b)
    against = (
        loss("generator", {"fake_logits": of_b(fake_b)})["loss"]
        + loss("generator", {"fake_logits": of_a(fake_a)})["loss"]
    )
    cycle = (f(fake_b) - a).abs().mean() + (g(fake_a) - b).abs().mean()
    identity = (f(a) - a).abs().mean() + (g(b) - b).abs().mean()
    pairs = [
        {"real_logits": judge(real), "fake_logits": judge(fake.detach())}
        for judge, real, fake in ((of_a, a, fake_a), (of_b, b, fake_b))
    ]
    exposed = sum(loss("discriminator", pair)["loss"] for pair in pairs)
    total = against + 10 * cycle + 5 * identity
    torch.optim.SGD(generator.parameters(), 0.1).step(lambda: backward(total))
    discriminator.zero_grad()
    torch.optim.SGD(discriminator.parameters(), 0.1).step(lambda: backward(exposed))

    report = updated(made, rows)
    expected = {
        "generator/loss": total,
        "generator/cycle-distance": cycle,
        "generator/cycle-loss": 10 * cycle,
        "generator/identity-distance": identity,
        "discriminator/loss": exposed,
    }
    for key, value in expected.items():
        torch.testing.assert_close(report[key], value.detach(), msg=lambda text, key=key: f"{key}: {text}")
    for role, network in (("generator", generator), ("discriminator", discriminator)):
        for wanted, got in zip(network.parameters(), made.networks[role].parameters(), strict=True):
            torch.testing.assert_close(got, wanted)


class Turning(nn.Module):
    """There and back: two maps that undo each other, exactly."""

    def __init__(self):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(()))

    def forward(self, images, back=False):
        return images.flip(-1) + self.nothing


def test_inverse_maps_have_no_cycle_loss(trainer, part):
    made = trainer(["cycle"])
    made.networks["generator"] = Turning()
    terms = next(made.step(part(2, 2, 28, 28).batch, {}))["generator"]
    assert terms["cycle-loss"] == 0
    assert terms["loss"] > 0


def test_only_what_a_loss_asks_for_is_computed(trainer, part):
    for losses, passes in ((["cycle", "identity"], 6), (["cycle"], 4), ([], 2)):
        made, seen = trainer(losses), []
        made.networks["generator"].register_forward_pre_hook(lambda *_, seen=seen: seen.append(1))
        next(made.step(part(1, 2, 28, 28).batch, {}))
        assert len(seen) == passes


def test_the_discriminators_are_shown_old_translations_once_the_pool_is_full(trainer, part, updated):
    made, seen = trainer([], pool=2), []
    made.networks["discriminator"].register_forward_pre_hook(lambda _, given: seen.append(given[0]["target"].detach()))
    fresh = 0
    for step in range(8):
        torch.manual_seed(step)
        seen.clear()
        updated(made, part(2, 2, 28, 28, seed=step))
        judged, shown = seen  # first for the generators: the translations themselves
        fresh += sum(any(torch.equal(one, other) for other in judged) for one in shown[2:])
        assert torch.equal(shown[:2], part(2, 2, 28, 28, seed=step).batch["images"][:, 1:])
    assert 2 < fresh < 16


def test_the_pools_go_out_and_in_to_the_bit(trainer, part, updated):
    def steps(made, numbers):
        for step in numbers:
            torch.manual_seed(step)
            updated(made, part(2, 2, 28, 28, seed=step))
        return made

    straight, stopped, again = (
        steps(trainer(pool=3), range(6)),
        steps(trainer(pool=3), range(3)),
        trainer(pool=3, seed=9),
    )
    for role, network in stopped.networks.items():
        again.networks[role].load_state_dict(network.state_dict())
    state = stopped.state()
    assert {name: tuple(value.shape) for name, value in state.tensors.items()} == {
        "pool-source": (3, 1, 28, 28),
        "pool-target": (3, 1, 28, 28),
    }
    again.load_state(TrainerState({name: value.clone() for name, value in state.tensors.items()}, {}))
    steps(again, range(3, 6))
    for one, other in ((straight, again),):
        assert all(map(torch.equal, one.state().tensors.values(), other.state().tensors.values()))
        for role in one.networks:
            assert all(map(torch.equal, one.networks[role].parameters(), other.networks[role].parameters()))


def test_an_empty_pool_is_no_tensor_and_is_taken_up(trainer):
    assert trainer().state() == ({}, {})
    made = trainer()
    made.load_state(TrainerState({}, {}))
    assert made.state() == ({}, {})


@pytest.mark.parametrize(
    ("name", "shape"), [("pool-else", (1, 1, 28, 28)), ("pool-source", (4, 1, 28, 28)), ("pool-source", (1, 28, 28))]
)
def test_pools_that_do_not_fit_are_refused(trainer, name, shape):
    with pytest.raises(ValueError, match=f"trainer.{name} of shape .* is no pool of at most 3 images"):
        trainer(pool=3).load_state(TrainerState({name: torch.zeros(shape)}, {}))


def test_measuring_shows_the_translations_themselves_and_keeps_the_pools(trainer, part, updated):
    made = trainer(pool=2)
    for step in range(3):
        updated(made, part(2, 2, 28, 28, seed=step))
    before = {name: value.clone() for name, value in made.state().tensors.items()}
    one, other = (measured(made, part(2, 2, 28, 28), torch.no_grad()) for _ in range(2))
    assert one == other
    assert all(torch.equal(before[name], value) for name, value in made.state().tensors.items())


def test_whoever_looks_for_a_fault_leaves_the_pools(trainer, part):
    """The core steps a shallow copy of a trainer to find where a loss broke."""
    made = trainer()
    twin = copy.copy(made)
    list(twin.step(part(2, 2, 28, 28).batch, {}))
    assert made.state() == ({}, {})
    assert twin.state().tensors


@pytest.mark.parametrize("config", [{"pool": 0}, {"pool": 1.5}, {"source_channels": 0}])
def test_values_that_cannot_be(trainer, config):
    with pytest.raises(ValueError, match="is a whole number from 1 up"):
        trainer(**config)


def test_losses_that_do_not_fit_are_named(trainer, apart):
    with pytest.raises(ValueError, match="the loss l1 asks for wanted"):
        CycleTrainer(
            trainer().networks, {"adversarial": NonSaturating(), "l1": apart("made", "wanted", 1)}, source_channels=1
        )


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((1, 28, 28), r"\[1, 28, 28\]; of two domains with 1 channels each, stacked, they have 2 channels"),
        ((3, 28, 28), r"\[3, 28, 28\]; of two domains"),
        ((2, 30, 30), r"makes images of shape \[1, 32, 32\] of them, not \[1, 30, 30\]"),
    ],
)
def test_data_that_do_not_fit_are_named(trainer, shape, said):
    with pytest.raises(WrongUse, match=said):
        trainer().check({"images": shape})
    trainer().check({"images": (2, 32, 32)})


def test_any_batch_works(trainer, part, updated):
    for rows, losses in itertools.product((1, 2, 5), (["cycle"], ["cycle", "identity"])):
        report = updated(trainer(losses), part(rows, 2, 28, 28))
        assert all(map(torch.isfinite, report.values()))


def test_what_is_shown_is_of_both_domains(trainer, part, updated):
    made, rows = trainer(), part(3, 2, 28, 28)
    updated(made, rows)
    with torch.no_grad():
        found = made.diagnostics(rows.batch, {})
        generator, discriminator = made.networks["generator"], made.networks["discriminator"]
        expected = discriminator.of["target"](generator.forth(rows.batch["images"][:, :1])).flatten()
    torch.testing.assert_close(found["target/fake_logits"], expected)
    assert {
        f"{name}/{side}_{what}"
        for name in ("source", "target")
        for side in ("real", "fake")
        for what in ("logits", "variance")
    } <= found.keys()
    assert all(torch.isfinite(value).all() for value in found.values())
    assert made.networks["generator"].training
