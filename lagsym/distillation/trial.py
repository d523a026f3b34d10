"""Trial: candidates that noise leaves open are told apart by the motion itself.

Smoothing biases every regression on derivatives.  Multiple shooting compares a law with the measured positions, whose
errors are independent, so that the right law leaves the noise and nothing else, and an information criterion counts:

    N sum_i log r_i^2 + k log N,

with r_i the residual of coordinate i, N samples and k constants.  A law that only holds over shorter windows is worse.
What a law leaves beyond the noise is no noise but smooth: N is then that of independent values, a few in every window.

Source: Schwarz, "Estimating the dimension of a model", Ann. Statist. 6 (1978) 461.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.data.trajectories import Trajectories
from lagsym.distillation.fitting.inner import Named
from lagsym.distillation.fitting.refinement import PRECISE, Growth, noise_of, refine
from lagsym.distillation.friction.energy_balance import is_definite
from lagsym.distillation.selection.candidates import Candidate
from lagsym.errors import InputError
from lagsym.mechanics.system import parameter_symbol

EXCESS = 1.03
"""Residual of a law relative to the noise that leaves nothing to be explained."""
LONG = 1.0
"""Length of windows, in characteristic times, over which a law that holds is no accident; over short ones any does."""
CLEARLY = 20.0
"""Difference of information criteria from which on the motion excludes a law."""
SAME = 0.1
"""Difference of criteria up to which two laws are one, written in two ways."""
NEAR = 0.1
"""Relative difference of coefficients from which the fit of the motion ends alike."""
SMOOTH = 4.0
"""Independent values in a window of what a law leaves beyond the noise."""
TRIED = Growth(most=3.0)
"""A law that leaves several times the noise over short windows leaves as much over longer ones."""


@dataclass(frozen=True)
class Trial:
    """How a candidate does in the fit of the motion.

    Arguments:
        candidate: with the constants that fit best, but for those inside terms.
        residual: of each coordinate, relative to the noise.
        window: length of time over which the law holds.
        whole: whether these windows are long, or the constants so precise that no longer ones were asked for.
        samples: measured positions of each coordinate that were used.
        constants: how many were fitted.
        friction: coefficients of the Rayleigh functions beside it.
        windows: how many there were.
    """

    candidate: Candidate
    residual: Float[np.ndarray, " coordinates"]
    window: float
    whole: bool
    samples: int
    constants: int
    friction: tuple[float, ...] = ()
    windows: float = np.inf

    @property
    def leaves_noise(self) -> bool:
        """Whether nothing but noise is left, over long windows."""
        return self.whole and bool(np.all(self.residual < EXCESS))

    @property
    def excess(self) -> float:
        """What is left relative to the noise, typically of the coordinates."""
        return float(np.exp(np.mean(np.log(np.maximum(self.residual, 1e-300)))))

    @property
    def independent(self) -> float:
        """Independent values among the samples, whose noise is a share of what is left."""
        return self.samples if self.leaves_noise else independent(self.samples, self.excess, self.windows)

    @property
    def criterion(self) -> float:
        """The information criterion, the less the better."""
        return self.criterion_of(self.samples)

    def criterion_of(self, samples: float) -> float:
        """The criterion if so many samples had left as much."""
        fit = 2 * np.sum(np.log(np.maximum(self.residual, 1e-300)))
        return float(samples * fit + self.constants * np.log(samples))


def independent(samples: float, excess: float, windows: float) -> float:
    """Independent values among samples of which a law leaves so many times the noise.

    >>> independent(1000, 1.0, 10), independent(1000, 5.0, 5)
    (1000, 40.0)
    """
    return min(samples, max(samples / max(excess, 1.0) ** 2, SMOOTH * windows))


def attempt(
    candidate: Candidate,
    data: Trajectories,
    smooth: Trajectories,
    *,
    growth: Growth = TRIED,
    friction: Sequence[sp.Expr] = (),
) -> Trial | None:
    """Fit a candidate's constants to the motion; None where it cannot be integrated.

    Beside friction the inertia has to be definite: an indefinite one loses energy in one coordinate and gains it in
    another, which would give a law to motion that has none.

    Arguments:
        candidate: terms with their first coefficients.
        data: measured trajectories.
        smooth: the same, differentiated.
        growth: of the windows.
        friction: Rayleigh functions beside it, each with a coefficient.
    """
    first = 0 if candidate.fixed else 1
    coefficients = np.asarray(candidate.coefficients[first:], float)
    named = Named.of(candidate.terms, candidate.inner, first=len(coefficients) + 1)
    constants = (*(parameter_symbol(f"c{i + 1}") for i in range(len(coefficients))), *named.symbols)
    factors = [sp.S.One] * first + list(constants[: len(coefficients)])
    lagrangian = sp.Add(*(factor * term for factor, term in zip(factors, named.terms, strict=True)))
    rates = tuple(parameter_symbol(f"d{i + 1}") for i in range(len(friction)))
    dissipation = sp.Add(*(rate * term for rate, term in zip(rates, friction, strict=True)))
    try:
        start = np.concatenate([coefficients, named.values, np.zeros(len(rates))])
        found = refine(lagrangian, (*constants, *rates), start, data, smooth, dissipation=dissipation, growth=growth)
    except InputError:
        return None
    numbers = {c: sp.Float(float(x), 17) for c, x in zip((*constants, *rates), found.values, strict=True)}
    law: Any = lagrangian.xreplace(numbers)
    if friction and not is_definite(law, smooth):
        return None
    fitted = np.concatenate([np.ones(first), found.values[: len(coefficients)]])
    # Constants inside terms that went far make coefficients that only fit beside them.
    better = candidate if named.symbols else replace(candidate, coefficients=fitted)
    whole = found.window > LONG * smooth.characteristic_time or bool(
        np.all(found.standard_errors < PRECISE * np.abs(found.values))
    )
    left, samples, count = found.residual / noise_of(data), min(len(data), growth.samples), len(found.values)
    windows = sum(np.ptp(segment.t) for segment in data.segments) / found.window * samples / len(data)
    rates_found = tuple(map(float, found.values[len(constants) :]))
    return Trial(better, left, found.window, whole, samples, count, rates_found, windows)


@dataclass(frozen=True)
class Trials:
    """Trials on one motion, each made once: what several searches find is tried by the first that does.

    Arguments:
        data: measured trajectories.
        smooth: the same, differentiated.
    """

    data: Trajectories
    smooth: Trajectories
    _made: dict[frozenset[sp.Expr], tuple[Candidate, Trial | None]] = field(default_factory=dict)

    def of(self, candidate: Candidate) -> Trial | None:
        """The trial of a candidate, or that of the same terms from coefficients that were nearly the same."""
        terms = frozenset(candidate.terms)
        before, trial = self._made.get(terms, (None, None))
        if before is None or not _near(before, candidate):
            trial = attempt(candidate, self.data, self.smooth)
            self._made[terms] = candidate, trial
        return trial


def _near(one: Candidate, other: Candidate) -> bool:
    """Whether two candidates of the same terms are so alike that their fits end alike."""
    if one.inner or other.inner or one.fixed != other.fixed:
        return False
    first, second = (dict(zip(c.terms, c.coefficients, strict=True)) for c in (one, other))
    return all(abs(second[term] - value) <= NEAR * abs(value) for term, value in first.items())


def winner(trials: Sequence[Trial]) -> Trial | None:
    """The trial of least criterion among those over the longest windows and those that leave noise; None of none."""
    if not trials:
        return None
    longest = max(trial.window for trial in trials)
    contenders = [trial for trial in trials if trial.window > 0.99 * longest or trial.leaves_noise]
    closest = min(contenders, key=lambda trial: trial.excess)
    samples = min(closest.independent, *(trial.samples for trial in trials))
    return min(contenders, key=lambda trial: trial.criterion_of(samples))


def not_beaten(trials: Sequence[Trial], best: Trial) -> tuple[Trial, ...]:
    """Trials of other laws with no more constants than the best one, that leave noise and that it does not exclude."""
    samples = min((trial.samples for trial in trials), default=best.samples)
    least = best.criterion_of(samples)
    others = (trial for trial in trials if trial.leaves_noise and trial.constants <= best.constants)
    return tuple(trial for trial in others if SAME < trial.criterion_of(samples) - least < CLEARLY)
