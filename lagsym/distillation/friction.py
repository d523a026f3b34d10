"""Friction, tested after the Lagrangian by energy balance.

Friction hardly shows in the residual of a selection, but it adds up: along the motion the energy of the friction-free
law falls by the work of the Rayleigh function,

    h(t) = h(0) - sum_k d_k integral of v . dD_k/dv dt.

A regression of the energy on these integrals over the whole record finds d_k; resampling blocks of its residual tells
how sure that is.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import sympy as sp
from jaxtyping import Float
from scipy.integrate import cumulative_simpson
from scipy.optimize import nnls

from lagsym.data.derivatives import characteristic_time
from lagsym.data.trajectories import Trajectories
from lagsym.mechanics.dynamics.numeric import compile_mechanics
from lagsym.mechanics.jetspace import JetSpace

SIGNIFICANT = 4.0
"""Standard errors that a friction coefficient must lie above zero."""
SMALLEST_LOSS = 1e-3
"""Share of the kinetic energy that friction must have taken over the record to be worth a term."""
REPLICATES = 400
FEWEST_CLUSTERS = 5
"""Trajectories from which on the scatter between them counts as well."""


@dataclass(frozen=True)
class Friction:
    """What the energy balance says about friction.

    Arguments:
        terms: Rayleigh functions that are significant; empty where none is.
        coefficients: their coefficients, all positive.
        significance: coefficient over standard error of each.
        tested: the terms that were tried.
        strongest: the largest significance among all that were tried, each by itself.
        loss: share of the mean kinetic energy that friction took over the longest trajectory.
    """

    terms: tuple[sp.Expr, ...]
    coefficients: Float[np.ndarray, " terms"]
    significance: Float[np.ndarray, " terms"]
    tested: tuple[sp.Expr, ...]
    strongest: float
    loss: float


def rayleigh_terms(space: JetSpace, comparable: Float[np.ndarray, " coordinates"]) -> tuple[sp.Expr, ...]:
    """Viscous friction of every coordinate, and of every pair of angles (or of lengths) against each other."""
    velocities = space.velocities
    terms = [v**2 / 2 for v in velocities]
    for i, j in itertools.combinations(range(len(velocities)), 2):
        if comparable[i] == comparable[j]:
            terms.append((velocities[i] - velocities[j]) ** 2 / 2)
    return tuple(terms)


def balance_energy(lagrangian: sp.Expr, data: Trajectories, *, seed: int = 0) -> Friction:
    """Test for friction along differentiated trajectories.

    Arguments:
        lagrangian: the friction-free law, with numbers.
        data: trajectories with velocities; short gaps within a trajectory are bridged.
        seed: of the block bootstrap.
    """
    space = JetSpace(data.coordinates)
    terms = rayleigh_terms(space, data.angle_mask)
    records = [_record(lagrangian, space, terms, data, name) for name in data.names]
    energy = np.concatenate([record[0] - record[0].mean() for record in records])
    work = np.concatenate([record[1] - record[1].mean(axis=0) for record in records])
    kinetic = float(np.mean(np.concatenate([record[2] for record in records])))
    lengths = [len(record[0]) for record in records]
    step = np.median(np.concatenate([np.diff(segment.t) for segment in data.segments]))
    block = max(4, round(characteristic_time(data) / step))

    def errors(chosen: list[int]) -> tuple[np.ndarray, np.ndarray]:
        return _bootstrap(energy, work[:, chosen], lengths, block, seed)

    alone = [errors([k]) for k in range(len(terms))]
    strongest = max(float(c[0] / e[0]) for c, e in alone)
    spans = np.array([max(np.ptp(record[1][:, k]) for record in records) for k in range(len(terms))])
    chosen: list[int] = []
    coefficients, significance = np.zeros(0), np.zeros(0)
    for _ in range(len(space.fields)):
        trials = []
        for k in range(len(terms)):
            if k in chosen:
                continue
            values, misfit = nnls(-work[:, [*chosen, k]], energy)
            trials.append((misfit, k, values))
        misfit, k, _ = min(trials, key=lambda trial: trial[0])
        values, deviations = errors([*chosen, k])
        large = values * spans[[*chosen, k]] > SMALLEST_LOSS * abs(kinetic)
        if not (np.all(values > SIGNIFICANT * deviations) and np.all(large)):
            break
        chosen.append(k)
        coefficients, significance = values, values / deviations
    loss = float(np.sum(coefficients * spans[chosen]) / abs(kinetic)) if chosen else 0.0
    return Friction(tuple(terms[k] for k in chosen), coefficients, significance, terms, strongest, loss)


def _record(
    lagrangian: sp.Expr, space: JetSpace, terms: tuple[sp.Expr, ...], data: Trajectories, name: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energy (N,), work of every Rayleigh term up to each time (N, K), and kinetic energy (N,) of one trajectory."""
    one = data.with_segments(segment for segment in data.segments if segment.trajectory == name)
    jets = one.jets()
    mechanics = compile_mechanics(lagrangian, space)
    energy = mechanics.energy(jets.t, jets.q, jets.v)
    kinetic = energy - mechanics.energy(jets.t, jets.q, 0 * jets.v)
    if jets.force is not None:
        # What the measured forces put in is not the law's energy.
        energy = energy - cumulative_simpson(np.sum(jets.force * jets.v, axis=1), x=jets.t, initial=0)
    powers = [sp.Add(*(v * sp.diff(term, v) for v in space.velocities)) for term in terms]
    values = sp.lambdify(space.velocities, powers, "numpy")(*jets.v.T)
    work = cumulative_simpson(np.stack(values, axis=1), x=jets.t, axis=0, initial=0)
    return energy, work, kinetic


def _bootstrap(
    energy: np.ndarray, work: np.ndarray, lengths: list[int], block: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Least-squares coefficients of energy on minus work, and their errors by resampling blocks of the residual."""
    inverse = np.linalg.pinv(-work)
    values = inverse @ energy
    residual = energy + work @ values
    generator = np.random.default_rng(seed)
    block = min(block, max(2, len(energy) // 4))
    blocks = -(-len(energy) // block)
    starts = generator.integers(0, len(energy) - block + 1, size=(REPLICATES, blocks))
    drawn = (starts[:, :, None] + np.arange(block)).reshape(REPLICATES, -1)[:, : len(energy)]
    samples = residual[drawn]
    pieces = list(itertools.pairwise(np.cumsum([0, *lengths])))
    for a, b in pieces:
        samples[:, a:b] -= samples[:, a:b].mean(axis=1, keepdims=True)
    errors = np.std(samples @ inverse.T, axis=0)
    if len(pieces) >= FEWEST_CLUSTERS:
        # Errors that wander through a whole trajectory show only in the scatter between trajectories.
        shares = np.array([inverse[:, a:b] @ residual[a:b] for a, b in pieces])
        errors = np.maximum(errors, np.sqrt(np.sum(shares**2, axis=0) * len(pieces) / (len(pieces) - 1)))
    return values, np.maximum(errors, 1e-300)
