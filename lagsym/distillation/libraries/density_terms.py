"""Libraries of Lagrangian densities: candidate terms over space and time, made from the kinds of the fields."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.data.jets import Jets
from lagsym.data.weak_fields import Index
from lagsym.distillation.libraries.terms import LARGEST_COMPLEXITY, Term, TermLibrary, independent_rows
from lagsym.errors import InputError
from lagsym.mechanics.calculus import euler_lagrange
from lagsym.mechanics.jetspace import DERIVATIVE_ORDER, JetSpace

DENSITY_STRUCTURES = ("natural", "evolution", "free")
"""Structures in the order in which they are preferred."""
TIME = 0
BATCH = 32
"""Expressions that are compiled together: all their values over a grid are in memory at once."""
SAMPLES, ROWS_PER_TERM = 300, 2
"""Random jets of the test for independence: at least so many, and so many equations for each term."""
NULL = 1e-10
"""An operator of this size at jets of order one is rounding."""

Points = Mapping[Index, Float[np.ndarray, "samples fields"]]
"""Fields and derivatives at some points, by the directions of the derivative."""


@dataclass(frozen=True)
class Piece:
    """A part of the weak form of one equation: number times the integral of factor times D^index of a test function."""

    factor: sp.Expr
    index: Index
    number: int


@dataclass(frozen=True)
class DensityLibrary(TermLibrary):
    """Candidate terms of a Lagrangian density of first or second order, over any base."""

    @property
    def order(self) -> int:
        """The highest order of derivative in the terms."""
        return max((self.space.order(term) for term in self.expressions), default=0)

    def operator(self, jets: Jets) -> Float[np.ndarray, "terms samples n"]:
        """The Euler–Lagrange operator E of every term.

        Raises:
            InputError: a term of second order needs higher derivatives than jets hold; use `operator_at`.
        """
        if self.order > 1:
            msg = "expected terms of first derivatives: those of second need up to fourth ones, which jets do not hold"
            raise InputError(msg)
        return self.operator_at(points_of(jets))

    def operator_at(self, points: Points) -> Float[np.ndarray, "terms samples n"]:
        """The Euler–Lagrange operator E of every term, from derivatives of up to twice its order."""
        n = len(self.space.fields)
        values = list(evaluate(self.operators, self.space, points))
        return np.stack(values).reshape(len(self), n, -1).transpose(0, 2, 1)

    def mass(self, jets: Jets) -> Float[np.ndarray, "terms samples n n"]:
        """What every term gives to the highest derivatives by time, which the equations have to be solved for.

        Those are u_tt, with the second derivatives by u_t; where no term is quadratic in u_t they are u_tx, with the
        derivatives by u_t and u_x, as in the equation of Korteweg and de Vries.
        """
        return self.mass_at(points_of(jets))

    def mass_at(self, points: Points) -> Float[np.ndarray, "terms samples n n"]:
        """Likewise from fields and derivatives by their directions."""
        entries = self._by_rates([self.space.velocities])
        if not any(entries):
            entries = self._by_rates([self.space.derivatives(mu) for mu in range(1, len(self.space.base))])
        n = len(self.space.fields)
        values = np.stack(list(evaluate(entries, self.space, points)))
        return values.reshape(len(self), n, n, -1).transpose(0, 3, 1, 2)

    def _by_rates(self, others: Sequence[Sequence[sp.Symbol]]) -> list[sp.Expr]:
        """Second derivatives of every term by the rates and other first derivatives, summed over directions."""
        pairs = list(itertools.product(range(len(self.space.fields)), repeat=2))
        rates = self.space.velocities
        return [
            sp.Add(*(sp.diff(term, rates[i], along[j]) for along in others))
            for term in self.expressions
            for i, j in pairs
        ]

    @cached_property
    def operators(self) -> list[sp.Expr]:
        """The Euler–Lagrange expressions, those of the first term first."""
        return [equation for term in self.expressions for equation in euler_lagrange(term, self.space)]

    @cached_property
    def pieces(self) -> tuple[tuple[tuple[Piece, ...], ...], ...]:
        """The weak form of every term and equation."""
        fields = range(len(self.space.fields))
        return tuple(tuple(tuple(weak_pieces(term, self.space, i)) for i in fields) for term in self.expressions)


def points_of(jets: Jets) -> dict[Index, np.ndarray]:
    """Fields and derivatives of jets by the directions of the derivative."""
    directions = range(jets.x.shape[1])
    points: dict[Index, np.ndarray] = {(): jets.u} | {(mu,): jets.du[:, mu] for mu in directions}
    if jets.ddu is not None:
        pairs = itertools.combinations_with_replacement(directions, 2)
        points |= {(mu, nu): jets.ddu[:, mu, nu] for mu, nu in pairs}
    return points


def evaluate(expressions: Sequence[sp.Expr], space: JetSpace, points: Points) -> Iterator[np.ndarray]:
    """Values of expressions in jet symbols, one after the other, of the shape of the points.

    Raises:
        InputError: an expression needs a derivative that the points do not hold.
    """
    shape = points[()].shape[:-1]
    for start in range(0, len(expressions), BATCH):
        some = expressions[start : start + BATCH]
        symbols: list[Any] = sorted(set[Any]().union(*(expression.free_symbols for expression in some)), key=str)
        function: Callable[..., list] = sp.lambdify(symbols, list(some), "numpy", cse=True)
        for value in function(*(_value(symbol, space, points) for symbol in symbols)):
            yield np.broadcast_to(np.asarray(value, float), shape)


def _value(symbol: sp.Symbol, space: JetSpace, points: Points) -> np.ndarray:
    key = space.key(symbol)
    if key is None or key[1] not in points:
        msg = f"expected values of {symbol}, which a term depends on; give jets that hold it, or leave the term out"
        raise InputError(msg)
    return points[key[1]][..., key[0]]


def weak_pieces(term: sp.Expr, space: JetSpace, field: int) -> Iterator[Piece]:
    """The weak form of one equation of a density, with derivatives moved onto the test function where that is exact.

    integral of sum_J (d theta / d u_J) D^J psi;  where d theta / d u_J is g(w) w_K, it is the derivative of G(w), and

    integral of D_K G(w) D^J psi = -integral of G(w) D^(J + K) psi,

    which needs no derivative of the data.

    >>> space = JetSpace(("u",), ("t", "x"))
    >>> [(piece.factor, piece.index, piece.number) for piece in weak_pieces(space.symbol(0, (1,)) ** 2, space, 0)]
    [(2*u, (1, 1), -1)]
    """
    for order in range(space.order(term) + 1):
        for index in itertools.combinations_with_replacement(range(len(space.base)), order):
            slope = sp.expand(sp.diff(term, space.symbol(field, index)))
            for part in sp.Add.make_args(slope):
                if part != 0:
                    yield _by_parts(part, index, space)


def _by_parts(part: sp.Expr, index: Index, space: JetSpace) -> Piece:
    """A piece of the weak form without derivatives of the data, where it is linear in one of them."""
    symbols: Any = part.free_symbols
    keys = {symbol: space.key(symbol) for symbol in symbols}
    differentiated = [symbol for symbol, key in keys.items() if key and key[1]]
    if len(differentiated) != 1:
        return Piece(part, index, 1)
    symbol = differentiated[0]
    key = keys[symbol]
    assert key is not None
    other, along = key
    rest = sp.cancel(part / symbol) if part.is_polynomial(symbol) else part
    own, raised = space.symbol(other), tuple(sorted((*index, *along)))
    allowed = {own} if len(along) == 1 else set()
    if rest.free_symbols - allowed or len(raised) > DERIVATIVE_ORDER:
        return Piece(part, index, 1)
    return Piece(sp.integrate(rest, own), raised, (-1) ** len(along))


def build_density_library(
    space: JetSpace,
    angles: Iterable[str] = (),
    structure: str = "natural",
    *,
    order: int = 1,
    extra: Sequence[sp.Expr] = (),
    complexity: int = LARGEST_COMPLEXITY,
) -> DensityLibrary:
    """Candidate densities, without divergences and those that depend on simpler ones.

    Arguments:
        space: the fields and their base.
        angles: fields with period 2 pi, which give sines and cosines; the others give powers.
        structure: "natural" for u_t^2 / 2 with constant coefficients beside anything without u_t; "evolution" for
            u_t u_x in its place, as in equations of first order in time; "free" for products of all first derivatives
            up to degree four.
        order: 2 adds squares and products of second derivatives.
        extra: terms to add, simplest of all.
        complexity: limit on the functions of the fields.

    Raises:
        InputError: the structure is not one of `DENSITY_STRUCTURES`.

    >>> library = build_density_library(JetSpace(("u",), ("t", "x")))
    >>> [str(term) for term in library.expressions[:3]]
    ['u', 'u_t**2/2', 'u_x**2/2']
    """
    if structure not in DENSITY_STRUCTURES:
        msg = f"expected structure to be one of {', '.join(DENSITY_STRUCTURES)}; got {structure!r}"
        raise InputError(msg)
    functions = _functions(space, frozenset(angles), complexity)
    terms = [Term(sp.expand(term), 0.0) for term in extra]
    terms += [Term(f, max(c, 0.5)) for f, c in functions if f != 1]
    terms += _slow(space) if structure == "evolution" else _kinetic(space)
    terms += [
        Term(f * m, c + cost + (c > 0))
        for m, cost, most in _monomials(space, structure)
        for f, c in functions
        if c <= most
    ]
    if order > 1:
        terms += [Term(f * m, c + cost + (c > 0)) for m, cost in _bending(space) for f, c in functions if c <= 2]
    unique: dict[sp.Expr, Term] = {}
    for term in sorted(terms, key=lambda term: term.complexity):
        unique.setdefault(term.expression, term)
    return independent_densities(DensityLibrary(space, tuple(unique.values())))


def independent_densities(library: DensityLibrary) -> DensityLibrary:
    """The terms whose operators are not null and do not depend on those of simpler terms, at random jets."""
    fields, base = len(library.space.fields), len(library.space.base)
    samples = max(SAMPLES, -(-ROWS_PER_TERM * len(library) // fields))
    generator = np.random.default_rng(0)
    points = {
        index: generator.standard_normal((samples, fields))
        for order in range(DERIVATIVE_ORDER + 1)
        for index in itertools.combinations_with_replacement(range(base), order)
    }
    operators = library.operator_at(points).reshape(len(library), -1)
    length = np.linalg.norm(operators, axis=1)
    present = np.flatnonzero(length > NULL * np.sqrt(operators.shape[1]))
    return library.take(present[independent_rows(operators[present] / length[present, None])])


def _functions(space: JetSpace, angles: frozenset[str], limit: int) -> list[tuple[sp.Expr, float]]:
    """Functions of the fields with their complexities."""
    factors = [_powers(u, u.name in angles) for u in space.positions]
    functions = []
    for choice in itertools.product(*factors):
        cost = sum(c for _, c in choice)
        if cost <= limit:
            functions.append((sp.Mul(*(f for f, _ in choice)), float(cost)))
    turning = [u for u in space.positions if u.name in angles]
    for a, b in itertools.combinations(turning, 2):
        functions += [(sp.cos(a - b), 1.5), (sp.sin(a - b), 1.5), (sp.cos(a + b), 1.9), (sp.sin(a + b), 1.9)]
    return [(function, cost) for function, cost in functions if cost <= limit]


def _powers(u: sp.Symbol, angle: bool) -> list[tuple[sp.Expr, float]]:
    if angle:
        return [(sp.S.One, 0), (sp.cos(u), 1), (sp.sin(u), 1), (sp.cos(2 * u), 2), (sp.sin(2 * u), 2)]
    return [(sp.S.One, 0), *((u**k, min(k, 4)) for k in range(1, 7))]


def _kinetic(space: JetSpace) -> list[Term]:
    rates = space.velocities
    squares = [Term(rate**2 / 2, 1.0) for rate in rates]
    return squares + [Term(v * w, 2.2) for v, w in itertools.combinations(rates, 2)]


def _slow(space: JetSpace) -> list[Term]:
    """Products of a rate and a slope, in the place of a kinetic energy."""
    slopes = [slope for mu in range(1, len(space.base)) for slope in space.derivatives(mu)]
    return [Term(rate * slope, 1.0) for rate in space.velocities for slope in slopes]


def _monomials(space: JetSpace, structure: str) -> list[tuple[sp.Expr, float, float]]:
    """Products of first derivatives, their complexities, and that of the functions of the fields they may come with."""
    directions = range(len(space.base))
    symbols = [symbol for mu in directions if mu != TIME or structure == "free" for symbol in space.derivatives(mu)]
    found = [(s**2 / 2, 1.0, 2.0) for s in symbols]
    found += [(s * r, 2.2, 2.0) for s, r in itertools.combinations(symbols, 2)]
    if structure == "free":
        found += [(s, 1.2, 2.0) for s in symbols]
    for degree, cost, most in ((3, 2.0, 0.0), (4, 3.0, 1.0)):
        products = itertools.combinations_with_replacement(symbols, degree)
        found += [(sp.Mul(*product), cost + 0.5 * (len(set(product)) - 1), most) for product in products]
    return found


def _bending(space: JetSpace) -> list[tuple[sp.Expr, float]]:
    """Squares and products of second derivatives, at most once by time."""
    pairs = itertools.combinations_with_replacement(range(len(space.base)), 2)
    pairs = [pair for pair in pairs if pair.count(TIME) < 2]
    squares = [(s**2 / 2, 2.0 + 0.5 * pair.count(TIME)) for pair in pairs for s in space.derivatives(*pair)]
    symbols = [s for pair in pairs for s in space.derivatives(*pair)]
    return squares + [(s * r, 3.2) for s, r in itertools.combinations(symbols, 2)]
