"""Lagrangian networks, a file for each structure."""

from types import MappingProxyType

from lagsym.neural.models.base import NetworkLagrangian
from lagsym.neural.models.free import FreeLagrangian
from lagsym.neural.models.gyroscopic import GyroscopicLagrangian
from lagsym.neural.models.natural import NaturalLagrangian
from lagsym.neural.models.records import Inputs, Net, Parts, Reading
from lagsym.neural.models.separable import SeparableLagrangian

STRUCTURES = MappingProxyType(
    {model.structure: model for model in (NaturalLagrangian, GyroscopicLagrangian, SeparableLagrangian, FreeLagrangian)}
)
"""Every structure by its name, simplest first."""

__all__ = [
    "STRUCTURES",
    "FreeLagrangian",
    "GyroscopicLagrangian",
    "Inputs",
    "NaturalLagrangian",
    "Net",
    "NetworkLagrangian",
    "Parts",
    "Reading",
    "SeparableLagrangian",
]
