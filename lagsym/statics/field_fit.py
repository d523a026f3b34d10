"""Least squares of a potential's constants, and of every chain's tension and first point, through measured shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float
from scipy.optimize import least_squares

from lagsym.errors import DataError
from lagsym.statics.chains import Chain
from lagsym.statics.equilibrium import integrate_shapes
from lagsym.statics.potentials import CompiledPotential, compile_potential


@dataclass(frozen=True)
class Effort:
    """How closely shapes are integrated and fitted, and with how many evaluations at most."""

    tolerance: float = 1e-11
    convergence: float = 1e-12
    evaluations: int = 60


CLOSE, ROUGH = Effort(), Effort(1e-6, 1e-4, 15)
ENDS = 0.2
"""Share of a chain over which the slope at its end is read for the first guess."""
FAR = 1e3
"""Stands for the residual where a shape runs into a singularity, in sizes of the chains."""


@dataclass(frozen=True)
class FieldFit:
    """Fitted chains in a field.

    Arguments:
        firsts: (x, y, T cos theta, T sin theta) at the beginning of every chain, of shape (chains, 4).
        constants: of the potential.
        square: sum of squared residuals.
        inverse_information: (J^T J)^-1 of all that was fitted, first points chain by chain and then the constants.
        jacobian: J, of shape (rows, 4 chains + constants).
        residual: model minus measurement, x and then y of every chain in turn.
    """

    firsts: Float[np.ndarray, "chains 4"]
    constants: tuple[float, ...]
    square: float
    inverse_information: np.ndarray
    jacobian: np.ndarray
    residual: np.ndarray


@dataclass(frozen=True)
class FieldModel:
    """Chains of uniform density in a potential with constants.

    Arguments:
        potential: per unit of weight.
        constants: its constants, in the order in which values come.
        chains: measured shapes.
    """

    potential: sp.Expr
    constants: tuple[sp.Symbol, ...]
    chains: tuple[Chain, ...]

    @cached_property
    def compiled(self) -> CompiledPotential:
        """The potential's derivatives."""
        return compile_potential(self.potential, self.constants)

    @cached_property
    def lengths(self) -> Float[np.ndarray, " chains"]:
        """Arc lengths."""
        return np.array([chain.length for chain in self.chains])

    @property
    def size(self) -> float:
        """The longest chain."""
        return float(self.lengths.max())

    @property
    def rows(self) -> int:
        """Number of measured coordinates."""
        return 2 * sum(len(chain.s) for chain in self.chains)

    def guess(self) -> Float[np.ndarray, "chains 4"]:
        """First points and tensions by the slopes at both ends, in uniform gravity: H (tan1 - tan0) = length.

        Raises:
            DataError: a chain bends downwards.
        """
        firsts = []
        for chain in self.chains:
            along = (chain.s - chain.s[0]) / chain.length
            first, last = along < ENDS, along > 1 - ENDS
            slopes = [np.polyfit(chain.s[part], chain.points[part], 1)[0] for part in (first, last)]
            (x0, y0), (x1, y1) = slopes
            # The slopes are those a tenth from each end.
            bend = (y1 / x1 - y0 / x0) / (1 - ENDS)
            if not bend * x1 > 0:
                msg = f"chain {chain.name} bends downwards; check that y points upwards and s runs along the chain"
                raise DataError(msg)
            tension = chain.length / bend
            firsts.append([*chain.points[0], tension, tension * (y0 / x0 - bend * ENDS / 2)])
        return np.array(firsts)

    def residuals(self, values: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
        """Model minus measurement, and its Jacobian; huge where a shape runs into a singularity."""
        count = len(self.chains)
        constants = values[4 * count :]
        shapes = integrate_shapes(
            self.compiled, values[: 4 * count].reshape(count, 4), self.lengths, constants, tolerance=tolerance
        )
        jacobian = np.zeros((self.rows, len(values)))
        if shapes is None:
            return np.full(self.rows, FAR * self.size), jacobian
        residual, begin = np.empty(self.rows), 0
        for k, chain in enumerate(self.chains):
            share = (chain.s - chain.s[0]) / chain.length
            rows = slice(begin, begin + 2 * len(share))
            residual[rows] = (shapes.points(k, share)[:, :2] - chain.points).T.ravel()
            columns = shapes.derivatives(k, share).transpose(1, 0, 2).reshape(2 * len(share), -1)
            jacobian[rows, 4 * k : 4 * k + 4] = columns[:, :4]
            jacobian[rows, 4 * count :] = columns[:, 4:]
            begin = rows.stop
        return residual, jacobian

    def fit(
        self, firsts: Float[np.ndarray, "chains 4"], constants: Sequence[float], effort: Effort = CLOSE
    ) -> FieldFit | None:
        """Levenberg-Marquardt from a guess; None where it runs into a singularity."""
        kept: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}

        def evaluated(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            key = values.tobytes()
            if key not in kept:
                kept.clear()
                kept[key] = self.residuals(values, effort.tolerance)
            return kept[key]

        begin = np.concatenate((firsts.ravel(), np.asarray(constants, float)))
        solve: Any = least_squares
        found = solve(
            lambda values: evaluated(values)[0],
            begin,
            jac=lambda values: evaluated(values)[1],
            method="lm",
            x_scale="jac",
            xtol=effort.convergence,
            ftol=effort.convergence,
            gtol=1e-15,
            max_nfev=effort.evaluations,
        )
        residual, jacobian = self.residuals(found.x, effort.tolerance)
        if not np.isfinite(residual).all() or np.abs(residual).max() > self.size:
            return None
        inverse = np.linalg.pinv(jacobian.T @ jacobian, rcond=1e-15, hermitian=True)
        count = len(self.chains)
        return FieldFit(
            found.x[: 4 * count].reshape(count, 4),
            tuple(map(float, found.x[4 * count :])),
            float(residual @ residual),
            inverse,
            jacobian,
            residual,
        )
