"""Best subsets of columns for a linear regression A c = y, of every size up to a limit.

No single selector is right everywhere: thresholded least squares cannot tell cos(q1 - q2) from its expansion, forward
selection fails on polynomials whose terms resemble each other, backward elimination drops one of two near-dependent
columns too early. So the candidates of all three are pooled, and exchanges of single columns then improve every size.

Sources: sequentially thresholded least squares, Brunton, Proctor and Kutz, PNAS 113 (2016) 3932; floating forward and
backward selection with exchanges, Miller, Subset Selection in Regression, 2nd edition (2002), chapter 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lagsym.errors import InputError

Array = NDArray[np.float64]

# Of a column of norm one, what is left outside the span of others must be at least this to count as independent.
INDEPENDENCE = 1e-6
# Squared relative residuals below this are rounding, among which no ratio means anything.
ROUNDING = 1e-20
THRESHOLDS = (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
LONGEST_START = 40
LARGEST_ELIMINATION = 300
MAXIMAL_SWEEPS = 6


@dataclass(frozen=True)
class Subset:
    """Some columns of a regression and their least-squares coefficients.

    Arguments:
        support: indices of the columns, ascending, of length k.
        coefficients: their coefficients in the units of the columns as they were given, of shape (k,).
        residual: squared relative residual |A c - y|^2 / |y|^2.
    """

    support: tuple[int, ...]
    coefficients: Array
    residual: float


def best_subsets(A: Array, y: Array, *, largest: int = 12) -> dict[int, Subset]:
    """The best subset of columns found for each size k = 1, 2, ..., in the sense of least squares.

    Columns are compared at norm one, so their units do not matter. Columns that are zero are never chosen, and no
    subset holds columns that depend on each other. Residuals fall with size.

    Arguments:
        A: columns to choose from, of shape (n, K).
        y: target, of shape (n,).
        largest: largest size to look for.

    Returns:
        The subsets by size; fewer than `largest` of them where the columns span less.

    Raises:
        InputError: shapes that do not fit, numbers that are not finite, or a target that is zero.

    >>> x = np.linspace(1.0, 2.0, 50)
    >>> columns = np.stack([np.ones(50), x, 1e6 * x**2, x**3], axis=1)
    >>> best_subsets(columns, 3 * x + 2 * x**3)[2].support
    (1, 3)
    """
    A, y = np.asarray(A, float), np.asarray(y, float)
    _check(A, y)
    peaks = np.abs(A).max(axis=0)
    used = np.flatnonzero(peaks > 0)
    if not used.size:
        return {}
    # The largest value first, so that squares neither overflow nor vanish.
    columns, target = A[:, used] / peaks[used], y / np.abs(y).max()
    lengths, length = np.linalg.norm(columns, axis=0), np.linalg.norm(target)
    columns, target = columns / lengths, target / length
    units = lengths / length * (peaks[used] / np.abs(y).max())
    # All that matters are inner products: the triangular factor has them in min(n, K + 1) rows, without squaring the
    # condition number as normal equations would.
    factor: Array = np.asarray(np.linalg.qr(np.column_stack([columns, target]), mode="r"))
    path = _Path(factor[:, :-1], factor[:, -1], largest)
    path.search()
    return {size: _fitted(columns, target, support, used, units) for size, (_, support) in sorted(path.best.items())}


def choose(subsets: dict[int, Subset], *, factor: float = 4.0, look: int = 3, ceiling: float = 0.05) -> Subset | None:
    """The smallest subset that larger ones do not improve upon much, or None where even the largest fits badly.

    Information criteria assume independent errors and choose too many terms where errors are smooth, as a network's
    are; a ratio of residuals does not.

    Arguments:
        subsets: subsets by size, as `best_subsets` gives them.
        factor: a size is accepted when its residual is at most this times the best of the next `look` sizes.
        look: number of larger sizes that are looked at.
        ceiling: largest residual that is accepted at all.
    """
    for size in sorted(subsets):
        residual = subsets[size].residual
        following = min(subsets[k].residual for k in subsets if size <= k <= size + look)
        if residual <= factor * following + ROUNDING and residual < ceiling:
            return subsets[size]
    return None


def _check(A: Array, y: Array) -> None:
    if A.ndim != 2 or y.ndim != 1 or len(A) != len(y) or not len(y):
        raise InputError(f"a regression needs columns (n, K) and a target (n,), not {A.shape} and {y.shape}")
    if not (np.isfinite(A).all() and np.isfinite(y).all()):
        raise InputError("columns and target of a regression must be finite: remove the rows with NaN or infinity")
    if not np.any(y):
        raise InputError("the target of the regression is zero everywhere, so that any subset fits: nothing to choose")


def _fitted(columns: Array, target: Array, support: tuple[int, ...], used: NDArray[np.intp], units: Array) -> Subset:
    """The subset with coefficients from all rows; `units` undoes the scaling of columns and target."""
    chosen = sorted(support)
    solution = np.linalg.lstsq(columns[:, chosen], target, rcond=None)[0]
    error = target - columns[:, chosen] @ solution
    return Subset(tuple(int(i) for i in used[chosen]), solution / units[chosen], float(error @ error))


class _Path:
    """The search over supports, on columns (m, K) of norm one and a target of norm one."""

    def __init__(self, columns: Array, target: Array, largest: int):
        self.columns, self.target = columns, target
        self.largest = min(largest, *columns.shape)
        self.best: dict[int, tuple[float, tuple[int, ...]]] = {}

    def search(self) -> None:
        """Pool the selectors' candidates, then improve all sizes by exchanges until nothing changes."""
        order = self._forward(min(LARGEST_ELIMINATION, *self.columns.shape))
        for size in range(1, min(self.largest, len(order)) + 1):
            self._offer(order[:size])
        for start in (order, order[: self.largest + 3], *self._thresholded()):
            self._eliminate(start)
        for _ in range(MAXIMAL_SWEEPS):
            before = {size: residual for size, (residual, _) in self.best.items()}
            for size in range(1, self.largest + 1):
                self._exchange(size)
            if all(self.best[size][0] >= before.get(size, np.inf) * (1 - 1e-9) for size in self.best):
                break

    def _offer(self, support: list[int], residual: float | None = None) -> bool:
        """Keep the support where it is the best of its size; say whether it was."""
        size = len(support)
        if not 0 < size <= self.largest:
            return False
        if residual is None:
            basis = np.linalg.qr(self.columns[:, support])[0]
            error = self.target - basis @ (basis.T @ self.target)
            residual = float(error @ error)
        if size in self.best and residual >= self.best[size][0] * (1 - 1e-9):
            return False
        self.best[size] = residual, tuple(support)
        return True

    def _forward(self, steps: int) -> list[int]:
        """Add the column that lowers the residual most, again and again; dependent columns are passed over."""
        left, error, order = self.columns.copy(), self.target.copy(), []
        for _ in range(steps):
            norms = np.einsum("ij,ij->j", left, left)
            norms[order] = 0.0
            free = norms > INDEPENDENCE**2
            if not free.any():
                break
            gains = np.where(free, (left.T @ error) ** 2 / np.where(free, norms, 1.0), -1.0)
            chosen = int(np.argmax(gains))
            direction = left[:, chosen] / np.sqrt(norms[chosen])
            error = error - direction * (direction @ error)
            left -= np.outer(direction, direction @ left)
            order.append(chosen)
        return order

    def _thresholded(self) -> list[list[int]]:
        """Supports of sequentially thresholded least squares at several thresholds."""
        everything = np.linalg.lstsq(self.columns, self.target, rcond=None)[0]
        supports = []
        for threshold in THRESHOLDS:
            support, coefficients = np.arange(self.columns.shape[1]), everything
            while support.size and (np.abs(coefficients) <= threshold).any():
                support = support[np.abs(coefficients) > threshold]
                coefficients = np.linalg.lstsq(self.columns[:, support], self.target, rcond=None)[0]
            if 0 < support.size <= LONGEST_START:
                supports.append([int(i) for i in support])
        return supports

    def _eliminate(self, support: list[int]) -> None:
        """Drop the column whose loss raises the residual least, again and again, and offer every support on the way.

        The rows of the pseudoinverse hold both the coefficients and what each column alone explains, and dropping a
        column is a projection of the other rows.
        """
        support = self._independent(support)
        inverse = np.linalg.pinv(self.columns[:, support])
        while support:
            self._offer(support)
            powers = np.einsum("ij,ij->i", inverse, inverse)
            drop = int(np.argmin((inverse @ self.target) ** 2 / powers))
            inverse = inverse - np.outer(inverse @ inverse[drop] / powers[drop], inverse[drop])
            inverse = np.delete(inverse, drop, axis=0)
            support = support[:drop] + support[drop + 1 :]
            if support and len(support) % 16 == 0:  # rounding adds up in the projections
                inverse = np.linalg.pinv(self.columns[:, support])

    def _independent(self, support: list[int]) -> list[int]:
        """The support without columns that depend on earlier ones."""
        diagonal = np.abs(np.diag(np.linalg.qr(self.columns[:, support], mode="r")))
        return [index for index, length in zip(support, diagonal, strict=False) if length > INDEPENDENCE]

    def _exchange(self, size: int) -> None:
        """Exchange one column at a time while that helps; then offer one column fewer and one more."""
        while size in self.best:
            support = list(self.best[size][1])
            gains, explained, left, error = self._exchange_gains(support)
            out, into = np.unravel_index(int(np.argmax(gains)), gains.shape)
            exchanged = [*support[:out], *support[out + 1 :], int(into)]
            if not (np.isfinite(gains[out, into]) and self._offer(exchanged)):
                break
        else:
            return
        drop = int(np.argmin(explained))
        self._offer(support[:drop] + support[drop + 1 :])
        norms = np.einsum("ij,ij->j", left, left)
        free = norms > INDEPENDENCE**2
        if free.any():
            add = np.where(free, (left.T @ error) ** 2 / np.where(free, norms, 1.0), -1.0)
            self._offer([*support, int(np.argmax(add))])

    def _exchange_gains(self, support: list[int]) -> tuple[Array, Array, Array, Array]:
        """What every exchange gains, at once.

        With u_i the unit part of column i that the other columns of the support do not span, r the residual and w_j
        the part of column j outside the support, exchanging i for j explains
        (w_j.r + (a_j.u_i)(y.u_i))^2 / (|w_j|^2 + (a_j.u_i)^2) instead of (y.u_i)^2.

        Returns:
            gains (k, K), minus infinity where the exchange is no new independent support; what each column of the
            support explains alone (k,); the parts w (m, K); the residual r (m,).
        """
        basis, triangle = np.linalg.qr(self.columns[:, support])
        directions = basis @ np.linalg.inv(triangle).T
        directions /= np.linalg.norm(directions, axis=0)
        left = self.columns - basis @ (basis.T @ self.columns)
        error = self.target - basis @ (basis.T @ self.target)
        along = directions.T @ self.columns
        explained = directions.T @ self.target
        powers = np.einsum("ij,ij->j", left, left) + along**2
        free = powers > INDEPENDENCE**2
        free[:, support] = False
        numerators = (left.T @ error + along * explained[:, None]) ** 2
        gains = np.where(free, numerators / np.where(free, powers, 1.0) - explained[:, None] ** 2, -np.inf)
        return gains, explained**2, left, error
