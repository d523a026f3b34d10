"""Potentials in which chains hang, per unit of weight, and their derivatives as fast functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.system import parameter_symbol

X, Y = sp.Symbol("x", real=True), sp.Symbol("y", real=True)
UNIFORM = Y
"""Uniform gravity: the height."""
PLACE_X, PLACE_Y, STRENGTH = map(parameter_symbol, ("x0", "y0", "m"))
POINT_MASS = Y - STRENGTH / sp.sqrt((X - PLACE_X) ** 2 + (Y - PLACE_Y) ** 2)
"""Uniform gravity g and a point mass M at (x0, y0); m = G M / g, an area."""


@dataclass(frozen=True)
class CompiledPotential:
    """The gradient of a potential and its derivatives, as functions of positions and of the constants.

    It comes from `compile_potential`.
    """

    constants: tuple[sp.Symbol, ...]
    _functions: Callable[..., Any] = field(repr=False)

    def derivatives(self, x: np.ndarray, y: np.ndarray, c: Sequence[float] | np.ndarray = ()) -> tuple[np.ndarray, ...]:
        """The gradient (2, ...), the Hessian (2, 2, ...) and d gradient / d constants (2, k, ...)."""
        with np.errstate(all="ignore"):
            rows = [np.broadcast_to(row, np.shape(x)) for row in self._functions(x, y, *c)]
        gradient, hessian, mixed = np.stack(rows[:2]), np.stack(rows[2:6]), rows[6:]
        k = len(self.constants)
        by_constants = np.stack(mixed) if k else np.empty((0, *np.shape(x)))
        return gradient, hessian.reshape(2, 2, *np.shape(x)), by_constants.reshape(2, k, *np.shape(x))


def compile_potential(potential: sp.Expr, constants: Sequence[sp.Symbol] = ()) -> CompiledPotential:
    """Turn a potential of x and y into functions.

    Arguments:
        potential: energy per unit of weight, a length; every symbol is x, y or one of `constants`.
        constants: symbols whose values come with each call, in this order.

    Raises:
        InputError: a symbol has no value.

    >>> compile_potential(UNIFORM).derivatives(np.zeros(1), np.zeros(1))[0].tolist()
    [[0.0], [1.0]]
    """
    free: Any = sp.sympify(potential).free_symbols
    unknown = sorted(str(symbol) for symbol in free - {X, Y, *constants})
    if unknown:
        msg = f"expected a potential of x, y and numbers, got {', '.join(unknown)} as well; put numbers in for them"
        raise InputError(msg)
    gradient = [sp.diff(potential, place) for place in (X, Y)]
    parts = [*gradient, *(sp.diff(slope, place) for slope in gradient for place in (X, Y))]
    parts += [sp.diff(slope, constant) for slope in gradient for constant in constants]
    numbers = [sp.sympify(part).evalf(17) for part in parts]
    return CompiledPotential(
        tuple(constants), sp.lambdify((X, Y, *constants), numbers, "numpy", cse=True, docstring_limit=0)
    )
