import numpy as np
import pytest

from lagsym.errors import InputError
from lagsym.mechanics.inverse_problem.decision import find_multiplier
from lagsym.mechanics.inverse_problem.numeric_decision import find_numeric_multiplier
from lagsym.mechanics.jetspace import JetSpace

PLANE = JetSpace(("x", "y"))


def quadratic(q, v):
    return np.column_stack([q[:, 0] ** 2 + q[:, 1] ** 2, q[:, 0]])


def henon_heiles(q, v):
    x, y = q.T
    return np.column_stack([-x - 2 * x * y, -y - x**2 + y**2])


def kepler(q, v):
    r, w = q[:, 0], v
    return np.column_stack([r * w[:, 1] ** 2 - 1 / r**2, -2 * w[:, 0] * w[:, 1] / r])


def test_an_impossible_motion_is_recognised_with_a_margin():
    found = find_multiplier(quadratic, PLANE)
    assert found.answer == "impossible"
    assert "times its error" in str(found)


def test_a_perturbed_orbit_is_impossible():
    # The smaller perturbation is below what polynomials of eighth degree can tell.
    for size, answer in [(1e-2, "impossible"), (1e-9, "undecided")]:
        swirl = size * np.array([1.0, 0.0])
        found = find_multiplier(lambda q, v, swirl=swirl: kepler(q, v) + swirl * q[:, 1:] ** 2, PLANE)
        assert found.answer == answer


def test_constant_multipliers_are_found_within_a_tolerance_that_is_told():
    found = find_multiplier(lambda q, v: henon_heiles(q, v) - 0.3 * v, PLANE)
    assert found.answer == "exists"
    assert "times exp(0.3 t)" in str(found)
    assert "to within" in str(found)
    np.testing.assert_allclose(found.value, np.eye(2), atol=1e-5)


def test_an_indefinite_constant_multiplier():
    # S K is symmetric for S = [[2 a, b], [b, -3 a]] alone, K being [[-1, 3], [-2, -1]]: none of these is definite.
    found = find_multiplier(lambda q, v: q @ np.array([[1.0, 2.0], [-3.0, 1.0]]), PLANE)
    assert found.answer == "exists"
    assert found.definite is False
    assert found.value[0][0] * 3 == pytest.approx(-2 * found.value[1][1], abs=1e-4)


def test_noise_decides_nothing():
    found = find_multiplier(lambda q, v: quadratic(q, v) + 1e-3 * np.sin(1e6 * q), PLANE)
    assert found.answer == "undecided"


def test_what_several_estimates_say_differently_is_error():
    other = [lambda q, v: 1.0001 * quadratic(q, v), lambda q, v: quadratic(q, v) + 0.2 * q**2]
    assert find_numeric_multiplier([quadratic, other[0]], PLANE).answer == "impossible"
    assert find_numeric_multiplier([quadratic, *other], PLANE).answer == "undecided"


def test_points_can_be_given():
    place = np.array([[0.5, -0.2, 0.3, 0.4], [0.1, 0.2, -0.3, 0.4]])
    found = find_numeric_multiplier(quadratic, PLANE, points=place)
    assert found.answer == "impossible"
    assert any(np.allclose(list(found.point.values()), point) for point in place)


def test_one_coordinate_and_the_budget():
    assert find_multiplier(lambda q, v: -(q**3) - v * q, JetSpace(("q",))).answer == "exists"
    assert find_multiplier(henon_heiles, PLANE, budget=0.0).answer == "undecided"
    assert find_multiplier(lambda q, v: -q, JetSpace(("q",)), budget=0.0).answer == "undecided"


@pytest.mark.parametrize("field", [(0.0, 0.0), (0.0, -9.81)])
def test_uniform_fields(field):
    found = find_multiplier(lambda q, v: 0 * q + np.array(field), PLANE)
    assert (found.answer, found.definite) == ("exists", True)
    assert "nan" not in str(found)


@pytest.mark.parametrize(("lengths", "time"), [((1e6, 1e-6), 1.0), ((1.0, 1.0), 1e-6)])
def test_units_do_not_matter(lengths, time):
    lengths = np.array(lengths)
    ranges = {name: (0.2 * unit, 1.3 * unit) for name, unit in zip(("x", "y"), lengths, strict=True)}
    ranges |= {f"{name}_dot": (-0.4 * high / time, 0.4 * high / time) for name, (_, high) in ranges.items()}
    for motion, answer in [(quadratic, "impossible"), (henon_heiles, "exists")]:

        def scaled(q, v, motion=motion):
            return motion(q / lengths, v * time / lengths) * lengths / time**2

        assert find_multiplier(scaled, PLANE, ranges=ranges).answer == answer


def test_bad_functions_are_refused():
    with pytest.raises(InputError, match="got shape"):
        find_multiplier(lambda q, v: q[:, 0], PLANE)
    with pytest.raises(InputError, match="check the ranges"):
        find_multiplier(lambda q, v: np.full(q.shape, np.nan), PLANE)
    with pytest.raises(InputError, match="the type complex128"):
        find_multiplier(lambda q, v: q * 1j, PLANE)
    with pytest.raises(InputError, match="whose base is time alone"):
        find_multiplier(lambda q, v: q, JetSpace(("phi",), ("t", "x")))
