"""Friction as a network learned it: the Rayleigh function beside its Lagrangian, read as a few terms.

With the network's E and −∂D/∂v at the samples, and the chosen law's own E off the shell, the network's scale s and the
coefficients d follow from two linear regressions,

    E[L_network] = s E[L_law],   ∂D_network/∂v = s Σ d_k ∂D_k/∂v   with d_k >= 0,

so that friction is on the scale of the law.  Unlike the balance of energy this sees how friction depends on the speed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy as sp
from jaxtyping import Float
from scipy.optimize import nnls

from lagsym.data.jets import Jets
from lagsym.data.trajectories import Trajectories
from lagsym.distillation.friction.rayleigh import KINDS, OWN, rayleigh_terms
from lagsym.distillation.libraries.terms import Library, Term, off_shell
from lagsym.mechanics.jetspace import JetSpace
from lagsym.neural import NetworkLagrangian

NEGLIGIBLE = 0.05
"""Share of the network's friction below which a term is left out."""


@dataclass(frozen=True)
class LearnedFriction:
    """What a network says about friction, on the scale of the law.

    Arguments:
        terms: Rayleigh functions; empty where there is none.
        coefficients: of the terms, all positive.
        unexplained: root mean square of what the terms leave over of the network's friction, relative to it.
    """

    terms: tuple[sp.Expr, ...]
    coefficients: Float[np.ndarray, " terms"]
    unexplained: float


def read_friction(
    model: NetworkLagrangian, lagrangian: sp.Expr, data: Trajectories, *, seed: int = 0
) -> LearnedFriction | None:
    """The friction that a network learned beside its Lagrangian; None where it has none.

    Arguments:
        model: the network.
        lagrangian: the chosen law with numbers, which sets the scale.
        data: differentiated trajectories.
        seed: of the samples that are drawn.
    """
    space, jets = JetSpace(data.coordinates), off_shell(data.jets(), seed=seed)
    reading = model.read(jets)
    if not reading.dissipative_force.any():
        return None
    target = reading.force - np.einsum("tij,tj->ti", reading.mass, jets.a)
    weights = 1 / np.sqrt(np.mean(target**2, axis=0))
    scale = _scale(target * weights, Library(space, (Term(lagrangian, 0.0),)).operator(jets)[0] * weights)
    # The kind of friction is the fit of the motion's to tell.
    terms = tuple(term.expression for term in rayleigh_terms(data) if term.kind == KINDS[0] and term.complexity >= OWN)
    columns = _slopes(terms, space, jets) * weights
    drag = (-reading.dissipative_force / scale * weights).ravel()
    regression = columns.reshape(len(terms), -1).T
    coefficients, _ = nnls(regression, drag)
    kept = np.flatnonzero(coefficients * np.linalg.norm(regression, axis=0) > NEGLIGIBLE * np.linalg.norm(drag))
    coefficients, left = nnls(regression[:, kept], drag) if len(kept) else (np.zeros(0), np.linalg.norm(drag))
    return LearnedFriction(tuple(terms[k] for k in kept), coefficients, float(left / np.linalg.norm(drag)))


def _scale(network: np.ndarray, law: np.ndarray) -> float:
    """By what the law's operator is to be multiplied to come closest to the network's."""
    return float(np.sum(network * law) / np.sum(law**2))


def _slopes(terms: tuple[sp.Expr, ...], space: JetSpace, jets: Jets) -> Float[np.ndarray, "terms samples n"]:
    """dD_k/dv of every term at the velocities of jets."""
    slopes = [sp.diff(term, v) for term in terms for v in space.velocities]
    values = sp.lambdify(space.velocities, slopes, "numpy")(*jets.v.T)
    rows = np.stack([np.broadcast_to(np.asarray(value, float), len(jets)) for value in values])
    return rows.reshape(len(terms), len(space.fields), -1).transpose(0, 2, 1)
