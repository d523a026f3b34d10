"""Paths: the positions that a law gives at every sample of every window, from the windows' starting states.

Every window has steps of its own, short where its motion is fast, as in a close encounter; all windows take them
together.  A step may span many samples: they are read off its polynomial.  The steps are chosen once for a path and
kept for what is near it, so that a path is a smooth function of its starting states.

Source: Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I, 2nd ed. (1993), II.5 and II.6: the method
of Dormand and Prince of eighth order, with errors of third and fifth order and a polynomial of seventh order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.integrate import DOP853

from lagsym.distillation.fitting.windows import Windows
from lagsym.mechanics.dynamics.numeric import CompiledMechanics, solve_samples

ENOUGH = 0.01
"""Change of a path, in units of the scale, that steps of half the length may make without being worth it."""
FIRST_TOLERANCE = 1e-3
"""Error of one step, in units of the scale, that is tried first."""
TIGHTENED, TRIES = 1e-3, 3
"""Factor by which the tolerance is lowered at most, and how often."""
LEAST_TOLERANCE = 1e-6
"""A path on which the errors of steps grow so much that this is not enough is too sensitive to be followed."""
FINEST = 32
"""Steps to one interval between samples, at most."""
MOST, ALWAYS = 1, 100
"""Steps to one interval on average, and in all, that a path may take; then it goes on with one to each interval."""
MOST_DRIVEN = 8
"""The former where measured forces bend at every sample."""
ROUNDING = 1e-13
SAFETY, SHRINK, GROW = 0.9, 0.2, 5.0
"""Factors of the length of a step from one to the next: of the best guess, the least one and the largest."""
ORDER = 8
_LOST = 1e6
"""A path that is so many times as far as the data has broken down."""
Rate = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Velocities and accelerations (copies x windows, 2 n) at times (windows,) from each window's start, and states."""


@dataclass(frozen=True)
class Mesh:
    """When the steps of each window begin and end.

    Arguments:
        windows: where the samples are.
        times: from the start of each window on; one that needs fewer steps than others has some of no length in the
            end.
    """

    windows: Windows
    times: Float[np.ndarray, "nodes windows"]

    @property
    def halved(self) -> Mesh:
        """The mesh with steps of half the length."""
        between = (self.times[:-1] + self.times[1:]) / 2
        times = np.empty((2 * len(self.times) - 1, self.times.shape[1]))
        times[::2], times[1::2] = self.times, between
        return Mesh(self.windows, times)

    @cached_property
    def places(self) -> Int[np.ndarray, "samples windows"]:
        """The step that each sample lies in."""
        pairs = zip(self.times.T, sample_times(self.windows).T, strict=True)
        places = [np.searchsorted(nodes, samples) - 1 for nodes, samples in pairs]
        return np.clip(np.stack(places, axis=1), 0, len(self.times) - 2)

    @cached_property
    def pieces(self) -> Float[np.ndarray, "seven samples windows"]:
        """What the polynomial of a step has at a sample for each of its parts: s, s (1 - s), s^2 (1 - s) and so on."""
        begin, length = (np.take_along_axis(x, self.places, axis=0) for x in (self.times, np.diff(self.times, axis=0)))
        s = (sample_times(self.windows) - begin) / np.where(length > 0, length, 1)
        return np.cumprod([s, 1 - s, s, 1 - s, s, 1 - s, s], axis=0)

    @property
    def exhausted(self) -> Bool[np.ndarray, " windows"]:
        """Windows whose paths take all the steps that they may, as near a point where the law breaks down."""
        return (np.diff(self.times, axis=0) > 0).sum(axis=0) >= _enough(self.windows)


@dataclass(frozen=True)
class ChosenMesh:
    """A mesh, and how it was chosen.

    Arguments:
        mesh: the steps.
        tolerance: of the error of a step of each window, in units of the scale.
        broken: windows whose paths took all steps that they may at the first tolerance.
    """

    mesh: Mesh
    tolerance: Float[np.ndarray, " windows"]
    broken: Bool[np.ndarray, " windows"]


def sample_times(windows: Windows) -> Float[np.ndarray, "samples windows"]:
    """When the samples of each window were taken, from its start on; the last one again where a window has fewer."""
    return np.concatenate([np.zeros((1, len(windows.start))), np.cumsum(windows.steps, axis=0)])


def _enough(windows: Windows) -> Int[np.ndarray, " windows"]:
    """Steps that the path of each window may take."""
    most = MOST if windows.force is None else MOST_DRIVEN
    return np.maximum(most * (windows.steps > 0).sum(axis=0), ALWAYS)


def choose_mesh(
    mechanics: CompiledMechanics,
    windows: Windows,
    states: Float[np.ndarray, "windows states"],
    values: Float[np.ndarray, " constants"],
    scale: Float[np.ndarray, " coordinates"],
) -> ChosenMesh:
    """Steps so short that half their length would change nothing that matters.

    Arguments:
        mechanics: the law.
        windows: where the samples are.
        states: positions and velocities at the start of every window.
        values: the constants.
        scale: what matters, of each coordinate, in its units.
    """
    there, tolerance = windows.weight[..., None] > 0, np.full(len(states), FIRST_TOLERANCE)
    mesh = find_mesh(mechanics, windows, states, values, tolerance[:, None] * scale)
    broken = mesh.exhausted
    for _ in range(TRIES):
        coarse, fine = (positions(mechanics, each, states, values) for each in (mesh, mesh.halved))
        with np.errstate(invalid="ignore"):
            change = np.abs(fine - coarse) / scale
        # A motion that breaks down whatever the steps is as far as it was.
        change = np.where(np.isnan(change), np.where(np.isnan(coarse) == np.isnan(fine), 0.0, np.inf), change)
        worst = np.max(np.where(there, change, 0), axis=(0, 2))
        needed = (worst > ENOUGH) & (tolerance > LEAST_TOLERANCE) & ~mesh.exhausted
        if not needed.any():
            break
        less = tolerance * np.clip(ENOUGH / np.maximum(worst, ENOUGH) / 2, TIGHTENED, 1)
        tolerance = np.where(needed, np.maximum(less, LEAST_TOLERANCE), tolerance)
        mesh = find_mesh(mechanics, windows, states, values, tolerance[:, None] * scale)
    return ChosenMesh(mesh, tolerance, broken)


def find_mesh(
    mechanics: CompiledMechanics,
    windows: Windows,
    states: Float[np.ndarray, "windows states"],
    values: Float[np.ndarray, " constants"],
    allowed: Float[np.ndarray, "windows coordinates"],
) -> Mesh:
    """Steps whose errors are as large as allowed, or that are the shortest.

    Arguments:
        mechanics: the law.
        windows: where the samples are.
        states: positions and velocities at the start of every window.
        values: the constants.
        allowed: error of a position that one step may make, in its units.
    """
    rate = _rate(mechanics, windows, values, 1)
    n = allowed.shape[1]
    size = np.abs(windows.q).max(axis=(0, 1))
    t, y, end = np.zeros(len(states)), states, sample_times(windows)[-1]
    usual = end / np.maximum((windows.steps > 0).sum(axis=0), 1)
    # What is wrong with a velocity is wrong with the position some time later, at the end of the window at most.
    spread = windows.state.std(axis=0)
    sooner = np.where(spread[:n] > 0, spread[n:] / np.where(spread[:n] > 0, spread[:n], 1), np.inf)
    sooner = np.maximum(sooner, 1 / np.maximum(end, 1e-300)[:, None])
    limit = np.maximum(allowed, ROUNDING * size)
    limit = np.concatenate([limit, limit * sooner], axis=1)
    h, enough = usual.copy(), _enough(windows)
    taken = np.zeros(len(t), int)
    moments: list[tuple[np.ndarray, np.ndarray]] = []
    with np.errstate(all="ignore"):  # a motion that breaks down is told by what comes out
        first = rate(t, y)
        while (moving := t < end).any():
            shortest = np.where(taken < enough, usual / FINEST, usual)
            step = np.where(moving, np.maximum(np.minimum(h, end - t), 0), 0)
            last = step >= end - t
            new, slopes = _step(rate, t, y, first, step)
            worst = _error(slopes, step, limit)
            accepted = moving & ((worst <= 1) | (step <= shortest))
            lost = accepted & ~(np.abs(new[:, :n]) < _LOST * (size + allowed)).all(axis=1)
            t = np.where(accepted, np.where(last | lost, end, t + step), t)
            after = slopes[DOP853.n_stages].reshape(y.shape)
            y, first = (np.where(accepted[:, None], x, old) for x, old in ((new, y), (after, first)))
            taken += accepted
            moments.append((taken.copy(), t))
            factor = np.clip(SAFETY * np.maximum(worst, 1e-30) ** (-1 / ORDER), SHRINK, GROW)
            h = np.maximum(np.where(moving, step * factor, h), shortest)
    times = np.tile(end, (max(int(taken.max()), 1) + 1, 1))
    columns = np.arange(len(end))
    for place, moment in moments:
        times[place, columns] = moment
    times[0] = 0.0
    return Mesh(windows, times)


def positions(
    mechanics: CompiledMechanics,
    mesh: Mesh,
    states: Float[np.ndarray, "windows states"],
    values: Float[np.ndarray, " constants"] | Float[np.ndarray, "constants windows"],
) -> Float[np.ndarray, "samples windows coordinates"]:
    """Positions at every sample of every window; windows in copies when states come in copies.

    Arguments:
        mechanics: the law.
        mesh: the steps.
        states: positions and velocities at the start of every window.
        values: the constants, of all windows or of each.
    """
    n, width = states.shape[1] // 2, mesh.times.shape[1]
    copies = len(states) // width
    steps = np.stack(list(_polynomials(_rate(mechanics, mesh.windows, values, copies), mesh, states)))
    # One row for every step of every path, so that what belongs to a sample is read at once.
    rows = np.ascontiguousarray(np.moveaxis(steps, 1, 2)).reshape(-1, *steps.shape[1::2])
    column = np.arange(copies)[:, None] * width + np.arange(width)
    parts = rows[mesh.places[:, None, :] * len(states) + column]
    found = parts[..., 0, :] + np.einsum("ksw,scwkn->scwn", mesh.pieces, parts[..., 1:, :])
    return found.reshape(len(mesh.places), len(states), n)


def _polynomials(rate: Rate, mesh: Mesh, y: np.ndarray) -> Iterator[np.ndarray]:
    """Of every step the position at its beginning and the parts of its polynomial."""
    n = y.shape[1] // 2
    with np.errstate(all="ignore"):  # a motion that breaks down is told by what comes out
        slope = rate(mesh.times[0], y)
        for t, h in zip(mesh.times[:-1], np.diff(mesh.times, axis=0), strict=True):
            new, slopes = _step(rate, t, y, slope, h)
            yield _polynomial(rate, (t, y, new), slopes, h)[:, :, :n].copy()
            y, slope = new, slopes[DOP853.n_stages].reshape(y.shape)


def _step(
    rate: Rate, t: np.ndarray, y: np.ndarray, first: np.ndarray, h: np.ndarray
) -> tuple[np.ndarray, Float[np.ndarray, "stages entries"]]:
    """A step with a length for each window: the states after it, and all slopes on the way, the last one there."""
    length = np.tile(h, len(y) // len(h))[:, None]
    slopes = np.empty((DOP853.n_stages + 1 + len(DOP853.C_EXTRA), y.size))
    slopes[0] = first.ravel()
    for stage in range(1, DOP853.n_stages):
        change = (DOP853.A[stage, :stage] @ slopes[:stage]).reshape(y.shape)
        slopes[stage] = rate(t + DOP853.C[stage] * h, y + length * change).ravel()
    new = y + length * (DOP853.B @ slopes[: DOP853.n_stages]).reshape(y.shape)
    slopes[DOP853.n_stages] = rate(t + h, new).ravel()
    return new, slopes


def _error(slopes: np.ndarray, h: np.ndarray, limit: np.ndarray) -> Float[np.ndarray, " windows"]:
    """The error of a step of each window, in units of the limit (windows, 2 n); infinite where it breaks down."""
    used = slopes[: DOP853.n_stages + 1]
    fifth, third = (np.sum(((e @ used).reshape(len(h), -1) / limit) ** 2, axis=1) for e in (DOP853.E5, DOP853.E3))
    size = h * fifth / np.sqrt(np.maximum((fifth + 0.01 * third) * limit.shape[1], 1e-300))
    return np.where(np.isfinite(size), size, np.inf)


def _polynomial(
    rate: Rate, step: tuple[np.ndarray, np.ndarray, np.ndarray], slopes: np.ndarray, h: np.ndarray
) -> Float[np.ndarray, "eight windows states"]:
    """The states at the beginning of a step, and the parts of the polynomial by which they change within it."""
    t, y, new = step
    length = np.tile(h, len(y) // len(h))[:, None]
    for stage, (row, c) in enumerate(zip(DOP853.A_EXTRA, DOP853.C_EXTRA, strict=True), start=DOP853.n_stages + 1):
        change = (row[:stage] @ slopes[:stage]).reshape(y.shape)
        slopes[stage] = rate(t + c * h, y + length * change).ravel()
    gap = new - y
    begin, end = (length * slopes[k].reshape(y.shape) for k in (0, DOP853.n_stages))
    rest = length * (DOP853.D @ slopes).reshape(-1, *y.shape)
    return np.stack([y, gap, begin - gap, 2 * gap - end - begin, *rest])


def _rate(mechanics: CompiledMechanics, windows: Windows, values: np.ndarray, copies: int) -> Rate:
    """How states change; measured forces are cubic between samples."""
    n = windows.q.shape[2]

    def free(t: np.ndarray, y: np.ndarray) -> np.ndarray:
        q, v = y[:, :n], y[:, n:]
        return np.concatenate([v, mechanics.acceleration(np.tile(windows.start + t, copies), q, v, values)], axis=1)

    if windows.force is None:
        return free
    force = _force(windows)

    def driven(t: np.ndarray, y: np.ndarray) -> np.ndarray:
        q, v = y[:, :n], y[:, n:]
        mass, inner = mechanics.mass_and_force(np.tile(windows.start + t, copies), q, v, values)
        return np.concatenate([v, solve_samples(mass, inner + np.tile(force(t), (copies, 1)))], axis=1)

    return driven


def _force(windows: Windows) -> Callable[[np.ndarray], np.ndarray]:
    """The measured force on each window at a time."""
    assert windows.force is not None
    (values, slopes), times = windows.force, sample_times(windows)
    columns = np.arange(times.shape[1])

    def force(t: np.ndarray) -> np.ndarray:
        place = np.clip((times <= t).sum(axis=0) - 1, 0, np.maximum((windows.steps > 0).sum(axis=0) - 1, 0))
        width = windows.steps[place, columns][:, None]
        s = (t - times[place, columns])[:, None] / np.maximum(width, 1e-300)
        (f0, f1), (m0, m1) = ([part[place + k, columns] for k in (0, 1)] for part in (values, slopes))
        return (1 - s) ** 2 * ((1 + 2 * s) * f0 + s * width * m0) + s**2 * ((3 - 2 * s) * f1 + (s - 1) * width * m1)

    return force
