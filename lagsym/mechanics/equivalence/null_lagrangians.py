"""Null Lagrangians: divergences D_mu F^mu, which add nothing to the equations of motion.

One field after another is integrated out by the homotopy formula, the others being functions of the base meanwhile.
With A^mu = dN/du_mu - D_nu P^(mu nu), P^(mu nu) the symmetric derivatives of N by the second derivatives of u, and
u(s) = u0 + s (u - u0),

    N = N at u0 + D_mu F^mu,   F^mu = integral_0^1 ((u - u0) A^mu + u_nu P^(mu nu)) at u(s) ds.

A null Lagrangian of first order is affine in the derivatives of each field, and the integral is one of dN/du_mu by u.

Source: P. J. Olver, Applications of Lie Groups to Differential Equations, 2nd ed., sections 4.1 and 5.4.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import sympy as sp

from lagsym.mechanics.algebra.bounded_algebra import antiderivative, cancelled, fourier_form
from lagsym.mechanics.algebra.expansion import expanded, multiplied_out, regular_part
from lagsym.mechanics.calculus import total_derivative
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.sampling import (
    Ranges,
    decimal,
    jet_symbols,
    parameter_symbols,
    random_point,
    real_values,
    sampling_ranges,
)

DIGITS = 40
STARTS = (sp.S.Zero, sp.S.One, sp.Rational(1, 2))
"""Where the homotopy may start: the origin, or, where that is singular, other multiples of (1, 2, 3, ...)."""
POINTS = 5
SINGULAR = (sp.nan, sp.zoo, sp.oo)
INNER = sp.Rational(611, 997)


@dataclass(frozen=True)
class Divergence:
    """The components F^mu of a divergence D_mu F^mu, and whether algebra proved them or only random points.

    Arguments:
        components: F^mu in the order of the base coordinates, without constants.
        symbolic: whether the difference less D_mu F^mu expands to a constant exactly.
    """

    components: tuple[sp.Expr, ...]
    symbolic: bool


def added_divergence(difference: sp.Expr, space: JetSpace, ranges: Ranges | None = None) -> Divergence | None:
    """The F in `difference` = D_mu F^mu + constant, where the difference is known to be a null Lagrangian.

    Arguments:
        difference: the candidate less c times the reference, of first or second order.
        space: the jet space that it is written in.
        ranges: where to check, by the symbols' names.

    Returns:
        Zero components where nothing was added; None where no closed form was found.

    >>> space = JetSpace(("u", "w"), ("t", "x"))
    >>> u_t, u_x, w_t, w_x = (space.symbol(i, (mu,)) for i in range(2) for mu in range(2))
    >>> added_divergence(u_t * w_x - u_x * w_t, space).components
    (u*w_x, -u*w_t)
    """
    check = _Check(difference, space, ranges)
    tried: set[Any] = {None}
    for form in (multiplied_out, expanded, fourier_form):
        prepared = form(difference)
        components = None if prepared in tried else _components(prepared, check)
        tried.add(prepared)
        if components is not None and check.agrees(components):
            return Divergence(components, check.proves(components))
    return None


def added_function(difference: sp.Expr, space: JetSpace, ranges: Ranges | None = None) -> sp.Expr | None:
    """The F in `difference` = dF/dt + constant, where a particle's difference is known to be a null Lagrangian.

    Arguments:
        difference: the candidate less c times the reference.
        space: the jet space of the particle.
        ranges: where to check, by the symbols' names.

    Returns:
        F without a constant, 0 where nothing was added, None where no closed form was found.

    >>> space = JetSpace(("q",))
    >>> (q,), (v,) = space.positions, space.velocities
    >>> added_function(3 * q**2 * v + 5, space)
    q**3
    """
    found = added_divergence(difference, space, ranges)
    return None if found is None else found.components[0]


class _Check:
    """A difference and the random points at which answers are checked."""

    def __init__(self, difference: sp.Expr, space: JetSpace, ranges: Ranges | None) -> None:
        self.difference, self.space = difference, space
        self.parameters = parameter_symbols([difference], space)
        self.bounds = sampling_ranges(space, self.parameters, ranges)
        generator = random.Random(0)
        fixed = random_point(self.parameters, self.bounds, generator)
        self.symbols = (*self.parameters, *space.names.values())
        moving = list(space.names.values())
        self.points = [[*fixed, *random_point(moving, self.bounds, generator)] for _ in range(8 * POINTS)]

    def tidied(self, expression: Any) -> Any:
        """Expanded where that is short, and zero where it is zero in disguise."""
        short = multiplied_out(expression)
        expression = expression if short is None else short
        return sp.S.Zero if expression.has(sp.Function, sp.Pow) and self._vanishes(expression) else expression

    def agrees(self, components: Sequence[sp.Expr]) -> bool:
        """Whether the difference less D_mu F^mu is the same constant at all points."""
        sides = self._values([self.difference, _divergence(components, self.space)], POINTS)
        tolerance = 1e-6 if self.difference.has(sp.Float) else 1e-25
        size = max((abs(x) for side in sides for x in side), default=mpmath.mpf(0)) + 1
        rests = [a - b for a, b in sides]
        return len(rests) >= 2 and max(rests) - min(rests) <= tolerance * size

    def proves(self, components: Sequence[sp.Expr]) -> bool:
        """Whether the difference less D_mu F^mu expands to a constant, or does so in sines and cosines or cancelled."""
        if self.difference.has(sp.Float):
            return False
        rest: Any = self.difference - _divergence(components, self.space)
        forms = (form(rest) for form in (multiplied_out, expanded, fourier_form, cancelled))
        return any(form is not None and not jet_symbols([form], self.space) for form in forms)

    def _vanishes(self, expression: Any) -> bool:
        values = self._values([expression], 3)
        tolerance = 1e-12 if expression.has(sp.Float) else 1e-25
        return bool(values) and all(abs(x) <= tolerance for (x,) in values)

    def _values(self, expressions: list[Any], count: int) -> list[list[Any]]:
        """Values at the first `count` points where the expressions are real and finite."""
        # What is no symbol of the difference, as the variable of a homotopy, has one value throughout.
        foreign = {symbol for expression in expressions for symbol in expression.free_symbols} - set(self.symbols)
        expressions = [regular_part(expression.xreplace(dict.fromkeys(foreign, INNER))) for expression in expressions]
        present = set().union(*(expression.free_symbols for expression in expressions))
        places = [k for k, symbol in enumerate(self.symbols) if symbol in present]
        evaluate = sp.lambdify([self.symbols[k] for k in places], expressions, "mpmath", cse=True)
        with mpmath.workdps(DIGITS):
            rows = (real_values(evaluate, [decimal(point[k]) for k in places]) for point in self.points)
            return [row for row in rows if row is not None][:count]


def _divergence(components: Sequence[sp.Expr], space: JetSpace) -> Any:
    return sp.Add(*(total_derivative(part, space, mu) for mu, part in enumerate(components)))


def _components(difference: Any, check: _Check) -> tuple[sp.Expr, ...] | None:
    """F^mu field by field, and at last of what depends on the base alone."""
    space, rest = check.space, difference
    total: list[Any] = [sp.S.Zero] * len(space.base)
    for field in range(len(space.fields)):
        found = next((x for start in STARTS if (x := _integrated_out(rest, field, start * (field + 1), check))), None)
        if found is None:
            return None
        part, rest = found
        total = [a + b for a, b in zip(total, part, strict=True)]
    last = _of_the_base(rest, space)
    if last is None:
        return None
    return tuple(_without_constant(a + b, check) for a, b in zip(total, last, strict=True))


def _integrated_out(difference: Any, field: int, start: Any, check: _Check) -> tuple[list[Any], Any] | None:
    """The part of F^mu that comes from one field, and the difference with that field at its start."""
    space = check.space
    mine = {symbol: key[1] for symbol in difference.free_symbols if (key := space.key(symbol)) and key[0] == field}
    if not mine:
        return [sp.S.Zero] * len(space.base), difference
    parts = _along_homotopy if any(len(index) == 2 for index in mine.values()) else _along_field
    flux = parts(difference, field, start, check)
    if flux is None or any(part.has(*SINGULAR) for part in flux):
        return None
    remaining = difference - _divergence(flux, space)
    if space.order(difference) < 2:  # what is left is of first order, whatever the terms look like
        remaining = remaining.subs(
            {symbol: 0 for symbol in jet_symbols([remaining], space) if _order(symbol, space) == 2}
        )
    at_start = {symbol: 0 for symbol in space.names.values() if (key := space.key(symbol)) and key[0] == field}
    remaining = remaining.subs(at_start | {space.symbol(field): start})
    return None if remaining.has(*SINGULAR) else (flux, check.tidied(remaining))


def _along_field(difference: Any, field: int, start: Any, check: _Check) -> list[Any] | None:
    """F^mu = integral of dN/du_mu by u, for an N of first order in u."""
    space, flux = check.space, []
    for mu in range(len(space.base)):
        slope = sp.diff(difference, space.symbol(field, (mu,)))
        # It holds no derivative of u, nor one along mu where N is of first order: zero says it all in fewer terms.
        absent = [space.symbol(field, (nu,)) for nu in range(len(space.base))]
        absent += list(space.derivatives(mu)) if space.order(difference) < 2 else []
        part = antiderivative(check.tidied(slope.subs(dict.fromkeys(absent, 0))), space.symbol(field))
        if part is None:
            return None
        flux.append(part)
    return flux


def _along_homotopy(difference: Any, field: int, start: Any, check: _Check) -> list[Any] | None:
    """F^mu by the homotopy formula, for an N of second order in u."""
    space, flux = check.space, []
    directions, s = range(len(space.base)), sp.Dummy("s", positive=True)
    u = space.symbol(field)
    jets: Any = {
        symbol: s * symbol for symbol in space.names.values() if (key := space.key(symbol)) and key[0] == field
    }
    jets[u] = start + s * (u - start)
    for mu in directions:
        second = [_symmetric(difference, space, field, (mu, nu)) for nu in directions]
        first = sp.diff(difference, space.symbol(field, (mu,)))
        first -= sp.Add(*(total_derivative(part, space, nu) for nu, part in enumerate(second)))
        factors = [u - start, *(space.symbol(field, (nu,)) for nu in directions)]
        scaled = [part.subs(jets, simultaneous=True) for part in (first, *second)]
        integrand = check.tidied(sp.Add(*(a * b for a, b in zip(factors, scaled, strict=True))))
        part = antiderivative(integrand, s)
        ends = None if part is None else part.subs(s, 1) - part.subs(s, 0)
        if ends is None or ends.has(*SINGULAR):
            return None
        flux.append(check.tidied(cancelled(ends)))
    return flux


def _symmetric(difference: Any, space: JetSpace, field: int, index: tuple[int, int]) -> Any:
    slope = sp.diff(difference, space.symbol(field, index))
    return slope if index[0] == index[1] else slope / 2


def _order(symbol: sp.Symbol, space: JetSpace) -> int:
    key = space.key(symbol)
    return len(key[1]) if key else 0


def _of_the_base(rest: Any, space: JetSpace) -> list[Any] | None:
    """F^mu of a function of the base alone, along the first direction in which it has an integral."""
    moving = _moving_part(rest, space)
    zeros: list[Any] = [sp.S.Zero] * len(space.base)
    if moving == 0:
        return zeros
    for mu, x in enumerate(space.base_symbols):
        part = antiderivative(moving, x)
        if part is not None:
            return [*zeros[:mu], part, *zeros[mu + 1 :]]
    return None


def _without_constant(function: Any, check: _Check) -> Any:
    tidy = check.tidied(function)
    other = None if tidy.has(sp.Float) else fourier_form(tidy)
    forms = [_moving_part(form, check.space) for form in (tidy, other) if form is not None]
    return min(forms, key=lambda form: form.count_ops())


def _moving_part(function: Any, space: JetSpace) -> Any:
    """The terms that are no constants."""
    return sp.Add(*(term for term in sp.Add.make_args(function) if jet_symbols([term], space)))
