"""Outputs that remember what was made of them, so that a reverse sweep can take the shortest way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lagsym.neural.operators import Contraction

Cotangents = Sequence[Tensor | Contraction | None]
"""Of the output of each net; None where it has no part."""


@dataclass(frozen=True)
class Branch:
    """Something that was made of outputs without automatic differentiation.

    Arguments:
        value: what it is, as a leaf of its own.
        back: its cotangent -> those of the outputs.
    """

    value: Tensor
    back: Callable[[Tensor], Cotangents]


class Recorded(list[Tensor]):
    """The operators' outputs as leaves of automatic differentiation, and the branches that models made of them."""

    def __init__(self, outputs: Sequence[Tensor]) -> None:
        super().__init__(output.detach().requires_grad_() for output in outputs)
        self._branches: list[Branch] = []

    def branch(self, value: Tensor, back: Callable[[Tensor], Cotangents]) -> Tensor:
        """A leaf with this value; what arrives at it goes back to the outputs by `back`."""
        leaf = value.detach().requires_grad_()
        self._branches.append(Branch(leaf, back))
        return leaf

    def cotangents(self, result: Tensor, cotangent: Tensor, *, again: bool = False) -> list[list[Tensor | Contraction]]:
        """For each output its cotangents, to be added, from that of a result of the outputs and the branches.

        Arguments:
            result: what was computed from them.
            cotangent: of its shape.
            again: whether there will be another call for what shares its computation.
        """
        leaves = [*self, *(branch.value for branch in self._branches)]
        arrived = torch.autograd.grad(result, leaves, cotangent, retain_graph=again, allow_unused=True)
        found: list[list[Tensor | Contraction]] = [[] if own is None else [own] for own in arrived[: len(self)]]
        for branch, own in zip(self._branches, arrived[len(self) :], strict=True):
            if own is not None:
                for mine, more in zip(found, branch.back(own), strict=True):
                    mine += [] if more is None else [more]
        return found
