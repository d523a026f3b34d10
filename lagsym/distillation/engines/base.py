"""Tables in, formulas out: what every engine of symbolic regression takes and gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from lagsym.errors import DataError, InputError

Array = NDArray[np.float64]

FEWEST_ROWS = 3
# Relative mean square errors below this are rounding, among which no ratio means anything.
ROUNDING = 1e-20


@dataclass(frozen=True, eq=False)
class Table:
    """A scalar target sampled beside the columns that a formula may use.

    Arguments:
        columns: names of the columns, all different.
        X: values of the columns, of shape (N, k), at least 3 rows.
        y: values of the target, of shape (N,); a constant target is allowed.
        name: what the target is called in messages.
        blocks: places of columns, in groups without overlap, where the target is known to be a sum of functions of one
            group each; empty where nothing is known. Engines may use it.

    Raises:
        DataError: shapes that do not fit, too few rows, numbers that are not finite.
        InputError: names that are empty or repeated, blocks that overlap or name no column.
    """

    columns: tuple[str, ...]
    X: Array = field(repr=False)
    y: Array = field(repr=False)
    name: str = "y"
    blocks: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self):
        for attribute in ("X", "y"):
            values = np.array(getattr(self, attribute), float)
            values.setflags(write=False)
            object.__setattr__(self, attribute, values)
        object.__setattr__(self, "columns", tuple(self.columns))
        if not self.columns or len(set(self.columns)) < len(self.columns) or not all(self.columns):
            raise InputError(f"table {self.name}: columns need different names, at least one, not {self.columns}")
        named = [place for block in self.blocks for place in block]
        if len(self.blocks) == 1 or not all(self.blocks) or len(set(named)) < len(named):
            raise InputError(f"table {self.name}: at least two blocks without overlap are needed, not {self.blocks}")
        if not set(named) <= set(range(len(self.columns))):
            raise InputError(f"table {self.name}: {len(self.columns)} columns have no places {self.blocks}")
        if self.X.ndim != 2 or self.y.shape != self.X.shape[:1] or self.X.shape[1] != len(self.columns):
            raise DataError(
                f"table {self.name}: X of shape (N, {len(self.columns)}) and y of shape (N,) are needed for "
                f"{len(self.columns)} columns, not {self.X.shape} and {self.y.shape}"
            )
        if len(self.y) < FEWEST_ROWS:
            raise DataError(f"table {self.name}: {len(self.y)} rows, at least {FEWEST_ROWS} are needed")
        bad = ~(np.isfinite(self.X).all(axis=1) & np.isfinite(self.y))
        if bad.any():
            rows = ", ".join(map(str, np.flatnonzero(bad)[:5]))
            raise DataError(f"table {self.name}: {bad.sum()} rows are not finite (first: {rows}); leave them out")

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The real symbols that formulas use for the columns."""
        return tuple(sp.Symbol(name, real=True) for name in self.columns)

    @property
    def scale(self) -> float:
        """The unit of mean square errors: the variance of y; where y is constant, its square, or one."""
        variance, square = float(np.var(self.y)), float(np.mean(self.y**2))
        return variance if variance > ROUNDING * square else square or 1.0

    @property
    def is_constant(self) -> bool:
        """Whether the target does not vary beyond rounding."""
        return bool(np.var(self.y) <= ROUNDING * np.mean(self.y**2))


@dataclass(frozen=True)
class Formula:
    """A formula for the target of a table.

    Arguments:
        expression: over real symbols that are named as the columns.
        complexity: nodes of the expression, fitted numbers counted double.
        loss: mean square error over the table in units of the target's variance; 1 is what a constant gets.
    """

    expression: sp.Expr
    complexity: float
    loss: float


@dataclass(frozen=True)
class FormulaFront:
    """What a search found: formulas from simple to precise.

    Arguments:
        formulas: by ascending complexity, each with a smaller loss than all before it.
        engine: name of the engine that found them.
        seconds: wall time of the search.
        status: "ok", or "partial" where the search was cut short.
        message: what the user should know, one sentence, or empty.
        passed_over: the engines that were preferred but cannot run, and why, or empty.
    """

    formulas: tuple[Formula, ...]
    engine: str
    seconds: float = 0.0
    status: Literal["ok", "partial"] = "ok"
    message: str = ""
    passed_over: str = ""

    def __post_init__(self):
        object.__setattr__(self, "formulas", pareto(self.formulas))

    def simplest(self, *, factor: float = 3.0, floor: float = ROUNDING) -> Formula:
        """The simplest formula whose loss is within a factor of the smallest.

        Arguments:
            factor: by how much the loss may exceed the smallest one.
            floor: losses below this are as good as this; the relative mean square error of the table itself.

        Raises:
            InputError: the front is empty.
        """
        if not self.formulas:
            raise InputError(f"the front of {self.engine} holds no formula to choose")
        limit = factor * max(min(formula.loss for formula in self.formulas), floor)
        return next(formula for formula in self.formulas if formula.loss <= limit)


@dataclass(frozen=True)
class Budget:
    """How long to search: work is counted, so that the same seed gives the same formulas; seconds only cap it.

    Arguments:
        generations: generations of each evolutionary search.
        seconds: cap on the wall time of one table.
        enough: loss at which no further search is begun, such as the relative mean square error of the table itself.
    """

    generations: int = 40
    seconds: float = 120.0
    enough: float = 0.0

    def __post_init__(self):
        if self.generations < 1 or not self.seconds > 0 or not self.enough >= 0:
            raise InputError(f"a budget needs at least one generation, positive seconds and a loss >= 0, not {self}")


class Engine(ABC):
    """A symbolic regression: tables in, formulas out, nothing of mechanics."""

    name: ClassVar[str]

    @abstractmethod
    def available(self) -> str | None:
        """None where the engine can run here; else one sentence that says why not. Costs next to nothing."""

    @abstractmethod
    def search(self, table: Table, *, seed: int = 0, budget: Budget | None = None) -> FormulaFront:
        """Search formulas for one table.

        Raises:
            InputError: the table cannot be used.
            UnavailableError: the engine cannot run here, or broke down without any formula.
        """

    def search_all(
        self, tables: Sequence[Table], *, seed: int = 0, budget: Budget | None = None
    ) -> tuple[FormulaFront, ...]:
        """Search formulas for several tables; engines with a costly start pay for it once."""
        return tuple(self.search(table, seed=seed, budget=budget) for table in tables)

    def apart(self) -> tuple[Engine, ...]:
        """Engines that do this one's work between them, each with other symbols: no formula then hides another's."""
        return (self,)


def complexity(expression: sp.Expr) -> int:
    """The number of nodes of an expression, fitted numbers counted double.

    An exact number is thereby simpler than a fitted one in the same place.

    >>> x = sp.Symbol("x", real=True)
    >>> complexity(2 * x), complexity(2.1 * x)
    (3, 4)
    """
    return sum(2 if node.is_Float else 1 for node in sp.preorder_traversal(expression))


def pareto(formulas: Sequence[Formula]) -> tuple[Formula, ...]:
    """The formulas that none of at most the same complexity beats, by ascending complexity."""
    front: list[Formula] = []
    for formula in sorted(formulas, key=lambda formula: (formula.complexity, formula.loss)):
        if np.isfinite(formula.loss) and (not front or formula.loss < front[-1].loss):
            front.append(formula)
    return tuple(front)


def constant_front(table: Table, engine: str) -> FormulaFront:
    """The front of a target that does not vary."""
    value = sp.Float(float(np.mean(table.y)), 17)
    loss = float(np.mean((table.y - float(value)) ** 2)) / table.scale
    message = f"{table.name} is constant"
    return FormulaFront((Formula(value, complexity(value), loss),), engine, message=message)
