"""Series: a free function of one variable in a Lagrangian, with the derivatives of every term of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.polynomial import chebyshev

from lagsym.data.jets import Jets
from lagsym.distillation.reading.screening import Dependence


@dataclass(frozen=True)
class Shape:
    """A free function of one variable, and where it stands in the Lagrangian.

    Arguments:
        part: "V" for -V(phi(q)), "M" for M(q) v²/2 with one coordinate, "T" for T(v²) of all velocities.
        dependence: the variable.
        linear: whether the series begins with the linear term; without it where that is another shape's.
    """

    part: str
    dependence: Dependence
    linear: bool = True

    def variable(self, jets: Jets) -> tuple[Float[np.ndarray, " samples"], Float[np.ndarray, "samples n"]]:
        """The variable and its slope by each coordinate, or for T by each velocity."""
        if self.part == "T":
            return np.sum(jets.v**2, axis=1), 2 * jets.v
        slope = np.zeros_like(jets.q)
        if self.dependence.turned:
            radius = np.linalg.norm(jets.q, axis=1)
            return radius, jets.q / radius[:, None]
        if self.dependence.shifted:
            i, j = self.dependence.shifted[0]
            slope[:, i], slope[:, j] = 1.0, -1.0
            return jets.q[:, i] - jets.q[:, j], slope
        (k,) = self.dependence.single
        slope[:, k] = 1.0
        return jets.q[:, k], slope


@dataclass(frozen=True)
class Series:
    """A shape as a Chebyshev series over the middle and half width of its variable."""

    shape: Shape
    middle: float
    half: float
    degree: int

    @classmethod
    def over(cls, shape: Shape, jets: Jets, degree: int) -> Series:
        """The series over what the data cover."""
        values, _ = shape.variable(jets)
        low, high = float(values.min()), float(values.max())
        return cls(shape, (low + high) / 2, (high - low) / 2 or 1.0, degree)

    @property
    def powers(self) -> list[int]:
        """The degrees of its terms; a constant moves nothing unless a velocity stands beside it."""
        first = 0 if self.shape.part == "M" else 1 if self.shape.linear else 2
        return list(range(first, self.degree + 1))

    def derivatives(self, values: np.ndarray, order: int) -> Float[np.ndarray, "terms samples"]:
        """The derivatives of all terms by the variable."""
        u = (values - self.middle) / self.half
        identity = np.eye(self.degree + 1)[:, self.powers]
        return chebyshev.chebval(u, chebyshev.chebder(identity, order)) / self.half**order

    def masses(self, jets: Jets) -> list[Float[np.ndarray, "terms samples"]]:
        """Every term's masses across the velocity and along it."""
        values, _ = self.shape.variable(jets)
        if self.shape.part == "M":
            return [self.derivatives(values, 0)]
        across = 2 * self.derivatives(values, 1)
        along = across + 4 * values * self.derivatives(values, 2)
        return [along] if jets.v.shape[1] == 1 else [across, along]

    def slopes(self, jets: Jets) -> tuple[np.ndarray, np.ndarray]:
        """dL/dq and dL/dv of all terms, each (terms, samples, n), for L = +term."""
        values, slope = self.shape.variable(jets)
        first = self.derivatives(values, 1)[..., None] * slope
        if self.shape.part == "V":
            return first, np.zeros_like(first)
        if self.shape.part == "M":
            term = self.derivatives(values, 0)[..., None]
            return first * jets.v**2 / 2, term * jets.v
        return np.zeros_like(first), first
