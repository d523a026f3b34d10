"""Constants named by masses, lengths and so on that were given beside the motion."""

import math

import numpy as np
import pytest
import sympy as sp

from lagsym.distillation.constants.known_quantities import Quantity, QuantityNames
from lagsym.distillation.constants.naming import name_constant

VALUES = {"m1": 1.1, "m2": 0.53, "l1": 0.92, "l2": 0.73, "g": 9.81}
MASS, LENGTH, ACCELERATION = np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), np.array([0, 1.0, -2.0])
UNITS = dict(zip(VALUES, (MASS, MASS, LENGTH, LENGTH, ACCELERATION), strict=True))
NONE = 0 * MASS


def named(formula, relative, dimension=None, *, among=4):
    """The name of a constant that is known to a relative error, among quantities with units if it has one."""
    value = float(sp.sympify(formula).subs(VALUES))
    given = [Quantity(name, number, None if dimension is None else UNITS[name]) for name, number in VALUES.items()]
    error = relative * abs(value)
    further = QuantityNames.of(given).near(value + 0.3 * error, error, dimension)
    return name_constant(value + 0.3 * error, error, among=among, further=further)


@pytest.mark.parametrize(
    ("formula", "relative", "dimension"),
    [
        ("g/l1", 1e-4, ACCELERATION - LENGTH),
        ("-g*l2", 1e-4, ACCELERATION + LENGTH),
        ("m2/(m1 + m2)", 1e-6, NONE),
        ("m2*l2**2/((m1 + m2)*l1**2)", 1e-8, NONE),
        ("g/(2*l2)", 1e-6, ACCELERATION - LENGTH),
        ("g/l1", 1e-7, None),
        ("m2*l2**2/((m1 + m2)*l1**2)", 1e-12, None),
    ],
)
def test_formulas_are_found(formula, relative, dimension):
    found = named(formula, relative, dimension)
    assert found is not None
    assert sp.sympify(found) - sp.sympify(formula) == 0


def test_what_is_not_precise_enough_has_no_name():
    assert named("m2*l2**2/((m1 + m2)*l1**2)", 1e-4, NONE) is None
    assert named("g/l1", 1e-2) is None


def test_units_have_to_agree():
    found = QuantityNames.of([Quantity(name, VALUES[name], UNITS[name]) for name in VALUES])
    assert not any(name.text == "g/l1" for name in found.near(9.81 / 0.92, 1e-5, NONE))
    assert any(name.text == "g/l1" for name in found.near(9.81 / 0.92, 1e-5, ACCELERATION - LENGTH))
    assert any("m1 + m2" in name.text for name in found.near(1.63, 1e-9, MASS))
    assert not any("m1 + l1" in name.text for name in found.near(2.02, 1e-9))


def test_numbers_are_preferred_where_they_are_simpler():
    assert named("1/2", 1e-6) == "1/2"


def test_equal_quantities_are_not_told_apart():
    known = QuantityNames.of(
        [Quantity("l1", 2.0, LENGTH), Quantity("l2", 2.0, LENGTH), Quantity("g", 9.81, ACCELERATION)]
    )
    assert known.near(4.905, 1e-9, ACCELERATION - LENGTH) == ()
    assert {name.text for name in known.near(9.81, 1e-9, ACCELERATION)} == {"g"}


def test_there_is_nothing_to_be_made_of_nothing():
    assert QuantityNames.of([]).near(1.0, 0.1) == ()
    assert QuantityNames.of([Quantity("q", -1.0), Quantity("e", 0.0)]).near(1.0, 0.1) == ()


@pytest.mark.parametrize("relative", [1e-2, 1e-3, 1e-4, 1e-5])
def test_fewer_than_one_law_in_a_hundred_has_a_false_name(relative):
    generator = np.random.default_rng(1)
    laws, wrong = 0, 0
    for _ in range(40):
        values = np.exp(generator.uniform(-1, 2, 4))
        known = QuantityNames.of([Quantity(name, value) for name, value in zip("abcd", values, strict=True)])
        for law in np.exp(generator.uniform(math.log(0.1), math.log(30), (25, 4))):
            near = [name_constant(x, relative * x, among=4, further=known.near(x, relative * x)) for x in law]
            laws, wrong = laws + 1, wrong + any(name is not None for name in near)
    assert wrong < 0.01 * laws
