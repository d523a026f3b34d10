"""A derivation in plain text: Lagrangian, equations of motion, momenta, energy, what is conserved."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.dynamics.forms import canonical_momenta, energy
from lagsym.mechanics.dynamics.motion import equations_of_motion, solve_motion, solved_accelerations
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.parsing import to_text
from lagsym.mechanics.notation.textbook import textbook_equation, textbook_form
from lagsym.mechanics.symmetry.noether import Symmetry, symmetries
from lagsym.mechanics.system import System

CLOSED = 2
"""Up to this many coordinates the accelerations are printed as closed formulas; beyond, by intermediate results."""


def derivation_text(system: System) -> str:
    """What follows from a system's Lagrangian, in the notation that formulas are read in.

    >>> from lagsym.mechanics.jetspace import JetSpace
    >>> space = JetSpace(("x",))
    >>> (x,), (v,) = space.positions, space.velocities
    >>> print(derivation_text(System("oscillator", space, (v**2 - x**2) / 2)))
    L = -x**2/2 + x_dot**2/2
    <BLANKLINE>
    Equations of motion
      x + x_ddot = 0
    <BLANKLINE>
    Solved
      x_ddot = -x
    <BLANKLINE>
    Canonical momenta
      p_x = x_dot
    <BLANKLINE>
    Energy
      x**2/2 + x_dot**2/2
    <BLANKLINE>
    Symmetries and what they conserve
      time translation: the energy
    """
    sections = [_definition(system), *(f"{title}\n{_indented(lines)}" for title, lines in _sections(system) if lines)]
    return "\n\n".join(sections)


def _indented(lines: list[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)


def _definition(system: System) -> str:
    lines = [f"L = {to_text(system.lagrangian)}"]
    if system.dissipation != 0:
        lines.append(f"D = {to_text(system.dissipation)}")
    lines += [f"Q[{name}] = {to_text(force)}" for name, force in system.forces.items()]
    return "\n".join(lines)


def _sections(system: System) -> Iterator[tuple[str, list[str]]]:
    space, lagrangian = system.space, system.lagrangian
    equations = equations_of_motion(lagrangian, space, dissipation=system.dissipation, forces=system.forces)
    sides = (textbook_equation(equation, space) for equation in equations.flat())
    yield "Equations of motion", [f"{to_text(side)} = 0" for side in sides]
    yield "Solved", _solved(system)
    momenta = canonical_momenta(lagrangian, space)
    conjugate = [symbol for k in range(len(momenta) // len(space.fields)) for symbol in space.derivatives(*[0] * k)]
    letter = "p" if len(space.base) == 1 else "pi"
    yield "Canonical momenta", [f"{letter}_{q} = {_shown(p, space)}" for q, p in zip(conjugate, momenta, strict=True)]
    total = energy(lagrangian, space)
    yield "Energy" if len(space.base) == 1 else "Energy density", [_shown(total, space)]
    found = symmetries(
        lagrangian, space, dissipation=system.dissipation, forces=system.forces, points=system.domain or None
    )
    yield "Symmetries and what they conserve", [_conserved(symmetry, total) for symmetry in found]
    yield "No Lagrangian gives this motion", [system.no_lagrangian] if system.no_lagrangian else []


def _shown(expression: sp.Expr, space: JetSpace) -> str:
    return to_text(textbook_form(expression, space))


def _conserved(symmetry: Symmetry, total: sp.Expr) -> str:
    if symmetry.current is None:
        return f"{symmetry.name}: no closed form was found"
    if len(symmetry.current) == 1 and sp.expand(symmetry.current[0] - total) == 0:
        return f"{symmetry.name}: the energy"
    return f"{symmetry.name}: {', '.join(_shown(component, symmetry.space) for component in symmetry.current)}"


def _solved(system: System) -> list[str]:
    """The highest derivatives by time; nothing where the equations do not give them."""
    space, applied = system.space, {"dissipation": system.dissipation, "forces": system.forces}
    try:
        if len(space.base) > 1 or space.order(system.lagrangian) > 1 or len(space.fields) <= CLOSED:
            closed = solve_motion(system.lagrangian, space, **applied)
            return [f"{symbol} = {_shown(value, space)}" for symbol, value in closed.items()]
        steps, solution = solved_accelerations(system.lagrangian, space, **applied)
    except InputError:
        return []
    named = [*steps, *zip(space.accelerations, solution, strict=True)]
    return [f"{symbol} = {to_text(value)}" for symbol, value in named]
