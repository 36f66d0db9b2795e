"""What every trainer must keep, shown of every recipe that an installed plugin ships; and that each check can fail."""

from __future__ import annotations

import copy
import json
import math
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

import aigc_core
from aigc_core.errors import CheckFailed, NotAvailable, WrongUse, ZooError
from aigc_core.interfaces import Discriminator, Loss, Trainer
from aigc_core.manifest.validate import validate_model
from aigc_core.train.checks import unused_parameters
from aigc_core.train.plan import plan
from aigc_core.train.randomness import draw, seed_step
from aigc_core.train.recipe import installed
from aigc_core.train.update import Part, measured

RECIPES = sorted(installed())
"""Every recipe of every plugin that is installed: a new family is tested by being there."""
every_recipe = pytest.mark.parametrize("name", RECIPES)


@pytest.fixture
def made(training, name):
    """A training of each recipe, with dropout where its networks have any."""
    return training(name)


def batch_of(training, rows, seed=1):
    """Return so many rows as a step sees them, and their noise."""
    indices = torch.randperm(len(training.data.train), generator=torch.Generator().manual_seed(seed))[:rows]
    batches = copy.copy(training.batches)
    batches.indices = lambda step: indices
    seed_step(seed, 0)
    return Part(batches.batch(0), draw(training.trainer.noise, rows))


def weights(training):
    return {
        f"{role}.{name}": value.clone()
        for role, network in training.networks.items()
        for name, value in network.named_parameters()
    }


def gradients(training):
    return {
        f"{role}.{name}": None if value.grad is None else value.grad.clone()
        for role, network in training.networks.items()
        for name, value in network.named_parameters()
    }


def changed(before, after):
    """Return which tensors are no longer what they were, to the bit."""
    same = lambda one, other: one is other if one is None or other is None else torch.equal(one, other)  # noqa: E731
    return {name for name in before if not same(before[name], after[name])}


def roles_of(names):
    return {name.partition(".")[0] for name in names}


def everything(training):
    tensors, state = training.state()
    return {name: value.clone() for name, value in tensors.items()}, json.loads(json.dumps(state))


def assert_equal_states(one, other):
    assert one[1] == other[1]
    assert one[0].keys() == other[0].keys()
    assert changed(one[0], other[0]) == set()


def without_chance(training):
    """Turn off batch norm's use of the batch, and dropout: then a batch's mean is the mean of its parts' means."""
    for network in training.networks.values():
        network.eval()
    return training


def plain(made_small, rate, **rates):
    """Return changes to a recipe that make each optimizer the plainest there is."""
    roles = made_small["optimizers"]
    spec = {role: {"kind": "sgd", "learning_rate": rates.get(role, rate)} for role in roles}
    return [f"optimizers.{role}={json.dumps(each)}" for role, each in spec.items()] + ["clip=null", "schedule.warmup=0"]


def dropped(made_small):
    """Return changes that give every network that can have dropout some."""
    return [
        f"networks.{role}.config.dropout=0.3"
        for role, each in made_small["networks"].items()
        if "dropout" in each["config"]
    ]


# The protocol, and what is checked before the first step.


@every_recipe
def test_it_keeps_the_protocols(made):
    trainer = made.trainer
    assert isinstance(trainer, Trainer)
    assert trainer.networks.keys() == trainer.roles.keys() == made.optimizers.keys()
    assert next(iter(trainer.roles.values())) == "networks"
    assert trainer.weight(batch_of(made, 3).batch) > 0
    for role, kind in trainer.roles.items():
        assert kind != "discriminators" or isinstance(made.networks[role], Discriminator)
    losses = [value for value in vars(trainer).values() if isinstance(value, Loss)]
    assert losses
    assert all(loss.networks.keys() <= trainer.roles.keys() for loss in losses)


@every_recipe
def test_the_plan_counts_what_is_there_and_touches_nothing(made, small, synthetic, name):
    before = everything(made)
    planned = plan(made.recipe, made.data)
    assert_equal_states(before, everything(made))
    assert gradients(made).keys() == {key for key, value in gradients(made).items() if value is None}
    assert planned.parameters == {
        role: sum(value.numel() for value in network.parameters()) for role, network in made.networks.items()
    }
    assert planned.rows == {"train": 11}
    assert planned.per_epoch == 3
    assert planned.steps == made.recipe["budget"]["steps"]
    assert planned.shapes == {key: tuple(value.shape[1:]) for key, value in made.batches.batch(0).items()}
    assert all(size > 0 for size in planned.memory.values())


@every_recipe
def test_equal_seeds_give_equal_first_weights_and_other_seeds_others(training, name):
    one, same, other = training(name), training(name), training(name, "seed=77")
    assert changed(weights(one), weights(same)) == set()
    assert roles_of(changed(weights(one), weights(other))) == set(one.networks)


# Whose gradient reaches whom.


def watch_isolation(training):
    """Have a trainer's every update checked: what the step itself does, and what the update does to other networks."""
    real, seen = training.trainer.step, []

    def step(batch, noise):
        at = weights(training), gradients(training)
        for terms in real(batch, noise):
            now = weights(training), gradients(training)
            assert changed(at[0], now[0]) == set(), "the trainer itself changed weights"
            assert changed(at[1], now[1]) == set(), "the trainer itself made gradients"
            yield terms
            at = weights(training), gradients(training)
            assert roles_of(changed(now[0], at[0])) <= set(terms), "another network was stepped"
            assert roles_of(changed(now[1], at[1])) <= set(terms), "another network got a gradient"
            seen.append(set(terms))

    training.trainer.step = step
    return seen


@every_recipe
def test_each_losss_gradient_reaches_its_own_network_alone(made):
    seen = watch_isolation(made)
    for _ in range(2):  # the second time there are gradients that could be disturbed
        made.advance()
    assert set().union(*seen) == set(made.networks)


@every_recipe
def test_every_parameter_gets_a_gradient(made):
    made.advance()
    assert unused_parameters(made.trainer.networks) == []


@every_recipe
def test_a_small_step_against_the_gradient_lowers_that_networks_loss(training, small, name):
    """Of each network with the others standing still: a wrong sign, or one loss for two networks, does not pass."""
    for role in small(name)["networks"]:
        rate = 1e-4 if "penalty" in small(name)["losses"] else 1e-3  # a penalty bends the loss nearby
        made = training(name, *plain(small(name), 1e-12, **{role: rate}))
        assert falls(made, role)


def falls(made, role):
    part = batch_of(made, 4)

    def losses():
        with torch.no_grad():
            seed_step(3, 3)
            found = {}
            for terms in made.trainer.step(part.batch, part.noise):
                found |= {key: each["loss"].item() for key, each in terms.items()}
        return found

    for _ in range(5):  # a codebook's first steps change more than any gradient
        made.advance()
    before = losses()
    for optimizer in made.optimizers.values():
        for group in optimizer.param_groups:
            group["lr"] = group["lr"] if group["lr"] > 1e-9 else 0.0
    seed_step(3, 3)
    made.update([part])
    return losses()[role] < before[role]


# Any size of a batch.


@every_recipe
@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_a_batch_of_any_size_works(made, rows):
    report = made.update([batch_of(made, rows)])
    assert all(torch.isfinite(value) and value.numel() == 1 and not value.requires_grad for value in report.values())
    assert {f"{role}/loss" for role in made.networks} <= report.keys()
    assert all(torch.isfinite(value).all() for value in everything(made)[0].values() if value.is_floating_point())


@every_recipe
def test_an_epochs_odd_last_batch_works(training, name):
    made = training(name, "data.order=shuffle", "data.batch_size=5")
    sizes = [len(made.batches.indices(step)) for step in range(4)]
    assert sizes == [5, 5, 1, 5]
    for _ in sizes:
        assert all(map(torch.isfinite, made.advance().values()))


@every_recipe
def test_every_row_is_seen_once_an_epoch(training, name):
    made = training(name, "data.order=shuffle")
    seen = []
    real = made.data.train.take
    made.data.train.take = lambda indices: seen.extend(indices.tolist()) or real(indices)
    for _ in range(made.batches.per_epoch):
        made.advance()
    assert sorted(seen) == list(range(11))


# A step is a function of state, batch, seed and step.


def perturb():
    torch.rand(3), random.random(), np.random.rand(3)


@every_recipe
def test_a_step_is_a_function_of_state_batch_seed_and_step(training, small, name):
    one, other = (training(name, *dropped(small(name))) for _ in range(2))
    for _ in range(4):
        one.advance()
    for _ in range(4):
        perturb()
        other.advance()
    assert_equal_states(everything(one), everything(other))


@every_recipe
def test_another_seed_of_a_step_gives_another_step(training, small, name):
    one, other = (training(name, *dropped(small(name))) for _ in range(2))
    if not one.trainer.noise and not dropped(small(name)):
        pytest.skip("nothing is drawn in its step")
    batch = batch_of(one, 4).batch
    for made, seed in ((one, 1), (other, 2)):
        seed_step(seed, 0)
        made.update([Part(batch, draw(made.trainer.noise, 4))])
    assert changed(everything(one)[0], everything(other)[0])


@every_recipe
def test_a_state_goes_out_and_in_to_the_bit(training, small, name):
    changes = [*dropped(small(name)), "ema=0.9"]
    straight, stopped, again = training(name, *changes), training(name, *changes), training(name, *changes)
    for _ in range(5):
        straight.advance()
    for _ in range(2):
        stopped.advance()
    tensors, state = everything(stopped)
    with torch.no_grad():
        for network in again.networks.values():
            for value in network.parameters():
                value.add_(1)
    again.load_state(tensors, state)
    for _ in range(3):
        again.advance()
    assert_equal_states(everything(straight), everything(again))
    assert everything(again)[0].keys() >= {
        f"average.{key}" for key, _ in again.networks[again.model_role].named_parameters()
    }


@every_recipe
def test_a_state_before_the_first_step_can_be_restored(training, name):
    one, other = training(name), training(name, "seed=9")
    other.load_state(*everything(one))
    assert changed(weights(one), weights(other)) == set()


FAULTS = {
    "missing weight": (lambda made, tensors: tensors.pop(next(iter(tensors))), "not in both"),
    "extra tensor": (lambda made, tensors: tensors.update({"critic.weight": torch.zeros(1)}), "critic.weight"),
    "misshapen weight": (
        lambda made, tensors: tensors.update({next(iter(tensors)): torch.zeros(2, 2, 2)}),
        r"has shape \(2, 2, 2\), not",
    ),
    "misshapen moment": (lambda made, tensors: tensors.update({moment(made): torch.zeros(2, 1, 1)}), "exp_avg"),
    "missing moment": (lambda made, tensors: tensors.pop(moment(made)), "lacks exp_avg"),
    "extra moment": (
        lambda made, tensors: tensors.update({moment(made).replace(".0.", ".9999."): torch.zeros(2)}),
        "9999.exp_avg",
    ),
}


def moment(made):
    return f"optimizer.{made.model_role}.0.exp_avg"


@every_recipe
@pytest.mark.parametrize("fault", FAULTS)
def test_a_state_that_does_not_fit_is_refused(training, name, fault):
    made, (spoil, said) = training(name), FAULTS[fault]
    made.advance()
    tensors, state = everything(made)
    spoil(made, tensors)
    with pytest.raises(ValueError, match=said):
        training(name).load_state(tensors, state)


# Measuring, accumulating, clipping.


@every_recipe
def test_measuring_changes_nothing(training, small, name):
    made = training(name, *dropped(small(name)))
    made.advance()
    before, grads = everything(made), gradients(made)
    modes = {id(module): module.training for network in made.networks.values() for module in network.modules()}
    report = measured(made.trainer, batch_of(made, 3), made.update.autocast)
    assert all(torch.isfinite(value) and not value.requires_grad for value in report.values())
    assert_equal_states(before, everything(made))
    assert changed(grads, gradients(made)) == set()
    assert modes == {id(module): module.training for network in made.networks.values() for module in network.modules()}


@every_recipe
def test_every_pass_of_a_step_runs_in_training_mode(made):
    """A step's passes in different modes of batch norm are the literature's: one network, two behaviours."""
    modes = []
    for network in made.networks.values():
        for module in network.modules():
            module.register_forward_pre_hook(lambda module, _: modes.append(module.training))
    made.advance()
    assert modes
    assert all(modes)
    assert all(module.training for network in made.networks.values() for module in network.modules())


LOOSER = 1 if torch.backends.cpu.get_cpu_capability() == "AVX512" else 5
"""With AVX2, sums of IWAE's weighed gradients round up to 3.6 times as far apart."""


@every_recipe
@pytest.mark.parametrize(("rows", "parts"), [(6, 2), (6, 3), (5, 2)])
def test_accumulated_parts_equal_the_whole_batch(training, small, name, rows, parts):
    # A batch of 5 makes parts of 3 and 2 rows; documents differ in length, so a part's share is no share of rows.
    changes = [*plain(small(name), 0.01), f"data.batch_size={rows}"]
    whole, cut = training(name, *changes), training(name, *changes, f"accumulate={parts}")
    reports = [without_chance(each).advance() for each in (whole, cut)]
    for key, value in reports[0].items():
        torch.testing.assert_close(reports[1][key], value, rtol=1e-5, atol=1e-6)
    for key, value in gradients(whole).items():
        if value is None:  # a frozen part has none
            assert gradients(cut)[key] is None
            continue
        rounding = max(1e-6, 1e-5 * LOOSER * value.abs().max().item())  # goes with what is added up, not with the sum
        torch.testing.assert_close(gradients(cut)[key], value, rtol=1e-4, atol=rounding)
    for key, value in weights(whole).items():
        torch.testing.assert_close(weights(cut)[key], value, rtol=1e-5, atol=1e-7 * LOOSER)


def test_shares_by_rows_would_not_equal_the_whole_batch_of_documents(training, small):
    """Saboteur: with each row the same weight, the check above fails for texts of unequal length."""
    changes = [*plain(small("names"), 0.01), "data.batch_size=5"]
    whole, cut = training("names", *changes), training("names", *changes, "accumulate=2")
    cut.trainer.weight = lambda batch: float(len(batch["tokens"]))
    one, other = (without_chance(each).advance()["decoder/loss"] for each in (whole, cut))
    with pytest.raises(AssertionError):
        torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-6)


def norm(network):
    given = [value.grad for value in network.parameters() if value.grad is not None]  # a frozen part has none
    return math.sqrt(sum(gradient.double().square().sum().item() for gradient in given))


@every_recipe
def test_clipping_bounds_each_networks_gradient(training, name):
    free, bound = training(name, "clip=null"), training(name, "clip=0.001")
    for made in (free, bound):
        made.advance()
    assert all(norm(network) > 0.0011 for network in free.networks.values())
    assert all(norm(network) <= 0.001 * (1 + 1e-5) for network in bound.networks.values())


def lacks_recurrence_in_bfloat16():
    """Say whether this processor has no such kernel: oneDNN's LSTM takes AVX-512 for it."""
    try:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            torch.nn.LSTM(8, 8)(torch.zeros(1, 1, 8))
    except RuntimeError:
        return True
    return False


@every_recipe
def test_bfloat16_comes_near_float32(training, name):
    exact, rough = training(name), training(name, "compute.precision=bfloat16")
    has_lstm = any(isinstance(part, torch.nn.LSTM) for net in rough.networks.values() for part in net.modules())
    if has_lstm and lacks_recurrence_in_bfloat16():
        pytest.skip("this processor has no LSTM in bfloat16")
    report = rough.advance()
    for key, value in exact.advance().items():
        torch.testing.assert_close(report[key].float(), value, rtol=0.02, atol=0.02)
    assert {value.dtype for value in weights(rough).values()} == {torch.float32}


# Closed forms: with every weight 0, each loss is what it is where nothing is known.


def ignorant(training):
    with torch.no_grad():
        for network in training.networks.values():
            for value in network.parameters():
                value.zero_()
    part = batch_of(training, 4)
    return {key: value.item() for key, value in measured(training.trainer, part, training.update.autocast).items()}


KNOWN = {
    "gan:adversarial": lambda made: adversarial_of_nothing(made),
    "gan:pix2pix": lambda made: {
        "discriminator/loss": 2 * math.log(2),
        "generator/loss": math.log(2) + made.recipe["losses"]["l1"]["config"]["weight"] * of_grey(made, 1),
    },
    "gan:cycle": lambda made: {
        "discriminator/loss": 1.0,  # least squares, of two discriminators
        "generator/loss": 1.0 + made.recipe["losses"]["cycle"]["config"]["weight"] * 2 * of_grey(made, 0),
    },
    "vae:evidence": lambda made: evidence_of_nothing(made),
    "vae:likelihood": lambda made: {"density/loss": 784 * math.log(2)},
    "vae:vae-gan": lambda made: {
        "discriminator/loss": 2 * math.log(2),
        "autoencoder/loss": math.log(2) / made.trainer.gamma,
        "autoencoder/kl": 0.0,
        "autoencoder/reconstruction": 0.0,
    },
    "vae:vq": lambda made: {"autoencoder/reconstruction": 784 * math.log(2)},
    "vae:code-prior": lambda made: {"autoencoder/loss": math.log(len(made.networks["autoencoder"].codebook.uses))},
    "text:next-token": lambda made: {"decoder/loss": math.log(made.networks["decoder"].tokens.num_embeddings)},
}


def adversarial_of_nothing(made):
    """Every logit is 0, no image changes one, and no code can be read off an image."""
    scores = made.recipe["losses"]["adversarial"] == "gan:wasserstein"
    known = {"discriminator/loss": 0.0, "generator/loss": 0.0}
    if not scores:
        known = {"discriminator/loss": 2 * math.log(2), "generator/loss": math.log(2)}
    for name, loss in made.trainer.losses.items():
        if "mixed_gradients" in loss.networks.get("discriminator", ()):
            known["discriminator/loss"] += loss.weight
        if "real_class_logits" in loss.networks.get("discriminator", ()):  # told of real images and of made ones
            of_guessing = loss.weight * math.log(made.recipe["networks"]["discriminator"]["config"]["classes"])
            known["discriminator/loss"] += 2 * of_guessing
            known["generator/loss"] += of_guessing
        if "code_class" in loss.networks["generator" if "generator" in loss.networks else "discriminator"]:
            known = {f"{role}/{name}-class_bound": 0.0 for role in made.networks}
    return known


def of_grey(made, first):
    """How far the images from a channel on are, on average, from the grey that a network of zeros makes."""
    return batch_of(made, 4).batch["images"][:, first:].abs().mean().item()


def evidence_of_nothing(made):
    """The posterior is the prior, whatever is drawn; a pixel costs what its likelihood says of zeros."""
    likelihood = made.networks["autoencoder"].likelihood
    nothing = torch.zeros(4, likelihood.per_value, 28, 28)
    whole = -likelihood.log_prob(nothing, batch_of(made, 4).batch["images"]).mean().item()
    assert type(likelihood).__name__ != "Bernoulli" or whole == pytest.approx(784 * math.log(2), rel=1e-5)
    return {"autoencoder/loss": whole} | ({"autoencoder/kl": 0.0} if "divergence" in made.trainer.wanted else {})


@every_recipe
def test_where_nothing_is_known_each_loss_has_its_closed_form(made):
    if made.recipe["trainer"]["use"] not in KNOWN:
        pytest.skip("no closed form is known of this family")
    if any(map(is_parametrized, (module for network in made.networks.values() for module in network.modules()))):
        pytest.skip("a matrix of zeros has no largest direction that it could be divided by")
    found = ignorant(made)
    for key, value in KNOWN[made.recipe["trainer"]["use"]](made).items():
        assert found[key] == pytest.approx(value, rel=1e-5, abs=1e-5), key


# The end.


def _some(model):
    """Return two samples of a model, or what it makes of two images."""
    if "generate" in model.manifest.capabilities:
        return model.generate(2, seed=1)
    random = np.random.default_rng(1)
    return model.translate(random.integers(0, 256, (2, *model.manifest.input["shape"]), np.uint8))


@every_recipe
def test_what_it_exports_is_valid_and_runs(training, loop, tmp_path, name):
    made = training(name, "budget.steps=3", "samples.every=2", "samples.count=2")
    around = loop(made)
    assert around.run()
    assert validate_model(str(tmp_path / "aigc-zoo.json")) == []
    model = aigc_core.load(f"{tmp_path}/")
    samples, again = _some(model), _some(model)
    assert len(samples.values) == 2
    if samples.kind == "image":
        assert np.isfinite(samples.values).all()
        low, high = samples.range if hasattr(samples, "range") else made.recipe["data"]["range"]
        assert low <= samples.values.min() <= samples.values.max() <= high
    assert np.array_equal(samples.values, again.values)
    manifest = json.loads((tmp_path / "aigc-zoo.json").read_text())
    assert manifest["origin"]["steps"] == 3
    assert manifest["origin"]["seed"] == made.recipe["seed"]
    assert all(math.isfinite(value) for value in manifest["origin"]["final_losses"].values())
    assert [event["step"] for event in around.heard if event["kind"] == "train-samples"] == [2]
    assert around.heard[0]["kind"] == "train-begin"
    assert around.heard[-1]["kind"] == "train-end"


# Saboteurs: each fault of the literature, put into every family that it can be in.


def test_a_trainer_that_forgets_to_detach_trains_as_one_that_does_not(training, in_place_of):
    honest = training("dcgan-digits", "trainer.config.update=alternating")

    def forgetful(kind):
        class Forgetful(kind):
            def step(self, batch, noise):
                fake = self.networks["generator"](noise["latent"])
                real, fooled = self.networks["discriminator"](torch.cat([batch["images"], fake])).chunk(2)
                yield {"discriminator": self.loss("discriminator", {"real_logits": real, "fake_logits": fooled})}
                yield {"generator": self.loss("generator", {"fake_logits": self.networks["discriminator"](fake)})}

        return Forgetful

    in_place_of("trainers", forgetful)
    careless = training("dcgan-digits", "trainer.config.update=alternating")
    watch_isolation(careless)
    for _ in range(3):
        honest.advance()
        careless.advance()
    assert_equal_states(everything(honest), everything(careless))


def spoiled(name, training, in_place_of, spoil):
    """Return a training whose trainer's terms, with itself, go through ``spoil``."""

    def change(kind):
        class Spoiled(kind):
            def step(self, batch, noise):
                for terms in super().step(batch, noise):
                    yield spoil(self, terms)

        return Spoiled

    in_place_of("trainers", change)
    return training(name)


def step_all(trainer, terms):
    with torch.no_grad():
        for network in trainer.networks.values():
            for value in network.parameters():
                value.sub_(1e-3)
    return terms


def backward_all(trainer, terms):
    if torch.is_grad_enabled():
        next(iter(terms.values()))["loss"].backward(retain_graph=True)
    return terms


@every_recipe
@pytest.mark.parametrize(
    ("spoil", "said"),
    [(step_all, "changed weights"), (backward_all, "made gradients")],
    ids=["steps", "differentiates"],
)
def test_a_trainer_that_steps_a_network_by_itself_is_found(training, in_place_of, name, spoil, said):
    made = spoiled(name, training, in_place_of, spoil)
    watch_isolation(made)
    with pytest.raises(NotAvailable, match=said):  # the watch's assertion, as the step's failure
        made.advance()


@every_recipe
def test_a_loss_of_the_wrong_sign_is_found(training, small, name):
    role = next(iter(small(name)["networks"]))
    made = training(name, *plain(small(name), 1e-12, **{role: 1e-3}))
    made.update.trainer = copy.copy(made.trainer)  # what updates has the wrong sign, what judges has the right one
    made.update.trainer.step = lambda batch, noise: (
        {key: {**each, "loss": -each["loss"]} for key, each in terms.items()}
        for terms in made.trainer.step(batch, noise)
    )
    assert not falls(made, role)


@every_recipe
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda trainer, terms: {role: {} for role in terms}, r"gives \w+ no scalar loss"),
        (
            lambda trainer, terms: {role: {"loss": each["loss"].expand(2)} for role, each in terms.items()},
            "no scalar loss",
        ),
        (
            lambda trainer, terms: {role: each | {"extra": torch.zeros(3)} for role, each in terms.items()},
            "no scalar extra",
        ),
        (lambda trainer, terms: {}, "yields no terms by role"),
        (lambda trainer, terms: {"critic": next(iter(terms.values()))}, "yields no terms by role"),
        (lambda trainer, terms: next(iter(terms.values()))["loss"], "yields no terms by role"),
    ],
    ids=["no loss", "a vector", "a vector beside it", "nothing", "unknown role", "bare"],
)
def test_a_trainer_that_gives_no_loss_is_found_before_the_first_step(training, in_place_of, name, spoil, said):
    made = spoiled(name, training, in_place_of, spoil)
    with pytest.raises(WrongUse, match=said):
        plan(made.recipe, made.data)


def with_idle_layer(kind):
    class Idle(kind):
        def __init__(self, *given, **config):
            super().__init__(*given, **config)
            self.forgotten = nn.Linear(3, 3)

    return Idle


@every_recipe
def test_a_layer_that_is_never_called_is_reported(training, in_place_of, loop, name):
    in_place_of("networks", with_idle_layer)
    made = training(name, "budget.steps=1")
    made.advance()
    idle = f"{made.model_role}.forgotten"
    assert unused_parameters(made.networks) == [f"{idle}.weight", f"{idle}.bias"]
    strict = loop(training(name, "budget.steps=1"), strict=True)
    with pytest.raises(CheckFailed, match=rf"Nothing trains {idle}\.weight"):
        strict.run()


def test_a_layer_assigned_twice_is_named_where_its_sizes_do_not_fit(training, in_place_of):
    """The first is lost without a trace; what is left is fed what was meant for the first."""

    def twice(kind):
        class Twice(kind):
            def __init__(self, latent_dim=6, width=4):
                super().__init__(latent_dim, width)
                self.project = nn.Linear(128, 3)

        return Twice

    in_place_of("networks", twice)
    made = training("dcgan-digits")
    with pytest.raises(WrongUse, match=r"the generator cannot take rows of shape \[6\]: layer project, given \[2, 6\]"):
        plan(made.recipe, made.data)


def test_a_layer_assigned_twice_that_fits_shows_in_the_count_of_parameters(training, small, synthetic, in_place_of):
    honest = plan(small("vae-digits"), synthetic(small("vae-digits")))

    def twice(kind):
        class Twice(kind):
            def __init__(self, hidden=16, latent_dim=6):
                super().__init__(hidden, latent_dim)
                self.decoder = self.pixels = nn.Linear(latent_dim, 784)

            def decode(self, latent, labels=None):
                return self.pixels(latent).view(-1, 1, 28, 28)

        return Twice

    in_place_of("networks", twice)
    assert plan(small("vae-digits"), synthetic(small("vae-digits"))).parameters != honest.parameters


def squashing(kind):
    class Squashing(kind):
        def forward(self, images):
            return torch.sigmoid(super().forward(images))

    return Squashing


def test_probabilities_given_as_logits_miss_the_closed_form(training, in_place_of):
    """A discriminator that ends in a sigmoid: its loss never gets below 1.0064, nor is it 2 ln 2 at a half."""
    in_place_of("discriminators", squashing)
    found = ignorant(training("dcgan-digits"))["discriminator/loss"]
    assert found != pytest.approx(2 * math.log(2), rel=1e-2)
    assert found == pytest.approx(math.log1p(math.exp(-0.5)) + math.log1p(math.exp(0.5)), rel=1e-5)


def images_of(name, small):
    return "form" not in small(name)["data"]


@every_recipe
def test_data_in_another_range_than_the_models_are_reported(training, small, loop, name):
    if not images_of(name, small):
        pytest.skip("tokens have no range")
    low = small(name)["data"]["range"][0]
    wrong = "[0, 1]" if low < 0 else "[-1, 1]"
    around = loop(training(name, f"data.range={wrong}", "budget.steps=1"))
    around._look_at_data()
    (said,) = around.watch.said
    assert "the model's range is" in said
    assert [event["kind"] for event in around.heard] == ["train-warning"]
    fine = loop(training(name))
    fine._look_at_data()
    assert fine.watch.said == []
    with pytest.raises(CheckFailed, match="the model's range is"):
        loop(training(name, f"data.range={wrong}"), strict=True).run()


@every_recipe
@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 32, 32), (3, 28, 28)])
def test_images_of_another_size_are_named_with_both_sizes(small, synthetic, name, shape):
    if not images_of(name, small):
        pytest.skip("texts have no size")
    made = small(name)
    if tuple(synthetic(made).facts["shape"]) == shape:
        pytest.skip("it is the model's own")
    with pytest.raises(WrongUse) as error:
        plan(made, synthetic(made, shape=shape))
    size = shape[0] * shape[1] * shape[2]
    assert str(list(shape)) in str(error.value) or str(size) in str(error.value)


def test_a_latent_of_another_size_is_named_with_the_layer(training, in_place_of):
    """128 declared, 100 drawn."""

    def lying(kind):
        class Lying(kind):
            def __init__(self, latent_dim=6, width=4):
                super().__init__(128, width)
                self.latent_dim = 100

        return Lying

    in_place_of("networks", lying)
    made = training("dcgan-digits")
    with pytest.raises(WrongUse, match=r"cannot take rows of shape \[100\]: layer project, given \[2, 100\].*128"):
        plan(made.recipe, made.data)


def test_a_discriminator_that_flattens_rows_together_is_named(training, in_place_of):
    def mixing(kind):
        class Mixing(kind):
            def forward(self, images):
                return self.score(self.down1(images).reshape(-1, 16))

        return Mixing

    in_place_of("discriminators", mixing)
    made = training("dcgan-digits")
    with pytest.raises(WrongUse, match=r"the discriminator cannot take .*: layer score, given \[98, 16\]"):
        plan(made.recipe, made.data)


@pytest.mark.parametrize("name", [name for name in RECIPES if name in ("char-shakespeare", "names", "tang-poems")])
def test_a_text_longer_than_the_networks_block_is_named_with_the_layer(small, synthetic, name):
    made = small(name, "networks.decoder.config.block=4")
    with pytest.raises(WrongUse, match=r"do not fit the data: .*layer decoder\.\w+, given \[4, 8\]"):
        plan(made, synthetic(made))


@every_recipe
def test_a_loss_that_is_not_finite_is_named_with_step_rows_and_layer(training, loop, name):
    made = training(name, "budget.steps=7")  # until the model is updated, which a critic is more often
    made.advance()
    with torch.no_grad():
        next(made.networks[made.model_role].parameters()).fill_(math.nan)
    around = loop(made)
    with pytest.raises(CheckFailed, match="weights are not finite"):
        around.run()
    said = next(text for text in around.watch.said if "At step 2" in text)
    assert made.model_role in said
    rows = ", ".join(map(str, made.batches.indices(1).tolist()))
    assert f"rows {rows} of the data" in said


@every_recipe
@pytest.mark.parametrize("field", ["no-such-field", "width"])
def test_a_networks_wrong_config_is_named(small, synthetic, name, field):
    role = next(iter(small(name)["networks"]))
    value = '"wide"' if field == "width" else 3
    made = small(name, f"networks.{role}.config.{field}={value}")
    with pytest.raises(ZooError, match=rf"networks\.{role}\.config"):
        plan(made, synthetic(made))


@every_recipe
def test_roles_that_the_trainer_does_not_have_are_named(small, synthetic, name):
    made = small(name)
    made["optimizers"]["critic"] = {"kind": "sgd", "learning_rate": 1.0}
    with pytest.raises(WrongUse, match="critic"):
        plan(made, synthetic(made))
