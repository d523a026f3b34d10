"""Fitting a graph Lagrangian to motion."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lagsym.neural.device import keep_freed_memory, one_thread
from lagsym.neural.examples import Examples
from lagsym.neural.graphs.averages import Averages
from lagsym.neural.graphs.graph import Graph
from lagsym.neural.graphs.inputs import GraphInputs
from lagsym.neural.graphs.measured import Data, observed
from lagsym.neural.graphs.model import GraphForm, GraphLagrangian
from lagsym.neural.models.base import Outputs
from lagsym.neural.options import FitOptions
from lagsym.neural.progress import FitProgress
from lagsym.neural.training import Status, Training

WEAKEST = 0.1
"""A sample's error is relative to its own acceleration, or to this fraction of the root mean square of all."""


@dataclass(frozen=True)
class GraphOptions:
    """How a graph Lagrangian is built and trained.

    Arguments:
        form: what it may depend on.
        width: units of each hidden layer.
        depth: hidden layers.
        steps: steps at most; None for what suits the optimiser.
        tolerance: stop when the held-out relative error is below this.
        seconds: a cap on the time, or None; a fit that hits it says so and does not repeat exactly.

    Raises:
        InputError: a number is not positive.
    """

    form: GraphForm = field(default_factory=GraphForm)
    width: int = 20
    depth: int = 2
    steps: int | None = None
    tolerance: float = 1e-6
    seconds: float | None = None

    def __post_init__(self) -> None:
        self.training()

    def training(self) -> FitOptions:
        """The options of the optimiser's run."""
        return FitOptions(
            width=self.width,
            depth=self.depth,
            optimizer="levenberg-marquardt",
            steps=self.steps,
            tolerance=self.tolerance,
            seconds=self.seconds,
        )


@dataclass(frozen=True)
class GraphFit:
    """A trained graph Lagrangian and how it came about.

    Arguments:
        model: with the parameters that did best on the held-out data.
        graph: what it was trained on; it can be asked for others.
        history: every evaluation, in order.
        status: why training stopped, see `lagsym.neural.fitting.Fit`.
        seconds: time taken.
        held_out_error: root mean square of the error of held-out accelerations, relative to theirs.
        options: what was asked for.
        seed: of the initial weights and the batches.
    """

    model: GraphLagrangian
    graph: Graph
    history: tuple[FitProgress, ...]
    status: Status
    seconds: float
    held_out_error: float
    options: GraphOptions
    seed: int


def fit_graph(
    train: Data,
    choose: Data,
    graph: Graph,
    *,
    options: GraphOptions | None = None,
    columns: Int[np.ndarray, "nodes components"] | None = None,
    seed: int = 0,
    progress: Callable[[FitProgress], None] | None = None,
) -> GraphFit:
    """Train a graph Lagrangian so that its accelerations match those of all nodes, or their averages over windows.

    The loss is the mean square of (a − a_data) / sqrt(|a_data|² + 0.01 a_rms²) over nodes, with |a_data| that of the
    node's whole sample: close encounters do not drown what happens at a distance.  Trajectories without accelerations
    are taken as measured, and averages are matched that need no second derivative, see `average_accelerations`.

    Arguments:
        train: motion; coordinates are named x1, y1, x2, y2, ..., or listed in `columns`.
        choose: held out, of the same nodes: decides when to stop and which parameters to keep.
        graph: who acts on whom.
        options: how.
        columns: the column of each component of each node (N, D).
        seed: of the initial weights and the batches.
        progress: called after every evaluation.

    Raises:
        DataError: velocities or accelerations of jets are missing or not finite, or records are too short.
        InputError: the nodes of the data and of the graph do not fit.

    Source: Levenberg-Marquardt as in `lagsym.neural.optimizers`; the graph network is that of Cranmer et al. (2020),
    arXiv:2003.04630.
    """
    options = options or GraphOptions()
    began = time.monotonic()
    seen, held_out = (observed(data, columns) for data in (train, choose))
    form = replace(options.form, components=seen.q.shape[-1])
    scaling = form.eyes().scaling(graph, seen.q, seen.v, seen.acceleration)
    model = GraphLagrangian(form, scaling, width=options.width, depth=options.depth, seed=seed)
    keep_freed_memory()
    with one_thread():
        learn, judge = (GraphExamples.of(model, graph, part) for part in (seen, held_out))
        training = Training(cast("Any", model), learn, judge, options.training(), "levenberg-marquardt", seed)
        until = math.inf if options.seconds is None else began + options.seconds
        status = training.run(progress, until)
        error = graph_error(model, graph, held_out)
    seconds = time.monotonic() - began
    return GraphFit(model, graph, tuple(training.history), status, seconds, error, options, seed)


def graph_error(model: GraphLagrangian, graph: Graph, data: Data, columns: np.ndarray | None = None) -> float:
    """Root mean square error of a network's accelerations or their averages, relative to those of the data.

    Arguments:
        model: trained on any graph with the same kinds of edges.
        graph: that of the data.
        data: motion, as of `fit_graph`.
        columns: as of `fit_graph`.

    Raises:
        DataError: velocities or accelerations are missing or not finite.
        InputError: the nodes of the data and of the graph do not fit.
    """
    seen = observed(data, columns)
    square = float(np.mean(seen.acceleration**2)) or 1.0  # where nothing moves, the error itself
    found = seen.average(model.acceleration(graph, seen.q, seen.v))
    return float(np.sqrt(np.mean((found - seen.acceleration) ** 2) / square))


@dataclass(frozen=True)
class GraphExamples(Examples):
    """Accelerations of nodes to be matched, each node of each window an example.

    Arguments:
        inputs: the nodes with their neighbourhoods (B · group, ...).
        value: weights of the samples of a window (B, group).
        acceleration: in the network's units (B, D).
        weight: of each node (B, 1).
    """

    inputs: Any
    value: Float[Tensor, "batch samples"]
    acceleration: Float[Tensor, "batch components"]
    weight: Float[Tensor, "batch 1"]

    @classmethod
    def of(cls, model: GraphLagrangian, graph: Graph, data: Averages) -> GraphExamples:
        """All nodes of all windows."""
        scaled = data.acceleration / model.scaling.acceleration
        _, nodes, components = scaled.shape
        size = np.sqrt(np.mean(scaled**2, (1, 2)) + WEAKEST**2)
        rows = data.index[:, None] * nodes + np.arange(nodes)[:, None]  # samples of one example in a row
        inputs = model.inputs(graph, data.q, data.v).take(torch.from_numpy(rows.ravel()))
        own = (np.repeat(data.value, nodes, 0), scaled.reshape(-1, components), np.repeat(1 / size, nodes)[:, None])
        return cls(inputs, *map(torch.from_numpy, own))

    @property
    def group(self) -> int:
        """Samples of a window."""
        return self.value.shape[1]

    @property
    def columns(self) -> int:
        """How many independent residuals an example has."""
        return self.acceleration.shape[1]

    def take(self, index: Tensor) -> GraphExamples:
        """The nodes at `index`, weighed as before."""
        places = index.unsqueeze(1) * self.group + torch.arange(self.group)
        inputs = self.inputs.take(places.flatten())
        return GraphExamples(inputs, self.value[index], self.acceleration[index], self.weight[index])

    def residuals(self, model: Any, outputs: Outputs) -> Float[Tensor, "batch components"]:
        """Weighted errors of accelerations in the network's units."""
        inputs: GraphInputs = self.inputs
        samples = model.solved(outputs, inputs).unflatten(0, self.value.shape)
        return ((self.value.unsqueeze(-1) * samples).sum(1) - self.acceleration) * self.weight
