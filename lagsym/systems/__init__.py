"""The catalogue of systems: data and one formula each, shared by the documentation, tests and benchmarks.

>>> from lagsym import systems
>>> list(systems.catalogue())
['mass_spring', 'pendulum', 'double_pendulum', 'kepler', 'spring_pendulum', 'coupled_oscillators']
>>> systems.get("pendulum").lagrangian
g*l*m*cos(theta) + l**2*m*theta_dot**2/2
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from lagsym.errors import InputError
from lagsym.mechanics.system import System
from lagsym.systems.orbits import KEPLER
from lagsym.systems.oscillators import COUPLED_OSCILLATORS, MASS_SPRING
from lagsym.systems.pendulums import DOUBLE_PENDULUM, PENDULUM, SPRING_PENDULUM

__all__ = ["catalogue", "get"]

_ENTRIES = (MASS_SPRING, PENDULUM, DOUBLE_PENDULUM, KEPLER, SPRING_PENDULUM, COUPLED_OSCILLATORS)
_CATALOGUE: Mapping[str, System] = MappingProxyType({system.name: system for system in _ENTRIES})


def catalogue() -> Mapping[str, System]:
    """Every system by its name, in a fixed order."""
    return _CATALOGUE


def get(name: str) -> System:
    """The system of that name.

    Raises:
        InputError: the catalogue has no such system; the message lists the names.
    """
    if name in _CATALOGUE:
        return _CATALOGUE[name]
    close = difflib.get_close_matches(name.lower().replace("-", "_"), _CATALOGUE, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    msg = f"no system is called {name!r}; {hint}The catalogue has {', '.join(_CATALOGUE)}"
    raise InputError(msg)
