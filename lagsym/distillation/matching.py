"""Choosing terms by a network alone: what it says about its Lagrangian, or only about the motion.

A Lagrangian network is asked for its operator at accelerations that never occur, and a formula's operator is matched
to that.  A network of accelerations says nothing off the motion: there the formula's operator has to vanish on the
network's accelerations, and not elsewhere, as in the selection by data.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.data.jets import Jets
from lagsym.data.samples import Samples
from lagsym.distillation.engines import Budget, engine
from lagsym.distillation.fitting.inner import simple_kinetic, simplest_fit, with_inner
from lagsym.distillation.libraries.terms import PARTICLE_STRUCTURES, STRUCTURES, Library, Term, build_library, off_shell
from lagsym.distillation.options import ChoiceOptions
from lagsym.distillation.reading.parts import network_operator
from lagsym.distillation.reading.proposals import propose_kinetic, propose_terms
from lagsym.distillation.selection.candidates import Candidate, Front, select, simplest
from lagsym.distillation.selection.evidence import network_evidence, strong_evidence
from lagsym.errors import InputError, UnavailableError
from lagsym.mechanics.jetspace import JetSpace
from lagsym.neural.models.records import Readable

CONVINCING_LOSS = 1e-3
"""A formula with a held-out loss below this needs no engine to look for another; without noise in the network's answers
what is left is the formula's error or the network's own."""
TOLERANCE = 1e-3
"""Relative error of a network, where nothing is known about it: few networks are trained to more."""


class Evidence(ABC):
    """What a network says, at samples to learn from and at others."""

    learn: Samples
    held_out: Samples

    @abstractmethod
    def select(self, library: Library, keep: tuple[int, ...]) -> Front:
        """The few terms of a library that say the same."""

    @abstractmethod
    def loss(self, candidate: Candidate, space: JetSpace) -> float:
        """Squared relative residual of a candidate at the other samples; infinite where it is not real."""


@dataclass(frozen=True)
class OperatorEvidence(Evidence):
    """The operator E = f - M a of a Lagrangian network, off the shell.

    Arguments:
        model: the network.
        learn: samples with the network's accelerations.
        held_out: others.
        seed: of the accelerations that are drawn.
    """

    model: Readable
    learn: Samples
    held_out: Samples
    seed: int = 0

    @cached_property
    def asked(self) -> tuple[Jets, Float[np.ndarray, "samples n"]]:
        """Jets off the shell at the samples to learn from, and the network's operator there."""
        return self._asked(self.learn)

    @cached_property
    def held_out_asked(self) -> tuple[Jets, Float[np.ndarray, "samples n"]]:
        """The same at the other samples."""
        return self._asked(self.held_out)

    def _asked(self, samples: Samples) -> tuple[Jets, np.ndarray]:
        jets = off_shell(samples.jets(), seed=self.seed)
        return jets, network_operator(self.model, jets)

    def select(self, library: Library, keep: tuple[int, ...]) -> Front:
        """Off-shell matching."""
        return select(network_evidence(library, *self.asked), keep=keep)

    def loss(self, candidate: Candidate, space: JetSpace) -> float:
        """What the best multiple of the candidate's operator leaves of the network's, in the worst equation."""
        theirs = self.held_out_asked[1]
        left = theirs - self.scaled_operator(candidate.lagrangian, space)
        loss = float(np.max(np.mean(left**2, axis=0) / np.mean(theirs**2, axis=0)))
        return loss if np.isfinite(loss) else float("inf")

    def scaled_operator(self, lagrangian: sp.Expr, space: JetSpace) -> Float[np.ndarray, "samples n"]:
        """A Lagrangian's operator off the shell at the other samples, times the factor that suits the network's."""
        jets, theirs = self.held_out_asked
        weights = 1 / np.mean(theirs**2, axis=0)
        with np.errstate(all="ignore"):
            mine = Library(space, (Term(lagrangian, 0.0),)).operator(jets)[0]
            factor = np.sum(weights * mine * theirs) / np.sum(weights * mine**2)
            return factor * mine


@dataclass(frozen=True)
class MotionEvidence(Evidence):
    """The accelerations of a network, on which a Lagrangian's operator vanishes.

    Arguments:
        learn: samples with the network's accelerations.
        held_out: others.
    """

    learn: Samples
    held_out: Samples

    def select(self, library: Library, keep: tuple[int, ...]) -> Front:
        """Least |E on the motion|² / |E off the shell|²."""
        return select(strong_evidence(library, self.learn), keep=keep)

    def loss(self, candidate: Candidate, space: JetSpace) -> float:
        """The same ratio at the other samples."""
        library = Library(space, tuple(Term(term, 0.0) for term in candidate.terms))
        with np.errstate(all="ignore"):
            loss = strong_evidence(library, self.held_out).loss(candidate.coefficients)
        return loss if np.isfinite(loss) else float("inf")


@dataclass(frozen=True)
class Match:
    """A candidate that says what the network says.

    Arguments:
        candidate: the Lagrangian with its coefficients.
        structure: the structure of the library that it came from.
        front: the front that it was chosen on.
        loss: its squared relative residual at samples that it was not selected on.
        messages: what an engine had to say.
    """

    candidate: Candidate
    structure: str
    front: Front = field(repr=False)
    loss: float
    messages: tuple[str, ...] = ()

    @property
    def convincing(self) -> bool:
        """Whether nothing else need be tried."""
        return self.loss < CONVINCING_LOSS


def match_network(
    evidence: Evidence,
    model: Readable | None,
    *,
    options: ChoiceOptions | None = None,
    tolerance: float = TOLERANCE,
    seed: int = 0,
    budget: Budget | None = None,
) -> Match | None:
    """The simplest structure within a factor of the best held-out loss, or None where no candidate is admissible.

    Arguments:
        evidence: what the network says.
        model: the network whose canonical parts an engine may read, where the libraries fail; None where it has none.
        options: engine, structure and further terms.
        tolerance: relative error of the network: nothing is added to a formula that matches it as closely as that, and
            no richer structure is tried.
        seed: of the engine.
        budget: of each search by an engine.

    Raises:
        InputError: the known part says nothing on its own, so that it cannot set the scale, or the structure is one of
            fields alone.
        UnavailableError: the engine that was named cannot run here.
    """
    options, found = options or ChoiceOptions(), []
    options.require_structure(PARTICLE_STRUCTURES, "particles")
    if options.engine in {"auto", "sparse"}:
        for structure in STRUCTURES if options.structure == "auto" else (options.structure,):
            found += _from_library(evidence, structure, options, tolerance)
            if found and found[-1].loss <= tolerance**2:
                break
    if model is not None and options.engine != "sparse" and not any(match.convincing for match in found):
        found += _from_engine(evidence, model, options, tolerance, seed, budget)
    best = min((match.loss for match in found), default=0.0)
    return next((match for match in found if simplest(match.loss, best)), None)


def _from_library(evidence: Evidence, structure: str, options: ChoiceOptions, tolerance: float) -> list[Match]:
    """The choice from a structure's library; where T may be any function of v, with those of one inner constant."""
    plain, kinetic = build_library(evidence.learn, structure, extra=options.given), ()
    if structure == "separable":
        simple = [(term,) for term in simple_kinetic(plain.space, evidence.learn)]
        kinetic = _fitted(simple, plain, evidence.learn)
        plain = build_library(evidence.learn, structure, extra=(*options.given, *kinetic))
    return _matches(evidence, plain, (structure, kinetic), options, tolerance)


def _from_engine(
    evidence: Evidence, model: Readable, options: ChoiceOptions, tolerance: float, seed: int, budget: Budget | None
) -> list[Match]:
    """The choice among terms that a symbolic regression of the network's parts proposes, for each structure asked."""
    search, found = engine(options.engine), []
    try:
        proposed, messages = propose_terms(search, model, evidence.learn, seed=seed, budget=budget)
        kinetics, more = propose_kinetic(search, model, evidence.learn, seed=seed, budget=budget)
    except UnavailableError:
        if options.engine != "auto":
            raise
        return []
    for structure in STRUCTURES if options.structure == "auto" else (options.structure,):
        terms = (*options.given, *proposed)
        library, kinetic = build_library(evidence.learn, structure, extra=terms, complexity=0), ()
        if structure == "separable":
            kinetic = _fitted(kinetics, library, evidence.learn)
            library = build_library(evidence.learn, structure, extra=(*terms, *kinetic), complexity=0)
        found += _matches(evidence, library, (structure, kinetic), options, tolerance, (*messages, *more))
    return found


def _fitted(proposals: Sequence[tuple[sp.Expr, ...]], library: Library, samples: Samples) -> tuple[sp.Expr, ...]:
    """The kinetic energy that suits the motion best beside any potential, with its inner constants."""
    velocities = set(library.space.velocities)
    beside = library.take(k for k, term in enumerate(library.expressions) if not term.free_symbols & velocities)
    return simplest_fit(proposals, beside, samples) if proposals else ()


def _matches(
    evidence: Evidence,
    library: Library,
    structure: tuple[str, tuple[sp.Expr, ...]],
    options: ChoiceOptions,
    tolerance: float,
    messages: tuple[str, ...] = (),
) -> list[Match]:
    """The choice from one library, in a list; an empty one where nothing is admissible."""
    front = evidence.select(library, _kept(library, options))
    if front.chosen is None:
        return []
    name, kinetic = structure
    # What a larger candidate explains beyond the tolerance is the network's own error.
    enough = [entry for entry in front.candidates if entry.loss <= tolerance**2]
    chosen = min((front.chosen, *enough), key=lambda entry: len(entry.terms))
    candidate = with_inner(chosen, kinetic)
    return [Match(candidate, name, front, evidence.loss(candidate, library.space), messages)]


def _kept(library: Library, options: ChoiceOptions) -> tuple[int, ...]:
    if options.known is None:
        return ()
    known = sp.expand(options.known)
    if known not in library.expressions:
        msg = f"the known part {options.known} has no equations of motion of its own; give one that moves something"
        raise InputError(msg)
    return (library.expressions.index(known),)
