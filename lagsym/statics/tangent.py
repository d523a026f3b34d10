"""Shapes through the tangent: a chain in uniform gravity as a function of the coefficients of its density.

    tan theta = tau,   tau' = w = rho g / H,   x' = cos theta,   y' = sin theta

With H the horizontal tension, which does not change along the chain.  The arc length is exact, whatever the
coefficients are, and two integrations lie between them and the points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lagsym.errors import DataError
from lagsym.statics.chains import Chain

GAUSS = 4
"""Points of Gauss's quadrature between two measured points."""
STEPS, SMALLEST_DAMPING = 60, 2.0**-8
CONVERGED, ROUNDED = 1e-11, 1e-11
"""The fit ends where a step promises to change the sum of squares by less than this share, or the shape by less."""
ENDS = 3
"""Columns beside those of the density: tau at the first point, and the first point itself."""
Integrals = Callable[[np.ndarray], np.ndarray]
"""Integrals of the functions that w is made of, from the first point to s, of shape (points, columns)."""


@dataclass(frozen=True)
class TangentModel:
    """Measured points and where the quadrature between them lies.

    Arguments:
        s: arc lengths from the first point on.
        points: of shape (points, 2), turned so that x increases.
        nodes: of the quadrature, of shape (pieces, GAUSS).
        weights: of the quadrature, of the same shape.
        places: which of the pieces' borders the points are.
    """

    s: Float[np.ndarray, " points"]
    points: Float[np.ndarray, "points 2"]
    nodes: np.ndarray
    weights: np.ndarray
    places: np.ndarray

    @classmethod
    def of(cls, chain: Chain, breaks: Sequence[float] = ()) -> TangentModel:
        """The model of a measured chain.

        Arguments:
            chain: what was measured.
            breaks: arc lengths from the first point on at which the density may jump.

        Raises:
            DataError: its ends lie above one another, so that it has no horizontal tension.
        """
        points = chain.points.copy()
        width = points[-1, 0] - points[0, 0]
        if abs(width) < 1e-3 * chain.length:
            msg = (
                f"chain {chain.name}: expected ends apart from each other along x, got {points[0, 0]:g} and "
                f"{points[-1, 0]:g}; without horizontal tension a shape shows no density"
            )
            raise DataError(msg)
        points[:, 0] *= np.sign(width)
        s = chain.s - chain.s[0]
        nodes, weights = np.polynomial.legendre.leggauss(GAUSS)
        borders = np.union1d(s, np.asarray(breaks, float))
        half = np.diff(borders)[:, None] / 2
        return cls(s, points, borders[:-1, None] + half * (nodes + 1), half * weights, np.searchsorted(borders, s))

    def slopes(self, integrals: Integrals) -> np.ndarray:
        """Derivatives of tau by the coefficients at the nodes (nodes, columns + 1), the last by tau at s = 0."""
        values = integrals(self.nodes.ravel())
        return np.concatenate((values, np.ones((len(values), 1))), axis=1)

    def residuals(self, slopes: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Model minus measurement (2 points,), and its Jacobian by the coefficients and the ends (2 points, columns).

        Arguments:
            slopes: from `slopes`.
            values: coefficients of w, tau at the first point, and the first point (x, y).
        """
        tau = slopes @ values[:-2]
        cosine = 1 / np.sqrt(1 + tau**2)
        rates = np.stack([cosine, tau * cosine])
        turned = np.stack([-tau, np.ones_like(tau)]) * cosine**3
        shape = self._sum(rates[:, :, None])[..., 0] + values[-2:, None]
        jacobian = np.zeros((2, len(self.s), len(values)))
        jacobian[..., :-2] = self._sum(turned[..., None] * slopes)
        jacobian[0, :, -2] = jacobian[1, :, -1] = 1.0
        return (shape - self.points.T).ravel(), jacobian.reshape(-1, len(values))

    def _sum(self, rates: np.ndarray) -> np.ndarray:
        """Integrals of rates at the nodes (2, nodes, columns) up to every point (2, points, columns)."""
        pieces = np.einsum("dpgc,pg->dpc", rates.reshape(2, *self.nodes.shape, -1), self.weights)
        return np.concatenate((np.zeros_like(pieces[:, :1]), np.cumsum(pieces, axis=1)), axis=1)[:, self.places]

    def straight(self, columns: int) -> np.ndarray:
        """Values to begin with: no density, the mean slope of the chord, the first point."""
        chord = self.points[-1] - self.points[0]
        return np.concatenate((np.zeros(columns), [chord[1] / chord[0]], self.points[0]))

    def fit(
        self, slopes: np.ndarray, begin: np.ndarray, penalty: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Least squares by damped Gauss-Newton steps: values, residuals and Jacobian.

        Arguments:
            slopes: from `slopes`.
            begin: values to begin with.
            penalty: matrix R whose squared |R coefficients|^2 is added; none without.
        """
        rows = np.zeros((0, len(begin)))
        if penalty is not None:
            rows = np.concatenate((penalty, np.zeros((len(penalty), ENDS))), axis=1)
        values, (residual, jacobian) = begin, self.residuals(slopes, begin)
        total = _square(residual, rows @ values)
        for _ in range(STEPS):
            stacked = np.concatenate((jacobian, rows))
            step = -_solve(stacked, np.concatenate((residual, rows @ values)))
            if _square(stacked @ step) <= CONVERGED * total or np.abs(jacobian @ step).max() < ROUNDED * self.s[-1]:
                break
            damping = 1.0
            while damping > SMALLEST_DAMPING:
                tried = values + damping * step
                following = self.residuals(slopes, tried)
                if _square(following[0], rows @ tried) <= total:
                    break
                damping /= 2
            else:
                break
            values, (residual, jacobian) = tried, following
            total = _square(residual, rows @ values)
        return values, residual, jacobian


def _square(*parts: np.ndarray) -> float:
    return sum(float(part @ part) for part in parts)


def _solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    scale = np.linalg.norm(matrix, axis=0)
    scale[scale == 0] = 1.0
    return np.linalg.lstsq(matrix / scale, right, rcond=None)[0] / scale
