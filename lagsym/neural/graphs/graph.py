"""Graph: which bodies or sites act on each other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from lagsym.errors import InputError

EDGE_KINDS_ALIKE = 0
"""The kind of every edge where nothing else is said."""


@dataclass(frozen=True)
class Neighbourhoods:
    """The neighbours of every node along edges of one kind, padded to the same number g.

    Arguments:
        other: the node at the other end (N, g); that node itself where there is none.
        head: whether the node in question is the second end, b of e(a, b) (N, g).
        present: whether there is such an edge (N, g).
    """

    other: Int[np.ndarray, "nodes slots"]
    head: Int[np.ndarray, "nodes slots"]
    present: Int[np.ndarray, "nodes slots"]


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes, and the edges between them.

    Arguments:
        nodes: how many.
        edges: pairs (a, b) of nodes; which is first only matters where an edge function tells its ends apart.
        kinds: of each edge, counted from 0; edges of one kind share a function.  All alike without it.
        masses: known masses of the nodes (N,); ones without it.

    Raises:
        InputError: an edge names a node that is not there or one twice, or the numbers of kinds or masses do not fit.

    >>> chain(3).edges
    ((0, 1), (1, 2))
    >>> chain(3, ring=True).edges
    ((0, 1), (1, 2), (2, 0))
    """

    nodes: int
    edges: tuple[tuple[int, int], ...]
    kinds: tuple[int, ...] = ()
    masses: tuple[float, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.kinds:
            object.__setattr__(self, "kinds", (EDGE_KINDS_ALIKE,) * len(self.edges))
        if not self.masses:
            object.__setattr__(self, "masses", (1.0,) * self.nodes)
        if len(self.kinds) != len(self.edges) or len(self.masses) != self.nodes:
            msg = (
                f"expected a kind for each of {len(self.edges)} edges and a mass for each of {self.nodes} nodes; "
                f"got {len(self.kinds)} and {len(self.masses)}"
            )
            raise InputError(msg)
        wrong = [edge for edge in self.edges if edge[0] == edge[1] or not all(0 <= end < self.nodes for end in edge)]
        if wrong or min(self.kinds, default=0) < 0 or not min(self.masses, default=1.0) > 0:
            msg = (
                f"expected edges between different nodes from 0 to {self.nodes - 1}, kinds from 0 on and positive "
                f"masses; got edges {wrong[:3]}, kinds {sorted(set(self.kinds))}, masses {sorted(set(self.masses))}"
            )
            raise InputError(msg)

    @property
    def kind_count(self) -> int:
        """How many kinds of edges there are."""
        return max(self.kinds, default=-1) + 1

    @cached_property
    def mass_array(self) -> Float[np.ndarray, " nodes"]:
        """The masses."""
        return np.array(self.masses)

    def ends(self, kind: int = EDGE_KINDS_ALIKE) -> Int[np.ndarray, "edges 2"]:
        """The edges of one kind as pairs of nodes."""
        return self._ends[kind] if kind < self.kind_count else np.empty((0, 2), int)

    @cached_property
    def _ends(self) -> list[Int[np.ndarray, "edges 2"]]:
        pairs, kinds = np.array(self.edges, int).reshape(-1, 2), np.array(self.kinds, int)
        return [pairs[kinds == kind] for kind in range(self.kind_count)]

    def neighbourhoods(self, kind: int = EDGE_KINDS_ALIKE) -> Neighbourhoods:
        """The neighbours of every node along edges of one kind."""
        if kind not in self._known:
            self._known[kind] = self._neighbourhoods(kind)
        return self._known[kind]

    @cached_property
    def _known(self) -> dict[int, Neighbourhoods]:
        """What `neighbourhoods` has found, as a motion asks for them at every step."""
        return {}

    def _neighbourhoods(self, kind: int) -> Neighbourhoods:
        found: list[list[tuple[int, bool]]] = [[] for _ in range(self.nodes)]
        for a, b in self.ends(kind).tolist():
            found[a].append((b, False))
            found[b].append((a, True))
        slots = max(map(len, found), default=0)
        padded = [[*own, *[(node, False)] * (slots - len(own))] for node, own in enumerate(found)]
        pairs = np.array(padded, int).reshape(self.nodes, slots, 2)
        present = np.array([[slot < len(own) for slot in range(slots)] for own in found]).reshape(self.nodes, slots)
        return Neighbourhoods(pairs[..., 0], pairs[..., 1].astype(bool), present)


def chain(sites: int, *, ring: bool = False, reach: int = 1, masses: Sequence[float] = ()) -> Graph:
    """A row of sites, each with edges to the next one, or to the one `reach` places on.

    Arguments:
        sites: how many.
        ring: whether the row closes upon itself.
        reach: how many places an edge spans; 2 for the central differences (u_(i+1) - u_(i-1)) / 2.
        masses: of the sites; ones without it.

    Raises:
        InputError: there are too few sites for such edges.
    """
    if reach < 1 or sites <= (2 * reach if ring else reach):
        msg = f"expected a reach of at least 1 and enough sites for edges of it; got {sites} sites and reach {reach}"
        raise InputError(msg)
    last = sites if ring else sites - reach
    return Graph(sites, tuple((i, (i + reach) % sites) for i in range(last)), masses=tuple(masses))


def springs(nodes: int, pairs: Sequence[tuple[int, int]], *, masses: Sequence[float] = ()) -> Graph:
    """Bodies with edges between listed pairs.

    >>> springs(3, [(0, 2)]).edges
    ((0, 2),)
    """
    return Graph(nodes, tuple((int(a), int(b)) for a, b in pairs), masses=tuple(masses))


def all_pairs(bodies: int, *, masses: Sequence[float] = ()) -> Graph:
    """Bodies of which every two act on each other.

    >>> len(all_pairs(4).edges)
    6
    """
    return Graph(bodies, tuple(itertools.combinations(range(bodies), 2)), masses=tuple(masses))
