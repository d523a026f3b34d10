"""Solving the conditions on a symmetry for its coefficients: rational numbers times powers of the parameters."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from lagsym.mechanics.algebra.null_space import null_space
from lagsym.mechanics.sampling import decimal
from lagsym.mechanics.symmetry.conditions import DIGITS, ROUGH_TOLERANCE, Matrix, SymmetryConditions

LARGEST_DENOMINATOR, LARGEST_ROUGH_DENOMINATOR = 10**6, 24
"""Of a coefficient that is taken for a fraction, where the Lagrangian is exact and where it holds decimal numbers."""
ROUGH_DIGITS = 15
"""Significant digits of a coefficient that is no fraction, where the Lagrangian holds decimal numbers."""
SPARE_POINTS = 3
STEP = Fraction(9, 8)
"""A parameter is multiplied by this to see with which power a coefficient goes."""
LARGEST_POWER = 6


def solve_conditions(conditions: SymmetryConditions) -> list[list[Any]]:
    """Coefficients of a basis of the symmetries, in reduced row echelon form.

    They are those that hold whatever the parameters, and those whose coefficients are monomials in them with integer or
    half-integer powers.  A symmetry with other coefficients, e.g. m1/(m1 + m2), is left out.
    """
    with mpmath.workdps(DIGITS):
        generator = random.Random(0)
        values = conditions.sampler.parameter_values(generator)
        here = _solutions_at(conditions, values, generator)
        always = _true_for_all(conditions, here, generator)
        found = [[_recognised(x, conditions.sampler.tolerance) for x in vector] for vector in always]
        if len(always) < len(here):
            found += _with_parameters(conditions, _beside(always, here, conditions), values, generator)
        known = [_without_denominators(conditions, vector) for vector in found if all(x is not None for x in vector)]
        holding = _holding(conditions, sorted(known, key=_leading), generator)
        return _without_repeats(conditions, holding, values, generator)


def _solutions_at(
    conditions: SymmetryConditions,
    values: Sequence[Any] | None,
    generator: random.Random,
    among: Sequence[int] | None = None,
) -> Matrix:
    """The solutions for given parameters, or for all; those that combine only the generators `among`."""
    tolerance, total = conditions.sampler.tolerance, len(conditions.generators)
    chosen = list(range(total) if among is None else among)
    # Each equation alone may have to say what the base does: the others may be met trivially.
    moving_base = sum(any(member.tau) for member in conditions.generators)
    count = len(chosen) // conditions.size[0] + moving_base + SPARE_POINTS
    basis = null_space(conditions.rows(count, generator, values)[:, chosen], tolerance)
    solutions = np.full((len(basis), total), mpmath.mpf(0), dtype=object)
    solutions[:, chosen] = basis
    return solutions


def _true_for_all(conditions: SymmetryConditions, basis: Matrix, generator: random.Random) -> Matrix:
    """The part of a space of solutions that solves the conditions for all parameters."""
    if not len(basis) or not conditions.sampler.parameters:
        return basis
    rows = conditions.rows(len(basis) + SPARE_POINTS, generator)
    return null_space(rows @ basis.T, conditions.sampler.tolerance) @ basis


def _beside(always: Matrix, here: Matrix, conditions: SymmetryConditions) -> Matrix:
    """A basis of the solutions `here` that are zero where those of `always` have their leading entries."""
    tolerance = conditions.sampler.tolerance
    leading = [int(np.flatnonzero(abs(vector) > tolerance)[0]) for vector in always]
    if not leading:
        return here
    return null_space(here.T[leading], tolerance) @ here


def _with_parameters(
    conditions: SymmetryConditions, basis: Matrix, values: Sequence[Any], generator: random.Random
) -> list[list[Any]]:
    """The vectors whose entries are monomials in the parameters, found by changing one after another.

    Arguments:
        conditions: what the vectors solve.
        basis: the solutions at the first values, in reduced row echelon form.
        values: the parameters' first values.
        generator: of the random points.
    """
    sampler = conditions.sampler
    among = [int(k) for k in np.flatnonzero((abs(basis) > sampler.tolerance).any(axis=0))]
    monomials: list[list[Any]] = [[sp.S.One if k in among else sp.S.Zero for k in range(basis.shape[1])] for _ in basis]
    for k, parameter in enumerate(sampler.parameters):
        stepped = [v * decimal(STEP) if i == k else v for i, v in enumerate(values)]
        changed = _solutions_at(conditions, stepped, generator, among)
        if changed.shape != basis.shape:
            return []
        for entries, before, after in zip(monomials, basis, changed, strict=True):
            pairs = zip(entries, before, after, strict=True)
            entries[:] = [_times_power(*pair, parameter, sampler.tolerance) for pair in pairs]
        if all(None in entries for entries in monomials):
            return []
    substitution = dict(zip(sampler.parameters, values, strict=True))
    return [
        [_times_number(*pair, substitution, sampler.tolerance) for pair in zip(entries, vector, strict=True)]
        for entries, vector in zip(monomials, basis, strict=True)
        if None not in entries
    ]


def _times_power(monomial: Any, before: Any, after: Any, parameter: sp.Symbol, tolerance: float) -> Any:
    """The monomial times the power of the parameter with which the entry goes, 0 where it is 0, or None."""
    if monomial is None or (abs(before) <= tolerance) != (abs(after) <= tolerance):
        return None
    if abs(before) <= tolerance:
        return sp.S.Zero
    power = _power(after / before, tolerance)
    return None if power is None else monomial * parameter**power


def _times_number(monomial: Any, entry: Any, substitution: Mapping[sp.Symbol, Any], tolerance: float) -> Any:
    """The monomial times the number that gives the entry at the parameters' values, or None."""
    if monomial == 0:
        return sp.S.Zero
    scale = mpmath.mpf(1)
    for symbol, value in substitution.items():
        scale *= value ** mpmath.mpmathify(monomial.as_powers_dict()[symbol])
    number = _recognised(entry / scale, tolerance) if mpmath.im(scale) == 0 else None
    return None if number is None else number * monomial


def _power(ratio: Any, tolerance: float) -> Any:
    """The k, integer or half of one, in ratio = STEP^k."""
    if ratio <= 0:
        return None
    exponent = mpmath.log(ratio) / mpmath.log(decimal(STEP))
    twice = int(mpmath.nint(2 * exponent))
    near = abs(2 * exponent - twice) <= 100 * tolerance
    return sp.Rational(twice, 2) if near and abs(twice) <= 2 * LARGEST_POWER else None


def _recognised(x: Any, tolerance: float) -> Any:
    """The number as a fraction, or the root of one; a decimal number where the Lagrangian holds such; else None."""
    rough = tolerance >= ROUGH_TOLERANCE
    limit = LARGEST_ROUGH_DENOMINATOR if rough else LARGEST_DENOMINATOR
    for power in (1, 2):
        near = Fraction(int(mpmath.nint(mpmath.ldexp(x**power, 300))), 2**300).limit_denominator(limit)
        if abs(decimal(near) - x**power) <= 100 * tolerance * max(1, abs(x)):
            exact = sp.Rational(near.numerator, near.denominator)
            return exact if power == 1 else sp.sign(sp.Float(x)) * sp.sqrt(exact)
    return sp.Float(x, ROUGH_DIGITS) if rough else None


def _without_denominators(conditions: SymmetryConditions, entries: list[Any]) -> list[Any]:
    """The vector times a number and powers of the parameters, except where it leads with a translation."""
    if _is_translation(conditions, entries):
        return entries
    present = [entry for entry in entries if entry != 0]
    factor = sp.ilcm(1, *(entry.as_coeff_Mul()[0].q for entry in present if entry.as_coeff_Mul()[0].is_Rational))
    for parameter in conditions.sampler.parameters:
        factor *= parameter ** -min(0, *(entry.as_powers_dict()[parameter] for entry in present))
    return [factor * entry for entry in entries]


def _is_translation(conditions: SymmetryConditions, entries: Sequence[Any]) -> bool:
    leading = conditions.generators[_leading(entries)]
    return all(change.is_number for change in (*leading.tau, *leading.eta))


def _leading(vector: Sequence[Any]) -> int:
    return next(k for k, entry in enumerate(vector) if entry != 0)


def _holding(conditions: SymmetryConditions, vectors: list[list[Any]], generator: random.Random) -> list[list[Any]]:
    """The vectors that solve the conditions at fresh points and parameters."""
    for _ in range(2):
        values = conditions.sampler.parameter_values(generator)
        rows = conditions.rows(SPARE_POINTS, generator, values)
        allowed = conditions.sampler.tolerance * max(1, _largest(rows))
        numbers = _numbers(conditions, vectors, values)
        vectors = [
            vector
            for vector, row in zip(vectors, numbers, strict=True)
            if _largest(rows @ row) <= allowed * _largest(row)
        ]
    return vectors


def _without_repeats(
    conditions: SymmetryConditions, vectors: list[list[Any]], values: Sequence[Any], generator: random.Random
) -> list[list[Any]]:
    """The vectors whose conserved quantities are neither constants nor combinations of those of earlier ones.

    The divergence of a current is -Q.E: currents depend on each other, up to trivial ones, exactly if the Q.E do.
    """
    if not vectors:
        return []
    works = conditions.works(len(vectors) + SPARE_POINTS, generator, values)
    products = works @ _numbers(conditions, vectors, values).T
    # In reverse order, so that the leading entry of a null vector is the last of the vectors that depend on each other.
    dependent = null_space(products[:, ::-1], conditions.sampler.tolerance)
    dropped = {len(vectors) - 1 - int(np.flatnonzero(row)[0]) for row in dependent}
    return [vector for k, vector in enumerate(vectors) if k not in dropped]


def _numbers(conditions: SymmetryConditions, vectors: Sequence[Sequence[Any]], values: Sequence[Any]) -> Matrix:
    """Coefficients with the parameters' values, as an array of shape (vectors, generators)."""
    evaluate = sp.lambdify(conditions.sampler.parameters, [list(vector) for vector in vectors], "mpmath")
    return np.array([[mpmath.mpf(x) for x in row] for row in evaluate(*values)], dtype=object)


def _largest(matrix: Matrix) -> Any:
    return max((abs(x) for x in matrix.flat), default=mpmath.mpf(0))
