"""The update step and its loss: a likelihood in nats a token, whatever is masked and however a batch is cut."""

import math

import pytest
import torch
from torch import nn

from aigc_core.interfaces import Loss, Trainer
from aigc_core.train.checks import unused_parameters
from aigc_text.losses import CrossEntropy
from aigc_text.networks import CharTransformer
from aigc_text.trainer import NextTokenTrainer


def network(kind=CharTransformer, **config):
    torch.manual_seed(0)
    made = kind("abcd", **{"block": 8, "layers": 2, "heads": 2, "width": 8, "bias": True} | config)
    made.initialise()
    return made


def trainer(made=None):
    return NextTokenTrainer({"decoder": made or network()}, {"next": CrossEntropy()})


def batch(count=5, length=8, masked=False):
    text = torch.randint(4, (count, length + 1), generator=torch.Generator().manual_seed(1))
    targets = text[:, 1:].clone()
    if masked:
        for row in range(count):
            targets[row, 1 + row :] = -100
    return {"tokens": text[:, :-1], "targets": targets}


def loss(made, given):
    (found,) = made.step(given, {})
    assert found.keys() == {"decoder"}
    return found["decoder"]["loss"]


def test_keeps_the_contracts():
    assert isinstance(trainer(), Trainer)
    assert isinstance(CrossEntropy(), Loss)
    assert trainer().roles == {"decoder": "networks"}
    assert not trainer().noise


@pytest.mark.parametrize("name", CrossEntropy.networks["decoder"])
def test_a_missing_input_is_named(name):
    given = {"logits": torch.zeros(1, 2, 3), "targets": torch.zeros(1, 2, dtype=torch.int64)}
    del given[name]
    with pytest.raises(KeyError, match=name):
        CrossEntropy()("decoder", given)


@pytest.mark.parametrize("tokens", [2, 65])
def test_knowing_nothing_costs_the_log_of_the_vocabulary(tokens):
    given = {"logits": torch.zeros(3, 4, tokens), "targets": torch.zeros(3, 4, dtype=torch.int64)}
    assert CrossEntropy()("decoder", given)["loss"].item() == pytest.approx(math.log(tokens), rel=1e-6)


@pytest.mark.parametrize("logit", [-50.0, 50.0])
def test_finite_where_a_probability_would_be_zero(logit):
    logits = torch.zeros(1, 1, 3).index_fill(2, torch.tensor([0]), logit)
    assert torch.isfinite(CrossEntropy()("decoder", {"logits": logits, "targets": torch.zeros(1, 1).long()})["loss"])


@pytest.mark.parametrize("masked", [False, True])
def test_the_loss_is_the_log_likelihood_of_the_text_a_token(masked):
    """Sum of log p(x_t | x_<t) = log p(x), token by token, from the prefix alone."""
    made, given = trainer(network().double()), batch(masked=masked)
    likelihood, count = 0.0, 0
    with torch.no_grad():
        for tokens, targets in zip(given["tokens"], given["targets"], strict=True):
            for place, target in enumerate(targets.tolist()):
                if target != -100:
                    logits = made.networks["decoder"](tokens[None, : place + 1])[0, -1]
                    likelihood += logits.log_softmax(0)[target].item()
                    count += 1
    assert made.weight(given) == count
    assert loss(made, given).item() == pytest.approx(-likelihood / count, rel=1e-9)


def test_what_is_masked_has_no_gradient():
    logits = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    targets = torch.tensor([[1, -100, 2], [-100, -100, 3]])
    CrossEntropy()("decoder", {"logits": logits, "targets": targets})["loss"].backward()
    assert torch.equal(logits.grad.abs().sum(2) > 0, targets != -100)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("cut", [1, 2, 4])
def test_parts_weighted_by_their_weight_make_the_whole(masked, cut):
    made, whole = trainer(network().double()), batch(masked=masked)
    parts = [{name: value[rows] for name, value in whole.items()} for rows in (slice(cut), slice(cut, None))]
    weights = [made.weight(part) for part in parts]
    mean = sum(weight * loss(made, part) for weight, part in zip(weights, parts, strict=True)) / sum(weights)
    assert sum(weights) == made.weight(whole)
    torch.testing.assert_close(mean, loss(made, whole))


@pytest.mark.parametrize(("count", "length"), [(1, 1), (1, 8), (2, 3), (5, 8)])
def test_any_batch_works(count, length):
    assert torch.isfinite(loss(trainer(), batch(count, length)))


class IdleLayer(CharTransformer):
    """The literature's mistake: a layer that is made and never called."""

    def __init__(self, *arguments, **config):
        super().__init__(*arguments, **config)
        self.forgotten = nn.Linear(3, 3)


@pytest.mark.parametrize(
    ("kind", "unused"),
    [(CharTransformer, []), (IdleLayer, ["decoder.forgotten.weight", "decoder.forgotten.bias"])],
    ids=["whole", "idle layer"],
)
def test_every_parameter_is_trained(kind, unused):
    made = trainer(network(kind))
    loss(made, batch()).backward()
    assert unused_parameters(made.networks) == unused


def test_shapes_can_be_tried_on_the_meta_device():
    with torch.device("meta"):
        made = trainer()
    assert loss(made, {name: value.to("meta") for name, value in batch().items()}).is_meta


def test_steps_learn_a_text_by_heart():
    made, given = trainer(), batch(2)
    optimizer = torch.optim.AdamW(made.networks["decoder"].parameters(), 3e-2)
    for _ in range(60):
        optimizer.zero_grad()
        loss(made, given).backward()
        optimizer.step()
    assert loss(made, given).item() < 0.3 < math.log(4)
