"""Every field of the catalogue: its law holds on what is simulated, energy stays, and the seed decides."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

from lagsym import systems
from lagsym.data.grid_derivatives import differentiate
from lagsym.errors import InputError
from lagsym.evolution import Places, field_energy
from lagsym.mechanics.calculus import euler_lagrange
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import Region, System
from lagsym.simulation import draw_parameters, simulate

FIELDS = systems.fields()
each_field = pytest.mark.parametrize("system", FIELDS.values(), ids=list(FIELDS))


def residual(system, lattice):
    """Of the law on all inner points, over its largest term."""
    derivatives, worst = differentiate(lattice), 0.0
    for equation in euler_lagrange(system.numeric_lagrangian, system.space):
        symbols = sorted(equation.free_symbols, key=str)
        terms = sp.lambdify(symbols, sp.Add.make_args(sp.expand(equation)))
        for record in lattice.records:
            jets = [derivatives.derivative(record, index)[..., i] for i, index in map(system.space.key, symbols)]
            cuts = zip(derivatives.stencils, record.u.shape, strict=False)
            inner = tuple(slice(stencil.margin, size - stencil.margin) for stencil, size in cuts)
            values = np.stack([np.broadcast_to(term, record.u.shape[:-1])[inner].ravel() for term in terms(*jets)])
            worst = max(worst, np.sqrt(np.mean(values.sum(0) ** 2) / np.mean(values**2, 1).max()))
    return worst


def drift(system, lattice):
    places = Places(lattice.records[0].axes, lattice.periodic)
    u, u_t = (np.stack([getattr(record, name) for record in lattice.records]) for name in ("u", "u_t"))
    energy = field_energy(system.numeric_lagrangian, system.space, u, u_t, places)
    return (np.abs(energy - energy[:, :1]).max(axis=1) / np.abs(energy).max(axis=1)).max()


def check(system, lattice):
    assert residual(system, lattice) < (5e-6 if system.space.order(system.lagrangian) == 2 else 1e-6)
    assert drift(system, lattice) < 1e-8


@each_field
def test_the_law_holds_and_energy_stays(system):
    lattice = simulate(system, trajectories=2, span=system.span / 4, seed=1)
    check(system, lattice)
    assert lattice.base == system.space.base
    assert lattice.angles == system.angles
    assert lattice.has_rates
    assert lattice.names == ("0", "1")
    assert not lattice.notices


@pytest.mark.slow
@each_field
def test_defaults_hold_the_law(system):
    check(system, simulate(system))


@pytest.mark.slow
@each_field
def test_every_draw_can_be_followed(system):
    for seed in range(4):
        drawn = draw_parameters(system, seed)
        assert drift(drawn, simulate(drawn, seed=seed)) < 1e-7


def test_fixed_ends():
    system = systems.get("phi4")
    lattice = simulate(system, trajectories=2, span=1.0, region=replace(system.region, periodic=False))
    assert lattice.periodic == (False,)
    assert lattice.records[0].axes[0][-1] == system.region.length
    for record in lattice.records:
        np.testing.assert_allclose(record.u[:, [0, -1]], 0, atol=1e-9)
    assert residual(system, lattice) < 1e-5


def test_the_seed_decides_and_noise_is_relative():
    system = systems.get("klein_gordon")
    one, same, other = (simulate(system, trajectories=2, span=1.0, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.records[1].u, same.records[1].u)
    assert np.abs(one.records[1].u - other.records[1].u).max() > 0.1
    clean, noisy = (simulate(system, span=1.0, noise=noise, seed=5) for noise in (0.0, 0.05))
    for name in ("u", "u_t"):
        exact, measured = (np.stack([getattr(r, name) for r in data.records]) for data in (clean, noisy))
        assert (measured - exact).std() == pytest.approx(0.05 * exact.std(), rel=0.02)
    assert noisy.positions_only().records[0].u_t is None


def test_amplitudes_differ_and_stay_in_range():
    system = systems.get("sine_gordon")
    lattice = simulate(system, trajectories=12, span=0.2)
    sizes = np.array([np.abs(record.u[0]).max() for record in lattice.records])
    assert sizes.max() <= system.ranges["phi"][1]
    assert sizes.max() > 2 * sizes.min()
    string = replace(systems.get("nonlinear_string"), ranges={"u": (-9.0, 9.0), "u_x": (-0.1, 0.1)})
    for record in simulate(string, trajectories=3, span=0.2).records:
        slope = np.gradient(record.u[0, :, 0], record.steps[1])
        assert np.abs(slope).max() < 0.1001


def test_given_fields_are_the_start():
    system = systems.get("wave_1d")
    x = np.arange(64) * 20.0 / 64
    start = np.exp(-((x - 10) ** 2) / 4)[None, :, None]
    region = Region(sites=64)
    found = simulate(system, initial=(start, 0 * start), span=2.0, region=region)
    np.testing.assert_allclose(found.records[0].u[0], start[0], atol=1e-9)
    spike = np.zeros((1, 64, 1))
    spike[0, 30] = 1.0
    assert "too short for the sites: 0" in simulate(system, initial=(spike, 0 * spike), region=region).notices[0]


def test_an_angle_that_turns_around_the_ring_may_be_given():
    system, region = systems.get("sine_gordon"), Region(length=10.0, sites=64, runs=1)
    start = (2 * np.pi * np.arange(64) / 64)[None, :, None]
    found = simulate(system, initial=(start, 0 * start), span=2.0, region=region)
    assert not found.notices
    u = found.records[0].u[..., 0]
    np.testing.assert_allclose(2 * u[:, -1] - u[:, -2] - u[:, 0], 2 * np.pi, atol=0.02)
    assert np.abs(u[:, 32] - np.pi).max() < 1e-9  # the middle between two wells stays where it is, by symmetry


def test_motion_that_steepens_starts_again_with_less(monkeypatch):
    space = JetSpace(("u",), ("t", "x"))
    (u,), (u_t,), (u_x,) = space.positions, space.derivatives(0), space.derivatives(1)
    # Large fields run away to infinity.
    system = System("fall", space, u_t**2 / 2 - u_x**2 / 2 - u**2 / 2 + u**4 / 4, span=2.0, step=0.1)
    lattice = simulate(replace(system, ranges={"u": (-6.0, 6.0)}), trajectories=2)
    assert all(np.abs(record.u).max() < 6 for record in lattice.records)
    hopeless = replace(system, lagrangian=u_t**2 / 2 + u_x**2 / 2, span=20.0)
    monkeypatch.setattr("lagsym.simulation.fields.ATTEMPTS", 2)
    with pytest.raises(InputError, match="no initial conditions were found"):
        simulate(hopeless, trajectories=1, region=Region(sites=32))


def test_bad_regions_are_refused():
    for options in ({"length": 0.0}, {"sites": 16}, {"runs": 0}, {"modes": 0}):
        with pytest.raises(InputError, match="more than four sites"):
            Region(**options)
