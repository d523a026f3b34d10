"""Fields in motion: any density on a grid that is itself Lagrangian, integrated in time, and its energy."""

from lagsym.evolution.density import Applied as Applied
from lagsym.evolution.energy import field_energy as field_energy
from lagsym.evolution.motion import Evolution as Evolution
from lagsym.evolution.motion import LostMotionError as LostMotionError
from lagsym.evolution.motion import evolve as evolve
from lagsym.evolution.motion import roughness as roughness
from lagsym.evolution.places import Places as Places
