"""Verdict: what a comparison of two Lagrangians found, in numbers and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy as sp

IDENTICAL = "identical"
GAUGE_EQUIVALENT = "gauge-equivalent"
SAME_DYNAMICS = "same dynamics"
DIFFERENT = "different"


@dataclass(frozen=True)
class Verdict:
    """The relation of a candidate Lagrangian to a reference.

    Arguments:
        kind: "identical", "gauge-equivalent", "same dynamics" or "different".
        scale: the c in candidate = c reference + dF/dt + constant, or None where there is none.
        added: the F that was added; 0 where nothing was, None where it has no closed form that was found.
        residual: relative off-shell residual of E[candidate] - c E[reference], as it stands.
        structure_residual: the same after refitting the candidate's constants; None where it has none.
        acceleration_residual: relative residual of the accelerations, or None where gauge equivalence settled it.
        multiplier: the constant matrix S with E[candidate] = S E[reference], by rows, where there is one.
        chi_square: squared deviation of the constants from the reference in standard errors, or None.
        degrees_of_freedom: of `chi_square`.
        p_value: probability of a larger `chi_square` by chance.
        refitted: the constants with which the candidate would match the reference.
        worst_constant: name of the constant that deviates most, or None.
        worst_deviation: its deviation, in standard errors where they are known, else relative.
        equation: for "different", the coordinate whose equation differs.
        point: a point where it differs, by the symbols' names, and the two sides there.
        method: how it was decided.
        sentence: the verdict in words.
    """

    kind: str
    sentence: str
    method: str
    scale: sp.Expr | None = None
    added: sp.Expr | None = None
    residual: float = float("nan")
    structure_residual: float | None = None
    acceleration_residual: float | None = None
    multiplier: tuple[tuple[float, ...], ...] | None = None
    chi_square: float | None = None
    degrees_of_freedom: int | None = None
    p_value: float | None = None
    refitted: Mapping[str, float] = field(default_factory=dict)
    worst_constant: str | None = None
    worst_deviation: float | None = None
    equation: str | None = None
    point: Mapping[str, float] = field(default_factory=dict)

    @property
    def success(self) -> bool:
        """Whether the candidate is the reference's Lagrangian, up to what cannot matter."""
        return self.kind in (IDENTICAL, GAUGE_EQUIVALENT)

    def __str__(self) -> str:
        return self.sentence
