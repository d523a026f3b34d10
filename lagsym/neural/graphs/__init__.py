"""Lagrangian graph networks: one function for all nodes, one for all edges of a kind."""

from lagsym.neural.graphs.fitting import GraphFit, GraphOptions, fit_graph, graph_error
from lagsym.neural.graphs.graph import Graph, all_pairs, chain, springs
from lagsym.neural.graphs.layout import layout, states
from lagsym.neural.graphs.model import GraphForm, GraphLagrangian

__all__ = [
    "Graph",
    "GraphFit",
    "GraphForm",
    "GraphLagrangian",
    "GraphOptions",
    "all_pairs",
    "chain",
    "fit_graph",
    "graph_error",
    "layout",
    "springs",
    "states",
]
