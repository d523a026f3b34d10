"""The geometry of second-order equations a(t, q, v): connection, Jacobi endomorphism, curvature.

Everything is a NumPy array of power series about a point, in the variables (q, v) or (q, v, t).

Source: W. Sarlet, "The Helmholtz conditions revisited", J. Phys. A 15 (1982) 1503; M. Crampin, W. Sarlet, E. Martínez,
G. Byrnes, G. Prince, "Towards a geometrical understanding of Douglas's solution of the inverse problem of the calculus
of variations", Inverse Problems 10 (1994) 245.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lagsym.mechanics.algebra.power_series import Series


def each(function: Callable[[Series], Series], array: np.ndarray) -> np.ndarray:
    """An array with a function applied to every series."""
    result = np.empty(array.shape, dtype=object)
    for index, series in np.ndenumerate(array):
        result[index] = function(series)
    return result


@dataclass(frozen=True, eq=False)
class SecondOrderGeometry:
    """The geometry at one point.

    Arguments:
        accelerations: the series of a, of shape (n,).
        velocities: the series of v, of shape (n,).
    """

    accelerations: np.ndarray
    velocities: np.ndarray

    @property
    def size(self) -> int:
        """The number n of coordinates."""
        return len(self.accelerations)

    @property
    def depends_on_time(self) -> bool:
        """Whether time is among the variables."""
        return self.accelerations[0].truncation.variables > 2 * self.size

    def by_position(self, array: np.ndarray, k: int) -> np.ndarray:
        """The derivative by q_k."""
        return each(lambda series: series.derivative(k), array)

    def by_velocity(self, array: np.ndarray, k: int) -> np.ndarray:
        """The derivative by v_k."""
        return each(lambda series: series.derivative(self.size + k), array)

    def along_motion(self, array: np.ndarray) -> np.ndarray:
        """The total derivative Gamma = d/dt + v d/dq + a d/dv."""
        result = each(lambda series: series.derivative(2 * self.size), array) if self.depends_on_time else 0
        for k, (v, a) in enumerate(zip(self.velocities, self.accelerations, strict=True)):
            result = result + self.by_position(array, k) * v + self.by_velocity(array, k) * a
        return np.asarray(result)

    def horizontal(self, array: np.ndarray, k: int) -> np.ndarray:
        """The derivative H_k = d/dq_k - N^l_k d/dv_l."""
        result = self.by_position(array, k)
        for i in range(self.size):
            result = result - self.by_velocity(array, i) * self.connection[i, k]
        return result

    @cached_property
    def connection(self) -> np.ndarray:
        """N^i_j = -1/2 da^i/dv^j, of shape (n, n)."""
        columns = [self.by_velocity(self.accelerations, j) for j in range(self.size)]
        return each(lambda series: -series / 2, np.stack(columns, axis=1))

    @cached_property
    def connection_by_velocity(self) -> np.ndarray:
        """dN^i_j/dv^k, of shape (n, n, n), symmetric in j and k."""
        return np.stack([self.by_velocity(self.connection, k) for k in range(self.size)], axis=2)

    @cached_property
    def endomorphism(self) -> np.ndarray:
        """The Jacobi endomorphism Phi^i_j = -da^i/dq^j - N^i_k N^k_j - Gamma(N^i_j), of shape (n, n)."""
        by_q = np.stack([self.by_position(self.accelerations, j) for j in range(self.size)], axis=1)
        return -by_q - self.connection @ self.connection - self.along_motion(self.connection)

    def nabla(self, tensor: np.ndarray) -> np.ndarray:
        """The derivative of an endomorphism along the motion: Gamma(T) + N T - T N."""
        return self.along_motion(tensor) + self.connection @ tensor - tensor @ self.connection

    @cached_property
    def curvature(self) -> np.ndarray:
        """R^i_jk = H_k N^i_j - H_j N^i_k, of shape (n, n, n), the vertical part of [H_j, H_k]."""
        half = np.stack([self.horizontal(self.connection, k) for k in range(self.size)], axis=2)
        return half - np.swapaxes(half, 1, 2)

    def nabla_of_curvature(self, tensor: np.ndarray) -> np.ndarray:
        """The derivative of a vector-valued two-form along the motion."""
        inner = np.tensordot(tensor, self.connection, axes=(2, 0))
        return (
            self.along_motion(tensor)
            + np.tensordot(self.connection, tensor, axes=(1, 0))
            - np.swapaxes(np.tensordot(tensor, self.connection, axes=(1, 0)), 1, 2)
            - inner
        )
