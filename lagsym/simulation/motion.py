"""Simulation: a system in, trajectories or snapshots of fields out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy.integrate import solve_ivp

from lagsym.data.lattice import Lattice
from lagsym.data.noise import add_noise
from lagsym.data.trajectories import Segment, Trajectories
from lagsym.errors import InputError
from lagsym.mechanics.dynamics.numeric import CompiledMechanics, compile_mechanics
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import Region, System
from lagsym.simulation.fields import simulate_field

Initial = tuple[Float[np.ndarray, "trajectories *sites n"], Float[np.ndarray, "trajectories *sites n"]]
TOLERANCE = 1e-12
"""Relative and absolute tolerance of the integrator."""
PARTICLES = 20
"""Trajectories of a particle system unless told otherwise."""
QUOTED_DIGITS = 3
"""Significant digits of a drawn parameter."""


def simulate(  # noqa: PLR0913 (all but one have defaults and names)
    system: System,
    *,
    trajectories: int | None = None,
    span: float | None = None,
    step: float | None = None,
    noise: float = 0.0,
    seed: int = 0,
    initial: Initial | None = None,
    region: Region | None = None,
) -> Trajectories | Lattice:
    """Integrate a particle system or a field from random or given initial conditions.

    The equations E + Q - dD/dv = 0 are integrated by Dormand and Prince's method of order 8, a particle's with a
    relative tolerance of 1e-12, all trajectories together; a field's density is put on a grid first
    (`lagsym.evolution.evolve`).

    Arguments:
        system: what moves.
        trajectories: how many, drawn uniformly from the system's ranges; 20 for particles and those of the region for
            fields without it. Ignored where `initial` is given.
        span: length in time; the system's default without it.
        step: sampling interval; the system's default without it.
        noise: standard deviation of the Gaussian noise on every position and velocity, relative to that of the
            column, an angle's counting as one radian at most.  Noisy trajectories hold no accelerations: nothing exact
            is left in them.
        seed: of the initial conditions and the noise.
        initial: positions and velocities at t = 0, each of shape (trajectories, n); for a field u and u_t, each of
            shape (runs, *sites, n).
        region: where a field is simulated; the system's default without it.

    Returns:
        Segments with t, q, v and, without noise, the exact a; for a field records with t, u and u_t.

    Raises:
        InputError: an option is out of its range, or the motion runs into a singularity.

    >>> from lagsym import systems
    >>> data = simulate(systems.get("pendulum"), trajectories=3, span=1.0)
    >>> len(data.segments), data.segments[0].q.shape
    (3, (101, 1))
    >>> data = simulate(systems.get("klein_gordon"), trajectories=2, span=1.0)
    >>> len(data.records), data.records[0].u.shape
    (2, (21, 128, 1))
    """
    span = system.span if span is None else span
    step = system.step if step is None else step
    usual = PARTICLES if len(system.space.base) == 1 else (region or system.region).runs
    count = usual if trajectories is None else trajectories
    _check(count, span, step, noise)
    times = step * np.arange(round(span / step) + 1)
    if len(system.space.base) > 1:
        chosen = replace(region or system.region, runs=count)
        return simulate_field(system, chosen, times, noise=noise, seed=seed, initial=initial)
    if region is not None:
        msg = f"{system.name} is a particle; expected no region, which is for fields"
        raise InputError(msg)
    return _simulate_particle(system, count, times, noise=noise, seed=seed, initial=initial)


def _simulate_particle(
    system: System, trajectories: int, times: np.ndarray, *, noise: float, seed: int, initial: Initial | None
) -> Trajectories:
    generator = np.random.default_rng(seed)
    q0, v0 = _draw_initial(system, trajectories, generator) if initial is None else _given(initial, system.space)
    mechanics = compile_mechanics(
        system.numeric_lagrangian,
        system.space,
        dissipation=system.numeric_dissipation,
        forces=system.numeric_forces,
    )
    q, v = _integrate(mechanics, q0, v0, times, system.name)
    accelerations = [mechanics.acceleration(times, *motion) for motion in zip(q, v, strict=True)]
    if noise > 0:
        angles = np.array([name in system.angles for name in system.space.fields])
        q, v = add_noise(q, noise, generator, angles), add_noise(v, noise, generator)
    segments = tuple(
        Segment(t=times, q=q[k], v=v[k], a=None if noise > 0 else accelerations[k], trajectory=str(k))
        for k in range(len(q))
    )
    return Trajectories(coordinates=system.space.fields, segments=segments, angles=system.angles)


def draw_parameters(system: System, seed: int) -> System:
    """The same system with parameters drawn from their ranges, rounded to three significant digits to be quoted.

    >>> from lagsym import systems
    >>> drawn = draw_parameters(systems.get("mass_spring"), seed=0)
    >>> dict(drawn.parameters)
    {'m': 1.46, 'k': 3.62}
    """
    generator = np.random.default_rng(seed)
    drawn = {name: generator.uniform(*bounds) for name, bounds in system.parameter_ranges.items()}
    return system.with_parameters({name: float(f"{value:.{QUOTED_DIGITS}g}") for name, value in drawn.items()})


def _check(trajectories: int, span: float, step: float, noise: float) -> None:
    if trajectories < 1:
        msg = f"expected at least one trajectory, got {trajectories}"
        raise InputError(msg)
    if not 0 < step < span < np.inf:
        msg = f"expected 0 < step < span, got step {step} and span {span}"
        raise InputError(msg)
    if not 0 <= noise < np.inf:
        msg = f"expected a noise of 0 or more, relative to each column's standard deviation, got {noise}"
        raise InputError(msg)


def _draw_initial(system: System, trajectories: int, generator: np.random.Generator) -> Initial:
    symbols = (*system.space.positions, *system.space.velocities)
    missing = [symbol.name for symbol in symbols if symbol.name not in system.ranges]
    if missing:
        msg = f"{system.name} has no range of initial conditions for {', '.join(missing)}; give `initial`"
        raise InputError(msg)
    low, high = np.array([system.ranges[symbol.name] for symbol in symbols]).T
    drawn = generator.uniform(low, high, (trajectories, len(symbols)))
    return drawn[:, : len(system.space.fields)], drawn[:, len(system.space.fields) :]


def _given(initial: Initial, space: JetSpace) -> Initial:
    q, v = (np.asarray(part, float) for part in initial)
    if q.ndim != 2 or q.shape != v.shape or q.shape[1] != len(space.fields):
        msg = f"expected `initial` as q and v, each (trajectories, {len(space.fields)}); got {q.shape} and {v.shape}"
        raise InputError(msg)
    return q, v


def _integrate(
    mechanics: CompiledMechanics, q0: np.ndarray, v0: np.ndarray, times: np.ndarray, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and velocities at `times`, each of shape (trajectories, times, n)."""
    shape = (2, *q0.shape)

    def rate(t: float, state: np.ndarray) -> np.ndarray:
        q, v = state.reshape(shape)
        return np.concatenate((v.ravel(), mechanics.acceleration(t, q, v).ravel()))

    start = np.concatenate((q0.ravel(), v0.ravel()))
    if not np.isfinite(rate(0.0, start)).all():
        msg = f"{name}: the equations of motion have no value at some initial condition; choose others"
        raise InputError(msg)
    with np.errstate(all="ignore"):
        solution = solve_ivp(rate, (0.0, times[-1]), start, "DOP853", times, rtol=TOLERANCE, atol=TOLERANCE)
    if not solution.success or not np.isfinite(solution.y).all():
        msg = f"{name}: the motion runs into a singularity before t = {times[-1]:g}; shorten `span` or start elsewhere"
        raise InputError(msg)
    motion = np.moveaxis(solution.y.reshape(*shape, len(times)), -1, 2)
    return motion[0], motion[1]
