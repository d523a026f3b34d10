"""Contest: sums of terms that the weak form hardly tells apart, told apart by the fit of the motion.

A formula that mimics another to a few per cent of the weak residual leaves several times the noise of the positions, or
some per cent more than the noise where there is much of it, which thousands of samples show.  Every sum is first fitted
over short windows, which costs little; those far behind leave, and the others are fitted over the longest windows.

Source: for dropping what falls behind, Maron and Moore, "Hoeffding races", NIPS 6 (1994) 59; for the criterion see
`lagsym.distillation.trial`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp

from lagsym.data.trajectories import Trajectories
from lagsym.distillation.engines.base import complexity
from lagsym.distillation.fitting.inner import FittedTerms, Named, numbers
from lagsym.distillation.fitting.projection import Grounds, Projection
from lagsym.distillation.fitting.refinement import FIRST_WINDOW, Growth
from lagsym.distillation.functions.sums import fit_roughly
from lagsym.distillation.selection.candidates import DATA_FACTOR, DATA_FLOOR, Candidate
from lagsym.distillation.trial import EXCESS, Trial, attempt, winner
from lagsym.mechanics.jetspace import JetSpace

ENTRANTS = 6
"""Sums whose constants are fitted to the motion, at most."""
FINALISTS = 2
"""Of these, those that are fitted over the longest windows."""
HEAT, FINAL = Growth(longest=FIRST_WINDOW, samples=2000), Growth(samples=4000)
"""Over which windows, and with how many of the samples, the first fits and the last ones are made."""
SHORTER = 10.0
"""By which factor the weak form may grow for a sum with a term less to be tried: noise near a singularity biases it."""
LARGEST = 1.1
"""Residual of any coordinate over the noise, and `EXCESS` on average, below which a law leaves nothing but noise."""
GAIN = 0.98
"""Share of the loss of a sum with fewer constants that another has to come below to beat it: noise alone makes
differences of a hundredth."""
BEHIND = 20.0
"""A criterion by this much above the best over short windows is not made up for over long ones."""


@dataclass(frozen=True)
class Result:
    """What came of a contest.

    Arguments:
        trials: of the finalists, the winner first.
        settled: whether the winner leaves nothing but noise of the motion.
    """

    trials: tuple[Trial, ...]
    settled: bool

    @property
    def best(self) -> Candidate:
        """The winner."""
        return self.trials[0].candidate


def contest(
    kinds: Sequence[Sequence[FittedTerms]],
    space: JetSpace,
    grounds: Grounds,
    measured: Trajectories,
    smooth: Trajectories,
) -> Result | None:
    """The fit of the motion by each of the likeliest sums; None where none can be integrated.

    Arguments:
        kinds: terms with fitted inner constants; sums of different kinds, whose losses mean different things.
        space: coordinates and velocities.
        grounds: what they were fitted to.
        measured: trajectories as they were measured.
        smooth: the same, differentiated.
    """
    most = max(ENTRANTS // max(len(kinds), 1), 2)
    candidates = [candidate_of(found, space, grounds) for sums in kinds for found in layered(sums, most)]
    field = _Field(space, grounds, measured, smooth)
    first = [field.heat(each) for each in candidates if each is not None]
    heat = sorted((trial for trial in first if trial is not None), key=lambda trial: trial.criterion)
    if not heat:
        return None
    heat[0] = field.shortened(heat[0])
    near = [trial for trial in heat if trial.criterion <= heat[0].criterion + BEHIND][:FINALISTS]
    last = [attempt(trial.candidate, measured, smooth, growth=FINAL) for trial in near]
    left = [trial for trial in last if trial is not None]
    best = winner(left)
    if best is None:
        return None
    others = (trial for trial in left if trial is not best)
    # The noise of a single coordinate is known to some per cent only.
    return Result((best, *others), best.excess < EXCESS and bool(np.all(best.residual < LARGEST)))


@dataclass(frozen=True)
class _Field:
    """What the sums are fitted to."""

    space: JetSpace
    grounds: Grounds
    measured: Trajectories
    smooth: Trajectories

    def heat(self, candidate: Candidate) -> Trial | None:
        """The fit over short windows."""
        return attempt(candidate, self.measured, self.smooth, growth=HEAT)

    def shortened(self, trial: Trial) -> Trial:
        """The trial, or that of a sum with fewer of its terms that does better."""
        while True:
            tried = [self.heat(candidate) for candidate in self._shorter(trial.candidate)]
            better = min((t for t in tried if t is not None), key=lambda t: t.criterion, default=trial)
            if not better.criterion < trial.criterion:
                return trial
            trial = better

    def _shorter(self, candidate: Candidate) -> list[Candidate]:
        """The candidate with one term less, where that leaves two terms, its few inner constants fitted anew."""
        dropped = candidate.terms[1:] if len(candidate.terms) > 2 else ()
        kept = [[term for term in candidate.terms if term is not one] for one in dropped]
        fitted = [fit_roughly(terms, self.space, self.grounds) for terms in kept]
        near = [found for found in fitted if found is not None and found.loss < SHORTER * candidate.loss + DATA_FLOOR]
        found = [candidate_of(each, self.space, self.grounds) for each in near]
        return [each for each in found if each is not None]


def layered(sums: Sequence[FittedTerms], most: int) -> list[FittedTerms]:
    """The sums that none of fewer constants beats, then those that only these beat, and so on, until there are many."""
    best = min((found.loss for found in sums), default=0.0)
    # Sums that differ by rounding alone, or by how they are written, leave the same.
    different = {
        (_size(found), f"{found.loss:.3e}"): found for found in sums if found.loss <= DATA_FACTOR * best + DATA_FLOOR
    }
    left = sorted(different.values(), key=lambda found: (_constants(found), found.loss, _size(found)))
    chosen: list[FittedTerms] = []
    while left and len(chosen) < most:
        layer: list[FittedTerms] = []
        for found in left:
            if not layer or found.loss < GAIN * layer[-1].loss:
                layer.append(found)
        chosen += layer
        left = [found for found in left if found not in layer]
    return chosen[:most]


def candidate_of(found: FittedTerms, space: JetSpace, grounds: Grounds) -> Candidate | None:
    """A sum with the coefficients that fit the weak form best, relative to the first of its terms with a velocity."""
    inner = numbers(found.terms)
    named = Named.of(found.terms, inner)
    coefficients = Projection(named.terms, named.symbols, space, grounds).coefficients(named.values)
    moving = [k for k, term in enumerate(found.terms) if term.free_symbols & set(space.velocities)]
    if coefficients is None or not moving or not coefficients[moving[0]]:
        return None
    order = [moving[0], *(k for k, c in enumerate(coefficients) if c and k != moving[0])]
    terms: list[sp.Expr] = [found.terms[k] for k in order]
    scaled = coefficients[order] / coefficients[moving[0]]
    size = len(terms) + 0.1 * _size(found)
    return Candidate(tuple(terms), scaled, round(size, 3), found.loss, "data", inner=numbers(terms))


def _constants(found: FittedTerms) -> int:
    """How many numbers are fitted: one for each term, and those inside, but for multiples of each other."""
    return len(found.terms) + len(Named.of(found.terms, numbers(found.terms)).symbols)


def _size(found: FittedTerms) -> int:
    return sum(map(complexity, found.terms))
