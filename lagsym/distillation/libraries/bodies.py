"""Bodies: candidate terms for several masses that act on each other, one coordinate or more each.

Their kinetic energy has constant masses; the potential is made of functions of one coordinate, of the difference of
two, and of distances, which coordinates of the same bodies make up. A large general library has to write such forces as
many products of coordinates, and would hide them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import sympy as sp

from lagsym.data.samples import Sampled
from lagsym.distillation.libraries.terms import Library, Term, coordinate_functions, distance_functions, independent
from lagsym.mechanics.jetspace import JetSpace

FEWEST, MOST = 3, 8
"""Coordinates from which on there may be bodies that act on each other, and up to which all are paired."""
POWERS = (2, 3, 4)
DIFFERENCE = 0.2
"""What the power of a difference costs more than that of a coordinate."""


def build_bodies(data: Sampled, dimension: int = 2) -> Library | None:
    """The library of bodies for the coordinates of `data`, or None where there are angles, too few of them or too many.

    Arguments:
        data: differentiated trajectories, or samples.
        dimension: of the space that distances are those of, two or three.
    """
    space, count = JetSpace(data.coordinates), len(data.coordinates)
    if np.any(data.angle_mask) or not max(FEWEST, 3 * (dimension - 1)) <= count <= MOST:
        return None
    jets = data.jets()
    q, positions = jets.q, space.positions
    terms = [Term(v**2 / 2, 1.0) for v in space.velocities]
    for x, column in zip(positions, q.T, strict=True):
        terms += [Term(function, cost) for function, cost in coordinate_functions(x, column, angle=False) if cost]
    for a, b in itertools.combinations(positions, 2):
        terms += [Term((a - b) ** k, k + DIFFERENCE) for k in POWERS]
    for pairs in _distances(count, dimension):
        squares = sum((q[:, i] - q[:, j]) ** 2 for i, j in pairs)
        distance = sp.sqrt(sp.Add(*((positions[i] - positions[j]) ** 2 for i, j in pairs)))
        terms += [Term(function, cost) for function, cost in distance_functions(distance, np.sqrt(squares))]
    ordered = sorted(terms, key=lambda term: term.complexity)
    return independent(Library(space, tuple(ordered)), jets)


def _distances(count: int, dimension: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Every way to make the distance of two points out of so many coordinates."""
    for chosen in itertools.combinations(range(count), 2 * dimension):
        yield from _pairings(chosen)


def _pairings(chosen: tuple[int, ...]) -> Iterator[tuple[tuple[int, int], ...]]:
    if not chosen:
        yield ()
        return
    first, *others = chosen
    for second in others:
        for rest in _pairings(tuple(k for k in others if k != second)):
            yield ((first, second), *rest)
