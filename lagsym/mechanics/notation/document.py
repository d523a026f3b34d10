r"""A derivation as a LaTeX document of its own: Lagrangian, momenta, energy, equations of motion, what is conserved."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy as sp

from lagsym.mechanics.dynamics.forms import canonical_momenta, energy, power
from lagsym.mechanics.notation.escaping import latex_text
from lagsym.mechanics.notation.latex import equations_latex, to_latex
from lagsym.mechanics.notation.notebook import aligned_rows
from lagsym.mechanics.notation.symbol_names import lagrangian_symbol
from lagsym.mechanics.notation.textbook import textbook_form
from lagsym.mechanics.system import System, parameter_symbol

Quantities = Iterable[tuple[str, sp.Expr]]
"""Conserved quantities by what they are called."""

_PREAMBLE = r"""\documentclass[11pt]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage{amsmath}
\setlength{\textwidth}{450pt}
\setlength{\oddsidemargin}{1pt}
\setlength{\topmargin}{-20pt}
\setlength{\textheight}{640pt}
\allowdisplaybreaks
\begin{document}
"""


def derivation_tex(system: System, conserved: Quantities | None = None) -> str:
    r"""A document that derives the motion of a system; it needs nothing but amsmath.

    Arguments:
        system: what is derived.
        conserved: conserved quantities (for a field, densities) by name; those that the system lists, if not given.

    >>> from lagsym.mechanics.jetspace import JetSpace
    >>> space = JetSpace(("x",))
    >>> (x,), (v,) = space.positions, space.velocities
    >>> print(derivation_tex(System("oscillator", space, (v**2 - x**2) / 2, title="Oscillator")).count("align"))
    8
    """
    quantities = system.conserved.items() if conserved is None else conserved
    sections = [
        _lagrangian(system),
        _motion(system),
        _momenta(system),
        _energy(system),
        _conserved(system, list(quantities)),
        rf"\paragraph{{Source.}} {latex_text(_capitalised(system.source))}." if system.source else "",
    ]
    title = rf"\begin{{center}}\Large {latex_text(system.title or system.name)}\end{{center}}"
    return _PREAMBLE + "\n\n".join(filter(None, [title, *sections])) + "\n\\end{document}\n"


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _equations(system: System) -> tuple[str, ...]:
    return equations_latex(system.lagrangian, system.space, dissipation=system.dissipation, forces=system.forces)


def _display(formulas: Iterable[tuple[str, str]], *, numbered: bool = False) -> str:
    """Formulas as left side and right side, each broken into lines, under one another."""
    newline = " \\notag \\\\\n" if numbered else " \\\\\n"
    blocks = [newline.join(aligned_rows(left, right)) for left, right in formulas]
    name = "align" if numbered else "align*"
    return f"\\begin{{{name}}}\n" + " \\\\[4pt]\n".join(blocks) + f"\n\\end{{{name}}}"


def _lagrangian(system: System) -> str:
    space = system.space
    kind = "coordinate" if len(space.base) == 1 else "field"
    plural = "s" if len(space.fields) > 1 else ""
    what = "Lagrangian" if len(space.base) == 1 else "Lagrangian density"
    text = rf"With the {kind}{plural} {_listed(space.positions, system)}"
    parameters = [parameter_symbol(name) for name in system.parameters]
    text += f" and the parameters {_listed(parameters, system)}" if parameters else ""
    lines = [
        rf"\paragraph{{{what}.}} {text},",
        _display([(lagrangian_symbol(system.space), to_latex(system.lagrangian, space))]),
    ]
    if system.dissipation != 0:
        lines += [r"Friction has the Rayleigh function", _display([("D", to_latex(system.dissipation, space))])]
    if system.forces:
        forces = [(rf"Q_{{{name}}}", to_latex(force, space)) for name, force in _named_forces(system)]
        lines += [r"Besides, there are the generalised forces", _display(forces)]
    return "\n".join(lines)


def _named_forces(system: System) -> list[tuple[str, sp.Expr]]:
    symbols = dict(zip(system.space.fields, system.space.positions, strict=True))
    return [(to_latex(symbols[name], system.space), force) for name, force in system.forces.items()]


def _listed(symbols: Iterable[sp.Symbol], system: System) -> str:
    shown = [f"${to_latex(symbol, system.space)}$" for symbol in symbols]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _motion(system: System) -> str:
    several = len(system.space.fields) > 1
    name = "Equations of motion" if several else "Equation of motion"
    return f"\\paragraph{{{name}.}}\n" + _display([("", equation) for equation in _equations(system)], numbered=True)


def _momenta(system: System) -> str:
    space = system.space
    momenta = canonical_momenta(system.lagrangian, space)
    particle = len(space.base) == 1
    conjugate = [symbol for k in range(len(momenta) // len(space.fields)) for symbol in space.derivatives(*[0] * k)]
    letter = "p" if particle else r"\pi"
    formulas = [
        (rf"{letter}_{{{to_latex(symbol, space)}}}", to_latex(momentum, space))
        for symbol, momentum in zip(conjugate, momenta, strict=True)
    ]
    name = ("Canonical moment" if particle else "Canonical momentum densit") + _ending(particle, len(momenta))
    return f"\\paragraph{{{name}.}}\n" + _display(formulas)


def _ending(particle: bool, count: int) -> str:
    return {(True, True): "a", (True, False): "um", (False, True): "ies", (False, False): "y"}[particle, count > 1]


def _energy(system: System) -> str:
    space = system.space
    particle = len(space.base) == 1
    symbol = "E" if particle else r"\mathcal{E}"
    lines = [
        rf"\paragraph{{{'Energy' if particle else 'Energy density'}.}}",
        _display([(symbol, to_latex(energy(system.lagrangian, space), space))]),
    ]
    change: Any = power(system.lagrangian, space, dissipation=system.dissipation, forces=system.forces)
    change = textbook_form(change, space)
    if particle and change == 0:
        lines.append("It is conserved.")
    elif particle:
        lines += ["It changes along the motion by", _display([(r"\dot{E}", to_latex(change, space))])]
    return "\n".join(lines)


def _conserved(system: System, quantities: list[tuple[str, Any]]) -> str:
    known: Any = energy(system.lagrangian, system.space)
    rest = [(name, value) for name, value in quantities if sp.expand(value - known) != 0]
    if not rest:
        return ""
    items = [
        rf"\item {latex_text(_capitalised(name))}:" + "\n" + _display([("", to_latex(value, system.space))])
        for name, value in rest
    ]
    listed = "\n".join(items)
    return f"\\paragraph{{Conserved quantities.}}\n\\begin{{itemize}}\n{listed}\n\\end{{itemize}}"
