"""Invention: the choice among terms that no library holds, which an engine finds in the motion or in a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sympy as sp

from lagsym.distillation.engines import engine
from lagsym.distillation.options import Choice, Question
from lagsym.distillation.proposals import combined, propose, propose_parts
from lagsym.distillation.shapes import EXPLAINS, fit_shapes
from lagsym.distillation.sums import simplest_sum
from lagsym.distillation.terms import build_library
from lagsym.distillation.witnesses import choose_from
from lagsym.errors import UnavailableError
from lagsym.mechanics.jetspace import JetSpace

BESIDE = 2
"""Complexity of the library's terms that stand beside those that an engine proposed."""


def choose_invented(question: Question) -> list[Choice]:
    """Choose among the terms that a symbolic regression of the Lagrangian's parts proposes, and a few of the library.

    Arguments:
        question: what is chosen from, and how; with a network.

    Returns:
        The choice among the proposed terms alone, and that among these and some of the library, as far as they are
        admissible.

    Raises:
        UnavailableError: the engine that was named cannot run here.
    """
    learn, space = question.learn, JetSpace(question.learn.coordinates)
    try:
        sums, messages = _sums(question)
    except UnavailableError:
        if question.options.engine != "auto":
            raise
        return []
    fitted = simplest_sum(sums, space, learn)
    proposed = () if fitted is None else tuple(map(sp.expand, fitted.terms))
    structure = _structure_of(proposed, space, question)
    given = (*question.options.given, *proposed)
    library = build_library(learn, structure, extra=given, complexity=BESIDE)
    alone = library.take(k for k, term in enumerate(library.expressions) if term in given)
    return [
        choice
        for terms in (alone, library)
        for choice in choose_from(terms, structure, question, proposed=proposed, messages=messages)
    ]


def _structure_of(terms: Sequence[sp.Expr], space: JetSpace, question: Question) -> str:
    """The structure that was asked for, or that of proposed terms: any function of the velocities, or the network's."""
    network = question.network
    assert network is not None
    if question.options.structure != "auto":
        return question.options.structure
    kinetic = [term for term in terms if term.free_symbols <= set(space.velocities)]
    if any(sp.diff(term, v, 3) != 0 for term in kinetic for v in space.velocities):
        return "separable"
    return "natural" if network.model.structure == "separable" else network.model.structure


def _sums(question: Question) -> tuple[tuple[tuple[sp.Expr, ...], ...], tuple[str, ...]]:
    """Lagrangians from formulas for functions of one variable where the motion has such, or for the network's parts."""
    learn, network, wanted = question.learn, question.network, question.options.structure
    assert network is not None
    search = engine(question.options.engine)
    # A polynomial mimics any formula as closely as the table is known, so nothing found early is enough.
    budget = replace(question.budget, enough=0.0)
    sums: list[tuple[sp.Expr, ...]] = []
    said: list[str] = []
    for shapes in fit_shapes(learn, seed=question.seed):
        if shapes.loss < EXPLAINS and (not shapes.moving or wanted in {"auto", "separable"}):
            parts, messages = propose(search, shapes.parts, seed=question.seed, budget=budget)
            sums += combined(((shapes.kinetic,), *parts) if shapes.kinetic else parts)
            said += messages
    if not sums:
        moving = (network.model.structure if wanted == "auto" else wanted) == "separable"
        asked = {"moving": moving, "error": network.held_out_error, "seed": question.seed, "budget": budget}
        parts, messages = propose_parts(search, network.model, learn, **asked)
        sums, said = [*combined(parts)], [*messages]
    return tuple(dict.fromkeys(sums)), tuple(dict.fromkeys(said))
