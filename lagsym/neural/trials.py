"""Which loss to train with: what the data hold, and short trial fits where that leaves it open."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch

from lagsym.data.jets import Jets
from lagsym.errors import InputError
from lagsym.neural.examples import LOSSES, AccelerationExamples, Examples, Motion, WeakExamples
from lagsym.neural.models import NetworkLagrangian
from lagsym.neural.options import SCHEDULES, FitOptions, OptimizerName
from lagsym.neural.training import Training, error

TRIAL_WIDTH = 16
"""Units of a hidden layer in trials, at most: what is compared are losses, and small networks show it sooner."""

_TRIAL_EVALUATIONS = 8
_SAMPLES, _WINDOWS = 4000, 300
"""Held-out samples, or windows of them, that are looked at during a fit, at most."""


def examples_of(loss: str, data: Jets | Motion, model: NetworkLagrangian) -> Examples:
    """The examples of a loss.

    Raises:
        InputError: the loss needs consecutive samples, and there are only jets.
        DataError: the jets hold no accelerations.
    """
    kind = LOSSES[loss]
    if issubclass(kind, AccelerationExamples):
        return kind.of(data.jets if isinstance(data, Motion) else data, model)
    if isinstance(data, Jets):
        msg = f"the loss {loss!r} needs trajectories, as jets don't say which samples follow each other; got jets"
        raise InputError(msg)
    return kind.of(data, model)


def held_out_of(loss: str, data: Jets | Motion, model: NetworkLagrangian, seed: int) -> Examples:
    """What a fit is judged by: accelerations or, for losses that do without, some of their own windows."""
    return some(examples_of(judge_of(loss), data, model), seed)


def judge_of(loss: str) -> str:
    """What held-out errors of a loss are errors of.

    >>> judge_of("balance"), judge_of("weak")
    ('acceleration', 'weak')
    """
    return loss if LOSSES[loss].consecutive else "acceleration"


def some(examples: Examples, seed: int) -> Examples:
    """As many examples as are looked at during a fit, drawn at random."""
    generator = torch.Generator().manual_seed(seed)
    most = _SAMPLES if examples.group == 1 else _WINDOWS
    index = torch.randperm(len(examples), generator=generator)[:most]
    return examples.take(index.to(examples.inputs.features.device))


def choose_loss(
    train: Jets | Motion,
    choose: Jets | Motion,
    build: Callable[[int], NetworkLagrangian],
    options: FitOptions,
    optimizer: OptimizerName,
    seed: int,
    until: float = math.inf,
) -> str:
    """The loss that the options name or, where they leave it open, the one that suits the data.

    Jets, and trajectories with measured velocities and accelerations, get the structure's own loss, see `FitOptions`.
    For other trajectories a small network is trained with each loss for a tenth of the steps, or 40, and the one whose
    held-out weak form is best wins, the residuals of `WeakExamples`, to which all can be put. It needs no accelerations
    itself, so that noise in these can't decide.

    Arguments:
        train: to learn from.
        choose: held out, to judge by.
        build: a network of the width asked for, as it begins.
        options: of the fit.
        optimizer: of the fit.
        seed: of the batches; the same seed gives the same choice.
        until: when time is up, on the clock of `time.monotonic`.
    """
    own = options.loss_for(options.structure)
    if options.loss != "auto" or isinstance(train, Jets) or isinstance(choose, Jets) or train.has_accelerations:
        return own
    errors = {}
    for loss in (own, *(name for name in LOSSES if LOSSES[name].consecutive)):
        model = build(min(options.width, TRIAL_WIDTH))
        judge = some(WeakExamples.of(choose, model), seed)
        trial = replace(options, loss=loss, tolerance=0.0, steps=_trial_steps(options, optimizer))
        approach(model, train, choose, trial, optimizer, seed, until)
        Training(model, examples_of(loss, train, model), judge, trial, optimizer, seed).run(until=until)
        errors[loss] = error(model, judge)
    return min(errors, key=errors.__getitem__)


def approach(
    model: NetworkLagrangian,
    train: Jets | Motion,
    choose: Jets | Motion,
    options: FitOptions,
    optimizer: OptimizerName,
    seed: int,
    until: float = math.inf,
) -> None:
    """Train in place towards where a loss is of use, for half the steps.

    Roll-outs of a network that has learnt nothing lead nowhere near the motion: they begin after the weak form. Other
    losses need no such beginning.
    """
    if options.loss != "rollout":
        return
    steps = max(1, (options.steps or SCHEDULES[optimizer].steps) // 2)
    first = replace(options, loss="weak", steps=steps)
    judge = held_out_of("weak", choose, model, seed)
    Training(model, examples_of("weak", train, model), judge, first, optimizer, seed).run(until=until)


def _trial_steps(options: FitOptions, optimizer: OptimizerName) -> int:
    schedule = SCHEDULES[optimizer]
    whole = options.steps or schedule.steps
    return min(whole, max(whole // 10, _TRIAL_EVALUATIONS * schedule.every))
