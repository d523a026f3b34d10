"""Nodes along each direction of space, with derivatives and integrals that are exact for smooth fields.

Periodic directions have Fourier's derivative on the sites themselves; others have the nodes of Legendre, Gauss and
Lobatto. In both, integration by parts holds exactly for the sums, so that a density that is summed over the nodes is
the Lagrangian of a mechanical system.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import ClassVar

import numpy as np
from jaxtyping import Complex, Float
from scipy.interpolate import make_interp_spline

from lagsym.errors import InputError

NODE_SHARES = (1.0, 0.6)
"""Nodes for each site between fixed ends, for densities of first and of second order: there rounding grows with the
fourth and the eighth power of their number."""
LONG_WAVES = 2 / 3
"""Share of the waves on a periodic grid that move: products of longer ones would come back as waves that are not there;
S. A. Orszag, Journal of the Atmospheric Sciences 28 (1971) 1074."""
SPLINE_DEGREE = 7
FEW_NODES = 256
"""Up to which a product with a matrix is faster than a transform and back."""
FEWEST_SITES = SPLINE_DEGREE + 1
"""Along a direction; that many make one spline."""
Matrix = Float[np.ndarray, "rows columns"]


@dataclass(frozen=True, eq=False)
class Ring:
    """Evenly spaced sites along a closed direction, which are the nodes.

    Arguments:
        nodes: their places.
        weights: of the integral, as a sum over the nodes.
        numbers: i times the wave numbers of the transform of real values.
    """

    nodes: Float[np.ndarray, " nodes"]
    weights: Float[np.ndarray, " nodes"]
    numbers: Complex[np.ndarray, " waves"]
    periodic: ClassVar[bool] = True

    @cached_property
    def derivative(self) -> Matrix:
        """Fourier's derivative of the values at the nodes, as a matrix D."""
        return self._by_waves(np.eye(len(self.nodes)), 0)

    @cached_property
    def free(self) -> np.ndarray:
        """Which nodes move: all."""
        return np.ones(len(self.nodes), bool)

    @cached_property
    def basis(self) -> Matrix:
        """Orthonormal columns that motion consists of: long waves."""
        count = len(self.nodes)
        phase = 2 * np.pi * np.outer(np.arange(count), np.arange(1, int(LONG_WAVES * count / 2) + 1)) / count
        waves = np.hstack([np.ones((count, 1)), np.cos(phase), np.sin(phase)])
        return waves / np.linalg.norm(waves, axis=0)

    def differentiate(self, values: np.ndarray, axis: int, *, adjoint: bool = False) -> np.ndarray:
        """D, or its adjoint -D, along an axis counted from the last; by fast transforms where there are many nodes."""
        few = len(self.nodes) <= FEW_NODES
        slope = along(self.derivative, values, axis) if few else self._by_waves(values, axis)
        return -slope if adjoint else slope

    def _by_waves(self, values: np.ndarray, axis: int) -> np.ndarray:
        waves = np.moveaxis(np.fft.rfft(values, axis=axis), axis, -1) * self.numbers
        return np.fft.irfft(np.moveaxis(waves, -1, axis), len(self.nodes), axis=axis)


@dataclass(frozen=True, eq=False)
class Stretch:
    """Nodes between two ends, at which values are given.

    Arguments:
        nodes: their places.
        weights: of the integral, as a sum over the nodes.
        derivative: of the values at the nodes, D.
        from_sites: values at the nodes from those at the evenly spaced sites.
        to_sites: values at the sites from those at the nodes.
    """

    nodes: Float[np.ndarray, " nodes"]
    weights: Float[np.ndarray, " nodes"]
    derivative: Matrix
    from_sites: Matrix
    to_sites: Matrix
    periodic: ClassVar[bool] = False

    @cached_property
    def adjoint(self) -> Matrix:
        """W^-1 D^T W, which integration by parts puts in the place of D."""
        return self.derivative.T * self.weights / self.weights[:, None]

    @cached_property
    def free(self) -> np.ndarray:
        """Which nodes move: all but the ends."""
        moving = np.ones(len(self.nodes), bool)
        moving[[0, -1]] = False
        return moving

    @cached_property
    def basis(self) -> Matrix:
        """Orthonormal columns that motion consists of: one for each node that moves."""
        return np.eye(len(self.nodes))[:, self.free]

    def differentiate(self, values: np.ndarray, axis: int, *, adjoint: bool = False) -> np.ndarray:
        """D or its adjoint along an axis counted from the last."""
        return along(self.adjoint if adjoint else self.derivative, values, axis)


Direction = Ring | Stretch


def along(matrix: Matrix, values: np.ndarray, axis: int) -> np.ndarray:
    """A matrix applied to one axis of values, counted from the last."""
    if axis == -1:
        return values @ matrix.T
    return np.moveaxis(np.moveaxis(values, axis, -1) @ matrix.T, -1, axis)


def direction(sites: Float[np.ndarray, " sites"], *, periodic: bool, order: int = 1) -> Direction:
    """The nodes for evenly spaced sites and densities of an order.

    Raises:
        InputError: there are fewer than eight sites.

    >>> x = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    >>> np.allclose(direction(x, periodic=True).derivative @ np.sin(x), np.cos(x))
    True
    >>> x = np.linspace(0, 1, 24)
    >>> line = direction(x, periodic=False)
    >>> np.allclose(line.to_sites @ line.derivative @ line.nodes**3, 3 * x**2)
    True
    """
    if len(sites) < FEWEST_SITES:
        msg = (
            f"expected at least {FEWEST_SITES} sites along each direction of space, got {len(sites)}; use a finer grid"
        )
        raise InputError(msg)
    return _ring(sites) if periodic else _stretch(sites, NODE_SHARES[max(order, 1) - 1])


def _ring(sites: np.ndarray) -> Ring:
    count = len(sites)
    step = (sites[-1] - sites[0]) / (count - 1)
    numbers = 2j * np.pi * np.fft.rfftfreq(count, step)
    if count % 2 == 0:
        numbers[-1] = 0  # the derivative of the shortest wave is nought at its sites
    return Ring(sites, np.full(count, step), numbers)


def _stretch(sites: np.ndarray, share: float) -> Stretch:
    """Legendre, Gauss and Lobatto's nodes; C. Canuto et al., Spectral Methods: Fundamentals, section 2.3."""
    reference, quadrature = _lobatto(max(FEWEST_SITES, round(share * len(sites))))
    half = (sites[-1] - sites[0]) / 2
    nodes = sites[0] + half * (reference + 1)
    nodes[-1] = sites[-1]
    # The barycentric weights of these nodes; H. Wang, D. Huybrechs and S. Vandewalle, Math. Comp. 83 (2014) 2893.
    barycentric = np.sqrt(quadrature) * (-1.0) ** np.arange(len(nodes))
    distance = reference[:, None] - reference
    np.fill_diagonal(distance, 1.0)
    derivative = barycentric / barycentric[:, None] / distance / half
    np.fill_diagonal(derivative, 0.0)
    np.fill_diagonal(derivative, -derivative.sum(axis=1))
    spline = make_interp_spline(sites, np.eye(len(sites)), SPLINE_DEGREE)
    to_sites = _interpolation(nodes, barycentric, sites)
    return Stretch(nodes, half * quadrature, derivative, spline(nodes), to_sites)


def _lobatto(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on [-1, 1]."""
    legendre = np.polynomial.legendre.Legendre.basis(count - 1)
    slope, curvature = legendre.deriv(), legendre.deriv(2)
    inner = np.sort(np.real(slope.roots()))
    for _ in range(3):
        inner = inner - slope(inner) / curvature(inner)
    nodes = np.concatenate(([-1.0], inner, [1.0]))
    return nodes, 2 / (count * (count - 1) * legendre(nodes) ** 2)


def _interpolation(nodes: np.ndarray, barycentric: np.ndarray, places: np.ndarray) -> np.ndarray:
    distance = places[:, None] - nodes
    same = np.abs(distance) < 1e-13 * np.ptp(nodes)
    parts = barycentric / np.where(same, 1.0, distance)
    parts[same.any(axis=1)] = 0.0
    parts[same] = 1.0
    return parts / parts.sum(axis=1, keepdims=True)


@dataclass(frozen=True, eq=False)
class Grid:
    """The nodes over all directions of space; arrays on it have the directions as their last axes."""

    directions: tuple[Direction, ...]

    @classmethod
    def of(cls, axes: Sequence[np.ndarray], periodic: Sequence[bool], order: int = 1) -> Grid:
        """The grid for sites along each direction and densities of an order, 1 or 2.

        Raises:
            InputError: there are too few sites.
        """
        lines = zip(axes, periodic, strict=True)
        return cls(tuple(direction(sites, periodic=closes, order=order) for sites, closes in lines))

    @property
    def shape(self) -> tuple[int, ...]:
        """Nodes along each direction."""
        return tuple(len(line.nodes) for line in self.directions)

    @cached_property
    def places(self) -> tuple[np.ndarray, ...]:
        """The space coordinates of the nodes, each of the grid's shape."""
        return tuple(np.meshgrid(*(line.nodes for line in self.directions), indexing="ij"))

    @cached_property
    def weights(self) -> np.ndarray:
        """Weights of the integral over all of space."""
        return reduce(np.multiply.outer, (line.weights for line in self.directions))

    @cached_property
    def free(self) -> np.ndarray:
        """Which nodes move."""
        return reduce(np.logical_and.outer, (line.free for line in self.directions))

    def differentiate(self, values: np.ndarray, index: Sequence[int], *, adjoint: bool = False) -> np.ndarray:
        """The derivative along the directions of space in `index`, 0 for the first, or its adjoint."""
        for k in index:
            values = self.directions[k].differentiate(values, k - len(self.directions), adjoint=adjoint)
        return values

    def from_sites(self, values: np.ndarray) -> np.ndarray:
        """Values at the nodes from those at the sites."""
        return self._each("from_sites", values)

    def to_sites(self, values: np.ndarray) -> np.ndarray:
        """Values at the sites from those at the nodes."""
        return self._each("to_sites", values)

    def integrate(self, values: np.ndarray) -> np.ndarray:
        """The integral over space."""
        return np.sum(values * self.weights, axis=tuple(range(-len(self.directions), 0)))

    def between_ends(self, values: np.ndarray) -> np.ndarray:
        """Linear interpolation from the ends of all directions that have ends; nought without any.

        Along several directions it is the one of S. A. Coons, Surfaces for Computer-Aided Design (1967).
        """
        rest = values
        for k, line in enumerate(self.directions):
            if not line.periodic:
                share = (line.nodes - line.nodes[0]) / np.ptp(line.nodes)
                interpolation = np.zeros((len(share),) * 2)
                interpolation[:, 0], interpolation[:, -1] = 1 - share, share
                rest = rest - along(interpolation, rest, k - len(self.directions))
        return values - rest

    @cached_property
    def basis(self) -> Matrix:
        """Orthonormal columns over all nodes that motion consists of."""
        return reduce(np.kron, (line.basis for line in self.directions))

    def basis_derivative(self, index: Sequence[int]) -> Matrix:
        """The derivative along `index` of the basis."""
        columns = self.basis.T.reshape(-1, *self.shape)
        return self.differentiate(columns, index).reshape(len(columns), -1).T

    def _each(self, name: str, values: np.ndarray) -> np.ndarray:
        for k, line in enumerate(self.directions):
            if isinstance(line, Stretch):
                values = along(getattr(line, name), values, k - len(self.directions))
        return values
