"""Invention: the choice among terms that no library holds, which an engine finds in the motion or in a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sympy as sp

from lagsym.distillation.contest import Result, contest, layered
from lagsym.distillation.engines import engine
from lagsym.distillation.inner import FittedTerms
from lagsym.distillation.options import Choice, Question
from lagsym.distillation.pairing import paired
from lagsym.distillation.projection import Grounds
from lagsym.distillation.proposals import combined, propose, propose_parts
from lagsym.distillation.selection import Front, weak_loss
from lagsym.distillation.shapes import EXPLAINS, FittedShapes, fit_shapes
from lagsym.distillation.sums import fit_sum, simplest_sum
from lagsym.distillation.terms import build_library
from lagsym.distillation.witnesses import choose_from
from lagsym.errors import UnavailableError
from lagsym.mechanics.jetspace import JetSpace

BESIDE = 2
"""Complexity of the library's terms that stand beside those that an engine proposed."""
ROUNDS = 2
"""Searches with other random numbers, at most, while the best formula leaves more than noise of the motion."""
SIMPLIFIED = 12
"""Sums of a kind that are made as simple as the weak form allows."""


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
    try:
        return _by_motion(question) or _by_weak_form(question)
    except UnavailableError:
        if question.options.engine != "auto":
            raise
        return []


def _by_motion(question: Question) -> list[Choice]:
    """The winner of a contest among formulas for functions of one variable each; more are sought until one will do."""
    learn, options, space = question.learn, question.options, JetSpace(question.learn.coordinates)
    shapes = _shapes(question)
    if question.measured is None or options.evidence == "network" or options.given or not shapes:
        return []
    search, budget, grounds = engine(options.engine), replace(question.budget, enough=0.0), Grounds.of(learn)
    kinds: list[list[FittedTerms]] = [[] for _ in shapes]
    said: list[str] = []
    result = None
    for seed in range(question.seed, question.seed + ROUNDS):
        for kind, each in zip(kinds, shapes, strict=True):
            parts, messages = propose(search, each.parts, seed=seed, budget=budget)
            said += messages
            rough = layered(paired(parts, each, space, grounds), SIMPLIFIED)
            kind += [found for found in (fit_sum(one.terms, space, grounds) for one in rough) if found is not None]
        result = contest(kinds, space, grounds, question.measured, learn)
        if result is not None and result.settled:
            break
    return [] if result is None else _chosen(result, question, tuple(dict.fromkeys(said)))


def _chosen(result: Result, question: Question, messages: tuple[str, ...]) -> list[Choice]:
    """The winner; beside a few of the library's terms where it leaves more than noise."""
    space, winner = JetSpace(question.learn.coordinates), result.best
    structure = _structure_of(winner.terms, space, question)
    candidates = tuple(trial.candidate for trial in result.trials)
    evidence = dict.fromkeys(winner.terms, (winner.evidence,))
    loss = weak_loss(winner, space, question.held_out)
    choice = Choice(winner, structure, Front(candidates, winner), evidence, loss, messages)
    if result.settled:
        return [replace(choice, trial=result.trials[0])]
    proposed = tuple(map(sp.expand, winner.terms))
    library = build_library(question.learn, structure, extra=proposed, complexity=BESIDE)
    return [choice, *choose_from(library, structure, question, proposed=proposed, messages=messages)]


def _shapes(question: Question) -> list[FittedShapes]:
    """Free functions that explain the motion, of the structure that was asked for."""
    fitted = fit_shapes(question.learn, seed=question.seed)
    moving = question.options.structure in {"auto", "separable"}
    return [shapes for shapes in fitted if shapes.loss < EXPLAINS and (not shapes.moving or moving)]


def _by_weak_form(question: Question) -> list[Choice]:
    """The choice among the terms of the sum that explains the weak form best, alone and beside some of the library."""
    learn, space = question.learn, JetSpace(question.learn.coordinates)
    sums, messages = _sums(question)
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
    for shapes in _shapes(question):
        parts, messages = propose(search, shapes.parts, seed=question.seed, budget=budget)
        sums += combined(((shapes.kinetic,), *parts) if shapes.kinetic else parts)
        said += messages
    if not sums:
        moving = (network.model.structure if wanted == "auto" else wanted) == "separable"
        asked = {"moving": moving, "error": network.held_out_error, "seed": question.seed, "budget": budget}
        parts, messages = propose_parts(search, network.model, learn, **asked)
        sums, said = [*combined(parts)], [*messages]
    return tuple(dict.fromkeys(sums)), tuple(dict.fromkeys(said))
