"""Shooting: windows of data with starting states of their own, carried through by a law and fitted to positions.

The starting states are eliminated (Schur complement), so the cost grows only linearly with the number of windows.

Source: Bock, "Recent advances in parameteridentification techniques for O.D.E.", 1983 (multiple shooting).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lagsym.distillation.fitting.paths import Mesh, choose_mesh, find_mesh, positions
from lagsym.distillation.fitting.windows import Windows
from lagsym.errors import InputError
from lagsym.mechanics.dynamics.numeric import CompiledMechanics

ITERATIONS = 20
LEAST_GAIN = 1e-6
SHARES = (0.25, 0.5, 1.0)
"""Of a window, that its starting state is fitted to in turn: errors of the start grow along a window."""
FINE_SHARES = tuple(np.linspace(0.1, 1, 19))
"""The same for windows that did not come down to what the others leave."""
STUCK, FEW = 2.0, 0.2
"""Times the noise that a window has to leave for its state to be sought anew, and the share of such windows from which
on it is the law that is wrong."""
SETTLING, SETTLED = 8, 1e-2
"""Iterations of the starting states alone, and the share of a window's misfit below which a gain ends them."""
EXHAUSTED = 0.25
"""Share of the windows whose paths may take all the steps that there are; a law that breaks down in more is none."""
FARTHEST = 1e100
SINGULAR = 1e-14
"""Smallest curvature by a starting state, relative to all of that window: below it rounding decides."""
TINY = 1e-300
"""Added where nothing may be zero; in any units less than what matters."""
NUMERICAL_FLOOR = 1e-8
"""Relative error of a constant that comes from integration alone."""
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
class Solution:
    """Where a fit came to rest.

    Arguments:
        values: the constants.
        states: positions and velocities at the start of every window.
        residual: misfit of every sample in units of its scale; zero where a window has no sample.
        converged: whether the iteration came to rest.
    """

    values: Float[np.ndarray, " constants"]
    states: Float[np.ndarray, "windows states"]
    residual: Float[np.ndarray, "samples windows coordinates"]
    converged: bool

    @property
    def chi_square(self) -> float:
        """The sum of the squared misfits."""
        return float(np.sum(self.residual**2))


@dataclass(frozen=True)
class Curvature:
    """The misfit around a point as a quadratic function of the constants, the starting states following them.

    chi_square + 2 gradient . x + x . matrix x

    Arguments:
        matrix: half its second derivatives.
        gradient: half its slope, summed over windows.
        scores: each window's share of the gradient.
    """

    matrix: Float[np.ndarray, "constants constants"]
    gradient: Float[np.ndarray, " constants"]
    scores: Float[np.ndarray, "windows constants"]


class Shooting:
    """Gauss–Newton with damping on constants and starting states together."""

    def __init__(self, mechanics: CompiledMechanics, windows: Windows, scale: np.ndarray, constants: int) -> None:
        self.mechanics, self.windows, self.scale, self.constants = mechanics, windows, scale, constants
        self.n = windows.q.shape[2]
        self._mesh: Mesh | None = None
        self._tolerance = np.zeros(len(windows.state))

    def fit(
        self, initial: np.ndarray, length: float, *, limit: float = np.inf, noise: np.ndarray | None = None
    ) -> Refined:
        """Constants with their errors, for windows of a length; other arguments and errors as of `solve`.

        Arguments:
            initial: constants to begin with.
            length: of the windows, in units of time.
            limit: see `solve`.
            noise: of each coordinate; where most windows leave no more, those that do are tried from other states.
        """
        found = self.solve(initial, self._settled(initial), limit=limit)
        states = None if noise is None else self._freed(found, self.scale / noise)
        if states is not None:
            again = self.solve(found.values, states, limit=limit)
            found = again if again.chi_square < found.chi_square else found
        misfit = found.residual * self.scale
        free = self.windows.weight.sum() - found.states.shape[0] * 2 - self.constants / self.n
        spread = np.sqrt(np.sum(misfit**2, axis=(0, 1)) / max(free, 1))
        return Refined(found.values, self._covariance(found), spread, length, len(found.states), found.converged)

    def solve(
        self, initial: np.ndarray, start: np.ndarray, *, least_gain: float = LEAST_GAIN, limit: float = np.inf
    ) -> Solution:
        """The constants and starting states of least misfit.

        Arguments:
            initial: constants to begin with.
            start: starting states to begin with, of shape (windows, 2 n).
            least_gain: share of chi-square that a step has to gain for another one to be worth it.
            limit: root mean square misfit, in units of the scale, that the first constants must not exceed.

        Raises:
            InputError: the law cannot be integrated from there, or leaves more than the limit.
        """
        values, states = initial.copy(), start.copy()
        if self._choose_mesh(states, values) > EXHAUSTED:
            raise InputError(NOT_INTEGRABLE)
        residual = self._residual(states, values)
        size = np.sum(residual**2)
        if not (np.isfinite(size) and size <= limit**2 * self.n * self.windows.weight.sum()):
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
            if gain < least_gain:
                converged = True
                break
            self._follow(states, values)
            residual = self._residual(states, values)
        return Solution(values, states, residual, converged)

    def _freed(self, found: Solution, unit: np.ndarray) -> np.ndarray | None:
        """Starting states anew for few windows that fare far worse than most: they passed a close encounter wrong.

        None where there are no such windows, or where nothing better was found for them.
        """
        samples = np.maximum(self.windows.weight.sum(axis=0), 1)
        misfit = np.sqrt(np.sum((found.residual * unit) ** 2, axis=(0, 2)) / (samples * self.n))
        stuck = np.flatnonzero(misfit > STUCK)
        if not 0 < len(stuck) < FEW * len(misfit):
            return None
        part = Shooting(self.mechanics, self.windows.take(stuck), self.scale, self.constants)
        try:
            tried = part._settled(found.values, shares=FINE_SHARES)
            part._choose_mesh(tried, found.values)
        except InputError:
            return None
        left = part._residual(tried, found.values) * unit
        left = np.sqrt(np.sum(left**2, axis=(0, 2)) / (samples[stuck] * self.n))
        better = left < misfit[stuck]
        if not better.any():
            return None
        states = found.states.copy()
        states[stuck[better]] = tried[better]
        return states

    def _settled(self, values: np.ndarray, shares: Sequence[float] = SHARES) -> np.ndarray:
        """Starting states fitted with the constants held fixed, on ever longer shares of the windows.

        States read off smoothed positions may be so wrong that the path after a close encounter is another one.
        """
        states = self.windows.state.copy()
        for share in shares:
            part = Shooting(self.mechanics, self.windows.first(share), self.scale, self.constants)
            if part._choose_mesh(states, values) > EXHAUSTED:
                raise InputError(NOT_INTEGRABLE)
            states = part._fit_states(states, values)
        return states

    def _fit_states(self, states: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Starting states of least misfit, each window with a damping of its own.

        A window that passes a close encounter answers to its start far more strongly than the others; with one damping
        for all it would hold up the whole fit.
        """
        damping, residual = np.full(len(states), 1e-4), self._residual(states, values)
        size = np.sum(residual**2, axis=(0, 2))
        for _ in range(SETTLING):
            by_state = self._slopes(states, values, states.shape[1])
            if not np.isfinite(by_state).all():
                break
            with np.errstate(all="ignore"):  # a window whose motion breaks down stays as it was
                SS = np.einsum("tawi,tbwi->wab", by_state, by_state, optimize=True)
                Sr = np.einsum("tawi,twi->wa", by_state, residual, optimize=True)
                SS = SS + ((damping[:, None, None] + SINGULAR) * SS + TINY) * np.eye(SS.shape[1])
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
            self._follow(states, values)
            residual = self._residual(states, values)
            size = np.sum(residual**2, axis=(0, 2))
        return states

    def curvature(self, states: np.ndarray, values: np.ndarray) -> Curvature:
        """The misfit around constants and starting states.

        Arguments:
            states: of shape (windows, 2 n), where the misfit is least for these constants.
            values: the constants.

        Raises:
            InputError: a path breaks down beside these constants.
        """
        self._choose_mesh(states, values)
        by_state, by_constant = self._jacobians(states, values)
        return _reduced(by_state, by_constant, self._residual(states, values))

    def _choose_mesh(self, states: np.ndarray, values: np.ndarray) -> float:
        """Choose steps for the paths; the share of those that break down."""
        chosen = choose_mesh(self.mechanics, self.windows, states, values, self.scale)
        self._mesh, self._tolerance = chosen.mesh, chosen.tolerance
        return float(np.mean(chosen.broken))

    def _follow(self, states: np.ndarray, values: np.ndarray) -> None:
        """Steps for a path that has come some way from the one that they were chosen for."""
        self._mesh = find_mesh(self.mechanics, self.windows, states, values, self._tolerance[:, None] * self.scale)

    def _positions(self, states: np.ndarray, values: np.ndarray) -> np.ndarray:
        assert self._mesh is not None
        return positions(self.mechanics, self._mesh, states, values)

    def _residual(self, states: np.ndarray, values: np.ndarray) -> np.ndarray:
        error = (self._positions(states, values) - self.windows.q) / self.scale
        # A motion that breaks down is far off; beyond this, squares would not be finite.
        error = np.where(np.abs(error) < FARTHEST, error, np.inf)
        return np.where(self.windows.weight[..., None] > 0, error, 0.0)

    def _jacobians(self, states: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives of the residual by starting states and by constants."""
        size = states.shape[1]
        slopes = self._slopes(states, values, size + len(values))
        return slopes[:, :size], slopes[:, size:]

    def _slopes(self, states: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
        """Central differences by the first so many of starting states and constants, all copies in one sweep."""
        windows, size = states.shape
        shifts = [1e-5 * max(float(np.abs(states[:, k]).std()), 1e-3) for k in range(size)]
        shifts = [*shifts, *(1e-5 * max(abs(c), 1e-3) for c in values)][:count]
        point = np.concatenate([states, np.broadcast_to(values, (windows, len(values)))], axis=1)
        moved = [point + sign * h * np.eye(point.shape[1])[k] for k, h in enumerate(shifts) for sign in (1, -1)]
        copies = np.concatenate(moved)
        path = self._positions(copies[:, :size], copies[:, size:].T)
        path = path.reshape(len(path), len(moved), windows, self.n) / self.scale
        with np.errstate(invalid="ignore"):  # a motion that breaks down has no slope
            slopes = (path[:, 0::2] - path[:, 1::2]) / (2 * np.array(shifts))[None, :, None, None]
        return np.where(self.windows.weight[:, None, :, None] > 0, slopes, 0.0)

    def _step(
        self, by_state: np.ndarray, by_constant: np.ndarray, residual: np.ndarray, damping: float
    ) -> tuple[np.ndarray, np.ndarray]:
        SS, SC, CC, Sr, Cr = _normal(by_state, by_constant, residual)
        SS = SS + ((damping + SINGULAR) * SS + TINY) * np.eye(SS.shape[1])
        inner, own = np.linalg.solve(SS, SC), np.linalg.solve(SS, Sr[..., None])[..., 0]
        H = CC - np.einsum("wij,wik->jk", SC, inner)
        g = Cr - np.einsum("wij,wi->j", SC, own)
        values = -np.linalg.solve(H + damping * np.diag(np.diag(CC)) + 1e-300 * np.eye(len(H)), g)
        return values, -(own + inner @ values)

    def _covariance(self, found: Solution) -> np.ndarray:
        """Covariance of the constants, robust against errors that are correlated within a window."""
        curvature = _reduced(*self._jacobians(found.states, found.values), found.residual)
        inverse = _inverse(curvature.matrix)
        windows = len(found.states)
        samples = self.windows.weight.sum() * self.n
        free = max(samples - windows * 2 * self.n - self.constants, 1)
        covariance = inverse * found.chi_square / free
        if windows > 3 * self.constants:
            scores = curvature.scores
            robust = inverse @ (scores.T @ scores) @ inverse * windows / (windows - self.constants)
            # The sandwich scatters with few windows: it may raise the plain errors, not lower them.
            ratio = np.sqrt(np.maximum(np.diag(robust) / np.maximum(np.diag(covariance), 1e-300), 1))
            covariance = covariance * np.outer(ratio, ratio)
        return covariance + np.diag((NUMERICAL_FLOOR * found.values) ** 2)


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """The pseudoinverse of a symmetric matrix whose rows may be of very different units."""
    size = np.sqrt(np.diag(matrix))
    size = np.where(size > 0, size, 1.0)
    return np.linalg.pinv(matrix / np.outer(size, size), hermitian=True) / np.outer(size, size)


def _normal(by_state: np.ndarray, by_constant: np.ndarray, residual: np.ndarray) -> tuple[np.ndarray, ...]:
    """Blocks of the normal equations: per window for the states, in all for the constants."""
    return (
        np.einsum("tawi,tbwi->wab", by_state, by_state, optimize=True),
        np.einsum("tawi,tcwi->wac", by_state, by_constant, optimize=True),
        np.einsum("tcwi,tdwi->cd", by_constant, by_constant, optimize=True),
        np.einsum("tawi,twi->wa", by_state, residual, optimize=True),
        np.einsum("tcwi,twi->c", by_constant, residual, optimize=True),
    )


def _reduced(by_state: np.ndarray, by_constant: np.ndarray, residual: np.ndarray) -> Curvature:
    """The normal equations of the constants, with the starting states eliminated.

    Raises:
        InputError: a path breaks down beside these constants.
    """
    with np.errstate(all="ignore"):
        blocks = _normal(by_state, by_constant, residual)
    if not all(np.isfinite(block).all() for block in blocks):
        raise InputError(NOT_INTEGRABLE)
    SS, SC = blocks[:2]
    # A motion that breaks up may hardly depend on all but one combination of its starting state.
    size = np.trace(SS, axis1=1, axis2=2)[:, None, None]
    inner = np.linalg.solve(SS + (SINGULAR * size + TINY) * np.eye(SS.shape[1]), SC)
    projected = by_constant - np.einsum("tswi,wsc->tcwi", by_state, inner)
    scores = np.einsum("tcwi,twi->wc", projected, residual)
    with np.errstate(all="ignore"):
        if not np.isfinite(np.sum(scores**2)):
            raise InputError(NOT_INTEGRABLE)
    # CC - CS SS^-1 SC would be the same, but for rounding, which may leave a negative variance.
    matrix = np.einsum("tcwi,tdwi->cd", projected, projected, optimize=True)
    return Curvature(matrix, scores.sum(axis=0), scores)
