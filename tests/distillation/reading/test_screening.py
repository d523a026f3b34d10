"""Screening: what a function depends on, from its slopes alone."""

import numpy as np
import pytest
import sympy as sp

from lagsym.distillation.reading.screening import (
    Dependence,
    addends,
    column_blocks,
    column_sets,
    columns,
    screen,
    speed_alone,
    tolerance_of,
)

NAMES = sp.symbols("x y z", real=True)
X, Y, Z = NAMES
POINTS = np.random.default_rng(3).uniform(0.3, 1.5, (200, 3))
LENGTHS = np.zeros(3, bool)


def dependence_of(expression, *, angles=LENGTHS, size=0.0, tolerance=0.02, error=0.0, points=POINTS):
    slopes = sp.lambdify(NAMES, [sp.diff(expression, x) for x in NAMES], "numpy")(*points.T)
    gradient = np.stack([np.broadcast_to(np.asarray(slope, float), len(points)) for slope in slopes], axis=1)
    noise = np.random.default_rng(0).standard_normal(gradient.shape) * error * np.sqrt(np.mean(gradient**2))
    return screen(gradient + noise, points, angles, size=size, tolerance=tolerance)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        (sp.exp(-X), Dependence(single=(0,))),
        (X * Y, Dependence(single=(0, 1))),
        (sp.exp(X - Z), Dependence(shifted=((0, 2),))),
        (sp.exp(X - Y) + 2 * sp.exp(Z - Y), Dependence(shifted=((0, 1, 2),))),
        (sp.exp(X - Y) + Z**2, Dependence(single=(2,), shifted=((0, 1),))),
        (1 / sp.sqrt(X**2 + Y**2), Dependence(turned=((0, 1),))),
        (sp.exp(-sp.sqrt(X**2 + Y**2 + Z**2)), Dependence(turned=((0, 1, 2),))),
        (1 / sp.sqrt(Y**2 + Z**2) + X, Dependence(single=(0,), turned=((1, 2),))),
        (sp.Integer(1), Dependence()),
    ],
)
def test_what_a_function_depends_on_follows_from_its_slopes(expression, found):
    assert dependence_of(expression) == found
    assert found.constant == expression.is_number


def test_slopes_within_the_error_count_as_none():
    assert dependence_of(sp.exp(X - Z), error=0.01, tolerance=tolerance_of(0.01)) == Dependence(shifted=((0, 2),))
    assert dependence_of(sp.exp(X - Z) + 0.3 * Z, tolerance=tolerance_of(0.01)) == Dependence(single=(0, 2))


def slopes_of(expression):
    """First and second derivatives at the points, of shape (N, 3) and (N, 3, 3)."""
    gradient = [sp.diff(expression, x) for x in NAMES]
    entries = sp.lambdify(NAMES, gradient + [sp.diff(slope, x) for slope in gradient for x in NAMES], "numpy")(
        *POINTS.T
    )
    table = np.stack([np.broadcast_to(np.asarray(entry, float), len(POINTS)) for entry in entries], axis=1)
    return table[:, :3], table[:, 3:].reshape(-1, 3, 3)


@pytest.mark.parametrize(
    ("expression", "groups"),
    [
        (sp.exp(-X) + Y**3 + sp.sqrt(Z), ((0,), (1,), (2,))),
        (X * Y + Z**2, ((0, 1), (2,))),
        (X * Z + sp.cos(Y), ((0, 2), (1,))),
        (X * Y + Y * Z, ((0, 1, 2),)),
        (sp.exp(X - Y) + Z**2, ((0, 1), (2,))),
        (1 / sp.sqrt(Y**2 + Z**2) + X, ((0,), (1, 2))),
        # A square of a radius is a sum, but what was found to turn stays together.
        (X**2 + Y**2 + Z**4, ((0, 1), (2,))),
        (sp.exp(X) + Z, ((0,), (2,))),
        (sp.exp(Y), ((1,),)),
        (sp.Integer(1), ()),
    ],
)
def test_a_function_is_a_sum_where_its_mixed_slopes_vanish(expression, groups):
    gradient, curvature = slopes_of(expression)
    dependence = screen(gradient, POINTS, LENGTHS, size=0.0, tolerance=0.02)
    assert addends(gradient, curvature, POINTS, dependence, size=0.0, tolerance=0.02) == groups
    units = np.array([1e-3, 1.0, 1e3])
    scaled = 7 * gradient / units, 7 * curvature / units[:, None] / units, POINTS * units
    dependence = Dependence(single=tuple(k for group in groups for k in group))
    assert len(addends(*scaled, dependence, size=0.0, tolerance=0.02)) >= len(groups)


def test_a_coupling_within_the_error_is_none():
    gradient, curvature = slopes_of(sp.exp(X) + Z**2 + X * Z / 50)
    known = {"dependence": Dependence(single=(0, 2)), "size": 0.0}
    assert len(addends(gradient, curvature, POINTS, tolerance=0.05, **known)) == 2
    assert len(addends(gradient, curvature, POINTS, tolerance=0.0005, **known)) == 1


def test_a_column_over_two_groups_is_in_no_block():
    features = [X, Y, sp.sqrt(X**2 + Y**2), sp.cos(Z), sp.sin(Z)]
    assert column_blocks(features, ((0, 1), (2,)), NAMES) == ((0, 1, 2), (3, 4))
    assert column_blocks(features, ((0,), (1,), (2,)), NAMES) == ((0,), (1,), (3, 4))
    assert column_blocks(features[2:], ((0,), (1,), (2,)), NAMES) == ()
    assert column_blocks(features, ((0, 1, 2),), NAMES) == ()


def test_a_variation_that_is_small_beside_a_given_size_is_none():
    mass = 1 + 1e-3 * X**2
    assert dependence_of(mass) == Dependence(single=(0,))
    assert dependence_of(mass, size=1.0).constant


def test_the_finding_does_not_depend_on_units():
    gradient = np.stack([np.exp(POINTS[:, 0]), 0 * POINTS[:, 0], np.cos(POINTS[:, 2])], axis=1)
    plain = screen(gradient, POINTS, LENGTHS, size=0.0, tolerance=0.02)
    units = np.array([1e-3, 1.0, 1e3])
    assert screen(5 * gradient / units, POINTS * units, LENGTHS, size=0.0, tolerance=0.02) == plain
    assert plain == Dependence(single=(0, 2))


def test_an_angle_is_not_mixed_with_lengths():
    angles = np.array([False, False, True])
    assert dependence_of(sp.exp(X - Z), angles=angles) == Dependence(single=(0, 2))
    assert dependence_of(sp.sqrt(X**2 + Z**2), angles=angles) == Dependence(single=(0, 2))


def test_columns_are_few_and_of_the_right_kind():
    def features(dependence, angles=LENGTHS, points=POINTS):
        return columns(dependence, NAMES, points, angles)

    r = sp.sqrt(X**2 + Y**2)
    assert features(Dependence(turned=((0, 1),))) == [r, 1 / r]
    assert features(Dependence(shifted=((0, 2),))) == [X - Z]
    assert features(Dependence(single=(1,)), points=POINTS - 1.0) == [Y]
    assert features(Dependence(single=(1,))) == [Y, 1 / Y]
    angles = np.array([True, True, True])
    assert features(Dependence(shifted=((0, 1),)), angles) == [sp.cos(X - Y), sp.sin(X - Y)]
    assert sp.cos(X - Y) in features(Dependence(single=(0, 1)), angles)
    assert features(Dependence()) == []


def test_positive_variables_have_tables_of_their_own():
    turned, single = Dependence(turned=((0, 1),)), Dependence(single=(0, 1))
    r = sp.sqrt(X**2 + Y**2)
    assert column_sets(turned, NAMES, POINTS, LENGTHS) == [[r, 1 / r], [r], [sp.log(r)]]
    assert column_sets(single, NAMES, POINTS, LENGTHS)[1:] == [[X, Y], [sp.log(X), sp.log(Y)]]
    assert len(column_sets(single, NAMES, POINTS - [0, 1, 0], LENGTHS)) == 1
    assert len(column_sets(single, NAMES, POINTS, np.array([False, True, False]))) == 1
    assert column_sets(Dependence(), NAMES, POINTS, LENGTHS) == []


def test_a_momentum_along_the_velocity_shows_that_only_the_speed_matters():
    v = np.random.default_rng(1).uniform(-1, 1, (100, 2))
    along = v * np.exp(np.sum(v**2, axis=1))[:, None]
    assert speed_alone(along, v, (0, 1), 0.02)
    assert not speed_alone(along * [1.0, 1.2], v, (0, 1), 0.02)
    assert speed_alone(along[:, :1], v[:, :1], (0,), 0.02)
