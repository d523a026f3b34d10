"""Lagrangian graph networks: one function for all nodes, one for all edges of a kind."""

from lagsym.neural.graphs.averages import Averages
from lagsym.neural.graphs.checkpoint import load_graph_fit, save_graph_fit
from lagsym.neural.graphs.fitting import GraphFit, GraphOptions, fit_graph, graph_error
from lagsym.neural.graphs.graph import Graph, all_pairs, chain, springs
from lagsym.neural.graphs.layout import layout, states
from lagsym.neural.graphs.measured import average_accelerations, observed, without_sudden_turns
from lagsym.neural.graphs.model import GraphForm, GraphLagrangian
from lagsym.neural.graphs.sites import site_graph, site_trajectories

__all__ = [
    "Averages",
    "Graph",
    "GraphFit",
    "GraphForm",
    "GraphLagrangian",
    "GraphOptions",
    "all_pairs",
    "average_accelerations",
    "chain",
    "fit_graph",
    "graph_error",
    "layout",
    "load_graph_fit",
    "observed",
    "save_graph_fit",
    "site_graph",
    "site_trajectories",
    "springs",
    "states",
    "without_sudden_turns",
]
