"""What the conditions on a multiplier leave at one point: nothing, or values that extend to multipliers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lagsym.mechanics.algebra.clear_ranks import Judge
from lagsym.mechanics.algebra.power_series import ONE, count
from lagsym.mechanics.inverse_problem.conditions import (
    AlgebraicConditions,
    algebraic_conditions,
    allowed_values,
    family,
    numbers,
)
from lagsym.mechanics.inverse_problem.existence import EXISTS, IMPOSSIBLE, UNDECIDED
from lagsym.mechanics.inverse_problem.mixtures import holds_regular
from lagsym.mechanics.inverse_problem.prolongation import (
    Prolonged,
    differential_conditions,
    is_involutive,
    parallel_conditions,
    prolong,
)
from lagsym.mechanics.inverse_problem.second_order_geometry import SecondOrderGeometry

LARGEST = 800
"""At most so many derivatives are eliminated."""
DERIVATIVES = 6
"""Highest order of derivatives of g that is looked at."""

Expansion = Callable[[int], SecondOrderGeometry]
"""The geometry about the point, from accelerations up to the given order."""


@dataclass(frozen=True, eq=False)
class Finding:
    """What was found at a point.

    Arguments:
        answer: "exists", "impossible" or "undecided".
        values: a basis of the values g at the point that are left, as long numbers of shape (members, n, n).
        ranks: of the algebraic conditions.
        order: the order of derivatives of g that decided; 0 for the algebraic conditions.
        dimensions: how many derivatives of g up to each order are left free.
    """

    answer: str
    values: np.ndarray
    ranks: tuple[int, ...]
    order: int = 0
    dimensions: tuple[int, ...] = ()


def algebraic_finding(expand: Expansion, n: int, judge: Judge) -> tuple[Finding, AlgebraicConditions]:
    """Take derivatives along the motion until the algebraic conditions are complete.

    Raises:
        UnclearRankError: a rank can't be told.
        BudgetError: the time has passed.
    """
    order = 4
    conditions = algebraic_conditions(expand(order), judge)
    while not conditions.complete:
        order += 1
        conditions = algebraic_conditions(expand(order), judge)
    values = allowed_values(conditions.values, n, judge)
    answer = UNDECIDED if holds_regular(values, judge) else IMPOSSIBLE
    return Finding(answer, values, conditions.ranks), conditions


def differential_finding(expand: Expansion, first: Finding, judge: Judge) -> Finding:
    """Prolong the differential conditions until they leave no regular value, or are involutive.

    Arguments:
        expand: the geometry about the point.
        first: what the algebraic conditions left there.
        judge: what counts as zero.

    Raises:
        UnclearRankError: a rank can't be told.
        BudgetError: the time has passed.
    """
    unknowns, n = first.values.shape[:2]
    before, last = None, first
    for order in range(1, DERIVATIVES + 1):
        if unknowns * count(2 * n, order) > LARGEST:
            break
        geometry, members = _family(expand, len(first.ranks), order, judge)
        equations = differential_conditions(members, geometry)
        if not equations:
            return Finding(EXISTS, first.values, first.ranks)
        prolonged = prolong(equations, 2 * n, order, judge)
        values = _matrices(prolonged.values(judge), members)
        sizes = tuple(prolonged.dimension(k) for k in range(order + 1))
        last = Finding(UNDECIDED, values, first.ranks, order, sizes)
        if not holds_regular(values, judge):
            return _answered(last, IMPOSSIBLE)
        if before is not None and _settled(before, prolonged, judge):
            return _answered(last, EXISTS)
        before = prolonged
    return last


def may_depend_on_position_alone(expand: Expansion, first: Finding, judge: Judge) -> bool:
    """Whether the conditions leave a regular multiplier that does not depend on the velocities, at any time.

    All its first derivatives by (q, v) are then given, so that the second settle it.

    Raises:
        UnclearRankError: a rank can't be told.
        BudgetError: the time has passed.
    """
    unknowns, n = first.values.shape[:2]
    order = 2 if unknowns * count(2 * n, 2) <= LARGEST else 1
    geometry, members = _family(expand, len(first.ranks), order, judge)
    prolonged = prolong(parallel_conditions(members, geometry), 2 * n, order, judge)
    return holds_regular(_matrices(prolonged.values(judge), members), judge)


def _answered(finding: Finding, answer: str) -> Finding:
    return Finding(answer, finding.values, finding.ranks, finding.order, finding.dimensions)


def _family(expand: Expansion, steps: int, order: int, judge: Judge) -> tuple[SecondOrderGeometry, np.ndarray]:
    """The geometry, and a basis of the matrices that the algebraic conditions leave, to an order."""
    geometry = expand(steps + 1 + order)
    return geometry, family(algebraic_conditions(geometry, judge), geometry, order)


def _matrices(weights: np.ndarray, members: np.ndarray) -> np.ndarray:
    return np.tensordot(weights, numbers(members), axes=1) // ONE


def _settled(before: Prolonged, after: Prolonged, judge: Judge) -> bool:
    """Whether at some order nothing new follows any more, and the symbol is involutive."""
    return any(
        before.dimension(order) == after.dimension(order)
        and is_involutive(before.symbol(order), before.unknowns, before.variables, order, judge)
        for order in range(1, before.order + 1)
    )
