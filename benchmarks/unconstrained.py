"""Unconstrained networks at their best: the same network by three optimisers, each with as much processor time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, cast

import torch

from lagsym.neural.examples import Examples
from lagsym.neural.options import FitOptions
from lagsym.neural.training import Training

OPTIMISERS = ("levenberg-marquardt", "soap", "adam")
Build = Callable[[torch.dtype], Any]
"""A network without training, in a number type."""
Seen = Callable[[Any], tuple[Examples, Examples]]
"""What a network learns from, and what decides which of its weights are kept."""


def best(build: Build, seen: Seen, score: Callable[[Any], float], seconds: float, seed: int) -> tuple[Any, str, float]:
    """The network with the best held-out score, the name of its optimiser, and that score."""
    found = []
    for name in OPTIMISERS:
        model = build(torch.float64 if name == "levenberg-marquardt" else torch.float32)
        if name == "adam":
            adam(model, seen(model)[0], seconds, seed)
        else:
            second_order(build, model, seen, name, seconds, seed)
        found.append((score(model), name, model))
    error, name, model = min(found, key=lambda one: one[0])
    return model, name, error


def second_order(build: Build, model: Any, seen: Seen, name: str, seconds: float, seed: int) -> None:
    steps = 100_000
    if name == "soap":  # its learning rate needs to know the number of steps
        trial = build(torch.float32)
        parts, began = seen(trial), time.process_time()
        Training(trial, *parts, FitOptions(optimizer="soap", steps=60, tolerance=0.0), "soap", seed).run()
        steps = max(100, int(60 * seconds / (time.process_time() - began)))
    options = FitOptions(optimizer=name, steps=steps, tolerance=1e-9)
    training = Training(model, *seen(model), options, cast("Any", name), seed)
    began = time.process_time()
    while training.status is None and training.step < steps and time.process_time() - began < seconds:
        training.advance(training.step + 5)
    training.finish()


def adam(model: Any, train: Any, seconds: float, seed: int) -> None:
    optimizer, generator = torch.optim.Adam(model.network, lr=2e-3), torch.Generator().manual_seed(seed)
    began = time.process_time()
    while (spent := (time.process_time() - began) / seconds) < 1:
        optimizer.param_groups[0]["lr"] = 2e-3 * 0.5 * (1 + math.cos(math.pi * spent)) + 1e-7
        batch = train.take(torch.randint(len(train), (512,), generator=generator))
        optimizer.zero_grad()
        batch.residuals(model, model.outputs(batch.inputs)).square().mean().backward()
        optimizer.step()
