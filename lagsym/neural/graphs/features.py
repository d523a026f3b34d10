"""What the networks of a graph see of a node and of an edge, and how that changes as one node moves.

A network sees functions of few variables z: the position of a node, or of an edge between a and b

    pair      z = r = |a − b|           with r, 1/r, log r
    stretch   z = s = b − a             for displacements along a line
    lattice   z = (a, b, b − a)         for fields, that need not be invariant under translations

The forces need the derivatives of these functions by the position of the node that is pulled.  They depend on the
motion alone and are computed once, before training.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float

Function = Callable[[np.ndarray], np.ndarray]
WithSlope = tuple[Function, Function]

IDENTITY: WithSlope = (lambda z: z, np.ones_like)
SQUARE: WithSlope = (lambda z: z**2, lambda z: 2 * z)
RECIPROCAL: WithSlope = (lambda z: 1 / z, lambda z: -1 / z**2)
LOGARITHM: WithSlope = (np.log, lambda z: 1 / z)
SINE: WithSlope = (np.sin, np.cos)
COSINE: WithSlope = (np.cos, lambda z: -np.sin(z))

_SHORTEST = 1e-12
"""Distances below this count as this, so that bodies in one place give large numbers and not NaN."""


@dataclass(frozen=True)
class Seen:
    """Functions of z with their derivatives by the position of one node.

    Arguments:
        values: (..., d).
        slopes: (..., d, D), D components of the node.
        skips: further functions, which enter L linearly (..., k).
        skip_slopes: their derivatives (..., k, D).
    """

    values: Float[np.ndarray, "*batch inputs"]
    slopes: Float[np.ndarray, "*batch inputs components"]
    skips: Float[np.ndarray, "*batch skips"]
    skip_slopes: Float[np.ndarray, "*batch skips components"]


class Form(ABC):
    """How variables z come out of positions, and which functions of them are seen."""

    name: ClassVar[str]
    functions: tuple[WithSlope, ...] = (IDENTITY,)
    """What goes into the network."""
    linear: tuple[WithSlope, ...] = (IDENTITY, SQUARE)
    """What enters L with one weight each: the network then only learns what these leave."""

    @abstractmethod
    def variables(
        self, own: np.ndarray, other: np.ndarray, head: Bool[np.ndarray, " slots"]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The variables z (..., m) of edges, and dz / d own (..., m, D).

        Arguments:
            own: positions of the node in question (..., D).
            other: positions of the other end.
            head: whether the node in question is the second end.
        """

    @abstractmethod
    def variable_count(self, components: int) -> int:
        """The number m of variables."""

    def seen(self, own: np.ndarray, other: np.ndarray, head: np.ndarray) -> Seen:
        """The functions of `variables`."""
        z, slope = self.variables(own, other, head)
        parts = (self.functions, self.linear)
        (values, slopes), (skips, skip_slopes) = (_apply(functions, z, slope) for functions in parts)
        return Seen(values, slopes, skips, skip_slopes)

    def with_angles(self) -> Form:
        """The same for positions with period 2 pi."""
        form = type(self)()
        form.functions = form.linear = (SINE, COSINE)
        return form


class Pair(Form):
    """Bodies in space: functions of their distance, invariant under translations and rotations."""

    name = "pair"
    functions = (IDENTITY, RECIPROCAL, LOGARITHM)
    linear = (IDENTITY, SQUARE, RECIPROCAL, LOGARITHM)

    def variables(self, own: np.ndarray, other: np.ndarray, head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The distance, and the unit vector away from the other end."""
        del head
        away = own - other
        distance = np.maximum(np.linalg.norm(away, axis=-1, keepdims=True), _SHORTEST)
        return distance, (away / distance)[..., None, :]

    def variable_count(self, components: int) -> int:
        """One distance."""
        del components
        return 1


class Stretch(Form):
    """Displacements along one line (or several, each by itself): functions of b − a, invariant under translations."""

    name = "stretch"

    def variables(self, own: np.ndarray, other: np.ndarray, head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The stretch b − a."""
        sign = np.where(head, 1.0, -1.0)[..., None]
        unit = np.broadcast_to(np.eye(own.shape[-1]), (*own.shape, own.shape[-1]))
        return sign * (own - other), sign[..., None] * unit

    def variable_count(self, components: int) -> int:
        """A stretch for each component."""
        return components


class Lattice(Form):
    """Sites of a field: functions of a, b and b − a."""

    name = "lattice"

    def variables(self, own: np.ndarray, other: np.ndarray, head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The ends a and b, and b − a."""
        second = np.broadcast_to(head[..., None], own.shape)
        a, b = np.where(second, other, own), np.where(second, own, other)
        unit = np.broadcast_to(np.eye(own.shape[-1]), (*own.shape, own.shape[-1]))
        is_head = second[..., None].astype(float)
        slopes = ((1 - is_head) * unit, is_head * unit, (2 * is_head - 1) * unit)
        return np.concatenate([a, b, b - a], -1), np.concatenate(slopes, -2)

    def variable_count(self, components: int) -> int:
        """Three for each component."""
        return 3 * components


class Site(Form):
    """A node by itself: functions of its position."""

    name = "site"

    def variables(self, own: np.ndarray, other: np.ndarray, head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The position."""
        del other, head
        return own, np.broadcast_to(np.eye(own.shape[-1]), (*own.shape, own.shape[-1]))

    def variable_count(self, components: int) -> int:
        """One for each component."""
        return components


EDGE_FORMS: Mapping[str, type[Form]] = MappingProxyType({form.name: form for form in (Pair, Stretch, Lattice)})
"""Forms of edges by name."""


def _apply(functions: tuple[WithSlope, ...], z: np.ndarray, slope: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values = np.concatenate([function(z) for function, _ in functions], -1)
    slopes = np.concatenate([derivative(z)[..., None] * slope for _, derivative in functions], -2)
    return values, slopes
