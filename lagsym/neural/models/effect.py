"""Effect: a force beside the Lagrangian, with the one perceptron that it is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from lagsym.neural.models.records import Inputs, Net


@dataclass(frozen=True)
class Effect(ABC):
    """A force that enters E + Q − dD/dv = 0 beside a Lagrangian; frozen numbers, its weights are the model's."""

    dissipative: ClassVar[bool] = False
    """Whether it is friction, −dD/dv, rather than a force Q."""

    @property
    @abstractmethod
    def net(self) -> Net:
        """The perceptron that it is made of."""

    @abstractmethod
    def arguments(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """What the net's operator is applied to."""

    @abstractmethod
    def force(self, output: Tensor, inputs: Inputs) -> Tensor:
        """The force (B, n) in the network's units, from the operator's output."""
