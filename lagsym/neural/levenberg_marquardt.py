"""Levenberg–Marquardt for small networks, with the exact Jacobian of every sample.

With residuals r and their Jacobian J over a batch, a step solves (JᵀJ/m + λ) s = Jᵀr/m and is taken only if it lowers
the error on that batch; λ falls after a step that succeeded at once and grows while steps fail.  It needs the square
of the number of parameters in memory and its cube in time, and up to a few thousand parameters it gets ten times
closer than first-order methods in the same time.

Source: Marquardt (1963), SIAM Journal on Applied Mathematics 11(2).
"""

from __future__ import annotations

import math

import torch
from scipy.linalg import get_blas_funcs
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from lagsym.neural.models import Inputs, NetworkLagrangian
from lagsym.neural.operator import write_jacobian_rows
from lagsym.neural.target import Target

_ATTEMPTS = 6
_DAMPING = 1e-2
_LEAST_DAMPING = 1e-12
_GROWTH, _DECAY = 3.0, 2.0


class LevenbergMarquardt:
    """The optimiser's state: the model, which it changes in place, and the damping.

    Arguments:
        model: in double precision; on a CPU or CUDA.
    """

    def __init__(self, model: NetworkLagrangian) -> None:
        self._model = model
        self._damping = _DAMPING

    def step(self, inputs: Inputs, target: Target) -> float:
        """One step on a batch; the mean squared residual before it, or infinity where no step is possible."""
        residuals, jacobian = residuals_and_jacobian(self._model, inputs, target)
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
                after = float(_residuals(self._model, inputs, target).square().mean())
                if after < before:  # false for NaN too
                    if attempt == 0:
                        self._damping = max(self._damping / _DECAY, _LEAST_DAMPING)
                    return before
            self._damping *= _GROWTH
        vector_to_parameters(start, self._model.network)
        return before


@torch.no_grad()
def _residuals(model: NetworkLagrangian, inputs: Inputs, target: Target) -> Tensor:
    return target.residuals(model.solve(model.output(inputs), inputs)).flatten()


def residuals_and_jacobian(model: NetworkLagrangian, inputs: Inputs, target: Target) -> tuple[Tensor, Tensor]:
    """Weighted residuals (B n,) and their Jacobian (B n, P), P parameters in the order of `model.network`."""
    parameters = [parameter.detach() for parameter in model.network]
    output, tape = model.operator.forward(parameters, *model.arguments(inputs))
    output.requires_grad_()
    residuals = target.residuals(model.solve(output, inputs))
    jacobian = residuals.new_empty(*residuals.shape, model.parameter_count)
    for j in range(model.coordinates):
        # Samples do not mix, so one backward pass gives every sample's derivative of its j-th residual.
        (cotangent,) = torch.autograd.grad(residuals[:, j].sum(), output, retain_graph=True)
        write_jacobian_rows(model.operator.reverse(parameters, tape, cotangent), jacobian[:, j])
    return residuals.detach().flatten(), jacobian.flatten(0, 1)


def _gram(jacobian: Tensor, *, tall: bool) -> Tensor:
    """JᵀJ if tall, else J Jᵀ; only the upper triangle is sure to be filled, which halves the work on a CPU."""
    if jacobian.device.type != "cpu":
        return jacobian.mT @ jacobian if tall else jacobian @ jacobian.mT
    transposed = jacobian.numpy().T  # column-major, as BLAS wants it, without a copy
    (symmetric_product,) = get_blas_funcs(("syrk",), (transposed,))
    return torch.from_numpy(symmetric_product(1.0, transposed, trans=not tall))
