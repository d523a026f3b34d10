"""Lagrangian networks, a file for each structure."""

from types import MappingProxyType

from lagsym.neural.models.base import NetworkLagrangian
from lagsym.neural.models.free import FreeLagrangian
from lagsym.neural.models.natural import NaturalLagrangian
from lagsym.neural.models.records import Inputs, Parts, Reading

STRUCTURES = MappingProxyType({model.structure: model for model in (NaturalLagrangian, FreeLagrangian)})
"""Every structure by its name, simplest first."""

__all__ = [
    "STRUCTURES",
    "FreeLagrangian",
    "Inputs",
    "NaturalLagrangian",
    "NetworkLagrangian",
    "Parts",
    "Reading",
]
