"""Invariants: what a symmetric network sees of a state, each a quadratic form in features and velocities.

A state is s = (1, raw features, velocities), see `Scaling`.  Whatever a symmetry leaves is the state's own entries,
differences or scalar and vector products, so x_j = ½ s·A_j s with a constant symmetric A_j, and the derivatives of x
are exact: dx_j/ds = A_j s, d²x_j/ds ds = A_j.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement, pairwise, product

import numpy as np
from jaxtyping import Float

from lagsym.neural.symmetry import Copy, Symmetry

Vector = list[np.ndarray]
"""Linear forms, one a component."""


@dataclass(frozen=True)
class Layout:
    """Where the numbers of a state are.

    Arguments:
        coordinates: how many.
        angles: positions of those with period 2 pi.
        harmonics: multiples of angles that are features.
        others: time and parameters.
    """

    coordinates: int
    angles: tuple[int, ...]
    harmonics: int
    others: int

    @property
    def features(self) -> int:
        """How many features there are."""
        return self.coordinates + len(self.angles) * (2 * self.harmonics - 1) + self.others

    @property
    def size(self) -> int:
        """How many numbers a state has."""
        return 1 + self.features + self.coordinates

    def entry(self, place: int) -> np.ndarray:
        """The linear form that reads one entry of the state."""
        return np.eye(self.size)[place]

    def position(self, i: int) -> np.ndarray:
        """The linear form of coordinate i, or of the sine of an angle."""
        return self.entry(1 + i)

    def velocity(self, i: int) -> np.ndarray:
        """The linear form of velocity i."""
        return self.entry(1 + self.features + i)

    def circle(self, i: int) -> list[Vector]:
        """Cosine and sine of each multiple of angle i."""
        n, angles = self.coordinates, len(self.angles)
        place = 1 + n + self.angles.index(i)
        pairs = [[self.entry(place), self.position(i)]]
        for k in range(1, self.harmonics):
            sine = place + (2 * k - 1) * angles
            pairs.append([self.entry(sine + angles), self.entry(sine)])
        return pairs

    def of(self, i: int) -> list[np.ndarray]:
        """Every linear form of coordinate i."""
        return [form for pair in self.circle(i) for form in pair[::-1]] if i in self.angles else [self.position(i)]

    def copy(self, one: Copy) -> np.ndarray:
        """The matrix P of a copy P s of the state."""
        matrix = np.eye(self.size)
        for i, k in enumerate(one.order):
            for into, origin in zip(self.of(i), self.of(k), strict=True):
                matrix[into.argmax()] = origin
            matrix[self.velocity(i).argmax()] = one.sign * self.velocity(k)
        return matrix


@dataclass(frozen=True)
class Invariant:
    """One of them.

    Arguments:
        matrix: A of ½ s·A s, in the data's units.
        degree: in the velocities; 0, 1 or 2.
        place: which entry of the state it is, and is scaled as; None where it is measured for itself.
    """

    matrix: Float[np.ndarray, "size size"]
    degree: int
    place: int | None = None


@dataclass(frozen=True)
class Block:
    """What is linear in the velocities and turns as one, y = ½ s·A s, so that T = ½ Σ |Cᵀ y|² over components.

    Arguments:
        matrix: A, in the data's units.
        needed: its last rows, which T must not vanish on.
        linear: whether they are scalars, which terms linear in the velocities are made of.
    """

    matrix: Float[np.ndarray, "rows components size size"]
    needed: int
    linear: bool


def form(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A of the product of two linear forms."""
    return np.outer(a, b) + np.outer(b, a)


def dot(a: Vector, b: Vector) -> np.ndarray:
    """A of a scalar product."""
    return np.sum([form(x, y) for x, y in zip(a, b, strict=True)], axis=0)


def cross(a: Vector, b: Vector) -> list[np.ndarray]:
    """A of a vector product, which in the plane has one component."""
    if len(a) == 2:
        return [form(a[0], b[1]) - form(a[1], b[0])]
    return [form(a[i - 2], b[i - 1]) - form(a[i - 1], b[i - 2]) for i in range(3)]


def invariants(symmetry: Symmetry, layout: Layout) -> list[Invariant]:
    """What the network sees of one copy of the state, before it is scaled."""
    seen = [i for i in range(layout.coordinates) if i not in symmetry.unseen]
    one, still = layout.entry(0), [i for i in seen if i not in symmetry.turned]
    places = [int(entry.argmax()) for i in still if i not in symmetry.moved for entry in layout.of(i)]
    places = [*sorted(places), *range(1 + layout.features - layout.others, 1 + layout.features)]
    found = [Invariant(form(one, layout.entry(place)), 0, place) for place in places]
    for group in symmetry.translation:
        found += [Invariant(matrix, 0) for matrix in _relative(layout, [i for i in group if i in still])]
    for i in still:
        velocity = layout.velocity(i)
        found.append(Invariant(form(one, velocity), 1, int(velocity.argmax())))
    return found + _turned(symmetry, layout)


def _relative(layout: Layout, group: list[int]) -> Iterable[np.ndarray]:
    """What a common translation leaves: differences, of angles as the cosine and sine of every pair."""
    if not set(group) & set(layout.angles):
        one = layout.entry(0)
        yield from (form(one, layout.position(i) - layout.position(k)) for i, k in pairwise(group))
        return
    for i, k in combinations(group, 2):
        for mine, theirs in zip(layout.circle(i), layout.circle(k), strict=True):
            yield dot(mine, theirs)
            yield cross(theirs, mine)[0]


@dataclass(frozen=True)
class _Cluster:
    """Vectors that are translated together, or one that is not: what is left of their positions, and how far apart."""

    relative: list[Vector]
    distances: list[Vector]


def _clusters(symmetry: Symmetry, layout: Layout) -> list[_Cluster]:
    found = []
    for cluster in symmetry.clusters:
        seen = [vector for vector in cluster if not symmetry.unseen & set(vector)]
        vectors = [[layout.position(i) for i in vector] for vector in seen]
        if not symmetry.moved & set(cluster[0]):
            found.append(_Cluster(vectors, vectors))
        elif vectors:
            relative = [_difference(vector, vectors[-1]) for vector in vectors[:-1]]
            found.append(_Cluster(relative, [_difference(a, b) for a, b in combinations(vectors, 2)]))
    return found


def _difference(a: Vector, b: Vector) -> Vector:
    return [x - y for x, y in zip(a, b, strict=True)]


def _velocities(symmetry: Symmetry, layout: Layout) -> list[Vector]:
    seen = [vector for vector in symmetry.rotation if not symmetry.unseen & set(vector)]
    return [[layout.velocity(i) for i in vector] for vector in seen]


def _turned(symmetry: Symmetry, layout: Layout) -> list[Invariant]:
    """What rotations leave: squared distances and scalar products, and vector products where mirror images differ."""
    clusters, moving = _clusters(symmetry, layout), _velocities(symmetry, layout)
    where = [vector for cluster in clusters for vector in cluster.relative]
    matrices = [(dot(a, a), 0) for cluster in clusters for a in cluster.distances]
    for one, other in combinations(clusters, 2):
        matrices += [(dot(a, b), 0) for a, b in product(one.relative, other.relative)]
    matrices += [(dot(a, b), 1) for a, b in product(where, moving)]
    matrices += [(dot(a, b), 2) for a, b in combinations_with_replacement(moving, 2)]
    if not symmetry.reflection:
        pairs = (combinations(where, 2), product(where, moving), combinations(moving, 2))
        matrices += [(cross(a, b)[0], degree) for degree, both in enumerate(pairs) for a, b in both]
    return [Invariant(matrix, degree) for matrix, degree in matrices]


def blocks(symmetry: Symmetry, layout: Layout) -> list[Block]:
    """Of what one copy of the state has kinetic energy: scalars, vectors, and vector products r × v."""
    one, moving = layout.entry(0), _velocities(symmetry, layout)
    where = [vector for cluster in _clusters(symmetry, layout) for vector in cluster.relative]
    still = [i for i in range(layout.coordinates) if i not in symmetry.turned | symmetry.unseen]
    scalars = [[dot(a, b)] for a, b in product(where, moving)]
    crossed = [cross(a, b) for a, b in product(where, moving)]
    if not symmetry.reflection:
        scalars, crossed = scalars + crossed, []
    scalars += [[form(one, layout.velocity(i))] for i in still]
    vectors = [[form(one, component) for component in vector] for vector in moving]
    rows = ((scalars, len(still), True), (vectors, len(vectors), False), (crossed, 0, False))
    return [Block(np.array(matrix), needed, linear) for matrix, needed, linear in rows if matrix]
