"""Best subsets for the homogeneous problem: few terms whose combination vanishes on the data but not off them.

    minimise |G c|^2 / |P c|^2

G holds each term's operator averaged over the data, P the same operators at accelerations that nature does not show.
The second norm is what makes the problem well posed: any other normalisation is won by combinations that are nearly
total derivatives and vanish everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import linalg

LEVELS = (2.0, 3.0, 5.0, np.inf)
"""Sub-libraries of growing complexity: elimination from a whole large library loses its way."""
LARGEST_SIZE = 12
LARGEST_EXCHANGED = 8
RIDGE, RIDGE_OFF_SHELL = 1e-12, 1e-10
LARGEST_EXCHANGES = 15
LEAST_GAIN = 1e-3
"""Exchanges that lower the ratio by less than this fraction are not worth a step."""


@dataclass(frozen=True)
class Ratio:
    """A combination of few terms.

    Arguments:
        support: indices of the terms, ascending.
        coefficients: their coefficients, for the columns as they were given.
        ratio: |G c|^2 / |P c|^2 of the equation that fares worst.
    """

    support: tuple[int, ...]
    coefficients: Float[np.ndarray, " terms"]
    ratio: float


def best_ratios(
    data: Float[np.ndarray, "terms rows n"],
    off_shell: Float[np.ndarray, "terms samples n"],
    complexities: Float[np.ndarray, " terms"],
    *,
    keep: tuple[int, ...] = (),
    largest: int = LARGEST_SIZE,
) -> dict[int, list[Ratio]]:
    """For each size, the best combinations found, best first.

    Backward elimination from two lowest eigenvectors of growing sub-libraries, then exchanges of single terms.

    Arguments:
        data: every term's operator averaged over the data.
        off_shell: every term's operator at off-shell jets.
        complexities: order in which terms enter the sub-libraries.
        keep: terms that every combination has to hold.
        largest: largest size to report.
    """
    problem = _Problem(data, off_shell, keep)
    pools: dict[int, set[tuple[int, ...]]] = {}
    for level in LEVELS:
        start = np.union1d(np.flatnonzero(complexities <= level), np.array(keep, int))
        for eigenvector in (0, 1):
            if len(start) <= eigenvector + 1:
                continue
            path = problem.eliminate(start, eigenvector, largest)
            for size, support in path.items():
                pools.setdefault(size, set()).add(support)
                if size <= LARGEST_EXCHANGED:
                    pools[size].add(problem.exchange(support, start))
    return {
        size: sorted((problem.ratio(support) for support in supports), key=lambda ratio: ratio.ratio)
        for size, supports in sorted(pools.items())
    }


def spectra(
    data: Float[np.ndarray, "terms rows n"],
    off_shell: Float[np.ndarray, "terms samples n"],
    supports: Int[np.ndarray, "supports size"],
) -> Float[np.ndarray, "supports size"]:
    """The generalised eigenvalues of each support, ascending: how many combinations of its terms the data allow.

    Arguments:
        data: every term's operator averaged over the data.
        off_shell: every term's operator at off-shell jets.
        supports: indices of terms, as many in each row.
    """
    return _Problem(data, off_shell, ()).spectra(supports)


def combination(
    data: Float[np.ndarray, "terms rows n"],
    off_shell: Float[np.ndarray, "terms samples n"],
    support: tuple[int, ...],
    which: int = 0,
) -> Float[np.ndarray, " terms"]:
    """The coefficients that belong to an eigenvalue of a support, counted from the lowest; zero for all other terms."""
    problem = _Problem(data, off_shell, ())
    coefficients = np.zeros(len(data))
    coefficients[list(support)] = problem.lowest(support, which)[1] * problem.scale[list(support)]
    return coefficients


class _Problem:
    """The two Gram matrices, over columns of norm one."""

    def __init__(self, data: np.ndarray, off_shell: np.ndarray, keep: tuple[int, ...]) -> None:
        self.data, self.off_shell, self.keep = data, off_shell, keep
        self.scale = 1 / np.maximum(np.sqrt(np.mean(off_shell**2, axis=(1, 2))), 1e-300)
        rows = (data * self.scale[:, None, None]).reshape(len(data), -1)
        others = (off_shell * self.scale[:, None, None]).reshape(len(data), -1)
        self.A = rows @ rows.T / rows.shape[1]
        self.B = others @ others.T / others.shape[1]

    def lowest(self, support: Iterable[int], which: int = 0) -> tuple[float, np.ndarray]:
        """An eigenvalue of A c = lambda B c on the support, counted from the lowest, with its eigenvector."""
        index = np.asarray(list(support))
        A, B = self.A[np.ix_(index, index)], self.B[np.ix_(index, index)]
        ridge = RIDGE_OFF_SHELL * np.trace(B) / len(index)
        values, vectors = linalg.eigh(A, B + ridge * np.eye(len(index)), subset_by_index=[which, which])
        return max(float(values[0]), 0.0), vectors[:, 0]

    def ratio(self, support: tuple[int, ...]) -> Ratio:
        """The best combination on a support, judged by its worst equation."""
        _, c = self.lowest(support)
        index = list(support)
        c = c * self.scale[index]
        on = np.mean(np.tensordot(c, self.data[index], 1) ** 2, axis=0)
        off = np.mean(np.tensordot(c, self.off_shell[index], 1) ** 2, axis=0)
        # An equation that the combination does not hold at all is no success.
        worst = float(np.max(np.where(off > 1e-8 * off.max(), on / np.maximum(off, 1e-300), np.inf)))
        return Ratio(support, c, worst)

    def eliminate(self, start: np.ndarray, eigenvector: int, largest: int) -> dict[int, tuple[int, ...]]:
        """Drop the term whose loss costs least, again and again; the supports from `largest` down to two."""
        support, path = np.array(start), {}
        _, c = self.lowest(support, eigenvector)
        while len(support) >= 2:
            if len(support) <= largest:
                path[len(support)] = tuple(int(i) for i in support)
                _, c = self.lowest(support)
            A = self.A[np.ix_(support, support)]
            inverse = np.linalg.inv(A + RIDGE * np.trace(A) / len(A) * np.eye(len(A)))
            cost = np.where(np.isin(support, self.keep), np.inf, c**2 / np.maximum(np.diag(inverse), 1e-300))
            if not np.isfinite(cost).any():
                break
            # Far from the end several terms go at once: the inverse is what costs time.
            count = 1 if len(support) < 60 else len(support) // 30
            drop = np.argsort(cost)[:count]
            if count == 1:
                c = c - inverse[:, drop[0]] * c[drop[0]] / inverse[drop[0], drop[0]]
            support, c = np.delete(support, drop), np.delete(c, drop)
            if count > 1 and len(support) > 1:
                _, c = self.lowest(support, min(eigenvector, len(support) - 1))
        return path

    def exchange(self, support: tuple[int, ...], candidates: np.ndarray) -> tuple[int, ...]:
        """Exchange one term at a time for a candidate while that lowers the ratio."""
        current, (best, _) = np.array(support), self.lowest(support)
        for _ in range(LARGEST_EXCHANGES):
            places = [i for i, term in enumerate(current) if term not in self.keep]
            others = np.setdiff1d(candidates, current)
            trials = np.tile(current, (len(places), len(others), 1))
            for row, place in enumerate(places):
                trials[row, :, place] = others
            trials = trials.reshape(-1, len(current))
            if not len(trials):
                break
            values = self._lowest_of_many(trials)
            winner = int(np.argmin(values))
            if not values[winner] < best * (1 - LEAST_GAIN):
                break
            best, current = float(values[winner]), trials[winner]
        return tuple(int(i) for i in np.sort(current))

    def _lowest_of_many(self, supports: np.ndarray) -> np.ndarray:
        """The lowest eigenvalue of each support, of shape (trials, terms), in one batch."""
        return self.spectra(supports)[:, 0]

    def spectra(self, supports: np.ndarray) -> np.ndarray:
        """All eigenvalues of each support, ascending, both of shape (trials, terms), in one batch."""
        A = self.A[supports[:, :, None], supports[:, None, :]]
        B = self.B[supports[:, :, None], supports[:, None, :]]
        size = supports.shape[1]
        ridge = RIDGE_OFF_SHELL * np.trace(B, axis1=1, axis2=2) / size
        inverse = np.linalg.inv(np.linalg.cholesky(B + ridge[:, None, None] * np.eye(size)))
        return np.maximum(np.linalg.eigvalsh(inverse @ A @ inverse.transpose(0, 2, 1)), 0.0)
