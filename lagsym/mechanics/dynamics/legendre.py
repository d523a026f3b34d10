"""The Legendre transform in closed form, of a Lagrangian or of a Hamiltonian."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.algebra.inversion import assuming_positive, invert
from lagsym.mechanics.algebra.linear_solve import solve_linear
from lagsym.mechanics.algebra.probing import vanishes
from lagsym.mechanics.dynamics.canonical_parts import at_zero, split_at_zero
from lagsym.mechanics.sampling import Ranges

LARGEST = 60
"""Operations of the longest result that is simplified."""


@dataclass(frozen=True)
class Transform:
    """A function's Legendre transform.

    Arguments:
        function: of the dual variables.
        variables: each old variable as a function of the dual ones.
    """

    function: sp.Expr
    variables: Mapping[sp.Symbol, sp.Expr]


def legendre_transform(
    function: sp.Expr, variables: Sequence[sp.Symbol], duals: Sequence[sp.Symbol], bounds: Ranges
) -> Transform:
    """Transform g(v) to p . v - g, where p = dg/dv is solved for v.

    Variables that no mixed derivative couples are solved apart: by linear algebra where g is quadratic in them; else,
    one variable or several that enter through one quadratic form alone, by solving one equation and choosing the
    branch that returns the v it came from at random points.

    Arguments:
        function: g.
        variables: v.
        duals: names for p.
        bounds: for each symbol's name, where g is to be transformed.

    Raises:
        InputError: p = dg/dv has no solution, or none in closed form.

    >>> v, p = sp.symbols("v p", real=True)
    >>> legendre_transform(sp.exp(v), (v,), (p,), {"v": (-1, 1)}).function
    p*log(p) - p
    """
    centre = _stationary_point(function, variables)
    if centre is None:
        return _about_zero(function, variables, duals, bounds)
    shift = dict(zip(variables, centre, strict=True))
    moved: Any = function.subs({v: v + centre for v, centre in shift.items()}, simultaneous=True)
    found = _about_zero(moved, variables, duals, bounds)
    linear = sp.Add(*(p * shift[v] for v, p in zip(variables, duals, strict=True)))
    return Transform(found.function + linear, {v: found.variables[v] + shift[v] for v in variables})


def _about_zero(
    function: sp.Expr, variables: Sequence[sp.Symbol], duals: Sequence[sp.Symbol], bounds: Ranges
) -> Transform:
    """The transform of g = g(0) + dg/dv(0) . v + rest, block by block of the rest."""
    constant, slopes, rest = _parts(function, variables)
    shifted = sp.Matrix([p - slope for p, slope in zip(duals, slopes, strict=True)])
    hessian = sp.hessian(rest, variables).applyfunc(lambda entry: sp.S.Zero if vanishes(entry) else entry)
    total, solved = -constant, {}
    for block in hessian.connected_components():
        chosen = [variables[i] for i in block]
        others: Any = {v: sp.S.Zero for v in variables if v not in chosen}
        part, curvature = rest.subs(others), hessian.extract(block, block)
        transform = _coupled(part, chosen, curvature, shifted.extract(block, [0]), bounds)
        total += transform.function
        solved |= transform.variables
    return Transform(total, {v: solved[v] for v in variables})


def _stationary_point(function: sp.Expr, variables: Sequence[sp.Symbol]) -> list[Any] | None:
    """Where the gradient of a function that is not quadratic vanishes: each component has a factor linear in v."""
    rows: list[Any] = []
    if not sp.hessian(function, variables).has(*variables):
        return None
    for v in variables:
        numerator, _ = sp.fraction(sp.together(sp.diff(function, v)))
        factors = [factor for factor in sp.Mul.make_args(sp.factor_terms(numerator)) if factor.has(*variables)]
        linear = [factor for factor in factors if not any(sp.diff(factor, x).has(*variables) for x in variables)]
        if not linear:
            return None
        rows.append(linear[0])
    matrix = sp.Matrix(rows).jacobian(variables)
    right = -sp.Matrix(rows).subs(dict.fromkeys(variables, 0))
    return solve_linear(matrix, right, variables)


def _parts(function: sp.Expr, variables: Sequence[sp.Symbol]) -> tuple[Any, list[Any], Any]:
    """Value and slopes at zero and the rest; one variable can do without, so that it may be infinite there."""
    if len(variables) == 1 and sp.diff(function, variables[0], 2).has(variables[0]):
        return sp.S.Zero, [sp.S.Zero], function
    return split_at_zero(function, variables)


def _coupled(
    rest: sp.Expr, variables: Sequence[sp.Symbol], hessian: sp.Matrix, duals: sp.Matrix, bounds: Ranges
) -> Transform:
    if not hessian.free_symbols & set(variables):
        solution = solve_linear(hessian, duals, variables)
        return Transform((duals.T * sp.Matrix(solution))[0] / 2, dict(zip(variables, solution, strict=True)))
    return _isotropic(rest, variables, hessian, duals, bounds)


def _isotropic(
    rest: sp.Expr, variables: Sequence[sp.Symbol], hessian: sp.Matrix, duals: sp.Matrix, bounds: Ranges
) -> Transform:
    """The transform where g depends on v through u^2 = v . K v alone: u solves l'(u) = sqrt(p . K^-1 p), l(u) = g."""
    form = _quadratic_form(variables, hessian)
    speed, momentum = sp.Dummy("u", real=True), sp.Dummy("w", real=True)
    profile = _profile(rest, variables, form, speed)
    low, high = bounds[variables[0].name]
    speeds = (low, high) if len(variables) == 1 else (0.0, max(abs(low), abs(high)))
    inverse = invert(sp.diff(profile, speed), speed, momentum, {**bounds, speed.name: speeds})
    constant, varying = profile.as_independent(speed, as_Add=True)
    value = _shortened(momentum * inverse - varying.subs(speed, inverse), bounds) - constant
    raised = sp.Matrix(solve_linear(form, duals, variables))
    size: Any = duals[0] if len(variables) == 1 else sp.sqrt((duals.T * raised)[0])
    ratios = [inverse] if len(variables) == 1 else [x * (inverse / momentum) for x in raised]
    solved: list[Any] = [ratio.subs(momentum, size) for ratio in ratios]
    return Transform(value.subs(momentum, size), dict(zip(variables, solved, strict=True)))


def _profile(rest: sp.Expr, variables: Sequence[sp.Symbol], form: sp.Matrix, speed: sp.Symbol) -> Any:
    """The l(u) with g(v) = l(sqrt(v . K v)), read off along the first variable; of one variable g itself."""
    along: Any = {v: speed if v == variables[0] else sp.S.Zero for v in variables}
    profile: Any = rest.subs(along)
    column = sp.Matrix(variables)
    length = variables[0] if len(variables) == 1 else sp.sqrt((column.T * form * column)[0])
    if not vanishes(rest - profile.xreplace({speed: length}), (rest,)):
        _refuse(variables, "they are coupled otherwise than through one quadratic form")
    return profile


def _shortened(expression: sp.Expr, bounds: Ranges) -> sp.Expr:
    """A shorter form of a short expression, where the symbols with positive ranges are positive."""
    if expression.count_ops() > LARGEST:
        return expression
    shorter = assuming_positive(sp.simplify, expression, bounds)
    shorter_and_plain = shorter.count_ops() < expression.count_ops() and not shorter.has(sp.Piecewise)
    return shorter if shorter_and_plain else expression


def _quadratic_form(variables: Sequence[sp.Symbol], hessian: sp.Matrix) -> sp.Matrix:
    if len(variables) == 1:
        return sp.eye(1)
    at_rest = at_zero(hessian, variables)
    if at_rest[0, 0] == 0:
        _refuse(variables, "their matrix of second derivatives vanishes at zero")
    return (at_rest / at_rest[0, 0]).applyfunc(sp.cancel)


def _refuse(variables: Sequence[sp.Symbol], reason: str) -> Any:
    names = ", ".join(map(str, variables))
    msg = (
        f"no closed form of the Legendre transform in {names}: {reason}; expected a function that is quadratic in "
        "them, or one whose slope can be inverted"
    )
    raise InputError(msg)
