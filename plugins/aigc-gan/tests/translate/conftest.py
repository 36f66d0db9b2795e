import pytest
import torch

from aigc_core.train.update import Part, Update


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Apart:
    """How far one image is from another, times a weight: a stand-in for the losses that a recipe names."""

    def __init__(self, one, other, weight):
        self.one, self.other, self.weight = one, other, weight
        self.networks = {"generator": (one, other)}

    def __call__(self, network, inputs):
        distance = (inputs[self.one] - inputs[self.other]).abs().mean()
        return {"loss": self.weight * distance, "distance": distance}


@pytest.fixture(scope="session")
def apart():
    return Apart


@pytest.fixture(scope="session")
def part():
    """A batch of random images of that shape."""

    def made(*shape, seed=1):
        return Part({"images": torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1}, {})

    return made


@pytest.fixture(scope="session")
def updated():
    """Carry out a step with plain gradient descent, as the core does; return its report."""

    def call(trainer, part, rate=0.1):
        rates = {role: torch.optim.SGD(network.parameters(), rate) for role, network in trainer.networks.items()}
        return Update(trainer, rates, device=torch.device("cpu"))([part])

    return call
