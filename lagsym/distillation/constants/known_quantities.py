"""Known quantities: closed forms of a constant in masses, lengths and so on that were given beside the motion.

Candidates are products of up to four factors, each a quantity or a sum of two like ones to a power up to two, with a
simple number in front; where units are known, only those with the unit of the constant. One that k candidates at most
are as simple as takes log2 k + 2 log2(1 + log2 k) + 1 bits, so that all together are no likelier than chance allows.

Source: for the code of whole numbers, Elias, "Universal codeword sets", IEEE Trans. Inf. Theory 21 (1975) 194.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lagsym.distillation.constants.naming import GAIN, NEAR, Name

MOST_FACTORS, MOST_COMPLEXITY = 4, 7
POWERS = (1, -1, 2, -2)
FRONTS = {"": 1.0, "2": 2.0, "1/2": 0.5, "3": 3.0, "1/3": 1 / 3, "4": 4.0, "1/4": 0.25}
"""Numbers in front; all but the first make a candidate more complex by one."""
LARGEST = 500_000
"""Candidates beyond which there are no further factors."""
SAME = 1e-6
EQUAL = 1e-9
"""Relative difference up to which two formulas have the same value."""


@dataclass(frozen=True, eq=False)
class Quantity:
    """A known quantity.

    Arguments:
        name: what it is called.
        value: positive; others are passed over.
        dimension: exponents of its units as in `lagsym.data.units.UnitSpace`, or None where they are not known.
    """

    name: str
    value: float
    dimension: Float[np.ndarray, " parts"] | None = None


@dataclass(frozen=True, eq=False)
class QuantityNames:
    """All candidates made of some quantities.

    Arguments:
        powers: factors, each with its exponent.
        picks: for each candidate the places of its factors among these, -1 for none.
        logarithms: of the candidates' values, without a number in front.
        complexity: one for a quantity, two for a sum, one more for a square.
        dimensions: of the candidates, or None where some quantity has none.

    >>> names = QuantityNames.of([Quantity("g", 9.81), Quantity("l", 0.7)])
    >>> min(names.near(9.81 / 0.7, 1e-6), key=lambda name: name.bits).text
    'g/l'
    """

    powers: tuple[tuple[str, int], ...]
    picks: Int[np.ndarray, "candidates factors"]
    logarithms: Float[np.ndarray, " candidates"]
    complexity: Int[np.ndarray, " candidates"]
    dimensions: Float[np.ndarray, "candidates parts"] | None

    @classmethod
    def of(cls, quantities: Sequence[Quantity]) -> QuantityNames:
        """The candidates made of quantities; dimensions count only where all of these have one."""
        usable = [quantity for quantity in quantities if 0 < quantity.value < math.inf]
        atoms = [(each, 1) for each in usable]
        atoms += [(_sum(a, b), 2) for a, b in itertools.combinations(usable, 2) if _alike(a, b)]
        known = bool(usable) and all(quantity.dimension is not None for quantity in usable)
        powers = tuple((atom.name, power) for atom, _ in atoms for power in POWERS)
        owner = np.repeat(np.arange(len(atoms)), len(POWERS))
        logarithm = np.array([power * math.log(atom.value) for atom, _ in atoms for power in POWERS])
        cost = np.array([size + abs(power) - 1 for _, size in atoms for power in POWERS], int)
        picks = np.full((1, MOST_FACTORS), -1)
        layers = [picks]
        for place in range(MOST_FACTORS):
            last = np.where(picks[:, place - 1] >= 0, owner[picks[:, place - 1]], -1) if place else np.array([-1])
            spent = np.where(picks >= 0, cost[picks], 0).sum(axis=1) if len(cost) else np.zeros(1)
            allowed = (owner[None] > last[:, None]) & (spent[:, None] + cost[None] <= MOST_COMPLEXITY)
            if not 0 < np.count_nonzero(allowed) <= LARGEST:
                break
            rows, chosen = np.nonzero(allowed)
            picks = picks[rows].copy()
            picks[:, place] = chosen
            layers.append(picks)
        picks = np.concatenate(layers[1:]) if len(layers) > 1 else np.zeros((0, MOST_FACTORS), int)
        used = picks >= 0
        dimensions = None
        if known:
            each = np.stack([power * np.asarray(atom.dimension) for atom, _ in atoms for power in POWERS])
            dimensions = np.where(used[..., None], each[picks], 0.0).sum(axis=1)
        total = np.where(used, logarithm[picks], 0.0).sum(axis=1) if len(picks) else np.zeros(0)
        spent = np.where(used, cost[picks], 0).sum(axis=1) if len(picks) else np.zeros(0, int)
        return cls(powers, picks, total, spent, dimensions)

    def near(
        self, value: float, standard_error: float, dimension: Float[np.ndarray, " parts"] | None = None
    ) -> tuple[Name, ...]:
        """The candidates near a value that are worth their bits and told from all others.

        Arguments:
            value: of a constant; names are of its size.
            standard_error: its standard error, positive.
            dimension: its units; None where they are not known.
        """
        fitting = np.ones(len(self.picks), bool)
        if dimension is not None and self.dimensions is not None:
            fitting = np.abs(self.dimensions - dimension).max(axis=1, initial=0.0) < SAME
        bits = self._bits(fitting)
        worth = math.log2(abs(value) / (5 * standard_error)) - GAIN
        found = []
        for front, factor in FRONTS.items():
            values, cost = factor * np.exp(self.logarithms), bits[self.complexity + bool(front)]
            near = fitting & (cost <= worth) & (np.abs(values - abs(value)) <= NEAR * standard_error)
            found += [
                Name(self._text(front, self.picks[k]), float(values[k]), float(cost[k])) for k in np.flatnonzero(near)
            ]
        return tuple(name for name in found if not any(_stands_for(other, name) for other in found))

    def _bits(self, fitting: np.ndarray) -> Float[np.ndarray, " complexities"]:
        """What a candidate of each complexity costs among those that fit."""
        plain = np.bincount(self.complexity[fitting], minlength=MOST_COMPLEXITY + 2)
        with_number = (len(FRONTS) - 1) * np.roll(plain, 1)
        as_simple = np.maximum(np.cumsum(plain + with_number), 1)
        return np.log2(as_simple) + 2 * np.log2(1 + np.log2(as_simple)) + 1

    def _text(self, front: str, picks: np.ndarray) -> str:
        above, _, below = front.partition("/")
        over, under = [above] * (above not in {"", "1"}), [below] * bool(below)
        for name, power in (self.powers[k] for k in picks if k >= 0):
            factor = name if abs(power) == 1 else f"{name}**{abs(power)}"
            (over if power > 0 else under).append(factor)
        product, divisor = "*".join(over) or "1", "*".join(under)
        if not divisor:
            return product
        return f"{product}/({divisor})" if len(under) > 1 else f"{product}/{divisor}"


def _stands_for(other: Name, name: Name) -> bool:
    """Whether a name has another's value and is hardly longer, as where quantities happen to be equal."""
    return other is not name and other.bits <= name.bits + GAIN and abs(other.value / name.value - 1) < EQUAL


def _sum(a: Quantity, b: Quantity) -> Quantity:
    return Quantity(f"({a.name} + {b.name})", a.value + b.value, a.dimension)


def _alike(a: Quantity, b: Quantity) -> bool:
    """Whether two quantities may be added."""
    if a.dimension is None or b.dimension is None:
        return True
    return bool(np.abs(a.dimension - b.dimension).max(initial=0.0) < SAME)
