"""Friction, tested after the Lagrangian by energy balance.

Friction hardly shows in the residual of a selection, but it adds up: along the motion the energy of the friction-free
law falls by the work of the Rayleigh function,

    h(t) = h(0) - sum_k d_k integral of v . dD_k/dv dt.

A regression of the energy on these integrals over the whole record finds d_k; resampling blocks of its residual tells
how sure that is.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from jaxtyping import Float
from scipy.integrate import cumulative_simpson
from scipy.optimize import nnls

from lagsym.data.trajectories import Trajectories
from lagsym.distillation.friction.rayleigh import Rayleigh, rayleigh_terms
from lagsym.mechanics.dynamics.numeric import CompiledMechanics, compile_mechanics
from lagsym.mechanics.jetspace import JetSpace

SIGNIFICANT = 4.0
"""Standard errors that a friction coefficient must lie above zero."""
SMALLEST_LOSS = 1e-3
"""Share of the kinetic energy that friction must have taken over the record to be worth a term."""
LARGEST_SET = 3
"""Most terms of one Rayleigh function."""
PLAUSIBLE = 12
"""How many terms are looked at more closely: those that explain the loss of energy best, first by themselves."""
REPLICATES = 400
MOSTLY = 0.99
"""Share of the samples at which the mass matrix has to be definite; the others may be beyond a singularity."""
RESOLVED = 1e-6
"""Singular values of the works of several terms below this, relative to the largest, are noise."""
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
        plausible: those that explain the loss of energy best, among which the fit of the motion may choose.
    """

    terms: tuple[sp.Expr, ...]
    coefficients: Float[np.ndarray, " terms"]
    significance: Float[np.ndarray, " terms"]
    tested: tuple[sp.Expr, ...]
    strongest: float
    loss: float
    plausible: tuple[Rayleigh, ...] = ()


def is_definite(lagrangian: sp.Expr, smooth: Trajectories) -> bool:
    """Whether the mass matrix is definite along the motion.

    With an indefinite one "friction" could feed one coordinate with what it takes from another, which would give a
    formula to motion that has no Lagrangian.
    """
    jets = smooth.jets()
    mass, _ = compile_mechanics(lagrangian, JetSpace(smooth.coordinates)).mass_and_force(jets.t, jets.q, jets.v)
    signs = np.sign(np.linalg.eigvalsh(mass))
    return bool(np.mean(np.abs(signs.sum(axis=1)) == signs.shape[1]) > MOSTLY)


def balance_energy(lagrangian: sp.Expr, data: Trajectories, *, seed: int = 0) -> Friction:
    """Test for friction along differentiated trajectories.

    Arguments:
        lagrangian: the friction-free law, with numbers.
        data: trajectories with velocities; short gaps within a trajectory are bridged.
        seed: of the block bootstrap.
    """
    candidates = rayleigh_terms(data)
    terms = tuple(candidate.expression for candidate in candidates)
    balance = EnergyBalance.of(lagrangian, terms, data, seed)
    ranked = balance.ranked(())
    alone = [balance.errors([k]) for k in ranked[:PLAUSIBLE]]
    strongest = max((float(values[0] / errors[0]) for values, errors in alone), default=0.0)
    chosen = balance.chosen()
    best = dict.fromkeys([*chosen, *ranked[:PLAUSIBLE], *balance.ranked(chosen[:1])[: PLAUSIBLE // 2]])
    plausible = tuple(candidates[k] for k in best)
    if not chosen:
        return Friction((), np.zeros(0), np.zeros(0), terms, strongest, 0.0, plausible)
    values, errors = balance.errors(chosen)
    loss = float(np.sum(values * balance.spans[list(chosen)]))
    found = tuple(terms[k] for k in chosen)
    return Friction(found, values, values / errors, terms, strongest, loss, plausible)


@dataclass(frozen=True)
class EnergyBalance:
    """Energy and the work of every Rayleigh term, less their means, one trajectory after another.

    Arguments:
        energy: of the friction-free law.
        work: of the terms with coefficients of one.
        lengths: samples of every trajectory.
        block: samples over which a residual may be correlated.
        spans: the work over the trajectory where it is largest, relative to the mean kinetic energy.
        seed: of the bootstrap.
    """

    energy: Float[np.ndarray, " samples"]
    work: Float[np.ndarray, "samples terms"]
    lengths: list[int]
    block: int
    spans: Float[np.ndarray, " terms"]
    seed: int

    @classmethod
    def of(cls, lagrangian: sp.Expr, terms: tuple[sp.Expr, ...], data: Trajectories, seed: int) -> EnergyBalance:
        """The balance along differentiated trajectories of a law with numbers."""
        space = JetSpace(data.coordinates)
        mechanics = compile_mechanics(lagrangian, space)
        powers = [sp.Add(*(v * sp.diff(term, v) for v in space.velocities)) for term in terms]
        power = sp.lambdify(space.velocities, powers, "numpy", cse=True)
        every = (_record(mechanics, power, data, name) for name in data.names)
        records = [record for record in every if len(record[0])]
        kinetic = abs(float(np.mean(np.concatenate([record[2] for record in records]))))
        step = np.median(np.concatenate([np.diff(segment.t) for segment in data.segments]))
        return cls(
            np.concatenate([record[0] - record[0].mean() for record in records]),
            np.concatenate([record[1] - record[1].mean(axis=0) for record in records]),
            [len(record[0]) for record in records],
            max(4, round(data.characteristic_time / step)),
            np.max([np.ptp(record[1], axis=0) for record in records], axis=0) / max(kinetic, 1e-300),
            seed,
        )

    def free(self) -> Float[np.ndarray, " terms"]:
        """Coefficients of any sign by least squares; of terms that are hardly told apart the smallest ones."""
        size = np.linalg.norm(self.work, axis=0)
        size = np.where(size > 0, size, 1.0)
        return np.linalg.lstsq(-self.work / size, self.energy, rcond=RESOLVED)[0] / size

    def explained(self) -> tuple[Float[np.ndarray, " terms"], float]:
        """Coefficients that feed no energy in, and the mean square of what they leave, relative to the energy's."""
        values, left = nnls(-self.work, self.energy)
        return values, float(left**2 / max(float(np.sum(self.energy**2)), 1e-300))

    def ranked(self, beside: Sequence[int]) -> list[int]:
        """The other terms by how well each explains the energy together with those `beside` it, best first."""
        others = [k for k in range(self.work.shape[1]) if k not in beside]
        return sorted(others, key=lambda k: nnls(-self.work[:, [*beside, k]], self.energy)[1])

    def errors(self, chosen: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients of terms, and their standard errors."""
        return _bootstrap(self.energy, self.work[:, list(chosen)], self.lengths, self.block, self.seed)

    def chosen(self) -> tuple[int, ...]:
        """Terms that all are significant, added one by one."""
        chosen: tuple[int, ...] = ()
        while len(chosen) < LARGEST_SET and (ranked := self.ranked(chosen)):
            trial = (*chosen, ranked[0])
            values, errors = self.errors(trial)
            large = values * self.spans[list(trial)] > SMALLEST_LOSS
            if not (np.all(values > SIGNIFICANT * errors) and np.all(large)):
                break
            chosen = trial
        return chosen


def _record(
    mechanics: CompiledMechanics, power: Callable[..., Sequence[np.ndarray]], data: Trajectories, name: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energy (N,), work of every Rayleigh term up to each time (N, K), and kinetic energy (N,) of one trajectory.

    Samples at which the law is not real are left out.
    """
    one = data.with_segments(segment for segment in data.segments if segment.trajectory == name)
    jets = one.jets()
    energy = mechanics.energy(jets.t, jets.q, jets.v)
    kinetic = energy - mechanics.energy(jets.t, jets.q, 0 * jets.v)
    if jets.force is not None:
        # What the measured forces put in is not the law's energy.
        energy = energy - cumulative_simpson(np.sum(jets.force * jets.v, axis=1), x=jets.t, initial=0)
    values = power(*jets.v.T)
    work = cumulative_simpson(np.stack(values, axis=1), x=jets.t, axis=0, initial=0)
    # Noise may put a speed beyond the singularity of a law.
    real = np.isfinite(energy) & np.isfinite(kinetic)
    return energy[real], work[real], kinetic[real]


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
