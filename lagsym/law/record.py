"""Law: what a discovery found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import cast

import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.codegen import generate
from lagsym.mechanics.dynamics.forms import accelerations
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.latex import to_latex
from lagsym.mechanics.notation.notebook import displayed
from lagsym.mechanics.notation.symbol_names import lagrangian_symbol
from lagsym.mechanics.system import parameter_symbol


def _running_version() -> str:
    try:
        return version("lagsym")
    except PackageNotFoundError:
        return "unknown"


@dataclass(frozen=True)
class Constant:
    """A constant of a law, in the units of the data.

    Arguments:
        name: as in the symbolic Lagrangian, e.g. `c1`; `d1` and so on in the dissipation; `<q>_0` where a coordinate q
            is measured from elsewhere than the law's zero.
        value: fitted value.
        standard_error: its standard error, or None where there is none.
        exact: a recognised closed form in text, such as "1/2" or "sqrt(2)", or None.
        unit: physical unit as text, such as "m/s**2", or None where it is not known.
    """

    name: str
    value: float
    standard_error: float | None = None
    exact: str | None = None
    unit: str | None = None


@dataclass(frozen=True)
class FrontEntry:
    """One candidate on the front of complexity against loss."""

    complexity: float
    loss: float
    lagrangian: str
    constants: tuple[float, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Law:
    """A Lagrangian with everything that is claimed about it.

    Arguments:
        coordinates: names of the coordinates, in the order of the data.
        lagrangian: the Lagrangian with named constants (`c1`, ...), or None where none explains the data.
        constants: value and error of every named constant, dissipation included.
        covariance: covariance matrix of the constants, in their order; empty where there is none.
        dissipation: the Rayleigh function D with its named constants (`d1`, ...), zero without friction.
        status: "recovered", "uncertain" or "not_lagrangian".
        verdict: comparison with a reference in words, or None without a reference.
        base: names of the base coordinates.
        angles: coordinates with period 2 pi.
        parameters: per-trajectory parameters, by name.
        structure: "natural", "gyroscopic", "separable", "free" or "weighted length".
        multipliers: dimension of the space of constant matrices S for which S E is still a variational form.
        scale: "free", or "fixed" where measured forces fix it.
        evidence: for each term of the Lagrangian, which evidence chose it: "network", "data", "energy", "user".
        scores: held_out_r2, weak_r2, rollout_error, energy_drift, fidelity_r2 and what else was measured.
        comparison: numbers of the comparison with the reference: scale, added F, residuals, chi-square.
        tests: tests behind the claims, e.g. the friction test with its significance, in words and numbers.
        front: candidates by complexity.
        units: of time, coordinates, measured forces (`force_<q>`) and parameters, by name; empty where not known.
        lagrangian_unit: unit of the Lagrangian, or None where it is not known; that of D is this over that of time.
        notices: what the user should know, one sentence each.
        seed: the seed that all random choices came from.
        seconds: time that each stage took.
        caps_hit: stages that were cut short by a cap on time.
        version: version of lagsym that found the law.
    """

    coordinates: tuple[str, ...]
    lagrangian: sp.Expr | None
    constants: tuple[Constant, ...] = ()
    covariance: tuple[tuple[float, ...], ...] = ()
    dissipation: sp.Expr = sp.S.Zero
    status: str = "recovered"
    verdict: str | None = None
    base: tuple[str, ...] = ("t",)
    angles: tuple[str, ...] = ()
    parameters: Mapping[str, float] = field(default_factory=dict)
    structure: str = "natural"
    multipliers: int = 1
    scale: str = "free"
    evidence: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    comparison: Mapping[str, float | str] = field(default_factory=dict)
    tests: Mapping[str, Mapping[str, float | str]] = field(default_factory=dict)
    front: tuple[FrontEntry, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    lagrangian_unit: str | None = None
    notices: tuple[str, ...] = ()
    seed: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    caps_hit: tuple[str, ...] = ()
    version: str = field(default_factory=_running_version)

    @property
    def space(self) -> JetSpace:
        """The jet space that the Lagrangian is written in."""
        return JetSpace(self.coordinates, self.base)

    @property
    def values(self) -> dict[sp.Symbol, sp.Float]:
        """The constants as a substitution."""
        return {parameter_symbol(c.name): sp.Float(c.value, 17) for c in self.constants}

    @property
    def numeric_lagrangian(self) -> sp.Expr | None:
        """The Lagrangian with the constants' numbers put in."""
        return None if self.lagrangian is None else cast("sp.Expr", self.lagrangian.xreplace(self.values))

    @property
    def numeric_dissipation(self) -> sp.Expr:
        """The Rayleigh function with the constants' numbers put in."""
        return cast("sp.Expr", self.dissipation.xreplace(self.values))

    @property
    def numeric_accelerations(self) -> dict[sp.Symbol, sp.Expr]:
        """The solved equations of motion, friction included; empty where M cannot be inverted or there is no law.

        E - dD/dv = 0, solved for the accelerations
        """
        space = self.space
        if self.lagrangian is None or len(self.base) > 1:
            return {}
        try:
            solved = accelerations(self.lagrangian, space, dissipation=self.dissipation)
        except InputError:
            return {}
        return {a: value.xreplace(self.values) for a, value in zip(space.accelerations, solved.flat(), strict=True)}

    def _repr_latex_(self) -> str:
        """The Lagrangian, with the digits that the errors of its constants support, and the friction."""
        if self.lagrangian is None:
            return r"$$\text{no Lagrangian explains the data}$$"
        constants = {parameter_symbol(c.name): (c.value, c.standard_error) for c in self.constants}
        rows = [(lagrangian_symbol(self.space), to_latex(self.lagrangian, self.space, constants=constants))]
        if self.dissipation != 0:
            rows.append(("D", to_latex(self.dissipation, self.space, constants=constants)))
        return displayed(rows)

    def code(self, language: str, *, name: str = "law") -> str:
        """The law as source text of another language; see `lagsym.mechanics.codegen.generate`.

        Arguments:
            language: "numpy", "torch", "c", "julia", "modelica" or "script".
            name: what the functions are called after.

        Raises:
            InputError: there is no Lagrangian, or it cannot be written in that language.
        """
        if self.lagrangian is None:
            msg = "expected a law with a Lagrangian, but none explains the data; there is nothing to write"
            raise InputError(msg)
        constants = {parameter_symbol(c.name): c.value for c in self.constants}
        constants |= {parameter_symbol(key): value for key, value in self.parameters.items()}
        return generate(
            self.lagrangian, self.space, language, name=name, dissipation=self.dissipation, constants=constants
        )
