"""Terms that edges and nodes may be made of."""

from __future__ import annotations

import numpy as np
import sympy as sp

from lagsym.distillation.graphs.search import RATE, Library
from lagsym.distillation.graphs.shared import SITE, SYMBOLS

POWERS = (4, 3, 2, 1, -1, -2, -3, -4, -5, -6, -8, -9, -10, -12)
"""Powers of a distance: springs, and forces up to r^-13."""
FASTEST = 10.0
"""A rate is at most this over the root mean square of its variable, and at least a hundredth of that."""
HARMONICS = (1, 2, 3)


def library_of(form: str, values: np.ndarray, *, angles: bool = False) -> Library:
    """The terms of a form, with rates in the reach of its variable.

    Arguments:
        form: "pair", "stretch", "lattice" or "site".
        values: of the variable, the last one of a lattice; for the unit of rates.
        angles: whether positions have period 2 pi.
    """
    fastest = FASTEST / (float(np.sqrt(np.mean(np.square(values)))) or 1.0)
    terms, families = (_periodic if angles else _open)(form)
    return Library(terms, families, (fastest / 100, fastest))


def _open(form: str) -> tuple[tuple[sp.Expr, ...], tuple[sp.Expr, ...]]:
    x = SYMBOLS[form][-1]
    if form == "pair":
        return (*(x**n for n in POWERS), sp.log(x)), (sp.exp(-RATE * x) / x, sp.exp(-RATE * x), sp.exp(-RATE * x**2))
    powers = tuple(x**n for n in range(1, 7))
    families = (sp.exp(RATE * x), sp.exp(-RATE * x), sp.cos(RATE * x))
    if form == SITE:
        return (*powers, sp.cos(x), sp.sin(x)), families
    mixed = ()
    if form == "lattice":
        a, b, _ = SYMBOLS[form]
        mixed = (a * b**2, a**2 * b, a**2 * b**2, a**3 * b, a * b**3)
    return (*powers, sp.cos(x), *mixed), families


def _periodic(form: str) -> tuple[tuple[sp.Expr, ...], tuple[sp.Expr, ...]]:
    x = SYMBOLS[form][-1]
    waves = [wave(n * x) for n in HARMONICS for wave in (sp.cos, sp.sin)]
    if form == "lattice":
        a, b, _ = SYMBOLS[form]
        waves += [sp.cos(a + b), sp.sin(a + b)]
    return tuple(waves), ()
