"""Formal integrability of the differential conditions on a multiplier, by Cartan and Kuranishi's method.

The algebraic conditions leave g = rho_a G^a.  At any fixed time rho(q, v) satisfies a linear system of first order,

    V_k g_ij = V_j g_ik,    D_k g_ij = D_j g_ik,

V = d/dv, and D the covariant derivative along H; together with the algebraic conditions it is kept by
Gamma(g) = g N + (g N)^T, so that its solutions at one time are multipliers for all times.  Differentiating it r - 1
times and eliminating the highest derivatives gives all that it says of the lower ones.  Once the derivatives of some
order have an involutive symbol and nothing new follows for them, every value that is left extends to a solution, where
the accelerations are analytic (Cartan and Kähler).

Source: W. M. Seiler, Involution (Springer 2010), chapters 6, 7 and 9; R. Bryant, S. Chern, R. Gardner, H. Goldschmidt,
P. Griffiths, Exterior Differential Systems (Springer 1991), chapters III and X.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field

import numpy as np

from lagsym.mechanics.algebra.clear_ranks import Block, Judge, echelon, kernel, rank
from lagsym.mechanics.algebra.power_series import ONE, Series, Truncation, count, monomials, positions
from lagsym.mechanics.inverse_problem.second_order_geometry import SecondOrderGeometry, each

Direction = dict[int, Series]
"""A derivative as the factors of the partial derivatives by (q, v)."""


@dataclass(frozen=True, eq=False)
class Equation:
    """A linear equation of first order, or of none: first[a][mu] d_mu rho_a + zeroth[a] rho_a, summed, is 0."""

    first: tuple[Direction, ...]
    zeroth: tuple[Series, ...]


@dataclass(frozen=True, eq=False)
class Prolonged:
    """All equations up to an order of derivatives, eliminated from the highest order down.

    Arguments:
        unknowns: the number of functions rho_a.
        variables: the number of variables.
        blocks: the pivots of each order of derivatives, highest first.
    """

    unknowns: int
    variables: int
    blocks: tuple[Block, ...]

    @property
    def order(self) -> int:
        """The highest order of derivatives."""
        return len(self.blocks) - 1

    def dimension(self, order: int) -> int:
        """How many derivatives up to an order are left free."""
        return self.unknowns * count(self.variables, order) - sum(b.rank for b in self.blocks[self.order - order :])

    def symbol(self, order: int) -> np.ndarray:
        """The equations' part of the given order, of shape (equations, unknowns times monomials)."""
        width = self.unknowns * homogeneous(self.variables, order)
        return self.blocks[self.order - order].rows[:, :width]

    def values(self, judge: Judge) -> np.ndarray:
        """A basis of the values rho at the point that are left, by rows."""
        return kernel(self.blocks[-1].rows, judge)


def homogeneous(variables: int, order: int) -> int:
    """The number of monomials of exactly an order."""
    return count(variables, order) - (count(variables, order - 1) if order else 0)


def differential_conditions(members: np.ndarray, geometry: SecondOrderGeometry) -> list[Equation]:
    """The first-order equations for rho in g = rho_a G^a.

    Arguments:
        members: the basis G as series in (q, v), of shape (unknowns, n, n).
        geometry: of the motion, as series in (q, v) and perhaps t.
    """
    geometry = _at_fixed_time(geometry)
    n = geometry.size
    vertical: list[Direction] = [{n + k: Series.constant(members[0, 0, 0].truncation, ONE)} for k in range(n)]
    horizontal = [_horizontal(geometry, k, vertical) for k in range(n)]
    equations = []
    for j, k in itertools.combinations(range(n), 2):
        for i in range(n):
            equations.append(_closure(members, (i, j, k), vertical, None))
            equations.append(_closure(members, (i, j, k), horizontal, geometry.connection_by_velocity))
    return equations


def parallel_conditions(members: np.ndarray, geometry: SecondOrderGeometry) -> list[Equation]:
    """The first-order equations for a multiplier that does not depend on v: V_k g_ij = 0 and D_k g_ij = 0.

    The second is what the first implies along the motion.
    """
    geometry = _at_fixed_time(geometry)
    n = geometry.size
    vertical: list[Direction] = [{n + k: Series.constant(members[0, 0, 0].truncation, ONE)} for k in range(n)]
    equations = []
    for k, i in itertools.product(range(n), repeat=2):
        across = _horizontal(geometry, k, vertical)
        for j in range(i, n):
            equations.append(_parallel(members, (i, j, k), vertical[k], None))
            equations.append(_parallel(members, (i, j, k), across, geometry.connection_by_velocity))
    return equations


def _parallel(
    members: np.ndarray, indices: tuple[int, int, int], direction: Direction, symbols: np.ndarray | None
) -> Equation:
    """X g_ij, less g_lj C^l_ki + g_il C^l_kj where the direction X = X_k has a connection C."""
    i, j, k = indices
    first, zeroth = [], []
    for member in members:
        first.append({mu: factor * member[i, j] for mu, factor in direction.items()})
        rest = _derivative(member[i, j], direction)
        if symbols is not None:
            rest = rest - sum(
                member[m, j] * symbols[m, k, i] + member[i, m] * symbols[m, k, j] for m in range(len(member))
            )
        zeroth.append(rest)
    return Equation(tuple(first), tuple(zeroth))


def _at_fixed_time(geometry: SecondOrderGeometry) -> SecondOrderGeometry:
    if not geometry.depends_on_time:
        return geometry
    arrays = (geometry.accelerations, geometry.velocities)
    return SecondOrderGeometry(*(each(lambda series: series.without(1), array) for array in arrays))


def _horizontal(geometry: SecondOrderGeometry, k: int, vertical: list[Direction]) -> Direction:
    n = geometry.size
    return {k: vertical[0][n], **{n + i: -geometry.connection[i, k] for i in range(n)}}


def _closure(
    members: np.ndarray, indices: tuple[int, int, int], frame: list[Direction], symbols: np.ndarray | None
) -> Equation:
    """X_k g_ij - X_j g_ik, less g_lj C^l_ki - g_lk C^l_ji where the frame X has a connection C."""
    i, j, k = indices
    first, zeroth = [], []
    for member in members:
        terms = [(mu, factor * member[i, j]) for mu, factor in frame[k].items()]
        terms += [(mu, -(factor * member[i, k])) for mu, factor in frame[j].items()]
        first.append(_summed(terms))
        rest = _derivative(member[i, j], frame[k]) - _derivative(member[i, k], frame[j])
        if symbols is not None:
            rest = rest - sum(
                member[m, j] * symbols[m, k, i] - member[m, k] * symbols[m, j, i] for m in range(len(member))
            )
        zeroth.append(rest)
    return Equation(tuple(first), tuple(zeroth))


def _summed(terms: list[tuple[int, Series]]) -> Direction:
    result: Direction = {}
    for mu, series in terms:
        result[mu] = result[mu] + series if mu in result else series
    return result


def _derivative(series: Series, direction: Direction) -> Series:
    parts = [series.derivative(mu) * factor for mu, factor in direction.items()]
    return sum(parts[1:], start=parts[0])


def prolong(equations: list[Equation], variables: int, order: int, judge: Judge) -> Prolonged:
    """Differentiate the equations until the derivatives of rho reach an order, and eliminate from the top.

    Arguments:
        equations: with series to the order at least, less one where they are of first order.
        variables: the number of variables.
        order: the highest order of derivatives of rho, at least 1.
        judge: what counts as zero.

    Raises:
        UnclearRankError: a rank can't be told.
        BudgetError: the time has passed.
    """
    unknowns = len(equations[0].zeroth) if equations else 1
    columns = _columns(variables, order, unknowns)
    rows = [
        _row(equation, shift, columns)
        for equation in equations
        for shift in monomials(Truncation(variables, order - any(equation.first)))
    ]
    matrix = np.array(rows, dtype=object).reshape(-1, unknowns * len(columns.place))
    widths = [unknowns * homogeneous(variables, k) for k in range(order, -1, -1)]
    return Prolonged(unknowns, variables, echelon(matrix, widths, judge))


@dataclass(frozen=True)
class _Columns:
    """Where each Taylor coefficient of each unknown stands, highest order first."""

    unknowns: int
    place: dict[tuple[int, ...], int]
    coefficients: dict[tuple[int, ...], int] = field(repr=False)


def _columns(variables: int, order: int, unknowns: int) -> _Columns:
    truncation = Truncation(variables, order)
    ordered = sorted(monomials(truncation), key=lambda exponents: -sum(exponents))
    return _Columns(unknowns, {exponents: unknowns * i for i, exponents in enumerate(ordered)}, positions(truncation))


def _row(equation: Equation, shift: tuple[int, ...], columns: _Columns) -> np.ndarray:
    """The coefficient of one monomial in an equation, as a row that acts on the Taylor coefficients of rho."""
    row = np.zeros(columns.unknowns * len(columns.place), dtype=object)
    for lower in itertools.product(*(range(e + 1) for e in shift)):
        at = columns.coefficients[tuple(e - f for e, f in zip(shift, lower, strict=True))]
        for a, (first, zeroth) in enumerate(zip(equation.first, equation.zeroth, strict=True)):
            row[columns.place[lower] + a] += zeroth.coefficients[at]
            for mu, factor in first.items():
                raised = (*lower[:mu], lower[mu] + 1, *lower[mu + 1 :])
                row[columns.place[raised] + a] += factor.coefficients[at] * raised[mu]
    return row


def is_involutive(symbol: np.ndarray, unknowns: int, variables: int, order: int, judge: Judge) -> bool:
    """Cartan's test: the prolonged symbol is as large as the symbol's restrictions along a general flag allow.

    dim M_(q+1) = sum over k from 0 to D - 1 of dim {m in M_q whose contractions with X_1, ..., X_k vanish}

    Arguments:
        symbol: its equations, of shape (equations, unknowns times monomials of the order).
        unknowns: the number of functions.
        variables: their number D.
        order: of the symbol.
        judge: what counts as zero.
    """
    generator = random.Random(11)
    size = unknowns * homogeneous(variables, order)
    restricted, bound = [symbol], 0
    for _ in range(variables):
        bound += size - rank(np.concatenate(restricted), judge)
        vector = [generator.randint(-9, 9) for _ in range(variables)]
        restricted.append(_contraction(vector, unknowns, order))
    units = np.eye(variables, dtype=int).tolist()
    prolonged = [_product(symbol, _contraction(unit, unknowns, order + 1)) for unit in units]
    free = unknowns * homogeneous(variables, order + 1) - rank(np.concatenate(prolonged), judge)
    return free == bound


def _product(symbol: np.ndarray, contraction: np.ndarray) -> np.ndarray:
    return (symbol @ contraction) // ONE if len(symbol) else np.zeros((0, contraction.shape[1]), dtype=object)


def _contraction(vector: list[int], unknowns: int, order: int) -> np.ndarray:
    """The derivative of homogeneous polynomials along a vector, as a matrix on their coefficients."""
    variables = len(vector)
    above, below = (
        [e for e in monomials(Truncation(variables, k)) if sum(e) == k] if k else [(0,) * variables]
        for k in (order, order - 1)
    )
    place = {exponents: i for i, exponents in enumerate(above)}
    matrix = np.zeros((unknowns * len(below), unknowns * len(above)), dtype=object)
    for row, exponents in enumerate(below):
        for mu, weight in enumerate(vector):
            raised = (*exponents[:mu], exponents[mu] + 1, *exponents[mu + 1 :])
            for a in range(unknowns):
                matrix[unknowns * row + a, unknowns * place[raised] + a] = weight * raised[mu] * ONE
    return matrix
