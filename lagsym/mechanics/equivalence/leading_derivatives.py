"""Leading derivatives: what equations of motion are solved for, whatever their base and order.

A regular particle's are its accelerations; a beam's is one fourth derivative.  Where the highest derivatives do not
carry all independent equations (constraints, fields of different orders) lower ones lead the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.mechanics.jetspace import JetSpace

DEPENDENT = 1e-9
"""Relative size below which an equation depends on the others."""


def leading_derivatives(equations: sp.Matrix, space: JetSpace, point: Mapping[sp.Symbol, Any]) -> tuple[sp.Symbol, ...]:
    """Symbols that equations can be solved for, highest derivatives first: one for each independent equation.

    Their columns of dE_i/du_I are independent at a generic point, so that E = 0 is locally a graph over the other
    symbols.

    Arguments:
        equations: the expressions E that vanish along the motion, of shape (n, 1).
        space: the jet space that they are written in.
        point: a generic point: a number for every symbol.

    Source: W. M. Seiler, Involution, chapter 7, on symbols and principal derivatives.

    >>> space = JetSpace(("x", "y"))
    >>> (x, _), (x_dot, y_dot) = space.positions, space.velocities
    >>> (x_ddot, _) = space.accelerations
    >>> point = {x: 0.3, x_dot: 0.2, y_dot: 0.1, x_ddot: 0.5}
    >>> leading_derivatives(sp.Matrix([x_ddot + x, y_dot - x]), space, point)
    (x_ddot, y_dot)
    """
    symbols: Any = equations.free_symbols
    keys = {symbol: key for symbol in symbols if (key := space.key(symbol))}
    ordered: list[sp.Symbol] = []
    widths: list[int] = []
    columns = np.zeros((equations.rows, 0))
    chosen: list[sp.Symbol] = []
    for order in sorted({len(index) for _, index in keys.values()}, reverse=True):
        # Time before space, fields in order.
        level = sorted((s for s, key in keys.items() if len(key[1]) == order), key=lambda s: keys[s][::-1])
        ordered += level
        widths.append(len(level))
        columns = np.hstack((columns, _jacobian(equations, level, point)))
        chosen = [ordered[k] for k in _independent_columns(columns, widths)]
        if len(chosen) == equations.rows:
            break
    return tuple(chosen)


def _jacobian(equations: sp.Matrix, symbols: list[sp.Symbol], point: Mapping[sp.Symbol, Any]) -> np.ndarray:
    entries = equations.jacobian(symbols)
    function = sp.lambdify(list(point), entries.tolist(), "mpmath", cse=True)
    return np.real(np.array(function(*(float(x) for x in point.values())), complex))


def _independent_columns(matrix: Float[np.ndarray, "n m"], widths: list[int]) -> list[int]:
    """Indices of independent columns, as many as possible out of each group of columns before the next."""
    sizes = np.abs(matrix).max(axis=1, initial=0.0, keepdims=True)
    remaining = matrix / np.where(sizes > 0, sizes, 1.0)
    chosen: list[int] = []
    for end, width in zip(np.cumsum(widths), widths, strict=True):
        group = slice(end - width, end)
        while len(chosen) < len(matrix):
            norms = np.linalg.norm(remaining[:, group], axis=0)
            best = int(np.argmax(norms))
            if norms[best] <= DEPENDENT:
                break
            chosen.append(end - width + best)
            direction = remaining[:, chosen[-1]] / norms[best]
            remaining = remaining - np.outer(direction, direction @ remaining)
    return chosen
