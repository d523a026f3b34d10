"""Whether two systems of equations have the same solutions, at random points with many digits.

At a point, all symbols but the reference's leading derivatives keep their random values, and E[reference] = 0 is solved
for these.  The candidate has the same motion where its equations vanish there too and determine the same symbols:
for E = A w + b, where the rows of (A | b) span the same space.  For a particle that is equality of accelerations.
Differential consequences of the equations are not formed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import sympy as sp

from lagsym.mechanics.equivalence.leading_derivatives import leading_derivatives
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.sampling import Formulas, Point, decimal, real_values

STEPS = 20
"""Newton steps; equations affine in their leading derivatives need one, and one more to see it."""
CONVERGED = 1e-50

Vector = Any
"""A matrix of mpmath, whose types cannot be named."""


@dataclass(frozen=True)
class _System:
    """Equations compiled for mpmath: E (n) and then dE/dw (n, r), by rows, as a function of `symbols`."""

    formulas: Formulas
    rows: int

    def step(self, values: list[Any], places: list[int]) -> tuple[Vector, Any] | None:
        """The Newton step of the leading derivatives at `places`, and |E|; None where there is none."""
        numbers = real_values(self.formulas, values)
        if numbers is None:
            return None
        right = mpmath.matrix(numbers[: self.rows])
        entries = numbers[self.rows :]
        width = len(places)
        matrix = mpmath.matrix([entries[i * width : (i + 1) * width] for i in range(self.rows)])
        try:
            return mpmath.lu_solve(matrix, -right), mpmath.norm(right)
        except ZeroDivisionError:  # singular
            return None


def motion_residual(candidate: sp.Matrix, reference: sp.Matrix, space: JetSpace, points: Sequence[Point]) -> Any:
    """The largest relative difference between the leading derivatives of two motions; 1 where only one has them.

    Arguments:
        candidate: the expressions that vanish along the candidate's motion, of shape (n, 1).
        reference: those of the reference.
        space: the jet space that they are written in.
        points: points at which both are defined.
    """
    leading = leading_derivatives(reference, space, points[0])
    if not leading:
        return mpmath.mpf(1)
    symbols = list(points[0])
    places = [symbols.index(symbol) for symbol in leading]
    ours, theirs = (_compiled(equations, symbols, leading) for equations in (candidate, reference))
    worst, solved = mpmath.mpf(0), 0
    for point in points:
        start = [decimal(x) for x in point.values()]
        motion = _solve(theirs, start, places)
        if motion is None:
            continue
        if not solved and _rank(candidate, space, symbols, motion) != len(leading):
            return mpmath.mpf(1)
        solved += 1
        worst = max(worst, _difference(ours, start, motion, places))
    return worst if solved > len(points) // 3 else mpmath.mpf(1)


def _compiled(equations: sp.Matrix, symbols: list[sp.Symbol], leading: Sequence[sp.Symbol]) -> _System:
    entries = [*equations, *equations.jacobian(leading)]
    return _System(sp.lambdify(symbols, entries, "mpmath", cse=True), equations.rows)


def _rank(equations: sp.Matrix, space: JetSpace, symbols: list[sp.Symbol], values: list[Any]) -> int:
    return len(leading_derivatives(equations, space, dict(zip(symbols, values, strict=True))))


def _solve(system: _System, start: list[Any], places: list[int]) -> list[Any] | None:
    """The point with other leading derivatives where the equations vanish, or None where Newton's method finds none."""
    values, first = list(start), None
    for _ in range(STEPS):
        found = system.step(values, places)
        if found is None:
            return None
        step, size = found
        first = size if first is None else first
        for place, x in zip(places, step, strict=True):
            values[place] += x
        if mpmath.norm(step) <= CONVERGED * (_size(values, places) + _size(start, places)):
            return values if size <= CONVERGED**0.9 * first else None
    return None


def _difference(system: _System, start: list[Any], motion: list[Any], places: list[int]) -> Any:
    """How far the candidate's leading derivatives are from the reference's, relative to both."""
    off, on = system.step(start, places), system.step(motion, places)
    if on is None:
        return mpmath.mpf(1)
    step, size = on
    length = mpmath.norm(step)
    apart = length / (length + _size(motion, places) + _size(start, places))
    whole = size + (off[1] if off else mpmath.mpf(0))
    return max(apart, size / whole if whole else mpmath.mpf(0)) if system.rows > len(places) else apart


def _size(values: list[Any], places: list[int]) -> Any:
    return mpmath.sqrt(sum(values[place] ** 2 for place in places))
