"""One number for a network's weights, to say whether two trainings came to the same."""

from __future__ import annotations

import hashlib

from torch import nn


def weights_sha256(network: nn.Module) -> str:
    """Hash every tensor of a network with its name, in name order."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
