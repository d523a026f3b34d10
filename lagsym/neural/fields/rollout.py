"""Roll-out: fields followed in time with a network, on the grid that simulations use, and the network's own energy.

Where u_t enters a density as ½ Σ K_ij u_(i,t) u_(j,t) with constant K, the sum of the density over the grid is the
Lagrangian of a mechanical system,

    K u_tt = dL/du + D* dL/d(∂_x u) + D* D* dL/d(∂_x ∂_x u),   D* = W⁻¹ Dᵀ W,

the *flux form*: it takes a gradient of the network in place of Hessian rows, and conserves the network's own energy up
to the integrator's error.  Other networks give u_tt from all derivatives of the fields at each node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from scipy.integrate import solve_ivp
from torch import Tensor

from lagsym.errors import InputError
from lagsym.evolution import Evolution, Places
from lagsym.evolution.grid import Grid
from lagsym.evolution.turns import Turns, by_turns
from lagsym.neural.device import one_thread
from lagsym.neural.fields.density import DensityNetwork
from lagsym.neural.fields.network import FieldNetwork
from lagsym.neural.fields.records import FieldInputs

TOLERANCE = 1e-9
"""Of the integrator, relative to the size of the fields: below what networks reach."""
MOST_EVALUATIONS = 30_000
LARGEST_GROWTH = 1e6
"""Fields that have become so many times as large as they were have run away."""

Rates = Callable[[float, np.ndarray, np.ndarray], np.ndarray]


def roll_out(
    model: FieldNetwork,
    initial: tuple[Float[np.ndarray, "runs *sites fields"], Float[np.ndarray, "runs *sites fields"]],
    times: Float[np.ndarray, " times"],
    places: Places,
    *,
    flux: bool = True,
    tolerance: float = TOLERANCE,
) -> Evolution:
    """Follow fields in time with a network, by Dormand and Prince's method of order 8; all runs together.

    Arguments:
        model: on the CPU, in double precision.
        initial: u and u_t at the first time.
        times: increasing.
        places: the sites, and which directions are periodic; elsewhere the fields stay as they are at the ends. Which
            fields are angles is what the network was told; they may make whole turns around a periodic direction.
        flux: whether the flux form is taken where the network has one.
        tolerance: of the integrator, relative to the size of the fields.

    Raises:
        InputError: the shapes do not fit, there are too few sites, or the motion runs away.
    """
    u, u_t = (np.asarray(part, float) for part in initial)
    wanted = (*map(len, places.axes), model.scaling.count)
    if u.shape != u_t.shape or u.shape[1:] != wanted:
        msg = f"expected u and u_t as (runs, *{wanted}): sites and fields; got {u.shape} and {u_t.shape}"
        raise InputError(msg)
    grid, times = _grid(model, places), np.asarray(times, float)
    fields, rates = (np.empty((len(u), len(times), *u.shape[1:])) for _ in range(2))
    for own, turns in _by_turns(model, u, places):
        state = np.stack([grid.from_sites(np.moveaxis(part, -1, 0)) for part in (u[own] - turns.ramp, u_t[own])])
        state[1] *= grid.free
        with one_thread(), torch.no_grad():
            states = _integrate(_rates(model, grid, turns, flux=flux), state, times, tolerance, grid)
        fields[own], rates[own] = (np.moveaxis(grid.to_sites(states[:, k]), (0, 1, 2), (1, -1, 0)) for k in (0, 1))
        fields[own] += turns.ramp
    return Evolution(times, fields, rates)


def own_energy(model: DensityNetwork, motion: Evolution, places: Places) -> Float[np.ndarray, "runs times"]:
    """The network's energy, the integral over space of Σ_i u_(i,t) dL/du_(i,t) − L, on the network's own scale."""
    return _totals(model, motion, places)[0]


def own_momentum(model: DensityNetwork, motion: Evolution, places: Places) -> Float[np.ndarray, "runs times space"]:
    """The network's momentum along every direction of space k, the integral of −Σ_i u_(i,k) dL/du_(i,t).

    It is on the network's own scale, and kept where nothing holds the ends and the density does not depend on place.
    """
    return np.moveaxis(-_totals(model, motion, places)[1:], 0, -1)


def _grid(model: FieldNetwork, places: Places) -> Grid:
    return Grid.of(places.axes, places.periodic, 2 if isinstance(model, DensityNetwork) and model.bends else 1)


def _totals(model: DensityNetwork, motion: Evolution, places: Places) -> Float[np.ndarray, "base runs times"]:
    """The integrals over space of what belongs to each translation, at all times."""
    grid, found = _grid(model, places), np.empty((1 + len(places.axes), len(motion.u), len(motion.t)))
    for own, turns in _by_turns(model, motion.u[:, 0], places):
        straight = (motion.u[own] - turns.ramp, motion.u_t[own])
        fields, rates = (grid.from_sites(np.moveaxis(part, -1, 0)) for part in straight)
        for k, t in enumerate(motion.t):
            inputs = _inputs(model, grid, t, fields[:, :, k], rates[:, :, k], turns, second=bool(model.bends))
            densities = model.translations(inputs)[:, 0]
            found[:, own, k] = grid.integrate(densities.numpy().T.reshape(-1, *fields[0, :, k].shape))
    return found


def _by_turns(model: FieldNetwork, u: np.ndarray, places: Places) -> Iterator[tuple[np.ndarray, Turns]]:
    """Which runs make the same turns, of the fields that are angles to the network."""
    names = [str(i) for i in range(model.scaling.count)]
    return by_turns(u, names, replace(places, angles=frozenset(names[i] for i in model.scaling.fields.angles)))


def _rates(model: FieldNetwork, grid: Grid, turns: Turns, *, flux: bool) -> Rates:
    """u_tt at the nodes (n, runs, *nodes) as a function of time, fields and rates of that shape."""
    mass = model.constant_mass() if flux and isinstance(model, DensityNetwork) else None

    def in_flux_form(t: float, u: np.ndarray, u_t: np.ndarray) -> np.ndarray:
        assert isinstance(model, DensityNetwork)
        inputs = _inputs(model, grid, t, u, u_t, turns, second=bool(model.bends))
        by_field, by_slope, by_bend = model.slopes(inputs)
        force = _on_grid(by_field, u.shape)
        for k in range(len(grid.shape)):
            force = force + grid.differentiate(_on_grid(by_slope[:, 1 + k], u.shape), [k], adjoint=True)
        for pair, (mu, nu) in enumerate(model.bends):
            bend = _on_grid(by_bend[:, pair], u.shape)
            force = force + grid.differentiate(bend, [mu - 1, nu - 1], adjoint=True)
        return np.tensordot(inverse, force, axes=1)

    def pointwise(t: float, u: np.ndarray, u_t: np.ndarray) -> np.ndarray:
        return _on_grid(model.rate(_inputs(model, grid, t, u, u_t, turns, second=True)), u.shape)

    if mass is None:
        return pointwise
    inverse = np.linalg.inv(mass)
    return in_flux_form


def _inputs(
    model: FieldNetwork, grid: Grid, t: float, u: np.ndarray, u_t: np.ndarray, turns: Turns, *, second: bool = False
) -> FieldInputs:
    """The jets at all nodes of all runs; second derivatives but u_tt, which is left at zero, where asked for.

    The fields come without the turns that they make.
    """
    space = range(len(grid.shape))
    places = [np.broadcast_to(place, u.shape[1:]) for place in (np.array(t), *grid.places)]
    x = np.stack([place.ravel() for place in places], 1)
    slopes = turns.slopes[..., None].reshape(*turns.slopes.shape, *[1] * (u.ndim - 1))
    first = [u_t, *(grid.differentiate(u, [k]) + slopes[k] for k in space)]
    du = torch.stack([_flat(part) for part in first], 1)
    ddu = None
    if second:
        ddu = du.new_zeros(len(x), len(first), len(first), len(u))
        for k in space:
            ddu[:, 0, 1 + k] = ddu[:, 1 + k, 0] = _flat(grid.differentiate(u_t, [k]))
            for m in range(k + 1):
                ddu[:, 1 + m, 1 + k] = ddu[:, 1 + k, 1 + m] = _flat(grid.differentiate(u, [m, k]))
    whole = u + turns.at(grid.places)[:, None]
    return model.inputs(torch.from_numpy(x), _flat(whole), du, ddu)


def _flat(values: np.ndarray) -> Tensor:
    """From the grid (n, runs, *nodes) to samples (runs · nodes, n)."""
    return torch.from_numpy(np.ascontiguousarray(values.reshape(len(values), -1).T))


def _on_grid(samples: Tensor, shape: tuple[int, ...]) -> np.ndarray:
    return samples.numpy().T.reshape(shape)


def _integrate(rates: Rates, start: np.ndarray, times: np.ndarray, tolerance: float, grid: Grid) -> np.ndarray:
    """States (times, 2, n, runs, *nodes)."""
    evaluations, size = 0, max(float(np.abs(start).max()), np.finfo(float).tiny)

    def rate(t: float, state: np.ndarray) -> np.ndarray:
        nonlocal evaluations
        evaluations += 1
        if evaluations > MOST_EVALUATIONS or not np.abs(state).max() < LARGEST_GROWTH * size:
            msg = (
                f"the network's fields run away at t = {t:g}, or change too fast to be followed; start from smoother "
                "fields, shorten the time or train further"
            )
            raise InputError(msg)
        u, u_t = state.reshape(start.shape)
        return np.stack([u_t, rates(t, u, u_t) * grid.free]).ravel()

    solution = solve_ivp(
        rate, (times[0], times[-1]), start.ravel(), "DOP853", times, rtol=tolerance, atol=tolerance * size
    )
    if not solution.success:
        msg = f"the network's fields cannot be followed to t = {times[-1]:g} ({solution.message}); shorten the time"
        raise InputError(msg)
    return np.moveaxis(solution.y.reshape(*start.shape, len(times)), -1, 0)
