"""Densities of second derivatives in space, as of a beam: networks for them, and what they say off the shell."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lagsym.errors import InputError
from lagsym.neural.fields.chart import Chart
from lagsym.neural.fields.density import NaturalDensity
from lagsym.neural.fields.records import FieldInputs, pairs_in_space
from lagsym.neural.models.perceptrons import Outputs

Index = tuple[int, ...]
"""Directions of a derivative, in ascending order."""
Points = Mapping[Index, Float[np.ndarray, "samples fields"]]

NO_JETS = (
    "expected a density of first derivatives: the equation of one that bends holds fourth derivatives, which jets have "
    "not; use the loss 'weak' and `bending_operator`"
)
REACH = 3
"""Nodes to either side of a point that derivatives along a line are taken from."""
STEP = 0.05
"""Distance of the nodes, in the network's unit of length."""


class BendingDensity(NaturalDensity):
    """L = ½ Σ_ij K_ij W_(i,t) W_(j,t) − W(u, ∂_x u, ∂_x ∂_x u, x), with constant K, as of a beam.

    Its equation holds fourth derivatives of the fields, so it is learned and followed in time in the weak form alone,
    which asks for the gradient of L and no more.
    """

    form: ClassVar[str] = "bending"

    @property
    def bends(self) -> tuple[tuple[int, int], ...]:
        """All pairs of directions of space."""
        return pairs_in_space(self.scaling.base)

    def _charts(self) -> tuple[Chart, ...]:
        *still, moving = super()._charts()
        return (*(replace(part, bends=self.bends) for part in still), moving)

    def operator(self, outputs: Outputs, inputs: FieldInputs, *, at_rest: bool = False) -> Tensor:
        """There is none at jets of second order.

        Raises:
            InputError: always.
        """
        del outputs, inputs, at_rest
        raise InputError(NO_JETS)

    def principal(self, outputs: Outputs) -> Tensor:
        """There is none; see `operator`."""
        del outputs
        raise InputError(NO_JETS)


def bending_operator(
    model: BendingDensity, x: Float[np.ndarray, "samples base"], points: Points
) -> Float[np.ndarray, "samples n"]:
    """The network's E at points with derivatives of up to the fourth order, which need not occur in nature.

    Total derivatives are central differences of the network's gradient along the Taylor polynomial of the fields.

    Arguments:
        model: a trained network.
        x: base coordinates.
        points: fields and derivatives by their directions: all in space up to the fourth, and second ones in time.
    """
    base, steps = model.scaling.base, STEP * np.array(model.scaling.steps)
    here = np.zeros(base)
    by_field = _gradient(model, x, points, here)[0]
    mass = model.constant_mass()
    total = by_field - np.einsum("ij,sj->si", mass, points[0, 0])
    for mu in range(1, base):
        for place, weight in _stencil([mu], base):
            total -= weight / steps[mu] * _gradient(model, x, points, place * steps)[1][:, mu]
    for pair, (mu, nu) in enumerate(model.bends):
        for place, weight in _stencil([mu, nu], base):
            total += weight / (steps[mu] * steps[nu]) * _gradient(model, x, points, place * steps)[2][:, pair]
    return total


def _gradient(model: BendingDensity, x: np.ndarray, points: Points, shift: np.ndarray) -> list[np.ndarray]:
    """The network's slopes at the points moved by a shift in space."""
    base = model.scaling.base
    u = _moved(points, (), shift)
    du = np.stack([points[0,], *(_moved(points, (mu,), shift) for mu in range(1, base))], axis=1)
    ddu = np.zeros((len(u), base, base, u.shape[1]))
    for mu, nu in model.bends:
        ddu[:, mu, nu] = ddu[:, nu, mu] = _moved(points, (mu, nu), shift)
    inputs = model.inputs(*map(torch.from_numpy, (x + shift, u, du, ddu)))
    return [part.numpy() for part in model.slopes(inputs)]


def _moved(points: Points, index: Index, shift: np.ndarray) -> np.ndarray:
    """A derivative in space at points moved by a shift, from all derivatives there are."""
    total = points[index]
    for order in range(1, 4 - len(index) + 1):
        for along in itertools.product(range(1, len(shift)), repeat=order):
            distance = np.prod(shift[list(along)]) / math.factorial(order)
            if distance:
                total = total + distance * points[tuple(sorted((*index, *along)))]
    return total


def _stencil(along: list[int], base: int) -> list[tuple[np.ndarray, float]]:
    """Nodes, in steps from the point, and weights of a derivative along one direction or two."""
    if len(set(along)) == 1:
        weights = _weights(len(along))
        return [(k * np.eye(base)[along[0]], w) for k, w in zip(range(-REACH, REACH + 1), weights, strict=True) if w]
    one, other = (_stencil([mu], base) for mu in along)
    return [(p + q, v * w) for p, v in one for q, w in other]


def _weights(order: int) -> np.ndarray:
    """Weights of the central difference over all nodes for a derivative of an order, at distances of one."""
    nodes = np.arange(-REACH, REACH + 1)
    powers = nodes[None, :] ** np.arange(len(nodes))[:, None]
    wanted = np.where(np.arange(len(nodes)) == order, math.factorial(order), 0)
    return np.round(np.linalg.solve(powers.astype(float), wanted), 12)
