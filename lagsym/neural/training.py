"""Training: batches, evaluations, the best parameters, and when to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

import torch

from lagsym.errors import DataError
from lagsym.neural.examples import Examples
from lagsym.neural.models import NetworkLagrangian
from lagsym.neural.optimizers import LevenbergMarquardt, Soap
from lagsym.neural.options import SCHEDULES, FitOptions, OptimizerName
from lagsym.neural.progress import FitProgress

Status = Literal["converged", "stalled", "steps", "seconds", "singular", "beaten"]

_SOAP_BATCH = 512
_RESIDUALS_PER_PARAMETER = 1.5
"""Of a Levenberg–Marquardt batch at first: with fewer a step fits the batch, with more it costs more than it gains."""

_LARGEST_GROWTH = 4
_PROGRESS = 0.9
"""A held-out error that has not fallen to this fraction within the patience makes no progress."""

_BARRED = 50
"""Batches in a row on which no step is possible, after which the fit stops."""

_BEATEN = 3.0
"""Factor by which a fit must be expected to miss its rival's error to be given up half-way."""

_COUNTERS = ("step", "position", "growth", "grown_at", "barred", "best_error", "status")
"""Of a training's state, what is a number or a word."""


class _Optimizer(Protocol):
    def step(self, examples: Examples) -> float: ...

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


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
        self.name: OptimizerName = name
        self.schedule = SCHEDULES[name]
        self.steps = options.steps or self.schedule.steps
        self.optimizer: _Optimizer = (
            LevenbergMarquardt(model, len(examples)) if name == "levenberg-marquardt" else Soap(model, self.steps)
        )
        self.batch = max(1, _SOAP_BATCH // examples.group)
        if name == "levenberg-marquardt":
            self.batch = math.ceil(_RESIDUALS_PER_PARAMETER * model.parameter_count / examples.columns)
        self.generator = torch.Generator().manual_seed(seed)
        self.order, self.position = torch.empty(0, dtype=torch.long), 0
        self.step, self.barred = 0, 0
        self.growth, self.grown_at = 1, 0
        self.status: Status | None = None
        self.history: list[FitProgress] = []
        self.best_error = math.inf
        self.best = [parameter.detach().clone() for parameter in model.network]

    def run(
        self,
        progress: Callable[[FitProgress], None] | None = None,
        until: float = math.inf,
        keep: Callable[[], None] | None = None,
    ) -> Status:
        """Take steps until something says stop; leaves the best parameters in the model.

        Arguments:
            progress: called after every evaluation.
            until: when time is up, on the clock of `time.monotonic`.
            keep: called after every evaluation and once at the end, when `state` is that between two steps.
        """
        self.advance(self.steps, progress, until, keep)
        self.status = self.status or "steps"
        if keep is not None:
            keep()
        return self.finish()

    def advance(
        self,
        to: int,
        progress: Callable[[FitProgress], None] | None = None,
        until: float = math.inf,
        keep: Callable[[], None] | None = None,
    ) -> None:
        """Take steps up to number `to`, or until something says stop; see `run` for the rest."""
        while self.status is None and self.step < min(to, self.steps):
            squared = self.optimizer.step(self.examples.take(self.next_batch()))
            if self.count(squared):
                self.evaluate(math.sqrt(squared), until)
                if progress is not None:
                    progress(self.history[-1])
                if keep is not None and self.status is None:
                    keep()

    def count(self, squared: float) -> bool:
        """Note a step and its mean squared residual; whether an evaluation is due."""
        self.step += 1
        self.barred = 0 if math.isfinite(squared) else self.barred + 1
        return self.step % self.schedule.every == 0 or self.step == self.steps or self.barred == _BARRED

    def evaluate(self, training: float, until: float = math.inf) -> None:
        """Look at the held-out examples, keep the parameters if they do best, and decide whether to stop.

        Arguments:
            training: root mean square residual of the last batch.
            until: when time is up, on the clock of `time.monotonic`.
        """
        self.status = self._evaluate(training, until)

    def finish(self) -> Status:
        """Leave the best parameters in the model."""
        self.status = self.status or "steps"
        self.set_parameters(self.best)
        return self.status

    def state(self) -> dict[str, Any]:
        """All that the rest of the run depends on besides what the training was made with: numbers, text, tensors."""
        return {
            **{name: getattr(self, name) for name in _COUNTERS},
            "history": [[entry.step, entry.training_error, entry.held_out_error] for entry in self.history],
            "order": self.order,
            "generator": self.generator.get_state(),
            "parameters": [parameter.detach() for parameter in self.model.network],
            "best": self.best,
            "optimizer": self.optimizer.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state` of a training that was made with the same arguments.

        Raises:
            KeyError, RuntimeError, TypeError, ValueError: it is not such a state.
        """
        for name in _COUNTERS:
            setattr(self, name, state[name])
        self.history = [FitProgress(step, self.steps, *errors) for step, *errors in state["history"]]
        if self.status == "seconds":
            self.status = None  # there may be more time now
        self.order = torch.as_tensor(state["order"], dtype=torch.long)
        self.generator.set_state(state["generator"])
        self.best = [tensor.to(self.model.device) for tensor in state["best"]]
        self.set_parameters(state["parameters"])
        self.optimizer.restore(state["optimizer"])

    @torch.no_grad()
    def set_parameters(self, values: Sequence[torch.Tensor]) -> None:
        """Put these into the model."""
        for parameter, value in zip(self.model.network, values, strict=True):
            if value.shape != parameter.shape:
                msg = f"a parameter has shape {tuple(value.shape)}, not {tuple(parameter.shape)}"
                raise ValueError(msg)
            parameter.copy_(value)

    def next_batch(self) -> torch.Tensor:
        """Positions of the next batch's examples."""
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
        if self.barred >= _BARRED:
            return "singular"
        if self._beaten():
            return "beaten"
        if self._progresses():
            return None
        if self.growth >= _LARGEST_GROWTH:
            return "stalled"
        self.growth, self.grown_at = 2 * self.growth, self.step
        return None

    def _beaten(self) -> bool:
        """Whether, in the second half of the steps, the rival stays out of reach.

        What the steps up to now gained over the first half of them is what twice as many are expected to gain again.
        """
        rival = self.options.rival
        if rival is None or 2 * self.step < self.steps:
            return False
        early = min((entry.held_out_error for entry in self.history if 2 * entry.step <= self.step), default=math.inf)
        expected = self.best_error * min(self.best_error / early, 1.0) if 0 < early < math.inf else 0.0
        return expected > _BEATEN * rival

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


def require_finite_examples(examples: Examples, name: str = "") -> None:
    """Check that examples are finite in the network's units and number type.

    Raises:
        DataError: naming the first row that is not.
    """
    tensors = [value for value in (*vars(examples.inputs).values(), *vars(examples).values()) if _has_rows(value)]
    bad = torch.stack([~tensor.flatten(1).isfinite().all(1) for tensor in tensors if len(tensor) == len(tensors[0])])
    rows = bad.any(0).nonzero().flatten().tolist()
    if rows:
        msg = (
            f"expected samples that {str(examples.inputs.velocity.dtype).removeprefix('torch.')} can hold; the {name}"
            f"sample in row {rows[0]} is not ({len(rows)} such rows of {bad.shape[1]}); drop them first"
        )
        raise DataError(msg)


def _has_rows(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.dim() > 1
