"""Engines by name, and the one that takes what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from lagsym.distillation.engines.base import Budget, Engine, FormulaFront, Table
from lagsym.distillation.engines.operon import OperonEngine
from lagsym.distillation.engines.pysr import PySREngine
from lagsym.distillation.engines.sparse import SparseEngine
from lagsym.errors import InputError, UnavailableError


@dataclass(frozen=True)
class AutoEngine(Engine):
    """The first engine of several that can run; what was passed over and why is in the front's `passed_over`.

    Arguments:
        engines: in order of preference.
    """

    engines: tuple[Engine, ...] = field(default_factory=lambda: (PySREngine(), OperonEngine(), SparseEngine()))
    name: ClassVar[str] = "auto"

    def available(self) -> str | None:
        """None where any of the engines can run."""
        reasons = [engine.available() for engine in self.engines]
        return None if None in reasons else "; ".join(reason for reason in reasons if reason)

    def apart(self) -> tuple[Engine, ...]:
        """Those of the first engine that can run, each with the others to fall back on."""
        for place, engine in enumerate(self.engines):
            if engine.available() is None:
                before, after = self.engines[:place], self.engines[place + 1 :]
                return tuple(AutoEngine((*before, part, *after)) for part in engine.apart())
        return (self,)

    def search(self, table: Table, *, seed: int = 0, budget: Budget | None = None) -> FormulaFront:
        """Search with the first engine that works.

        Raises:
            UnavailableError: none does.
        """
        return self.search_all((table,), seed=seed, budget=budget)[0]

    def search_all(
        self, tables: Sequence[Table], *, seed: int = 0, budget: Budget | None = None
    ) -> tuple[FormulaFront, ...]:
        """Search all tables with the first engine that works; where it has no formula for one, with the next.

        Raises:
            UnavailableError: none does.
        """
        passed: list[str] = []
        found: dict[int, FormulaFront] = {}
        for candidate in self.engines:
            left = [k for k in range(len(tables)) if k not in found or not found[k].formulas]
            if not left:
                break
            try:
                fronts = candidate.search_all([tables[k] for k in left], seed=seed, budget=budget)
            except UnavailableError as error:
                passed.append(f"{candidate.name} was passed over: {error}")
                continue
            for k, front in zip(left, fronts, strict=True):
                before = (found[k].message,) if k in found and found[k].message else ()
                found[k] = replace(front, passed_over="; ".join((*passed, *before)))
        if len(found) < len(tables):
            raise UnavailableError("; ".join(passed))
        return tuple(found[k] for k in range(len(tables)))


ENGINES: dict[str, type[Engine]] = {
    engine.name: engine for engine in (AutoEngine, SparseEngine, OperonEngine, PySREngine)
}


def engine(name: str) -> Engine:
    """The engine of this name with its default options: "auto", "sparse", "operon" or "pysr".

    Raises:
        InputError: no engine has this name.

    >>> engine("sparse").name
    'sparse'
    """
    if name not in ENGINES:
        raise InputError(f"an engine is one of {', '.join(ENGINES)}, not {name!r}")
    return ENGINES[name]()


def availability() -> dict[str, str | None]:
    """For each engine None where it can run, else why not and how to get it; nothing is started."""
    return {name: ENGINES[name]().available() for name in ENGINES}
