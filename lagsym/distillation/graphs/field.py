"""From a law of sites to the density of a field."""

from __future__ import annotations

from typing import Any

import sympy as sp

from lagsym.distillation.graphs.law import GraphLaw
from lagsym.distillation.graphs.shared import SITE, SYMBOLS
from lagsym.errors import InputError
from lagsym.mechanics.continuum import EDGE_SYMBOLS, SITE_SYMBOLS, SPACING, Continuum, continuum_density
from lagsym.neural.graphs.graph import Graph, chain

# A stretch is named s here as it is there.
_ENDS = dict(zip(SYMBOLS["lattice"], (*EDGE_SYMBOLS, EDGE_SYMBOLS[1] - EDGE_SYMBOLS[0]), strict=True))


def law_density(law: GraphLaw, graph: Graph, spacing: sp.Expr | float = SPACING, order: int = 2) -> Continuum:
    """The Lagrangian density of a field whose sites follow a law of rows.

    Arguments:
        law: of edges between sites, and of sites.
        graph: a row or a ring of sites of one mass, in order; the edges of each kind join every site to the one as many
            places on, as in `chain`.
        spacing: the distance of neighbouring sites, a symbol or a number.
        order: as of `continuum_density`.

    Raises:
        InputError: the graph is no such row, or edges are functions of a distance.

    >>> from lagsym.distillation.graphs.shared import SharedFunction
    >>> (s,), (q,) = SYMBOLS["stretch"], SYMBOLS["site"]
    >>> law = GraphLaw((SharedFunction("stretch", (s**2,), (-2.0,)),), SharedFunction("site", (q**2,), (-0.5,)))
    >>> law_density(law, chain(8, ring=True), 0.5).density
    -1.0*u**2 + 1.0*u_t**2 - 1.0*u_x**2
    >>> law_density(law, chain(8, ring=True, reach=2), 0.5).density
    -1.0*u**2 + 1.0*u_t**2 - 4.0*u_x**2
    """
    if any(one.form == "pair" for one in law.edges):
        forms = ", ".join(one.form for one in law.edges)
        msg = f"expected edges between sites, of the form stretch or lattice; got {forms}"
        raise InputError(msg)
    if len(set(graph.masses)) > 1:
        msg = f"expected sites of one mass, which a density has everywhere; got {sorted(set(graph.masses))[:3]}"
        raise InputError(msg)
    edges: dict[int, Any] = {}
    for one in law.edges:
        reach = _reach(graph, one.kind)
        edges[reach] = edges.get(reach, sp.S.Zero) + one.expression.xreplace(_ENDS)
    q, v = SITE_SYMBOLS
    node: Any = law.node.expression.xreplace({SYMBOLS[SITE][0]: q}) if law.node is not None else sp.S.Zero
    return continuum_density(edges, sp.Float(graph.masses[0], 17) * v**2 / 2 + node, spacing, order)


def _reach(graph: Graph, kind: int) -> int:
    """How many places the edges of a kind span, all of them alike."""
    ends = [(int(a), int(b)) for a, b in graph.ends(kind)]
    reach = (ends[0][1] - ends[0][0]) % graph.nodes if ends else 0
    rows = (
        chain(graph.nodes, ring=ring, reach=reach) for ring in (False, True) if 0 < reach * (1 + ring) < graph.nodes
    )
    if not any(sorted(ends) == sorted(row.edges) for row in rows):
        msg = (
            f"expected edges of kind {kind} from every site to the one as many places on, as in chain(sites, reach=2); "
            f"got {ends[:3]} and so on among {graph.nodes} sites"
        )
        raise InputError(msg)
    return reach
