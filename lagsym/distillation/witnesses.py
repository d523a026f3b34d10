"""Witnesses: the choice from one library, as a network, the weak form and the strong form see it."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from lagsym.distillation.fitting.inner import with_inner
from lagsym.distillation.libraries.terms import Library, off_shell
from lagsym.distillation.options import Choice, Question, usable
from lagsym.distillation.reading.parts import network_operator
from lagsym.distillation.selection.candidates import Candidate, Front, select, simplest, weak_loss
from lagsym.distillation.selection.evidence import network_evidence, strong_evidence, weak_evidence


def choose_from(
    library: Library,
    structure: str,
    question: Question,
    *,
    proposed: Sequence[sp.Expr] = (),
    messages: tuple[str, ...] = (),
) -> list[Choice]:
    """The choice from one library, in a list; an empty one where nothing is admissible.

    Arguments:
        library: candidate terms.
        structure: what the choice is to be called.
        question: what decides.
        proposed: terms of the library whose numbers are constants to be fitted.
        messages: what an engine had to say of them.
    """
    fronts = {name: _knowing(front, proposed) for name, front in _fronts(library, question).items()}
    candidates = {name: front.chosen for name, front in fronts.items() if front.chosen is not None}
    if not candidates:
        return []
    losses = {
        name: weak_loss(each, library.space, question.held_out, friction=question.friction)
        for name, each in candidates.items()
    }
    best = min(losses.values())
    name = min(
        (name for name in candidates if simplest(losses[name], best)),
        key=lambda name: (len(candidates[name].terms), losses[name]),
    )
    evidence = _evidence(candidates[name], candidates, question.options.given)
    return [Choice(candidates[name], structure, fronts[name], evidence, losses[name], messages)]


def _fronts(library: Library, question: Question) -> dict[str, Front]:
    """What each witness says; the strong form is asked only where the others differ."""
    learn, network, options = question.learn, question.network, question.options
    keep = () if options.known is None else (library.expressions.index(sp.expand(options.known)),)
    fronts: dict[str, Front] = {}
    if network is not None and (options.evidence == "network" or usable(network)):
        jets = off_shell(learn.jets(), seed=question.seed)
        target = network_operator(network.model, jets)
        fronts["network"] = select(network_evidence(library, jets, target), keep=keep)
    if options.evidence != "network":
        fronts["data"] = select(weak_evidence(library, learn, friction=question.friction), keep=keep)
    agree = len({frozenset(front.chosen.terms) for front in fronts.values() if front.chosen is not None}) == 1
    if not agree and options.evidence != "network":
        fronts["strong"] = select(strong_evidence(library, learn, friction=question.friction), keep=keep)
    return fronts


def _knowing(front: Front, proposed: Sequence[sp.Expr]) -> Front:
    """The front, knowing which numbers inside its candidates are constants."""
    known = {id(each): with_inner(each, proposed) for each in (*front.candidates, *front.rivals)}
    return Front(
        tuple(known[id(each)] for each in front.candidates),
        None if front.chosen is None else known[id(front.chosen)],
        tuple(known[id(each)] for each in front.rivals),
    )


def _evidence(
    candidate: Candidate, candidates: dict[str, Candidate], given: tuple[sp.Expr, ...]
) -> dict[sp.Expr, tuple[str, ...]]:
    """For each term of the candidate, what chose it."""
    return {
        term: tuple(name for name, rival in candidates.items() if term in rival.terms) + ("user",) * (term in given)
        for term in candidate.terms
    }
