"""The gradient of a batch, on CUDA as one graph of kernels.

A step of a small network is hundreds of small kernels, and a GPU starves while Python launches them one by one.  A CUDA
graph launches all at once: it is recorded from one run and reads and writes the same memory ever after, so that a batch
is copied to where the recorded one was.

Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor

from lagsym.neural.examples import Examples
from lagsym.neural.models import NetworkLagrangian
from lagsym.neural.sweeps import mean_square_and_gradient

_WARM_UP = 3
"""Runs before recording, in which libraries set up what may not be set up while recording."""

Gradient = tuple[Tensor, list[Tensor]]
"""The mean square of the residuals () and its gradient by every parameter."""


class BatchGradient:
    """The mean square of a batch's residuals, and its gradient by every parameter of a model.

    On CUDA a graph is recorded for every size of batch, where the examples allow it (`Examples.static`); the next call
    overwrites what it gives.  Elsewhere, and where recording fails, which is warned of once, kernels are launched one
    by one.

    Arguments:
        model: followed as its parameters are changed in place.
    """

    def __init__(self, model: NetworkLagrangian) -> None:
        self._model, self._captures = model, model.device.type == "cuda"
        self._recorded: dict[object, Callable[[Examples], Gradient]] = {}

    def __call__(self, batch: Examples) -> Gradient:
        """For examples on the model's device."""
        if not (self._captures and batch.static):
            return self._launch(batch)
        form = (type(batch), *(tensor.shape for tensor in tensors_of(batch)))
        if form not in self._recorded:
            self._recorded[form] = self._record(batch)
        return self._recorded[form](batch)

    def _launch(self, batch: Examples) -> Gradient:
        return mean_square_and_gradient(self._model, batch)

    def _record(self, batch: Examples) -> Callable[[Examples], Gradient]:
        try:
            return record(self._launch, batch)
        except RuntimeError as error:
            warnings.warn(f"steps are not captured as CUDA graphs and may be slow: {error}", RuntimeWarning, 2)
            self._captures = False
            return self._launch


@dataclass(frozen=True)
class _Replay:
    """A recorded graph, and the tensors that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    batch: Examples
    result: Gradient

    def __call__(self, batch: Examples) -> Gradient:
        overwrite(self.batch, batch)
        self.graph.replay()
        return self.result


def record(step: Callable[[Examples], Gradient], batch: Examples) -> Callable[[Examples], Gradient]:
    """A step as one CUDA graph, for batches of the same shapes.

    Raises:
        RuntimeError: the step does what cannot be recorded, such as to wait for the device.
    """
    batch = duplicate(batch)
    device = batch.inputs.velocity.device
    current, stream = torch.cuda.current_stream(device), torch.cuda.Stream(device)
    stream.wait_stream(current)
    with torch.cuda.stream(stream):
        for _ in range(_WARM_UP):
            step(batch)
    current.wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = step(batch)
    return _Replay(graph, batch, result)


def tensors_of(batch: Examples) -> list[Tensor]:
    """All tensors of a batch, in order."""
    values = (*vars(batch.inputs).values(), *vars(batch).values())
    return [value for value in values if isinstance(value, Tensor)]


def duplicate(batch: Examples) -> Examples:
    """A batch with tensors of its own."""
    own = {name: value.clone() for name, value in vars(batch).items() if isinstance(value, Tensor)}
    inputs = {name: value.clone() for name, value in vars(batch.inputs).items() if value is not None}
    return replace(cast("Any", batch), **own, inputs=replace(batch.inputs, **inputs))


def overwrite(batch: Examples, other: Examples) -> None:
    """Put another batch of the same shapes where this one is."""
    for mine, theirs in zip(tensors_of(batch), tensors_of(other), strict=True):
        mine.copy_(theirs)
