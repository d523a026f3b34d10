import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from lagsym import systems
from lagsym.errors import InputError
from lagsym.mechanics.calculus import total_derivative
from lagsym.mechanics.gauge import compare
from lagsym.mechanics.jetspace import JetSpace

CATALOGUE = systems.catalogue()
each_system = pytest.mark.parametrize("system", CATALOGUE.values(), ids=list(CATALOGUE))
LINE, PLANE = JetSpace(("x",)), JetSpace(("x", "y"))
M, K = sp.symbols("m k", real=True)


def functions(space):
    q, t = space.positions, space.base_symbols[0]
    return [sp.sin(q[0]) * q[-1] ** 2, q[0] * q[-1], t * q[0], sp.exp(q[-1]), sp.cos(q[0] - 2 * q[-1])]


@each_system
def test_a_lagrangian_is_identical_to_itself(system):
    for lagrangian in (system.lagrangian, system.numeric_lagrangian):
        verdict = compare(lagrangian, lagrangian + 7, system.space, points=system.ranges)
        assert (verdict.kind, verdict.added) == ("identical", 0)
        assert float(verdict.scale) == pytest.approx(1, rel=1e-12)
        assert verdict.success


@each_system
def test_scale_and_gauge_are_found_exactly(system):
    function = functions(system.space)[0]
    candidate = sp.Rational(-5, 3) * system.lagrangian + total_derivative(function, system.space) + 7
    verdict = compare(candidate, system.lagrangian, system.space, points=system.ranges)
    assert verdict.kind == "gauge-equivalent"
    assert verdict.scale == sp.Rational(-5, 3)
    assert sp.simplify(verdict.added - function) == 0
    assert verdict.residual < 1e-40


@each_system
def test_scale_and_gauge_are_found_with_decimal_numbers(system):
    function = functions(system.space)[0]
    candidate = 0.37 * system.numeric_lagrangian + total_derivative(0.25 * function, system.space) + 7
    verdict = compare(candidate, system.numeric_lagrangian, system.space, points=system.ranges)
    assert verdict.kind == "gauge-equivalent"
    assert float(verdict.scale) == pytest.approx(0.37, rel=1e-12)
    difference = sp.lambdify(system.space.positions, verdict.added - 0.25 * function, "numpy")
    values = [difference(*point) for point in np.random.default_rng(0).uniform(0.1, 1, (5, len(system.space.fields)))]
    assert np.ptp(values) < 1e-9


@settings(max_examples=8, deadline=None)
@given(
    st.integers(-9, 9).filter(bool),
    st.lists(st.integers(-3, 3), min_size=5, max_size=5),
)
def test_gauge_never_changes_the_verdict(scale, coefficients):
    system = systems.get("double_pendulum")
    added = sum(c * f for c, f in zip(coefficients, functions(system.space), strict=True))
    candidate = scale * system.lagrangian + total_derivative(sp.sympify(added), system.space)
    verdict = compare(candidate, system.lagrangian, system.space)
    assert verdict.success
    assert verdict.scale == scale


@each_system
@pytest.mark.parametrize("exact", [True, False])
def test_a_wrong_term_is_different(system, exact):
    extra = sp.cos(system.space.positions[0]) * (sp.Rational(1, 10**6) if exact else 1e-3)
    lagrangian = system.lagrangian if exact else system.numeric_lagrangian
    verdict = compare(lagrangian + extra, lagrangian, system.space, points=system.ranges)
    assert verdict.kind == "different"
    assert not verdict.success
    assert verdict.equation in system.space.fields
    assert verdict.point["candidate"] != verdict.point["reference"]
    assert verdict.sentence.startswith("Different")


def exact_cases():
    (x,), (vx,) = LINE.positions, LINE.velocities
    yield "oscillator, other Lagrangian", LINE, vx**4 / 12 + x**2 * vx**2 / 2 - x**4 / 4, vx**2 - x**2, "same dynamics"
    yield "scale by a parameter", LINE, M * (vx**2 - K * x**2) + K * x * vx, vx**2 - K * x**2, "gauge-equivalent"
    yield "irrational scale", LINE, sp.sqrt(2) * (vx**2 - x**2), vx**2 - x**2, "gauge-equivalent"
    yield "total derivative", LINE, x * vx, vx**2 - x**2, "different"
    yield "inverted", LINE, vx**2 + x**2, vx**2 - x**2, "different"
    yield "root", LINE, vx**2 - sp.sqrt(x**2 + 2 * x + 1), vx**2 - (x + 1), "identical"
    (x, y), (vx, vy) = PLANE.positions, PLANE.velocities
    isotropic = (vx**2 + vy**2) / 2 - (x**2 + y**2) / 2
    yield "isotropic, crossed", PLANE, vx * vy - x * y, isotropic, "same dynamics"
    blocks = vx**2 / 2 - M * x**2 / 2, vy**2 / 2 - K * y**4 / 4
    yield "blocks", PLANE, 3 * blocks[0] - 2 * blocks[1], blocks[0] + blocks[1], "same dynamics"
    field = K * (x * vy - y * vx) / 2
    yield "magnetic gauge", PLANE, (vx**2 + vy**2) / 2 + K * x * vy, (vx**2 + vy**2) / 2 + field, "gauge-equivalent"
    yield "magnetic sign", PLANE, (vx**2 + vy**2) / 2 - K * x * vy, (vx**2 + vy**2) / 2 + field, "different"
    relativistic = -sp.sqrt(1 - vx**2 - vy**2) - x**2
    yield "relativistic", PLANE, 2 * relativistic + x * vy + y * vx, relativistic, "gauge-equivalent"


@pytest.mark.parametrize(("space", "candidate", "reference", "kind"), [c[1:] for c in exact_cases()],
                         ids=[c[0] for c in exact_cases()])  # fmt: skip
def test_known_answers(space, candidate, reference, kind):
    assert compare(candidate, reference, space).kind == kind


@pytest.mark.parametrize(("candidate", "scale"), [(M, M), (sp.sqrt(2), sp.sqrt(2)), (M * sp.sqrt(3), M * sp.sqrt(3))])
def test_scales_in_closed_form(candidate, scale):
    (x,), (v,) = LINE.positions, LINE.velocities
    reference = v**2 / 2 - x**4
    assert sp.simplify(compare(candidate * reference, reference, LINE).scale - scale) == 0


CONSTANTS = sp.symbols("c1:5", real=True)
TRUE = np.array([0.5, 0.5, 9.8, 4.9])
ERRORS = 1e-3 * TRUE


def double_pendulum_law():
    space = systems.get("double_pendulum").space
    (theta1, theta2), (w1, w2) = space.positions, space.velocities
    c1, c2, c3, c4 = CONSTANTS
    kinetic = w1**2 / 2 + c1 * w2**2 / 2 + c2 * w1 * w2 * sp.cos(theta1 - theta2)
    return kinetic + c3 * sp.cos(theta1) + c4 * sp.cos(theta2)


def judge(lagrangian, values, errors=None, dissipations=(0, 0)):
    system = systems.get("double_pendulum")
    return compare(
        lagrangian,
        system.numeric_lagrangian,
        system.space,
        points=system.ranges,
        constants=values,
        covariance=None if errors is None else np.diag(np.square(errors)),
        dissipations=dissipations,
    )


def test_the_first_kinetic_coefficient_may_be_one_half():
    verdict = judge(double_pendulum_law(), dict(zip(CONSTANTS, TRUE, strict=True)))
    assert verdict.kind == "gauge-equivalent"
    assert float(verdict.scale) == pytest.approx(0.5, rel=1e-12)
    assert verdict.added == 0


@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize(("deviation", "success"), [(0, True), (1, True), (-3, True), (10, False), (-10, False)])
def test_constants_are_judged_by_their_errors(which, deviation, success):
    values = TRUE + deviation * ERRORS * (np.arange(4) == which)
    verdict = judge(double_pendulum_law(), dict(zip(CONSTANTS, values, strict=True)), ERRORS)
    assert verdict.success is success
    assert verdict.chi_square == pytest.approx(deviation**2, rel=1e-6, abs=1e-6)
    assert verdict.degrees_of_freedom == 4
    assert verdict.structure_residual < 1e-9
    assert list(verdict.refitted.values()) == pytest.approx(TRUE)
    if deviation:
        assert verdict.worst_constant == CONSTANTS[which].name
        assert verdict.worst_deviation == pytest.approx(abs(deviation))


def test_correlated_errors_are_judged_jointly():
    # Two constants whose difference is known ten times better than each: 3 errors apart, and 30 of the difference.
    system = systems.get("double_pendulum")
    covariance = np.diag(ERRORS**2)
    covariance[0, 1] = covariance[1, 0] = 0.99 * ERRORS[0] * ERRORS[1]
    verdicts = [
        compare(
            double_pendulum_law(),
            system.numeric_lagrangian,
            system.space,
            constants=dict(zip(CONSTANTS, TRUE + ERRORS * np.array([2, sign * 2, 0, 0]), strict=True)),
            covariance=covariance,
        )
        for sign in (1, -1)
    ]
    assert [verdict.success for verdict in verdicts] == [True, False]


@pytest.mark.parametrize(("error", "success"), [(1e-8, True), (1e-4, False)])
def test_without_errors_the_residual_decides(error, success):
    values = TRUE * (1 + error * np.array([1, -1, 1, -1]))
    assert judge(double_pendulum_law(), dict(zip(CONSTANTS, values, strict=True))).success is success


def test_nothing_is_equivalent_above_five_per_cent():
    values, errors = TRUE * np.array([1.3, 0.7, 1.3, 0.7]), TRUE
    verdict = judge(double_pendulum_law(), dict(zip(CONSTANTS, values, strict=True)), errors)
    assert verdict.p_value > 0.1
    assert verdict.kind == "different"


def test_an_anchored_scale_is_no_degree_of_freedom():
    c0 = sp.Symbol("c0", real=True)
    space = systems.get("double_pendulum").space
    law = double_pendulum_law() + (c0 - 1) * space.velocities[0] ** 2 / 2
    values = 0.2 * np.array([1, *TRUE])
    shifted = values * (1 + 1e-3 * np.array([1, -1, 1, 0, 0]))
    free = judge(law, dict(zip((c0, *CONSTANTS), shifted, strict=True)), 1e-3 * values)
    assert (free.kind, free.degrees_of_freedom) == ("gauge-equivalent", 4)
    assert float(free.scale) == pytest.approx(0.1, rel=2e-3)
    # With the first constant exact the scale is known and the others are what deviates.
    exact = judge(law, dict(zip((c0, *CONSTANTS), shifted, strict=True)), 1e-3 * values * np.array([0, 1, 1, 1, 1]))
    assert float(exact.scale) == pytest.approx(0.1 * 1.001, rel=1e-6)
    assert exact.chi_square == pytest.approx(4 + 0 + 1 + 1, rel=1e-2)


def test_a_missing_term_is_another_structure():
    law = double_pendulum_law().subs(CONSTANTS[3], 0)
    verdict = judge(law, dict(zip(CONSTANTS[:3], TRUE, strict=False)), ERRORS[:3])
    assert verdict.kind == "different"
    assert verdict.structure_residual > 0.05
    assert "structure differs" in verdict.sentence


def test_a_spurious_term_within_its_error_does_not_matter():
    extra = sp.Symbol("c5", real=True)
    law = double_pendulum_law() + extra * sp.cos(2 * systems.get("double_pendulum").space.positions[0])
    for value, success in ((0.01, True), (0.1, False)):
        values = dict(zip((*CONSTANTS, extra), [*TRUE, value], strict=True))
        assert judge(law, values, [*ERRORS, 0.01]).success is success


def test_a_null_term_is_reported_as_gauge():
    extra = sp.Symbol("c5", real=True)
    system = systems.get("double_pendulum")
    (theta1, _), (w1, _) = system.space.positions, system.space.velocities
    values = dict(zip((*CONSTANTS, extra), [*TRUE, 0.7], strict=True))
    verdict = judge(double_pendulum_law() + extra * theta1 * w1, values, [*ERRORS, 0.01])
    assert verdict.success
    assert verdict.degrees_of_freedom == 4
    assert sp.expand(verdict.added - 0.35 * theta1**2).subs(theta1, 1) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("friction", "success"), [(0.1, True), (0.1005, True), (0.12, False), (0.0, False)])
def test_friction_belongs_to_the_law(friction, success):
    d1 = sp.Symbol("d1", real=True)
    (w1, w2) = systems.get("double_pendulum").space.velocities
    shape = (w1**2 + w2**2) / 2
    values = dict(zip((*CONSTANTS, d1), [*TRUE, friction], strict=True))
    verdict = judge(double_pendulum_law(), values, [*ERRORS, 1e-3], (d1 * shape, 0.2 * shape))
    assert verdict.success is success


@pytest.mark.parametrize("rate", [K, sp.Rational(1, 3), 0.25])
def test_caldirola_and_kanai_damp_like_friction(rate):
    (x,), (v,), t = LINE.positions, LINE.velocities, LINE.base_symbols[0]
    reference = v**2 / 2 - x**2
    growing = sp.exp(rate * t) * reference
    assert compare(growing, reference, LINE, dissipations=(0, rate * v**2 / 2)).kind == "same dynamics"
    assert compare(growing, reference, LINE, dissipations=(0, -rate * v**2 / 2)).kind == "different"
    assert compare(growing, reference, LINE).kind == "different"


def test_exact_friction_is_scaled_with_the_lagrangian():
    (x,), (v,) = LINE.positions, LINE.velocities
    lagrangian, friction = v**2 / 2 - x**2, K * v**2
    assert compare(3 * lagrangian, lagrangian, LINE, dissipations=(3 * friction, friction)).scale == 3
    assert compare(3 * lagrangian, lagrangian, LINE, dissipations=(friction, friction)).kind == "different"


def test_constants_inside_functions_are_refitted_too():
    power, strength = sp.symbols("c1 c2", real=True)
    (x,), (v,) = LINE.positions, LINE.velocities
    law, reference = v**2 / 2 + strength * x**power, v**2 / 2 + 1 / x
    close = {power: -1.01, strength: 1.01}
    verdict = compare(law, reference, LINE, constants=close, covariance=np.diag([1e-4, 1e-4]))
    assert verdict.success
    assert list(verdict.refitted.values()) == pytest.approx([-1, 1], rel=1e-9)
    assert not compare(law, reference, LINE, constants=close, covariance=np.diag([1e-6, 1e-6])).success


def test_same_dynamics_with_decimal_numbers_gives_the_multiplier():
    (x, y), (vx, vy) = PLANE.positions, PLANE.velocities
    verdict = compare(vx * vy - 1.0 * x * y, (vx**2 + vy**2) / 2 - (x**2 + y**2) / 2, PLANE)
    assert verdict.kind == "same dynamics"
    np.testing.assert_allclose(verdict.multiplier, [[0, 1], [1, 0]], atol=1e-12)


@pytest.mark.parametrize(("deviation", "kind"), [(1, "same dynamics"), (10, "different")])
def test_same_dynamics_within_the_errors(deviation, kind):
    c = sp.symbols("c1:5", real=True)
    (x, y), (vx, vy) = PLANE.positions, PLANE.velocities
    law = c[0] * vx**2 - c[1] * x**2 + c[2] * vy**2 - c[3] * y**4
    values = np.array([1.0, 2.0 + deviation * 2e-3, 3.0, 6.0])
    reference = vx**2 - 2 * x**2 + vy**2 - 2 * y**4
    covariance = np.diag((1e-3 * np.array([1.0, 2, 3, 6])) ** 2)
    verdict = compare(law, reference, PLANE, constants=dict(zip(c, values, strict=True)), covariance=covariance)
    assert verdict.kind == kind
    if kind == "same dynamics":
        assert verdict.degrees_of_freedom == 2


def test_a_candidate_without_equations_is_different():
    (x,), (v,) = LINE.positions, LINE.velocities
    assert compare(1.5 * x * v, v**2 - x**2, LINE).kind == "different"
    assert compare(sp.Integer(0), v**2 - x**2, LINE).kind == "different"


def test_ranges_keep_away_from_where_nothing_is_defined():
    (x,), (v,) = LINE.positions, LINE.velocities
    lagrangian = v**2 + sp.sqrt(x - 5)
    for factor in (1, 1.0):
        assert compare(factor * lagrangian, lagrangian, LINE, points={"x": (6, 7)}).kind == "identical"
        with pytest.raises(InputError, match="give ranges"):
            compare(factor * lagrangian, lagrangian, LINE)


def test_bad_input_is_refused():
    (x,), (v,) = LINE.positions, LINE.velocities
    with pytest.raises(InputError, match="expected a covariance of 1"):
        compare(K * v**2, v**2, LINE, constants={K: 1.0}, covariance=np.eye(2))
    with pytest.raises(InputError, match="finite covariance"):
        compare(K * v**2, v**2, LINE, constants={K: 1.0}, covariance=np.array([[np.nan]]))
    with pytest.raises(InputError, match="low < high"):
        compare(v**2, v**2 - x, LINE, points={"x": (1, 1)})
    with pytest.raises(InputError, match="no value for k"):
        compare(1.5 * v**2, K * v**2, LINE)
