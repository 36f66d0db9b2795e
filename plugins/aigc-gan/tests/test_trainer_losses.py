"""Several losses at once, and what the adversarial trainer gives them: classes, codes, heads, gradients, packs."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import pytest
import torch

from aigc_core.errors import WrongUse
from aigc_core.train.randomness import draw, seed_step
from aigc_core.train.update import Part, Update, measured
from aigc_gan import losses as every
from aigc_gan.pack import packed
from aigc_gan.trainer import AdversarialTrainer

SPEC = importlib.util.spec_from_file_location("tiny", Path(__file__).with_name("tiny.py"))
tiny = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tiny)

UPDATES = ["alternating", "simultaneous"]
CODED = {"code_class_logits": 4, "code_mean": 2, "code_log_variance": 2}
CASES = {
    "least squares": ({"adversarial": every.LeastSquares}, {}, {}),
    "hinge": ({"adversarial": every.Hinge}, {}, {}),
    "wasserstein, clipped": ({"adversarial": every.Wasserstein}, {}, {"clip_weights": 0.1}),
    "wasserstein, penalised": ({"adversarial": every.Wasserstein, "penalty": every.GradientPenalty}, {}, {}),
    "relativistic": ({"adversarial": every.RelativisticAverage}, {}, {}),
    "r1 and r2": ({"adversarial": every.NonSaturating, "one": every.R1, "two": every.R2}, {}, {}),
    "dragan": ({"adversarial": every.Minimax, "near": every.Dragan}, {}, {}),
    "features": ({"adversarial": every.NonSaturating, "features": every.FeatureMatching}, {}, {}),
    "packed": ({"adversarial": every.NonSaturating, "penalty": every.GradientPenalty}, {"pac": 3}, {"pac": 3}),
    "conditional": ({"adversarial": every.Hinge, "penalty": every.GradientPenalty}, {"classes": 4}, {}),
    "classifying": (
        {"adversarial": every.NonSaturating, "class": every.AuxiliaryClassifier},
        {"generator": {"classes": 4}, "heads": {"class_logits": 4}},
        {},
    ),
    "coded": (
        {"adversarial": every.NonSaturating, "information": every.MutualInformation},
        {"generator": {"code_classes": 4, "code_values": 2}, "heads": CODED},
        {},
    ),
    "all at once": (
        {
            "adversarial": every.RelativisticAverage,
            "information": every.MutualInformation,
            "features": every.FeatureMatching,
            "one": every.R1,
            "two": every.R2,
            "mixed": every.GradientPenalty,
            "near": every.Dragan,
        },
        {"generator": {"code_classes": 4, "code_values": 2}, "heads": CODED},
        {},
    ),
}
every_case = pytest.mark.parametrize("case", CASES)
both_updates = pytest.mark.parametrize("update", UPDATES)


def made(case, update="alternating", **config):
    named, networks, own = CASES[case]
    torch.manual_seed(0)
    classes = networks.get("classes", 0)
    generator = tiny.TinyGenerator(**networks.get("generator", {"classes": classes}))
    discriminator = tiny.TinyDiscriminator(classes, networks.get("pac", 1), networks.get("heads", ()))
    losses = {name: kind() for name, kind in named.items()}
    both = {"generator": generator, "discriminator": discriminator}
    return AdversarialTrainer(both, losses, update=update, **own | config)


def part(trainer, rows=6):
    random = torch.Generator().manual_seed(1)
    batch = {"images": torch.rand(rows, *tiny.SHAPE, generator=random) * 2 - 1, "labels": torch.arange(rows) % 4}
    seed_step(1, 0)
    return Part(batch, draw(trainer.noise, rows))


def update_of(trainer, rate=0.1):
    rates = {role: torch.optim.SGD(network.parameters(), rate) for role, network in trainer.networks.items()}
    return Update(trainer, rates, device=torch.device("cpu"))


def weights(trainer):
    return {role: [value.clone() for value in network.parameters()] for role, network in trainer.networks.items()}


def same(one, other):
    return all(torch.equal(*pair) for pair in zip(one, other, strict=True))


@every_case
@both_updates
@pytest.mark.parametrize("rows", [1, 2, 3, 5, 7])
def test_every_size_of_a_batch_works(case, update, rows):
    trainer = made(case, update)
    report = update_of(trainer)([part(trainer, rows)])
    assert all(torch.isfinite(value) and value.numel() == 1 for value in report.values())
    assert {"generator/loss", "discriminator/loss"} <= report.keys()


@every_case
@both_updates
def test_the_loss_is_the_sum_and_every_term_has_its_name(case, update):
    trainer = made(case, update)
    report = update_of(trainer)([part(trainer)])
    for role in trainer.roles:
        own = {name: loss for name, loss in trainer.losses.items() if role in loss.networks}
        rest = [report[f"{role}/{name}-loss"] for name in own if name != "adversarial"]
        named = {name.partition("-")[0] for name in report if name.startswith(f"{role}/") and "-" in name}
        assert named == {f"{role}/{name}" for name in own if name != "adversarial"}
        if "real" in own["adversarial"](role, {"real_logits": torch.zeros(1), "fake_logits": torch.zeros(1)}):
            adversarial = report[f"{role}/real"] + report[f"{role}/fake"]
            torch.testing.assert_close(report[f"{role}/loss"], adversarial + sum(rest, torch.zeros(())))


@every_case
@both_updates
def test_each_gradient_reaches_its_own_network_alone(case, update):
    trainer, order = made(case, update, clip_weights=None), []
    update_ = update_of(trainer)
    real = trainer.step

    def watched(batch, noise):
        for terms in real(batch, noise):
            before = weights(trainer)
            gradients = {role: [value.grad for value in each.parameters()] for role, each in trainer.networks.items()}
            yield terms
            for role, network in trainer.networks.items():
                if role in terms:
                    assert not same(before[role], [*network.parameters()])
                    assert all(value.grad is not None for value in network.parameters()), role
                else:
                    assert same(before[role], [*network.parameters()]), f"{role} was stepped"
                    assert [value.grad for value in network.parameters()] == gradients[role], f"{role} got a gradient"
            order.append(set(terms))

    trainer.step = watched
    update_([part(trainer)])
    assert order == [{"discriminator"}, {"generator"}] if update == "alternating" else [{"discriminator", "generator"}]


@every_case
@both_updates
@pytest.mark.parametrize("role", ["discriminator", "generator"])
def test_a_small_step_of_one_network_lowers_its_loss(case, update, role):
    """The other stands still: a wrong sign anywhere, or a penalty without its graph, does not pass."""
    trainer = made(case, update, clip_weights=None)
    given = part(trainer)

    def loss():
        seed_step(2, 0)
        with torch.no_grad():
            return {key: each["loss"].item() for terms in trainer.step(*given[:2]) for key, each in terms.items()}[role]

    before = loss()
    rates = {
        key: torch.optim.SGD(each.parameters(), 1e-3 if key == role else 0.0) for key, each in trainer.networks.items()
    }
    seed_step(2, 0)
    Update(trainer, rates, device=torch.device("cpu"))([given])
    assert loss() < before


@every_case
def test_measuring_gives_both_and_changes_nothing(case):
    trainer = made(case, critic_steps=3)
    trainer.taken = 1
    given, before = part(trainer), weights(trainer)
    report = measured(trainer, given, update_of(trainer).autocast)
    assert {"generator/loss", "discriminator/loss"} <= report.keys()
    assert not any(value.requires_grad for value in report.values())
    assert all(same(before[role], [*network.parameters()]) for role, network in trainer.networks.items())
    assert all(value.grad is None for network in trainer.networks.values() for value in network.parameters())


@every_case
def test_the_shapes_are_found_right_without_numbers(case):
    trainer = made(case)
    trainer.check({"images": tiny.SHAPE, "labels": ()})
    meta = made(case)
    for role, network in meta.networks.items():
        meta.networks[role] = network.to("meta")
    batch, noise = part(trainer)[:2]
    moved = [{name: value.to("meta") for name, value in each.items()} for each in (batch, noise)]
    assert {role for terms in meta.step(*moved) for role in terms} == set(meta.roles)


# What the networks are given.


def test_a_generators_class_is_its_uniform_and_each_row_is_judged_by_its_own():
    trainer = made("conditional", "simultaneous")
    batch, noise = part(trainer)[:2]
    noise["class"] = torch.tensor([0.0, 0.24, 0.26, 0.5, 0.99, 1 - 2.0**-24])
    list(trainer.step(batch, noise))
    assert trainer.networks["generator"].given[0][1].tolist() == [0, 0, 1, 2, 3, 3]
    judged = [labels.tolist() for _, labels in trainer.networks["discriminator"].given]
    assert judged == [[0, 1, 2, 3, 0, 1, 0, 0, 1, 2, 3, 3], [0, 1, 2, 3, 0, 1]]


def test_a_classifying_discriminator_learns_from_both_kinds_of_labels():
    trainer = made("classifying", "simultaneous")
    seen = {}
    trainer.losses["class"] = lambda role, inputs: seen.setdefault(role, inputs) and {"loss": torch.zeros(())}
    trainer.losses["class"].networks = every.AuxiliaryClassifier.networks
    batch, noise = part(trainer)[:2]
    list(trainer.step(batch, noise))
    assert torch.equal(seen["discriminator"]["labels"], batch["labels"])
    assert torch.equal(seen["discriminator"]["fake_labels"], (noise["class"] * 4).long())
    assert seen["discriminator"]["real_class_logits"].shape == (6, 4)
    assert {labels for _, labels in trainer.networks["discriminator"].given} == {None}  # it is not told what it guesses


def test_codes_are_what_the_images_were_made_with():
    trainer = made("coded")
    batch, noise = part(trainer)[:2]
    seen = []
    real = trainer.losses["information"]
    trainer.losses["information"] = lambda role, inputs: seen.append((role, inputs)) or real(role, inputs)
    trainer.losses["information"].networks = real.networks
    list(trainer.step(batch, noise))
    ((latent, code_class, code_values),) = trainer.networks["generator"].given
    assert torch.equal(latent, noise["latent"])
    assert torch.equal(code_class, (noise["code_class"] * 4).long())
    assert torch.equal(code_values, noise["code_values"] * 2 - 1)
    assert [role for role, _ in seen] == ["discriminator", "generator"]
    for _, inputs in seen:
        assert torch.equal(inputs["code_class"], code_class)
        assert torch.equal(inputs["code_values"], code_values)
        assert inputs["code_class_logits"].shape == (6, 4)


def test_the_mixture_is_drawn_with_the_latents_and_only_for_a_loss_that_mixes():
    assert made("wasserstein, penalised").noise.keys() == {"latent", "mixture"}
    assert made("dragan").noise.keys() == {"latent"}
    assert made("coded").noise.keys() == {"latent", "code_class", "code_values"}
    assert made("conditional").noise.keys() == {"latent", "class", "mixture"}


# Packs.


@pytest.mark.parametrize("rows", range(1, 9))
@both_updates
def test_a_pack_is_judged_at_once_and_what_is_left_over_is_dropped(rows, update):
    trainer = made("packed", update)
    batch, noise = part(trainer, rows)[:2]
    list(trainer.step(batch, noise))
    real, _ = trainer.networks["discriminator"].given[0]
    packs = max(1, rows // 3)
    assert real.shape[1:] == (6, 2, 3)
    for pack in range(packs):
        expected = torch.cat([batch["images"][(3 * pack + at) % rows] for at in range(3)])
        assert torch.equal(real[pack], expected)
    fakes = max(1, max(rows, 2) // 3)  # a lone row gets a second fake
    assert len(real) == packs + fakes


def test_packs_keep_every_number_and_one_is_no_change():
    points = torch.arange(12.0).view(6, 2)
    assert packed(points, 1) is points
    assert packed(points, 3).tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert packed(points, 4).tolist() == [[0, 1, 2, 3, 4, 5, 6, 7]]
    assert packed(points[:1], 3).tolist() == [[0, 1, 0, 1, 0, 1]]


@pytest.mark.parametrize("case", ["conditional", "classifying", "coded"])
def test_packs_of_classes_or_codes_are_refused(case):
    with pytest.raises(ValueError, match="pac is for samples without classes or codes"):
        made(case, pac=2)


# Critics that are updated more often, and clipped.


@both_updates
@pytest.mark.parametrize("every_", [1, 2, 5])
def test_the_generator_is_updated_in_each_nth_step(update, every_):
    trainer = made("hinge", update, critic_steps=every_)
    update_ = update_of(trainer)
    for step in range(11):
        trainer.taken = step
        before = weights(trainer)
        report = update_([part(trainer)])
        assert not same(before["discriminator"], [*trainer.networks["discriminator"].parameters()])
        moved = not same(before["generator"], [*trainer.networks["generator"].parameters()])
        assert moved == (step % every_ == 0) == ("generator/loss" in report)


def test_a_step_of_the_critic_alone_keeps_no_graph_of_the_generator():
    trainer = made("hinge", critic_steps=2)
    trainer.taken = 1
    (terms,) = trainer.step(*part(trainer)[:2])
    before = trainer.networks["generator"].out.weight
    assert torch.autograd.grad(terms["discriminator"]["loss"], before, allow_unused=True) == (None,)


@both_updates
def test_no_weight_of_the_critic_is_larger_than_the_clip(update):
    trainer = made("wasserstein, clipped", update, clip_weights=0.05)
    seen = []
    critic = trainer.networks["discriminator"]
    critic.register_forward_pre_hook(
        lambda module, _: seen.append(max(w.abs().max().item() for w in module.parameters()))
    )
    update_of(trainer, 1.0)([part(trainer)])
    assert seen[0] > 0.05
    assert all(each == pytest.approx(0.05) for each in seen[1:])  # the generator's pass is against the clipped one
    assert max(value.abs().max().item() for value in critic.parameters()) == pytest.approx(0.05)
    assert max(value.abs().max().item() for value in trainer.networks["generator"].parameters()) > 0.05


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"critic_steps": 0}, "critic_steps and pac are whole numbers"),
        ({"critic_steps": 2.0}, "critic_steps and pac are whole numbers"),
        ({"pac": 0}, "critic_steps and pac are whole numbers"),
        ({"pac": True}, "critic_steps and pac are whole numbers"),
        ({"clip_weights": 0}, "clip_weights is a number above 0"),
        ({"clip_weights": math.inf}, "clip_weights is a number above 0"),
        ({"update": "both"}, "update is 'both'"),
    ],
)
def test_a_config_that_cannot_be_is_refused(config, said):
    with pytest.raises(ValueError, match=said):
        made("hinge", **config)


# What does not fit is said.


def test_a_head_that_the_discriminator_lacks_is_named():
    trainer = made("classifying")
    trainer.networks["discriminator"] = tiny.TinyDiscriminator(heads={"other": 3})
    with pytest.raises(WrongUse, match="asks for the discriminator's class_logits, and it has features, other"):
        list(trainer.step(*part(trainer)[:2]))


@pytest.mark.parametrize("case", ["conditional", "classifying"])
def test_data_without_classes_are_named(case):
    with pytest.raises(WrongUse, match="looks at each image's class, and the data have none"):
        made(case).check({"images": tiny.SHAPE})


def test_a_discriminator_of_other_packs_is_named():
    trainer = made("packed", pac=2)
    with pytest.raises(WrongUse, match=r"the discriminator cannot take rows of shape \[4, 2, 3\]"):
        trainer.check({"images": tiny.SHAPE})


# Warnings.


def test_warnings_set_other_losses_aside_and_wait_for_the_generator():
    trainer = made("r1 and r2", "simultaneous")
    pair = {"discriminator/loss": 0.08 + 7.0, "discriminator/one-loss": 5.0, "discriminator/two-loss": 2.0}
    assert trainer.warnings(pair) == []  # no generator's step in this window
    (said,) = trainer.warnings(pair | {"generator/loss": 0.13})
    assert said.startswith("The generator's loss is 0.13, but where the discriminator's is 0.08")


def test_scores_that_are_no_cross_entropy_are_not_taken_for_one():
    for case in ("wasserstein, penalised", "hinge", "least squares"):
        assert made(case).warnings({"discriminator/loss": 0.001, "generator/loss": 0.1}) == []


# Saboteurs.


def test_labels_of_real_and_fake_that_are_swapped_are_found(monkeypatch):
    real = AdversarialTrainer._seen

    def swapped(self, batch, given, fake):
        one, other = real(self, batch, given, fake)
        return one._replace(labels=other.labels), other._replace(labels=one.labels)

    monkeypatch.setattr(AdversarialTrainer, "_seen", swapped)
    with pytest.raises(AssertionError):
        test_a_generators_class_is_its_uniform_and_each_row_is_judged_by_its_own()


def test_packs_of_the_wrong_rows_are_found(monkeypatch):
    monkeypatch.setattr(
        "aigc_gan.trainer.packed", lambda samples, pac: packed(samples[torch.arange(len(samples)).flip(0)], pac)
    )
    with pytest.raises(AssertionError):
        test_a_pack_is_judged_at_once_and_what_is_left_over_is_dropped(7, "alternating")


def test_a_penalty_of_the_wrong_sign_is_found(monkeypatch):
    """What updates has the wrong sign, what is measured the right one."""
    real = every.GradientPenalty.__call__

    def lying(self, network, inputs):
        terms = real(self, network, inputs)
        return {**terms, "loss": -terms["loss"]} if torch.is_grad_enabled() else terms

    monkeypatch.setattr(every.GradientPenalty, "__call__", lying)
    with pytest.raises(AssertionError):
        test_a_small_step_of_one_network_lowers_its_loss("wasserstein, penalised", "alternating", "discriminator")


@pytest.mark.slow
def test_a_penalised_critic_learns_the_distance_of_two_point_masses():
    """Kantorovich and Rubinstein, by training: the means are as far apart as the points, but for the penalty."""
    torch.manual_seed(0)
    real = torch.full((16, *tiny.SHAPE), 0.9)
    trainer = made("wasserstein, penalised", critic_steps=10**6)
    generator = trainer.networks["generator"]
    with torch.no_grad():
        generator.out.weight.zero_()
        generator.out.bias.fill_(math.atanh(0.1))
    rates = {role: torch.optim.Adam(each.parameters(), 1e-2) for role, each in trainer.networks.items()}
    update_ = Update(trainer, rates, device=torch.device("cpu"))
    for step in range(1, 1500):
        trainer.taken = step
        seed_step(1, step)
        report = update_([Part({"images": real}, draw(trainer.noise, 16))])
    distance = 0.8 * math.sqrt(tiny.WIDTH)
    slope = 1 + distance / 20  # where -distance x slope + 10 (slope - 1)^2 is least
    assert report["discriminator/distance"].item() == pytest.approx(slope * distance, rel=0.01)
