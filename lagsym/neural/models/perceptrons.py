"""Perceptrons: the weights of a network that is made of one or more of them, and their derivatives by hand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Self, cast

import torch
from torch import Tensor, nn

from lagsym.errors import InputError
from lagsym.neural.models.records import Net

Outputs = Sequence[Tensor]
"""What the operator of each net gives, in their order."""


class Perceptrons(nn.Module, ABC):
    """One or more multilayer perceptrons with softplus activations.

    Arguments:
        width: units of each hidden layer.
        depth: hidden layers.
        dtype: torch.float32 or torch.float64.

    Raises:
        InputError: width or depth is not positive, or the dtype is another one.
    """

    def __init__(self, *, width: int, depth: int, dtype: torch.dtype) -> None:
        super().__init__()
        if width < 1 or depth < 1:
            msg = f"expected width and depth of at least 1; got width {width}, depth {depth}"
            raise InputError(msg)
        if dtype not in (torch.float32, torch.float64):
            msg = f"expected torch.float32 or torch.float64; got {dtype}"
            raise InputError(msg)
        self.width, self.depth = width, depth

    def _begin(self, seed: int, dtype: torch.dtype) -> None:
        """Draw the weights; called when everything that `_nets` looks at is there."""
        self.nets = self._nets()
        self.network = nn.ParameterList(self._initial(seed, dtype))

    def _initial(self, seed: int, dtype: torch.dtype) -> list[nn.Parameter]:
        """Weight, bias, ... with weights of variance 1 / inputs, drawn alike for every dtype; linear nets are 0."""
        generator = torch.Generator().manual_seed(seed)
        parameters = []
        for net in self.nets:
            sizes = [net.inputs, *[self.width] * self.depth * net.hidden, net.outputs]
            for k, (into, out) in enumerate(pairwise(sizes)):
                weight = torch.randn(out, into, generator=generator, dtype=torch.float64) / into**0.5
                bias = 0.3 * torch.randn(out, generator=generator, dtype=torch.float64)
                if not net.hidden:
                    weight = torch.zeros_like(weight)
                if k < len(sizes) - 2:
                    parameters += [weight, bias]
                else:
                    parameters += [weight, torch.zeros_like(bias)] if net.biased else [weight]
        return [nn.Parameter(parameter.to(dtype)) for parameter in parameters]

    @property
    def dtype(self) -> torch.dtype:
        """Number type of the weights."""
        return self.network[0].dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.network[0].device

    @property
    def parameter_count(self) -> int:
        """How many numbers are learned."""
        return sum(parameter.numel() for parameter in self.network)

    def converted(self, dtype: torch.dtype) -> Self:
        """A copy on the CPU in another number type, whose units are those of `scaling` to its last digit."""
        copy = self._untrained(dtype)
        with torch.no_grad():
            for mine, theirs in zip(copy.network, self.network, strict=True):
                mine.copy_(theirs)
        return cast("Self", copy)

    @abstractmethod
    def _untrained(self, dtype: torch.dtype) -> Perceptrons:
        """One of the same kind and size, on the CPU."""

    @abstractmethod
    def _nets(self) -> tuple[Net, ...]:
        """The perceptrons."""

    @abstractmethod
    def arguments(self, inputs: Any) -> tuple[tuple[Tensor, Tensor], ...]:
        """What the operator of each net is applied to: x and directions."""

    def _own(self, tensor: Tensor) -> Tensor:
        """In the network's number type and on its device, in this order: not every device has double precision."""
        return tensor.to(self.dtype).to(self.device)

    def outputs(self, inputs: Any) -> Outputs:
        """What each net's operator gives, differentiable with respect to the parameters."""
        arguments, parameters, start = self.arguments(inputs), list(self.network), 0
        results = []
        for net, (x, directions) in zip(self.nets, arguments, strict=True):
            stop = start + net.tensors(self.depth)
            results.append(net.operator(parameters[start:stop], x, directions))
            start = stop
        return results
