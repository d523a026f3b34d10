"""Levenberg–Marquardt for small networks, with the exact Jacobian of every sample.

With residuals r and their Jacobian J over a batch, a step solves (JᵀJ/m + λ) s = Jᵀr/m and is taken only if it lowers
the error on that batch; λ falls after a step that succeeded at once and grows while steps fail.  It needs the square
of the number of parameters in memory and its cube in time, and up to a few thousand parameters it gets ten times
closer than first-order methods in the same time.

A batch that is only a part of the data says little about some directions, and a step that follows it there spoils what
earlier batches have taught.  In place of JᵀJ/m there stands therefore

    G_k = γ_k G_(k-1) + JᵀJ/m,   γ_(k+1) = γ_k + ρ (γ − γ_k),

which for a linear model makes each step that of recursive least squares over about the last 1/(1 − γ_k) batches: two
at first, where a linear model soon ceases to hold, and ten in the end.

Sources: Marquardt (1963), SIAM Journal on Applied Mathematics 11(2); Bertsekas (1996), Incremental least squares
methods and the extended Kalman filter, SIAM Journal on Optimization 6(3).
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

_FIRST_MEMORY, _MEMORY, _RISE = 0.5, 0.9, 0.01
"""γ_0, γ and ρ: how much of the normal matrix is left after a further batch, at first and in the end, and how soon."""


class LevenbergMarquardt:
    """The optimiser's state: the model, which it changes in place, the damping, and what earlier batches left behind.

    Arguments:
        model: in double precision; on a CPU or CUDA.
        examples: how many there are in all.  Of a batch that holds them all, earlier ones can tell nothing more.
    """

    def __init__(self, model: NetworkLagrangian, examples: int = 0) -> None:
        self._model, self._examples = model, examples
        self._damping, self._memory = _DAMPING, _FIRST_MEMORY
        self._normal: Tensor | None = None
        self._join_parameters()

    def state(self) -> dict[str, Any]:
        """What the next steps depend on besides the parameters."""
        return {"damping": self._damping, "memory": self._memory, "normal": self._normal}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`; to be called when the parameters are those of that moment."""
        self._damping, self._memory = float(state["damping"]), float(state["memory"])
        normal = state["normal"]
        self._normal = None if normal is None else torch.as_tensor(normal, device=self._model.device)
        self._join_parameters()

    def _join_parameters(self) -> None:
        # After a step the parameters are parts of one vector.  As how numbers lie in memory may decide the last digit
        # of a matrix product, they are so from the beginning, be it of a run or of its continuation.
        vector_to_parameters(parameters_to_vector(self._model.network).detach(), self._model.network)

    def _remembered(self, gram: Tensor, *, partial: bool) -> Tensor:
        """The normal matrix of a batch with what is left of those before, to be changed freely."""
        if not partial:
            self._memory, self._normal = _FIRST_MEMORY, None
            return gram
        self._normal = gram if self._normal is None else self._memory * self._normal + gram
        self._memory += _RISE * (_MEMORY - self._memory)
        return self._normal.clone()

    def step(self, examples: Examples) -> float:
        """One step on a batch; the mean squared residual before it, or infinity where no step is possible."""
        residuals, jacobian = residuals_and_jacobian(self._model, examples)
        before = float(residuals.square().mean())
        if not (math.isfinite(before) and bool(jacobian.isfinite().all())):
            return math.inf
        rows, columns = jacobian.shape
        # With fewer rows than parameters the same step comes from the smaller matrix J Jᵀ.
        tall = rows >= columns
        gram = self._remembered(_gram(jacobian, tall=tall) / rows, partial=tall and len(examples) < self._examples)
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
