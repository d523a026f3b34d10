"""Existence: whether any Lagrangian gives certain accelerations, in numbers and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import sympy as sp

EXISTS = "exists"
IMPOSSIBLE = "impossible"
UNDECIDED = "undecided"


def shown_rows(matrix: np.ndarray, digits: int) -> list[list[float]]:
    """A matrix of doubles by rows, to so many digits.

    >>> shown_rows(np.array([[1 / 3, 2e-12]]), 3)
    [[0.333, 2e-12]]
    """
    return [[float(f"{x:.{digits}g}") for x in row] for row in matrix]


@dataclass(frozen=True)
class Existence:
    """The answer to the inverse problem of the calculus of variations, near a point.

    Arguments:
        answer: "exists", "impossible" or "undecided".
        sentence: the answer in words, with what it rests on.
        multiplier: a matrix g(t, q, v) in closed form with g (a - acceleration) = 0 variational, where one was found.
        value: a multiplier's value at the point, by rows, where one exists.
        definite: whether that value is definite; an indefinite one counts as well.
        point: the point, by the symbols' names, with the numbers drawn for parameters.
        ranks: the rank of the conditions from Phi, from Phi and nabla Phi, and so on, at the point.
        method: how it was decided.
    """

    answer: str
    sentence: str
    method: str
    multiplier: sp.Matrix | None = None
    value: tuple[tuple[float, ...], ...] | None = None
    definite: bool | None = None
    point: Mapping[str, float] = field(default_factory=dict)
    ranks: tuple[int, ...] = ()

    def _repr_latex_(self) -> str:
        from lagsym.mechanics.notation.notebook import existence_latex  # which imports this module

        return existence_latex(self)

    def __str__(self) -> str:
        return self.sentence
