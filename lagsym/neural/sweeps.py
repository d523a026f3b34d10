"""Residuals on examples and their derivatives by all parameters: operators forward, their reverse sweeps back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lagsym.neural.examples import Examples
from lagsym.neural.models import Inputs, Net, NetworkLagrangian
from lagsym.neural.models.recorded import Recorded
from lagsym.neural.operators import Contraction, LayerGradient, batch_gradient, write_jacobian_rows


@dataclass(frozen=True)
class _Sweep:
    """A net with its parameters, its operator's output, and the tape that leads back."""

    net: Net
    parameters: list[Tensor]
    output: Tensor
    tape: Any

    def reverse(self, cotangents: list[Tensor | Contraction]) -> list[LayerGradient]:
        """The gradient of each layer for a sum of cotangents."""
        summands = cotangents or [torch.zeros_like(self.output)]
        first, *others = (self.net.operator.reverse(self.parameters, self.tape, one) for one in summands)
        for other in others:
            first = [_sum(*pair) for pair in zip(first, other, strict=True)]
        return first


def mean_square_and_gradient(model: NetworkLagrangian, examples: Examples) -> tuple[Tensor, list[Tensor]]:
    """The mean square of the residuals () and its gradient by every parameter, in the order of `model.network`."""
    sweeps = _forward(model, examples.inputs)
    outputs = Recorded([sweep.output for sweep in sweeps])
    residuals = examples.residuals(model, outputs)
    constant = residuals.detach()
    squared, slope = constant.square().mean(), constant * (2 / constant.numel())
    cotangents = outputs.cotangents(residuals, slope)
    gradients = [batch_gradient(sweep.reverse(own)) for sweep, own in zip(sweeps, cotangents, strict=True)]
    return squared, [gradient for own in gradients for gradient in own]


def residuals_and_jacobian(
    model: NetworkLagrangian, examples: Examples
) -> tuple[Float[Tensor, " rows"], Float[Tensor, "rows parameters"]]:
    """Weighted residuals (m r,) and their Jacobian (m r, P), P parameters in the order of `model.network`."""
    sweeps = _forward(model, examples.inputs)
    outputs = Recorded([sweep.output for sweep in sweeps])
    residuals = examples.residuals(model, outputs)
    jacobian = residuals.new_empty(*residuals.shape, model.parameter_count)
    for j in range(residuals.shape[1]):
        # Examples do not mix, so one backward pass gives every example's derivative of its j-th residual.
        start = 0
        cotangents = outputs.cotangents(residuals[:, j], torch.ones_like(residuals[:, j]), again=True)
        for sweep, own in zip(sweeps, cotangents, strict=True):
            stop = start + sum(parameter.numel() for parameter in sweep.parameters)
            layers = _by_example(sweep.reverse(own), examples.group)
            write_jacobian_rows(layers, jacobian[:, j, start:stop])
            start = stop
    return residuals.detach().flatten(), jacobian.flatten(0, 1)


def _forward(model: NetworkLagrangian, inputs: Inputs) -> list[_Sweep]:
    everything, start, sweeps = [parameter.detach() for parameter in model.network], 0, []
    for net, arguments in zip(model.nets, model.arguments(inputs), strict=True):
        own = everything[start : start + net.tensors(model.depth)]
        sweeps.append(_Sweep(net, own, *net.operator.forward(own, *arguments)))
        start += len(own)
    return sweeps


def _sum(one: LayerGradient, other: LayerGradient) -> LayerGradient:
    bias = None if one.bias is None or other.bias is None else one.bias + other.bias
    return LayerGradient(one.pairs + other.pairs, bias)


def _by_example(layers: list[LayerGradient], group: int) -> list[LayerGradient]:
    """Gradients of examples from those of their samples: summing over a group is stacking what is contracted anyway."""
    if group == 1:
        return layers

    def stacked(part: Tensor) -> Tensor:  # (m, B · group, k) -> (m · group, B, k)
        return part.unflatten(1, (-1, group)).transpose(1, 2).flatten(0, 1)

    grouped = []
    for layer in layers:
        pairs = ((left, right.expand(-1, left.shape[1], -1)) for left, right in layer.pairs)
        bias = None if layer.bias is None else layer.bias.unflatten(0, (-1, group)).sum(1)
        grouped.append(LayerGradient(tuple((stacked(left), stacked(right)) for left, right in pairs), bias))
    return grouped
