"""Units of measured columns: checked, as vectors that dimensional analysis can use, and written again."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from lagsym.errors import InputError

if TYPE_CHECKING:
    import pint

FORCE = "force_"
PURE = "1"
"""The unit of a pure number, and of an angle in radians where it is multiplied with others."""
SI_UNITS = {
    "[length]": "meter",
    "[mass]": "kilogram",
    "[time]": "second",
    "[current]": "ampere",
    "[temperature]": "kelvin",
    "[substance]": "mole",
    "[luminosity]": "candela",
}
LONGEST, HIGHEST = 60, 12
"""Length of a unit's text, and its highest power: beyond is a slip."""
TOLERANCE = 1e-9
SAME = 1e-6
"""Exponents of written units that are closer than this are equal: they come from logarithms."""
Vector = Float[np.ndarray, " parts"]


@dataclass(frozen=True)
class Unit:
    """A unit of measurement.

    Arguments:
        text: as it is written, such as `m/s**2`.
        parts: the units that it is a product of, with their exponents.
        dimension: exponents of length, time and so on, none for a pure number.
        factor: how many SI units it is.
        angle: whether it measures angles.
    """

    text: str
    parts: Mapping[str, float]
    dimension: Mapping[str, float]
    factor: float
    angle: bool = False


def parse_unit(text: str, name: str) -> Unit:
    """Read a unit such as `m`, `rad`, `N*m` or `kg m/s^2`; `1` is a pure number.

    Arguments:
        text: the unit.
        name: what has it, for messages.

    Raises:
        InputError: it is no unit, or one with a zero or a scale of its own, as degrees Celsius.

    >>> parse_unit("mm/s^2", "x").text, parse_unit("mm", "x").factor
    ('mm/s**2', 0.001)
    """
    if len(text) > LONGEST or not re.fullmatch(r"[\w\s*/^().°%·]*", text):
        raise InputError(_unreadable(text, name))
    try:
        unit: Any = _registry().parse_units(text)
        zero, one = (_quantity(number, unit).to_base_units() for number in (0.0, 1.0))
    except (AttributeError, ValueError, TypeError, AssertionError, ArithmeticError, tokenize.TokenError, SyntaxError):
        # What pint raises on text that is no unit: its own errors are AttributeError, ValueError or TypeError.
        raise InputError(_unreadable(text, name)) from None
    if zero.magnitude != 0 or not one.magnitude > 0:
        msg = f"{name}: {text} has a zero or a scale of its own and cannot be multiplied; convert the column, say to K"
        raise InputError(msg)
    parts = {str(part): float(exponent) for part, exponent in _quantity(1.0, unit).unit_items()}
    if any(abs(exponent) > HIGHEST for exponent in parts.values()):
        raise InputError(_unreadable(text, name))
    dimension = {str(part): float(power) for part, power in unit.dimensionality.items()}
    return Unit(_product(parts), parts, dimension, float(one.magnitude), str(one.units) == "radian")


@dataclass(frozen=True)
class UnitSpace:
    """Units as vectors: exponents of the base dimensions, and the logarithm of the factor to SI.

    Sums, differences and multiples of vectors are products, quotients and powers of units. Vectors are written in
    the units of the data where that is possible without a number in front.

    Arguments:
        units: the units of time and coordinates first, which others are written in where it can be done.
        further: those of forces and parameters.

    >>> space = UnitSpace.of({"t": "ms", "x": "mm", "force_x": "N"})
    >>> space.text(space.vector("force_x") + 2 * space.vector("t") - space.vector("x"))
    'N*ms**2/mm'
    >>> space = UnitSpace.of({"t": "s", "x": "m", "force_x": "N"})
    >>> space.text(space.vector("force_x") + 2 * space.vector("t") - space.vector("x"))
    'kg'
    """

    units: Mapping[str, Unit]
    further: Mapping[str, Unit]

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> UnitSpace:
        """The space of units by the name of their column.

        Raises:
            InputError: a text is no unit.
        """
        units = {name: parse_unit(text, name) for name, text in texts.items()}
        first = {name: unit for name, unit in units.items() if not name.startswith(FORCE)}
        return cls(first, {name: unit for name, unit in units.items() if name not in first})

    def vector(self, name: str) -> Vector:
        """The unit of a column (D,).

        Raises:
            KeyError: the column has no unit.
        """
        return self._vector(self.units[name] if name in self.units else self.further[name])

    def vectors(self) -> dict[str, Vector]:
        """The units of all columns."""
        return {name: self.vector(name) for name in (*self.units, *self.further)}

    def text(self, vector: Vector) -> str:
        """A vector as a product of units; a pure number is `1`."""
        for basis in filter(None, self._bases):
            matrix = np.stack([self._vector(_unit(part)) for part in basis], axis=1)
            exponents = np.linalg.lstsq(matrix, vector, rcond=None)[0]
            if np.abs(matrix @ exponents - vector).max() < SAME:
                return _product(dict(reversed(list(zip(basis, map(float, exponents), strict=True)))))
        return PURE  # the last basis spans all products of the columns' units, so there is none

    @cached_property
    def _dimensions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part for unit in self._all for part in unit.dimension))

    @property
    def _all(self) -> tuple[Unit, ...]:
        return (*self.units.values(), *self.further.values())

    @cached_property
    def _bases(self) -> tuple[tuple[str, ...], ...]:
        """What vectors are written in: the first units with SI units for what they lack, else all units."""
        first = [part for unit in self.units.values() for part in unit.parts]
        covered = {dimension for unit in self.units.values() for dimension in unit.dimension}
        lacking = [SI_UNITS[part] for part in self._dimensions if part in SI_UNITS and part not in covered]
        rest = [part for unit in self.further.values() for part in unit.parts]
        return self._independent([*first, *lacking]), self._independent([*first, *rest])

    def _independent(self, parts: Iterable[str]) -> tuple[str, ...]:
        """Those units that are no products of earlier ones."""
        chosen: list[str] = []
        for part in parts:
            matrix = np.stack([self._vector(_unit(other)) for other in (*chosen, part)])
            if np.linalg.matrix_rank(matrix, tol=SAME) == len(matrix):
                chosen.append(part)
        return tuple(chosen)

    def _vector(self, unit: Unit) -> Vector:
        exponents = [unit.dimension.get(part, 0.0) for part in self._dimensions]
        return np.array([*exponents, np.log10(unit.factor)])


@cache
def _registry() -> pint.UnitRegistry:
    import pint  # takes half a second, and most tables have no units

    return pint.UnitRegistry()


def _quantity(number: float, unit: Any) -> Any:
    return _registry().Quantity(number, unit)


@cache
def _unit(name: str) -> Unit:
    return parse_unit(name, name)


def _unreadable(text: str, name: str) -> str:
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    return f"expected a unit for {name}, as m, rad, N*m or m/s**2, and 1 for a pure number; got '{shown}'"


def _product(parts: Mapping[str, float]) -> str:
    """A product of units: kg*m**2/s**2."""
    powers = {_registry().get_symbol(part): exponent for part, exponent in parts.items() if abs(exponent) > TOLERANCE}
    above = "*".join(_power(symbol, exponent) for symbol, exponent in powers.items() if exponent > 0)
    below = "".join(f"/{_power(symbol, -exponent)}" for symbol, exponent in powers.items() if exponent < 0)
    return (above or PURE) + below


def _power(symbol: str, exponent: float) -> str:
    return symbol if abs(exponent - 1) < TOLERANCE else f"{symbol}**{round(exponent, 6):g}"
