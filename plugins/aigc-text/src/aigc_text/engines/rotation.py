"""Rotary positions (arXiv 2104.09864): the angles, and the order in which the numbers of a pair lie side by side."""

from __future__ import annotations

import math

import numpy as np

from aigc_text.architecture.shape import Shape


def wavelengths(shape: Shape) -> np.ndarray:
    """Return the angle (rotary / 2,), float32, by which each pair turns from one token to the next."""
    turns = 1.0 / np.float32(shape.theta) ** (
        np.arange(0, shape.rotary, 2).astype(np.float32) / np.float32(shape.rotary)
    )
    facts = dict(shape.scaling)
    if facts.get("rope_type") == "linear":  # arXiv 2306.15595
        return np.asarray(turns / np.float32(facts["factor"]), np.float32)
    if facts.get("rope_type") == "llama3":
        return _llama3(turns, {name: float(value) for name, value in facts.items() if name != "rope_type"})
    return np.asarray(turns, np.float32)


def _llama3(turns: np.ndarray, facts: dict[str, float]) -> np.ndarray:
    """Stretch long waves by ``factor``, leave short ones, and blend between, as transformers does for Llama 3.1."""
    waves = 2 * math.pi / turns
    old, low, high = facts["original_max_position_embeddings"], facts["low_freq_factor"], facts["high_freq_factor"]
    blend = (old / waves - low) / (high - low)
    between = (1 - blend) * turns / facts["factor"] + blend * turns
    stretched = np.where(waves > old / low, turns / facts["factor"], turns)
    middle = (waves <= old / low) & (waves >= old / high)
    return np.where(middle, between, stretched).astype(np.float32)


def side_by_side(shape: Shape) -> np.ndarray:
    """Return the order (head,) that puts number *i* and number *i + rotary / 2* of a head side by side."""
    half = shape.rotary // 2
    pairs = np.stack([np.arange(half), np.arange(half) + half], 1).reshape(-1)
    return np.concatenate([pairs, np.arange(shape.rotary, shape.head)])
