"""Choosing a Lagrangian density: which structure, order of derivatives and terms fields on a grid ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.data.lattice import Lattice
from lagsym.distillation.densities.advice import only, still_directions
from lagsym.distillation.densities.constants import leaves_noise
from lagsym.distillation.densities.evidence import (
    FLOOR,
    SmoothField,
    density_evidence,
    density_network_evidence,
    smooth_fields,
)
from lagsym.distillation.libraries.density_terms import DENSITY_STRUCTURES, DensityLibrary, build_density_library
from lagsym.distillation.libraries.terms import Term
from lagsym.distillation.options import Choice, ChoiceOptions
from lagsym.distillation.selection.candidates import DATA_FACTOR, Candidate, Front, select
from lagsym.mechanics.jetspace import JetSpace

ORDERS = (1, 2)
"""Orders of derivatives in a density: the second is used only where the first does not do."""
HIGHEST = max(ORDERS)
PLAUSIBLE = 0.03
"""Held-out losses above this are not those of a law, whatever the noise."""


@dataclass(frozen=True, eq=False)
class NetworkReading:
    """A trained density network's operator off the shell.

    Arguments:
        points: fields and derivatives by their directions: what the network depends on as in the data, higher
            derivatives as nature does not show them beside it.
        target: the network's E there.
        order: of the highest derivative that the network depends on.
    """

    points: Mapping[tuple[int, ...], Float[np.ndarray, "samples n"]]
    target: Float[np.ndarray, "samples n"]
    order: int = 1


def choose_density(
    learn: Lattice,
    held_out: Lattice,
    *,
    options: ChoiceOptions | None = None,
    network: NetworkReading | None = None,
    seed: int = 0,
) -> Choice | None:
    """The simplest density within a factor of the best held-out loss, or None where none is admissible.

    Structures are tried from `natural` on, each with first derivatives and then with second ones.  Fields that obey
    laws of their own are chosen one by one, because nothing ties the scales of their laws together.

    Arguments:
        learn: fields that terms are selected on, as they were measured; rates are not used.
        held_out: fields that structures are compared on.
        options: what to do differently.
        network: what a trained network says, or None for the data alone.
        seed: of the points off the shell.

    Raises:
        InputError: the structure in `options` is not one of densities.
    """
    options = options or ChoiceOptions()
    options.require_structure(DENSITY_STRUCTURES, "fields")
    together = _Search.of((learn, held_out), options, network, seed).best()
    if len(learn.fields) == 1 or options.evidence == "network" or options.given:
        return together
    alone = [_Search.of((only(learn, i), only(held_out, i)), options, None, seed).best() for i in _fields(learn)]
    separate = [choice for choice in alone if choice is not None]
    if len(separate) < len(alone):
        return together
    joined = _joined(separate)
    if together is None:
        return joined
    if not as_good(joined.held_out_loss, together.held_out_loss):
        return together
    seen = {
        term: tuple(dict.fromkeys((*together.evidence.get(term, ()), *names)))
        for term, names in joined.evidence.items()
    }
    return replace(joined, evidence=seen)


def _fields(data: Lattice) -> range:
    return range(len(data.fields))


def as_good(loss: float, best: float) -> bool:
    """Whether a held-out loss of fields is as good as the best one, by the rule that sizes are chosen by."""
    return loss <= DATA_FACTOR * best + FLOOR


def _joined(choices: Sequence[Choice]) -> Choice:
    """Fields without influence on each other: the sum of their densities."""
    candidates = [choice.candidate for choice in choices]
    pairs = [pair for c in candidates for pair in zip(c.terms, c.coefficients, strict=True)]
    candidate = replace(
        candidates[0],
        terms=tuple(term for term, _ in pairs),
        coefficients=np.array([value for _, value in pairs]),
        complexity=round(sum(c.complexity for c in candidates), 3),
        loss=max(c.loss for c in candidates),
    )
    structure = max((choice.structure for choice in choices), key=DENSITY_STRUCTURES.index)
    evidence = {term: names for choice in choices for term, names in choice.evidence.items()}
    loss = max(choice.held_out_loss for choice in choices)
    return Choice(candidate, structure, Front((candidate,), candidate), evidence, loss)


@dataclass(frozen=True)
class _Search:
    """Choices from one structure and order after another."""

    data: Lattice
    learn: tuple[SmoothField, ...]
    held_out: tuple[SmoothField, ...]
    options: ChoiceOptions
    network: NetworkReading | None
    seed: int
    still: frozenset[tuple[int, int]]

    @classmethod
    def of(
        cls, data: tuple[Lattice, Lattice], options: ChoiceOptions, network: NetworkReading | None, seed: int
    ) -> _Search:
        learn, held_out = (smooth_fields(part, order=HIGHEST) for part in data)
        return cls(data[0], learn, held_out, options, network, seed, still_directions(data[0]))

    def best(self) -> Choice | None:
        """The first choice that leaves nothing but noise; without one, the first as good as the best."""
        found: list[Choice] = []
        for choice in self._choices():
            found.append(choice)
            if suffices(choice, self.data):
                return choice
        best = min((choice.held_out_loss for choice in found), default=np.inf)
        return next((choice for choice in found if as_good(choice.held_out_loss, best)), None)

    def _choices(self) -> Iterator[Choice]:
        structures = DENSITY_STRUCTURES if self.options.structure == "auto" else (self.options.structure,)
        for structure in structures:
            for order in ORDERS:
                choice = self._choose(structure, order)
                if choice is not None:
                    yield choice

    def _choose(self, structure: str, order: int) -> Choice | None:
        space = JetSpace(self.data.fields, self.data.base)
        library = build_density_library(space, self.data.angles, structure, order=order, extra=self.options.given)
        fronts = self._fronts(library.take([k for k, term in enumerate(library.expressions) if self._is_seen(term)]))
        candidates = {name: front.chosen for name, front in fronts.items() if front.chosen is not None}
        if not candidates:
            return None
        losses = {name: self._loss(space, candidate) for name, candidate in candidates.items()}
        name = min(losses, key=lambda name: (not as_good(losses[name], min(losses.values())), name))
        candidate = candidates[name]
        evidence = {
            term: tuple(other for other, rival in candidates.items() if term in rival.terms)
            + (("user",) if term in self.options.given else ())
            for term in candidate.terms
        }
        return Choice(candidate, structure, fronts[name], evidence, losses[name])

    def _is_seen(self, term: sp.Expr) -> bool:
        """Whether the data can tell a term's coefficient, or the user wants it."""
        space = JetSpace(self.data.fields, self.data.base)
        symbols: Any = term.free_symbols
        keys = [key for symbol in symbols if (key := space.key(symbol))]
        return term in self.options.given or not any((i, mu) in self.still for i, index in keys for mu in index)

    def _fronts(self, library: DensityLibrary) -> dict[str, Front]:
        """What the network, where it can be asked, and the data choose from a library."""
        known = self.options.known
        keep = () if known is None else (library.expressions.index(sp.expand(known)),)
        fronts = {}
        if self.network is not None and library.order <= self.network.order:
            asked = density_network_evidence(library, self.network.points, self.network.target)
            fronts["network"] = select(asked, keep=keep)
        if self.options.evidence != "network":
            fronts["data"] = select(density_evidence(library, self.learn, seed=self.seed), keep=keep)
        return fronts

    def _loss(self, space: JetSpace, candidate: Candidate) -> float:
        return density_loss(candidate, space, self.held_out, seed=self.seed)


def suffices(choice: Choice, data: Lattice) -> bool:
    """Whether a choice leaves nothing of the fields that a richer density, or a network, could explain.

    Derivatives of a linear law obey it too, so that densities of higher order do as well, or a little better.
    """
    if choice.held_out_loss <= FLOOR:
        return True
    return choice.held_out_loss < PLAUSIBLE and leaves_noise(choice.candidate, data)


def density_loss(candidate: Candidate, space: JetSpace, smooth: Sequence[SmoothField], *, seed: int = 0) -> float:
    """A candidate's |weak E|^2 / |E off the shell|^2 on fields; infinite where it is not finite on them.

    Arguments:
        candidate: terms with coefficients.
        space: the fields and their base.
        smooth: differentiated fields (`smooth_fields`).
        seed: of the points off the shell.
    """
    library = DensityLibrary(space, tuple(Term(term, 0.0) for term in candidate.terms))
    loss = density_evidence(library, smooth, seed=seed).loss(candidate.coefficients)
    return loss if np.isfinite(loss) else float("inf")
