"""Null spaces of matrices of many-digit numbers.

Conditions that hold identically are solved at random points with many digits; their solutions then come out as numbers
that can be recognised.
"""

from __future__ import annotations

import mpmath
import numpy as np

from lagsym.mechanics.algebra.clear_ranks import Judge, kernel
from lagsym.mechanics.algebra.power_series import BITS

Matrix = np.ndarray
"""An array of mpmath's numbers, of dtype object."""


def null_space(matrix: Matrix, tolerance: float) -> Matrix:
    """The null space of a matrix in reduced row echelon form, so that vectors are sparse and the basis is unique.

    Arguments:
        matrix: mpmath numbers of shape (m, n); columns and then rows are scaled to a largest entry of one.
        tolerance: what is zero, for a pivot as for an entry of the result, in this scale.

    Returns:
        The basis, of shape (d, n): each vector's first entry that is not zero is 1, and 0 in all others.

    >>> x = mpmath.mpf(1)
    >>> null_space(np.array([[x, 2 * x, 0 * x]]), 1e-30).astype(float)
    array([[ 1. , -0.5,  0. ],
           [ 0. ,  0. ,  1. ]])
    """
    sizes = _sizes(matrix.T, tolerance)
    scaled = matrix / sizes
    scaled /= _sizes(scaled, tolerance)[:, None]
    # Eliminated from the right, the first columns stay free: they become the leading entries of the null vectors.
    fixed = kernel(_fixed_point(scaled)[:, ::-1], Judge(zero=tolerance, clear=tolerance))[::-1, ::-1]
    rounding = int(mpmath.ldexp(mpmath.mpf(tolerance), BITS))
    numbers = [mpmath.ldexp(mpmath.mpf(int(x)), -BITS) if abs(x) > rounding else mpmath.mpf(0) for x in fixed.flat]
    basis = np.array(numbers, dtype=object).reshape(fixed.shape) / sizes
    return np.array([vector / vector[np.flatnonzero(vector)[0]] for vector in basis]).reshape(basis.shape)


def _sizes(rows: Matrix, tolerance: float) -> Matrix:
    """The largest entry of each row; 1 instead where that is but rounding, next to the largest of all or by itself."""
    sizes = [max((abs(x) for x in row), default=mpmath.mpf(0)) for row in rows]
    least = tolerance * max([*sizes, tolerance])
    return np.array([size if size > least else mpmath.mpf(1) for size in sizes], dtype=object)


def _fixed_point(matrix: Matrix) -> Matrix:
    """Multiples of 2^-BITS."""
    return np.array([int(mpmath.ldexp(x, BITS)) for x in matrix.flat], dtype=object).reshape(matrix.shape)
