"""Proposals: formulas that an engine reads off a network's parts, as terms of a Lagrangian.

The engine only proposes: which terms stay, and with which coefficients, is decided by the motion afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from lagsym.data.samples import Sampled
from lagsym.distillation.engines import Budget, Engine, Formula, FormulaFront
from lagsym.distillation.engines.refit import expanded, split
from lagsym.distillation.reading.parts import PartTable, tabulate_kinetic, tabulate_parts
from lagsym.neural.models.records import Readable

NEGLIGIBLE = 1e-6
"""Relative errors of a formula below this mean nothing: no network is as good."""
ALTERNATIVES = 5
"""Formulas of a table that are handed on: the motion tells them apart better than the network can."""

MOST_TERMS = 6
"""Terms of a formula beyond which it only mimics the part."""
ROUNDING = 1e-9
"""Coefficients of a quotient below this, relative to the greatest, are rounding."""
NOT_SMOOTH = (sp.Abs, sp.sign, sp.I, sp.nan, sp.zoo, sp.oo)
"""What has no second derivative, or is not real: the root of a square, for one."""
PARTED = sp.Rational(1, 3)
"""By which share the rates of two exponentials that stand for their limit differ from it at first."""

Terms = tuple[sp.Expr, ...]


def propose_parts(
    engine: Engine,
    model: Readable,
    data: Sampled,
    *,
    moving: bool = False,
    seed: int = 0,
    budget: Budget | None = None,
    error: float = 0.0,
) -> tuple[tuple[tuple[Terms, ...], ...], tuple[str, ...]]:
    """For each part of a network the terms of several formulas, the likeliest first, and the engine's messages.

    Arguments:
        engine: what searches.
        model: the network.
        data: samples that show where the network knows anything.
        moving: whether the kinetic energy is a function T(v) rather than ½ v·M(q) v.
        seed: of every draw.
        budget: of each search.
        error: relative error of the network.

    Raises:
        UnavailableError: the engine cannot run here.
    """
    parts = tabulate_parts(model, data, seed=seed, error=error, moving=moving)
    if moving:
        parts = (*parts, tabulate_kinetic(model, data, seed=seed, error=error))
    return propose(engine, parts, seed=seed, budget=budget)


def propose(
    engine: Engine, parts: Sequence[PartTable], *, seed: int = 0, budget: Budget | None = None
) -> tuple[tuple[tuple[Terms, ...], ...], tuple[str, ...]]:
    """For each part the terms of several formulas, the likeliest first, and the engine's messages.

    Tables of the same name are of the same part.

    Raises:
        UnavailableError: the engine cannot run here.
    """
    by_name: dict[str, dict[Terms, None]] = {part.table.name: {} for part in parts}
    told: list[FormulaFront] = []
    # Each set of symbols by itself: within their error polynomials mimic whatever the others find.
    for one in engine.apart():
        fronts = one.search_all([part.table for part in parts], seed=seed, budget=budget)
        for part, front in zip(parts, fronts, strict=True):
            by_name[part.table.name] |= dict.fromkeys(_alternatives(part, front))
        told += fronts
    return tuple(tuple(found) for found in by_name.values() if found), _messages(told)


def combined(parts: Sequence[Sequence[Terms]]) -> tuple[Terms, ...]:
    """Whole Lagrangians out of the parts' alternatives: the likeliest of each, and others for one part at a time."""
    first = [alternatives[0] for alternatives in parts]
    choices = [first]
    for place, alternatives in enumerate(parts):
        choices += [[*first[:place], other, *first[place + 1 :]] for other in alternatives[1:]]
    return tuple(dict.fromkeys(tuple(dict.fromkeys(term for part in choice for term in part)) for choice in choices))


def propose_terms(
    engine: Engine, model: Readable, data: Sampled, *, seed: int = 0, budget: Budget | None = None
) -> tuple[Terms, tuple[str, ...]]:
    """All terms of the likeliest formulas for V, M_ij and B_ij, and the engine's messages.

    Raises:
        UnavailableError: the engine cannot run here.
    """
    parts, messages = propose_parts(engine, model, data, seed=seed, budget=budget)
    return tuple(dict.fromkeys(term for part in parts for term in part[0])), messages


def propose_kinetic(
    engine: Engine, model: Readable, data: Sampled, *, seed: int = 0, budget: Budget | None = None
) -> tuple[tuple[Terms, ...], tuple[str, ...]]:
    """Kinetic energies of velocities alone, each as terms with inner constants, and the engine's messages.

    Terms without inner constants are left out, as a library holds them anyway. The first formulas explain the
    network's T best for their size.

    Raises:
        UnavailableError: the engine cannot run here.
    """
    part = tabulate_kinetic(model, data, seed=seed)
    front = engine.search_all([part.table], seed=seed, budget=budget)[0]
    kept = (tuple(term for term in terms if term.atoms(sp.Float)) for terms in _alternatives(part, front))
    return tuple(dict.fromkeys(terms for terms in kept if terms)), _messages([front])


def _messages(fronts: Sequence[FormulaFront]) -> tuple[str, ...]:
    """What the fronts of several tables have to say, each thing once."""
    said = [*(front.passed_over for front in fronts), *(front.message for front in fronts)]
    return tuple(dict.fromkeys(message for message in said if message))


def _alternatives(part: PartTable, front: FormulaFront) -> tuple[Terms, ...]:
    """The terms of a front's formulas in the Lagrangian, the likeliest first."""
    found: dict[Terms, None] = {}
    for formula in _likeliest(front):
        terms = tuple(term for _, term in split(expanded(_freed(divided(expanded(formula.expression))))))
        parted = _parted(terms)
        # What else is in a sum with such a limit mostly makes up for its error.
        for variant in (terms, parted, tuple(term for term in parted if term not in terms)):
            whole = [part.in_lagrangian(term) for term in variant]
            # A constant is a term where a velocity stands beside it.
            bare = tuple(dict.fromkeys(_bare(term) for term in whole if term is not None and term.free_symbols))
            if 0 < len(bare) <= MOST_TERMS and not any(term.has(*NOT_SMOOTH) or _nested(term) for term in bare):
                found.setdefault(bare)
    return tuple(found)[: 3 * ALTERNATIVES]


def _bare(term: sp.Expr) -> sp.Expr:
    """A term without its number; ½ v² keeps its half."""
    number, rest = term.as_coeff_Mul()
    half = sp.Rational(1, 2)
    return half * rest if abs(number) == half else rest if number > 0 else -rest


def _nested(term: sp.Expr) -> bool:
    """Whether a function stands within itself, which only mimics another.

    >>> x = sp.Symbol("x", real=True)
    >>> _nested(sp.exp(sp.exp(x))), _nested(sp.exp(x) / sp.sqrt(1 + x))
    (True, False)
    """
    roots = {power for power in term.atoms(sp.Pow) if not power.exp.is_Integer and power.base.is_Add}
    return any(
        sum(node in inside for node in outer.args[0].atoms(sp.Pow, sp.exp, sp.log)) > 0
        for inside in (term.atoms(sp.exp), term.atoms(sp.log), roots)
        for outer in inside
    )


def divided(expression: Any) -> sp.Expr:
    """The expression with every fraction of polynomials in one symbol as a polynomial and a rest.

    Of x²/(x² + a) = 1 - a/(x² + a) another part may have the denominator, but hardly the whole.

    >>> x = sp.Symbol("x", real=True)
    >>> divided(x / (x + 2.0 / x))
    1.0 - 2.0/(x**2 + 2.0)
    """
    return sp.Add(*(_divided(term) for term in sp.Add.make_args(expression)))


def _divided(term: sp.Expr) -> sp.Expr:
    if len(term.free_symbols) != 1:
        return term
    (x,) = term.free_symbols
    above, below = sp.fraction(sp.together(term))
    if not (above.is_polynomial(x) and below.is_polynomial(x)) or not below.has(x):
        return term
    parts: tuple[Any, Any] = sp.div(sp.Poly(above, x, domain="RR"), sp.Poly(below, x, domain="RR"))
    size = max(abs(float(c)) for part in parts for c in part.coeffs())
    kept = [
        sp.Poly({power: c for power, c in part.terms() if abs(float(c)) > ROUNDING * size} or {(0,): 0}, x).as_expr()
        for part in parts
    ]
    sign = -1 if float(sp.Poly(below, x).TC()) < 0 else 1
    return kept[0] + sign * kept[1] / sp.expand(sign * below)


def _parted(terms: Terms) -> Terms:
    """The terms with x e^(b x) as two exponentials of different rates, of whose difference it is the shorter limit.

    >>> x = sp.Symbol("x", real=True)
    >>> _parted((x * sp.exp(-3.0 * x),))
    (exp(-4.0*x), exp(-2.0*x))
    """
    found: list[sp.Expr] = []
    for term in terms:
        x, exponential = term.as_independent(sp.exp, as_Add=False)
        exponent: Any = exponential.args[0] if isinstance(exponential, sp.exp) else sp.S.Zero
        rate = exponent.as_coeff_Mul()
        if x.is_Symbol and rate[1] == x:
            found += [sp.exp(rate[0] * (1 + sign * PARTED) * x) for sign in (1, -1)]
        else:
            found.append(term)
    return tuple(found)


def _freed(expression: Any) -> sp.Expr:
    """The expression with every exact factor inside an exponential or a power of a sum as a number to be fitted.

    A table is known too little to tell 1/2 from 0.508, and what is exact is never fitted.

    >>> x = sp.Symbol("x", real=True)
    >>> _freed(sp.exp(-x / 2) * x**2 / sp.sqrt(1 - x**2))
    x**2*exp(-0.5*x)/sqrt(1 - 1.0*x**2)
    """
    if not expression.args:
        return expression
    rebuilt: Any = expression.func(*map(_freed, expression.args))
    if isinstance(rebuilt, sp.exp):
        exponent: Any = rebuilt.args[0]
        return sp.exp(sp.Add(*(sp.Float(number, 17) * term for number, term in split(exponent))))
    if not (rebuilt.is_Pow and rebuilt.base.is_Add):
        return rebuilt
    first, *others = split(rebuilt.base)
    inside = [first[0] * first[1], *(sp.Float(number, 17) * term for number, term in others)]
    return sp.Add(*inside, evaluate=True) ** rebuilt.exp


def _likeliest(front: FormulaFront) -> list[Formula]:
    """A front's formulas by the factor that each lowers the loss below that of the next simpler one, greatest first."""
    formulas = front.formulas
    losses = [max(formula.loss, NEGLIGIBLE**2) for formula in formulas]
    order = sorted(range(1, len(formulas)), key=lambda k: losses[k] / losses[k - 1])
    return [formulas[k] for k in [*order, *range(min(1, len(formulas)))]]
