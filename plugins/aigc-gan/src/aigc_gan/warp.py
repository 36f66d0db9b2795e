"""Small random changes of slant, turn, size and place to what a discriminator is shown, real and generated alike.

Both kinds pass through one law, so the generator is not taught to make warped images (Zhao et al., arXiv 2006.10738,
equations 4 to 6; Karras et al., arXiv 2006.06676, section 2.2). What the law covers cannot be read off an image again,
so a code that is found without labels has to stand for something else.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

SHEAR, TURN, ZOOM, SHIFT = 0.6, 0.15, 0.15, 1 / 7
"""Most that one image is changed, at full strength: pixels sideways per pixel down, radians, share of the size, and
share of half the width; handwriting differs by about as much."""
BACKGROUND = -1.0
"""What comes in from outside: black."""


def warped(images: Tensor, strength: float) -> Tensor:
    """Return images (n, c, h, w), each warped by its own draw; ``strength`` is the share of the ranges above."""
    grid = affine_grid(drawn(images, strength), list(images.shape), align_corners=False)
    return grid_sample(images - BACKGROUND, grid, align_corners=False) + BACKGROUND


def drawn(images: Tensor, strength: float) -> Tensor:
    """Return a matrix (n, 2, 3) an image, from places in the result to places in the image, both -1 to 1."""
    u = strength * (2 * torch.rand(6, len(images), dtype=images.dtype, device=images.device) - 1)
    shear, turn, right, down = SHEAR * u[0], TURN * u[1], SHIFT * u[4], SHIFT * u[5]
    wide, high = 1 + ZOOM * u[2], 1 + ZOOM * u[3]
    cos, sin = turn.cos(), turn.sin()
    across = torch.stack([cos * wide, (cos * shear - sin) * high, right], 1)
    along = torch.stack([sin * wide, (sin * shear + cos) * high, down], 1)
    return torch.stack([across, along], 1)
