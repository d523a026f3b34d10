"""Equations of fields that no Lagrangian binds: what a density has to explain as well.

    u_tt = a combination of u, its derivatives and products of them

fitted in weak form by ridge regression, which needs derivatives of the test functions only.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from jaxtyping import Float
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lagsym.data.weak_fields import Index
from lagsym.distillation.densities.evidence import SmoothField
from lagsym.distillation.libraries.density_terms import evaluate
from lagsym.mechanics.jetspace import JetSpace

TIME = 0
POWERS = 3
HIGHEST = 4
"""Order of the highest derivative along space."""
PENALTIES = np.geomspace(1e-10, 1.0, 11)


@dataclass(frozen=True)
class Column:
    """The derivative D^index of a function of the fields and their first derivatives."""

    factor: sp.Expr
    index: Index = ()


def columns(space: JetSpace, angles: frozenset[str]) -> list[Column]:
    """What u_tt may be a combination of: linear derivatives, functions of the fields, fluxes and products."""
    directions, fields = range(len(space.base)), space.positions
    found = []
    for name, u in zip(space.fields, fields, strict=True):
        own = [sp.sin(u), sp.cos(u)] if name in angles else [u**k for k in range(1, POWERS + 1)]
        found += [Column(function, index) for function in own for index in ((), *((mu,) for mu in directions))]
    found += [Column(u, (TIME, mu)) for u in fields for mu in directions[1:]]
    along = range(2, HIGHEST + 1)
    found += [
        Column(u, index)
        for u in fields
        for order in along
        for index in itertools.combinations_with_replacement(directions[1:], order)
    ]
    slopes = [space.symbol(i, (mu,)) for i in range(len(fields)) for mu in directions]
    pairs = [one * other for one, other in itertools.combinations_with_replacement(slopes, 2)]
    return [*found, *(Column(pair, index) for pair in pairs for index in ((), *((mu,) for mu in directions[1:])))]


def equations_misfit(
    learn: Sequence[SmoothField], held_out: Sequence[SmoothField], space: JetSpace, angles: frozenset[str]
) -> float:
    """Share of the mean square of u_tt, in weak form, that such equations leave on held-out fields; the worst field's.

    Arguments:
        learn: smoothed fields that they are fitted to.
        held_out: smoothed fields that they are judged on.
        space: the fields and their base.
        angles: fields that are angles.
    """
    terms = columns(space, angles)
    inputs, targets = _averages(learn, space, terms)
    others, measured = _averages(held_out, space, terms)
    left = []
    for i in range(len(space.fields)):
        regression = make_pipeline(StandardScaler(), RidgeCV(PENALTIES)).fit(inputs, targets[:, i])
        left.append(np.mean((regression.predict(others) - measured[:, i]) ** 2) / np.mean(measured[:, i] ** 2))
    return float(max(left))


def law_misfit(lagrangian: sp.Expr, space: JetSpace, held_out: Sequence[SmoothField]) -> float:
    """What a density leaves of the mean square of its own D_t dL/du_t, in weak form; the worst field's."""
    left = []
    for i in range(len(space.fields)):
        whole, size = [], []
        symbols = [(index, space.symbol(i, index)) for index in _indices(space, max(1, space.order(lagrangian)))]
        slopes = [(index, sp.diff(lagrangian, symbol)) for index, symbol in symbols]
        for part in held_out:
            values = evaluate([slope for _, slope in slopes], space, part.points)
            averages = {
                index: part.tests.integrate(value, index) for (index, _), value in zip(slopes, values, strict=True)
            }
            whole.append(np.sum(list(averages.values()), axis=0))
            size.append(averages[TIME,])
        left.append(np.mean(np.concatenate(whole) ** 2) / max(np.mean(np.concatenate(size) ** 2), 1e-300))
    return float(max(left))


def _indices(space: JetSpace, order: int) -> list[Index]:
    directions = range(len(space.base))
    return [index for k in range(order + 1) for index in itertools.combinations_with_replacement(directions, k)]


def _averages(
    smooth: Sequence[SmoothField], space: JetSpace, terms: Sequence[Column]
) -> tuple[Float[np.ndarray, "functions columns"], Float[np.ndarray, "functions fields"]]:
    """Every column and u_tt, averaged over the test functions of all records."""
    inputs, targets = [], []
    for part in smooth:
        values = evaluate([term.factor for term in terms], space, part.points)
        rows = [
            (-1) ** len(term.index) * part.tests.integrate(value, term.index)
            for term, value in zip(terms, values, strict=True)
        ]
        inputs.append(np.stack(rows, axis=1))
        fields = np.moveaxis(part.points[()], -1, 0)
        targets.append(np.stack([part.tests.integrate(u, (TIME, TIME)) for u in fields], axis=1))
    return np.concatenate(inputs), np.concatenate(targets)
