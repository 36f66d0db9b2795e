"""An evaluation in this process: what is computed, what is kept, what samples that somebody else made are worth."""

import numpy as np
import pytest

from aigc_core import load
from aigc_core.errors import Refused, WrongUse
from aigc_core.evaluate.cache import Kept
from aigc_core.evaluate.evaluation import Plan, evaluate
from aigc_core.evaluate.judge import open_judge
from aigc_core.evaluate.measure import scores_of
from aigc_core.evaluate.reference import images_reference, reference_of
from aigc_core.evaluate.reference_texts import of_texts
from aigc_core.evaluate.views import Views, shuffled
from aigc_core.evaluate.wanted import wanted
from aigc_core.interfaces import Samples

COUNT = 60


@pytest.fixture(scope="module")
def model():
    return load("dcgan-fashion")


@pytest.fixture(scope="module")
def data(model):
    held_out, training = (model.generate(count, seed=seed).levels() for count, seed in ((80, 5), (300, 6)))
    return images_reference("made", "test", held_out, training, open_judge())


def facts(scores):
    return [score.facts() for score in scores]


def test_a_rerun_samples_nothing_and_another_seed_only_itself(model, data, tmp_path, monkeypatch):
    metrics = wanted(["vendi", "neighbours"])
    first = evaluate(model, metrics, data, Plan(COUNT, (0, 1), {}), Kept(str(tmp_path)))
    sampled, stream = [], model.stream

    def watched(indices, *, seed, **options):
        sampled.append(seed)
        return stream(indices, seed=seed, **options)

    monkeypatch.setattr(model, "stream", watched)
    again = Kept(str(tmp_path))
    assert facts(evaluate(model, metrics, data, Plan(COUNT, (0, 1), {}), again)) == facts(first)
    assert (sampled, again.misses) == ([], 0)
    evaluate(model, metrics, data, Plan(COUNT, (0, 1, 2), {}), Kept(str(tmp_path)))
    assert sampled == [2]
    evaluate(model, metrics, data, Plan(COUNT, (0,), {"truncation": 1.0}), Kept(str(tmp_path)))
    assert sampled == [2, 0]


def test_samples_that_somebody_made_get_what_the_model_gets(model, data, tmp_path):
    ours = evaluate(model, wanted(["kernel", "modes"]), data, Plan(COUNT, (0, 1), {}), Kept(str(tmp_path)))
    made = {seed: model.generate(COUNT, seed=seed) for seed in (0, 1)}
    theirs = scores_of(made, ["core:kernel", "modes"], data)
    assert [(score.id, score.by_seed, score.floor) for score in theirs] == [
        (score.id, score.by_seed, score.floor) for score in ours
    ]


def test_samples_of_other_sizes_and_colours_are_brought_to_the_extractor_and_say_so(data):
    levels = np.random.default_rng(0).random((COUNT, 3, 40, 50)).astype(np.float32)
    (score,) = scores_of(Samples("image", levels, (0.0, 1.0)), ["kernel"], data)
    assert score.id.resize == "bicubic-antialiased"
    assert score.value is not None
    fitted = data.real.judge.fitted(np.full((1, 3, 56, 56), 90, np.uint8))
    assert (fitted.shape, {*fitted.ravel().tolist()}) == ((1, 1, 28, 28), {90})


def test_features_of_a_row_do_not_depend_on_what_is_beside_it(data):
    images = data.real.images
    whole = data.real.judge.look(images).values
    assert np.array_equal(data.real.judge.look(images[3:4]).values, whole[3:4])
    assert np.array_equal(data.real.judge.look(images[::-1]).values, whole[::-1])


def test_texts_are_judged_as_texts():
    texts = [f"this is text number {number} of many, and it goes on" for number in range(200)]
    data = of_texts("some", {"train": texts[:100], "test": texts[100:]}, stream=False)
    found = scores_of(texts[:50], ["memorised-texts", "distinct"], data)
    assert found[0].id.metric == "core:memorised-texts.flagged"
    assert found[0].value == 1.0  # each is a training text
    assert found[0].floor == 0.0
    with pytest.raises(WrongUse, match="needs the features of an extractor"):
        scores_of(texts[:50], ["vendi"], data)


def test_a_stream_is_cut_for_samples_and_whole_for_copies():
    text = "".join(chr(97 + number % 26) for number in range(5000))
    data = of_texts("some", {"train": [text], "validation": [text]}, stream=True)
    assert (len(data.training), len(data.real), data.known.texts) == (10, 10, [text])
    assert "".join(data.training.texts) == text


def test_seeds_of_unequal_size_are_refused(model, data):
    made = {0: model.generate(3), 1: model.generate(4, seed=1)}
    with pytest.raises(WrongUse, match="as many samples"):
        scores_of(made, ["vendi"], data)


def test_a_plugins_reader_is_not_used_where_it_is_not_trusted(tmp_path):
    entry = load("dcgan-digits").entry  # whose data the plugin reads
    with pytest.raises(Refused, match="gan:mnist-digits"):
        reference_of(entry, str(tmp_path), None, readers=False)


def test_draws_are_never_the_first_rows_and_share_none():
    views = Views([str(number) for number in range(30)])
    draws = [views.sample(10, draw).texts for draw in range(3)]
    assert sorted(text for draw in draws for text in draw) == sorted(views.texts)
    assert draws[0] != views.texts[:10]
    assert views.sample(30) is views.sample(99) is views
    assert sorted(shuffled(30)) == [*range(30)]
