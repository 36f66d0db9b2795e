"""The models as the core runs them: noise and options in, images out, nothing else touched. Weights are random."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from aigc_core.errors import Refused, WrongUse
from aigc_core.interfaces import Generator, Samples
from aigc_core.run.noise import draw
from aigc_gan import conditional, dcgan, dcgan_mlp, generators, infogan, mlp, networks, resnet

SMALL = {"latent_dim": 5, "width": 4}
CODES = {"code_classes": 4, "code_values": 2, "hidden": 8}
MODELS = {
    "dcgan-28": (generators.Dcgan28, networks.DcganGenerator, SMALL, (1, 28, 28)),
    "dcgan-32": (generators.Dcgan32, dcgan.DcganGenerator32, SMALL, (3, 32, 32)),
    "dcgan-64": (generators.Dcgan64, dcgan.DcganGenerator64, SMALL, (3, 64, 64)),
    "dcgan-64-mlp": (generators.MlpDcgan64, dcgan_mlp.MlpDcganGenerator64, SMALL, (3, 64, 64)),
    "mlp-28": (generators.Mlp28, mlp.MlpGenerator28, SMALL, (1, 28, 28)),
    "resnet-32": (generators.Resnet32, resnet.ResnetGenerator32, SMALL, (3, 32, 32)),
    "cgan-28": (
        generators.Conditional28,
        conditional.ConditionalGenerator28,
        SMALL | {"classes": 4, "embedding": 3},
        (1, 28, 28),
    ),
    "infogan-28": (generators.Info28, infogan.InfoGenerator28, SMALL | CODES, (1, 28, 28)),
    "infogan-28 without numbers": (
        generators.Info28,
        infogan.InfoGenerator28,
        SMALL | CODES | {"code_values": 0},
        (1, 28, 28),
    ),
}
OPTIONS = {
    **{name: {"truncation": 0.5} for name in MODELS},
    "cgan-28": {"truncation": 0.5, "class": 2},
    "infogan-28": {"truncation": 0.5, "code_class": 2, "code_1": -1.0, "code_2": 0.5},
}
every = pytest.mark.parametrize("name", MODELS)


def opened(name, folder, **settings):
    kind, network, config, _ = MODELS[name]
    torch.manual_seed(0)
    made = network(**config)
    path = folder / "model.safetensors"
    save_file(made.state_dict(), path)
    return kind.open({"model_type": "x", "library_name": "y", **config}, {"model.safetensors": path}, "cpu", **settings)


@every
def test_keeps_the_contract(name, tmp_path):
    model = opened(name, tmp_path)
    assert isinstance(model, Generator)
    assert (model.engine, model.dtype) == ("torch", "float32")
    samples = model.generate(draw(model.noise, 0, range(5)), {})
    assert (samples.kind, samples.range, samples.values.dtype) == ("image", (-1.0, 1.0), np.float32)
    assert samples.values.shape == (5, *MODELS[name][3])
    assert np.abs(samples.values).max() <= 1


@every
def test_a_row_depends_on_its_own_noise_alone(name, tmp_path):
    model = opened(name, tmp_path)
    noise, other = draw(model.noise, 0, [0, 1, 2]), draw(model.noise, 0, [0, 8, 9])
    one, two = (model.generate(each, {}).values for each in (noise, other))
    assert np.array_equal(one[0], two[0])
    assert not np.array_equal(one[1], two[1])


@every
def test_every_noise_has_an_effect(name, tmp_path):
    model = opened(name, tmp_path)
    noise, other = draw(model.noise, 0, range(20)), draw(model.noise, 1, range(20))
    plain = model.generate(noise, {}).values
    for each in noise:
        assert not np.array_equal(model.generate(noise | {each: other[each]}, {}).values, plain)


@every
def test_every_option_has_an_effect(name, tmp_path):
    model = opened(name, tmp_path)
    noise = draw(model.noise, 0, range(8))
    plain = model.generate(noise, {}).values
    for option, value in OPTIONS[name].items():
        assert not np.array_equal(model.generate(noise, {option: value}).values, plain), option


@every
def test_touches_nothing(name, tmp_path):
    model = opened(name, tmp_path)
    state, weights = torch.random.get_rng_state(), {k: v.clone() for k, v in model.network.state_dict().items()}
    noise = draw(model.noise, 0, range(3))
    before = {key: values.copy() for key, values in noise.items()}
    model.generate(noise, OPTIONS[name])
    assert all(np.array_equal(noise[key], before[key]) for key in noise)
    assert torch.equal(state, torch.random.get_rng_state())
    assert torch.is_grad_enabled()
    assert not any(module.training for module in model.network.modules())
    assert all(torch.equal(value, weights[key]) for key, value in model.network.state_dict().items())


@every
def test_half_the_bits_make_nearly_the_same_images(name, tmp_path):
    assert generators.Images.dtypes == ("float32", "bfloat16")
    plain, half = (opened(name, tmp_path, dtype=dtype) for dtype in generators.Images.dtypes)
    assert half.dtype == "bfloat16"
    assert all(value.dtype == torch.bfloat16 for value in half.network.parameters())
    noise = draw(plain.noise, 0, range(8))
    one, two = (model.generate(noise, OPTIONS[name]).values for model in (plain, half))
    assert two.dtype == np.float32
    assert np.abs(one - two).max() > 0
    assert np.abs(one - two).mean() < 0.05 * max(one.std(), 0.02)


@every
def test_weights_of_another_width_are_refused(name, tmp_path):
    kind, _, config, _ = MODELS[name]
    opened(name, tmp_path)
    with pytest.raises(Refused, match="does not fit its architecture"):
        kind.open(config | {"width": 5}, {"model.safetensors": tmp_path / "model.safetensors"}, "cpu")


# Classes and codes.


def made_by(model, noise, **given) -> np.ndarray:
    with torch.inference_mode():
        return model.network(torch.from_numpy(noise["latent"]), **given).numpy()


def test_samples_are_of_the_class_that_is_asked_for(tmp_path):
    model = opened("cgan-28", tmp_path)
    noise = draw(model.noise, 0, range(6))
    for chosen in range(4):
        made = model.generate(noise, {"class": chosen})
        assert isinstance(made, Samples)
        np.testing.assert_array_equal(made.values, made_by(model, noise, labels=torch.full((6,), chosen)))


@pytest.mark.parametrize(
    ("name", "source", "option"), [("cgan-28", "class", "class"), ("infogan-28", *["code_class"] * 2)]
)
def test_without_a_class_samples_are_of_all(name, source, option, tmp_path):
    model = opened(name, tmp_path)
    noise = draw(model.noise, 0, range(400))
    for key, values in noise.items():
        if key != source:
            values[:] = 0.5
    images = model.generate(noise, {}).values
    assert len({image.tobytes() for image in images}) == 4
    for at, chosen in enumerate((noise[source] * 4).astype(int)):  # a quarter of [0, 1) each
        assert np.array_equal(images[at], model.generate(noise, {option: int(chosen)}).values[at])
        if at == 20:
            break
    noise[source][:] = 1.0  # what rounds up to 1 is of the last class
    np.testing.assert_array_equal(model.generate(noise, {}).values, model.generate(noise, {option: 3}).values)


@pytest.mark.parametrize(("name", "option"), [("cgan-28", "class"), ("infogan-28", "code_class")])
@pytest.mark.parametrize("chosen", [4, -1, 10**6])
def test_a_class_that_there_is_not_is_named(name, option, chosen, tmp_path):
    model = opened(name, tmp_path)
    with pytest.raises(WrongUse, match=f"There is no class {chosen}: this model has classes 0 to 3") as error:
        model.generate(draw(model.noise, 0, range(2)), {option: chosen})
    assert error.value.hint == f"Such as: --{option.replace('_', '-')} 3"


def test_codes_are_those_that_are_asked_for_and_else_those_of_the_noise(tmp_path):
    model = opened("infogan-28", tmp_path)
    noise = draw(model.noise, 0, range(6))
    values = 2 * torch.from_numpy(noise["code_values"]) - 1
    assert values.abs().max() <= 1
    chosen = torch.full((6,), 2)
    made = model.generate(noise, {"code_class": 2}).values
    np.testing.assert_array_equal(made, made_by(model, noise, code_class=chosen, code_values=values))
    values[:, 1] = 0.25
    made = model.generate(noise, {"code_class": 2, "code_2": 0.25}).values
    np.testing.assert_array_equal(made, made_by(model, noise, code_class=chosen, code_values=values))


def test_a_code_that_there_is_not_is_named(tmp_path):
    model = opened("infogan-28 without numbers", tmp_path)
    assert model.noise.keys() == {"latent", "code_class"}
    with pytest.raises(WrongUse, match="There is no code_1: this model has 0 codes that are numbers"):
        model.generate(draw(model.noise, 0, range(2)), {"code_1": 0.5})
