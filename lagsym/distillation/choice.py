"""Choosing: which structure and which terms, by a trained network, by the data, or by both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sympy as sp

from lagsym.data.trajectories import Trajectories
from lagsym.distillation.engines import Budget, engine
from lagsym.distillation.inner import simple_kinetic, simplest_fit, with_inner
from lagsym.distillation.proposals import combined, propose, propose_kinetic, propose_parts
from lagsym.distillation.read import network_operator
from lagsym.distillation.selection import (
    Candidate,
    Front,
    WeakEvidence,
    select_by_data,
    select_by_network,
    simplest,
    weak_loss,
)
from lagsym.distillation.shapes import fit_shapes
from lagsym.distillation.sums import simplest_sum
from lagsym.distillation.terms import STRUCTURES, Library, build_library, off_shell
from lagsym.errors import InputError, UnavailableError
from lagsym.mechanics.jetspace import JetSpace
from lagsym.neural import Fit

EVIDENCE = ("both", "data", "network")
ENGINES = ("auto", "sparse", "operon", "pysr")
USABLE_NETWORK = 0.1
"""A network whose held-out relative error is above this has not learned the motion; the data then decide alone."""
CONVINCING_LOSS = 1e-2
"""A structure whose held-out weak loss is below this needs no richer one beside it."""
BESIDE = 2
"""Complexity of the library's terms that stand beside those that an engine proposed."""


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
        evidence: for each term, what chose it: "network", "data", "user".
        held_out_loss: its weak loss on the data that structures are compared on.
        messages: what an engine had to say.
    """

    candidate: Candidate
    structure: str
    front: Front
    evidence: dict[sp.Expr, tuple[str, ...]]
    held_out_loss: float
    messages: tuple[str, ...] = ()


def choose_terms(
    learn: Trajectories,
    held_out: Trajectories,
    network: Fit | None,
    *,
    options: ChoiceOptions | None = None,
    seed: int = 0,
    budget: Budget | None = None,
) -> Choice | None:
    """The simplest structure within a factor of the best held-out loss, or None where no candidate is admissible.

    Arguments:
        learn: differentiated trajectories that terms are selected on.
        held_out: differentiated trajectories that structures are compared on.
        network: a trained network, or None for evidence "data".
        options: what to do differently.
        seed: of every draw.
        budget: of each search by an engine.

    Raises:
        UnavailableError: the engine that was named cannot run here.
    """
    options, budget = options or ChoiceOptions(), budget or Budget()
    found: list[Choice] = []
    least = _least(network)
    if options.engine in {"auto", "sparse"}:
        for structure in _structures(least, options):
            library, proposed, messages = _library(structure, learn, network, options, seed, budget)
            choices = _choose_from(library, structure, (learn, held_out), network, options, seed)
            found += [_with_proposed(choice, proposed, messages) for choice in choices]
            if _convinced(found) and STRUCTURES.index(structure) >= STRUCTURES.index(least):
                break
    if network is not None and options.engine != "sparse" and not _convinced(found):
        found += _choose_proposed((learn, held_out), network, options, seed, budget)
    if not found:
        return None
    best = min(choice.held_out_loss for choice in found)
    return next(choice for choice in found if simplest(choice.held_out_loss, best))


def _convinced(found: list[Choice]) -> bool:
    return bool(found) and found[-1].held_out_loss < CONVINCING_LOSS


def _least(network: Fit | None) -> str:
    """The narrowest structure that a network which learned the motion leaves possible."""
    if network is None or network.held_out_error >= USABLE_NETWORK:
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
    if network is None or options.engine == "sparse" or network.held_out_error >= USABLE_NETWORK:
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
    """Choose among the terms that a symbolic regression of the Lagrangian's parts proposes."""
    learn, space = data[0], JetSpace(data[0].coordinates)
    try:
        sums, messages = _proposed_sums(learn, network, options, seed, budget)
    except UnavailableError:
        if options.engine != "auto":
            raise
        return []
    fitted = simplest_sum(sums, space, learn)
    proposed = () if fitted is None else tuple(map(sp.expand, fitted.terms))
    structure = _structure_of(proposed, space, network, options)
    library = build_library(learn, structure, extra=(*options.given, *proposed), complexity=BESIDE)
    choices = _choose_from(library, structure, data, network, options, seed)
    return [_with_proposed(choice, proposed, messages) for choice in choices]


def _structure_of(terms: Sequence[sp.Expr], space: JetSpace, network: Fit, options: ChoiceOptions) -> str:
    """The structure that was asked for, or that of proposed terms: any function of the velocities, or the network's."""
    if options.structure != "auto":
        return options.structure
    kinetic = [term for term in terms if term.free_symbols <= set(space.velocities)]
    if any(sp.diff(term, v, 3) != 0 for term in kinetic for v in space.velocities):
        return "separable"
    return "natural" if network.model.structure == "separable" else network.model.structure


def _proposed_sums(
    learn: Trajectories, network: Fit, options: ChoiceOptions, seed: int, budget: Budget
) -> tuple[tuple[tuple[sp.Expr, ...], ...], tuple[str, ...]]:
    """Lagrangians from formulas for functions of one variable where the motion has such, or for the network's parts."""
    search = engine(options.engine)
    # A polynomial mimics any formula as closely as the table is known, so nothing found early is enough.
    arguments = {"seed": seed, "budget": replace(budget, enough=0.0)}
    sums: list[tuple[sp.Expr, ...]] = []
    said: list[str] = []
    for shapes in fit_shapes(learn, seed=seed):
        if shapes.loss < CONVINCING_LOSS and (not shapes.moving or options.structure in {"auto", "separable"}):
            parts, messages = propose(search, shapes.parts, **arguments)
            sums += combined(((shapes.kinetic,), *parts) if shapes.kinetic else parts)
            said += messages
    if not sums:
        moving = (network.model.structure if options.structure == "auto" else options.structure) == "separable"
        error = network.held_out_error
        parts, messages = propose_parts(search, network.model, learn, moving=moving, error=error, **arguments)
        sums, said = [*combined(parts)], [*messages]
    return tuple(dict.fromkeys(sums)), tuple(dict.fromkeys(said))


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
    if network is not None and (options.evidence == "network" or network.held_out_error < USABLE_NETWORK):
        jets = off_shell(learn.jets(), seed=seed)
        fronts["network"] = select_by_network(library, jets, network_operator(network.model, jets), keep=keep)
    if options.evidence != "network":
        fronts["data"] = select_by_data(WeakEvidence.collect(library, learn), keep=keep)
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
