"""What the two losses of a GAN show to be wrong (Goodfellow et al., arXiv 1406.2661, section 3)."""

from __future__ import annotations

import math

WON = 0.05
"""A discriminator's loss below which it tells real from fake almost surely; 2 ln 2 = 1.39 is where it knows nothing."""
_SMALLEST = 2.0**-149
"""The smallest float32: a smaller loss is stored as 0."""


def least_generator_loss(discriminator_loss: float) -> float:
    """Return -log(1 - exp(-D)), which the non-saturating generator's loss cannot fall below.

    Let u = -log(1 - D(G(z))) for a fake: the discriminator's loss is at least the mean of u, the generator's is the
    mean of f(u) = -log(1 - exp(-u)), and f is convex and falls. So G >= f(mean u) >= f(D), by Jensen; and so for means
    over steps, by Jensen again.
    """
    return -math.log(-math.expm1(-max(discriminator_loss, _SMALLEST)))


def impossible(discriminator_loss: float, generator_loss: float, tolerance: float = 0.01) -> str:
    """Say where the non-saturating losses cannot both be true: one of them is computed from the wrong thing.

    ``tolerance`` is for rounding, and for losses that are not of one pass: a step that updates the discriminator before
    it scores the fakes again (``alternating``) may be below the bound by as much as that update moves the losses. A
    loss that is not finite says nothing here.
    """
    if not math.isfinite(discriminator_loss) or not math.isfinite(generator_loss):
        return ""
    if discriminator_loss < -tolerance:
        return f"The discriminator's loss is {discriminator_loss:.4g}, but a cross-entropy is never below 0."
    least = least_generator_loss(discriminator_loss)
    if generator_loss >= least - tolerance:
        return ""
    return (
        f"The generator's loss is {generator_loss:.4g}, but where the discriminator's is {discriminator_loss:.4g} it "
        f"is at least {least:.4g}: one of them is taken from other logits, labels or samples than it should be."
    )


def won(discriminator_loss: float, generator_loss: float) -> str:
    """Say that the discriminator has won, by the mean losses of the last steps: the generator learns little then."""
    if not 0 <= discriminator_loss < WON:
        return ""
    return (
        f"The discriminator has won: its loss is {discriminator_loss:.4g}, the generator's {generator_loss:.4g}, so it "
        "tells real from fake almost surely. Try a lower learning rate or a smaller width for the discriminator, more "
        "dropout, or a gradient penalty."
    )
