"""The inverse problem of the calculus of variations for accelerations that are known as numbers only."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.mechanics.algebra.clear_ranks import BudgetError, Judge, doubles
from lagsym.mechanics.inverse_problem.conditions import numbers, pairs, symmetric, tower
from lagsym.mechanics.inverse_problem.existence import EXISTS, IMPOSSIBLE, UNDECIDED, Existence, shown_rows
from lagsym.mechanics.inverse_problem.local_fit import Accelerations, LocalFit, degree_for, fit_nearby, in_units
from lagsym.mechanics.inverse_problem.sampled_equations import check_particle
from lagsym.mechanics.inverse_problem.units import Units, length_units, power
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.sampling import Ranges, sampling_ranges

POINTS = 4
"""Random points at which the function is expanded."""
CONFIRMED = 2
"""At so many of them only g = 0 must be left."""
WIDTHS = (0.15, 0.06)
"""Half the sides of the boxes in which polynomials are fitted, as shares of the ranges."""
NARROWER = 0.7
"""Each box is compared with one so many times as wide."""
MARGIN = 10.0
"""How many times its error a singular value must be, to be no error."""
ACCURATE = 1e-4
"""Relative error of the conditions above which nothing is said to be met."""
REGULAR = 1e-2
"""Smallest over largest eigenvalue from which a matrix counts as regular."""


def find_numeric_multiplier(
    accelerations: Accelerations | Sequence[Accelerations],
    space: JetSpace,
    *,
    ranges: Ranges | None = None,
    points: Float[np.ndarray, "points variables"] | None = None,
    budget: float = 30.0,
) -> Existence:
    """Decide whether a Lagrangian gives accelerations that come as a function of numbers, as far as that can be told.

    The function is expanded about some points by fitting polynomials; what two fits differ by is taken as the error.
    Of several functions that estimate the same accelerations, such as networks trained from different seeds, the first
    is asked, and what the others say differently counts as error as well.
    "impossible" needs conditions whose every singular value is far beyond its error; "exists" a constant multiplier,
    perhaps times an exponential of time, that meets the conditions to within the error, which the sentence tells.

    Arguments:
        accelerations: a(q, v) of arrays of shape (N, n), returning shape (N, n); smooth. Or several of them.
        space: the jet space of the coordinates.
        ranges: where the function may be evaluated, by the symbols' names.
        points: values of (q, v), of shape (P, 2 n), about which to expand; random ones within the ranges without.
        budget: seconds after which the answer is "undecided".

    Raises:
        InputError: the function does not return finite numbers there.

    >>> find_numeric_multiplier(lambda q, v: -np.sin(q) - q * v, JetSpace(("q",))).answer
    'exists'
    """
    check_particle(space)
    bounds = sampling_ranges(space, (), ranges)
    units = _units(bounds, space)
    several = [accelerations] if callable(accelerations) else list(accelerations)
    functions = [in_units(function, units) for function in several]
    places = None if points is None else np.asarray(points, float) / [float(units.of[s]) for s in _symbols(space)]
    found = _expansions(functions, units.ranges(bounds), space, Judge(budget=budget), places)
    try:
        return _single(next(found), units) if len(space.fields) == 1 else _decided(found, units)
    except BudgetError:
        return Existence(UNDECIDED, f"undecided: the {budget:g} s that were allowed have passed", "none")


def _symbols(space: JetSpace) -> tuple[sp.Symbol, ...]:
    """The symbols of (q, v), in the order of a point."""
    return (*space.positions, *space.velocities)


def _units(bounds: Ranges, space: JetSpace) -> Units:
    """Units in which the coordinates are of ordinary size, and are crossed in ordinary times."""
    largest = [[max(map(abs, bounds[s.name])) for s in part] for part in (space.positions, space.velocities)]
    longest = max(q / v for q, v in zip(*largest, strict=True))
    return replace(length_units(bounds, space), time=power(math.log2(longest)))


def _decided(found: Iterable[_Expansion], units: Units) -> Existence:
    """What the expansions say together; the first that are certain enough end it."""
    expansions, certain = [], []
    for expansion in found:
        (certain if expansion.certainty > MARGIN else expansions).append(expansion)
        if len(certain) >= CONFIRMED:
            return _impossible(max(certain, key=lambda expansion: expansion.certainty), units)
    expansions += certain
    constant = _constant_multiplier(expansions, units)
    return _undecided(expansions, units) if constant is None else constant


@dataclass(frozen=True, eq=False)
class _Expansion:
    """The conditions on g at one point, from two fits.

    Arguments:
        point: the values of (q, v).
        rows: the algebraic conditions, of shape (conditions, n (n + 1) / 2).
        errors: what the two fits differ by, of the same shape.
        connection: N, of shape (n, n).
        connection_error: what the two fits differ by in N, at most.
        first: how many of the rows come from Phi itself.
        acceleration: the largest at the point.
    """

    point: np.ndarray
    rows: np.ndarray
    errors: np.ndarray
    connection: np.ndarray
    connection_error: float
    first: int
    acceleration: float

    @property
    def error(self) -> float:
        """What the two fits differ by in N and in the conditions from Phi itself."""
        return math.hypot(self.connection_error, float(np.linalg.norm(self.errors[: self.first])))

    @property
    def certainty(self) -> float:
        """The smallest singular value in units of its error; each row being measured in units of its own error."""
        rows, unknowns = self.rows.shape
        if rows < unknowns:
            return 0.0
        noise = np.maximum(np.linalg.norm(self.errors, axis=1), 1e-12 * np.linalg.norm(self.rows, axis=1).max())
        if not noise.all():
            return 0.0
        singular = np.linalg.svd(self.rows / noise[:, None], compute_uv=False)
        return float(singular[-1] / np.sqrt(rows))


def _expansions(
    functions: list[Accelerations], ranges: Ranges, space: JetSpace, judge: Judge, places: np.ndarray | None
) -> Iterator[_Expansion]:
    bounds = np.array([ranges[symbol.name] for symbol in _symbols(space)])
    generator = np.random.default_rng(3)
    if places is None:
        # The boxes must not leave the ranges.
        share = 0.2 + 0.6 * generator.random((POINTS, len(bounds)))
        places = bounds[:, 0] + share * (bounds[:, 1] - bounds[:, 0])
    for point in places:
        tried = []
        for width in WIDTHS:
            judge.check_time()
            sides = width * (bounds[:, 1] - bounds[:, 0])
            tried.append(_expansion(functions, point, sides, generator))
        yield max(tried, key=lambda expansion: (expansion.certainty, -float(np.linalg.norm(expansion.errors))))


def _expansion(
    functions: list[Accelerations], point: np.ndarray, sides: np.ndarray, generator: np.random.Generator
) -> _Expansion:
    degree = degree_for(len(point))
    tries = [(functions[0], 1.0), (functions[0], NARROWER), *((function, 1.0) for function in functions[1:])]
    fits = [fit_nearby(function, point, sides * factor, degree, generator) for function, factor in tries]
    (rows, connection, first), *others = (_conditions(fit, min(4, degree)) for fit in fits)
    errors = np.max([np.abs(rows - other) for other, _, _ in others], axis=0)
    error = max(float(np.abs(connection - other).max(initial=0.0)) for _, other, _ in others)
    return _Expansion(point, rows, errors, connection, error, first, float(np.abs(fits[0].coefficients[0]).max()))


def _conditions(fit: LocalFit, order: int) -> tuple[np.ndarray, np.ndarray, int]:
    geometry = fit.geometry(order)
    levels = [doubles(numbers(rows)) for rows in tower(geometry)]
    return np.concatenate(levels), doubles(numbers(geometry.connection)), len(levels[0])


def _single(expansion: _Expansion, units: Units) -> Existence:
    """One coordinate: a linear equation for g along the motion always has a solution."""
    sentence = "exists: with one coordinate every smooth acceleration has a multiplier (Darboux 1894)"
    return Existence(EXISTS, sentence, "one coordinate", value=((1.0,),), definite=True, point=_named(expansion, units))


def _named(expansion: _Expansion, units: Units) -> dict[str, float]:
    symbols = _symbols(units.space)
    return {s.name: float(x * units.of[s]) for s, x in zip(symbols, expansion.point, strict=True)}


def _impossible(expansion: _Expansion, units: Units) -> Existence:
    point = _named(expansion, units)
    where = ", ".join(f"{name} = {x:.4g}" for name, x in point.items())
    sentence = (
        "impossible: the conditions on a multiplier g from Phi, nabla Phi and nabla^2 Phi have full rank at "
        f"{where}, their smallest singular value being {expansion.certainty:.0f} times its error, and leave only g = 0"
    )
    return Existence(IMPOSSIBLE, sentence, "algebraic conditions", point=point)


def _undecided(expansions: list[_Expansion], units: Units) -> Existence:
    best = max(expansions, key=lambda expansion: expansion.certainty)
    sentence = (
        f"undecided: the smallest singular value of the conditions on a multiplier is {best.certainty:.2g} times its "
        "error, and no constant multiplier, nor one times an exponential of time, was found; give formulas for more"
    )
    return Existence(UNDECIDED, sentence, "none", point=_named(best, units))


def _constant_multiplier(expansions: list[_Expansion], units: Units) -> Existence | None:
    """A constant matrix S, times exp(r t), with S N + (S N)^T = r S and S Phi symmetric at every point."""
    n = len(units.lengths)
    rates = [2 * np.trace(expansion.connection) / n for expansion in expansions]
    rate = float(np.mean(rates))
    rows = np.concatenate([_rows(expansion, rate) for expansion in expansions])
    error = MARGIN * math.hypot(*(expansion.error for expansion in expansions))
    _, singular, directions = np.linalg.svd(rows)
    # In a uniform field, where all conditions vanish, the accelerations themselves say what is small.
    largest = max(singular[0], *(expansion.acceleration for expansion in expansions))
    if error > ACCURATE * largest:
        return None
    chosen = _regular(directions[singular <= error], n)
    if chosen is None:
        return None
    relative = error / largest if error else 0.0
    return _constant(chosen, 0.0 if abs(rate) <= error else rate, relative, _named(expansions[0], units), units)


def _rows(expansion: _Expansion, rate: float) -> np.ndarray:
    n = len(expansion.connection)
    columns = []
    for unit in np.eye(len(pairs(n))):
        g = symmetric(unit, n).astype(float)
        product = g @ expansion.connection
        columns.append((product + product.T - rate * g).ravel())
    return np.concatenate([np.column_stack(columns), expansion.rows[: expansion.first]])


def _regular(basis: np.ndarray, n: int) -> np.ndarray | None:
    """The identity's nearest member where it is definite, else the best conditioned of random ones."""
    identity = np.array([float(i == j) for i, j in pairs(n)])
    generator = np.random.default_rng(4)
    vectors = [basis.T @ (basis @ identity), *(generator.normal(size=(200, len(basis))) @ basis)]
    matrices = [symmetric(vector, n).astype(float) for vector in vectors]
    eigenvalues = [np.linalg.eigvalsh(matrix) for matrix in matrices]
    sizes = [np.abs(e).min() / max(np.abs(e).max(), 1e-300) for e in eigenvalues]
    definite = [k for k, e in enumerate(eigenvalues) if (e > 0).all() or (e < 0).all()]
    best = max(definite or range(len(matrices)), key=lambda k: sizes[k])
    best = 0 if 0 in definite and sizes[0] > REGULAR else best
    return matrices[best] / np.abs(matrices[best]).max() if sizes[best] > REGULAR else None


def _constant(matrix: np.ndarray, rate: float, error: float, point: dict[str, float], units: Units) -> Existence:
    eigenvalues = np.linalg.eigvalsh(matrix)
    definite = bool((eigenvalues > 0).all() or (eigenvalues < 0).all())
    (time,) = units.space.base_symbols
    rate = rate / float(units.time)
    matrix = matrix * units.weights.astype(float)
    matrix = matrix / np.abs(matrix).max()
    formula: Any = sp.exp(sp.Float(rate, 6) * time) * sp.Matrix(matrix) if rate else sp.Matrix(matrix)
    kind, factor = "definite" if definite else "indefinite", f" times exp({rate:.6g} t)" if rate else ""
    sentence = (
        f"exists, as far as numbers tell: the {kind} constant multiplier {shown_rows(matrix, 6)}{factor} meets "
        f"Helmholtz' conditions to within {error:.0e} at {POINTS} random points"
    )
    rows = tuple(tuple(float(x) for x in row) for row in matrix)
    return Existence(EXISTS, sentence, "constant multiplier, numerically", formula, rows, definite, point)
