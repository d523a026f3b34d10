"""Answers that are proved by hand or constructed, never by the code under test."""

import random

import numpy as np
import pytest
import sympy as sp

from lagsym import systems
from lagsym.errors import InputError
from lagsym.mechanics.algebra.clear_ranks import Judge
from lagsym.mechanics.calculus import total_derivative
from lagsym.mechanics.dynamics.forms import accelerations, mass_matrix
from lagsym.mechanics.inverse_problem.ansatz import satisfies_conditions
from lagsym.mechanics.inverse_problem.decision import find_multiplier
from lagsym.mechanics.inverse_problem.sampled_equations import sampled_equations
from lagsym.mechanics.jetspace import JetSpace

PLANE, SOLID = JetSpace(("x", "y")), JetSpace(("x", "y", "z"))
(x, y), (u, v) = PLANE.positions, PLANE.velocities
(t,) = PLANE.base_symbols
THIRD = sp.Rational(1, 3)


def is_variational(multiplier, motion, space):
    """Helmholtz' conditions in their classical form for E = g (a - acceleration), at random points."""
    equations = multiplier * (sp.Matrix(motion) - sp.Matrix(space.accelerations))
    by = [equations.jacobian(s) for s in (space.positions, space.velocities, space.accelerations)]
    rates = [part.applyfunc(lambda entry: total_derivative(entry, space)) for part in by]
    by_q, by_v, by_a = by
    conditions = [by_a - by_a.T, by_v + by_v.T - rates[2] - rates[2].T, by_q - by_q.T - (rates[1] - rates[1].T) / 2]
    generator = random.Random(0)
    symbols = set().union(*(part.free_symbols for part in conditions))
    for _ in range(3):
        point = {s: sp.Rational(generator.randint(200, 900), 997) for s in symbols}
        if any(abs(entry.evalf(40, subs=point)) > 1e-25 for part in conditions for entry in part):
            return False
    return True


def has_closed_form(found, motion, space):
    return found.answer == "exists" and is_variational(found.multiplier, motion, space)


def transformed(motion, new):
    """The accelerations in coordinates X with x = F(X), `new` being F."""
    q, velocities = sp.Matrix(PLANE.positions), sp.Matrix(PLANE.velocities)
    jacobian = sp.Matrix(new).jacobian(q)
    old = dict(zip((*PLANE.positions, *PLANE.velocities), (*new, *(jacobian * velocities)), strict=True))
    bent = sp.Matrix([(velocities.T * sp.hessian(f, list(q)) * velocities)[0] for f in new])
    return list(jacobian.inv() * (sp.Matrix(motion).subs(old, simultaneous=True) - bent))


IMPOSSIBLE = {
    # Phi = [[-2x, -2y], [-1, 0]], differentiated twice along the motion: three independent conditions.
    "quadratic": [x**2 + y**2, x],
    "swirl": [-2 * x + THIRD * (x**2 + y**2) * y, -y - THIRD * (x**2 + y**2) * x],
    # N = [[0, 1/2], [0, 0]], Phi = diag(0, 1): g_12 = 0; N Phi - Phi N = [[0, 1/2], [0, 0]]: g_11 = 0.
    "degenerate": [-v, -y],
    "circulatory force, damping on one axis": [-x - u + THIRD * y, -THIRD * x - y],
    # N = diag(1/2, 0): the commutators of N with Phi = [[3/4, -1/3], [-1/3, 2]] are independent of it and each other.
    "coupled, damping on one axis": [-x - u + THIRD * y, THIRD * x - 2 * y],
    # Phi and nabla Phi leave g = lambda [[x, -u], [-u, D]], D = x^2 + 2 v^2 - 2 x v.  Closure then gives
    # (ln lambda)_u = u / (x D - u^2), (ln lambda)_v = -D / (x D - u^2), which is closed only where x D_v = 2 D.
    "not integrable": [x**2 / 2 + v**2, u],
    "driven swirl": [-2 * x + t * (x**2 + y**2) * y, -y - THIRD * (x**2 + y**2) * x],
}


@pytest.mark.parametrize("motion", IMPOSSIBLE.values(), ids=list(IMPOSSIBLE))
def test_no_lagrangian(motion):
    found = find_multiplier(motion, PLANE)
    assert found.answer == "impossible"
    assert found.multiplier is None
    assert found.ranks[-1] in (2, 3)
    assert "so that no Lagrangian gives these accelerations" in str(found)


CLOSED = {
    "free": [sp.S.Zero, sp.S.Zero],
    "falls with the other": [y, sp.S.Zero],
    "circulatory force": [y, -x],
    "equal damping": [-x - u + y, x - 2 * y - v],
    "damping on one axis, uncoupled": [-(x**3) - u, -2 * y],
    "two dampings": [-(x**3) - u, -(y**2) - 2 * v],
    "driven": [t * y - x, t * x**2 - y],
}


@pytest.mark.parametrize("motion", CLOSED.values(), ids=list(CLOSED))
def test_multipliers_in_closed_form(motion):
    assert has_closed_form(find_multiplier(motion, PLANE), motion, PLANE)


def test_an_indefinite_multiplier_counts_and_is_said():
    found = find_multiplier([y, -x], PLANE)
    assert found.definite is False
    assert "indefinite" in str(found)
    assert find_multiplier([-x, -y], PLANE).definite is True


LAGRANGIANS = {
    # Each is the proof that its accelerations, which are worked out in the test, have a Lagrangian.
    "one drives the other": u**2 / (2 * sp.sqrt(v)) + sp.sqrt(v) * x**2 / 2 + v**3,
    "speeds": (u**2 / v - v * x**2) / 2 + v**3,
    "relativistic": -sp.sqrt(1 - u**2 - v**2) - x**2 * y,
    "complex": u**3 - 3 * u * v**2 + x**3 - 3 * x * y**2,
    "curved": (1 + y**2) * u**2 / 2 + (1 + x**2) * v**2 / 2 + x * u * v / 3 - x**2 * y + x * y**2 * u,
    "explicit time": sp.exp(t) * (u**2 + v**2 * (1 + x**2) - x**4 * y) / 2,
}


@pytest.mark.parametrize("lagrangian", LAGRANGIANS.values(), ids=list(LAGRANGIANS))
def test_accelerations_of_a_lagrangian_have_one(lagrangian):
    found = find_multiplier(list(accelerations(lagrangian, PLANE)), PLANE, ranges={"y_dot": (0.1, 0.4)})
    assert found.answer == "exists"
    assert abs(np.linalg.det(np.array(found.value))) > 1e-6


def test_the_value_at_the_point_is_the_mass_matrix_up_to_scale():
    lagrangian = LAGRANGIANS["relativistic"]
    found = find_multiplier(list(accelerations(lagrangian, PLANE)), PLANE)
    point = {symbol: found.point[symbol.name] for symbol in (u, v)}
    mass = np.array(mass_matrix(lagrangian, PLANE).subs(point).tolist(), dtype=float)
    value = np.array(found.value)
    np.testing.assert_allclose(value / value[0, 0], mass / mass[0, 0], rtol=1e-9)


@pytest.mark.parametrize("seed", range(2))
def test_random_polynomial_lagrangians_exist_and_random_changes_of_them_do_not(seed):
    generator = random.Random(seed)
    parts = [x * u * v, y * u**2, x**2 * y, x * y**2 * u, u**3, v**2 * u * y, x**2 * v**2, y**3, x * v]
    weights = [sp.Rational(generator.randint(-9, 9), 20) for _ in parts]
    lagrangian = u**2 / 2 + v**2 + sum(w * part for w, part in zip(weights, parts, strict=True))
    motion = list(accelerations(lagrangian, PLANE))
    assert find_multiplier(motion, PLANE).answer == "exists"
    changed = [motion[0] + THIRD * x * y * v, motion[1] + sp.Rational(generator.randint(1, 9), 10) * x * u**2]
    assert find_multiplier(changed, PLANE).answer == "impossible"


@pytest.mark.parametrize("new", [(x + y**2, y), (sp.exp(x), y + x**2 / 2)])
@pytest.mark.parametrize("motion", [IMPOSSIBLE["degenerate"], IMPOSSIBLE["quadratic"], CLOSED["circulatory force"]])
def test_coordinates_do_not_matter(motion, new):
    before, after = find_multiplier(motion, PLANE), find_multiplier(transformed(motion, new), PLANE)
    assert after.answer == before.answer
    assert after.ranks == before.ranks


def test_closed_forms_are_found_in_curved_coordinates():
    motion = transformed([-x, -4 * y], (x + y**2, y))
    assert has_closed_form(find_multiplier(motion, PLANE), motion, PLANE)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_every_linear_positional_force_has_a_lagrangian(n):
    # Every matrix is a product of two symmetric ones (Frobenius 1910), so that S K is symmetric for a regular S.
    generator = random.Random(n)
    space = JetSpace(("a", "b", "c", "d")[:n])
    motion = list(sp.Matrix(n, n, lambda *_: generator.randint(-9, 9)) * sp.Matrix(space.positions))
    assert has_closed_form(find_multiplier(motion, space), motion, space)


@pytest.mark.parametrize(
    "matrix",
    [
        [[1, 1, 0], [0, 1, 1], [0, 0, 1]],
        [[0, 1, 0], [0, 0, 1], [0, 0, 0]],
        [[0, -1, 0], [1, 0, 0], [0, 0, 2]],
        [[2, 1, 0], [0, 2, 0], [0, 0, 2]],
    ],
)
def test_defective_and_rotating_linear_forces_too(matrix):
    motion = list(sp.Matrix(matrix) * sp.Matrix(SOLID.positions))
    found = find_multiplier(motion, SOLID)
    assert has_closed_form(found, motion, SOLID)
    assert found.definite is False


def test_one_coordinate_always_has_a_lagrangian():
    space = JetSpace(("x",))
    (q,), (w,) = space.positions, space.velocities
    found = find_multiplier([-sp.sin(q) * w**3 - t * w + q], space)
    assert found.answer == "exists"
    damped = [-q - w / 2]
    assert has_closed_form(find_multiplier(damped, space), damped, space)


PARTICLES = {name: system for name, system in systems.catalogue().items() if system.space.base == ("t",)}
QUICK = ("pendulum", "damped_spring", "coupled_oscillators", "cart_pole", "henon_heiles", "kepler_cartesian")
SMALL = {name: system for name, system in PARTICLES.items() if name in QUICK or system.no_lagrangian}
LARGE = {name: system for name, system in PARTICLES.items() if name not in SMALL}


def motion_of(system):
    """The accelerations, with the parameters' decimals in place of the parameters."""
    exact = {sp.Symbol(name, real=True): sp.Rational(str(value)) for name, value in system.parameters.items()}
    parts = (system.dissipation, {name: force.subs(exact) for name, force in system.forces.items()})
    dissipation, forces = sp.sympify(parts[0]).subs(exact), parts[1]
    return list(accelerations(system.lagrangian.subs(exact), system.space, dissipation=dissipation, forces=forces))


def check(system):
    motion = motion_of(system)
    found = find_multiplier(motion, system.space, ranges=system.ranges)
    assert found.answer == ("impossible" if system.no_lagrangian else "exists")
    assert found.multiplier is None or is_variational(found.multiplier, motion, system.space)


@pytest.mark.parametrize("system", SMALL.values(), ids=list(SMALL))
def test_catalogue(system):
    check(system)


@pytest.mark.slow
@pytest.mark.parametrize("system", LARGE.values(), ids=list(LARGE))
def test_rest_of_the_catalogue(system):
    check(system)


@pytest.mark.parametrize("name", ["double_pendulum", "kepler", "spring_pendulum"])
def test_the_mass_matrix_comes_out_of_the_accelerations_alone(name):
    system = systems.get(name)
    exact = {sp.Symbol(key, real=True): sp.Rational(str(value)) for key, value in system.parameters.items()}
    found = find_multiplier(motion_of(system), system.space, ranges=system.ranges)
    mass = mass_matrix(system.lagrangian.subs(exact), system.space)
    difference = found.multiplier * mass[0, 0] - mass * found.multiplier[0, 0]
    point = {symbol: sp.Rational(k + 2, 7) for k, symbol in enumerate(difference.free_symbols)}
    assert all(abs(entry.evalf(30, subs=point)) < 1e-25 for entry in difference)
    assert found.definite is True


def test_numbers_are_drawn_for_parameters_and_told():
    k, c = sp.symbols("k c", real=True)
    found = find_multiplier([-k * x - c * u, -k * y - c * v], PLANE, ranges={"c": (0.4, 0.6)})
    rate = sp.Rational(found.point["c"]).limit_denominator(1000)
    assert found.multiplier == sp.exp(rate * t) * sp.eye(2)
    assert 0.4 < found.point["c"] < 0.6


ROUNDED = [1.2345678901234567, 0.9876543210987654]


def test_doubles_are_rounded_when_accelerations_are_worked_out():
    a, b = ROUNDED
    curved = (1 + a * y**2) * u**2 / 2 + (b + x**2 / 3) * v**2 / 2 + a * b / 7 * u * v - b / 3 * x**2 * y
    motion = list(accelerations(curved, PLANE))
    found = find_multiplier(motion, PLANE)
    assert found.answer == "exists"
    assert "rounded" in str(found)
    assert find_multiplier([motion[0] + 0.1 * x * y, motion[1]], PLANE).answer == "impossible"


def test_doubles_that_stand_for_decimals_are_taken_for_them():
    found = find_multiplier([-0.1 * x - 0.3 * u, -0.7 * y - 0.3 * v], PLANE)
    assert found.multiplier == sp.exp(sp.Rational(3, 10) * t) * sp.eye(2)


@pytest.mark.parametrize("slow", [sp.Rational(1, 10**6), 10**6])
def test_the_unit_of_time_does_not_matter(slow):
    for motion, answer in [(IMPOSSIBLE["swirl"], "impossible"), (CLOSED["falls with the other"], "exists")]:
        scaled = [float(slow**2) * sp.sympify(a).subs({u: u / float(slow), v: v / float(slow)}) for a in motion]
        ranges = {name: (-0.4 * float(slow), 0.4 * float(slow)) for name in ("x_dot", "y_dot")}
        assert find_multiplier(scaled, PLANE, ranges=ranges).answer == answer


# Whether there is a Lagrangian does not depend on units; the answers at ordinary size are those above.
UNITS = [(sp.Integer(10**6), sp.Rational(1, 10**6), 1), (sp.Rational(1, 10**6), sp.S.One, 1)]


def measured(motion, lengths, time):
    """Accelerations in units so many times as small, and the ranges of q and v in them."""
    units = dict(zip(PLANE.positions, lengths, strict=True)) | {t: sp.Integer(time)}
    units |= {w: length / sp.Integer(time) for w, length in zip(PLANE.velocities, lengths, strict=True)}
    ranges = {s.name: (float(unit) / 5, float(unit)) for s, unit in units.items()}
    replaced = {symbol: symbol / unit for symbol, unit in units.items()}
    return [
        length / time**2 * sp.sympify(a).xreplace(replaced) for a, length in zip(motion, lengths, strict=True)
    ], ranges


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("units", UNITS)
def test_units_of_length_do_not_matter(units, rounded):
    cases = [(IMPOSSIBLE[name], "impossible") for name in ("quadratic", "not integrable")]
    cases.append((list(accelerations(LAGRANGIANS["curved"], PLANE)), "exists"))
    for motion, answer in cases:
        scaled, ranges = measured(motion, units[:2], units[2])
        scaled = [a.xreplace({r: sp.Float(r) for r in a.atoms(sp.Rational) if not r.is_Integer}) for a in scaled]
        scaled = scaled if rounded else measured(motion, units[:2], units[2])[0]
        assert find_multiplier(scaled, PLANE, ranges=ranges).answer == answer


def test_the_multiplier_comes_back_in_the_units_of_the_coordinates():
    motion, ranges = measured(transformed([-x, -4 * y], (x + y**2, y)), UNITS[0][:2], 10**4)
    found = find_multiplier(motion, PLANE, ranges=ranges)
    assert has_closed_form(found, motion, PLANE)
    point = {symbol: found.point[symbol.name] for symbol in (x, y, u, v, t)}
    assert all(ranges[s.name][0] < value < ranges[s.name][1] for s, value in point.items())
    value = np.array(found.multiplier.subs(point).tolist(), float)
    np.testing.assert_allclose(value, found.value, rtol=1e-9)


def test_two_copies_over_the_dual_numbers_always_have_a_lagrangian():
    # If L(x, u) gives f for one coordinate, y dL/dx + v dL/du gives f and its linearisation; L exists (Darboux 1894).
    for f in (-(x**3) - u, x * u - u**3, t * u - sp.sin(x)):
        motion = [f, sp.diff(f, x) * y + sp.diff(f, u) * v + x * u]
        assert find_multiplier(motion, PLANE).answer == "exists"


def test_real_parts_of_complex_motion_always_have_a_lagrangian():
    # The real part of a complex Lagrangian for z = x + i y, which exists for one coordinate, gives both equations.
    z, w = x + sp.I * y, u + sp.I * v
    for f in (z**2 + z * w, w**3 - sp.I * w, -(THIRD + sp.I) * w - z):
        motion = [sp.re(sp.expand(f)), sp.im(sp.expand(f))]
        found = find_multiplier(motion, PLANE)
        assert (found.answer, found.definite) == ("exists", False)


def linear_truth(damping, stiffness):
    """For q'' = -C v - K q: g(t) = exp(-N^T t) g exp(-N t) is a multiplier if g ad_N^k Phi is symmetric for all k."""
    n = damping.rows
    connection, level = damping / 2, stiffness - damping**2 / 4
    g = sp.Matrix(n, n, lambda i, j: sp.Symbol(f"g{min(i, j)}{max(i, j)}"))
    unknowns, conditions = sorted(g.free_symbols, key=str), []
    for _ in range(n * n):
        conditions += list(g * level - (g * level).T)
        level = connection * level - level * connection
    solution = sp.Matrix(conditions).jacobian(unknowns).nullspace()
    general = sum((sp.Integer(3**k + 10) * vector for k, vector in enumerate(solution)), sp.zeros(len(unknowns), 1))
    return "exists" if g.subs(dict(zip(unknowns, general, strict=True))).det() != 0 else "impossible"


@pytest.mark.parametrize(("n", "seed"), [(2, 0), (2, 1), (2, 2), (3, 3)])
def test_linear_equations_by_linear_algebra(n, seed):
    generator, answers = random.Random(seed), set()
    space = JetSpace(("a", "b", "c")[:n])
    for sparse in (0.3, 0.6, 0.9):
        matrices = [
            sp.Matrix(n, n, lambda *_, s=sparse: generator.randint(-6, 6) * (generator.random() > s)) for _ in range(2)
        ]
        motion = -matrices[0] * sp.Matrix(space.velocities) - matrices[1] * sp.Matrix(space.positions)
        answers.add((find_multiplier(list(motion), space).answer, linear_truth(*matrices)))
    assert answers <= {("exists", "exists"), ("impossible", "impossible")}


def test_three_coordinates_by_an_independent_count():
    # Without velocities N = 0, so that g F, g F' and g F'' must be symmetric, F = df/dq and ' = v d/dq + f d/dv.
    force = sp.Matrix([y**2 + x, SOLID.positions[2] ** 2 - y, x**2 + y / 2])
    q, w = SOLID.positions, SOLID.velocities
    g = sp.Matrix(3, 3, lambda i, j: sp.Symbol(f"g{min(i, j)}{max(i, j)}"))
    levels = [force.jacobian(q)]
    along = list(zip((*q, *w), (*w, *force), strict=True))
    for _ in range(2):
        levels.append(levels[-1].applyfunc(lambda entry: sum(sp.diff(entry, s) * r for s, r in along)))
    point = dict(zip((*q, *w), map(sp.Rational, (2, 3, 5, 7, 11, 13)), strict=True))
    conditions = [(g * level - level.T * g).subs(point)[i, j] for level in levels for i, j in ((0, 1), (0, 2), (1, 2))]
    unknowns = sorted(g.free_symbols, key=str)
    assert sp.Matrix(conditions).jacobian(unknowns).rank() == 6
    assert find_multiplier(list(force), SOLID).answer == "impossible"


def test_curvature_is_a_condition_of_its_own_from_three_coordinates_on():
    # A symmetric g Phi is three equations, and the one cyclic sum of g R is a fourth (Douglas has none for two).
    (a, b, c), (k, m, w) = SOLID.positions, SOLID.velocities
    found = find_multiplier([b * k * w + c * m**2, a * m * k - c * w**2, a * w**2 + b * k * m], SOLID)
    assert found.ranks[0] == 4
    assert found.answer == "impossible"


def test_three_coordinates_with_curvature_and_a_lagrangian():
    (a, b, c), (k, m, w) = SOLID.positions, SOLID.velocities
    kinetic = (1 + b**2) * k**2 / 2 + (1 + c**2) * m**2 / 2 + (2 + a**2) * w**2 / 2 + a * k * m / 3
    lagrangian = kinetic + b * c * k - a**2 * b - c**4
    found = find_multiplier(list(accelerations(lagrangian, SOLID)), SOLID)
    assert found.answer == "exists"
    assert found.ranks[0] == 4
    entries = np.array(mass_matrix(lagrangian, SOLID).subs({s: found.point[s.name] for s in (a, b, c)}).tolist(), float)
    value = np.array(found.value)
    np.testing.assert_allclose(value / value[0, 0], entries / entries[0, 0], atol=1e-9)


def test_matrices_that_are_no_multipliers_are_recognised():
    equations = sampled_equations(CLOSED["equal damping"], PLANE, None)
    right = sp.exp(t) * sp.eye(2)
    assert satisfies_conditions(right, equations, Judge())
    for wrong in (sp.eye(2), x * right, v * right, sp.exp(t) * sp.diag(1, 2), sp.exp(t) * sp.Matrix([[0, 1], [1, 0]])):
        assert not satisfies_conditions(wrong, equations, Judge())
    free = sampled_equations([sp.S.Zero, sp.S.Zero], PLANE, None)
    assert satisfies_conditions(sp.diag(1 + u**2, 1), free, Judge())
    assert not satisfies_conditions(sp.diag(1 + v**2, 1), free, Judge())


def test_time_that_has_passed_decides_nothing():
    found = find_multiplier(CLOSED["two dampings"], PLANE, budget=0.0)
    assert found.answer == "undecided"
    assert "0 s" in str(found)


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="one acceleration for each of x, y; got 1"):
        find_multiplier([x], PLANE)
    with pytest.raises(InputError, match="solve the equations for the second derivatives"):
        find_multiplier([PLANE.accelerations[1], x], PLANE)
    with pytest.raises(InputError, match="whose base is time alone"):
        find_multiplier([sp.S.Zero], JetSpace(("phi",), ("t", "x")))
    with pytest.raises(InputError, match="give ranges in which they are defined"):
        find_multiplier([sp.sqrt(-1 - x**2), y], PLANE)
    with pytest.raises(InputError, match="elementary functions"):
        find_multiplier([sp.Function("f")(x), y], PLANE)


@pytest.mark.parametrize("given", ["x**2", "__import__('os').getpid()", None, True, x < y, [x]])
def test_what_is_no_expression_is_refused(given):
    with pytest.raises(InputError, match="expected accelerations as SymPy expressions or numbers"):
        find_multiplier([given, x], PLANE)


def test_symbols_that_only_look_like_the_coordinates_are_refused():
    # Taken for parameters, they would make the accelerations constant, which always have a Lagrangian.
    a, b = sp.symbols("x y")
    with pytest.raises(InputError, match="the symbols x, y are not those of the space"):
        find_multiplier([a**2 + b**2, a], PLANE)
    with pytest.raises(InputError, match="expected a list of accelerations"):
        find_multiplier(x, PLANE)


def test_towers_of_exponentials_are_refused_in_time():
    x = PLANE.positions[0]
    with pytest.raises(InputError, match="finite real value"):
        find_multiplier([sp.exp(sp.exp(20 * x)), x], PLANE)
