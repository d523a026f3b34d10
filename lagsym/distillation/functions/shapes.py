"""Shapes: a Lagrangian as a sum of free functions of one variable each, fitted to the motion in weak form.

    L = sum_i c_i v_i²/2 - sum_a V_a(phi_a(q)),   or with M(q) v²/2 or T(v²) in place of the first sum

Each function is a Chebyshev series in its variable phi: a coordinate, a difference of two, or the radius.  All their
coefficients follow from one eigenvalue problem,

    minimise |<E c>|² / |<F c> +- <I c>'|²,

with averages <E> = <F> + <I> of force and inertia over windows, and <I>' those of other windows, with signs by chance.
No accelerations are needed, so these functions are far more precise than those of a network that has learned noisy
ones. Which variables will do is decided by the residual, the fewest first. Engines then look for their formulas.

Source: for the weak form Messenger and Bortz, Multiscale Model. Simul. 19 (2021) 1474; for free functions of one
variable Hastie and Tibshirani, Generalized additive models, Statist. Sci. 1 (1986) 297.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.data.jets import Jets
from lagsym.data.trajectories import Trajectories
from lagsym.data.weak import TestFunctions, place_test_functions
from lagsym.distillation.fitting.projection import Elsewhere, lowest
from lagsym.distillation.functions.series import Series, Shape
from lagsym.distillation.reading.parts import ROWS, PartTable, tabulated
from lagsym.distillation.reading.screening import Dependence, column_sets
from lagsym.distillation.selection.candidates import DATA_FACTOR, DATA_FLOOR, simplest
from lagsym.mechanics.jetspace import JetSpace

DEGREES = (4, 8, 12, 16)
"""Of the series; a longer one is taken only where it lowers the residual."""
EXPLAINS = 3e-3
"""A loss below this: the functions explain the motion."""
LONGER_PAYS = 1.1
DEFINITE = 0.05
"""The smallest mass on the data relative to the mean one, below which a law of motion is nearly singular."""
MOST_COORDINATES = 4
SHARE = 3.0
"""A function whose forces are no larger than what is left, up to this factor, is none."""


@dataclass(frozen=True)
class FittedShapes:
    """Free functions that explain the motion, as tables.

    Arguments:
        parts: a table for each function; V in units of the mean mass.
        kinetic: terms of the kinetic energy beside them.
        loss: what is left of the weak form, relative to its size off the shell.
        degree: of the functions' series.
    """

    parts: tuple[PartTable, ...]
    kinetic: tuple[sp.Expr, ...]
    loss: float
    degree: int

    @property
    def moving(self) -> bool:
        """Whether the kinetic energy is a function T(v²) of its own."""
        return any(part.table.name == "T" for part in self.parts)


def fit_shapes(data: Trajectories, *, seed: int = 0) -> tuple[FittedShapes, ...]:
    """The fewest free functions of one variable each that explain the motion, as tables for an engine.

    Arguments:
        data: differentiated trajectories.
        seed: of the choice of rows of the tables.

    Returns:
        Alternatives of as many functions that explain the motion alike; none where a coordinate is an angle, there are
        measured forces, or more than four coordinates.
    """
    jets, n = data.jets(), len(data.coordinates)
    if np.any(data.angle_mask) or n > MOST_COORDINATES or jets.force is not None:
        return ()
    problem = _Problem(jets, place_test_functions(data), seed)
    tried = [fit for fit in map(problem.fit, hypotheses(n)) if fit is not None]
    best = min((fit.loss for fit in tried), default=0.0)
    good = [fit for fit in tried if simplest(fit.loss, best)]
    return tuple(fit.tabulated(data, seed) for fit in good if len(fit.series) == len(good[0].series))


def explaining_shapes(data: Trajectories, *, seed: int = 0) -> tuple[FittedShapes, ...]:
    """Likewise, none where the best do not explain the motion."""
    return tuple(shapes for shapes in fit_shapes(data, seed=seed) if shapes.loss < EXPLAINS)


def explaining_structures(data: Trajectories) -> tuple[str, ...]:
    """The structures in which free functions of one variable each explain the motion; none where they do not.

    Arguments:
        data: differentiated trajectories.
    """
    return tuple(sorted({"separable" if shapes.moving else "natural" for shapes in explaining_shapes(data)}))


def hypotheses(n: int) -> tuple[tuple[Shape, ...], ...]:
    """Which functions are tried, the fewest first; where there is neither M nor T the masses are constant.

    >>> [[shape.part for shape in shapes] for shapes in hypotheses(1)]
    [['V'], ['V', 'M'], ['V', 'T']]
    """
    singles = tuple(Shape("V", Dependence(single=(k,))) for k in range(n))
    kinetic = Shape("T", Dependence())
    if n == 1:
        return singles, (*singles, Shape("M", Dependence(single=(0,)))), (*singles, kinetic)
    radius = (Shape("V", Dependence(turned=(tuple(range(n)),))),)
    pairs = list(itertools.combinations(range(n), 2))
    links = tuple(Shape("V", Dependence(shifted=(pair,)), linear=pair[1] == pair[0] + 1) for pair in pairs)
    both = (*singles, *(Shape("V", shape.dependence, linear=False) for shape in links))
    return radius, links, singles, (*radius, kinetic), (*singles, kinetic), both


@dataclass(frozen=True)
class _Fit:
    """A hypothesis with its coefficients, and the share of every function in what the loss is relative to."""

    jets: Jets
    series: tuple[Series, ...]
    coefficients: tuple[np.ndarray, ...]
    masses: np.ndarray
    loss: float
    shares: tuple[float, ...]

    @property
    def definite(self) -> bool:
        """Whether every mass has one sign on the data and is nowhere small; otherwise the residual means nothing."""
        c = np.concatenate([*self.coefficients, self.masses])
        found = [mass @ c for mass in _masses(self.series, self.jets)]
        return all(np.min(m * np.sign(np.mean(m))) > DEFINITE * abs(np.mean(m)) for m in found)

    def tabulated(self, data: Trajectories, seed: int) -> FittedShapes:
        """Each function as a table, all by the same factor."""
        space = JetSpace(data.coordinates)
        rows = self.jets.take(np.random.default_rng(seed).choice(len(self.jets), min(ROWS, len(self.jets)), False))
        values = [
            s.derivatives(s.shape.variable(rows)[0], 0).T @ c
            for s, c in zip(self.series, self.coefficients, strict=True)
        ]
        scale = self._scale(values)
        pairs = zip(self.series, values, strict=True)
        needed = [pair for pair, share in zip(pairs, self.shares, strict=True) if share > SHARE * self.loss]
        parts = [part for s, value in needed for part in _parts(s.shape, value / scale, rows, space)]
        kinetic = tuple(v**2 / 2 for v in space.velocities) if len(self.masses) else ()
        return FittedShapes(tuple(parts), kinetic, self.loss, self.series[0].degree)

    def _scale(self, values: list[np.ndarray]) -> float:
        """The mean mass, or what stands for it."""
        if len(self.masses):
            return float(np.mean(self.masses))
        part = next(k for k, s in enumerate(self.series) if s.shape.part != "V")
        if self.series[part].shape.part == "M":
            return float(np.mean(values[part]))
        # T = m v²/2 where the motion is slow, so that its slope by v² is half the mass.
        s = self.series[part]
        return float(2 * np.mean(s.derivatives(s.shape.variable(self.jets)[0], 1).T @ self.coefficients[part]))


class _Problem:
    """Least |G c|² / |P c|² for series of rising degree."""

    def __init__(self, jets: Jets, functions: TestFunctions, seed: int) -> None:
        self.jets, self.functions = jets, functions
        # Averages, as the motion's are: a function that oscillates within a window would otherwise seem to vanish.
        self.others = Elsewhere.of(len(functions), seed=seed)

    def fit(self, shapes: Sequence[Shape]) -> _Fit | None:
        """The shapes with the shortest series that a longer one does not improve upon; None where no mass is sound."""
        best: _Fit | None = None
        for degree in DEGREES:
            found = self._fit(tuple(Series.over(shape, self.jets, degree) for shape in shapes))
            if not found.definite:
                continue
            if best is not None and found.loss * LONGER_PAYS > best.loss:
                break
            best = found
        return best

    def _fit(self, series: tuple[Series, ...]) -> _Fit:
        parts = [self._weak(s) for s in series]
        constant = all(s.shape.part == "V" for s in series)
        if constant:
            parts.append(self._masses())
        on, off = (np.concatenate(part) for part in zip(*parts, strict=True))
        size = np.sqrt(np.mean(off**2, axis=(1, 2)))
        rows, others = ((part / size[:, None, None]).reshape(len(size), -1) for part in (on, off))
        vanishing = lowest(rows, others, factor=DATA_FACTOR, floor=DATA_FLOOR)
        # Blocks that do not act on each other have a law each: of their sums that of masses nearest to one is meant.
        found = np.concatenate(_masses(series, self.jets)) @ (vanishing / size[:, None])
        c = vanishing @ np.linalg.lstsq(found, np.ones(len(found)), rcond=None)[0]
        whole = np.mean((c @ others) ** 2)
        loss = np.mean((c @ rows) ** 2) / whole
        ends = np.cumsum([len(part[0]) for part in parts])
        owners = np.searchsorted(ends, np.arange(ends[-1]), side="right")
        shares = tuple(float(np.mean(((c * (owners == k)) @ others) ** 2) / whole) for k in range(len(series)))
        pieces = np.split(c / size, np.cumsum([len(part[0]) for part in parts])[:-1])
        masses = pieces.pop() if constant else np.zeros(0)
        return _Fit(self.jets, series, tuple(pieces), masses, float(loss), shares)

    def _weak(self, series: Series) -> tuple[np.ndarray, np.ndarray]:
        return self._averages(*series.slopes(self.jets))

    def _averages(self, by_q: np.ndarray, by_v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Averages of E, and of the same with the inertia of other times: where nature never is."""
        force = self.functions.integrate(by_q, np.zeros_like(by_q))
        inertia = self.functions.integrate(np.zeros_like(by_v), by_v)
        return force + inertia, force + self.others.of_inertia(inertia)

    def _masses(self) -> tuple[np.ndarray, np.ndarray]:
        each = np.eye(self.jets.v.shape[1])[:, None, :]
        by_v = each * self.jets.v
        return self._averages(np.zeros_like(by_v), by_v)


def _masses(series: Sequence[Series], jets: Jets) -> list[Float[np.ndarray, "rows terms"]]:
    """Every kind of mass on the data for each coefficient; where no series has any, of constant ones that come last."""
    counts = [len(s.powers) for s in series]
    ends = np.cumsum(counts)
    if all(s.shape.part == "V" for s in series):
        n = jets.v.shape[1]
        return [np.eye(n, ends[-1] + n, k=ends[-1])]
    found = []
    for s, count, end in zip(series, counts, ends, strict=True):
        for mass in s.masses(jets) if s.shape.part != "V" else []:
            found.append(np.zeros((len(jets), ends[-1])))
            found[-1][:, end - count : end] = mass.T
    return found


def _parts(shape: Shape, values: np.ndarray, rows: Jets, space: JetSpace) -> list[PartTable]:
    """The tables of a function, see `column_sets`."""
    if shape.part == "T":
        speed = sp.Add(*(v**2 for v in space.velocities))
        return [PartTable(*tabulated("T", values, [speed], space.velocities, rows.v), sp.S.One)]
    place = (shape.dependence, space.positions, rows.q, np.zeros(len(space.fields), bool))
    sets = column_sets(*place)
    name = f"{shape.part} of {sets[0][0]}"
    target, factor = (-values, sp.S.NegativeOne) if shape.part == "V" else (values, space.velocities[0] ** 2 / 2)
    return [PartTable(*tabulated(name, target, features, space.positions, rows.q), factor) for features in sets]
