"""Members of a linear space of symmetric matrices: regular ones, definite ones, simple ones."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import numpy as np

from lagsym.mechanics.algebra.clear_ranks import Judge, doubles, rank

SMALL = 4
"""Up to this many members, all combinations with whole weights up to 2 are tried in order of their size."""
MIXTURES = 200
"""Random combinations that are tried beyond those."""


def holds_regular(matrices: np.ndarray, judge: Judge) -> bool:
    """Whether some combination of matrices is regular: one with random weights is, if any is.

    Arguments:
        matrices: long numbers of shape (members, n, n).
        judge: what counts as zero.
    """
    generator = random.Random(5)
    weights = np.array([generator.randint(1, 997) for _ in matrices], dtype=object)
    return len(matrices) > 0 and rank(np.tensordot(weights, matrices, axes=1), judge) == matrices.shape[1]


def simplest_mixture(matrices: np.ndarray, judge: Judge) -> tuple[int, ...] | None:
    """Small whole weights of the first definite combination, made positive, else of the first regular one, else None.

    Arguments:
        matrices: long numbers of shape (members, n, n).
        judge: what counts as zero.
    """
    if not holds_regular(matrices, judge):
        return None
    regular = None
    for weights in _mixtures(len(matrices)):
        mixed = np.tensordot(np.array(weights, dtype=object), matrices, axes=1)
        if rank(mixed, judge) == matrices.shape[1]:
            regular = regular or weights
            if is_definite(mixed):
                return weights if mixed[0, 0] > 0 else tuple(-w for w in weights)
    return regular


def _mixtures(size: int) -> Iterator[tuple[int, ...]]:
    for k in range(size):
        yield tuple(int(i == k) for i in range(size))
    if size <= SMALL:
        whole = itertools.product((0, 1, -1, 2, -2), repeat=size)
        yield from sorted(whole, key=lambda w: (sum(map(abs, w)), sum(x < 0 for x in w)))
    generator = random.Random(19)
    for _ in range(MIXTURES):
        yield tuple(generator.randint(-4, 4) for _ in range(size))


def is_definite(matrix: np.ndarray) -> bool:
    """Whether a symmetric matrix of long numbers is positive or negative definite.

    >>> from lagsym.mechanics.algebra.power_series import ONE
    >>> is_definite(np.array([[ONE, 0], [0, -ONE]], dtype=object))
    False
    """
    eigenvalues = np.linalg.eigvalsh(doubles(matrix))
    return bool((eigenvalues > 0).all() or (eigenvalues < 0).all())
