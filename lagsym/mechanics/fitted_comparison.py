"""Comparing a Lagrangian whose constants were fitted with a reference: first the structure, then the constants.

The candidate's constants p are refitted so that E[candidate](p) = c E[reference] at random points off the motion (or,
for the dynamics, so that the accelerations agree).  A vanishing remainder means the same structure.  How far the
constants had to move then decides: against their covariance where there is one, else by the remainder before refitting.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from scipy.special import gammaincc

from lagsym.errors import InputError
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.numeric import CompiledMechanics, compile_mechanics, solve_samples
from lagsym.mechanics.sampling import Ranges, random_point, sampling_ranges

SAMPLES = 300
SAME_STRUCTURE = 1e-9
"""Relative remainder after refitting below which two structures are the same."""
SAME_NUMBERS = 1e-6
"""Relative remainder before refitting below which the constants are the same without any errors to judge by."""
NEVER_ABOVE = 0.05
"""Relative remainder above which nothing is called the same, however large its errors."""
SIGNIFICANCE = 1e-3
"""The chi-square test is at 1 less this."""
NULL_DIRECTION = 1e-8
"""Relative singular value below which a direction of the constants changes nothing."""
EXACT_CONSTANT = 1e-9
"""Relative standard error given to constants whose variance is zero."""
METHOD = f"refit of the constants at {SAMPLES} random points in double precision"

Law = tuple[Any, Any]
"""A Lagrangian and a Rayleigh function, as SymPy expressions."""


@dataclass(frozen=True)
class Agreement:
    """How well E (or the accelerations) of a candidate with fitted constants agree with a reference.

    Arguments:
        scale: the c in E[candidate] = c E[reference] after refitting; 1 for accelerations.
        residual: relative remainder with the constants as they are.
        structure_residual: relative remainder after refitting.
        refitted: the constants for which the remainder is smallest, of shape (k,).
        deviations: constants less the nearest that give the reference, of shape (k,), in the metric of their errors.
        chi_square: squared length of `deviations` in standard errors; None without a covariance.
        degrees_of_freedom: constants less the directions that change nothing.
    """

    scale: float
    residual: float
    structure_residual: float
    refitted: np.ndarray
    deviations: np.ndarray
    chi_square: float | None
    degrees_of_freedom: int

    @property
    def p_value(self) -> float | None:
        """Probability of a larger chi-square by chance."""
        if self.chi_square is None:
            return None
        return float(gammaincc(self.degrees_of_freedom / 2, self.chi_square / 2)) if self.degrees_of_freedom else 1.0

    @property
    def same_structure(self) -> bool:
        """Whether some constants give the reference exactly."""
        return self.structure_residual <= SAME_STRUCTURE

    @property
    def same(self) -> bool:
        """Whether the law is the reference within its errors, or to `SAME_NUMBERS` without any."""
        if not self.same_structure or self.residual > NEVER_ABOVE:
            return False
        return self.residual <= SAME_NUMBERS or (self.p_value is not None and self.p_value >= SIGNIFICANCE)


@dataclass(frozen=True)
class FittedComparison:
    """Both laws, compiled, at the same random points.

    Arguments:
        candidate: the compiled candidate, a function of its constants.
        partials: the compiled derivatives of the candidate by each constant.
        constants: their values, of shape (k,).
        covariance: of shape (k, k), or None.
        t, q, v, a: the points, of shapes (N,), (N, n), (N, n), (N, n); the accelerations are random.
        reference_mass, reference_force: M (N, n, n) and f (N, n) of the reference there.
    """

    candidate: CompiledMechanics
    partials: tuple[CompiledMechanics, ...]
    constants: np.ndarray
    covariance: np.ndarray | None
    t: np.ndarray
    q: np.ndarray
    v: np.ndarray
    a: np.ndarray
    reference_mass: np.ndarray
    reference_force: np.ndarray

    def expressions(self, constants: np.ndarray) -> np.ndarray:
        """The candidate's E = f - M a at the points, of shape (N, n)."""
        return _off_shell(*self.candidate.mass_and_force(self.t, self.q, self.v, constants), self.a)

    @property
    def reference_expressions(self) -> np.ndarray:
        """The reference's E = f - M a at the points, of shape (N, n)."""
        return _off_shell(self.reference_mass, self.reference_force, self.a)

    def expressions_agreement(self) -> Agreement:
        """Refit the constants and, where they leave it fixed, the scale, so that E[candidate] = c E[reference]."""
        target = self.reference_expressions
        weights = _weights(target)
        start = (self.expressions(self.constants) * weights).ravel()
        goal = (target * weights).ravel()
        scale = float(start @ goal / (goal @ goal))
        slopes = self._slopes(self.constants, self.a, weights)
        # Where every term has a constant of its own, E is homogeneous in them and the scale must be anchored.
        free_scale = _remainder(slopes, start) > SAME_STRUCTURE

        def weighted(p: np.ndarray) -> np.ndarray:
            return (self.expressions(p) * weights).ravel()

        def remainder(z: np.ndarray) -> np.ndarray:
            return z[-1] * weighted(z[:-1]) - goal

        def jacobian(z: np.ndarray) -> np.ndarray:
            last = weighted(z[:-1]) if free_scale else np.zeros_like(goal)
            return np.column_stack((z[-1] * self._slopes(z[:-1], self.a, weights), last))

        # The reference is what must not shrink, so that the candidate is multiplied by 1 / c.
        z = _gauss_newton(remainder, jacobian, np.append(self.constants, 1.0 / scale if scale else 0.0))
        unexplained = _relative(remainder(z), goal)
        solution = np.append(z[:-1], 1.0 / z[-1] if z[-1] else np.inf)
        slopes = self._slopes(z[:-1], self.a, weights)
        null = _null_space(np.column_stack((slopes, -goal)), np.append(self.constants, scale))
        return self._agreement(_relative(start - scale * goal, start), unexplained, solution=solution, null=null)

    def accelerations_agreement(self) -> Agreement:
        """Refit the constants so that the accelerations agree."""
        target = solve_samples(self.reference_mass, self.reference_force)
        weights = _weights(target)
        goal = (target * weights).ravel()

        def accelerations(p: np.ndarray) -> np.ndarray:
            return self.candidate.acceleration(self.t, self.q, self.v, p)

        def remainder(p: np.ndarray) -> np.ndarray:
            return (accelerations(p) * weights).ravel() - goal

        def jacobian(p: np.ndarray) -> np.ndarray:
            # E(p, a(p)) = 0, so that M da/dp = dE/dp at a(p).
            mass, _ = self.candidate.mass_and_force(self.t, self.q, self.v, p)
            slopes = self._slopes(p, accelerations(p), np.ones_like(weights)).reshape(*self.a.shape, len(p))
            return (np.linalg.pinv(mass) @ slopes * weights[:, None]).reshape(len(goal), len(p))

        p = _gauss_newton(remainder, jacobian, self.constants)
        null = _null_space(jacobian(p), self.constants)
        return self._agreement(
            _relative(remainder(self.constants), goal),
            _relative(remainder(p), goal),
            solution=np.append(p, 1.0),
            null=np.vstack((null, np.zeros((1, null.shape[1])))),
        )

    def multiplier(self) -> np.ndarray | None:
        """The constant matrix S with E[candidate] = S E[reference], of shape (n, n), where there is one."""
        candidate, reference = self.expressions(self.constants), self.reference_expressions
        solution, *_ = np.linalg.lstsq(reference, candidate, rcond=None)
        small = np.linalg.norm(candidate - reference @ solution) <= SAME_NUMBERS * np.linalg.norm(candidate)
        return np.where(np.abs(solution) > 1e-12 * np.abs(solution).max(), solution, 0.0).T if small else None

    def _slopes(self, constants: np.ndarray, a: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Derivatives of the weighted E by each constant, of shape (N n, k)."""
        columns = [
            (_off_shell(*partial.mass_and_force(self.t, self.q, self.v, constants), a) * weights).ravel()
            for partial in self.partials
        ]
        return np.column_stack(columns) if columns else np.zeros((a.size, 0))

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
        metric = _whitening(self.covariance, self.constants)
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
    candidate: Law,
    reference: Law,
    space: JetSpace,
    ranges: Ranges | None,
    constants: Mapping[sp.Symbol, float],
    covariance: np.ndarray | None,
) -> FittedComparison:
    """Compile both laws and draw the points.

    Raises:
        InputError: a symbol has no value, the covariance has another size, or the laws share no domain.
    """
    symbols, values = tuple(constants), np.array(list(constants.values()), float)
    if covariance is not None and np.shape(covariance) != (len(symbols),) * 2:
        msg = f"expected a covariance of {len(symbols)} constants, got shape {np.shape(covariance)}"
        raise InputError(msg)
    if covariance is not None and not np.isfinite(covariance).all():
        msg = "expected a finite covariance; leave it out where the errors are not known"
        raise InputError(msg)
    compiled = compile_mechanics(candidate[0], space, dissipation=candidate[1], constants=symbols)
    partials = tuple(
        compile_mechanics(
            sp.diff(candidate[0], symbol), space, dissipation=sp.diff(candidate[1], symbol), constants=symbols
        )
        for symbol in symbols
    )
    truth = compile_mechanics(reference[0], space, dissipation=reference[1])
    t, q, v = _points(space, ranges)
    generator = np.random.default_rng(0)
    with np.errstate(all="ignore"):
        ours = compiled.mass_and_force(t, q, v, values)
        theirs = truth.mass_and_force(t, q, v)
        motion = truth.acceleration(t, q, v)
    finite = np.isfinite(np.column_stack([part.reshape(len(t), -1) for part in (*ours, *theirs, motion)])).all(axis=1)
    if finite.sum() < SAMPLES // 2:
        msg = (
            f"both Lagrangians have finite equations at only {finite.sum()} of {SAMPLES} random points; "
            "give ranges of the coordinates in which both are defined"
        )
        raise InputError(msg)
    spread = np.sqrt(np.mean(motion[finite] ** 2, axis=0))
    a = generator.uniform(-1, 1, motion.shape) * np.where(spread > 0, spread, 1.0)
    chosen = {"t": t[finite], "q": q[finite], "v": v[finite], "a": a[finite]}
    return FittedComparison(
        candidate=compiled,
        partials=partials,
        constants=values,
        covariance=None if covariance is None else np.asarray(covariance, float),
        reference_mass=theirs[0][finite],
        reference_force=theirs[1][finite],
        **chosen,
    )


def _points(space: JetSpace, ranges: Ranges | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    symbols = (*space.base_symbols, *space.positions, *space.velocities)
    bounds = sampling_ranges(space, (), ranges)
    generator = random.Random(1)
    points = np.array([random_point(symbols, bounds, generator) for _ in range(SAMPLES)], float)
    n = len(space.fields)
    return points[:, 0], points[:, 1 : n + 1], points[:, n + 1 :]


def _off_shell(mass: np.ndarray, force: np.ndarray, a: np.ndarray) -> np.ndarray:
    return force - np.einsum("sij,sj->si", mass, a)


def _weights(target: np.ndarray) -> np.ndarray:
    """One over the size of each equation, of shape (n,), so that light coordinates count as much as heavy ones."""
    size = np.sqrt(np.mean(target**2, axis=0))
    return 1.0 / np.maximum(size, 1e-12 * max(size.max(), 1e-300))


def _relative(remainder: np.ndarray, whole: np.ndarray) -> float:
    """Size of a remainder relative to the whole, at most 1; 1 where there is no whole or no number."""
    size, total = np.linalg.norm(remainder), np.linalg.norm(whole)
    return float(min(size / total, 1.0)) if total > 0 and np.isfinite(size) else 1.0


def _remainder(columns: np.ndarray, vector: np.ndarray) -> float:
    """Relative part of a vector that the columns do not span."""
    if not columns.size:
        return 1.0
    solution, *_ = np.linalg.lstsq(columns, vector, rcond=None)
    return float(np.linalg.norm(vector - columns @ solution) / max(np.linalg.norm(vector), 1e-300))


def _gauss_newton(remainder: Any, jacobian: Any, start: np.ndarray) -> np.ndarray:
    """Least squares from `start`, by the shortest steps; exact after one where the remainder is linear."""
    z, value = start, remainder(start)
    for _ in range(50):
        slopes = jacobian(z)
        if not (np.isfinite(slopes).all() and np.isfinite(value).all()):
            break
        units = np.where(start != 0, np.abs(start), 1.0)
        step = -units * np.linalg.lstsq(slopes * units, value, rcond=1e-13)[0]
        for _ in range(30):
            trial = remainder(z + step)
            if np.linalg.norm(trial) < np.linalg.norm(value):  # false where a trial is not a number
                break
            step = step / 2
        else:
            break
        z, value = z + step, trial
    return z


def _null_space(slopes: np.ndarray, typical: np.ndarray) -> np.ndarray:
    """Directions in which nothing changes, of shape (k, d)."""
    if not slopes.size or not np.isfinite(slopes).all():
        return np.zeros((slopes.shape[1], 0))
    units = np.where(typical != 0, np.abs(typical), 1.0)
    _, singular, directions = np.linalg.svd(slopes * units, full_matrices=True)
    padded = np.zeros(len(directions))
    padded[: len(singular)] = singular
    return (directions[padded <= NULL_DIRECTION * max(padded.max(), 1e-300)] * units).T


def _whitening(covariance: np.ndarray | None, constants: np.ndarray) -> np.ndarray:
    """A matrix that turns deviations of the constants into standard errors (or into shares of the constants)."""
    units = np.where(constants != 0, np.abs(constants), 1.0)
    if covariance is None:
        return np.diag(1.0 / units)
    relative = covariance / np.outer(units, units) + EXACT_CONSTANT**2 * np.eye(len(units))
    values, vectors = np.linalg.eigh(relative)
    return (vectors / np.sqrt(np.maximum(values, EXACT_CONSTANT**2))).T / units
