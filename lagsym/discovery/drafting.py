"""Drafting: a choice of terms and its settled constants, written down as a law."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lagsym.data.samples import Sampled
from lagsym.data.units import UnitSpace
from lagsym.discovery.journal import Journal
from lagsym.distillation.constants.known_quantities import Quantity, QuantityNames
from lagsym.distillation.constants.naming import can_be_named, name_constant
from lagsym.distillation.constants.settling import Settled
from lagsym.distillation.options import Choice
from lagsym.distillation.selection.candidates import Candidate
from lagsym.law import Constant, FrontEntry, Law
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.parsing import to_text

OF = "the unit of "
"""Before the names of constants, which columns do not have."""


def draft(
    selected: Choice,
    settled: Settled,
    space: JetSpace,
    journal: Journal,
    *,
    angles: frozenset[str] = frozenset(),
    known: bool = False,
) -> Law:
    """The law with all that is known of it before the held-out data have spoken.

    Arguments:
        selected: the choice of terms.
        settled: its constants and the friction beside it.
        space: the coordinates or fields, and their base.
        journal: takes what the user should know of the fit.
        angles: coordinates with period 2 pi.
        known: whether a known part set the scale.
    """
    refined = settled.refined
    if refined is None and settled.constants:
        journal.notices.append("The constants could not be refined by integration; they are those of the selection.")
    if refined is not None and not refined.converged:
        journal.caps.append("refine")
    if settled.dropped:
        journal.notices.append(
            f"Selected but dropped, as the fit of the motion could not tell their coefficients from zero: "
            f"{', '.join(to_text(term) for term in settled.dropped)}."
        )
    errors = [None] * len(settled.constants) if refined is None else [float(e) for e in refined.standard_errors]
    evidence = {
        to_text(c * term): selected.evidence[origin]
        for (c, term), origin in zip(settled.terms, settled.origins, strict=True)
    }
    evidence |= {to_text(d * term): settled.witnesses[term] for d, term in settled.friction}
    fixed = known or selected.candidate.fixed
    return Law(
        coordinates=space.fields,
        base=space.base,
        lagrangian=settled.lagrangian,
        constants=tuple(
            Constant(symbol.name, float(value), error)
            for symbol, value, error in zip(settled.constants, settled.values, errors, strict=True)
        ),
        covariance=() if refined is None else tuple(tuple(map(float, row)) for row in refined.covariance),
        dissipation=settled.dissipation,
        angles=tuple(name for name in space.fields if name in angles),
        structure=selected.structure,
        scale="fixed" if fixed else "free",
        evidence=evidence,
        tests={
            "friction": settled.test,
            "stability": {to_text(term): share for term, share in selected.stability.items()},
        },
        front=tuple(front_entry(entry) for entry in selected.front.candidates),
    )


def name_constants(law: Law) -> Law:
    """The law with closed forms of its constants, in numbers or in the parameters of the motion that are known."""
    texts = {name: unit for name, unit in law.units.items() if unit}
    texts |= {f"{OF}{c.name}": c.unit for c in law.constants if texts and c.unit}
    dimensions = UnitSpace.of(texts).vectors()
    known = QuantityNames.of([Quantity(name, value, dimensions.get(name)) for name, value in law.parameters.items()])

    def named(constant: Constant) -> Constant:
        value, error = constant.value, constant.standard_error
        if not can_be_named(value, error):
            return constant
        assert error is not None
        further = known.near(value, error, dimensions.get(f"{OF}{constant.name}"))
        return replace(constant, exact=name_constant(value, error, among=len(law.constants), further=further))

    return replace(law, constants=tuple(map(named, law.constants)))


def middle_ranges(smooth: Sampled) -> dict[str, tuple[float, float]]:
    """The middle of what the data cover, for every coordinate and velocity."""
    jets = smooth.jets()
    names = [*smooth.coordinates, *(f"{name}_dot" for name in smooth.coordinates)]
    low, high = np.quantile(np.concatenate([jets.q, jets.v], axis=1), [0.1, 0.9], axis=0)
    return {name: (float(a), float(b)) for name, a, b in zip(names, low, high, strict=True) if a < b}


def front_entry(candidate: Candidate) -> FrontEntry:
    """A candidate as an entry of a law's front."""
    constants = tuple(float(c) for c in candidate.coefficients)
    return FrontEntry(candidate.complexity, candidate.loss, to_text(candidate.lagrangian), constants, candidate.scores)
