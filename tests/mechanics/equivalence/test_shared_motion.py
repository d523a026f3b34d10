from fractions import Fraction

import mpmath
import pytest
import sympy as sp

from lagsym.mechanics.equivalence.shared_motion import motion_residual
from lagsym.mechanics.jetspace import JetSpace

PLANE = JetSpace(("x", "y"))
(X, Y), (VX, VY), (AX, AY) = PLANE.positions, PLANE.velocities, PLANE.accelerations
SYMBOLS = (X, Y, VX, VY, AX, AY)
POINTS = [
    {symbol: Fraction((37 * k + 11 * i + 5 * i * k) % 97 + 3, 100) for i, symbol in enumerate(SYMBOLS)}
    for k in range(6)
]


def residual(candidate, reference):
    with mpmath.workdps(60):
        return float(motion_residual(sp.Matrix(candidate), sp.Matrix(reference), PLANE, POINTS))


REFERENCE = [AX + X, AY + sp.sin(Y)]


@pytest.mark.parametrize(
    ("candidate", "reference"),
    [
        ([3 * (AX + X), -(AY + sp.sin(Y))], REFERENCE),
        ([AX + X + Y * (AY + sp.sin(Y)), AY + sp.sin(Y)], REFERENCE),
        ([sp.exp(X) * (AY + sp.sin(Y)), AX + X], REFERENCE),
        ([VX + Y, X * (VX + Y)], [VX + Y, 2 * (VX + Y)]),
        ([AX**3 - X**3, AY - X * Y], [AX - X, AY - AX * Y]),
    ],
)
def test_equivalent_equations_have_the_same_motion(candidate, reference):
    assert residual(candidate, reference) < 1e-45


@pytest.mark.parametrize(
    ("candidate", "reference"),
    [
        ([AX + X, AY + sp.sin(Y) + X / 10**9], REFERENCE),
        ([AX + X, AX + X], REFERENCE),
        ([sp.sqrt(2) * (AX + X), sp.sqrt(3) * (AX + X)], REFERENCE),
        ([sp.sqrt(2) * (AX + X + AY + Y), sp.sqrt(3) * (AX + X + AY + Y)], [AX + X, AY + Y]),
        ([sp.pi * (AX + X + AY + Y), sp.exp(Y) * (AX + X + AY + Y)], [AX + X, AY + Y]),
        (REFERENCE, [AX + X, 2 * (AX + X)]),
        ([0, 0], REFERENCE),
        (REFERENCE, [0, 0]),
        ([VX + Y, X], [VX + Y, 2 * (VX + Y)]),
    ],
)
def test_other_equations_do_not(candidate, reference):
    assert residual(candidate, reference) > 1e-12


def test_of_particles_it_is_the_relative_difference_of_the_accelerations():
    space = JetSpace(("x",))
    (x,), (a,) = space.positions, space.accelerations
    point = {x: Fraction(1, 2), a: Fraction(1, 4)}
    with mpmath.workdps(60):
        found = motion_residual(sp.Matrix([a + 3 * x]), sp.Matrix([2 * a + 4 * x]), space, [point])
    # Accelerations -3/2 and -1 are 1/2 apart; sizes 1 (motion) and 1/4 (start) stand beside that.
    assert float(found) == pytest.approx(0.5 / (0.5 + 1 + 0.25))
