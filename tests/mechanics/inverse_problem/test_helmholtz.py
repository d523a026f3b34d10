import numpy as np
import pytest
import sympy as sp

from lagsym import systems
from lagsym.errors import InputError
from lagsym.mechanics.dynamics.forms import mass_matrix
from lagsym.mechanics.equivalence.gauge import compare
from lagsym.mechanics.inverse_problem.helmholtz import diagonal_member, multipliers
from lagsym.mechanics.jetspace import JetSpace

# A linear system of n coordinates has n (its modes); a free centre of mass of d dimensions d (d + 1) / 2 beside the
# rest; all others here only their scale.
DIMENSIONS = {"coupled_oscillators": 2, "two_body": 1 + 3, "three_body_planar": 1 + 3, "toda_chain": 1 + 1}
VARIATIONAL = {name: system for name, system in systems.particles().items() if not system.forces}
PLANE, SOLID = JetSpace(("x", "y")), JetSpace(("x", "y", "z"))


@pytest.mark.parametrize("system", VARIATIONAL.values(), ids=list(VARIATIONAL))
def test_dimension_over_the_catalogue(system):
    found = multipliers(system.numeric_lagrangian, system.space, system.ranges)
    assert found.dimension == DIMENSIONS.get(system.name, 1)
    np.testing.assert_array_equal(found.matrices[0], np.eye(len(system.space.fields)))


def test_linear_systems_commute_with_their_dynamical_matrix():
    # M a = -K x: S must make S M and S K symmetric.
    system = systems.get("coupled_oscillators")
    mass = np.diag([1.0, 1.5])
    stiffness = np.array([[4.0, -1.0], [-1.0, 3.0]])
    for matrix in multipliers(system.numeric_lagrangian, system.space).matrices:
        for product in (matrix @ mass, matrix @ stiffness):
            np.testing.assert_allclose(product, product.T, atol=1e-9)


@pytest.mark.parametrize(
    ("potential", "dimension"),
    [
        (lambda x, y, z: x**4 + y**4 + z**4, 3),
        (lambda x, y, z: x**4 + x * y**3 + z**4, 2),
        (lambda x, y, z: x**2 + 2 * y**2 + 3 * z**2 - x * y + y * z / 2, 3),
        (lambda x, y, z: x**2 + y**2 + z**4, 4),
        (lambda x, y, z: sp.cos(x - y) + sp.cos(y - z) + x**4, 1),
    ],
)
def test_dimension_counts_blocks_and_symmetric_pairs(potential, dimension):
    kinetic = sum(v**2 for v in SOLID.velocities) / 2
    assert multipliers(kinetic - potential(*SOLID.positions), SOLID).dimension == dimension


def test_velocity_dependent_masses_are_followed():
    (x, y), (vx, vy) = PLANE.positions, PLANE.velocities
    separate = -sp.sqrt(1 - vx**2) - sp.sqrt(1 - vy**2) - x**2 - y**4
    together = -sp.sqrt(1 - vx**2 - vy**2) - x**2 - y**4
    assert multipliers(separate, PLANE).dimension == 2
    assert multipliers(together, PLANE).dimension == 1


def test_a_magnetic_field_ties_the_coordinates():
    (x, y), (vx, vy) = PLANE.positions, PLANE.velocities
    separate = (vx**2 + vy**2) / 2 - x**2 - 3 * y**2
    assert multipliers(separate, PLANE).dimension == 2
    assert multipliers(separate + x * vy, PLANE).dimension == 1


def test_parameters_need_numbers():
    system = systems.get("double_pendulum")
    with pytest.raises(InputError, match="expected numbers in place of the parameters g"):
        multipliers(system.lagrangian, system.space)


@pytest.mark.parametrize(
    "lagrangian",
    [
        lambda x, y, vx, vy: vx * vy - x * y,
        lambda x, y, vx, vy: vx**2 + vx * vy + vy**2 - x**2 - x * y - y**2,
        lambda x, y, vx, vy: vx**2 + vx * vy + vy**2 - (x - y) ** 2 - x**2,
        lambda x, y, vx, vy: vx**2 + vy**2 - sp.cos(x - y),
    ],
)
def test_the_diagonal_member_has_the_same_dynamics(lagrangian):
    reference = lagrangian(*PLANE.positions, *PLANE.velocities)
    member = diagonal_member(reference, PLANE)
    assert mass_matrix(member, PLANE).is_diagonal()
    assert compare(member, reference, PLANE).kind in ("identical", "gauge-equivalent", "same dynamics")


def test_no_diagonal_member_where_masses_cannot_be_separated():
    system = systems.get("double_pendulum")
    assert diagonal_member(system.numeric_lagrangian, system.space) is None
    (x, _), (vx, vy) = PLANE.positions, PLANE.velocities
    assert diagonal_member(vx**2 + vy**2 + x * vy, PLANE) is None
