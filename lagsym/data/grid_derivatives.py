"""Derivatives of fields on a grid, direction by direction.

Without noise, Fourier's derivative along periodic directions and local polynomials through the sites along others;
with noise, local polynomials over windows as short as the noise allows (Savitzky and Golay).  The weak form needs only
first derivatives, which forgive noise; the strong form is for clean data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from jaxtyping import Float
from scipy.signal import savgol_filter

from lagsym.data.jets import Jets
from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.data.local_polynomials import DEGREE, choose_window
from lagsym.errors import InputError

CLEAN = 1e-6
"""Noise over the standard deviation of the field below which no smoothing is needed."""
EXACT_WINDOW = 9
"""Sites that one polynomial goes through, where there is no noise."""
DIFFERENCES = 10
"""Order of the differences in which only noise is left."""
LINES = 24
"""Lines through the data along a direction on which its window is chosen."""
HIGHEST = 4
"""Order of derivative."""


@dataclass(frozen=True)
class Stencil:
    """How derivatives are taken along one direction.

    Arguments:
        window: points in each local polynomial, an odd number; None for Fourier's derivative.
        degree: of the polynomials.
        periodic: whether the direction closes on itself.
    """

    window: int | None
    degree: int = DEGREE
    periodic: bool = False

    @property
    def smooths(self) -> bool:
        """Whether the values themselves change."""
        return self.window is not None and self.degree < self.window - 1

    @property
    def margin(self) -> int:
        """Points at either end with derivatives that are less exact."""
        return 0 if self.periodic or self.window is None else self.window // 2

    def apply(self, values: np.ndarray, order: int, step: float, axis: int) -> np.ndarray:
        """The derivative of some order along an axis; smoothed values for order zero."""
        if order == 0 and not self.smooths:
            return values
        if self.window is None:
            return fourier(values, order, step, axis)
        mode = "wrap" if self.periodic else "interp"
        return np.asarray(savgol_filter(values, self.window, self.degree, order, step, axis, mode))


def fourier(values: np.ndarray, order: int, step: float, axis: int) -> np.ndarray:
    """Derivative of some order along an axis that closes on itself, exact for waves that the sites resolve."""
    count = values.shape[axis]
    factor = (2j * np.pi * np.fft.rfftfreq(count, step)) ** order
    if count % 2 == 0 and order % 2:
        factor[-1] = 0  # an odd derivative of the shortest wave is nought at its sites
    shape = [1] * values.ndim
    shape[axis] = -1
    return np.fft.irfft(np.fft.rfft(values, axis=axis) * factor.reshape(shape), count, axis=axis)


@dataclass(frozen=True, eq=False)
class Differentiated:
    """Fields with a way to take their derivatives, from `differentiate`.

    Arguments:
        lattice: the fields as measured.
        stencils: for each base direction, time first.
    """

    lattice: Lattice
    stencils: tuple[Stencil, ...]

    @property
    def coordinates(self) -> tuple[str, ...]:
        """Names of the fields."""
        return self.lattice.fields

    @property
    def angle_mask(self) -> np.ndarray:
        """For each field, whether it is an angle."""
        return self.lattice.angle_mask

    def derivative(self, record: FieldRecord, index: Sequence[int] = ()) -> Float[np.ndarray, "times *sites fields"]:
        """The derivative of all fields of a record along the base directions in `index`, 0 being time.

        Where rates were measured, derivatives over time are taken from them.

        Raises:
            InputError: the order is above four.
        """
        orders = [list(index).count(mu) for mu in range(len(self.stencils))]
        if sum(orders) > HIGHEST or len(index) != sum(orders):
            msg = f"expected at most {HIGHEST} directions out of 0 to {len(self.stencils) - 1}, got {tuple(index)}"
            raise InputError(msg)
        values, slopes = self._without_turns(record)
        if orders[0] and record.u_t is not None:
            values, orders[0] = record.u_t, orders[0] - 1
            slopes = np.zeros_like(slopes)
        for axis, (stencil, order, step) in enumerate(zip(self.stencils, orders, record.steps, strict=True)):
            values = stencil.apply(values, order, step, axis)
        return values + self._turns(record, slopes, orders)

    def jets(self, *, samples: int | None = None, seed: int = 0) -> Jets:
        """Jets with second derivatives, at all points that are not too near an end, or at some drawn at random.

        Arguments:
            samples: how many; all without it.
            seed: of the draw.

        Raises:
            InputError: the records are too short to have such points.
        """
        points = [self._inner(record) for record in self.lattice.records]
        total = sum(map(len, points))
        if total == 0:
            msg = (
                f"expected records longer than {[2 * stencil.margin for stencil in self.stencils]} points, got shorter"
            )
            raise InputError(msg)
        chosen = np.arange(total)
        if samples is not None and samples < total:
            chosen = np.sort(np.random.default_rng(seed).choice(total, samples, replace=False))
        parts, first = [], 0
        for record, own in zip(self.lattice.records, points, strict=True):
            here = own[chosen[(chosen >= first) & (chosen < first + len(own))] - first]
            first += len(own)
            parts.append(self._jets_at(record, here))
        return Jets(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def _inner(self, record: FieldRecord) -> np.ndarray:
        """Flat indices of the points away from the ends."""
        inner = np.zeros(record.u.shape[:-1], bool)
        cuts = (
            slice(stencil.margin, size - stencil.margin)
            for stencil, size in zip(self.stencils, inner.shape, strict=True)
        )
        inner[tuple(cuts)] = True
        return np.flatnonzero(inner)

    def _jets_at(
        self, record: FieldRecord, points: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """x, u, du and ddu at flat indices."""
        directions = range(len(self.stencils))
        shape = record.u.shape[:-1]
        x = np.stack(
            [axis[place] for axis, place in zip(record.grid, np.unravel_index(points, shape), strict=True)], axis=1
        )

        def taken(*index: int) -> np.ndarray:
            return self.derivative(record, index).reshape(-1, record.u.shape[-1])[points]

        du = np.stack([taken(mu) for mu in directions], axis=1)
        ddu = np.empty((len(points), len(shape), len(shape), record.u.shape[-1]))
        for mu in directions:
            for nu in range(mu + 1):
                ddu[:, mu, nu] = ddu[:, nu, mu] = taken(nu, mu)
        return x, taken(), du, ddu

    def _without_turns(self, record: FieldRecord) -> tuple[np.ndarray, np.ndarray]:
        """Fields without the turns that an angle makes around a periodic direction, and the slopes (b, n) of these."""
        slopes = np.zeros((len(self.stencils), record.u.shape[-1]))
        for k, (periodic, step) in enumerate(zip(self.lattice.periodic, record.steps[1:], strict=True)):
            if periodic and self.lattice.angles:
                count = record.u.shape[1 + k]
                slopes[1 + k] = self.lattice.angle_mask * whole_turns(record.u, 1 + k) * 2 * np.pi / (count * step)
        return record.u - self._ramp(record, slopes), slopes

    def _turns(self, record: FieldRecord, slopes: np.ndarray, orders: Sequence[int]) -> np.ndarray | float:
        """What the turns add to a derivative."""
        if sum(orders) == 0:
            return self._ramp(record, slopes)
        return slopes[list(orders).index(1)] if sum(orders) == 1 else 0.0

    def _ramp(self, record: FieldRecord, slopes: np.ndarray) -> np.ndarray | float:
        if not slopes.any():
            return 0.0
        places = np.meshgrid(*(axis - axis[0] for axis in record.grid), indexing="ij")
        return sum(place[..., None] * slope for place, slope in zip(places, slopes, strict=True))


def whole_turns(u: np.ndarray, axis: int) -> np.ndarray:
    """Turns that each field (n,) of fields (..., n) makes along an axis that closes on itself, as whole numbers."""
    line = np.moveaxis(u, axis, 0)
    after = 2 * line[-1] - line[-2]  # what would come after the last site
    return np.round(np.median((after - line[0]).reshape(-1, u.shape[-1]), axis=0) / (2 * np.pi))


def differentiate(lattice: Lattice, stencils: Sequence[Stencil] | None = None) -> Differentiated:
    """Choose how derivatives are taken of fields on a grid.

    Arguments:
        lattice: measured fields; left as they are.
        stencils: for each base direction, time first; chosen by the noise without them.

    >>> t, x = np.linspace(0, 1, 41), np.linspace(0, 2 * np.pi, 32, endpoint=False)
    >>> record = FieldRecord(t, (x,), np.sin(x - t[:, None])[..., None])
    >>> jets = differentiate(Lattice(("u",), ("t", "x"), (record,), (True,))).jets(samples=100)
    >>> np.allclose(jets.ddu[:, 0, 0], jets.ddu[:, 1, 1], atol=1e-8), jets.ddu.shape
    (True, (100, 2, 2, 1))
    """
    return Differentiated(lattice, tuple(stencils or choose_stencils(lattice)))


def choose_stencils(lattice: Lattice) -> tuple[Stencil, ...]:
    """The stencil for each base direction, time first, by the noise in the fields."""
    spread = np.concatenate([record.u.reshape(-1, len(lattice.fields)) for record in lattice.records]).std(axis=0)
    clean = bool((noise_level(lattice) <= CLEAN * spread).all())
    chosen = []
    for axis, periodic in enumerate((False, *lattice.periodic)):
        shortest = min(record.u.shape[axis] for record in lattice.records)
        if clean and periodic:
            chosen.append(Stencil(None, periodic=True))
            continue
        window = EXACT_WINDOW if clean else _window(lattice, axis)
        window = min(window, shortest - (shortest + 1) % 2)
        chosen.append(Stencil(window, window - 1 if clean else min(DEGREE, window - 2), periodic))
    return tuple(chosen)


def noise_level(lattice: Lattice) -> Float[np.ndarray, " fields"]:
    """Standard deviation of what differences of high order leave of each field, in its units.

    Smooth fields vanish in them, white noise grows by a known factor; the direction that leaves least counts.
    """
    levels = [_left_in_differences(lattice, axis) for axis in range(len(lattice.base))]
    return np.min(levels, axis=0)


def _left_in_differences(lattice: Lattice, axis: int) -> np.ndarray:
    order = min(DIFFERENCES, *(record.u.shape[axis] - 1 for record in lattice.records))
    left = [np.diff(record.u, order, axis=axis).reshape(-1, record.u.shape[-1]) for record in lattice.records]
    return np.sqrt(np.mean(np.concatenate(left) ** 2, axis=0) / comb(2 * order, order))


def _window(lattice: Lattice, axis: int) -> int:
    """The usual window of lines along an axis."""
    generator = np.random.default_rng(0)
    windows = []
    for k in range(LINES):
        record = lattice.records[k % len(lattice.records)]
        lines = np.moveaxis(record.u, axis, 0).reshape(record.u.shape[axis], -1)
        windows.append(choose_window(record.grid[axis], lines[:, generator.integers(lines.shape[1])]))
    return int(np.median(windows)) | 1
