"""The reverse sweep of Hessian rows for cotangents that point the same way in every row.

Training sends such cotangents.  A change of the weights changes an acceleration a by M⁻¹ dE at fixed a, so that with
g = M h the cotangent of the accelerations

    g · da = h · dE(q, v, a),    E = dL/dq − (d/dt) dL/dv,

and row k, the change of dL/dv_k along the motion, has the cotangent −h_k (q̇, a).  What is to be differentiated is then
one mixed second derivative of the perceptron and no matrix of them: a sweep forward and back takes four columns of
matrix products a layer where that for any cotangent takes 2 (1 + n), and its outer products four where that takes
2 (1 + n).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from lagsym.neural.operators.base import LayerGradient
from lagsym.neural.operators.stacks import along, new_stack, through, weighted_sum

if TYPE_CHECKING:
    from lagsym.neural.operators.rows import RowsTape

# A stack of four holds, in this order, what belongs to tangents along w, to mixed terms, to tangents along η and to
# values; see `contracted_reverse`.


@dataclass(frozen=True)
class Contraction:
    """A cotangent c of `hessian_rows` that is the same in all rows but the first, up to a factor.

        c_0 = first,    c_(1 + k) = factors_k along

    Arguments:
        first: (B, d).
        factors: (n, B).
        along: (B, d).
    """

    first: Float[Tensor, "batch inputs"]
    factors: Float[Tensor, "directions batch"]
    along: Float[Tensor, "batch inputs"]

    def dense(self) -> Float[Tensor, "rows batch inputs"]:
        """The cotangent (1 + n, B, d).

        >>> one = torch.ones(3, 2)
        >>> Contraction(one, torch.zeros(1, 3), one).dense().sum((1, 2))
        tensor([6., 0.])
        """
        return torch.cat([self.first.unsqueeze(0), self.factors.unsqueeze(-1) * self.along])


def contracted_reverse(parameters: Sequence[Tensor], tape: RowsTape, cotangent: Contraction) -> list[LayerGradient]:
    """Differentiate ∂_first N + ∂_w ∂_η N, with w = along and η = Σ_k factors_k directions_k.

    It is the mixed term of N on the surface x + s w + t η + s t first, so that values, both tangents and the mixed
    term go forward and their cotangents back.  Tangents along η and the cotangents of those along w are linear
    combinations of what the tape holds.
    """
    weights, factors = parameters[0::2], cotangent.factors.unsqueeze(-1).unbind(-3)
    bends, rights, ends = _forward(weights, tape, cotangent, factors)
    left = _left_of_last(tape, bends[-1])
    one = torch.ones_like(ends[..., :1])
    layers = [LayerGradient(((one.unsqueeze(-3), ends.unsqueeze(-3)),), None)]
    for k in range(len(bends) - 1, -1, -1):
        layers.append(LayerGradient(((left, rights[k]),), left[3]))
        if k > 0:
            sent = weighted_sum(along(tape.before[k - 1]), factors)
            left = _left(tape, k - 1, bends[k - 1], through(left[2:], weights[k]), sent)
    return layers[::-1]


@dataclass(frozen=True)
class _Bend:
    """Of one hidden layer: tangents of z along w and η, its mixed term, and the product of the tangents (B, h)."""

    along: Tensor
    mixed: Tensor
    across: Tensor
    product: Tensor


def _forward(
    weights: Sequence[Tensor], tape: RowsTape, cotangent: Contraction, factors: Sequence[Tensor]
) -> tuple[list[_Bend], list[Tensor], Tensor]:
    """Tangents of every layer, what each weight was applied to (4, B, in), and the mixed term after the last layer."""
    across = cotangent.factors.mT @ tape.seeds.squeeze(-2)
    bends, rights = [], [torch.stack([cotangent.along, cotangent.first, across, tape.x])]
    for k, tangents in enumerate(tape.tangents):
        moved = through(rights[k][:2], weights[k].mT)
        tangent, mixed = moved.unbind()
        across = weighted_sum(tangents, factors)
        bends.append(_Bend(tangent, mixed, across, tangent * across))
        if k < len(tape.inputs):
            rights.append(_right(tape, k, moved, bends[k]))
    last = bends[-1]
    return bends, rights, (last.mixed * tape.slopes[-1]).addcmul_(tape.curvatures[-1], last.product)


def _right(tape: RowsTape, k: int, moved: Tensor, bend: _Bend) -> Tensor:
    """What the next weight is applied to (4, B, h), from the tangents along w and the mixed terms (2, B, h)."""
    slope, right = tape.slopes[k], new_stack(bend.along, 3)
    _, mixed, across, values = right.unbind()
    torch.mul(moved, slope, out=right[:2])
    mixed.addcmul_(tape.curvatures[k], bend.product)
    torch.mul(bend.across, slope, out=across)
    values.copy_(tape.inputs[k][0])
    return right


def _left_of_last(tape: RowsTape, bend: _Bend) -> Tensor:
    """Cotangents of z of the last hidden layer (4, B, h): the output's weights do not bend."""
    bent, left = tape.bent[-1], new_stack(bend.along, 3)
    tangent, mixed, across, values = left.unbind()
    torch.mul(bent, bend.across, out=tangent)
    mixed.copy_(tape.after[-1][0])
    torch.mul(bent, bend.along, out=across)
    torch.mul(bent, _third(bend, tape.slopes[-1]), out=values)
    return left


def _left(tape: RowsTape, k: int, bend: _Bend, arrived: Tensor, sent: Tensor) -> Tensor:
    """Cotangents of z of a layer (4, B, h), from those of its activations' tangents along η and values, and along w."""
    slope, bent, left = tape.slopes[k], tape.bent[k], new_stack(bend.along, 3)
    tangent, mixed, across, values = left.unbind()
    torch.mul(bent, bend.across, out=tangent).addcmul_(sent, slope)
    mixed.copy_(tape.after[k][0])
    torch.mul(arrived, slope, out=left[2:])
    across.addcmul_(bent, bend.along)
    turned = (sent * bend.along).addcmul_(arrived[0], bend.across)
    values.addcmul_(tape.curvatures[k], turned).addcmul_(bent, _third(bend, slope))
    return left


def _third(bend: _Bend, slope: Tensor) -> Tensor:
    """What the second derivative of softplus is multiplied by: its third is the second times 1 − 2 slope."""
    return (bend.mixed + bend.product).addcmul_(slope, bend.product, value=-2)
