"""Equations of motion as source text of other languages."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import jinja2
import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.algebra.linear_solve import pivot_order
from lagsym.mechanics.codegen.languages import Language, find_language
from lagsym.mechanics.codegen.names import safe_name, safe_symbols
from lagsym.mechanics.codegen.numbers import plain_formula
from lagsym.mechanics.codegen.program import Program
from lagsym.mechanics.dynamics.forms import Forces, applied_forces, energy, force_vector, mass_matrix, power
from lagsym.mechanics.dynamics.numeric import check_symbols
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.parsing import to_text

WIDTH = 110
"""Longest line of a comment, where formulas can be broken."""
Values = Mapping[sp.Symbol, float]
Renaming = dict[sp.Symbol, sp.Symbol]


@dataclass(frozen=True)
class _Parts:
    """What the motion comes from, as SymPy expressions."""

    lagrangian: Any
    dissipation: Any
    forces: dict[str, Any]

    def named(self) -> Iterator[tuple[str, Any]]:
        """Every part that is there, by its letter."""
        yield "L", self.lagrangian
        if self.dissipation != 0:
            yield "D", self.dissipation
        yield from ((f"Q[{coordinate}]", force) for coordinate, force in self.forces.items())


def generate(
    lagrangian: sp.Expr,
    space: JetSpace,
    language: str,
    *,
    name: str = "motion",
    dissipation: sp.Expr | int = 0,
    forces: Forces | None = None,
    constants: Values | None = None,
) -> str:
    """Write a particle's equations of motion as source text: mass matrix, force, accelerations, energy and power.

    M a = f + Q - dD/dv,  h = v . dL/dv - L,  dh/dt = v . (Q - dD/dv) - dL/dt

    `numpy`, `torch`, `c` and `julia` give functions of (t, q, v, parameters), those of `torch` differentiable;
    `modelica` gives a model, `script` a Python program that integrates the motion and checks its energy.  Names that a
    language cannot take are changed, and a comment says how.  The derivative of a jump of sign(x) is left out.

    Arguments:
        lagrangian: the Lagrangian; every symbol is time, a coordinate, a velocity or one of `constants`.
        space: the jet space that it is written in.
        language: one of `LANGUAGES`.
        name: what the functions, the module or the model are called after.
        dissipation: the Rayleigh function D(q, v).
        forces: the generalised forces Q(t, q, v) by coordinate.
        constants: symbols that become parameters, with their default values.

    Raises:
        InputError: the Lagrangian is a field's, a symbol has no value, a function is none of those of formulas, or the
            mass matrix is singular everywhere.

    >>> space = JetSpace(("x",))
    >>> (x,), (v,) = space.positions, space.velocities
    >>> text = generate(v**2 / 2 - x**4 / 4, space, "modelica", name="quartic")
    >>> [line for line in text.splitlines() if "force_1" in line]
    ['  Real force_1;', '  force_1 = -x^3;', '  mass_1_1*der(x_dot) = force_1;']
    """
    target, values = find_language(language), dict(constants or {})
    parts = _Parts(
        sp.sympify(lagrangian), sp.sympify(dissipation), {k: sp.sympify(q) for k, q in (forces or {}).items()}
    )
    _check(parts, space, values)
    title = safe_name(name)
    names = _names(space, values, target, title)
    program = Program(
        name=title,
        header=tuple(_header(title, parts, names)),
        time=names[space.base_symbols[0]],
        positions=tuple(names[symbol] for symbol in space.positions),
        velocities=tuple(names[symbol] for symbol in space.velocities),
        parameters={names[symbol]: float(value) for symbol, value in values.items()},
        taken=target.taken | {title, *(symbol.name for symbol in names.values())},
        **_formulas(parts, space, names),
    )
    template = _environment().get_template(target.template)
    return template.render(program=program, code=target.printer.doprint, comment=target.comment, **program.routines)


def _check(parts: _Parts, space: JetSpace, values: Values) -> None:
    free: Any = {symbol for _, part in parts.named() for symbol in part.free_symbols}
    moving = (*space.base_symbols, *space.positions, *space.velocities)
    check_symbols(free, (*moving, *values), space)
    twice = sorted(str(symbol) for symbol in set(moving) & set(values))
    if twice:
        msg = f"expected constants that are neither time nor coordinates nor velocities; got {', '.join(twice)}"
        raise InputError(msg)
    unusable = [f"{symbol} = {value}" for symbol, value in values.items() if not math.isfinite(value)]
    if unusable:
        msg = f"expected a finite number for every constant; got {', '.join(unusable)}"
        raise InputError(msg)


def _names(space: JetSpace, values: Values, target: Language, title: str) -> Renaming:
    """What every symbol is called in the language."""
    time, taken = space.base_symbols[0], target.taken | {title}
    if target.time:
        others = safe_symbols((*space.positions, *space.velocities, *values), taken)
        return {time: sp.Symbol(target.time, real=True)} | others
    return safe_symbols((time, *space.positions, *space.velocities, *values), taken)


def _formulas(parts: _Parts, space: JetSpace, names: Renaming) -> dict[str, Any]:
    """M, f, energy and power in the language's symbols."""
    lagrangian, applied = parts.lagrangian, {"dissipation": parts.dissipation, "forces": parts.forces}

    def written(expression: Any) -> Any:
        return plain_formula(expression).xreplace(names)

    mass = mass_matrix(lagrangian, space).applyfunc(written)
    pivot_order(mass, space.accelerations)  # refuses a singular matrix
    return {
        "mass": mass,
        "force": (force_vector(lagrangian, space) + applied_forces(space, **applied)).applyfunc(written),
        "energy": written(energy(lagrangian, space)),
        "power": written(power(lagrangian, space, **applied)),
    }


def _header(title: str, parts: _Parts, names: Renaming) -> Iterator[str]:
    yield f"{title}: equations of motion M a = f of a Lagrangian L, with energy and power."
    yield ""
    for letter, part in parts.named():
        formula = f"{letter} = {to_text(part.xreplace(names))}"
        yield from textwrap.wrap(formula, WIDTH, subsequent_indent="    ", break_long_words=False)
    for symbol, new in names.items():
        if symbol.name != new.name:
            yield f"{new.name} stands for {symbol.name!a}."
    yield ""
    yield f"Written by lagsym {_version()}."


def _version() -> str:
    try:
        return version("lagsym")
    except PackageNotFoundError:
        return "(unknown version)"


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("lagsym.mechanics.codegen"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # the texts are programs; every name in them is safe already
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
