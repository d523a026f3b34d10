"""Operon: genetic programming in C++, with a portfolio of small symbol sets.

One large symbol set finds surrogates (an exponential where a root stands); several small ones, each searched shortly,
find the structure, and the front over all of them tells which. Operon calculates in single precision, so only its
structures are used: the numbers are fitted again in double precision.

Source: Burlacu, Kronberger and Kommenda, Operon C++: an efficient genetic programming framework for symbolic
regression, GECCO (2020) 1562.
"""

from __future__ import annotations

import importlib.util
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import sympy as sp

from lagsym.distillation.engines.base import Budget, Engine, FormulaFront, Table, constant_front
from lagsym.distillation.engines.refit import common_terms, polish
from lagsym.distillation.engines.scaled import ScaledTable
from lagsym.errors import InputError, UnavailableError

PORTFOLIO: Mapping[str, tuple[str, ...]] = {
    "polynomial": (),
    "rational": ("Div",),
    "root": ("Sqrt", "Div"),
    "exponential": ("Exp", "Div"),
}
ALWAYS = ("Add", "Sub", "Mul", "Constant", "Variable")
FUNCTIONS: Mapping[str, Any] = {"Exp": sp.exp, "Log": sp.log, "Sin": sp.sin, "Cos": sp.cos, "Sqrt": sp.sqrt}
LONGEST_FORMULA = 40
SHORT_FORMULA = 25
"""Nodes of a formula where each symbol set is searched by itself: what is longer is a mimicry."""
ROWS_PER_COLUMN = 100
"""A curve needs fewer rows than a surface."""


@dataclass(frozen=True)
class OperonEngine(Engine):
    """Operon over a portfolio of symbol sets.

    Arguments:
        symbol_sets: names of Operon's node types beside +, -, * and numbers, one tuple for each search.
        population: individuals in each search.
        rows: most rows that the search sees, drawn from the table; the numbers are fitted to all of them.
        largest: largest number of nodes of a formula.
        common: whether terms that laws often have are offered beside those that the search finds.
        own: whether only formulas are given that hold the first function of their symbol set: within the error of a
            table those without it mimic the others, at less complexity.
    """

    symbol_sets: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(PORTFOLIO))
    population: int = 1000
    rows: int = 250
    largest: int = LONGEST_FORMULA
    common: bool = True
    own: bool = False
    name: ClassVar[str] = "operon"

    def __post_init__(self):
        unknown = {symbol for symbols in self.symbol_sets.values() for symbol in symbols} - {
            "Div",
            "Square",
            *FUNCTIONS,
        }
        if unknown or not self.symbol_sets:
            allowed = ", ".join(sorted({"Div", "Square", *FUNCTIONS}))
            raise InputError(f"symbol sets for Operon are made of {allowed}, not {sorted(unknown)}")
        if min(self.population, self.rows, self.largest) < 10:
            raise InputError("Operon needs a population, rows and a largest size of at least 10")

    def available(self) -> str | None:
        """None where pyoperon is installed."""
        if importlib.util.find_spec("pyoperon") is None:
            return "Operon is not installed; `pip install pyoperon` brings it"
        return None

    def apart(self) -> tuple[Engine, ...]:
        """One engine for each symbol set; where there are more symbols than + and *, with what these find alone."""
        return tuple(
            replace(
                self,
                symbol_sets={name: symbols},
                common=self.common and not symbols,
                own=bool(symbols),
                largest=min(self.largest, SHORT_FORMULA),
            )
            for name, symbols in self.symbol_sets.items()
        )

    def search(self, table: Table, *, seed: int = 0, budget: Budget | None = None) -> FormulaFront:
        """Search formulas with every symbol set, then fit all numbers in double precision.

        Raises:
            UnavailableError: pyoperon is not installed.
        """
        reason = self.available()
        if reason is not None:
            raise UnavailableError(reason)
        if table.is_constant:
            return constant_front(table, self.name)
        budget = budget or Budget()
        start = time.monotonic()
        scaled = ScaledTable.of(table, rows=min(self.rows, ROWS_PER_COLUMN * len(table.columns)), seed=seed)
        extra = common_terms(table) if self.common else []
        structures: list[sp.Expr] = []
        capped = []
        for label, symbols in self.symbol_sets.items():
            seconds = max(1, math.ceil(budget.seconds / len(self.symbol_sets)))
            found, generations = _evolve(self, scaled, symbols, seed, (budget.generations, seconds))
            structures += [scaled.restored(expression) for expression in found]
            if generations < budget.generations:
                capped.append(label)
            if budget.enough and min(f.loss for f in polish(structures, table, extra=extra)) <= budget.enough:
                break
        formulas = polish(structures, table, extra=extra, wanted=self._wanted)
        message = f"the cap of {budget.seconds:g} s cut short: {', '.join(capped)}" if capped else ""
        status = "partial" if capped else "ok"
        return FormulaFront(formulas, self.name, time.monotonic() - start, status, message)

    def _wanted(self, expression: sp.Expr) -> bool:
        return not self.own or any(_holds(expression, symbols[0]) for symbols in self.symbol_sets.values() if symbols)


def _holds(expression: sp.Expr, symbol: str) -> bool:
    """Whether a formula holds the function of a node type."""
    powers = [power.exp for power in expression.atoms(sp.Pow) if power.free_symbols]
    if symbol == "Sqrt":
        return any(exponent.is_number and not exponent.is_integer for exponent in powers)
    if symbol in {"Div", "Square"}:
        return any(exponent.is_number and exponent.is_negative == (symbol == "Div") for exponent in powers)
    return expression.has(FUNCTIONS[symbol])


def _evolve(
    engine: OperonEngine, scaled: ScaledTable, symbols: tuple[str, ...], seed: int, work: tuple[int, int]
) -> tuple[list[sp.Expr], int]:
    """One search: its front as expressions over neutral symbols, and the generations done.

    Operon keeps raw pointers to what it is given, so every object needs a Python name until the search is over: a
    temporary would be freed under its feet.
    """
    op: Any = importlib.import_module("pyoperon")
    generations, seconds = work
    data = np.asfortranarray(np.column_stack([scaled.X, scaled.y]), dtype=np.float32)
    dataset = op.Dataset(data)
    variables = sorted(dataset.Variables, key=lambda variable: variable.Index)
    inputs = [variable.Hash for variable in variables[:-1]]
    problem = op.Problem(dataset)
    everything = op.Range(0, dataset.Rows)
    problem.TrainingRange, problem.TestRange = everything, op.Range(dataset.Rows - 1, dataset.Rows)
    problem.Target, problem.InputHashes = variables[-1], inputs
    configuration = 0
    for symbol in (*ALWAYS, *symbols):
        configuration |= int(getattr(op.NodeType, symbol))
    problem.ConfigurePrimitiveSet(configuration)
    operators = _operators(op, problem, inputs, engine)
    generator = op.BasicOffspringGenerator(
        operators["evaluator"],
        operators["crossover"],
        operators["mutation"],
        operators["female"],
        operators["male"],
        operators["local"],
    )
    reinserter = op.KeepBestReinserter(operators["comparison"])
    sorter = op.RankSorter()
    settings = op.GeneticAlgorithmConfig(
        generations=generations,
        max_evaluations=10**9,
        local_iterations=5,
        population_size=engine.population,
        pool_size=engine.population,
        p_crossover=1.0,
        p_mutation=0.25,
        p_local=0.5,
        p_lamarck=1.0,
        epsilon=1e-6,
        seed=seed,
        max_time=seconds,
    )
    algorithm = op.NSGA2Algorithm(
        settings, problem, operators["initializer"], operators["coefficients"], generator, reinserter, sorter
    )
    algorithm.Run(op.RandomGenerator(np.uint64(seed)), None, 1, False)
    names = dict(zip(inputs, scaled.symbols, strict=True))
    front = []
    for individual in algorithm.BestFront:
        values = np.asarray(op.Evaluate(operators["table"], individual.Genotype, dataset, everything))
        if np.isfinite(values).all():
            front.append(_expression(individual.Genotype.Nodes, names))
    return front, int(algorithm.Generation)


def _operators(op: Any, problem: Any, inputs: list[int], engine: OperonEngine) -> dict[str, Any]:
    """The parts of the algorithm, by name; the caller keeps them alive."""
    depth, length, primitives = 10, engine.largest, problem.PrimitiveSet
    kept: dict[str, Any] = {"primitives": primitives, "table": op.DispatchTable()}
    kept["creator"] = op.BalancedTreeCreator(primitives, inputs, 0.0)
    kept["coefficients"] = op.NormalCoefficientInitializer()
    kept["coefficients"].ParameterizeDistribution(0, 1)
    kept["optimizer"] = op.LMOptimizer(kept["table"], problem, 5, 0)
    kept["error"] = op.Evaluator(problem, kept["table"], op.MSE(), True)
    kept["length"] = op.LengthEvaluator(problem)
    kept["evaluator"] = op.MultiEvaluator(problem)
    for evaluator in (kept["error"], kept["length"]):
        evaluator.Budget = 10**9
        kept["evaluator"].Add(evaluator)
    kept["evaluator"].Budget = 10**9
    kept["comparison"] = op.CrowdedComparison()
    for parent in ("female", "male"):
        kept[parent] = op.TournamentSelector(kept["comparison"])
        kept[parent].TournamentSize = 5
    kept["crossover"] = op.SubtreeCrossover(0.9, depth, length)
    kept["point"], kept["points"] = op.NormalOnePointMutation(), op.NormalMultiPointMutation()
    kept["point"].ParameterizeDistribution(0, 1)
    kept["points"].ParameterizeDistribution(0, 1)
    kept["variable"] = op.ChangeVariableMutation(inputs)
    kept["function"] = op.ChangeFunctionMutation(primitives)
    kept["replace"] = op.ReplaceSubtreeMutation(kept["creator"], kept["coefficients"], depth, length)
    kept["insert"] = op.InsertSubtreeMutation(kept["creator"], kept["coefficients"], depth, length)
    kept["remove"] = op.RemoveSubtreeMutation(primitives)
    kept["mutation"] = op.MultiMutation()
    for mutation in ("point", "points", "variable", "function", "replace", "insert", "remove"):
        kept["mutation"].Add(kept[mutation], 1.0)
    kept["local"] = op.CoefficientOptimizer(kept["optimizer"])
    kept["initializer"] = op.UniformLengthTreeInitializer(kept["creator"])
    kept["initializer"].ParameterizeDistribution(primitives.FunctionArityLimits()[0] + 1, 10)
    kept["initializer"].MinDepth, kept["initializer"].MaxDepth = 1, 1000
    return kept


def _expression(nodes: Any, names: Mapping[int, sp.Symbol]) -> sp.Expr:
    """An expression from nodes in postfix order; every node but a constant carries a factor.

    The text that Operon prints has few digits, so the nodes are read instead. The first operand is the last one
    pushed.
    """
    stack: list[Any] = []
    for node in nodes:
        if node.IsConstant:
            stack.append(sp.Float(float(node.Value), 17))
            continue
        if node.IsVariable:
            value = names[node.HashValue]
        else:
            value = _operation(str(node.Type).rsplit(".", 1)[-1], [stack.pop() for _ in range(node.Arity)])
        factor = float(node.Value)
        stack.append(value if factor == 1 else sp.Float(factor, 17) * value)
    return stack.pop()


def _operation(kind: str, operands: list[Any]) -> sp.Expr:
    first, rest = operands[0], operands[1:]
    if kind == "Add":
        return sp.Add(*operands)
    if kind == "Mul":
        return sp.Mul(*operands)
    if kind == "Sub":
        return first - sp.Add(*rest) if rest else -first
    if kind == "Div":
        return first / sp.Mul(*rest) if rest else 1 / first
    return first**2 if kind == "Square" else FUNCTIONS[kind](first)
