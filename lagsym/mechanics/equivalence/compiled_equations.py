"""Equations of motion as NumPy functions of the symbols that they hold, over many points at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import sympy as sp
from jaxtyping import Float

NEWTON_STEPS = 20
"""One is exact where the equations are affine in what they are solved for."""
UNSOLVED = 1e-9
"""Relative size of a further step above which Newton's method has not found the motion."""

SINGULAR = 1e-12
"""Relative singular value below which a matrix has no inverse."""

Columns = Callable[..., Sequence[np.ndarray | float]]


@dataclass(frozen=True)
class CompiledEquations:
    """Functions of points z (N, d) and constants c (k,), from `compile_equations`.

    Nothing is raised where a formula has no value: the entry is infinite or not a number.
    """

    size: int
    leading: tuple[int, ...]
    _expressions: Columns = field(repr=False)
    _jacobian: Columns = field(repr=False)
    _slopes: Columns = field(repr=False)

    def expressions(self, z: np.ndarray, c: np.ndarray | Sequence = ()) -> Float[np.ndarray, "points n"]:
        """The expressions E that vanish along the motion."""
        return _evaluate(self._expressions, z, c, self.size)

    def slopes(self, z: np.ndarray, c: np.ndarray) -> Float[np.ndarray, "points n k"]:
        """The derivatives of E by each constant."""
        return _evaluate(self._slopes, z, c, self.size * len(c)).reshape(len(z), self.size, len(c))

    def jacobian(self, z: np.ndarray, c: np.ndarray | Sequence = ()) -> Float[np.ndarray, "points n r"]:
        """The derivatives dE/dw, w being the leading derivatives."""
        width = len(self.leading)
        return _evaluate(self._jacobian, z, c, self.size * width).reshape(len(z), self.size, width)

    def inverse(self, z: np.ndarray, c: np.ndarray | Sequence = ()) -> Float[np.ndarray, "points r n"]:
        """The pseudo-inverse of dE/dw; not a number where E does not determine the leading derivatives."""
        matrices = self.jacobian(z, c)
        result = np.full((len(z), len(self.leading), self.size), np.nan)
        finite = np.flatnonzero(np.isfinite(matrices).all(axis=(1, 2)))
        singular = np.linalg.svd(matrices[finite], compute_uv=False)
        regular = finite[singular.min(axis=1, initial=np.inf) > SINGULAR * singular.max(axis=1, initial=0.0)]
        result[regular] = np.linalg.pinv(matrices[regular])
        return result

    def step(self, z: np.ndarray, c: np.ndarray | Sequence = ()) -> Float[np.ndarray, "points r"]:
        """Newton's step -(dE/dw)^-1 E towards the motion; exact where E is affine in the leading derivatives."""
        return -np.einsum("srn,sn->sr", self.inverse(z, c), self.expressions(z, c))

    def unsolved(self, z: np.ndarray, c: np.ndarray | Sequence = ()) -> Float[np.ndarray, "points n"]:
        """What Newton's step leaves of E, where there are more equations than leading derivatives."""
        return self.expressions(z, c) + np.einsum("snr,sr->sn", self.jacobian(z, c), self.step(z, c))

    def moved(self, z: np.ndarray, step: np.ndarray) -> Float[np.ndarray, "points d"]:
        """The points with other leading derivatives."""
        result = z.copy()
        result[:, self.leading] += step
        return result

    def motion(self, z: np.ndarray, c: np.ndarray | Sequence = ()) -> Float[np.ndarray, "points d"]:
        """The points with the leading derivatives of the motion; not a number where they are not determined."""
        solved = np.zeros(len(z), dtype=bool)
        for _ in range(NEWTON_STEPS):
            step = self.step(z, c)
            size = 1 + np.abs(z[:, self.leading]).max(axis=1, initial=0.0)
            solved = np.abs(step).max(axis=1, initial=0.0) <= UNSOLVED * size  # false where it is not a number
            z = self.moved(z, step)
            if solved.all():
                break
        z[~solved] = np.nan
        return z


def compile_equations(
    equations: sp.Matrix,
    symbols: Sequence[sp.Symbol],
    *,
    constants: Sequence[sp.Symbol] = (),
    leading: Sequence[sp.Symbol] = (),
) -> CompiledEquations:
    """Compile equations with their derivatives by constants and leading derivatives.

    Arguments:
        equations: the expressions E, of shape (n, 1).
        symbols: the d symbols whose values make up a point.
        constants: the k symbols whose values come with each call.
        leading: those of `symbols` that the equations are solved for.

    >>> q, a = sp.symbols("q a", real=True)
    >>> compiled = compile_equations(sp.Matrix([-2 * q - a]), (q, a), leading=[a])
    >>> compiled.motion(np.array([[1.0, 0.0]]))
    array([[ 1., -2.]])
    """
    arguments = (*symbols, *constants)
    parts = [part.flat() for part in (equations, _jacobian(equations, leading), _jacobian(equations, constants))]
    functions = [sp.lambdify(arguments, part, "numpy", cse=True) for part in parts]
    return CompiledEquations(equations.rows, tuple(list(symbols).index(w) for w in leading), *functions)


def _jacobian(equations: sp.Matrix, symbols: Sequence[sp.Symbol]) -> sp.Matrix:
    return equations.jacobian(list(symbols)) if symbols else sp.zeros(equations.rows, 0)


def _evaluate(function: Columns, z: np.ndarray, c: np.ndarray | Sequence, width: int) -> np.ndarray:
    result = np.empty((len(z), width))
    with np.errstate(all="ignore"):
        for i, column in enumerate(function(*z.T, *c)):
            result[:, i] = column
    return result
