import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from lagsym import systems
from lagsym.errors import InputError
from lagsym.mechanics.calculus import total_derivative
from lagsym.mechanics.dynamics.forms import applied_forces
from lagsym.mechanics.equivalence.gauge import compare
from lagsym.mechanics.jetspace import JetSpace

LINE, PLANE = JetSpace(("x",)), JetSpace(("x", "y"))
SHEET = JetSpace(("u", "w"), ("t", "x"))
M, K = sp.symbols("m k", real=True)


def functions(space):
    q, t = space.positions, space.base_symbols[0]
    return [sp.sin(q[0]) * q[-1] ** 2, q[0] * q[-1], t * q[0], sp.exp(q[-1]), sp.cos(q[0] - 2 * q[-1])]


NAMES = ["pendulum", "double_pendulum", "kepler", "sine_gordon", "euler_bernoulli_beam", "kdv_potential"]


@pytest.mark.parametrize("name", NAMES)
def test_scale_and_gauge_are_found_with_decimal_numbers(name):
    system = systems.get(name)
    function = functions(system.space)[0]
    candidate = 0.37 * system.numeric_lagrangian + total_derivative(0.25 * function, system.space) + 7
    verdict = compare(candidate, system.numeric_lagrangian, system.space, points=system.ranges)
    assert (verdict.kind, verdict.certificate) == ("gauge-equivalent", "random points")
    assert float(verdict.scale) == pytest.approx(0.37, rel=1e-12)
    difference = sp.lambdify(system.space.positions, verdict.divergence["t"] - 0.25 * function, "numpy")
    values = [difference(*point) for point in np.random.default_rng(0).uniform(0.1, 1, (5, len(system.space.fields)))]
    assert np.ptp(values) < 1e-9


@pytest.mark.parametrize("name", NAMES)
def test_a_small_wrong_number_is_different(name):
    system = systems.get(name)
    wrong = system.numeric_lagrangian + 1e-3 * sp.cos(system.space.positions[0])
    verdict = compare(wrong, system.numeric_lagrangian, system.space, points=system.ranges)
    assert verdict.kind == "different"
    assert verdict.equation in system.space.fields
    assert verdict.sentence.startswith("Different")


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
    yield from second_order_cases()
    yield from degenerate_cases()
    yield from field_cases()


def second_order_cases():
    (x,), (v,), (a,) = LINE.positions, LINE.velocities, LINE.accelerations
    oscillator, snap = v**2 - x**2, a**2 / 2 - M * v**2 + K * x**2 / 2
    yield "hidden first order", LINE, -x * a - x**2, oscillator, "gauge-equivalent"
    yield "Pais and Uhlenbeck", LINE, 3 * snap + 2 * x * v * a + v**3, snap, "gauge-equivalent"
    yield "Pais and Uhlenbeck, other frequency", LINE, snap + x**2 / 1000, snap, "different"
    yield "higher order", LINE, a**2 - 2 * v**2 + x**2, v**2 - x**2, "different"
    (x, y), (_, vy) = PLANE.positions, PLANE.velocities
    mixed = [PLANE.accelerations[0] ** 2 - x**2, vy**2 - y**4]
    yield "orders mixed, blocks", PLANE, 2 * mixed[0] - mixed[1] / 3, mixed[0] + mixed[1], "same dynamics"
    yield "orders mixed, wrong", PLANE, mixed[0] + mixed[1] + y**5 / 100, mixed[0] + mixed[1], "different"


def degenerate_cases():
    (x, y), (vx, vy) = PLANE.positions, PLANE.velocities
    energy = x**2 / 2 + sp.cos(y)
    yield "Hamilton's equations", PLANE, 2 * (y * vx - energy), -x * vy - energy, "gauge-equivalent"
    yield "Hamilton's equations, wrong", PLANE, y * vx - energy + x**4 / 100, -x * vy - energy, "different"
    constrained = (vx + y) ** 2
    yield "constrained", PLANE, constrained / 3, constrained, "gauge-equivalent"
    yield "constrained, wrong", PLANE, constrained + y**2 / 100, constrained, "different"
    length = sp.sqrt(vx**2 + vy**2)
    yield "arc length", PLANE, 3 * length + x * vy + y * vx, length, "gauge-equivalent"
    yield "arc length and energy", PLANE, vx**2 + vy**2, length, "different"
    yield "only the difference", PLANE, (vx - vy) ** 2 - (x - y) ** 2, (vx - vy) ** 2 - 2 * (x - y) ** 2, "different"


def field_cases():
    (u, w), (u_t, w_t), (u_x, w_x) = SHEET.positions, SHEET.derivatives(0), SHEET.derivatives(1)
    u_xx, w_xx = SHEET.derivatives(1, 1)
    string, beam = u_t**2 - K * u_x**2, M * w_t**2 - w_xx**2
    curl = u * w * (u_t * w_x - u_x * w_t)
    yield "curl", SHEET, 2 * (string + beam) + curl, string + beam, "gauge-equivalent"
    yield "moved curvature", SHEET, string + beam + u_xx * w + u_x * w_x, string + beam, "gauge-equivalent"
    yield "string and beam", SHEET, 3 * string - beam / 2, string + beam, "same dynamics"
    yield "string and stiffer beam", SHEET, string + beam - w_xx**2 / 1000, string + beam, "different"
    yield "coupled", SHEET, string + beam + u * w_x / 1000, string + beam, "different"
    wave = u_t**2 + w_t**2 - u_x**2 - w_x**2
    yield "crossed", SHEET, u_t * w_t - u_x * w_x, wave, "same dynamics"
    yield "a divergence", SHEET, u_t * w_x - u_x * w_t, wave, "different"
    yield "from a divergence", SHEET, wave, u_t * w_x - u_x * w_t, "different"
    korteweg = u_t * u_x / 2 + u_x**3 + w_t * w_x / 2 - u_xx**2 / 2
    yield "degenerate in time", SHEET, korteweg * K + u_t * w_x - u_x * w_t, korteweg, "gauge-equivalent"
    yield "degenerate in time, wrong", SHEET, korteweg + u_x**3 / 1000, korteweg, "different"
    born = -sp.sqrt(1 - u_t**2 + u_x**2)
    yield "Born and Infeld", SHEET, -2 * born + sp.sin(u) * u_t + w_t**2, born - w_t**2 / 2, "gauge-equivalent"


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


def friction_forces(space, *dissipations):
    return tuple(applied_forces(space, dissipation) for dissipation in dissipations)


def judge(lagrangian, values, errors=None, dissipations=(0, 0)):
    system = systems.get("double_pendulum")
    return compare(
        lagrangian,
        system.numeric_lagrangian,
        system.space,
        points=system.ranges,
        constants=values,
        covariance=None if errors is None else np.diag(np.square(errors)),
        applied=friction_forces(system.space, *dissipations),
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
    assert compare(growing, reference, LINE, applied=friction_forces(LINE, 0, rate * v**2 / 2)).kind == "same dynamics"
    assert compare(growing, reference, LINE, applied=friction_forces(LINE, 0, -rate * v**2 / 2)).kind == "different"
    assert compare(growing, reference, LINE).kind == "different"


def test_exact_friction_is_scaled_with_the_lagrangian():
    (x,), (v,) = LINE.positions, LINE.velocities
    lagrangian, friction = v**2 / 2 - x**2, K * v**2
    assert compare(3 * lagrangian, lagrangian, LINE, applied=friction_forces(LINE, 3 * friction, friction)).scale == 3
    assert (
        compare(3 * lagrangian, lagrangian, LINE, applied=friction_forces(LINE, friction, friction)).kind == "different"
    )


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


def test_blocks_have_a_constant_multiplier():
    (x, y), (vx, vy) = PLANE.positions, PLANE.velocities
    blocks = vx**2 / 2 - M * x**2 / 2, vy**2 / 2 - K * y**4 / 4
    verdict = compare(3 * blocks[0] - 2 * blocks[1], blocks[0] + blocks[1], PLANE)
    np.testing.assert_allclose(verdict.multiplier, [[3, 0], [0, -2]], atol=1e-12)
    assert verdict.acceleration_residual < 1e-40
    assert "S = (3 0; 0 -2)" in verdict.sentence


@pytest.mark.parametrize("number", [1, 1.0])
def test_a_multiplier_need_not_be_symmetric(number):
    (x, y), (vx, vy) = PLANE.positions, PLANE.velocities
    # E = (-x - x'', -3 y - 3 y'') against (-y - y'', -x - x'').
    verdict = compare(number * vx * vy - x * y, (vx**2 + 3 * vy**2 - x**2 - 3 * y**2) / 2, PLANE)
    np.testing.assert_allclose(verdict.multiplier, [[0, 1 / 3], [1, 0]], atol=1e-12)


def test_a_scale_is_a_parameter_even_where_the_draw_is_rational():
    (x,), (v,) = LINE.positions, LINE.velocities
    assert compare(M * (v**2 - x**2), v**2 - x**2, LINE, points={"m": (0, 1)}).scale == M


@pytest.mark.parametrize("number", [1, 1.0])
def test_further_equations_of_a_degenerate_candidate_count(number):
    (x, y), (vx, vy) = PLANE.positions, PLANE.velocities
    reference = (vx - vy) ** 2 - (x - y) ** 2
    assert compare(number * 2 * reference, reference, PLANE).success
    # Its equations hold x + y = 0 beside those of the reference, whose motion they leave alone.
    assert compare(number * reference + (x + y) ** 2, reference, PLANE).kind == "different"


def test_no_constant_multiplier_where_it_depends_on_the_motion():
    (x,), (v,) = LINE.positions, LINE.velocities
    # E of the quartic is 2 (v^2 + x^2) / 2 times E of the oscillator: its energy squared, in effect.
    quartic = v**4 / 12 + K**2 * x**2 * v**2 / 2 - K**4 * x**4 / 4
    verdict = compare(quartic, v**2 - K**2 * x**2, LINE)
    assert (verdict.kind, verdict.multiplier, verdict.scale) == ("same dynamics", None, None)
    assert compare(quartic + x**4 / 100, v**2 - K**2 * x**2, LINE).kind == "different"


def test_the_first_equation_that_differs_is_named_with_its_point():
    (_, w), (u_t, w_t), (u_x, w_x) = SHEET.positions, SHEET.derivatives(0), SHEET.derivatives(1)
    wave = (u_t**2 + w_t**2 - u_x**2 - w_x**2) / 2
    verdict = compare(5 * wave + w**3, wave, SHEET)
    assert verdict.equation == "w"
    # E_w = w_xx - w_tt for the reference, five times that and 3 w^2 for the candidate.
    reference = 5 * (verdict.point["w_xx"] - verdict.point["w_tt"])
    assert verdict.point["reference"] == pytest.approx(reference)
    assert verdict.point["candidate"] == pytest.approx(reference + 3 * verdict.point["w"] ** 2)
    assert "The equation of w differs" in verdict.sentence
    fitted = compare(5.0 * wave + w**3, wave, SHEET)
    assert (fitted.kind, fitted.equation) == ("different", "w")


def test_fields_with_fitted_constants_are_judged_by_their_errors():
    c = sp.symbols("c1:4", real=True)
    (u, _), (u_t, w_t), (u_x, w_x) = SHEET.positions, SHEET.derivatives(0), SHEET.derivatives(1)
    law = c[0] * u_t**2 - c[1] * u_x**2 + c[2] * sp.cos(u) + u_t * w_x - u_x * w_t + w_t**2 - w_x**2
    reference = u_t**2 - 4.0 * u_x**2 + 3 * sp.cos(u) + w_t**2 - w_x**2
    errors = np.array([0.01, 0.04, 0.03])
    for deviation, success in ((2, True), (5, False)):
        values = dict(zip(c, np.array([1.0, 4, 3]) + deviation * errors * [0, 1, 0], strict=True))
        verdict = compare(law, reference, SHEET, constants=values, covariance=np.diag(errors**2))
        assert (verdict.success, verdict.degrees_of_freedom) == (success, 3)
        assert verdict.chi_square == pytest.approx(deviation**2, rel=1e-6)
        if success:
            assert tuple(map(str, verdict.added)) == ("u*w_x", "-u*w_t")


def test_same_motion_of_fields_within_the_errors():
    c = sp.symbols("c1:5", real=True)
    (u_t, w_t), (u_x, _), (_, w_xx) = SHEET.derivatives(0), SHEET.derivatives(1), SHEET.derivatives(1, 1)
    law = c[0] * u_t**2 - c[1] * u_x**2 + c[2] * w_t**2 - c[3] * w_xx**2
    reference = u_t**2 - 2 * u_x**2 + w_t**2 - 3.0 * w_xx**2
    values = np.array([1.0, 2, 5, 15])
    covariance = np.diag((1e-3 * values) ** 2)
    for factor, kind in ((1.001, "same dynamics"), (1.02, "different")):
        constants = dict(zip(c, values * [1, 1, 1, factor], strict=True))
        verdict = compare(law, reference, SHEET, constants=constants, covariance=covariance)
        assert verdict.kind == kind


def test_kinks_are_no_obstacle():
    (q,), (v,) = LINE.positions, LINE.velocities
    square_root, absolute = v**2 - sp.sqrt(q**2 + 2 * q + 1), v**2 - sp.Abs(q + 1)
    both_sides, right_side = {"x": (-3, 1)}, {"x": (-0.9, 1)}
    assert compare(square_root, absolute, LINE, points=both_sides).kind == "identical"
    assert compare(square_root, v**2 - (q + 1), LINE, points=right_side).kind == "identical"
    assert compare(square_root, v**2 - (q + 1), LINE, points=both_sides).kind == "different"
    assert compare(sp.Abs(q + 1) * v**2, square_root, LINE, points=both_sides).kind == "different"
    moved = total_derivative(sp.Abs(q + 1) * v, LINE)
    assert compare(square_root + moved, absolute, LINE, points=both_sides).kind == "gauge-equivalent"
    assert compare(square_root + 1.0 * moved, absolute, LINE, points=both_sides).kind == "gauge-equivalent"
    assert compare(2 * sp.Abs(q + 1) * v**2, sp.Abs(q + 1) * v**2, LINE, points=both_sides).scale == 2


def test_the_disguised_triple_pendulum():
    system = systems.get("triple_pendulum")
    q = system.space.positions
    expanded = sp.expand(system.lagrangian, trig=True)
    half = expanded.subs(sp.cos(q[0]), 1 - 2 * sp.sin(q[0] / 2) ** 2)
    assert half != expanded
    function = sp.sin(q[0]) * q[2] ** 2
    candidate = sp.Rational(3, 7) * half + total_derivative(function, system.space)
    verdict = compare(candidate, system.lagrangian, system.space, points=system.ranges)
    assert (verdict.kind, verdict.scale, verdict.added) == ("gauge-equivalent", sp.Rational(3, 7), function)
    assert verdict.certificate == "symbolic"
    assert "proves" in verdict.sentence
    assert "expands to a constant" in verdict.method
    wrong = compare(candidate + sp.cos(q[2]) / 10**9, system.lagrangian, system.space)
    assert wrong.equation == "theta3"
    left, _, right = wrong.sentence.removesuffix(".").rpartition(": ")[2].partition(" against ")
    assert left != right


def test_what_algebra_cannot_settle_rests_on_random_points():
    (x,), (v,) = LINE.positions, LINE.velocities
    disguise = sp.sqrt(1 + 2 * sp.sin(x) * sp.cos(x)) - (sp.sin(x) + sp.cos(x))
    verdict = compare(v**2 + disguise + x * v, v**2, LINE)
    assert (verdict.kind, verdict.certificate, verdict.added) == ("gauge-equivalent", "random points", x**2 / 2)
    assert "random points" in verdict.sentence


def test_an_integral_without_closed_form_is_said_to_have_none():
    (x,), (v,), t = LINE.positions, LINE.velocities, LINE.base_symbols[0]
    verdict = compare(v**2 + sp.sin(sp.exp(x**2)) * v + t * x * 0, v**2, LINE)
    assert (verdict.kind, verdict.added, verdict.certificate) == ("gauge-equivalent", None, "random points")
    assert "not found" in verdict.sentence


def test_generalised_forces_belong_to_the_law():
    (x, y), (vx, vy) = PLANE.positions, PLANE.velocities
    kinetic = (vx**2 + vy**2) / 2
    force = applied_forces(PLANE, forces={"x": x**2 + y**2, "y": K * x})
    assert compare(3 * kinetic + x * vy + y * vx, kinetic, PLANE, applied=(3 * force, force)).scale == 3
    assert compare(kinetic, kinetic, PLANE, applied=(None, force)).kind == "different"
    wrong = applied_forces(PLANE, forces={"x": x**2 + y**2, "y": sp.Rational(101, 100) * K * x})
    verdict = compare(kinetic, kinetic, PLANE, applied=(wrong, force))
    assert (verdict.kind, verdict.equation) == ("different", "y")
    assert compare(1.0 * kinetic, kinetic, PLANE, applied=(None, force.subs(K, 2))).kind == "different"


def test_a_potential_called_a_force_is_the_same_dynamics_only():
    (x,), (v,) = LINE.positions, LINE.velocities
    spring = applied_forces(LINE, forces={"x": -x})
    for number in (1, 1.0):
        verdict = compare(number * v**2 / 2, v**2 / 2 - x**2 / 2, LINE, applied=(spring, None))
        assert verdict.kind == "same dynamics"


@pytest.mark.parametrize("number", [1, 1.0])
def test_what_a_search_would_take_hours_for_is_found(number):
    (x,), (v,), t = LINE.positions, LINE.velocities, LINE.base_symbols[0]
    roots = sp.sqrt((x**2 + 1) ** 2 + 1) * (x**2 + t**2 + t) ** sp.Rational(3, 2)
    verdict = compare(number * 3 * v**2 + total_derivative(roots, LINE), v**2, LINE)
    assert (verdict.kind, float(verdict.scale)) == ("gauge-equivalent", 3)
    assert abs(sp.diff(verdict.added - roots, x).subs({x: 0.7, t: 0.4}).evalf()) < 1e-9


def test_what_a_search_would_take_hours_for_is_given_up():
    (x,), (v,) = LINE.positions, LINE.velocities
    nested = sp.asin(sp.tan(x**2 / 4)) * sp.sqrt(sp.sqrt(x) + sp.log(1 + K * x))
    verdict = compare(v**2 + nested * v, v**2, LINE)
    assert (verdict.kind, verdict.added, verdict.certificate) == ("gauge-equivalent", None, "random points")


def test_huge_terms_that_cancel_cost_no_digits():
    (x, y), (vx, vy) = PLANE.positions, PLANE.velocities
    reference = vx**2 + vy**2 - x**2 - y**4
    moved = total_derivative(sp.cosh(sp.cosh(x - y)), PLANE)
    verdict = compare(3 * reference + moved, reference, PLANE, points={"x": (-3, 3), "y": (-3, 3)})
    assert (verdict.kind, verdict.scale) == ("gauge-equivalent", 3)


def test_quotients_with_quadratic_denominators_of_many_symbols_are_integrated():
    space = JetSpace(("x", "y", "z"))
    x, y, z = space.positions
    reference = sum(v**2 for v in space.velocities)
    function = sp.atan((x / 2 + z) * (y + z / 2))
    verdict = compare(reference + total_derivative(function, space), reference, space)
    rest = total_derivative(verdict.added - function, space)
    values = dict(zip((*space.positions, *space.velocities), (0.3, 0.5, 0.7, 0.2, -0.4, 0.6), strict=True))
    assert abs(rest.subs(values).evalf()) < 1e-12


def test_decimal_kinks_are_integrated():
    (x,), (v,) = LINE.positions, LINE.velocities
    moved = total_derivative(sp.Abs(x + 1) * v, LINE)
    verdict = compare(v**2 + 0.5 * moved, v**2, LINE, points={"x": (-3, 1)})
    assert (verdict.added - v * sp.Abs(x + 1) / 2).subs({x: -2.5, v: 0.3}) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (sp.Function("f")(LINE.positions[0]), "derivatives in closed form"),
        (sp.floor(LINE.positions[0]), "derivatives in closed form"),
        (sp.nan, "finite SymPy expression"),
        (sp.zoo * LINE.positions[0], "finite SymPy expression"),
        ("x_dot**2", "finite SymPy expression"),
        (sp.Matrix([1]), "finite SymPy expression"),
        (sp.Symbol("x") ** 2, "x has the name of a symbol"),
    ],
)
def test_what_is_no_lagrangian_is_refused(wrong, message):
    reference = LINE.velocities[0] ** 2
    for pair in ((wrong, reference), (reference, wrong)):
        with pytest.raises(InputError, match=message):
            compare(*pair, LINE)


def test_infinite_ranges_are_refused():
    (v,) = LINE.velocities
    with pytest.raises(InputError, match="finite numbers for x"):
        compare(v**2, v**2, LINE, points={"x": (0, np.inf)})


def test_forces_of_another_shape_are_refused():
    (v,) = LINE.velocities
    with pytest.raises(InputError, match=r"expected applied forces of shape \(1, 1\)"):
        compare(v**2, v**2, LINE, applied=(sp.zeros(2, 1), None))


def test_lagrangians_of_third_order_are_refused():
    (jerk,) = LINE.derivatives(0, 0, 0)
    with pytest.raises(InputError, match="first or second order"):
        compare(jerk**2, jerk**2, LINE)


def test_lagrangians_must_both_be_real_where_they_are_compared():
    (x,), (v,) = LINE.positions, LINE.velocities
    with pytest.raises(InputError, match="0 of"):
        compare(v**2 + sp.log(x), v**2 + sp.log(-x), LINE, points={"x": (0.5, 2)})
