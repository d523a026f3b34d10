"""Every system of the catalogue against disguised, wrong and fitted copies of itself."""

import functools
import random

import numpy as np
import pytest
import sympy as sp

from lagsym import systems
from lagsym.mechanics.calculus import total_derivative
from lagsym.mechanics.dynamics.forms import applied_forces
from lagsym.mechanics.equivalence.gauge import compare
from lagsym.mechanics.system import parameter_symbol

CATALOGUE = systems.catalogue()
each_system = pytest.mark.parametrize("system", CATALOGUE.values(), ids=list(CATALOGUE))


def judge(system, candidate, applied, **options):
    theirs = applied_forces(system.space, system.dissipation, system.forces)
    points = {**system.ranges, **system.parameter_ranges}
    return compare(candidate, system.lagrangian, system.space, points=points, applied=(applied, theirs), **options)


def judge_fitted(system, candidate, applied, constants, **options):
    theirs = applied_forces(system.space, system.numeric_dissipation, system.numeric_forces)
    options |= {"points": system.ranges, "applied": (applied, theirs), "constants": constants}
    return compare(candidate, system.numeric_lagrangian, system.space, **options)


def applied(system):
    return applied_forces(system.space, system.dissipation, system.forces)


def random_function(space, generator):
    """A sum of products of polynomials, waves and exponentials of a few fields and base coordinates."""
    symbols = [*space.positions, *space.base_symbols]
    total = sp.S.Zero
    for _ in range(2):
        a, b = generator.sample(symbols, 2)
        wave = generator.choice([sp.sin, sp.cos, sp.exp])(a - generator.randint(1, 2) * b)
        total += generator.randint(1, 5) * generator.choice([a * b, wave, a**2 * sp.sin(b), a**3 * b**2])
    return total + generator.choice(space.positions) ** 2


def random_flux(space, order, generator):
    """F of a particle; for a field components F^mu, with a curl, and slopes where L holds curvatures."""
    flux = [random_function(space, generator) for _ in space.base]
    if len(space.base) > 1:
        u, w = space.positions[0], space.positions[-1]
        w_t, w_x = (space.symbol(len(space.fields) - 1, (mu,)) for mu in range(2))
        flux[0] += u**2 * w_x + w * w_x
        flux[1] -= u**2 * w_t + w * w_t
    if order > 1:
        flux[1] += u * w_x**2
    return flux


def divergence(flux, space):
    return sp.Add(*(total_derivative(part, space, mu) for mu, part in enumerate(flux)))


def size_at_random_points(expression):
    symbols = sorted(expression.free_symbols, key=str)
    points = np.random.default_rng(0).uniform(0.2, 0.9, (len(symbols), 5))
    return np.abs(sp.lambdify(symbols, expression, "numpy")(*points)).max() if symbols else abs(float(expression))


@each_system
def test_scale_and_divergence_are_found_exactly(system):
    generator = random.Random(system.name)
    scale = sp.Rational(generator.choice([-1, 1]) * generator.randint(1, 9), generator.randint(2, 9))
    flux = random_flux(system.space, system.space.order(system.lagrangian), generator)
    candidate = scale * system.lagrangian + divergence(flux, system.space) + 7
    verdict = judge(system, candidate, scale * applied(system))
    assert (verdict.kind, verdict.scale) == ("gauge-equivalent", scale)
    assert verdict.certificate == "symbolic"
    found = divergence(verdict.divergence.values(), system.space)
    assert size_at_random_points(found - divergence(flux, system.space)) < 1e-9
    assert list(verdict.divergence) == list(system.space.base)


@each_system
def test_itself_is_identical(system):
    verdict = judge(system, system.lagrangian + 7, applied(system))
    assert (verdict.kind, verdict.scale, verdict.certificate) == ("identical", 1, "symbolic")
    assert not any(verdict.divergence.values())


@each_system
def test_a_wrong_term_is_named(system):
    wrong = system.lagrangian + system.space.positions[-1] ** 3 / 10**6
    verdict = judge(system, wrong, applied(system))
    assert verdict.kind == "different"
    assert verdict.equation == system.space.fields[-1]
    assert verdict.point["candidate"] != verdict.point["reference"]
    assert "The equation of" in verdict.sentence


def with_parameter_off(system, name):
    symbol = parameter_symbol(name)
    off = {symbol: symbol * sp.Rational(101, 100)}
    return judge(system, system.lagrangian.subs(off), applied(system).subs(off))


@functools.cache
def telling_parameter(name):
    """The last parameter of a system that the motion depends on; a common factor of all terms would be none."""
    system = systems.get(name)
    off = (parameter for parameter in reversed(system.parameters))
    return next(parameter for parameter in off if with_parameter_off(system, parameter).kind == "different")


@each_system
def test_a_parameter_off_by_one_per_cent_is_different(system):
    assert telling_parameter(system.name) in system.parameters


@each_system
@pytest.mark.parametrize(("deviation", "success"), [(1, True), (-30, False)])
def test_fitted_parameters_are_judged_by_their_errors(system, deviation, success):
    values = {parameter_symbol(name): value for name, value in system.parameters.items()}
    errors = {symbol: 1e-3 * abs(value) for symbol, value in values.items()}
    symbol = parameter_symbol(telling_parameter(system.name))
    values[symbol] += deviation * errors[symbol]
    scale, function = 0.37, random_function(system.space, random.Random(system.name)) / 4
    candidate = scale * system.lagrangian + total_derivative(sp.Float(0.5) * function, system.space)
    covariance = np.diag(np.square(list(errors.values())))
    verdict = judge_fitted(system, candidate, scale * applied(system), values, covariance=covariance)
    assert verdict.success is success
    assert verdict.structure_residual < 1e-9
    if success:
        found = divergence(verdict.divergence.values(), system.space)
        expected = total_derivative(function / 2, system.space)
        assert size_at_random_points(found - expected) < 1e-6
    else:
        assert verdict.equation in system.space.fields
