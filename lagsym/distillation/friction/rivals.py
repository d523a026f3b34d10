"""Rivals: which friction moves the data, by likelihood ratio in the fit of the motion.

Around a fit the misfit is a quadratic function of the constants and of the coefficients of all rivals,

    chi^2(x) = chi^2 + 2 g . x + x . H x,

the windows' starting states following them. That says in no time how well every set of rivals would do; the best are
fitted themselves, and what they show is the new point to look around from, until nothing better is in sight. Sets of
one size compare by chi^2, and a richer set has to improve it significantly, by the estimated noise and with errors that
may be correlated within a window. Of sets that the data cannot tell apart the simplest is taken.

Source: Wilks, "The large-sample distribution of the likelihood ratio", Ann. Math. Stat. 9 (1938) 60; for the errors
White, "Maximum likelihood estimation of misspecified models", Econometrica 50 (1982) 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import sympy as sp
from jaxtyping import Float
from scipy.stats import chi2

from lagsym.data.trajectories import Trajectories
from lagsym.distillation.fitting.shooting import Curvature, Shooting, Solution
from lagsym.distillation.fitting.windows import cut
from lagsym.distillation.friction.energy_balance import LARGEST_SET
from lagsym.distillation.friction.rayleigh import Rayleigh
from lagsym.errors import InputError
from lagsym.mechanics.dynamics.numeric import compile_mechanics
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import parameter_symbol

CHANCE = 1e-3
"""How often, of all richer sets together, one may seem better by chance."""
FITTED = 2
"""Sets of each size that are fitted, after all have been estimated."""
ROUNDS = 4
FINE = 0.1
"""Steps that lower chi-square by less than this, in units of the noise, do not matter to a comparison."""
Support = tuple[int, ...]


@dataclass(frozen=True)
class Chosen:
    """The friction that the fit of the motion prefers.

    Arguments:
        terms: Rayleigh functions.
        values: the constants of the law, then the coefficients of the terms.
        improvement: by how much chi-square falls from no friction to this, corrected for correlated errors.
        rival: the best set of the same size with another kind of friction, or None where none was fitted.
        rival_excess: by how much its chi-square is larger, corrected for correlated errors.
        certain: whether that is more than chance.
    """

    terms: tuple[Rayleigh, ...]
    values: Float[np.ndarray, " constants"]
    improvement: float
    rival: tuple[Rayleigh, ...] | None
    rival_excess: float
    certain: bool


@dataclass
class Comparison:
    """Fits of one law with several sets of Rayleigh functions to the same windows.

    Arguments:
        lagrangian: the law, with the constants as symbols.
        constants: the symbols.
        rivals: the Rayleigh functions to choose from.
        data: measured trajectories, and the same, differentiated.
        window: length of the windows.
        scale: standard deviation of the noise of each coordinate.
    """

    lagrangian: sp.Expr
    constants: Sequence[sp.Symbol]
    rivals: Sequence[Rayleigh]
    data: tuple[Trajectories, Trajectories]
    window: float
    scale: Float[np.ndarray, " coordinates"]
    _fits: dict[Support, Solution] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._windows = cut(*self.data, self.window)
        self._least_gain = FINE / self._freedom(len(self.constants))
        self._everything = self._shooting(tuple(range(len(self.rivals))))

    def choose(self, start: Support, values: Float[np.ndarray, " constants"]) -> Chosen | None:
        """The simplest set that no richer one improves upon, or None where the law cannot be integrated with friction.

        Arguments:
            start: indices of the rivals to begin with.
            values: the constants of the law, then the coefficients of these rivals.
        """
        if not self._fit(start, values, self._windows.state):
            return None
        try:
            return self._improved(start)
        except InputError:
            return None

    def _improved(self, start: Support) -> Chosen:
        """The best set that is found from a fitted one."""
        current, seen = start, set()
        while current not in seen and len(seen) < ROUNDS:
            seen.add(current)
            estimate = self._estimate(current)
            for support in estimate.promising(len(current) + 1):
                self._fit(support, estimate.values(support), self._fits[current].states)
            current = self._best(estimate)
        return self._chosen(current)

    def _fit(self, support: Support, values: np.ndarray, states: np.ndarray) -> bool:
        """Fit a set of rivals, unless that has been done; whether that succeeded without a negative coefficient."""
        if support not in self._fits:
            try:
                found = self._shooting(support).solve(values, states, least_gain=self._least_gain)
            except InputError:
                return False
            if np.any(found.values[len(self.constants) :] <= 0):
                return False
            self._fits[support] = found
        return True

    def _shooting(self, support: Support) -> Shooting:
        rates = tuple(parameter_symbol(f"d{k + 1}") for k in support)
        dissipation = sp.Add(*(d * self.rivals[k].expression for d, k in zip(rates, support, strict=True)))
        constants = (*self.constants, *rates)
        space = JetSpace(self.data[0].coordinates)
        mechanics = compile_mechanics(self.lagrangian, space, dissipation=dissipation, constants=constants)
        return Shooting(mechanics, self._windows, self.scale, len(constants))

    def _estimate(self, support: Support) -> _Estimate:
        found, first = self._fits[support], len(self.constants)
        values = np.zeros(first + len(self.rivals))
        values[:first] = found.values[:first]
        values[[first + k for k in support]] = found.values[first:]
        curvature = self._everything.curvature(found.states, values)
        return _Estimate(values, first, found.chi_square, curvature, self._freedom(first + len(support)))

    def _freedom(self, constants: int) -> float:
        """Samples less what was fitted to them."""
        return max(float(self._windows.weight.sum()) * len(self.scale) - self._windows.state.size - constants, 1.0)

    def _best(self, estimate: _Estimate) -> Support:
        """The set to take as things stand: larger ones as long as they improve, the simplest of those of one size."""
        chosen: Support = ()
        reference = np.inf
        for size in range(1, LARGEST_SET + 1):
            fitted = {s: fit.chi_square for s, fit in self._fits.items() if len(s) == size}
            if not fitted:
                continue
            best = min(fitted, key=lambda s: fitted[s])
            if chosen and not estimate.significant(reference - fitted[best], best):
                break
            reference = fitted[best]
            alike = [s for s in fitted if not estimate.significant(fitted[s] - reference, s)]
            chosen = min(alike, key=lambda s: (self._complexity(s), fitted[s]))
        return chosen

    def _complexity(self, support: Support) -> float:
        return sum(self.rivals[k].complexity for k in support)

    def _kinds(self, support: Support) -> tuple[str, ...]:
        return tuple(sorted(self.rivals[k].kind for k in support))

    def _chosen(self, support: Support) -> Chosen:
        estimate, found = self._estimate(support), self._fits[support]
        others = [s for s in self._fits if len(s) == len(support) and self._kinds(s) != self._kinds(support)]
        rival = min(others, key=lambda s: self._fits[s].chi_square, default=None)
        excess = np.inf if rival is None else self._fits[rival].chi_square - found.chi_square
        without = self._shooting(())
        try:
            start = found.values[: len(self.constants)]
            free = without.solve(start, found.states, least_gain=self._least_gain).chi_square
        except InputError:
            free = np.inf
        return Chosen(
            tuple(self.rivals[k] for k in support),
            found.values,
            float(estimate.corrected(free - found.chi_square, support)),
            None if rival is None else tuple(self.rivals[k] for k in rival),
            float(excess if rival is None else estimate.corrected(excess, rival)),
            rival is None or estimate.significant(excess, rival),
        )


@dataclass(frozen=True)
class _Estimate:
    """How well every set of rivals would do, seen from one fit.

    Arguments:
        point: the constants of the law, then the coefficients of all rivals, most of them zero.
        first: how many constants the law has.
        chi_square: there.
        curvature: around it.
        freedom: degrees of freedom.
    """

    point: Float[np.ndarray, " constants"]
    first: int
    chi_square: float
    curvature: Curvature
    freedom: float

    def promising(self, largest: int) -> list[Support]:
        """The best sets of each size up to the largest, smallest first, without negative coefficients."""
        count = len(self.point) - self.first
        found = []
        for size in range(1, min(largest, LARGEST_SET) + 1):
            expected = {}
            for support in itertools.combinations(range(count), size):
                step, chi_square = self._step(support)
                if np.all((self.point + step)[self._places(support)[self.first :]] > 0):
                    expected[support] = chi_square
            found += sorted(expected, key=lambda support: expected[support])[:FITTED]
        return found

    def values(self, support: Support) -> Float[np.ndarray, " constants"]:
        """The constants of the law and the coefficients of a set where its misfit should be least."""
        return (self.point + self._step(support)[0])[self._places(support)]

    def corrected(self, difference: float, support: Support) -> float:
        """A difference of chi-square in units of the noise, divided by what correlated errors inflate it by."""
        return difference / (self.chi_square / self.freedom) / self._inflation(support)

    def significant(self, difference: float, support: Support) -> bool:
        """Whether a difference of chi-square, made by a set of rivals, is more than chance."""
        return bool(self.corrected(difference, support) > chi2.isf(CHANCE / (len(self.point) - self.first), 1))

    def _places(self, support: Support) -> list[int]:
        return [*range(self.first), *(self.first + k for k in support)]

    def _step(self, support: Support) -> tuple[np.ndarray, float]:
        """The step of all coefficients to the least misfit of a set, and chi-square there."""
        inside = self._places(support)
        outside = [k for k in range(len(self.point)) if k not in inside]
        H, g = self.curvature.matrix, self.curvature.gradient
        step = np.zeros(len(self.point))
        step[outside] = -self.point[outside]
        right = -(g[inside] + H[np.ix_(inside, outside)] @ step[outside])
        step[inside] = np.linalg.lstsq(H[np.ix_(inside, inside)], right, rcond=None)[0]
        return step, float(self.chi_square + 2 * g @ step + step @ H @ step)

    def _inflation(self, support: Support) -> float:
        """By how much errors that are correlated within windows raise the variance of a set's coefficients."""
        places = self._places(support)
        scores = self.curvature.scores[:, places]
        if len(scores) <= 3 * len(places):
            return 1.0
        scores = scores - scores.mean(axis=0)
        inverse = np.linalg.pinv(self.curvature.matrix[np.ix_(places, places)], hermitian=True)
        plain = np.diag(inverse)[self.first :] * self.chi_square / self.freedom
        robust = np.diag(inverse @ (scores.T @ scores) @ inverse)[self.first :]
        return float(np.max(robust / np.maximum(plain, 1e-300), initial=1.0))
