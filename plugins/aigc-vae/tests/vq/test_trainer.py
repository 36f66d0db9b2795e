"""The two stages: what each trains and what it leaves; the codebook with parts, ranks and checkpoints."""

import copy
import math
from contextlib import nullcontext

import pytest
import torch
from torch import nn

from aigc_core.errors import WrongUse
from aigc_core.train.parts import Part
from aigc_core.train.update import Update, measured
from aigc_vae.vq.losses import CodeEntropy, Quantisation
from aigc_vae.vq.network import VqVae28
from aigc_vae.vq.trainer import CodePriorTrainer, VqTrainer

STAGES = ["codes", "prior"]


def stage(name, network, **config):
    if name == "codes":
        return VqTrainer({"autoencoder": network}, {"quantisation": Quantisation()}, **config)
    return CodePriorTrainer({"autoencoder": network}, {"codes": CodeEntropy()})


def update(trainer, rate=0.01):
    parameters = [value for value in trainer.network.parameters() if value.requires_grad]
    return Update(trainer, {"autoencoder": torch.optim.SGD(parameters, rate)}, device=torch.device("cpu"))


def moved(trainer, *batches):
    """Take a step for each batch; return the first part of the names of what it moved."""
    before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    step = update(trainer)
    for each in batches:
        step([Part({"images": each}, {})])
    after = trainer.network.state_dict()
    return {name.partition(".")[0] for name in before if not torch.equal(before[name], after[name])}


def test_the_first_stage_trains_all_but_the_prior(network, draw):
    assert moved(stage("codes", network), draw(4)) == {"encoder", "decoder", "codebook"}


def test_the_second_stage_trains_the_prior_alone(network, draw):
    assert moved(stage("prior", network), draw(4)) == {"prior"}


def test_no_weight_of_a_stages_part_is_left_out(network, draw):
    for name in STAGES:
        trainer = stage(name, copy.deepcopy(network))
        update(trainer, 0.0)([Part({"images": draw(4)}, {})])
        wanted = [key for key, value in trainer.network.named_parameters() if value.requires_grad]
        assert wanted
        assert [key for key, value in trainer.network.named_parameters() if value.grad is not None] == wanted


def test_the_encoder_learns_through_the_codebook(network, draw):
    """Without a commitment its gradient comes from the pixels alone: straight through."""
    trainer = stage("codes", network)
    trainer.loss = Quantisation(commitment=0)
    (terms,) = list(trainer.step({"images": draw(4)}, {}))
    terms["autoencoder"]["loss"].backward()
    assert all(value.grad.abs().sum() > 0 for value in network.encoder.parameters())


def test_the_terms_are_what_they_are_called(network, draw):
    with torch.no_grad():
        (terms,) = list(stage("codes", network).step({"images": draw(4)}, {}))
        vectors = network.vectors(draw(4))
        entries = network.codebook.entries[network.encode(draw(4))]
        p, x = network.decode(network.encode(draw(4))), draw(4)
    pixels = -(x * p.log() + (1 - x) * (1 - p).log()).flatten(1).sum(1).mean()
    commitment = (vectors - entries).square().sum() / 4
    found = terms["autoencoder"]
    torch.testing.assert_close(found["reconstruction"], pixels)
    torch.testing.assert_close(found["commitment"], commitment)
    torch.testing.assert_close(found["loss"], pixels + 0.25 * commitment)


def test_the_commitment_gives_no_gradient_to_the_entries():
    encoded, entries = torch.ones(2, 3, requires_grad=True), torch.zeros(2, 3, requires_grad=True)
    given = {"log_likelihood": torch.zeros(2), "encoded": encoded, "entries": entries}
    Quantisation(0.5)("autoencoder", given)["loss"].backward()
    torch.testing.assert_close(encoded.grad, torch.full((2, 3), 0.5))
    assert entries.grad is None


def test_a_prior_that_knows_nothing_pays_ln_of_the_codebook(network, draw):
    with torch.no_grad():
        network.prior.logits.weight.zero_()
        network.prior.logits.bias.zero_()
        (terms,) = list(stage("prior", network).step({"images": draw(3)}, {}))
    assert terms["autoencoder"]["loss"].item() == pytest.approx(math.log(8), rel=1e-6)


@pytest.mark.parametrize("name", STAGES)
def test_steps_lower_the_loss(network, draw, name):
    trainer = stage(name, network)
    step = update(trainer, 1e-4 if name == "codes" else 0.1)
    losses = [step([Part({"images": draw(8)}, {})])["autoencoder/loss"].item() for _ in range(30)]
    assert losses[-1] < losses[0]


def test_parts_of_a_batch_move_the_codebook_as_the_whole(network, draw):
    books = []
    for cuts in ([6], [2, 3, 1]):
        trainer = stage("codes", copy.deepcopy(network))
        parts = [Part({"images": each}, {}, len(each) / 6) for each in draw(6).split(cuts)]
        torch.manual_seed(3)
        update(trainer, 0.0)(parts)
        books.append(trainer.network.codebook)
    torch.testing.assert_close(books[0].entries, books[1].entries, rtol=1e-5, atol=1e-6)
    assert torch.equal(books[0].uses, books[1].uses)
    assert not torch.equal(books[0].uses, network.codebook.uses)


def test_measuring_moves_no_entry(network, draw):
    trainer = stage("codes", network)
    before = copy.deepcopy(network.state_dict())
    report = measured(trainer, Part({"images": draw(3)}, {}), nullcontext())
    assert report.keys() == {"autoencoder/loss", "autoencoder/reconstruction", "autoencoder/commitment"}
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_a_training_goes_on_from_its_weights_to_the_bit(network, draw, tiny):
    """Everything that the codebook's next step depends on is in the network's own state."""
    straight = stage("codes", copy.deepcopy(network), revive=0.4)
    stopped = stage("codes", copy.deepcopy(network), revive=0.4)
    steps = [update(straight), update(stopped)]
    for number in range(3):
        for step in steps:
            torch.manual_seed(number)
            step([Part({"images": draw(4, seed=number)}, {})])
    again = stage("codes", VqVae28(**tiny), revive=0.4)
    again.network.load_state_dict(stopped.network.state_dict())
    steps[1] = update(again)
    for number in range(3, 6):
        for step in steps:
            torch.manual_seed(number)
            step([Part({"images": draw(4, seed=number)}, {})])
    one, other = straight.network.state_dict(), again.network.state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert stopped.state().tensors == {}


def test_a_fault_that_is_looked_for_moves_no_entry(network, draw):
    """The loop repeats a step that went wrong on copies: theirs is another codebook."""
    trainer = stage("codes", network)
    twin = copy.copy(trainer)
    twin.networks = {"autoencoder": copy.deepcopy(network)}
    before = copy.deepcopy(network.state_dict())
    list(twin.step({"images": draw(3)}, {}))
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert not torch.equal(twin.network.codebook.uses, network.codebook.uses)
    assert trainer._seen == ()


def test_a_prior_of_vectors_that_are_no_numbers_is_seen(network, draw):
    with torch.no_grad():
        network.encoder[0].weight.fill_(math.nan)
        (terms,) = list(stage("prior", network).step({"images": draw(3)}, {}))
    assert terms["autoencoder"]["loss"].isnan()


def test_what_the_training_shows_to_be_wrong_is_said(network, tiny):
    codes, prior = stage("codes", copy.deepcopy(network)), stage("prior", network)
    assert codes.warnings({"autoencoder/used": 0.5}) == codes.warnings({}) == prior.warnings({}) == []
    assert "codebook collapse" in codes.warnings({"autoencoder/used": 0.05})[0]
    assert "never trained: begin with one, by --from" in stage("prior", VqVae28(**tiny)).warnings({})[0]


@pytest.mark.parametrize("name", STAGES)
def test_images_of_another_shape_are_refused_before_any_step(network, name):
    stage(name, network).check({"images": (1, 28, 28)})
    with pytest.raises(WrongUse, match=r"\[1, 28, 28\], the data have \[1, 32, 32\]"):
        stage(name, network).check({"images": (1, 32, 32)})


@pytest.mark.parametrize("config", [{"decay": 1.0}, {"decay": -0.1}, {"revive": 0.5}, {"revive": -1}])
def test_values_that_cannot_be_are_refused(network, config):
    with pytest.raises(ValueError, match="decay is a number from 0 to below 1"):
        stage("codes", network, **config)
    with pytest.raises(ValueError, match="commitment is a number"):
        Quantisation(-1)


@pytest.mark.parametrize("name", STAGES)
def test_another_network_is_refused(name):
    with pytest.raises(ValueError, match="no VQ-VAE"):
        stage(name, nn.Linear(2, 2))
