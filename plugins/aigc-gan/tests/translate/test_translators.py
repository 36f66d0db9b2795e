"""The translators as the core opens them, and the Hub's pix2pix at its real shapes, with random weights."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

from aigc_core.errors import NotAvailable, Refused
from aigc_core.interfaces import Translator
from aigc_gan.translate.facades import FacadesNetwork, FacadesTranslator
from aigc_gan.translate.generators import Cycle28Translator, Pix2Pix64Translator
from aigc_gan.translate.resnet import Cycle28
from aigc_gan.translate.unet import Pix2Pix64

PARAMETERS = 54_404_099
"""Four bytes each are 217.6 MB; the file on the Hub was seen to have 218."""


def pixels(*shape, seed=0):
    return (np.random.default_rng(seed).random(shape) * 2 - 1).astype(np.float32)


def saved(network, path):
    torch.manual_seed(0)
    for value in network.parameters():
        torch.nn.init.normal_(value, std=0.2)
    save_file(network.state_dict(), path)
    return {path.name: path}


def test_pix2pix_translates_without_noise(tmp_path):
    network = Pix2Pix64(4, 8)
    weights = saved(network, tmp_path / "model.safetensors")
    model = Pix2Pix64Translator.open({"width": 4, "widest": 8, "dropout": 0.5}, weights, "cpu")
    assert isinstance(model, Translator)
    images = pixels(3, 1, 64, 64)
    made = model.translate(images, {})
    assert (made.kind, made.range, made.values.shape, made.values.dtype) == (
        "image",
        (-1.0, 1.0),
        (3, 3, 64, 64),
        np.float32,
    )
    assert np.abs(made.values).max() <= 1
    before = torch.get_rng_state()
    assert np.array_equal(model.translate(images, {}).values, made.values)
    assert torch.equal(before, torch.get_rng_state())
    torch.testing.assert_close(torch.from_numpy(made.values), network.eval()(torch.from_numpy(images)).detach())


def test_a_cycle_model_goes_both_ways(tmp_path):
    network = Cycle28(2, 1)
    model = Cycle28Translator.open({"width": 2, "blocks": 1}, saved(network, tmp_path / "m.safetensors"), "cpu")
    images = pixels(2, 1, 28, 28)
    ways = {way: model.translate(images, {"direction": way}).values for way in ("forth", "back")}
    assert np.array_equal(model.translate(images, {}).values, ways["forth"])
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(ways["forth"]), network.forth(torch.from_numpy(images)))
        torch.testing.assert_close(torch.from_numpy(ways["back"]), network.back(torch.from_numpy(images)))


def test_weights_of_another_size_are_refused(tmp_path):
    weights = saved(Pix2Pix64(4, 8), tmp_path / "model.safetensors")
    with pytest.raises(Refused, match="does not fit its architecture"):
        Pix2Pix64Translator.open({"width": 8, "widest": 8}, weights, "cpu")


def layout():
    """What public training code calls the tensors of such a model, and their shapes, written out by hand."""
    down = [(64, 3), (128, 64), (256, 128), (512, 256), *[(512, 512)] * 4]
    up = [(512, 512), (1024, 512), (1024, 512), (1024, 512), (1024, 256), (512, 128), (256, 64)]
    shapes = {f"down{level}.model.0.weight": (*pair, 4, 4) for level, pair in enumerate(down, 1)}
    shapes |= {f"up{level}.model.0.weight": (*pair, 4, 4) for level, pair in enumerate(up, 1)}
    return shapes | {"final.2.weight": (3, 128, 4, 4), "final.2.bias": (3,)}


def test_the_hubs_model_has_its_names_shapes_and_size():
    with torch.device("meta"):
        state = FacadesNetwork().state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == layout()
    assert sum(value.numel() for value in state.values()) == PARAMETERS


def plainly(state, images):
    """The same by functions alone: convolution, norm, slope; the innermost and the first level have no norm."""
    levels, x = [], images
    for level in range(1, 9):
        x = functional.conv2d(x, state[f"down{level}.model.0.weight"], stride=2, padding=1)
        x = functional.leaky_relu(functional.instance_norm(x) if 1 < level < 8 else x, 0.2)
        levels.append(x)
    for level in range(1, 8):
        x = functional.conv_transpose2d(x, state[f"up{level}.model.0.weight"], stride=2, padding=1)
        x = torch.cat([functional.relu(functional.instance_norm(x)), levels[7 - level]], 1)
    x = functional.pad(x.repeat_interleave(2, -1).repeat_interleave(2, -2), (1, 0, 1, 0))
    return functional.conv2d(x, state["final.2.weight"], state["final.2.bias"], padding=1).tanh()


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["safetensors", "bin"])
def test_the_hubs_model_at_its_real_shapes_with_random_weights(tmp_path, ending):
    draw = torch.Generator().manual_seed(0)
    state = {name: torch.randn(shape, generator=draw) * 0.05 for name, shape in layout().items()}
    path = tmp_path / f"pytorch_model.{ending}"
    if ending == "bin":
        torch.save(state, path)
    else:
        save_file(state, path)
    model = FacadesTranslator.open({}, {path.name: path}, "cpu")
    images = pixels(1, 3, 256, 256)
    made = model.translate(images, {})
    assert made.values.shape == (1, 3, 256, 256)
    assert made.values.std() > 0.1
    torch.testing.assert_close(
        torch.from_numpy(made.values), plainly(state, torch.from_numpy(images)), rtol=1e-3, atol=1e-3
    )


def test_a_pickle_of_anything_else_is_refused(tmp_path):
    path = tmp_path / "pytorch_model.bin"
    torch.save({"down1.model.0.weight": torch.zeros(64, 3, 4, 4)}, path)
    with pytest.raises(Refused, match="does not fit its architecture: it lacks"):
        FacadesTranslator.open({}, {path.name: path}, "cpu")
    with pytest.raises(NotAvailable, match="one file of weights, not 2"):
        FacadesTranslator.open({}, {"a.bin": path, "b.bin": path, "config.json": path}, "cpu")
