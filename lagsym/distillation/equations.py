"""Equations of motion that no Lagrangian binds: accelerations as sums of few terms in positions and velocities.

Where no Lagrangian explains the motion these are what can still be said, and what Helmholtz' conditions are asked of.
Each acceleration is a regression in weak form,

    integral of q phi'' dt = sum over k of c_k times the integral of theta_k(q, v) phi dt,

in which noise is averaged before it is differentiated. Coefficients of resampled trajectories show what is certain.

Source: Messenger and Bortz, "Weak SINDy", Multiscale Modeling and Simulation 19 (2021) 1474.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.data.jets import Jets
from lagsym.data.trajectories import Trajectories
from lagsym.data.weak import TestFunctions, place_test_functions
from lagsym.distillation.engines.subset import best_subsets, choose
from lagsym.distillation.libraries.terms import _functions as functions_of_position
from lagsym.distillation.selection.evidence import CHUNK, FEWEST_SAMPLES
from lagsym.mechanics.inverse_problem.existence import EXISTS, IMPOSSIBLE, UNDECIDED, Existence
from lagsym.mechanics.inverse_problem.numeric_decision import find_numeric_multiplier
from lagsym.mechanics.jetspace import JetSpace

LARGEST_COMPLEXITY = 4
"""Of a term: a function of position and at most two velocities."""
FACTOR, CEILING = 3.0, 0.3
"""A number of terms is enough when more lower the squared residual by no more than this factor, and below this."""
RESAMPLED = 4
POINTS = 4
CENTRAL = (0.2, 0.8)
"""Quantiles of the data between which Helmholtz' conditions are asked for: within, formulas are not extrapolated."""
MOST_TERMS = 800
"""Terms above which only simpler ones are taken."""


@dataclass(frozen=True)
class Equations:
    """Accelerations in closed form.

    Arguments:
        space: the jet space of the coordinates.
        terms: for each coordinate the terms of its acceleration.
        coefficients: for each coordinate their coefficients.
        resampled: for each coordinate the coefficients from resampled trajectories, of shape (draws, terms).
        residual: squared relative residual of each acceleration in weak form.
    """

    space: JetSpace
    terms: tuple[tuple[sp.Expr, ...], ...]
    coefficients: tuple[Float[np.ndarray, " terms"], ...]
    resampled: tuple[Float[np.ndarray, "draws terms"], ...]
    residual: tuple[float, ...]

    @property
    def accelerations(self) -> tuple[sp.Expr, ...]:
        """The accelerations with their numbers."""
        return tuple(
            sp.Add(*(sp.Float(float(c), 6) * term for c, term in zip(numbers, terms, strict=True)))
            for numbers, terms in zip(self.coefficients, self.terms, strict=True)
        )

    @property
    def even(self) -> Equations:
        """Those without the terms that change sign with the velocities: without friction, whatever its kind."""
        turned: dict[sp.Basic, sp.Basic] = {v: -v for v in self.space.velocities}
        kept = [[k for k, term in enumerate(terms) if term.xreplace(turned) == term] for terms in self.terms]
        return replace(
            self,
            terms=tuple(tuple(terms[k] for k in ks) for terms, ks in zip(self.terms, kept, strict=True)),
            coefficients=tuple(numbers[ks] for numbers, ks in zip(self.coefficients, kept, strict=True)),
            resampled=tuple(numbers[:, ks] for numbers, ks in zip(self.resampled, kept, strict=True)),
        )

    def functions(self) -> list[Callable[[np.ndarray, np.ndarray], np.ndarray]]:
        """a(q, v) of arrays of shape (N, n): from all data, then from each resampling."""
        compiled = [sp.lambdify((*self.space.positions, *self.space.velocities), t, "numpy") for t in self.terms]
        draws = [self.coefficients, *zip(*self.resampled, strict=True)]
        return [_function(compiled, numbers) for numbers in draws]


def find_equations(data: Trajectories, *, seed: int = 0) -> Equations | None:
    """Closed accelerations from differentiated trajectories, or None where no sum of few terms explains them.

    Arguments:
        data: differentiated trajectories.
        seed: of the resampling.
    """
    space, jets = JetSpace(data.coordinates), data.jets()
    terms = _terms(data, space)
    functions = place_test_functions(data)
    matrix = _averages(terms, space, jets, functions)
    targets = -functions.integrate(np.zeros_like(jets.v), jets.v)
    groups = _groups(data, [len(part) for part in functions.values])
    found = []
    for target in targets.T:
        chosen = choose(best_subsets(matrix, target), factor=FACTOR, ceiling=CEILING)
        if chosen is None:
            return None
        support = list(chosen.support)
        again = _resampled(matrix[:, support], target, groups, np.random.default_rng(seed))
        found.append((tuple(terms[k] for k in support), chosen.coefficients, again, chosen.residual))
    return Equations(space, *(tuple(part) for part in zip(*found, strict=True)))


def _averages(
    terms: list[sp.Expr], space: JetSpace, jets: Jets, functions: TestFunctions
) -> Float[np.ndarray, "functions terms"]:
    """Every term's average over every test function, from a part of the samples at a time."""
    compiled = sp.lambdify((*space.positions, *space.velocities), terms, "numpy")
    parts = []
    for here, some in functions.batches(max(FEWEST_SAMPLES, CHUNK // len(terms))):
        values = compiled(*jets.q[here].T, *jets.v[here].T)
        count = here.stop - here.start
        columns = np.stack([np.broadcast_to(np.asarray(value, float), count) for value in values])[..., None]
        parts.append(some.integrate(columns, np.zeros_like(columns))[..., 0].T)
    return np.concatenate(parts)


def weak_misfit(predicted: Float[np.ndarray, "samples n"], data: Trajectories) -> Float[np.ndarray, " n"]:
    """Share of each acceleration, averaged over test functions, that a prediction leaves unexplained; squared.

    Arguments:
        predicted: accelerations at `data.jets()`.
        data: differentiated trajectories.
    """
    functions, jets = place_test_functions(data), data.jets()
    measured = -functions.integrate(np.zeros_like(jets.v), jets.v)
    left = functions.integrate(predicted, np.zeros_like(predicted)) - measured
    return np.sum(left**2, axis=0) / np.maximum(np.sum(measured**2, axis=0), 1e-300)


def ask_for_lagrangian(equations: Equations, data: Trajectories, *, budget: float = 60.0) -> Existence:
    """Whether any Lagrangian gives the equations, where the data are; what resampling changes counts as error.

    Beside friction a Lagrangian need only give what does not change sign with the velocities, but with inertia that is
    definite: what has neither is impossible, and where there may be one with friction the answer is "undecided".

    Arguments:
        equations: closed accelerations.
        data: differentiated trajectories.
        budget: seconds after which the answer is "undecided".
    """
    found = _asked(equations, data, budget)
    if found.answer != IMPOSSIBLE or equations.even.terms == equations.terms:
        return found
    rest = _asked(equations.even, data, budget)
    if rest.answer == IMPOSSIBLE or (rest.answer == EXISTS and not rest.definite):
        return replace(found, sentence=f"{found.sentence}; nor is there a definite one beside friction")
    sentence = f"without friction {found.sentence}; a Lagrangian with friction is not excluded"
    return Existence(UNDECIDED, sentence, found.method, point=found.point)


def _asked(equations: Equations, data: Trajectories, budget: float) -> Existence:
    jets = data.jets()
    states = np.concatenate([jets.q, jets.v], axis=1)
    low, high = np.quantile(states, CENTRAL, axis=0)
    names = [symbol.name for symbol in (*equations.space.positions, *equations.space.velocities)]
    spans = {name: (float(a), float(b)) for name, a, b in zip(names, low, high, strict=True) if a < b}
    inside = states[((states >= low) & (states <= high)).all(axis=1)]
    points = inside[np.linspace(0, len(inside) - 1, min(POINTS, len(inside))).astype(int)] if len(inside) else None
    return find_numeric_multiplier(equations.functions(), equations.space, ranges=spans, points=points, budget=budget)


def _function(
    compiled: list[Callable[..., list]], numbers: tuple[np.ndarray, ...]
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def accelerations(q: np.ndarray, v: np.ndarray) -> np.ndarray:
        values = [terms(*q.T, *v.T) for terms in compiled]
        sums = [sum(c * value for c, value in zip(cs, vs, strict=True)) for cs, vs in zip(numbers, values, strict=True)]
        return np.stack([np.broadcast_to(np.asarray(column, float), len(q)) for column in sums], axis=1)

    return accelerations


def _terms(data: Trajectories, space: JetSpace) -> list[sp.Expr]:
    """Functions of position times at most two velocities, as complex as leaves no more than there may be."""
    factors: list[tuple[sp.Expr, float]] = [(sp.S.One, 0.0), *((v, 1.0) for v in space.velocities)]
    pairs = itertools.combinations_with_replacement(space.velocities, 2)
    factors += [(v * w, 2.0) for v, w in pairs]
    positions = functions_of_position(data, space, LARGEST_COMPLEXITY)
    costs = np.array([c + cost for _, c in positions for _, cost in factors])
    largest = next(c for c in range(LARGEST_COMPLEXITY, 0, -1) if np.count_nonzero(costs <= c) <= MOST_TERMS or c == 1)
    return [f * factor for f, c in positions for factor, cost in factors if c + cost <= largest]


def _groups(data: Trajectories, counts: list[int]) -> list[np.ndarray]:
    """The rows of each trajectory."""
    edges = np.cumsum([0, *counts])
    rows: dict[str, list[np.ndarray]] = {}
    for segment, a, b in zip(data.segments, edges[:-1], edges[1:], strict=True):
        rows.setdefault(segment.trajectory, []).append(np.arange(a, b))
    return [np.concatenate(parts) for parts in rows.values()]


def _resampled(
    matrix: np.ndarray, target: np.ndarray, groups: list[np.ndarray], generator: np.random.Generator
) -> np.ndarray:
    """Coefficients from resampled trajectories; of a single one, from resampled eighths."""
    if len(groups) == 1:
        groups = list(np.array_split(groups[0], 8))
    draws = generator.integers(0, len(groups), (RESAMPLED, len(groups)))
    rows = (np.concatenate([groups[k] for k in draw]) for draw in draws)
    return np.array([np.linalg.lstsq(matrix[row], target[row], rcond=None)[0] for row in rows])
