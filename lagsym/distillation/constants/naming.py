"""Naming constants: a closed form is given only where the data pay for its description.

A candidate of b bits is accepted where it lies within 2.5 standard errors s of x and log2(|x| / 5 s) - b, its gain, is
at least four bits, and log2 n more in a law of n constants.  Of a hundred laws with arbitrary constants fewer than one
then gets a false name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np

GAIN = 4.0
NEAR = 2.5
BASES = (("", 1.0, 0.0), ("sqrt(2)", math.sqrt(2), 3.0), ("sqrt(3)", math.sqrt(3), 3.0), ("pi", math.pi, 3.0))
LARGEST_NUMERATOR, LARGEST_DENOMINATOR = 40, 12
DECIMALS = (10, 100)


@dataclass(frozen=True)
class Name:
    """A closed form with its value and the bits that it takes to describe."""

    text: str
    value: float
    bits: float


@cache
def _names() -> tuple[Name, ...]:
    names: dict[float, Name] = {}

    def offer(text: str, value: float, bits: float) -> None:
        key = round(value, 12)
        if key not in names or names[key].bits > bits:
            names[key] = Name(text, value, bits)

    for symbol, base, cost in BASES:
        for denominator in range(1, LARGEST_DENOMINATOR + 1):
            for numerator in range(1, LARGEST_NUMERATOR + 1):
                if math.gcd(numerator, denominator) == 1:
                    factor = "*".join(
                        part for part in ("" if numerator == 1 and symbol else str(numerator), symbol) if part
                    )
                    text = factor if denominator == 1 else f"{factor}/{denominator}"
                    bits = cost + 2 * math.log2(numerator) + 2 * math.log2(denominator) + 1
                    offer(text, base * numerator / denominator, bits)
    for scale in DECIMALS:
        for digits in range(1, 1000):
            short = digits // 10 if digits % 10 == 0 else digits
            offer(f"{digits / scale:g}", digits / scale, 3.5 + 2 * math.log2(short))
    return tuple(sorted(names.values(), key=lambda name: name.value))


def name_constant(
    value: float, standard_error: float | None, *, among: int = 1, further: Iterable[Name] = ()
) -> str | None:
    """The closed form of a constant, or None where none is worth its bits.

    Arguments:
        value: the fitted value.
        standard_error: its standard error; without one nothing is named.
        among: how many constants the law has that might be named.
        further: closed forms near it of other kinds, as of known quantities.

    >>> name_constant(1.41421, 1e-5)
    'sqrt(2)'
    >>> name_constant(1.41421, 1e-1) is None
    True
    """
    if not can_be_named(value, standard_error):
        return None
    assert standard_error is not None
    names = _names()
    values = np.array([name.value for name in names])
    near = [*(names[i] for i in np.flatnonzero(np.abs(values - abs(value)) <= NEAR * standard_error)), *further]
    if not near:
        return None

    def cost(name: Name) -> float:
        return name.bits + 0.72 * ((name.value - abs(value)) / standard_error) ** 2

    best = min(near, key=cost)
    if math.log2(abs(value) / (5 * standard_error)) - best.bits < GAIN + math.log2(among):
        return None
    return f"-{best.text}" if value < 0 else best.text


def can_be_named(value: float, standard_error: float | None) -> bool:
    """Whether a constant is known as precisely as the name of it would have to be."""
    return standard_error is not None and 0 < standard_error < abs(value) < math.inf
