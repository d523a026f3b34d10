"""Multipliers in closed form: constants, functions of position, and exponentials of time."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from lagsym.mechanics.algebra.clear_ranks import Judge, kernel
from lagsym.mechanics.algebra.power_series import BITS, ONE, as_float
from lagsym.mechanics.algebra.series_evaluation import NotRegularError
from lagsym.mechanics.inverse_problem.conditions import algebraic_conditions, numbers, pairs, symmetric, symmetric_units
from lagsym.mechanics.inverse_problem.mixtures import simplest_mixture
from lagsym.mechanics.inverse_problem.prolongation import differential_conditions
from lagsym.mechanics.inverse_problem.sampled_equations import Point, SampledEquations
from lagsym.mechanics.inverse_problem.second_order_geometry import SecondOrderGeometry, each

EXTRA = 3
"""Points beyond those that the number of unknowns asks for."""
CHECKS = 3
"""Fresh points at which a multiplier in closed form is checked."""
DENOMINATOR = 10**15
"""Coefficients that are quotients of numbers up to this are written as such."""
ROUNDED, ROUNDED_DIGITS = 1e-15, 12
"""Where so much may be rounding, coefficients are kept to so many digits."""
RATES = 3
"""Up to this many multipliers at a fixed time, exponentials of time are looked for."""


@dataclass(frozen=True, eq=False)
class _Conditions:
    """What is asked of the coefficients of a multiplier, as rows that act on them.

    Arguments:
        fixed: the conditions at a fixed time.
        rate: Gamma(g) - g N - (g N)^T.
        value: g itself.
    """

    fixed: np.ndarray
    rate: np.ndarray
    value: np.ndarray


CONSTANT: tuple[list[Any], ...] = ([sp.S.One],)
"""The only list of functions for constant matrices."""


def closed_multiplier(
    lists: Iterable[list[Any]], equations: SampledEquations, point: Point, judge: Judge
) -> sp.Matrix | None:
    """A regular multiplier whose entries are combinations of given functions, times exponentials of time.

    The conditions are linear in the coefficients; they are solved at random points, and the result checked at others.

    Arguments:
        lists: linearly independent functions of position, in lists that are tried one after another.
        equations: the accelerations.
        point: where it is to be regular, and definite if there is such a one.
        judge: what counts as zero.

    Returns:
        The matrix, in the numbers drawn for parameters, or None where none of this form was found.

    Raises:
        UnclearRankError: a rank can't be told.
        BudgetError: the time has passed.
    """
    for functions in lists:
        conditions = _conditions(functions, equations, judge)
        for basis in _solutions(functions, conditions, equations, judge):
            chosen = _chosen(basis, equations, point, judge)
            if chosen is not None and satisfies_conditions(chosen, equations, judge):
                return chosen
    return None


def satisfies_conditions(multiplier: sp.Matrix, equations: SampledEquations, judge: Judge) -> bool:
    """Whether a matrix in closed form satisfies Helmholtz' conditions at fresh random points."""
    generator = random.Random(23)
    for _ in range(CHECKS):
        geometry, g = _expanded(multiplier, equations, equations.point(generator))
        n, N = geometry.size, geometry.connection
        product = g @ geometry.endomorphism
        conditions = [geometry.along_motion(g) - g @ N - (g @ N).T, product - product.T]
        slopes = np.stack([geometry.by_velocity(g, k) for k in range(n)], axis=2)
        conditions.append(slopes - np.swapaxes(slopes, 1, 2))
        largest = max([ONE, *(abs(series.value) for series in g.flat)])
        if not all(judge.is_zero(series.value * ONE // largest) for part in conditions for series in part.flat):
            return False
    return True


def _expanded(
    multiplier: sp.Matrix, equations: SampledEquations, point: Point
) -> tuple[SecondOrderGeometry, np.ndarray]:
    geometry = equations.geometry(point, 2, with_time=True)
    evaluation = equations.evaluation(point, 1, with_time=True)
    g = np.array([evaluation(entry) for entry in multiplier.flat()], dtype=object)
    return geometry, g.reshape(multiplier.shape)


def _conditions(functions: list[Any], equations: SampledEquations, judge: Judge) -> _Conditions:
    """The conditions at enough random points."""
    generator = random.Random(17)
    collected = []
    while len(collected) < len(functions) + EXTRA:
        judge.check_time()
        try:
            collected.append(_conditions_at(equations.point(generator), functions, equations, judge))
        except NotRegularError:
            continue
    return _Conditions(*(np.concatenate(parts) for parts in zip(*collected, strict=True)))


def _conditions_at(
    point: Point, functions: list[Any], equations: SampledEquations, judge: Judge
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Conditions on the c_kij in g_ij = sum over k of c_kij w_k, from the values and derivatives of the w_k."""
    geometry = equations.geometry(point, 4 if equations.size < 3 else 3)
    w, by_phase, along = _jets(functions, equations, geometry, point)
    units = symmetric_units(geometry)
    closures = differential_conditions(units, geometry)
    width = len(units)
    zeroth = numbers(np.array([e.zeroth for e in closures], dtype=object).reshape(-1, width))
    zero = units[0, 0, 0] * 0
    slopes = [[[d.get(mu, zero) for mu in range(2 * geometry.size)] for d in e.first] for e in closures]
    first = numbers(np.array(slopes, dtype=object).reshape(-1, width, 2 * geometry.size))
    algebraic = algebraic_conditions(geometry, judge).values
    sloped = np.swapaxes(np.tensordot(first, by_phase, axes=(2, 1)), 1, 2)
    fixed = [_times(w, algebraic), _times(w, zeroth) + sloped.reshape(len(sloped), len(w) * width)]
    unit, upper = np.eye(width, dtype=object) * ONE, tuple(np.array(pairs(geometry.size)).T)
    turned = units @ each(lambda series: series.truncated(0), geometry.connection)
    turned = numbers((turned + np.swapaxes(turned, 1, 2))[:, *upper]).T
    return np.concatenate(fixed) >> BITS, (_times(along, unit) - _times(w, turned)) >> BITS, _times(w, unit) >> BITS


def _jets(
    functions: list[Any], equations: SampledEquations, geometry: SecondOrderGeometry, point: Point
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, derivatives by (q, v) and derivatives along the motion of functions."""
    evaluation = equations.evaluation(point, 1)
    series = np.array([evaluation(function) for function in functions], dtype=object)
    by_phase = [[s.coefficients[1 + mu] for mu in range(2 * geometry.size)] for s in series]
    return numbers(series), np.array(by_phase, dtype=object), numbers(geometry.along_motion(series))


def _times(factors: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Each row of a matrix once for each factor, side by side."""
    return (factors[None, :, None] * matrix[:, None, :]).reshape(len(matrix), len(factors) * matrix.shape[1])


def _solutions(
    functions: list[Any], conditions: _Conditions, equations: SampledEquations, judge: Judge
) -> Iterator[list[sp.Matrix]]:
    """Spaces of multipliers: those without time beyond the functions', then those with exponentials of it."""
    steady = kernel(np.concatenate([conditions.fixed, conditions.rate]), judge)
    yield [_formula(vector, functions, equations, judge) for vector in steady]
    snapshots = kernel(conditions.fixed, judge)
    if not equations.depends_on_time and 0 < len(snapshots) <= RATES * len(pairs(equations.size)):
        yield _with_rates(snapshots, functions, conditions, equations, judge)


def _with_rates(
    snapshots: np.ndarray, functions: list[Any], conditions: _Conditions, equations: SampledEquations, judge: Judge
) -> list[sp.Matrix]:
    """Multipliers exp(r t) g: the eigenvectors of -(Gamma(g) - g N - (g N)^T) among the solutions at a fixed time."""
    generator = _generator(snapshots, conditions, judge)
    if generator is None:
        return []
    time, result = equations.space.base_symbols[0], []
    for rate in _real_roots(generator):
        for weights in (generator - rate * sp.eye(generator.rows)).nullspace():
            parts = [[w * _recognised(x, judge) for x in s] for w, s in zip(weights, snapshots, strict=True)]
            coefficients = [sp.Add(*column) for column in zip(*parts, strict=True)]
            result.append(sp.exp(rate * time) * _assembled(coefficients, functions, equations))
    return result


def _generator(snapshots: np.ndarray, conditions: _Conditions, judge: Judge) -> Any:
    """The matrix X with -rate(s_i) = sum over j of X_ji value(s_j); None where they do not stay among themselves."""
    values = (conditions.value @ snapshots.T) // ONE
    rates = -((conditions.rate @ snapshots.T) // ONE)
    columns = []
    for rate in rates.T:
        solution = kernel(np.column_stack([values, -rate]), judge)
        if len(solution) != 1 or solution[0][-1] != ONE:
            return None
        columns.append([_recognised(x, judge) for x in solution[0][:-1]])
    return sp.Matrix(columns).T


def _real_roots(matrix: Any) -> list[Any]:
    """The eigenvalues that are rational: those for which exact eigenvectors follow at once."""
    if matrix.has(sp.Float):
        return []
    return [root for root in sp.roots(matrix.charpoly().as_expr()) if root.is_Rational]


def _formula(vector: np.ndarray, functions: list[Any], equations: SampledEquations, judge: Judge) -> sp.Matrix:
    return _assembled([_recognised(x, judge) for x in vector], functions, equations)


def _assembled(coefficients: list[Any], functions: list[Any], equations: SampledEquations) -> sp.Matrix:
    """The matrix with these coefficients, in the numbers drawn for parameters."""
    width = len(pairs(equations.size))
    drawn: Any = {s: sp.Rational(v.numerator, v.denominator) for s, v in equations.constants.items()}
    terms = [[coefficients[width * k + column] * f for k, f in enumerate(functions)] for column in range(width)]
    return sp.Matrix(symmetric(np.array([sp.Add(*t).xreplace(drawn) for t in terms], dtype=object), equations.size))


def _recognised(number: int, judge: Judge) -> Any:
    """A number as a quotient where it is one, else as a decimal of as many digits as are known."""
    exact = Fraction(number, ONE)
    if judge.zero > ROUNDED:
        return sp.Rational(str(sp.Float(as_float(number), ROUNDED_DIGITS)))
    simple = exact.limit_denominator(DENOMINATOR)
    if abs(exact - simple) < Fraction(1, DENOMINATOR**3):
        return sp.Rational(simple.numerator, simple.denominator)
    return sp.Rational(exact.numerator, exact.denominator).evalf(60)


def _chosen(basis: list[sp.Matrix], equations: SampledEquations, point: Point, judge: Judge) -> sp.Matrix | None:
    """The simplest definite combination, else the simplest regular one, else None."""
    n = equations.size
    evaluation = equations.evaluation(point, 0, with_time=True)
    numbers = np.array([evaluation(entry).value for matrix in basis for entry in matrix.flat()], dtype=object)
    weights = simplest_mixture(numbers.reshape(-1, n, n), judge)
    if weights is None:
        return None
    total: Any = sum((w * matrix for w, matrix in zip(weights, basis, strict=True) if w), sp.zeros(n))
    return total.applyfunc(sp.expand)
