"""SOAP, Adam in the eigenbasis of Shampoo's preconditioner, for networks whose normal matrix would be too large.

Source: Vyas et al. (2024), SOAP: Improving and Stabilizing Shampoo using Adam, arXiv:2409.11321.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from pytorch_optimizer import SOAP

from lagsym.neural.captured import BatchGradient
from lagsym.neural.examples import Examples
from lagsym.neural.models import NetworkLagrangian

_LEARNING_RATE = 5e-3
_WARM_UP = 100
CLIP = 1.0
_FINAL = 1e-4
"""The learning rate ends at this fraction of its peak."""


class Soap:
    """The optimiser's state: warm-up, then a cosine down over all its steps; gradients are clipped at norm 1.

    Arguments:
        model: changed in place.
        steps: how many steps there will be, for the learning rate's schedule.
    """

    def __init__(self, model: NetworkLagrangian, steps: int) -> None:
        self._steps, self._taken = steps, 0
        self._gradient, self._parameters = BatchGradient(model), list(model.network)
        self._optimizer = SOAP(self._parameters, lr=_LEARNING_RATE, weight_decay=0.0)

    def state(self) -> dict[str, Any]:
        """What the next steps depend on besides the parameters: moments, preconditioners, eigenbases, steps taken."""
        state = self._optimizer.state_dict()
        moments = [state["state"][k] for k in sorted(state["state"])]
        return {"taken": self._taken, "moments": moments, "groups": state["param_groups"]}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`; to be called when the parameters are those of that moment."""
        moments = dict(enumerate(state["moments"]))
        self._optimizer.load_state_dict({"state": moments, "param_groups": state["groups"]})
        self._taken = int(state["taken"])

    def step(self, examples: Examples) -> float:
        """One step on a batch; the mean squared residual before it, or infinity where no step is possible."""
        squared, gradients = self._gradient(examples)
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            parameter.grad = gradient
        total = torch.nn.utils.clip_grad_norm_(self._parameters, CLIP)
        norm, error = torch.stack([total, squared]).tolist()  # waits for the device once
        rate = learning_rate(self._taken, self._steps)
        self._taken += 1
        if not math.isfinite(norm):  # the batch holds a sample at which M is singular: leave it out
            return math.inf
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        return error


def learning_rate(taken: int, steps: int) -> float:
    """The learning rate after so many of all steps."""
    cosine = 0.5 * (1 + math.cos(math.pi * taken / steps))
    return _LEARNING_RATE * min(1.0, (taken + 1) / _WARM_UP) * (cosine + _FINAL)
