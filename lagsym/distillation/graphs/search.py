"""Sums of few terms, some with a rate inside, that explain a force.

For a given rate k of a family such as e^(-k r) / r all coefficients follow from least squares, so that only k is
searched, on a grid and then by golden sections (variable projection).

Source: Golub and Pereyra (1973), SIAM Journal on Numerical Analysis 10, 413.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float
from scipy.optimize import minimize_scalar

from lagsym.distillation.engines.subset import best_subsets

RATE = sp.Symbol("k", positive=True)
"""Stands for the rate in a family."""
GRID = 25
"""Rates that are tried, evenly in their logarithm."""
BESIDE = 2
"""Terms beside a family, at most."""
LARGEST = 4
"""Terms without a family, at most."""
FACTOR = 4.0
"""A sum is taken when its squared residual is at most this times that of any with up to `LOOK` constants more."""
LOOK = 3

ROUNDING = 1e-16
"""Squared relative residuals below this are as good as zero: a rate is not known to all digits."""

Columns = Callable[[sp.Expr], Float[np.ndarray, " rows"]]


@dataclass(frozen=True)
class Sum:
    """Terms and their coefficients.

    Arguments:
        terms: with numbers for rates.
        coefficients: of each term.
        residual: squared relative residual.
        constants: how many numbers were fitted, rates included.
    """

    terms: tuple[sp.Expr, ...]
    coefficients: tuple[float, ...]
    residual: float
    constants: int


@dataclass(frozen=True)
class Library:
    """What a force may be made of.

    Arguments:
        terms: of L, without constants inside.
        families: of L, with `RATE` inside.
        rates: the interval of rates, in the inverse unit of the variable.
    """

    terms: tuple[sp.Expr, ...]
    families: tuple[sp.Expr, ...]
    rates: tuple[float, float]


@dataclass(frozen=True)
class _Problem:
    """A regression whose columns and target lie outside what must not be explained."""

    columns: Columns
    target: Float[np.ndarray, " rows"]
    basis: Float[np.ndarray, "rows nuisances"]

    def column(self, term: sp.Expr) -> np.ndarray:
        with np.errstate(all="ignore"):
            values = self.columns(term)
            bounded = np.isfinite(np.square(values)).all()
        if not bounded:
            return np.zeros_like(values)
        left = values - self.basis @ (self.basis.T @ values)
        # What is all nuisance leaves rounding errors, which must not be taken for a column.
        return left if np.linalg.norm(left) > 1e-9 * np.linalg.norm(values) else np.zeros_like(values)

    def solved(self, terms: Sequence[sp.Expr]) -> Sum:
        matrix = np.stack([self.column(term) for term in terms], 1)
        norms = np.linalg.norm(matrix, axis=0)
        norms = np.where(norms > 0, norms, 1.0)
        coefficients = np.linalg.lstsq(matrix / norms, self.target, rcond=None)[0] / norms
        error = self.target - matrix @ coefficients
        residual = float(error @ error / (self.target @ self.target))
        return Sum(tuple(terms), tuple(map(float, coefficients)), residual, len(terms))


def search_sums(
    columns: Columns,
    target: Float[np.ndarray, " rows"],
    library: Library,
    *,
    nuisance: Float[np.ndarray, "rows nuisances"] | None = None,
) -> tuple[Sum, ...]:
    """The best sum for each number of constants, from few to many, each better than those before.

    Arguments:
        columns: what a term of L gives where the target was measured, weighed like it.
        target: forces.
        library: what to choose from.
        nuisance: columns that the target may hold in any amount, as gauge leaves them open.

    >>> r = sp.Symbol("r", real=True)
    >>> x = np.linspace(0.5, 3.0, 40)
    >>> library = Library((r, 1 / r), (sp.exp(-RATE * r) / r,), (0.1, 10.0))
    >>> force = sp.lambdify(r, sp.diff(2 * sp.exp(-0.7 * r) / r, r))(x)
    >>> found = choose_sum(search_sums(lambda term: sp.lambdify(r, sp.diff(term, r))(x) + 0 * x, force, library))
    >>> len(found.terms), round(float(found.terms[0].subs(r, 1)), 6), round(found.coefficients[0], 6)
    (1, 0.496585, 2.0)
    """
    basis = np.linalg.qr(nuisance)[0] if nuisance is not None else np.empty((len(target), 0))
    inside = target - basis @ (basis.T @ target)
    if not np.linalg.norm(inside) > 1e-9 * np.linalg.norm(target):
        return ()
    problem = _Problem(columns, inside, basis)
    found = [*_plain(problem, library.terms)]
    for family in library.families:
        found += _with_family(problem, library, family)
    front: list[Sum] = []
    for one in sorted(found, key=lambda one: (one.constants, one.residual)):
        if not front or (one.residual < front[-1].residual and one.constants > front[-1].constants):
            front.append(one)
    return tuple(front)


def choose_sum(front: Sequence[Sum]) -> Sum:
    """The simplest sum that none with a few more constants is much better than."""
    for one in front:
        following = [other.residual for other in front if other.constants <= one.constants + LOOK]
        if one.residual <= FACTOR * min(following) + ROUNDING:
            return one
    return front[-1]


def _plain(problem: _Problem, terms: Sequence[sp.Expr]) -> list[Sum]:
    matrix = np.stack([problem.column(term) for term in terms], 1)
    subsets = best_subsets(matrix, problem.target, largest=LARGEST).values()
    return [problem.solved([terms[i] for i in subset.support]) for subset in subsets]


def _with_family(problem: _Problem, library: Library, family: sp.Expr) -> list[Sum]:
    """The best rate of a family with no, one, ... terms beside it."""
    matrix = np.stack([problem.column(term) for term in library.terms], 1)
    rates = np.geomspace(*library.rates, GRID).tolist()
    losses = np.array([_greedy(*_left_beside(problem, matrix, _at(family, rate))) for rate in rates])
    found = []
    for size, place in enumerate(losses.argmin(axis=0)):
        rest, target = _left_beside(problem, matrix, _at(family, rates[place]))
        subset = best_subsets(rest, target, largest=size).get(size) if size and np.any(target) else None
        if size == 0 or subset is not None:
            beside = [library.terms[i] for i in subset.support] if subset else []
            bounds = rates[max(place - 1, 0)], rates[min(place + 1, GRID - 1)]
            found.append(_polished(problem, family, beside, bounds))
    return found


def _left_beside(problem: _Problem, matrix: np.ndarray, term: sp.Expr) -> tuple[np.ndarray, np.ndarray]:
    """What a term does not explain of the columns and of the target."""
    column = problem.column(term)
    unit = column / (np.linalg.norm(column) or 1.0)
    rest, norms = matrix - np.outer(unit, unit @ matrix), np.linalg.norm(matrix, axis=0)
    # What the term explains all of is no column any more.
    rest = np.where(np.linalg.norm(rest, axis=0) > 1e-7 * norms, rest, 0.0)
    return rest, problem.target - unit * (unit @ problem.target)


def _greedy(columns: np.ndarray, target: np.ndarray) -> list[float]:
    """Squared residuals after no, one, ... columns, each the one that lowers them most."""
    losses = [float(target @ target)]
    for _ in range(BESIDE):
        powers = np.einsum("ij,ij->j", columns, columns)
        best = int(np.argmax((columns.T @ target) ** 2 / np.where(powers > 0, powers, 1.0)))
        unit = columns[:, best] / (np.sqrt(powers[best]) or 1.0)
        target, columns = target - unit * (unit @ target), columns - np.outer(unit, unit @ columns)
        losses.append(float(target @ target))
    return losses


def _polished(problem: _Problem, family: sp.Expr, beside: list[sp.Expr], bounds: tuple[float, float]) -> Sum:
    def loss(logarithm: float) -> float:
        return np.log(problem.solved([_at(family, np.exp(logarithm)), *beside]).residual + ROUNDING)

    result: Any = minimize_scalar(loss, bounds=tuple(np.log(bounds)), method="bounded", options={"xatol": 1e-11})
    found = problem.solved([_at(family, float(np.exp(result.x))), *beside])
    return Sum(found.terms, found.coefficients, found.residual, found.constants + 1)


def _at(family: sp.Expr, rate: float) -> sp.Expr:
    return family.subs(RATE, sp.Float(rate, 17))
