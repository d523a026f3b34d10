"""Linear equations with symbolic coefficients, solved without letting the formulas grow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.algebra.probing import NEGLIGIBLE, probe

CLOSED = 6
"""Up to this many coupled unknowns a quotient of determinants is shorter, written out, than what elimination gives."""

Steps = list[tuple[sp.Symbol, sp.Expr]]


def solve_linear(matrix: sp.Matrix, right: sp.Matrix, unknowns: Sequence[sp.Symbol]) -> list[Any]:
    """Solve matrix x = right in closed form, the entries standing as symbols until the end.

    Unknowns that are not coupled are solved apart: by Cramer's rule up to six, by elimination beyond.

    Arguments:
        matrix: of shape (n, n).
        right: of shape (n, 1).
        unknowns: what x stands for, for the message.

    Raises:
        InputError: the matrix is singular everywhere.

    >>> a, b, c = sp.symbols("a b c", real=True)
    >>> solve_linear(sp.Matrix([[a, 0], [0, b]]), sp.Matrix([c, 1]), sp.symbols("x y"))
    [c/a, 1/b]
    """
    solution: list[Any] = [None] * len(unknowns)
    for block in matrix.connected_components():
        part, inhomogeneous = matrix.extract(block, block), right.extract(block, [0])
        names = [unknowns[i] for i in block]
        solve = _determinants if len(block) <= CLOSED else _substituted
        for i, value in zip(block, solve(part, inhomogeneous, names), strict=True):
            solution[i] = value
    return solution


def pivot_order(matrix: sp.Matrix, unknowns: Sequence[sp.Symbol]) -> list[int]:
    """The rows in an order in which no pivot vanishes identically, found with the numbers of a generic point.

    Rows change places only where they must: a positive definite matrix in its own order never divides by zero.

    Arguments:
        matrix: of shape (n, n).
        unknowns: what is solved for, for the message.

    Raises:
        InputError: the matrix is singular everywhere.

    >>> pivot_order(sp.Matrix([[0, 1], [1, 0]]), sp.symbols("x y"))
    [1, 0]
    """
    n = matrix.rows
    values = probe(matrix.flat())
    rows = [values[i * n : (i + 1) * n] for i in range(n)]
    order, scale = list(range(n)), [max((abs(x) for x in row), default=0) for row in rows]
    for i in range(n):
        # The natural order wherever it works; else the first row with something to divide by.
        fit = [k for k in range(i, n) if abs(rows[k][i]) > NEGLIGIBLE * scale[order[k]]]
        if not fit:
            msg = (
                f"the equations do not determine {', '.join(map(str, unknowns))}: the matrix of their coefficients is "
                "singular everywhere; expected as many independent equations as unknowns"
            )
            raise InputError(msg)
        rows[i], rows[fit[0]] = rows[fit[0]], rows[i]
        order[i], order[fit[0]] = order[fit[0]], order[i]
        for k in range(i + 1, n):
            ratio = rows[k][i] / rows[i][i]
            rows[k] = [x - ratio * y for x, y in zip(rows[k], rows[i], strict=True)]
    return order


def eliminate(
    matrix: sp.Matrix, right: sp.Matrix, order: Sequence[int], symbols: Iterator[sp.Symbol]
) -> tuple[Steps, list[Any]]:
    """Gaussian elimination as a sequence of short assignments, of the order of n^3 operations.

    A symmetric matrix whose rows stay in place takes half the work.

    Arguments:
        matrix: of shape (n, n).
        right: of shape (n, 1).
        order: the rows' order, from `pivot_order`.
        symbols: names for the intermediate results.

    Returns:
        Assignments in order, and the solution in their symbols.
    """
    names: dict[Any, Any] = {}

    def name(expression: Any) -> Any:
        if expression.is_Atom:
            return expression
        if expression not in names:
            names[expression] = next(symbols)
        return names[expression]

    symmetric = list(order) == sorted(order) and matrix == matrix.T
    rows: Any = [[name(entry) for entry in [*matrix.row(i), right[i]]] for i in order]
    reciprocals = []
    for i, pivot_row in enumerate(rows):
        reciprocals.append(name(1 / pivot_row[i]))
        for k in range(i + 1, len(rows)):
            ratio = name(rows[k][i] * reciprocals[i])
            for j in range(i + 1, len(rows) + 1):
                mirrored = symmetric and j < k
                rows[k][j] = rows[j][k] if mirrored else name(rows[k][j] - ratio * pivot_row[j])
    solution: list[Any] = [None] * len(rows)
    for i in reversed(range(len(rows))):
        known = sp.Add(*(rows[i][j] * solution[j] for j in range(i + 1, len(rows))))
        solution[i] = name((rows[i][-1] - known) * reciprocals[i])
    return [(symbol, expression) for expression, symbol in names.items()], solution


def _substituted(matrix: sp.Matrix, right: sp.Matrix, unknowns: Sequence[sp.Symbol]) -> list[Any]:
    order = pivot_order(matrix, unknowns)
    steps, solution = eliminate(matrix, right, order, sp.numbered_symbols("x", cls=sp.Dummy))
    values: dict[Any, Any] = {}
    for symbol, expression in steps:
        values[symbol] = expression.xreplace(values)
    return [x.xreplace(values) for x in solution]


def _determinants(matrix: sp.Matrix, right: sp.Matrix, unknowns: Sequence[sp.Symbol]) -> list[Any]:
    pivot_order(matrix, unknowns)  # refuses a singular matrix
    table: dict[Any, Any] = {}
    stands = [[_stand_in(entry, table) for entry in row] for row in matrix.row_join(right).tolist()]
    square, column = sp.Matrix([row[:-1] for row in stands]), sp.Matrix([row[-1] for row in stands])
    determinant = square.det(method="laplace")
    values = {symbol: entry for entry, symbol in table.items()}
    numerators: list[Any] = []
    for i in range(square.cols):
        replaced: Any = square.copy()
        replaced[:, i] = column
        numerators.append(replaced.det(method="laplace"))
    return [(numerator / determinant).xreplace(values) for numerator in numerators]


def _stand_in(entry: Any, table: dict[Any, Any]) -> Any:
    return entry if entry.is_Atom else table.setdefault(entry, sp.Dummy())
