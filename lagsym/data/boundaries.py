"""Whether a direction of space closes on itself, as the data have it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

BOUNDARIES = PERIODIC, FIXED = "periodic", "fixed"
CLOSED = 2.0
"""A direction closes on itself where the ends differ by less than this many times what neighbours do."""
STILL = 0.05
"""Ends that vary in time by less than this share of the usual are held."""


def guess_boundary(
    u: Float[np.ndarray, "runs times *sites fields"], axis: int, angles: Bool[np.ndarray, " fields"]
) -> tuple[bool, str]:
    """Compare the mismatch across the ends of a direction with that between neighbours.

    Arguments:
        u: fields.
        axis: of the direction.
        angles: fields with period 2 pi.

    Returns:
        Whether it closes on itself, and why that was assumed.

    >>> x, t = np.linspace(0, 2 * np.pi, 32, endpoint=False), np.linspace(0, 1, 9)
    >>> u = np.sin(x - t[:, None])[None, ..., None]
    >>> guess_boundary(u, 2, np.array([False]))[0], guess_boundary(u[:, :, :20], 2, np.array([False]))[0]
    (True, False)
    """
    line = np.moveaxis(u, axis, 0)
    scale = np.maximum(line.std(axis=tuple(range(line.ndim - 1))), np.finfo(float).tiny)
    held = (line[[0, -1]].std(axis=2) <= STILL * line.std(axis=2).mean(axis=0)).all()
    if held:
        return False, "both ends keep their values"
    across, between = (_size(difference, angles) / scale for difference in (line[0] - line[-1], np.diff(line, axis=0)))
    ratio = float((across / np.maximum(between, np.finfo(float).tiny)).max())
    how = f"the fields differ across its ends {ratio:.2g} times as much as between neighbours"
    return ratio < CLOSED, how


def _size(difference: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Root mean square of differences of each field, angles by the shorter way round."""
    turned = np.where(angles, (difference + np.pi) % (2 * np.pi) - np.pi, difference)
    return np.sqrt(np.mean(turned.reshape(-1, turned.shape[-1]) ** 2, axis=0))
