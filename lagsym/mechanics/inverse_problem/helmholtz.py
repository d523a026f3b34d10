"""Helmholtz' conditions: which equations of motion come from a Lagrangian.

Expressions E(t, q, v, a) are the Euler–Lagrange expressions of some Lagrangian exactly if

    dE_i/da_j = dE_j/da_i
    dE_i/dv_j + dE_j/dv_i = d/dt (dE_i/da_j + dE_j/da_i)
    dE_i/dq_j - dE_j/dq_i = 1/2 d/dt (dE_i/dv_j - dE_j/dv_i)

at every q, v, a and third derivative.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.errors import InputError
from lagsym.mechanics.calculus import euler_lagrange, total_derivative
from lagsym.mechanics.dynamics.forms import mass_matrix
from lagsym.mechanics.equivalence.null_lagrangians import added_function
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.sampling import VELOCITY, Ranges, random_point, sampling_ranges

POINTS = 24
TOLERANCE = 1e-9
"""Relative singular value below which a condition is met."""


@dataclass(frozen=True)
class Multipliers:
    """Constant matrices S such that S E is still a variational form.

    Arguments:
        matrices: a basis of their space, each of shape (n, n); the first is the identity.
    """

    matrices: tuple[Float[np.ndarray, "n n"], ...]

    @property
    def dimension(self) -> int:
        """Dimension of the space: 1 where only the scale is undetermined."""
        return len(self.matrices)


def multipliers(lagrangian: sp.Expr, space: JetSpace, ranges: Ranges | None = None) -> Multipliers:
    """Find all constant matrices S such that S E[L] satisfies Helmholtz' conditions.

    The conditions are linear in S; they are solved numerically at random points.

    Arguments:
        lagrangian: with numbers in place of its parameters.
        space: the jet space that it is written in.
        ranges: where it is defined, by the symbols' names.

    Raises:
        InputError: the Lagrangian holds a symbol without a value, or is not finite in the ranges.

    >>> space = JetSpace(("x", "y"))
    >>> (x, y), (x_dot, y_dot) = space.positions, space.velocities
    >>> multipliers(x_dot**2 + y_dot**2 - x**2 - 3 * y**2, space).dimension
    2
    """
    n = len(space.fields)
    jacobians = _jacobians(lagrangian, space, ranges)
    conditions = np.concatenate([_conditions(*parts) for parts in jacobians])
    basis = _null_space(conditions, float(np.linalg.norm(jacobians))).reshape(-1, n, n)
    return Multipliers(tuple(_from_identity(basis)))


def diagonal_member(lagrangian: sp.Expr, space: JetSpace, ranges: Ranges | None = None) -> sp.Expr | None:
    """A Lagrangian with a diagonal mass matrix and the equations S E, for some multiplier S.

    Made for natural Lagrangians, of kinetic energy quadratic in v less a potential: with M' = S M,
    L' = v . M' v / 2 - V', dV'/dq = -S dL/dq at v = 0.

    Returns:
        The Lagrangian, or None where there is no such S or the Lagrangian is not natural.

    Raises:
        InputError: as `multipliers`.

    >>> space = JetSpace(("x", "y"))
    >>> (x, y), (x_dot, y_dot) = space.positions, space.velocities
    >>> diagonal_member(x_dot * y_dot - x * y, space)
    -x**2/2 + x_dot**2/2 - y**2/2 + y_dot**2/2
    """
    at_rest: Any = dict.fromkeys(space.velocities, 0)
    mass = mass_matrix(lagrangian, space)
    momenta_at_rest = [sp.expand(sp.diff(lagrangian, v).subs(at_rest)) for v in space.velocities]
    if any(p != 0 for p in momenta_at_rest) or mass.free_symbols & set(space.velocities):
        return None
    chosen = _diagonalising(multipliers(lagrangian, space, ranges), mass, space, ranges)
    if chosen is None:
        return None
    matrix = sp.Matrix(chosen).applyfunc(lambda x: sp.nsimplify(x) if abs(x - round(x, 6)) < 1e-9 else sp.Float(x, 17))
    velocities = sp.Matrix(space.velocities)
    new_mass: Any = (matrix * mass).applyfunc(_tidied)
    kinetic = sum(new_mass[i, i] * v**2 / 2 for i, v in enumerate(space.velocities))
    gradient = matrix * sp.Matrix([sp.diff(lagrangian, q) for q in space.positions]).subs(at_rest)
    # L' = T' - V' with dV'/dq = -S dL/dq: the same integration that finds an added F.
    minus_potential = added_function((velocities.T * gradient)[0], space, ranges)
    return None if minus_potential is None else sp.expand(kinetic + minus_potential)


def _tidied(expression: sp.Expr) -> Any:
    terms = sp.Add.make_args(sp.expand(expression))
    return sp.Add(*(term for term in terms if abs(term.as_coeff_Mul()[0]) > TOLERANCE))


def _jacobians(lagrangian: sp.Expr, space: JetSpace, ranges: Ranges | None) -> list[list[np.ndarray]]:
    """dE/dq, dE/dv, dE/da and the time derivatives of the last two, each (n, n), at random points."""
    equations = sp.Matrix(euler_lagrange(lagrangian, space))
    by = [equations.jacobian(symbols) for symbols in (space.positions, space.velocities, space.accelerations)]
    rates = [part.applyfunc(lambda entry: total_derivative(entry, space)) for part in by[1:]]
    higher = (*space.accelerations, *space.derivatives(0, 0, 0))
    symbols = (*space.base_symbols, *space.positions, *space.velocities, *higher)
    unknown = sorted(str(symbol) for symbol in lagrangian.free_symbols - set(symbols))
    if unknown:
        msg = f"expected numbers in place of the parameters {', '.join(unknown)}"
        raise InputError(msg)
    bounds = {**sampling_ranges(space, (), ranges), **{symbol.name: VELOCITY for symbol in higher}}
    evaluate = sp.lambdify(symbols, [*by, *rates], "numpy", cse=True)
    generator = random.Random(2)
    with np.errstate(all="ignore"):
        points = [[float(x) for x in random_point(symbols, bounds, generator)] for _ in range(POINTS)]
        values = [[np.asarray(part, float) for part in evaluate(*point)] for point in points]
    finite = [parts for parts in values if all(np.isfinite(part).all() for part in parts)]
    if len(finite) < POINTS // 2:
        msg = "the equations of motion are not finite at most random points; give ranges in which they are defined"
        raise InputError(msg)
    return finite


def _conditions(
    by_q: np.ndarray, by_v: np.ndarray, by_a: np.ndarray, rate_v: np.ndarray, rate_a: np.ndarray
) -> np.ndarray:
    """Helmholtz' conditions at one point as a matrix that acts on S, by rows, of shape (3 n^2, n^2)."""
    n = len(by_q)
    columns = []
    for entry in np.eye(n * n).reshape(-1, n, n):
        q, v, a, dv, da = (entry @ part for part in (by_q, by_v, by_a, rate_v, rate_a))
        columns.append(np.concatenate([(a - a.T), (v + v.T - da - da.T), (q - q.T - (dv - dv.T) / 2)], axis=None))
    return np.column_stack(columns)


def _null_space(matrix: np.ndarray, size: float) -> np.ndarray:
    """Directions in which the matrix is nought, but for rounding of terms of that size."""
    _, singular, directions = np.linalg.svd(matrix, full_matrices=False)
    return directions[singular <= TOLERANCE * max(size, 1e-300)]


def _from_identity(basis: np.ndarray) -> list[np.ndarray]:
    """The same space with a basis that starts with the identity, which is always in it."""
    n = basis.shape[-1]
    vectors = np.concatenate([np.eye(n).reshape(1, -1), basis.reshape(len(basis), -1)])
    orthogonal, triangle = np.linalg.qr(vectors.T)
    kept = np.flatnonzero(np.abs(np.diag(triangle)) > 1e-6)
    return [np.eye(n), *(orthogonal[:, k].reshape(n, n) for k in kept[1:])]


def _diagonalising(found: Multipliers, mass: sp.Matrix, space: JetSpace, ranges: Ranges | None) -> np.ndarray | None:
    """The multiplier S for which S M is diagonal with entries as near as can be to the size of M's rows."""
    n = len(space.fields)
    bounds = sampling_ranges(space, (), ranges)
    symbols = (*space.base_symbols, *space.positions)
    evaluate = sp.lambdify(symbols, mass, "numpy")
    generator = random.Random(3)
    draws = [[float(x) for x in random_point(symbols, bounds, generator)] for _ in range(POINTS)]
    masses = [np.asarray(evaluate(*point), float) for point in draws]
    basis = np.array(found.matrices)
    products = np.array([basis @ m for m in masses])  # (points, d, n, n)
    off_diagonal = ~np.eye(n, dtype=bool)
    coordinates = _null_space_of(np.moveaxis(products[:, :, off_diagonal], 1, -1).reshape(-1, len(basis)))
    if not len(coordinates):
        return None
    diagonals = np.einsum("kd,pdii->pik", coordinates, products).reshape(-1, len(coordinates))
    sizes = np.array([np.linalg.norm(m, axis=1) for m in masses]).ravel()
    weights = np.linalg.lstsq(diagonals, sizes, rcond=None)[0]
    if (diagonals @ weights <= 0).any():
        return None
    return np.einsum("k,kd,dij->ij", weights, coordinates, basis)


def _null_space_of(matrix: np.ndarray) -> np.ndarray:
    """Null directions of a matrix that may be zero altogether."""
    if not np.abs(matrix).max(initial=0.0) > TOLERANCE:
        return np.eye(matrix.shape[1])
    return _null_space(matrix, float(np.linalg.norm(matrix, 2)))
