"""Reading a trained graph network: forces of its edges and nodes, blind to gauge.

The value of an edge function means nothing by itself.  On a lattice e(a, b) + h(a) + k(b) moves the sites as before
once -h and -k are added to the nodes' functions, and on a ring of stretches so does e(s) + c s.  What is read is the
force, and a fit may explain it up to what gauge leaves open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.distillation.engines import Table
from lagsym.distillation.graphs.search import Columns
from lagsym.distillation.graphs.shared import SITE, SYMBOLS, SharedFunction, force_of
from lagsym.errors import DataError, InputError
from lagsym.neural.graphs.features import EDGE_FORMS
from lagsym.neural.graphs.fitting import GraphFit
from lagsym.neural.graphs.graph import Graph
from lagsym.neural.graphs.model import GraphLagrangian

ROWS = 400
"""Edges that are read: a network's answer holds no noise to average out."""
OPEN = 10
"""Chebyshev polynomials that stand for a function h(a) that gauge leaves open."""
WEAKEST = 0.02
"""A force's error is relative to itself, or to this fraction of the largest: forces span decades."""
UNEVEN = 0.05
"""How much a node's mass may vary, relative to its mean, to be called constant."""


@dataclass(frozen=True)
class Reading:
    """Forces of an edge or node function of a network.

    Arguments:
        form: that of the function.
        z: the function's variables (N, m).
        force: (N, E), by each end that is told apart.
        nuisance: what gauge leaves open, for the rows of `target`.
        weight: of each row of `target`.
        graph: of two nodes, or one, at whose positions q (N, nodes, 1) the forces were read.
        q: those positions.
    """

    form: str
    z: Float[np.ndarray, "rows variables"]
    force: Float[np.ndarray, "rows ends"]
    nuisance: Float[np.ndarray, "targets nuisances"] | None
    graph: Graph
    q: Float[np.ndarray, "rows nodes 1"]

    @property
    def weight(self) -> Float[np.ndarray, " targets"]:
        """Of each row: one over the size of the force."""
        size = np.abs(self.force.T.ravel())
        return 1 / np.maximum(size, WEAKEST * size.max() or 1.0)

    @property
    def target(self) -> Float[np.ndarray, " targets"]:
        """The forces, weighted, those by one end after those by the other."""
        return self.force.T.ravel() * self.weight

    @property
    def columns(self) -> Columns:
        """What a term of L gives in the place of `target`."""
        ends = range(self.graph.nodes - self.force.shape[1], self.graph.nodes)

        def column(term: sp.Expr) -> np.ndarray:
            force = force_of(term, self.form, self.graph, self.q)[..., 0]
            return np.concatenate([force[:, end] for end in ends]) * self.weight

        return column

    def table(self) -> Table:
        """The force as a table for symbolic regression: dL/dr, dL/ds or dL/dq beside its variable.

        Raises:
            InputError: the function has two ends that gauge leaves open; a formula would be one of the gauge's.
        """
        if self.form == "lattice":
            msg = "expected an edge function of one variable; that of a lattice is matched up to a function of each end"
            raise InputError(msg)
        return Table((SYMBOLS[self.form][0].name,), self.z, self.force[:, -1], f"{self.form} force")


def read_edges(
    fit: GraphFit, q: Float[np.ndarray, "samples nodes components"], kind: int = 0, seed: int = 0
) -> Reading:
    """The forces of one kind of edges, at edges that the data hold.

    Arguments:
        fit: the trained network; forces are divided by the common factor of its masses.
        q: positions that it was trained on.
        kind: of the edges.
        seed: of the draw of edges.

    Raises:
        DataError: the masses of the network's nodes are not constant.
        InputError: nodes have several components, and the edges are no pairs.
    """
    form = fit.options.form.edges[kind]
    if form != "pair" and q.shape[-1] > 1:
        msg = f"expected nodes of one component to read edges of the form {form}, got {q.shape[-1]}"
        raise InputError(msg)
    first, second = fit.graph.ends(kind).T
    ends = np.stack([q[:, first], q[:, second]], 2).reshape(-1, 2, q.shape[-1])
    ends = _spread(EDGE_FORMS[form]().variables(ends[:, 0], ends[:, 1], np.zeros(len(ends), bool))[0], ends, seed)
    if form == "pair":
        ends = np.linalg.norm(ends[:, :1] - ends[:, 1:], axis=-1)[..., None] * np.array([[0.0], [1.0]])
    force = _pulled(fit.model, ends, kind) / common_mass(fit, q)
    pair = Graph(2, ((0, 1),))
    z = EDGE_FORMS[form]().variables(ends[:, 0], ends[:, 1], np.zeros(len(ends), bool))[0]
    shown = force if form == "lattice" else force[:, 1:]
    reading = Reading(form, z, shown, None, pair, ends)
    open_to_gauge = _open_columns(form, ends[..., 0], balanced=_balanced(fit.graph, kind))
    if open_to_gauge is None:
        return reading
    return Reading(form, z, shown, open_to_gauge * reading.weight[:, None], pair, ends)


def read_nodes(fit: GraphFit, q: np.ndarray, edges: tuple[SharedFunction, ...], seed: int = 0) -> Reading:
    """The forces of the nodes' function, as what is left of all forces beside those of found edges.

    Arguments:
        fit: the trained network.
        q: positions (S, N, 1).
        edges: what was found of the edges.
        seed: of the draw of nodes.

    Raises:
        DataError: the masses of the network's nodes are not constant.
        InputError: nodes have several components.
    """
    if q.shape[-1] > 1:
        msg = f"expected nodes of one component to read their function, got {q.shape[-1]}"
        raise InputError(msg)
    total = fit.model.acceleration(fit.graph, q, np.zeros_like(q)) * fit.graph.mass_array[:, None]
    for one in edges:
        total = total - np.tensordot(one.coefficients, one.forces(fit.graph, q), 1)
    both = np.stack([q.ravel(), total.ravel()], 1)
    chosen = _spread(both[:, :1], both, seed)
    place = chosen[:, :1, None]
    return Reading(SITE, chosen[:, :1], chosen[:, 1:], None, Graph(1, ()), place)


def common_mass(fit: GraphFit, q: np.ndarray) -> float:
    """The factor by which a network's masses exceed those of its graph.

    Raises:
        DataError: there is none, as masses depend on position or velocity.
    """
    speed = fit.model.scaling.speed * fit.model.scaling.velocity
    v = speed * np.random.default_rng(0).standard_normal(q.shape)
    unit = np.eye(q.shape[-1])
    mass = fit.model.node_mass(fit.graph, q, v) / fit.graph.mass_array[:, None, None]
    factor = float(np.trace(mass, axis1=-2, axis2=-1).mean() / len(unit))
    if np.sqrt(np.mean((mass - factor * unit) ** 2)) > UNEVEN * abs(factor):
        msg = (
            "expected nodes of constant mass, but the network's depends on position or velocity; give the node a form "
            "of its own, or distil it as a system of few coordinates"
        )
        raise DataError(msg)
    return factor


def _pulled(model: GraphLagrangian, ends: np.ndarray, kind: int) -> np.ndarray:
    """The derivatives of an edge function by both ends (N, 2), of edges (N, 2, 1) along the first component."""
    graph = Graph(2, ((0, 1),), kinds=(kind,))
    q = np.zeros((len(ends), 2, model.form.components))
    q[..., :1] = ends
    return model.edge_force(graph, q)[..., 0]


def _spread(variable: np.ndarray, rows: np.ndarray, seed: int) -> np.ndarray:
    """Some of the rows, half of them evenly over the range of the last variable, as its ends are seldom drawn."""
    generator = np.random.default_rng(seed)
    drawn = generator.choice(len(rows), min(ROWS // 2, len(rows)), replace=False)
    last = variable[:, -1]
    order = np.argsort(last)
    even = order[np.searchsorted(last[order], np.linspace(last.min(), last.max(), ROWS // 2)).clip(0, len(last) - 1)]
    return rows[np.unique(np.concatenate([drawn, even]))]


def _balanced(graph: Graph, kind: int) -> bool:
    """Whether each node is as often the first end as the second, so that constant forces cancel."""
    first, second = (np.bincount(column, minlength=graph.nodes) for column in graph.ends(kind).T)
    return bool((first == second).all())


def _open_columns(form: str, ends: np.ndarray, *, balanced: bool) -> np.ndarray | None:
    """What gauge leaves open of the forces: functions of each end of a lattice, a constant on a ring of stretches."""
    if form == "stretch" and balanced:
        return np.ones((len(ends), 1))
    if form != "lattice":
        return None
    largest = np.abs(ends).max()
    blocks = [np.polynomial.chebyshev.chebvander(ends[:, end] / largest, OPEN - 1) for end in (0, 1)]
    zero = np.zeros_like(blocks[0])
    return np.block([[blocks[0], zero], [zero, blocks[1]]])
