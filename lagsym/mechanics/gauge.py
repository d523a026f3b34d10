"""Gauge: are two Lagrangians the same law, up to everything that cannot matter?

candidate = c reference + dF(q, t)/dt + constant gives the same equations of motion up to the factor c.  Lagrangians
that are not so related may still have the same accelerations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp

from lagsym.mechanics.exact_comparison import METHOD as EXACT_METHOD
from lagsym.mechanics.exact_comparison import Disagreement, compare_exactly
from lagsym.mechanics.fitted_comparison import METHOD as FITTED_METHOD
from lagsym.mechanics.fitted_comparison import (
    NEVER_ABOVE,
    SAME_NUMBERS,
    SAME_STRUCTURE,
    SIGNIFICANCE,
    Agreement,
    FittedComparison,
    prepare_comparison,
)
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.null_lagrangians import added_function
from lagsym.mechanics.sampling import Ranges
from lagsym.mechanics.verdict import DIFFERENT, GAUGE_EQUIVALENT, IDENTICAL, SAME_DYNAMICS, Verdict

__all__ = ["Verdict", "compare"]


def compare(
    candidate: sp.Expr,
    reference: sp.Expr,
    space: JetSpace,
    *,
    points: Ranges | None = None,
    constants: Mapping[sp.Symbol, float] | None = None,
    covariance: np.ndarray | None = None,
    dissipations: tuple[sp.Expr | int, sp.Expr | int] = (0, 0),
) -> Verdict:
    """Compare a candidate Lagrangian with a reference.

    Exact Lagrangians are compared at random points with 60 digits.  Where the candidate has fitted constants (or
    either holds decimal numbers) the constants are refitted, which decides the structure; then they must agree with
    the reference in a joint chi-square test at 99.9 %, or leave a relative off-shell residual of at most 1e-6.

    Arguments:
        candidate: a Lagrangian over `space`; its other symbols are `constants`, or parameters that it shares with the
            reference.
        reference: the Lagrangian to compare with.
        space: the jet space that both are written in.
        points: where to compare: for each coordinate `q`, velocity `q_dot`, time and parameter, an interval in which
            both are defined, e.g. the `ranges` of a `System`.
        constants: values of the candidate's fitted constants; without them, every decimal number in it is one.
        covariance: covariance matrix of `constants` in their order, of shape (k, k).
        dissipations: the Rayleigh functions of candidate and reference.

    Raises:
        InputError: the two have no common domain in `points`, a symbol has no value, or the covariance does not fit.

    >>> space = JetSpace(("q",))
    >>> (q,), (v,) = space.positions, space.velocities
    >>> verdict = compare(3 * v**2 - 3 * q**2 + q * v, v**2 / 2 - q**2 / 2, space)
    >>> print(verdict)
    Gauge-equivalent: the candidate is 6 times the reference plus dF/dt with F = q**2/2.
    """
    ours = (sp.sympify(candidate), sp.sympify(dissipations[0]))
    theirs = (sp.sympify(reference), sp.sympify(dissipations[1]))
    exact = not any(part.has(sp.Float) for part in (*ours, *theirs))
    if not constants and exact:
        return _exact_verdict(ours, theirs, space, points)
    values = constants
    if values is None:
        values = {}
        ours = tuple(_named_numbers(part, values) for part in ours)
    comparison = prepare_comparison(ours, theirs, space, points, values, covariance)
    return _fitted_verdict(comparison, ours, theirs, space, (points, tuple(values)))


def _exact_verdict(ours: Any, theirs: Any, space: JetSpace, points: Ranges | None) -> Verdict:
    found = compare_exactly(ours, theirs, space, points)
    residuals: dict[str, Any] = {"residual": found.residual, "acceleration_residual": found.acceleration_residual}
    if found.gauge_equivalent:
        added = added_function(ours[0] - found.scale * theirs[0], space, points)
        kind, sentence = _equivalence(found.scale, added)
        return Verdict(kind, sentence, EXACT_METHOD, scale=found.scale, added=added, **residuals)
    if found.same_dynamics:
        sentence = (
            "Same dynamics: the accelerations agree at every point, but the Lagrangian is not a multiple of the "
            "reference plus a total derivative."
        )
        return Verdict(SAME_DYNAMICS, sentence, EXACT_METHOD, **residuals)
    where = found.disagreement
    if where is None:  # E[candidate] = 0 E[reference]
        sentence = "Different: the candidate is a total time derivative and has no equations of motion."
        return Verdict(DIFFERENT, sentence, EXACT_METHOD, **residuals)
    sentence = f"Different: the accelerations disagree. {_place(where)}"
    place: dict[str, Any] = {"equation": where.coordinate, "point": _with_sides(where)}
    return Verdict(DIFFERENT, sentence, EXACT_METHOD, **place, **residuals)


def _fitted_verdict(
    comparison: FittedComparison, ours: Any, theirs: Any, space: JetSpace, context: tuple[Ranges | None, tuple]
) -> Verdict:
    points, symbols = context
    off_shell = comparison.expressions_agreement()
    numbers = _numbers(off_shell, symbols, comparison.covariance)
    if off_shell.same:
        matched = {symbol: sp.Float(value, 17) for symbol, value in zip(symbols, off_shell.refitted, strict=True)}
        scale = sp.Float(off_shell.scale, 17)
        size = max(1e-300, float(np.abs(comparison.constants).max(initial=1e-300))) if symbols else 1.0
        added = added_function((ours[0].xreplace(matched) - scale * theirs[0]) / size, space, points)
        added = None if added is None else _rescaled(added, size)
        kind, sentence = _equivalence(scale, added)
        return Verdict(kind, sentence + _judgement(off_shell), FITTED_METHOD, scale=scale, added=added, **numbers)
    motion = comparison.accelerations_agreement()
    numbers["acceleration_residual"] = motion.residual
    if motion.same:
        multiplier = comparison.multiplier()
        numbers |= _numbers(motion, symbols, comparison.covariance) | {"residual": off_shell.residual}
        sentence = (
            "Same dynamics: the accelerations agree, but the Lagrangian is not a multiple of the reference plus a "
            "total derivative."
        )
        rows = None if multiplier is None else tuple(tuple(map(float, row)) for row in multiplier)
        return Verdict(SAME_DYNAMICS, sentence + _judgement(motion), FITTED_METHOD, multiplier=rows, **numbers)
    where = _largest_disagreement(comparison, off_shell, space)
    sentence = f"Different: {_reason(off_shell, numbers)} {_place(where)}"
    return Verdict(DIFFERENT, sentence, FITTED_METHOD, equation=where.coordinate, point=_with_sides(where), **numbers)


def _named_numbers(expression: Any, values: dict[sp.Symbol, float]) -> Any:
    """The expression with a symbol of its own for each decimal number, so that each can be refitted."""
    if expression.is_Float:
        symbol = sp.Symbol(f"number {len(values) + 1} ({float(expression):.6g})", real=True)
        values[symbol] = float(expression)
        return symbol
    if not expression.has(sp.Float):
        return expression
    return expression.func(*(_named_numbers(part, values) for part in expression.args))


def _rescaled(added: sp.Expr, size: float) -> sp.Expr:
    """F in its own size, whole numbers without a decimal point."""
    if added == 0:
        return added
    expanded = sp.expand(added * size)
    near = {x: sp.Integer(round(x)) for x in expanded.atoms(sp.Float) if abs(x - round(x)) <= SAME_STRUCTURE}
    return expanded.xreplace(near)


def _numbers(agreement: Agreement, symbols: tuple[sp.Symbol, ...], covariance: np.ndarray | None) -> dict[str, Any]:
    """What the verdict stores of a refit."""
    numbers: dict[str, Any] = {"residual": agreement.residual}
    if not symbols:
        return numbers
    sizes = np.maximum(np.abs(agreement.refitted), np.abs(agreement.refitted + agreement.deviations))
    units = sizes if covariance is None else np.sqrt(np.maximum(np.diag(covariance), 0))
    shares = np.abs(agreement.deviations) / np.where(units > 0, units, np.inf)
    worst = int(np.argmax(shares))
    return numbers | {
        "structure_residual": agreement.structure_residual,
        "chi_square": agreement.chi_square,
        "degrees_of_freedom": agreement.degrees_of_freedom,
        "p_value": agreement.p_value,
        "refitted": {str(symbol): float(x) for symbol, x in zip(symbols, agreement.refitted, strict=True)},
        "worst_constant": str(symbols[worst]),
        "worst_deviation": float(shares[worst]),
    }


def _equivalence(scale: Any, added: sp.Expr | None) -> tuple[str, str]:
    """The kind and the sentence for candidate = c reference + dF/dt."""
    unit = abs(scale - 1) <= SAME_NUMBERS if scale.is_number else scale == 1
    if unit and added == 0:
        return IDENTICAL, "Identical: the candidate is the reference, up to a constant at most."
    shown = f"{float(scale):.6g}" if scale.has(sp.Float) else str(scale)
    multiple = "the reference" if unit else f"{shown} times the reference"
    if added is None:
        return GAUGE_EQUIVALENT, f"Gauge-equivalent: the candidate is {multiple} plus a total time derivative."
    derivative = "" if added == 0 else f" plus dF/dt with F = {_short(added)}"
    return GAUGE_EQUIVALENT, f"Gauge-equivalent: the candidate is {multiple}{derivative}."


def _short(expression: sp.Expr) -> str:
    return str(expression.xreplace({x: sp.Float(x, 6) for x in expression.atoms(sp.Float)}))


def _judgement(agreement: Agreement) -> str:
    if agreement.p_value is None or agreement.degrees_of_freedom == 0:
        return f" The relative off-shell residual is {agreement.residual:.1e}."
    return (
        f" The constants agree within their errors (chi-square {agreement.chi_square:.3g} for "
        f"{agreement.degrees_of_freedom} degrees of freedom, p = {agreement.p_value:.2g}); "
        f"the relative residual is {agreement.residual:.1e}."
    )


def _reason(agreement: Agreement, numbers: Mapping[str, Any]) -> str:
    if not agreement.same_structure:
        return (
            "the structure differs; with the best constants, a share of "
            f"{agreement.structure_residual:.2g} of the equations remains unexplained."
        )
    if agreement.residual > NEVER_ABOVE and (agreement.p_value or 0) >= SIGNIFICANCE:
        return f"the structure agrees, but its constants are too uncertain (residual {agreement.residual:.2g})."
    unit = "standard errors" if agreement.chi_square is not None else "of its value"
    deviation = f"{numbers['worst_deviation']:.2g} {unit}" if "worst_deviation" in numbers else "its error"
    return f"the structure agrees, but {numbers.get('worst_constant', 'a constant')} is off by {deviation}."


def _largest_disagreement(comparison: FittedComparison, agreement: Agreement, space: JetSpace) -> Disagreement:
    ours, theirs = comparison.expressions(comparison.constants), comparison.reference_expressions
    theirs = theirs * float(np.sum(ours * theirs) / np.sum(theirs**2))
    sample, i = np.unravel_index(np.argmax(np.abs(ours - theirs)), ours.shape)
    names = [symbol.name for symbol in (*space.base_symbols, *space.positions, *space.velocities)]
    values = np.concatenate((comparison.t[sample, None], comparison.q[sample], comparison.v[sample]))
    point = dict(zip(names, values.tolist(), strict=True))
    return Disagreement(space.fields[int(i)], point, float(ours[sample, i]), float(theirs[sample, i]))


def _with_sides(where: Disagreement) -> dict[str, float]:
    return {**where.point, "candidate": where.candidate, "reference": where.reference}


def _place(where: Disagreement) -> str:
    place = ", ".join(f"{name} = {value:.4g}" for name, value in where.point.items())
    return (
        f"The equation of {where.coordinate} differs, e.g. at {place}: {where.candidate:.6g} against "
        f"{where.reference:.6g}."
    )
