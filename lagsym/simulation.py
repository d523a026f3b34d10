"""Simulation: a system in, trajectories out."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.integrate import solve_ivp

from lagsym.data.trajectories import Segment, Trajectories
from lagsym.errors import InputError
from lagsym.mechanics.dynamics.numeric import CompiledMechanics, compile_mechanics
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System

Initial = tuple[Float[np.ndarray, "trajectories n"], Float[np.ndarray, "trajectories n"]]
TOLERANCE = 1e-12
"""Relative and absolute tolerance of the integrator."""
QUOTED_DIGITS = 3
"""Significant digits of a drawn parameter."""


def simulate(
    system: System,
    *,
    trajectories: int = 20,
    span: float | None = None,
    step: float | None = None,
    noise: float = 0.0,
    seed: int = 0,
    initial: Initial | None = None,
) -> Trajectories:
    """Integrate a particle system from random or given initial conditions.

    The equations E + Q - dD/dv = 0 are integrated by Dormand and Prince's method of order 8 with a relative tolerance
    of 1e-12, all trajectories together.

    Arguments:
        system: what moves.
        trajectories: how many, drawn uniformly from the system's ranges; ignored where `initial` is given.
        span: length in time; the system's default without it.
        step: sampling interval; the system's default without it.
        noise: standard deviation of the Gaussian noise on every position and velocity, relative to that of the
            column.  Noisy trajectories hold no accelerations: nothing exact is left in them.
        seed: of the initial conditions and the noise.
        initial: positions and velocities at t = 0, each of shape (trajectories, n).

    Returns:
        Segments with t, q, v and, without noise, the exact a.

    Raises:
        InputError: the system is a field, an option is out of its range, or the motion runs into a singularity.

    >>> from lagsym import systems
    >>> data = simulate(systems.get("pendulum"), trajectories=3, span=1.0)
    >>> len(data.segments), data.segments[0].q.shape
    (3, (101, 1))
    """
    span = system.span if span is None else span
    step = system.step if step is None else step
    if len(system.space.base) > 1:
        msg = f"{system.name} is a field over {', '.join(system.space.base)}; expected a particle"
        raise InputError(msg)
    _check(trajectories, span, step, noise)
    generator = np.random.default_rng(seed)
    q0, v0 = _draw_initial(system, trajectories, generator) if initial is None else _given(initial, system.space)
    mechanics = compile_mechanics(
        system.numeric_lagrangian,
        system.space,
        dissipation=system.numeric_dissipation,
        forces=system.numeric_forces,
    )
    times = step * np.arange(round(span / step) + 1)
    q, v = _integrate(mechanics, q0, v0, times, system.name)
    accelerations = [mechanics.acceleration(times, *motion) for motion in zip(q, v, strict=True)]
    if noise > 0:
        q, v = (x + noise * x.std((0, 1)) * generator.standard_normal(x.shape) for x in (q, v))
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
