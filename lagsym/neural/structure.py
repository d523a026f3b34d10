"""Structure: the simplest kind of Lagrangian network whose held-out error is the best there is, up to noise.

Networks are fitted in an order from narrow to wide, with about as many weights and steps each.  The first is taken
whose held-out error, on a logarithmic scale, exceeds the best one by no more than noise can explain:

    log(error / best error)  <=  2 s + g

s is the standard error of the left side when blocks of the held-out samples are left out in turn (jackknife), g what
the fit itself still gained in the second half of its steps: a network that was still learning is not yet refuted.
Wider structures are not tried where a narrow one reaches the tolerance, or where what it leaves over is noise: no
function of the state.  A structure that half-way cannot be expected to come near the best is given up.

Source: the jackknife is Tukey's, see Efron and Stein (1981), The jackknife estimate of variance, Ann. Statist. 9(3).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float

from lagsym.data.jets import Jets
from lagsym.errors import InputError
from lagsym.neural.examples import Motion
from lagsym.neural.fitting import Fit, fit
from lagsym.neural.leftover import ROWS, SURE, by_block, is_noise, leftover, log_ratio_error
from lagsym.neural.options import FitOptions
from lagsym.neural.progress import FitProgress
from lagsym.neural.unfinished import Checkpoints

ORDER: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "natural": {"structure": "natural"},
        "natural + friction": {"structure": "natural", "dissipation": True},
        "gyroscopic": {"structure": "gyroscopic"},
        "separable": {"structure": "separable"},
        "free": {"structure": "free"},
    }
)
"""What is tried, narrow before wide: for each name, how its options differ."""

_SEVERAL = ("gyroscopic", "free")
"""What makes a difference with several coordinates only."""

PERCEPTRONS = MappingProxyType({"natural + friction": 2, "separable": 2})
"""Of structures that are made of several perceptrons, how many."""


def structure_options(options: FitOptions, name: str) -> FitOptions:
    """The options of one structure of `ORDER`, with about as many weights as a single perceptron of the width given.

    >>> structure_options(FitOptions(width=32), "separable").width
    23
    """
    changes = ORDER[name]
    width = round(options.width / math.sqrt(PERCEPTRONS.get(name, 1)))
    return replace(options, width=max(width, 1), **changes)


@dataclass(frozen=True)
class StructureScore:
    """How one structure did.

    Arguments:
        name: which of `ORDER`.
        error: relative error on all held-out samples, of accelerations or, for losses that do without, their own.
        squares: sums of the squared relative errors over blocks of held-out samples (blocks,).
        gain: logarithm of the factor by which the second half of the fit's steps lowered its held-out error.
        at_noise: whether what is left over is no function of the state.
        status: how the fit ended.
        seconds: how long it took.
    """

    name: str
    error: float
    squares: Float[np.ndarray, " blocks"]
    gain: float
    at_noise: bool
    status: str
    seconds: float

    def noise(self, best: StructureScore) -> float:
        """By how much noise may have raised the logarithm of this error over that of the best: 2 s + g."""
        return SURE * log_ratio_error(self.squares, best.squares) + self.gain

    def in_words(self) -> str:
        """Name and error.

        >>> StructureScore("free", np.inf, np.full(10, np.inf), 0.0, False, "singular", 1.0).in_words()
        'free with a mass matrix that could not be inverted'
        """
        if not np.isfinite(self.error):
            return f"{self.name} with a mass matrix that could not be inverted"
        given_up = ", given up half-way" if self.status == "beaten" else ""
        return f"{self.name} {self.error:.2g}{given_up}"

    def within_noise(self, best: StructureScore) -> bool:
        """Whether this error is as good as the best one."""
        if not (np.isfinite(self.error) and best.error > 0):
            return self.error <= best.error
        return bool(np.log(self.error / best.error) <= self.noise(best))


@dataclass(frozen=True)
class StructureChoice:
    """The structure that was taken, with everything that it was compared with.

    Arguments:
        fit: the network of the structure that was taken.
        name: its name in `ORDER`.
        scores: of every structure that was tried, in their order.
        reason: one sentence: why this one.
    """

    fit: Fit
    name: str
    scores: tuple[StructureScore, ...]
    reason: str

    @property
    def errors(self) -> dict[str, float]:
        """The held-out error of every structure that was tried."""
        return {score.name: score.error for score in self.scores}


def select_structure(  # noqa: PLR0913 (those of `fit`)
    train: Jets | Motion,
    choose: Jets | Motion,
    *,
    names: Collection[str] = tuple(ORDER),
    angles: Collection[int] = (),
    options: FitOptions | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Callable[[FitProgress], None] | None = None,
    checkpoints: Checkpoints | None = None,
) -> StructureChoice:
    """Fit networks of one structure after another and take the first within noise of the best.

    With one coordinate two structures are not tried: gyroscopic, because terms linear in the velocity are gauge then,
    and free, because every motion of one coordinate has infinitely many such Lagrangians, so that it says nothing.

    Arguments:
        train: samples with accelerations, to learn from, which may hold parameters; or motion, for losses that need it.
        choose: held out, best in the order of time: they stop the fits and compare the structures.
        names: those of `ORDER` that are tried.
        angles: positions of the coordinates with period 2 pi.
        options: of every fit, the structure aside; `seconds` is a cap on all fits together.
        seed: of every fit.
        device: see `fit`.
        progress: see `fit`.
        checkpoints: where every fit keeps what is needed to go on.

    Raises:
        DataError, InputError, UnavailableError: see `fit`.
    """
    options = options or FitOptions()
    until = None if options.seconds is None else time.monotonic() + options.seconds
    names = _worth_trying(names, train)
    fits: list[Fit] = []
    scores: list[StructureScore] = []
    for name in names:
        if until is not None and fits:
            options = replace(options, seconds=max(until - time.monotonic(), 1e-3))
        rival = min((score.error for score in scores if score.error > 0), default=None)
        settings = replace(structure_options(options, name), rival=rival)
        kept = {} if checkpoints is None else checkpoints.of(file_label(name))
        arguments = {"angles": angles, "seed": seed, "device": device, "progress": progress, **kept}
        found = fit(train, choose, options=settings, **arguments)
        fits.append(found)
        scores.append(_score(name, found, train, choose))
        if found.status in ("converged", "seconds") or scores[-1].at_noise:
            break
    place = first_within_noise(scores)
    return StructureChoice(fits[place], scores[place].name, tuple(scores), _reason(scores, place, names))


def file_label(name: str) -> str:
    """A structure's name as files and scores have it.

    >>> file_label("natural + friction")
    'natural-friction'
    """
    return name.replace(" + ", "-")


def _worth_trying(names: Collection[str], train: Jets | Motion) -> list[str]:
    """Those of `ORDER` that can say something, or all that were named where none can."""
    coordinates = (train.jets if isinstance(train, Motion) else train).q.shape[1]
    named = [name for name in ORDER if name in names]
    return [name for name in named if coordinates > 1 or name not in _SEVERAL] or named


def first_within_noise(scores: Sequence[StructureScore]) -> int:
    """The place of the first score within noise of the best.

    Raises:
        InputError: there is none.
    """
    if not scores:
        msg = "expected at least one structure to choose among; got none"
        raise InputError(msg)
    best = min(scores, key=lambda score: score.error)
    return next(place for place, score in enumerate(scores) if score.within_noise(best))


def _score(name: str, found: Fit, train: Jets | Motion, choose: Jets | Motion) -> StructureScore:
    (inputs, learned), (others, left) = leftover(found, train, most=ROWS), leftover(found, choose)
    error = float(np.sqrt(np.mean(left**2)))
    # A polynomial in time would not see an oscillating drive, so that what is left over would pass for noise.
    autonomous = not (found.options.explicit_time or found.options.driven)
    return StructureScore(
        name,
        error if np.isfinite(error) else np.inf,
        by_block(left),
        _late_gain(found.history),
        autonomous and is_noise(inputs, learned, others, left),
        found.status,
        found.seconds,
    )


def _late_gain(history: Sequence[FitProgress]) -> float:
    """log(best held-out error in the first half of the steps / best of all), at least 0."""
    if not history:
        return 0.0
    early = [entry.held_out_error for entry in history if 2 * entry.step <= history[-1].step]
    best = min(entry.held_out_error for entry in history)
    if not (early and best > 0 and np.isfinite(min(early))):
        return 0.0
    return float(np.log(min(early) / best))


def _reason(scores: Sequence[StructureScore], place: int, names: Sequence[str]) -> str:
    taken, best = scores[place], min(scores, key=lambda score: score.error)
    if not np.isfinite(taken.error):
        return f"No network learned the motion: {', '.join(score.in_words() for score in scores)}."
    if taken.status == "converged":
        why = f"it reached the tolerance, with a held-out error of {taken.error:.2g}"
    elif taken.at_noise and scores[-1] is taken:
        why = f"what its held-out error of {taken.error:.2g} leaves over is noise"
    elif taken is best:
        why = f"its held-out error of {taken.error:.2g} is the smallest"
    else:
        why = f"its held-out error of {taken.error:.2g} is within noise of the smallest"
    untried = [name for name in names if name not in {score.name for score in scores}]
    rest = f"; not tried: {', '.join(untried)}" if untried else ""
    rejected = ", ".join(score.in_words() for score in scores if score is not taken)
    return f"The {taken.name} network was taken: {why}{f'; others: {rejected}' if rejected else ''}{rest}."
