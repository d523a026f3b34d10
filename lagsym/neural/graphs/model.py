"""GraphLagrangian: networks that all nodes share, and that all edges of one kind share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lagsym.errors import InputError
from lagsym.neural.graphs.features import EDGE_FORMS, Site
from lagsym.neural.graphs.graph import Graph
from lagsym.neural.graphs.inputs import EdgeInputs, Eyes, GraphInputs, GraphScaling
from lagsym.neural.linear import solve
from lagsym.neural.models.perceptrons import Outputs, Perceptrons
from lagsym.neural.models.records import Net
from lagsym.neural.operators import gradient, grouped, hessian_rows, values

NodeForm = Literal["mass", "natural", "free"]
NODE_FORMS: tuple[NodeForm, ...] = ("mass", "natural", "free")
_GRADIENT, _VALUES = grouped(gradient), grouped(values)


@dataclass(frozen=True)
class GraphForm:
    """What a graph Lagrangian may depend on.

    Arguments:
        edges: for each kind of edges "pair", e(r); "stretch", e(b − a); or "lattice", e(a, b).
        node: "mass", ½ m v²; "natural", ½ m v² − V(q); or "free", ½ m v² + N(q, v), which may change the mass.
        angles: whether positions have period 2 pi.
        components: numbers that are the position of a node, D.

    Raises:
        InputError: a form is not one of these, or pairs are to have angles.
    """

    edges: tuple[str, ...] = ("pair",)
    node: NodeForm = "mass"
    angles: bool = False
    components: int = 1

    def __post_init__(self) -> None:
        unknown = [form for form in self.edges if form not in EDGE_FORMS]
        if unknown or self.node not in NODE_FORMS or self.components < 1:
            msg = (
                f"expected edges among {', '.join(EDGE_FORMS)}, a node among {', '.join(NODE_FORMS)} and components of "
                f"at least 1; got {self}"
            )
            raise InputError(msg)
        if self.angles and "pair" in self.edges:
            msg = "expected no angles beside edges of the form pair: a distance needs lengths"
            raise InputError(msg)

    def eyes(self) -> Eyes:
        """The functions that the networks see."""
        forms = [Site(), *(EDGE_FORMS[name]() for name in self.edges)]
        site, *edges = [form.with_angles() for form in forms] if self.angles else forms
        return Eyes(site, tuple(edges))


class GraphLagrangian(Perceptrons):
    """L = Σ_nodes ½ m v² + N(q, v) + Σ_edges e(a, b), with one N for all nodes and one e for all edges of a kind.

    Edges hold positions only, so that M is block diagonal, one D × D block a node, and the acceleration of a node is

        a_i = M_i⁻¹ (∂N/∂q_i − (∂²N/∂v_i ∂q_i) v_i + Σ_edges ∂e/∂q_i),   M_i = m + ∂²N/∂v_i ∂v_i,

    which takes a time proportional to the number of edges; a dense Hessian takes the cube of the number of nodes.  Any
    graph with the same kinds of edges can be asked for, of any number of nodes.  To every network is added a linear
    function of a few simple ones (see `features`), so that the network only learns what these leave.

    Arguments:
        form: what L may depend on.
        scaling: units.
        width: units of each hidden layer.
        depth: hidden layers.
        seed: of the initial weights.

    Source: Cranmer et al. (2020), Lagrangian Neural Networks, arXiv:2003.04630 (Lagrangian graph networks).
    """

    def __init__(
        self, form: GraphForm, scaling: GraphScaling, *, width: int = 20, depth: int = 2, seed: int = 0
    ) -> None:
        super().__init__(width=width, depth=depth, dtype=torch.float64)
        self.form, self.scaling, self.seed = form, scaling, seed
        self.eyes = form.eyes()
        self._begin(seed, torch.float64)

    def _untrained(self, dtype: torch.dtype) -> GraphLagrangian:
        del dtype  # graphs are learned in double precision alone
        return type(self)(self.form, self.scaling, width=self.width, depth=self.depth)

    def _nets(self) -> tuple[Net, ...]:
        scaling, components = self.scaling, self.form.components
        nets = []
        if self.form.node != "mass":
            inputs = len(scaling.site.centre)
            free = self.form.node == "free"
            network = Net(hessian_rows, inputs + components, 1, biased=False) if free else _force_net(inputs)
            nets += [network, _linear_net(len(scaling.site.skip_spread))]
        for unit in scaling.edges:
            nets += [_force_net(len(unit.centre)), _linear_net(len(unit.skip_spread))]
        return tuple(nets)

    def arguments(self, inputs: GraphInputs) -> tuple[tuple[Tensor, Tensor], ...]:
        """What the operator of each net is applied to: x and directions."""
        arguments: list[tuple[Tensor, Tensor]] = []
        if self.form.node == "free":
            arguments.append(self._state(inputs))
        elif self.form.node == "natural":
            arguments.append(_plain(inputs.site.values))
        if self.form.node != "mass":
            arguments.append(_plain(inputs.site.skip_slopes))
        for edge in inputs.edges:
            arguments += [_plain(edge.values), _plain(edge.skip_slopes)]
        return tuple(arguments)

    def _state(self, inputs: GraphInputs) -> tuple[Tensor, Tensor]:
        components = self.form.components
        x = torch.cat([inputs.site.values[:, 0], inputs.velocity / self.scaling.speed], 1)
        return x, torch.eye(x.shape[1], dtype=x.dtype)[x.shape[1] - components :]

    def solved(self, outputs: Outputs, inputs: GraphInputs) -> Float[Tensor, "batch components"]:
        """The accelerations of all nodes in the network's units, from the operators' outputs."""
        remaining = list(outputs)
        force, mass = torch.zeros_like(inputs.velocity), None
        if self.form.node == "free":
            mass, force = self._kinetic(remaining.pop(0), inputs)
        elif self.form.node == "natural":
            force = _pull(remaining.pop(0), inputs.site)
        if self.form.node != "mass":
            force = force + remaining.pop(0)[..., 0]
        for edge in inputs.edges:
            force = force + _pull(remaining.pop(0), edge) + remaining.pop(0)[..., 0]
        return force / inputs.mass[:, None] if mass is None else solve(mass, force)

    def _kinetic(self, rows: Tensor, inputs: GraphInputs) -> tuple[Tensor, Tensor]:
        """M (B, D, D) and the node's own force (B, D) of ½ m v² + N(q, v)."""
        count, speed = inputs.site.values.shape[-1], self.scaling.speed
        slopes = inputs.site.slopes[:, 0]
        by_value, by_velocity = rows[..., :count], rows[1:, :, count:]
        unit = torch.eye(self.form.components, dtype=rows.dtype)
        mass = inputs.mass[:, None, None] * unit + by_velocity.permute(1, 0, 2) / speed**2
        rate = torch.einsum("bdi,bi->bd", slopes, inputs.velocity)
        transport = (by_value[1:] * rate).sum(-1).mT / speed
        return mass, torch.einsum("bd,bdi->bi", by_value[0], slopes) - transport

    # --------------------------------------------------------------------------------------- the data's units

    def inputs(self, graph: Graph, q: np.ndarray, v: np.ndarray) -> GraphInputs:
        """Positions and velocities (S, N, D), in the data's units, as the networks see them.

        Raises:
            InputError: the shapes do not fit the graph.
        """
        if q.shape != v.shape or q.shape[-1] != self.form.components:
            msg = f"expected q and v of shape (S, N, {self.form.components}); got {q.shape} and {v.shape}"
            raise InputError(msg)
        return self.eyes.inputs(graph, np.asarray(q, float), np.asarray(v, float), self.scaling)

    @torch.no_grad()
    def acceleration(self, graph: Graph, q: np.ndarray, v: np.ndarray) -> Float[np.ndarray, "samples nodes components"]:
        """The accelerations of all nodes at positions and velocities (S, N, D), in the data's units.

        Raises:
            InputError: as `inputs`.
        """
        inputs = self.inputs(graph, q, v)
        found = self.solved(self.outputs(inputs), inputs) * self.scaling.acceleration
        return found.reshape(q.shape).numpy()

    @torch.no_grad()
    def edge_force(self, graph: Graph, q: np.ndarray) -> Float[np.ndarray, "samples nodes components"]:
        """The forces Σ ∂e/∂q_i of a graph's edges alone at positions (S, N, D), in the data's units.

        A graph with a single edge gives the derivatives of the edge function by both ends.

        Raises:
            InputError: as `inputs`.
        """
        inputs = self.inputs(graph, q, np.zeros_like(q))
        outputs = self.outputs(inputs)[0 if self.form.node == "mass" else 2 :]
        force = torch.zeros_like(inputs.velocity)
        for edge, by_value, linear in zip(inputs.edges, outputs[0::2], outputs[1::2], strict=True):
            force = force + _pull(by_value, edge) + linear[..., 0]
        return force.reshape(q.shape).numpy() * self.scaling.acceleration

    @torch.no_grad()
    def node_mass(self, graph: Graph, q: np.ndarray, v: np.ndarray) -> Float[np.ndarray, "samples nodes D D"]:
        """The mass matrices ∂²L/∂v_i ∂v_i of the nodes at positions and velocities (S, N, D).

        Raises:
            InputError: as `inputs`.
        """
        inputs, unit = self.inputs(graph, q, v), torch.eye(self.form.components, dtype=self.dtype)
        mass = inputs.mass[:, None, None] * unit
        if self.form.node == "free":
            mass, _ = self._kinetic(self.outputs(inputs)[0], inputs)
        return mass.reshape(*q.shape, q.shape[-1]).numpy()

    @torch.no_grad()
    def energy(self, graph: Graph, q: np.ndarray, v: np.ndarray) -> Float[np.ndarray, " samples"]:
        """The energy v · ∂L/∂v − L of each sample, up to a constant, in the data's units.

        Raises:
            InputError: as `inputs`.
        """
        inputs = self.inputs(graph, q, v)
        total = 0.5 * inputs.mass * inputs.velocity.square().sum(1)
        parameters, start = list(self.network), 0
        blocks = [] if self.form.node == "mass" else [(inputs.site, 1.0)]
        for block, share in [*blocks, *((edge, 0.5) for edge in inputs.edges)]:  # each end has half of an edge
            stop = start + 2 * self.depth + 1
            own, linear = parameters[start:stop], parameters[stop]
            start = stop + 1
            if block is inputs.site and self.form.node == "free":
                total = total + self._free_energy(own, inputs)
            else:
                total = total - share * (_value(own, block.values) * block.present).sum(1)
            total = total - share * (block.skips @ linear[0])
        return total.reshape(len(q), -1).sum(1).numpy() * self.scaling.velocity**2

    def _free_energy(self, own: Sequence[Tensor], inputs: GraphInputs) -> Tensor:
        x, directions = self._state(inputs)
        slope = hessian_rows(own, x, directions)[0][:, -self.form.components :]
        return (slope * x[:, -self.form.components :]).sum(1) - values(own, x, x[:0])[:, 0]


def _force_net(inputs: int) -> Net:
    return Net(_GRADIENT, inputs, 1, biased=False)


def _linear_net(inputs: int) -> Net:
    return Net(_VALUES, inputs, 1, biased=False, hidden=False)


def _plain(x: Tensor) -> tuple[Tensor, Tensor]:
    """An argument without directions."""
    return x, x.new_empty(0, x.shape[-1])


def _pull(by_value: Tensor, block: EdgeInputs) -> Tensor:
    """The force (B, D) on nodes from derivatives by what the network sees (B, g, d)."""
    return torch.einsum("bgd,bgdi->bi", by_value, block.slopes)


def _value(own: Sequence[Tensor], x: Tensor) -> Tensor:
    return values(own, x.flatten(0, 1), x.new_empty(0, x.shape[-1])).reshape(x.shape[:2])
