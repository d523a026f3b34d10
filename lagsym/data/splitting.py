"""Splitting: three parts of the data that share no sample."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

import numpy as np
from jaxtyping import Float

from lagsym.errors import DataError


class Stretch(Protocol):
    """An unbroken stretch of time."""

    @property
    def run(self) -> str:
        """Name of the trajectory or run that it belongs to."""
        ...

    @property
    def t(self) -> Float[np.ndarray, " times"]:
        """Its times."""
        ...

    def between(self, start: float, stop: float) -> Self:
        """What of it lies at start <= t < stop."""
        ...


class Runs(Protocol):
    """Data of several runs, in unbroken stretches of time."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the runs."""
        ...

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """All stretches."""
        ...

    @property
    def shortest(self) -> int:
        """Fewest times that a stretch needs."""
        ...

    def with_stretches(self, stretches: Iterable[Stretch]) -> Self:
        """The same with other stretches."""
        ...


Data = TypeVar("Data", bound=Runs)


@dataclass(frozen=True)
class Split(Generic[Data]):
    """Three parts of the data that share no sample: to fit, to choose between fits, and to report on."""

    fit: Data
    choose: Data
    report: Data


def split(data: Data, *, seed: int = 0, choose: float = 0.2, report: float = 0.2) -> Split[Data]:
    """Split by trajectory or run or, where there are fewer than five, every one by time, latest last.

    Arguments:
        data: trajectories, or fields on a grid.
        seed: decides which trajectories go where.
        choose: share that candidates are chosen on.
        report: share that the final scores are taken on.

    Raises:
        DataError: a part would be empty.
    """
    names = data.names
    if len(names) >= 5:
        order = np.random.default_rng(seed).permutation(len(names))
        held = max(1, round(report * len(names)))
        chosen = max(1, round(choose * len(names)))
        groups = [order[held + chosen :], order[held : held + chosen], order[:held]]
        members = [{names[i] for i in group} for group in groups]
        parts = [[s for s in data.stretches if s.run in member] for member in members]
    else:
        parts = [[], [], []]
        for name in names:
            stretches = [s for s in data.stretches if s.run == name]
            times = np.concatenate([s.t for s in stretches])
            cuts = [-np.inf, *np.quantile(times, [1 - choose - report, 1 - report]), np.inf]
            for part, start, stop in zip(parts, cuts, cuts[1:], strict=False):
                # What is too short to take derivatives from is no use, and may hold no time at all.
                enough = (s for s in stretches if np.sum((s.t >= start) & (s.t < stop)) >= data.shortest)
                part += [s.between(start, stop) for s in enough]
    if not all(parts):
        times = sum(len(stretch.t) for stretch in data.stretches)
        msg = (
            f"expected enough samples to fit, choose and report on separate parts, got {times} samples in time in "
            f"{len(names)} trajectories; record a longer stretch or more trajectories"
        )
        raise DataError(msg)
    return Split(*(data.with_stretches(part) for part in parts))
