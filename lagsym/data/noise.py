"""Noise as a measurement has it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def add_noise(
    values: Float[np.ndarray, "*samples columns"], noise: float, generator: np.random.Generator
) -> Float[np.ndarray, "*samples columns"]:
    """Gaussian noise on every value, relative to the standard deviation of its column over all samples.

    Arguments:
        values: exact values; left as they are.
        noise: standard deviation of the noise over that of the column.
        generator: what draws it.

    >>> exact = np.linspace(0, 1, 1000)[:, None]
    >>> 0.009 < np.std(add_noise(exact, 0.01, np.random.default_rng(0)) - exact) / np.std(exact) < 0.011
    True
    """
    spread = values.std(axis=tuple(range(values.ndim - 1)))
    return values + noise * spread * generator.standard_normal(values.shape)
