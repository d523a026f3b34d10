import random

import pytest
import sympy as sp

from lagsym import systems
from lagsym.errors import InputError
from lagsym.mechanics.dynamics.forms import accelerations, canonical_momenta, energy
from lagsym.mechanics.dynamics.hamiltonian import (
    hamilton_equations,
    hamiltonian,
    lagrangian_from_hamiltonian,
    momentum_symbols,
    poisson_bracket,
)
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.sampling import random_point, sampling_ranges

PARTICLES = systems.particles()
LINE, PLANE = JetSpace(("q",)), JetSpace(("x", "y"))
C, G, M = sp.symbols("c g m", real=True)
FAST = {"c": (1.0, 2.0)}


def points(space, lagrangian, ranges, count=4):
    """Random positions, velocities and parameters with the momenta that belong to them, in 30 digits."""
    generator, moving = random.Random(5), (*space.base_symbols, *space.positions, *space.velocities)
    parameters = sorted(lagrangian.free_symbols - set(moving), key=str)
    bounds = sampling_ranges(space, parameters, ranges)
    for _ in range(count):
        symbols = (*moving, *parameters)
        point = dict(zip(symbols, map(sp.Rational, random_point(symbols, bounds, generator)), strict=True))
        momenta = canonical_momenta(lagrangian, space)
        values = [p.subs(point).evalf(30) for p in momenta]
        yield point | dict(zip(momentum_symbols(space), values, strict=True))


def close(one, two, point):
    return abs((one - two).subs(point).evalf(30)) < 1e-13


def check_round_trip(lagrangian, space, ranges):
    found = hamiltonian(lagrangian, space, ranges=ranges)
    back = lagrangian_from_hamiltonian(found.function, space, ranges=ranges)
    for point in points(space, lagrangian, ranges):
        assert close(found.function, energy(lagrangian, space), point)
        assert all(close(velocity, v, point) for v, velocity in found.velocities.items())
        assert close(back, lagrangian, point)


QUICK = [name for name in PARTICLES if not name.startswith(("triple", "lnn", "relativistic"))]


@pytest.mark.parametrize("name", QUICK)
def test_there_and_back_over_the_catalogue(name):
    system = PARTICLES[name]
    check_round_trip(system.lagrangian, system.space, {**system.ranges, **system.parameter_ranges})


def test_a_hamiltonian_without_a_closed_way_back_is_still_found():
    system = PARTICLES["lnn_relativistic"]
    lagrangian = system.numeric_lagrangian
    found = hamiltonian(lagrangian, system.space, ranges=system.ranges)
    for point in points(system.space, lagrangian, system.ranges):
        assert close(found.function, energy(lagrangian, system.space), point)
    with pytest.raises(InputError, match="no closed form"):
        lagrangian_from_hamiltonian(found.function, system.space, ranges=system.ranges)


(Q,), (V,) = LINE.positions, LINE.velocities
(X, Y), (VX, VY) = PLANE.positions, PLANE.velocities
SPEED = VX**2 + VY**2


@pytest.mark.parametrize(
    ("lagrangian", "space", "ranges"),
    [
        (-M * C * sp.sqrt(C**2 - V**2) - Q**4, LINE, FAST),
        (sp.cosh(V) - Q**2, LINE, {}),
        (V * sp.log(V) - V, LINE, {"q_dot": (0.2, 2.0), "p_q": (-1.0, 0.5)}),
        (V**3 / 3 + V**2 / 2, LINE, {"q_dot": (-0.4, 0.4), "p_q": (-0.2, 0.4)}),
        (M / (1 - V), LINE, {"p_q": (0.5, 2.0)}),
        (-M * C**2 * sp.sqrt(1 - SPEED / C**2) + G * X * VY, PLANE, FAST),
        (-sp.sqrt(1 - VX**2) + VY**2 / 2 + X * VY - Y**2, PLANE, {}),
        (-M * sp.sqrt(1 - VX**2 - X**2 * VY**2) + 1 / X, PLANE, {}),
        (VX * VY - X * Y, PLANE, {}),
        (V**2 * sp.exp(LINE.base_symbols[0]) / 2 - Q**2, LINE, {}),
    ],
)
def test_there_and_back(lagrangian, space, ranges):
    check_round_trip(lagrangian, space, ranges)


def test_known_hamiltonians():
    (p,) = momentum_symbols(LINE)
    free = hamiltonian(-M * C**2 * sp.sqrt(1 - V**2 / C**2), LINE, ranges=FAST)
    assert sp.expand(free.function**2 - (M**2 * C**4 + p**2 * C**2)) == 0
    px, py = momentum_symbols(PLANE)
    magnetic = hamiltonian(M * SPEED / 2 + G * X * VY, PLANE).function
    assert sp.expand(magnetic - (px**2 + (py - G * X) ** 2) / (2 * M)) == 0
    quartic = hamiltonian(V**4 / 4, LINE).function
    assert float(quartic.subs(p, -8)) == pytest.approx(12.0)  # 3/4 |p|^(4/3)


def test_hamilton_equations_give_the_same_accelerations_with_friction_and_forces():
    system = PARTICLES["double_pendulum"]
    space, lagrangian = system.space, system.numeric_lagrangian
    (_, b), (va, vb), t = space.positions, space.velocities, space.base_symbols[0]
    options = {"dissipation": (va**2 + (va - vb) ** 2) / 5, "forces": {"theta1": sp.sin(t) * va + b}}
    found = hamiltonian(lagrangian, space)
    rates = hamilton_equations(found, **options)
    direct = accelerations(lagrangian, space, **options)
    # The acceleration is d(dH/dp)/dt along Hamilton's equations.
    for point in points(space, lagrangian, {}):
        for i, v in enumerate(space.velocities):
            velocity = found.velocities[v]
            rate = sp.diff(velocity, t) + sum(sp.diff(velocity, x) * r for x, r in rates.items())
            assert close(rate, direct[i], point)
            assert close(rates[space.positions[i]], v, point)


def test_poisson_brackets_of_angular_momentum():
    space = JetSpace(("x", "y", "z"))
    (x, y, z), (px, py, pz) = space.positions, momentum_symbols(space)
    lx, ly, lz = y * pz - z * py, z * px - x * pz, x * py - y * px
    assert sp.expand(poisson_bracket(lx, ly, space) - lz) == 0
    jacobi = sum(
        poisson_bracket(f, poisson_bracket(g, h, space), space)
        for f, g, h in ((lx * px, ly, z), (ly, z, lx * px), (z, lx * px, ly))
    )
    assert sp.expand(jacobi) == 0
    free = hamiltonian(sum(v**2 for v in space.velocities) / 2 + 1 / sp.sqrt(x**2 + y**2 + z**2), space).function
    assert sp.simplify(poisson_bracket(lz, free, space)) == 0


@pytest.mark.parametrize(
    ("lagrangian", "space", "reason"),
    [
        (Q * V, LINE, "singular everywhere"),
        ((VX + VY) ** 2, PLANE, "singular everywhere"),
        (V**2 + sp.sin(V), LINE, "no chain"),
        (V**6 + V**2, LINE, "none of the 0 solutions"),
        (VX**4 + VX**2 * VY**2, PLANE, "vanishes at zero"),
        (VX**2 + VY**2 + VX**2 * VY**2, PLANE, "one quadratic form"),
        (LINE.accelerations[0] ** 2, LINE, "first order"),
        (sp.Symbol("p_q", real=True) * V**2, LINE, "rename"),
    ],
)
def test_what_has_no_closed_form_is_refused(lagrangian, space, reason):
    with pytest.raises(InputError, match=reason):
        hamiltonian(lagrangian, space)


def test_names_of_momenta_must_be_free():
    with pytest.raises(InputError, match="p_x"):
        momentum_symbols(JetSpace(("x", "p_x")))


def test_a_hamiltonian_of_velocities_is_refused():
    with pytest.raises(InputError, match="momenta and time"):
        lagrangian_from_hamiltonian(V**2, LINE)
