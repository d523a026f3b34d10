"""Symmetry: which changes of the positions and velocities leave a network's Lagrangian alone, by construction."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import cast

from lagsym.errors import InputError

_ALL_PERMUTATIONS = 3
"""Of more like bodies than this, pairs are summed over: the permutations of three are as many as its ordered pairs."""

_MOST_COPIES = 240

Groups = tuple[tuple[tuple[int, ...], ...], ...]
"""Groups of bodies, a body being a tuple of coordinates."""


@dataclass(frozen=True)
class Copy:
    """One way of reading a state: slot i takes the value of coordinate `order[i]`, velocities times `sign`."""

    order: tuple[int, ...]
    sign: int


@dataclass(frozen=True)
class Symmetry:
    """What leaves L alone, whatever the network's weights; positions of coordinates stand for the coordinates.

    Permutations of like bodies and the reversal of velocities are sums over copies of the state, L(z) = Σ_c N(P_c z).
    Up to three like bodies are summed over all permutations, more over ordered pairs, which leaves out forces that
    more than two of them exert together.  Translations leave relative positions, rotations the scalar products of
    positions and velocities, which by Weyl's theorem are all that a rotation and a reflection leave.

    Arguments:
        even: L(q, −v) = L(q, v), so that every motion may run backwards.
        translation: groups of coordinates, each group moved by a length (or, all of them, an angle) of its own.
        rotation: vectors, all pairs or all triples of Cartesian coordinates, turned together with their velocities;
            about the origin, or about any point where they are translated too.
        reflection: whether mirror images are symmetric too; False, in the plane, for what turns one way only, as in a
            magnetic field.
        like: groups of like bodies that may be permuted in any way, a body being a coordinate or a tuple of them.
        ring: groups of like bodies that may be shifted around a ring.

    Raises:
        InputError: a group is too small, coordinates appear twice, or the symmetries do not go together.

    Source: Weyl (1939), The Classical Groups, chapter II.

    >>> Symmetry(rotation=[(0, 1), (2, 3)], like=[[(0, 1), (2, 3)]]).like
    (((0, 1), (2, 3)),)
    """

    even: bool = False
    translation: tuple[tuple[int, ...], ...] = ()
    rotation: tuple[tuple[int, ...], ...] = ()
    reflection: bool = True
    like: tuple[tuple[int | tuple[int, ...], ...], ...] = ()
    ring: tuple[tuple[int | tuple[int, ...], ...], ...] = ()

    def __post_init__(self) -> None:
        # Lists, as JSON gives them, and single coordinates for bodies are welcome.
        for name in ("translation", "rotation"):
            object.__setattr__(self, name, tuple(tuple(group) for group in getattr(self, name)))
        for name in ("like", "ring"):
            object.__setattr__(self, name, tuple(tuple(_body(one) for one in group) for group in getattr(self, name)))
        self._check_vectors()
        self._check_bodies()
        _require_distinct("translation", (i for group in self.translation for i in group))
        self._check_moved_vectors()
        self._check_order()

    def __bool__(self) -> bool:
        return bool(self.even or self.translation or self.rotation or self.like or self.ring)

    @classmethod
    def of_names(
        cls, coordinates: Sequence[str], *, even: bool = False, reflection: bool = True, **groups: Iterable[object]
    ) -> Symmetry:
        """The same, with names for the coordinates.

        >>> Symmetry.of_names(["x", "y", "z"], rotation=[("x", "y")], translation=[("z",)])
        Symmetry(even=False, translation=((2,),), rotation=((0, 1),), reflection=True, like=(), ring=())

        Raises:
            InputError: a name is not a coordinate, or as the constructor.
        """
        places = {name: i for i, name in enumerate(coordinates)}

        def positions(entry: object) -> object:
            if isinstance(entry, str):
                if entry not in places:
                    msg = f"expected names among {', '.join(coordinates)}; got {entry!r}"
                    raise InputError(msg)
                return places[entry]
            return tuple(positions(part) for part in cast("Iterable[object]", entry))

        found = cast(
            "dict[str, tuple[tuple[int, ...], ...]]", {name: positions(entry) for name, entry in groups.items()}
        )
        return cls(even=even, reflection=reflection, **found)

    # --------------------------------------------------------------------------------------- what it consists of

    @property
    def clusters(self) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """The vectors, those that are translated together in one cluster; a vector that is not translated is alone."""
        together: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        for vector in self.rotation:
            key = self._groups_of(vector) or (-1, *vector)
            together.setdefault(key, []).append(vector)
        return tuple(map(tuple, together.values()))

    @property
    def _exchanged(self) -> Groups:
        return cast("Groups", (*self.like, *self.ring))

    @property
    def moved(self) -> frozenset[int]:
        """The coordinates that are translated."""
        return frozenset(i for group in self.translation for i in group)

    @property
    def turned(self) -> frozenset[int]:
        """The coordinates that are rotated."""
        return frozenset(i for vector in self.rotation for i in vector)

    @property
    def unseen(self) -> frozenset[int]:
        """The coordinates that a copy of the state leaves out: of many like bodies all but the first two."""
        left = (body for group in cast("Groups", self.like) if len(group) > _ALL_PERMUTATIONS for body in group[2:])
        return frozenset(i for body in left for i in body)

    @property
    def shared(self) -> tuple[tuple[int, ...], ...]:
        """Sets of coordinates whose velocities must have one unit: those that a symmetry mixes."""
        vectors = [set(vector) for vector in self.rotation]
        alike = [set(slot) for group in self._exchanged for slot in zip(*group, strict=True)]
        return _joined([*vectors, *alike])

    def copies(self, coordinates: int) -> tuple[Copy, ...]:
        """What is summed over, the state as it is first.

        >>> [copy.order for copy in Symmetry(like=[(0, 2)]).copies(3)]
        [(0, 1, 2), (2, 1, 0)]
        """
        orders = [tuple(range(coordinates))]
        for group, choices in self._choices():
            orders = [_reordered(order, group, choice) for order in orders for choice in choices]
        return tuple(Copy(order, sign) for sign in ((1, -1) if self.even else (1,)) for order in orders)

    @property
    def weight(self) -> float:
        """Of each copy in the sum: one over the number of copies that see a coordinate."""
        weight = 0.5 if self.even else 1.0
        for group, choices in self._choices():
            weight /= 2 * (len(group) - 1) if len(choices[0]) < len(group) else len(choices)
        return weight

    def _choices(self) -> Iterable[tuple[tuple[tuple[int, ...], ...], list[tuple[int, ...]]]]:
        """For each group which bodies fill its slots."""
        for group in cast("Groups", self.like):
            k = len(group)
            yield group, list(permutations(range(k), k if k <= _ALL_PERMUTATIONS else 2))
        for group in cast("Groups", self.ring):
            k = len(group)
            yield group, [tuple((j + shift) % k for j in range(k)) for shift in range(k)]

    def _groups_of(self, vector: tuple[int, ...]) -> tuple[int, ...]:
        """The translation group of each component of a vector, as far as they are translated."""
        return tuple(k for i in vector for k, group in enumerate(self.translation) if i in group)

    # ------------------------------------------------------------------------------------------------ its checks

    def check_for(self, coordinates: int, angles: Collection[int]) -> None:
        """Whether these coordinates can have this symmetry.

        Raises:
            InputError: a position is not a coordinate, an angle is taken for a Cartesian coordinate, or a length and an
                angle for alike.
        """
        bodies = [body for group in self._exchanged for body in group]
        for i in (i for group in (*self.translation, *self.rotation, *bodies) for i in group):
            if not 0 <= i < coordinates:
                msg = f"expected positions below {coordinates} in a symmetry; got {i}"
                raise InputError(msg)
        if wrong := sorted(self.turned & set(angles)):
            msg = f"expected Cartesian coordinates in a rotation; {wrong} are angles, which can be translated instead"
            raise InputError(msg)
        slots = [slot for group in self._exchanged for slot in zip(*group, strict=True)]
        for group in (*self.translation, *slots):
            if 0 < len(set(group) & set(angles)) < len(set(group)):
                msg = f"expected angles only or none in what is moved or exchanged together; got {group}"
                raise InputError(msg)

    def _check_vectors(self) -> None:
        sizes = {len(vector) for vector in self.rotation}
        if not (sizes <= {2} or sizes <= {3}):
            msg = f"expected pairs only or triples only of Cartesian coordinates to rotate; got {self.rotation}"
            raise InputError(msg)
        if not self.reflection and sizes != {2}:
            msg = f"expected pairs to rotate where reflection is False; got {self.rotation or 'no rotation'}"
            raise InputError(msg)
        _require_distinct("rotation", (i for vector in self.rotation for i in vector))

    def _check_bodies(self) -> None:
        for group in self._exchanged:
            if len(group) < 2 or len({len(body) for body in group}) != 1 or not group[0]:
                msg = f"expected at least two like bodies, of as many coordinates each; got {group}"
                raise InputError(msg)
        _require_distinct("like and ring", (i for group in self._exchanged for body in group for i in body))
        count = math.prod(len(choices) for _, choices in self._choices()) * (1 + self.even)
        if count > _MOST_COPIES:
            msg = f"expected at most {_MOST_COPIES} copies of the state to sum over; these symmetries need {count}"
            raise InputError(msg)

    def _check_moved_vectors(self) -> None:
        for cluster in self.clusters:
            groups = self._groups_of(cluster[0])
            components = [set(component) for component in zip(*cluster, strict=True)]
            if groups and components != [set(self.translation[k]) for k in groups]:
                msg = (
                    f"expected vectors {cluster} to be translated whole, component by component; got {self.translation}"
                )
                raise InputError(msg)

    def _check_order(self) -> None:
        """An exchange of bodies must turn vectors into vectors and groups into groups."""
        bodies = [i for group in self._exchanged for body in group for i in body]
        vectors, groups = set(self.rotation), {frozenset(group) for group in self.translation}
        for copy in self.copies(max([*self.turned, *self.moved, *bodies], default=-1) + 1):
            moved = {tuple(copy.order[i] for i in vector) for vector in vectors}
            if moved != vectors or {frozenset(copy.order[i] for i in group) for group in groups} != groups:
                msg = "expected like bodies to hold whole vectors, and as many translated coordinates each; got others"
                raise InputError(msg)


def _body(entry: int | Iterable[int]) -> tuple[int, ...]:
    return (entry,) if isinstance(entry, int) else tuple(entry)


def _reordered(order: tuple[int, ...], group: tuple[tuple[int, ...], ...], choice: tuple[int, ...]) -> tuple[int, ...]:
    """The order with body choice[s] in slot s of a group; bodies that are not chosen follow."""
    rest = (j for j in range(len(group)) if j not in choice)
    filled = list(order)
    for slot, body in zip(group, (group[j] for j in (*choice, *rest)), strict=True):
        for i, k in zip(slot, body, strict=True):
            filled[i] = k
    return tuple(filled)


def _joined(sets: Iterable[set[int]]) -> tuple[tuple[int, ...], ...]:
    """The sets, those with a common member as one."""
    joined: list[set[int]] = []
    for one in sets:
        touching = [other for other in joined if one & other]
        joined = [other for other in joined if not one & other] + [one.union(*touching)]
    return tuple(tuple(sorted(one)) for one in joined)


def _require_distinct(name: str, positions: Iterable[int]) -> None:
    given = list(positions)
    if len(given) != len(set(given)):
        msg = f"expected each coordinate once at most in {name}; got {given}"
        raise InputError(msg)


NO_SYMMETRY = Symmetry()
"""Any Lagrangian."""
