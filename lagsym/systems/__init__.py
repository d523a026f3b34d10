"""The catalogue of systems: data and one formula each, shared by the documentation, tests and benchmarks.

It lists systems of one degree of freedom, of several, those without a Lagrangian, and fields, in this order.

>>> from lagsym import systems
>>> list(systems.catalogue())[:4]
['mass_spring', 'pendulum', 'damped_spring', 'damped_pendulum']
>>> list(systems.fields())[:3]
['wave_1d', 'klein_gordon', 'sine_gordon']
>>> systems.get("pendulum").lagrangian
g*l*m*cos(theta) + l**2*m*theta_dot**2/2
>>> systems.get("toda_chain(6)").space.fields
('x1', 'x2', 'x3', 'x4', 'x5', 'x6')
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from lagsym.errors import InputError
from lagsym.mechanics.system import System
from lagsym.systems import gyroscopic, linkages, nonvariational, orbits, oscillators, pendulums, relativistic, waves
from lagsym.systems.chains import fput_chain, toda_chain

__all__ = ["catalogue", "fields", "get", "particles"]

_LISTED_SIZE = 4
_FAMILIES: Mapping[str, Callable[[int], System]] = MappingProxyType(
    {"fput_chain": fput_chain, "toda_chain": toda_chain}
)
"""Systems of any number of masses; the catalogue lists each once, under its plain name and with `_LISTED_SIZE`."""
_PARTICLES = (
    oscillators.MASS_SPRING,
    pendulums.PENDULUM,
    oscillators.DAMPED_SPRING,
    pendulums.DAMPED_PENDULUM,
    oscillators.DUFFING,
    oscillators.MORSE,
    oscillators.POSITION_DEPENDENT_MASS,
    relativistic.RELATIVISTIC_PARTICLE,
    relativistic.LNN_RELATIVISTIC,
    pendulums.DRIVEN_PENDULUM,
    linkages.DOUBLE_PENDULUM,
    orbits.KEPLER,
    pendulums.SPRING_PENDULUM,
    oscillators.COUPLED_OSCILLATORS,
    linkages.TRIPLE_PENDULUM,
    pendulums.SPHERICAL_PENDULUM,
    linkages.CART_POLE,
    orbits.KEPLER_CARTESIAN,
    orbits.TWO_BODY,
    orbits.THREE_BODY_PLANAR,
    orbits.HENON_HEILES,
    *(replace(family(_LISTED_SIZE), name=name) for name, family in _FAMILIES.items()),
    gyroscopic.CHARGED_PARTICLE_MAGNETIC,
    gyroscopic.FOUCAULT_PENDULUM,
    relativistic.RELATIVISTIC_2D,
    gyroscopic.SYMMETRIC_TOP,
    nonvariational.QUADRATIC_FORCE,
    nonvariational.SWIRLING_OSCILLATOR,
    nonvariational.DAMPED_CIRCULATORY,
)
_FIELDS = (
    waves.WAVE_1D,
    waves.KLEIN_GORDON,
    waves.SINE_GORDON,
    waves.PHI4,
    waves.NONLINEAR_STRING,
    waves.WAVE_2D,
    waves.EULER_BERNOULLI_BEAM,
    waves.KDV_POTENTIAL,
    waves.COMPLEX_KLEIN_GORDON,
)


def _by_name(*entries: System) -> Mapping[str, System]:
    return MappingProxyType({system.name: system for system in entries})


_CATALOGUE = _by_name(*_PARTICLES, *_FIELDS)


def catalogue() -> Mapping[str, System]:
    """Every system by its name, in a fixed order."""
    return _CATALOGUE


def particles() -> Mapping[str, System]:
    """The systems that move over time alone, by name: those that can be simulated."""
    return _by_name(*_PARTICLES)


def fields() -> Mapping[str, System]:
    """The systems over time and space, by name."""
    return _by_name(*_FIELDS)


def get(name: str) -> System:
    """The system of that name; for a family with the number of its masses, as `toda_chain(6)`.

    Raises:
        InputError: the catalogue has no such system, and the message lists the names; or not of that size.
    """
    if name in _CATALOGUE:
        return _CATALOGUE[name]
    sized = re.fullmatch(r"(\w+) *\((.*)\)", name)
    if sized and sized[1] in _CATALOGUE:
        return _of_size(sized[1], sized[2].strip())
    close = difflib.get_close_matches(name.lower().replace("-", "_"), _CATALOGUE, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    msg = f"no system is called {name!r}; {hint}The catalogue has {', '.join(_CATALOGUE)}"
    raise InputError(msg)


def _of_size(name: str, size: str) -> System:
    if name not in _FAMILIES:
        msg = f"{name} has no size to choose; expected a size for {' or '.join(_FAMILIES)} only, got {name}({size})"
        raise InputError(msg)
    if not re.fullmatch("[0-9]{1,4}", size):
        msg = f"expected a whole number of masses, such as {name}(6), got {name}({size})"
        raise InputError(msg)
    return _FAMILIES[name](int(size))
