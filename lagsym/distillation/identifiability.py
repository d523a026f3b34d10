"""Identifiability: whether the data allow other laws beside the one that was chosen.

The terms of a law have one combination, up to scale, that vanishes on the data. If one more term brings a second
combination that vanishes as well as the first, or if it can stand in for one of them, then the data fit both laws, and
the held-out score says nothing for either. Along a single trajectory a conserved quantity does this: what it multiplies
by a constant there, it changes elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp

from lagsym.data.trajectories import Trajectories
from lagsym.distillation.ratios import spectra
from lagsym.distillation.selection import DATA_FACTOR, DATA_FLOOR, WeakEvidence
from lagsym.distillation.terms import build_library

BESIDE_FACTOR = 100.0
"""A second combination whose ratio exceeds the law's by less than this is as good as null.

Where a law is determined the factor is 800 or more even with 1 % of noise; where it is not, 40 or less."""
COMPLEXITY = 3
"""Rivals are looked for among terms of this complexity: beyond it any motion has some."""


@dataclass(frozen=True)
class Rival:
    """Another law that fits the data as closely.

    Arguments:
        term: the term in it that the law has not, or None where the law's own terms have several combinations.
        replaces: the term that it stands in for, or None where it comes beside all.
        factor: how many times worse it fits.
    """

    term: sp.Expr | None
    replaces: sp.Expr | None
    factor: float


def find_rivals(
    terms: Sequence[sp.Expr], structure: str, learn: Trajectories, *, multipliers: int = 1
) -> tuple[Rival, ...]:
    """The laws just beside a chosen one that the data cannot tell from it, closest first.

    Arguments:
        terms: the chosen terms.
        structure: the structure of the library that they came from.
        learn: the differentiated trajectories that they were chosen on.
        multipliers: combinations of the terms that have the same motion, which are no rivals.
    """
    library = build_library(learn, structure, extra=terms, complexity=COMPLEXITY)
    evidence = WeakEvidence.collect(library, learn)
    wanted = {sp.expand(term) for term in terms}
    own = [k for k, term in enumerate(library.expressions) if term in wanted]
    others = [k for k in range(len(library)) if k not in own]
    if evidence.driven:
        own, multipliers = [*own, len(library)], 1
    if len(own) < 2:
        return ()
    spectrum = spectra(evidence.on, evidence.off, np.array([own]))[0] / _fit(evidence, own)
    if multipliers < len(own) and spectrum[multipliers] < BESIDE_FACTOR:
        return (Rival(None, None, float(spectrum[multipliers])),)
    if not others:
        return ()
    found = _beside(evidence, own, others, multipliers) + _instead(evidence, own, others)
    return tuple(sorted(found, key=lambda rival: rival.factor))


def _fit(evidence: WeakEvidence, own: list[int]) -> float:
    """The ratio of the law itself, which those of others are measured by."""
    return float(spectra(evidence.on, evidence.off, np.array([own]))[0, 0]) + DATA_FLOOR


def _beside(evidence: WeakEvidence, own: list[int], others: list[int], multipliers: int) -> list[Rival]:
    """Terms that bring one more combination than the law's multipliers explain."""
    supports = np.array([[*own, k] for k in others])
    factors = spectra(evidence.on, evidence.off, supports)[:, multipliers:] / _fit(evidence, own)
    lowest = factors.min(axis=1, initial=np.inf)
    expressions = evidence.library.expressions
    return [Rival(expressions[k], None, float(f)) for k, f in zip(others, lowest, strict=True) if f < BESIDE_FACTOR]


def _instead(evidence: WeakEvidence, own: list[int], others: list[int]) -> list[Rival]:
    """Terms that can stand in for one of the law's, those aside that bring a combination of their own."""
    both = spectra(evidence.on, evidence.off, np.array([[*own, k] for k in others]))[:, 1] / _fit(evidence, own)
    new = [k for k, factor in zip(others, both, strict=True) if factor >= BESIDE_FACTOR]
    swaps = [(j, k) for j in own if j < len(evidence.library) for k in new]
    if not swaps:
        return []
    supports = np.array([[*(i for i in own if i != j), k] for j, k in swaps])
    factors = spectra(evidence.on, evidence.off, supports)[:, 0] / _fit(evidence, own)
    expressions = evidence.library.expressions
    return [
        Rival(expressions[k], expressions[j], float(f))
        for (j, k), f in zip(swaps, factors, strict=True)
        if f < DATA_FACTOR
    ]
