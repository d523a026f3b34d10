"""Views: what a perceptron sees of a state, and its derivatives by the state.

Without a symmetry it sees entries of the state u = (features, W) as they are.  With one it sees the invariants
x_j = ½ s·A_j s, s = (1, u), of each copy of the state, and L = Σ_c N(x_c) has

    dL/du = Σ_c J_cᵀ N_x,    d²L/du du = Σ_c (J_cᵀ N_xx J_c + Σ_j N_j A_j),    J = A s,

exactly, since the invariants are quadratic.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear, softplus

from lagsym.neural.invariants import Invariant, invariants
from lagsym.neural.models.records import Inputs
from lagsym.neural.operators import Contraction, LayerGradient, Operator, hessian_rows, tangents
from lagsym.neural.scaling import Scaling

ByPosition = Callable[[Tensor, Inputs], Tensor]


def state_view(scaling: Scaling, dtype: torch.dtype, *, kinetic: bool = False) -> StateView:
    """What the perceptron of a Lagrangian sees, or that of a kinetic energy T(v; parameters)."""
    if not scaling.symmetry:
        return Selection(scaling, kinetic=kinetic)
    chosen = invariants(scaling.symmetry, scaling.layout)
    known = slice(1, 1 + scaling.features_count - scaling.parameters)
    kept = [j for j, one in enumerate(chosen) if not (kinetic and one.matrix[known].any())]
    return Invariants(scaling, dtype, kept)


class StateView(nn.Module, ABC):
    """What a scalar perceptron sees of positions and velocities."""

    operator: Operator
    """Differentiates the perceptron."""

    @property
    @abstractmethod
    def inputs_count(self) -> int:
        """How many numbers the perceptron sees."""

    @abstractmethod
    def arguments(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """What the operator is applied to."""

    @abstractmethod
    def derivatives(self, output: Tensor, inputs: Inputs) -> Float[Tensor, "rows batch state"]:
        """dN/du, then d²N/dW_k du for every velocity k, from the operator's output."""

    @abstractmethod
    def contraction(self, cotangent: Contraction, inputs: Inputs) -> Contraction:
        """The cotangent of the operator's output for that of the derivatives, which is a contraction too."""

    @abstractmethod
    def value(self, parameters: Sequence[Tensor], inputs: Inputs) -> Float[Tensor, " batch"]:
        """N of the state, given the perceptron's parameters."""


class Selection(StateView):
    """Entries of the state as they are: all, or velocities and parameters."""

    def __init__(self, scaling: Scaling, *, kinetic: bool) -> None:
        super().__init__()
        self.operator = hessian_rows
        features, n = scaling.features_count, scaling.coordinates
        self._size, velocities = features + n, range(features, features + n)
        places = [*velocities, *range(features - scaling.parameters, features)] if kinetic else range(features + n)
        directions = torch.tensor([[float(place == k) for place in places] for k in velocities])
        self.register_buffer("_places", torch.tensor(list(places)), persistent=False)
        self.register_buffer("_directions", directions, persistent=False)

    _places: Tensor
    _directions: Tensor

    @property
    def inputs_count(self) -> int:
        """How many numbers the perceptron sees."""
        return len(self._places)

    def arguments(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """The entries, to be differentiated along the velocities."""
        x = torch.cat([inputs.features, inputs.velocity], 1)
        return (x if len(self._places) == self._size else x[:, self._places]), self._directions.to(x.dtype)

    def derivatives(self, output: Tensor, inputs: Inputs) -> Tensor:
        """The operator's output, with zeros for what is not seen."""
        del inputs
        if len(self._places) == self._size:
            return output
        return output.new_zeros(*output.shape[:2], self._size).index_copy(-1, self._places, output)

    def contraction(self, cotangent: Contraction, inputs: Inputs) -> Contraction:
        """The same, of what is seen."""
        del inputs
        if len(self._places) == self._size:
            return cotangent
        return replace(cotangent, first=cotangent.first[:, self._places], along=cotangent.along[:, self._places])

    def value(self, parameters: Sequence[Tensor], inputs: Inputs) -> Tensor:
        """N of the state."""
        return value(parameters, self.arguments(inputs)[0])


class Invariants(StateView):
    """The invariants of a symmetry, summed over the copies of the state."""

    _matrices: Tensor
    _directions: Tensor

    def __init__(self, scaling: Scaling, dtype: torch.dtype, kept: Collection[int]) -> None:
        super().__init__()
        matrices = invariant_matrices(scaling)[:, list(kept)]
        self.copies, self._weight, self._features = len(matrices), scaling.symmetry.weight, scaling.features_count
        self.operator = over_copies(hessian_rows, self.copies)
        self.register_buffer("_matrices", torch.tensor(matrices, dtype=dtype), persistent=False)
        self.register_buffer("_directions", torch.eye(len(matrices[0]), dtype=dtype), persistent=False)

    @property
    def inputs_count(self) -> int:
        """How many numbers the perceptron sees."""
        return self._matrices.shape[1]

    def arguments(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """The invariants of every copy, to be differentiated along all of them."""
        return self._seen(inputs)[0].flatten(0, 1), self._directions

    def derivatives(self, output: Tensor, inputs: Inputs) -> Tensor:
        """The chain rule through the invariants, and the sum over copies."""
        slopes = self._seen(inputs)[1][..., 1:]
        first, *second = output.unflatten(1, (self.copies, -1)).unbind()
        along = torch.einsum("jcbi,cbjk->kcbi", torch.stack(second), slopes[..., self._features :])
        rows = torch.einsum("kcbi,cbim->kbm", along, slopes)
        rows = rows + torch.einsum("cbi,cikm->kbm", first, self._matrices[..., 1 + self._features :, 1:])
        gradient = torch.einsum("cbi,cbim->bm", first, slopes)
        return self._weight * torch.cat([gradient.unsqueeze(0), rows])

    def contraction(self, cotangent: Contraction, inputs: Inputs) -> Contraction:
        """The chain rule: tangents of the invariants along both directions, and the second derivative along both."""
        slopes, n = self._seen(inputs)[1][..., 1:], inputs.velocity.shape[1]
        factors = torch.einsum("cbik,kb->icb", slopes[..., self._features :], cotangent.factors)
        along = torch.einsum("cbim,bm->cbi", slopes, cotangent.along)
        bent = torch.einsum("cikm,kb,bm->cbi", self._matrices[..., -n:, 1:], cotangent.factors, cotangent.along)
        first = torch.einsum("cbim,bm->cbi", slopes, cotangent.first) + bent
        weighed = (self._weight * first).flatten(0, 1), (self._weight * factors).flatten(1), along.flatten(0, 1)
        return Contraction(*weighed)

    def value(self, parameters: Sequence[Tensor], inputs: Inputs) -> Tensor:
        """N of the state, summed over copies."""
        return self._weight * value(parameters, self.arguments(inputs)[0]).unflatten(0, (self.copies, -1)).sum(0)

    def _seen(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        return forms_and_slopes(self._matrices, inputs)


class Positions(nn.Module):
    """What a perceptron of positions, time and parameters sees: features, or what a symmetry leaves of them."""

    _matrices: Tensor

    def __init__(self, scaling: Scaling, dtype: torch.dtype) -> None:
        super().__init__()
        self.copies, self.weight, self.inputs_count = 1, 1.0, scaling.features_count
        self._plain, self.operator = not scaling.symmetry, tangents
        if self._plain:
            return
        scaling = forwards(scaling)
        degrees = [one.degree for one in invariants(scaling.symmetry, scaling.layout)]
        matrices = invariant_matrices(scaling)[:, [j for j, degree in enumerate(degrees) if degree == 0]]
        self.copies, self.weight, self.inputs_count = len(matrices), scaling.symmetry.weight, matrices.shape[1]
        self.operator = over_copies(tangents, self.copies)
        self.register_buffer("_matrices", torch.tensor(matrices, dtype=dtype), persistent=False)

    def arguments(self, inputs: Inputs, by_position: ByPosition) -> tuple[Tensor, Tensor]:
        """The features of every copy, to be differentiated along every coordinate Q, and along time where it enters."""
        features = inputs.features.shape[1]
        if self._plain:
            unit = torch.eye(features, dtype=inputs.features.dtype, device=inputs.features.device)
            return inputs.features, by_position(unit.unsqueeze(1), inputs).permute(2, 1, 0)
        x, slopes = forms_and_slopes(self._matrices, inputs)
        along = by_position(slopes[..., 1 : 1 + features].transpose(1, 2), inputs)  # (copies, seen, B, n or n + 1)
        return x.flatten(0, 1), along.permute(3, 0, 2, 1).flatten(1, 2)

    def total(self, output: Tensor) -> Tensor:
        """A scalar output (..., copies B), summed over copies."""
        return self.weight * output.unflatten(-1, (self.copies, -1)).sum(-2)


# -------------------------------------------------------------------------------------------------------- matrices


def forwards(scaling: Scaling) -> Scaling:
    """The units without the reversal of velocities, to which positions are blind."""
    return replace(scaling, symmetry=replace(scaling.symmetry, even=False))


def invariant_matrices(scaling: Scaling) -> Float[np.ndarray, "copies seen state state"]:
    """A of the scaled invariants of every copy, as forms in (1, features, W)."""
    found, measured = invariants(scaling.symmetry, scaling.layout), iter(scaling.invariants)
    return in_network_units(scaling, np.array([_scaled(one, scaling, measured) for one in found]))


def in_network_units(scaling: Scaling, matrices: np.ndarray) -> np.ndarray:
    """Forms (..., s, s) in the data's units as forms in (1, features, W), of every copy (copies, ..., s, s)."""
    unit = np.diag([1.0, *scaling.spread, *scaling.velocity])
    unit[1 : 1 + scaling.features_count, 0] = scaling.center
    changes = [scaling.layout.copy(copy) @ unit for copy in scaling.symmetry.copies(scaling.coordinates)]
    return np.stack([change.T @ matrices @ change for change in changes])


def _scaled(one: Invariant, scaling: Scaling, measured: Any) -> np.ndarray:
    centers = (0.0, *scaling.center, *(0.0,) * scaling.coordinates)
    spreads = (1.0, *scaling.spread, *scaling.velocity)
    center, spread = next(measured) if one.place is None else (centers[one.place], spreads[one.place])
    matrix = one.matrix.copy()
    matrix[0, 0] -= 2 * center
    return matrix / spread


def forms_and_slopes(matrices: Tensor, inputs: Inputs) -> tuple[Tensor, Tensor]:
    """½ s·A s (copies, B, ...) and A s (copies, B, ..., s) of A (copies, ..., s, s)."""
    state = torch.cat([torch.ones_like(inputs.velocity[:, :1]), inputs.features, inputs.velocity], 1)
    slopes = (matrices.flatten(0, -2) @ state.mT).mT.unflatten(1, matrices.shape[:-1]).movedim(0, 1)
    shape = [1, len(state), *[1] * (slopes.dim() - 3), state.shape[1]]
    return 0.5 * (slopes * state.view(shape)).sum(-1), slopes


# ------------------------------------------------------------------------------------------------------- operators


def over_copies(operator: Operator, copies: int) -> Operator:
    """An operator for several copies of each sample, (copies B, ...), whose gradients are those of whole samples."""
    if copies == 1:
        return operator

    def reverse(parameters: Sequence[Tensor], tape: Any, cotangent: Any) -> list[LayerGradient]:
        return [_folded(layer, copies) for layer in operator.reverse(parameters, tape, cotangent)]

    return Operator(operator.forward, reverse)


def _folded(layer: LayerGradient, copies: int) -> LayerGradient:
    # A sample's gradient is a sum of outer products, and its copies are more of them.
    pairs = tuple((_stacked(left, copies), _stacked(right, copies)) for left, right in layer.pairs)
    bias = None if layer.bias is None else layer.bias.unflatten(0, (copies, -1)).sum(0)
    return LayerGradient(pairs, bias)


def _stacked(stack: Tensor, copies: int) -> Tensor:
    """(m, copies B, h) -> (m copies, B, h); what is the same for all samples (m, 1, h) -> (m copies, 1, h)."""
    if stack.shape[1] == 1:
        return stack.repeat_interleave(copies, 0)
    return stack.unflatten(1, (copies, -1)).flatten(0, 1)


def value(parameters: Sequence[Tensor], x: Tensor) -> Tensor:
    """N(x) (B,) of a scalar perceptron, given weight, bias, weight, bias, ..."""
    weights, biases = parameters[0::2], parameters[1::2]
    for weight, bias in zip(weights[:-1], biases, strict=False):
        x = softplus(linear(x, weight, bias))
    last = biases[len(weights) - 1] if len(biases) == len(weights) else None
    return linear(x, weights[-1], last).squeeze(-1)
