"""Rearranging never changes a value, and finds the form that textbooks print."""

import random

import pytest
import sympy as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lagsym import systems
from lagsym.mechanics.dynamics.forms import canonical_momenta, energy
from lagsym.mechanics.dynamics.motion import equations_of_motion
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.parsing import parse
from lagsym.mechanics.notation.textbook import length, textbook_equation, textbook_form

CATALOGUE = pytest.mark.parametrize("system", systems.catalogue().values(), ids=list(systems.catalogue()))
SPACE = JetSpace(("a", "b"))


def values(expression, points, seed=0):
    """The expression at random points, each a change of the one before in what `points` names alone."""
    generator = random.Random(seed)
    symbols = sorted(expression.free_symbols, key=str)
    function = sp.lambdify(symbols, expression, "mpmath")
    at = {symbol: generator.uniform(0.2, 0.6) for symbol in symbols}
    found = []
    for changed in points:
        at |= {symbol: generator.uniform(0.2, 0.6) for symbol in symbols if changed(symbol)}
        found.append(function(*(at[symbol] for symbol in symbols)))
    return found


def assert_same(first, second):
    # A symbol that has dropped out must still be drawn, or the points would differ.
    common = sum(first.free_symbols | second.free_symbols, sp.S.Zero)
    everywhere = [lambda _: True] * 3
    ours = values(first + 0.1 * common, everywhere)
    theirs = values(second + 0.1 * common, everywhere)
    for one, other in zip(ours, theirs, strict=True):
        assert abs(one - other) <= 1e-12 * (1 + abs(one))


@CATALOGUE
def test_values_are_kept(system):
    space = system.space
    expressions = [
        system.lagrangian,
        system.numeric_lagrangian,
        energy(system.lagrangian, space),
        *canonical_momenta(system.lagrangian, space),
        *system.conserved.values(),
    ]
    for expression in expressions:
        assert_same(expression, textbook_form(expression, space))


@CATALOGUE
def test_equations_are_divided_by_what_does_not_depend_on_the_highest_derivatives(system):
    space = system.space
    equations = equations_of_motion(system.lagrangian, space, dissipation=system.dissipation, forces=system.forces)
    highest = max(map(space.order, equations))

    def is_highest(symbol):
        key = space.key(symbol)
        return key is not None and len(key[1]) == highest

    for equation in equations:
        shown = textbook_equation(equation, space)
        spread = sum(equation.free_symbols, sp.S.Zero)
        points = [lambda _: True, is_highest, is_highest]
        ours = values(equation + 0 * spread, points)
        symbols = sorted(equation.free_symbols, key=str)
        padded = sp.Add(shown, *(sp.Mul(0, s, evaluate=False) for s in symbols), evaluate=False)
        theirs = values(padded, points)
        ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
        assert ratios[0] != 0
        assert max(abs(ratio / ratios[0] - 1) for ratio in ratios) < 1e-9


@CATALOGUE
def test_nothing_gets_longer(system):
    for expression in (system.lagrangian, energy(system.lagrangian, system.space)):
        assert length(textbook_form(expression, system.space)) <= length(expression)


ATOMS = st.sampled_from(
    ["a", "b", "a_dot", "b_dot", "m", "k", "2", "3", "0.3", "(1/2)", "sin(a)", "cos(a)", "sin(b)", "cos(b)",
     "cos(a - b)", "sqrt(1 + a_dot**2)", "exp(-k*a)", "(m + k)", "(a - b)", "(2*a - 2*b)", "(1 + k*a**2)"]
)  # fmt: skip
FACTORS = st.tuples(ATOMS, st.sampled_from(["", "", "", "**2", "**3", "**(-1)", "**(-2)"])).map("".join)
TERMS = st.lists(FACTORS, min_size=1, max_size=4).map("*".join)
SUMS = st.lists(st.tuples(st.sampled_from("+-"), TERMS).map("".join), min_size=1, max_size=6).map("".join)
EXPRESSIONS = st.one_of(SUMS, st.tuples(SUMS, SUMS).map(lambda pair: f"({pair[0]})*({pair[1]})"))


def check_random_expression(text):
    expression = parse(text, SPACE.names, allow_parameters=True)
    shown = textbook_form(expression, SPACE)
    assert_same(expression, shown)
    assert_same(expression, textbook_form(shown, SPACE))


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(EXPRESSIONS)
def test_values_of_random_expressions_are_kept(text):
    check_random_expression(text)


@pytest.mark.slow
@settings(max_examples=5000, deadline=None, suppress_health_check=list(HealthCheck))
@given(EXPRESSIONS)
def test_values_of_many_random_expressions_are_kept(text):
    check_random_expression(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("m*a_dot*b_dot*cos(a)*cos(b) + m*a_dot*b_dot*sin(a)*sin(b)", "m*a_dot*b_dot*cos(a - b)"),
        ("m*cos(a)*cos(b) - m*sin(a)*sin(b)", "m*cos(a + b)"),
        ("m*(sin(a)*cos(b) - cos(a)*sin(b))", "m*sin(a - b)"),
        ("cos(a)*sin(b)*k + k*cos(b)*sin(a)", "k*sin(a + b)"),
        ("0.3*cos(a)*cos(b) + 0.3*sin(a)*sin(b)", "0.3*cos(a - b)"),
        ("0.3*cos(a)*cos(b) + 0.31*sin(a)*sin(b)", "0.3*cos(a)*cos(b) + 0.31*sin(a)*sin(b)"),
        ("m*cos(a)*cos(b) + k*sin(a)*sin(b)", "m*cos(a)*cos(b) + k*sin(a)*sin(b)"),
        ("k*a_dot**2*sin(a)**2 + k*a_dot**2*cos(a)**2", "k*a_dot**2"),
        ("k - k*cos(a)**2", "k*sin(a)**2"),
        ("m1*l**2*a_dot**2/2 + m2*l**2*a_dot**2/2", "(m1 + m2)*l**2*a_dot**2/2"),
        ("(m1 + m2)*g*a - m2*g*a", "g*m1*a"),
        ("k*a**2 + 2*k*a*b + k*b**2", "k*(a + b)**2"),
        ("k*(2*a - 2*b)/2", "k*(a - b)"),
        ("a_dot*(m*a_dot + k*b) - m*a_dot**2/2 - k*a_dot*b", "m*a_dot**2/2"),
        ("sqrt(1 - a_dot**2) + a_dot**2/sqrt(1 - a_dot**2)", "1/sqrt(1 - a_dot**2)"),
        ("0", "0"),
        ("a - a", "0"),
    ],
)
def test_forms(text, expected):
    read = [parse(formula, SPACE.names, allow_parameters=True) for formula in (text, expected)]
    assert textbook_form(read[0], SPACE) == read[1]


def test_numbers_stay_before_brackets():
    (a, b), (v, w) = SPACE.positions, SPACE.velocities
    shown = textbook_form(v**2 / 2 + w**2 / 2 - a**2 / 2 - b**2 / 2, SPACE)
    assert {str(term) for term in shown.args} == {"(a_dot**2 + b_dot**2)/2", "-(a**2 + b**2)/2"}


def test_only_parameters_and_denominators_are_divided_out():
    (a, b), (alpha, beta) = SPACE.positions, SPACE.accelerations
    m, k = sp.symbols("m k", real=True)
    assert textbook_equation(-2 * m * k * a * alpha - 4 * k * a * b, SPACE) == m * a * alpha + 2 * a * b
    assert textbook_equation(m * alpha + m * k * b, SPACE, fixed=[m]) == m * alpha + m * k * b
    assert textbook_equation(alpha / (1 + a**2) - b / (1 + a**2), SPACE) == alpha - b
    assert textbook_equation(sp.S.Zero, SPACE) == 0
    assert (
        textbook_equation(m * alpha * sp.sin(a) ** 2 + k * alpha + beta, SPACE)
        == alpha * (m * sp.sin(a) ** 2 + k) + beta
    )


def test_sums_of_parameters_may_be_zero():
    (a, _), (alpha, _) = SPACE.positions, SPACE.accelerations
    m, k = sp.symbols("m k", real=True)
    assert textbook_equation((m - k) * alpha + (m - k) * a, SPACE) == (m - k) * alpha + (m - k) * a


def test_what_no_textbook_prints_is_left_alone():
    (a, _), (v, _) = SPACE.positions, SPACE.velocities
    huge = sp.Add(*(v**2 * sp.cos(n * a) / n for n in range(1, 600)))
    assert textbook_form(huge, SPACE) == huge
