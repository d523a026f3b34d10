"""Options: what a Lagrangian may be made of, what it is chosen from, and the record of what was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy as sp

from lagsym.data.trajectories import Trajectories
from lagsym.distillation.engines import Budget
from lagsym.distillation.libraries.density_terms import DENSITY_STRUCTURES
from lagsym.distillation.libraries.terms import PARTICLE_STRUCTURES
from lagsym.distillation.selection.candidates import Candidate, Front
from lagsym.distillation.trial import Trial
from lagsym.errors import InputError
from lagsym.neural import Fit

EVIDENCE = ("auto", "both", "data", "network")
ENGINES = ("auto", "sparse", "operon", "pysr")
EVERY_STRUCTURE = tuple(dict.fromkeys((*PARTICLE_STRUCTURES, *DENSITY_STRUCTURES)))
"""Structures of particles, and those that only fields have."""
USABLE_NETWORK = 0.1
"""A network whose held-out relative error is above this has not learned the motion; the data then decide alone."""


@dataclass(frozen=True)
class ChoiceOptions:
    """What a Lagrangian may be made of, and what decides.

    Arguments:
        evidence: "auto", where a network is asked only if a law chosen from the data leaves more than noise of the
            motion; "both"; "data" (no network) or "network" (no regression on the data before the constants are
            refined).
        engine: "sparse" draws terms from a library; "operon" and "pysr" propose them from functions that the motion
            shows, or from the network's parts; "auto" begins with the library, and asks for proposals where that fails
            and where a sum of powers may stand for a function.
        structure: one of `PARTICLE_STRUCTURES`, of fields one of `DENSITY_STRUCTURES`, or "auto" for the simplest that
            the held-out data allow, weighted lengths left out.
        terms: further candidate terms.
        known: a part of the Lagrangian that is known; it sets the scale.

    Raises:
        InputError: a value is not one of the above, or the engine has no network to read.
    """

    evidence: str = "auto"
    engine: str = "auto"
    structure: str = "auto"
    terms: tuple[sp.Expr, ...] = ()
    known: sp.Expr | None = None

    def __post_init__(self) -> None:
        for name, allowed in (("evidence", EVIDENCE), ("engine", ENGINES), ("structure", ("auto", *EVERY_STRUCTURE))):
            if getattr(self, name) not in allowed:
                msg = f"expected {name} to be one of {', '.join(allowed)}; got {getattr(self, name)!r}"
                raise InputError(msg)
        if self.invents and self.evidence == "data":
            msg = f"engine {self.engine} reads a trained network, so evidence 'data' leaves it nothing; use 'auto'"
            raise InputError(msg)

    def require_structure(self, allowed: tuple[str, ...], motion: str) -> None:
        """Refuse a structure that this kind of motion does not have.

        Raises:
            InputError: the structure is neither "auto" nor one of those allowed.
        """
        if self.structure not in ("auto", *allowed):
            msg = f"expected structure to be one of auto, {', '.join(allowed)} for {motion}; got {self.structure!r}"
            raise InputError(msg)

    @property
    def invents(self) -> bool:
        """Whether an engine was named that finds terms which no library holds."""
        return self.engine in {"operon", "pysr"}

    @property
    def data_first(self) -> bool:
        """Whether the data are asked before any network."""
        return self.evidence == "data" or (self.evidence == "auto" and not self.invents)

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
        trial: how it did in the fit of the motion, or None where it was not tried or cannot be integrated.
        others: laws that the fit of the motion does not exclude.
        friction: Rayleigh functions that were let in beside it, with any coefficients.
        sought: whether an engine looked for functions that no library holds.
        beaten: whether free functions explain the motion, where the terms do not.
        invented: whether its terms are what an engine found.
    """

    candidate: Candidate
    structure: str
    front: Front
    evidence: dict[sp.Expr, tuple[str, ...]]
    held_out_loss: float
    messages: tuple[str, ...] = ()
    stability: Mapping[sp.Expr, float] = field(default_factory=dict)
    trial: Trial | None = None
    others: tuple[Candidate, ...] = ()
    friction: tuple[sp.Expr, ...] = ()
    sought: bool = False
    beaten: bool = False
    invented: bool = False

    @property
    def leaves_noise(self) -> bool:
        """Whether the fit of the motion left nothing to be explained."""
        return self.trial is not None and self.trial.leaves_noise


@dataclass(frozen=True)
class Question:
    """What a Lagrangian is chosen from, and how.

    Arguments:
        learn: differentiated trajectories that terms are selected on.
        held_out: differentiated trajectories that structures are compared on.
        network: a trained network, or None for evidence "data".
        options: what the Lagrangian may be made of.
        seed: of every draw.
        budget: of each search by an engine.
        measured: the trajectories behind `learn` as they were measured, where the fit of the motion may be asked.
        friction: Rayleigh functions that may have any coefficients beside the Lagrangian.
    """

    learn: Trajectories
    held_out: Trajectories
    network: Fit | None
    options: ChoiceOptions = field(default_factory=ChoiceOptions)
    seed: int = 0
    budget: Budget = field(default_factory=Budget)
    measured: Trajectories | None = None
    friction: tuple[sp.Expr, ...] = ()


def usable(network: Fit) -> bool:
    """Whether a network has learned the motion: it may say which terms there are."""
    return network.held_out_error < USABLE_NETWORK
