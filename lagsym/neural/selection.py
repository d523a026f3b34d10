"""Selection: the network that a discovery reads, its structure, width and loss each chosen by held-out error.

Small networks learned from accelerations are tried first: they cost a fraction of larger ones and mostly suffice.
Where none comes near the tolerance, it matters whether what is left over averages out over windows of time.  If so, it
is noise of the accelerations: the structure is trained once more in the weak form, which does without them, and of the
two networks the one is taken whose held-out weak form is the better.  If not, or if the weak form did not help, the
structure is trained with twice the units, beside the most general one that is not refuted, and if that helps, so are
all in between.  A network that learned next to nothing is left at that, and so is one that unlearned what it had
learned: no number of units mends it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np

from lagsym.data.jets import Jets
from lagsym.neural.examples import LOSSES, Motion
from lagsym.neural.fitting import Fit
from lagsym.neural.leftover import leftover
from lagsym.neural.options import FitOptions
from lagsym.neural.progress import FitProgress
from lagsym.neural.structure import ORDER, StructureChoice, StructureScore, select_structure
from lagsym.neural.unfinished import Checkpoints

SAMPLES = 20_000
"""Samples of accelerations that a network learns from, at most."""
FAR = 5.0
"""Times the tolerance: an error that asks for a larger network or, where it is noise, for another loss."""
BLIND = 0.5
"""Held-out relative error of a network that has nothing to say of the motion."""
WORTH = 0.8
"""Where twice the units leave more than this fraction of the error, units are not what is lacking."""
UNLEARNED = 1.15
"""Times its least held-out error that a network has to leave all through the last quarter of its steps for it to have
learned noise."""
WEAK_STEPS = 80
"""Steps in the weak form, at most: each costs ten of accelerations, and so many reach the noise of the windows."""
AVERAGED = 0.8
"""Where windows of time leave no more than this fraction of the error, some of it was noise."""


def select_network(  # noqa: PLR0913 (those of `fit`)
    train: Motion,
    choose: Motion,
    *,
    names: Collection[str] = tuple(ORDER),
    angles: Collection[int] = (),
    options: FitOptions | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Callable[[FitProgress], None] | None = None,
    checkpoints: Checkpoints | None = None,
    further: bool = True,
) -> StructureChoice:
    """The network to be read, with the scores of everything that was tried and the reasons.

    Arguments:
        train: to learn from.
        choose: held out.
        names: structures that are tried, of `ORDER`.
        angles: see `fit`.
        options: of every fit, the structure aside; the width is that of the first networks. A named loss is kept.
        seed: of every fit and of the samples that are drawn.
        device: see `fit`.
        progress: see `fit`.
        checkpoints: see `select_structure`.
        further: whether the weak form and larger networks are tried where the first ones fall short.

    Raises:
        DataError, InputError, UnavailableError: see `fit`.
    """
    options = options or FitOptions()
    search = _Search((train, choose), tuple(angles), options, seed, device, progress, checkpoints)
    chosen = search.run(names, options)
    if not further or not _far(chosen, options):
        return chosen
    averaged = _weak_error(chosen.fit, choose)
    if options.loss == "auto" and averaged < AVERAGED * _score(chosen).error:
        chosen = _in_weak_form(search, chosen, averaged)
    if chosen.fit.options.loss == "weak" or _score(chosen).at_noise or _score(chosen).error > BLIND:
        return chosen
    if _unlearned(chosen.fit):
        return chosen
    return _wider(search, chosen)


@dataclass(frozen=True)
class _Search:
    """What all selections among structures have in common."""

    data: tuple[Motion, Motion]
    angles: tuple[int, ...]
    options: FitOptions
    seed: int
    device: str
    progress: Callable[[FitProgress], None] | None
    checkpoints: Checkpoints | None
    started: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "started", time.monotonic())

    def run(self, names: Collection[str], options: FitOptions, label: str = "") -> StructureChoice:
        """Select among structures with these options, within what is left of the time."""
        consecutive = options.loss in LOSSES and LOSSES[options.loss].consecutive
        train, choose = self.data if consecutive else (_thinned(part.smooth.jets(), self.seed) for part in self.data)
        if options.seconds is not None:
            options = replace(options, seconds=max(self.started + options.seconds - time.monotonic(), 1e-3))
        kept = None if self.checkpoints is None else replace(self.checkpoints, label=label)
        shared = {"angles": self.angles, "seed": self.seed, "device": self.device, "progress": self.progress}
        return select_structure(train, choose, names=names, options=options, checkpoints=kept, **shared)


def _wider(search: _Search, chosen: StructureChoice) -> StructureChoice:
    """The choice among the structures that are not refuted, with twice the units; unless that is no better."""
    best = min(chosen.scores, key=lambda score: score.error)
    contenders = [score.name for score in chosen.scores if score.within_noise(best)]
    options = replace(search.options, width=2 * search.options.width)
    first = [name for name in contenders if name in (chosen.name, contenders[-1])]
    wide = search.run(first, options, "-wide")
    if len(contenders) > len(first) and min(score.error for score in wide.scores) < WORTH * best.error:
        again = search.run(contenders, options, "-wide-all")
        wide = again if _score(again).error < WORTH * best.error else wide  # it may have been cut off
    if not _score(wide).error < best.error:
        return chosen
    tried = {score.name: score for score in wide.scores}
    scores = tuple(tried.get(score.name, score) for score in chosen.scores)
    reason = f"{wide.reason} With half the units the best error was {best.error:.2g}."
    return StructureChoice(wide.fit, wide.name, scores, reason)


def _in_weak_form(search: _Search, chosen: StructureChoice, before: float) -> StructureChoice:
    """The network of the same structure that was trained in the weak form, unless its held-out weak form is worse."""
    steps = min(search.options.steps or WEAK_STEPS, WEAK_STEPS)
    weak = search.run([chosen.name], replace(search.options, loss="weak", steps=steps), "-weak")
    after = _weak_error(weak.fit, search.data[1])
    kind = "weak form" if after < before else "accelerations"
    reason = (
        f"{chosen.reason} As the accelerations hold noise, it was trained in the weak form too: that is off by "
        f"{after:.2g} on held-out data then, by {before:.2g} before; the network from the {kind} stays."
    )
    return replace(chosen, fit=weak.fit if after < before else chosen.fit, reason=reason)


def _weak_error(found: Fit, data: Motion) -> float:
    error = float(np.sqrt(np.mean(leftover(found, data, loss="weak")[1] ** 2)))
    return error if math.isfinite(error) else math.inf


def _score(chosen: StructureChoice) -> StructureScore:
    return next(score for score in chosen.scores if score.name == chosen.name)


def _far(chosen: StructureChoice, options: FitOptions) -> bool:
    return chosen.fit.status != "seconds" and _score(chosen).error > FAR * options.tolerance


def _unlearned(found: Fit) -> bool:
    """Whether the held-out error rose again for good: the network went on to learn noise, so units it has enough."""
    errors = [entry.held_out_error for entry in found.history]
    last = errors[3 * len(errors) // 4 :]
    return bool(last) and min(last) > UNLEARNED * min(errors)


def _thinned(jets: Jets, seed: int) -> Jets:
    if len(jets) <= SAMPLES:
        return jets
    return jets.take(np.sort(np.random.default_rng(seed).choice(len(jets), SAMPLES, replace=False)))
