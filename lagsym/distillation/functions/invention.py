"""Invention: the choice among terms that no library holds, which an engine finds in the motion or in a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import sympy as sp

from lagsym.distillation.engines import engine
from lagsym.distillation.fitting.inner import FittedTerms
from lagsym.distillation.fitting.projection import Grounds
from lagsym.distillation.functions.contest import FINAL, Result, contest, layered
from lagsym.distillation.functions.mimicry import several_terms
from lagsym.distillation.functions.pairing import paired
from lagsym.distillation.functions.shapes import FittedShapes, explaining_shapes
from lagsym.distillation.functions.sums import AS_GOOD, fit_sum, most_constants, simplest_sum
from lagsym.distillation.libraries.terms import build_library
from lagsym.distillation.options import Choice, Question
from lagsym.distillation.reading.proposals import Terms, combined, propose, propose_parts
from lagsym.distillation.selection.candidates import Front, weak_loss
from lagsym.distillation.trial import attempt, not_beaten, winner
from lagsym.distillation.witnesses import choose_from
from lagsym.errors import UnavailableError
from lagsym.mechanics.jetspace import JetSpace

BESIDE = 2
"""Complexity of the library's terms that stand beside those that an engine proposed."""
ROUNDS = 2
"""Searches with other random numbers, at most, while the best formula leaves more than noise of the motion."""
BEYOND = 1e-3
"""A formula that leaves this share of what free functions leave is the right one: they follow any, as far as noise lets
them."""
NUMBER = sp.Dummy("number")
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
        found = _by_motion(question)
        return _by_weak_form(question) if found is None else _beside_library(*found, question)
    except UnavailableError:
        if question.options.engine != "auto":
            raise
        return []


def reconsider(question: Question, chosen: Choice | None) -> Choice | None:
    """The choice, or a Lagrangian of functions that an engine finds in the motion where that explains it better.

    Both are fitted to the same samples of the motion, and the information criterion decides.

    Arguments:
        question: what was chosen from, and how; with the motion as it was measured.
        chosen: what was chosen from libraries, if anything was.
    """
    # Where the law leaves nothing but noise, formulas that are hard to find are no mimicry's cure.
    rounds = 1 if chosen is not None and chosen.leaves_noise else ROUNDS
    try:
        found = _by_motion(question, rounds=rounds, claimed=True)
    except UnavailableError:
        return chosen
    if found is None:
        return chosen
    result, messages = found
    best, known = result.trials[0], None
    if chosen is not None:
        chosen = replace(chosen, sought=True)
        assert question.measured is not None
        known = attempt(chosen.candidate, question.measured, question.learn, growth=FINAL, friction=chosen.friction)
    trials = [best] if known is None else [best, known]
    space = JetSpace(question.learn.coordinates)
    if not result.settled or _mimics(best.candidate.terms, space) or winner(trials) is not best:
        return chosen
    others = tuple(trial.candidate for trial in not_beaten([*result.trials, *trials[1:]], best))
    return replace(_choice_of(result, question, messages), others=others)


def _by_motion(
    question: Question, *, rounds: int = ROUNDS, claimed: bool = False
) -> tuple[Result, tuple[str, ...]] | None:
    """A contest among formulas for functions of one variable each, and what the engine had to say.

    More are sought until one will do; None where no such functions explain the motion, or none can be integrated.

    Arguments:
        question: what is chosen from, and how.
        rounds: searches at most.
        claimed: whether a sum that may be mimicry will not do, so that it only matters beside one that is none.
    """
    learn, options, space = question.learn, question.options, JetSpace(question.learn.coordinates)
    shapes = _shapes(question)
    if question.measured is None or options.evidence == "network" or options.given or not shapes:
        return None
    search, budget, grounds = engine(options.engine), replace(question.budget, enough=0.0), Grounds.of(learn)
    kinds: list[list[FittedTerms]] = [[] for _ in shapes]
    said: list[str] = []
    result = None
    seeds = range(question.seed, question.seed + rounds)

    def plain(kind: Sequence[FittedTerms]) -> list[FittedTerms]:
        return [found for found in kind if not _mimics(found.terms, space)]

    for seed in seeds:
        for kind, each in zip(kinds, shapes, strict=True):
            parts, messages = propose(search, each.parts, seed=seed, budget=budget)
            said += messages
            kind += _fitted(parts, each, space, grounds)
            if _beyond(plain(kind), each):
                result = contest([kind], space, grounds, question.measured, learn)
                if result is not None and result.settled:
                    return result, tuple(dict.fromkeys(said))
        if claimed and seed != seeds[-1]:
            result = contest([plain(kind) for kind in kinds], space, grounds, question.measured, learn)
            if result is None or not result.settled:
                continue
        result = contest(kinds, space, grounds, question.measured, learn)
        if result is not None and result.settled:
            break
    return None if result is None else (result, tuple(dict.fromkeys(said)))


def _fitted(
    parts: Sequence[Sequence[Terms]], shapes: FittedShapes, space: JetSpace, grounds: Grounds
) -> list[FittedTerms]:
    """Whole Lagrangians out of formulas for the parts, the likeliest of them made as simple as the motion allows."""
    most = most_constants(len(parts))
    found: list[FittedTerms] = []
    for rough in layered(paired(parts, shapes, space, grounds), SIMPLIFIED):
        if not any(_includes(rough, simple) for simple in found):
            simple = fit_sum(rough.terms, space, grounds, most=most)
            found += [] if simple is None else [simple]
    return found


def _includes(rough: FittedTerms, simple: FittedTerms) -> bool:
    """Whether a sum has all terms of a simpler one, but for their numbers, and explains no more."""
    return _forms(simple) <= _forms(rough) and simple.loss <= AS_GOOD * rough.loss


def _forms(sums: FittedTerms) -> Counter[sp.Basic]:
    """The terms, with one name for every number that is fitted."""
    return Counter(term.xreplace(dict.fromkeys(term.atoms(sp.Float), NUMBER)) for term in sums.terms)


def _beyond(sums: Sequence[FittedTerms], shapes: FittedShapes) -> bool:
    """Whether a sum explains the motion so much better than free functions do that no other kind need be looked at."""
    return any(found.loss < BEYOND * shapes.loss for found in sums)


def _mimics(terms: Sequence[sp.Expr], space: JetSpace) -> bool:
    return bool(several_terms(sp.Add(*terms), space))


def _beside_library(result: Result, messages: tuple[str, ...], question: Question) -> list[Choice]:
    """The winner; beside a few of the library's terms where it leaves more than noise."""
    choice = _choice_of(result, question, messages)
    if result.settled:
        return [choice]
    proposed = tuple(map(sp.expand, result.best.terms))
    library = build_library(question.learn, choice.structure, extra=proposed, complexity=BESIDE)
    beside = choose_from(library, choice.structure, question, proposed=proposed, messages=messages)
    return [choice, *(replace(each, sought=True, invented=True) for each in beside)]


def _choice_of(result: Result, question: Question, messages: tuple[str, ...]) -> Choice:
    """The winner of a contest, with its trial where it leaves nothing but noise."""
    space, best = JetSpace(question.learn.coordinates), result.best
    structure = _structure_of(best.terms, space, question)
    candidates = tuple(trial.candidate for trial in result.trials)
    evidence = dict.fromkeys(best.terms, (best.evidence,))
    loss = weak_loss(best, space, question.held_out)
    choice = Choice(best, structure, Front(candidates, best), evidence, loss, messages, sought=True, invented=True)
    if not result.settled:
        return choice
    others = not_beaten(result.trials, result.trials[0])
    return replace(choice, trial=result.trials[0], others=tuple(trial.candidate for trial in others))


def _shapes(question: Question) -> list[FittedShapes]:
    """Free functions that explain the motion, of the structure that was asked for."""
    moving = question.options.structure in {"auto", "separable"}
    return [shapes for shapes in explaining_shapes(question.learn, seed=question.seed) if moving or not shapes.moving]


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
        replace(choice, sought=True, invented=True)
        for terms in (alone, library)
        for choice in choose_from(terms, structure, question, proposed=proposed, messages=messages)
    ]


def _structure_of(terms: Sequence[sp.Expr], space: JetSpace, question: Question) -> str:
    """The structure that was asked for, or that of proposed terms: any function of the velocities, or the network's."""
    if question.options.structure != "auto":
        return question.options.structure
    kinetic = [term for term in terms if term.free_symbols <= set(space.velocities)]
    if any(sp.diff(term, v, 3) != 0 for term in kinetic for v in space.velocities):
        return "separable"
    network = question.network
    return "natural" if network is None or network.model.structure == "separable" else network.model.structure


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
