"""Best subsets for the homogeneous problem: few terms whose combination vanishes on the data but not off them.

    minimise |G c|^2 / |P c|^2

G holds each term's operator averaged over the data, P the same operators at accelerations that nature does not show.
The second norm is what makes the problem well posed: any other normalisation is won by combinations that are nearly
total derivatives and vanish everywhere.

Sources: sequential thresholding, Brunton, Proctor and Kutz, PNAS 113 (2016) 3932; forward and backward selection with
exchanges, Miller, Subset Selection in Regression, 2nd edition (2002), chapter 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import linalg

from lagsym.distillation.selection.evidence import Factors

LEVELS = (2.0, 3.0, 5.0, np.inf)
"""Sub-libraries of growing complexity: elimination from a whole large library loses its way."""
LARGEST_ELIMINATION = 400
"""Terms that elimination can begin with; of more only those that another search has picked."""
LARGEST_SIZE, LARGEST_OF_MANY = 12, 6
"""Terms of a combination, and for each of more than three equations."""
LARGEST_EXCHANGED = 8
RIDGE, RIDGE_OFF_SHELL = 1e-12, 1e-10
LARGEST_EXCHANGES = 15
LEAST_GAIN = 1e-3
"""Exchanges that lower the ratio by less than this fraction are not worth a step."""
STARTS = 4
"""Pairs of terms that forward selection begins with."""
DEPENDENT = 1e-6
"""A pair of normalised terms with less than this determinant is one term."""
THRESHOLDS = (1e-3, 1e-2, 3e-2, 1e-1)
"""Coefficients of normalised terms, relative to the largest, below which thresholding drops them."""


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
    vanishing: Factors,
    standard: Factors,
    complexities: Float[np.ndarray, " terms"],
    *,
    keep: tuple[int, ...] = (),
    largest: int | None = None,
    alone: bool = False,
) -> dict[int, list[Ratio]]:
    """For each size, the best combinations found, best first.

    Candidates of several searches are pooled, as each alone fails somewhere: backward elimination and thresholding
    from the two lowest eigenvectors of growing sub-libraries, and forward selection from the best pairs. Exchanges of
    single terms then improve them, and in the end terms are left out one by one.

    Arguments:
        vanishing: factors of every term's operator averaged over the data.
        standard: factors of every term's operator at off-shell jets.
        complexities: order in which terms enter the sub-libraries.
        keep: terms that every combination has to hold.
        largest: largest size to report; by default as many as laws of so many equations may need.
        alone: whether single terms are asked, as each may be a law.
    """
    problem = _Problem(vanishing, standard, keep)
    equations = len(vanishing.triangles)
    largest = largest or (LARGEST_SIZE if equations <= 3 else LARGEST_OF_MANY * equations)
    pool = _Pool(problem, largest)
    if alone and len(keep) < 2:
        for term in keep or np.flatnonzero(problem.present):
            pool.add((int(term),))
    everything = np.union1d(np.flatnonzero(problem.present), np.array(keep, int))
    for level in LEVELS:
        start = np.union1d(everything[complexities[everything] <= level], np.array(keep, int))
        if len(start) <= LARGEST_ELIMINATION:
            pool.search(start)
    for support in problem.forward(everything, largest):
        pool.add(support)
    picked = np.unique(np.concatenate([np.array(keep, int), *(np.array(s) for s in pool.supports)]))
    pool.search(picked[:LARGEST_ELIMINATION])
    pool.exchange_best(everything)
    pool.descend()
    return pool.ratios()


class _Pool:
    """Supports by size, with the least eigenvalue of each."""

    def __init__(self, problem: _Problem, largest: int) -> None:
        self.problem, self.largest = problem, largest
        self.found: dict[int, dict[tuple[int, ...], float]] = {}

    @property
    def supports(self) -> list[tuple[int, ...]]:
        return [support for found in self.found.values() for support in found]

    def add(self, support: tuple[int, ...]) -> None:
        found = self.found.setdefault(len(support), {})
        if support not in found:
            found[support] = self.problem.lowest(support)[0]

    def search(self, start: np.ndarray) -> None:
        """Eliminate from a sub-library and from what thresholding leaves of it, and exchange terms within it."""
        for eigenvector in (0, 1):
            if len(start) <= eigenvector + 1:
                continue
            for begin in (start, *self.problem.thresholded(start, eigenvector)):
                for support in self.problem.eliminate(begin, eigenvector, self.largest).values():
                    self._with_exchange(support, start)

    def _with_exchange(self, support: tuple[int, ...], candidates: np.ndarray) -> None:
        if support in self.found.get(len(support), {}):
            return
        self.add(support)
        if len(support) <= LARGEST_EXCHANGED:
            self.add(self.problem.exchange(support, candidates))

    def exchange_best(self, candidates: np.ndarray) -> None:
        """Exchange terms of the best support of each size for any others."""
        for size, found in sorted(self.found.items()):
            if size <= LARGEST_EXCHANGED:
                self.add(self.problem.exchange(min(found, key=lambda support: found[support]), candidates))

    def descend(self) -> None:
        """From the best support of each size, judged by its worst equation, leave out each term in turn.

        The other searches go by the mean over equations, to which one that is hard to measure adds little.
        """
        keep = set(self.problem.keep)
        for size in range(max(self.found, default=0), 2, -1):
            supports = self.found.get(size, {})
            best = min(supports, key=lambda support: self.problem.ratio(support).ratio, default=())
            for term in set(best) - keep:
                self.add(tuple(k for k in best if k != term))

    def ratios(self) -> dict[int, list[Ratio]]:
        """All combinations, the best of each size first."""
        return {
            size: sorted((self.problem.ratio(support) for support in found), key=lambda ratio: ratio.ratio)
            for size, found in sorted(self.found.items())
        }


def spectra(
    vanishing: Factors, standard: Factors, supports: Int[np.ndarray, "supports size"]
) -> Float[np.ndarray, "supports size"]:
    """The generalised eigenvalues of each support, ascending: how many combinations of its terms the data allow.

    Arguments:
        vanishing: of every term's operator on the data.
        standard: of every term's operator off the shell.
        supports: indices of terms, as many in each row.
    """
    return _Problem(vanishing, standard, ()).spectra(supports)


def combination(
    vanishing: Factors, standard: Factors, support: tuple[int, ...], which: int = 0
) -> Float[np.ndarray, " terms"]:
    """The coefficients that belong to an eigenvalue of a support, counted from the lowest; zero for all other terms."""
    problem = _Problem(vanishing, standard, ())
    coefficients = np.zeros(standard.triangles.shape[2])
    coefficients[list(support)] = problem.lowest(support, which)[1] * problem.scale[list(support)]
    return coefficients


class _Problem:
    """The two forms as Gram matrices over columns of norm one, for searching, and as factors, for what is reported."""

    def __init__(self, vanishing: Factors, standard: Factors, keep: tuple[int, ...]) -> None:
        self.vanishing, self.standard, self.keep = vanishing, standard, keep
        rows, others = vanishing.stacked, standard.stacked
        lengths = np.linalg.norm(others, axis=0)
        # A term that is nothing off the data vanishes on them for no reason: fields may not change along a direction.
        self.present, self.scale = lengths > 0, 1 / np.maximum(lengths, 1e-300)
        self.rows, self.others = rows * self.scale, others * self.scale
        self.A, self.B = self.rows.T @ self.rows, self.others.T @ self.others

    def lowest(self, support: Iterable[int], which: int = 0) -> tuple[float, np.ndarray]:
        """An eigenvalue of A c = lambda B c on the support, counted from the lowest, with its eigenvector."""
        index = np.asarray(list(support))
        A, B = self.A[np.ix_(index, index)], self.B[np.ix_(index, index)]
        ridge = RIDGE_OFF_SHELL * np.trace(B) / len(index)
        values, vectors = linalg.eigh(A, B + ridge * np.eye(len(index)), subset_by_index=[which, which])
        return max(float(values[0]), 0.0), vectors[:, 0]

    def ratio(self, support: tuple[int, ...]) -> Ratio:
        """The best combination on a support, from the factors, judged by its worst equation."""
        index = np.array(support)
        ridge = np.sqrt(RIDGE_OFF_SHELL) * np.eye(len(index))
        triangle = np.linalg.qr(np.concatenate([self.others[:, index], ridge]), mode="r")
        relative = linalg.solve_triangular(triangle, self.rows[:, index].T, trans=1).T
        lowest = np.linalg.svd(np.linalg.qr(relative, mode="r"))[2][-1]
        c = linalg.solve_triangular(triangle, lowest) * self.scale[index]
        on = self.vanishing.take(index).mean_squares(c)
        off = self.standard.take(index).mean_squares(c)
        # An equation that the combination does not hold at all is no success.
        worst = float(np.max(np.where(off > 1e-8 * off.max(), on / np.maximum(off, 1e-300), np.inf)))
        return Ratio(support, c, worst)

    def forward(self, candidates: np.ndarray, largest: int) -> Iterator[tuple[int, ...]]:
        """From each of the best pairs, add the term that lowers the ratio most, again and again."""
        for start in self._pairs(candidates):
            current = np.array(start)
            yield tuple(int(i) for i in np.sort(current))
            while len(current) < min(largest, len(candidates)):
                others = np.setdiff1d(candidates, current)
                trials = np.column_stack([np.tile(current, (len(others), 1)), others])
                current = trials[int(np.argmin(self._lowest_of_many(trials)))]
                yield tuple(int(i) for i in np.sort(current))

    def _pairs(self, candidates: np.ndarray) -> list[tuple[int, ...]]:
        """The kept terms, or else the pairs of lowest ratio, in closed form for all pairs at once."""
        if len(self.keep) >= 2 or len(candidates) < 2:
            return [tuple(self.keep)] if self.keep else []
        A, B = (form[np.ix_(candidates, candidates)] for form in (self.A, self.B))
        a, b = np.diag(A), np.diag(B)
        determinant = np.outer(b, b) - B**2
        middle = np.outer(a, b) + np.outer(b, a) - 2 * A * B
        last = np.maximum(np.outer(a, a) - A**2, 0.0)
        root = np.sqrt(np.maximum(middle**2 - 4 * determinant * last, 0.0))
        ratios = np.where(determinant > DEPENDENT, 2 * last / np.maximum(middle + root, 1e-300), np.inf)
        ratios[np.tril_indices(len(ratios))] = np.inf
        if self.keep:
            ratios = np.where((candidates == self.keep[0])[:, None] | (candidates == self.keep[0]), ratios, np.inf)
        order = np.argsort(ratios, axis=None)[:STARTS]
        pairs = (np.unravel_index(i, ratios.shape) for i in order if np.isfinite(ratios.flat[i]))
        return [(int(candidates[i]), int(candidates[j])) for i, j in pairs]

    def thresholded(self, start: np.ndarray, eigenvector: int) -> Iterator[np.ndarray]:
        """What is left of a sub-library where small coefficients are dropped, again and again."""
        seen = {len(start)}
        for threshold in THRESHOLDS:
            support = start
            while len(support) > eigenvector + 1:
                size = np.abs(self.lowest(support, eigenvector)[1])
                large = (size > threshold * size.max()) | np.isin(support, self.keep)
                if large.all():
                    break
                support = support[large]
            if len(support) not in seen and len(support) > eigenvector + 1:
                seen.add(len(support))
                yield support

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
