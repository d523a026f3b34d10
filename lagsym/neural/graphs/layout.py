"""Which columns of trajectories are whose position."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from lagsym.data.jets import Jets
from lagsym.data.trajectories import Trajectories
from lagsym.errors import DataError, InputError

_NUMBERED = re.compile(r"(.*?)_?([0-9]+)")

States = tuple[
    Float[np.ndarray, "samples nodes components"],
    Float[np.ndarray, "samples nodes components"],
    Float[np.ndarray, "samples nodes components"],
]
"""Positions, velocities and accelerations of nodes."""


def layout(coordinates: Sequence[str]) -> Int[np.ndarray, "nodes components"]:
    """The column of each component of each node, from names that end in the node's number.

    Nodes are ordered by number, components by their first appearance.

    Raises:
        InputError: a name has no number, or some node lacks a component.

    >>> layout(["x1", "y1", "x2", "y2"]).tolist()
    [[0, 1], [2, 3]]
    """
    found: dict[int, dict[str, int]] = {}
    for column, name in enumerate(coordinates):
        match = _NUMBERED.fullmatch(name)
        if match is None:
            msg = f"expected coordinates that end in the number of their node, as x1, y1, x2, y2; got {name!r}"
            raise InputError(msg)
        found.setdefault(int(match[2]), {})[match[1]] = column
    components = list(dict.fromkeys(component for own in found.values() for component in own))
    lacking = [str(node) for node, own in found.items() if len(own) < len(components)]
    if lacking:
        msg = f"expected each node to have {', '.join(components)}; those of number {', '.join(lacking)} have not"
        raise InputError(msg)
    return np.array([[found[node][component] for component in components] for node in sorted(found)])


def states(data: Trajectories | Jets, columns: Int[np.ndarray, "nodes components"] | None = None) -> States:
    """Positions, velocities and accelerations (S, N, D) of all samples.

    Arguments:
        data: with velocities and accelerations.
        columns: the column of each component of each node (N, D); from the names of trajectories without it.

    Raises:
        DataError: velocities or accelerations are missing.
        InputError: jets come without columns, or columns that are not there.
    """
    jets = data.jets() if isinstance(data, Trajectories) else data
    if columns is None:
        if not isinstance(data, Trajectories):
            msg = "expected the columns of each node beside jets, which have no names; give `columns` of shape (N, D)"
            raise InputError(msg)
        columns = layout(data.coordinates)
    if columns.ndim != 2 or sorted(columns.ravel().tolist()) != list(range(jets.q.shape[1])):
        msg = f"expected columns (N, D) that name each of {jets.q.shape[1]} coordinates once; got {columns.tolist()}"
        raise InputError(msg)
    if not all(np.isfinite(array).all() for array in (jets.q, jets.v, jets.a)):
        msg = "expected finite positions, velocities and accelerations; drop the samples that are not"
        raise DataError(msg)
    return jets.q[:, columns], jets.v[:, columns], jets.a[:, columns]
