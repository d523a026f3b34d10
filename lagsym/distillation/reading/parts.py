"""Reading a trained network: its operator off the shell, and its canonical parts as tables for symbolic regression."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float
from sympy.integrals.manualintegrate import manualintegrate

from lagsym.data.jets import Jets
from lagsym.data.samples import Sampled
from lagsym.distillation.engines import Table
from lagsym.distillation.reading.screening import (
    Dependence,
    Groups,
    addends,
    column_blocks,
    column_sets,
    screen,
    speed_alone,
    tolerance_of,
)
from lagsym.mechanics.jetspace import JetSpace
from lagsym.neural.models.records import Readable

ROWS = 300
"""Rows of a table: engines take time with each, and a network's answer holds no noise to average out."""
NODES = 16
"""Of Gauss's rule for the kinetic energy: a network's M is smooth along a ray."""
STEP, STRIDE = 1e-3, 0.03
"""Of the central differences that give the parts' slopes, and of those of the slopes themselves, relative to the spread
of the coordinate; the second is longer, as single precision leaves few digits in a difference of differences."""

Parts = dict[str, Float[np.ndarray, "samples ..."]]


def network_operator(model: Readable, jets: Jets) -> Float[np.ndarray, "samples n"]:
    """The network's E = f - M a at given jets, on or off the shell."""
    reading = model.read(jets)
    return reading.force - np.einsum("tij,tj->ti", reading.mass, jets.a)


@dataclass(frozen=True)
class PartTable:
    """A canonical part as a table of typed features.

    Arguments:
        table: features and target.
        features: the expression behind each column.
        factor: what a formula of the target is multiplied by in the Lagrangian.
        along: the coordinate that a formula is integrated over before, which gives A from B = dA_j/dq_i - dA_i/dq_j;
            None where the target is itself a part of the Lagrangian.
    """

    table: Table
    features: Mapping[sp.Symbol, sp.Expr]
    factor: sp.Expr
    along: sp.Symbol | None = None

    def in_lagrangian(self, term: sp.Expr) -> sp.Expr | None:
        """The term of the Lagrangian that a term of a formula stands for; None where its integral is not known."""
        whole: Any = term.xreplace(dict(self.features))
        if self.along is not None:
            whole = manualintegrate(whole, self.along)
            if whole.has(sp.Integral):
                return None
        return whole * self.factor


def tabulate_parts(
    model: Readable, data: Sampled, *, seed: int = 0, error: float = 0.0, moving: bool = False
) -> tuple[PartTable, ...]:
    """The parts V(q), M_ij(q) and B_ij(q) of a network on the data's support, each as a table.

    A table's columns are typed features of what the part depends on, see `lagsym.distillation.reading.screening`:
    formulas in them are short where formulas in raw coordinates are long. A part that is a sum of functions of separate
    coordinates says so in the blocks of its first table. The target of a part that depends on nothing is its mean.

    Arguments:
        model: the network.
        data: samples that show where the network knows anything.
        seed: of the choice of rows.
        error: relative error of the network.
        moving: whether T is any function of the velocities alone, of which M at rest says little.
    """
    space = JetSpace(data.coordinates)
    jets = _rows(data, seed)
    scale = float(np.mean(np.trace(model.read(jets).mass_at_rest, axis1=1, axis2=2))) / len(space.fields)

    def parts(jets: Jets) -> Parts:
        return _parts(model, jets, scale)

    targets, slopes, tolerance = parts(jets), _slopes(parts, jets, STEP), tolerance_of(error)
    curvatures = _slopes(lambda jets: _slopes(parts, jets, STEP), jets, STRIDE)
    # The equations add up the slopes of V, B times velocities, and M times accelerations: so are B and M measured.
    fastest = float(np.sqrt(np.mean(jets.v**2)))
    sizes = {"V": 0.0, "M": 1.0, "B": float(np.sqrt(np.mean(slopes["V"] ** 2))) / max(fastest, 1e-300)}
    found = []
    for name, (factor, along) in _places(space).items():
        target, size = targets[name], sizes[name[0]]
        if (moving and name[0] == "M") or np.sqrt(np.mean(target**2)) <= tolerance * size:
            continue
        limits = {"size": size, "tolerance": tolerance}
        dependence = screen(slopes[name], jets.q, data.angle_mask, **limits)
        groups = addends(slopes[name], curvatures[name], jets.q, dependence, **limits)
        sets = column_sets(dependence, space.positions, jets.q, data.angle_mask) or [list(space.positions)]
        target = np.full_like(target, target.mean()) if dependence.constant else target
        for place, features in enumerate(sets if along is None else sets[:1]):
            # Its other tables hold the same columns otherwise; the structure is asked for once.
            blocks = column_blocks(features, groups, space.positions) if place == 0 else ()
            table = tabulated(name, target, features, space.positions, jets.q, blocks)
            found.append(PartTable(*table, factor, along))
    return tuple(found)


def kinetic_energy(model: Readable, jets: Jets) -> Float[np.ndarray, " samples"]:
    """The canonical kinetic energy of a network at the (q, v) of jets, blind to gauge.

    T = L(q, v) - L(q, 0) - dL/dv(q, 0) . v = integral over s from 0 to 1 of (1 - s) v . M(q, s v) v
    """
    return np.einsum("sti,s,ti->t", *_rays(model, jets, lambda s: 1 - s), jets.v)


def momentum(model: Readable, jets: Jets) -> Float[np.ndarray, "samples n"]:
    """The slope dT/dv of the canonical kinetic energy, which is the integral over s from 0 to 1 of M(q, s v) v."""
    return np.einsum("sti,s->ti", *_rays(model, jets, lambda s: np.ones_like(s)))


def _rays(model: Readable, jets: Jets, weight: Any) -> tuple[np.ndarray, np.ndarray]:
    """M(q, s v) v at Gauss's nodes s of every ray (nodes, samples, n), and the rule's weights."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    s = (nodes + 1) / 2
    masses = (model.read(_with_velocity(jets, x * jets.v)).mass for x in s)
    return np.stack([np.einsum("tij,tj->ti", mass, jets.v) for mass in masses]), weights / 2 * weight(s)


def tabulate_kinetic(model: Readable, data: Sampled, *, seed: int = 0, error: float = 0.0) -> PartTable:
    """The kinetic energy T(v) of a separable network as a table.

    Columns are the velocities, and the squared speed over all coordinates that are lengths: that alone where it tells
    all.

    Arguments:
        model: the network.
        data: samples that show where the network knows anything.
        seed: of the choice of rows.
        error: relative error of the network.
    """
    jets = _rows(data, seed)
    energy, slope, tolerance = kinetic_energy(model, jets), momentum(model, jets), tolerance_of(error)
    features = _velocity_features(data, slope, jets.v, tolerance)
    velocities = JetSpace(data.coordinates).velocities
    every = Dependence(single=tuple(range(len(velocities))))
    groups = addends(slope, model.read(jets).mass, jets.v, every, size=0.0, tolerance=tolerance)
    blocks = column_blocks(features, groups, velocities)
    return PartTable(*tabulated("T", energy / (np.std(energy) or 1.0), features, velocities, jets.v, blocks), sp.S.One)


def _velocity_features(data: Sampled, slope: np.ndarray, v: np.ndarray, tolerance: float) -> list[sp.Expr]:
    velocities = JetSpace(data.coordinates).velocities
    lengths = [k for k, angle in enumerate(data.angle_mask) if not angle]
    speed = [sp.Add(*(velocities[k] ** 2 for k in lengths))] if lengths else []
    if len(lengths) == len(velocities) and speed_alone(slope, v, lengths, tolerance):
        return speed
    return [*velocities, *speed]


def _rows(data: Sampled, seed: int) -> Jets:
    jets = data.jets()
    return jets.take(np.random.default_rng(seed).choice(len(jets), min(ROWS, len(jets)), replace=False))


def _with_velocity(jets: Jets, v: np.ndarray) -> Jets:
    return Jets(jets.x, jets.u, v[:, None, :], force=jets.force, parameters=jets.parameters)


def _places(space: JetSpace) -> dict[str, tuple[sp.Expr, sp.Symbol | None]]:
    """For the name of each part: the factor of its formula in the Lagrangian, and what it is integrated over first."""
    positions, velocities = space.positions, space.velocities
    places: dict[str, tuple[sp.Expr, sp.Symbol | None]] = {"V": (sp.S.NegativeOne, None)}
    for i, j in itertools.combinations_with_replacement(range(len(velocities)), 2):
        factor = velocities[i] ** 2 / 2 if i == j else velocities[i] * velocities[j]
        places[f"M{i + 1}{j + 1}"] = factor, None
        if i != j:
            places[f"B{i + 1}{j + 1}"] = velocities[j], positions[i]
    return places


def _parts(model: Readable, jets: Jets, scale: float) -> Parts:
    """Every part at the positions of jets, in units of a mass."""
    reading = model.read(jets)
    found = {"V": reading.potential / scale}
    for i, j in itertools.combinations_with_replacement(range(reading.mass.shape[1]), 2):
        found[f"M{i + 1}{j + 1}"] = reading.mass_at_rest[:, i, j] / scale
        found[f"B{i + 1}{j + 1}"] = reading.gyroscopic[:, i, j] / scale
    return found


def _slopes(parts: Callable[[Jets], Parts], jets: Jets, step: float) -> Parts:
    """Derivatives of every part by the positions, as central differences along one axis more."""
    slopes: dict[str, list[np.ndarray]] = {}
    for k, length in enumerate(step * jets.q.std(axis=0)):
        shift = np.zeros_like(jets.q)
        shift[:, k] = length or step
        ahead, behind = (parts(replace(jets, u=jets.u + sign * shift)) for sign in (1, -1))
        for name in ahead:
            slopes.setdefault(name, []).append((ahead[name] - behind[name]) / (2 * (length or step)))
    return {name: np.stack(found, axis=-1) for name, found in slopes.items()}


def tabulated(
    name: str,
    target: np.ndarray,
    features: list[sp.Expr],
    symbols: Sequence[sp.Symbol],
    points: np.ndarray,
    blocks: Groups = (),
) -> tuple[Table, dict[sp.Symbol, sp.Expr]]:
    """The table of a target, with the expression behind each column."""
    values = sp.lambdify(symbols, features, "numpy")(*points.T)
    X = np.stack([np.broadcast_to(np.asarray(value, float), len(points)) for value in values], axis=1)
    table = Table(tuple(f"f{i}" for i in range(len(features))), X, target, name, blocks)
    return table, dict(zip(table.symbols, features, strict=True))
