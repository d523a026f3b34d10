"""What goes into a density network and what is read from it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, fields, replace
from typing import Protocol

import numpy as np
from jaxtyping import Float
from torch import Tensor

from lagsym.data.jets import Jets


@dataclass(frozen=True)
class FieldInputs:
    """Samples of n fields over b base coordinates, in the network's units.

    Arguments:
        features: (B, d) scaled fields or sines, cosines, further harmonics; then base coordinates that enter.
        slopes: (B, d) derivative of each feature by the field U, or the base coordinate X, that it is a function of.
        fields: (B, n) fields U from their mean.
        first: (B, b, n) first derivatives W_mu.
        second: (B, b, b, n) second derivatives, or None where they are not known.
    """

    features: Float[Tensor, "batch features"]
    slopes: Float[Tensor, "batch features"]
    fields: Float[Tensor, "batch fields"]
    first: Float[Tensor, "batch base fields"]
    second: Float[Tensor, "batch base base fields"] | None = None

    def __len__(self) -> int:
        return len(self.features)

    def take(self, index: Tensor | slice) -> FieldInputs:
        """The samples at `index`."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: part[index] for name, part in parts.items() if part is not None})


@dataclass(frozen=True)
class FieldReading:
    """What a density network says at given jets, as NumPy arrays in the units of the data, up to one common scale.

        E_i = force_i − Σ_(mu, nu, j) principal_(mu, nu, i, j) d²u_j/dx_mu dx_nu

    Arguments:
        principal: d²L/du_(i,mu) du_(j,nu), symmetrised over mu and nu (N, b, b, n, n): L_tt, L_tx, L_xx of one field.
        force: E where all second derivatives are zero (N, n).
        operator: E at the second derivatives of the jets (N, n).
        rate: the second time derivative that makes E vanish, at the jets' other second derivatives (N, n).
    """

    principal: Float[np.ndarray, "samples base base n n"]
    force: Float[np.ndarray, "samples n"]
    operator: Float[np.ndarray, "samples n"]
    rate: Float[np.ndarray, "samples n"]


class ReadableDensity(Protocol):
    """A density that can be read at any jets over time and space, on or off the shell."""

    def read(self, jets: Jets) -> FieldReading:
        """Everything that it says at jets, whose second derivatives need not occur in nature."""
        ...


def pairs_in_space(base: int) -> tuple[tuple[int, int], ...]:
    """All pairs of directions of space, of so many base coordinates.

    >>> pairs_in_space(3)
    ((1, 1), (1, 2), (2, 2))
    """
    return tuple(itertools.combinations_with_replacement(range(1, base), 2))
