"""Validation of a density: what it predicts of fields that neither fitting nor choosing saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.data.continuity import continuity_residuals, total_drifts
from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.distillation.densities.evidence import SmoothField, density_evidence, smooth_fields
from lagsym.distillation.libraries.density_terms import DensityLibrary, evaluate
from lagsym.distillation.libraries.terms import Term
from lagsym.errors import InputError
from lagsym.evolution import LostMotionError, Places, evolve
from lagsym.law import Law
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.symmetry.densities import Tensor, stress_energy

BROKEN_DOWN = 1e3
"""Roll-out error of a law that runs into a singularity."""
SETTLING = 10
"""Snapshots after a record's first at which a roll-out starts: smoothing needs some on both sides."""
TIME = 0


@dataclass(frozen=True, eq=False)
class FieldValidation:
    """Scores of a density and the series that its pictures are drawn from.

    Arguments:
        scores: `weak_r2` of the weak form, `rollout_error` (root mean square over all held-out records, relative to the
            spread of the fields; left out where the law cannot be followed in time), `energy_drift` (spread of the
            law's energy over time along the measured fields, relative to the mean kinetic energy) and `energy_balance`,
            `momentum_balance` (what the continuity equations of the law's energy and momentum leave on the measured
            fields, in averages over the test functions, relative to the averages of the changes of the densities; of
            momentum, along all directions of space together).
        t: times of the longest held-out record, from where its roll-out starts.
        x: its sites along the first direction of space.
        measured: the first field there, as it was measured; of two directions of space, along the middle of the second.
        predicted: the same by the law.
        energy: of the law's motion, relative deviation from its start.
        notices: why the law was not followed in time, where it was not; `predicted` and `energy` are then not numbers.
    """

    scores: Mapping[str, float]
    t: Float[np.ndarray, " times"]
    x: Float[np.ndarray, " sites"]
    measured: Float[np.ndarray, "times sites"]
    predicted: Float[np.ndarray, "times sites"]
    energy: Float[np.ndarray, " times"]
    notices: tuple[str, ...] = ()


def validate_field(law: Law, held_out: Lattice) -> FieldValidation:
    """Score a density on held-out fields.

    Arguments:
        law: a law with a Lagrangian density.
        held_out: measured fields that nothing else saw.
    """
    lagrangian, space = law.numeric_lagrangian, law.space
    assert lagrangian is not None
    smooth = smooth_fields(held_out, order=max(2, 2 * space.order(lagrangian) - 1))
    library = DensityLibrary(space, (Term(lagrangian, 0.0),))
    scores = {"weak_r2": 1 - density_evidence(library, smooth).loss(np.ones(1))}
    paths = [_roll_out(lagrangian, space, held_out, part) for part in smooth]
    notices = tuple(dict.fromkeys(path.refusal for path in paths if path.refusal))
    if not notices:
        scores["rollout_error"] = _rollout_error(paths)
    tensor = stress_energy(lagrangian, space)
    scores["energy_drift"] = _drift(lagrangian, tensor[TIME][TIME], space, smooth, held_out.periodic)
    for name, directions in (("energy_balance", [TIME]), ("momentum_balance", range(1, len(space.base)))):
        scores[name] = _balance(tensor, directions, space, smooth)
    shown = _shown(scores, max(paths, key=lambda path: path.t[-1] - path.t[0]), lagrangian, space)
    return replace(shown, notices=notices)


@dataclass(frozen=True, eq=False)
class _Path:
    """A record and what the law makes of its beginning; or why it cannot be followed in time."""

    record: FieldRecord
    t: np.ndarray
    measured: np.ndarray
    predicted: np.ndarray
    rates: np.ndarray
    places: Places
    refusal: str = ""


def _roll_out(lagrangian: sp.Expr, space: JetSpace, data: Lattice, smooth: SmoothField) -> _Path:
    """The law's motion from the smoothed fields near the record's beginning, up to its end."""
    record, first = smooth.record, min(SETTLING, len(smooth.record.t) // 4)
    start = tuple(smooth.points[index][first][None] for index in ((), (TIME,)))
    places = Places(record.axes, data.periodic, data.angles)
    t, measured = record.t[first:], record.u[first:]
    lost = np.full_like(measured, np.nan)
    try:
        found = evolve(lagrangian, space, (start[0], start[1]), t, places)
    except LostMotionError:
        return _Path(record, t, measured, lost, lost, places)
    except InputError as error:
        reason = f"The law was not followed from held-out beginnings, so it has no roll-out error: {error}."
        return _Path(record, t, measured, lost, lost, places, reason)
    return _Path(record, t, measured, found.u[0], found.u_t[0], places)


def _rollout_error(paths: list[_Path]) -> float:
    """Root mean square over all records, relative to the spread of the fields."""
    spread = np.concatenate([_centred(path.record.u) for path in paths]).std(axis=0)
    errors = np.concatenate([(path.predicted - path.measured).reshape(-1, len(spread)) for path in paths]) / spread
    return min(float(np.sqrt(np.mean(errors**2))), BROKEN_DOWN) if np.isfinite(errors).all() else BROKEN_DOWN


def _centred(u: np.ndarray) -> np.ndarray:
    flat = u.reshape(-1, u.shape[-1])
    return flat - flat.mean(axis=0)


def _drift(
    lagrangian: sp.Expr,
    energy: sp.Expr,
    space: JetSpace,
    smooth: tuple[SmoothField, ...],
    periodic: Sequence[bool],
) -> float:
    """Spread over time of the energy in each record, relative to the mean kinetic energy."""
    momenta = zip(space.velocities, (sp.diff(lagrangian, rate) for rate in space.velocities), strict=True)
    kinetic = sp.Add(*(rate * momentum for rate, momentum in momenta)) / 2
    energies, sizes = zip(*(evaluate([energy, kinetic], space, part.points) for part in smooth), strict=True)
    return total_drifts([part.tests for part in smooth], {TIME: energies}, {TIME: sizes}, periodic)[TIME]


def _balance(tensor: Tensor, directions: Sequence[int], space: JetSpace, smooth: tuple[SmoothField, ...]) -> float:
    """What D_mu T^mu_nu leaves in averages over the test functions, of all translations together."""
    currents = {
        nu: [
            {(mu,): values for mu, values in enumerate(evaluate([row[nu] for row in tensor], space, part.points))}
            for part in smooth
        ]
        for nu in directions
    }
    return float(np.linalg.norm(list(continuity_residuals([part.tests for part in smooth], currents).values())))


def _shown(scores: dict[str, float], path: _Path, lagrangian: sp.Expr, space: JetSpace) -> FieldValidation:
    """The series of the pictures."""
    from lagsym.evolution import field_energy

    energy = np.full(len(path.t), np.nan)
    if np.isfinite(path.predicted).all():
        energy = field_energy(lagrangian, space, path.predicted, path.rates, path.places)
        energy = (energy - energy[0]) / (np.abs(energy).max() or 1.0)
    middle = (slice(None), slice(None), *(size // 2 for size in path.measured.shape[2:-1]), 0)
    return FieldValidation(
        scores, path.t - path.t[0], path.record.axes[0], path.measured[middle], path.predicted[middle], energy
    )
