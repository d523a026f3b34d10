"""Densities of rows of sites against hand calculation, dispersion relations and sums over many sites."""

import numpy as np
import pytest
import sympy as sp

from lagsym import systems
from lagsym.errors import InputError
from lagsym.mechanics.calculus import euler_lagrange
from lagsym.mechanics.continuum import BESIDE_SYMBOLS, EDGE_SYMBOLS, SITE_SYMBOLS, SPACE, continuum_density

(Q, V), (A, B) = SITE_SYMBOLS, EDGE_SYMBOLS
BEFORE, AFTER = BESIDE_SYMBOLS
U = SPACE.symbol(0)
U_T, U_X, U_XX = SPACE.symbol(0, (0,)), SPACE.symbol(0, (1,)), SPACE.symbol(0, (1, 1))
H = sp.Symbol("h", real=True)
KINETIC = V**2 / 2


def test_springs_become_the_wave_equation_and_its_first_correction():
    spring = -((B - A) ** 2) / 2
    lowest = continuum_density(spring, KINETIC, order=2)
    assert sp.expand(lowest.density - (U_T**2 / (2 * H) - H * U_X**2 / 2)) == 0
    assert (lowest.neglected, lowest.neglected_order) == (H**3 * U_XX**2 / 24, 4)
    corrected = continuum_density(spring, KINETIC, order=4)
    assert sp.expand(corrected.density - lowest.density - H**3 * U_XX**2 / 24) == 0
    assert corrected.neglected_order == 6


def test_springs_with_matched_constants_are_the_catalogues_wave():
    rho, tau, h = sp.symbols("rho tau h", real=True)
    found = continuum_density(-tau / h * (B - A) ** 2 / 2, rho * h * V**2 / 2, h, order=2)
    wave = systems.get("wave_1d").lagrangian
    assert sp.expand(found.density - wave) == 0


def test_the_corrected_density_has_the_chains_dispersion_relation():
    # Waves e^(i (k x - w t)) of the chain have w^2 = 4 sin^2(k h / 2); the density's must agree to (k h)^4.
    density = continuum_density(-((B - A) ** 2) / 2, KINETIC, order=4).density
    (equation,) = euler_lagrange(density, SPACE)
    k, w = sp.symbols("k w", positive=True)
    wave = {SPACE.symbol(0, (0, 0)): -(w**2), SPACE.symbol(0, (1, 1)): -(k**2), SPACE.symbol(0, (1,) * 4): k**4}
    (square,) = sp.solve(equation.xreplace(wave), w**2)
    exact = sp.series(4 * sp.sin(k * H / 2) ** 2, k, 0, 6).removeO()
    assert sp.expand(square - exact) == 0


def test_toda_becomes_boussinesq():
    a, b = sp.symbols("alpha beta", real=True)
    found = continuum_density(-a / b * sp.exp(-b * (B - A)), KINETIC, order=3)
    by_hand = U_T**2 / (2 * H) - a * b * H * U_X**2 / 2 + a * b**2 * H**2 * U_X**3 / 6
    assert sp.expand(found.density - by_hand) == 0
    next_term = a * b * H**3 * U_XX**2 / 24 - a * b**3 * H**3 * U_X**4 / 24
    assert (sp.expand(found.neglected - next_term), found.neglected_order) == (0, 4)


def test_functions_of_three_sites_are_those_of_pairs_that_they_add_up_to():
    springs = continuum_density(-((B - A) ** 2) / 2, KINETIC, order=4)
    bent = continuum_density(0, KINETIC + Q * (BEFORE - 2 * Q + AFTER) / 2, order=4)
    assert sp.expand(bent.density - springs.density) == 0
    assert sp.expand(bent.neglected - springs.neglected) == 0
    far = continuum_density({2: -((B - A) ** 2) / 8 + (B - A) ** 3 / 6}, KINETIC, order=4)
    central = continuum_density(0, KINETIC - ((AFTER - BEFORE) / 2) ** 2 / 2 + (AFTER - BEFORE) ** 3 / 6, order=4)
    assert sp.expand(far.density - central.density) == 0
    assert (sp.expand(far.neglected - central.neglected), far.neglected_order) == (0, central.neglected_order)


def test_a_velocity_beside_a_neighbour_is_refused():
    with pytest.raises(InputError, match="in different terms"):
        continuum_density(0, KINETIC + V * AFTER)


def test_sites_keep_their_function_per_length():
    found = continuum_density(sp.cos(B - A), KINETIC + sp.cos(Q), order=2)
    assert sp.expand(found.density - (U_T**2 / 2 + sp.cos(U)) / H + H * U_X**2 / 2) == 0


@pytest.mark.parametrize(
    "edge", [-((B - A) ** 2) / 2, sp.exp(B - A), A * B**3, A**2 * B**2 - A * B, sp.cos(A + 2 * B) * (B - A)]
)
@pytest.mark.parametrize("order", [2, pytest.param(3, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.slow)])
def test_sums_over_sites_are_integrals_up_to_the_neglected_term(edge, order):
    found = continuum_density(edge, sp.S.Zero, H, order=order)
    x = sp.Symbol("x", real=True)
    wave = sp.sin(x) / 2 + sp.sin(2 * x + sp.Rational(2, 5)) / 5 + sp.Rational(1, 3)  # no symmetry
    places = {SPACE.symbol(0, (1,) * n): sp.diff(wave, x, n) for n in range(5)}
    third = {sp.Symbol("u_xxx", real=True): sp.diff(wave, x, 3)}
    errors = []
    for sites in (24, 48):
        h = 2 * np.pi / sites
        at = h * np.arange(sites)
        u = sp.lambdify(x, wave)(at)
        total = np.sum(sp.lambdify((A, B), edge)(u, np.roll(u, -1)))
        fine = np.linspace(0, 2 * np.pi, 400, endpoint=False)

        def integral(density, step=h, fine=fine):
            values = sp.lambdify((x, H), density.xreplace(places | third))(fine, step)
            return np.mean(values * np.ones(400)) * 2 * np.pi

        constant = sites * float(edge.subs({A: 0, B: 0}))  # no part of a density
        left = total - constant - integral(found.density)
        errors.append((left, integral(found.neglected)))
    (coarse, first), (fine_error, second) = errors
    power = found.neglected_order - 1
    assert 0 < abs(fine_error) < 1.5 * abs(coarse) / 2**power
    # What is left beside the neglected term is of a higher power still.
    assert abs(fine_error - second) < 1.3 * abs(coarse - first) / 2 ** (power + 1) + 1e-12


@pytest.mark.parametrize("edge", [sp.exp(B - A), A * B**3])
def test_edges_of_several_lengths_add_up(edge):
    """Edges over two spacings are those of every second site, of which there are two rows."""
    near, far = (continuum_density(edge, sp.S.Zero, step, order=3) for step in (H, 2 * H))
    both = continuum_density({1: edge, 2: edge}, sp.S.Zero, H, order=3)
    assert sp.expand(both.density - near.density - 2 * far.density) == 0
    assert sp.expand(both.neglected - near.neglected - 2 * far.neglected) == 0


def test_ends_that_must_not_meet_are_refused():
    with pytest.raises(InputError, match="smooth"):
        continuum_density(1 / (B - A), KINETIC)
    with pytest.raises(InputError, match="from 0 to 4"):
        continuum_density(A * B, KINETIC, order=6)
