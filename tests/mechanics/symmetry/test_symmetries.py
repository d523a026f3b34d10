import pytest
import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.calculus import total_derivative
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.symmetry.generators import Generator
from lagsym.mechanics.symmetry.noether import noether_current, symmetries

LINE, PLANE, STRING = JetSpace(("x",)), JetSpace(("x", "y")), JetSpace(("u",), ("t", "x"))
m, k, c, B, gamma, m1, m2 = sp.symbols("m k c B gamma m1 m2", real=True)
(t,), (x, y), (vx, vy) = PLANE.base_symbols, PLANE.positions, PLANE.velocities
u, u_t, u_x = STRING.symbol(0), STRING.symbol(0, (0,)), STRING.symbol(0, (1,))
ZERO, ONE = sp.S.Zero, sp.S.One
FREE = m * (vx**2 + vy**2) / 2


def test_conserved_quantities_are_not_listed_twice():
    # Here time translation and rotation, (x', y') = (-y, x) on every motion, keep the same quantity.
    names = [s.name for s in symmetries(x * vy - (x**2 + y**2) / 2, PLANE)]
    assert names == ["time translation"]
    # Every transformation changes a total derivative by one, and keeps nothing but constants.
    assert symmetries(x * vy + y * vx, PLANE) == ()
    hidden = vx * sp.cos(x + y) + vy * (sp.cos(x) * sp.cos(y) - sp.sin(x) * sp.sin(y))
    assert symmetries(hidden, PLANE) == ()


def test_a_coordinate_without_motion_has_no_symmetry_of_its_own():
    assert len(symmetries(m * vx**2 / 2 + vy * sp.sin(y), PLANE)) == 4


@pytest.mark.parametrize(
    ("lagrangian", "name"),
    [
        (FREE - k * sp.cos(2 * x - y), "joint translation of x, y in the ratio 1 : 2"),
        (vx * vy - x * y, "scaling of x, y"),
        ((m1 * vx**2 + m2 * vy**2) / 2, "rotation in the x, y plane"),
        (vx**2 + vx * vy - k * x**2, "cyclic coordinate y"),
        (vx**2 - vy**2 - (x**2 - y**2) ** 2, "hyperbolic rotation in the x, y plane"),
        (FREE - sp.exp(x) * sp.cos(y), "time translation"),
        (vx**2 * vy**2 / 2, "scaling of t, y"),
    ],
)
def test_names(lagrangian, name):
    assert name in [symmetry.name for symmetry in symmetries(lagrangian, PLANE)]


def test_masses_enter_a_rotation():
    symmetry = next(s for s in symmetries((m1 * vx**2 + m2 * vy**2) / 2, PLANE) if "rot" in s.name)
    assert symmetry.eta == (-m2 * y, m1 * x)


def test_roots_of_numbers_and_powers_of_parameters():
    # Stretching y by a root turns this potential into one of x^2 + y^2; the motion is that of two masses.
    lagrangian = vx**2 + 2 * vy**2 + (x**2 + 2 * y**2) ** 2
    assert [s.eta for s in symmetries(lagrangian, PLANE)] == [(ZERO, ZERO), (-2 * y, x)]
    lagrangian = FREE - sp.cos(x - sp.sqrt(2) * y)
    assert symmetries(lagrangian, PLANE)[1].eta == (ONE, sp.sqrt(2) / 2)
    assert symmetries(FREE - sp.cos(x - sp.sqrt(k) * y), PLANE)[1].eta == (ONE, 1 / sp.sqrt(k))


def test_decimal_numbers():
    lagrangian = 0.304 * (vx**2 + vy**2) + 1.37 / sp.sqrt(x**2 + y**2)
    energy, spin = symmetries(lagrangian, PLANE)
    assert (energy.name, spin.name) == ("time translation", "rotation in the x, y plane")
    assert spin.eta == (-y, x)
    (damped,) = symmetries(sp.exp(0.31 * t) * (vx**2 - 2 * x**2), LINE)
    assert damped.eta[0].as_coeff_Mul()[0] == pytest.approx(-0.155, abs=1e-12)
    units = dict.fromkeys("xy", (1e-06, 3e-06)) | {f"{name}_dot": (1e-3, 2e-3) for name in "xy"}
    tiny = 1.66e-27 * (vx**2 + vy**2) / 2 - 1.66e-24 * (x**2 + y**2)
    assert len(symmetries(tiny, PLANE, points=units)) == 2


def test_friction_leaves_what_it_does_not_touch():
    lagrangian = FREE - k * x**2 / 2
    free = [s.name for s in symmetries(lagrangian, PLANE)]
    assert free == ["time translation", "cyclic coordinate y", "Galilean boost of y"]
    assert [s.name for s in symmetries(lagrangian, PLANE, dissipation=gamma * vx**2 / 2)] == free[1:]
    assert symmetries(lagrangian, PLANE, dissipation=gamma * vy**2 / 2) == ()


def test_applied_forces_leave_what_they_do_not_touch():
    radial = {"x": x * sp.cos(t), "y": y * sp.cos(t)}
    (spin,) = symmetries(FREE - k * (x**2 + y**2) ** 2, PLANE, forces=radial)
    assert spin.name == "rotation in the x, y plane"
    # Two symmetries that the force works on may have a combination that it does not work on.
    same = {"x": sp.sin(t), "y": sp.sin(t)}
    relative = symmetries(FREE, PLANE, forces=same)
    assert [s.eta for s in relative] == [(ONE, -ONE), (t, -t)]


def test_a_friction_that_does_no_work_keeps_the_energy():
    turning = {"x": B * vy, "y": -B * vx}
    names = [s.name for s in symmetries(FREE, PLANE, forces=turning)]
    assert names == ["time translation"]


def test_friction_of_a_field_takes_its_energy():
    lagrangian = u_t**2 / 2 - c**2 * u_x**2 / 2 - k * u**2 / 2
    assert symmetries(lagrangian, STRING, dissipation=gamma * u_t**2 / 2) == ()


def test_points_say_where_a_lagrangian_is_defined():
    lagrangian = vx**2 / 2 - sp.sqrt(x - 5)
    with pytest.raises(InputError, match="give `points`"):
        symmetries(lagrangian, LINE)
    assert [s.name for s in symmetries(lagrangian, LINE, points={"x": (6, 7)})] == ["time translation"]


def test_a_gauge_term_changes_no_conserved_quantity():
    lagrangian = FREE
    gauge = total_derivative(t * x / y + sp.sin(x * y) + sp.log(x), PLANE)
    plain = [s.conserved for s in symmetries(lagrangian, PLANE)]
    gauged = symmetries(lagrangian + gauge, PLANE)
    assert all(sp.simplify(a - s.conserved) == 0 for a, s in zip(plain, gauged, strict=True))


def test_current_without_a_closed_form():
    # exp(x^2) has no elementary integral, though time translation plus it is a symmetry of the gauge term alone.
    lagrangian = vx**2 / 2 + t * sp.exp(sp.exp(x) + x**2) * vx
    generator = Generator((ONE,), (ZERO,))
    assert noether_current(generator, vx**2 / 2, LINE) is not None
    assert noether_current(generator, lagrangian - vx**2 / 2, LINE) is None


def test_fields_without_equations_add_nothing():
    # All but one of the equations are met trivially: a point gives fewer conditions than their number promises.
    space = JetSpace(("u", "w", "z"), ("t", "x"))
    (u_t, _, _), (u_x, _, _) = space.derivatives(0), space.derivatives(1)
    found = symmetries((u_t**2 - u_x**2) / 2 - space.symbol(0) ** 4, space)
    assert [s.name for s in found] == ["time translation", "translation along x", "Lorentz boost along x"]
