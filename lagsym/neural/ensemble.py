"""Ensembles: the same fit from several seeds at once, and how far its members are apart."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lagsym.data.jets import Jets
from lagsym.errors import InputError
from lagsym.neural.batched import BatchedTraining
from lagsym.neural.fitting import Fit, begin, check_pair, finished, threads_for
from lagsym.neural.models import NetworkLagrangian, Reading
from lagsym.neural.options import FitOptions
from lagsym.neural.progress import FitProgress


@dataclass(frozen=True)
class Spread:
    """Means and standard deviations over the members of an ensemble, in the units of the data.

    L and c L + const give the same motion, so each member's M and V are multiplied by one factor, which makes the
    norm of its M over all samples that of the first member's, and V is counted from its mean over the samples.

    Arguments:
        mass: mean of M(q, v) (N, n, n).
        mass_deviation: its standard deviation.
        potential: mean of V(q) (N,), which is zero on average.
        potential_deviation: its standard deviation.
        acceleration: mean of M⁻¹ f (N, n).
        acceleration_deviation: its standard deviation.
        scales: what each member's M and V were multiplied by (K,).
    """

    mass: Float[np.ndarray, "samples n n"]
    mass_deviation: Float[np.ndarray, "samples n n"]
    potential: Float[np.ndarray, " samples"]
    potential_deviation: Float[np.ndarray, " samples"]
    acceleration: Float[np.ndarray, "samples n"]
    acceleration_deviation: Float[np.ndarray, "samples n"]
    scales: Float[np.ndarray, " members"]

    @classmethod
    def of(cls, readings: Sequence[Reading], units: Float[np.ndarray, " n"]) -> Spread:
        """The spread of several networks' readings at the same jets.

        Arguments:
            readings: one of each network.
            units: of the velocities (n,), which make the entries of M comparable.

        Raises:
            InputError: there are fewer than two.
        """
        if len(readings) < 2:
            msg = f"expected at least 2 members, as one alone has no spread; got {len(readings)}"
            raise InputError(msg)
        masses = np.stack([reading.mass for reading in readings])
        scaled = masses * np.multiply.outer(units, units)
        sizes = np.sqrt(np.square(scaled).sum((1, 2, 3)))
        # c may be negative: −L has the same motion as L.
        scales = sizes[0] / sizes * np.sign(np.einsum("kbij,bij->k", scaled, scaled[0]))
        potentials = scales[:, None] * np.stack([reading.potential for reading in readings])
        potentials -= potentials.mean(1, keepdims=True)
        return cls(
            *_moments(scales[:, None, None, None] * masses),
            *_moments(potentials),
            *_moments(np.stack([reading.acceleration for reading in readings])),
            scales,
        )


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values.mean(0), values.std(0, ddof=1)


@dataclass(frozen=True)
class Ensemble:
    """Several fits of one structure to the same jets that differ in initial weights and in the order of batches.

    Arguments:
        fits: the members; each names the time that all took together.
        seconds: time taken by all.
    """

    fits: tuple[Fit, ...]
    seconds: float

    @property
    def models(self) -> tuple[NetworkLagrangian, ...]:
        """The members' networks, each an ordinary model."""
        return tuple(member.model for member in self.fits)

    def spread(self, jets: Jets) -> Spread:
        """Means and standard deviations over the members at the (q, v) of jets.

        Raises:
            InputError: there is one member only, or the jets have another number of coordinates or parameters.
        """
        models = self.models
        return Spread.of([model.read(jets) for model in models], np.array(models[0].scaling.velocity))


def fit_ensemble(  # noqa: PLR0913 (those of `fit`, and how many)
    jets_train: Jets,
    jets_choose: Jets,
    *,
    members: int = 8,
    angles: Collection[int] = (),
    options: FitOptions | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Callable[[FitProgress], None] | None = None,
) -> Ensemble:
    """Train several Lagrangian networks on the same jets: member k is what `fit` with seed `seed` + k gives.

    With SOAP all are trained at once in batched matrix products.  Levenberg–Marquardt spends its time in products and
    factorisations that fill a processor by themselves, so its members come one after the other.

    Arguments:
        jets_train: samples with accelerations, to learn from.
        jets_choose: held-out samples with accelerations, which decide when each member stops and what it keeps.
        members: how many.
        angles: positions of the coordinates with period 2 pi.
        options: how; a cap on the time counts for all members together.
        seed: of the first member.
        device: "auto", "cpu", "cuda" or "mps".
        progress: called after every evaluation; with SOAP, with root mean squares over the members.

    Raises:
        DataError: as `fit`.
        InputError: as `fit`, or there is no member, or the options ask for several starts.
        UnavailableError: as `fit`.
    """
    if members < 1:
        msg = f"expected at least 1 member; got {members}"
        raise InputError(msg)
    options, started, seeds = options or FitOptions(), time.monotonic(), range(seed, seed + members)
    if options.starts > 1:
        msg = f"expected one start for each member, as all members together are starts; got {options.starts}"
        raise InputError(msg)
    until = math.inf if options.seconds is None else started + options.seconds
    check_pair(jets_train, jets_choose)
    runs = [begin(jets_train, jets_choose, angles, options, member, device, until).training() for member in seeds]
    for run in runs:
        run.examples = runs[0].examples  # which are the same: without copies
    if runs[0].name == "soap":
        BatchedTraining(runs).run(progress, until)
    else:
        for run in runs:
            with threads_for(run.model):
                run.run(progress, until)
    seconds = time.monotonic() - started
    fits = (finished(run, run.finish(), seconds, member) for run, member in zip(runs, seeds, strict=True))
    return Ensemble(tuple(fits), seconds)
