"""Verification: a found law against a reference, up to everything that cannot matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lagsym.errors import InputError
from lagsym.law import Law
from lagsym.mechanics.dynamics.forms import applied_forces
from lagsym.mechanics.equivalence.gauge import compare
from lagsym.mechanics.equivalence.verdict import Verdict
from lagsym.mechanics.notation.parsing import to_text
from lagsym.mechanics.system import System, parameter_symbol


def verify_law(law: Law, reference: System) -> Verdict:
    """Compare a law with a reference, forces included; the law's constants are judged jointly with their errors.

    Arguments:
        law: a law with a Lagrangian.
        reference: a system with the same coordinates, in any order.

    Raises:
        InputError: the law has no Lagrangian, or the coordinates or the base are others.
    """
    if law.lagrangian is None:
        msg = "the law holds no Lagrangian (none explained the data), so there is nothing to compare"
        raise InputError(msg)
    if set(law.coordinates) != set(reference.space.fields):
        msg = (
            f"the law's coordinates are {', '.join(law.coordinates)}, those of {reference.name} are "
            f"{', '.join(reference.space.fields)}; compare with a system in the same coordinates"
        )
        raise InputError(msg)
    if law.base != reference.space.base:
        msg = (
            f"the law is over ({', '.join(law.base)}), {reference.name} over ({', '.join(reference.space.base)}); "
            "compare with a system over the same base"
        )
        raise InputError(msg)
    theirs = applied_forces(law.space, reference.numeric_dissipation, reference.numeric_forces)
    return compare(
        law.lagrangian,
        reference.numeric_lagrangian,
        law.space,
        constants={parameter_symbol(c.name): c.value for c in law.constants},
        covariance=np.array(law.covariance) if law.covariance else None,
        applied=(applied_forces(law.space, law.dissipation), theirs),
        points=reference.ranges or None,
    )


def with_verdict(law: Law, verdict: Verdict) -> Law:
    """The law with the verdict and the numbers behind it."""
    numbers: dict[str, float | str] = {"sentence": verdict.sentence, "method": verdict.method}
    if verdict.scale is not None:
        numbers["scale"] = float(verdict.scale)
    if verdict.divergence is not None:
        numbers["added"] = _added_text(verdict)
    for name in (
        "certificate",
        "residual",
        "structure_residual",
        "acceleration_residual",
        "chi_square",
        "degrees_of_freedom",
        "p_value",
        "worst_constant",
        "worst_deviation",
    ):
        value = getattr(verdict, name)
        if value is not None and value == value:
            numbers[name] = value
    return replace(law, verdict=verdict.kind, comparison=numbers)


def _added_text(verdict: Verdict) -> str:
    """F of a particle; the components of a field by base coordinate, as `t: u*w_x; x: -u*w_t`."""
    parts = {name: to_text(part) for name, part in (verdict.divergence or {}).items()}
    if len(parts) == 1:
        return "".join(parts.values())
    return "; ".join(f"{name}: {text}" for name, text in parts.items())
