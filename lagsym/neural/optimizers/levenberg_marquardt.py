"""Levenberg–Marquardt for small networks, with the exact Jacobian of every sample.

With residuals r and their Jacobian J over a batch, a step solves (JᵀJ/m + λ) s = Jᵀr/m and is taken only if it lowers
the error on that batch; λ falls after a step that succeeded at once and grows while steps fail.  It needs the square
of the number of parameters in memory and its cube in time, and up to a few thousand parameters it gets ten times
closer than first-order methods in the same time.

Source: Marquardt (1963), SIAM Journal on Applied Mathematics 11(2).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from scipy.linalg import get_blas_funcs
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from lagsym.neural.examples import Examples
from lagsym.neural.models import NetworkLagrangian
from lagsym.neural.sweeps import residuals_and_jacobian

_ATTEMPTS = 6
_DAMPING = 1e-2
_LEAST_DAMPING, _MOST_DAMPING = 1e-12, 1e12
"""At the upper end a step changes nothing any more; without an end, failing steps would lead to infinity."""

_GROWTH, _DECAY = 3.0, 2.0


class LevenbergMarquardt:
    """The optimiser's state: the model, which it changes in place, and the damping.

    Arguments:
        model: in double precision; on a CPU or CUDA.
    """

    def __init__(self, model: NetworkLagrangian) -> None:
        self._model = model
        self._damping = _DAMPING
        self._join_parameters()

    def state(self) -> dict[str, Any]:
        """What the next steps depend on besides the parameters."""
        return {"damping": self._damping}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`; to be called when the parameters are those of that moment."""
        self._damping = float(state["damping"])
        self._join_parameters()

    def _join_parameters(self) -> None:
        # After a step the parameters are parts of one vector.  As how numbers lie in memory may decide the last digit
        # of a matrix product, they are so from the beginning, be it of a run or of its continuation.
        vector_to_parameters(parameters_to_vector(self._model.network).detach(), self._model.network)

    def step(self, examples: Examples) -> float:
        """One step on a batch; the mean squared residual before it, or infinity where no step is possible."""
        residuals, jacobian = residuals_and_jacobian(self._model, examples)
        before = float(residuals.square().mean())
        if not (math.isfinite(before) and bool(jacobian.isfinite().all())):
            return math.inf
        rows, columns = jacobian.shape
        # With fewer rows than parameters the same step comes from the smaller matrix J Jᵀ.
        tall = rows >= columns
        gram = _gram(jacobian, tall=tall) / rows
        right = (jacobian.mT @ residuals if tall else residuals) / rows
        start = parameters_to_vector(self._model.network).detach()
        diagonal = gram.diagonal().clone()
        for attempt in range(_ATTEMPTS):
            gram.diagonal().copy_(diagonal + self._damping)
            factor, failed = torch.linalg.cholesky_ex(gram, upper=True)
            if not int(failed):
                solution = torch.cholesky_solve(right.unsqueeze(1), factor, upper=True).squeeze(1)
                vector_to_parameters(start - (solution if tall else jacobian.mT @ solution), self._model.network)
                after = _mean_square(self._model, examples)
                if after < before:  # false for NaN too
                    if attempt == 0:
                        self._damping = max(self._damping / _DECAY, _LEAST_DAMPING)
                    return before
            self._damping = min(self._damping * _GROWTH, _MOST_DAMPING)
        vector_to_parameters(start, self._model.network)
        return before


@torch.no_grad()
def _mean_square(model: NetworkLagrangian, examples: Examples) -> float:
    return float(examples.residuals(model, model.outputs(examples.inputs)).square().mean())


def _gram(jacobian: Tensor, *, tall: bool) -> Tensor:
    """JᵀJ if tall, else J Jᵀ; only the upper triangle is sure to be filled, which halves the work on a CPU."""
    if jacobian.device.type != "cpu":
        return jacobian.mT @ jacobian if tall else jacobian @ jacobian.mT
    transposed = jacobian.numpy().T  # column-major, as BLAS wants it, without a copy
    (symmetric_product,) = get_blas_funcs(("syrk",), (transposed,))
    return torch.from_numpy(symmetric_product(1.0, transposed, trans=not tall))
