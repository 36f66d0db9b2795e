"""The models as the core runs them: arrays in and out, one row at a time, nothing else touched."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from aigc_core.errors import Refused, WrongUse
from aigc_core.interfaces import Autoencoder, Density, Generator, Latents
from aigc_core.run.noise import draw
from aigc_vae import conv, generators, made, networks, vae_gan
from aigc_vae.evidence import log_weights

MODELS = {
    "mlp": (generators.Mlp28, networks.Mlp28, {"hidden": 16, "latent_dim": 3}),
    "mlp with classes": (generators.Mlp28, networks.Mlp28, {"hidden": 16, "latent_dim": 3, "classes": 5}),
    "mlp with pseudo-inputs": (generators.Mlp28, networks.Mlp28, {"hidden": 16, "latent_dim": 3, "pseudo_inputs": 4}),
    "conv": (generators.Conv28, conv.Conv28, {"width": 4, "latent_dim": 3}),
    "conv with classes": (generators.Conv28, conv.Conv28, {"width": 4, "latent_dim": 3, "classes": 5}),
    "conv gaussian": (generators.Conv28, conv.Conv28, {"width": 4, "latent_dim": 3, "likelihood": "gaussian"}),
    "conv logistic": (generators.Conv28, conv.Conv28, {"width": 4, "latent_dim": 3, "likelihood": "logistic-mixture"}),
    "vae-gan": (generators.VaeGan28, vae_gan.VaeGan28, {"width": 4, "latent_dim": 3}),
    "made": (generators.Made28, made.Made28, {"hidden": 16}),
}
CODERS = [name for name in MODELS if name != "made"]
WEIGHED = [name for name in MODELS if name != "vae-gan"]
CLASSES = [name for name in MODELS if "classes" in name]


@pytest.fixture
def model(request, tmp_path):
    return opened(request.param, tmp_path)


def opened(name, folder):
    kind, network, config = MODELS[name]
    torch.manual_seed(0)
    path = folder / "model.safetensors"
    save_file(network(**config).state_dict(), path)
    return kind.open({"model_type": "x", "library_name": "y", **config}, {"model.safetensors": path}, "cpu")


def every(names):
    return pytest.mark.parametrize("model", names, ids=list(names), indirect=True)


def images(count=4):
    return (np.random.default_rng(0).random((count, 1, 28, 28), np.float32) > 0.5).astype(np.float32)


def options(model):
    return {"class": 2} if getattr(model.network, "classes", 0) else {}


@every(MODELS)
def test_keeps_the_contracts(request, model):
    assert isinstance(model, Generator)
    name = request.node.callspec.params["model"]
    assert isinstance(model, Autoencoder) == (name in CODERS)
    assert isinstance(model, Density) == (name in WEIGHED)


@every(MODELS)
def test_samples_are_images_in_their_range(model):
    samples = model.generate(draw(model.noise, 0, range(5)), {})
    assert (samples.kind, samples.range, samples.values.dtype) == ("image", (0.0, 1.0), np.float32)
    assert samples.values.shape == (5, 1, 28, 28)
    assert np.isfinite(samples.values).all()
    assert samples.values.min() >= 0
    assert samples.values.max() <= 1


@every(MODELS)
def test_a_row_depends_on_its_own_noise_alone(model):
    noise, other = draw(model.noise, 0, [0, 1, 2]), draw(model.noise, 0, [0, 8, 9])
    one, two = (model.generate(each, {}).values for each in (noise, other))
    assert np.array_equal(one[0], two[0])
    assert not np.array_equal(one[1], two[1])


@every(CODERS)
def test_a_row_depends_on_its_own_image_alone(model):
    other = images()
    other[1:] = 1 - other[1:]
    for read in (lambda x: model.encode(x, options(model)).values, lambda x: model.encode(x, options(model)).deviation):
        one, two = read(images()), read(other)
        assert np.array_equal(one[0], two[0])
        assert not np.array_equal(one[1], two[1])


@every(MODELS)
def test_touches_nothing(model):
    state, weights = torch.random.get_rng_state(), {k: v.clone() for k, v in model.network.state_dict().items()}
    noise = draw(model.noise, 0, range(3))
    for values in noise.values():
        values.setflags(write=False)
    given = images()
    given.setflags(write=False)  # a file that is mapped is read-only
    model.generate(noise, {})
    if isinstance(model, Autoencoder):
        latents = model.encode(given, options(model)).values
        latents.setflags(write=False)
        model.decode(latents, options(model))
    if isinstance(model, Density):
        model.log_weights(given, np.zeros(4, np.int64), np.zeros((4, 2, *model.draw.shape), np.float32))
    assert torch.equal(state, torch.random.get_rng_state())
    assert torch.is_grad_enabled()
    assert not model.network.training
    assert all(torch.equal(value, weights[name]) for name, value in model.network.state_dict().items())


@every(CODERS)
def test_latents_are_those_of_the_network(model):
    found = model.encode(images(), options(model))
    assert isinstance(found, Latents)
    assert model.latent == ((3,), 0)
    given = (torch.full((4,), 2),) if options(model) else ()
    mean, log_variance = model.network.encode(torch.tensor(images()), *given)
    np.testing.assert_array_equal(found.values, mean.numpy())
    np.testing.assert_allclose(found.deviation, log_variance.exp().sqrt().numpy(), rtol=1e-6)
    assert found.values.dtype == found.deviation.dtype == np.float32
    decoded = model.decode(found.values, options(model))
    expected = model.network.likelihood.mean(model.network.decode(mean, *given))
    np.testing.assert_array_equal(decoded.values, expected.numpy())
    assert (decoded.kind, decoded.range) == ("image", (0.0, 1.0))


@every([name for name in CODERS if "pseudo" not in name])
def test_a_sample_is_its_noise_decoded(model):
    noise = draw(model.noise, 0, range(4))
    made = model.generate(noise, options(model)).values
    np.testing.assert_array_equal(made, model.decode(noise["latent"], options(model)).values)


@every(["mlp with pseudo-inputs"])
def test_a_sample_of_a_vamp_prior_is_of_the_posterior_that_its_noise_chooses(model):
    assert model.noise == {"latent": ((3,), "normal"), "component": ((), "uniform")}
    noise = draw(model.noise, 0, range(4)) | {"component": np.array([0.0, 0.3, 0.6, 0.9], np.float32)}
    mean, log_variance = model.network.encode(model.network.prior())
    latents = mean.numpy() + log_variance.exp().sqrt().numpy() * noise["latent"]
    np.testing.assert_allclose(model.generate(noise, {}).values, model.decode(latents, {}).values, atol=1e-6)


@every(CODERS)
def test_the_way_between_two_latents_is_straight_and_ends_in_both(model):
    one, other = np.random.default_rng(1).standard_normal((2, 3)).astype(np.float32) * 1e4
    weights = np.array([0.0, 0.25, 1.0])
    line = model.between(one, other, weights)
    assert line.dtype == np.float32
    assert np.array_equal(line[0], one)
    assert np.array_equal(line[2], other)
    np.testing.assert_allclose(line[1], 0.75 * one + 0.25 * other, rtol=1e-6)


# Classes.


@every(CLASSES)
def test_samples_are_of_the_class_that_is_asked_for(model):
    noise = draw(model.noise, 0, range(4))
    for chosen in range(5):
        made = model.generate(noise, {"class": chosen}).values
        given = torch.full((4,), chosen)
        decoded = model.network.decode(torch.tensor(noise["latent"]), given)
        np.testing.assert_array_equal(made, model.network.likelihood.mean(decoded).numpy())


@every(CLASSES)
def test_without_a_class_samples_are_of_all(model):
    noise = draw(model.noise, 0, range(500))
    noise["latent"][:] = 0.5
    seen = {image.tobytes() for image in model.generate(noise, {}).values}
    assert len(seen) == 5
    noise["class"][:] = 1.0  # what rounds up to 1 is of the last class
    last = model.generate(noise, {}).values
    np.testing.assert_array_equal(last, model.generate(noise, {"class": 4}).values)


@every(CLASSES)
@pytest.mark.parametrize("chosen", [5, -1, 10**6])
def test_a_class_that_there_is_not_is_named(model, chosen):
    with pytest.raises(WrongUse, match=f"There is no class {chosen}: this model has classes 0 to 4"):
        model.generate(draw(model.noise, 0, range(2)), {"class": chosen})


@every(CLASSES)
def test_to_encode_and_decode_the_class_must_be_said(model):
    for call in (
        lambda: model.encode(images(), {}),
        lambda: model.decode(np.zeros((2, 3), np.float32), {}),
        lambda: model.log_weights(images(), None, np.zeros((4, 2, 3), np.float32)),
    ):
        with pytest.raises(WrongUse, match="given an image's class, and none was said") as error:
            call()
        assert error.value.hint == "Say it: --class 0 to 4."


# Densities.


@every(WEIGHED)
def test_weights_are_those_of_the_network(request, model):
    noise = np.random.default_rng(1).standard_normal((4, 6, *model.draw.shape)).astype(np.float32)
    labels = np.array([0, 1, 2, 4])
    found = model.log_weights(images(), labels, noise)
    assert (found.dtype, found.shape) == (np.float64, (4, 6))
    assert np.isfinite(found).all()
    with torch.no_grad():
        if model.exact:
            expected = model.network(torch.tensor(images()))[:, None].expand(4, 6)
        else:
            given = (torch.tensor(labels),) if options(model) else ()
            expected = log_weights(model.network(torch.tensor(images()), torch.tensor(noise), *given))
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-6)
    name = request.node.callspec.params["model"]
    assert model.exact == (name == "made")
    assert bool(model.levels) == (name != "conv gaussian")
    assert model.levels == {"conv gaussian": 0, "conv logistic": 256}.get(name, 2)
    alone = model.log_weights(images()[2:3], labels[2:3], noise[2:3])
    np.testing.assert_allclose(alone, found[2:3], rtol=1e-5)


@every(WEIGHED)
def test_weights_depend_on_the_draw_unless_they_are_exact(model):
    noise = np.random.default_rng(1).standard_normal((4, 2, *model.draw.shape)).astype(np.float32)
    found = model.log_weights(images(), np.zeros(4, np.int64), noise)
    assert (found[:, 0] == found[:, 1]).all() == model.exact


def test_a_made_sample_is_black_or_white(tmp_path):
    model = opened("made", tmp_path)
    assert model.noise == {"pixels": ((784,), "uniform")}
    assert set(np.unique(model.generate(draw(model.noise, 0, range(3)), {}).values)) == {0.0, 1.0}


# Weights that do not fit.


@pytest.mark.parametrize("name", MODELS)
def test_weights_of_another_width_are_refused(name, tmp_path):
    kind, _, config = MODELS[name]
    opened(name, tmp_path)
    field = "hidden" if "hidden" in config else "width"
    with pytest.raises(Refused, match="does not fit its architecture"):
        kind.open(config | {field: config[field] + 1}, {"model.safetensors": tmp_path / "model.safetensors"}, "cpu")


def test_weights_without_classes_are_refused_where_there_are_classes(tmp_path):
    opened("mlp", tmp_path)
    config = MODELS["mlp with classes"][2]
    with pytest.raises(Refused, match="does not fit its architecture"):
        generators.Mlp28.open(config, {"model.safetensors": tmp_path / "model.safetensors"}, "cpu")
