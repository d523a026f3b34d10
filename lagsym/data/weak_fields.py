"""Weak-form integrals over space and time: averages of field equations against compact test functions.

    integral of sum_J (dL/du_J) D^J psi = integral of E psi

with J over the multi-indices of the derivatives in the density L.  Test functions are products of bumps (1 - z^2)^8
over the directions, so that an integral is one small matrix product along each direction.  They wrap around periodic
directions and stay inside the others, where what the ends do is not known.

Source: Messenger and Bortz, "Weak SINDy for partial differential equations", J. Comput. Phys. 443 (2021) 110525.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.polynomial import Polynomial

from lagsym.data.grid_derivatives import Differentiated, fourier
from lagsym.data.lattice import FieldRecord, Lattice

BUMP_POWER = 8
HIGHEST_ORDER = 4
"""Highest derivative of a bump that is needed: twice the order of a density."""
WIDTH = 0.6
"""Half width of a test function in characteristic lengths (or times) of the fields."""
WIDEST = 0.25
"""Largest half width as a fraction of the extent of the data."""
FEWEST_SITES = 15
"""Fewest sites in a half width, where the data have as many: the fourth derivative of a bump asks for them."""
OVERLAPS = (4, 3, 2, 1)
"""Test functions in each half width: the first of these that gives no more functions than wanted."""
MOST_FUNCTIONS = 3000
"""Over all records."""

Index = tuple[int, ...]
"""Directions of a derivative, in ascending order: (0, 1) is d2/dt dx."""


@dataclass(frozen=True, eq=False)
class FieldTests:
    """Test functions over one record, as one matrix for each direction and order of derivative.

    Arguments:
        matrices: for each direction, the bumps and their derivatives times quadrature weights, of shape
            (orders, functions, points); every bump has unit integral, so that integrals are averages.
        halves: half width along each direction, in its units.
    """

    matrices: tuple[Float[np.ndarray, "orders functions points"], ...]
    halves: tuple[float, ...]

    def __len__(self) -> int:
        return int(np.prod(self.counts))

    @property
    def counts(self) -> tuple[int, ...]:
        """Test functions along each direction."""
        return tuple(matrix.shape[1] for matrix in self.matrices)

    def integrate(self, values: Float[np.ndarray, "*grid"], index: Index = ()) -> Float[np.ndarray, " functions"]:
        """Integrals of values times a derivative of every test function.

        Arguments:
            values: on the record's grid.
            index: directions of the derivative of the test functions.
        """
        for axis, matrix in enumerate(self.matrices):
            values = np.moveaxis(np.tensordot(matrix[index.count(axis)], values, (1, axis)), 0, axis)
        return values.ravel()

    def squares(self, index: Index = ()) -> float:
        """Variance of an integral, on average over the functions, where the values are white noise of variance one."""
        each = (np.mean(np.sum(m[index.count(axis)] ** 2, axis=1)) for axis, m in enumerate(self.matrices))
        return float(np.prod(list(each)))


def place_field_tests(
    data: Differentiated, *, most: int = MOST_FUNCTIONS, factor: float = 1.0
) -> tuple[FieldTests, ...]:
    """Cover every record with overlapping test functions.

    The half widths follow the fields' own lengths and times, 2 pi sqrt(<u^2> / <u_mu^2>), as far as each record's steps
    and extent allow: between `FEWEST_SITES` steps and a quarter of the record.

    Arguments:
        data: fields on a grid with their derivatives.
        most: test functions over all records, if possible.
        factor: wider or narrower than that.
    """
    found: tuple[FieldTests, ...] = ()
    widths = factor * WIDTH * characteristic_scales(data)
    for overlap in OVERLAPS:
        found = tuple(_tests(data.lattice, record, _halves(record, widths), overlap) for record in data.lattice.records)
        if sum(map(len, found)) <= most:
            break
    return found


def _halves(record: FieldRecord, widths: np.ndarray) -> tuple[int, ...]:
    """Half widths in steps of a record, for each direction."""
    halves = []
    for points, step, width in zip(record.grid, record.steps, widths, strict=True):
        most = max(2, int(WIDEST * len(points)))
        wanted = most if not np.isfinite(width) else max(FEWEST_SITES, round(width / step))
        halves.append(min(wanted, most))
    return tuple(halves)


def _tests(data: Lattice, record: FieldRecord, halves: Sequence[int], overlap: int) -> FieldTests:
    closed = (False, *closed_directions(data, record))
    matrices = tuple(
        _bumps(len(points), step, half, max(1, half // overlap), periodic)
        for points, step, half, periodic in zip(record.grid, record.steps, halves, closed, strict=True)
    )
    return FieldTests(matrices, tuple(half * step for half, step in zip(halves, record.steps, strict=True)))


def _bumps(points: int, step: float, half: int, stride: int, periodic: bool) -> np.ndarray:
    """Bumps and their derivatives times the step, of shape (orders, functions, points)."""
    centres = np.arange(0, points, stride) if periodic else np.arange(half, max(points - half, half + 1), stride)
    offset = np.arange(points) - centres[:, None]
    if periodic:
        offset = (offset + points // 2) % points - points // 2
    inside = np.abs(offset) < half
    table = _table(half) / (half * step) ** np.arange(HIGHEST_ORDER + 1)[:, None]
    bumps = np.where(inside, table[:, np.where(inside, offset, 0) + half], 0.0)
    if periodic:
        # Sums over a period are by parts without error where derivatives are Fourier's.
        bumps[1:] = [fourier(bumps[0], order, step, axis=1) for order in range(1, HIGHEST_ORDER + 1)]
    return bumps


def _table(half: int) -> Float[np.ndarray, "orders points"]:
    """A bump and its derivatives by z at its points; where they are too few, with the moments that integrals have.

    sum of psi^(k) z^j = (-1)^k k! if j = k, 0 if j < k

    With few sites in a half width sums are no integrals: with five, that of psi'' z^2 is 1.5 % off.
    """
    z = np.arange(-half, half + 1) / half
    bump = Polynomial([1.0, 0.0, -1.0]) ** BUMP_POWER
    norm = np.sum(bump(z))
    table = np.stack([bump.deriv(k)(z) if k else bump(z) for k in range(HIGHEST_ORDER + 1)]) / norm
    for k in range(HIGHEST_ORDER + 1 if half < FEWEST_SITES else 0):
        powers = z ** np.arange(k + 1)[:, None]
        wanted = np.where(np.arange(k + 1) == k, (-1) ** k * math.factorial(k), 0)
        shapes = powers * bump(z)
        table[k] -= np.linalg.lstsq(powers @ shapes.T, powers @ table[k] - wanted, rcond=None)[0] @ shapes
    return table


def characteristic_scales(data: Differentiated) -> Float[np.ndarray, " base"]:
    """For each direction the length (or time) 2 pi sqrt(<u^2> / <u_mu^2>), of all fields together; inf where still."""
    lattice = data.lattice
    squares = np.zeros((len(lattice.base) + 1, len(lattice.fields)))
    for record in lattice.records:
        parts = [data.derivative(record, index) for index in ((), *((mu,) for mu in range(len(lattice.base))))]
        parts[0] = parts[0] - parts[0].mean(axis=tuple(range(parts[0].ndim - 1)))
        squares += [np.sum(part.reshape(-1, len(lattice.fields)) ** 2, axis=0) for part in parts]
    present = squares[0] > 0
    with np.errstate(divide="ignore"):
        rates = np.mean(squares[1:, present] / squares[0, present], axis=1) if present.any() else squares[1:, 0]
        return 2 * np.pi / np.sqrt(rates)


def closed_directions(data: Lattice, record: FieldRecord) -> tuple[bool, ...]:
    """For each direction of space, whether averages may wrap around: not where an angle winds around it."""
    closed = []
    for axis, periodic in enumerate(data.periodic, start=1):
        ends = np.abs(np.take(record.u, -1, axis) - np.take(record.u, 0, axis))[..., data.angle_mask]
        closed.append(periodic and not (ends > np.pi).any())
    return tuple(closed)
