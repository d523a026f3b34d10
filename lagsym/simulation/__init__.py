"""Simulation: a system in, trajectories or snapshots of fields out."""

from lagsym.simulation.motion import draw_parameters, simulate

__all__ = ["draw_parameters", "simulate"]
