"""Structure: the simplest kind of Lagrangian network whose held-out error is the best there is, up to noise.

Networks are fitted in an order from narrow to wide, with about as many weights and steps each.  The first is taken
whose held-out error, on a logarithmic scale, exceeds the best one by no more than noise can explain:

    log(error / best error)  <=  2 s + g

s is the standard error of the left side when blocks of the held-out samples are left out in turn (jackknife), g what
the fit itself still gained in the second half of its steps: a network that was still learning is not yet refuted.
Wider networks are not tried where a narrow one reaches the tolerance, or where what it leaves over of the
accelerations is noise: no function of the state.

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
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from lagsym.data.jets import Jets
from lagsym.errors import InputError
from lagsym.neural.fitting import Fit, fit
from lagsym.neural.options import FitOptions
from lagsym.neural.progress import FitProgress
from lagsym.neural.unfinished import Checkpoints

ORDER: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "natural": {"structure": "natural"},
        # Natural with friction belongs here: it has fewer functions to learn than those below.
        "gyroscopic": {"structure": "gyroscopic"},
        "separable": {"structure": "separable"},
        "free": {"structure": "free"},
    }
)
"""What is tried, narrow before wide: for each name, how its options differ."""

_SEVERAL = ("gyroscopic", "free")
"""What makes a difference with several coordinates only."""

PERCEPTRONS = MappingProxyType({"separable": 2})
"""Of structures that are made of several perceptrons, how many."""

BLOCKS = 10
"""Stretches of the held-out samples that are left out in turn; neighbours in time err alike."""
SURE = 2.0
"""Standard errors that count as more than noise."""
_HIGHEST, _COLUMNS, _ROWS, _FOLDS = 8, 500, 4000, 5
"""Of the polynomials that look for a law in what a network leaves over: degree, columns and rows at most, and folds."""


def structure_options(options: FitOptions, name: str) -> FitOptions:
    """The options of one structure of `ORDER`, with about as many weights as a single perceptron of the width given.

    >>> structure_options(FitOptions(width=32), "separable").width
    23
    """
    changes = ORDER[name]
    width = round(options.width / math.sqrt(PERCEPTRONS.get(changes["structure"], 1)))
    return replace(options, width=max(width, 1), **changes)


@dataclass(frozen=True)
class StructureScore:
    """How one structure did.

    Arguments:
        name: which of `ORDER`.
        error: relative acceleration error on all held-out samples.
        squares: sums of the squared relative errors over blocks of held-out samples (blocks,).
        gain: logarithm of the factor by which the second half of the fit's steps lowered its held-out error.
        at_noise: whether what is left over of the accelerations is no function of the state.
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
    jets_train: Jets,
    jets_choose: Jets,
    *,
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
        jets_train: samples with accelerations, to learn from; may hold parameters.
        jets_choose: held-out samples, best in the order of time: they stop the fits and compare the structures.
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
    names = [name for name in ORDER if jets_train.q.shape[1] > 1 or name not in _SEVERAL]
    fits: list[Fit] = []
    scores: list[StructureScore] = []
    for name in names:
        if until is not None and fits:
            options = replace(options, seconds=max(until - time.monotonic(), 1e-3))
        settings = structure_options(options, name)
        kept = {} if checkpoints is None else checkpoints.of(name)
        arguments = {"angles": angles, "seed": seed, "device": device, "progress": progress, **kept}
        found = fit(jets_train, jets_choose, options=settings, **arguments)
        fits.append(found)
        scores.append(_score(name, found, (jets_train, jets_choose), angles))
        if found.status in ("converged", "seconds") or scores[-1].at_noise:
            break
    place = first_within_noise(scores)
    return StructureChoice(fits[place], scores[place].name, tuple(scores), _reason(scores, place, names))


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


def log_ratio_error(squares: Float[np.ndarray, " blocks"], others: Float[np.ndarray, " blocks"]) -> float:
    """Standard error of ½ log(sum of squares / sum of others), blocks left out in turn; 0 where nothing can be said."""
    kept, left = squares.sum() - squares, others.sum() - others
    if len(squares) < 2 or not (np.isfinite(kept).all() and (kept > 0).all() and (left > 0).all()):
        return 0.0
    values = np.log(kept / left) / 2
    return float(np.sqrt((len(values) - 1) * np.mean(np.square(values - values.mean()))))


def _score(name: str, found: Fit, jets: tuple[Jets, Jets], angles: Collection[int]) -> StructureScore:
    train, choose = jets
    size = np.maximum(np.sqrt(np.mean(train.a**2, axis=0)), 1e-300)
    left = (choose.a - found.model.read(choose).acceleration) / size
    squares = _by_block(left)
    rows = train.take(np.linspace(0, len(train) - 1, min(_ROWS, len(train))).astype(int))
    learned = (rows.a - found.model.read(rows).acceleration) / size
    error = float(np.sqrt(np.mean(left**2)))
    # A polynomial in time would not see an oscillating drive, so that what is left over would pass for noise.
    autonomous = not found.options.explicit_time
    return StructureScore(
        name,
        error if np.isfinite(error) else np.inf,
        squares,
        _late_gain(found.history),
        autonomous and _is_noise(_features(rows, angles), learned, _features(choose, angles), left),
        found.status,
        found.seconds,
    )


def _by_block(left: Float[np.ndarray, "samples n"]) -> Float[np.ndarray, " blocks"]:
    return np.array([np.sum(part**2) for part in np.array_split(left, min(BLOCKS, len(left)))])


def _late_gain(history: Sequence[FitProgress]) -> float:
    """log(best held-out error in the first half of the steps / best of all), at least 0."""
    if not history:
        return 0.0
    early = [entry.held_out_error for entry in history if 2 * entry.step <= history[-1].step]
    best = min(entry.held_out_error for entry in history)
    if not (early and best > 0 and np.isfinite(min(early))):
        return 0.0
    return float(np.log(min(early) / best))


def _is_noise(inputs: np.ndarray, learned: np.ndarray, others: np.ndarray, left: np.ndarray) -> bool:
    """Whether a regression on the state, fitted to what the network leaves over, gains nothing that is sure."""
    if not (np.isfinite(learned).all() and np.isfinite(left).all()):
        return False
    count = inputs.shape[1]
    degree = max(d for d in range(1, _HIGHEST + 1) if d == 1 or math.comb(count + d, d) <= _COLUMNS)
    regression = make_pipeline(
        StandardScaler(), PolynomialFeatures(degree), StandardScaler(), RidgeCV(np.geomspace(1e-4, 1e4, 9))
    )
    predicted = regression.fit(inputs, learned).predict(others).reshape(left.shape)
    if _gains(left, predicted):
        return False
    # Held-out trajectories may lie beyond what the others tell: then only samples among their own kind decide.
    folds = KFold(_FOLDS, shuffle=True, random_state=0)
    among = np.asarray(cross_val_predict(regression, inputs, learned, cv=folds)).reshape(learned.shape)
    return not _gains(learned, among)


def _gains(left: Float[np.ndarray, "samples n"], predicted: Float[np.ndarray, "samples n"]) -> bool:
    """Whether a prediction lowers what is left over for sure."""
    before, after = _by_block(left), _by_block(left - predicted)
    return bool(np.log(before.sum() / after.sum()) / 2 > SURE * log_ratio_error(before, after))


def _features(jets: Jets, angles: Collection[int]) -> Float[np.ndarray, "samples columns"]:
    """Positions (of angles the sines and cosines), velocities and parameters: what a law may depend on."""
    circular = sorted(set(angles))
    straight = [i for i in range(jets.q.shape[1]) if i not in circular]
    turned = jets.q[:, circular]
    columns = [jets.q[:, straight], np.sin(turned), np.cos(turned), jets.v]
    return np.concatenate([*columns, *([] if jets.parameters is None else [jets.parameters])], axis=1)


def _reason(scores: Sequence[StructureScore], place: int, names: Sequence[str]) -> str:
    taken, best = scores[place], min(scores, key=lambda score: score.error)
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
    rejected = ", ".join(f"{score.name} {score.error:.2g}" for score in scores if score is not taken)
    return f"The {taken.name} network was taken: {why}{f'; others: {rejected}' if rejected else ''}{rest}."
