import itertools
import random

import pytest
import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.calculus import euler_lagrange, total_derivative
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.symmetry.densities import (
    boundary_current,
    energy_density,
    energy_flux,
    expanded,
    momentum_densities,
    momentum_fluxes,
    stress_energy,
)

LINE, STRING = JetSpace(("q",)), JetSpace(("u",), ("t", "x"))
PAIR = JetSpace(("u", "w"), ("t", "x", "y"))
RHO, EI, M, C = sp.symbols("rho EI m c", real=True)


def vanishes(expression):
    """Whether an expression is zero at three random rational points, to 30 digits."""
    generator = random.Random(4)
    symbols = sorted(expression.free_symbols, key=str)
    for _ in range(3):
        point = {symbol: sp.Rational(generator.randint(100, 900), 997) for symbol in symbols}
        if abs(expression.xreplace(point).evalf(30)) > 1e-20:
            return False
    return True


def string(*index):
    return STRING.symbol(0, index)


def driven_pair():
    u, w = PAIR.positions
    (t, x, y), (u_t, w_t) = PAIR.base_symbols, PAIR.derivatives(0)
    (u_x, w_x), (u_y, w_y) = PAIR.derivatives(1), PAIR.derivatives(2)
    return (u_t**2 + (1 + u**2) * w_t**2) / 2 - sp.sqrt(1 + u_x**2 + w_y**2) - u_y * w_x * sp.cos(x * w) + t * y * u * w


def general_string():
    u, (t, x) = STRING.symbol(0), STRING.base_symbols
    second = string(0, 1) ** 2 * u + x * string(0, 0) * string(1, 1) + t * string(0, 0) ** 2 + string(0, 1) * string(0)
    return RHO * string(0) ** 2 / 2 - EI * string(1, 1) ** 2 / 2 + second + t * x * u**3


DENSITIES = {
    "particle": (LINE, LINE.velocities[0] ** 2 / 2 - sp.cos(LINE.positions[0] * LINE.base_symbols[0])),
    "particle of second order": (LINE, LINE.accelerations[0] ** 2 * LINE.positions[0] + LINE.velocities[0] ** 4),
    "two fields in the plane": (PAIR, driven_pair()),
    "beam": (STRING, RHO * string(0) ** 2 / 2 - EI * string(1, 1) ** 2 / 2),
    "everything of second order": (STRING, general_string()),
}


@pytest.mark.parametrize(("space", "lagrangian"), DENSITIES.values(), ids=list(DENSITIES))
def test_the_divergence_of_stress_energy_is_an_identity(space, lagrangian):
    tensor = stress_energy(lagrangian, space)
    equations = euler_lagrange(lagrangian, space)
    for nu, x in enumerate(space.base_symbols):
        divergence = sum(total_derivative(tensor[mu][nu], space, mu) for mu in range(len(space.base)))
        work = sum(u * e for u, e in zip(space.derivatives(nu), equations, strict=True))
        assert vanishes(divergence + sp.diff(lagrangian, x) + work)


@pytest.mark.parametrize(("space", "lagrangian"), DENSITIES.values(), ids=list(DENSITIES))
def test_varying_a_lagrangian_leaves_a_current_at_the_boundary(space, lagrangian):
    changes = [sp.sin(x) + k * x**2 for k, x in enumerate(space.positions)]
    rates = {}
    for i, index in itertools.product(range(len(space.fields)), [(), *orders(space)]):
        change = changes[i]
        for mu in index:
            change = total_derivative(change, space, mu)
        rates[space.symbol(i, index)] = change
    varied = sum(change * sp.diff(lagrangian, symbol) for symbol, change in rates.items())
    inside = sum(change * e for change, e in zip(changes, euler_lagrange(lagrangian, space), strict=True))
    current = boundary_current(changes, lagrangian, space)
    boundary = sum(total_derivative(part, space, mu) for mu, part in enumerate(current))
    assert vanishes(varied - inside - boundary)


def orders(space):
    directions = range(len(space.base))
    return [index for k in (1, 2) for index in itertools.combinations_with_replacement(directions, k)]


def test_a_particle_has_its_energy_alone():
    q, v = LINE.positions[0], LINE.velocities[0]
    lagrangian = M * v**2 / 2 + M * v * q + sp.cos(q)  # the gauge term v q carries no energy
    assert stress_energy(lagrangian, LINE) == ((M * v**2 / 2 - sp.cos(q),),)
    assert energy_flux(lagrangian, LINE) == momentum_densities(lagrangian, LINE) == ()


def test_klein_gordon():
    u, (u_t, u_x) = STRING.symbol(0), (string(0), string(1))
    lagrangian = (u_t**2 - C**2 * u_x**2 - M**2 * u**2) / 2
    assert energy_density(lagrangian, STRING) == expanded((u_t**2 + C**2 * u_x**2 + M**2 * u**2) / 2)
    assert energy_flux(lagrangian, STRING) == (-(C**2) * u_t * u_x,)
    assert momentum_densities(lagrangian, STRING) == (-u_t * u_x,)
    assert momentum_fluxes(lagrangian, STRING) == ((expanded((u_t**2 + C**2 * u_x**2 - M**2 * u**2) / 2),),)


def test_the_beam_carries_energy_by_shear_force_and_bending_moment():
    # Power across a section: -w_t times the shear force -EI w_xxx, plus the moment EI w_xx times the rate -w_tx.
    lagrangian = RHO * string(0) ** 2 / 2 - EI * string(1, 1) ** 2 / 2
    assert energy_density(lagrangian, STRING) == RHO * string(0) ** 2 / 2 + EI * string(1, 1) ** 2 / 2
    assert energy_flux(lagrangian, STRING) == (EI * string(0) * string(1, 1, 1) - EI * string(0, 1) * string(1, 1),)
    assert momentum_densities(lagrangian, STRING) == (-RHO * string(0) * string(1),)


def test_a_particle_of_second_order_has_ostrogradskys_energy():
    # For L = a^2 / 2 the motion is a cubic in time; v (-jerk) + a^2 - a^2 / 2 is constant along it.
    t = LINE.base_symbols[0]
    energy = energy_density(LINE.accelerations[0] ** 2 / 2, LINE)
    motion = 1 + 2 * t - 3 * t**2 + 5 * t**3
    along = {LINE.symbol(0, (0,) * k): sp.diff(motion, t, k) for k in range(5)}
    assert sp.expand(energy.subs(along)) == -2 * 30 + 36 - 18


def test_energy_and_momentum_of_a_plane_wave_flow_at_its_group_velocity():
    t, x = STRING.base_symbols
    k, frequency = sp.Integer(3), sp.Integer(5)  # m = 4 and c = 1: 5^2 = 3^2 + 4^2
    wave = sp.cos(k * x - frequency * t)
    lagrangian = (string(0) ** 2 - string(1) ** 2 - 16 * STRING.symbol(0) ** 2) / 2
    along = {STRING.symbol(0): wave, string(0): sp.diff(wave, t), string(1): sp.diff(wave, x)}

    def mean(expression):
        return sp.integrate(expression.subs(along).subs(t, 0), (x, 0, 2 * sp.pi))

    density = mean(energy_density(lagrangian, STRING))
    assert mean(energy_flux(lagrangian, STRING)[0]) / density == k / frequency
    assert mean(momentum_densities(lagrangian, STRING)[0]) / density == k / frequency
    assert mean(momentum_fluxes(lagrangian, STRING)[0][0]) / density == (k / frequency) ** 2


def test_expanded_keeps_roots_and_functions_closed():
    x, y = sp.symbols("x y", real=True)
    root, cosine = sp.sqrt((x - y) ** 2 + 1), sp.cos(x * (1 + y))
    assert expanded((x + 1) * (root + cosine)) == x * root + root + x * cosine + cosine


def test_third_derivatives_are_refused():
    with pytest.raises(InputError, match="first or second order in derivatives, got order 3"):
        stress_energy(string(0, 0, 1) ** 2, STRING)
