"""The fields against solutions that the literature gives."""

import mpmath
import pytest
import sympy as sp

from lagsym import systems
from lagsym.mechanics.calculus import euler_lagrange
from lagsym.mechanics.dynamics.forms import mass_matrix
from lagsym.mechanics.system import parameter_symbol

T, X, Y = sp.symbols("t x y", real=True)
K, Q, V, A = sp.symbols("k_ q_ v_ a_", positive=True)
C, M, RHO, TAU, SIGMA, B, OMEGA, LAMBDA, ETA, ALPHA, BETA, EPSILON = map(
    parameter_symbol, ("c", "m", "rho", "tau", "sigma", "B", "omega", "lambda", "eta", "alpha", "beta", "epsilon")
)
GAMMA = 1 / sp.sqrt(1 - V**2 / C**2)
"""Lorentz' factor of a soliton at the speed v."""
PHASE = K * X - sp.sqrt(M**2 + C**2 * K**2) * T
"""Of a wave with the frequency w^2 = m^2 + c^2 k^2."""
SPEED = sp.sqrt(TAU / RHO)
SOLUTIONS = {
    # d'Alembert's two waves, of any form.
    "wave_1d": [sp.exp(-((X - SPEED * T) ** 2)) + sp.sin(X + SPEED * T)],
    "klein_gordon": [A * sp.cos(PHASE)],
    # Kinks at the speed v.
    "sine_gordon": [4 * sp.atan(sp.exp(OMEGA / C * GAMMA * (X - V * T)))],
    "phi4": [ETA * sp.tanh(ETA * sp.sqrt(LAMBDA / 2) / C * GAMMA * (X - V * T))],
    # The centred simple wave, in which the local speed c sqrt(1 + epsilon u_x) is x / t.
    "nonlinear_string": [(X**3 / (3 * C**2 * T**2) - X) / EPSILON],
    # A standing wave of a rectangular membrane.
    "wave_2d": [sp.sin(K * X) * sp.sin(Q * Y) * sp.cos(sp.sqrt(TAU / SIGMA * (K**2 + Q**2)) * T)],
    # A bending wave with the frequency k^2 sqrt(B / rho).
    "euler_bernoulli_beam": [A * sp.cos(K * X - K**2 * sp.sqrt(B / RHO) * T)],
    # The soliton u = (3 v / alpha) sech^2(sqrt(v / beta) (x - v t) / 2), integrated over x.
    "kdv_potential": [6 * sp.sqrt(V * BETA) / ALPHA * sp.tanh(sp.sqrt(V / BETA) * (X - V * T) / 2)],
    # The real and imaginary part of a charged wave.
    "complex_klein_gordon": [sp.cos(PHASE), sp.sin(PHASE)],
}


def test_every_field_has_a_solution():
    assert list(SOLUTIONS) == list(systems.fields())


@pytest.mark.parametrize("name", list(SOLUTIONS))
def test_known_solutions_solve_the_equations(name, evaluate):
    system = systems.get(name)
    positive = {V.name: (0.1, 0.4), T.name: (0.5, 1.5), X.name: (0.2, 1.0), K.name: (0.5, 1.5), Q.name: (0.5, 1.5)}
    for seed in range(3):
        for terms in (substituted(equation, system.space, SOLUTIONS[name]) for equation in equations(system)):
            values = evaluate(terms, system, seed, **positive)
            assert abs(mpmath.fsum(values)) < 1e-30 * max(map(abs, values))
            assert max(map(abs, values)) > 1e-6


def equations(system):
    return euler_lagrange(system.lagrangian, system.space)


def substituted(equation, space, solution):
    """The terms of an equation with a solution's derivatives in place of the symbols."""
    jets = {}
    for symbol in equation.free_symbols:
        key = space.key(symbol)
        if key is not None:
            field, index = key
            wave = solution[field]
            jets[symbol] = wave.diff(*(space.base_symbols[mu] for mu in index)) if index else wave
    return [term.xreplace(jets) for term in sp.Add.make_args(sp.expand(equation))]


def test_the_potential_of_kdv_is_degenerate_in_time():
    system = systems.get("kdv_potential")
    assert mass_matrix(system.lagrangian, system.space).is_zero_matrix
    ((equation,), space) = equations(system), system.space
    # u_t + alpha u u_x + beta u_xxx for u = phi_x.
    u_t, u, u_x, u_xxx = (space.symbol(0, index) for index in ((0, 1), (1,), (1, 1), (1, 1, 1, 1)))
    assert sp.expand(equation + u_t + ALPHA * u * u_x + BETA * u_xxx) == 0


def test_the_nonlinear_string_has_waves_in_its_ranges():
    system = systems.get("nonlinear_string")
    assert all(
        1 + epsilon * slope > 0 for slope in system.ranges["u_x"] for epsilon in system.parameter_ranges["epsilon"]
    )


def test_only_the_beam_and_kdv_are_of_second_order():
    orders = {name: system.space.order(system.lagrangian) for name, system in systems.fields().items()}
    assert [name for name, order in orders.items() if order == 2] == ["euler_bernoulli_beam", "kdv_potential"]
