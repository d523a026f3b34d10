"""Sparse regression on the columns and their products: no search in the dark, exact where the law is such a sum."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

from lagsym.distillation.engines.base import Budget, Engine, FormulaFront, Table, constant_front
from lagsym.distillation.engines.refit import best_sums, products
from lagsym.errors import InputError


@dataclass(frozen=True)
class SparseEngine(Engine):
    """Best sums of few products of columns.

    Arguments:
        degree: largest number of factors in a product.
        most_terms: products beyond this many are left out, by whole degrees; single columns never are.
        largest: largest number of terms in a formula.
    """

    degree: int = 4
    most_terms: int = 300
    largest: int = 12
    name: ClassVar[str] = "sparse"

    def __post_init__(self):
        if min(self.degree, self.most_terms, self.largest) < 1:
            raise InputError(f"degree, terms and length of a sparse regression must be positive, not {self}")

    def available(self) -> None:
        """Always: it needs NumPy only."""

    def search(self, table: Table, *, seed: int = 0, budget: Budget | None = None) -> FormulaFront:
        """The best sum of every length; nothing is random and nothing takes long, so seed and budget do not matter."""
        if table.is_constant:
            return constant_front(table, self.name)
        start = time.monotonic()
        terms, degree = products(table.symbols, degree=self.degree, most_terms=self.most_terms)
        formulas = tuple(best_sums(terms, table, largest=self.largest))
        message = "" if degree == self.degree else f"products of up to {degree} columns only, to keep the library small"
        return FormulaFront(formulas, self.name, time.monotonic() - start, message=message)
