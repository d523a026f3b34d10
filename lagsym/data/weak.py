"""Weak-form integrals: the equations of motion averaged against compact test functions, without accelerations.

    integral of (dL/dq phi + dL/dv phi') dt = integral of E phi dt = 0

Test functions never straddle a gap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_array

from lagsym.data.trajectories import Trajectories

BUMP_POWER = 6
WIDTH = 0.2
"""Half width of a test function in characteristic times."""
FEWEST_SAMPLES = 8
"""Fewest samples in a half width, for the quadrature's sake."""
OVERLAP = 5
"""Test functions in each half width."""


@dataclass(frozen=True)
class TestFunctions:
    """Test functions (1 - u^2)^6 on every segment of evenly sampled trajectories, as sparse quadrature matrices.

    Memory grows with the functions times the samples under one of them, however long a segment is.

    Arguments:
        weights: for each segment, the functions times the quadrature weights, of shape (functions, samples).
        weight_slopes: likewise their time derivatives.
    """

    __test__ = False  # not a test case, whatever pytest makes of the name

    weights: tuple[csr_array, ...]
    weight_slopes: tuple[csr_array, ...]

    def __len__(self) -> int:
        return sum(_shape(part)[0] for part in self.weights)

    @property
    def samples(self) -> int:
        """Samples of all segments."""
        return sum(_shape(part)[1] for part in self.weights)

    @property
    def values(self) -> tuple[Float[np.ndarray, "functions samples"], ...]:
        """The weights of each segment as a whole matrix."""
        return tuple(part.toarray() for part in self.weights)

    @property
    def slopes(self) -> tuple[Float[np.ndarray, "functions samples"], ...]:
        """The weights' time derivatives likewise."""
        return tuple(part.toarray() for part in self.weight_slopes)

    def integrate(
        self, q_gradient: Float[np.ndarray, "... samples n"], v_gradient: Float[np.ndarray, "... samples n"]
    ) -> Float[np.ndarray, "... functions n"]:
        """Averages of E over every test function, from dL/dq and dL/dv at all samples of all segments in order."""
        rows, start = [], 0
        for weight, slope in zip(self.weights, self.weight_slopes, strict=True):
            here = slice(start, start + _shape(weight)[1])
            rows.append(_average(weight, q_gradient[..., here, :]) + _average(slope, v_gradient[..., here, :]))
            start = here.stop
        return np.concatenate(rows, axis=-2)

    def batches(self, samples: int) -> Iterator[tuple[slice, TestFunctions]]:
        """The same functions a few at a time, each time with the samples under them.

        Arguments:
            samples: most samples at a time; one function may have more.
        """
        start = 0
        for weight, slope in zip(self.weights, self.weight_slopes, strict=True):
            first, last = weight.indices[weight.indptr[:-1]], weight.indices[weight.indptr[1:] - 1] + 1
            row = 0
            while row < len(first):
                stop = max(row + 1, int(np.searchsorted(last, first[row] + samples, side="right")))
                columns = slice(int(first[row]), int(last[stop - 1]))
                parts = ((part[row:stop, columns],) for part in (weight, slope))
                yield slice(start + columns.start, start + columns.stop), TestFunctions(*parts)
                row = stop
            start += _shape(weight)[1]


def _shape(matrix: csr_array) -> tuple[int, int]:
    """Functions and samples of a matrix."""
    shape: Any = matrix.shape
    return shape[0], shape[1]


def _average(matrix: csr_array, samples: np.ndarray) -> np.ndarray:
    """The matrix (functions, samples) times an array (..., samples, n) along its samples."""
    moved = np.moveaxis(samples, -2, 0)
    product = matrix @ moved.reshape(len(moved), -1)
    return np.moveaxis(product.reshape(_shape(matrix)[0], *moved.shape[1:]), 0, -2)


def place_test_functions(data: Trajectories, *, width: float | None = None) -> TestFunctions:
    """Cover every segment with overlapping test functions of unit integral.

    Arguments:
        data: evenly sampled trajectories with velocities (see `differentiate`).
        width: half width in units of time; a fifth of the characteristic time where it is not given.
    """
    width = WIDTH * data.characteristic_time if width is None else width
    values, slopes = [], []
    for segment in data.segments:
        step = (segment.t[-1] - segment.t[0]) / (len(segment) - 1)
        half = max(FEWEST_SAMPLES, round(width / step))
        half = min(half, (len(segment) - 1) // 2)
        centres = np.unique(np.arange(half, len(segment) - half, max(1, half // OVERLAP)))
        u = np.arange(-half + 1, half) / half
        value = (1 - u**2) ** BUMP_POWER
        slope = -2 * BUMP_POWER * u * (1 - u**2) ** (BUMP_POWER - 1) / (half * step)
        under = centres[:, None] + np.arange(-half + 1, half)
        values.append(_rows(under, value / value.sum(), len(segment)))
        slopes.append(_rows(under, slope / value.sum(), len(segment)))
    return TestFunctions(tuple(values), tuple(slopes))


def _rows(columns: np.ndarray, row: np.ndarray, samples: int) -> csr_array:
    """A matrix whose rows hold the same numbers, each in columns of its own."""
    ends = np.arange(0, columns.size + 1, columns.shape[1])
    return csr_array((np.tile(row, len(columns)), columns.ravel(), ends), shape=(len(columns), samples))
