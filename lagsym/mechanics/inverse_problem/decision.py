"""The inverse problem of the calculus of variations: whether any Lagrangian gives certain accelerations.

A Lagrangian exists near a point exactly if there is a multiplier: a regular symmetric matrix g(t, q, v) such that
g (a - acceleration) satisfies Helmholtz' conditions; then g = d2L/dv dv.  The conditions on g are linear.  First come
the algebraic ones; where they leave a regular g, closed forms are tried; where none is found, the differential
conditions are differentiated until they leave no regular g or are involutive.

Source: J. Douglas, Trans. AMS 50 (1941) 71; W. Sarlet, J. Phys. A 15 (1982) 1503; M. Crampin, W. Sarlet, E. Martínez,
G. Byrnes, G. Prince, Inverse Problems 10 (1994) 245; I. Anderson, G. Thompson, Memoirs AMS 473 (1992).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from lagsym.mechanics.algebra.clear_ranks import BudgetError, Judge, UnclearRankError, doubles
from lagsym.mechanics.algebra.series_evaluation import NotRegularError
from lagsym.mechanics.inverse_problem.ansatz import CONSTANT, closed_multiplier
from lagsym.mechanics.inverse_problem.conditions import pairs
from lagsym.mechanics.inverse_problem.existence import EXISTS, IMPOSSIBLE, UNDECIDED, Existence, shown_rows
from lagsym.mechanics.inverse_problem.functions import nested_functions
from lagsym.mechanics.inverse_problem.local_fit import Accelerations
from lagsym.mechanics.inverse_problem.mixtures import is_definite, simplest_mixture
from lagsym.mechanics.inverse_problem.numeric_decision import find_numeric_multiplier
from lagsym.mechanics.inverse_problem.point_analysis import (
    Finding,
    algebraic_finding,
    differential_finding,
    may_depend_on_position_alone,
)
from lagsym.mechanics.inverse_problem.sampled_equations import Point, SampledEquations, sampled_equations
from lagsym.mechanics.inverse_problem.second_order_geometry import SecondOrderGeometry
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.sampling import Ranges

NEGLIGIBLE = 40
"""Entries that many binary digits below the largest are shown as zero."""
POINTS = 3
"""Points that are tried where ranks can't be told."""
ROUNDED = {"zero": 1e-9, "clear": 1e-6}
"""What counts as zero where the accelerations hold doubles, which were rounded when they were worked out."""


def find_multiplier(
    accelerations: Sequence[Any] | Accelerations, space: JetSpace, *, ranges: Ranges | None = None, budget: float = 30.0
) -> Existence:
    """Decide whether any Lagrangian L(t, q, v) gives these accelerations, near a random point.

    "impossible" is a proof at the point: every multiplier would satisfy conditions that only singular matrices do.
    "exists" rests on a multiplier in closed form that was checked, or on Cartan and Kähler's theorem at the point.

    Arguments:
        accelerations: a(t, q, v), one expression for each coordinate; numbers are drawn for any parameters.  Or a
            function a(q, v) of arrays of shape (N, n); see `find_numeric_multiplier`.
        space: the jet space of the coordinates.
        ranges: where the accelerations are defined, by the symbols' names.
        budget: seconds after which the answer is "undecided".

    Raises:
        InputError: the accelerations are not functions of t, q, v and parameters, or not finite in the ranges.

    >>> space = JetSpace(("x", "y"))
    >>> (x, y), (x_dot, y_dot) = space.positions, space.velocities
    >>> find_multiplier([-x - x_dot, -4 * y], space).multiplier
    Matrix([
    [exp(t), 0],
    [     0, 1]])
    >>> find_multiplier([x**2 + y**2, x], space).answer
    'impossible'
    """
    if callable(accelerations):
        return find_numeric_multiplier(accelerations, space, ranges=ranges, budget=budget)
    equations = sampled_equations(accelerations, space, ranges)
    if not equations.has_floats:
        return _decided(equations, Judge(budget=budget))
    # Doubles that stand for short decimals may be exact; if not, what they leave undone may be rounding.
    judge = Judge(budget=budget, **ROUNDED)
    exact = _decided(equations.in_decimals(), Judge(budget=budget / 2))
    return exact if exact.answer == EXISTS else _decided(equations, judge)


def _decided(equations: SampledEquations, judge: Judge) -> Existence:
    """The answer at the first random point at which all ranks can be told."""
    generator, reason = random.Random(1), ""
    equations = equations.in_ordinary_units()
    decision = _Decision(equations, equations.point(generator), judge)
    for _ in range(POINTS):
        try:
            return decision.existence(generator)
        except UnclearRankError as error:
            reason = str(error)
        except NotRegularError:
            reason = "the derivatives are not finite"
        except BudgetError:
            return decision.undecided(f"the {judge.budget:g} s that were allowed have passed")
        decision = _Decision(equations, equations.point(generator), judge)
    return decision.undecided(reason)


@dataclass(frozen=True, eq=False)
class _Decision:
    """The decision at one point."""

    equations: SampledEquations
    point: Point
    judge: Judge
    _expanded: dict[int, SecondOrderGeometry] = field(default_factory=dict)

    def existence(self, generator: random.Random) -> Existence:
        """The answer at the point; `generator` draws the point that has to confirm it."""
        algebraic = algebraic_finding(self._expand, self.equations.size, self.judge)[0]
        if algebraic.answer == IMPOSSIBLE:
            return self._impossible(algebraic)
        closed = self._closed(algebraic)
        if closed is not None:
            return self._exists_in_closed_form(closed, algebraic)
        finding = differential_finding(self._expand, algebraic, self.judge)
        if finding.answer == IMPOSSIBLE:
            return self._impossible(finding)
        if finding.answer == UNDECIDED:
            return self.undecided(f"{finding.order} derivatives of the conditions settled nothing")
        other = _Decision(self.equations, self.equations.point(generator), self.judge)
        again = other._finding()
        if (again.ranks, again.dimensions) != (finding.ranks, finding.dimensions):
            return self.undecided("two random points have different ranks")
        return self._exists_at_point(finding)

    def _finding(self) -> Finding:
        algebraic = algebraic_finding(self._expand, self.equations.size, self.judge)[0]
        return (
            algebraic if algebraic.answer == IMPOSSIBLE else differential_finding(self._expand, algebraic, self.judge)
        )

    def _expand(self, order: int) -> SecondOrderGeometry:
        if order not in self._expanded:
            self._expanded[order] = self.equations.scaled_geometry(self.point, order)
        return self._expanded[order]

    def _closed(self, finding: Finding) -> sp.Matrix | None:
        """A multiplier in closed form, for which half of the remaining time is allowed."""
        try:
            judge = self.judge.with_half_the_time()
            found = closed_multiplier(CONSTANT, self.equations, self.point, judge)
            if found is None and may_depend_on_position_alone(self._expand, finding, judge):
                lists = nested_functions(self.equations, judge)
                found = closed_multiplier(lists, self.equations, self.point, judge)
            return found
        except UnclearRankError:
            return None
        except BudgetError:
            self.judge.check_time()
            return None

    def _exists_in_closed_form(self, multiplier: sp.Matrix, finding: Finding) -> Existence:
        evaluation = self.equations.evaluation(self.point, 0, with_time=True)
        value = np.array([evaluation(entry).value for entry in multiplier.flat()], dtype=object)
        value = value.reshape(multiplier.shape)
        formula = self.equations.units.original(multiplier)
        sentence = f"exists: the {_kind(value)} multiplier {_shown(formula)} makes the equations variational"
        return self._exists(sentence, value, finding.ranks, "closed form", formula)

    def _exists_at_point(self, finding: Finding) -> Existence:
        weights = simplest_mixture(finding.values, self.judge)
        value = np.tensordot(np.array(weights, dtype=object), finding.values, axes=1)
        value[np.abs(value) < np.abs(value).max() >> NEGLIGIBLE] = 0
        sentence = (
            f"exists: the conditions on a multiplier are involutive at {self._where()} and leave regular values there, "
            f"such as the {_kind(value)} matrix {self._rows(value, 6)}; "
            "no closed form was found"
        )
        return self._exists(sentence, value, finding.ranks, "Cartan-Kähler")

    def _exists(
        self, sentence: str, value: np.ndarray, ranks: tuple[int, ...], method: str, multiplier: sp.Matrix | None = None
    ) -> Existence:
        if self.equations.has_floats:
            sentence += f" (to {self.judge.zero:.0e}, the numbers given being rounded)"
        rows = tuple(map(tuple, self._rows(value, 17)))
        return Existence(EXISTS, sentence, method, multiplier, rows, is_definite(value), self._numbers(), ranks)

    def _rows(self, value: np.ndarray, digits: int) -> list[list[float]]:
        """A matrix in the units of the coordinates as they came."""
        return shown_rows(doubles(value) * self.equations.units.weights.astype(float), digits)

    def _impossible(self, finding: Finding) -> Existence:
        left = "only g = 0" if not len(finding.values) else "only singular matrices g"
        if finding.order == 0:
            ranks = ", ".join(map(str, finding.ranks))
            names = _names(len(finding.ranks))
            reason = f"the conditions on a multiplier g that follow from {names} have rank {ranks} of {self._entries}"
        else:
            reason = f"the conditions on a multiplier g with their derivatives up to order {finding.order}"
        verb = "leave" if finding.order else "and leave"
        sentence = (
            f"impossible: {reason} {verb} {left} at {self._where()}, so that no Lagrangian gives these accelerations"
        )
        method = "algebraic conditions" if finding.order == 0 else "integrability conditions"
        return Existence(IMPOSSIBLE, sentence, method, point=self._numbers(), ranks=finding.ranks)

    def undecided(self, reason: str) -> Existence:
        """The answer where nothing could be proved."""
        sentence = f"undecided: {reason}"
        return Existence(UNDECIDED, sentence, "none", point=self._numbers())

    @property
    def _entries(self) -> int:
        return len(pairs(self.equations.size))

    def _numbers(self) -> dict[str, float]:
        units = self.equations.units.of
        return {s.name: float(x * units.get(s, 1)) for s, x in {**self.point, **self.equations.constants}.items()}

    def _where(self) -> str:
        return ", ".join(f"{name} = {x:.4g}" for name, x in self._numbers().items())


def _shown(multiplier: sp.Matrix) -> str:
    """A matrix in closed form with long numbers shortened."""
    return str(
        multiplier.xreplace({x: sp.Float(x, 6) for x in multiplier.atoms(sp.Number) if len(str(x)) > 8}).tolist()
    )


def _kind(value: np.ndarray) -> str:
    return "definite" if is_definite(value) else "indefinite"


def _names(steps: int) -> str:
    """Phi and its derivatives, as many as there are ranks."""
    names = ["Phi", "nabla Phi", *(f"nabla^{k} Phi" for k in range(2, steps))][:steps]
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
