"""Networks of a discovery: what is trained on motion, and what the user should know of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lagsym.data.trajectories import Trajectories
from lagsym.discovery.journal import Journal
from lagsym.discovery.record import DiscoveryOptions
from lagsym.distillation.functions.shapes import explaining_structures
from lagsym.distillation.libraries.terms import STRUCTURES, WEIGHTED_LENGTH
from lagsym.distillation.options import Choice, ChoiceOptions, usable
from lagsym.neural import Checkpoints, Fit, FitProgress
from lagsym.neural.examples import LOSSES, Motion
from lagsym.neural.selection import select_network
from lagsym.neural.structure import ORDER, file_label

READ_OFF = "The engine reads functions of one variable off the motion, so no other network was trained."
BESIDE_STEPS = 60
"""Steps of a network that chooses no terms: a law stands already, and the network says how close it is."""


def train_network(
    motion: tuple[Motion, Motion],
    options: DiscoveryOptions,
    log: Journal,
    progress: Callable[[FitProgress], None] | None = None,
    checkpoints: Checkpoints | None = None,
) -> Fit:
    """The network that terms are read off, its structure, width and loss chosen by held-out error.

    Arguments:
        motion: what is learned from, and what is held out.
        options: of the discovery.
        log: takes the errors by structure, the reason for the choice, and whether time was up.
        progress: called during the training.
        checkpoints: where the training keeps what is needed to go on.
    """
    wanted, known = _structures(options.choice, motion[0].smooth)
    names = [name for name, changes in ORDER.items() if changes["structure"] in wanted]
    reason = READ_OFF if known else ""
    network = _train(names, motion, options, log, progress, checkpoints, further=not known, reason=reason)
    if not usable(network) and options.choice.evidence != "network":
        log.notices.append(_unusable(network))
    return network


def train_beside(
    choice: Choice,
    motion: tuple[Motion, Motion],
    options: DiscoveryOptions,
    log: Journal,
    progress: Callable[[FitProgress], None] | None = None,
    checkpoints: Checkpoints | None = None,
) -> Fit:
    """A network of the structure that the data chose, which the law is compared with; see `train_network`."""
    options = replace(options, fit=replace(options.fit, steps=min(options.fit.steps or BESIDE_STEPS, BESIDE_STEPS)))
    reason = "The law that the data chose leaves nothing but noise of the motion, so the network chose no terms."
    structure = _of_network(choice.structure)
    name = f"{structure} + friction" if choice.friction else structure
    return _train([name], motion, options, log, progress, checkpoints, further=False, reason=reason)


def _train(  # noqa: PLR0913 (those of `train_network`, and what its two callers differ in)
    names: list[str],
    motion: tuple[Motion, Motion],
    options: DiscoveryOptions,
    log: Journal,
    progress: Callable[[FitProgress], None] | None,
    checkpoints: Checkpoints | None,
    *,
    further: bool,
    reason: str,
) -> Fit:
    chosen = select_network(
        *motion,
        names=names,
        angles=tuple(int(i) for i in np.flatnonzero(motion[0].smooth.angle_mask)),
        options=replace(options.fit, seconds=options.budget),
        seed=options.seed,
        device=options.device,
        progress=progress,
        checkpoints=checkpoints,
        further=further,
    )
    log.structures = {file_label(name): error for name, error in chosen.errors.items()}
    log.notices.append(f"{chosen.reason} {reason}".strip())
    if any(score.status == "seconds" for score in chosen.scores):
        log.caps.append("fit")
    return chosen.fit


def _structures(choice: ChoiceOptions, smooth: Trajectories) -> tuple[tuple[str, ...], bool]:
    """The structures of the networks to be trained, and whether an engine will read the motion rather than these."""
    known = explaining_structures(smooth) if choice.invents and choice.evidence != "network" else ()
    if choice.structure != "auto":
        return (_of_network(choice.structure),), bool(known)
    return known or STRUCTURES, bool(known)


def _of_network(structure: str) -> str:
    """The structure of a network that holds Lagrangians of a structure."""
    return "free" if structure == WEIGHTED_LENGTH else structure


def _unusable(network: Fit) -> str:
    """A sentence on a network that did not learn the motion."""
    if not np.isfinite(network.held_out_error):
        return "The network's mass matrix could not be inverted, so the data alone decided."
    of = "weak-form" if LOSSES[network.options.loss].consecutive else "acceleration"
    return f"The network's held-out {of} error stayed at {network.held_out_error:.0%}, so the data alone decided."
