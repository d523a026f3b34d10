"""Fitting: jets or trajectories -> a trained Lagrangian network."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from lagsym.data.jets import Jets
from lagsym.data.trajectories import Trajectories
from lagsym.errors import DataError, InputError, UnavailableError
from lagsym.neural.device import keep_freed_memory, one_thread, require_eigenvectors, resolve_device
from lagsym.neural.examples import AccelerationExamples, Motion
from lagsym.neural.models import STRUCTURES, NetworkLagrangian
from lagsym.neural.models.forces import without_inputs
from lagsym.neural.models.open_system import surround
from lagsym.neural.options import SCHEDULES, FitOptions, OptimizerName
from lagsym.neural.progress import FitProgress
from lagsym.neural.scaling import Scaling, require_finite
from lagsym.neural.starts import Starts, seed_of
from lagsym.neural.training import Status, Training, error, require_finite_examples
from lagsym.neural.trials import approach, choose_loss, examples_of, held_out_of
from lagsym.neural.unfinished import Checkpoint, identity

_LARGEST = 1e100


@dataclass(frozen=True)
class Fit:
    """A trained network and how it came about.

    Arguments:
        model: the network with the parameters that did best on the held-out jets, in double precision on the CPU.
        history: every evaluation, in order.
        status: "converged" (tolerance reached), "stalled" (no more progress), "steps" (all were taken), "seconds"
            (the cap was hit), "singular" (on many batches in a row no step was possible, as M could not be inverted) or
            "beaten" (half-way it was clear that the rival of `options` is out of reach).
        seconds: time taken, before and after a resumption.
        held_out_error: relative acceleration error of `model` on the held-out jets, root mean square over samples and
            coordinates, each coordinate relative to its own root mean square; for the losses "weak" and "rollout" what
            these minimise, on held-out windows.
        options: what was asked for, with the loss that was taken.
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


def fit(  # noqa: PLR0913 (two of them say what a fit learns, all others have defaults and names)
    jets_train: Jets | Trajectories | Motion,
    jets_choose: Jets | Trajectories | Motion,
    *,
    angles: Collection[int] = (),
    options: FitOptions | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Callable[[FitProgress], None] | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
) -> Fit:
    """Train a Lagrangian network so that M⁻¹ f matches the accelerations of jets.

    For jets the loss is the mean square acceleration error, each coordinate relative to its root mean square; for
    trajectories it may be one that needs no accelerations, see `FitOptions`. Work is counted in steps: the same data,
    options and seed give the same network.

    Arguments:
        jets_train: samples with accelerations, or measured trajectories, smoothed already or not, to learn from.
        jets_choose: held out, of the same kind: these decide when to stop and which parameters to keep.
        angles: positions of the coordinates with period 2 pi.
        options: how; by default a natural network of 2 × 32 units.
        seed: of initial weights and batches.
        device: "auto", "cpu", "cuda" or "mps".
        progress: called after every evaluation, see `progress_bar`.
        checkpoint: a JSON file that is kept up to date, every few seconds, with all that is needed to go on; whole even
            where the process was killed. It stays when the fit is done.
        resume: go on from `checkpoint` where there is one, to the very network, on the CPU with as many threads, that
            the fit would have ended with.

    Raises:
        DataError: jets without samples or accelerations, or with a value that is not finite; names the row. Or the
            checkpoint is damaged.
        InputError: the two have different numbers of coordinates, one is jets and one trajectories, the loss needs
            trajectories, an angle is not a coordinate, or the checkpoint is of other data, options or versions, not one
            of lagsym's, or cannot be written.
        UnavailableError: the device is missing, or cannot do what the optimiser needs.
    """
    options = options or FitOptions()
    started, cap = time.monotonic(), math.inf if options.seconds is None else options.seconds
    train, choose = _seen(jets_train), _seen(jets_choose)
    check_pair(train, choose)
    begun = begin(train, choose, angles, options, seed, device, started + cap)
    starts = Starts(begun.training, options.starts)
    with threads_for(starts.training.model):
        if checkpoint is None:
            status = starts.run(progress, started + cap)
        else:
            kept = Checkpoint(checkpoint, identity(starts.training, seed, _jets(train), _jets(choose)), started)
            status = kept.run(starts, progress, cap, resume=resume)
            started = kept.started
    return finished(starts.training, status, time.monotonic() - started, seed)


@dataclass(frozen=True)
class Beginning:
    """What every start of a fit has in common.

    Arguments:
        train: to learn from.
        choose: held out.
        ready: the network of a width and a seed as it begins, on the device and in the number type of its training.
        options: how, with the loss that was chosen.
        optimizer: which.
        seed: of the first start, and of what the starts are judged by.
        until: when time is up, on the clock of `time.monotonic`.
    """

    train: Jets | Motion
    choose: Jets | Motion
    ready: Callable[[int, int], NetworkLagrangian]
    options: FitOptions
    optimizer: OptimizerName
    seed: int
    until: float

    def training(self, start: int = 0) -> Training:
        """The training of one start: initial weights and batches are its own."""
        options, seed = self.options, seed_of(self.seed, start)
        model = self.ready(options.width, seed)
        with threads_for(model):
            approach(model, self.train, self.choose, options, self.optimizer, seed, self.until)
            examples = examples_of(options.loss, self.train, model)
            held_out = held_out_of(options.loss, self.choose, model, self.seed)
            require_finite_examples(examples)
            require_finite_examples(held_out, "held-out ")
            return Training(model, examples, held_out, options, self.optimizer, seed)


def begin(
    train: Jets | Motion,
    choose: Jets | Motion,
    angles: Collection[int],
    options: FitOptions,
    seed: int,
    device: str,
    until: float = math.inf,
) -> Beginning:
    """A fit as it begins: the network, what it learns from and what it is judged by.

    Arguments:
        train: to learn from.
        choose: held out.
        angles: positions of the coordinates with period 2 pi.
        options: how.
        seed: of initial weights and batches.
        device: by name.
        until: when time is up, on the clock of `time.monotonic`.
    """
    units = train.averages if isinstance(train, Motion) else train
    scaling = Scaling.of(
        without_inputs(units, options.measured_inputs),
        angles,
        harmonics=options.harmonics,
        explicit_time=options.explicit_time,
        symmetry=options.symmetry,
    )

    def build(width: int, begun: int) -> NetworkLagrangian:
        lagrangian = STRUCTURES[options.structure](scaling, width=width, depth=options.depth, seed=begun)
        beside = {name: getattr(options, name) for name in ("dissipation", "driven", "measured_inputs")}
        return surround(lagrangian, _jets(train), seed=begun, **beside)

    optimizer = options.optimizer_for(build(options.width, seed).parameter_count)
    trained_on = _device(device, optimizer)

    def ready(width: int, begun: int) -> NetworkLagrangian:
        return build(width, begun).converted(SCHEDULES[optimizer].dtype).to(trained_on)

    keep_freed_memory()
    with threads_for(ready(options.width, seed)):
        loss = choose_loss(train, choose, lambda width: ready(width, seed), options, optimizer, seed, until)
    return Beginning(train, choose, ready, replace(options, loss=loss), optimizer, seed, until)


def threads_for(model: NetworkLagrangian) -> AbstractContextManager[None]:
    """One thread on a CPU for what Levenberg–Marquardt trains, which is in double precision and small."""
    return one_thread() if model.dtype == torch.float64 and model.device.type == "cpu" else nullcontext()


def finished(training: Training, status: Status, seconds: float, seed: int) -> Fit:
    """The record of a training that has come to its end."""
    return Fit(
        training.model.converted(torch.float64),
        tuple(training.history),
        status,
        seconds,
        training.best_error,
        training.options,
        seed,
        training.name,
    )


def _seen(data: Jets | Trajectories | Motion) -> Jets | Motion:
    return Motion.of(data) if isinstance(data, Trajectories) else data


def _jets(data: Jets | Motion) -> Jets:
    return data.jets if isinstance(data, Motion) else data


def relative_error(model: NetworkLagrangian, jets: Jets) -> float:
    """Root mean square error of a network's accelerations on jets, each coordinate relative to its own.

    Raises:
        DataError: the jets hold no accelerations.
    """
    return error(model, AccelerationExamples.of(jets, model))


def check_pair(one: Jets | Motion, other: Jets | Motion) -> None:
    """Check that two sets of data can be used together, and that their numbers are finite.

    Raises:
        DataError: a number is not finite or too large; names the row.
        InputError: one is jets and one trajectories, or they have different numbers of coordinates.
    """
    if type(one) is not type(other):
        msg = "expected jets both to train and to choose, or trajectories for both; got one of each"
        raise InputError(msg)
    train, choose = _jets(one), _jets(other)
    if train.q.shape[1] != choose.q.shape[1]:
        msg = f"expected the same coordinates in both; got {train.q.shape[1]} to train, {choose.q.shape[1]} to choose"
        raise InputError(msg)
    _check_numbers(train)
    try:
        _check_numbers(choose)
    except DataError as problem:
        msg = f"held-out jets: {problem}"
        raise DataError(msg) from None


def _check_numbers(jets: Jets) -> None:
    measured = {"position": jets.q, "velocity": jets.v, "acceleration": jets.a, "time": jets.x[:, :1]}
    measured |= {name: x for name in ("parameters", "force") if (x := getattr(jets, name)) is not None}
    for name, values in measured.items():
        require_finite(name, values)
        large = np.flatnonzero((np.abs(values) > _LARGEST).any(axis=1))
        if len(large):
            msg = (
                f"expected numbers up to {_LARGEST:g}; the {name} in row {large[0]} is {values[large[0]].tolist()}; "
                "use other units, or drop the row"
            )
            raise DataError(msg)


def _device(name: str, optimizer: OptimizerName) -> torch.device:
    device = resolve_device(name)
    if device.type == "mps" and optimizer == "levenberg-marquardt":
        msg = "Levenberg-Marquardt needs double precision, which mps lacks; choose device 'cpu' or optimizer 'soap'"
        raise UnavailableError(msg)
    if device.type == "mps":
        require_eigenvectors(device)
    return device
