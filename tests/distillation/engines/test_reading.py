import math

import pytest
import sympy as sp

from lagsym.distillation.engines.reading import read_formula, read_sum
from lagsym.errors import FormulaError

x0, x1 = sp.symbols("x0 x1", real=True)
SYMBOLS = {"x0": x0, "x1": x1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x0 * 1.5", 1.5 * x0),
        ("(x1 * -0.5) - x0 / x1", -0.5 * x1 - x0 / x1),
        ("square(x0) + cube(x1) - inv(x0) + neg(x1)", x0**2 + x1**3 - 1 / x0 - x1),
        ("x0 ^ 2 + x1 ** -1", x0**2 + 1 / x1),
        ("sqrt(exp(x0)) * log(x1) - abs(x0)", sp.sqrt(sp.exp(x0)) * sp.log(x1) - sp.Abs(x0)),
        ("x0 ^ 0.5", x0**0.5),
        ("2.0 ^ x0", sp.Float(2) ** x0),
        ("1.5f-5 * x0", 1.5e-5 * x0),
        ("sin(x1 + (1.5707926374915082 - x0))", sp.sin(x1 - x0 + 1.5707926374915082)),
        ("cos(0.0) + 3", sp.Float(4)),
        ("+x0", x0),
    ],
)
def test_what_pysr_writes_is_read(text, expected):
    difference = (read_formula(text, SYMBOLS) - expected).subs({x0: 0.37, x1: 1.21})
    assert math.isclose(float(difference), 0.0, abs_tol=1e-15)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x2 + 1",
        "NaN",
        "Inf * x0",
        "x0 +",
        "__import__('os').system('true')",
        "x0.__class__",
        "(lambda: x0)()",
        "[x0]",
        "'x0'",
        "1j * x0",
        "x0 if x1 else 1",
        "sin(x0, x1)",
        "sin(x=x0)",
        "foo(x0)",
        "x0 // 2",
        "x0 ^ 100000",
        "10.0 ^ 10.0 ^ 10.0",
        "9 ^ 9 ^ 9 ^ 9",
        "exp(exp(exp(10.0)))",
        "log(0.0) * x0",
        "1 / 0",
        "sqrt(-1.0)",
        "(-1.0) ^ 0.5",
        "1e999 * x0",
        "x0; x1",
        "(" * 500 + "x0" + ")" * 500,
        "-" * 3000 + "x0",
        "x0 + " * 3000 + "x0",
        "1" * 5000,
        "\x00",
    ],
)
def test_anything_else_is_refused_and_nothing_is_run(text):
    with pytest.raises(FormulaError, match="formula"):
        read_formula(text, SYMBOLS)


def test_the_functions_of_a_template_are_read_over_their_own_arguments():
    found = read_sum("a = #1 * -0.5 + #2; b = exp(#1)\n", {"a": (x0, x1), "b": (x1,)})
    assert found == -0.5 * x0 + x1 + sp.exp(x1)


@pytest.mark.parametrize(
    "text", ["", "a = #1", "a = #1; b = #1; c = #1", "a = #2; b = #1", "a = #1; b = x1", "a = #0; b = #1", "a; b"]
)
def test_a_template_that_is_not_the_one_asked_for_is_refused(text):
    with pytest.raises(FormulaError, match="expected"):
        read_sum(text, {"a": (x0,), "b": (x1,)})
