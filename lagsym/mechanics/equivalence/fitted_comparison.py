"""Comparing a Lagrangian whose constants were fitted with a reference: first the structure, then the constants.

The candidate's constants p are refitted so that E[candidate](p) = c E[reference] at random points off the motion (or,
for the dynamics, so that the accelerations agree).  A vanishing remainder means the same structure.  How far the
constants had to move then decides: against their covariance where there is one, else by the remainder before refitting.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.equivalence.agreement import SAME_NUMBERS, SAME_STRUCTURE, Agreement
from lagsym.mechanics.equivalence.compiled_equations import CompiledEquations, compile_equations
from lagsym.mechanics.equivalence.constant_multiplier import constant_multiplier
from lagsym.mechanics.equivalence.leading_derivatives import leading_derivatives
from lagsym.mechanics.equivalence.refitting import (
    gauss_newton,
    inverse_sizes,
    null_space,
    relative,
    unspanned,
    whitening,
)
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.sampling import Ranges, jet_symbols, parameter_symbols, random_point, sampling_ranges

SAMPLES = 300
METHOD = f"refit of the constants at {SAMPLES} random points in double precision"


@dataclass(frozen=True)
class FittedComparison:
    """Both laws, compiled, at the same random points.

    Arguments:
        candidate: the compiled candidate, a function of its constants.
        reference: the compiled reference, with the same leading derivatives.
        constants: values of the candidate's constants, of shape (k,).
        covariance: of shape (k, k), or None.
        symbols: what the d columns of the points mean.
        points: random points off the motion, of shape (N, d).
        motion: points on the reference's motion, of shape (N, d); None where it determines none.
    """

    candidate: CompiledEquations
    reference: CompiledEquations
    constants: np.ndarray
    covariance: np.ndarray | None
    symbols: tuple[sp.Symbol, ...]
    points: np.ndarray
    motion: np.ndarray | None

    def expressions(self, constants: np.ndarray) -> np.ndarray:
        """The candidate's E at the points, of shape (N, n)."""
        return self.candidate.expressions(self.points, constants)

    @property
    def reference_expressions(self) -> np.ndarray:
        """The reference's E at the points, of shape (N, n)."""
        return self.reference.expressions(self.points)

    def expressions_agreement(self) -> Agreement:
        """Refit the constants and, where they leave it fixed, the scale, so that E[candidate] = c E[reference]."""
        target = self.reference_expressions
        weights = inverse_sizes(target)
        start = (self.expressions(self.constants) * weights).ravel()
        goal = (target * weights).ravel()
        scale = float(start @ goal / (goal @ goal)) if goal.any() else 0.0

        def weighted(p: np.ndarray) -> np.ndarray:
            return (self.expressions(p) * weights).ravel()

        def slopes(p: np.ndarray) -> np.ndarray:
            return (self.candidate.slopes(self.points, p) * weights[:, None]).reshape(len(goal), len(p))

        # Where every term has a constant of its own, E is homogeneous in them and the scale must be anchored.
        free_scale = unspanned(slopes(self.constants), start) > SAME_STRUCTURE

        def remainder(z: np.ndarray) -> np.ndarray:
            return z[-1] * weighted(z[:-1]) - goal

        def jacobian(z: np.ndarray) -> np.ndarray:
            last = weighted(z[:-1]) if free_scale else np.zeros_like(goal)
            return np.column_stack((z[-1] * slopes(z[:-1]), last))

        # The reference is what must not shrink, so that the candidate is multiplied by 1 / c.
        z = gauss_newton(remainder, jacobian, np.append(self.constants, 1.0 / scale if scale else 0.0))
        unexplained = relative(remainder(z), goal)
        solution = np.append(z[:-1], 1.0 / z[-1] if z[-1] else np.inf)
        null = null_space(np.column_stack((slopes(z[:-1]), -goal)), np.append(self.constants, scale))
        return self._agreement(relative(start - scale * goal, start), unexplained, solution=solution, null=null)

    def motion_agreement(self) -> Agreement | None:
        """Refit the constants so that the leading derivatives (accelerations) agree; None where there are none."""
        motion = self.motion
        if motion is None:
            return None
        ours, target = self.candidate, motion[:, self.reference.leading]
        weights = inverse_sizes(target)
        sizes = inverse_sizes(self.expressions(self.constants))
        whole = np.ones(target.size)  # the size of the weighted target, also where nothing moves

        def remainder(p: np.ndarray) -> np.ndarray:
            # Dependent equations, as of constraints, must hold beyond those that are solved.
            return np.hstack((ours.step(motion, p) * weights, ours.unsolved(motion, p) * sizes)).ravel()

        def jacobian(p: np.ndarray) -> np.ndarray:
            # E(p, w(p)) = 0, so that dw/dp = -(dE/dw)^-1 dE/dp at w(p).
            moved = ours.moved(motion, ours.step(motion, p))
            slopes = ours.slopes(moved, p)
            rates = -ours.inverse(moved, p) @ slopes
            rest = slopes + ours.jacobian(moved, p) @ rates
            both = np.hstack((rates * weights[:, None], rest * sizes[:, None]))
            return both.reshape(both.shape[0] * both.shape[1], len(p))

        p = gauss_newton(remainder, jacobian, self.constants)
        null = null_space(jacobian(p), self.constants)
        return self._agreement(
            relative(remainder(self.constants), whole),
            relative(remainder(p), whole),
            solution=np.append(p, 1.0),
            null=np.vstack((null, np.zeros((1, null.shape[1])))),
        )

    def multiplier(self) -> np.ndarray | None:
        """The constant matrix S with E[candidate] = S E[reference], of shape (n, n), where there is one."""
        return constant_multiplier(self.expressions(self.constants), self.reference_expressions, SAME_NUMBERS)

    def _agreement(
        self, residual: float, structure_residual: float, *, solution: np.ndarray, null: np.ndarray
    ) -> Agreement:
        """Judge the constants by the nearest ones that give the reference.

        Arguments:
            residual: relative remainder before refitting.
            structure_residual: relative remainder after it.
            solution: refitted constants and scale, of shape (k + 1,).
            null: directions of constants and scale in which nothing changes, of shape (k + 1, d).
        """
        metric = whitening(self.covariance, self.constants)
        shift = np.zeros(null.shape[1])
        if null.size:
            error = metric @ (self.constants - solution[:-1])
            shift, *_ = np.linalg.lstsq(metric @ null[:-1], error, rcond=None)
        nearest = solution + null @ shift
        error = self.constants - nearest[:-1]
        return Agreement(
            scale=float(nearest[-1]),
            residual=residual,
            structure_residual=structure_residual,
            refitted=nearest[:-1],
            deviations=error,
            chi_square=None if self.covariance is None else float(np.sum((metric @ error) ** 2)),
            degrees_of_freedom=len(self.constants) - null.shape[1],
        )


def prepare_comparison(
    candidate: sp.Matrix,
    reference: sp.Matrix,
    space: JetSpace,
    ranges: Ranges | None,
    constants: Mapping[sp.Symbol, float],
    covariance: np.ndarray | None,
) -> FittedComparison:
    """Compile both laws and draw the points.

    Arguments:
        candidate: the expressions that vanish along the candidate's motion, of shape (n, 1), with `constants`.
        reference: those of the reference.
        space: the jet space that both are written in.
        ranges: where to compare, by the symbols' names.
        constants: values of the candidate's constants.
        covariance: their covariance matrix, of shape (k, k), or None.

    Raises:
        InputError: a symbol has no value, the covariance has another size, or the laws share no domain.
    """
    _check(candidate, reference, space, constants, covariance)
    both: list[Any] = [*candidate, *reference]
    names, values = jet_symbols(both, space), np.array(list(constants.values()), float)
    points = _finite_points((candidate, reference), names, sampling_ranges(space, (), ranges), constants)
    middle = {**dict(zip(names, points[0], strict=True)), **constants}
    leading = leading_derivatives(reference, space, middle)
    ours = compile_equations(candidate, names, constants=tuple(constants), leading=leading)
    theirs = compile_equations(reference, names, leading=leading)
    off, on = _off_and_on_the_motion(theirs, points)
    return FittedComparison(
        candidate=ours,
        reference=theirs,
        constants=values,
        covariance=None if covariance is None else np.asarray(covariance, float),
        symbols=names,
        points=off,
        motion=on,
    )


def _check(
    candidate: sp.Matrix,
    reference: sp.Matrix,
    space: JetSpace,
    constants: Mapping[sp.Symbol, float],
    covariance: np.ndarray | None,
) -> None:
    ours, theirs = (set(parameter_symbols(side.flat(), space)) for side in (candidate, reference))
    unknown = ours - set(constants) | theirs
    if unknown:
        msg = f"no value for {', '.join(sorted(map(str, unknown)))}: expected numbers in place of all parameters"
        raise InputError(msg)
    if covariance is not None and np.shape(covariance) != (len(constants),) * 2:
        msg = f"expected a covariance of {len(constants)} constants, got shape {np.shape(covariance)}"
        raise InputError(msg)
    if covariance is not None and not np.isfinite(covariance).all():
        msg = "expected a finite covariance; leave it out where the errors are not known"
        raise InputError(msg)


def _finite_points(
    laws: Sequence[sp.Matrix], names: Sequence[sp.Symbol], ranges: Ranges, constants: Mapping[sp.Symbol, float]
) -> np.ndarray:
    """Random points at which both equations are finite, of shape (N, d)."""
    generator = random.Random(1)
    points = np.array([random_point(names, ranges, generator) for _ in range(SAMPLES)], float).reshape(SAMPLES, -1)
    values = np.broadcast_to(np.array(list(constants.values()), float), (SAMPLES, len(constants)))
    sides = [compile_equations(law, (*names, *constants)).expressions(np.hstack((points, values))) for law in laws]
    finite = np.isfinite(np.hstack(sides)).all(axis=1)
    if finite.sum() < SAMPLES // 2:
        msg = (
            f"both Lagrangians have finite equations at only {finite.sum()} of {SAMPLES} random points; "
            "give ranges of the coordinates in which both are defined"
        )
        raise InputError(msg)
    return points[finite]


def _off_and_on_the_motion(reference: CompiledEquations, points: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """The points with leading derivatives drawn at random, as large as those of the motion; and with the motion's."""
    on = reference.motion(points) if reference.leading else np.full_like(points, np.nan)
    solved = np.isfinite(on).all(axis=1)
    if solved.sum() < SAMPLES // 4:
        return points, None
    points, on = points[solved], on[solved]
    leading = on[:, reference.leading]
    spread = np.sqrt(np.mean(leading**2, axis=0))
    off = points.copy()
    drawn = np.random.default_rng(0).uniform(-1, 1, leading.shape)
    off[:, reference.leading] = drawn * np.where(spread > 0, spread, 1.0)
    return off, on
