"""Choosing: which structure and which terms, by a trained network, by the data, or by both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import sympy as sp

from lagsym.data.trajectories import Trajectories
from lagsym.distillation.engines import Budget, engine
from lagsym.distillation.evidence import network_evidence, strong_evidence, weak_evidence
from lagsym.distillation.inner import simple_kinetic, simplest_fit, with_inner
from lagsym.distillation.read import network_operator, propose_kinetic, propose_terms
from lagsym.distillation.selection import (
    Candidate,
    Front,
    select,
    simplest,
    weak_loss,
)
from lagsym.distillation.stability import Stability, resample
from lagsym.distillation.terms import STRUCTURES, Library, build_library, off_shell
from lagsym.distillation.trial import attempt, winner
from lagsym.errors import InputError, UnavailableError
from lagsym.neural import Fit

EVIDENCE = ("both", "data", "network")
ENGINES = ("auto", "sparse", "operon", "pysr")
USABLE_NETWORK = 0.1
"""A network whose held-out relative error is above this has not learned the motion; the data then decide alone."""
CLEAR_LOSS = 1e-5
"""A held-out weak loss below this leaves no doubt that the fit of the motion could settle."""
FINALISTS = 7
"""Candidates whose constants are fitted to the motion, at most, where noise leaves the choice open."""
CONVINCING_LOSS = 1e-2
"""A structure whose held-out weak loss is below this needs no richer one beside it."""


@dataclass(frozen=True)
class ChoiceOptions:
    """What a Lagrangian may be made of, and what decides.

    Arguments:
        evidence: "both", "data" (no network) or "network" (no regression on the data before the constants are refined).
        engine: "sparse" draws terms from a library; "operon" and "pysr" propose them from the network's parts; "auto"
            begins with the library and asks for proposals only where it fails.
        structure: one of `STRUCTURES`, or "auto" for the simplest that the held-out data allow.
        terms: further candidate terms.
        known: a part of the Lagrangian that is known; it sets the scale.

    Raises:
        InputError: a value is not one of the above, or the engine has no network to read.
    """

    evidence: str = "both"
    engine: str = "auto"
    structure: str = "auto"
    terms: tuple[sp.Expr, ...] = ()
    known: sp.Expr | None = None

    def __post_init__(self) -> None:
        for name, allowed in (("evidence", EVIDENCE), ("engine", ENGINES), ("structure", ("auto", *STRUCTURES))):
            if getattr(self, name) not in allowed:
                msg = f"expected {name} to be one of {', '.join(allowed)}; got {getattr(self, name)!r}"
                raise InputError(msg)
        if self.engine in {"operon", "pysr"} and self.evidence == "data":
            msg = f"engine {self.engine} reads a trained network, so evidence 'data' leaves it nothing; use 'both'"
            raise InputError(msg)

    @property
    def given(self) -> tuple[sp.Expr, ...]:
        """The terms that the user gave, the known part first."""
        return (*(() if self.known is None else (self.known,)), *self.terms)


@dataclass(frozen=True)
class Choice:
    """A candidate with where it came from.

    Arguments:
        candidate: the Lagrangian with its first coefficients.
        structure: the structure of the library that it came from.
        front: the front that it was chosen on.
        evidence: for each term, what chose it: "network", "data", "strong", "user".
        held_out_loss: its weak loss on the data that structures are compared on.
        messages: what an engine had to say.
        stability: for each term, how often it is chosen when trajectories are resampled.
    """

    candidate: Candidate
    structure: str
    front: Front
    evidence: dict[sp.Expr, tuple[str, ...]]
    held_out_loss: float
    messages: tuple[str, ...] = ()
    stability: Mapping[sp.Expr, float] = field(default_factory=dict)


def choose_terms(
    learn: Trajectories,
    held_out: Trajectories,
    network: Fit | None,
    *,
    options: ChoiceOptions | None = None,
    seed: int = 0,
    budget: Budget | None = None,
    measured: Trajectories | None = None,
) -> Choice | None:
    """The simplest structure within a factor of the best held-out loss, or None where no candidate is admissible.

    Arguments:
        learn: differentiated trajectories that terms are selected on.
        held_out: differentiated trajectories that structures are compared on.
        network: a trained network, or None for evidence "data".
        options: what to do differently.
        seed: of every draw.
        budget: of each search by an engine.
        measured: the trajectories behind `learn` as they were measured; with them candidates that noise leaves open
            are told apart by the fit of the motion.

    Raises:
        UnavailableError: the engine that was named cannot run here.
    """
    search = _Search((learn, held_out), network, options or ChoiceOptions(), seed, budget or Budget())
    found = search.until_convinced()
    if not found:
        return None
    best = min(choice.held_out_loss for choice in found)
    chosen = next(choice for choice in found if simplest(choice.held_out_loss, best))
    if measured is not None and search.options.evidence != "network" and chosen.held_out_loss > CLEAR_LOSS:
        chosen = _by_motion(chosen, found, search, measured)
    return chosen if chosen.candidate.fixed else _with_stability(chosen, learn, seed)


@dataclass
class _Search:
    """Choices from one structure after another."""

    data: tuple[Trajectories, Trajectories]
    network: Fit | None
    options: ChoiceOptions
    seed: int
    budget: Budget

    def __post_init__(self) -> None:
        self.least = _least(self.network)
        self.left = list(_structures(self.least, self.options)) if self.options.engine in {"auto", "sparse"} else []

    def until_convinced(self) -> list[Choice]:
        """The choices from the simplest structures on, until one explains the held-out data."""
        found: list[Choice] = []
        while self.left:
            structure = self.left[0]
            found += self.next()
            if _convinced(found) and STRUCTURES.index(structure) >= STRUCTURES.index(self.least):
                break
        if self.network is not None and self.options.engine != "sparse" and not _convinced(found):
            found += _choose_proposed(self.data, self.network, self.options, self.seed, self.budget)
        return found

    def next(self) -> list[Choice]:
        """The choice from the next structure, in a list; an empty one where nothing is admissible."""
        structure, learn = self.left.pop(0), self.data[0]
        library, proposed, messages = _library(structure, learn, self.network, self.options, self.seed, self.budget)
        choices = _choose_from(library, structure, self.data, self.network, self.options, self.seed)
        return [_with_proposed(choice, proposed, messages) for choice in choices]


def _by_motion(chosen: Choice, found: list[Choice], search: _Search, measured: Trajectories) -> Choice:
    """The choice that stands if it leaves nothing but noise of the motion, or else what explains the motion best."""
    learn = search.data[0]
    first = attempt(chosen.candidate, measured, learn)
    if first is not None and first.leaves_noise:
        return replace(chosen, candidate=first.candidate)
    while search.left:
        found = found + search.next()
    trials = {} if first is None else {0: first}
    others = [pair for pair in _finalists(found, learn, search.seed) if pair[1] is not chosen.candidate]
    owners = [chosen, *(choice for choice, _ in others)]
    for k, (_, candidate) in enumerate(others[: FINALISTS - 1], start=1):
        trial = attempt(candidate, measured, learn)
        if trial is not None:
            trials[k] = trial
    best = winner(list(trials.values()))
    if best is None:
        return chosen
    owner = owners[next(k for k, trial in trials.items() if trial is best)]
    evidence = {term: owner.evidence.get(term, (best.candidate.evidence,)) for term in best.candidate.terms}
    return replace(owner, candidate=best.candidate, evidence=evidence)


def _finalists(found: list[Choice], learn: Trajectories, seed: int) -> list[tuple[Choice, Candidate]]:
    """The choice from every structure, and those beside the best ones that resampling or another size would give."""
    pairs = [(choice, choice.candidate) for choice in found]
    for choice in sorted(found, key=lambda choice: choice.held_out_loss)[:2]:
        size = len(choice.candidate.terms)
        beside = {len(c.terms): replace(c, inner=choice.candidate.inner) for c in choice.front.candidates}
        usual = None if choice.candidate.fixed else _resampled(choice, learn, seed).usual
        near = [usual, *(beside.get(size + step) for step in (1, 2, -1))]
        pairs += [(choice, candidate) for candidate in near if candidate is not None]
    different = {frozenset(candidate.terms): (choice, candidate) for choice, candidate in reversed(pairs)}
    return [pair for pair in pairs if different[frozenset(pair[1].terms)] is pair]


def _resampled(choice: Choice, learn: Trajectories, seed: int) -> Stability:
    return resample((*choice.front.candidates, *choice.front.rivals), learn, seed=seed)


def _with_stability(choice: Choice, learn: Trajectories, seed: int) -> Choice:
    frequencies = _resampled(choice, learn, seed).frequencies
    return replace(choice, stability={term: frequencies.get(term, 0.0) for term in choice.candidate.terms})


def usable(network: Fit) -> bool:
    """Whether a network has learned the motion: it may say which terms there are."""
    return network.held_out_error < USABLE_NETWORK


def _convinced(found: list[Choice]) -> bool:
    return bool(found) and found[-1].held_out_loss < CONVINCING_LOSS


def _least(network: Fit | None) -> str:
    """The narrowest structure that a network which learned the motion leaves possible."""
    if network is None or not usable(network):
        return STRUCTURES[0]
    return network.model.structure


def _structures(least: str, options: ChoiceOptions) -> tuple[str, ...]:
    """What to try, in order: what costs least or is no part of a wider library, and all from the network's on."""
    if options.structure != "auto":
        return (options.structure,)
    wide = STRUCTURES[STRUCTURES.index(least) :]
    return tuple(name for name in STRUCTURES if name in {"natural", "separable"} or name in wide)


def _library(
    structure: str, learn: Trajectories, network: Fit | None, options: ChoiceOptions, seed: int, budget: Budget
) -> tuple[Library, tuple[sp.Expr, ...], tuple[str, ...]]:
    """A structure's library, the terms in it that a separable network proposed, and what an engine had to say."""
    plain = build_library(learn, structure, extra=options.given)
    if structure != "separable":
        return plain, (), ()
    proposals, messages = _kinetic_proposals(learn, network, options, seed, budget)
    proposed = _fitted((*((term,) for term in simple_kinetic(plain.space, learn)), *proposals), plain, learn)
    return build_library(learn, structure, extra=(*options.given, *proposed)), proposed, messages


def _kinetic_proposals(
    learn: Trajectories, network: Fit | None, options: ChoiceOptions, seed: int, budget: Budget
) -> tuple[tuple[tuple[sp.Expr, ...], ...], tuple[str, ...]]:
    """Kinetic energies that an engine reads off a separable network, and what it had to say."""
    if network is None or options.engine == "sparse" or not usable(network):
        return (), ()
    if network.model.structure != "separable":
        return (), ()
    # A polynomial mimics any kinetic energy as closely as the network knows it, so nothing found early is enough.
    whole = replace(budget, enough=0.0)
    try:
        return propose_kinetic(engine(options.engine), network.model, learn, seed=seed, budget=whole)
    except UnavailableError:
        if options.engine != "auto":
            raise
        return (), ()


def _fitted(proposals: Sequence[tuple[sp.Expr, ...]], library: Library, learn: Trajectories) -> tuple[sp.Expr, ...]:
    """The proposal that fits the motion best beside any potential, with its inner constants."""
    velocities = set(library.space.velocities)
    beside = library.take(k for k, term in enumerate(library.expressions) if not term.free_symbols & velocities)
    return simplest_fit(proposals, beside, learn)


def _with_proposed(choice: Choice, proposed: tuple[sp.Expr, ...], messages: tuple[str, ...]) -> Choice:
    return replace(choice, candidate=with_inner(choice.candidate, proposed), messages=(*choice.messages, *messages))


def _choose_proposed(
    data: tuple[Trajectories, Trajectories], network: Fit, options: ChoiceOptions, seed: int, budget: Budget
) -> list[Choice]:
    """Choose among the terms that a symbolic regression of the network's parts proposes."""
    structure = network.model.structure if options.structure == "auto" else options.structure
    # What the network itself does not know is not worth searching for.
    known = replace(budget, enough=network.held_out_error**2)
    try:
        proposed, messages = propose_terms(engine(options.engine), network.model, data[0], seed=seed, budget=known)
    except UnavailableError:
        if options.engine != "auto":
            raise
        return []
    library = build_library(data[0], structure, extra=(*options.given, *proposed), complexity=0)
    proposals, more = _kinetic_proposals(data[0], network, options, seed, budget)
    kinetic = _fitted(proposals, library, data[0])
    library = build_library(data[0], structure, extra=(*options.given, *kinetic, *proposed), complexity=0)
    choices = _choose_from(library, structure, data, network, options, seed)
    return [_with_proposed(choice, kinetic, (*messages, *more)) for choice in choices]


def _choose_from(
    library: Library,
    structure: str,
    data: tuple[Trajectories, Trajectories],
    network: Fit | None,
    options: ChoiceOptions,
    seed: int,
) -> list[Choice]:
    """The choice from one library, in a list; an empty one where nothing is admissible."""
    learn, held_out = data
    keep = ()
    if options.known is not None:
        keep = (library.expressions.index(sp.expand(options.known)),)
    fronts: dict[str, Front] = {}
    if network is not None and (options.evidence == "network" or usable(network)):
        jets = off_shell(learn.jets(), seed=seed)
        target = network_operator(network.model, jets)
        fronts["network"] = select(network_evidence(library, jets, target), keep=keep)
    if options.evidence != "network":
        fronts["data"] = select(weak_evidence(library, learn), keep=keep)
    agree = len({frozenset(front.chosen.terms) for front in fronts.values() if front.chosen is not None}) == 1
    if not agree and options.evidence != "network":
        fronts["strong"] = select(strong_evidence(library, learn), keep=keep)
    candidates = {name: front.chosen for name, front in fronts.items() if front.chosen is not None}
    if not candidates:
        return []
    losses = {name: weak_loss(candidate, library.space, held_out) for name, candidate in candidates.items()}
    best = min(losses.values())
    name = min(
        (name for name in candidates if simplest(losses[name], best)),
        key=lambda name: (len(candidates[name].terms), losses[name]),
    )
    candidate = candidates[name]
    evidence = {
        term: tuple(other for other, rival in candidates.items() if term in rival.terms)
        + (("user",) if term in options.given else ())
        for term in candidate.terms
    }
    return [Choice(candidate, structure, fronts[name], evidence, losses[name])]
