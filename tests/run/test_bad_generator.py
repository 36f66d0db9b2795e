"""A plugin's generator that breaks its contract: one sentence that names the distribution, never our own fault."""

import numpy as np
import pytest
import torch

from aigc_core import registry
from aigc_core.errors import NotAvailable
from aigc_core.interfaces import NoiseSpec, Samples
from aigc_core.run import load as loading
from aigc_core.run.model import Model

GOOD = np.zeros((64, 1, 28, 28), np.float32)


class Fake:
    """A generator that returns what it is given, or raises it."""

    engine, dtype = "numpy", "float32"
    noise = {"z": NoiseSpec((2,), "normal")}  # noqa: RUF012

    def __init__(self, result):
        self.result = result

    def generate(self, noise, options):
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


def image(values, range=(-1.0, 1.0), kind="image"):
    return Samples(kind, values, range)


def spoilt(value):
    values = GOOD.copy()
    values[3, 0, 5, 5] = value
    return values


def test_a_good_one_passes():
    assert len(Model(registry.find("dcgan-digits"), Fake(image(GOOD)), "cpu").generate(3).values) == 3


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (None, "made no Samples with a float32 array"),
        (GOOD, "made no Samples with a float32 array"),
        (image(None), "made no Samples with a float32 array"),
        (image(torch.zeros(64, 1, 28, 28)), "made no Samples with a float32 array"),
        (image(GOOD.astype(np.float64)), "made no Samples with a float32 array"),
        (image(GOOD[:3]), r"made values of shape \[3, 1, 28, 28\], the manifest says \[64, 1, 28, 28\]"),
        (image(GOOD[:, :, :-1]), r"made values of shape \[64, 1, 27, 28\]"),
        (image(GOOD, range=(0.0, 1.0)), r"made image in \(0.0, 1.0\), the manifest says image in \[-1, 1\]"),
        (image(GOOD, kind="text"), "made text in"),
        (image(spoilt(np.nan)), "made values outside of"),
        (image(spoilt(np.inf)), "made values outside of"),
        (image(spoilt(1.01)), "made values outside of"),
        (ValueError("no such\nlayer"), "failed to sample from dcgan-digits: ValueError: no such layer"),
        (SystemExit(0), "failed to sample from dcgan-digits: SystemExit: 0"),
        (BaseException("odd"), "failed to sample from dcgan-digits: BaseException: odd"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_result_that_breaks_the_contract_is_named(result, sentence):
    with pytest.raises(NotAvailable, match=sentence) as refusal:
        Model(registry.find("dcgan-digits"), Fake(result), "cpu").generate(3)
    assert "aigc-gan" in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ({"engine": None}, "has no engine and dtype as text"),
        ({"dtype": torch.float32}, "has no engine and dtype as text"),
        ({"noise": None}, "has no map of NoiseSpec as noise"),
        ({"noise": {"z": (4,)}}, "has no map of NoiseSpec as noise"),
        ({"noise": {"z": NoiseSpec((-4,), "normal")}}, "has noise of a shape that cannot be"),
        ({"generate": None}, "has no generate"),
    ],
    ids=str,
)
def test_an_object_that_is_no_generator_is_refused_when_it_is_opened(monkeypatch, attributes, sentence):
    broken = type("Broken", (Fake,), attributes)(image(GOOD))
    kind = type("Kind", (), {"open": staticmethod(lambda config, weights, device: broken)})
    monkeypatch.setattr(loading.plugins, "component", lambda *_: kind)
    with pytest.raises(NotAvailable, match=f"by aigc-gan, {sentence}"):
        loading.load("dcgan-digits")
