"""Fitting: jets -> a trained Lagrangian network."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Literal, Protocol

import torch

from lagsym.data.jets import Jets
from lagsym.errors import DataError, InputError, UnavailableError
from lagsym.neural.device import keep_freed_memory, one_thread, resolve_device
from lagsym.neural.examples import AccelerationExamples, BalanceExamples, Examples
from lagsym.neural.levenberg_marquardt import LevenbergMarquardt
from lagsym.neural.models import STRUCTURES, NetworkLagrangian
from lagsym.neural.progress import FitProgress
from lagsym.neural.scaling import Scaling, require_finite
from lagsym.neural.soap import Soap

_LOSSES: dict[str, type[AccelerationExamples]] = {"acceleration": AccelerationExamples, "balance": BalanceExamples}

OptimizerName = Literal["levenberg-marquardt", "soap"]
Status = Literal["converged", "stalled", "steps", "seconds"]

LEVENBERG_MARQUARDT_LIMIT = 4000
"""Above this number of parameters "auto" takes SOAP."""

_EVALUATIONS = 4000
"""Held-out samples that are looked at during a fit, at most."""


@dataclass(frozen=True)
class _Schedule:
    """How an optimiser is driven when the options leave it open."""

    steps: int
    every: int  # steps between evaluations
    patience: int | None  # steps without progress before the batch grows or, once it is largest, the fit stops
    dtype: torch.dtype


_SCHEDULES: dict[OptimizerName, _Schedule] = {
    "levenberg-marquardt": _Schedule(steps=400, every=5, patience=40, dtype=torch.float64),
    # The cosine makes its best progress at the end, so a plateau in the middle means nothing.
    "soap": _Schedule(steps=20_000, every=200, patience=None, dtype=torch.float32),
}


_SOAP_BATCH = 512
_RESIDUALS_PER_PARAMETER = 1.5
"""Of a Levenberg–Marquardt batch at first: with fewer a step fits the batch, with more it costs more than it gains."""

_LARGEST_GROWTH = 4
_PROGRESS = 0.9
"""A held-out error that has not fallen to this fraction within the patience makes no progress."""


@dataclass(frozen=True)
class FitOptions:
    """How a network is built and trained.

    Arguments:
        structure: "natural", ½ v·M(q) v − V(q); "gyroscopic", with A(q)·v; "separable", T(v) − V(q); "free", L(q, v).
        loss: "acceleration", the error of M⁻¹ f; "balance", that of M a − f relative to |M|; or "auto", which takes
            the second for separable networks, whose M may span decades.
        harmonics: multiples of angles up to this one are given to the network.
        explicit_time: whether the Lagrangian may depend on time.
        width: units of each hidden layer.
        depth: hidden layers.
        optimizer: "levenberg-marquardt", "soap", or "auto", which takes the first up to 4000 parameters.
        steps: steps at most; None for what suits the optimiser (400, or 20,000 for SOAP).
        tolerance: stop when the held-out relative acceleration error is below this.
        seconds: a cap on the time, or None. A fit that hits it says so and does not repeat exactly.

    Raises:
        InputError: a value is not one of the above or not positive.
    """

    structure: str = "natural"
    loss: str = "auto"
    harmonics: int = 1
    explicit_time: bool = False
    width: int = 32
    depth: int = 2
    optimizer: str = "auto"
    steps: int | None = None
    tolerance: float = 2e-4
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.structure not in STRUCTURES:
            msg = f"expected a structure among {', '.join(STRUCTURES)}; got {self.structure!r}"
            raise InputError(msg)
        if self.optimizer not in ("auto", *_SCHEDULES):
            msg = f"expected an optimizer among auto, {', '.join(_SCHEDULES)}; got {self.optimizer!r}"
            raise InputError(msg)
        if self.loss not in ("auto", *_LOSSES):
            msg = f"expected a loss among auto, {', '.join(_LOSSES)}; got {self.loss!r}"
            raise InputError(msg)
        for name in ("width", "depth", "harmonics", "steps", "seconds"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                msg = f"expected {name} above zero; got {value}"
                raise InputError(msg)
        if not self.tolerance >= 0:
            msg = f"expected a tolerance of zero or more; got {self.tolerance}"
            raise InputError(msg)


@dataclass(frozen=True)
class Fit:
    """A trained network and how it came about.

    Arguments:
        model: the network with the parameters that did best on the held-out jets, in double precision on the CPU.
        history: every evaluation, in order.
        status: "converged" (tolerance reached), "stalled" (no more progress), "steps" (all were taken) or "seconds"
            (the cap was hit).
        seconds: time taken.
        held_out_error: relative acceleration error of `model` on the held-out jets, root mean square over samples and
            coordinates, each coordinate relative to its own root mean square.
        options: what was asked for.
        seed: of the initial weights and the batches.
        optimizer: the one that was used.
    """

    model: NetworkLagrangian
    history: tuple[FitProgress, ...]
    status: Status
    seconds: float
    held_out_error: float
    options: FitOptions
    seed: int
    optimizer: OptimizerName


class _Optimizer(Protocol):
    def step(self, examples: Examples) -> float: ...


def fit(
    jets_train: Jets,
    jets_choose: Jets,
    *,
    angles: Collection[int] = (),
    options: FitOptions | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Callable[[FitProgress], None] | None = None,
) -> Fit:
    """Train a Lagrangian network so that M⁻¹ f matches the accelerations of jets.

    The loss is the mean square acceleration error, each coordinate relative to its root mean square. Work is counted in
    steps: the same jets, options and seed give the same network.

    Arguments:
        jets_train: samples with accelerations, to learn from.
        jets_choose: held-out samples with accelerations, which decide when to stop and which parameters to keep.
        angles: positions of the coordinates with period 2 pi.
        options: how; by default a natural network of 2 × 32 units.
        seed: of initial weights and batches.
        device: "auto", "cpu", "cuda" or "mps".
        progress: called after every evaluation, see `progress_bar`.

    Raises:
        DataError: jets without samples or accelerations, or with a value that is not finite; names the row.
        InputError: the two have different numbers of coordinates, or an angle is not a coordinate.
        UnavailableError: the device is missing, or cannot do what the optimiser needs.
    """
    options = options or FitOptions()
    started = time.monotonic()
    _check_pair(jets_train, jets_choose)
    scaling = Scaling.of(jets_train, angles, harmonics=options.harmonics, explicit_time=options.explicit_time)
    model, optimizer = _build(scaling, options, seed)
    model.to(_device(device, optimizer))
    keep_freed_memory()
    small = optimizer == "levenberg-marquardt" and model.device.type == "cpu"
    with one_thread() if small else nullcontext():
        run = _Run(model, options, optimizer, progress)
        status = run.train(jets_train, jets_choose, seed, started)
    model = model.converted(torch.float64)
    return Fit(model, tuple(run.history), status, time.monotonic() - started, run.best_error, options, seed, optimizer)


def relative_error(model: NetworkLagrangian, jets: Jets) -> float:
    """Root mean square error of a network's accelerations on jets, each coordinate relative to its own.

    Raises:
        DataError: the jets hold no accelerations.
    """
    return _error(model, AccelerationExamples.of(jets, model))


def _check_pair(train: Jets, choose: Jets) -> None:
    if train.q.shape[1] != choose.q.shape[1]:
        msg = f"expected the same coordinates in both; got {train.q.shape[1]} to train, {choose.q.shape[1]} to choose"
        raise InputError(msg)
    for name, values in (("position", choose.q), ("velocity", choose.v), ("acceleration", choose.a)):
        try:
            require_finite(name, values)
        except DataError as error:
            msg = f"held-out jets: {error}"
            raise DataError(msg) from None


def _build(scaling: Scaling, options: FitOptions, seed: int) -> tuple[NetworkLagrangian, OptimizerName]:
    model = STRUCTURES[options.structure](scaling, width=options.width, depth=options.depth, seed=seed)
    small = model.parameter_count <= LEVENBERG_MARQUARDT_LIMIT
    optimizer: OptimizerName = "soap"
    if options.optimizer == "levenberg-marquardt" or (options.optimizer == "auto" and small):
        optimizer = "levenberg-marquardt"
    return model.converted(_SCHEDULES[optimizer].dtype), optimizer


def _device(name: str, optimizer: OptimizerName) -> torch.device:
    device = resolve_device(name)
    if device.type == "mps" and optimizer == "levenberg-marquardt":
        msg = "Levenberg-Marquardt needs double precision, which mps lacks; choose device 'cpu' or optimizer 'soap'"
        raise UnavailableError(msg)
    return device


class _Run:
    """One run of an optimiser: batches, evaluations, the best parameters, and when to stop."""

    def __init__(
        self,
        model: NetworkLagrangian,
        options: FitOptions,
        name: OptimizerName,
        progress: Callable[[FitProgress], None] | None,
    ) -> None:
        self.model, self.options, self.progress = model, options, progress
        self.schedule = _SCHEDULES[name]
        self.steps = options.steps or self.schedule.steps
        self.optimizer: _Optimizer = (
            LevenbergMarquardt(model) if name == "levenberg-marquardt" else Soap(model, self.steps)
        )
        self.batch = _SOAP_BATCH
        if name == "levenberg-marquardt":
            self.batch = math.ceil(_RESIDUALS_PER_PARAMETER * model.parameter_count / model.coordinates)
        self.growth, self.grown_at = 1, 0
        self.history: list[FitProgress] = []
        self.best_error = math.inf
        self.best = [parameter.detach().clone() for parameter in model.network]

    def train(self, train: Jets, choose: Jets, seed: int, started: float) -> Status:
        """Take steps until something says stop; leaves the best parameters in the model."""
        model, generator = self.model, torch.Generator().manual_seed(seed)
        loss = self.options.loss if self.options.loss != "auto" else _usual_loss(model)
        examples = _LOSSES[loss].of(train, model)
        few = torch.randperm(len(choose), generator=generator)[:_EVALUATIONS].numpy()
        held_out = AccelerationExamples.of(choose.take(few), model)
        status: Status = "steps"
        order, position = torch.empty(0, dtype=torch.long), 0
        for step in range(1, self.steps + 1):
            size = min(self.batch * self.growth, len(examples))
            if position + size > len(order):
                order, position = torch.randperm(len(examples), generator=generator), 0
            index = order[position : position + size].to(model.device)
            position += size
            squared = self.optimizer.step(examples.take(index))
            if step % self.schedule.every and step < self.steps:
                continue
            stop = self._evaluate(step, math.sqrt(squared), _error(model, held_out), started)
            if stop is not None:
                status = stop
                break
        with torch.no_grad():
            for parameter, best in zip(model.network, self.best, strict=True):
                parameter.copy_(best)
        return status

    def _evaluate(self, step: int, training: float, error: float, started: float) -> Status | None:
        self.history.append(FitProgress(step, self.steps, training, error))
        if self.progress is not None:
            self.progress(self.history[-1])
        if error < self.best_error:
            self.best_error = error
            self.best = [parameter.detach().clone() for parameter in self.model.network]
        if self.best_error < self.options.tolerance:
            return "converged"
        if self.options.seconds is not None and time.monotonic() - started > self.options.seconds:
            return "seconds"
        if self._progresses(step):
            return None
        if self.growth >= _LARGEST_GROWTH:
            return "stalled"
        self.growth, self.grown_at = 2 * self.growth, step
        return None

    def _progresses(self, step: int) -> bool:
        patience = self.schedule.patience
        if patience is None or step - self.grown_at < patience:
            return True
        earlier = (entry.held_out_error for entry in self.history if entry.step <= step - patience)
        return self.best_error < _PROGRESS * min(earlier, default=math.inf)


def _usual_loss(model: NetworkLagrangian) -> str:
    return "balance" if model.structure == "separable" else "acceleration"


@torch.no_grad()
def _error(model: NetworkLagrangian, examples: Examples) -> float:
    error = float(examples.error(model))
    return error if math.isfinite(error) else math.inf
