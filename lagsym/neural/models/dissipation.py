"""Friction: a Rayleigh function that can only take energy out, whatever its weights are."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import softplus

from lagsym.neural.models.effect import Effect
from lagsym.neural.models.records import Inputs, Net
from lagsym.neural.operators import values
from lagsym.neural.scaling import Scaling

_LAWS = 4
"""Viscous, dry and quadratic drag, and drag that weakens with the speed."""

_SHIFT = -2.0
"""softplus(_SHIFT) = 0.13: an untrained network starts with little friction."""

_LEAST_LENGTH = 1e-3
"""Keeps a direction finite where its vector passes through zero."""

_WIDTH = -1.0
"""softplus(_WIDTH) = 0.3: at first dry friction changes its sign over a third of a typical speed."""

_SHARPEST = 1e-3
"""Least speed, in the network's units, over which dry friction changes its sign."""


@dataclass(frozen=True)
class Dissipation(Effect):
    """The Rayleigh function D(q, v) = Σ_j a_j s²/2 + b_j (√(ε_j² + s²) − ε_j) + c_j |s|³/3 + d_j ε_j ln(1 + s²/ε_j²).

    The slips s = s_j = B_j(q)·v are speeds at which things rub, as many as a symmetric matrix has entries; for each
    there is viscous, (smoothed) dry and quadratic drag, and one that weakens with the speed, as dry friction does once
    it slides.  B_j has length 1 in the network's units: with a length of its own beside a, b, c and d, fits end in poor
    minima.  All of a, b, c, d ≥ 0, ε > 0 and B are values of one perceptron of q, and of the parameters, never of
    time.  So for all weights D is even in v and vanishes at v = 0, and no term of

        v · dD/dv = Σ_j a_j s² + b_j s²/√(ε_j² + s²) + c_j |s|³ + 2 d_j ε_j s²/(ε_j² + s²)

    is negative.  With viscous drag alone D is ½ v·G(q) v for any positive semidefinite G.

    Arguments:
        coordinates: how many, n.
        columns: positions of the features that it may depend on: all but time.

    Source: Rayleigh (1873), Some General Theorems relating to Vibrations, Proc. London Math. Soc. s1-4.
    """

    coordinates: int
    columns: tuple[int, ...]
    dissipative: ClassVar[bool] = True

    @classmethod
    def of(cls, scaling: Scaling) -> Dissipation:
        """Friction of a system in these units.

        >>> Dissipation.of(Scaling.unit(2, angles=[0], explicit_time=True)).columns
        (0, 1, 2)
        """
        owners = scaling.owners
        return cls(scaling.coordinates, tuple(k for k, owner in enumerate(owners) if owner < scaling.coordinates))

    @property
    def slips(self) -> int:
        """How many slips there are."""
        return self.coordinates * (self.coordinates + 1) // 2

    @property
    def net(self) -> Net:
        """From features to B, then a, b, c and d, then ε."""
        return Net(values, len(self.columns), self.slips * (self.coordinates + _LAWS + 1), biased=True)

    def arguments(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """Features but time."""
        x = inputs.features[:, list(self.columns)]
        return x, x[:0]

    def force(self, output: Tensor, inputs: Inputs) -> Tensor:
        """−dD/dW (B, n) in the network's units, from the operator's output."""
        directions, laws, width = self._coefficients(output)
        slip = (directions * inputs.velocity.unsqueeze(1)).sum(-1)
        sum_of_squares = width.square() + slip.square()
        drags = [slip, slip / sum_of_squares.sqrt(), slip.abs() * slip, 2 * width * slip / sum_of_squares]
        return -((laws * torch.stack(drags, -1)).sum(-1, keepdim=True) * directions).sum(1)

    def function(self, output: Tensor, inputs: Inputs) -> Tensor:
        """D (B,) in the network's units, from the operator's output."""
        directions, laws, width = self._coefficients(output)
        slip = (directions * inputs.velocity.unsqueeze(1)).sum(-1)
        squared, ratio = slip.square(), (slip / width).square()
        dry, weakening = width * (torch.sqrt(1 + ratio) - 1), width * torch.log1p(ratio)
        return (laws * torch.stack([squared / 2, dry, slip.abs() * squared / 3, weakening], -1)).sum((1, 2))

    def _coefficients(self, output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Directions (B, slips, n); a, b, c and d (B, slips, 4); ε (B, slips)."""
        n, slips = self.coordinates, self.slips
        directions, laws, width = output.split([slips * n, slips * _LAWS, slips], -1)
        directions = directions.view(-1, slips, n) + self._plain_directions().to(output)
        length = (directions.square().sum(-1, keepdim=True) + _LEAST_LENGTH**2).sqrt()
        return directions / length, softplus(laws.view(-1, slips, _LAWS) + _SHIFT), softplus(width + _WIDTH) + _SHARPEST

    def _plain_directions(self) -> Tensor:
        """Where the slips start: the velocities and their differences (slips, n)."""
        unit = torch.eye(self.coordinates)
        return torch.stack([*unit, *(unit[i] - unit[j] for i, j in combinations(range(self.coordinates), 2))])
