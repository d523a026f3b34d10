"""From a lattice to a field: the Lagrangian density that sites at a small spacing add up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.jetspace import DERIVATIVE_ORDER, JetSpace
from lagsym.mechanics.system import parameter_symbol

SPACE = JetSpace(("u",), ("t", "x"))
"""The jet space of densities: u, u_t, u_x, u_xx, ..."""
SITE_SYMBOLS = (parameter_symbol("q"), parameter_symbol("q_dot"))
"""What a site's function is written in: its position and its velocity."""
BESIDE_SYMBOLS = (parameter_symbol("q_before"), parameter_symbol("q_after"))
"""What else a site's function may be written in: the positions of the sites before and after it."""
EDGE_SYMBOLS = (parameter_symbol("a"), parameter_symbol("b"))
"""What an edge's function is written in: the positions of its left and its right end."""
SPACING = parameter_symbol("h")
"""The distance of neighbouring sites."""

_HALVES = (-sp.Rational(1, 2), sp.Rational(1, 2))
_X = 1
"""Position of x in the base."""
_EPSILON = sp.Symbol("epsilon", positive=True)
"""Counts powers of the spacing, whatever else holds them."""
_FURTHER = 4
"""Powers of the spacing beyond the order asked for, among which the first neglected term is sought."""


@dataclass(frozen=True)
class Continuum:
    """A lattice's Lagrangian density up to a power of the spacing.

    Arguments:
        density: over `SPACE` and the spacing, up to a divergence, without derivatives beyond u_xx.
        neglected: the first term that was left out, 0 where none was found.
        neglected_order: its power of the spacing, relative to the node's function; None where none was found.
        space: the jet space.
    """

    density: sp.Expr
    neglected: sp.Expr
    neglected_order: int | None
    space: JetSpace = SPACE


def continuum_density(
    edge: sp.Expr | Mapping[int, sp.Expr], node: sp.Expr, spacing: sp.Expr | float = SPACING, order: int = 4
) -> Continuum:
    """The density of a row of sites whose positions u(x) vary slowly from site to site.

    The sum of n(u_i, du_i/dt) + e(u_i, u_(i+1)) over sites is an integral over x / spacing.  An edge is put at its
    middle x, where its ends are

        a = u - h/2 u_x + h^2/8 u_xx - ...,   b = u + h/2 u_x + h^2/8 u_xx + ...,

    and is expanded in the spacing h; an edge to the site r places on spans r h instead.  A site's function may hold the
    positions of both its neighbours, u(x - h) and u(x + h), too.  Sum and integral differ by less than any power of h.
    Divergences are taken away: with f of lower order in derivatives, f u_xxx becomes -D_x f u_xx, and f(u, u_x) u_xx
    becomes -u_x dF/du with F the integral of f by u_x.

    Arguments:
        edge: what an edge to the next site adds to L, in `EDGE_SYMBOLS` a, b (smooth at a = b) and parameters; or, by
            how many places they span, what edges of several lengths add.
        node: what a site adds to L, in `SITE_SYMBOLS` q, q_dot, `BESIDE_SYMBOLS` q_before, q_after and parameters.
        spacing: a symbol or a number.
        order: the highest power of the spacing in an edge that is kept, at most 4: beyond, densities hold u_xxx.

    Raises:
        InputError: the order is not one of those, a function is not smooth where its sites are alike, or one holds
            q_dot and a neighbour at once, which gives the density a term of u_tx.

    >>> (q, v), (a, b) = SITE_SYMBOLS, EDGE_SYMBOLS
    >>> continuum_density(-((b - a) ** 2) / 2, v**2 / 2, order=4).density
    h**3*u_xx**2/24 - h*u_x**2/2 + u_t**2/(2*h)
    >>> continuum_density({1: -((b - a) ** 2) / 2, 2: (b - a) ** 2 / 8}, v**2 / 2, order=4).density
    -h**3*u_xx**2/8 + u_t**2/(2*h)
    >>> before, after = BESIDE_SYMBOLS
    >>> continuum_density(0, v**2 / 2 - ((after - before) / 2) ** 2 / 2, order=2).density
    -h*u_x**2/2 + u_t**2/(2*h)

    Source: N. J. Zabusky and M. D. Kruskal, Physical Review Letters 15 (1965) 240, for the continuum of a chain;
    P. Rosenau, Physics Letters A 118 (1986) 222, for its limits.
    """
    if not 0 <= order <= 4:
        msg = f"expected an order of the spacing from 0 to 4, beyond which densities hold u_xxx; got {order}"
        raise InputError(msg)
    u, u_t = SPACE.symbol(0), SPACE.symbol(0, (0,))
    own, beside = _split(node)
    site = own.xreplace(dict(zip(SITE_SYMBOLS, (u, u_t), strict=True)))
    edges = edge if isinstance(edge, Mapping) else {1: edge}
    highest = order + _FURTHER
    expanded = [
        (reach, _expanded(sp.sympify(one), dict(zip(EDGE_SYMBOLS, _HALVES, strict=True)), highest))
        for reach, one in edges.items()
    ]
    expanded.append((1, _expanded(beside, dict(zip(BESIDE_SYMBOLS, (-1, 1), strict=True)), highest)))
    powers = [sp.Add(*(part[n] * reach**n for reach, part in expanded)) for n in range(highest + 1)]
    kept = sp.Add(*(_reduced(power) * spacing**n for n, power in enumerate(powers[: order + 1])))
    neglected, at = _first_neglected(powers, order)
    shown = neglected * spacing ** (at or 0) / spacing
    return Continuum(sp.expand((site + kept) / spacing), sp.expand(shown), at)


def _first_neglected(powers: Sequence[sp.Expr], order: int) -> tuple[sp.Expr, int | None]:
    """The first term beyond an order that is no divergence, and its power."""
    for n in range(order + 1, len(powers)):
        reduced = _reduced(powers[n])
        if reduced != 0:
            return reduced, n
    return sp.S.Zero, None


def _split(node: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """What a site adds by itself, and what it adds together with its neighbours."""
    terms = sp.Add.make_args(sp.expand(sp.sympify(node)))
    beside = [term for term in terms if term.has(*BESIDE_SYMBOLS)]
    for term in beside:
        if term.has(SITE_SYMBOLS[1]):
            msg = f"expected q_dot and the positions of neighbours in different terms of a site's function; got {term}"
            raise InputError(msg)
    return sp.Add(*(term for term in terms if term not in beside)), sp.Add(*beside)


def _expanded(function: sp.Expr, offsets: Mapping[sp.Symbol, sp.Expr | int], order: int) -> list[sp.Expr]:
    """The coefficient of each power of the spacing in f(u(x + offset h), ...), of two places and perhaps u(x)."""
    derivatives = [_derivative(n) for n in range(order + 1)]
    left, right = (
        sp.Add(*((offset * _EPSILON) ** n / sp.factorial(n) * derivatives[n] for n in range(order + 1)))
        for offset in offsets.values()
    )
    middle = derivatives[0]
    # Taylor's polynomial of f in its two arguments; the arguments' differences from u are of first order.
    first, second = sp.Dummy(), sp.Dummy()
    a, b = offsets
    here: Any = dict.fromkeys((a, b, SITE_SYMBOLS[0]), middle)
    total: Any = sp.S.Zero
    for n in range(order + 1):
        for i in range(n + 1):
            slope = sp.diff(function, a, i, b, n - i).subs(here, simultaneous=True)
            if slope.has(sp.zoo, sp.nan, sp.oo):
                msg = f"expected a function that is smooth where its sites are alike; {function} is not"
                raise InputError(msg)
            total += slope * first**i * second ** (n - i) / (sp.factorial(i) * sp.factorial(n - i))
    polynomial = sp.Poly(total, first, second)
    return _truncated(polynomial, (sp.expand(left - middle), sp.expand(right - middle)), order)


def _truncated(polynomial: sp.Poly, values: tuple[sp.Expr, sp.Expr], order: int) -> list[sp.Expr]:
    """The coefficients of powers up to an order, with series in place of the polynomial's symbols."""
    powers = [_powers(value, order) for value in values]
    result = [sp.S.Zero] * (order + 1)
    for (i, j), coefficient in polynomial.terms():
        for n, part in enumerate(_product(powers[0][i], powers[1][j], order)):
            result[n] += coefficient * part
    return [sp.expand(part) for part in result]


def _powers(value: sp.Expr, order: int) -> list[list[sp.Expr]]:
    """A series' powers 0, 1, ..., each as its coefficients."""
    own = [value.coeff(_EPSILON, n) or sp.S.Zero for n in range(order + 1)]
    found = [[sp.S.One, *[sp.S.Zero] * order]]
    for _ in range(order):
        found.append(_product(found[-1], own, order))
    return found


def _product(one: Sequence[sp.Expr], other: Sequence[sp.Expr], order: int) -> list[sp.Expr]:
    return [sp.expand(sp.Add(*(one[i] * other[n - i] for i in range(n + 1)))) for n in range(order + 1)]


def _derivative(order: int) -> sp.Symbol:
    """The symbol of the derivative of that order by x; those that a jet space has no name for get one of their own."""
    if order <= DERIVATIVE_ORDER:
        return SPACE.symbol(0, (_X,) * order)
    return sp.Symbol("u_" + "x" * order, real=True)


def _order(expression: sp.Expr) -> int:
    """The highest order of a derivative by x."""
    names = {symbol.name for symbol in expression.free_symbols if isinstance(symbol, sp.Symbol)}
    orders = [len(name) - 2 for name in names if name.startswith("u_x")]
    return max(orders, default=0)


def _along(expression: sp.Expr) -> sp.Expr:
    """The total derivative by x."""
    order = _order(expression)
    parts = (sp.diff(expression, _derivative(n)) * _derivative(n + 1) for n in range(order + 1))
    return sp.Add(*parts)


def _reduced(expression: sp.Expr) -> sp.Expr:
    """The expression without constants, and without divergences where its highest derivative p enters linearly.

    With w the derivative below p, f p + g and f p + g - D_x F differ by a divergence; F, the integral of f by w, leaves
    no p.
    """
    rest, done = sp.expand(expression), sp.S.Zero
    while (order := _order(rest)) >= 1:
        highest, below = _derivative(order), _derivative(order - 1)
        terms = sp.Add.make_args(rest)
        linear = sp.Add(*(term for term in terms if sp.diff(term, highest, 2) == 0))
        done += sp.expand(rest - linear)
        rest = sp.expand(linear - _along(sp.integrate(sp.diff(linear, highest), below)))
        if _order(rest) >= order:
            break  # an integral that SymPy does not know
    whole = sp.expand(done + rest)
    return sp.Add(*(term for term in sp.Add.make_args(whole) if term.free_symbols & set(_named())))


def _named() -> list[sp.Symbol]:
    return [_derivative(n) for n in range(4 + _FURTHER + 1)]
