"""Term libraries: candidate terms of a Lagrangian, made from the kinds of the coordinates.

A library knows its terms' first derivatives and Euler–Lagrange operators as NumPy functions; nothing else here needs
to know what a term looks like.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.data.jets import Jets
from lagsym.data.samples import Sampled
from lagsym.distillation.libraries.products import Products
from lagsym.mechanics.jetspace import JetSpace

LARGEST_COMPLEXITY = 4
NULL = 1e-7
"""A normalised operator smaller than this, after those of simpler terms are taken off, adds nothing."""
NULL_SIZE = 1e-9
"""A term's operator smaller than this, relative to the term's derivatives, is that of a total derivative."""
INDEPENDENCE_SAMPLES, ROWS_PER_TERM = 400, 2
"""Samples of the test for independence: at least so many, and so many equations for each term."""
BLOCK = 64
APART = 0.05
"""A coordinate or distance that stays above this fraction of its largest value may have inverse powers."""
LARGEST_LIBRARY = 1600
"""Terms above which functions of position are only as complex as leaves no more."""
STRUCTURES = ("natural", "gyroscopic", "separable", "free")
"""Structures in the order in which they are preferred."""
WEIGHTED_LENGTH = "weighted length"
PARTICLE_STRUCTURES = (*STRUCTURES, WEIGHTED_LENGTH)
"""All structures; a weighted length, of shapes over a coordinate that is no time, is sought only where it is named."""


@dataclass(frozen=True)
class Term:
    """One candidate term with its complexity, the order in which terms are preferred."""

    expression: sp.Expr
    complexity: float


@dataclass(frozen=True)
class TermLibrary(ABC):
    """Candidate terms over a jet space, with what selection asks of them."""

    space: JetSpace
    terms: tuple[Term, ...]

    def __len__(self) -> int:
        return len(self.terms)

    @property
    def expressions(self) -> tuple[sp.Expr, ...]:
        """The terms as expressions."""
        return tuple(term.expression for term in self.terms)

    @property
    def complexities(self) -> Float[np.ndarray, " terms"]:
        """Their complexities."""
        return np.array([term.complexity for term in self.terms])

    def take(self, index: Iterable[int]) -> Self:
        """The library of the terms at `index`."""
        return replace(self, terms=tuple(self.terms[i] for i in index))

    @abstractmethod
    def operator(self, jets: Jets) -> Float[np.ndarray, "terms samples n"]:
        """The Euler–Lagrange operator E of every term."""

    @abstractmethod
    def mass(self, jets: Jets) -> Float[np.ndarray, "terms samples n n"]:
        """Every term's second derivatives by the velocities, which a Lagrangian needs to be a law of motion."""

    def lagrangian(self, coefficients: Sequence[float | sp.Expr]) -> sp.Expr:
        """The sum of coefficient times term."""
        return sp.Add(*(sp.sympify(c) * term for c, term in zip(coefficients, self.expressions, strict=True)))


@dataclass(frozen=True)
class Library(TermLibrary):
    """Candidate terms of a particle's Lagrangian."""

    @cached_property
    def _products(self) -> Products:
        return Products(self.expressions, (*self.space.positions, *self.space.velocities))

    def gradient(self, jets: Jets) -> tuple[np.ndarray, np.ndarray]:
        """The derivatives dtheta/dq and dtheta/dv of every term, each of shape (terms, samples, n)."""
        n = len(self.space.fields)
        both = np.zeros((len(self), 2 * n, len(jets)))
        for k, found in enumerate(self._products.first(_points(jets))):
            for (place,), value in found.items():
                both[k, place] = value
        both = both.reshape(len(self), 2, n, len(jets)).transpose(0, 1, 3, 2)
        return both[:, 0], both[:, 1]

    def mass_and_force(self, jets: Jets) -> tuple[np.ndarray, np.ndarray]:
        """Every term's M, of shape (terms, samples, n, n), and f, of shape (terms, samples, n)."""
        n = len(self.space.fields)
        mass = np.zeros((len(self), n, n, len(jets)))
        force = np.zeros((len(self), n, len(jets)))
        for k, found in enumerate(self._products.second(_points(jets))):
            for which, value in found.items():
                if len(which) == 1 and which[0] < n:
                    force[k, which[0]] += value
                elif len(which) == 2 and which[0] >= n:
                    mass[k, which[0] - n, which[1] - n] = mass[k, which[1] - n, which[0] - n] = value
                elif len(which) == 2 and which[1] >= n:
                    force[k, which[1] - n] -= value * jets.v[:, which[0]]
        return mass.transpose(0, 3, 1, 2), force.transpose(0, 2, 1)

    def operator(self, jets: Jets) -> Float[np.ndarray, "terms samples n"]:
        """The Euler–Lagrange operator E = f - M a of every term."""
        mass, force = self.mass_and_force(jets)
        return force - np.einsum("ktij,tj->kti", mass, jets.a)

    def mass(self, jets: Jets) -> Float[np.ndarray, "terms samples n n"]:
        """The mass matrix M of every term."""
        return self.mass_and_force(jets)[0]


def _points(jets: Jets) -> Float[np.ndarray, "symbols samples"]:
    return np.concatenate([jets.q, jets.v], axis=1).T


def off_shell(jets: Jets, *, samples: int = 1500, seed: int = 0) -> Jets:
    """Jets with the data's (q, v) and accelerations drawn from the data at other times, where nature never is."""
    generator = np.random.default_rng(seed)
    index = generator.choice(len(jets), min(samples, len(jets)), replace=False)
    chosen = jets.take(index)
    other = jets.a[generator.permutation(len(jets))[: len(index)]]
    return Jets.of_particle(chosen.t, chosen.q, chosen.v, other, chosen.force)


def build_library(
    data: Sampled,
    structure: str = "natural",
    *,
    extra: Sequence[sp.Expr] = (),
    complexity: int = LARGEST_COMPLEXITY,
) -> Library:
    """Candidate terms for the coordinates of `data`, without those that are null or depend on simpler ones.

    An angle gives sines, cosines and their products; two angles also those of sums and differences; a coordinate that
    stays well above zero gives inverse powers; the others give powers.

    Arguments:
        data: differentiated trajectories, or samples: kinds and supports of the coordinates are read off them.
        structure: one of `PARTICLE_STRUCTURES`.
        extra: terms to add, simplest of all.
        complexity: limit on the functions of position.
    """
    space = JetSpace(data.coordinates)
    functions = _functions(data, space, complexity)
    while (
        complexity > 1
        and structure != "separable"
        and len(functions) * len(_monomials(space, structure)) > LARGEST_LIBRARY
    ):
        complexity -= 1
        functions = [(function, cost) for function, cost in functions if cost <= complexity]
    terms = [Term(sp.expand(term), 0.0) for term in extra]
    if structure == WEIGHTED_LENGTH:
        length = sp.sqrt(1 + sp.Add(*(v**2 for v in space.velocities)))
        terms += [Term(f * length, c + 1) for f, c in functions]
    else:
        terms += _energies(space, structure, functions)
    unique: dict[sp.Expr, Term] = {}
    for term in sorted(terms, key=lambda term: term.complexity):
        unique.setdefault(term.expression, term)
    return independent(Library(space, tuple(unique.values())), data.jets())


def _energies(space: JetSpace, structure: str, functions: list[tuple[sp.Expr, float]]) -> list[Term]:
    """Functions of position, and their products with powers of velocities."""
    velocities, monomials = space.velocities, _monomials(space, structure)
    factors = [(sp.S.One, 0.0)] if structure == "separable" else functions
    terms = [Term(f, c) for f, c in functions if f != 1]
    terms += [Term(f * m, c + cost + (c > 0)) for f, c in factors for m, cost in monomials]
    if structure in {"separable", "free"}:
        powers = itertools.combinations_with_replacement(velocities, 4)
        terms += [Term(sp.Mul(*power), 4.0) for power in powers] + [Term(v**6, 6.0) for v in velocities]
    return terms


def _monomials(space: JetSpace, structure: str) -> list[tuple[sp.Expr, float]]:
    """Powers of velocities that functions of position stand before, with their complexities."""
    velocities = space.velocities
    monomials: list[tuple[sp.Expr, float]] = [(v**2 / 2, 1.0) for v in velocities]
    monomials += [(v * w, 2.2) for v, w in itertools.combinations(velocities, 2)]
    if structure in {"gyroscopic", "free"}:
        monomials += [(v, 1.2) for v in velocities]
    return monomials


def independent(library: Library, jets: Jets) -> Library:
    """The terms whose operators are not null and do not depend on those of simpler terms, to rounding."""
    n = len(library.space.fields)
    samples = max(INDEPENDENCE_SAMPLES, -(-ROWS_PER_TERM * len(library) // n))
    stride = max(1, len(jets) // INDEPENDENCE_SAMPLES)
    # Where a root is not real, as beyond the data, its term is left out.
    with np.errstate(all="ignore"):
        operators = library.operator(off_shell(jets, samples=samples, seed=1)).reshape(len(library), -1)
        gradient = np.concatenate(library.gradient(jets.take(np.arange(0, len(jets), stride))), axis=2)
    finite = np.asarray(np.isfinite(operators).all(axis=1))
    length = np.linalg.norm(np.where(finite[:, None], operators, 0.0), axis=1)
    size = np.sqrt(np.mean(np.where(np.isfinite(gradient), gradient, 0.0) ** 2, axis=(1, 2)))
    present = np.flatnonzero(finite & (length > NULL_SIZE * size * np.sqrt(operators.shape[1])))
    return library.take(present[independent_rows(operators[present] / length[present, None])])


def independent_rows(rows: Float[np.ndarray, "rows columns"]) -> list[int]:
    """Which rows of length one do not depend on earlier ones (Gram and Schmidt, twice, a block at a time)."""
    basis, count, kept = np.zeros((min(rows.shape), rows.shape[1])), 0, []
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK].copy()
        for _ in range(2):
            block -= (block @ basis[:count].T) @ basis[:count]
        known = count
        for i, row in enumerate(block):
            for _ in range(2):
                row = row - (basis[known:count] @ row) @ basis[known:count]
            length = np.linalg.norm(row)
            if length > NULL and count < len(basis):
                basis[count] = row / length
                # Once more against all: what is left of a row that nearly depends on others is mostly rounding.
                basis[count] -= (basis[:count] @ basis[count]) @ basis[:count]
                count += 1
                kept.append(start + i)
    return kept


def _functions(data: Sampled, space: JetSpace, limit: int) -> list[tuple[sp.Expr, float]]:
    """Functions of position with their complexities."""
    positions = space.positions
    q = data.jets().q
    mask = data.angle_mask
    factors = [coordinate_functions(x, c, angle=a) for x, c, a in zip(positions, q.T, mask, strict=True)]
    functions = []
    for choice in itertools.product(*factors):
        cost = sum(c for _, c in choice)
        if cost <= limit:
            functions.append((sp.Mul(*(f for f, _ in choice)), float(cost)))
    angles = [x for x, angle in zip(positions, mask, strict=True) if angle]
    for a, b in itertools.combinations(angles, 2):
        functions += [(sp.cos(a - b), 1.5), (sp.sin(a - b), 1.5), (sp.cos(a + b), 1.9), (sp.sin(a + b), 1.9)]
    for i, j in itertools.combinations(np.flatnonzero(~mask), 2):
        radius = sp.sqrt(positions[i] ** 2 + positions[j] ** 2)
        functions += distance_functions(radius, np.hypot(q[:, i], q[:, j]))
    return [(function, cost) for function, cost in functions if cost <= limit]


def coordinate_functions(x: sp.Symbol, column: np.ndarray, *, angle: bool) -> list[tuple[sp.Expr, int]]:
    """Functions of one coordinate with their complexities, one first; inverse ones where it stays away from zero.

    Arguments:
        x: the coordinate.
        column: its samples.
        angle: whether it has period 2 pi.
    """
    if angle:
        return [(sp.S.One, 0), (sp.cos(x), 1), (sp.sin(x), 1), (sp.cos(x) ** 2, 2), (sp.cos(x) * sp.sin(x), 3)]
    powers: list[tuple[sp.Expr, int]] = [(x**k, k) for k in range(LARGEST_COMPLEXITY + 1)]
    magnitude = np.abs(column)
    if (np.sign(column) == np.sign(column[0])).all() and magnitude.min() > APART * magnitude.max():
        powers += [(1 / x, 2), (x**-2, 3)]
    return powers


def distance_functions(distance: sp.Expr, samples: np.ndarray) -> list[tuple[sp.Expr, float]]:
    """Functions of a distance with their complexities, where it stays away from zero.

    Arguments:
        distance: the root of a sum of squares.
        samples: its values.
    """
    if not samples.min() > APART * samples.max():
        return []
    return [(1 / distance, 1.5), (distance, 1.6), (distance**-2, 2.0), (distance**-3, 2.5)]
