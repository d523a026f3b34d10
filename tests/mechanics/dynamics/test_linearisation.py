import pytest
import sympy as sp

from lagsym import systems
from lagsym.errors import InputError
from lagsym.mechanics.dynamics.linearisation import dispersion_relation, linearise, linearised_equations
from lagsym.mechanics.jetspace import JetSpace

LINE, PLANE, STRING = JetSpace(("q",)), JetSpace(("x", "y")), JetSpace(("u",), ("t", "x"))
(Q,), (V,), (A,) = LINE.positions, LINE.velocities, LINE.accelerations
(X, Y), (VX, VY) = PLANE.positions, PLANE.velocities
U, U_T, U_X, U_XX = (STRING.symbol(0, index) for index in ((), (0,), (1,), (1, 1)))
K, OMEGA = sp.symbols("k_x omega", real=True)
C, M, G, VACUUM, RHO, BENDING = sp.symbols("c m g v rho B", real=True)


def test_the_double_pendulum_hanging():
    system = systems.get("double_pendulum")
    hanging = linearise(system.lagrangian, system.space, {"theta1": 0, "theta2": 0})
    m1, m2, l1, l2, g = (sp.Symbol(name, real=True) for name in ("m1", "m2", "l1", "l2", "g"))
    assert (
        (hanging.mass - sp.Matrix([[(m1 + m2) * l1**2, m2 * l1 * l2], [m2 * l1 * l2, m2 * l2**2]]))
        .expand()
        .is_zero_matrix
    )
    assert (hanging.stiffness - sp.diag((m1 + m2) * g * l1, m2 * g * l2)).expand().is_zero_matrix
    assert hanging.rates.is_zero_matrix


def test_damping_gyroscopic_and_circulatory_terms():
    found = linearise(
        (VX**2 + VY**2) / 2 + G * (X * VY - Y * VX) - X**2,
        PLANE,
        {"x": 0, "y": 0},
        dissipation=C * (VX + VY) ** 2 / 2,
        forces={"x": M * Y, "y": -M * X},
    )
    assert found.gyroscopic == sp.Matrix([[0, -2 * G], [2 * G, 0]])
    assert found.damping == C * sp.ones(2)
    assert found.stiffness == sp.Matrix([[2, -M], [M, 0]])


def test_exact_equilibria_may_hold_parameters():
    lagrangian = V**2 / 2 - G * (Q**2 - VACUUM**2) ** 2
    assert linearise(lagrangian, LINE, {"q": VACUUM}).stiffness == sp.Matrix([[8 * G * VACUUM**2]])
    assert linearise(lagrangian, LINE, {"q": 0}).stiffness == sp.Matrix([[-4 * G * VACUUM**2]])


def test_a_bead_on_a_rotating_hoop_leaves_the_bottom():
    # omega^2 = W^2 sin^2(theta0), cos(theta0) = g / (r W^2).
    rate = sp.Symbol("W", positive=True)
    lagrangian = V**2 / 2 + rate**2 * sp.sin(Q) ** 2 / 2 + G * sp.cos(Q)
    angle = sp.acos(G / rate**2)
    stiffness = linearise(lagrangian, LINE, {"q": angle}).stiffness[0]
    assert sp.simplify(stiffness - (rate**2 - G**2 / rate**2)) == 0


@pytest.mark.parametrize(
    ("lagrangian", "field", "squared"),
    [
        (U_T**2 / 2 - C**2 * U_X**2 / 2, 0, C**2 * K**2),
        (U_T**2 / 2 - C**2 * U_X**2 / 2 - M**2 * U**2 / 2, 0, C**2 * K**2 + M**2),
        (RHO * U_T**2 / 2 - BENDING * U_XX**2 / 2, 0, BENDING * K**4 / RHO),
        (U_T**2 / 2 - U_X**2 / 2 - G * (U**2 - VACUUM**2) ** 2 / 4, VACUUM, K**2 + 2 * G * VACUUM**2),
        (U_T**2 / 2 - U_X**2 / 2 - G * (U**2 - VACUUM**2) ** 2 / 4, 0, K**2 - G * VACUUM**2),
        (U_T**2 / 2 - U_X**2 / 2 + sp.cos(U), 0, K**2 + 1),
        (U_T**2 / 2 - U_X**2 / 2 + sp.cos(U), sp.pi, K**2 - 1),
    ],
)
def test_known_dispersion_relations(lagrangian, field, squared):
    waves = dispersion_relation(lagrangian, STRING, {"u": field})
    assert waves.wave_numbers == (K,)
    assert len(waves.branches) == 2
    for branch in waves.branches:
        assert sp.simplify(branch**2 - squared) == 0
        assert sp.expand(waves.relation.subs(OMEGA**2, squared)) == 0


def test_korteweg_de_vries():
    # About rest u_tx + u_xxxx = 0, whose waves have omega = -k^3.
    lagrangian = U_T * U_X / 2 + U_X**3 - U_XX**2 / 2
    waves = dispersion_relation(lagrangian, STRING, {"u": 0})
    assert [sp.cancel(branch + K**3) for branch in waves.branches] == [0]


def test_a_damped_string_and_a_membrane():
    waves = dispersion_relation(U_T**2 / 2 - U_X**2 / 2, STRING, {"u": 0}, dissipation=G * U_T**2 / 2)
    assert sp.expand(waves.relation - (OMEGA**2 + sp.I * G * OMEGA - K**2)) == 0
    assert len(waves.branches) == 2
    plane = JetSpace(("u",), ("t", "x", "y"))
    u_t, u_x, u_y = (plane.symbol(0, (mu,)) for mu in range(3))
    membrane = dispersion_relation(u_t**2 / 2 - u_x**2 / 2 - 2 * u_y**2 + u_x * u_y, plane, {"u": 0})
    k_y = sp.Symbol("k_y", real=True)
    assert sp.expand(membrane.relation - (OMEGA**2 - K**2 - 4 * k_y**2 + 2 * K * k_y)) == 0


def test_coupled_fields_have_one_pair_of_branches_each():
    space = JetSpace(("a", "b"), ("t", "x"))
    (a, b), (a_t, b_t), (a_x, b_x) = space.positions, space.derivatives(0), space.derivatives(1)
    lagrangian = (a_t**2 + b_t**2 - a_x**2 - b_x**2) / 2 - G * (a - b) ** 2 / 2
    waves = dispersion_relation(lagrangian, space, {"a": VACUUM, "b": VACUUM})
    assert {sp.expand(branch**2) for branch in waves.branches} == {K**2, sp.expand(K**2 + 2 * G)}
    assert len(waves.branches) == 4


def test_frequencies_of_a_fourth_order_particle():
    # Pais and Uhlenbeck: (omega^2 - 1) (omega^2 - 4) = 0.
    found = dispersion_relation((A**2 - 5 * V**2 + 4 * Q**2) / 2, LINE, {"q": 0})
    assert set(found.branches) == {-2, -1, 1, 2}


def test_no_formula_is_no_branch():
    space = JetSpace(("a", "b", "c"), ("t", "x"))
    lagrangian = sum(v**2 for v in space.derivatives(0)) / 2
    a, b, c = space.positions
    a_x, b_x, c_x = space.derivatives(1)
    lagrangian += a_x * b - b_x * c - a * b - c**2 * G + a_x * c_x - b**2 * M - a**2 * 3
    quintic = lagrangian + a * space.derivatives(0)[1] + c * space.derivatives(0)[0]
    waves = dispersion_relation(quintic, space, {"a": 0, "b": 0, "c": 0}, dissipation=C * sum(space.velocities) ** 2)
    assert sp.Poly(waves.relation, OMEGA).degree() == 6
    assert waves.branches == ()


def test_linearised_equations_of_a_field():
    lagrangian = U_T**2 * sp.exp(U) - sp.sqrt(1 + U_X**2) - U**2 * sp.cos(U)
    coefficients = linearised_equations(lagrangian, STRING, {"u": 0})
    # About u = 0 the Lagrangian is w_t^2 - w_x^2 / 2 - w^2, and E = -2 w_tt + w_xx - 2 w.
    assert {index: part[0] for index, part in coefficients.items()} == {(): -2, (0, 0): -2, (1, 1): 1}


@pytest.mark.parametrize(
    ("lagrangian", "values", "reason"),
    [
        (V**2 / 2 - Q**2, {"q": 1}, "constant solution; q = 1"),
        (V**2 / 2 - Q**2, {}, "got none"),
        (V**2 / 2 - Q**2, {"x": 0}, "each of q"),
        (V**2 / 2 - Q**2 * LINE.base_symbols[0], {"q": 0}, "depend on t"),
        (V**2 / 2 + sp.cos(Q), {"q": 3.14}, "constant solution"),
        (A**2 + V**2, {"q": 0}, "second order"),
        (V**2 / 2 + 1 / Q, {"q": 0}, "constant solution"),
    ],
)
def test_what_cannot_be_linearised_is_refused(lagrangian, values, reason):
    with pytest.raises(InputError, match=reason):
        linearise(lagrangian, LINE, values)


def test_fields_have_no_normal_modes_and_particles_need_free_names():
    with pytest.raises(InputError, match="dispersion_relation"):
        linearise(U_T**2 - U_X**2, STRING, {"u": 0})
    with pytest.raises(InputError, match="names omega"):
        dispersion_relation(U_T**2 - U_X**2 - OMEGA**2 * U**2, STRING, {"u": 0})
