"""Reading a trained network: its operator off the shell, and its canonical parts as tables for symbolic regression."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.data.jets import Jets
from lagsym.data.samples import Sampled
from lagsym.distillation.engines import Budget, Engine, Formula, FormulaFront, Table
from lagsym.distillation.engines.refit import expanded, split
from lagsym.mechanics.jetspace import JetSpace
from lagsym.neural.models.records import Readable

ROWS = 300
"""Rows of a table: engines take time with each, and a network's answer holds no noise to average out."""
NEGLIGIBLE = 1e-6
"""A mass matrix entry smaller than this, relative to the diagonal, is zero."""
NODES = 16
"""Of Gauss's rule for the kinetic energy: a network's M is smooth along a ray."""
KINETIC_FORMULAS = 4
"""Formulas of a kinetic energy that are handed on: the motion tells them apart better than the network can."""


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
    """

    table: Table
    features: Mapping[sp.Symbol, sp.Expr]
    factor: sp.Expr


def tabulate_parts(model: Readable, data: Sampled, *, seed: int = 0) -> tuple[PartTable, ...]:
    """The parts V(q) and M_ij(q) of a network on the data's support, each as a table.

    A table's columns are typed features: sines and cosines of angles and of their differences, coordinates that are
    no angles, and distances from the origin.  Formulas in them are short where formulas in raw angles are long.
    """
    space = JetSpace(data.coordinates)
    jets = data.jets()
    chosen = jets.take(np.random.default_rng(seed).choice(len(jets), min(ROWS, len(jets)), replace=False))
    reading = model.read(chosen)
    expressions = _features(space, data.angle_mask)
    values = sp.lambdify(space.positions, expressions, "numpy")(*chosen.q.T)
    columns = np.stack([np.broadcast_to(np.asarray(value, float), len(chosen)) for value in values], axis=1)
    names = tuple(f"f{i}" for i in range(len(expressions)))
    scale = float(np.mean(np.trace(reading.mass_at_rest, axis1=1, axis2=2))) / len(space.fields)
    velocities = space.velocities
    targets: list[tuple[str, np.ndarray, sp.Expr]] = [("V", reading.potential / scale, sp.S.NegativeOne)]
    for i, j in itertools.combinations_with_replacement(range(len(velocities)), 2):
        entry = reading.mass_at_rest[:, i, j] / scale
        if i == j or np.abs(entry).max() > NEGLIGIBLE:
            factor = velocities[i] ** 2 / 2 if i == j else velocities[i] * velocities[j]
            targets.append((f"M{i + 1}{j + 1}", entry, factor))
    parts = []
    for name, target, factor in targets:
        table = Table(names, columns, target, name)
        parts.append(PartTable(table, dict(zip(table.symbols, expressions, strict=True)), factor))
    return tuple(parts)


def propose_terms(
    engine: Engine, model: Readable, data: Sampled, *, seed: int = 0, budget: Budget | None = None
) -> tuple[tuple[sp.Expr, ...], tuple[str, ...]]:
    """Terms of a Lagrangian out of an engine's formulas for the network's parts, and the engine's messages.

    The engine only proposes: which terms stay, and with which coefficients, is decided by the operator afterwards.

    Raises:
        UnavailableError: the engine cannot run here.
    """
    parts = tabulate_parts(model, data, seed=seed)
    fronts = engine.search_all([part.table for part in parts], seed=seed, budget=budget)
    terms: dict[sp.Expr, None] = {}
    for part, front in zip(parts, fronts, strict=True):
        if not front.formulas:
            continue
        formula = front.simplest(floor=NEGLIGIBLE**2).expression.xreplace(dict(part.features))
        for term in sp.Add.make_args(sp.expand(formula, trig=False, power_exp=False, log=False)):
            _, bare = (term * part.factor).as_coeff_Mul()
            half = sp.Rational(1, 2) if part.factor.as_coeff_Mul()[0] == sp.Rational(1, 2) else sp.S.One
            if bare.free_symbols:
                terms.setdefault(half * bare)
    return tuple(terms), _messages(fronts)


def kinetic_energy(model: Readable, jets: Jets) -> Float[np.ndarray, " samples"]:
    """The canonical kinetic energy of a network at the (q, v) of jets, blind to gauge.

    T = L(q, v) - L(q, 0) - dL/dv(q, 0) . v = integral over s from 0 to 1 of (1 - s) v . M(q, s v) v
    """
    total = np.zeros(len(jets))
    for node, weight in zip(*np.polynomial.legendre.leggauss(NODES), strict=True):
        s = (node + 1) / 2
        scaled = Jets(jets.x, jets.u, s * jets.du, force=jets.force, parameters=jets.parameters)
        total += weight / 2 * (1 - s) * np.einsum("ti,tij,tj->t", jets.v, model.read(scaled).mass, jets.v)
    return total


def tabulate_kinetic(model: Readable, data: Sampled, *, seed: int = 0) -> PartTable:
    """The kinetic energy T(v) of a separable network as a table.

    Columns are the velocities, and the squared speed over all coordinates that are lengths.
    """
    space = JetSpace(data.coordinates)
    jets = data.jets()
    chosen = jets.take(np.random.default_rng(seed).choice(len(jets), min(ROWS, len(jets)), replace=False))
    velocities = space.velocities
    lengths = [v for v, angle in zip(velocities, data.angle_mask, strict=True) if not angle]
    expressions = [*velocities, *([sp.Add(*(v**2 for v in lengths))] if lengths else [])]
    values = sp.lambdify(velocities, expressions, "numpy")(*chosen.v.T)
    energy = kinetic_energy(model, chosen)
    names = tuple(f"f{i}" for i in range(len(expressions)))
    table = Table(names, np.stack(values, axis=1), energy / (np.std(energy) or 1.0), "T")
    return PartTable(table, dict(zip(table.symbols, expressions, strict=True)), sp.S.One)


def propose_kinetic(
    engine: Engine, model: Readable, data: Sampled, *, seed: int = 0, budget: Budget | None = None
) -> tuple[tuple[tuple[sp.Expr, ...], ...], tuple[str, ...]]:
    """Kinetic energies of velocities alone, each as terms with inner constants, and the engine's messages.

    Terms without inner constants are left out, as a library holds them anyway. The first formulas explain the
    network's T best for their size.

    Raises:
        UnavailableError: the engine cannot run here.
    """
    part = tabulate_kinetic(model, data, seed=seed)
    front = engine.search_all([part.table], seed=seed, budget=budget)[0]
    found: dict[tuple[sp.Expr, ...], None] = {}
    for formula in _best_for_size(front):
        terms = []
        whole: Any = formula.expression.xreplace(dict(part.features))
        for number, term in split(expanded(whole)):
            if term.atoms(sp.Float) and term.free_symbols:
                terms.append(term if number > 0 else -term)
        if terms:
            found.setdefault(tuple(terms))
    return tuple(found)[:KINETIC_FORMULAS], _messages((front,))


def _messages(fronts: Sequence[FormulaFront]) -> tuple[str, ...]:
    """What the fronts of several tables have to say, each thing once."""
    said = [*(front.passed_over for front in fronts), *(front.message for front in fronts)]
    return tuple(dict.fromkeys(message for message in said if message))


def _best_for_size(front: FormulaFront) -> list[Formula]:
    """A front's formulas by the factor that each lowers the loss below that of the next simpler one, greatest first."""
    formulas = front.formulas
    losses = [max(formula.loss, NEGLIGIBLE**2) for formula in formulas]
    order = sorted(range(1, len(formulas)), key=lambda k: losses[k] / losses[k - 1])
    return [formulas[k] for k in [*order, *range(min(1, len(formulas)))]]


def _features(space: JetSpace, angle_mask: np.ndarray) -> list[sp.Expr]:
    positions = space.positions
    angles = [x for x, angle in zip(positions, angle_mask, strict=True) if angle]
    lengths = [x for x, angle in zip(positions, angle_mask, strict=True) if not angle]
    features = [function(x) for x in angles for function in (sp.cos, sp.sin)]
    features += [f(a - b) for a, b in itertools.combinations(angles, 2) for f in (sp.cos, sp.sin)]
    features += lengths
    features += [sp.sqrt(a**2 + b**2) for a, b in itertools.combinations(lengths, 2)]
    return features
