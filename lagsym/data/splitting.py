"""Split: parts of the data that share no sample, for trajectories and fields alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np
from jaxtyping import Float

from lagsym.errors import DataError

FEWEST_RUNS = 5
"""From as many on whole runs are held back; below, the end of each."""


class Stretch(Protocol):
    """An unbroken stretch of time of one run."""

    @property
    def t(self) -> Float[np.ndarray, " times"]:
        """Times."""
        ...

    @property
    def run(self) -> str:
        """The run that it belongs to."""
        ...

    def between(self, start: float, stop: float) -> Any:
        """What has start <= t < stop."""
        ...


class Recorded(Protocol):
    """Data that consist of stretches of time."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the runs, in order."""
        ...

    @property
    def stretches(self) -> Sequence[Stretch]:
        """All stretches, run by run."""
        ...

    @property
    def shortest(self) -> int:
        """Fewest times that a stretch needs to be of use."""
        ...

    def with_stretches(self, stretches: Iterable[Any]) -> Self:
        """The same with other stretches."""
        ...


Data = TypeVar("Data", bound=Recorded)


@dataclass(frozen=True)
class Split(Generic[Data]):
    """Three parts of the data that share no sample: to fit, to choose between fits, and to report on."""

    fit: Data
    choose: Data
    report: Data


def split(data: Data, *, seed: int = 0, choose: float = 0.2, report: float = 0.2) -> Split[Data]:
    """Split by run or, where there are fewer than five, every run by time, latest last.

    Arguments:
        data: trajectories, or fields.
        seed: decides which runs go where.
        choose: share that candidates are chosen on.
        report: share that the final scores are taken on.

    Raises:
        DataError: a part would be empty.
    """
    many = len(data.names) >= FEWEST_RUNS
    parts = _by_run(data, seed, choose, report) if many else _by_time(data, choose, report)
    if not all(parts):
        msg = (
            "expected enough samples to fit, choose and report on separate parts, got "
            f"{sum(len(stretch.t) for stretch in data.stretches)} times in {len(data.names)} runs; record a longer "
            "stretch or more runs"
        )
        raise DataError(msg)
    return Split(*(data.with_stretches(part) for part in parts))


def _by_run(data: Recorded, seed: int, choose: float, report: float) -> list[list[Stretch]]:
    order = np.random.default_rng(seed).permutation(len(data.names))
    held, chosen = (max(1, round(share * len(order))) for share in (report, choose))
    groups = (order[held + chosen :], order[held : held + chosen], order[:held])
    members = [{data.names[i] for i in group} for group in groups]
    return [[stretch for stretch in data.stretches if stretch.run in member] for member in members]


def _by_time(data: Recorded, choose: float, report: float) -> list[list[Stretch]]:
    parts: list[list[Stretch]] = [[], [], []]
    for name in data.names:
        own = [stretch for stretch in data.stretches if stretch.run == name]
        times = np.concatenate([stretch.t for stretch in own])
        cuts = [-np.inf, *np.quantile(times, [1 - choose - report, 1 - report]), np.inf]
        for part, start, stop in zip(parts, cuts, cuts[1:], strict=False):
            lengths = [int(((stretch.t >= start) & (stretch.t < stop)).sum()) for stretch in own]
            part += [
                stretch.between(start, stop)
                for stretch, length in zip(own, lengths, strict=True)
                if length >= data.shortest
            ]
    return parts
