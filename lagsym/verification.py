"""Verification: a found law against a reference, up to everything that cannot matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lagsym.errors import InputError
from lagsym.law import Law
from lagsym.mechanics.gauge import compare
from lagsym.mechanics.parsing import to_text
from lagsym.mechanics.system import System, parameter_symbol
from lagsym.mechanics.verdict import Verdict


def verify_law(law: Law, reference: System) -> Verdict:
    """Compare a law with a reference; its constants are judged jointly with their errors.

    Arguments:
        law: a law with a Lagrangian.
        reference: a system with the same coordinates, in any order.

    Raises:
        InputError: the law has no Lagrangian, or the coordinates are others.
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
    return compare(
        law.lagrangian,
        reference.numeric_lagrangian,
        law.space,
        constants={parameter_symbol(c.name): c.value for c in law.constants},
        covariance=np.array(law.covariance) if law.covariance else None,
        dissipations=(law.dissipation, reference.numeric_dissipation),
        points=reference.ranges or None,
    )


def with_verdict(law: Law, verdict: Verdict) -> Law:
    """The law with the verdict and the numbers behind it."""
    numbers: dict[str, float | str] = {"sentence": verdict.sentence, "method": verdict.method}
    if verdict.scale is not None:
        numbers["scale"] = float(verdict.scale)
    if verdict.added is not None:
        numbers["added"] = to_text(verdict.added)
    for name in (
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
