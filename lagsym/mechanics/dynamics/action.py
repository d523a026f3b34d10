"""The action as a function of finitely many numbers: its value, slope and curvature along piecewise polynomials."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float
from numpy.polynomial import legendre
from scipy import sparse

from lagsym.errors import InputError
from lagsym.mechanics.dynamics.forms import require_first_order_particle
from lagsym.mechanics.dynamics.numeric import check_symbols
from lagsym.mechanics.jetspace import JetSpace

DEGREE = 12
"""Degree of the polynomial on each element."""
EXTRA_POINTS = 4
"""Points of Gauss's quadrature beyond the degree; what is integrated is no polynomial where L is none."""


@dataclass(frozen=True)
class Mesh:
    """Continuous piecewise polynomials on an interval, given by their values at Lobatto's points.

    Arguments:
        begin: where the interval begins.
        duration: its length, positive.
        elements: number of equal pieces.
        degree: of the polynomial on each.

    >>> mesh = Mesh(0.0, 2.0, 3)
    >>> bool(abs(mesh.evaluate(mesh.nodes[:, None] ** 3, np.array([1.7]), 1)[0, 0] - 3 * 1.7**2) < 1e-12)
    True
    """

    begin: float
    duration: float
    elements: int
    degree: int = DEGREE

    @property
    def width(self) -> float:
        """Length of an element."""
        return self.duration / self.elements

    @cached_property
    def reference_nodes(self) -> Float[np.ndarray, " local"]:
        """Lobatto's points on [-1, 1]: the ends and the extrema of Legendre's polynomial."""
        inner = legendre.Legendre.basis(self.degree).deriv().roots()
        return np.concatenate(([-1.0], np.sort(inner.real), [1.0]))

    @cached_property
    def nodes(self) -> Float[np.ndarray, " nodes"]:
        """All nodes in increasing order; neighbouring elements share one."""
        left = self.begin + self.width * np.arange(self.elements)[:, None]
        inner = left + self.width * (self.reference_nodes[:-1] + 1) / 2
        return np.append(inner.ravel(), self.begin + self.duration)

    @cached_property
    def places(self) -> np.ndarray:
        """Indices of every element's nodes, of shape (elements, degree + 1)."""
        return self.degree * np.arange(self.elements)[:, None] + np.arange(self.degree + 1)

    @cached_property
    def _to_coefficients(self) -> np.ndarray:
        return np.linalg.inv(legendre.legvander(self.reference_nodes, self.degree))

    def basis(self, points: np.ndarray, order: int = 0) -> Float[np.ndarray, "points local"]:
        """Values at `points` of [-1, 1] of the polynomials that are one at a node, differentiated by the base."""
        coefficients = legendre.legder(self._to_coefficients, order) if order else self._to_coefficients
        return legendre.legval(points, coefficients).T * (2 / self.width) ** order

    def evaluate(
        self, path: Float[np.ndarray, "nodes n"], t: Float[np.ndarray, " points"], order: int = 0
    ) -> Float[np.ndarray, "points n"]:
        """The path, or its derivative of some order, at any points of the interval."""
        steps = (np.asarray(t, float) - self.begin) / self.width
        element = np.clip(np.floor(steps).astype(int), 0, self.elements - 1)
        weights = self.basis(2 * (steps - element) - 1, order)
        return np.einsum("pa,pan->pn", weights, path[self.places[element]])


@dataclass(frozen=True)
class Action:
    """S[q] = integral of L(t, q, v) dt over the piecewise polynomials of a mesh, by Gauss's quadrature.

    It comes from `compile_action`; `n` is the number of coordinates.
    """

    n: int
    _value: Callable[..., Any] = field(repr=False)
    _gradient: Callable[..., Sequence[Any]] = field(repr=False)
    _hessian: Callable[..., Sequence[Any]] = field(repr=False)

    def value(self, path: Float[np.ndarray, "nodes n"], mesh: Mesh) -> float:
        """The action of a path."""
        weights, points = _quadrature(mesh)
        return float(np.sum(weights * self._evaluate(self._value, path, mesh, points)[..., 0]))

    def slope(self, path: Float[np.ndarray, "nodes n"], mesh: Mesh) -> Float[np.ndarray, "nodes n"]:
        """dS/dq at every node; zero at all inner nodes of a motion."""
        weights, points = _quadrature(mesh)
        parts = self._evaluate(self._gradient, path, mesh, points).reshape(mesh.elements, len(points), 2, self.n)
        local = np.einsum("g,sga,kgsi->kai", weights, _basis(mesh, points), parts, optimize=True)
        result = np.zeros_like(path)
        np.add.at(result, mesh.places, local)
        return result

    def curvature(self, path: Float[np.ndarray, "nodes n"], mesh: Mesh) -> sparse.csc_matrix:
        """d2S/dq dq, of shape (nodes n, nodes n), node by node."""
        weights, points = _quadrature(mesh)
        second = self._second(path, mesh, points).reshape(mesh.elements, len(points), 2, self.n, 2, self.n)
        basis = _basis(mesh, points)
        local = np.einsum("g,sga,kgsitj,tgb->kaibj", weights, basis, second, basis, optimize=True)
        rows = (self.n * mesh.places[:, :, None] + np.arange(self.n)).reshape(mesh.elements, -1)
        size = rows.shape[1]
        down, across = np.repeat(rows, size, axis=1).ravel(), np.tile(rows, size).ravel()
        return sparse.csc_matrix((local.ravel(), (down, across)), shape=(path.size, path.size))

    def mass(self, path: Float[np.ndarray, "nodes n"], mesh: Mesh) -> Float[np.ndarray, "points n n"]:
        """The mass matrix d2L/dv dv at the points of the quadrature."""
        _, points = _quadrature(mesh)
        second = self._second(path, mesh, points)
        return second[..., self.n :, self.n :].reshape(-1, self.n, self.n)

    def _second(self, path: np.ndarray, mesh: Mesh, points: np.ndarray) -> np.ndarray:
        columns = self._evaluate(self._hessian, path, mesh, points)
        upper, lower = np.triu_indices(2 * self.n)
        second = np.empty((*columns.shape[:2], 2 * self.n, 2 * self.n))
        second[..., upper, lower] = second[..., lower, upper] = columns
        return second

    def _evaluate(self, function: Callable[..., Any], path: np.ndarray, mesh: Mesh, points: np.ndarray) -> np.ndarray:
        """Columns of a function of (t, q, v), of shape (elements, points, columns)."""
        left = mesh.begin + mesh.width * np.arange(mesh.elements)[:, None]
        t = left + mesh.width * (points + 1) / 2
        q, v = (np.einsum("ga,kan->nkg", part, path[mesh.places]) for part in _basis(mesh, points))
        with np.errstate(all="ignore"):
            columns = function(t, *q, *v)
        return np.stack([np.broadcast_to(column, t.shape) for column in columns], axis=-1).astype(float)


def compile_action(lagrangian: sp.Expr, space: JetSpace) -> Action:
    """Turn a Lagrangian of first order over one base coordinate into its action.

    Arguments:
        lagrangian: every symbol is the base coordinate, a field or its first derivative.
        space: the jet space that it is written in.

    Raises:
        InputError: a symbol has no value, or the Lagrangian is a field's or of second order.

    >>> space = JetSpace(("q",))
    >>> (v,) = space.velocities
    >>> mesh = Mesh(0.0, 2.0, 1)
    >>> round(compile_action(v**2 / 2, space).value(3 * mesh.nodes[:, None], mesh), 12)
    9.0
    """
    require_first_order_particle(lagrangian, space)
    arguments = (*space.base_symbols, *space.positions, *space.velocities)
    check_symbols(sp.sympify(lagrangian).free_symbols, arguments, space)
    variables = arguments[1:]
    slopes = [sp.diff(lagrangian, x) for x in variables]
    second = [sp.diff(slopes[i], variables[j]) for i, j in zip(*np.triu_indices(len(variables)), strict=True)]
    compiled = (_compiled(arguments, expressions) for expressions in ([lagrangian], slopes, second))
    return Action(len(space.fields), *compiled)


def _compiled(arguments: Sequence[sp.Symbol], expressions: Sequence[Any]) -> Callable[..., Any]:
    numbers = [sp.sympify(expression).evalf(17) for expression in expressions]
    return sp.lambdify(arguments, numbers, "numpy", cse=True, docstring_limit=0)


def _quadrature(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """Weights on an element, and points on [-1, 1]."""
    points, weights = legendre.leggauss(mesh.degree + EXTRA_POINTS)
    return weights * mesh.width / 2, points


def _basis(mesh: Mesh, points: np.ndarray) -> np.ndarray:
    """Basis functions and their slopes at the points, of shape (2, points, local)."""
    return np.stack([mesh.basis(points), mesh.basis(points, 1)])


def require_regular(mass: Float[np.ndarray, "points n n"], smallest: float) -> None:
    """Refuse a Lagrangian whose mass matrix is singular, for which two positions determine no path.

    Raises:
        InputError: the mass matrix has no inverse at some point, or no value.
    """
    if not np.isfinite(mass).all():
        msg = "the Lagrangian has no value on the path that was begun with; give another `guess` between the positions"
        raise InputError(msg)
    values = np.abs(np.linalg.eigvalsh(mass))
    if (values.min(axis=1) <= smallest * values.max(axis=1)).any():
        msg = (
            "expected a Lagrangian whose mass matrix d2L/dv dv has an inverse, got one without; two positions do not "
            "determine its motion"
        )
        raise InputError(msg)
