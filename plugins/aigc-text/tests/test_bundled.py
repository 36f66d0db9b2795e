"""The models that ship: small enough, honest in their cards, and doing what their cards say."""

import re
from pathlib import Path

import pytest

import aigc_text
from aigc_core import load
from aigc_core.errors import WrongUse
from aigc_core.manifest.validate import validate_model
from aigc_core.registry import find

MODELS = sorted(path.stem for path in (Path(aigc_text.__file__).parent / "zoo" / "models").glob("*.json"))
QUATRAIN = re.compile(r"(?:\w{5}，\w{5}。){2}|(?:\w{7}，\w{7}。){2}")


@pytest.mark.parametrize("name", MODELS)
def test_a_card_is_whole_and_its_weights_are_small(name):
    entry = find(f"text:{name}")
    assert validate_model(entry.path) == []
    document = entry.manifest.document
    assert sum(file.size for file in entry.manifest.files) <= 4_000_000
    assert document["terms"]["limits"]
    assert document["terms"]["known_failures"]
    assert {"recipe", "seed", "steps", "cpu_seconds"} <= document["origin"].keys()
    assert (Path(entry.folder) / document["origin"]["recipe"]).exists()


@pytest.mark.parametrize("name", MODELS)
def test_equal_seeds_give_equal_texts(name):
    model = load(name, threads=1) if name != "lstm-names" else load(name)
    one, other = (model.generate(2, seed=3, max_new_tokens=12).values.tolist() for _ in range(2))
    assert one == other
    assert model.generate(2, seed=4, max_new_tokens=12).values.tolist() != one


@pytest.mark.parametrize("prompt", ["", "人工智能"])
@pytest.mark.slow
def test_quatrains_are_legal_as_the_card_says(prompt):
    texts = load("tang-poems").generate(200, seed=0, prompt=prompt, batch_size=50).values
    legal = sum(bool(QUATRAIN.fullmatch(text)) for text in texts)
    assert all(text.startswith(prompt) for text in texts)
    scores = {score["metric"]: score for score in find("tang-poems").manifest.document["scores"]}
    (stated,) = (score for metric, score in scores.items() if metric.startswith("legal-quatrains"))
    assert legal / 200 >= stated["gate"] >= 0.95
    assert abs(legal / 200 - stated["value"]) <= 0.02


def test_a_line_of_the_wrong_length_would_be_seen():
    assert QUATRAIN.fullmatch("白日依山盡，黃河入海流。欲窮千里目，更上一層樓。")
    assert not QUATRAIN.fullmatch("白日依山盡，黃河入海。欲窮千里目，更上一層樓。")
    assert not QUATRAIN.fullmatch("白日依山盡，黃河入海流。欲窮千里目，更上一層樓")


def test_a_simplified_character_is_refused_by_name():
    with pytest.raises(WrongUse, match="时"):
        load("tang-poems").generate(1, prompt="时间")
