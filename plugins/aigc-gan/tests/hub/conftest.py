import pytest
import torch


def filled(network, seed=0):
    """Give a network random weights of a size that lets what passes through it keep its own."""
    drawing = torch.Generator().manual_seed(seed)
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            value.fill_(1.0)
        elif value.is_floating_point() and value.dim():
            value.copy_(torch.randn(value.shape, generator=drawing) / max(value[0].numel(), 1) ** 0.5)
    return network.eval()


@pytest.fixture(name="filled", scope="session")
def filled_fixture():
    return filled
