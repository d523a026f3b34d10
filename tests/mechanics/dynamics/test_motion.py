import pytest
import sympy as sp

from lagsym import systems
from lagsym.errors import InputError
from lagsym.mechanics.calculus import euler_lagrange
from lagsym.mechanics.dynamics.forms import accelerations
from lagsym.mechanics.dynamics.motion import principal_part, solve_motion, solved_accelerations
from lagsym.mechanics.jetspace import JetSpace

LINE, PLANE = JetSpace(("q",)), JetSpace(("x", "y"))
STRING = JetSpace(("u",), ("t", "x"))
PARTICLES = systems.particles()


@pytest.mark.parametrize("system", PARTICLES.values(), ids=list(PARTICLES))
def test_every_solution_satisfies_the_equations(system):
    space = system.space
    options = {"dissipation": system.numeric_dissipation, "forces": system.numeric_forces}
    lagrangian = system.numeric_lagrangian
    point = {x: sp.Rational(3 + 2 * k, 17) for k, x in enumerate((space.base_symbols[0], *space.positions))}
    point |= {v: sp.Rational(2 - k, 19) for k, v in enumerate(space.velocities)}
    closed = accelerations(lagrangian, space, **options).subs(point)
    steps, short = solved_accelerations(lagrangian, space, **options)
    values = dict(point)
    for symbol, expression in steps:
        values[symbol] = expression.xreplace(values).evalf(30)
    general = solve_motion(lagrangian, space, **options)
    left = sp.Matrix(euler_lagrange(lagrangian, space))
    left -= sp.Matrix([sp.diff(options["dissipation"], v) for v in space.velocities])
    left += sp.Matrix([options["forces"].get(name, 0) for name in space.fields])
    for solution in (
        closed,
        [x.xreplace(values) for x in short],
        [general[a].subs(point) for a in space.accelerations],
    ):
        residual = left.subs(dict(zip(space.accelerations, solution, strict=True))).subs(point).evalf(30)
        assert residual.norm() < 1e-12


def test_common_subexpressions_keep_the_triple_pendulum_short():
    system = systems.get("triple_pendulum")
    steps, short = solved_accelerations(system.lagrangian, system.space)
    operations = sum(x.count_ops() for _, x in steps) + sum(x.count_ops() for x in short)
    plain = sum(x.count_ops() for x in accelerations(system.lagrangian, system.space))
    assert operations < plain / 10


def test_a_singular_mass_matrix_is_refused_though_common_subexpressions_hide_it():
    (x, y), (vx, vy) = PLANE.positions, PLANE.velocities
    lagrangian = (sp.cos(x) * vx + sp.sin(y) * vy) ** 2
    with pytest.raises(InputError, match="singular everywhere"):
        solved_accelerations(lagrangian, PLANE)


def test_assignments_avoid_the_names_of_coordinates():
    space = JetSpace(("x6", "x8"))
    (a, b), (va, vb) = space.positions, space.velocities
    steps, _ = solved_accelerations((va**2 + vb**2) * sp.cos(a) + va * vb * sp.cos(b), space)
    assert not {symbol.name for symbol, _ in steps} & set(space.names)


def test_fourth_derivatives_of_two_coupled_coordinates():
    (x, y), (ax, ay) = PLANE.positions, PLANE.accelerations
    lagrangian = (2 + y**2) * ax**2 / 2 + ax * ay + ay**2 - x * y
    solution = solve_motion(lagrangian, PLANE)
    assert [str(symbol) for symbol in solution] == ["x_ddddot", "y_ddddot"]
    for equation in euler_lagrange(lagrangian, PLANE):
        assert sp.cancel(equation.subs(solution)) == 0


def test_pais_uhlenbeck():
    (q,), (v,), (a,) = LINE.positions, LINE.velocities, LINE.accelerations
    snap = LINE.symbol(0, (0, 0, 0, 0))
    solution = solve_motion((a**2 - 5 * v**2 + 4 * q**2) / 2, LINE, dissipation=v**2)
    # q'''' + 5 q'' + 4 q = 2 v: friction that drives, where the sign of the highest term is that of a stiffness.
    assert sp.expand(solution[snap] - (-5 * a - 4 * q + 2 * v)) == 0


def test_a_lagrangian_linear_in_velocities_gives_velocities():
    # L = p q_dot - H: Hamilton's equations.
    space = JetSpace(("q", "p"))
    (q, p), (vq, vp) = space.positions, space.velocities
    hamiltonian = p**2 / 2 + q**4
    assert solve_motion(p * vq - hamiltonian, space) == {vq: p, vp: -4 * q**3}


def test_fields_are_solved_for_their_second_time_derivative():
    rho, tension, g, bending = sp.symbols("rho T g B", positive=True)
    u, u_t, u_x, u_xx = (STRING.symbol(0, index) for index in ((), (0,), (1,), (1, 1)))
    u_tt, u_xxxx = STRING.symbol(0, (0, 0)), STRING.symbol(0, (1, 1, 1, 1))
    answers = {
        rho * u_t**2 / 2 - tension * u_x**2 / 2: tension * u_xx / rho,
        u_t**2 / 2 - u_x**2 / 2 + g * sp.cos(u): u_xx - g * sp.sin(u),
        rho * u_t**2 / 2 - tension * sp.sqrt(1 + u_x**2): tension * u_xx / (1 + u_x**2) ** sp.Rational(3, 2) / rho,
        rho * u_t**2 / 2 - bending * u_xx**2 / 2: -bending * u_xxxx / rho,
    }
    for lagrangian, expected in answers.items():
        assert sp.simplify(solve_motion(lagrangian, STRING)[u_tt] - expected) == 0


def test_what_is_degenerate_in_time_is_refused():
    u_t, u_x, u_tx, u_xx = (STRING.symbol(0, index) for index in ((0,), (1,), (0, 1), (1, 1)))
    with pytest.raises(InputError, match=r"degenerate in time.*u_tx"):
        solve_motion(u_t * u_x / 2 + u_x**3 - u_xx**2 / 2, STRING)
    with pytest.raises(InputError, match="u_ttxx"):
        solve_motion(u_t**2 + u_tx**2 - u_x**2, STRING)
    with pytest.raises(InputError, match="they hold none"):
        solve_motion(u_x**2, STRING)
    with pytest.raises(InputError, match="do not determine x_ddot, y_ddot"):
        solve_motion((PLANE.velocities[0] + PLANE.velocities[1]) ** 2, PLANE)


def test_principal_parts():
    u_t, u_x, u_xx = (STRING.symbol(0, index) for index in ((0,), (1,), (1, 1)))
    bending = sp.Symbol("B", real=True)
    assert principal_part((u_t**2 - bending * u_xx**2) / 2, STRING) == {(1, 1, 1, 1): sp.Matrix([[-bending]])}
    moving = principal_part((u_t + 2 * u_x) ** 2 / 2 - u_x**2 / 2, STRING)
    assert moving == {(0, 0): sp.Matrix([[-1]]), (0, 1): sp.Matrix([[-4]]), (1, 1): sp.Matrix([[-3]])}
    # A Born–Infeld scalar: E is affine in the second derivatives, with coefficients that depend on the first.
    born_infeld = principal_part(-sp.sqrt(1 - u_t**2 + u_x**2), STRING)
    root = (1 - u_t**2 + u_x**2) ** sp.Rational(3, 2)
    expected = {(0, 0): -(1 + u_x**2), (0, 1): 2 * u_t * u_x, (1, 1): 1 - u_t**2}
    for index, value in expected.items():
        assert sp.simplify(born_infeld[index][0] * root - value) == 0


def test_forces_that_are_not_linear_in_the_unknowns_are_refused():
    space = JetSpace(("q", "p"))
    (q, p), (vq, _) = space.positions, space.velocities
    with pytest.raises(InputError, match="not linear"):
        solve_motion(p * vq - p**2 - q**2, space, dissipation=vq**4)
