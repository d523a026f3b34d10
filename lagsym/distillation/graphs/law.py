"""GraphLaw: a closed form of what nodes and edges add to a Lagrangian, for any number of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.distillation.graphs.shared import SITE, SYMBOLS, SharedFunction
from lagsym.errors import InputError
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.parsing import to_text
from lagsym.mechanics.system import System
from lagsym.neural.graphs.graph import Graph
from lagsym.neural.graphs.layout import layout


@dataclass(frozen=True)
class GraphLaw:
    """L = sum over nodes of m v^2 / 2 + n(q) + sum over edges of e.

    Arguments:
        edges: e of each kind of edges.
        node: n, or None where nodes have kinetic energy only.
        residual: root mean square error of the accelerations that it was fitted to, relative to theirs.
        fidelity: that of the network's forces, function by function.
    """

    edges: tuple[SharedFunction, ...]
    node: SharedFunction | None = None
    residual: float = float("nan")
    fidelity: tuple[float, ...] = ()

    @property
    def functions(self) -> tuple[SharedFunction, ...]:
        """The edges' functions and, where there is one, the nodes'."""
        return self.edges if self.node is None else (*self.edges, self.node)

    def acceleration(self, graph: Graph, q: np.ndarray) -> Float[np.ndarray, "samples nodes components"]:
        """The accelerations of all nodes at positions (S, N, D)."""
        force = sum(np.tensordot(one.coefficients, one.forces(graph, q), 1) for one in self.functions)
        return force / graph.mass_array[:, None]

    def energy(self, graph: Graph, q: np.ndarray, v: np.ndarray) -> Float[np.ndarray, " samples"]:
        """The energy of each sample of positions and velocities (S, N, D)."""
        kinetic = 0.5 * (graph.mass_array[:, None] * v**2).sum((1, 2))
        return kinetic + sum(one.energy(graph, q) for one in self.functions)

    def lagrangian(self, graph: Graph, coordinates: Sequence[str]) -> sp.Expr:
        """The Lagrangian of a graph.

        Arguments:
            graph: who acts on whom.
            coordinates: as x1, y1, x2, y2, ...

        Raises:
            InputError: the coordinates are not those of so many nodes.
        """
        return self.with_coefficients(graph, coordinates, [one.coefficients for one in self.functions])

    def with_coefficients(
        self, graph: Graph, coordinates: Sequence[str], coefficients: Sequence[Sequence[sp.Expr | float]]
    ) -> sp.Expr:
        """The Lagrangian of a graph with other coefficients of the functions' terms, such as symbols."""
        columns = layout(coordinates)
        if len(columns) != graph.nodes:
            msg = f"expected coordinates of {graph.nodes} nodes, got those of {len(columns)}"
            raise InputError(msg)
        space = JetSpace(tuple(coordinates))
        positions = [[space.positions[k] for k in own] for own in columns]
        velocities = [[space.velocities[k] for k in own] for own in columns]
        terms = [sp.Float(m, 17) * v**2 / 2 for m, own in zip(graph.masses, velocities, strict=True) for v in own]
        for function, own in zip(self.functions, coefficients, strict=True):
            whole = sp.Add(*(sp.sympify(c) * term for c, term in zip(own, function.terms, strict=True)))
            terms += [whole.xreplace(place) for place in _places(function, graph, positions)]
        return sp.Add(*terms)

    def text(self, graph: Graph, coordinates: Sequence[str]) -> str:
        """The Lagrangian as text that `lagsym` reads back."""
        return to_text(self.lagrangian(graph, coordinates))

    def system(self, graph: Graph, coordinates: Sequence[str], *, name: str = "graph") -> System:
        """A system to derive equations from, to simulate (give `initial`) and to compare with."""
        return System(name, JetSpace(tuple(coordinates)), self.lagrangian(graph, coordinates))


def _places(function: SharedFunction, graph: Graph, positions: Sequence[Sequence[sp.Symbol]]) -> list[dict]:
    """What stands for a function's symbols, edge by edge or node by node."""
    symbols = SYMBOLS[function.form]
    if function.form == SITE:
        return [{symbols[0]: own[0]} for own in positions]
    ends = [(positions[a], positions[b]) for a, b in graph.ends(function.kind).tolist()]
    if function.form == "pair":
        squares = (sp.Add(*((x - y) ** 2 for x, y in zip(a, b, strict=True))) for a, b in ends)
        return [{symbols[0]: sp.sqrt(square)} for square in squares]
    if function.form == "stretch":
        return [{symbols[0]: b[0] - a[0]} for a, b in ends]
    return [dict(zip(symbols, (a[0], b[0], b[0] - a[0]), strict=True)) for a, b in ends]
