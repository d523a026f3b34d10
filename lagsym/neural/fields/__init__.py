"""Density networks: neural networks that are Lagrangian densities of fields over time and space."""

from lagsym.neural.fields.baseline import FieldRateNetwork
from lagsym.neural.fields.bending import BendingDensity, bending_operator
from lagsym.neural.fields.checkpoint import load_field_fit, save_field_fit
from lagsym.neural.fields.conservation import (
    FieldConservation,
    FieldStressEnergy,
    density_conservation,
    density_stress_energy,
)
from lagsym.neural.fields.density import (
    DENSITIES,
    DensityNetwork,
    FreeDensity,
    NaturalDensity,
    density_operator,
)
from lagsym.neural.fields.examples import relative_error
from lagsym.neural.fields.fitting import FIELD_OPTIONS, FieldFit, fit_density, fit_rates
from lagsym.neural.fields.motion import FieldMotion
from lagsym.neural.fields.network import FieldNetwork
from lagsym.neural.fields.records import FieldInputs, FieldReading, ReadableDensity
from lagsym.neural.fields.rollout import own_energy, own_momentum, roll_out
from lagsym.neural.fields.scaling import FieldScaling

__all__ = [
    "DENSITIES",
    "FIELD_OPTIONS",
    "BendingDensity",
    "DensityNetwork",
    "FieldConservation",
    "FieldFit",
    "FieldInputs",
    "FieldMotion",
    "FieldNetwork",
    "FieldRateNetwork",
    "FieldReading",
    "FieldScaling",
    "FieldStressEnergy",
    "FreeDensity",
    "NaturalDensity",
    "ReadableDensity",
    "bending_operator",
    "density_conservation",
    "density_operator",
    "density_stress_energy",
    "fit_density",
    "fit_rates",
    "load_field_fit",
    "own_energy",
    "own_momentum",
    "relative_error",
    "roll_out",
    "save_field_fit",
]
