"""From a law of sites to the density of a field."""

from __future__ import annotations

from typing import Any

import sympy as sp

from lagsym.distillation.graphs.law import GraphLaw
from lagsym.distillation.graphs.shared import SITE, SYMBOLS
from lagsym.errors import InputError
from lagsym.mechanics.continuum import EDGE_SYMBOLS, SITE_SYMBOLS, SPACING, Continuum, continuum_density

# A stretch is named s here as it is there.
_ENDS = dict(zip(SYMBOLS["lattice"], (*EDGE_SYMBOLS, EDGE_SYMBOLS[1] - EDGE_SYMBOLS[0]), strict=True))


def law_density(law: GraphLaw, spacing: sp.Expr | float = SPACING, order: int = 2, *, mass: float = 1.0) -> Continuum:
    """The Lagrangian density of a field whose sites follow a law of neighbours.

    Arguments:
        law: with edges of at most one kind, to the next site.
        spacing: the distance of neighbouring sites, a symbol or a number.
        order: as of `continuum_density`.
        mass: of every site.

    Raises:
        InputError: there are several kinds of edges, or edges are functions of a distance.

    >>> from lagsym.distillation.graphs.shared import SharedFunction
    >>> (s,), (q,) = SYMBOLS["stretch"], SYMBOLS["site"]
    >>> law = GraphLaw((SharedFunction("stretch", (s**2,), (-2.0,)),), SharedFunction("site", (q**2,), (-0.5,)))
    >>> law_density(law, 0.5).density
    -1.0*u**2 + 1.0*u_t**2 - 1.0*u_x**2
    """
    if len(law.edges) > 1 or any(one.form == "pair" for one in law.edges):
        forms = ", ".join(one.form for one in law.edges)
        msg = f"expected edges of one kind between neighbouring sites, of the form stretch or lattice; got {forms}"
        raise InputError(msg)
    q, v = SITE_SYMBOLS
    edge: Any = sp.Add(*(one.expression for one in law.edges)).xreplace(_ENDS)
    node: Any = law.node.expression.xreplace({SYMBOLS[SITE][0]: q}) if law.node is not None else sp.S.Zero
    return continuum_density(edge, sp.Float(mass, 17) * v**2 / 2 + node, spacing, order)
