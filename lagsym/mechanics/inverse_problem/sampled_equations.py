"""Second-order equations at random points, as power series in long numbers."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.algebra.power_series import Series, Truncation, as_float, count, monomials
from lagsym.mechanics.algebra.series_evaluation import Evaluation, NotRegularError
from lagsym.mechanics.inverse_problem.second_order_geometry import SecondOrderGeometry
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.sampling import Ranges, random_point, sampling_ranges

ATTEMPTS = 12
"""Random points that are tried before the equations count as undefined."""

Point = Mapping[sp.Symbol, Fraction]


@dataclass(frozen=True, eq=False)
class SampledEquations:
    """Accelerations a(t, q, v) that can be expanded about random points.

    Arguments:
        accelerations: one expression for each coordinate.
        space: the jet space that they are written in.
        constants: the numbers that were drawn for their parameters.
        bounds: the range of every symbol, by its name.
    """

    accelerations: tuple[Any, ...]
    space: JetSpace
    constants: Point
    bounds: Ranges

    @property
    def size(self) -> int:
        """The number of coordinates."""
        return len(self.accelerations)

    @property
    def has_floats(self) -> bool:
        """Whether numbers are doubles, which hold rounding errors of their own."""
        return any(a.has(sp.Float) for a in self.accelerations)

    def in_decimals(self) -> SampledEquations:
        """The same with every double as the decimal of 15 digits that it stands for."""
        exact = tuple(
            a.replace(lambda x: x.is_Float, lambda x: sp.Rational(str(sp.Float(x, 15)))) for a in self.accelerations
        )
        return replace(self, accelerations=exact)

    @property
    def depends_on_time(self) -> bool:
        """Whether time appears explicitly."""
        return any(self.space.base_symbols[0] in a.free_symbols for a in self.accelerations)

    def variables(self, with_time: bool = False) -> tuple[sp.Symbol, ...]:
        """The variables of the series: (q, v), and t where it appears or is asked for."""
        time = self.space.base_symbols if with_time or self.depends_on_time else ()
        return (*self.space.positions, *self.space.velocities, *time)

    def point(self, generator: random.Random) -> dict[sp.Symbol, Fraction]:
        """A random point (q, v, t) at which the accelerations are regular.

        Raises:
            InputError: there was none among those drawn.
        """
        symbols = self.variables(with_time=True)
        for _ in range(ATTEMPTS):
            point = dict(zip(symbols, random_point(symbols, self.bounds, generator), strict=True))
            try:
                self.evaluation(point, 1)
            except NotRegularError:
                continue
            return point
        msg = "the accelerations have no finite real value at most random points; give ranges in which they are defined"
        raise InputError(msg)

    def evaluation(self, point: Point, order: int, with_time: bool = False) -> Evaluation:
        """Evaluates expressions as series about a point, the accelerations having been tried."""
        variables = self.variables(with_time)
        result = Evaluation(Truncation(len(variables), order), {s: point[s] for s in variables}, self.constants)
        for a in self.accelerations:
            result(a)
        return result

    def geometry(self, point: Point, order: int, with_time: bool = False) -> SecondOrderGeometry:
        """The geometry at a point, of series in (q, v), and t where it appears or is asked for."""
        evaluation = self.evaluation(point, order, with_time)
        arrays = (self.accelerations, self.space.velocities)
        return SecondOrderGeometry(*(np.array([evaluation(x) for x in array]) for array in arrays))

    def scaled_geometry(self, point: Point, order: int) -> SecondOrderGeometry:
        """The geometry at a point, in a unit of time in which the motion is neither fast nor slow.

        Arguments:
            point: as drawn.
            order: of the series of a.
        """
        evaluation = self.evaluation(point, order)
        series = [evaluation(a) for a in self.accelerations]
        shift = _time_unit(series, self.size)
        truncation = series[0].truncation
        factor = Fraction(2) ** shift
        velocities = [
            Series.variable(truncation, self.size + k, point[v] * factor) for k, v in enumerate(self.space.velocities)
        ]
        return SecondOrderGeometry(np.array([_slowed(a, self.size, shift) for a in series]), np.array(velocities))


def sampled_equations(accelerations: Sequence[Any], space: JetSpace, ranges: Ranges | None) -> SampledEquations:
    """Check accelerations and draw numbers for their parameters.

    Raises:
        InputError: they are not functions of t, q, v and parameters, one for each coordinate of a particle.
    """
    if len(space.base) != 1:
        msg = f"expected a particle, whose base is time alone; got the base ({', '.join(space.base)})"
        raise InputError(msg)
    expressions = tuple(sp.sympify(a) for a in accelerations)
    if len(expressions) != len(space.fields):
        msg = f"expected one acceleration for each of {', '.join(space.fields)}; got {len(expressions)}"
        raise InputError(msg)
    free: Any = {symbol for a in expressions for symbol in a.free_symbols}
    if any(space.order(a) > 1 for a in expressions):
        msg = "expected accelerations in coordinates and velocities; solve the equations for the second derivatives"
        raise InputError(msg)
    moving = {*space.base_symbols, *space.positions, *space.velocities}
    parameters = sorted(free - moving, key=str)
    bounds = sampling_ranges(space, parameters, ranges)
    drawn = [_simple(x) for x in random_point(parameters, bounds, random.Random(7))]
    return SampledEquations(expressions, space, dict(zip(parameters, drawn, strict=True)), bounds)


def _simple(number: Fraction) -> Fraction:
    """A quotient nearby that is small enough to be read, and not so small as to be a special case."""
    for limit in (100, 1000, 10000):
        simple = number.limit_denominator(limit)
        if simple.denominator > limit // 10 and abs(simple - number) < abs(number) / 100:
            return simple
    return number


def _time_unit(accelerations: list[Series], n: int) -> int:
    """The power of two of the unit of time in which the largest of |da/dq| and |da/dv|^2 is about 1."""
    slopes = np.array([[as_float(c) for c in a.coefficients[1 : 1 + 2 * n]] for a in accelerations])
    size = max(np.abs(slopes[:, :n]).max(), np.abs(slopes[:, n:]).max() ** 2)
    return -round(math.log2(size) / 2) if size > 0 else 0


def _slowed(series: Series, n: int, shift: int) -> Series:
    """An acceleration in a unit of time 2^shift times as long."""
    truncation = series.truncation
    powers = [shift * (2 - sum(exponents[n : 2 * n]) + sum(exponents[2 * n :])) for exponents in monomials(truncation)]
    terms = count(truncation.variables, truncation.order)
    coefficients = np.empty(terms, dtype=object)
    for i, (coefficient, power) in enumerate(zip(series.coefficients, powers, strict=True)):
        coefficients[i] = coefficient << power if power >= 0 else coefficient >> -power
    return Series(truncation, coefficients)
