"""Ranks that are beyond doubt: elimination on long numbers, which refuses what is neither zero nor clearly not."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from lagsym.mechanics.algebra.power_series import BITS, ONE, as_float, fixed


class UnclearRankError(ArithmeticError):
    """A number is too small to count and too large to be rounding."""


class BudgetError(RuntimeError):
    """The time that was allowed has passed."""


@dataclass(frozen=True)
class Judge:
    """What counts as zero, what counts as not, and until when to go on.

    Arguments:
        zero: below this a number is rounding.
        clear: above this it is not; what lies between is refused.
        budget: seconds from the making of this record.
    """

    zero: float = 1e-40
    clear: float = 1e-20
    budget: float = float("inf")
    _start: float = field(default_factory=time.monotonic, repr=False)

    def check_time(self) -> None:
        """Raise where the time has passed.

        Raises:
            BudgetError: it has.
        """
        if time.monotonic() - self._start > self.budget:
            raise BudgetError

    def with_half_the_time(self) -> Judge:
        """The same, until half of the remaining time has passed."""
        spent = time.monotonic() - self._start
        return replace(self, budget=spent + (self.budget - spent) / 2)

    def is_zero(self, number: int) -> bool:
        """Whether a number is rounding.

        Raises:
            UnclearRankError: it can't be said.
        """
        size = abs(as_float(number))
        if self.zero < size < self.clear:
            msg = f"a number of size {size:.1e} is neither rounding nor clearly not zero"
            raise UnclearRankError(msg)
        return size <= self.zero


@dataclass(frozen=True)
class Block:
    """The pivots of one block of columns.

    Arguments:
        rows: the pivot rows, from this block's first column on.
        columns: the column of each pivot, counted from the block's first.
    """

    rows: np.ndarray
    columns: tuple[int, ...]

    @property
    def rank(self) -> int:
        """The number of pivots."""
        return len(self.columns)


def echelon(matrix: np.ndarray, widths: Sequence[int], judge: Judge) -> tuple[Block, ...]:
    """Eliminate one block of columns after another, largest pivot of each column first.

    The rows of a block no longer hold the blocks before it: they are all that the matrix says of the rest alone.

    Arguments:
        matrix: multiples of 2^-256, of shape (rows, columns).
        widths: the number of columns of each block.
        judge: what counts as zero.

    Raises:
        UnclearRankError: a pivot is neither zero nor clearly not.
        BudgetError: the time has passed.
    """
    active = _scaled_down(matrix)
    blocks = []
    for first, last in pairwise(np.cumsum([0, *widths])):
        rows, columns = [], []
        for column in range(last - first):
            pivot, active = _eliminate(active, column, judge)
            if pivot is not None:
                rows.append(pivot)
                columns.append(column)
        blocks.append(Block(np.array(rows, dtype=object).reshape(len(rows), active.shape[1]), tuple(columns)))
        active = active[:, last - first :]
    return tuple(blocks)


def rank(matrix: np.ndarray, judge: Judge) -> int:
    """The rank of a matrix; see `echelon`.

    >>> rank(np.array([[ONE, ONE], [ONE, ONE]], dtype=object), Judge())
    1
    """
    return echelon(matrix, [matrix.shape[1]], judge)[0].rank


def kernel(matrix: np.ndarray, judge: Judge) -> np.ndarray:
    """A basis of the vectors that a matrix maps to zero, by rows, each with a 1 where the others have 0."""
    width = matrix.shape[1]
    block = echelon(matrix, [width], judge)[0]
    rows = block.rows.copy()
    for k in reversed(range(len(rows))):
        pivot = block.columns[k]
        rows[k] = (rows[k] << BITS) // rows[k][pivot]
        rows[:k] -= (rows[:k, pivot, None] * rows[k][None]) >> BITS
    free = [column for column in range(width) if column not in block.columns]
    basis = np.zeros((len(free), width), dtype=object)
    for vector, column in zip(basis, free, strict=True):
        vector[column] = ONE
        vector[list(block.columns)] = -rows[:, column]
    return basis


def _scaled_down(matrix: np.ndarray) -> np.ndarray:
    """The matrix with rows beyond 1 brought to 1; small rows stay, so that rounding stays small."""
    sizes = np.maximum(np.abs(matrix).max(axis=1, initial=0), ONE)
    return (matrix << BITS) // sizes[:, None] if len(matrix) else matrix


def _eliminate(active: np.ndarray, column: int, judge: Judge) -> tuple[np.ndarray | None, np.ndarray]:
    """The pivot row of a column and the remaining rows without it; None where the column is zero."""
    judge.check_time()
    if not len(active):
        return None, active
    entries = active[:, column]
    best = int(np.argmax(np.abs(entries)))
    if judge.is_zero(entries[best]):
        return None, active
    pivot, rest = active[best], np.delete(active, best, axis=0)
    factors = (rest[:, column] << BITS) // pivot[column]
    changing = np.flatnonzero(factors)
    rest[changing, column:] -= (factors[changing, None] * pivot[None, column:]) >> BITS
    rest[:, column] = 0
    return pivot, rest


def long_numbers(matrix: np.ndarray) -> np.ndarray:
    """A matrix of doubles as multiples of 2^-256."""
    result = np.empty(matrix.shape, dtype=object)
    for index, number in np.ndenumerate(matrix):
        result[index] = fixed(float(number))
    return result


def doubles(matrix: np.ndarray) -> np.ndarray:
    """A matrix of multiples of 2^-256 as doubles."""
    return np.array([as_float(number) for number in matrix.flat], dtype=float).reshape(matrix.shape)
