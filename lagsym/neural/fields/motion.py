"""FieldMotion: fields on a grid as the weak form of a density network sees them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce

import numpy as np
from jaxtyping import Float

from lagsym.data.grid_derivatives import Differentiated, differentiate
from lagsym.data.jets import Jets
from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.data.weak_fields import FieldTests, place_field_tests
from lagsym.neural.fields.records import pairs_in_space

FACTORS = (0.5, 0.75)
"""Widths of test functions, relative to those that terms are chosen with: a network bends more than a library's terms,
and what happens within a window is lost to it."""
NODES = 14
"""Of a window along each direction, at most: the bumps are so smooth that sums over few nodes are as good as all."""
SAMPLES = 250_000
"""Samples of all windows together, at most: beyond this windows are left out evenly."""
JETS = 20_000
"""Samples for the strong form, at most."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Samples of the fields under test functions φ, those of one test function in a row.

    Arguments:
        jets: the samples (m · group); first derivatives only, unless there are `bends`.
        value: φ times quadrature weights (m, group).
        slopes: its derivative along each base direction likewise (b, m, group).
        averages: the middle of every test function, with second derivatives averaged over it (m): ∫ u ∂_mu ∂_nu φ, so
            that noise can't make them look larger than they are.
        bends: of φ the second derivatives along pairs of directions of space (m, group), for densities that bend.
    """

    jets: Jets
    value: Float[np.ndarray, "windows samples"]
    slopes: Float[np.ndarray, "base windows samples"]
    averages: Jets
    bends: Mapping[tuple[int, int], Float[np.ndarray, "windows samples"]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class FieldMotion:
    """Fields on a grid with all that the losses take from them.

    Arguments:
        lattice: as they were measured.
        seed: of the samples for the strong form.
    """

    lattice: Lattice
    seed: int = 0

    @cached_property
    def windows(self) -> Windows:
        """Test functions of several widths over every record."""
        return self._windows(self._grids(second=False))

    @cached_property
    def bent(self) -> Windows:
        """The same for densities of second derivatives along directions of space."""
        return self._windows(self._grids(second=True))

    def _windows(self, grids: Sequence[Jets]) -> Windows:
        places = [
            (record, grid, tests)
            for factor in FACTORS
            for record, grid, tests in zip(
                self.lattice.records, grids, place_field_tests(self._smooth, factor=factor), strict=True
            )
        ]
        group = max(_group(tests) for _, _, tests in places)
        every = -(-sum(len(tests) for _, _, tests in places) * group // SAMPLES)
        return _joined([_padded(_windows(*place, every), group) for place in places])

    @cached_property
    def jets(self) -> Jets:
        """Samples with second derivatives of the smoothed fields, for the strong form."""
        return self._smooth.jets(samples=JETS, seed=self.seed)

    def _grids(self, *, second: bool) -> tuple[Jets, ...]:
        """Every record as jets, smoothed, in the order of its grid; with second derivatives in space, or without."""
        pairs = pairs_in_space(len(self.lattice.base)) if second else ()
        return tuple(jets_on_grid(self._smooth, record, pairs) for record in self.lattice.records)

    @cached_property
    def _smooth(self) -> Differentiated:
        return differentiate(self.lattice)


def jets_on_grid(smooth: Differentiated, record: FieldRecord, pairs: Sequence[tuple[int, int]] = ()) -> Jets:
    """A record as jets, smoothed, in the order of its grid; without second derivatives but those along `pairs`."""

    def along(*index: int) -> np.ndarray:
        return smooth.derivative(record, index).reshape(len(record), -1)

    x = np.stack([part.ravel() for part in np.meshgrid(*record.grid, indexing="ij")], 1)
    u, first, base = along(), np.stack([along(mu) for mu in range(x.shape[1])], 1), x.shape[1]
    if not pairs:
        return Jets(x, u, first)
    ddu = np.zeros((len(u), base, base, u.shape[1]))
    for mu, nu in pairs:
        ddu[:, mu, nu] = ddu[:, nu, mu] = along(mu, nu)
    return Jets(x, u, first, ddu)


def joined(pieces: Sequence[Jets]) -> Jets:
    """Several jets as one."""
    parts = [[getattr(piece, name) for piece in pieces] for name in ("x", "u", "du", "ddu")]
    return Jets(*(None if part[0] is None else np.concatenate(part) for part in parts))  # pyright: ignore[reportArgumentType]


def _windows(record: FieldRecord, grid: Jets, tests: FieldTests, every: int) -> Windows:
    """The windows of one test function in so many."""
    base, steps = len(record.grid), np.cumprod([1, *record.u.shape[-2:0:-1]])[::-1]
    chosen = np.arange(0, len(tests), every)
    numbers = np.unravel_index(chosen, tests.counts)
    nodes = [_nodes(matrix) for matrix in tests.matrices]
    axes = [tuple(part[own] for part in axis) for axis, own in zip(nodes, numbers, strict=True)]
    places = [axis[0] * step for axis, step in zip(axes, steps, strict=True)]

    def along(*index: int) -> np.ndarray:
        return _product([axis[1 + index.count(k)] for k, axis in enumerate(axes)])

    value, slopes = along(), [along(mu) for mu in range(base)]
    bends = {} if grid.ddu is None else {pair: along(*pair) for pair in pairs_in_space(base)}
    second = np.empty((len(value), base, base, grid.u.shape[1]))
    for mu in range(base):
        for nu in range(mu + 1):
            for i in range(grid.u.shape[1]):
                average = tests.integrate(record.u[..., i], (nu, mu))[chosen]
                second[:, mu, nu, i] = second[:, nu, mu, i] = average
    centre = grid.take(np.sum([place[:, place.shape[1] // 2] for place in places], axis=0))
    samples = grid.take(reduce(lambda one, other: _grow(one, other, np.add), places).ravel())
    return Windows(samples, value, np.stack(slopes), Jets(centre.x, centre.u, centre.du, second), bends)


def _group(tests: FieldTests) -> int:
    """Samples of a window."""
    return math.prod(_nodes(matrix)[0].shape[1] for matrix in tests.matrices)


def _nodes(matrix: np.ndarray) -> tuple[np.ndarray, ...]:
    """Points, weights and their first and second slopes at the nodes of every test function along one direction."""
    values = matrix[0]
    half = int((values > 0).sum(1).max()) // 2 + 1
    stride = -(-2 * half // NODES)
    offsets = np.arange(-(half // stride), half // stride + 1) * stride
    index = (values.argmax(1)[:, None] + offsets) % values.shape[1]
    return index, *(np.take_along_axis(part, index, 1) * stride for part in matrix[:3])


def _product(axes: Sequence[np.ndarray]) -> np.ndarray:
    return reduce(lambda one, other: _grow(one, other, np.multiply), axes)


def _grow(one: np.ndarray, other: np.ndarray, join: np.ufunc) -> np.ndarray:
    """All pairs of nodes of every test function (functions, nodes)."""
    return join(one[:, :, None], other[:, None, :]).reshape(len(one), -1)


def _padded(windows: Windows, group: int) -> Windows:
    """With so many samples in a row: the last one again, without weight."""
    own = windows.value.shape[1]
    places = np.minimum(np.arange(group), own - 1)
    rows = (np.arange(len(windows.value))[:, None] * own + places).ravel()
    inside = np.arange(group) < own
    return Windows(
        windows.jets.take(rows),
        windows.value[:, places] * inside,
        windows.slopes[..., places] * inside,
        windows.averages,
        {pair: part[:, places] * inside for pair, part in windows.bends.items()},
    )


def _joined(pieces: Sequence[Windows]) -> Windows:
    return Windows(
        joined([piece.jets for piece in pieces]),
        np.concatenate([piece.value for piece in pieces]),
        np.concatenate([piece.slopes for piece in pieces], 1),
        joined([piece.averages for piece in pieces]),
        {pair: np.concatenate([piece.bends[pair] for piece in pieces]) for pair in pieces[0].bends},
    )
