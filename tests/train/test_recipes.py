"""Recipes: found, changed, checked and completed; learning rates by closed forms; optimizers and what decays."""

from __future__ import annotations

import contextlib
import copy
import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from aigc_core.errors import WrongUse
from aigc_core.train import recipe
from aigc_core.train.optimizers import optimizer
from aigc_core.train.schedule import factor

NAMES = sorted(recipe.installed())
LEAST = {
    "schema": 1,
    "name": "least",
    "trainer": {"use": "gan:adversarial"},
    "networks": {"generator": {"use": "gan:dcgan-28"}},
    "data": {"name": "toys", "source": {"kind": "idx", "images": "images"}, "batch_size": 2},
    "optimizers": {"generator": {"kind": "adam", "learning_rate": 0.1}},
    "budget": {"steps": 7},
}


def least(**changes):
    return copy.deepcopy(LEAST) | changes


# Finding.


@pytest.mark.parametrize("name", NAMES)
def test_an_installed_recipe_is_found_by_name_and_is_complete(name):
    made = recipe.read(name)
    assert made["name"] == name
    assert recipe.complete(made, name) == made
    assert made["schedule"]["steps"] == made["schedule"]["steps"] or made["budget"]["steps"]
    assert made["networks"].keys() == made["optimizers"].keys()
    assert "from" in made["data"]


@pytest.mark.parametrize("model", ["dcgan-digits", "gan:dcgan-fashion"])
def test_a_models_name_means_the_recipe_that_it_came_from(model):
    assert recipe.read(model)["name"] == model.rpartition(":")[2]


def test_a_path_means_that_file(tmp_path):
    (tmp_path / "mine.json").write_text(json.dumps(LEAST))
    assert recipe.read(str(tmp_path / "mine.json"))["name"] == "least"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dcgan-digit", r"no recipe dcgan-digit\. Did you mean dcgan-digits\?"),
        ("vae-fashon", r"no recipe vae-fashon\. Did you mean vae-fashion\?"),
        (
            "nothing-like-it",
            r"no recipe nothing-like-it\. There is .*char-shakespeare, char-shakespeare-42, .*dcgan-digits",
        ),
        ("gone.json", r"There is no recipe gone\.json\."),
    ],
)
def test_a_name_that_is_none_gives_the_near_one(name, said):
    with pytest.raises(WrongUse, match=said):
        recipe.read(name)


def test_two_plugins_with_one_recipe_are_both_named(monkeypatch):
    monkeypatch.setattr(recipe, "installed", lambda: {"twin": ["one/twin.json", "other/twin.json"]})
    with pytest.raises(WrongUse, match=r"twin can mean one/twin\.json and other/twin\.json\."):
        recipe.read("twin")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"schema": 1}', "null", '{"schema": 1, "schema": 1}', "\x00"])
def test_a_file_that_is_no_recipe_is_refused_in_a_sentence(tmp_path, text):
    (tmp_path / "it.json").write_text(text)
    with pytest.raises(WrongUse, match="recipe") as error:
        recipe.read(str(tmp_path / "it.json"))
    assert "\n" not in str(error.value)


# Completing.


def test_every_default_is_written_out():
    made = recipe.complete(least(), "least.json")
    assert made["schedule"] == {
        **{"kind": "constant", "warmup": 0, "steps": 7, "floor": 0},
        **{"at": [], "by": 0.1},
    }
    assert made["trainer"]["config"] == {}
    assert made["networks"]["generator"]["config"] == {}
    assert (made["ema"], made["clip"], made["accumulate"], made["seed"], made["dtype"]) == (None, None, 1, 0, "float32")
    assert made["compute"]["precision"] == "float32"
    assert made["compute"]["threads"] is None
    assert made["budget"] == {"steps": 7, "seconds": None}
    assert made["checkpoint"] == {"every": 500, "keep": 2}
    assert made["optimizers"]["generator"]["decay"] == "all"
    assert made["data"]["range"] == [0, 1]
    assert (made["data"]["order"], made["data"]["clean"], made["data"]["augment"]) == ("shuffle", [], [])


def test_completing_changes_nothing_that_was_given_and_shares_nothing():
    given_recipe = least()
    before = copy.deepcopy(given_recipe)
    made = recipe.complete(given_recipe, "least.json")
    assert given_recipe == before
    made["compute"]["threads"] = 5
    made["data"]["clean"].append({"step": "x"})
    assert recipe.complete(least(), "least.json")["data"]["clean"] == []
    assert recipe.complete(least(), "least.json")["compute"]["threads"] is None


def test_a_longer_budget_later_does_not_bend_the_schedule():
    made = recipe.complete(least(), "least.json")
    recipe.assign(made, "budget.steps=70")
    assert recipe.complete(made, "least.json")["schedule"]["steps"] == 7


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bugdet": {"steps": 1}}, "bugdet"),
        ({"budget": {"steps": 0}}, "budget.steps"),
        ({"budget": {}}, "steps"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"clip": 0}, "clip"),
        ({"ema": 1}, "ema"),
        ({"name": "No Name"}, "name"),
        ({"schema": 2}, "schema"),
        ({"losses": {"adversarial": "non-saturating"}}, "adversarial"),
        ({"optimizers": {"generator": {"kind": "lion", "learning_rate": 0.1}}}, "kind"),
        ({"optimizers": {"generator": {"kind": "adam", "learning_rate": 0}}}, "learning_rate"),
        ({"optimizers": {"generator": {"kind": "adam", "learning_rate": 0.1, "eps": 1e-8}}}, "eps"),
        ({"schedule": {"kind": "linear", "warm_up": 3}}, "warm_up"),
        ({"schedule": {"kind": "stairs", "at": [0]}}, "at"),
        ({"schedule": {"kind": "stairs", "at": [5], "by": 0}}, "by"),
        ({"schedule": {"kind": "stairs", "at": 5}}, "at"),
        ({"data": {"name": "toys", "batch_size": 2}}, "source"),
        ({"data": {**LEAST["data"], "batch_size": 0}}, "batch_size"),
        ({"compute": {"precision": "float64"}}, "precision"),
    ],
    ids=str,
)
def test_a_fault_is_named_with_its_place(change, said):
    with pytest.raises(WrongUse, match=rf"The recipe here\.json is not right: .*{said}"):
        recipe.complete(least(**change), "here.json")


def test_every_unknown_field_is_listed():
    wrong = least(one=1, two=2, three=3, four=4, five=5, six=6)
    with pytest.raises(WrongUse) as error:
        recipe.complete(wrong, "here.json")
    assert all(name in str(error.value) for name in ("one", "two", "three", "four", "five"))
    assert str(error.value).rstrip(".").endswith("and 1 more")


def test_an_unknown_field_gives_the_near_one():
    with pytest.raises(WrongUse, match=r"optimzers.*optimizers"):
        recipe.complete(least(optimzers={}), "here.json")


# Changing.


def test_a_value_is_json_where_it_can_be_and_else_text():
    made = least()
    for change in ("a.b.c=3", "a.b.d=[1, 2]", "a.e=null", "a.f=word", 'a.g="3"', "a.h=", "a.i=x=y", "a.j=true"):
        recipe.assign(made, change)
    expected = {"b": {"c": 3, "d": [1, 2]}, "e": None, "f": "word", "g": "3", "h": "", "i": "x=y", "j": True}
    assert made["a"] == expected


def test_an_entry_of_a_list_is_named_by_its_number():
    made = {"data": {"augment": [{"kind": "flip"}, {"kind": "shift", "pixels": 2}], "range": [0, 1]}}
    recipe.assign(made, "data.augment.1.pixels=3")
    recipe.assign(made, "data.range.0=-1")
    assert made == {"data": {"augment": [{"kind": "flip"}, {"kind": "shift", "pixels": 3}], "range": [-1, 1]}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("seed", r"--set seed is no path=value"),
        ("=3", r"--set =3 is no path=value"),
        ("", r"--set  is no path=value"),
        ("a..b=3", r"--set a\.\.b=3 is no path=value"),
        (".a=3", r"no path=value"),
        pytest.param(f"a={'[' * 100_000}", "--set", id="too deep"),
        ("seed.deep=3", r"seed is no object, so it has no deep"),
        ("name.deep.er=3", r"name is no object"),
        ("data.range.2=3", r"there is no entry 2 in a list of 2"),
        ("data.range.low=3", r"there is no entry low in a list of 2"),
        ("data.range.-1=3", r"there is no entry -1 in a list of 2"),
        ("data.range.0.deep=3", r"0 is no object, so it has no deep"),
    ],
)
def test_a_change_that_cannot_be_is_told_in_a_sentence(change, said):
    made = recipe.read("dcgan-digits")
    with pytest.raises(WrongUse, match=said):
        recipe.assign(made, change)


@pytest.mark.parametrize("change", ["data.range.²=3", "data.range.٠=3"])
def test_digits_of_other_scripts_are_no_entries(change):
    with pytest.raises(WrongUse, match="there is no entry"):
        recipe.assign(recipe.read("dcgan-digits"), change)


@pytest.mark.parametrize(
    ("change", "said"),
    [("seeed=3", "seeed"), ("optimizers.generator.lr=3", "lr"), ("seed=three", "seed"), ("budget.steps=1.5", "steps")],
)
def test_a_change_to_what_no_recipe_has_is_refused_by_name(change, said):
    with pytest.raises(WrongUse, match=said):
        recipe.read("dcgan-digits", [change])


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
@pytest.mark.parametrize("place", ["clip", "optimizers.generator.learning_rate", "budget.seconds"])
def test_a_number_that_json_cannot_hold_is_refused(place, number):
    with pytest.raises(WrongUse, match=place.rpartition(".")[2]):
        recipe.read("dcgan-digits", [f"{place}={number}"])


fields = st.text("abcdefghij-_0123456789", min_size=1, max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields, inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(fields, min_size=1, max_size=4), values)
def test_what_was_assigned_is_read_back(path, value):
    made = {}
    recipe.assign(made, f"{'.'.join(path)}={json.dumps(value)}")
    at = made
    for part in path:
        at = at[part]
    assert at == value


@given(st.lists(st.tuples(fields, st.integers()), max_size=8))
def test_the_last_change_of_a_place_holds_and_others_stay(changes):
    made = {}
    for name, value in changes:
        recipe.assign(made, f"top.{name}={value}")
    assert made.get("top", {}) == dict(changes)


@given(st.text(max_size=30))
def test_any_text_is_a_change_or_a_sentence(text):
    made = least()
    with contextlib.suppress(WrongUse):
        recipe.assign(made, text)
        assert made != least() or text.partition("=")[0] in ("schema", "name")


# The learning rate.


def get_lr(it, learning_rate, warmup_iters, lr_decay_iters, min_lr):
    """nanoGPT's train.py, as it stands there."""
    if it < warmup_iters:
        return learning_rate * (it + 1) / (warmup_iters + 1)
    if it > lr_decay_iters:
        return min_lr
    decay_ratio = (it - warmup_iters) / (lr_decay_iters - warmup_iters)
    assert 0 <= decay_ratio <= 1
    coeff = 0.5 * (1.0 + math.cos(math.pi * decay_ratio))
    return min_lr + coeff * (learning_rate - min_lr)


def schedule(kind, warmup=0, steps=100, floor=0.0):
    return {"kind": kind, "warmup": warmup, "steps": steps, "floor": floor}


@given(st.integers(0, 50), st.integers(51, 300), st.floats(0, 1), st.integers(0, 400))
def test_cosine_is_nanogpts(warmup, steps, floor, step):
    expected = get_lr(step, 1.0, warmup, steps, floor)
    assert factor(schedule("cosine", warmup, steps, floor), step) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@given(st.integers(0, 50), st.integers(0, 400))
def test_constant_rises_and_stays(warmup, step):
    assert factor(schedule("constant", warmup), step) == pytest.approx(min(1.0, (step + 1) / (warmup + 1)))


@given(st.integers(0, 50), st.integers(51, 300), st.floats(0, 1), st.integers(0, 400))
def test_linear_is_a_straight_line_to_the_floor(warmup, steps, floor, step):
    value = factor(schedule("linear", warmup, steps, floor), step)
    if step < warmup:
        assert value == (step + 1) / (warmup + 1)
    else:
        done = min(1.0, (step - warmup) / (steps - warmup))
        assert value == pytest.approx(floor + (1 - floor) * (1 - done), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_a_schedule_begins_at_one_ends_at_its_floor_and_never_rises_after_warmup(kind):
    values = [factor(schedule(kind, 10, 90, 0.1), step) for step in range(120)]
    assert values[0] == pytest.approx(1 / 11)
    assert values[10] == 1.0
    assert values[90:] == [0.1] * 30
    assert values[10:] == sorted(values[10:], reverse=True)
    assert values[:11] == sorted(set(values[:11]))


@pytest.mark.parametrize("kind", ["linear", "cosine"])
@pytest.mark.parametrize("steps", [1, 5])
def test_a_warmup_as_long_as_the_schedule_divides_by_nothing(kind, steps):
    values = [factor(schedule(kind, 5, steps, 0.5), step) for step in range(9)]
    assert values[:5] == [pytest.approx((step + 1) / 6) for step in range(5)]
    assert all(value == 0.5 for value in values[5:])


@given(
    st.lists(st.integers(1, 60), max_size=5),
    st.floats(0.05, 1, exclude_min=True),
    st.integers(1, 80),
    st.sampled_from([1.0, 1e-4]),
)
def test_stairs_are_torchs_multi_step(at, by, steps, rate):
    """Stairs in any order; two at one step are two."""
    parameter = nn.Parameter(torch.zeros(1))
    oracle = torch.optim.SGD([parameter], lr=rate)
    stairs = torch.optim.lr_scheduler.MultiStepLR(oracle, at, gamma=by)
    for step in range(steps):
        mine = rate * factor({**schedule("stairs", 0), "at": at, "by": by}, step)
        assert mine == pytest.approx(oracle.param_groups[0]["lr"], rel=1e-12)
        oracle.step()
        stairs.step()


def test_stairs_after_a_warmup_count_from_the_first_step():
    made = {**schedule("stairs", 4), "at": [2, 6], "by": 0.5}
    assert [factor(made, step) for step in range(8)] == [0.2, 0.4, 0.6, 0.8, 0.5, 0.5, 0.25, 0.25]


def test_a_trainings_rate_goes_down_the_stairs(training):
    made = training("vae-digits", "schedule.kind=stairs", "schedule.at=[2, 3]", "schedule.by=0.1")
    rates = []
    for _ in range(5):
        made.advance()
        rates.append(made.optimizers["autoencoder"].param_groups[0]["lr"])
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-5, 1e-5])


def test_a_trainings_optimizers_follow_the_schedule(training):
    made = training("char-shakespeare", "schedule.warmup=2", "schedule.steps=6", "schedule.floor=0.1")
    rates = []
    for _ in range(8):
        made.advance()
        rates.append({group["lr"] for group in made.optimizers["decoder"].param_groups})
    expected = [get_lr(step, 0.001, 2, 6, 0.0001) for step in range(8)]
    assert [rate.pop() for rate in rates] == pytest.approx(expected, rel=1e-12)
    assert rates == [set()] * 8


def test_a_constant_rate_after_a_warmup_is_reached_also_after_a_resumption(training):
    straight, again = (training("vae-digits", "schedule.kind=constant", "schedule.warmup=2") for _ in range(2))
    for _ in range(3):
        straight.advance()
    tensors, state = straight.state()
    again.load_state({name: value.clone() for name, value in tensors.items()}, copy.deepcopy(state))
    for made in (straight, again):
        made.advance()
        assert made.optimizers["autoencoder"].param_groups[0]["lr"] == 0.001


# Optimizers.


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Embedding(5, 2), nn.Linear(4, 2, bias=False))


def test_weight_decay_takes_matrices_alone_where_that_is_asked():
    made = optimizer(
        network(),
        {"kind": "adamw", "learning_rate": 0.1, "betas": [0.9, 0.99], "weight_decay": 0.2, "decay": "matrices"},
    )
    groups = [
        ({tuple(each.shape) for each in group["params"]}, group["weight_decay"], group["betas"], group["lr"])
        for group in made.param_groups
    ]
    assert groups == [({(4, 3), (5, 2), (2, 4)}, 0.2, (0.9, 0.99), 0.1), ({(4,)}, 0.0, (0.9, 0.99), 0.1)]


def test_weight_decay_takes_all_unless_told_otherwise():
    (group,) = optimizer(network(), {"kind": "adamw", "learning_rate": 0.1, "weight_decay": 0.2}).param_groups
    assert len(group["params"]) == 6
    assert group["weight_decay"] == 0.2


@pytest.mark.parametrize("one", [nn.Linear(2, 2, bias=False), nn.LayerNorm(2)], ids=["only matrices", "no matrix"])
def test_an_empty_group_is_none(one):
    made = optimizer(one, {"kind": "sgd", "learning_rate": 0.1, "weight_decay": 0.2, "decay": "matrices"})
    assert len(made.param_groups) == 1


def test_what_is_frozen_is_left_out():
    one = network()
    one[0].requires_grad_(False)
    (group,) = optimizer(one, {"kind": "sgd", "learning_rate": 0.1}).param_groups
    assert len(group["params"]) == 4


@pytest.mark.parametrize(
    ("kind", "field", "said"),
    [
        ("sgd", "betas", r"sgd takes no betas; it takes momentum, weight_decay"),
        ("rmsprop", "betas", r"rmsprop takes no betas"),
        ("adam", "momentum", r"adam takes no momentum; it takes betas, weight_decay"),
        ("adamw", "momentum", r"adamw takes no momentum"),
    ],
)
def test_a_value_that_a_kind_does_not_take_is_named(kind, field, said):
    with pytest.raises(WrongUse, match=said):
        optimizer(network(), {"kind": kind, "learning_rate": 0.1, field: [0.5, 0.9] if field == "betas" else 0.9})


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"kind": "adam", "betas": [0.5, 0.999]}, lambda g: torch.optim.Adam(g, 0.1, (0.5, 0.999))),
        ({"kind": "adamw", "weight_decay": 0.1}, lambda g: torch.optim.AdamW(g, 0.1, weight_decay=0.1)),
        ({"kind": "rmsprop", "momentum": 0.9}, lambda g: torch.optim.RMSprop(g, 0.1, momentum=0.9)),
        ({"kind": "sgd", "momentum": 0.9}, lambda g: torch.optim.SGD(g, 0.1, momentum=0.9)),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_each_kind_is_torchs_own(spec, expected):
    one, other = nn.Linear(3, 2), nn.Linear(3, 2)
    other.load_state_dict(one.state_dict())
    for module, made in ((one, optimizer(one, {**spec, "learning_rate": 0.1})), (other, expected(other.parameters()))):
        for _ in range(3):
            made.zero_grad()
            module(torch.ones(2, 3)).square().sum().backward()
            made.step()
    assert torch.equal(one.weight, other.weight)
