"""Structures refitted in double precision and tidied up: what all engines do with the formulas they find.

A formula is read as y = c_0 + sum_k c_k g_k(x; p): the outer coefficients c are linear and follow from least squares
for any inner constants p, so that only p is searched (variable projection, Golub and Pereyra, SIAM J. Numer. Anal. 10
(1973) 413).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import sympy as sp
from scipy.optimize import least_squares

from lagsym.distillation.engines.base import Array, Formula, Table, complexity, pareto
from lagsym.distillation.engines.numeric import numeric
from lagsym.distillation.engines.subset import best_subsets

MOST_TERMS = 40
MOST_INNER = 6
STEPS = 30
LONGEST_SUM = 10
LARGEST_POOL = 100
MOST_PRODUCTS = 80
DEEPEST = 12
TOLERANCES = (1e-3, 3e-2)
FAR = 1e3
CANCELLATION = 1e3

Inner = tuple[float, ...]


def evaluate(expression: sp.Expr, table: Table) -> Array:
    """Values of an expression on the rows of a table, of shape (N,), NaN where it is not real."""
    return _columns((expression,), (), table)(())[:, 0]


def refit(expression: sp.Expr, table: Table) -> Formula | None:
    """The structure of a formula with all its numbers fitted in double precision; None where it is not finite.

    Every term of the sum gets its own coefficient; an intercept is there only where the expression has one. Exact
    numbers inside the terms stay.

    >>> x = sp.Symbol("x", real=True)
    >>> rows = np.linspace(0.0, 2.0, 30)
    >>> table = Table(("x",), rows[:, None], 3 * np.exp(-1.5 * rows))
    >>> refit(2.0 * sp.exp(-1.2 * x), table).expression.evalf(6)
    3.0*exp(-1.5*x)
    """
    terms = tuple(term for _, term in split(expanded(expression)))
    if len(terms) > MOST_TERMS or any(term.has(sp.nan, sp.zoo, sp.oo, -sp.oo, sp.I) for term in terms):
        return None
    numbers = sorted({number for term in terms for number in term.atoms(sp.Float)}, key=float)
    symbols = tuple(sp.Dummy(real=True) for _ in numbers)
    named = dict(zip(numbers, symbols, strict=True))
    columns = _columns(tuple(term.xreplace(named) for term in terms), symbols, table)
    inner = _inner_constants(columns, tuple(float(number) for number in numbers), table)
    matrix = columns(inner)
    coefficients = _outer_coefficients(matrix, table.y)
    if coefficients is None or _cancels(matrix, coefficients, table):
        return None
    found = {number: sp.Float(value, 17) for number, value in zip(numbers, inner, strict=True)}
    error = matrix @ coefficients - table.y
    return _formula([term.xreplace(found) for term in terms], coefficients, float(error @ error), table)


def polish(
    expressions: Iterable[sp.Expr],
    table: Table,
    *,
    extra: Iterable[sp.Expr] = (),
    deepest: int = DEEPEST,
    wanted: Callable[[sp.Expr], bool] = lambda expression: True,
) -> tuple[Formula, ...]:
    """A front from raw structures: refitted, inner constants made round, superfluous terms dropped, terms pooled.

    The best sums of every length over each good structure's terms, and over the terms of all structures together, are
    offered beside the structures: what several searches found in parts is put together.

    Arguments:
        expressions: structures over the table's symbols; their numbers are only starting values.
        table: what to fit.
        extra: further terms that the structures' terms may be put together with.
        deepest: how many of the best structures are shortened one by one.
        wanted: which formulas may be on the front.
    """
    found = [refit(expression + sp.Float(1.0), table) for expression in dict.fromkeys(expressions)]
    formulas = [formula for formula in found if formula is not None]
    if not formulas:
        return ()
    for formula in pareto(formulas):
        formulas += _rounded_variants(formula, table)
    best = sorted(formulas, key=lambda formula: (formula.loss, formula.complexity))
    short = [formula for formula in pareto(formulas) if formula not in best[:deepest]]
    pool: dict[sp.Expr, None] = {sp.S.One: None}
    for formula in [*short, *best]:
        terms = dict.fromkeys(term for _, term in split(formula.expression))
        if formula in best[:deepest]:
            formulas += best_sums([sp.S.One, *terms], table)
        pool |= terms
    simplest = sorted(pool, key=complexity)[:LARGEST_POOL]
    formulas += best_sums(list(dict.fromkeys([*simplest, *extra])), table)
    formulas = [formula for formula in formulas if wanted(formula.expression)]
    for formula in pareto(formulas):
        formulas += _rounded_variants(formula, table)
    return pareto([formula for formula in formulas if wanted(formula.expression)])


def products(symbols: Sequence[sp.Symbol], *, degree: int, most_terms: int) -> tuple[list[sp.Expr], int]:
    """One, the symbols and their products by rising degree, and the degree that was reached.

    >>> products(sp.symbols("x y", real=True), degree=2, most_terms=10)
    ([1, x, y, x**2, x*y, y**2], 2)
    """
    terms: list[sp.Expr] = [sp.S.One]
    for size in range(1, degree + 1):
        more = [sp.Mul(*factors) for factors in itertools.combinations_with_replacement(symbols, size)]
        if size > 1 and len(terms) + len(more) > most_terms:
            return terms, size - 1
        terms += more
    return terms, degree


def common_terms(table: Table) -> list[sp.Expr]:
    """Terms that laws often have beside what a search must find: low products of the columns, and reciprocals."""
    products_, _ = products(table.symbols, degree=4, most_terms=MOST_PRODUCTS)
    return [*products_, *(symbol**-power for power in (1, 2) for symbol in table.symbols)]


def split(expression: sp.Expr) -> list[tuple[sp.Expr, sp.Expr]]:
    """The (number, term) pairs of a sum.

    >>> x = sp.Symbol("x", real=True)
    >>> split(3 - 2 * x)
    [(3, 1), (-2, x)]
    """
    return [term.as_coeff_Mul() for term in sp.Add.make_args(expression)]


def expanded(expression: sp.Expr) -> sp.Expr:
    """A sum of products in which no inner constant repeats what a coefficient says.

    >>> x = sp.Symbol("x", real=True)
    >>> expanded(sp.sqrt(4.0 - x**2))
    2.0*sqrt(1 - 0.25*x**2)
    """

    def expand(sum_: sp.Expr) -> sp.Expr:
        return sp.expand(sum_, log=False, power_exp=False)

    return expand(_normalised(expand(expression)))


def _normalised(expression: Any) -> sp.Expr:
    """Take the number c out of exp(c + ...) and of powers |c + ...|**p, wherever they stand."""
    if not expression.args:
        return expression
    rebuilt: Any = expression.func(*map(_normalised, expression.args))
    if isinstance(rebuilt, sp.exp):
        exponent: Any = rebuilt.args[0]
        number, rest = exponent.as_coeff_Add()
        return sp.exp(number) * sp.exp(rest) if number.is_Float else rebuilt
    if not (rebuilt.is_Pow and rebuilt.base.is_Add and rebuilt.base.has(sp.Float) and rebuilt.exp.is_number):
        return rebuilt
    number = rebuilt.base.as_coeff_Add()[0]
    unit = abs(number or split(rebuilt.base)[0][0])
    if not unit.is_Float or not unit:
        return rebuilt
    return (
        unit**rebuilt.exp * sp.Add(*(_exactly_one(c / unit) * term for c, term in split(rebuilt.base))) ** rebuilt.exp
    )


def _exactly_one(number: Any) -> sp.Expr:
    return sp.Integer(int(number)) if abs(float(number)) == 1 else number


def _columns(terms: Sequence[Any], symbols: Sequence[sp.Symbol], table: Table) -> Callable[[Inner], Array]:
    """A function from inner constants to the terms' values, of shape (N, number of terms)."""
    functions = [numeric(term, [*table.symbols, *symbols]) for term in terms]
    rows = len(table.y)

    def columns(inner: Inner) -> Array:
        values = [*table.X.T, *map(np.float64, inner)]
        with np.errstate(all="ignore"):
            return np.stack([np.broadcast_to(function(values), rows) for function in functions], axis=1)

    return columns


def _norms(matrix: Array) -> Array:
    """Lengths of the columns, infinite or NaN where a column is."""
    with np.errstate(all="ignore"):
        return np.linalg.norm(matrix, axis=0)


def _outer_coefficients(matrix: Array, y: Array) -> Array | None:
    """Least squares with columns at norm one; None where a value is not finite or beyond double precision."""
    scales = _norms(matrix)
    if not (np.isfinite(scales).all() and scales.all()):
        return None
    return np.linalg.lstsq(matrix / scales, y, rcond=None)[0] / scales


def _cancels(matrix: Array, coefficients: Array, table: Table) -> bool:
    """Whether huge terms cancel: a difference quotient in disguise, which no law is."""
    return bool((np.abs(coefficients) * _norms(matrix) > CANCELLATION * np.linalg.norm(table.y)).any())


def _inner_constants(columns: Callable[[Inner], Array], start: Inner, table: Table) -> Inner:
    """The inner constants of least residual, each trial with its best outer coefficients."""
    if not 0 < len(start) <= min(MOST_INNER, len(table.y) - 1):
        return start
    scale = np.sqrt(table.scale)

    def residual(inner: Array) -> Array:
        matrix = columns(tuple(inner))
        coefficients = _outer_coefficients(matrix, table.y)
        return np.full(len(table.y), FAR) if coefficients is None else (matrix @ coefficients - table.y) / scale

    first = residual(np.array(start))
    if first[0] == FAR:
        return start
    # Unlike MINPACK's, this method's limit never counts the evaluations for the Jacobian.
    result = least_squares(
        residual, start, x_scale=np.maximum(np.abs(start), 1e-3), max_nfev=STEPS, xtol=1e-12, ftol=1e-12, gtol=1e-12
    )
    return tuple(map(float, result.x)) if 2 * result.cost <= first @ first else start


def _formula(terms: Sequence[Any], coefficients: Array, square: float, table: Table) -> Formula:
    """The sum as a formula, from the sum of squares of its error."""
    expression = sp.Add(*(sp.Float(float(c), 17) * term for c, term in zip(coefficients, terms, strict=True)))
    return Formula(expression, complexity(expression), square / len(table.y) / table.scale)


def best_sums(terms: Sequence[sp.Expr], table: Table, *, largest: int = LONGEST_SUM) -> list[Formula]:
    """The best sums over the terms, of every length."""
    matrix = _columns(terms, (), table)(())
    finite = np.flatnonzero(np.isfinite(_norms(matrix)))
    terms, matrix = [terms[int(i)] for i in finite], matrix[:, finite]
    power = float(table.y @ table.y)
    return [
        _formula([terms[i] for i in subset.support], subset.coefficients, subset.residual * power, table)
        for subset in best_subsets(matrix, table.y, largest=largest).values()
        if not _cancels(matrix[:, subset.support], subset.coefficients, table)
    ]


def _rounded_variants(formula: Formula, table: Table) -> list[Formula]:
    """The formula with its inner constants refitted, and with those made exact that are close to round numbers."""
    terms = [term for _, term in split(formula.expression)]
    if not any(term.has(sp.Float) for term in terms):
        return []
    structures = [formula.expression, *(sp.Add(*(_rounded(term, size) for term in terms)) for size in TOLERANCES)]
    found = [refit(structure, table) for structure in dict.fromkeys(structures)]
    return [variant for variant in found if variant is not None]


def _rounded(expression: Any, tolerance: float) -> sp.Expr:
    """Floats close to a small half-integer, and phases close to a quarter turn, made exact."""
    if expression.is_Float:
        value = float(expression)
        half = round(2 * value)
        return (
            sp.Rational(half, 2)
            if abs(2 * value - half) <= tolerance * max(abs(half), 1) and abs(half) <= 8
            else expression
        )
    if isinstance(expression, sp.sin | sp.cos):
        argument: Any = expression.args[0]
        phase, rest = argument.as_coeff_Add()
        quarter = round(float(phase) / (np.pi / 2))
        if quarter and abs(float(phase) - quarter * np.pi / 2) <= tolerance:
            return expression.func(quarter * sp.pi / 2 + _rounded(rest, tolerance))
    return expression.func(*(_rounded(part, tolerance) for part in expression.args)) if expression.args else expression
