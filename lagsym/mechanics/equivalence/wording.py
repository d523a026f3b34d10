"""Verdicts in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from lagsym.mechanics.equivalence.agreement import NEVER_ABOVE, SAME_NUMBERS, SIGNIFICANCE, Agreement
from lagsym.mechanics.equivalence.disagreement import Disagreement
from lagsym.mechanics.equivalence.verdict import GAUGE_EQUIVALENT, IDENTICAL, SYMBOLIC

NOT_A_MULTIPLE = "but the Lagrangian is not a multiple of the reference plus a total derivative."
NO_EQUATIONS = "Different: the candidate is a total derivative and has no equations of motion."


def equivalence(scale: Any, divergence: Mapping[str, sp.Expr] | None) -> tuple[str, str]:
    """The kind and the sentence for candidate = c reference + D_mu F^mu.

    >>> q, t = sp.symbols("q t", real=True)
    >>> equivalence(sp.Integer(2), {"t": q**2})[1]
    'Gauge-equivalent: the candidate is 2 times the reference plus dF/dt with F = q**2.'
    """
    unit = abs(scale - 1) <= SAME_NUMBERS if scale.is_number else scale == 1
    if unit and divergence is not None and not any(divergence.values()):
        return IDENTICAL, "Identical: the candidate is the reference, up to a constant at most."
    shown = f"{float(scale):.6g}" if scale.has(sp.Float) else str(scale)
    multiple = "the reference" if unit else f"{shown} times the reference"
    return GAUGE_EQUIVALENT, f"Gauge-equivalent: the candidate is {multiple}{_added(divergence)}."


def _added(divergence: Mapping[str, sp.Expr] | None) -> str:
    if divergence is None:
        return " plus a total derivative whose closed form was not found"
    shown = {name: _short(part) for name, part in divergence.items() if part != 0}
    if not shown:
        return ""
    if len(divergence) == 1:
        return "".join(f" plus dF/d{name} with F = {part}" for name, part in shown.items())
    terms = " + ".join(f"D_{name} F^{name}" for name in shown)
    return f" plus {terms} with " + ", ".join(f"F^{name} = {part}" for name, part in shown.items())


def _short(expression: sp.Expr) -> str:
    return str(expression.xreplace({x: sp.Float(x, 6) for x in expression.atoms(sp.Float)}))


def certified(certificate: str) -> str:
    """What an equivalence rests on, as a sentence."""
    if certificate == SYMBOLIC:
        return " The difference expands to a constant, which proves it."
    return " The difference vanishes at random points; expansion did not settle it."


def same_motion(multiplier: tuple[tuple[float, ...], ...] | None) -> str:
    """The sentence for two Lagrangians with the same motion."""
    sentence = f"Same dynamics: the equations of motion have the same solutions, {NOT_A_MULTIPLE}"
    if multiplier is None:
        return sentence
    rows = "; ".join(" ".join(f"{x:.6g}" for x in row) for row in multiplier)
    return f"{sentence} E[candidate] = S E[reference] with S = ({rows})."


def judgement(agreement: Agreement) -> str:
    """How the constants were judged, as a sentence."""
    if agreement.p_value is None or agreement.degrees_of_freedom == 0:
        return f" The relative off-shell residual is {agreement.residual:.1e}."
    return (
        f" The constants agree within their errors (chi-square {agreement.chi_square:.3g} for "
        f"{agreement.degrees_of_freedom} degrees of freedom, p = {agreement.p_value:.2g}); "
        f"the relative residual is {agreement.residual:.1e}."
    )


def reason(agreement: Agreement, numbers: Mapping[str, Any]) -> str:
    """Why a law with fitted constants is different."""
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


def place(where: Disagreement) -> str:
    """Where two laws differ, as a sentence."""
    point = ", ".join(f"{name} = {value:.4g}" for name, value in where.point.items())
    sides = next((pair for digits in (6, 10) if len(set(pair := _sides(where, digits))) == 2), _sides(where, 17))
    return f"The equation of {where.coordinate} differs, e.g. at {point}: {sides[0]} against {sides[1]}."


def _sides(where: Disagreement, digits: int) -> tuple[str, str]:
    return f"{where.candidate:.{digits}g}", f"{where.reference:.{digits}g}"
