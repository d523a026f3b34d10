"""Evolve: a density and initial fields in, the fields at later times out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from jaxtyping import Float
from scipy.integrate import solve_ivp

from lagsym.data.lattice import FieldRecord
from lagsym.errors import InputError
from lagsym.evolution.density import Applied, GridDensity, density_on
from lagsym.evolution.frames import Frame, frame_of
from lagsym.evolution.grid import Grid
from lagsym.evolution.places import Places
from lagsym.evolution.splitting import take_turns
from lagsym.evolution.turns import Turns, by_turns
from lagsym.mechanics.jetspace import JetSpace

TOLERANCE = 1e-11
"""Of the integrator, relative to the size of the fields."""
MOST_EVALUATIONS = 20_000
"""Of the equations of motion, in one call."""
ESCAPED = 1e6
"""Times the size at the start, from which on fields count as run away."""
SHORT = 2
"""The shortest waves are those in the last half of the spectrum: a wave on less than four sites."""
Fields = Float[np.ndarray, "runs *sites fields"]


class LostMotionError(InputError):
    """The density has a motion, but it cannot be followed up to the last time."""


@dataclass(frozen=True, eq=False)
class Evolution:
    """Fields at the times asked for.

    Arguments:
        t: times.
        u: fields.
        u_t: their rates.
    """

    t: Float[np.ndarray, " times"]
    u: Float[np.ndarray, "runs times *sites fields"]
    u_t: Float[np.ndarray, "runs times *sites fields"]

    def records(self, places: Places) -> tuple[FieldRecord, ...]:
        """Its runs as records of a lattice, for evenly spaced times.

        Raises:
            DataError: the times are not evenly spaced, or the places are not those of the fields.
        """
        runs = enumerate(zip(self.u, self.u_t, strict=True))
        return tuple(FieldRecord(self.t, places.axes, u, u_t, str(k)) for k, (u, u_t) in runs)


def evolve(
    lagrangian: sp.Expr,
    space: JetSpace,
    initial: tuple[Fields, Fields],
    times: Float[np.ndarray, " times"],
    places: Places,
    *,
    applied: Applied | None = None,
    tolerance: float = TOLERANCE,
) -> Evolution:
    """Follow fields in time under any density of order one or two, all runs together.

    The density is summed over the nodes of a grid, which gives a mechanical system of one coordinate for each node and
    field; its quadratic part is followed exactly. Where the rest pushes by the fields alone, it does so in kicks, by a
    symplectic method of order 8; else it is followed by Dormand and Prince's method of that order.
    Where the density is linear in u_t, only `u` of the initial fields is used, and the uniform part of u stays.

    Arguments:
        lagrangian: the density, with numbers for its constants.
        space: the jet space that it is written in.
        initial: u and u_t at the first time, each of shape (runs, *sites, fields).
        times: increasing.
        places: the sites and ends.
        applied: friction and forces.
        tolerance: of the integrator, relative to the size of the fields.

    Raises:
        InputError: shapes do not fit, or the density has no such motion.
        LostMotionError: the motion runs into a singularity, or changes too fast to be followed.

    >>> space = JetSpace(("u",), ("t", "x"))
    >>> (u_t,), (u_x,) = space.derivatives(0), space.derivatives(1)
    >>> x = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    >>> start = np.sin(x)[None, :, None]
    >>> wave = evolve((u_t**2 - 4 * u_x**2) / 2, space, (start, 0 * start), np.array([0, 1.0]), Places((x,), (True,)))
    >>> np.allclose(wave.u[0, -1, :, 0], np.sin(x) * np.cos(2))
    True
    """
    grid = Grid.of(places.axes, places.periodic, min(space.order(lagrangian), 2))
    times = _increasing(times)
    start = _checked(initial, space, places)
    found = np.empty((2, len(start[0]), len(times), *start[0].shape[1:]))
    for own, turns in by_turns(start[0], space.fields, places):
        straight, acting = turns.taken_from(lagrangian, space), _straight(applied or Applied(), turns, space)
        problem = density_on(straight, space, grid, acting)
        found[:, own] = _followed(problem, (start[0][own] - turns.ramp, start[1][own]), times, tolerance)
        found[0, own] += turns.ramp
    return Evolution(times, *found)


def _straight(applied: Applied, turns: Turns, space: JetSpace) -> Applied:
    forces = {name: turns.taken_from(force, space) for name, force in applied.forces.items()}
    return Applied(turns.taken_from(applied.dissipation, space), forces)


def _followed(
    problem: GridDensity, start: tuple[np.ndarray, np.ndarray], times: np.ndarray, tolerance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fields and rates (runs, times, *sites, fields) from those at the first time."""
    grid = problem.grid
    u, u_t = (grid.from_sites(np.moveaxis(part, -1, 0)) for part in start)
    frame = frame_of(problem, u)
    begin = frame.start(float(times[0]), u, u_t * grid.free)
    states = None if frame.at_rest else _symplectic(problem, frame, begin, times, tolerance)
    if states is None:
        states = _integrate(frame, begin, times, tolerance)
    motion = [frame.fields(t, state) for t, state in zip(times, states, strict=True)]
    # Over the runs, then times, sites and fields.
    u, u_t = (np.moveaxis(np.stack([grid.to_sites(part[k]) for part in motion]), (0, 1, 2), (1, -1, 0)) for k in (0, 1))
    return u, u_t


def _symplectic(
    problem: GridDensity, frame: Frame, start: np.ndarray, times: np.ndarray, tolerance: float
) -> np.ndarray | None:
    """States in the frame by drifts and kicks; None where these cannot follow the motion."""
    if frame.turns is None:
        return None

    def energy(t: float, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        (values,) = problem.energies(t, *frame.fields(t, state))
        return problem.grid.integrate(values), problem.grid.integrate(np.abs(values))

    most = MOST_EVALUATIONS
    return take_turns(frame.turns, start, times, tolerance=tolerance, energy=energy, most=most)


def roughness(u: Float[np.ndarray, "runs times *sites fields"], periodic: Sequence[bool]) -> Float[np.ndarray, " runs"]:
    """The share of the shortest waves in each run's fields, as amplitudes: near nought where the sites resolve them.

    Arguments:
        u: fields on evenly spaced sites.
        periodic: for each direction, whether it closes on itself; otherwise the fields are mirrored at its ends.

    >>> x = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    >>> u = np.stack([np.sin(x), np.sign(np.sin(x))])[:, None, :, None]
    >>> roughness(u, (True,)) > 0.01
    array([False,  True])
    """
    shares = [_rough(np.moveaxis(u, 2 + k, -1), closes=closes) for k, closes in enumerate(periodic)]
    return np.max(shares, axis=0)


def _rough(u: np.ndarray, *, closes: bool) -> np.ndarray:
    """The same along the last axis."""
    if not closes:
        u = u - u[..., :1] - (u[..., -1:] - u[..., :1]) * np.linspace(0, 1, u.shape[-1])
        u = np.concatenate((u, -u[..., -2:0:-1]), axis=-1)
    spectrum = np.abs(np.fft.rfft(u - u.mean(axis=-1, keepdims=True), axis=-1)).reshape(
        len(u), -1, u.shape[-1] // 2 + 1
    )
    tail = spectrum[..., -(spectrum.shape[-1] // SHORT) :]
    return tail.max(axis=(1, 2)) / np.maximum(spectrum.max(axis=(1, 2)), np.finfo(float).tiny)


def _increasing(times: Sequence[float] | np.ndarray) -> np.ndarray:
    times = np.asarray(times, float)
    if times.ndim != 1 or len(times) < 2 or not (np.diff(times) > 0).all() or not np.isfinite(times).all():
        msg = f"expected at least two increasing times, got an array of shape {times.shape}"
        raise InputError(msg)
    return times


def _checked(initial: tuple[np.ndarray, np.ndarray], space: JetSpace, places: Places) -> tuple[np.ndarray, np.ndarray]:
    """Fields and rates (runs, *sites, n)."""
    u, u_t = (np.asarray(part, float) for part in initial)
    wanted = (*map(len, places.axes), len(space.fields))
    if u.shape != u_t.shape or u.shape[1:] != wanted:
        msg = f"expected u and u_t as (runs, *{wanted}): sites and fields; got {u.shape} and {u_t.shape}"
        raise InputError(msg)
    if not (np.isfinite(u).all() and np.isfinite(u_t).all()):
        msg = "expected finite initial fields and rates, got some that are not; start elsewhere"
        raise InputError(msg)
    return u, u_t


def _integrate(frame: Frame, start: np.ndarray, times: np.ndarray, tolerance: float) -> np.ndarray:
    """States in the frame at the times."""
    if frame.at_rest:
        return np.broadcast_to(start, (len(times), *start.shape))
    lost = f"the motion runs into a singularity before t = {times[-1]:g}; start elsewhere or shorten the time"
    evaluations, scale = 0, float(np.abs(start).max()) or 1.0

    def rate(t: float, state: np.ndarray) -> np.ndarray:
        nonlocal evaluations
        evaluations += 1
        if evaluations > MOST_EVALUATIONS:
            msg = (
                f"the fields change so fast at t = {t:g} that following them takes more than {MOST_EVALUATIONS} "
                "evaluations; start from smoother or smaller fields, or shorten the time"
            )
            raise LostMotionError(msg)
        if np.abs(state).max() > ESCAPED * scale:
            raise LostMotionError(lost)
        return frame.rate(t, state.reshape(start.shape)).ravel()

    if not np.isfinite(rate(times[0], start.ravel())).all():
        msg = "the equations of motion have no value for the initial fields; start elsewhere"
        raise LostMotionError(msg)
    with np.errstate(all="ignore"):
        solution = solve_ivp(
            rate, (times[0], times[-1]), start.ravel(), "DOP853", times, rtol=tolerance, atol=tolerance * scale
        )
    if not solution.success or not np.isfinite(solution.y).all():
        raise LostMotionError(lost)
    return np.moveaxis(solution.y.reshape(*start.shape, len(times)), -1, 0)
