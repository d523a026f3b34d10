"""Turns that angles make around periodic directions, which no derivative of periodic functions sees.

u = U + s (x - x_0) with U periodic and s a whole number of turns over the length: what is written in u is written in U
instead, with x explicitly, and remains what it was, as it has the period of the angle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.data.grid_derivatives import whole_turns
from lagsym.evolution.places import Places
from lagsym.mechanics.jetspace import JetSpace


@dataclass(frozen=True, eq=False)
class Turns:
    """The turns of fields along each direction of space.

    Arguments:
        axes: sites along each direction.
        slopes: of the turns, 2 pi times their number over the length.
    """

    axes: tuple[Float[np.ndarray, " sites"], ...]
    slopes: Float[np.ndarray, "directions fields"]

    @property
    def ramp(self) -> Float[np.ndarray, "*sites fields"]:
        """What they add to the fields."""
        places = np.meshgrid(*(axis - axis[0] for axis in self.axes), indexing="ij")
        return np.tensordot(np.stack(places, axis=-1), self.slopes, axes=1)

    def at(self, nodes: Sequence[np.ndarray]) -> Float[np.ndarray, "fields *nodes"]:
        """What they add to the fields at other places: their coordinates along each direction."""
        away = [place - axis[0] for place, axis in zip(nodes, self.axes, strict=True)]
        return np.tensordot(self.slopes.T, np.stack(away), axes=1)

    def taken_from(self, formula: sp.Expr, space: JetSpace) -> sp.Expr:
        """A formula of the fields as one of what is left of them without their turns."""
        if not self.slopes.any():
            return formula
        shift: Any = {}
        for i, u in enumerate(space.positions):
            along = [sp.Float(slope, 17) for slope in self.slopes[:, i]]
            shift |= {space.symbol(i, (k,)): space.symbol(i, (k,)) + slope for k, slope in enumerate(along, start=1)}
            places = zip(space.base_symbols[1:], self.axes, along, strict=True)
            shift[u] = u + sp.Add(*(slope * (x - sp.Float(axis[0], 17)) for x, axis, slope in places))
        whole: Any = formula
        return whole.xreplace(shift)


def by_turns(
    u: Float[np.ndarray, "samples *sites fields"], fields: Sequence[str], places: Places
) -> Iterator[tuple[np.ndarray, Turns]]:
    """Which samples make the same turns, and these.

    Arguments:
        u: fields.
        fields: their names.
        places: the sites and ends, and which fields are angles.
    """
    mask = np.array([name in places.angles for name in fields])
    counts = np.zeros((len(u), len(places.axes), len(mask)))
    for k, closes in enumerate(places.periodic):
        if closes and mask.any():
            counts[:, k] = [mask * whole_turns(sample, k) for sample in u]
    lengths = np.array([len(axis) * (axis[-1] - axis[0]) / (len(axis) - 1) for axis in places.axes])
    for different in np.unique(counts, axis=0):
        same = np.flatnonzero((counts == different).all(axis=(1, 2)))
        yield same, Turns(places.axes, 2 * np.pi * different / lengths[:, None])


def without_turns(
    u: Float[np.ndarray, "... *sites fields"], fields: Sequence[str], places: Places
) -> Float[np.ndarray, "... *sites fields"]:
    """Fields without the turns that they make, each sample for itself; arguments as of `by_turns`."""
    flat = u.reshape(-1, *u.shape[-1 - len(places.axes) :])
    straight = np.empty_like(flat)
    for own, turns in by_turns(flat, fields, places):
        straight[own] = flat[own] - turns.ramp
    return straight.reshape(u.shape)
