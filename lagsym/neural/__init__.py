"""Lagrangian networks in PyTorch: models, the fast operator, fitting."""

from lagsym.neural.checkpoint import load_fit, save_fit
from lagsym.neural.device import resolve_device
from lagsym.neural.ensemble import Ensemble, Spread, fit_ensemble
from lagsym.neural.fitting import Fit, fit, relative_error
from lagsym.neural.models import (
    STRUCTURES,
    FreeLagrangian,
    GyroscopicLagrangian,
    NaturalLagrangian,
    NetworkLagrangian,
    Parts,
    Reading,
    SeparableLagrangian,
)
from lagsym.neural.options import FitOptions
from lagsym.neural.progress import FitProgress, progress_bar
from lagsym.neural.scaling import Scaling
from lagsym.neural.symmetry import Symmetry
from lagsym.neural.unfinished import Checkpoints

__all__ = [
    "STRUCTURES",
    "Checkpoints",
    "Ensemble",
    "Fit",
    "FitOptions",
    "FitProgress",
    "FreeLagrangian",
    "GyroscopicLagrangian",
    "NaturalLagrangian",
    "NetworkLagrangian",
    "Parts",
    "Reading",
    "Scaling",
    "SeparableLagrangian",
    "Spread",
    "Symmetry",
    "fit",
    "fit_ensemble",
    "load_fit",
    "progress_bar",
    "relative_error",
    "resolve_device",
    "save_fit",
]
