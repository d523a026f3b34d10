"""Verdict: what a comparison of two Lagrangians found, in numbers and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from lagsym.mechanics.jetspace import JetSpace

IDENTICAL = "identical"
GAUGE_EQUIVALENT = "gauge-equivalent"
SAME_DYNAMICS = "same dynamics"
DIFFERENT = "different"

SYMBOLIC = "symbolic"
RANDOM_POINTS = "random points"


@dataclass(frozen=True)
class Verdict:
    """The relation of a candidate Lagrangian to a reference.

    Arguments:
        kind: "identical", "gauge-equivalent", "same dynamics" or "different".
        scale: the c in candidate = c reference + D_mu F^mu + constant, or None where there is none.
        divergence: the components F^mu that were added, by base coordinate; 0 where nothing was, None where no closed
            form was found.
        certificate: what `scale` and `divergence` rest on: "symbolic" where candidate - c reference - D_mu F^mu expands
            to a constant exactly, "random points" where it is a test at random points alone; None without a scale.
        residual: relative off-shell residual of E[candidate] - c E[reference], as it stands.
        structure_residual: the same after refitting the candidate's constants; None where it has none.
        acceleration_residual: relative residual of the accelerations (or what else the equations are solved for), or
            None where gauge equivalence settled it.
        multiplier: the constant matrix S with E[candidate] = S E[reference], by rows, where there is one.
        chi_square: squared deviation of the constants from the reference in standard errors, or None.
        degrees_of_freedom: of `chi_square`.
        p_value: probability of a larger `chi_square` by chance.
        refitted: the constants with which the candidate would match the reference.
        worst_constant: name of the constant that deviates most, or None.
        worst_deviation: its deviation, in standard errors where they are known, else relative.
        space: the jet space that both Lagrangians are written in.
        equation: for "different", the coordinate whose equation differs.
        point: a point where it differs, by the symbols' names, and the two sides there.
        method: how it was decided.
        sentence: the verdict in words.
    """

    kind: str
    sentence: str
    method: str
    scale: sp.Expr | None = None
    divergence: Mapping[str, sp.Expr] | None = None
    certificate: str | None = None
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
    space: JetSpace | None = None
    equation: str | None = None
    point: Mapping[str, float] = field(default_factory=dict)

    @property
    def success(self) -> bool:
        """Whether the candidate is the reference's Lagrangian, up to what cannot matter."""
        return self.kind in (IDENTICAL, GAUGE_EQUIVALENT)

    @property
    def added(self) -> Any:
        """The F that was added: one expression for a particle, the tuple of components F^mu for a field, or None."""
        if self.divergence is None:
            return None
        components = tuple(self.divergence.values())
        return components[0] if len(components) == 1 else components

    def _repr_latex_(self) -> str:
        from lagsym.mechanics.notation.notebook import verdict_latex  # which imports this module

        return verdict_latex(self)

    def __str__(self) -> str:
        return self.sentence
