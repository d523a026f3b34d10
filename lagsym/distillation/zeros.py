"""Zeros: where a coordinate is zero that was measured from elsewhere, as an angle from a plumb line that was not.

A law whose terms were chosen in coordinates that are a little off leaves more than noise, whatever its constants: near
the right zeros q_0,

    L(q - q_0) = L(q) - sum_i q_0i dL/dq_i + ...,

and what is missing are terms that are too small to be chosen one by one. So the zeros become constants, fitted to the
motion together with all others and kept where the motion is sure of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp

from lagsym.data.trajectories import Trajectories
from lagsym.distillation.constants.settling import SIGNIFICANT, Settled, fit_again, with_friction
from lagsym.distillation.fitting.refinement import noise_of
from lagsym.distillation.fitting.windows import LARGEST_SAMPLES
from lagsym.distillation.libraries.terms import Library, Term
from lagsym.distillation.trial import CLEARLY, EXCESS, independent
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import parameter_symbol
from lagsym.neural import NetworkLagrangian

SURE = 5.0
"""Standard errors by which a zero has to be off."""
FAR = 0.3
"""Of a coordinate's standard deviation: the terms of a law were not chosen in coordinates that are farther off."""
WHOLE_TURN = np.pi / 3**0.5
"""The standard deviation of an angle that is anywhere on the circle."""
FIRST = 1e-3
"""Of a coordinate's standard deviation: where the search for its zero begins, which is a number of its unit."""
SEEN = 1e-3
"""Share of a zero's effect on the equations that no constant has as well, below which it cannot be told."""


def find_zeros(
    settled: Settled, data: Trajectories, smooth: Trajectories, *, seed: int = 0, model: NetworkLagrangian | None = None
) -> Settled:
    """The law in coordinates with zeros of their own, where it leaves more than noise and the motion is sure of them.

    Arguments:
        settled: the law with its constants and friction.
        data: measured trajectories.
        smooth: the same, differentiated.
        seed: of the friction test's resampling.
        model: a network that learned the motion, or None.

    Returns:
        The law with a constant <q>_0 in it for each coordinate q that is off, its friction sought anew; unchanged where
        none is.
    """
    noise = noise_of(data)
    if settled.refined is None or np.all(settled.refined.residual < EXCESS * noise):
        return settled
    placed = _placed(settled, data, smooth)
    if placed is None or not _better(placed, settled, noise, len(data)):
        return settled
    placed = _without_stopgaps(placed, data, smooth)
    own, before = placed.values[: len(placed.own)], settled.refined.residual
    plain = replace(placed, friction=(), witnesses={}, constants=placed.own, values=own, off=before)
    found = with_friction(plain, data, smooth, seed=seed, model=model, damped=bool(settled.friction))
    # What was sought anew beside the zeros may have turned out otherwise.
    still = found.zeros and np.all(_off(found) > SURE) and _better(found, settled, noise, len(data))
    return found if still else settled


def measured_from_zeros(settled: Settled, data: Trajectories) -> Trajectories:
    """The motion in the coordinates that the law's terms are functions of."""
    if not settled.zeros:
        return data
    values = dict(zip(settled.constants, settled.values, strict=True))
    found = {q: values[z] for q, z in settled.zeros.items()}
    return data.measured_from(np.array([found.get(q, 0.0) for q in JetSpace(data.coordinates).positions]))


def _placed(settled: Settled, data: Trajectories, smooth: Trajectories) -> Settled | None:
    """The law, fitted, with those zeros that the fit of the motion is sure of; None where there are none nearby."""
    count = len(settled.own)
    spread = np.concatenate([segment.q for segment in data.segments]).std(axis=0)
    spread = np.where(data.angle_mask, np.minimum(spread, WHOLE_TURN), spread)
    positions, off = JetSpace(data.coordinates).positions, _seen(settled, smooth)
    while off:
        placed = _with_zeros(settled, _named([positions[i] for i in off], data), FIRST * spread[off])
        refined = fit_again(placed, data, smooth)
        if refined is None:
            return None
        placed = replace(placed, values=refined.values, refined=refined)
        sure = _off(placed)
        if np.all(sure > SURE):
            near = np.abs(placed.values[count : count + len(off)]) < FAR * spread[off]
            return placed if near.all() else None
        del off[int(np.argmin(sure))]
    return None


def _off(placed: Settled) -> np.ndarray:
    """By how many standard errors each zero is off."""
    if placed.refined is None:
        return np.zeros(1)
    places = [placed.constants.index(zero) for zero in placed.zeros.values()]
    errors = np.maximum(placed.refined.standard_errors[places], np.finfo(float).tiny)
    return np.abs(placed.values[places]) / errors


def _without_stopgaps(placed: Settled, data: Trajectories, smooth: Trajectories) -> Settled:
    """The law without the terms, the weakest first, that had only stood in for the zeros."""
    while True:
        errors = np.inf if placed.refined is None else placed.refined.standard_errors
        sure: dict[Any, float] = dict(zip(placed.constants, np.abs(placed.values) / errors, strict=True))
        weak = [k for k, (coefficient, _) in enumerate(placed.terms) if sure.get(coefficient, np.inf) < SIGNIFICANT]
        if not weak or len(placed.terms) == 1:
            return placed
        shorter = _without_term(placed, min(weak, key=lambda k: sure[placed.terms[k][0]]))
        refined = fit_again(shorter, data, smooth)
        if refined is None:
            return placed
        placed = replace(shorter, values=refined.values, refined=refined)


def _without_term(settled: Settled, place: int) -> Settled:
    """The law without a term, the constants of the others named in their order again."""
    terms = [pair for k, pair in enumerate(settled.terms) if k != place]
    present = set().union(*(part.free_symbols for pair in terms for part in pair))
    kept = [c in present or c not in settled.own for c in settled.constants]
    constants = [c for c, stays in zip(settled.constants, kept, strict=True) if stays]
    zeros = {q: z for q, z in settled.zeros.items() if z in present}
    plain = [c for c in constants if c in settled.own and c not in zeros.values()]
    names: dict[Any, Any] = {c: parameter_symbol(f"c{k}") for k, c in enumerate(plain, 1)}
    renamed: list[tuple[Any, Any]] = [
        (coefficient.xreplace(names), term.xreplace(names)) for coefficient, term in terms
    ]
    return replace(
        settled,
        terms=tuple(renamed),
        constants=tuple(names.get(c, c) for c in constants),
        values=settled.values[kept],
        zeros=zeros,
        origins=tuple(origin for k, origin in enumerate(settled.origins) if k != place),
        dropped=(*settled.dropped, settled.origins[place]),
    )


def _named(positions: Sequence[sp.Symbol], data: Trajectories) -> dict[sp.Symbol, sp.Symbol]:
    """The constant q_0 of each coordinate q, with more zeros to its name where something else has this one."""
    zeros: dict[sp.Symbol, sp.Symbol] = {}
    for position in positions:
        name = f"{position}_0"
        while name in (*data.coordinates, *data.parameters, *data.varied, *(z.name for z in zeros.values())):
            name += "_0"
        zeros[position] = parameter_symbol(name)
    return zeros


def _with_zeros(settled: Settled, zeros: Mapping[sp.Symbol, sp.Symbol], first: np.ndarray) -> Settled:
    """The law in the differences of coordinates and their zeros, which are constants that are still to be fitted."""
    differences: dict[Any, Any] = {q: q - z for q, z in zeros.items()}
    terms: list[tuple[Any, Any]] = [(coefficient, term.xreplace(differences)) for coefficient, term in settled.terms]
    count = len(settled.own)
    return replace(
        settled,
        terms=tuple(terms),
        constants=(*settled.own, *zeros.values(), *settled.constants[count:]),
        values=np.insert(settled.values, count, first),
        zeros=zeros,
    )


def _seen(settled: Settled, smooth: Trajectories) -> list[int]:
    """The coordinates whose zeros change the equations otherwise than the constants do."""
    space = JetSpace(smooth.coordinates)
    slopes = [settled.at(sp.diff(settled.lagrangian, x)) for x in (*settled.own, *space.positions)]
    with np.errstate(all="ignore"):
        effects = Library(space, tuple(Term(slope, 0.0) for slope in slopes)).operator(smooth.jets())
    real = np.isfinite(effects).all(axis=(0, 2))
    effects = effects[:, real].reshape(len(slopes), -1)
    count, seen = len(settled.own), []
    basis = _directions(effects[:count])
    for i, effect in enumerate(effects[count:]):
        size = np.linalg.norm(effect)
        rest = effect - basis @ (basis.T @ effect)
        if np.linalg.norm(rest) > SEEN * size > 0:
            seen.append(i)
            basis = np.column_stack([basis, rest / np.linalg.norm(rest)])
    return seen


def _directions(rows: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span rows, each of which counts alike."""
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    u, s, _ = np.linalg.svd((rows / np.where(size > 0, size, 1.0)).T, full_matrices=False)
    return u[:, s > SEEN * s.max(initial=0.0)]


def _better(placed: Settled, before: Settled, noise: np.ndarray, samples: int) -> bool:
    """Whether the motion excludes the law without zeros of its own, over windows that are no longer."""
    left, after = before.refined, placed.refined
    if left is None or after is None or after.window < 0.99 * left.window:
        return False
    excess = float(np.exp(np.mean(np.log(after.residual / noise))))
    count = independent(min(samples, LARGEST_SAMPLES), excess, after.windows)
    gain = 2 * count * np.sum(np.log(left.residual / after.residual))
    more = len(placed.constants) - len(before.constants)
    return bool(gain - more * np.log(count) > CLEARLY)
