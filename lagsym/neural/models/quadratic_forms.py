"""Quadratic forms in the velocities: from a perceptron's values at positions to M(q), A(q) and V(q).

T = ½ Σ |C_bᵀ y_b|² over blocks b, where y_b is linear in the velocities and C_b lower triangular.  Without a symmetry
the only block is y = W and T = ½ W·C Cᵀ W.  Where vectors are turned together the blocks are scalars (r·v and the
velocities that are not turned), vectors v and vector products r × v, so that T stays what it is when all of them are
turned.  The perceptron gives the entries of every C_b, then the coefficients of A where there is one, then V.

Source: Lutter, Ritter, Peters (2019), Deep Lagrangian Networks, arXiv:1907.04490; for the blocks Weyl (1939), The
Classical Groups, chapter II.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from lagsym.neural.invariants import Block, blocks
from lagsym.neural.models.records import Inputs
from lagsym.neural.models.views import ByPosition, Positions, forms_and_slopes, forwards, in_network_units
from lagsym.neural.scaling import Scaling

_SHIFT = 0.5413248546129181
"""softplus(_SHIFT) = 1: an untrained network starts near M = 1."""

_FLOOR = 1e-4
"""Smallest diagonal of the Cholesky factor, so that M stays invertible; where M spans decades it is never reached."""


@dataclass(frozen=True)
class Terms:
    """L = ½ W·M W + A·W − V at positions, and its derivatives by every coordinate, and by time where it enters.

    Arguments:
        mass: M, then dM/dQ_k (B, n, n).
        linear: A, then dA/dQ_k (1 + m, B, n), or None without terms linear in the velocities.
        potential: V, then dV/dQ_k (1 + m, B).
    """

    mass: Float[Tensor, "batch n n"]
    mass_slopes: Float[Tensor, "moving batch n n"]
    linear: Float[Tensor, "rows batch n"] | None
    potential: Float[Tensor, "rows batch"]


class QuadraticForm(nn.Module):
    """Without a symmetry: M = C Cᵀ, and A and V as the perceptron gives them."""

    def __init__(self, scaling: Scaling, dtype: torch.dtype, *, linear_terms: bool) -> None:
        super().__init__()
        self.places, self.linear_terms, self._n = Positions(scaling, dtype), linear_terms, scaling.coordinates
        self._factors = self._n * (self._n + 1) // 2

    @property
    def outputs_count(self) -> int:
        """How many numbers the perceptron gives."""
        return self._factors + self._n * self.linear_terms + 1

    def terms(self, output: Tensor, inputs: Inputs, by_position: ByPosition) -> Terms:
        """M, A, V and their slopes, from the operator's output (1 + m, B, ...)."""
        del inputs, by_position
        factor = lower_triangle(output[..., : self._factors], self._n, self._n)
        half = factor[1:] @ factor[0].mT
        linear = output[..., self._factors : -1] if self.linear_terms else None
        return Terms(factor[0] @ factor[0].mT, half + half.mT, linear, output[..., -1])


class InvariantForm(QuadraticForm):
    """With one: the blocks of each copy of the state, summed over copies."""

    def __init__(self, scaling: Scaling, dtype: torch.dtype, *, linear_terms: bool) -> None:
        super().__init__(scaling, dtype, linear_terms=linear_terms)
        scaling = forwards(scaling)
        self._blocks = blocks(scaling.symmetry, scaling.layout)
        self._features, self._rows = scaling.features_count, [len(block.matrix) for block in self._blocks]
        self._factors = sum(rows * (rows + 1) // 2 for rows in self._rows)
        for k, block in enumerate(self._blocks):
            tensor = torch.tensor(_scaled(block, scaling), dtype=dtype)
            self.register_buffer(f"_block{k}", tensor, persistent=False)

    @property
    def outputs_count(self) -> int:
        """How many numbers the perceptron gives."""
        scalars = sum(rows for rows, block in zip(self._rows, self._blocks, strict=True) if block.linear)
        return self._factors + scalars * self.linear_terms + 1

    def terms(self, output: Tensor, inputs: Inputs, by_position: ByPosition) -> Terms:
        """M, A, V and their slopes, from the operator's output (1 + m, copies B, ...)."""
        entries, weight = output.unflatten(1, (self.places.copies, -1)), self.places.weight
        mass, half, linear = 0.0, 0.0, None
        for block, forms, factor in self._with_factors(entries):
            lever = self._levers(forms, inputs, by_position)
            if block.linear and self.linear_terms:
                coefficients = entries[..., self._factors : -1]
                linear = weight * _product("kcbr,lcbri->lbi", coefficients, lever.squeeze(-2))
            arm = torch.einsum("cbrs,cbrxi->cbsxi", factor[0], lever[0])
            arms = _product("kcbrs,lcbrxi->lcbsxi", factor, lever)[1:]
            mass = mass + torch.einsum("cbsxi,cbsxj->bij", arm, arm)
            half = half + torch.einsum("kcbsxi,cbsxj->kbij", arms, arm)
        mass, half = weight * torch.as_tensor(mass), weight * torch.as_tensor(half)
        return Terms(mass, half + half.mT, linear, self.places.total(output[..., -1]))

    def _with_factors(self, entries: Tensor) -> Iterator[tuple[Block, Tensor, Tensor]]:
        """Each block with its forms and C, then dC/dQ_k, (1 + m, copies, B, rows, rows)."""
        start = 0
        for k, (block, rows) in enumerate(zip(self._blocks, self._rows, strict=True)):
            stop = start + rows * (rows + 1) // 2
            factor = lower_triangle(entries[..., start:stop], rows, block.needed)
            yield block, getattr(self, f"_block{k}"), factor
            start = stop

    def _levers(self, forms: Tensor, inputs: Inputs, by_position: ByPosition) -> Tensor:
        """dy/dW, then d²y/dW dQ_k, (1 + m, copies, B, rows, components, n): constant and linear in the positions."""
        by_velocity = forms_and_slopes(forms, inputs.at_rest())[1][..., 1 + self._features :]
        constant = forms[..., 1 + self._features :, 1 : 1 + self._features]  # (copies, rows, components, n, features)
        slopes = by_position(constant.unsqueeze(-2), inputs).movedim((-1, -2), (0, 2))
        return torch.cat([by_velocity.unsqueeze(0), slopes])


def quadratic_form(scaling: Scaling, dtype: torch.dtype, *, linear_terms: bool) -> QuadraticForm:
    """The form that has the symmetry of the scaling."""
    kind = InvariantForm if scaling.symmetry else QuadraticForm
    return kind(scaling, dtype, linear_terms=linear_terms)


def lower_triangle(entries: Tensor, rows: int, positive: int) -> Tensor:
    """C and its slopes (1 + m, ..., rows, rows) from entries (1 + m, ..., e); the last of its diagonal are positive."""
    row, column = torch.tril_indices(rows, rows, device=entries.device).unbind()
    bent = (row == column) & (row >= rows - positive)
    shifted = entries[0] + _SHIFT
    entry = torch.where(bent, softplus(shifted) + _FLOOR, entries[0])
    slope = torch.where(bent, torch.sigmoid(shifted), 1.0)
    factor = entries.new_zeros(*entries.shape[:-1], rows, rows)
    factor[..., row, column] = torch.cat([entry.unsqueeze(0), slope * entries[1:]])
    return factor


def _product(equation: str, left: Tensor, right: Tensor) -> Tensor:
    """A product of two things that vary with the positions, then its derivative by every coordinate (1 + m, ...)."""
    first, second = equation.split("->")[0].split(",")
    plain = equation.replace("k", "").replace("l", "")
    into = plain.split("->")[1]
    value = torch.einsum(plain, left[0], right[0])
    moved = torch.einsum(f"{first},{second[1:]}->k{into}", left[1:], right[0])
    moved = moved + torch.einsum(f"{first[1:]},{second}->l{into}", left[0], right[1:])
    return torch.cat([value.unsqueeze(0), moved])


def _scaled(block: Block, scaling: Scaling) -> np.ndarray:
    """The forms of a block in (1, features, W), of every copy, each row of order one."""
    forms = in_network_units(scaling, block.matrix)
    components, rows = forms.shape[2], forms.shape[1]
    sizes = np.sqrt(np.square(forms[0]).sum((1, 2, 3)) / (2 * components))
    # Rows that M can do without start small, so that an untrained M is near 1.
    small = np.where(np.arange(rows) < rows - block.needed, 1.0 / rows, 1.0)
    return forms * (small / sizes)[:, None, None, None]
