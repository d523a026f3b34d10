"""Identifiability: whether the data allow other laws beside the one that was chosen.

The terms of a law have one combination, up to scale, that vanishes on the data. If one more term brings a second
combination that vanishes as well as the first, or if it can stand in for one of them, then the data fit both laws, and
the held-out score says nothing for either. Along a single trajectory a conserved quantity does this: what it multiplies
by a constant there, it changes elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import sympy as sp

from lagsym.data.jets import Jets
from lagsym.data.trajectories import Segment, Trajectories
from lagsym.distillation.fitting.refinement import Growth
from lagsym.distillation.libraries.terms import Library, Term, build_library, off_shell
from lagsym.distillation.selection.candidates import DATA_FACTOR, DATA_FLOOR, Candidate
from lagsym.distillation.selection.evidence import Evidence, weak_evidence
from lagsym.distillation.selection.ratios import combination, spectra
from lagsym.distillation.trial import CLEARLY, Trial, attempt
from lagsym.mechanics.jetspace import JetSpace

BESIDE_FACTOR = 100.0
"""A second combination whose ratio exceeds the law's by less than this is as good as null.

Where a law is determined the factor is 800 or more even with 1 % of noise; where it is not, 40 or less."""
NEAR_NULL = 5e-3
"""Nor does one of a larger ratio vanish: with much noise every combination is within a factor of the law's."""
SAME_MOTION = 1e-2
"""A combination whose squared size at states elsewhere is less than this fraction of that off the shell vanishes."""
SAMPLES = 300
TRIED, CARRIED = 6, 3000
"""Rivals that are tried on the motion, the closest ones, and samples of it that they are carried through."""
COMPLEXITY = 3
"""Rivals are looked for among terms of this complexity: beyond it any motion has some."""


@dataclass(frozen=True)
class Rival:
    """Another law that fits the data as closely.

    Arguments:
        term: the term in it that the law has not, or None where the law's own terms have several combinations.
        replaces: the term that it stands in for, or None where it comes beside all.
        factor: how many times worse it fits.
        terms: those of the other law, where a term stands in for one.
        coefficients: theirs, up to a common factor.
    """

    term: sp.Expr | None
    replaces: sp.Expr | None
    factor: float
    terms: tuple[sp.Expr, ...] = ()
    coefficients: tuple[float, ...] = ()


_Found = tuple[Rival, tuple[int, ...], int]
"""A rival, the terms in its combination, and the number of its eigenvalue."""


def find_rivals(
    lagrangian: sp.Expr,
    structure: str,
    learn: Trajectories,
    *,
    multipliers: int = 1,
    friction: Sequence[sp.Expr] = (),
) -> tuple[Rival, ...]:
    """The laws just beside a chosen one that the data cannot tell from it, closest first.

    Arguments:
        lagrangian: the law, with numbers.
        structure: the structure of the library that they came from.
        learn: the differentiated trajectories that they were chosen on.
        multipliers: combinations of the terms that have the same motion, which are no rivals.
        friction: Rayleigh functions beside which the terms were chosen.
    """
    real = _where_real(lagrangian, learn)
    if not real:
        return ()
    learn = learn.with_segments(real)
    wanted = {sp.expand(part.as_coeff_Mul()[1]) for part in sp.Add.make_args(lagrangian)}
    library = build_library(learn, structure, extra=sorted(wanted, key=str), complexity=COMPLEXITY)
    evidence = weak_evidence(library, learn, friction=friction)
    own = [k for k, term in enumerate(library.expressions) if term in wanted]
    others = [k for k in range(len(library)) if k not in own]
    if evidence.driven:
        own, multipliers = [*own, len(library)], 1
    if len(own) < 2:
        return ()
    spectrum = spectra(evidence.vanishing, evidence.standard, np.array([own]))[0] / _fit(evidence, own)
    if multipliers < len(own) and spectrum[multipliers] < _limit(evidence, own):
        return (Rival(None, None, float(spectrum[multipliers])),)
    if not others:
        return ()
    elsewhere = _Elsewhere.of(evidence, own, off_shell(learn.jets()))
    found = _beside(evidence, own, others, multipliers) + _instead(evidence, own, others)
    rivals = [_whole(rival, support, evidence) for rival, support, which in found if elsewhere.differs(support, which)]
    return tuple(sorted(rivals, key=lambda rival: rival.factor))


def not_excluded(
    rivals: Sequence[Rival],
    law: Trial | None,
    measured: Trajectories,
    smooth: Trajectories,
    *,
    friction: Sequence[sp.Expr] = (),
) -> tuple[Rival, ...]:
    """The rivals that the motion itself does not exclude, where the law leaves nothing of it but noise.

    Smoothing hides how laws differ; carried through the motion, the wrong one leaves more than noise. A rival is
    another law's terms; a further combination of the law's own is never excluded.

    Arguments:
        rivals: of `find_rivals`, closest first.
        law: the law's fit to the motion; None where there is none.
        measured: trajectories as they were measured.
        smooth: the same, differentiated.
        friction: Rayleigh functions beside which the law was fitted.
    """
    if law is None or not law.leaves_noise or law.candidate.fixed:
        return tuple(rivals)
    length = law.window / smooth.characteristic_time
    growth = Growth(first=law.window, longest=length, samples=CARRIED)
    own = attempt(law.candidate, measured, smooth, growth=growth, friction=friction)
    laws = [rival for rival in rivals if rival.terms]
    for rival in laws[:TRIED]:
        fitted = attempt(_candidate(rival, law), measured, smooth, growth=growth, friction=friction)
        if own is None or (fitted is not None and fitted.criterion < own.criterion + CLEARLY):
            return tuple(rivals)
    # What fits the weak form worse than those that were excluded is no better on the motion.
    return tuple(rival for rival in rivals if not rival.terms)


def _candidate(rival: Rival, law: Trial) -> Candidate:
    """The rival's terms, those that it shares with the law first, relative to the first of them."""
    shared = [term for term in law.candidate.terms if term in rival.terms]
    terms = (*shared, *(term for term in rival.terms if term not in shared))
    known = dict(zip(rival.terms, rival.coefficients, strict=True))
    coefficients = np.array([known[term] for term in terms])
    return replace(law.candidate, terms=terms, coefficients=coefficients / coefficients[0], inner=())


def _where_real(lagrangian: sp.Expr, data: Trajectories) -> list[Segment]:
    """The segments but those in which noise puts a speed beyond a singularity of the law."""
    space = JetSpace(data.coordinates)
    with np.errstate(all="ignore"):
        values = Library(space, (Term(lagrangian, 0.0),)).operator(data.jets())[0]
    ends = np.cumsum([len(segment) for segment in data.segments])[:-1]
    real = [bool(np.isfinite(part).all()) for part in np.split(values, ends)]
    return [segment for segment, whole in zip(data.segments, real, strict=True) if whole]


def _whole(rival: Rival, support: tuple[int, ...], evidence: Evidence) -> Rival:
    """A rival that has a term in the place of another, with all its terms."""
    if rival.replaces is None or evidence.driven:
        return rival
    c = combination(evidence.vanishing, evidence.standard, support)
    terms = tuple(evidence.library.expressions[k] for k in support)
    return replace(rival, terms=terms, coefficients=tuple(float(c[k]) for k in support))


@dataclass(frozen=True)
class _Elsewhere:
    """States that were not measured, with the accelerations that the law gives them.

    Positions are kept and velocities drawn at other times. A combination that vanishes there as well, such as the
    square of a conserved momentum, adds nothing to the motion.
    """

    evidence: Evidence
    jets: Jets
    shuffled: Jets

    @classmethod
    def of(cls, evidence: Evidence, own: list[int], jets: Jets) -> _Elsewhere:
        library = evidence.library
        law = combination(evidence.vanishing, evidence.standard, tuple(own))[: len(library)]
        moved = np.random.default_rng(0).permutation(len(jets))[:SAMPLES]
        state = jets.t[:SAMPLES], jets.q[:SAMPLES], jets.v[moved]
        here = Jets.of_particle(*state, np.zeros_like(state[1]))
        mass, force = (np.tensordot(law, part, 1) for part in (library.mass(here), library.operator(here)))
        a = np.einsum("tij,tj->ti", np.linalg.pinv(mass), force)
        return cls(evidence, Jets.of_particle(here.t, here.q, here.v, a), jets)

    def differs(self, support: tuple[int, ...], which: int) -> bool:
        """Whether a combination of terms has another motion than the law at these states."""
        library = self.evidence.library
        c = combination(self.evidence.vanishing, self.evidence.standard, support, which)[: len(library)]
        on = np.tensordot(c, library.operator(self.jets), 1)
        off = np.tensordot(c, library.operator(self.shuffled), 1)
        ratio = np.median(np.sum(on**2, axis=1)) / max(float(np.median(np.sum(off**2, axis=1))), 1e-300)
        return bool(not ratio < SAME_MOTION)


def _fit(evidence: Evidence, own: list[int]) -> float:
    """The ratio of the law itself, which those of others are measured by."""
    return float(spectra(evidence.vanishing, evidence.standard, np.array([own]))[0, 0]) + DATA_FLOOR


def _limit(evidence: Evidence, own: list[int]) -> float:
    """The factor over the law's ratio below which another combination is as good as null."""
    return min(BESIDE_FACTOR, NEAR_NULL / _fit(evidence, own))


def _beside(evidence: Evidence, own: list[int], others: list[int], multipliers: int) -> list[_Found]:
    """Terms that bring one more combination than the law's multipliers explain."""
    supports = np.array([[*own, k] for k in others])
    if multipliers >= supports.shape[1]:
        return []
    factors = spectra(evidence.vanishing, evidence.standard, supports)[:, multipliers] / _fit(evidence, own)
    expressions, limit = evidence.library.expressions, _limit(evidence, own)
    return [
        (Rival(expressions[k], None, float(f)), (*own, k), multipliers)
        for k, f in zip(others, factors, strict=True)
        if f < limit
    ]


def _instead(evidence: Evidence, own: list[int], others: list[int]) -> list[_Found]:
    """Terms that can stand in for one of the law's, those aside that bring a combination of their own."""
    together = np.array([[*own, k] for k in others])
    fit, limit = _fit(evidence, own), _limit(evidence, own)
    both = spectra(evidence.vanishing, evidence.standard, together)[:, 1] / fit
    new = [k for k, factor in zip(others, both, strict=True) if factor >= limit]
    swaps = [(j, k) for j in own if j < len(evidence.library) for k in new]
    if not swaps:
        return []
    supports = np.array([[*(i for i in own if i != j), k] for j, k in swaps])
    factors = spectra(evidence.vanishing, evidence.standard, supports)[:, 0] / fit
    expressions = evidence.library.expressions
    return [
        (Rival(expressions[k], expressions[j], float(f)), tuple(map(int, support)), 0)
        for (j, k), support, f in zip(swaps, supports, factors, strict=True)
        if f < DATA_FACTOR
    ]
