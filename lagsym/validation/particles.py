"""Validation: what a law predicts on data that neither fitting nor choosing saw."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.integrate import cumulative_simpson, solve_ivp
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import RidgeCV
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from lagsym.data.derivatives import differentiate
from lagsym.data.trajectories import Segment, Trajectories
from lagsym.data.weak import place_test_functions
from lagsym.distillation.libraries.terms import Library, Term, off_shell
from lagsym.distillation.reading.faithfulness import r_squared
from lagsym.law import Law
from lagsym.mechanics.dynamics.numeric import compile_mechanics, solve_samples

LYAPUNOV_TIMES = 3.0
LONGEST_ROLLOUT = 5.0
"""Length of a rollout in characteristic times, where chaos does not end it earlier."""
ENOUGH = 0.9
"""R² of an unconstrained regression beyond which no better one is looked for."""
BROKEN_DOWN = 1e3
"""Rollout error of a law that runs into a singularity."""
SEPARATION = 1e-7
LARGEST_EFFORT = 40_000
"""Evaluations of the accelerations after which a rollout is given up."""


class _BreaksDown(Exception):  # noqa: N818 (a signal within this module, not an error)
    """The motion runs into a singularity."""


@dataclass(frozen=True)
class Validation:
    """Scores of a law and the series that its pictures are drawn from.

    Arguments:
        scores: `held_out_r2` of the accelerations, `weak_r2` of the weak form, `rollout_error` (root mean square,
            relative to the spread of the positions, up to three Lyapunov times), `energy_drift` (spread of the law's
            energy along the measured motion, less the work of friction and forces, relative to the mean kinetic
            energy) and, where a network was trained, `fidelity_r2` of the law's accelerations against the network's.
        measured_acceleration: of the held-out data.
        predicted_acceleration: by the law at the same (q, v).
        rollout_time: times of the longest held-out stretch, from its start.
        rollout_measured: positions there.
        rollout_predicted: positions by the law from the measured start.
        rollout_energy: the law's energy along the measured stretch, relative deviation from its start.
    """

    scores: Mapping[str, float]
    measured_acceleration: Float[np.ndarray, "samples n"]
    predicted_acceleration: Float[np.ndarray, "samples n"]
    rollout_time: Float[np.ndarray, " times"]
    rollout_measured: Float[np.ndarray, "times n"]
    rollout_predicted: Float[np.ndarray, "times n"]
    rollout_energy: Float[np.ndarray, " times"]


def validate(
    law: Law, held_out: Trajectories, *, network_acceleration: Float[np.ndarray, "samples n"] | None = None
) -> Validation:
    """Score a law on held-out trajectories.

    Arguments:
        law: a law with a Lagrangian.
        held_out: measured trajectories that nothing else saw.
        network_acceleration: a network's accelerations at `differentiate(held_out).jets()`, for the fidelity.
    """
    smooth = differentiate(held_out)
    jets = smooth.jets()
    motion = _Motion(law)
    predicted = motion.acceleration(jets.t, jets.q, jets.v, jets.force)
    scores = {"held_out_r2": r_squared(jets.a, predicted), "weak_r2": _weak_r2(law, motion, smooth)}
    if network_acceleration is not None:
        scores["fidelity_r2"] = r_squared(network_acceleration, predicted)
    longest = max(smooth.segments, key=lambda segment: segment.t[-1] - segment.t[0])
    time = smooth.characteristic_time
    path = motion.rollout(longest, min(LONGEST_ROLLOUT * time, motion.horizon(longest, time)))
    count = len(path)
    spread = np.concatenate([segment.q - segment.q.mean(axis=0) for segment in smooth.segments]).std(axis=0)
    error = (path - longest.q[:count]) / np.where(spread > 0, spread, 1)
    scores["rollout_error"] = float(np.sqrt(np.mean(error**2))) if np.isfinite(error).all() else BROKEN_DOWN
    energy, drift = _energy(motion, smooth, longest)
    scores["energy_drift"] = drift
    return Validation(
        scores, jets.a, predicted, longest.t[:count] - longest.t[0], longest.q[:count], path, energy[:count]
    )


def unconstrained_r2(learn: Trajectories, held_out: Trajectories, *, seed: int = 0) -> float:
    """R² of held-out accelerations by regressions that no Lagrangian binds: polynomials, or else a plain network.

    Arguments:
        learn: differentiated trajectories to learn from.
        held_out: measured trajectories that nothing else saw.
        seed: of the network.
    """

    def features(data: Trajectories) -> tuple[np.ndarray, np.ndarray]:
        jets, angle = data.jets(), data.angle_mask
        columns = [jets.q[:, ~angle], np.sin(jets.q[:, angle]), np.cos(jets.q[:, angle]), jets.v]
        return np.concatenate(columns, axis=1), jets.a

    inputs, targets = features(learn)
    others, measured = features(differentiate(held_out))
    polynomials = make_pipeline(StandardScaler(), PolynomialFeatures(3), RidgeCV(np.geomspace(1e-8, 1e2, 11)))
    network = MLPRegressor(hidden_layer_sizes=(64, 64), max_iter=300, early_stopping=True, tol=1e-6, random_state=seed)
    best = -np.inf
    for regression in (polynomials, make_pipeline(StandardScaler(), network)):
        model = TransformedTargetRegressor(regression, transformer=StandardScaler())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(inputs, targets[:, 0] if targets.shape[1] == 1 else targets)
        best = max(best, r_squared(measured, model.predict(others).reshape(measured.shape)))
        if best > ENOUGH:
            break
    return best


class _Motion:
    """A law as equations of motion, friction and measured forces included."""

    def __init__(self, law: Law) -> None:
        lagrangian = law.numeric_lagrangian
        assert lagrangian is not None
        self.lagrangian = lagrangian
        self.free = compile_mechanics(lagrangian, law.space)
        self.damped = compile_mechanics(lagrangian, law.space, dissipation=law.numeric_dissipation)

    def acceleration(self, t: np.ndarray | float, q: np.ndarray, v: np.ndarray, force: np.ndarray | None) -> np.ndarray:
        """M^-1 (f - dD/dv + Q)."""
        if force is None:
            return self.damped.acceleration(t, q, v)
        mass, inner = self.damped.mass_and_force(t, q, v)
        return solve_samples(mass, inner + force)

    def external(self, t: np.ndarray, q: np.ndarray, v: np.ndarray, force: np.ndarray | None) -> np.ndarray:
        """Q - dD/dv: what acts beside the Lagrangian."""
        drag = self.damped.mass_and_force(t, q, v)[1] - self.free.mass_and_force(t, q, v)[1]
        return drag if force is None else drag + force

    def rollout(self, segment: Segment, length: float) -> Float[np.ndarray, "times n"]:
        """Positions from the segment's start, at its times up to `length`; not a number from where it breaks down."""
        assert segment.v is not None
        start = np.concatenate([segment.q[0], segment.v[0]])
        return self._integrate(segment, segment.t[segment.t <= segment.t[0] + length], start)[:, : segment.q.shape[1]]

    def horizon(self, segment: Segment, time: float) -> float:
        """Three Lyapunov times, from the growth of a small separation over five characteristic times."""
        assert segment.v is not None
        start = np.concatenate([segment.q[0], segment.v[0]])
        times = np.linspace(segment.t[0], segment.t[0] + LONGEST_ROLLOUT * time, 60)
        nudge = SEPARATION * np.maximum(np.abs(start), 1e-3)
        one, other = (self._integrate(segment, times, state) for state in (start, start + nudge))
        apart = np.linalg.norm(one - other, axis=1)
        growth = np.log(np.maximum(apart[-20:], 1e-300) / apart[0])
        rate = float(np.median(growth)) / (LONGEST_ROLLOUT * time)
        return LYAPUNOV_TIMES / rate if np.isfinite(rate) and rate > 0 else np.inf

    def _integrate(self, segment: Segment, times: np.ndarray, start: np.ndarray) -> np.ndarray:
        n, calls = len(start) // 2, 0

        def rate(t: float, state: np.ndarray) -> np.ndarray:
            nonlocal calls
            calls += 1
            # A law that runs into a singularity would be followed there in ever smaller steps.
            if calls > LARGEST_EFFORT or not np.isfinite(state).all():
                raise _BreaksDown
            force = None if segment.force_spline is None else segment.force_spline(t)[None]
            return np.concatenate([state[n:], self.acceleration(t, state[None, :n], state[None, n:], force)[0]])

        path = np.full((len(times), 2 * n), np.nan)
        path[0] = start
        for a, b in itertools.pairwise(np.unique(np.linspace(0, len(times) - 1, 6).astype(int))):
            part = times[a : b + 1]
            try:
                solution = solve_ivp(rate, (part[0], part[-1]), path[a], "DOP853", part, rtol=1e-9, atol=1e-10)
            except _BreaksDown:
                break
            path[a : a + solution.y.shape[1]] = solution.y.T
            if not solution.success:
                break
        return path


def _weak_r2(law: Law, motion: _Motion, smooth: Trajectories) -> float:
    """One less the law's weak residual relative to its size off the shell; friction and forces are part of the law."""
    functions, jets = place_test_functions(smooth), smooth.jets()
    library = Library(law.space, (Term(motion.lagrangian, 0.0),))
    off = library.operator(off_shell(jets))[0]
    on = functions.integrate(*(part[0] for part in library.gradient(jets)))
    external = motion.external(jets.t, jets.q, jets.v, jets.force)
    residual = on + functions.integrate(external, np.zeros_like(external))
    return float(1 - np.max(np.mean(residual**2, axis=0) / np.mean(off**2, axis=0)))


def _energy(motion: _Motion, smooth: Trajectories, longest: Segment) -> tuple[np.ndarray, float]:
    """The law's energy along a stretch relative to its start, and its spread over all stretches."""
    jets = smooth.jets()
    kinetic = motion.free.energy(jets.t, jets.q, jets.v) - motion.free.energy(jets.t, jets.q, 0 * jets.v)
    scale = float(np.mean(np.abs(kinetic))) or 1.0
    deviations, shown = [], np.zeros(len(longest))
    for segment in smooth.segments:
        assert segment.v is not None
        energy = motion.free.energy(segment.t, segment.q, segment.v)
        external = motion.external(segment.t, segment.q, segment.v, segment.force)
        kept = energy - cumulative_simpson(np.sum(external * segment.v, axis=1), x=segment.t, initial=0)
        deviations.append(kept - np.mean(kept))
        if segment is longest:
            shown = (energy - energy[0]) / scale
    return shown, float(np.sqrt(np.mean(np.concatenate(deviations) ** 2)) / scale)
