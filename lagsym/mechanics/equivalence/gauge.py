"""Gauge: are two Lagrangians the same law, up to everything that cannot matter?

candidate = c reference + D_mu F^mu + constant gives the same equations of motion up to the factor c; for a particle the
divergence is dF(q, t)/dt.  Lagrangians that are not so related may still have the same motion.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp

from lagsym.mechanics.equivalence.agreement import SAME_NUMBERS, SAME_STRUCTURE, Agreement
from lagsym.mechanics.equivalence.compiled_equations import compile_equations
from lagsym.mechanics.equivalence.disagreement import Disagreement, notable_disagreement
from lagsym.mechanics.equivalence.exact_comparison import METHOD as EXACT_METHOD
from lagsym.mechanics.equivalence.exact_comparison import ExactComparison, compare_exactly
from lagsym.mechanics.equivalence.fitted_comparison import METHOD as FITTED_METHOD
from lagsym.mechanics.equivalence.fitted_comparison import FittedComparison, prepare_comparison
from lagsym.mechanics.equivalence.null_lagrangians import Divergence, added_divergence
from lagsym.mechanics.equivalence.pair import Applied, Pair
from lagsym.mechanics.equivalence.refitting import relative
from lagsym.mechanics.equivalence.verdict import DIFFERENT, RANDOM_POINTS, SAME_DYNAMICS, SYMBOLIC, Verdict
from lagsym.mechanics.equivalence.wording import (
    NO_EQUATIONS,
    certified,
    equivalence,
    judgement,
    place,
    reason,
    same_motion,
)
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.sampling import Ranges

__all__ = ["Verdict", "compare"]


def compare(
    candidate: sp.Expr,
    reference: sp.Expr,
    space: JetSpace,
    *,
    points: Ranges | None = None,
    constants: Mapping[sp.Symbol, float] | None = None,
    covariance: np.ndarray | None = None,
    applied: tuple[Applied, Applied] = (None, None),
) -> Verdict:
    """Compare a candidate Lagrangian (density) of first or second order with a reference.

    Exact Lagrangians are compared at random points with 60 digits.  Where the candidate has fitted constants (or
    either holds decimal numbers) the constants are refitted, which decides the structure; then they must agree with
    the reference in a joint chi-square test at 99.9 %, or leave a relative off-shell residual of at most 1e-6.

    Arguments:
        candidate: a Lagrangian over `space`; its other symbols are `constants`, or parameters that it shares with the
            reference.
        reference: the Lagrangian to compare with.
        space: the jet space that both are written in.
        points: where to compare: for each symbol by its name (field, derivative, base coordinate, parameter) an
            interval in which both are defined, e.g. the `ranges` of a `System`.
        constants: values of the candidate's fitted constants; without them, every decimal number in it is one.
        covariance: covariance matrix of `constants` in their order, of shape (k, k).
        applied: for candidate and reference, the forces Q - dD/dv that no Lagrangian gives, of shape (n, 1), from
            `forms.applied_forces`.

    Raises:
        InputError: the two have no common domain in `points`, a symbol has no value, the covariance does not fit, or
            a Lagrangian holds derivatives of third order.

    >>> space = JetSpace(("q",))
    >>> (q,), (v,) = space.positions, space.velocities
    >>> verdict = compare(3 * v**2 - 3 * q**2 + q * v, v**2 / 2 - q**2 / 2, space)
    >>> (verdict.kind, verdict.scale, verdict.added, verdict.certificate)
    ('gauge-equivalent', 6, q**2/2, 'symbolic')
    >>> field = JetSpace(("u", "w"), ("t", "x"))
    >>> u_t, u_x, w_t, w_x = (field.symbol(i, (mu,)) for i in range(2) for mu in range(2))
    >>> wave = u_t**2 - u_x**2 + w_t**2 - w_x**2
    >>> compare(wave + u_t * w_x - u_x * w_t, wave, field).added
    (u*w_x, -u*w_t)
    """
    pair = Pair.of((candidate, reference), applied, space, points)
    if not constants and pair.exact:
        return _exact_verdict(pair)
    values = constants
    if values is None:
        pair, values = pair.with_named_numbers()
    comparison = prepare_comparison(*pair.equations(), space, points, values, covariance)
    return _fitted_verdict(comparison, pair, tuple(values))


def _exact_verdict(pair: Pair) -> Verdict:
    found = compare_exactly(*pair.equations(), pair.space, pair.points, pair.lagrangians)
    numbers: dict[str, Any] = {
        "space": pair.space,
        "residual": found.residual,
        "acceleration_residual": found.motion_residual,
    }
    if found.gauge_equivalent and _same_split(pair, found):
        divergence = added_divergence(pair.difference(found.scale), pair.space, pair.points)
        numbers |= _equivalence_numbers(found.scale, divergence, pair.space)
        kind, sentence = equivalence(found.scale, numbers["divergence"])
        certificate = certified(numbers["certificate"])
        return Verdict(kind, sentence + certificate, f"{EXACT_METHOD}.{certificate}", **numbers)
    if found.same_dynamics:
        rows = _rows(found.multiplier)
        return Verdict(SAME_DYNAMICS, same_motion(rows), EXACT_METHOD, multiplier=rows, **numbers)
    where = found.disagreement
    if where is None:
        return Verdict(DIFFERENT, NO_EQUATIONS, EXACT_METHOD, **numbers)
    sentence = f"Different: the motion differs. {place(where)}"
    return Verdict(DIFFERENT, sentence, EXACT_METHOD, equation=where.coordinate, point=where.with_sides, **numbers)


def _same_split(pair: Pair, found: ExactComparison) -> bool:
    """Whether the Lagrangians agree by themselves: what one calls a potential the other may call a force."""
    if not pair.has_forces:
        return True
    ours, theirs = map(pair.variation, pair.lagrangians)
    return compare_exactly(ours, theirs * found.scale, pair.space, pair.points).scale == 1


def _fitted_verdict(comparison: FittedComparison, pair: Pair, symbols: tuple[sp.Symbol, ...]) -> Verdict:
    off_shell = comparison.expressions_agreement()
    numbers: dict[str, Any] = {"space": pair.space, **_numbers(off_shell, symbols, comparison.covariance)}
    matched = {symbol: sp.Float(x, 17) for symbol, x in zip(symbols, off_shell.refitted, strict=True)}
    if off_shell.same and _same_fitted_split(comparison, off_shell, pair.with_values(matched)):
        scale = sp.Float(off_shell.scale, 17)
        divergence = _fitted_divergence(comparison, off_shell, pair.with_values(matched))
        numbers |= _equivalence_numbers(scale, divergence, pair.space)
        kind, sentence = equivalence(scale, numbers["divergence"])
        return Verdict(kind, sentence + judgement(off_shell), FITTED_METHOD, **numbers)
    motion = comparison.motion_agreement()
    numbers["acceleration_residual"] = None if motion is None else motion.residual
    if motion is not None and motion.same:
        rows = _rows(comparison.multiplier())
        numbers |= _numbers(motion, symbols, comparison.covariance) | {"residual": off_shell.residual}
        return Verdict(SAME_DYNAMICS, same_motion(rows) + judgement(motion), FITTED_METHOD, multiplier=rows, **numbers)
    where = _disagreement(comparison, pair.space)
    sentence = f"Different: {reason(off_shell, numbers)} {place(where)}"
    return Verdict(DIFFERENT, sentence, FITTED_METHOD, equation=where.coordinate, point=where.with_sides, **numbers)


def _same_fitted_split(comparison: FittedComparison, agreement: Agreement, pair: Pair) -> bool:
    """Whether the Lagrangians agree by themselves, for the constants that match the reference."""
    if not pair.has_forces:
        return True
    ours, theirs = (
        compile_equations(pair.variation(lagrangian), comparison.symbols).expressions(comparison.points)
        for lagrangian in pair.lagrangians
    )
    return relative(ours - agreement.scale * theirs, ours) <= SAME_NUMBERS


def _fitted_divergence(comparison: FittedComparison, agreement: Agreement, pair: Pair) -> Divergence | None:
    """What was added, for the constants that match the reference."""
    size = float(np.abs(comparison.constants).max(initial=1e-300)) if len(comparison.constants) else 1.0
    difference = pair.difference(sp.Float(agreement.scale, 17)) / size
    found = added_divergence(difference, pair.space, pair.points)
    if found is None:
        return None
    return Divergence(tuple(_rescaled(part, size) for part in found.components), symbolic=False)


def _equivalence_numbers(scale: Any, found: Divergence | None, space: JetSpace) -> dict[str, Any]:
    return {
        "scale": scale,
        "divergence": None if found is None else dict(zip(space.base, found.components, strict=True)),
        "certificate": SYMBOLIC if found is not None and found.symbolic else RANDOM_POINTS,
    }


def _rows(multiplier: np.ndarray | None) -> tuple[tuple[float, ...], ...] | None:
    return None if multiplier is None else tuple(tuple(map(float, row)) for row in multiplier)


def _rescaled(added: sp.Expr, size: float) -> sp.Expr:
    """F in its own size, whole numbers without a decimal point."""
    if added == 0:
        return added
    expanded: Any = sp.expand(added * size)
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


def _disagreement(comparison: FittedComparison, space: JetSpace) -> Disagreement:
    ours, theirs = comparison.expressions(comparison.constants), comparison.reference_expressions
    sample, i, scale = notable_disagreement(ours, theirs)
    names = (symbol.name for symbol in comparison.symbols)
    point = dict(zip(names, comparison.points[sample].tolist(), strict=True))
    return Disagreement(space.fields[i], point, float(ours[sample, i]), float(scale * theirs[sample, i]))
