"""Selecting: who is asked for the terms of a law of motion, and in which order.

The data come first, with libraries of terms: alone, then beside friction. Where the best of these leaves more than
noise, or is a sum of powers that may stand for a function, an engine looks for functions in the motion; before friction
is thought of where free functions of the positions explain the motion. A network is
asked where all of that fails, and otherwise trained beside the law for comparison.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import sympy as sp

from lagsym.data.trajectories import Trajectories
from lagsym.discovery.journal import Journal
from lagsym.discovery.motion_networks import train_beside, train_network
from lagsym.discovery.record import DiscoveryOptions
from lagsym.distillation.choice import better, choose_beside_friction, choose_terms
from lagsym.distillation.engines import Budget
from lagsym.distillation.functions.invention import reconsider
from lagsym.distillation.functions.mimicry import stand_ins
from lagsym.distillation.options import Choice, Question
from lagsym.distillation.trial import Trials
from lagsym.neural import Checkpoints, Fit, FitProgress
from lagsym.neural.examples import Motion
from lagsym.neural.selection import BLIND


def select_law(
    motion: tuple[Motion, Motion],
    options: DiscoveryOptions,
    log: Journal,
    progress: Callable[[FitProgress], None] | None = None,
    checkpoints: Checkpoints | None = None,
) -> tuple[Choice | None, Fit | None]:
    """The terms, or None where nothing is admissible, and the network that was asked for them or stands beside them.

    Arguments:
        motion: to learn from, and to compare structures on.
        options: what to do differently.
        log: gets the stages' times.
        progress: called during the network's training.
        checkpoints: where the training keeps what is needed to go on after it was cut off.

    Raises:
        UnavailableError: the engine or the device that was named is missing.
    """
    train, choose = motion
    budget = Budget() if options.budget is None else Budget(seconds=options.budget)
    trials = Trials(train.measured, train.smooth)

    def select(network: Fit | None) -> Choice | None:
        asked = {"options": options.choice, "seed": options.seed, "budget": budget, "trials": trials}
        with log.stage("distil", "Selecting terms"):
            return choose_terms(train.smooth, choose.smooth, network, **asked)

    def reconsidered(chosen: Choice | None) -> Choice | None:
        if options.choice.engine != "auto" or not _doubtful(chosen, train.measured):
            return chosen
        question = Question(train.smooth, choose.smooth, None, options.choice, options.seed, budget, train.measured)
        with log.stage("distil", "Looking for functions that no library holds"):
            return reconsider(question, chosen)

    def from_data() -> Choice | None:
        chosen = select(None)
        if chosen is None or not chosen.beaten:
            return reconsidered(_beside_friction(chosen, motion, options, log))
        chosen = reconsidered(chosen)
        damped = _beside_friction(chosen, motion, options, log)
        return chosen if damped is chosen else reconsidered(damped)

    first = from_data() if options.choice.data_first else None
    if options.choice.evidence == "data":
        return first, None
    training = (motion, options, log, progress, checkpoints)
    with log.stage("fit", "Training a Lagrangian network"):
        if first is not None and first.leaves_noise:
            return first, train_beside(first, *training)
        network = train_network(*training)
    if first is not None and network.held_out_error > BLIND:
        return first, network
    chosen = better(first, select(network))
    if chosen is not None and first is not None and first.sought:
        return replace(chosen, sought=True), network
    return reconsidered(chosen), network


def _beside_friction(
    chosen: Choice | None, motion: tuple[Motion, Motion], options: DiscoveryOptions, log: Journal
) -> Choice | None:
    """The choice, or one beside friction where it leaves more than noise and that explains the motion better."""
    if chosen is not None and chosen.leaves_noise:
        return chosen
    train, choose = motion
    with log.stage("distil", "Selecting terms beside friction"):
        asked = {"options": options.choice, "seed": options.seed}
        damped = choose_beside_friction(train.smooth, choose.smooth, train.measured, **asked)
    return better(damped, chosen)


def _doubtful(chosen: Choice | None, measured: Trajectories) -> bool:
    """Whether functions that no library holds may explain the motion better than what was chosen."""
    if chosen is None or not chosen.leaves_noise:
        return True
    return bool(stand_ins(sp.Add(*chosen.candidate.terms), measured))
