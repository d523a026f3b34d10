"""Functions of the positions out of which a multiplier may be made."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import sympy as sp

from lagsym.mechanics.algebra.clear_ranks import Judge, echelon
from lagsym.mechanics.algebra.series_evaluation import NotRegularError
from lagsym.mechanics.inverse_problem.conditions import pairs
from lagsym.mechanics.inverse_problem.sampled_equations import SampledEquations

UNKNOWNS = 150
"""At most so many coefficients are solved for."""
DEGREE = 4
"""Highest degree of the products that are tried."""


def nested_functions(equations: SampledEquations, judge: Judge) -> Iterator[list[sp.Expr]]:
    """Ever more products of the positions and of what the accelerations are made of, the constant 1 first.

    The functions of one list are linearly independent.  They hold no velocities, as a natural Lagrangian's mass matrix
    holds none.

    Raises:
        UnclearRankError: whether they are independent can't be told.
    """
    products: list[Any] = [sp.S.One]
    parts = _parts(equations)
    room = UNKNOWNS // len(pairs(equations.size))
    for degree in range(1, DEGREE + 1):
        new = (sp.Mul(*factors) for factors in itertools.combinations_with_replacement(parts, degree))
        tried = list(dict.fromkeys([*products, *new]))
        if len(tried) > room:
            return
        products = _independent(tried, equations, judge)
        yield products


def _parts(equations: SampledEquations) -> list[Any]:
    """The positions, and the functions, roots and reciprocals of positions and time, that the accelerations hold."""
    allowed = {*equations.space.positions, *equations.space.base_symbols}
    found: set[Any] = set()
    free: set[Any] = set()
    for a in equations.accelerations:
        free |= a.free_symbols
        found |= a.atoms(sp.Function)
        found |= {power for power in a.atoms(sp.Pow) if not power.exp.is_Integer}
        found |= {1 / power.base for power in a.atoms(sp.Pow) if power.exp.is_negative and power.base.is_Symbol}
    moving = {*allowed, *equations.space.velocities}
    usable = [part for part in found if (symbols := part.free_symbols & moving) and symbols <= allowed]
    positions = [q for q in equations.space.positions if q in free]
    return [*positions, *sorted(usable, key=lambda part: (part.count_ops(), str(part)))]


def _independent(functions: list[Any], equations: SampledEquations, judge: Judge) -> list[Any]:
    """Those that are no combination of the functions before them."""
    generator = random.Random(13)
    rows = []
    while len(rows) < len(functions) + 2:
        evaluation = equations.evaluation(equations.point(generator), 0)
        try:
            rows.append([evaluation(function).value for function in functions])
        except NotRegularError:
            continue
    columns = echelon(np.array(rows, dtype=object), [len(functions)], judge)[0].columns
    return [functions[column] for column in columns]
