"""Starts: several initial weights, of which the one that does best after a few steps goes on.

How near a network comes in a given time depends on where it begins, and shows long before the end.  Each start takes a
share of the steps, on top of those of the one that goes on; where one reaches the tolerance, no other is tried.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from lagsym.neural.progress import FitProgress
from lagsym.neural.training import Status, Training

SHARE = 0.05
"""Of the steps, what each start takes before they are compared."""

_STRIDE = 1_000_003
"""From the seed of one start to that of the next: far from the seeds next to it, which are other fits' seeds."""

_DONE = ("converged", "seconds")
"""With these there is no other start."""


def seed_of(seed: int, start: int) -> int:
    """The seed of a fit's start; the first one's is the fit's own.

    >>> seed_of(7, 0), seed_of(7, 2)
    (7, 2000013)
    """
    return seed + _STRIDE * start


class Starts:
    """A training from each of several starts, one after another; the best by held-out error goes on to the end.

    Arguments:
        build: the training of the start with this number.
        count: how many starts; with one this is that training.
    """

    def __init__(self, build: Callable[[int], Training], count: int) -> None:
        self._build, self._count = build, count
        self._start = 0
        self._leader: tuple[float, dict[str, Any]] | None = None
        self.training = build(0)

    @property
    def step(self) -> int:
        """Steps that the present start has taken."""
        return self.training.step

    @property
    def status(self) -> Status | None:
        """How the training ended, if all of it did."""
        return self.training.status if self._start == self._count else None

    def run(
        self,
        progress: Callable[[FitProgress], None] | None = None,
        until: float = math.inf,
        keep: Callable[[], None] | None = None,
    ) -> Status:
        """Compare the starts, then take the best one's steps to the end; see `Training.run`."""
        while self._start < self._count:
            if self._count > 1:
                self.training.advance(self._share(), progress, until, keep)
            self._compare()
        return self.training.run(progress, until, keep)

    def _share(self) -> int:
        """Steps of each start, up to an evaluation."""
        every = self.training.schedule.every
        return every * math.ceil(SHARE * self.training.steps / every)

    def _compare(self) -> None:
        """Note the present start if it leads; go on to the next one or, after the last, back to the one that leads."""
        mine = self.training.best_error
        leads = self._leader is None or mine < self._leader[0]
        if leads:
            self._leader = (mine, self.training.state())
        if self.training.status not in _DONE and self._start + 1 < self._count:
            self._start += 1
            self.training = self._build(self._start)
            return
        if not leads and self._leader is not None:
            self.training.restore(self._leader[1])
        self._start, self._leader = self._count, None

    def state(self) -> dict[str, Any]:
        """All that the rest of the run depends on besides what it was made with; see `Training.state`."""
        return {**self.training.state(), "start": self._start, "leader": self._leader}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state` of starts that were made with the same arguments.

        Raises:
            KeyError, RuntimeError, TypeError, ValueError: it is not such a state.
        """
        self._start, leader = int(state["start"]), state["leader"]
        self._leader = None if leader is None else (float(leader[0]), dict(leader[1]))
        self.training.restore(state)
