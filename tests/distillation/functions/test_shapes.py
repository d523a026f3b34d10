"""Shapes: free functions of one variable, read off the motion without accelerations."""

import numpy as np
import pytest
import sympy as sp

from lagsym.data.derivatives import differentiate
from lagsym.distillation.functions.shapes import explaining_structures, fit_shapes, hypotheses
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System
from lagsym.simulation import simulate

ONE, TWO = JetSpace(("x",)), JetSpace(("x", "y"))
(X,), (V,) = ONE.positions, ONE.velocities
(X2, Y2), (V2, W2) = TWO.positions, TWO.velocities
RADIUS = sp.sqrt(X2**2 + Y2**2)


def shapes_of(space, lagrangian, *, noise=0.0, angles=frozenset()):
    n = len(space.fields)
    box = {
        symbol.name: (0.4, 1.2) if symbol in space.positions else (-0.7, 0.7)
        for symbol in space.positions + space.velocities
    }
    system = System("test", space, lagrangian, ranges=box, span=8.0, step=0.02, angles=angles)
    data = simulate(system, trajectories=6 * n, noise=noise, seed=1)
    return fit_shapes(differentiate(data.positions_only()))


def error_of(part, expression):
    """Relative difference of a table from an expression of its first column, up to a constant and a factor."""
    first = next(iter(part.features))
    true = np.broadcast_to(sp.lambdify(first, expression(first), "numpy")(part.table.X[:, 0]), part.table.y.shape)
    basis = np.stack([np.ones_like(true), part.table.y], axis=1)
    left = true - basis @ np.linalg.lstsq(basis, true, rcond=None)[0]
    return float(np.std(left) / np.std(true))


@pytest.mark.parametrize(("noise", "limit"), [(0.0, 1e-4), (0.01, 3e-2)])
def test_a_potential_is_read_off_the_motion(noise, limit):
    (found,) = shapes_of(ONE, V**2 / 2 - sp.cosh(X) - X / 2, noise=noise)
    assert [part.table.name for part in found.parts] == ["V of x"]
    assert found.kinetic == (V**2 / 2,)
    assert not found.moving
    assert error_of(found.parts[0], lambda x: sp.cosh(x) + x / 2) < limit


def test_a_radius_is_recognised_and_its_function_found():
    (found,) = shapes_of(TWO, (V2**2 + W2**2) / 2 - sp.exp(RADIUS))
    assert next(iter(found.parts[0].features.values())) == RADIUS
    assert error_of(found.parts[0], sp.exp) < 1e-3


def test_a_difference_is_recognised():
    (found,) = shapes_of(TWO, (V2**2 + W2**2) / 2 - sp.exp(X2 - Y2) - sp.exp(2 * (Y2 - X2)))
    assert list(found.parts[0].features.values()) == [X2 - Y2]
    assert error_of(found.parts[0], lambda d: sp.exp(d) + sp.exp(-2 * d)) < 1e-3


def test_functions_of_each_coordinate_are_recognised():
    found, *_ = shapes_of(TWO, (V2**2 + 2 * W2**2) / 2 - sp.cosh(X2) - Y2**4)
    assert [next(iter(part.features.values())) for part in found.parts] == [X2, Y2]
    assert error_of(found.parts[1], lambda y: y**4) < 1e-2


def test_a_kinetic_energy_of_the_speed_is_recognised():
    found = shapes_of(ONE, -sp.sqrt(1 - V**2) - X**2 / 2)
    (moving,) = [shapes for shapes in found if shapes.moving]
    kinetic = next(part for part in moving.parts if part.table.name == "T")
    assert not moving.kinetic
    assert error_of(kinetic, lambda w: sp.sqrt(1 - w)) < 1e-2


def test_a_mass_that_depends_on_the_position_is_recognised():
    found = shapes_of(ONE, (1 + X**2) * V**2 / 2 - X**2 - X**4)
    natural = [shapes for shapes in found if not shapes.moving]
    assert len(natural) == 1
    mass = next(part for part in natural[0].parts if part.table.name.startswith("M"))
    assert error_of(mass, lambda x: x**2) < 1e-2


def test_blocks_that_do_not_act_on_each_other_have_masses_of_one_sign():
    found, *_ = shapes_of(TWO, (V2**2 - W2**2 / 2) - sp.cosh(X2) + Y2**4)
    assert not found.moving
    assert found.loss < 1e-8
    assert error_of(found.parts[0], sp.cosh) < 1e-2


def test_motion_that_no_such_functions_explain_is_not_explained():
    box = {s.name: (-1.0, 1.0) for s in TWO.positions + TWO.velocities}
    for potential, expected in ((X2**2 + Y2**4, ("natural",)), (3 * X2**2 * Y2**2 + (X2**2 + 2 * Y2**2) / 8, ())):
        system = System("test", TWO, (V2**2 + W2**2) / 2 - potential, ranges=box, span=8.0, step=0.04)
        data = differentiate(simulate(system, trajectories=6, seed=1).positions_only())
        assert explaining_structures(data) == expected


def test_angles_are_left_to_the_network():
    assert shapes_of(ONE, V**2 / 2 + sp.cos(X), angles=frozenset({"x"})) == ()


def test_the_fewest_functions_are_tried_first():
    for n in (1, 2, 3):
        sizes = [sum(shape.part == "V" for shape in shapes) for shapes in hypotheses(n)]
        assert sizes[0] == 1
    assert any(shape.part == "T" for shapes in hypotheses(2) for shape in shapes)
