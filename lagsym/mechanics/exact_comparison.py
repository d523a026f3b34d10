"""Comparing two exact Lagrangians at random points with 60 digits.

A sum of elementary functions that is not zero is zero at a random point with probability zero, so that agreement to 40
digits at a dozen points is as good as a proof, and takes a fraction of the time that simplification does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.forms import force_vector, mass_matrix
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.sampling import Ranges, random_point, sampling_ranges

DIGITS = 60
TOLERANCE = mpmath.mpf(10) ** -40
POINTS = 12
ATTEMPTS = 200
"""Points tried before the Lagrangians are said to have no common domain."""
METHOD = f"{DIGITS}-digit test at random points"

Law = tuple[Any, Any]
"""A Lagrangian and a Rayleigh function, as SymPy expressions."""
Number = Any
"""A number of mpmath, whose types cannot be named."""
Vector = Any
"""A matrix of mpmath."""


@dataclass(frozen=True)
class Disagreement:
    """Where two equations of motion differ: the coordinate, the point, and both sides."""

    coordinate: str
    point: dict[str, float]
    candidate: float
    reference: float


@dataclass(frozen=True)
class ExactComparison:
    """What the test found: the scale if E[candidate] = c E[reference], and whether the accelerations agree."""

    gauge_equivalent: bool
    same_dynamics: bool
    scale: sp.Expr | None
    residual: float
    acceleration_residual: float
    disagreement: Disagreement | None


@dataclass(frozen=True)
class _Sample:
    """Both equations at one point: mass matrices and forces as nested lists, and random accelerations."""

    point: dict[sp.Symbol, Fraction]
    masses: tuple[Vector, Vector]
    forces: tuple[Vector, Vector]
    expressions: tuple[Vector, Vector]


def compare_exactly(candidate: Law, reference: Law, space: JetSpace, ranges: Ranges | None) -> ExactComparison:
    """Test E[candidate] = c E[reference], and M^-1 f for both, at random rational points.

    Raises:
        InputError: there is no point in the ranges where both are defined and real.
    """
    with mpmath.workdps(DIGITS):
        moving = {*space.base_symbols, *space.positions, *space.velocities}
        free = {symbol for part in (*candidate, *reference) for symbol in part.free_symbols}
        parameters: Any = sorted(free - moving, key=str)
        generator = random.Random(1)
        bounds = sampling_ranges(space, parameters, ranges)
        evaluate = _evaluator((candidate, reference), space, parameters)
        worst, worst_acceleration, scales = mpmath.mpf(0), mpmath.mpf(0), []
        disagreement, first = None, None
        for _ in range(2 if parameters else 1):
            fixed = random_point(parameters, bounds, generator)
            scale = None
            for sample in _samples(evaluate, space, parameters, fixed, (bounds, generator)):
                first = first or sample
                scale = _scale(*sample.expressions) if scale is None else scale
                residual = _relative(sample.expressions[0], sample.expressions[1] * (scale or 0))
                if residual > TOLERANCE and disagreement is None:
                    disagreement = _disagreement(sample, scale or mpmath.mpf(0), space)
                worst = max(worst, residual)
                worst_acceleration = max(worst_acceleration, _acceleration_residual(sample))
            scales.append(scale)
        equivalent = worst <= TOLERANCE and all(scale is not None and abs(scale) > TOLERANCE for scale in scales)
        return ExactComparison(
            gauge_equivalent=equivalent,
            same_dynamics=worst_acceleration <= TOLERANCE,
            scale=_closed_scale(candidate[0], reference[0], space, scales, first) if equivalent else None,
            residual=float(worst),
            acceleration_residual=float(worst_acceleration),
            disagreement=None if equivalent else disagreement,
        )


def _evaluator(laws: Sequence[Law], space: JetSpace, parameters: list[sp.Symbol]) -> Callable:
    """One function for the entries of M and f of both laws, compiled once."""
    arguments = (*space.base_symbols, *space.positions, *space.velocities, *parameters)
    entries = []
    for lagrangian, dissipation in laws:
        friction = sp.Matrix([sp.diff(dissipation, v) for v in space.velocities])
        entries.append(mass_matrix(lagrangian, space).flat())
        entries.append((force_vector(lagrangian, space) - friction).flat())
    return sp.lambdify(arguments, entries, "mpmath", cse=True)


def _samples(
    evaluate: Callable,
    space: JetSpace,
    parameters: list[sp.Symbol],
    fixed: list[Fraction],
    draw: tuple[Ranges, random.Random],
) -> Iterator[_Sample]:
    """Both equations at `POINTS` random points where they are defined and real."""
    bounds, generator = draw
    moving = (*space.base_symbols, *space.positions, *space.velocities)
    n, found = len(space.fields), 0
    for _ in range(ATTEMPTS):
        values = [*random_point(moving, bounds, generator), *fixed]
        acceleration = mpmath.matrix([mpmath.mpf(generator.randint(-997, 997)) / 997 for _ in range(n)])
        try:
            parts = evaluate(*(mpmath.mpf(x.numerator) / x.denominator for x in values))
        except (ZeroDivisionError, ValueError, OverflowError):
            continue
        if not all(mpmath.im(x) == 0 and mpmath.isfinite(x) for part in parts for x in part):
            continue
        parts = [[mpmath.re(x) for x in part] for part in parts]
        masses = tuple(mpmath.matrix([part[n * i : n * i + n] for i in range(n)]) for part in parts[::2])
        forces = tuple(mpmath.matrix(part) for part in parts[1::2])
        expressions = tuple(f - m * acceleration for m, f in zip(masses, forces, strict=True))
        yield _Sample(dict(zip((*moving, *parameters), values, strict=True)), masses, forces, expressions)
        found += 1
        if found == POINTS:
            return
    msg = (
        f"only {found} of {ATTEMPTS} random points had real, finite equations for both Lagrangians; "
        "give ranges of the coordinates in which both are defined"
    )
    raise InputError(msg)


def _norm(vector: Vector) -> Number:
    return mpmath.sqrt(mpmath.fdot(vector, vector))


def _relative(a: Vector, b: Vector) -> Number:
    size = _norm(a) + _norm(b)
    return _norm(a - b) / size if size != 0 else mpmath.mpf(0)


def _scale(candidate: Vector, reference: Vector) -> Number | None:
    square = mpmath.fdot(reference, reference)
    return mpmath.fdot(candidate, reference) / square if square != 0 else None


def _acceleration_residual(sample: _Sample) -> Number:
    try:
        a, b = (mpmath.lu_solve(m, f) for m, f in zip(sample.masses, sample.forces, strict=True))
    except ZeroDivisionError:
        return mpmath.mpf(1)
    return _relative(a, b)


def _disagreement(sample: _Sample, scale: Number, space: JetSpace) -> Disagreement:
    candidate, reference = sample.expressions[0], sample.expressions[1] * scale
    worst = max(range(len(candidate)), key=lambda i: abs(candidate[i] - reference[i]))
    point = {symbol.name: float(value) for symbol, value in sample.point.items()}
    return Disagreement(space.fields[worst], point, float(candidate[worst]), float(reference[worst]))


def _closed_scale(
    candidate: sp.Expr, reference: sp.Expr, space: JetSpace, scales: list[Number], sample: _Sample | None
) -> sp.Expr:
    """The scale as a rational number or an expression in the parameters, where it is one, else as a number."""
    number = sp.Float(scales[0], DIGITS)
    if all(abs(scale - scales[0]) <= TOLERANCE * abs(scale) for scale in scales):
        rational = sp.nsimplify(number, rational=True, tolerance=1e-40)
        if rational.q < 10**12:
            return rational
    if sample is None:
        return number
    moving = {*space.base_symbols, *space.positions, *space.velocities}
    point: Any = {symbol: value for symbol, value in sample.point.items() if symbol in moving}
    for v in space.velocities:
        ratio = sp.simplify((sp.diff(candidate, v, 2) / sp.diff(reference, v, 2)).subs(point))
        if not ratio.has(sp.nan, sp.zoo) and abs(ratio.evalf(DIGITS, subs=sample.point) - number) < 1e-30 * abs(number):
            return ratio
    return number
