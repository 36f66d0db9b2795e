"""Options: parsed, bounded by their schema, and refused where they would have no effect."""

import json
import math
from importlib.resources import files

import jsonschema
import pytest

from aigc_core.errors import WrongUse
from aigc_text.generate.settings import Settings

SCHEMA = json.loads((files("aigc_text") / "zoo" / "options" / "decoding.json").read_text("utf-8"))
PROPERTIES = SCHEMA["properties"]


def test_the_schema_is_one_and_settings_has_every_option_of_it_with_the_same_default():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    defaults = Settings()._asdict() | {"overflow": "refuse"}
    assert set(PROPERTIES) - {"prompt"} == set(defaults) - {"slide"}
    for name, entry in PROPERTIES.items():
        assert entry["description"].endswith(".")
        if "default" in entry:
            jsonschema.validate(entry["default"], entry)
            assert defaults[name] == entry["default"], name
    assert Settings.of({}) == Settings()


def test_a_recurrent_model_has_every_option_but_what_happens_where_a_context_is_full():
    own = json.loads((files("aigc_text") / "zoo" / "options" / "recurrent.json").read_text("utf-8"))
    others = {name: entry for name, entry in PROPERTIES.items() if name != "overflow"}
    assert own == SCHEMA | {"properties": others}


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -0.1},
        {"top_p": 2},
        {"top_p": 0},
        {"top_k": 0},
        {"min_p": 1},
        {"typical_p": 0},
        {"repetition_penalty": 0},
        {"presence_penalty": 2.1},
        {"frequency_penalty": -2.1},
        {"no_repeat_ngram": 0},
        {"max_new_tokens": 0},
        {"stop": "word"},
        {"stop": [1]},
        {"overflow": "cut"},
        {"max_length": 10},
    ],
)
def test_the_schema_refuses_what_lies_outside_its_bounds(wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA)


@pytest.mark.parametrize("name", ["top_k", "top_p", "min_p", "typical_p"])
def test_a_filter_is_refused_at_temperature_0_unless_it_filters_nothing(name):
    value = 3 if name == "top_k" else 0.5
    with pytest.raises(WrongUse, match=f"{name} has no effect at temperature 0"):
        Settings.of({"temperature": 0, name: value})
    assert getattr(Settings.of({"temperature": 0.1, name: value}), name) == value
    if name != "top_k":
        assert Settings.of({"temperature": 0, name: 0 if name == "min_p" else 1}).greedy


def test_what_greedy_and_plain_mean():
    assert not Settings.of({}).greedy
    assert Settings.of({"temperature": 0}).plain
    neutral = {"repetition_penalty": 1, "presence_penalty": 0, "frequency_penalty": 0.0, "logit_bias": ["3=0"]}
    assert Settings.of({"temperature": 0.0, "stop": ["."], "top_p": 1} | neutral).plain
    for change in (
        {"repetition_penalty": 1.1},
        {"presence_penalty": -1},
        {"frequency_penalty": 0.5},
        {"no_repeat_ngram": 2},
        {"logit_bias": ["3=1"]},
        {"overflow": "slide"},
        {"temperature": 0.1},
    ):
        assert not Settings.of({"temperature": 0} | change).plain, change


@pytest.mark.parametrize(
    ("text", "pair"),
    [("50256=-100", (50256, -100.0)), ("3=1.5", (3, 1.5)), (" 0 = +1e1 ", (0, 10.0)), ("7=.5", (7, 0.5))],
)
def test_a_bias_is_read(text, pair):
    assert Settings.of({"logit_bias": [text]}).logit_bias == (pair,)


@pytest.mark.parametrize(
    "text",
    ["", "3", "=1", "3=", "-3=1", "a=1", "3=nan", "3=inf", "3=1e999", "3=100.1", "3=1=2", "٣=1", "1_0=1", "3=1_0"],
)
def test_a_bias_that_cannot_be_is_refused(text):
    with pytest.raises(WrongUse, match="logit_bias"):
        Settings.of({"logit_bias": [text]})


def test_a_token_is_biased_once():
    with pytest.raises(WrongUse, match="token 3 twice"):
        Settings.of({"logit_bias": ["3=1", "03=2"]})


def test_stop_strings_are_bounded_and_never_empty():
    assert Settings.of({"stop": ["b", "a", "b"]}).stop == ("b", "a")
    with pytest.raises(WrongUse, match="65 stop strings"):
        Settings.of({"stop": ["x"] * 65})
    with pytest.raises(WrongUse, match="empty"):
        Settings.of({"stop": ["x", ""]})


def test_numbers_that_are_not_finite_and_unknown_names_are_refused():
    for value in (math.nan, math.inf, -math.inf):
        with pytest.raises(WrongUse, match="temperature"):
            Settings.of({"temperature": value})
    with pytest.raises(WrongUse, match="Did you mean top_p"):
        Settings.of({"topp": 0.5})
    with pytest.raises(WrongUse, match="slide"):
        Settings.of({"slide": True})
