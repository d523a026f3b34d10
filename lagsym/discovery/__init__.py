"""The stages in order: from motion, fields, or a network of one's own, to a law and what may be claimed of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from lagsym.data.lattice import Lattice
from lagsym.data.trajectories import Trajectories
from lagsym.discovery.fields import discover_field
from lagsym.discovery.journal import Report
from lagsym.discovery.particles import discover_motion
from lagsym.discovery.record import Discovery, DiscoveryOptions
from lagsym.errors import InputError
from lagsym.neural import Checkpoints, FitProgress

__all__ = ["Discovery", "DiscoveryOptions", "discover"]


def discover(
    data: Trajectories | Lattice,
    *,
    options: DiscoveryOptions | None = None,
    report: Report = lambda stage: None,
    progress: Callable[[FitProgress], None] | None = None,
    checkpoints: Checkpoints | None = None,
) -> Discovery:
    """Find the Lagrangian that moves the data, or the Lagrangian density of the fields.

    The data are split in three. On the first part a network is trained and terms are selected, on the second structures
    are compared, and the third gives the scores; the constants are refined on the first two.

    Arguments:
        data: measured trajectories, or fields on a grid.
        options: what to do differently.
        report: called with the title of every stage as it begins.
        progress: called during the network's training.
        checkpoints: where the training keeps what is needed to go on after it was cut off; of trajectories alone.

    Raises:
        DataError: there is too little to learn from, or the coordinates are bound to each other.
        InputError: options contradict each other or the data, or a name in them is one of a law's constants.
        UnavailableError: a named engine or device is missing.
    """
    field = isinstance(data, Lattice)
    _refuse_names_of_constants(data.fields if field else (*data.coordinates, *data.parameters, *data.varied))
    if isinstance(data, Lattice):
        if checkpoints is not None:
            msg = "expected checkpoints with trajectories only: the networks of fields keep none; leave them out"
            raise InputError(msg)
        return discover_field(data, options=options, report=report, progress=progress)
    return discover_motion(data, options=options, report=report, progress=progress, checkpoints=checkpoints)


def _refuse_names_of_constants(names: Sequence[str]) -> None:
    """Refuse coordinates, fields and parameters that could not be told from a law's constants."""
    bad = [name for name in names if re.fullmatch(r"[cd][1-9]\d*", name)]
    if bad:
        msg = (
            f"{bad[0]} would be the name of a constant in the law (c1, c2, ...; d1, ... of friction); rename the column"
        )
        raise InputError(msg)
