"""Units of length and time in which a motion is of ordinary size, so that what is small may be judged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.sampling import Ranges

ORDINARY = 4
"""Numbers between 2^-4 and 2^4 stay as they are."""


@dataclass(frozen=True)
class Units:
    """A unit for each coordinate and one of time, all powers of two, which leave doubles exact.

    Arguments:
        space: of the coordinates.
        lengths: one for each coordinate.
        time: of time.
    """

    space: JetSpace
    lengths: tuple[Any, ...]
    time: Any = sp.S.One

    @property
    def of(self) -> dict[sp.Symbol, Any]:
        """The unit of every variable t, q, v."""
        result = dict.fromkeys(self.space.base_symbols, self.time)
        result |= dict(zip(self.space.positions, self.lengths, strict=True))
        return result | {v: unit / self.time for v, unit in zip(self.space.velocities, self.lengths, strict=True)}

    def accelerations(self, expressions: Sequence[Any]) -> tuple[Any, ...]:
        """Accelerations in these units, as functions of variables in these units."""
        replaced = {symbol: unit * symbol for symbol, unit in self.of.items()}
        return tuple(
            self.time**2 / length * a.xreplace(replaced) for a, length in zip(expressions, self.lengths, strict=True)
        )

    def ranges(self, bounds: Ranges) -> Ranges:
        """Ranges in these units."""
        sizes = {symbol.name: float(unit) for symbol, unit in self.of.items()}
        return {name: (low / sizes.get(name, 1), high / sizes.get(name, 1)) for name, (low, high) in bounds.items()}

    def original(self, multiplier: sp.Matrix) -> sp.Matrix:
        """A multiplier in the units of the coordinates as they came, the first entry as large as it is here."""
        replaced = {symbol: symbol / unit for symbol, unit in self.of.items()}
        return multiplier.xreplace(replaced).multiply_elementwise(sp.Matrix(self.weights.tolist()))

    @property
    def weights(self) -> np.ndarray:
        """What turns the entries of a multiplier into those in the units of the coordinates as they came."""
        inverse = np.array([self.lengths[0] / length for length in self.lengths], dtype=object)
        return np.outer(inverse, inverse)


def length_units(bounds: Ranges, space: JetSpace) -> Units:
    """Units in which the largest values of the coordinates in their ranges are of ordinary size."""
    largest = [max(map(abs, bounds[q.name])) for q in space.positions]
    return Units(space, tuple(power(math.log2(size)) for size in largest))


def power(exponent: float) -> Any:
    """The unit for numbers of about 2^exponent.

    >>> power(3.9), power(-10.2)
    (1, 1/1024)
    """
    return sp.Integer(2) ** (round(exponent) if abs(exponent) > ORDINARY else 0)
