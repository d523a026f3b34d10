"""Refinement: the constants of a found law fitted to the measured positions by multiple shooting, with errors.

Each window of data gets its own starting state; the law carries it through the window; constants and starting states
together minimise the misfit of the positions.  The starting states are eliminated (Schur complement), so the cost
grows only linearly with the number of windows.

Source: Bock, "Recent advances in parameteridentification techniques for O.D.E.", 1983 (multiple shooting).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.data.derivatives import characteristic_time, noise_level
from lagsym.data.trajectories import Trajectories
from lagsym.errors import InputError
from lagsym.mechanics.dynamics.numeric import CompiledMechanics, compile_mechanics, solve_samples
from lagsym.mechanics.jetspace import JetSpace

FIRST_WINDOW, LONGEST_WINDOW = 0.4, 1.6
"""Lengths of the windows in characteristic times: where the fit begins, and where it stops growing."""
LARGEST_SAMPLES = 6000
"""Samples that the fit uses: beyond this the windows are thinned out."""
GROWTH_LIMIT = 2.0
"""Longer windows are refused when they raise the residual by more than this factor: the law, or chaos, is too much."""
PRECISE = 1e-6
"""Relative standard errors below this are not improved upon by longer windows."""
ITERATIONS = 20
SHARES = (0.25, 0.5, 1.0)
"""Of a window, that its starting state is fitted to in turn: errors of the start grow along a window."""
SETTLING, SETTLED = 8, 1e-2
"""Iterations of the starting states alone, and the share of a window's misfit below which a gain ends them."""
SUBSTEPS = (1, 2, 4, 8)
NUMERICAL_FLOOR = 1e-8
"""Relative error of a constant that comes from integration alone."""
Rate = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
NOT_INTEGRABLE = "the law cannot be integrated from these constants; check the candidate, or begin nearer to the data"


@dataclass(frozen=True)
class Refined:
    """Constants with their errors.

    Arguments:
        values: the constants.
        covariance: their covariance matrix.
        residual: standard deviation of the misfit of each coordinate, in its units.
        window: length of the windows in the end, in units of time.
        windows: how many there were.
        converged: whether the iteration came to rest.
    """

    values: Float[np.ndarray, " constants"]
    covariance: Float[np.ndarray, "constants constants"]
    residual: Float[np.ndarray, " coordinates"]
    window: float
    windows: int
    converged: bool

    @property
    def standard_errors(self) -> Float[np.ndarray, " constants"]:
        """Square roots of the covariance's diagonal."""
        return np.sqrt(np.diag(self.covariance))


@dataclass(frozen=True)
class _Windows:
    """Stretches of data of at most L samples, padded with steps of length zero and weights of zero.

    Measured forces come with their slopes.
    """

    start: np.ndarray
    steps: np.ndarray
    q: np.ndarray
    weight: np.ndarray
    state: np.ndarray
    force: tuple[np.ndarray, np.ndarray] | None

    def first(self, share: float) -> _Windows:
        """The same windows, each cut off after a share of the longest."""
        count = max(2, round(share * len(self.steps)))
        force = None if self.force is None else (self.force[0][: count + 1], self.force[1][: count + 1])
        steps, q, weight = self.steps[:count], self.q[: count + 1], self.weight[: count + 1]
        return _Windows(self.start, steps, q, weight, self.state, force)


def refine(
    lagrangian: sp.Expr,
    constants: Sequence[sp.Symbol],
    initial: Float[np.ndarray, " constants"],
    data: Trajectories,
    smooth: Trajectories,
    *,
    dissipation: sp.Expr | int = 0,
) -> Refined:
    """Fit constants to the positions in `data` by multiple shooting with windows that grow while the law holds.

    Arguments:
        lagrangian: the law, with the constants as symbols; one coefficient must be a number, which sets the scale.
        constants: the symbols, those of the dissipation included.
        initial: where to begin, within some 20 per cent.
        data: measured trajectories, not smoothed.
        smooth: the same, differentiated: the windows' first states and the characteristic time are read off them.
        dissipation: the Rayleigh function.

    Raises:
        InputError: the law cannot be integrated with the initial constants.
    """
    space = JetSpace(data.coordinates)
    mechanics = compile_mechanics(lagrangian, space, dissipation=dissipation, constants=tuple(constants))
    time = characteristic_time(smooth)
    scale = np.maximum(noise_level(data), 1e-10 * np.concatenate([s.q for s in data.segments]).std(axis=0))
    scale = np.where(scale > 0, scale, 1.0)
    best: Refined | None = None
    values = np.asarray(initial, float)
    length = FIRST_WINDOW * time
    while length <= LONGEST_WINDOW * time * (1 + 1e-9):
        windows = _cut(data, smooth, length)
        shooting = _Shooting(mechanics, windows, scale, len(values))
        try:
            result = shooting.fit(values, length)
        except InputError:
            break
        if best is not None and np.any(result.residual > GROWTH_LIMIT * best.residual + 1e-9 * scale):
            break
        # Residuals per coordinate, found in one round, are the weights of the next.
        best, values = result, result.values
        scale = np.maximum(result.residual, 1e-3 * scale)
        length *= 2
        if np.all(result.standard_errors < PRECISE * np.abs(values)):
            break
    if best is None or not np.isfinite(best.values).all():
        raise InputError(NOT_INTEGRABLE)
    return best


def _cut(data: Trajectories, smooth: Trajectories, length: float) -> _Windows:
    pieces = []
    for raw, even in zip(data.segments, smooth.segments, strict=True):
        count = max(1, round((raw.t[-1] - raw.t[0]) / length))
        edges = np.linspace(0, len(raw) - 1, min(count, (len(raw) - 1) // 4) + 1).astype(int)
        pieces += [(raw, even, a, b) for a, b in itertools.pairwise(edges)]
    total = sum(b - a for _, _, a, b in pieces)
    stride = max(1, -(-total // LARGEST_SAMPLES))
    pieces = pieces[::stride]
    longest = max(b - a for _, _, a, b in pieces)
    n = len(data.coordinates)
    steps, weight = np.zeros((longest, len(pieces))), np.zeros((longest + 1, len(pieces)))
    q, state = np.zeros((longest + 1, len(pieces), n)), np.zeros((len(pieces), 2 * n))
    start = np.zeros(len(pieces))
    force, slope = np.zeros_like(q), np.zeros_like(q)
    for w, (raw, even, a, b) in enumerate(pieces):
        steps[: b - a, w] = np.diff(raw.t[a : b + 1])
        weight[: b - a + 1, w] = 1
        q[: b - a + 1, w] = raw.q[a : b + 1]
        if raw.force_spline is not None:
            force[: b - a + 1, w] = raw.force_spline(raw.t[a : b + 1])
            slope[: b - a + 1, w] = raw.force_spline(raw.t[a : b + 1], 1)
        assert even.v is not None
        velocity = [np.interp(raw.t[a], even.t, v) for v in even.v.T]
        position = [np.interp(raw.t[a], even.t, x) for x in even.q.T]
        state[w], start[w] = [*position, *velocity], raw.t[a]
    return _Windows(start, steps, q, weight, state, (force, slope) if data.has_forces else None)


class _Shooting:
    """Gauss–Newton with damping on constants and starting states together."""

    def __init__(self, mechanics: CompiledMechanics, windows: _Windows, scale: np.ndarray, constants: int) -> None:
        self.mechanics, self.windows, self.scale, self.constants = mechanics, windows, scale, constants
        self.n = windows.q.shape[2]
        self.substeps = 1

    def fit(self, initial: np.ndarray, length: float) -> Refined:
        values, states = initial.copy(), self.windows.state.copy()
        self._choose_substeps(states, values)
        for share in SHARES:
            part = _Shooting(self.mechanics, self.windows.first(share), self.scale, self.constants)
            part.substeps = self.substeps
            states = part.settled(states, values)
        residual = self._residual(states, values)
        if not np.isfinite(residual).all():
            raise InputError(NOT_INTEGRABLE)
        damping, converged = 1e-4, False
        for _ in range(ITERATIONS):
            by_state, by_constant = self._jacobians(states, values)
            if not (np.isfinite(by_state).all() and np.isfinite(by_constant).all()):
                raise InputError(NOT_INTEGRABLE)
            step = self._step(by_state, by_constant, residual, damping)
            trial = self._residual(states + step[1], values + step[0])
            tries = 0
            while not np.sum(trial**2) < np.sum(residual**2) and tries < 8:
                damping, tries = 10 * damping, tries + 1
                step = self._step(by_state, by_constant, residual, damping)
                trial = self._residual(states + step[1], values + step[0])
            if tries == 8:
                converged = True
                break
            gain = 1 - np.sum(trial**2) / np.sum(residual**2)
            values, states, residual = values + step[0], states + step[1], trial
            damping = max(damping / 10, 1e-12)
            if gain < 1e-6:
                converged = True
                break
        covariance = self._covariance(*self._jacobians(states, values), residual, values)
        misfit = residual * self.scale
        free = self.windows.weight.sum() - states.shape[0] * 2 - self.constants / self.n
        spread = np.sqrt(np.sum(misfit**2, axis=(0, 1)) / max(free, 1))
        return Refined(values, covariance, spread, length, len(states), converged)

    def settled(self, states: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Starting states fitted with the constants held fixed, each window with a damping of its own.

        A window that passes a close encounter answers to its start far more strongly than the others; with one damping
        for all it would hold up the whole fit.
        """
        damping = np.full(len(states), 1e-4)
        residual = self._residual(states, values)
        size = np.sum(residual**2, axis=(0, 2))
        for _ in range(SETTLING):
            by_state, by_constant = self._jacobians(states, values)
            if not np.isfinite(by_state).all():
                break
            SS, _, _, Sr, _ = _normal(by_state, by_constant, residual)
            SS = SS + (damping[:, None, None] * SS + 1e-14) * np.eye(SS.shape[1])
            trial = states - np.linalg.solve(SS, Sr[..., None])[..., 0]
            changed = self._residual(trial, values)
            attempt = np.sum(changed**2, axis=(0, 2))
            better = attempt < size
            gain = np.max(np.where(better, 1 - attempt / np.maximum(size, 1e-300), 0))
            damping = np.where(better, np.maximum(damping / 10, 1e-12), 10 * damping)
            states, size = np.where(better[:, None], trial, states), np.where(better, attempt, size)
            residual = np.where(better[:, None], changed, residual)
            if better.any() and gain < SETTLED:
                break
        return states

    def _choose_substeps(self, states: np.ndarray, values: np.ndarray) -> None:
        """Enough Runge–Kutta steps between samples that twice as many change nothing that matters."""
        for self.substeps in SUBSTEPS[:-1]:
            coarse = self._positions(states, values)
            self.substeps *= 2
            change = np.abs(self._positions(states, values) - coarse) / self.scale
            if np.nanmax(np.where(self.windows.weight[..., None] > 0, change, 0)) < 0.05:
                break

    def _positions(self, states: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Positions at every sample of every window; windows in copies when states come in copies."""
        n, copies = self.n, len(states) // self.windows.steps.shape[1]
        steps = np.tile(self.windows.steps, copies)
        t = np.tile(self.windows.start, copies)
        q, v = states[:, :n], states[:, n:]
        path = [q]

        for place, step in enumerate(steps):
            h = step / self.substeps
            rate = self._rate(place, t, np.maximum(step, 1e-300), values)
            for _ in range(self.substeps):
                with np.errstate(all="ignore"):
                    q, v = _runge_kutta(rate, t, q, v, h)
                t = t + h
            path.append(q)
        return np.stack(path)

    def _rate(self, place: int, start: np.ndarray, step: np.ndarray, values: np.ndarray) -> Rate:
        """Accelerations within one sampling interval, where measured forces are cubic."""
        force = self.windows.force
        if force is None:
            return lambda t, q, v: self.mechanics.acceleration(t, q, v, values)
        copies = len(start) // force[0].shape[1]
        (f0, f1), (m0, m1) = ([np.tile(part[place + k], (copies, 1)) for k in (0, 1)] for part in force)
        width = step[:, None]

        def driven(t: np.ndarray, q: np.ndarray, v: np.ndarray) -> np.ndarray:
            s = ((t - start) / step)[:, None]
            value = (1 - s) ** 2 * ((1 + 2 * s) * f0 + s * width * m0) + s**2 * (
                (3 - 2 * s) * f1 + (s - 1) * width * m1
            )
            mass, inner = self.mechanics.mass_and_force(t, q, v, values)
            return solve_samples(mass, inner + value)

        return driven

    def _residual(self, states: np.ndarray, values: np.ndarray) -> np.ndarray:
        error = (self._positions(states, values) - self.windows.q) / self.scale
        return np.where(self.windows.weight[..., None] > 0, error, 0.0)

    def _jacobians(self, states: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives of the residual by central differences, all perturbed copies in one sweep."""
        windows, size = states.shape
        changes = [1e-5 * max(float(np.abs(states[:, k]).std()), 1e-3) for k in range(size)]
        shifts = [1e-5 * max(abs(c), 1e-3) for c in values]
        copies, parameters = [], []
        for k, change in enumerate(changes):
            for sign in (1, -1):
                copies.append(states + sign * change * np.eye(size)[k])
                parameters.append(values)
        for k, shift in enumerate(shifts):
            for sign in (1, -1):
                copies.append(states)
                parameters.append(values + sign * shift * np.eye(len(values))[k])
        path = self._positions(np.concatenate(copies), np.repeat(np.array(parameters).T, windows, axis=1))
        path = path.reshape(len(path), len(copies), windows, self.n) / self.scale
        with np.errstate(invalid="ignore"):  # a motion that breaks down has no slope
            slopes = (path[:, 0::2] - path[:, 1::2]) / (2 * np.array([*changes, *shifts]))[None, :, None, None]
        slopes = np.where(self.windows.weight[:, None, :, None] > 0, slopes, 0.0)
        return slopes[:, :size], slopes[:, size:]

    def _step(
        self, by_state: np.ndarray, by_constant: np.ndarray, residual: np.ndarray, damping: float
    ) -> tuple[np.ndarray, np.ndarray]:
        SS, SC, CC, Sr, Cr = _normal(by_state, by_constant, residual)
        SS = SS + damping * SS * np.eye(SS.shape[1]) + 1e-14 * np.eye(SS.shape[1])
        inner, own = np.linalg.solve(SS, SC), np.linalg.solve(SS, Sr[..., None])[..., 0]
        H = CC - np.einsum("wij,wik->jk", SC, inner)
        g = Cr - np.einsum("wij,wi->j", SC, own)
        values = -np.linalg.solve(H + damping * np.diag(np.diag(CC)) + 1e-300 * np.eye(len(H)), g)
        return values, -(own + inner @ values)

    def _covariance(
        self, by_state: np.ndarray, by_constant: np.ndarray, residual: np.ndarray, values: np.ndarray
    ) -> np.ndarray:
        """Covariance of the constants, robust against errors that are correlated within a window."""
        SS, SC, CC, _, _ = _normal(by_state, by_constant, residual)
        inner = np.linalg.solve(SS + 1e-14 * np.eye(SS.shape[1]), SC)
        inverse = np.linalg.pinv(CC - np.einsum("wij,wik->jk", SC, inner), hermitian=True)
        windows = len(SS)
        projected = by_constant - np.einsum("tswi,wsc->tcwi", by_state, inner)
        scores = np.einsum("tcwi,twi->wc", projected, residual)
        samples = self.windows.weight.sum() * self.n
        free = max(samples - windows * 2 * self.n - self.constants, 1)
        covariance = inverse * np.sum(residual**2) / free
        if windows > 3 * self.constants:
            robust = inverse @ (scores.T @ scores) @ inverse * windows / (windows - self.constants)
            # The sandwich scatters with few windows: it may raise the plain errors, not lower them.
            ratio = np.sqrt(np.maximum(np.diag(robust) / np.maximum(np.diag(covariance), 1e-300), 1))
            covariance = covariance * np.outer(ratio, ratio)
        return covariance + np.diag((NUMERICAL_FLOOR * values) ** 2)


def _runge_kutta(
    rate: Rate,
    t: np.ndarray,
    q: np.ndarray,
    v: np.ndarray,
    h: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """One classical step of fourth order, with a step length of its own for each window."""
    half, whole = (h / 2)[:, None], h[:, None]
    a1 = rate(t, q, v)
    a2 = rate(t + h / 2, q + half * v, v + half * a1)
    a3 = rate(t + h / 2, q + half * (v + half * a1), v + half * a2)
    a4 = rate(t + h, q + whole * (v + half * a2), v + whole * a3)
    return q + whole * (v + whole / 6 * (a1 + a2 + a3)), v + whole / 6 * (a1 + 2 * a2 + 2 * a3 + a4)


def _normal(by_state: np.ndarray, by_constant: np.ndarray, residual: np.ndarray) -> tuple[np.ndarray, ...]:
    """Blocks of the normal equations: per window for the states, in all for the constants."""
    return (
        np.einsum("tawi,tbwi->wab", by_state, by_state, optimize=True),
        np.einsum("tawi,tcwi->wac", by_state, by_constant, optimize=True),
        np.einsum("tcwi,tdwi->cd", by_constant, by_constant, optimize=True),
        np.einsum("tawi,twi->wa", by_state, residual, optimize=True),
        np.einsum("tcwi,twi->c", by_constant, residual, optimize=True),
    )
