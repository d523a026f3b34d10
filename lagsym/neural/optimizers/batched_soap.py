"""SOAP for many networks at once: what `Soap` does to one, in batched matrix products.

With the gradient G of a weight, its Gram matrices L = mean G Gᵀ and R = mean Gᵀ G and their eigenbases P and Q, the
step is that of Adam on Pᵀ G Q, turned back.  The bases follow by one power iteration every tenth step.  Biases get
Adam's own step.  Members share nothing: one whose gradient is not finite leaves the others' steps as they are.

Source: Vyas et al. (2024), SOAP: Improving and Stabilizing Shampoo using Adam, arXiv:2409.11321.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lagsym.neural.optimizers.soap import CLIP, learning_rate

_DECAY = 0.95
_EVERY = 10
_SMALLEST = 1e-8


@dataclass
class _Moments:
    """Of one parameter of every member, or of some members.

    Arguments:
        mean: of the gradient (K, ...).
        square: of the gradient in the eigenbases (K, ...).
        grams: L (K, out, out) and R (K, in, in); none for a bias.
        bases: P and Q.
    """

    mean: Tensor
    square: Tensor
    grams: list[Tensor]
    bases: list[Tensor]

    @classmethod
    def of(cls, parameter: Tensor) -> _Moments:
        zero = torch.zeros_like(parameter)
        sides = parameter.shape[1:] if parameter.dim() == 3 else ()
        squares = [[parameter.new_zeros(len(parameter), side, side) for side in sides] for _ in range(2)]
        return cls(zero, zero.clone(), *squares)

    def take(self, index: Tensor) -> _Moments:
        return _Moments(
            self.mean[index],
            self.square[index],
            [gram[index] for gram in self.grams],
            [basis[index] for basis in self.bases],
        )

    def put(self, index: Tensor, new: _Moments) -> None:
        pairs = zip(
            (self.mean, self.square, *self.grams, *self.bases),
            (new.mean, new.square, *new.grams, *new.bases),
            strict=True,
        )
        for mine, theirs in pairs:
            mine[index] = theirs


class BatchedSoap:
    """The optimiser's state for K networks: warm-up, then a cosine; each member's gradient is clipped at norm 1.

    Arguments:
        parameters: (K, ...) each, changed in place.
        steps: how many steps there will be, for the learning rate's schedule.
    """

    def __init__(self, parameters: Sequence[Tensor], steps: int) -> None:
        self._parameters, self._steps, self._taken = list(parameters), steps, 0
        self._moments = [_Moments.of(parameter.detach()) for parameter in self._parameters]
        self._counts = [0] * len(self._parameters[0])

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> Float[Tensor, " members"]:
        """One step of every member whose gradient is finite; the norms of the gradients (K,)."""
        norms = torch.stack([gradient.flatten(1).norm(dim=1) for gradient in gradients]).norm(dim=0)
        clipped = [g * _across((CLIP / (norms + 1e-6)).clamp_max(1.0), g) for g in gradients]
        rate = learning_rate(self._taken, self._steps)
        self._taken += 1
        groups: dict[int, list[int]] = {}
        for member, finite in enumerate(norms.isfinite().tolist()):
            if finite:
                groups.setdefault(self._counts[member], []).append(member)
                self._counts[member] += 1
        for count, members in groups.items():
            for parameter, moments, gradient in zip(self._parameters, self._moments, clipped, strict=True):
                if len(members) == len(norms):
                    parameter -= rate * _advance(moments, gradient, count)
                else:
                    index = torch.tensor(members, device=norms.device)
                    some = moments.take(index)
                    parameter[index] -= rate * _advance(some, gradient[index], count)
                    moments.put(index, some)
        return norms


def _across(factors: Tensor, like: Tensor) -> Tensor:
    return factors.view(-1, *[1] * (like.dim() - 1))


def _advance(moments: _Moments, gradient: Tensor, count: int) -> Tensor:
    """Update the moments and give the direction to go against; the first gradient only sets up the bases."""
    if count == 0:
        _observe(moments, gradient)
        moments.bases = [torch.linalg.eigh(gram)[1].flip(-1) for gram in moments.grams]
        return torch.zeros_like(gradient)
    moments.mean.lerp_(gradient, 1 - _DECAY)
    moments.square.lerp_(_turned(gradient, moments.bases).square(), 1 - _DECAY)
    ratio = _turned(moments.mean, moments.bases) / (moments.square.sqrt() + _SMALLEST)
    # Both means began at zero.
    debiased = math.sqrt(1 - _DECAY**count) / (1 - _DECAY**count)
    direction = _turned(ratio, [basis.mT for basis in moments.bases]) * debiased
    _observe(moments, gradient)
    if count % _EVERY == 0:
        moments.bases = [_followed(moments, side) for side in range(len(moments.bases))]
    return direction


def _observe(moments: _Moments, gradient: Tensor) -> None:
    if moments.grams:
        left, right = moments.grams
        left.lerp_(gradient @ gradient.mT, 1 - _DECAY)
        right.lerp_(gradient.mT @ gradient, 1 - _DECAY)


def _turned(matrix: Tensor, bases: Sequence[Tensor]) -> Tensor:
    return bases[0].mT @ matrix @ bases[1] if bases else matrix


def _followed(moments: _Moments, side: int) -> Tensor:
    """The eigenbasis after one power iteration, largest eigenvalue first; the squares move along."""
    basis = moments.bases[side]
    power = moments.grams[side] @ basis
    order = (basis * power).sum(-2).argsort(dim=-1, descending=True)
    along = order.unsqueeze(2 - side).expand_as(moments.square)
    moments.square = moments.square.gather(1 + side, along)
    return torch.linalg.qr(power.gather(-1, order.unsqueeze(-2).expand_as(power)))[0]
