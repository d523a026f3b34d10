"""Refining a graph law: all its constants fitted to measured positions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp

from lagsym.data.derivatives import differentiate
from lagsym.data.trajectories import Trajectories
from lagsym.distillation.fitting.refinement import refine
from lagsym.distillation.fitting.shooting import Refined
from lagsym.distillation.graphs.law import GraphLaw
from lagsym.distillation.graphs.shared import SharedFunction
from lagsym.mechanics.system import parameter_symbol
from lagsym.neural.graphs.graph import Graph
from lagsym.neural.graphs.measured import without_sudden_turns

MOST = 8_000
"""Positions that constants are fitted to: beyond this records are left out, as the fit would run for minutes."""


def refine_law(law: GraphLaw, graph: Graph, data: Trajectories) -> tuple[GraphLaw, Refined]:
    """Fit coefficients and rates to positions by multiple shooting; masses set the scale.

    Sudden turns, see `lagsym.neural.graphs.without_sudden_turns`, are left out; of long data so are some records.

    Arguments:
        law: where to begin.
        graph: who acts on whom.
        data: measured trajectories with coordinates x1, y1, x2, y2, ..., not smoothed.

    Returns:
        The law, and what `lagsym.distillation.fitting.refinement.refine` says of the constants: the coefficients of
        each function's terms, then the rates inside them, function by function.

    Raises:
        DataError: there are no records of some length without sudden turns.
        InputError: the law cannot be integrated, or the coordinates are not those of the graph's nodes.
    """
    named, symbols, initial = [], [], []
    for place, one in enumerate(law.functions):
        rates = sorted({number for term in one.terms for number in term.atoms(sp.Float)}, key=float)
        own = [parameter_symbol(f"c{place}_{k}") for k in range(len(one.terms))]
        inside = [parameter_symbol(f"k{place}_{k}") for k in range(len(rates))]
        named.append((one, own, dict(zip(rates, inside, strict=True))))
        symbols += [*own, *inside]
        initial += [*one.coefficients, *map(float, rates)]
    symbolic = replace(law, edges=tuple(_with(one, places) for one, _, places in named[: len(law.edges)]))
    if law.node is not None:
        symbolic = replace(symbolic, node=_with(named[-1][0], named[-1][2]))
    lagrangian = symbolic.with_coefficients(graph, data.coordinates, [own for _, own, _ in named])
    known = _some(without_sudden_turns(data.positions_only()))
    found = refine(lagrangian, symbols, np.array(initial), known, differentiate(known))
    return _at(law, dict(zip(symbols, found.values.tolist(), strict=True)), named), found


def _some(data: Trajectories) -> Trajectories:
    """Records evenly from first to last, as many as `MOST` allows."""
    positions = sum(segment.q.size for segment in data.segments)
    return data.with_segments(data.segments[:: max(1, -(-positions // MOST))])


def _with(one: SharedFunction, places: dict[Any, Any]) -> SharedFunction:
    return replace(one, terms=tuple(term.xreplace(places) for term in one.terms))


def _at(law: GraphLaw, values: dict[sp.Symbol, float], named: list[tuple[SharedFunction, list, dict]]) -> GraphLaw:
    """The law with other constants."""
    found = []
    for one, own, places in named:
        numbers = {number: sp.Float(values[symbol], 17) for number, symbol in places.items()}
        found.append(replace(_with(one, numbers), coefficients=tuple(values[symbol] for symbol in own)))
    edges = tuple(found[: len(law.edges)])
    return replace(law, edges=edges, node=None if law.node is None else found[-1])
