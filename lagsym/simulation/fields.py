"""Simulation of fields: a system over time and space in, snapshots on a grid out."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.data.noise import add_noise
from lagsym.errors import InputError
from lagsym.evolution import Applied, Evolution, LostMotionError, Places, evolve, roughness
from lagsym.evolution.grid import Grid
from lagsym.evolution.turns import without_turns
from lagsym.mechanics.system import Region, System

Start = tuple[Float[np.ndarray, "runs *sites fields"], Float[np.ndarray, "runs *sites fields"]]
USUAL = {0: (-1.5, 1.5), 1: (-1.0, 1.0)}
"""Initial fields and their rates where a system has no ranges of them."""
SMALLEST = 0.2
"""Runs have amplitudes between this share of the ranges and all of it."""
UNIFORM = 0.5
"""Weight of the uniform part of a field beside that of each wave."""
SMOOTH = 3e-7
"""Largest share of the shortest waves at any time of a run; more would not be resolved."""
CALMER, ATTEMPTS = 0.7, 12
"""Factor on the amplitude of a run that is not smooth, and how often."""


def simulate_field(
    system: System,
    region: Region,
    times: Float[np.ndarray, " times"],
    *,
    noise: float,
    seed: int,
    initial: Start | None,
) -> Lattice:
    """Fields from random smooth or given initial conditions; see `lagsym.simulate`.

    Random initial conditions are sums of a few waves with amplitudes of all sizes within the system's ranges. Where the
    motion makes waves that are too short for the sites, as it does when it steepens, the run starts again with a
    smaller amplitude.

    Raises:
        InputError: the initial conditions do not fit, or the motion cannot be followed.
    """
    generator = np.random.default_rng(seed)
    places = _places(region, system)
    start = _draw(system, region, places, generator) if initial is None else initial
    notices: tuple[str, ...] = ()
    if initial is None:
        found = _smooth_motion(system, start, times, places)
    else:
        found = _motion(system, start, times, places)
        notices = _unresolved(found, system, places)
    u, u_t = found.u, found.u_t
    if noise > 0:
        angles = np.array([name in system.angles for name in system.space.fields])
        u, u_t = add_noise(u, noise, generator, angles), add_noise(u_t, noise, generator)
    records = tuple(FieldRecord(found.t, places.axes, u[k], u_t[k], str(k)) for k in range(len(u)))
    return Lattice(system.space.fields, system.space.base, records, places.periodic, system.angles, notices)


def _places(region: Region, system: System) -> Places:
    directions = len(system.space.base) - 1
    axis = np.linspace(0.0, region.length, region.sites, endpoint=not region.periodic)
    return Places((axis,) * directions, (region.periodic,) * directions, frozenset(system.angles))


def _motion(system: System, start: Start, times: np.ndarray, places: Places) -> Evolution:
    applied = Applied(system.numeric_dissipation, system.numeric_forces)
    return evolve(system.numeric_lagrangian, system.space, start, times, places, applied=applied)


def _shortest(found: Evolution, system: System, places: Places) -> np.ndarray:
    """The share of the shortest waves in each run's fields and rates."""
    straight = without_turns(found.u, system.space.fields, places)
    return np.maximum(*(roughness(part, places.periodic) for part in (straight, found.u_t)))


def _unresolved(found: Evolution, system: System, places: Places) -> tuple[str, ...]:
    rough = [str(k) for k, share in enumerate(_shortest(found, system, places)) if share > SMOOTH]
    if not rough:
        return ()
    return (
        f"Runs with waves that are too short for the sites: {', '.join(rough)}; use more sites or smoother fields.",
    )


def _smooth_motion(system: System, start: Start, times: np.ndarray, places: Places) -> Evolution:
    """The motion, from smaller amplitudes where it does not stay smooth."""
    u, u_t = (part.copy() for part in start)
    done = Evolution(times, *(np.zeros((len(u), len(times), *u.shape[1:])) for _ in range(2)))
    left = np.arange(len(u))
    for _ in range(ATTEMPTS):
        found = _attempt(system, (u[left], u_t[left]), times, places)
        smooth = np.zeros(len(left), bool) if found is None else _shortest(found, system, places) <= SMOOTH
        if found is not None:
            done.u[left[smooth]], done.u_t[left[smooth]] = found.u[smooth], found.u_t[smooth]
        left = left[~smooth]
        if not len(left):
            return done
        u[left] *= CALMER
        u_t[left] *= CALMER
    msg = (
        f"{system.name}: no initial conditions were found whose motion stays smooth up to t = {times[-1]:g} on "
        f"{len(places.axes[0])} sites; use more sites, a shorter span or smaller ranges"
    )
    raise InputError(msg)


def _attempt(system: System, start: Start, times: np.ndarray, places: Places) -> Evolution | None:
    try:
        return _motion(system, start, times, places)
    except LostMotionError:
        return None


def _draw(system: System, region: Region, places: Places, generator: np.random.Generator) -> Start:
    """Smooth fields and rates of random amplitude within the system's ranges."""
    waves = _Waves(region, places)
    shares = generator.uniform(SMALLEST, 1.0, region.runs)
    parts = []
    for order, symbols in enumerate((system.space.positions, system.space.velocities)):
        ranges = [system.ranges.get(symbol.name, USUAL[order]) for symbol in symbols]
        columns = [waves.draw(span, shares, generator, uniform=order == 0) for span in ranges]
        parts.append(np.stack(columns, axis=-1))
    return _within_ranges(parts[0], system, places), parts[1]


@dataclass(frozen=True, eq=False)
class _Waves:
    """Sums of the longest waves that fit the region."""

    region: Region
    places: Places

    def draw(
        self, span: tuple[float, float], shares: np.ndarray, generator: np.random.Generator, *, uniform: bool
    ) -> np.ndarray:
        """Fields (runs, *sites) around the middle of the span, which reach out to the given shares of it."""
        low, high = span
        waves = np.stack([self._sum(generator, uniform=uniform) for _ in shares])
        largest = np.abs(waves).max(axis=tuple(range(1, waves.ndim)), keepdims=True)
        sizes = shares.reshape(-1, *[1] * (waves.ndim - 1)) * (high - low) / 2
        return (low + high) / 2 + sizes * waves / largest

    def _sum(self, generator: np.random.Generator, *, uniform: bool) -> np.ndarray:
        """One sum of waves with random weights; between ends it vanishes there."""
        region = self.region
        scaled = np.meshgrid(*(axis / region.length for axis in self.places.axes), indexing="ij")
        first = 0 if region.periodic else 1
        total = np.zeros(scaled[0].shape)
        for numbers in itertools.product(range(first, region.modes + 1), repeat=len(scaled)):
            if region.periodic:
                turns = sum(number * place for number, place in zip(numbers, scaled, strict=True))
                wave = np.cos(2 * np.pi * (turns + generator.uniform()))
            else:
                factors = [np.sin(np.pi * number * place) for number, place in zip(numbers, scaled, strict=True)]
                wave = np.prod(factors, axis=0)
            weight = generator.standard_normal() * (1.0 if any(numbers) else UNIFORM * uniform)
            total += weight * wave
        return total


def _within_ranges(u: np.ndarray, system: System, places: Places) -> np.ndarray:
    """Fields made smaller where a derivative along space leaves its range."""
    grid, space = Grid.of(places.axes, places.periodic), system.space
    keys = [(space.key(sp.Symbol(name, real=True)), span) for name, span in system.ranges.items()]
    for key, (low, high) in keys:
        if key is None or not key[1] or 0 in key[1]:
            continue
        slope = grid.to_sites(grid.differentiate(grid.from_sites(u[..., key[0]]), [mu - 1 for mu in key[1]]))
        flat = slope.reshape(len(u), -1)
        excess = np.maximum(np.max(flat / high, axis=1), np.max(flat / low, axis=1))
        u = u / np.maximum(excess, 1.0).reshape(-1, *[1] * (u.ndim - 1))
    return u
