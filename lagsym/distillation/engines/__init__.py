"""Engines of symbolic regression: tables in, formulas out; they know nothing of mechanics."""

from lagsym.distillation.engines.base import Budget, Engine, Formula, FormulaFront, Table
from lagsym.distillation.engines.registry import availability, engine

__all__ = ["Budget", "Engine", "Formula", "FormulaFront", "Table", "availability", "engine"]
