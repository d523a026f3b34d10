"""The algebraic conditions on a multiplier, and the family of matrices that they leave.

A multiplier g is a regular symmetric matrix with

    Gamma(g) = g N + (g N)^T,    g Phi symmetric,    dg_ij/dv^k = dg_ik/dv^j.

It follows that g nabla^k Phi is symmetric for every k, and that g_il (nabla^k R)^l_jm vanishes when summed over the
cyclic permutations of i, j, m.

Source: J. Douglas, "Solution of the inverse problem of the calculus of variations", Trans. AMS 50 (1941) 71;
I. Anderson, G. Thompson, "The inverse problem of the calculus of variations for ordinary differential equations",
Memoirs AMS 473 (1992).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lagsym.mechanics.algebra.clear_ranks import Judge, kernel, rank
from lagsym.mechanics.algebra.power_series import ONE, Series
from lagsym.mechanics.inverse_problem.second_order_geometry import SecondOrderGeometry, each


def pairs(n: int) -> list[tuple[int, int]]:
    """The independent entries of a symmetric matrix.

    >>> pairs(2)
    [(0, 0), (0, 1), (1, 1)]
    """
    return list(itertools.combinations_with_replacement(range(n), 2))


def numbers(series: np.ndarray) -> np.ndarray:
    """The values of series at the point, as long numbers."""
    return np.array([entry.value for entry in series.flat], dtype=object).reshape(series.shape)


@dataclass(frozen=True, eq=False)
class AlgebraicConditions:
    """The linear conditions on the entries of g at a point.

    Arguments:
        rows: series of shape (conditions, n (n + 1) / 2), the columns in the order of `pairs`.
        ranks: the rank of the conditions from Phi, from Phi and nabla Phi, and so on.
        complete: whether no further derivative adds anything.
    """

    rows: np.ndarray
    ranks: tuple[int, ...]
    complete: bool

    @property
    def rank(self) -> int:
        """The rank of all of them."""
        return self.ranks[-1]

    @property
    def values(self) -> np.ndarray:
        """The conditions at the point itself, as multiples of 2^-256."""
        return numbers(self.rows)


def algebraic_conditions(geometry: SecondOrderGeometry, judge: Judge) -> AlgebraicConditions:
    """Differentiate the conditions along the motion until the rank no longer grows, or the series end.

    Once a derivative adds nothing near the point, no later one does: it is a derivative of combinations of the earlier.

    Raises:
        UnclearRankError: a rank can't be told.
        BudgetError: the time has passed.
    """
    rows = np.empty((0, len(pairs(geometry.size))), dtype=object)
    ranks: list[int] = []
    for new in tower(geometry):
        judge.check_time()
        tried = np.concatenate([rows, new])
        ranks.append(rank(numbers(tried), judge) if len(tried) else 0)
        if ranks[-1] == (ranks[-2] if len(ranks) > 1 else 0):
            return AlgebraicConditions(rows, tuple(ranks), True)
        rows = tried
        if ranks[-1] == rows.shape[1]:
            return AlgebraicConditions(rows, tuple(ranks), True)
    return AlgebraicConditions(rows, tuple(ranks), False)


def tower(geometry: SecondOrderGeometry) -> Iterator[np.ndarray]:
    """The conditions from nabla^k Phi and nabla^k R, for k = 0, 1, ..."""
    endomorphism, curvature = geometry.endomorphism, geometry.curvature
    while True:
        yield np.concatenate([_symmetry(endomorphism), _cyclic(curvature)])
        if endomorphism[0, 0].truncation.order == 0:
            return
        endomorphism, curvature = geometry.nabla(endomorphism), geometry.nabla_of_curvature(curvature)


def _symmetry(endomorphism: np.ndarray) -> np.ndarray:
    """(g Phi)_ij - (g Phi)_ji as rows."""
    n = len(endomorphism)
    rows = []
    for i, j in itertools.combinations(range(n), 2):
        terms = [((i, k), endomorphism[k, j]) for k in range(n)] + [((j, k), -endomorphism[k, i]) for k in range(n)]
        rows.append(_row(terms, n))
    return np.array(rows, dtype=object).reshape(-1, len(pairs(n)))


def _cyclic(curvature: np.ndarray) -> np.ndarray:
    """g_il R^l_jm summed over the cyclic permutations of i, j, m, as rows."""
    n = len(curvature)
    rows = []
    for i, j, m in itertools.combinations(range(n), 3):
        turns = ((i, j, m), (j, m, i), (m, i, j))
        rows.append(_row([((a, k), curvature[k, b, c]) for a, b, c in turns for k in range(n)], n))
    return np.array(rows, dtype=object).reshape(-1, len(pairs(n)))


def _row(terms: list[tuple[tuple[int, int], Series]], n: int) -> np.ndarray:
    place = {pair: column for column, pair in enumerate(pairs(n))}
    row = np.full(len(place), terms[0][1] * 0, dtype=object)
    for (i, j), series in terms:
        column = place[min(i, j), max(i, j)]
        row[column] = row[column] + series
    return row


def family(conditions: AlgebraicConditions, geometry: SecondOrderGeometry, order: int) -> np.ndarray:
    """A basis of the symmetric matrices that the conditions allow, as series, of shape (members, n, n).

    Arguments:
        conditions: complete ones.
        geometry: where they come from.
        order: of the series.
    """
    rows = each(lambda series: _in_phase_space(series, geometry).truncated(order), conditions.rows)
    zero = _in_phase_space(geometry.accelerations[0], geometry).truncated(order) * 0
    reduced, pivots = _solved(rows, conditions.rank)
    one = Series.constant(zero.truncation, ONE)
    width, members = rows.shape[1], []
    for free in (column for column in range(width) if column not in pivots):
        entries = np.full(width, zero, dtype=object)
        entries[free] = one
        for row, pivot in zip(reduced, pivots, strict=True):
            entries[pivot] = -row[free]
        members.append(symmetric(entries, geometry.size))
    return np.array(members, dtype=object)


def _in_phase_space(series: Series, geometry: SecondOrderGeometry) -> Series:
    """A series at fixed time."""
    return series.without(1) if geometry.depends_on_time else series


def _solved(rows: np.ndarray, steps: int) -> tuple[np.ndarray, list[int]]:
    """So many rows solved for so many unknowns, largest pivots first, and the unknowns."""
    rows, pivots = rows.copy(), []
    for step in range(steps):
        sizes = np.abs(numbers(rows[step:]))
        best, column = divmod(int(np.argmax(sizes)), rows.shape[1])
        rows[[step, step + best]] = rows[[step + best, step]]
        pivot = rows[step, column]
        rows[step] = each(lambda series, pivot=pivot: series / pivot, rows[step])
        pivots.append(column)
        for other in range(len(rows)):
            if other != step:
                rows[other] = rows[other] - rows[step] * rows[other, column]
                rows[other, column] = rows[other, column] * 0
    return rows[:steps], pivots


def symmetric_units(geometry: SecondOrderGeometry) -> np.ndarray:
    """The constant matrices with a 1 in one independent entry, as series in (q, v), of shape (members, n, n)."""
    zero = _in_phase_space(geometry.accelerations[0], geometry).truncated(1) * 0
    one = Series.constant(zero.truncation, ONE)
    width = len(pairs(geometry.size))
    rows = [np.array([one if i == k else zero for i in range(width)], dtype=object) for k in range(width)]
    return matrices_of(np.array(rows, dtype=object), geometry.size)


def symmetric(entries: np.ndarray, n: int) -> np.ndarray:
    """The symmetric matrix with these independent entries."""
    matrix = np.empty((n, n), dtype=object)
    for entry, (i, j) in zip(entries, pairs(n), strict=True):
        matrix[i, j] = matrix[j, i] = entry
    return matrix


def matrices_of(vectors: np.ndarray, n: int) -> np.ndarray:
    """Symmetric matrices of shape (members, n, n) from their independent entries, by rows."""
    return np.array([symmetric(vector, n) for vector in vectors], dtype=object).reshape(-1, n, n)


def allowed_values(conditions: np.ndarray, n: int, judge: Judge) -> np.ndarray:
    """A basis of the matrices at the point that conditions on their entries allow, of shape (members, n, n)."""
    return matrices_of(kernel(conditions, judge), n)
