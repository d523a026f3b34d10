"""The conditions on a variational symmetry, as numbers at random points.

With E the Euler–Lagrange expressions, X is a (divergence) symmetry, E[pr X(L) + L Div tau] = 0, exactly if

    pr X(E_i) + E_i Div tau + sum_j E_j deta^j/du_i = 0

at every point of the jet space.  The conditions are linear in the generator.  The source is P. J. Olver, Applications
of Lie Groups to Differential Equations, 2nd ed., sections 5.3 and 5.4; the second form follows from the first because
the Euler–Lagrange expressions of Q.E are those of the varied Lagrangian.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.calculus import euler_lagrange
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.sampling import (
    Ranges,
    decimal,
    defined_points,
    parameter_symbols,
    random_point,
    sampling_ranges,
)
from lagsym.mechanics.symmetry.generators import Generator

DIGITS = 70
TOLERANCE, ROUGH_TOLERANCE = 1e-30, 1e-9
"""What is zero where the Lagrangian is exact, and where it holds decimal numbers."""
CHECKED_POINTS = 3
PROLONGED, MIXED, CHARACTERISTIC = "prolonged", "mixed", "characteristic"
"""Kinds of changes: they multiply the derivatives of E, E itself, and E or the forces."""
Matrix = np.ndarray
"""An array of mpmath's numbers, of dtype object."""


@dataclass(frozen=True)
class Sampler:
    """Random points at which expressions over a jet space have real, finite values.

    Arguments:
        space: the jet space.
        symbols: base coordinates, fields and derivatives to the order of the expressions.
        parameters: the symbols that are not of the jet space.
        ranges: where to draw them from, by name.
        tolerance: what is zero.
    """

    space: JetSpace
    symbols: tuple[sp.Symbol, ...]
    parameters: tuple[sp.Symbol, ...]
    ranges: Ranges
    tolerance: float

    def parameter_values(self, generator: random.Random) -> list[Any]:
        """A random value of each parameter."""
        return [decimal(x) for x in random_point(self.parameters, self.ranges, generator)]

    def compiled(self, expressions: Sequence[Any]) -> Callable:
        """The expressions as one function of a point, which holds the values of all symbols and parameters."""
        return sp.lambdify((*self.symbols, *self.parameters), list(expressions), "mpmath", cse=True)

    def values(
        self, function: Callable, count: int, generator: random.Random, fixed: Sequence[Any] | None = None
    ) -> Iterator[Matrix]:
        """The values of a compiled function at random points; parameters are drawn for each point unless `fixed`.

        Raises:
            InputError: there are fewer than `count` points with real, finite values among many.
        """
        symbols = (*self.symbols, *(self.parameters if fixed is None else ()))
        there = partial(_with_last, function, fixed or ())
        try:
            for _, values in defined_points(there, symbols, self.ranges, generator, count):
                yield np.array(values, dtype=object)
        except InputError as error:
            msg = (
                "the Lagrangian's equations of motion are not real and finite at enough random points; "
                "give `points`: intervals of coordinates, velocities, time and parameters in which they are"
            )
            raise InputError(msg) from error

    def vanishes(self, expression: Any) -> bool:
        """Whether an expression is zero at random points, measured by the sizes of its terms."""
        terms = sp.Add.make_args(expression)
        if terms == (0,):
            return True
        with mpmath.workdps(DIGITS):
            values = self.values(self.compiled(terms), CHECKED_POINTS, random.Random(5))
            return all(abs(mpmath.fsum(x)) <= self.tolerance * mpmath.fsum(abs(x)) for x in values)


def make_sampler(expressions: Sequence[Any], space: JetSpace, ranges: Ranges | None) -> Sampler:
    """A sampler for expressions over a jet space and parameters."""
    order = max(1, *(space.order(part) for part in expressions))
    indices = {symbol: space.key(symbol) for symbol in space.names.values()}
    symbols = tuple(symbol for symbol, key in indices.items() if key is None or len(key[1]) <= order)
    parameters = parameter_symbols(expressions, space)
    rough = any(part.has(sp.Float) for part in expressions)
    tolerance = ROUGH_TOLERANCE if rough else TOLERANCE
    return Sampler(space, symbols, parameters, sampling_ranges(space, parameters, ranges), tolerance)


def _with_last(function: Callable, last: Sequence[Any], *first: Any) -> Any:
    return function(*first, *last)


@dataclass(frozen=True)
class SymmetryConditions:
    """The linear conditions on the coefficients of a combination of generators.

    Arguments:
        generators: what is combined.
        sampler: where the conditions are taken.
        function: compiled function of a point that gives E, the applied forces, the derivatives of E by base and jets,
            and then whatever is not zero in the changes that the generators make.
        places: for each of these changes, its kind, generator, row and column.
        size: the numbers of equations, and of base coordinates and jets by which E is differentiated.
        unit: the size of the terms of E, next to which what cancels is told from what is small.
    """

    generators: tuple[Generator, ...]
    sampler: Sampler
    function: Callable
    places: tuple[tuple[str, int, int, int], ...]
    size: tuple[int, int]
    unit: Any

    def rows(self, count: int, generator: random.Random, fixed: Sequence[Any] | None = None) -> Matrix:
        """The conditions at `count` points, of shape (rows, generators): those on E, then no work of the forces."""
        return np.concatenate([block[:-1] for block in self._blocks(count, generator, fixed)])

    def works(self, count: int, generator: random.Random, fixed: Sequence[Any]) -> Matrix:
        """Q.E of every generator, up to its sign the divergence of its current, of shape (count, generators)."""
        return np.array([block[-1] for block in self._blocks(count, generator, fixed)])

    def _blocks(self, count: int, generator: random.Random, fixed: Sequence[Any] | None) -> Iterator[Matrix]:
        """The conditions on each E_i, then Q.F and Q.E, for each generator at one point after another."""
        n, columns = self.size
        dense = n * (2 + columns)
        for values in self.sampler.values(self.function, count, generator, fixed):
            equations, forces, jacobian = np.split(values[:dense], [n, 2 * n])
            jacobian = jacobian.reshape(n, columns)
            block = np.full((n + 2, len(self.generators)), mpmath.mpf(0), dtype=object)
            for (kind, member, row, column), change in zip(self.places, values[dense:], strict=True):
                if kind == PROLONGED:
                    block[:n, member] += jacobian[:, column] * change
                elif kind == MIXED:
                    block[row, member] += equations[column] * change
                else:
                    block[n:, member] += np.array([forces[column], equations[column]]) * change
            yield block / self.unit


def symmetry_conditions(
    lagrangian: Any, space: JetSpace, generators: Sequence[Generator], forces: Sequence[Any], ranges: Ranges | None
) -> SymmetryConditions:
    """Compile the conditions under which combinations of generators are symmetries along which no force does work.

    Arguments:
        lagrangian: the Lagrangian (density), with symbolic parameters or without.
        space: the jet space that it is written in.
        generators: what is combined.
        forces: what the equations of motion hold besides E, one expression for each field.
        ranges: where all is defined, by the symbols' names.
    """
    equations = euler_lagrange(lagrangian, space)
    sampler = make_sampler((lagrangian, *equations, *forces), space, ranges)
    free: Any = {symbol for equation in equations for symbol in equation.free_symbols}
    jets = sorted((symbol for symbol in free if space.key(symbol)), key=str)
    columns = (*space.base_symbols, *jets)
    jacobian = [sp.diff(equation, symbol) for equation in equations for symbol in columns]
    changes = {
        (kind, k, row, column): change
        for k, generator in enumerate(generators)
        for kind, table in _changes(generator, space, jets).items()
        for row, entries in enumerate(table)
        for column, change in enumerate(entries)
        if change != 0
    }
    return SymmetryConditions(
        generators=tuple(generators),
        sampler=sampler,
        function=sampler.compiled([*equations, *forces, *jacobian, *changes.values()]),
        places=tuple(changes),
        size=(len(equations), len(columns)),
        unit=_largest_term((*equations, *forces), sampler),
    )


def _largest_term(expressions: Sequence[Any], sampler: Sampler) -> Any:
    terms = [term for expression in expressions for term in sp.Add.make_args(expression)]
    with mpmath.workdps(DIGITS):
        values = next(sampler.values(sampler.compiled(terms), 1, random.Random(6)))
        return max(map(abs, values)) or mpmath.mpf(1)


def _changes(generator: Generator, space: JetSpace, jets: Sequence[sp.Symbol]) -> dict[str, list[list[Any]]]:
    """How base and jets change, the matrix delta_ij Div tau + deta^j/du_i, and the characteristic."""
    keys: Any = [space.key(symbol) for symbol in jets]
    growth = generator.divergence(space)
    return {
        PROLONGED: [[*generator.tau, *(generator.prolonged(space, *key) for key in keys)]],
        MIXED: [
            [sp.diff(change, u) + (growth if i == j else 0) for j, change in enumerate(generator.eta)]
            for i, u in enumerate(space.positions)
        ],
        CHARACTERISTIC: [list(generator.characteristic(space))],
    }
