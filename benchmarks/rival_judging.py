"""What a rival's formulas are worth: judged by `lagsym.verification`, by the rule that lagsym is judged by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy as sp
from rivals import RIVALS, Answer, Found, Question, moves
from rows import Row

from lagsym.data.jets import Jets
from lagsym.data.trajectories import Trajectories
from lagsym.distillation.engines.refit import split
from lagsym.distillation.fitting.inner import Named, numbers
from lagsym.distillation.fitting.refinement import refine
from lagsym.distillation.libraries.terms import Library, Term, off_shell
from lagsym.distillation.reading.proposals import NOT_SMOOTH
from lagsym.errors import InputError
from lagsym.law import Constant, Law
from lagsym.mechanics.calculus import euler_lagrange
from lagsym.mechanics.equivalence.agreement import SAME_STRUCTURE
from lagsym.mechanics.equivalence.verdict import Verdict
from lagsym.mechanics.system import System, parameter_symbol
from lagsym.verification import verify_law

SCREENED = 300
"""Samples at which terms are screened."""
ZERO = 1e-6
"""A constant below this, relative to the largest one, stands before a term that the reference does not have."""
MOST_TERMS = 30
"""A formula of more terms is none."""


def rival_row(name: str, reference: System, data: Trajectories, seed: int, cap: float) -> Row:
    """A rival's answer on data of a system, and what it is worth.

    Arguments:
        name: of `RIVALS`.
        reference: the system behind the data.
        data: measured trajectories.
        seed: of every draw.
        cap: processor seconds that the rival has.
    """
    question = Question.of(reference, data, seed)
    return best_of(RIVALS[name](question, cap), question)


def best_of(answer: Answer, question: Question) -> Row:
    """The row of a rival: of everything that it found the formula that is worth most."""
    rows: list[Row] = []
    for found in answer.found:
        # The fit of the constants takes longest, and one that succeeded is enough.
        rows.append(judged(found, question, fitted=not any(row["recovered"] for row in rows)))
    worth = [(bool(row["recovered"]), bool(row["as_it_comes"]), row["right_terms"]) for row in rows]
    told: Row = {"candidates": len(rows), "reason": answer.reason, "version": answer.version}
    told["right_ways"] = list(dict.fromkeys(row["way"] for row in rows if row["right_terms"]))
    if not rows:
        return {"recovered": False, "as_it_comes": False, "verdict": "no formula"} | told
    return rows[max(range(len(rows)), key=worth.__getitem__)] | told


def judged(found: Found, question: Question, *, fitted: bool = True) -> Row:
    """A formula's verdict as it comes and, where its terms are right, with constants that lagsym fitted."""
    row: Row = {"recovered": False, "as_it_comes": False, "right_terms": False, "way": found.way}
    row["lagrangian"] = str(found.lagrangian.evalf(4))
    if len(found.terms) > MOST_TERMS:
        return row | {"verdict": f"{len(found.terms)} terms"}
    ordered = _kinetic_first(_without_gauge(found, question), question)
    if ordered is None:
        return row | {"verdict": "no kinetic energy"}
    if not _possible(ordered, question):
        return row | {"verdict": "other terms"}
    try:
        law = _law(ordered, question)
        verdict = verify_law(law, question.reference)
        good = _same(verdict, question)
        right = _right(verdict)
        row |= {"verdict": verdict.kind, "recovered": good, "as_it_comes": good, "right_terms": good or right}
        if right and not good and fitted:
            law = _refitted(law, question)
            verdict = verify_law(law, question.reference)
            row |= {"verdict": verdict.kind, "recovered": _same(verdict, question)}
    except InputError as problem:
        return {"verdict": str(problem)[:100]} | row
    errors = [abs(c.value / verdict.refitted[c.name] - 1) for c in law.constants if verdict.refitted.get(c.name)]
    return row | {"largest_error": max(errors, default=None)}


def _right(verdict: Verdict) -> bool:
    """Whether other constants make the formula the reference, and none of them is zero."""
    if verdict.structure_residual is None or verdict.structure_residual > SAME_STRUCTURE:
        return False
    sizes = np.abs(list(verdict.refitted.values()))
    return bool(np.all(sizes > ZERO * sizes.max()))


def _same(verdict: Verdict, question: Question) -> bool:
    """Whether a law counts as the reference; another with the same motion does where several multipliers exist."""
    return verdict.kind in {"identical", "gauge-equivalent"} or (verdict.kind == "same dynamics" and question.several)


def _without_gauge(found: Found, question: Question) -> Found:
    """The formula without the terms that are total derivatives: they do not act on the motion."""
    pairs = [
        (term, c)
        for term, c in zip(found.terms, found.coefficients, strict=True)
        if any(sp.expand(equation) != 0 for equation in euler_lagrange(term, question.space))
    ]
    return Found(found.way, tuple(term for term, _ in pairs), tuple(c for _, c in pairs))


def _possible(found: Found, question: Question) -> bool:
    """Whether terms without numbers inside span the reference's equations, which is quickly seen; others may.

    Terms without second derivatives cannot.
    """
    if any(term.has(*NOT_SMOOTH) for term in found.terms):
        return False
    if numbers(found.terms) or question.several:
        return True
    jets = off_shell(question.smooth[0].jets(), samples=SCREENED, seed=2)
    pairs = split(sp.expand(question.reference.numeric_lagrangian))
    theirs = np.array([float(c) for c, _ in pairs]) @ _operators([term for _, term in pairs], jets, question)
    ours = _operators(found.terms, jets, question).T
    left = ours @ np.linalg.lstsq(ours, theirs, rcond=None)[0] - theirs
    return bool(np.linalg.norm(left) < ZERO * np.linalg.norm(theirs))


def _operators(terms: Sequence[sp.Expr], jets: Jets, question: Question) -> np.ndarray:
    """E of every term at every sample, of shape (terms, samples n)."""
    library = Library(question.space, tuple(Term(term, 0.0) for term in terms))
    return library.operator(jets).reshape(len(terms), -1)


def _kinetic_first(found: Found, question: Question) -> Found | None:
    """The formula in units of the coefficient of a kinetic term, which comes first; None without one."""
    pairs = list(zip(found.terms, found.coefficients, strict=True))
    first = next((k for k, (term, _) in enumerate(pairs) if moves(term, question.space)), None)
    if first is None:
        return None
    pairs.insert(0, pairs.pop(first))
    scale = pairs[0][1]
    return Found(found.way, tuple(term for term, _ in pairs), tuple(c / scale for _, c in pairs))


def _law(found: Found, question: Question) -> Law:
    named = Named.of(found.terms, numbers(found.terms), first=len(found.terms))
    outer = tuple(parameter_symbol(f"c{k}") for k in range(1, len(found.terms)))
    lagrangian = sp.Add(*(c * term for c, term in zip((sp.S.One, *outer), named.terms, strict=True)))
    values = [*found.coefficients[1:], *named.values]
    return _with_values(Law(question.space.fields, lagrangian), (*outer, *named.symbols), values)


def _refitted(law: Law, question: Question) -> Law:
    """The law with the constants that fit the measured motion best, and their errors."""
    pairs = question.data, question.smooth
    data, smooth = (one.with_segments((*one.segments, *other.segments)) for one, other in pairs)
    symbols = tuple(parameter_symbol(c.name) for c in law.constants)
    assert law.lagrangian is not None
    if not symbols:
        return law
    fitted = refine(law.lagrangian, symbols, np.array([c.value for c in law.constants]), data, smooth)
    return _with_values(law, symbols, fitted.values, fitted.covariance)


def _with_values(
    law: Law, symbols: Sequence[sp.Symbol], values: Sequence[float] | np.ndarray, covariance: np.ndarray | None = None
) -> Law:
    constants = tuple(Constant(symbol.name, float(value)) for symbol, value in zip(symbols, values, strict=True))
    rows = () if covariance is None else tuple(tuple(map(float, row)) for row in covariance)
    return Law(law.coordinates, law.lagrangian, constants, rows)
