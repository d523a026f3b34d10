"""Closed forms of what a graph network has learned."""

from lagsym.distillation.graphs.distilling import distill_graph
from lagsym.distillation.graphs.field import law_density
from lagsym.distillation.graphs.law import GraphLaw
from lagsym.distillation.graphs.reading import read_edges, read_nodes
from lagsym.distillation.graphs.refining import refine_law
from lagsym.distillation.graphs.shared import SYMBOLS, SharedFunction

__all__ = [
    "SYMBOLS",
    "GraphLaw",
    "SharedFunction",
    "distill_graph",
    "law_density",
    "read_edges",
    "read_nodes",
    "refine_law",
]
