"""Networks without a Lagrangian, to compare with: unconstrained accelerations, and Hamilton's equations."""

from lagsym.neural.baselines.hamiltonian import HamiltonExamples, HamiltonianNetwork, PhaseSpace, roll_out
from lagsym.neural.baselines.mlp import AccelerationNetwork

__all__ = ["AccelerationNetwork", "HamiltonExamples", "HamiltonianNetwork", "PhaseSpace", "roll_out"]
