"""Examples: what a network is to match, and how far it is from that.

A row of residuals depends on the samples of its own example alone, so that Levenberg–Marquardt gets every row of the
Jacobian out of one reverse sweep.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from lagsym.neural.models import Inputs, NetworkLagrangian
from lagsym.neural.models.base import Outputs


class Examples(ABC):
    """Examples on a model's device, in its units and number type."""

    consecutive: ClassVar[bool] = False
    """Whether they are made of `Motion`, consecutive samples, and not of jets."""

    static: ClassVar[bool] = True
    """Whether they are frozen dataclasses of tensors, and residuals come of them without waiting for the device."""

    inputs: Inputs
    """The samples (m · group, ...), those of one example in a row."""

    @property
    def group(self) -> int:
        """How many samples an example has."""
        return 1

    @property
    def columns(self) -> int:
        """How many independent residuals an example has."""
        return self.inputs.velocity.shape[1]

    def __len__(self) -> int:
        return len(self.inputs) // self.group

    @abstractmethod
    def take(self, index: Tensor) -> Examples:
        """The examples at `index`, weighed as before."""

    @abstractmethod
    def residuals(self, model: NetworkLagrangian, outputs: Outputs) -> Float[Tensor, "examples residuals"]:
        """What is to vanish, scaled so that its mean square is the square of a relative error."""

    def error(self, model: NetworkLagrangian) -> Tensor:
        """The root mean square of the residuals."""
        return self.residuals(model, model.outputs(self.inputs)).square().mean().sqrt()
