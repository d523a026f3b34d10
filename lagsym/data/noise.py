"""Noise as a measurement has it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

WIDEST = 1.0
"""Radians: the spread of an angle at most. Whoever goes round and round is seen no less well each time."""


def add_noise(
    values: Float[np.ndarray, "*samples columns"],
    noise: float,
    generator: np.random.Generator,
    angles: Bool[np.ndarray, " columns"] | None = None,
) -> Float[np.ndarray, "*samples columns"]:
    """Gaussian noise on every value, relative to the standard deviation of its column over all samples.

    Arguments:
        values: exact values; left as they are.
        noise: standard deviation of the noise over that of the column.
        generator: what draws it.
        angles: which columns are angles, whose standard deviation counts as one radian at most; none without.

    >>> exact = np.linspace(0, 1, 1000)[:, None]
    >>> added = add_noise(exact, 0.01, np.random.default_rng(0)) - exact
    >>> bool(0.009 < added.std() / exact.std() < 0.011)
    True
    """
    spread = values.std(axis=tuple(range(values.ndim - 1)))
    if angles is not None:
        spread = np.where(angles, np.minimum(spread, WIDEST), spread)
    return values + noise * spread * generator.standard_normal(values.shape)
