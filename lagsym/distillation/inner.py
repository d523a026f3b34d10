"""Inner constants: numbers inside a term, such as k in sqrt(1 - k v²), fitted to the motion by variable projection.

For given inner constants p all coefficients c follow from the generalised eigenvalue problem that selection solves,

    minimise |G(p) c|² / |P(p) c|²,

with G the terms' operators averaged over the data and P the same off the shell, so that only p is searched.

Source: Golub and Pereyra (1973), SIAM Journal on Numerical Analysis 10, 413 (variable projection).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float
from scipy import linalg
from scipy.optimize import least_squares

from lagsym.data.jets import Jets
from lagsym.data.samples import Sampled, Samples
from lagsym.data.trajectories import Trajectories
from lagsym.data.weak import place_test_functions
from lagsym.distillation.evidence import weak_columns
from lagsym.distillation.selection import Candidate, simplest
from lagsym.distillation.terms import Library, Term, off_shell
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import parameter_symbol

MOST = 3
"""Inner constants that are searched together, at most."""
STEPS = 25
RIDGE = 1e-10
_FROM_SINGULARITY = 0.5
"""Where a search begins: the fastest sample's squared speed relative to that at which a term is singular."""
BREAKS_DOWN = 1e3
"""Residual of inner constants for which a term is not real on the data."""


def numbers(terms: Sequence[sp.Expr]) -> tuple[sp.Float, ...]:
    """The decimal numbers inside terms, in order of size; exact numbers are part of the structure.

    >>> v = sp.Symbol("v", real=True)
    >>> numbers([sp.sqrt(1 - 0.25 * v**2), v**2 / 2])
    (-0.250000000000000,)
    """
    found = {number for term in terms for number in term.atoms(sp.Float)}
    return tuple(sorted(found, key=float))


@dataclass(frozen=True)
class Named:
    """Terms whose inner constants have names.

    Arguments:
        terms: with the symbols in place of the numbers.
        symbols: positive constants; a negative number is minus its symbol.
        values: their values.
    """

    terms: tuple[sp.Expr, ...]
    symbols: tuple[sp.Symbol, ...]
    values: Float[np.ndarray, " constants"]

    @classmethod
    def of(cls, terms: Sequence[sp.Expr], inner: Sequence[sp.Float], *, first: int = 1) -> Named:
        """Name the numbers `inner` inside terms c<first>, c<first + 1>, ..."""
        present = [number for number in inner if any(term.has(number) for term in terms)]
        sizes = list(dict.fromkeys(abs(number) for number in present))
        symbols = tuple(parameter_symbol(f"c{first + i}") for i in range(len(sizes)))
        places = {number: (1 if number > 0 else -1) * symbols[sizes.index(abs(number))] for number in present}
        named: list[Any] = [term.xreplace(places) for term in terms]
        return cls(tuple(named), symbols, np.array([float(size) for size in sizes]))

    def at(self, values: Float[np.ndarray, " constants"]) -> tuple[sp.Expr, ...]:
        """The terms with numbers again."""
        found = {symbol: sp.Float(float(x), 17) for symbol, x in zip(self.symbols, values, strict=True)}
        numeric: list[Any] = [term.xreplace(found) for term in self.terms]
        return tuple(numeric)


@dataclass(frozen=True)
class FittedTerms:
    """Terms with fitted inner constants, and the mean square of what they leave of the weak form beside others."""

    terms: tuple[sp.Expr, ...]
    loss: float

    @property
    def complexity(self) -> int:
        """Operations in all terms."""
        return sum(int(term.count_ops()) for term in self.terms)


def fit_inner(terms: Sequence[sp.Expr], beside: Library, data: Trajectories | Samples) -> FittedTerms | None:
    """The terms with the inner constants that fit the motion best, beside others with any coefficients.

    Arguments:
        terms: with their numbers as starting values; the first is part of every combination.
        beside: further terms.
        data: differentiated trajectories, or samples with accelerations free of noise.

    Returns:
        The terms with fitted numbers; None where there are too many, or one is not finite on the data.
    """
    named = Named.of(terms, numbers(terms))
    if not 0 < len(named.symbols) <= MOST or not (named.values > 0).all():
        return None
    problem = _Projection(named, beside, data)
    start = np.log(named.values)
    first = problem.residual(start)
    if first[0] == BREAKS_DOWN:
        return None
    found = least_squares(problem.residual, start, x_scale=0.1, max_nfev=STEPS, xtol=1e-14, ftol=1e-14, gtol=1e-14)
    best = found.x if 2 * found.cost <= first @ first else start
    return FittedTerms(named.at(np.exp(best)), float(np.mean(problem.residual(best) ** 2)))


def simplest_fit(
    proposals: Sequence[Sequence[sp.Expr]], beside: Library, data: Trajectories | Samples
) -> tuple[sp.Expr, ...]:
    """Of alternatives, each with its inner constants fitted, the simplest that does as well as the best.

    Alternatives are not to be added up: two that are nearly alike would cancel, with huge coefficients.

    Returns:
        Its terms; none where nothing could be fitted.
    """
    tried = [fit_inner(terms, beside, data) for terms in proposals]
    fitted = [found for found in tried if found is not None]
    best = min((found.loss for found in fitted), default=0.0)
    good = [found for found in fitted if simplest(found.loss, best)]
    return min(good, key=lambda found: found.complexity).terms if good else ()


def simple_kinetic(space: JetSpace, data: Sampled) -> tuple[sp.Expr, ...]:
    """Functions of the squared speed with one inner constant each, to be fitted; none where all coordinates are angles.

    Every elementary function that grows with the speed, up to a singularity beyond the data or without one: noisy or
    slow motion leaves a network's T too uncertain for a search to tell them apart, but they are few enough to try.
    """
    lengths = np.flatnonzero(~data.angle_mask)
    if not len(lengths):
        return ()
    speed = sp.Add(*(space.velocities[i] ** 2 for i in lengths))
    fastest = float(np.max(np.sum(data.jets().v[:, lengths] ** 2, axis=1)))
    rate = sp.Float(_FROM_SINGULARITY / fastest, 17)
    left = 1 - rate * speed
    return (-sp.sqrt(left), 1 / sp.sqrt(left), 1 / left, -sp.log(left), sp.exp(rate * speed))


def with_inner(candidate: Candidate, proposed: Sequence[sp.Expr]) -> Candidate:
    """The candidate, knowing which numbers inside its terms are inner constants: those of proposed terms."""
    return replace(candidate, inner=numbers([term for term in candidate.terms if term in set(proposed)]))


class _Projection:
    """The weak residual as a function of the logarithms of the inner constants alone."""

    def __init__(self, named: Named, beside: Library, data: Trajectories | Samples) -> None:
        self.named, self.beside = named, beside
        # Samples hold no times to average over, and no noise to average out.
        self.functions = None if isinstance(data, Samples) else place_test_functions(data)
        jets = data.jets()
        self.on, self.off = self._columns(beside, jets)
        self.jets = Jets(jets.x, jets.u, jets.du, jets.ddu)

    def _columns(self, library: Library, jets: Jets) -> tuple[np.ndarray, np.ndarray]:
        """Every term's operator on the data, in weak form, and at off-shell jets; measured forces come last."""
        shuffled = off_shell(jets)
        off = library.operator(shuffled)
        if self.functions is None:
            return library.operator(jets), off
        on = np.concatenate(list(weak_columns(library, jets, self.functions)), axis=1)
        return on, off if shuffled.force is None else np.concatenate([off, shuffled.force[None]])

    def residual(self, logarithms: Float[np.ndarray, " constants"]) -> Float[np.ndarray, " rows"]:
        """G c for the best c with |P c| = 1, each equation relative to its size off the shell."""
        terms = self.named.at(np.exp(logarithms))
        library = Library(self.beside.space, tuple(Term(term, 0.0) for term in terms))
        with np.errstate(all="ignore"):
            on, off = (
                np.concatenate(pair)
                for pair in zip(self._columns(library, self.jets), (self.on, self.off), strict=True)
            )
            size = np.sqrt(np.mean(off**2, axis=(1, 2)))
        if not (np.isfinite(on).all() and np.isfinite(size).all() and size[0] > 0):
            return np.full(on[0].size, BREAKS_DOWN)
        kept = size > 0
        rows, others = ((part[kept] / size[kept, None, None]).reshape(kept.sum(), -1) for part in (on, off))
        coefficients = _lowest(rows, others)
        return rows.T @ coefficients / np.linalg.norm(others.T @ coefficients) * np.sqrt(others.shape[1])


def _lowest(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The combination of least |rows c|² / |others c|², the first coefficient positive."""
    A, B = rows @ rows.T / rows.shape[1], others @ others.T / others.shape[1]
    ridge = RIDGE * np.trace(B) / len(B)
    _, vectors = linalg.eigh(A, B + ridge * np.eye(len(B)), subset_by_index=[0, 0])
    return vectors[:, 0] * (np.sign(vectors[0, 0]) or 1.0)
