"""Derivatives of a network by hand: batched matrix products instead of nested automatic differentiation.

A Lagrangian network needs second derivatives of a multilayer perceptron N(x) in its forward pass.  Two operators give
them for a whole batch, each with its own reverse sweep:

    hessian_rows   dN/dx and d²N/dx_k dx for the velocity inputs k, by forward-over-reverse (scalar N)
    tangents       N(x) and dN/dq_k for every coordinate k, by forward differentiation (vector N)

Two more are of first order: `values`, for friction coefficients, driving forces and unconstrained accelerations, and
`gradient`, for Hamilton's equations.

Parameters and inputs may carry a leading dimension of members (K, ...): the networks of an ensemble, each with its own
inputs, in batched matrix products.
"""

from lagsym.neural.operators.base import LayerGradient, Operator, batch_gradient, write_jacobian_rows
from lagsym.neural.operators.contraction import Contraction
from lagsym.neural.operators.first_order import gradient, values
from lagsym.neural.operators.rows import hessian_rows
from lagsym.neural.operators.tangents import tangents

__all__ = [
    "Contraction",
    "LayerGradient",
    "Operator",
    "batch_gradient",
    "gradient",
    "hessian_rows",
    "tangents",
    "values",
    "write_jacobian_rows",
]
