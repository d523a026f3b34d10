"""Optimisers: each takes a step on a batch of examples."""

from lagsym.neural.optimizers.levenberg_marquardt import LevenbergMarquardt
from lagsym.neural.optimizers.soap import Soap

__all__ = ["LevenbergMarquardt", "Soap"]
