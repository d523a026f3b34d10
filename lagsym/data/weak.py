"""Weak-form integrals: the equations of motion averaged against compact test functions, without accelerations.

    integral of (dL/dq phi + dL/dv phi') dt = integral of E phi dt = 0

Test functions never straddle a gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lagsym.data.derivatives import characteristic_time
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
    """Test functions (1 - u^2)^6 on every segment of evenly sampled trajectories, as quadrature matrices.

    Arguments:
        values: for each segment, the functions times the quadrature weights, of shape (functions, samples).
        slopes: likewise their time derivatives.
    """

    __test__ = False  # not a test case, whatever pytest makes of the name

    values: tuple[Float[np.ndarray, "functions samples"], ...]
    slopes: tuple[Float[np.ndarray, "functions samples"], ...]

    def __len__(self) -> int:
        return sum(len(part) for part in self.values)

    def integrate(
        self, q_gradient: Float[np.ndarray, "... samples n"], v_gradient: Float[np.ndarray, "... samples n"]
    ) -> Float[np.ndarray, "... functions n"]:
        """Averages of E over every test function, from dL/dq and dL/dv at all samples of all segments in order."""
        rows, start = [], 0
        for value, slope in zip(self.values, self.slopes, strict=True):
            here = slice(start, start + value.shape[1])
            rows.append(value @ q_gradient[..., here, :] + slope @ v_gradient[..., here, :])
            start = here.stop
        return np.concatenate(rows, axis=-2)


def place_test_functions(data: Trajectories, *, width: float | None = None) -> TestFunctions:
    """Cover every segment with overlapping test functions of unit integral.

    Arguments:
        data: evenly sampled trajectories with velocities (see `differentiate`).
        width: half width in units of time; a fifth of the characteristic time where it is not given.
    """
    width = WIDTH * characteristic_time(data) if width is None else width
    values, slopes = [], []
    for segment in data.segments:
        step = (segment.t[-1] - segment.t[0]) / (len(segment) - 1)
        half = max(FEWEST_SAMPLES, round(width / step))
        half = min(half, (len(segment) - 1) // 2)
        centres = np.unique(np.arange(half, len(segment) - half, max(1, half // OVERLAP)))
        u = (np.arange(len(segment)) - centres[:, None]) / half
        inside = np.maximum(1 - u**2, 0)
        value = inside**BUMP_POWER
        total = value.sum(axis=1, keepdims=True)
        values.append(value / total)
        slopes.append(-2 * BUMP_POWER * u * inside ** (BUMP_POWER - 1) / (half * step) / total)
    return TestFunctions(tuple(values), tuple(slopes))
