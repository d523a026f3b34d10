"""Comparing the exact equations of two laws at random points with 60 digits.

A sum of elementary functions that is not zero is zero at a random point with probability zero, so that agreement to 40
digits at a dozen points is as good as a proof, and takes a fraction of the time that simplification does.  The points
are random values of all symbols that the equations hold, derivatives of the fields included.

Source: R. Zippel, Effective Polynomial Computation, chapter 12, on identity testing at random points.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from lagsym.mechanics.equivalence.closed_scale import closed_scale
from lagsym.mechanics.equivalence.constant_multiplier import constant_multiplier
from lagsym.mechanics.equivalence.disagreement import Disagreement
from lagsym.mechanics.equivalence.shared_motion import motion_residual
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.sampling import (
    Formulas,
    Point,
    Ranges,
    decimal,
    defined_points,
    jet_symbols,
    parameter_symbols,
    random_point,
    sampling_ranges,
)

DIGITS = 60
TOLERANCE = mpmath.mpf(10) ** -40
POINTS = 12
MULTIPLIER = 1e-10
"""Relative remainder that a constant multiplier may leave in double precision."""
METHOD = f"{DIGITS}-digit test at random points"

Number = Any
"""A number of mpmath, whose types cannot be named."""


@dataclass(frozen=True)
class ExactComparison:
    """What the test found.

    Arguments:
        scale: the c in E[candidate] = c E[reference], or None where there is none.
        residual: relative remainder of that equation.
        motion_residual: relative difference of the leading derivatives (accelerations); None where `scale` settles it.
        multiplier: the constant matrix S in E[candidate] = S E[reference], for the same motion.
        disagreement: the first equation that differs, where `scale` is None and the reference has equations.
    """

    scale: sp.Expr | None
    residual: float
    motion_residual: float | None = None
    multiplier: np.ndarray | None = None
    disagreement: Disagreement | None = None

    @property
    def gauge_equivalent(self) -> bool:
        """Whether the equations are the same up to a factor."""
        return self.scale is not None

    @property
    def same_dynamics(self) -> bool:
        """Whether the equations have the same solutions."""
        return self.gauge_equivalent or (self.motion_residual is not None and self.motion_residual <= TOLERANCE)


@dataclass(frozen=True)
class Sample:
    """A point and the values of both sides' equations there."""

    point: Point
    candidate: list[Number]
    reference: list[Number]


def compare_exactly(
    candidate: sp.Matrix,
    reference: sp.Matrix,
    space: JetSpace,
    ranges: Ranges | None,
    defined: Sequence[sp.Expr] = (),
) -> ExactComparison:
    """Test E[candidate] = c E[reference], then whether both have the same motion, at random rational points.

    Arguments:
        candidate: the expressions that vanish along the candidate's motion, of shape (n, 1).
        reference: those of the reference.
        space: the jet space that they are written in.
        ranges: where to compare, by the symbols' names.
        defined: what must be real and finite at the points as well: the Lagrangians themselves.

    Raises:
        InputError: there is no point in the ranges where both are defined and real.
    """
    with mpmath.workdps(DIGITS):
        draws = _draws(candidate, reference, space, ranges, defined)
        scales = [_scale(draw) for draw in draws]
        residual = max(_scaled_residual(sample, c) for c, draw in zip(scales, draws, strict=True) for sample in draw)
        if residual <= TOLERANCE and all(abs(c) > TOLERANCE for c in scales):
            known = list(zip((draw[0].point for draw in draws), scales, strict=True))
            return ExactComparison(closed_scale(candidate, reference, space, known), float(residual))
        apart = [motion_residual(candidate, reference, space, [sample.point for sample in draw]) for draw in draws]
        same = max(apart) <= TOLERANCE
        return ExactComparison(
            scale=None,
            residual=float(residual),
            motion_residual=float(max(apart)),
            multiplier=_multiplier(draws) if same else None,
            disagreement=None if same else _first_disagreement(draws, scales, space),
        )


def _draws(
    candidate: sp.Matrix, reference: sp.Matrix, space: JetSpace, ranges: Ranges | None, defined: Sequence[sp.Expr]
) -> list[list[Sample]]:
    """Both equations at random points, for two draws of the parameters where there are any."""
    both: list[Any] = [*candidate, *reference, *defined]
    parameters, jets = parameter_symbols(both, space), jet_symbols(both, space)
    bounds, generator = sampling_ranges(space, parameters, ranges), random.Random(1)
    symbols, n = (*parameters, *jets), candidate.rows
    evaluate = _settled(sp.lambdify(symbols, both, "mpmath", cse=True))
    draws = []
    for _ in range(2 if parameters else 1):
        known = dict(zip(parameters, random_point(parameters, bounds, generator), strict=True))
        at_jets = functools.partial(evaluate, *(decimal(x) for x in known.values()))
        points = defined_points(at_jets, jets, bounds, generator, max(POINTS, n + 4))
        draws.append([Sample({**known, **point}, values[:n], values[n : 2 * n]) for point, values in points])
    return draws


def _settled(formulas: Formulas) -> Formulas:
    """The formulas, undefined where huge terms that cancel leave too few of their digits."""

    def evaluate(*point: Number) -> list[Number]:
        with mpmath.workdps(2 * DIGITS):
            rough = formulas(*point)
        with mpmath.workdps(4 * DIGITS):
            fine = list(formulas(*point))
            size = max((abs(x) for x in fine), default=0) + TOLERANCE
            if any(abs(a - b) > TOLERANCE**1.25 * size for a, b in zip(rough, fine, strict=True)):
                msg = "the digits are lost to cancellation"
                raise ValueError(msg)
        return fine

    return evaluate


def _scale(samples: list[Sample]) -> Number:
    """The c of the equations that are proportional at all points, or of the best fit; 1 where neither has equations."""
    ratios = [_constant_ratio(samples, i) for i in range(len(samples[0].candidate))]
    constant = [ratio for ratio in ratios if ratio is not None]
    if constant:
        return max(constant, key=lambda c: sum(abs(c - other) <= TOLERANCE * abs(c) for other in constant))
    ours, theirs = ([x for sample in samples for x in side(sample)] for side in (_ours, _theirs))
    square = mpmath.fdot(theirs, theirs)
    if square == 0:
        return mpmath.mpf(0 if any(ours) else 1)
    return mpmath.fdot(ours, theirs) / square


def _constant_ratio(samples: list[Sample], i: int) -> Number | None:
    if any(sample.reference[i] == 0 for sample in samples):
        return None
    ratios = [sample.candidate[i] / sample.reference[i] for sample in samples]
    return ratios[0] if all(abs(x - ratios[0]) <= TOLERANCE * abs(ratios[0]) for x in ratios) else None


def _ours(sample: Sample) -> list[Number]:
    return sample.candidate


def _theirs(sample: Sample) -> list[Number]:
    return sample.reference


def _scaled_residual(sample: Sample, scale: Number) -> Number:
    """|E[candidate] - c E[reference]| / (|E[candidate]| + |c E[reference]|)."""
    ours, theirs = mpmath.matrix(sample.candidate), mpmath.matrix(sample.reference) * scale
    size = mpmath.norm(ours) + mpmath.norm(theirs)
    return mpmath.norm(ours - theirs) / size if size != 0 else mpmath.mpf(0)


def _first_disagreement(draws: list[list[Sample]], scales: list[Number], space: JetSpace) -> Disagreement | None:
    """The first equation that is not the scale times the reference's, where furthest apart; None for 0 times that."""
    if all(abs(scale) <= TOLERANCE for scale in scales) and any(draws[0][0].reference):
        return None
    apart = [max(_scaled_residual(sample, c) for sample in draw) for c, draw in zip(scales, draws, strict=True)]
    worst_draw = apart.index(max(apart))
    samples, scale = draws[worst_draw], scales[worst_draw]
    gaps = [[_gap(ours, scale * theirs) for ours, theirs in _pairs(sample)] for sample in samples]
    worst = [max(column) for column in zip(*gaps, strict=True)]
    i = next((k for k, gap in enumerate(worst) if gap > TOLERANCE), worst.index(max(worst)))
    sample = samples[[row[i] for row in gaps].index(worst[i])]
    point = {symbol.name: float(value) for symbol, value in sample.point.items()}
    return Disagreement(space.fields[i], point, float(sample.candidate[i]), float(scale * sample.reference[i]))


def _pairs(sample: Sample) -> Iterator[tuple[Number, Number]]:
    return zip(sample.candidate, sample.reference, strict=True)


def _gap(a: Number, b: Number) -> Number:
    return abs(a - b) / (abs(a) + abs(b)) if a != b else mpmath.mpf(0)


def _multiplier(draws: list[list[Sample]]) -> np.ndarray | None:
    """The constant matrix S, where it does not depend on the parameters."""
    found = []
    for draw in draws:
        ours, theirs = (np.array([side(sample) for sample in draw], float) for side in (_ours, _theirs))
        found.append(constant_multiplier(ours, theirs, MULTIPLIER))
    first = found[0]
    if first is None or any(other is None or not np.allclose(first, other, rtol=1e-9) for other in found):
        return None
    return first
