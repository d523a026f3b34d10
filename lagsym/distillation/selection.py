"""Selection: which few terms of a library make the Lagrangian, by a trained network, by the data, or by both."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.data.jets import Jets
from lagsym.data.samples import Sampled
from lagsym.data.trajectories import Trajectories
from lagsym.data.weak import TestFunctions, place_test_functions
from lagsym.distillation.engines.subset import best_subsets
from lagsym.distillation.ratios import Ratio, best_ratios
from lagsym.distillation.terms import Library, Term, off_shell
from lagsym.mechanics.jetspace import JetSpace

DATA_FACTOR, NETWORK_FACTOR = 3.0, 4.0
"""A size is enough when larger ones lower its squared residual by no more than this factor."""
DATA_CEILING, NETWORK_CEILING = 0.3, 0.05
LOOK = 3
DATA_FLOOR, NETWORK_FLOOR = 1e-10, 1e-12
"""Squared residuals below this are quadrature and rounding; ratios among them mean nothing."""
SINGULAR = 1e-4


@dataclass(frozen=True)
class Candidate:
    """A Lagrangian as a sum of library terms; its first term has coefficient one unless forces fix the scale.

    Arguments:
        terms: the terms, simplest first.
        coefficients: one for each term.
        complexity: number of terms plus a tenth of their complexities.
        loss: squared residual relative to off-shell size, on the evidence that it was selected by.
        evidence: "data" or "network".
        scores: losses on other evidence.
        fixed: whether measured forces set the scale, so that no coefficient is one by convention.
        inner: numbers inside the terms that are constants to be fitted, see `lagsym.distillation.inner`.
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
    """The best admissible candidate of each size, and the one chosen by the ratio rule, or None where none is."""

    candidates: tuple[Candidate, ...]
    chosen: Candidate | None


@dataclass(frozen=True)
class WeakEvidence:
    """Every term's operator averaged over the data, and at off-shell jets.

    Where forces were measured they are one more column, whose coefficient is one: they set the scale.
    """

    library: Library
    on: Float[np.ndarray, "terms rows n"]
    off: Float[np.ndarray, "terms samples n"]
    jets: Jets

    @classmethod
    def collect(cls, library: Library, data: Trajectories, functions: TestFunctions | None = None) -> WeakEvidence:
        """Evaluate a library on differentiated trajectories."""
        functions = functions or place_test_functions(data)
        jets = data.jets()
        chosen = off_shell(jets)
        on, off = functions.integrate(*library.gradient(jets)), library.operator(chosen)
        if jets.force is not None and chosen.force is not None:
            pushed = functions.integrate(jets.force, np.zeros_like(jets.force))
            on, off = np.concatenate([on, pushed[None]]), np.concatenate([off, chosen.force[None]])
        return cls(library, on, off, chosen)

    @classmethod
    def pointwise(cls, library: Library, data: Sampled) -> WeakEvidence:
        """Evaluate a library sample by sample (strong form): for accelerations without noise, and without times."""
        jets = data.jets()
        chosen = off_shell(jets)
        return cls(library, library.operator(jets), library.operator(chosen), chosen)

    @property
    def driven(self) -> bool:
        """Whether the last column is that of measured forces."""
        return self.jets.force is not None

    def loss(self, coefficients: Float[np.ndarray, " terms"]) -> float:
        """|weak E|^2 / |E off-shell|^2 of the worst equation, for given coefficients of all terms."""
        coefficients = np.append(coefficients, [1.0] * self.driven)
        on = np.mean(np.tensordot(coefficients, self.on, 1) ** 2, axis=0)
        off = np.mean(np.tensordot(coefficients, self.off, 1) ** 2, axis=0)
        return float(np.max(on / np.maximum(off, 1e-300)))


def simplest(loss: float, best: float) -> bool:
    """Whether a held-out loss is as good as the best one, by the rule that sizes are chosen by."""
    return loss <= DATA_FACTOR * best + DATA_FLOOR


def weak_loss(candidate: Candidate, space: JetSpace, data: Trajectories) -> float:
    """A candidate's |weak E|^2 / |E off-shell|^2 on differentiated trajectories; infinite where it is not real."""
    library = Library(space, tuple(Term(term, 0.0) for term in candidate.terms))
    # A root or a logarithm may not be real beyond the data that it was chosen on.
    with np.errstate(all="ignore"):
        loss = WeakEvidence.collect(library, data).loss(candidate.coefficients)
    return loss if np.isfinite(loss) else float("inf")


def select_by_data(evidence: WeakEvidence, *, keep: tuple[int, ...] = ()) -> Front:
    """The few terms whose weak form vanishes on the data (generalised eigenproblem).

    Arguments:
        evidence: the library on the data.
        keep: terms that every candidate has to hold; the first of them sets the scale.
    """
    library = evidence.library
    complexities = library.complexities
    if evidence.driven:
        keep, complexities = (*keep, len(library)), np.append(complexities, 0.0)
    found = best_ratios(evidence.on, evidence.off, complexities, keep=keep)
    mass, _ = library.mass_and_force(evidence.jets.take(np.arange(0, len(evidence.jets), 10)))
    best: list[Candidate] = []
    for ratios in found.values():
        tried = (_candidate(library, mass, r, "data", keep) for r in ratios)
        admissible = [candidate for candidate in tried if candidate is not None]
        if admissible:
            # Of candidates that the data cannot tell apart the simplest stands for its size.
            limit = DATA_FACTOR * admissible[0].loss + DATA_FLOOR
            best.append(min((c for c in admissible if c.loss <= limit), key=lambda c: (c.complexity, c.loss)))
    return _front(best, factor=DATA_FACTOR, floor=DATA_FLOOR, ceiling=DATA_CEILING)


def select_by_network(
    library: Library, jets: Jets, target: Float[np.ndarray, "samples n"], *, keep: tuple[int, ...] = ()
) -> Front:
    """The few terms whose operators add up to the network's, off the shell.

    Arguments:
        library: candidate terms.
        jets: off-shell jets on the support of the data (`off_shell`). Where they hold measured forces, these fixed the
            scale of the network's L, and no coefficient is set.
        target: the network's E = f - M a at those jets.
        keep: terms that every candidate has to hold; the first of them sets the scale.
    """
    columns = library.operator(jets)
    # Equations of different units count alike: each is measured by the size of the target.
    weights = 1 / np.sqrt(np.mean(target**2, axis=0))
    regression = (columns * weights).reshape(len(library), -1).T
    subsets = best_subsets(regression, (target * weights).ravel())
    mass, _ = library.mass_and_force(jets.take(np.arange(0, len(jets), 10)))
    # Measured forces are one more column, whose coefficient is one, as in `WeakEvidence`.
    forced = (len(library),) if jets.force is not None and jets.force.any() else ()
    ratios = [
        Ratio((*subset.support, *forced), np.append(subset.coefficients, np.ones(len(forced))), subset.residual)
        for subset in subsets.values()
    ]
    found = (_candidate(library, mass, ratio, "network", keep) for ratio in ratios if set(keep) <= set(ratio.support))
    return _front(
        [candidate for candidate in found if candidate is not None],
        factor=NETWORK_FACTOR,
        floor=NETWORK_FLOOR,
        ceiling=NETWORK_CEILING,
    )


def _candidate(
    library: Library, mass: np.ndarray, found: Ratio, evidence: str, keep: tuple[int, ...]
) -> Candidate | None:
    """The candidate of a support, or None where its mass matrix is singular or indefinite."""
    index, coefficients = list(found.support), np.asarray(found.coefficients)
    scale = None
    if len(library) in index:
        scale = coefficients[index.index(len(library))]
        coefficients = np.delete(coefficients, index.index(len(library)))
        index.remove(len(library))
    total = np.tensordot(coefficients, mass[index], 1)
    kinetic = [i for i, k in enumerate(index) if np.any(mass[k])]
    if not kinetic:
        return None
    unit = np.sqrt(np.maximum(np.median(np.abs(np.einsum("tii->ti", total)), axis=0), 1e-300))
    values = np.linalg.eigvalsh(total / np.outer(unit, unit))
    if np.median(np.min(np.sign(np.median(values)) * values, axis=1)) < SINGULAR:
        return None

    def place(i: int) -> tuple[bool, bool, float, int]:
        return index[i] not in keep, i not in kinetic, library.terms[index[i]].complexity, index[i]

    order = sorted(range(len(index)), key=place)
    terms = tuple(library.terms[index[i]].expression for i in order)
    complexity = len(index) + 0.1 * sum(library.terms[k].complexity for k in index)
    scaled = coefficients[order] / (coefficients[order[0]] if scale is None else scale)
    return Candidate(terms, scaled, round(complexity, 3), float(found.ratio), evidence, fixed=scale is not None)


def _front(candidates: list[Candidate], *, factor: float, floor: float, ceiling: float) -> Front:
    by_size = {len(candidate.terms): candidate for candidate in candidates}
    chosen = None
    for size, candidate in sorted(by_size.items()):
        best = min(by_size[k].loss for k in by_size if size <= k <= size + LOOK)
        if candidate.loss <= factor * best + floor and candidate.loss < ceiling:
            chosen = candidate
            break
    return Front(tuple(candidate for _, candidate in sorted(by_size.items())), chosen)
