"""Training: batches, evaluations, the best parameters, and when to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Literal, Protocol

import torch

from lagsym.neural.examples import Examples
from lagsym.neural.models import NetworkLagrangian
from lagsym.neural.optimizers import LevenbergMarquardt, Soap
from lagsym.neural.options import SCHEDULES, FitOptions, OptimizerName
from lagsym.neural.progress import FitProgress

Status = Literal["converged", "stalled", "steps", "seconds"]

_SOAP_BATCH = 512
_RESIDUALS_PER_PARAMETER = 1.5
"""Of a Levenberg–Marquardt batch at first: with fewer a step fits the batch, with more it costs more than it gains."""

_LARGEST_GROWTH = 4
_PROGRESS = 0.9
"""A held-out error that has not fallen to this fraction within the patience makes no progress."""


class _Optimizer(Protocol):
    def step(self, examples: Examples) -> float: ...


class Training:
    """One run of an optimiser: batches, evaluations, the best parameters, and when to stop.

    Arguments:
        model: changed in place; on its device, in the number type that it is trained in.
        examples: what it learns from.
        held_out: what decides when to stop and which parameters to keep.
        options: how.
        name: which optimiser.
        seed: of the batches.
    """

    def __init__(
        self,
        model: NetworkLagrangian,
        examples: Examples,
        held_out: Examples,
        options: FitOptions,
        name: OptimizerName,
        seed: int,
    ) -> None:
        self.model, self.examples, self.held_out, self.options = model, examples, held_out, options
        self.schedule = SCHEDULES[name]
        self.steps = options.steps or self.schedule.steps
        self.optimizer: _Optimizer = (
            LevenbergMarquardt(model) if name == "levenberg-marquardt" else Soap(model, self.steps)
        )
        self.batch = _SOAP_BATCH
        if name == "levenberg-marquardt":
            self.batch = math.ceil(_RESIDUALS_PER_PARAMETER * model.parameter_count / model.coordinates)
        self.generator = torch.Generator().manual_seed(seed)
        self.order, self.position = torch.empty(0, dtype=torch.long), 0
        self.step = 0
        self.growth, self.grown_at = 1, 0
        self.history: list[FitProgress] = []
        self.best_error = math.inf
        self.best = [parameter.detach().clone() for parameter in model.network]

    def run(self, progress: Callable[[FitProgress], None] | None = None, until: float = math.inf) -> Status:
        """Take steps until something says stop; leaves the best parameters in the model.

        Arguments:
            progress: called after every evaluation.
            until: when time is up, on the clock of `time.monotonic`.
        """
        status: Status | None = None
        while status is None and self.step < self.steps:
            squared = self.optimizer.step(self.examples.take(self._next_batch()))
            self.step += 1
            if self.step % self.schedule.every == 0 or self.step == self.steps:
                status = self._evaluate(math.sqrt(squared), until)
                if progress is not None:
                    progress(self.history[-1])
        with torch.no_grad():
            for parameter, best in zip(self.model.network, self.best, strict=True):
                parameter.copy_(best)
        return status or "steps"

    def _next_batch(self) -> torch.Tensor:
        size = min(self.batch * self.growth, len(self.examples))
        if self.position + size > len(self.order):
            self.order, self.position = torch.randperm(len(self.examples), generator=self.generator), 0
        self.position += size
        return self.order[self.position - size : self.position].to(self.model.device)

    def _evaluate(self, training: float, until: float) -> Status | None:
        held_out = error(self.model, self.held_out)
        self.history.append(FitProgress(self.step, self.steps, training, held_out))
        if held_out < self.best_error:
            self.best_error = held_out
            self.best = [parameter.detach().clone() for parameter in self.model.network]
        if self.best_error < self.options.tolerance:
            return "converged"
        if time.monotonic() > until:
            return "seconds"
        if self._progresses():
            return None
        if self.growth >= _LARGEST_GROWTH:
            return "stalled"
        self.growth, self.grown_at = 2 * self.growth, self.step
        return None

    def _progresses(self) -> bool:
        patience = self.schedule.patience
        if patience is None or self.step - self.grown_at < patience:
            return True
        earlier = (entry.held_out_error for entry in self.history if entry.step <= self.step - patience)
        return self.best_error < _PROGRESS * min(earlier, default=math.inf)


@torch.no_grad()
def error(model: NetworkLagrangian, examples: Examples) -> float:
    """The error of a network on examples; infinite where it is not a number."""
    value = float(examples.error(model))
    return value if math.isfinite(value) else math.inf
