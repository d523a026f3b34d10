"""Dimensional analysis: known answers, and laws that stay true when all units are changed."""

import numpy as np
import pytest

from lagsym.mechanics.dimensions import analyse
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.parsing import parse

SPACE = JetSpace(("x", "a"))
LENGTH, TIME, NONE = np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.zeros(2)
GIVEN = {"x": LENGTH, "a": NONE, "t": TIME}


def read(formula, space=SPACE):
    return parse(formula, space.names, allow_parameters=True)


def constants(formula, **options):
    found = analyse(read(formula), SPACE, GIVEN, **options)
    assert not found.conflicts
    return {symbol.name: None if part is None else tuple(part.tolist()) for symbol, part in found.symbols.items()}


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("x_dot**2/2 - c1*x**2", {"c1": (0, -2)}),
        ("x_dot**2/2 - c1*x - c2*x**4", {"c1": (1, -2), "c2": (-2, -2)}),
        (
            "x_dot**2/2 + c1*a_dot**2 + c2*x_dot*a_dot*cos(a) + c3*cos(a)",
            {"c1": (2, 0), "c2": (1, 0), "c3": (2, -2)},
        ),
        ("a_dot**2/2 + c1*x_dot**2 - c2/x", {"c1": (-2, 0), "c2": (1, -2)}),
        ("-c1*sqrt(1 - c2*x_dot**2) + x_dot**2/2", {"c1": (2, -2), "c2": (-2, 2)}),
        ("x_dot**2/2 - c1*(1 - exp(-c2*x))**2", {"c1": (2, -2), "c2": (-1, 0)}),
        ("x_dot**2/2 - c1*tanh(x/c2)*cos(c3*t)", {"c1": (2, -2), "c2": (1, 0), "c3": (0, -1)}),
        ("x_dot**2/2 - c1*sqrt(x**2 + c2)", {"c1": (1, -2), "c2": (2, 0)}),
        ("x_dot**2/2 - c1*abs(x)**1.5", {"c1": (0.5, -2)}),
        ("x_dot**2/2 - c1*atan2(x, c2)*sign(x)", {"c1": (2, -2), "c2": (1, 0)}),
        ("x_dot**2/2 - c1*log(x)", {"c1": (2, -2)}),
        ("x_dot**2/2 - c1*(x/c2)**c3", {"c1": (2, -2), "c2": (1, 0), "c3": (0, 0)}),
        ("x_dot**2/2 - c1*c2*c3*x - c2*c3*x**2 - c3*x**3", {"c1": (1, 0), "c2": (1, 0), "c3": (-1, -2)}),
        ("x_dot**2/2 - c1*x**3 - c1*c2*x**2 - c1*c2*c3*x", {"c1": (-1, -2), "c2": (1, 0), "c3": (1, 0)}),
        ("x_dot**2/2 - c1*c2*x", {"c1": None, "c2": None}),
        ("c1*x_dot**2 - c2*x**2", {"c1": None, "c2": None}),
        ("0.5*x_dot**2 - 0.5*x + c1*x**2", {"c1": (0, -2)}),
    ],
)
def test_the_constants_take_what_is_missing(formula, expected):
    assert constants(formula) == expected


def test_a_known_total_fixes_every_coefficient():
    assert constants("c1*x_dot**2 - c2*x**2", total=np.array([2.0, -3.0])) == {"c1": (0, -1), "c2": (0, -3)}


def test_friction_is_the_lagrangian_over_time():
    friction = read("d1*x_dot**2/2 + d2*a_dot**2/2")
    assert constants("x_dot**2/2 - c1*x**2", dissipation=friction) == {"c1": (0, -2), "d1": (0, -1), "d2": (2, -1)}


def test_fields_have_derivatives_along_every_direction():
    space = JetSpace(("u",), ("t", "x"))
    given = {"u": np.array([0.0, 0.0, 1.0]), "t": np.array([0.0, 1.0, 0.0]), "x": np.array([1.0, 0.0, 0.0])}
    found = analyse(read("u_t**2/2 - c1*u_x**2 - c2*u_tx**2", space), space, given)
    assert [part.tolist() for part in found.symbols.values()] == [[2, -2, 0], [2, 0, 0]]


@pytest.mark.parametrize(
    ("formula", "term", "part", "beside", "dimension", "wanted"),
    [
        ("x_dot**2/2 + x", "x", "x", "x_dot**2/2", (1, 0), (2, -2)),
        ("x_dot**2/2 + c1*(x + t)", "c1*(t + x)", "x", "t", (1, 0), (0, 1)),
        ("x_dot**2/2 + c1*sin(x)", "c1*sin(x)", "x", None, (1, 0), (0, 0)),
        ("x_dot**2/2 + c1/(1 + x**2)", "c1/(1 + x**2)", "x**2", "1", (2, 0), (0, 0)),
        ("x_dot**2/2 + c1*x**c2", "c1*x**c2", "x", None, (1, 0), (0, 0)),
        ("x_dot**2/2 + x*log(x)", "x*log(x)", "x", None, (1, 0), (0, 0)),
    ],
)
def test_what_does_not_go_together_is_named(formula, term, part, beside, dimension, wanted):
    conflict = analyse(read(formula), SPACE, GIVEN).conflicts[0]
    assert conflict.term == read(term)
    assert conflict.part == read(part)
    assert conflict.beside == (None if beside is None else read(beside))
    assert tuple(conflict.dimension) == dimension
    assert tuple(conflict.wanted) == wanted


HOMOGENEOUS = {
    "x_dot**2/2 + c1*a_dot**2*x**2 - c2*sqrt(x**2 + c3*x)/(x + c4) + c5*cos(a - c6*t)": "d1*a_dot**2/2",
    "-c1*sqrt(c2 - x_dot**2) + a_dot**2/2 - c3*exp(-c4*x)*sin(a)": "d1*(a_dot - c5*x_dot)**2",
}


@pytest.mark.parametrize("formula", HOMOGENEOUS)
def test_a_change_of_all_units_changes_the_value_by_its_own_unit(formula):
    """With every symbol rescaled by its dimension, L and D are rescaled by theirs: what a dimension means."""
    random = np.random.default_rng(0)
    lagrangian, dissipation = read(formula), read(HOMOGENEOUS[formula])
    found = analyse(lagrangian, SPACE, GIVEN, dissipation=dissipation)
    scales = np.array([3.7, 0.21])
    names = {**GIVEN, "x_dot": LENGTH - TIME, "a_dot": NONE - TIME}
    sizes = {symbol.name: part for symbol, part in found.symbols.items()} | names
    values = {name: float(random.uniform(1.0, 2.0)) for name in sizes}
    values["c2"] += 5.0  # keeps the roots real
    other = {name: value * float(np.prod(scales ** sizes[name])) for name, value in values.items()}
    for expression, dimension in ((lagrangian, found.total), (dissipation, found.total - TIME)):
        before, after = (
            float(expression.subs({s: v[s.name] for s in expression.free_symbols})) for v in (values, other)
        )
        assert after == pytest.approx(before * float(np.prod(scales**dimension)), rel=1e-9)
