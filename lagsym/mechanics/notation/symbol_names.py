"""Names of symbols in LaTeX: dots for a particle's derivatives by time, subscripts for a field's derivatives."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.printing.conventions import split_super_sub
from sympy.printing.latex import translate

from lagsym.mechanics.jetspace import JetSpace

DOTS = (r"\dot", r"\ddot", r"\dddot", r"\ddddot")


def name_latex(name: str, accent: str = "", derivatives: str = "") -> str:
    r"""A symbol's name: Greek letters, subscripts, words upright.

    Arguments:
        name: as in formulas in text.
        accent: a LaTeX command put on the letter, such as a dot.
        derivatives: LaTeX of the coordinates that a field is differentiated by.

    >>> name_latex("theta1", accent=r"\dot"), name_latex("phi1", derivatives="tt"), name_latex("latitude")
    ('\\dot{\\theta}_{1}', '\\phi_{1,tt}', '\\mathrm{latitude}')
    """
    parts: Any = split_super_sub(name)
    letter, supers, subs = parts
    shown = _shown(letter)
    shown = f"{accent}{{{shown}}}" if accent else shown
    above = f"^{{{' '.join(map(translate, supers))}}}" if supers else ""
    below = ",".join(filter(None, [" ".join(map(_shown, subs)), derivatives]))
    return shown + above + (f"_{{{below}}}" if below else "")


def _shown(text: str) -> str:
    shown = translate(text)
    return rf"\mathrm{{{text}}}" if shown == text and text.isalpha() and len(text) > 1 else shown


def jet_names(space: JetSpace) -> dict[sp.Symbol, str]:
    r"""LaTeX of every field and every derivative of it.

    >>> names = jet_names(JetSpace(("phi",), ("t", "x")))
    >>> names[sp.Symbol("phi_xx", real=True)]
    '\\phi_{xx}'
    >>> jet_names(JetSpace(("y",), ("x",)))[sp.Symbol("y_x", real=True)]
    'y_{x}'
    """
    names = {}
    for symbol in space.names.values():
        key = space.key(symbol)
        if key is None:
            names[symbol] = name_latex(symbol.name)
            continue
        name, index = space.fields[key[0]], key[1]
        if space.over_time_alone:
            names[symbol] = name_latex(name, accent=DOTS[len(index) - 1] if index else "")
        else:
            directions = [name_latex(space.base[mu]) for mu in index]
            # Letters stand side by side; a command needs a space after it.
            names[symbol] = name_latex(
                name, derivatives=("" if max(map(len, directions), default=0) < 2 else " ").join(directions)
            )
    return names


def lagrangian_symbol(space: JetSpace) -> str:
    """L, or for a field the calligraphic letter of its density."""
    return "L" if len(space.base) == 1 else r"\mathcal{L}"
