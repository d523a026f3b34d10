"""Samples of a graph as a network sees them: every node with its neighbourhood, in the network's units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lagsym.errors import InputError
from lagsym.neural.graphs.features import Form, Seen
from lagsym.neural.graphs.graph import Graph


@dataclass(frozen=True)
class Unit:
    """Centre and spread of functions of one form (d,), by which they are brought to order one."""

    centre: Float[np.ndarray, " inputs"]
    spread: Float[np.ndarray, " inputs"]
    skip_spread: Float[np.ndarray, " skips"]

    @classmethod
    def of(cls, seen: Seen, present: np.ndarray) -> Unit:
        """The mean and standard deviation over all samples; a function that does not vary has spread one."""
        values, skips = seen.values[present], seen.skips[present]
        spread, skip_spread = values.std(0), skips.std(0)
        return cls(values.mean(0), np.where(spread > 0, spread, 1.0), np.where(skip_spread > 0, skip_spread, 1.0))


@dataclass(frozen=True)
class GraphScaling:
    """The units of a graph network.

    Arguments:
        length: of positions; velocities have the unit sqrt(length · acceleration).
        acceleration: the root mean square of what was seen.
        speed: spread of the velocities, in their unit.
        site: of functions of a node.
        edges: of functions of edges, kind by kind.
    """

    length: float
    acceleration: float
    speed: float
    site: Unit
    edges: tuple[Unit, ...]

    @property
    def velocity(self) -> float:
        """The unit of velocities."""
        return float(np.sqrt(self.length * self.acceleration))


@dataclass(frozen=True)
class EdgeInputs:
    """The edges of one kind at every node.

    Arguments:
        values: what the network sees (B, g, d).
        slopes: its derivatives by the node's position (B, g, d, D); zero where there is no edge.
        skips: functions that enter linearly, summed over the node's edges (B, k).
        skip_slopes: their derivatives (B, D, k).
        present: one where there is an edge, else zero (B, g).
    """

    values: Float[Tensor, "batch slots inputs"]
    slopes: Float[Tensor, "batch slots inputs components"]
    skips: Float[Tensor, "batch skips"]
    skip_slopes: Float[Tensor, "batch components skips"]
    present: Float[Tensor, "batch slots"]

    def take(self, index: Tensor) -> EdgeInputs:
        """The nodes at `index`."""
        return EdgeInputs(*(tensor[index] for tensor in vars(self).values()))


@dataclass(frozen=True)
class GraphInputs:
    """Nodes of one or more samples, each with its neighbourhood.

    Arguments:
        site: the node itself, as an edge of its own.
        velocity: in its unit (B, D).
        mass: (B,).
        edges: kind by kind.
    """

    site: EdgeInputs
    velocity: Float[Tensor, "batch components"]
    mass: Float[Tensor, " batch"]
    edges: tuple[EdgeInputs, ...]

    def __len__(self) -> int:
        return len(self.mass)

    def take(self, index: Tensor) -> GraphInputs:
        """The nodes at `index`."""
        edges = tuple(edge.take(index) for edge in self.edges)
        return GraphInputs(self.site.take(index), self.velocity[index], self.mass[index], edges)


@dataclass(frozen=True)
class Eyes:
    """How a network sees a graph: the forms of the nodes and of each kind of edges."""

    site: Form
    edges: tuple[Form, ...]

    def look(self, graph: Graph, q: np.ndarray) -> list[tuple[Seen, np.ndarray]]:
        """The functions of nodes, then of each kind of edges, at positions (S, N, D), and which edges there are.

        Raises:
            InputError: the graph has kinds of edges without a form, or q another number of nodes.
        """
        if q.ndim != 3 or q.shape[1] != graph.nodes or graph.kind_count > len(self.edges):
            msg = (
                f"expected positions (S, {graph.nodes}, D) and a graph with at most {len(self.edges)} kinds of edges; "
                f"got {q.shape} and {graph.kind_count}"
            )
            raise InputError(msg)
        alone = q[:, :, None]
        everywhere = np.ones(alone.shape[:-1], bool)
        found = [(self.site.seen(alone, alone, everywhere), everywhere)]
        for kind, form in enumerate(self.edges):
            near = graph.neighbourhoods(kind)
            own, other = np.broadcast_to(alone, q[:, near.other].shape), q[:, near.other]
            # A slot without an edge gets some distance, so that nothing in it is infinite.
            other = np.where(near.present[..., None], other, own + 1.0)
            present = np.broadcast_to(near.present, other.shape[:-1])
            found.append((form.seen(own, other, np.broadcast_to(near.head, other.shape[:-1])), present))
        return found

    def inputs(self, graph: Graph, q: np.ndarray, v: np.ndarray, scaling: GraphScaling) -> GraphInputs:
        """Positions and velocities (S, N, D) in the network's units; nodes of one sample in a row, B = S N."""
        units = (scaling.site, *scaling.edges)
        blocks = [_block(*seen, unit, scaling.length) for seen, unit in zip(self.look(graph, q), units, strict=True)]
        velocity = v.reshape(-1, v.shape[-1]) / scaling.velocity
        mass = np.tile(graph.mass_array, len(q))
        return GraphInputs(blocks[0], torch.from_numpy(velocity), torch.from_numpy(mass), tuple(blocks[1:]))

    def scaling(self, graph: Graph, q: np.ndarray, v: np.ndarray, a: np.ndarray) -> GraphScaling:
        """The units that suit positions, velocities and accelerations (S, N, D)."""
        (site, everywhere), *edges = self.look(graph, q)
        length = max((_extent(own.variables(q, graph, kind)) for kind, own in self._kinds()), default=0.0)
        length = length or float(q.std()) or 1.0
        acceleration = float(np.sqrt(np.mean(a**2))) or 1.0
        speed = float(v.std()) / np.sqrt(length * acceleration)
        units = (Unit.of(seen, present) for seen, present in edges)
        return GraphScaling(length, acceleration, speed or 1.0, Unit.of(site, everywhere), tuple(units))

    def _kinds(self) -> Sequence[tuple[int, _Edges]]:
        return [(kind, _Edges(form)) for kind, form in enumerate(self.edges)]


@dataclass(frozen=True)
class _Edges:
    form: Form

    def variables(self, q: np.ndarray, graph: Graph, kind: int) -> np.ndarray:
        """The variables of all edges of one kind (S, M, m)."""
        a, b = graph.ends(kind).T
        return self.form.variables(q[:, a], q[:, b], np.zeros((len(q), len(a)), bool))[0]


def _extent(values: np.ndarray) -> float:
    return float(values.std()) if values.size else 0.0


def _block(seen: Seen, present: np.ndarray, unit: Unit, length: float) -> EdgeInputs:
    there = present[..., None].astype(float)
    values = (seen.values - unit.centre) / unit.spread * there
    slopes = seen.slopes * (length / unit.spread)[:, None] * there[..., None]
    skips = (seen.skips / unit.skip_spread * there).sum(2)
    skip_slopes = (seen.skip_slopes * (length / unit.skip_spread)[:, None] * there[..., None]).sum(2)
    arrays = (values, slopes, skips, np.swapaxes(skip_slopes, -1, -2), present.astype(float))
    return EdgeInputs(*(torch.from_numpy(np.ascontiguousarray(array)).flatten(0, 1) for array in arrays))
