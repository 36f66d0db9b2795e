"""Densities of which everything is known in closed form."""

from __future__ import annotations

import numpy as np

from aigc_core.estimate import Batch
from aigc_core.interfaces import NoiseSpec

SHAPE = (1, 2, 3)
D, d = 6, 2
SCALE = 0.5


def normal(values, variance=1.0):
    """ln N(values; 0, variance), summed over the last axis."""
    return -0.5 * (values**2 / variance + np.log(2 * np.pi * variance)).sum(-1)


class Linear:
    """z ~ N(0, 1), x | z ~ N(W z, SCALE^2): p(x) is normal, and so is p(z | x), which q is ``wide`` times as wide as.

    q is diagonal along the posterior's axes and ``off`` beside its mean, each in its standard deviations.
    """

    exact, levels = False, 0
    draw = NoiseSpec((d,), "normal")

    def __init__(self, wide=1.4, off=0.5):
        random = np.random.default_rng(3)
        self.map = random.normal(size=(D, d))
        precision = np.eye(d) + self.map.T @ self.map / SCALE**2
        variances, self.axes = np.linalg.eigh(np.linalg.inv(precision))
        self.deviation = np.sqrt(variances)
        self.gain = np.linalg.inv(precision) @ self.map.T / SCALE**2
        self.wide, self.off = wide, off

    def sample(self, n, seed=0):
        random = np.random.default_rng(seed)
        values = random.normal(size=(n, d)) @ self.map.T + SCALE * random.normal(size=(n, D))
        return values.astype(np.float32).reshape(n, *SHAPE)

    def log_evidence(self, images):
        covariance = self.map @ self.map.T + SCALE**2 * np.eye(D)
        x = images.reshape(-1, D).astype(np.float64)
        quadratic = np.einsum("ni,ij,nj->n", x, np.linalg.inv(covariance), x)
        return -0.5 * (quadratic + np.linalg.slogdet(2 * np.pi * covariance)[1])

    @property
    def gap(self):
        """KL(q | p(z | x)), by which the ELBO is below ln p(x)."""
        return 0.5 * d * (self.wide**2 + self.off**2 - 1 - 2 * np.log(self.wide))

    def log_weights(self, images, labels, noise):
        x = images.reshape(-1, 1, D).astype(np.float64)
        noise = noise.astype(np.float64)
        own = self.deviation * (self.off + self.wide * noise)  # along the axes
        latent = x @ self.gain.T + own @ self.axes.T
        log_q = normal(noise) - np.log(self.wide * self.deviation).sum()
        return self.log_joint(x, latent) - log_q

    def log_joint(self, x, latent):
        return normal(x - latent @ self.map.T, SCALE**2) + normal(latent)


class WithoutPrior(Linear):
    """The field's mistake: the weights miss ln p(z), so they are those of no joint distribution."""

    def log_joint(self, x, latent):
        return normal(x - latent @ self.map.T, SCALE**2)


class Coins:
    """Each pixel is white by itself: exact, and of black and white images a probability."""

    exact, levels = True, 2
    draw = NoiseSpec((1,), "normal")

    def __init__(self, white):
        self.white = np.asarray(white, np.float64)

    def log_weights(self, images, labels, noise):
        x = images.reshape(len(images), -1).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            each = np.where(x == 1, np.log(self.white), np.where(x == 0, np.log1p(-self.white), np.nan))
        return np.repeat(each.sum(1)[:, None], noise.shape[1], axis=1)


def batches(images, size=7, labels=None, rows=None):
    """Cut images into batches."""
    rows = list(range(len(images))) if rows is None else rows
    for first in range(0, len(images), size):
        some = slice(first, first + size)
        yield Batch(rows[some], images[some], None if labels is None else labels[some])
