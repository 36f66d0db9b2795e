"""``aigc-zoo eval`` on a third party's model, data and metric, in processes of its own."""

import json
import math
import struct

import jsonschema
import numpy as np
import pytest

from aigc_core.evaluate.cache import Kept, Nothing, code_of
from aigc_core.interfaces.metric import Measured
from aigc_core.manifest.schema import schema

GENERATOR = '''
import numpy as np
from aigc_core.interfaces import NoiseSpec, Samples


class Blobs:
    """A bright blob at a place that two uniform numbers choose; ``spread`` is the option for how large it is."""

    engine, dtype = "numpy", "float32"
    noise = {"place": NoiseSpec((2,), "uniform"), "grain": NoiseSpec((28, 28), "uniform")}

    @classmethod
    def open(cls, config, weights, device):
        return cls()

    def generate(self, noise, options):
        at = np.arange(28)
        centre = 8 + 12 * noise["place"]
        far = (at[None, :, None] - centre[:, 0, None, None]) ** 2 + (at[None, None, :] - centre[:, 1, None, None]) ** 2
        values = np.exp(-far / options.get("spread", 20.0)) * (0.9 + 0.1 * noise["grain"])
        return Samples("image", values[:, None].astype(np.float32), (0.0, 1.0))


class Even(Blobs):
    """Says that all images of 256 levels are equally likely: 8 bits for each number."""

    exact, levels, draw = True, 256, NoiseSpec((1,), "normal")

    def log_weights(self, images, labels, noise):
        return np.full(noise.shape[:2], -784 * np.log(256.0))


class Grey(Even):
    levels = 2


class Bright:
    """The share of pixels above the middle: a metric of nobody's but this plugin's."""

    needs, values, estimator = ("images",), {"bright": "higher"}, "half"

    def __call__(self, inputs):
        from aigc_core.interfaces.metric import Measured

        return Measured({"bright": float((inputs["images"] > 127).mean())})


class Failing(Bright):
    def __call__(self, inputs):
        raise ValueError("a fault\\nof its own")
'''
MANIFEST = {
    "family": "gan",
    "code": {"plugin": "blobs", "api": 1, "architecture": "blobs", "config": {}},
    "use": {
        "options": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"spread": {"type": "number", "exclusiveMinimum": 0, "description": "How large a blob is."}},
        },
        "output": {"kind": "image", "shape": [1, 28, 28], "range": [0, 1]},
    },
    "origin": {"recipe": "recipes/blobs.json"},
}
SCORES = {
    "capabilities": ["generate", "score"],
    "use": {**MANIFEST["use"], "input": {"kind": "image", "shape": [1, 28, 28], "range": [0, 1]}},
}
METRICS = ("--metric", "frechet", "--metric", "blobs:bright", "--metric", "memorised-images")
SMALL = ("--count", "400", "--seeds", "2", *METRICS)


def idx(path, images):
    path.write_bytes(struct.pack(">IIII", 2051, *images.shape) + images.tobytes())


@pytest.fixture(scope="module")
def blobs(make_site):
    """A site with the model ``blobs``, its data, and a second model with a gate that it does not reach."""
    site = make_site()
    kinds = {
        "generators": {name: f"blobs.generators:{name.title()}" for name in ("blobs", "even", "grey")},
        "metrics": {},
    }
    kinds["metrics"] = {name: f"blobs.generators:{name.title()}" for name in ("bright", "failing")}
    zoo = (
        site.install("blobs", "blobs", generator=GENERATOR, components=kinds, models=("blobs", "gated", "even", "grey"))
        / "zoo"
    )
    random = np.random.default_rng(0)
    data = site.work / "data"
    data.mkdir()
    for part, count in (("train", 700), ("test", 500)):
        at, centre = np.arange(28), 8 + 12 * random.random((count, 2))
        far = (at[:, None] - centre[:, 0, None, None]) ** 2 + (at[None, :] - centre[:, 1, None, None]) ** 2
        values = np.exp(-far / 20) * (0.9 + 0.1 * random.random((count, 28, 28)))
        idx(data / f"{part}.idx", (255 * values).astype(np.uint8))
    source = {"kind": "idx", "images": "train.idx", "test": {"images": "test.idx"}}
    recipe = {
        "schema": 1,
        "name": "blobs",
        "summary": "Blobs.",
        "trainer": {"use": "blobs:none"},
        "networks": {"generator": {"use": "blobs:none"}},
        "losses": {},
        "optimizers": {"generator": {"kind": "adam", "learning_rate": 1}},
        "data": {"name": "blobs", "source": source, "range": [0, 1], "batch_size": 8},
        "budget": {"steps": 1},
        "seed": 1,
    }
    (zoo / "recipes").mkdir()
    (zoo / "recipes" / "blobs.json").write_text(json.dumps(recipe))
    gate = {"metric": "", "value": 1, "direction": "lower", "gate": 1e-9}
    for name in ("blobs", "gated"):
        path = zoo / "models" / f"{name}.json"
        document = {**json.loads(path.read_text()), **MANIFEST}
        path.write_text(json.dumps(document))
    for name in ("even", "grey"):
        path = zoo / "models" / f"{name}.json"
        scores = {**json.loads(path.read_text()), **MANIFEST, **SCORES}
        scores["code"] = {**MANIFEST["code"], "architecture": name}
        path.write_text(json.dumps(scores))
    (done,) = site.many([[["eval", "gated", "--data", "data", *SMALL, "--json"]]])
    assert done.returncode == 0, done.stderr
    gate["metric"] = done.json["models"][0]["scores"][0]["id"]
    (zoo / "models" / "gated.json").write_text(json.dumps({**document, "scores": [gate]}))
    return site


def call(*words, of="blobs", metrics=SMALL):
    return ["eval", *of.split(), "--data", "data", *metrics, *words, "--json"]


def numbers(document):
    return [
        [(score["id"], score["by_seed"], score["floor"]) for score in each["scores"]] for each in document["models"]
    ]


@pytest.fixture(scope="module")
def done(blobs):
    """What many calls come to, made in one process: each on an empty cache."""
    few, one = ("--count", "100", "--seeds", "1", "--metric", "frechet"), ("--metric", "frechet")
    turned = (*SMALL[:4], *METRICS[4:], *METRICS[:4])
    calls = {
        "plain": call(),
        "worse": call("--set", "spread=60"),
        "turned": call(metrics=turned),
        "both": call(of="gated blobs"),
        "gates": call("--gates", of="gated"),
        "no gates": call("--gates"),
        "only gates": ["eval", "gated", "--data", "data", "--seeds", "2", "--gates", "--json"],
        "nothing to do": ["eval", "blobs", "--gates"],
        "no data": ["eval", "blobs", "--metric", "vendi", "--count", "50", "--seeds", "2", "--json"],
        "even": ["eval", "even", "--data", "data", "--metric", "likelihood", "--count", "70", "--json"],
        "score": ["score", "even", "--data", "data", "--count", "70", "--json"],
        "grey": ["eval", "grey", "--data", "data", "--metric", "likelihood", "--count", "70", "--json"],
        "likelihoods": [
            "eval",
            "--compare",
            "even",
            "grey",
            "--data",
            "data",
            "--metric",
            "likelihood",
            "--count",
            "70",
        ],
        "compared": ["eval", "--compare", "blobs", "gated", "--data", "data", *SMALL[:4], *one],
        "few": ["eval", "blobs", "--data", "data", *few],
        **{
            f"fault {words}": ["eval", "blobs", "--data", "data", "--count", "300", "--seeds", "1", *words]
            for words, _, _ in FAULTS
        },
    }
    return dict(zip(calls, blobs.many([[each] for each in calls.values()]), strict=True))


def test_the_output_obeys_its_schema_and_says_everything(done):
    document = done["plain"].json
    jsonschema.Draft202012Validator(schema("eval")).validate(document)
    scores = {score["metric"]: score for score in document["models"][0]["scores"]}
    assert [*scores] == [
        *("core:frechet", "blobs:bright"),
        *("core:memorised-images.flagged", "core:memorised-images.nearness"),
    ]
    frechet = scores["core:frechet"]
    assert (frechet["seeds"], frechet["n"]) == ([0, 1], 400)
    assert frechet["spread"] > 0
    assert 0 < frechet["floor"] < 5
    for part in ("n=400", "data=blobs.test.400.", "extractor=fashion-features.ba8ef710928c"):
        assert part in frechet["id"]
    assert "training=blobs.700." in scores["core:memorised-images.flagged"]["id"]
    assert scores["blobs:bright"]["id"] == "blobs:bright@estimator=half/n=400/resize=none"
    assert {"torch", "threads"} <= frechet["settings"]["environment"].keys()


def test_worse_samples_have_a_worse_score(done):
    better, worse = (done[name].json["models"][0]["scores"][0] for name in ("plain", "worse"))
    assert worse["settings"]["options"] == {"spread": 60}
    assert worse["value"] > 2 * better["value"]


def test_scores_are_equal_to_the_bit_in_any_order(done):
    first = numbers(done["plain"].json)
    assert numbers(done["both"].json)[1:] == first
    assert sorted(numbers(done["turned"].json)[0]) == sorted(first[0])


@pytest.mark.slow
@pytest.mark.parametrize("threads", ["1", "2"])
def test_scores_are_equal_to_the_bit_in_a_fresh_process(blobs, done, threads):
    alone = blobs.zoo(*call("--no-cache"), OMP_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads)
    assert numbers(alone.json) == numbers(done["plain"].json)


def test_a_gate_that_is_not_reached_fails(done):
    assert done["gates"].returncode == 1
    assert "1 gate failed: core:frechet is" in done["gates"].stderr
    assert [gate["status"] for gate in done["gates"].json["gates"]] == ["failed"]
    assert done["no gates"].returncode == 0
    assert [gate["text"] for gate in done["no gates"].json["gates"]] == ["The manifest of blobs has no gate."]


def test_gates_alone_measure_what_they_are_of(done):
    """Without a metric and a count, those of the gates; without a gate, nothing."""
    (score,) = done["only gates"].json["models"][0]["scores"]
    assert (score["metric"], score["n"]) == ("core:frechet", 400)
    assert done["only gates"].returncode == 1
    assert done["nothing to do"].returncode == 0
    assert done["nothing to do"].stdout == "blobs\nskipped: gate: The manifest of blobs has no gate.\n"


def test_a_metric_of_samples_alone_needs_no_data(done):
    (score,) = done["no data"].json["models"][0]["scores"]
    assert score["value"] > 1
    assert score["floor"] is None
    assert "data=" not in score["id"]


def test_a_likelihood_is_the_one_that_score_gives(done):
    nats, bits = done["even"].json["models"][0]["scores"]
    assert nats["value"] == pytest.approx(784 * math.log(256), rel=1e-12)
    assert bits["value"] == pytest.approx(8, rel=1e-12)
    assert bits["id"].startswith("core:likelihood.bits-per-dimension@estimator=exact.levels/n=70/data=blobs.test.70.")
    assert done["score"].json["nats"] == pytest.approx(nats["value"], rel=1e-12)


def test_a_number_that_is_no_probability_has_no_bits_and_compares_with_none(done):
    nats, bits = done["grey"].json["models"][0]["scores"]
    assert nats["value"] == pytest.approx(784 * math.log(256), rel=1e-12)
    assert bits["value"] is None
    assert "so it is no likelihood of these images" in bits["why"]
    assert done["likelihoods"].returncode == 2
    assert "they differ in the estimator (exact.levels, exact.grey)" in done["likelihoods"].stderr


def test_two_models_side_by_side(done):
    assert done["compared"].returncode == 0, done["compared"].stderr
    assert "core:frechet: no verdict" in done["compared"].stdout  # the two are one


def test_few_samples_give_no_number_and_say_why(done):
    assert done["few"].returncode == 0
    assert "core:frechet: no number" in done["few"].stdout
    assert "100 samples are fewer than twice the 128 features" in done["few"].stdout


FAULTS = [
    (("--metric", "frechett"), 2, "no metric frechett. Did you mean frechet?"),
    (("--metric", "self-bleu"), 2, "core:self-bleu judges texts, and blobs makes images"),
    (("--metric", "likelihood"), 2, "blobs does not say how likely data are"),
    (("--metric", "nobody:frechet"), 2, "No plugin nobody"),
    (("--metric", "blobs:failing"), 3, "blobs:failing of blobs 1.0 failed: ValueError: a fault of its own"),
    (("--extractor", "blobs"), 2, "blobs does not give an image's features"),
    (("--compare",), 2, "--compare takes two models, and 1 are named"),
    (("--seeds", "0"), 2, "--seeds takes a whole number from 1 up"),
    (("--set", "spread"), 2, "spread has no value"),
    (("--set", "spread=-1", "--metric", "frechet"), 2, "spread"),
    (("--data", "nowhere"), 3, "not at nowhere"),
]


@pytest.mark.parametrize(("words", "code", "says"), FAULTS, ids=[" ".join(words) for words, _, _ in FAULTS])
def test_what_cannot_be_ends_in_a_sentence(done, words, code, says):
    found = done[f"fault {words}"]
    assert (found.returncode, found.stdout) == (code, "")
    assert says in found.stderr
    assert "Traceback" not in found.stderr
    assert found.stderr.count("\n") == 1


def test_saved_results_compare_only_where_their_ids_are_equal(blobs):
    one = ("--seeds", "2", "--metric", "frechet")
    made = blobs.many([[call(metrics=("--count", count, *one))] for count in ("400", "300")])
    for name, each in zip("ab", made, strict=True):
        (blobs.work / f"{name}.json").write_text(each.stdout)
    same, other = blobs.many([[["eval", "--compare", "a.json", each]] for each in ("a.json", "b.json")])
    assert "no verdict" in same.stdout
    (gates,) = blobs.many([[["eval", "a.json", "--gates"]]])
    assert (gates.returncode, gates.stdout) == (2, "")
    assert "a.json is a saved result, which has no gates." in gates.stderr
    assert (other.returncode, other.stdout) == (2, "")
    assert "do not compare: they differ in how many samples (400, 300) and the data" in other.stderr


class Counted:
    """What measures, and counts how often it does."""

    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1
        return Measured({"a": 0.1 + 0.2, "b": math.nan}, "why", {"rows": [1]}, "exact")


def same(one, other):
    return repr(one) == repr(other)  # NaN is no equal of itself


def test_what_was_measured_is_kept_by_everything_that_it_depends_on(tmp_path):
    measure, key = Counted(), {"metric": "core:a", "seed": 0, "code": ["1"]}
    first = Kept(str(tmp_path)).measured(key, measure)
    again = Kept(str(tmp_path))
    assert same(again.measured(dict(reversed(key.items())), measure), first)
    assert (measure.count, again.hits, again.misses) == (1, 1, 0)
    for name in key:
        again.measured({**key, name: ["2"]}, measure)
    assert measure.count == 1 + len(key)
    assert not same(Nothing(str(tmp_path)).measured(key, measure), None)
    assert measure.count == 2 + len(key)


@pytest.mark.parametrize("damage", ["", "{}", "[" * 10_000, "null", None])
def test_what_is_kept_and_damaged_is_measured_anew(tmp_path, damage):
    measure, key = Counted(), {"metric": "core:a"}
    kept = Kept(str(tmp_path))
    first = kept.measured(key, measure)
    (path,) = tmp_path.iterdir()
    text = path.read_text()
    path.write_text(text.replace("core:a", "core:b") if damage is None else damage)  # None: another key's file
    assert same(kept.measured(key, measure), first)
    assert measure.count == 2
    assert path.read_text() == text


def test_changed_code_has_another_hash(tmp_path):
    (tmp_path / "a.py").write_text("a = 1\n")
    before = code_of.__wrapped__(str(tmp_path))
    (tmp_path / "notes.txt").write_text("no code")
    assert code_of.__wrapped__(str(tmp_path)) == before
    (tmp_path / "a.py").write_text("a = 2\n")
    assert code_of.__wrapped__(str(tmp_path)) != before
