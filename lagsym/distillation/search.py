"""Search: choices from one structure after another, and among an engine's formulas where the libraries fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import sympy as sp

from lagsym.distillation.engines import engine
from lagsym.distillation.fitting.inner import close_fits, simple_kinetic
from lagsym.distillation.functions.invention import choose_invented
from lagsym.distillation.functions.mimicry import several_powers
from lagsym.distillation.functions.shapes import explaining_shapes
from lagsym.distillation.libraries.bodies import build_bodies
from lagsym.distillation.libraries.terms import STRUCTURES, Library, build_library
from lagsym.distillation.options import Choice, Question, usable
from lagsym.distillation.reading.proposals import propose_kinetic
from lagsym.distillation.selection.candidates import simplest
from lagsym.distillation.witnesses import choose_from
from lagsym.errors import UnavailableError
from lagsym.mechanics.jetspace import JetSpace
from lagsym.neural import Fit

CONVINCING_LOSS = 1e-2
"""A structure whose held-out weak loss is below this needs no richer one beside it."""


@dataclass
class Search:
    """Choices from one structure after another.

    Arguments:
        question: what is chosen from, and how.
        settled: whether a choice leaves nothing to be explained, so that no larger library is needed.

    Attributes:
        beaten: whether free functions explain the motion, where no terms of bodies do: an engine's work.
    """

    question: Question
    settled: Callable[[Choice], bool] = lambda choice: False

    def __post_init__(self) -> None:
        options = self.question.options
        self.least = _least(self.question.network)
        self.beaten = False
        self.left = list(_structures(self.least, options.structure)) if options.engine in {"auto", "sparse"} else []

    def until_convinced(self) -> list[Choice]:
        """The choices from the simplest structures on, until one explains the held-out data.

        Raises:
            UnavailableError: the engine that was named cannot run here.
        """
        found: list[Choice] = []
        while self.left:
            structure = self.left[0]
            found += self.next()
            if not self.left or (_convinced(found) and STRUCTURES.index(structure) >= STRUCTURES.index(self.least)):
                break
        if self.question.network is not None and self.question.options.engine != "sparse" and not _convinced(found):
            found += choose_invented(self.question)
        return found

    def next(self) -> list[Choice]:
        """The choices from the next structure's libraries; none where nothing is admissible."""
        structure = self.left.pop(0)
        bodies = self._bodies(structure)
        settled = any(map(self.settled, bodies))
        self.beaten = bool(bodies) and not settled and self._functions_beat(bodies)
        if settled or self.beaten:
            self.left = []
            return bodies
        libraries, messages = _libraries(structure, self.question)
        return bodies + [
            choice
            for library, proposed in libraries
            for choice in choose_from(library, structure, self.question, proposed=proposed, messages=messages)
        ]

    def _bodies(self, structure: str) -> list[Choice]:
        """The choice from the terms of bodies that act on each other, where there may be such."""
        if structure != STRUCTURES[0] or self.question.options.given:
            return []
        found: list[Choice] = []
        for dimension in (2, 3):
            library = None if any(map(self.settled, found)) else build_bodies(self.question.learn, dimension)
            if library is not None:
                found += choose_from(library, structure, self.question)
        return found

    def _functions_beat(self, bodies: list[Choice]) -> bool:
        """Whether free functions explain the motion, where none of these terms do: an engine's work, not a library's.

        Powers that leave more than noise of the motion stand for functions even where their weak loss is as good.
        A network may have to choose without an engine; it is asked for more than this.
        """
        question = self.question
        if question.network is not None or question.options.engine != "auto":
            return False
        free = explaining_shapes(question.learn)
        space = JetSpace(question.learn.coordinates)
        known = [each for each in bodies if not several_powers(sp.Add(*each.candidate.terms), space)]
        return bool(free) and not any(simplest(choice.held_out_loss, free[0].loss) for choice in known)


def _convinced(found: list[Choice]) -> bool:
    return bool(found) and found[-1].held_out_loss < CONVINCING_LOSS


def _least(network: Fit | None) -> str:
    """The narrowest structure that a network which learned the motion leaves possible."""
    if network is None or not usable(network):
        return STRUCTURES[0]
    return network.model.structure


def _structures(least: str, wanted: str) -> tuple[str, ...]:
    """What to try, in order: what costs least or is no part of a wider library, and all from the network's on."""
    if wanted != "auto":
        return (wanted,)
    wide = STRUCTURES[STRUCTURES.index(least) :]
    return tuple(name for name in STRUCTURES if name in {"natural", "separable"} or name in wide)


def _libraries(structure: str, question: Question) -> tuple[list[tuple[Library, tuple[sp.Expr, ...]]], tuple[str, ...]]:
    """A structure's libraries, each with the terms in it that were proposed, and what an engine had to say.

    There is one library, or one for each kinetic energy of a separable Lagrangian that the data cannot exclude.
    """
    learn, given = question.learn, question.options.given
    plain = build_library(learn, structure, extra=given)
    if structure != "separable":
        return [(plain, ())], ()
    proposals, messages = _kinetic_proposals(question)
    velocities = set(plain.space.velocities)
    beside = plain.take(k for k, term in enumerate(plain.expressions) if not term.free_symbols & velocities)
    kinetic = (*((term,) for term in simple_kinetic(plain.space, learn)), *proposals)
    fitted = close_fits(kinetic, beside, learn) or ((),)
    return [(build_library(learn, structure, extra=(*given, *terms)), terms) for terms in fitted], messages


def _kinetic_proposals(question: Question) -> tuple[tuple[tuple[sp.Expr, ...], ...], tuple[str, ...]]:
    """Kinetic energies that an engine reads off a separable network, and what it had to say."""
    network, name = question.network, question.options.engine
    if network is None or name == "sparse" or not usable(network) or network.model.structure != "separable":
        return (), ()
    # A polynomial mimics any kinetic energy as closely as the network knows it, so nothing found early is enough.
    whole = replace(question.budget, enough=0.0)
    try:
        return propose_kinetic(engine(name), network.model, question.learn, seed=question.seed, budget=whole)
    except UnavailableError:
        if name != "auto":
            raise
        return (), ()
