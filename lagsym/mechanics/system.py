"""System: a mechanical system or field written as a Lagrangian."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.jetspace import JetSpace


@dataclass(frozen=True)
class Region:
    """Where a field is simulated, the same along every direction of space.

    Arguments:
        length: of each direction, in its units.
        sites: along each direction.
        periodic: whether space closes on itself; otherwise the fields are given at its ends.
        modes: the shortest wave of the initial conditions fits that often into the length, twice without ends.
        runs: how many initial conditions.

    Raises:
        InputError: a number is out of its range.
    """

    length: float = 20.0
    sites: int = 128
    periodic: bool = True
    modes: int = 4
    runs: int = 6

    def __post_init__(self) -> None:
        fits = 0 < self.length < math.inf and self.runs >= 1 and 1 <= self.modes < self.sites / 4
        if not fits:
            msg = (
                "expected a positive finite length, one run or more and more than four sites for each mode, got "
                f"{self.length} with {self.sites} sites, {self.modes} modes and {self.runs} runs"
            )
            raise InputError(msg)


@dataclass(frozen=True)
class System:
    """A Lagrangian with all that is needed to derive, simulate and check it.

    Arguments:
        name: short name, as in the catalogue.
        space: the jet space of the coordinates.
        lagrangian: the Lagrangian (density) over that space and the parameters.
        parameters: default value of every parameter, in the units that `source` uses.
        ranges: for each coordinate `q` and velocity `q_dot`, the interval of safe initial conditions; a field's may
            name its derivatives along space as well.
        parameter_ranges: for each parameter, the interval that random draws come from.
        angles: coordinates with period 2 pi.
        dissipation: the Rayleigh function D(q, v) in E + Q - dD/dv = 0.
        forces: generalised forces Q(t, q, v) by coordinate, where no Lagrangian gives them.
        conserved: quantities that stay constant along every motion, by what they are called.
        no_lagrangian: the proof that no Lagrangian at all gives these accelerations; empty where one does.
        span: default length of a simulated trajectory, in units of time.
        step: default sampling interval.
        region: default sites in space and initial conditions of a field.
        title: one line for listings.
        source: where the formula can be looked up.

    Raises:
        InputError: the Lagrangian holds a symbol that is neither a coordinate nor a parameter.
    """

    name: str
    space: JetSpace
    lagrangian: sp.Expr
    parameters: Mapping[str, float] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    parameter_ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    angles: frozenset[str] = frozenset()
    dissipation: sp.Expr = sp.S.Zero
    forces: Mapping[str, sp.Expr] = field(default_factory=dict)
    conserved: Mapping[str, sp.Expr] = field(default_factory=dict)
    no_lagrangian: str = ""
    span: float = 10.0
    step: float = 0.02
    region: Region = field(default_factory=Region)
    title: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        known = set(self.space.names) | set(self.parameters)
        parts = (self.lagrangian, self.dissipation, *self.forces.values(), *self.conserved.values())
        free: Any = {symbol for part in parts for symbol in part.free_symbols}
        unknown = sorted({symbol.name for symbol in free if symbol.name not in known})
        if unknown:
            msg = f"{self.name}: {', '.join(unknown)} in the Lagrangian is neither a coordinate nor a parameter"
            raise InputError(msg)

    @property
    def domain(self) -> dict[str, tuple[float, float]]:
        """Where the Lagrangian is defined: the intervals of coordinates, velocities and parameters."""
        return {**self.parameter_ranges, **self.ranges}

    @cached_property
    def values(self) -> dict[sp.Symbol, sp.Float]:
        """Parameters as a substitution."""
        return {parameter_symbol(name): sp.Float(value, 17) for name, value in self.parameters.items()}

    @cached_property
    def numeric_lagrangian(self) -> sp.Expr:
        """The Lagrangian with the parameters' numbers put in."""
        return self._numeric(self.lagrangian)

    @cached_property
    def numeric_dissipation(self) -> sp.Expr:
        """The Rayleigh function with the parameters' numbers put in."""
        return self._numeric(self.dissipation)

    @cached_property
    def numeric_forces(self) -> dict[str, sp.Expr]:
        """The generalised forces with the parameters' numbers put in."""
        return {name: self._numeric(force) for name, force in self.forces.items()}

    def with_parameters(self, values: Mapping[str, float]) -> System:
        """The same system with other numbers for some of its parameters.

        Raises:
            InputError: a name is not a parameter of this system.
        """
        unknown = sorted(set(values) - set(self.parameters))
        if unknown:
            msg = f"{self.name} has the parameters {', '.join(self.parameters)}; got {', '.join(unknown)}"
            raise InputError(msg)
        return replace(self, parameters={**self.parameters, **values})

    def _repr_latex_(self) -> str:
        from lagsym.mechanics.notation.notebook import system_latex  # which imports this module

        return system_latex(self)

    def _numeric(self, expression: sp.Expr) -> Any:
        return expression.xreplace(self.values)


def parameter_symbol(name: str) -> sp.Symbol:
    """The symbol of a parameter or constant: real, as everything in a Lagrangian is."""
    return sp.Symbol(name, real=True)
