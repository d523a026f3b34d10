"""Tables as evolutionary searches want them: neutral names, order one, few rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from lagsym.distillation.engines.base import Array, Table


@dataclass(frozen=True, eq=False)
class ScaledTable:
    """Some rows of a table, with a standardised target and columns of order one, named x0, x1, ...

    Engines have absolute tolerances and reserved names; the target's scale is left to the later fit of the numbers.

    Arguments:
        table: the table.
        X: scaled columns, of shape (n, k).
        y: target of mean zero and variance one over the whole table, of shape (n,).
        scales: what the columns were divided by, of shape (k,); one where they were of order one anyway.
    """

    table: Table
    X: Array
    y: Array
    scales: Array

    @classmethod
    def of(cls, table: Table, *, rows: int, seed: int) -> ScaledTable:
        """Draw at most so many rows from a table whose target is not constant."""
        chosen = np.arange(len(table.y))
        if len(chosen) > rows:
            chosen = np.sort(np.random.default_rng(seed).choice(len(chosen), rows, replace=False))
        sizes = np.sqrt(np.mean(table.X**2, axis=0))
        scales = np.where((sizes > 0) & ((sizes < 0.1) | (sizes > 10)), sizes, 1.0)
        target = (table.y - np.mean(table.y)) / np.std(table.y)
        return cls(table, (table.X / scales)[chosen], target[chosen], scales)

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The neutral symbols x0, x1, ..., real."""
        return tuple(sp.Symbol(f"x{i}", real=True) for i in range(len(self.scales)))

    def restored(self, expression: sp.Expr) -> sp.Expr:
        """An expression over the neutral symbols in the table's own columns."""
        columns: list[Any] = [
            symbol if scale == 1 else symbol / sp.Float(float(scale), 17)
            for symbol, scale in zip(self.table.symbols, self.scales, strict=True)
        ]
        restored: Any = expression.xreplace(dict(zip(self.symbols, columns, strict=True)))
        return restored
