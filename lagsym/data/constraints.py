"""Coordinates that are bound to each other: what a Lagrangian cannot be written in.

A tracked point (x, y) of a pendulum moves on a circle. Its motion has one degree of freedom, and no Lagrangian in x and
y alone has that motion as its only one. The relation is found from the positions, and confirmed by measured velocities,
which have no component across it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lagsym.data.derivatives import differentiate
from lagsym.data.relations import (
    LARGEST_MISFIT,
    Points,
    Relation,
    evaluate,
    fit_constant,
    fit_ellipse,
    fit_linear,
    fit_polynomial,
    fit_round,
    gradient,
)
from lagsym.data.sheets import Sheet, find_sheet
from lagsym.data.trajectories import Trajectories

SAMPLES = 2000
LARGEST_THICKNESS = 0.1
"""A relation holds if it is missed by no more than the noise explains (`LARGEST_MISFIT`), and by at most this share of
the extent."""
ROUGH_THICKNESS = 0.01
"""A relation that is missed by more than the noise, but by no more than this, is worth a remark."""
LEAST_NOISE = 1e-6
"""Positions are never taken to be better known than this fraction of their spread."""
ACROSS = 0.3
"""Measured velocities across a relation, relative to those along it, that are not there but for noise."""
INDEPENDENT = 0.1
UNIFORM = 0.5
"""Motion whose squared speed, in the middle three fifths of its values, stays within this fraction is uniform."""
ENERGIES = 0.1
"""Trajectories whose top speeds differ by this fraction have different energies."""
DEGREE = 4
MOST_COORDINATES = 8
"""Beyond this many coordinates only pairs of them are looked at."""


@dataclass(frozen=True)
class Bound:
    """A relation that the data obey.

    Arguments:
        relation: g(q) = 0, or a sheet whose formula is not known.
        certain: whether the motion leaves no other reading: it is no single orbit that happens to have this shape.
    """

    relation: Relation | Sheet
    certain: bool


def find_constraints(data: Trajectories) -> tuple[Bound, ...]:
    """Holonomic constraints g(q) = 0 that all trajectories obey within the noise, simple ones first.

    Where no relation of a known kind holds, a sheet of any shape is looked for. A conserved quantity binds positions
    with velocities, and is none. A single orbit is a curve whatever moves on it:
    it is not certain to be a constraint, unless the curve is a circle, or the constraint a rod, and the speed changes.

    Arguments:
        data: measured trajectories.
    """
    points = _points(data)
    smooth: Trajectories | None = None
    found: list[Bound] = []
    known: list[Relation] = []
    for candidate in _candidates(points):
        if not _holds(candidate) or not _independent(candidate, known, points):
            continue
        smooth = differentiate(data) if smooth is None else smooth
        if candidate.kind != "constant" and data.has_velocities and _across(candidate, smooth) > ACROSS:
            continue
        certain = candidate.misfit < LARGEST_MISFIT and _is_certain(candidate, smooth)
        found.append(Bound(candidate, certain))
        known.append(candidate)
    if not found and len(points.coordinates) > 1:
        smooth = differentiate(data) if smooth is None else smooth
        sheet = find_sheet(points, smooth)
        found = [] if sheet is None else [Bound(sheet, certain=True)]
    return tuple(found)


def _points(data: Trajectories) -> Points:
    """Positions, at most `SAMPLES` of them, with their noise."""
    q = np.concatenate([segment.q for segment in data.segments])
    chosen = q[:: max(1, len(q) // SAMPLES)]
    extent = np.maximum(q.std(axis=0), LEAST_NOISE * np.abs(q).max(axis=0))
    least = LEAST_NOISE * np.where(extent > 0, extent, max(float(extent.max()), 1e-300))
    return Points(data.coordinates, chosen, np.maximum(data.noise, least))


def _candidates(points: Points) -> Iterator[Relation]:
    """Relations in the order in which they explain the motion most simply."""
    indices = range(len(points.coordinates))
    constant = [i for i in indices if points.q[:, i].std() < LARGEST_MISFIT * points.noise[i]]
    yield from (fit_constant(points, i) for i in constant)
    moving = [i for i in indices if i not in constant]
    fits = [fit_linear(points, pair) for pair in itertools.combinations(moving, 2)]
    yield from (relation for relation in fits if relation is not None)
    pairs = itertools.combinations(moving, 2)
    few = moving if len(moving) <= MOST_COORDINATES else []
    rounds = [tuple((i,) for i in pair) for pair in pairs]
    rounds += [tuple((i,) for i in triple) for triple in itertools.combinations(few, 3)]
    rounds += [*_rods(few, 2), *_rods(few, 3)]
    yield from (relation for u in rounds if (relation := fit_round(points, u)) is not None)
    for size in range(3, len(few) + 1):
        planes = (fit_linear(points, index) for index in itertools.combinations(few, size))
        yield from (relation for relation in planes if relation is not None)
    ellipses = (fit_ellipse(points, pair) for pair in itertools.combinations(few, 2))
    yield from (relation for relation in ellipses if relation is not None)
    for pair in itertools.permutations(few, 2):
        curves = (fit_polynomial(points, pair, degree) for degree in range(2, DEGREE + 1))
        yield from (relation for relation in curves if relation is not None)
    bowls = (fit_polynomial(points, (*pair, k), 2) for k in few for pair in itertools.combinations(_others(few, k), 2))
    yield from (relation for relation in bowls if relation is not None)


def _others(indices: list[int], k: int) -> list[int]:
    return [i for i in indices if i != k]


def _rods(indices: list[int], dimension: int) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Every way to make a vector of differences of coordinates; the later coordinate of each pair comes first."""
    for chosen in itertools.combinations(indices, 2 * dimension):
        for firsts in itertools.combinations(chosen, dimension):
            others = [i for i in chosen if i not in firsts]
            for seconds in itertools.permutations(others):
                if all(a < b for a, b in zip(firsts, seconds, strict=True)):
                    yield tuple((b, a) for a, b in zip(firsts, seconds, strict=True))


def _holds(relation: Relation) -> bool:
    within_noise = relation.misfit < LARGEST_MISFIT and relation.thickness < LARGEST_THICKNESS
    return relation.kind == "constant" or within_noise or relation.thickness < ROUGH_THICKNESS


def _independent(relation: Relation, others: list[Relation], points: Points) -> bool:
    """Whether its gradient is none of the others' and their sums."""
    if not others:
        return True
    scale = np.maximum(points.q.std(axis=0), points.noise)
    slopes = [gradient(other, points) * scale for other in others]
    basis = np.linalg.qr(np.stack([s / _lengths(s) for s in slopes], axis=2))[0]
    own = gradient(relation, points) * scale
    own = own / _lengths(own)
    rest = own - np.einsum("tik,tjk,tj->ti", basis, basis, own)
    return float(np.median(np.linalg.norm(rest, axis=1))) > INDEPENDENT


def _lengths(vectors: np.ndarray) -> np.ndarray:
    return np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-300)


def _across(relation: Relation, smooth: Trajectories) -> float:
    """Velocity across the relation, relative to what it were if the components of the velocity did not conspire."""
    jets = smooth.jets()
    points = Points(smooth.coordinates, jets.q, np.ones(jets.q.shape[1]))
    parts = gradient(relation, points) * jets.v
    return float(np.sqrt(np.mean(np.sum(parts, axis=1) ** 2) / max(np.mean(np.sum(parts**2, axis=1)), 1e-300)))


def _is_certain(relation: Relation, smooth: Trajectories) -> bool:
    """Whether no single orbit, and no uniform rotation, makes the relation look like a constraint."""
    if relation.kind == "constant":
        return False
    if relation.kind == "round":
        speed = _squared_speed(relation, smooth)
        low, middle, high = np.quantile(speed, [0.2, 0.5, 0.8])
        return bool(high - low > UNIFORM * middle)
    index = list(relation.coordinates)
    scale = np.concatenate([segment.q for segment in smooth.segments])[:, index].std(axis=0)
    tops: dict[str, float] = {}
    for segment in smooth.segments:
        assert segment.v is not None
        top = float(np.quantile(np.linalg.norm(segment.v[:, index] / scale, axis=1), 0.95))
        tops[segment.trajectory] = max(top, tops.get(segment.trajectory, 0.0))
    return max(tops.values()) - min(tops.values()) > ENERGIES * max(tops.values())


def _squared_speed(relation: Relation, smooth: Trajectories) -> np.ndarray:
    """|du/dt|^2 of the vector of constant length."""
    jets = smooth.jets()
    bare = Points(smooth.coordinates, np.zeros_like(jets.q), np.ones(jets.q.shape[1]))
    moved = Points(smooth.coordinates, jets.v, bare.noise)
    # The vector is linear in q, so that its value at v, less that at zero, is its velocity.
    return np.sum((evaluate(relation.vector, moved) - evaluate(relation.vector, bare)) ** 2, axis=1)
