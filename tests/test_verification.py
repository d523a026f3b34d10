import dataclasses

import numpy as np
import pytest
import sympy as sp

from lagsym import systems
from lagsym.errors import InputError
from lagsym.law import Constant, Law
from lagsym.law.file import from_json, to_json
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.parsing import parse
from lagsym.mechanics.system import System, parameter_symbol
from lagsym.verification import verify_law, with_verdict

C1, C2 = map(parameter_symbol, ("c1", "c2"))


def constants(*values):
    return tuple(Constant(f"c{k + 1}", value) for k, value in enumerate(values))


def covariance(*errors):
    return tuple(map(tuple, np.diag(np.square(errors))))


def test_a_law_without_the_forces_of_the_reference_is_different():
    system = systems.get("quadratic_force")
    (vx, vy) = system.space.velocities
    law = Law(system.space.fields, C1 * (vx**2 + vy**2), constants(0.5))
    assert verify_law(law, system).kind == "different"
    assert verify_law(law, dataclasses.replace(system, forces={})).success


@pytest.mark.parametrize(("friction", "success"), [(1.0, True), (1.5, False)])
def test_friction_is_compared_too(friction, success):
    system = systems.get("damped_spring")
    law = Law(
        system.space.fields,
        system.numeric_lagrangian,
        dissipation=friction * system.numeric_dissipation,
    )
    assert verify_law(law, system).success is success


def test_a_particle_tells_its_one_function():
    system = systems.get("pendulum")
    (theta,), (omega,) = system.space.positions, system.space.velocities
    law = Law(("theta",), C1 * omega**2 + C2 * sp.cos(theta) + theta * omega, constants(1.0, 19.62))
    comparison = with_verdict(law, verify_law(law, system)).comparison
    assert parse(comparison["added"], law.space.names).subs(theta, 2) == pytest.approx(2)
    assert comparison["scale"] == pytest.approx(2)
    assert comparison["certificate"] == "random points"


def test_a_field_tells_its_components():
    space = JetSpace(("u", "w"), ("t", "x"))
    u_t, u_x, w_t, w_x = (space.symbol(i, (mu,)) for i in range(2) for mu in range(2))
    wave = (u_t**2 - u_x**2 + w_t**2 - w_x**2) / 2
    system = System("waves", space, wave)
    law = Law(("u", "w"), C1 * wave + u_t * w_x - u_x * w_t, constants(1.003), covariance(0.002), base=("t", "x"))
    judged = with_verdict(law, verify_law(law, system))
    assert judged.verdict == "gauge-equivalent"
    assert judged.comparison["added"] == "t: u*w_x; x: -u*w_t"
    assert from_json(to_json(judged)).comparison == judged.comparison


def test_another_base_is_refused():
    system = systems.get("wave_1d")
    with pytest.raises(InputError, match=r"over \(t\), wave_1d over \(t, x\)"):
        verify_law(Law(("u",), parameter_symbol("u_dot") ** 2), system)


def test_other_coordinates_and_no_lagrangian_are_refused():
    system = systems.get("pendulum")
    with pytest.raises(InputError, match="compare with a system in the same coordinates"):
        verify_law(Law(("q",), parameter_symbol("q_dot") ** 2), system)
    with pytest.raises(InputError, match="holds no Lagrangian"):
        verify_law(Law(("theta",), None), system)
