"""Fitting: jets -> a trained Lagrangian network."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from contextlib import nullcontext
from dataclasses import dataclass

import torch

from lagsym.data.jets import Jets
from lagsym.errors import DataError, InputError, UnavailableError
from lagsym.neural.device import keep_freed_memory, one_thread, resolve_device
from lagsym.neural.examples import LOSSES, AccelerationExamples
from lagsym.neural.models import STRUCTURES, NetworkLagrangian
from lagsym.neural.options import SCHEDULES, FitOptions, OptimizerName
from lagsym.neural.progress import FitProgress
from lagsym.neural.scaling import Scaling, require_finite
from lagsym.neural.training import Status, Training, error

_EVALUATIONS = 4000
"""Held-out samples that are looked at during a fit, at most."""


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
    model = STRUCTURES[options.structure](scaling, width=options.width, depth=options.depth, seed=seed)
    optimizer = options.optimizer_for(model.parameter_count)
    model = model.converted(SCHEDULES[optimizer].dtype).to(_device(device, optimizer))
    keep_freed_memory()
    small = optimizer == "levenberg-marquardt" and model.device.type == "cpu"
    with one_thread() if small else nullcontext():
        examples = LOSSES[options.loss_for(options.structure)].of(jets_train, model)
        training = Training(model, examples, _held_out(jets_choose, model, seed), options, optimizer, seed)
        status = training.run(progress, math.inf if options.seconds is None else started + options.seconds)
    return Fit(
        model.converted(torch.float64),
        tuple(training.history),
        status,
        time.monotonic() - started,
        training.best_error,
        options,
        seed,
        optimizer,
    )


def _held_out(jets: Jets, model: NetworkLagrangian, seed: int) -> AccelerationExamples:
    generator = torch.Generator().manual_seed(seed)
    return AccelerationExamples.of(
        jets.take(torch.randperm(len(jets), generator=generator)[:_EVALUATIONS].numpy()), model
    )


def relative_error(model: NetworkLagrangian, jets: Jets) -> float:
    """Root mean square error of a network's accelerations on jets, each coordinate relative to its own.

    Raises:
        DataError: the jets hold no accelerations.
    """
    return error(model, AccelerationExamples.of(jets, model))


def _check_pair(train: Jets, choose: Jets) -> None:
    if train.q.shape[1] != choose.q.shape[1]:
        msg = f"expected the same coordinates in both; got {train.q.shape[1]} to train, {choose.q.shape[1]} to choose"
        raise InputError(msg)
    for name, values in (("position", choose.q), ("velocity", choose.v), ("acceleration", choose.a)):
        try:
            require_finite(name, values)
        except DataError as problem:
            msg = f"held-out jets: {problem}"
            raise DataError(msg) from None


def _device(name: str, optimizer: OptimizerName) -> torch.device:
    device = resolve_device(name)
    if device.type == "mps" and optimizer == "levenberg-marquardt":
        msg = "Levenberg-Marquardt needs double precision, which mps lacks; choose device 'cpu' or optimizer 'soap'"
        raise UnavailableError(msg)
    return device
