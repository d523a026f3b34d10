"""Bring your own network: from any torch module of (q, v) to a law, and how faithfully that reproduces the module."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import sympy as sp
from torch import nn

from lagsym.data.jets import Jets
from lagsym.discovery.asking import Asked, States, ask, states
from lagsym.discovery.drafting import front_entry, middle_ranges
from lagsym.distillation.engines import Budget, engine
from lagsym.distillation.fitting.inner import Named
from lagsym.distillation.libraries.terms import PARTICLE_STRUCTURES
from lagsym.distillation.matching import TOLERANCE, Match, MotionEvidence, OperatorEvidence, match_network
from lagsym.distillation.options import USABLE_NETWORK, ChoiceOptions
from lagsym.distillation.reading.faithfulness import ErrorMap, Faithfulness, measure_faithfulness
from lagsym.distillation.selection.candidates import Candidate
from lagsym.errors import InputError, UnavailableError
from lagsym.law import Constant, FrontEntry, Law
from lagsym.mechanics.dynamics.numeric import compile_mechanics
from lagsym.mechanics.inverse_problem.existence import IMPOSSIBLE, Existence
from lagsym.mechanics.inverse_problem.helmholtz import multipliers
from lagsym.mechanics.inverse_problem.numeric_decision import find_numeric_multiplier
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.parsing import to_text
from lagsym.mechanics.system import parameter_symbol
from lagsym.neural import Fit, FitOptions
from lagsym.neural.modules import KINDS
from lagsym.neural.structure import select_structure

FAITHFUL_R2 = 1 - USABLE_NETWORK**2
"""R² of the formula's accelerations against the network's from which on the formula stands for the network."""
NOTICE = (
    "Terms and constants were read from the network alone. No data were seen, so the constants have no standard "
    "errors, and the law is as good as the network."
)
STUDENT = FitOptions(width=16, steps=100, tolerance=2e-3)
"""How a Lagrangian network learns from a network of accelerations: without noise a small one is soon good enough."""
LESSONS = 1200
"""States that it learns from at most."""
Report = Callable[[str], None]


@dataclass(frozen=True)
class DistillationOptions:
    """What may be asked of a distillation; the defaults serve every network alike.

    Arguments:
        choice: engine, structure and further terms; the evidence is the network's whatever it says.
        kind: what the network returns: "lagrangian", "acceleration", or "auto" to tell by the shape.
        tolerance: relative error of the network, as far as it is known; terms that explain less are its error.
        seed: of every draw.
        budget: cap on the seconds of each search by an engine and of each training, or None.

    Raises:
        InputError: the kind is another one, the tolerance is not in [0, 1), the budget is not positive, the evidence is
            to be data, or the structure is one of fields alone.
    """

    choice: ChoiceOptions = field(default_factory=ChoiceOptions)
    kind: str = "auto"
    tolerance: float = TOLERANCE
    seed: int = 0
    budget: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            msg = f"expected kind to be one of {', '.join(KINDS)}; got {self.kind!r}"
            raise InputError(msg)
        if not 0 <= self.tolerance < 1:
            msg = f"expected a tolerance of at least 0 and below 1, got {self.tolerance}"
            raise InputError(msg)
        if self.budget is not None and not self.budget > 0:
            msg = f"expected a budget of more than 0 seconds, got {self.budget}"
            raise InputError(msg)
        if self.choice.evidence == "data":
            msg = "a network is all that a distillation has; leave evidence at 'auto', or give 'network'"
            raise InputError(msg)
        self.choice.require_structure(PARTICLE_STRUCTURES, "particles")


@dataclass(frozen=True)
class Distillation:
    """What a network was found to say.

    Arguments:
        law: the law, its constants without standard errors, as no data were seen; or the reasons why there is none.
        faithfulness: how closely the law reproduces the network and where it does not; None without a Lagrangian.
        kind: what the network returns: "lagrangian" or "acceleration".
        existence: for accelerations that no formula was found for, whether they have any Lagrangian at all.
    """

    law: Law
    faithfulness: Faithfulness | None
    kind: str
    existence: Existence | None = None

    @property
    def error_map(self) -> ErrorMap | None:
        """Where the law differs from the network, or None where there is no law."""
        return None if self.faithfulness is None else self.faithfulness.map

    @property
    def front(self) -> tuple[FrontEntry, ...]:
        """The candidates by complexity, and how closely each matches the network."""
        return self.law.front

    def _repr_latex_(self) -> str:
        return self.law._repr_latex_()


@dataclass
class _Log:
    """Seconds of each stage, and what the user should know."""

    report: Report
    seconds: dict[str, float] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str, title: str) -> Iterator[None]:
        self.report(title)
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 3)


def distill(
    module: nn.Module,
    samples: States,
    *,
    coordinates: Sequence[str] = (),
    angles: Sequence[str] = (),
    options: DistillationOptions | None = None,
    report: Report = lambda stage: None,
) -> Distillation:
    """Find the formula in a trained network: a Lagrangian L(q, v), or accelerations a(q, v).

    A Lagrangian network is asked for M and f of E = f - M a, and a formula's E is matched to that at accelerations that
    never occur, which gauge cannot disturb. Of a network of accelerations only the motion is known: E of the formula
    has to vanish on it; whether any Lagrangian can do that is decided by Helmholtz's conditions.

    Arguments:
        module: `module(q, v)` or `module(torch.cat([q, v], -1))` with q and v of shape (N, n), returning a
            Lagrangian, shape (N,) or (N, 1), or accelerations (N, n). A copy is used, in evaluation mode.
        samples: where the network is asked, which should be where it was trained: trajectories, or arrays (q, v) of
            shape (N, n), in the units that the network takes.
        coordinates: names for arrays; q1, q2, ... where none are given.
        angles: which coordinates have period 2 pi.
        options: what to do differently.
        report: called with the title of every stage as it begins.

    Raises:
        InputError: the module or the samples cannot be used; says why.
        DataError: the samples are too few, or not finite.
        UnavailableError: a named engine is missing.
    """
    options, log = options or DistillationOptions(), _Log(report)
    missing = engine(options.choice.engine).available()
    if missing:
        raise UnavailableError(missing)
    with log.stage("ask", "Asking the network"):
        asked = ask(module, states(samples, coordinates, angles), kind=options.kind, seed=options.seed)
        log.notices += asked.notices
    with log.stage("distil", "Selecting terms"):
        match = _match(asked, options, log)
    law, faithfulness = _judged(match, asked, options)
    existence = None
    if asked.lagrangian is None and not (match is not None and match.convincing and law.status == "recovered"):
        law, faithfulness, existence = _taught((law, faithfulness), asked, options, log)
    law = replace(law, notices=(*log.notices, *law.notices), seconds=dict(log.seconds))
    return Distillation(law, faithfulness, asked.network.kind, existence)


def _match(asked: Asked, options: DistillationOptions, log: _Log) -> Match | None:
    """Terms by the network's operator; where no formula is like that, by its accelerations."""
    motion = MotionEvidence(asked.learn, asked.held_out)
    if asked.lagrangian is None:
        return match_network(motion, None, **_search(options))
    operator = OperatorEvidence(asked.lagrangian, asked.learn, asked.held_out, options.seed)
    match = match_network(operator, asked.lagrangian, **_search(options))
    if match is None or not match.convincing:
        other = match_network(motion, None, **_search(options))
        if other is not None and other.convincing:
            log.notices.append(
                "No formula is like the network's Lagrangian off the motion; the law moves as the network does, but "
                "from another Lagrangian."
            )
            return other
    return match


def _search(options: DistillationOptions) -> dict:
    budget = Budget() if options.budget is None else Budget(seconds=options.budget)
    return {"options": options.choice, "tolerance": options.tolerance, "seed": options.seed, "budget": budget}


_Judged = tuple[Law, Faithfulness | None]


def _taught(
    before: _Judged, asked: Asked, options: DistillationOptions, log: _Log
) -> tuple[*_Judged, Existence | None]:
    """What a Lagrangian network says that learned from the accelerations, and whether any Lagrangian has them."""
    angles = tuple(int(i) for i in np.flatnonzero(asked.learn.angle_mask))
    settings = replace(STUDENT, seconds=options.budget)
    with log.stage("fit", "Training a Lagrangian network on the accelerations"):
        jets, others = (part.jets().take(np.arange(min(len(part), LESSONS))) for part in (asked.learn, asked.held_out))
        student = select_structure(jets, others, angles=angles, options=settings, seed=options.seed, device="cpu").fit
    if student.held_out_error < USABLE_NETWORK:
        with log.stage("distil again", "Selecting terms by that network"):
            evidence = OperatorEvidence(student.model, asked.learn, asked.held_out, options.seed)
            again = _judged(match_network(evidence, student.model, **_search(options)), asked, options)
        if again[0].status == "recovered" and _r2(again) > _r2(before):
            return *again, None
    if before[0].status == "recovered":
        return *before, None
    with log.stage("exist", "Asking whether any Lagrangian exists"):
        return _existence(before, asked, student, log)


def _r2(judged: _Judged) -> float:
    """How faithful a law is; the worst there is for none."""
    return -np.inf if judged[1] is None else judged[1].acceleration_r2


def _judged(match: Match | None, asked: Asked, options: DistillationOptions) -> _Judged:
    """The law, and whether it may stand for the network."""
    if match is None:
        notice = "None of the structures and terms that were tried has the network's accelerations."
        names = asked.learn.coordinates
        return Law(names, None, status="uncertain", angles=_angles(asked), seed=options.seed, notices=(notice,)), None
    notices = [*dict.fromkeys(match.messages), NOTICE]
    law = _law(match, asked, options)
    faithfulness = _faithfulness(law, asked, options.seed)
    recovered = faithfulness.acceleration_r2 > FAITHFUL_R2
    if not recovered:
        notices.append(
            f"The formula does not reproduce the network: R² = {faithfulness.acceleration_r2:.3f} of its accelerations "
            "at states that the formula was not read from."
        )
    findings: dict[str, float | str] = {
        "source": "the network alone, without data",
        "asked": asked.network.kind,
        "states": len(asked.held_out),
        **{f"error explained by {name}": value for name, value in faithfulness.effects.items()},
    }
    law = replace(
        law,
        status="recovered" if recovered else "uncertain",
        scores=faithfulness.scores,
        tests={"faithfulness": findings},
        notices=tuple(notices),
    )
    return law, faithfulness


def _law(match: Match, asked: Asked, options: DistillationOptions) -> Law:
    """The candidate with names for its constants."""
    candidate, names = match.candidate, asked.learn.coordinates
    terms, constants = _named(candidate)
    lagrangian: Any = sp.Add(*terms)
    values = {parameter_symbol(c.name): sp.Float(c.value, 17) for c in constants}
    given = options.choice.given
    return Law(
        names,
        lagrangian,
        constants,
        angles=_angles(asked),
        structure=match.structure,
        multipliers=multipliers(lagrangian.xreplace(values), JetSpace(names), middle_ranges(asked.learn)).dimension,
        scale="free" if options.choice.known is None else "fixed",
        evidence={
            to_text(term): ("network", "user") if origin in given else ("network",)
            for term, origin in zip(terms, candidate.terms, strict=True)
        },
        front=tuple(front_entry(entry) for entry in match.front.candidates),
        seed=options.seed,
    )


def _named(candidate: Candidate) -> tuple[list[sp.Expr], tuple[Constant, ...]]:
    """A candidate's terms with named constants, the first coefficient being one by convention."""
    count = len(candidate.terms) - 1
    inner = Named.of(candidate.terms, candidate.inner, first=count + 1)
    symbols = [parameter_symbol(f"c{i + 1}") for i in range(count)]
    terms = [c * term for c, term in zip([sp.S.One, *symbols], inner.terms, strict=True)]
    values = [*candidate.coefficients[1:], *inner.values]
    return terms, tuple(Constant(s.name, float(x)) for s, x in zip([*symbols, *inner.symbols], values, strict=True))


def _angles(asked: Asked) -> tuple[str, ...]:
    return tuple(name for name in asked.learn.coordinates if name in asked.learn.angles)


def _faithfulness(law: Law, asked: Asked, seed: int) -> Faithfulness:
    """The law against the network at the states that were set aside."""
    jets, lagrangian = asked.held_out.jets(), law.numeric_lagrangian
    assert lagrangian is not None
    formula = compile_mechanics(lagrangian, law.space).acceleration(0.0, jets.q, jets.v)
    operators = None
    if asked.lagrangian is not None:
        evidence = OperatorEvidence(asked.lagrangian, asked.learn, asked.held_out, seed)
        operators = evidence.held_out_asked[1], evidence.scaled_operator(lagrangian, law.space)
    return measure_faithfulness(
        jets.a, formula, jets, coordinates=law.coordinates, angles=asked.held_out.angles, operators=operators
    )


def _existence(before: _Judged, asked: Asked, student: Fit, log: _Log) -> tuple[Law, Faithfulness | None, Existence]:
    """What Helmholtz's conditions say of the network's accelerations, and whether a formula may still be printed."""
    law, faithfulness = before

    def accelerations(q: np.ndarray, v: np.ndarray) -> np.ndarray:
        return asked.network.accelerations(Jets.of_particle(np.zeros(len(q)), q, v))

    found = find_numeric_multiplier(accelerations, law.space, ranges=middle_ranges(asked.learn))
    findings: dict[str, float | str] = {
        "answer": found.answer,
        "sentence": found.sentence,
        "method": found.method,
        "error of a lagrangian network": student.held_out_error,
    }
    tests = {**law.tests, "inverse problem": findings}
    # A network that is a little wrong about a motion with a Lagrangian violates the conditions a little.
    if found.answer != IMPOSSIBLE or student.held_out_error < USABLE_NETWORK:
        return replace(law, tests=tests), faithfulness, found
    log.notices.append(
        "The network's accelerations have no Lagrangian: Helmholtz's conditions leave none, and a Lagrangian network "
        "that learned from them stayed far off."
    )
    refused = Law(law.coordinates, None, status="not_lagrangian", tests=tests, angles=law.angles, seed=law.seed)
    return refused, None, found
