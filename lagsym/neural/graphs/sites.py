"""Sites of a lattice as the nodes of a graph."""

from __future__ import annotations

from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.data.trajectories import Segment, Trajectories
from lagsym.errors import InputError
from lagsym.neural.graphs.graph import Graph, chain


def site_trajectories(lattice: Lattice) -> Trajectories:
    """The field at every site as a coordinate of its own, named by the field and the number of the site.

    Arguments:
        lattice: one field along one periodic direction.  At fixed ends fields are given, and no law moves them.

    Raises:
        InputError: there are more fields or directions, or the direction is not periodic.

    >>> import numpy as np
    >>> x = np.arange(6.0)
    >>> record = FieldRecord(np.arange(9.0), (x,), np.zeros((9, 6, 1)))
    >>> site_trajectories(Lattice(("u",), ("t", "x"), (record,), (True,))).coordinates
    ('u1', 'u2', 'u3', 'u4', 'u5', 'u6')
    """
    names = tuple(f"{_field(lattice)}{site + 1}" for site in range(_sites(lattice)))
    angles = frozenset(names) if lattice.angles else frozenset[str]()
    return Trajectories(names, tuple(map(_segment, lattice.records)), angles=angles)


def site_graph(lattice: Lattice, *, reach: int = 1) -> Graph:
    """The ring of a lattice's sites, each with an edge to the one `reach` places on.

    Raises:
        InputError: as `site_trajectories`, or there are too few sites.
    """
    _field(lattice)
    return chain(_sites(lattice), ring=True, reach=reach)


def _segment(record: FieldRecord) -> Segment:
    v = None if record.u_t is None else record.u_t[..., 0]
    return Segment(record.t, record.u[..., 0], v, trajectory=record.name)


def _field(lattice: Lattice) -> str:
    """The name of the only field."""
    if len(lattice.fields) != 1 or lattice.periodic != (True,):
        msg = (
            f"expected one field along one periodic direction; got {', '.join(lattice.fields)} over "
            f"{', '.join(lattice.base)}, periodic: {lattice.periodic}; learn a density instead"
        )
        raise InputError(msg)
    return lattice.fields[0]


def _sites(lattice: Lattice) -> int:
    counts = {len(record.axes[0]) for record in lattice.records}
    if len(counts) > 1:
        msg = f"expected runs of the same number of sites to be one graph; got {sorted(counts)}; learn them one by one"
        raise InputError(msg)
    return counts.pop()
