"""The constant matrix S between two equations of the same motion, E[candidate] = S E[reference]."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

NEGLIGIBLE = 1e-12
"""Entries below this share of the largest are zero."""


def constant_multiplier(
    candidate: Float[np.ndarray, "samples n"], reference: Float[np.ndarray, "samples n"], tolerance: float
) -> Float[np.ndarray, "n n"] | None:
    """Find S from values of both at random points off the motion; None where no constant matrix fits.

    Arguments:
        candidate: values of E[candidate].
        reference: values of E[reference] at the same points, more of them than equations.
        tolerance: relative remainder that a fit may leave.

    >>> theirs = np.random.default_rng(0).normal(size=(5, 2))
    >>> constant_multiplier(theirs[:, ::-1], theirs, 1e-9).round(12)
    array([[0., 1.],
           [1., 0.]])
    """
    solution, *_ = np.linalg.lstsq(reference, candidate, rcond=None)
    if np.linalg.norm(candidate - reference @ solution) > tolerance * np.linalg.norm(candidate):
        return None
    return np.where(np.abs(solution) > NEGLIGIBLE * np.abs(solution).max(), solution, 0.0).T
