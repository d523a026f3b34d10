"""Selection: which few terms of a library make the Lagrangian, by a trained network, by the data, or by both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.data.trajectories import Trajectories
from lagsym.distillation.engines.subset import best_subsets
from lagsym.distillation.libraries.terms import Library, Term
from lagsym.distillation.selection.evidence import DATA_FLOOR, Evidence, weak_evidence
from lagsym.distillation.selection.ratios import Ratio, best_ratios
from lagsym.mechanics.jetspace import JetSpace

OVERWHELMING = 1e-3
"""Share of a residual that no number of useless terms brings it down to, however many are needed together."""
DATA_FACTOR, NETWORK_FACTOR = 3.0, 4.0
"""A size is enough when larger ones lower its squared residual by no more than this factor."""
DATA_CEILING, NETWORK_CEILING = 0.3, 0.05
LOOK = 3
NETWORK_FLOOR = 1e-12
"""Squared residuals below this are rounding; see also `DATA_FLOOR`."""
SINGULAR, SUSPICIOUS = 5e-3, 5e-2
"""Least eigenvalue of the mass matrix, scaled to ones on its diagonal, at which it counts as regular, or surely so."""
MOST_SEARCHES = 4
RIVALS = 4
"""Candidates of each size that resampling may choose among."""


@dataclass(frozen=True)
class Candidate:
    """A Lagrangian as a sum of library terms; its first term has coefficient one unless forces fix the scale.

    Arguments:
        terms: the terms, simplest first.
        coefficients: one for each term.
        complexity: number of terms plus a tenth of their complexities.
        loss: squared residual relative to off-shell size, on the evidence that it was selected by.
        evidence: the kind of evidence: "data", "strong" or "network".
        scores: losses on other evidence.
        fixed: whether measured forces set the scale, so that no coefficient is one by convention.
        inner: numbers inside the terms that are constants to be fitted, see `lagsym.distillation.fitting.inner`.
    """

    terms: tuple[sp.Expr, ...]
    coefficients: Float[np.ndarray, " terms"]
    complexity: float
    loss: float
    evidence: str
    scores: dict[str, float] = field(default_factory=dict)
    fixed: bool = False
    inner: tuple[sp.Float, ...] = ()

    @property
    def lagrangian(self) -> sp.Expr:
        """The Lagrangian with its numbers."""
        return sp.Add(*(sp.Float(float(c), 17) * term for c, term in zip(self.coefficients, self.terms, strict=True)))


@dataclass(frozen=True)
class Front:
    """The best admissible candidate of each size, and the one chosen by the ratio rule, or None where none is.

    Arguments:
        candidates: one for each size, the smallest first.
        chosen: one of them.
        rivals: the others that were nearly as good at their size.
    """

    candidates: tuple[Candidate, ...]
    chosen: Candidate | None
    rivals: tuple[Candidate, ...] = ()


def simplest(loss: float, best: float) -> bool:
    """Whether a held-out loss is as good as the best one, by the rule that sizes are chosen by."""
    return loss <= DATA_FACTOR * best + DATA_FLOOR


def weak_loss(candidate: Candidate, space: JetSpace, data: Trajectories, *, friction: Sequence[sp.Expr] = ()) -> float:
    """A candidate's |weak E|^2 / |E off-shell|^2 on differentiated trajectories; infinite where it is not real.

    Arguments:
        candidate: terms with coefficients.
        space: jet space of the coordinates.
        data: differentiated trajectories.
        friction: Rayleigh functions that may have any coefficients beside it.
    """
    library = Library(space, tuple(Term(term, 0.0) for term in candidate.terms))
    # A root or a logarithm may not be real beyond the data that it was chosen on.
    with np.errstate(all="ignore"):
        loss = weak_evidence(library, data, friction=friction).loss(candidate.coefficients)
    return loss if np.isfinite(loss) else float("inf")


def select(evidence: Evidence, *, keep: tuple[int, ...] = ()) -> Front:
    """The few terms that one kind of evidence asks for.

    Arguments:
        evidence: what is known of every term.
        keep: terms that every candidate has to hold; the first of them sets the scale.
    """
    return (_by_regression if evidence.name == "network" else _by_ratio)(evidence, keep)


def _by_ratio(evidence: Evidence, keep: tuple[int, ...]) -> Front:
    """The terms whose equations vanish on the data (generalised eigenproblem)."""
    library = evidence.library
    complexities = library.complexities
    if evidence.fixed:
        keep, complexities = (*keep, len(library)), np.append(complexities, 0.0)
    best: list[Candidate] = []
    rivals: list[Candidate] = []
    for ratios in _found_ratios(evidence, complexities, keep).values():
        tried = (_candidate(evidence, ratio, keep) for ratio in ratios)
        admissible = [candidate for candidate in tried if candidate is not None]
        if admissible:
            # Of candidates that the data cannot tell apart the simplest stands for its size.
            limit = DATA_FACTOR * admissible[0].loss + evidence.floor
            simple = min((c for c in admissible if c.loss <= limit), key=lambda c: (c.complexity, c.loss))
            best.append(simple)
            rivals += [candidate for candidate in admissible[:RIVALS] if candidate is not simple]
    # Of many bodies that are alike each needs its own term.
    look = max(LOOK, len(evidence.vanishing.triangles) + 1)
    front = _front(best, factor=DATA_FACTOR, floor=evidence.floor, ceiling=DATA_CEILING, look=look)
    return replace(front, rivals=tuple(rivals))


def _found_ratios(evidence: Evidence, complexities: np.ndarray, keep: tuple[int, ...]) -> dict[int, list[Ratio]]:
    """The best combinations of each size, best first.

    The square of a conserved momentum p(q, v) vanishes along the motion as the law does, and hides it: with several
    coordinates its mass matrix is singular.  Where a search meets one, each of its terms is left out in turn.
    """
    # Only where every term moves all coordinates: otherwise one alone is next to never a law.
    alone = not evidence.fixed and bool(np.all(np.any(np.einsum("ktii->kti", evidence.mass) != 0, axis=1)))
    found: dict[tuple[int, ...], Ratio] = {}
    asked: list[frozenset[int]] = [frozenset()]
    for without in asked:
        left = np.array([k for k in range(len(complexities)) if k not in without])
        columns = evidence.vanishing.take(left), evidence.standard.take(left)
        kept = tuple(int(np.searchsorted(left, k)) for k in keep)
        searched = best_ratios(*columns, complexities[left], keep=kept, alone=alone)
        moved = [_moved(ratio, left) for size in sorted(searched) for ratio in searched[size]]
        false = _hiding(evidence, moved)
        further = [] if false is None else [without | {term} for term in false.support if term not in keep]
        asked += [each for each in further if each not in asked][: MOST_SEARCHES - len(asked)]
        found |= {ratio.support: ratio for ratio in moved}
    by_size: dict[int, list[Ratio]] = {}
    for ratio in sorted(found.values(), key=lambda ratio: ratio.ratio):
        by_size.setdefault(len(ratio.support), []).append(ratio)
    return dict(sorted(by_size.items()))


def _moved(ratio: Ratio, places: np.ndarray) -> Ratio:
    return replace(ratio, support=tuple(int(places[k]) for k in ratio.support))


def _hiding(evidence: Evidence, found: Sequence[Ratio]) -> Ratio | None:
    """The smallest combination with a singular mass matrix, if it does better on the data than all regular ones."""
    singular = [_is_singular(evidence, ratio) for ratio in found]
    best = min((ratio.ratio for ratio, false in zip(found, singular, strict=True) if not false), default=np.inf)
    limit = min(DATA_FACTOR * best, DATA_CEILING)
    return next((r for r, false in zip(found, singular, strict=True) if false and r.ratio < limit), None)


def _is_singular(evidence: Evidence, found: Ratio) -> bool:
    """Whether a combination moves all coordinates, but one combination of them has next to no mass."""
    if max(found.support) >= len(evidence.library):
        return False
    scaled = _scaled_mass(evidence.mass[list(found.support)], found.coefficients)
    return scaled is not None and _least_eigenvalue(scaled) < SUSPICIOUS


def _scaled_mass(mass: np.ndarray, coefficients: np.ndarray) -> np.ndarray | None:
    """A combination's mass matrices with diagonals of about one; None where one of the diagonals is null."""
    total = np.tensordot(coefficients, mass, 1)
    unit = np.sqrt(np.median(np.abs(np.einsum("tii->ti", total)), axis=0))
    return total / np.outer(unit, unit) if np.all(unit > 0) else None


def _least_eigenvalue(mass: np.ndarray) -> float:
    """The smallest eigenvalue at a typical sample, negative where the signs differ."""
    values = np.linalg.eigvalsh(mass)
    return float(np.median(np.min(np.sign(np.median(values)) * values, axis=1)))


def _by_regression(evidence: Evidence, keep: tuple[int, ...]) -> Front:
    """The terms whose operators add up to the network's (least squares)."""
    regression = evidence.vanishing.stacked
    subsets = best_subsets(regression[:, :-1], -regression[:, -1])
    # Measured forces fixed the scale of the network's L; they are one more term, whose coefficient is one.
    forced = (len(evidence.library),) if evidence.driven else ()
    ratios = (
        Ratio((*subset.support, *forced), np.append(subset.coefficients, np.ones(len(forced))), subset.residual)
        for subset in subsets.values()
    )
    found = (_candidate(evidence, ratio, keep) for ratio in ratios if set(keep) <= set(ratio.support))
    return _front(
        [candidate for candidate in found if candidate is not None],
        factor=NETWORK_FACTOR,
        floor=NETWORK_FLOOR,
        ceiling=NETWORK_CEILING,
    )


def _candidate(evidence: Evidence, found: Ratio, keep: tuple[int, ...]) -> Candidate | None:
    """The candidate of a support, or None where its mass matrix is singular or indefinite."""
    library, mass = evidence.library, evidence.mass
    index, coefficients = list(found.support), np.asarray(found.coefficients)
    scale = None
    if len(library) in index:
        scale = coefficients[index.index(len(library))]
        coefficients = np.delete(coefficients, index.index(len(library)))
        index.remove(len(library))
    kinetic = [i for i, k in enumerate(index) if np.any(mass[k])]
    scaled_mass = _scaled_mass(mass[index], coefficients)
    if scaled_mass is None or _least_eigenvalue(scaled_mass) < SINGULAR:
        return None

    def place(i: int) -> tuple[bool, bool, float, int]:
        return index[i] not in keep, i not in kinetic, library.terms[index[i]].complexity, index[i]

    order = sorted(range(len(index)), key=place)
    terms = tuple(library.terms[index[i]].expression for i in order)
    complexity = len(index) + 0.1 * sum(library.terms[k].complexity for k in index)
    scaled = coefficients[order] / (coefficients[order[0]] if scale is None else scale)
    return Candidate(terms, scaled, round(complexity, 3), float(found.ratio), evidence.name, fixed=scale is not None)


def smallest_enough(
    losses: Mapping[int, float], *, factor: float, floor: float, ceiling: float = float("inf"), look: int = LOOK
) -> int | None:
    """The smallest size that larger ones do not improve upon much, or None where even the largest fits badly.

    Arguments:
        losses: squared residuals by size.
        factor: a size is enough when its loss is at most this times the best of the next sizes.
        floor: losses below this mean nothing.
        ceiling: largest loss that is accepted at all.
        look: how many larger sizes are looked at.

    >>> smallest_enough({2: 0.2, 3: 1e-3, 4: 9e-4}, factor=3.0, floor=0.0)
    3
    >>> smallest_enough({2: 0.2, 3: 0.2, 4: 0.2, 5: 0.2, 6: 1e-19}, factor=3.0, floor=0.0, look=2)
    6
    """
    for size, loss in sorted(losses.items()):
        following = min(losses[k] for k in losses if size <= k <= size + look)
        further = min(losses[k] for k in losses if size <= k)
        if loss <= factor * following + floor and loss < min(ceiling, further / OVERWHELMING + floor):
            return size
    return None


def _front(candidates: list[Candidate], *, factor: float, floor: float, ceiling: float, look: int = LOOK) -> Front:
    by_size = {len(candidate.terms): candidate for candidate in candidates}
    losses = {size: candidate.loss for size, candidate in by_size.items()}
    size = smallest_enough(losses, factor=factor, floor=floor, ceiling=ceiling, look=look)
    chosen = None if size is None else by_size[size]
    return Front(tuple(candidate for _, candidate in sorted(by_size.items())), chosen)
