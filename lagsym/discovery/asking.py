"""Asking a network of others: the states that it is asked at, and what it answers there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from lagsym.data.derivatives import differentiate
from lagsym.data.samples import Samples
from lagsym.data.trajectories import Trajectories
from lagsym.errors import DataError, InputError
from lagsym.neural.modules import AccelerationModule, LagrangianModule, ask_module

MOST_SAMPLES, FEWEST_SAMPLES = 6000, 100
HELD_OUT = 0.4
"""Share of the samples that nothing is read from: what the formula's error is mapped on."""
OUTLIER = 1e4
"""Accelerations so many times as large as the median one are those of a mass matrix that is all but singular."""
USABLE = 0.5
"""Share of the samples at which a network has to have accelerations."""
States = Trajectories | tuple[np.ndarray, np.ndarray]
"""Trajectories, or arrays (q, v), each of shape (N, n)."""


@dataclass(frozen=True, eq=False)
class Asked:
    """A network with its answers.

    Arguments:
        network: the module, ready to be asked for more.
        learn: states with the network's accelerations, to read a formula from.
        held_out: others, to judge it by.
        notices: what the user should know, one sentence each.
    """

    network: LagrangianModule | AccelerationModule
    learn: Samples
    held_out: Samples
    notices: tuple[str, ...] = ()

    @property
    def lagrangian(self) -> LagrangianModule | None:
        """The network where it is a Lagrangian."""
        return self.network if isinstance(self.network, LagrangianModule) else None


def ask(module: nn.Module, samples: Samples, *, kind: str = "auto", seed: int = 0) -> Asked:
    """Ask a module for its accelerations at samples, and set some of them aside.

    Arguments:
        module: see `lagsym.neural.modules.ask_module`.
        samples: where it is asked; where there are many, at some drawn at random.
        kind: "lagrangian", "acceleration" or "auto".
        seed: of what is drawn.

    Raises:
        InputError: the module cannot be used, or has no accelerations at most of the samples.
        DataError: there are too few samples.
    """
    if len(samples) < FEWEST_SAMPLES:
        msg = f"expected at least {FEWEST_SAMPLES} states to ask the network at, got {len(samples)}; give more"
        raise DataError(msg)
    drawn = samples.take(np.random.default_rng(seed).permutation(len(samples))[:MOST_SAMPLES])
    network = ask_module(module, drawn.jets(), kind=kind)
    accelerations = network.accelerations(drawn.jets())
    usable = _usable(accelerations)
    if np.mean(usable) < USABLE:
        raise InputError(_unusable(network, accelerations, usable))
    answered = drawn.take(np.flatnonzero(usable)).with_accelerations(accelerations[usable])
    cut = round(HELD_OUT * len(answered))
    left_out = len(drawn) - len(answered)
    notice = (
        f"At {left_out} of {len(drawn)} states the network has no finite acceleration, or one beyond all others; they "
        "were left out."
    )
    notices = (notice,) if left_out else ()
    return Asked(network, answered.take(np.arange(cut, len(answered))), answered.take(np.arange(cut)), notices)


def states(samples: States, coordinates: Sequence[str], angles: Sequence[str]) -> Samples:
    """Where a network is asked, with the names of the coordinates.

    Arguments:
        samples: trajectories, which have names of their own, or arrays q and v of shape (N, n).
        coordinates: names for arrays; q1, q2, ... where none are given.
        angles: which of them have period 2 pi.

    Raises:
        InputError: names are given beside trajectories, or do not fit the arrays.
        DataError: the arrays do not fit each other or hold a number that is not finite.

    >>> states((np.zeros((5, 2)), np.zeros((5, 2))), (), ("q2",)).coordinates
    ('q1', 'q2')
    """
    if isinstance(samples, Trajectories):
        if coordinates or angles:
            msg = "trajectories name their coordinates and angles themselves; leave coordinates and angles out"
            raise InputError(msg)
        jets = (samples if samples.has_velocities else differentiate(samples)).jets()
        return Samples(samples.coordinates, jets.q, jets.v, angles=samples.angles)
    q, v = _arrays(samples)
    names = tuple(coordinates) or tuple(f"q{i + 1}" for i in range(q.shape[1]))
    if len(set(names)) != q.shape[1] or len(names) != q.shape[1]:
        msg = f"expected {q.shape[1]} different coordinates, one for each column of q; got {', '.join(names)}"
        raise InputError(msg)
    return Samples(names, q, v, angles=frozenset(angles))


def _arrays(samples: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    expected = "expected samples to be Trajectories, or a pair of arrays q and v, each of shape (N, n)"
    try:
        q, v = (np.array(part, float) for part in samples)
    except (TypeError, ValueError) as error:
        msg = f"{expected}; got {type(samples).__name__} ({error})"
        raise InputError(msg) from None
    if q.ndim != 2 or q.shape != v.shape or not q.shape[1]:
        msg = f"{expected}; got the shapes {q.shape} and {v.shape}"
        raise InputError(msg)
    return q, v


def _usable(accelerations: np.ndarray) -> np.ndarray:
    """At which samples there are finite accelerations of ordinary size."""
    finite = np.asarray(np.isfinite(accelerations).all(axis=1))
    if not finite.any():
        return finite
    size = np.abs(np.where(finite[:, None], accelerations, 0.0))
    typical = np.median(size[finite], axis=0)
    ordinary = np.all(size <= OUTLIER * np.where(typical > 0, typical, np.inf), axis=1)
    return np.asarray(finite & ordinary)


def _unusable(network: LagrangianModule | AccelerationModule, accelerations: np.ndarray, usable: np.ndarray) -> str:
    """Why a network cannot be used."""
    finite = np.isfinite(accelerations).all(axis=1)
    msg = (
        f"the network has no finite accelerations of ordinary size at {np.sum(~usable)} of {len(usable)} states "
        f"(not finite at {np.sum(~finite)})"
    )
    if isinstance(network, LagrangianModule):
        msg += (
            ": its values are not finite, or its mass matrix d²L/dv dv is singular there, as with ReLU, which has no "
            "second derivative; use a smooth activation"
        )
    return f"{msg}; ask it where it was trained"
