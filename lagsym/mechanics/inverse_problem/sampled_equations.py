"""Second-order equations at random points, as power series in long numbers."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.algebra.power_series import BITS, Series, Truncation, count, monomials
from lagsym.mechanics.algebra.series_evaluation import Evaluation, NotRegularError
from lagsym.mechanics.inverse_problem.second_order_geometry import SecondOrderGeometry
from lagsym.mechanics.inverse_problem.units import Units, length_units, power
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
        units: what t, q and v are measured in here.
    """

    accelerations: tuple[Any, ...]
    space: JetSpace
    constants: Point
    bounds: Ranges
    units: Units

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

    def in_ordinary_units(self) -> SampledEquations:
        """The same in units in which the coordinates' ranges and the motion's rates are of ordinary size.

        Raises:
            InputError: there is no point at which the accelerations are regular.
        """
        scaled = self._measured_in(length_units(self.bounds, self.space))
        evaluation = scaled.evaluation(scaled.point(random.Random(29)), 1)
        shift = _time_unit([evaluation(a) for a in scaled.accelerations], self.size)
        return self._measured_in(replace(scaled.units, time=power(shift)))

    def _measured_in(self, units: Units) -> SampledEquations:
        parts = {"accelerations": units.accelerations(self.accelerations), "bounds": units.ranges(self.bounds)}
        return replace(self, units=units, **parts)

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


def sampled_equations(accelerations: Iterable[Any], space: JetSpace, ranges: Ranges | None) -> SampledEquations:
    """Check accelerations and draw numbers for their parameters.

    Raises:
        InputError: they are not functions of t, q, v and parameters, one for each coordinate of a particle.
    """
    check_particle(space)
    expressions = _expressions(accelerations, space)
    free: Any = {symbol for a in expressions for symbol in a.free_symbols}
    moving = {*space.base_symbols, *space.positions, *space.velocities}
    parameters = sorted(free - moving, key=str)
    bounds = sampling_ranges(space, parameters, ranges)
    drawn = [_simple(x) for x in random_point(parameters, bounds, random.Random(7))]
    units = Units(space, (sp.S.One,) * len(expressions))
    return SampledEquations(expressions, space, dict(zip(parameters, drawn, strict=True)), bounds, units)


def check_particle(space: JetSpace) -> None:
    """Refuse fields.

    Raises:
        InputError: the base is more than time.
    """
    if len(space.base) != 1:
        msg = f"expected a particle, whose base is time alone; got the base ({', '.join(space.base)})"
        raise InputError(msg)


def _expressions(accelerations: Iterable[Any], space: JetSpace) -> tuple[Any, ...]:
    if not isinstance(accelerations, Iterable):
        msg = f"expected a list of accelerations, one for each of {', '.join(space.fields)}; got {accelerations!r}"
        raise InputError(msg)
    expressions = tuple(_expression(a, space) for a in accelerations)
    if len(expressions) != len(space.fields):
        msg = f"expected one acceleration for each of {', '.join(space.fields)}; got {len(expressions)}"
        raise InputError(msg)
    return expressions


def _expression(acceleration: Any, space: JetSpace) -> Any:
    """One acceleration as an expression; text is not read, since SymPy would run it."""
    try:
        expression = sp.sympify(acceleration, strict=True)
    except sp.SympifyError:
        expression = None
    if not isinstance(expression, sp.Expr):
        msg = f"expected accelerations as SymPy expressions or numbers; got {acceleration!r}"
        raise InputError(msg)
    if space.order(expression) > 1:
        msg = "expected accelerations in coordinates and velocities; solve the equations for the second derivatives"
        raise InputError(msg)
    symbols: Any = expression.free_symbols
    foreign = sorted(s.name for s in symbols if space.names.get(s.name, s) != s)
    if foreign:
        msg = f"the symbols {', '.join(foreign)} are not those of the space; take them from its positions, velocities "
        msg += "and base_symbols, which are real"
        raise InputError(msg)
    return expression


def _simple(number: Fraction) -> Fraction:
    """A quotient nearby that is small enough to be read, and not so small as to be a special case."""
    for limit in (100, 1000, 10000):
        simple = number.limit_denominator(limit)
        if simple.denominator > limit // 10 and abs(simple - number) < abs(number) / 100:
            return simple
    return number


def _time_unit(accelerations: list[Series], n: int) -> int:
    """The power of two of the unit of time in which the largest of |da/dq| and |da/dv|^2 is about 1."""
    slopes = [(mu, c) for a in accelerations for mu, c in enumerate(a.coefficients[1 : 1 + 2 * n]) if c]
    digits = [(1 if mu < n else 2) * (abs(c).bit_length() - BITS) for mu, c in slopes]
    return -round(max(digits, default=0) / 2)


def _slowed(series: Series, n: int, shift: int) -> Series:
    """An acceleration in a unit of time 2^shift times as long."""
    truncation = series.truncation
    powers = [shift * (2 - sum(exponents[n : 2 * n]) + sum(exponents[2 * n :])) for exponents in monomials(truncation)]
    terms = count(truncation.variables, truncation.order)
    coefficients = np.empty(terms, dtype=object)
    for i, (coefficient, digits) in enumerate(zip(series.coefficients, powers, strict=True)):
        coefficients[i] = coefficient << digits if digits >= 0 else coefficient >> -digits
    return Series(truncation, coefficients)
