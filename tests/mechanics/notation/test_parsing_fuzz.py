"""Formulas grown at random, and texts that are none: nothing is executed, nothing hangs, nothing else is raised."""

import builtins
import itertools
import math
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import sympy as sp
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lagsym.errors import FormulaError
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.parsing import FUNCTIONS, parse, to_text

SPACE = JetSpace(("phi", "theta1"), ("t", "x"))
NAMES = SPACE.names
POINT = {"phi": 0.37, "phi_t": -0.81, "phi_xx": 1.9, "theta1": 2.3, "k": 0.61, "lambda": 1.27}
CALLS = 3_000_000
"""Calls of Python functions that a formula may take: less than a second even on a slow machine counts a tenth of it."""
QUICK = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
DEEP = settings(QUICK, max_examples=20_000, derandomize=False)
INFINITY = float("inf")


class TooMuchWork(BaseException):
    """Not an Exception, so that no handler in between takes it for a failed attempt."""


def counted(function: Callable[[], Any]) -> Any:
    """The value of a function, unless it takes more than `CALLS` calls: a bound in work, the same on every machine."""
    calls = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")
        if calls > CALLS:
            sys.setprofile(None)
            raise TooMuchWork(calls)

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        return function()
    finally:
        sys.setprofile(before)


def read(text: Any, *, allow_parameters: bool = True) -> sp.Expr | None:
    """The formula, or None where it is refused in one sentence."""
    try:
        return counted(lambda: parse(text, NAMES, allow_parameters=allow_parameters))
    except FormulaError as error:
        refusal = str(error)
    assert "\n" not in refusal
    assert len(refusal) < 400
    return None


@dataclass(frozen=True)
class Number:
    """A double and a bound on its rounding error, by the usual rules of forward error analysis."""

    value: float
    error: float = 0.0

    def known(self) -> bool:
        return self.error < 1e-6 * abs(self.value) < INFINITY or max(abs(self.value), self.error) < 1e-9


def rounded(value: float, error: float) -> Number:
    if not abs(value) < 1e60:
        return Number(math.nan, INFINITY)
    return Number(value, 2 * error + 4e-16 * abs(value) + 1e-300)


def plus(a: Number, b: Number) -> Number:
    return rounded(a.value + b.value, a.error + b.error)


def minus(a: Number, b: Number) -> Number:
    return rounded(a.value - b.value, a.error + b.error)


def times(a: Number, b: Number) -> Number:
    return rounded(a.value * b.value, abs(a.value) * b.error + abs(b.value) * a.error + a.error * b.error)


def over(a: Number, b: Number) -> Number:
    if not 2 * b.error < abs(b.value):
        return Number(math.nan, INFINITY)
    return rounded(a.value / b.value, (a.error + abs(a.value / b.value) * b.error) / (abs(b.value) - b.error))


def power(a: Number, exponent: float) -> Number:
    if exponent == int(exponent) and exponent >= 0:
        largest = abs(a.value) + a.error
        slope = exponent * largest ** (exponent - 1) if largest and exponent else 0.0
        return rounded(a.value**exponent, slope * a.error) if largest < 1e6 else Number(math.nan, INFINITY)
    if not 2 * a.error < (a.value if exponent != int(exponent) else abs(a.value)) < 1e20:
        return Number(math.nan, INFINITY)
    value = a.value**exponent
    return rounded(value, abs(4 * exponent * value / a.value) * a.error)


def applied(name: str, a: Number) -> Number:
    """A function of a number; its slope is bounded over the interval that the number may lie in."""
    x, e = a.value, a.error
    if not e < 0.01 or not abs(x) < 200:
        return Number(math.nan, INFINITY)
    if name in ("sin", "cos", "tanh", "atan", "abs"):
        return rounded(abs(x) if name == "abs" else getattr(math, name)(x), e)
    if name in ("exp", "sinh", "cosh"):
        return rounded(getattr(math, name)(x), 2 * math.exp(abs(x)) * e)
    if name in ("asin", "acos"):
        return rounded(getattr(math, name)(x), 10 * e) if abs(x) < 0.9 else Number(math.nan, INFINITY)
    if name == "tan":
        return rounded(math.tan(x), 200 * e) if abs(math.cos(x)) > 0.1 else Number(math.nan, INFINITY)
    if name == "sign":
        return Number(math.copysign(1.0, x)) if abs(x) > e else Number(math.nan, INFINITY)
    if x <= 2 * e:  # log, sqrt
        return Number(math.nan, INFINITY)
    return rounded(math.log(x), 2 * e / x) if name == "log" else rounded(math.sqrt(x), e / math.sqrt(x))


Grown = tuple[str, Number]
"""A formula's text and its value at `POINT`, worked out beside it."""
ONE_ARGUMENT = sorted(set(FUNCTIONS) - {"atan2"})
SPACES = st.sampled_from(["", " ", "\n ", "\t"])
LEAVES = st.one_of(
    st.sampled_from([(name, Number(value)) for name, value in POINT.items()]),
    st.just(("pi", Number(math.pi, 1e-16))),
    st.integers(0, 12).map(lambda n: (str(n), Number(float(n)))),
    st.sampled_from(["0.5", "1e-3", "2.", ".25", "3.7E2", "9.81", "0.1"]).map(lambda t: (t, Number(float(t)))),
    st.floats(1e-4, 1e4).map(lambda x: (repr(x), Number(x))),
)
EXPONENTS = st.sampled_from([("2", 2.0), ("3", 3.0), ("-1", -1.0), ("(1/2)", 0.5), ("(-3/2)", -1.5), ("0.5", 0.5)])


def grow(formulas: st.SearchStrategy[Grown]) -> st.SearchStrategy[Grown]:
    """Larger formulas out of smaller ones, each with its value."""

    def joined(sign: str, operation: Callable[[Number, Number], Number]) -> st.SearchStrategy[Grown]:
        return st.tuples(formulas, SPACES, formulas).map(
            lambda parts: (f"({parts[0][0]}){parts[1]}{sign}({parts[2][0]})", operation(parts[0][1], parts[2][1]))
        )

    return st.one_of(
        joined("+", plus),
        joined("-", minus),
        joined("*", times),
        joined("/", over),
        st.tuples(formulas, EXPONENTS).map(lambda p: (f"({p[0][0]})**{p[1][0]}", power(p[0][1], p[1][1]))),
        st.tuples(st.sampled_from(ONE_ARGUMENT), formulas).map(
            lambda p: (f"{p[0]}({p[1][0]})", applied(p[0], p[1][1]))
        ),
        formulas.map(lambda f: (f"-({f[0]})", Number(-f[1].value, f[1].error))),
    )


FORMULAS = st.recursive(LEAVES, grow, max_leaves=10)
TOKENS = st.sampled_from(
    [*FUNCTIONS, *POINT, "+", "-", "*", "/", "**", "(", ")", ",", ".", "1", "9" * 40, "1e308", "0", "pi", "__class__",
     "__import__", "os", "lambda", "if", "else", "for", "in", "await", "f'{x}'", "{", "[", "]", ":=", "=", "==", "@",
     "%", "//", "<<", "~", "not", "True", "None", "...", "\\", "'", '"', "#", "\0", "²", "½", "٣", "ﬁ", "𝐱", "·",
     "\u202e", "_", "__", "1_0", "0x1f", "1j", "eval", "exec", "open", "globals", "\ud800"]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=40),
    st.lists(TOKENS, max_size=25).map("".join),
    st.lists(TOKENS, max_size=25).map(" ".join),
    st.tuples(FORMULAS, st.integers(0, 200), TOKENS).map(lambda p: p[0][0][: p[1]] + p[2] + p[0][0][p[1] :]),
)


def check_formula(grown: Grown) -> None:
    text, number = grown
    expression = read(text)
    if expression is None:  # only what has no finite real value there, or too large an exponent
        assert not number.known() or "**" in text
        return
    assert read(to_text(expression)) == expression
    if number.known():
        values = {symbol: sp.Float(POINT[symbol.name], 30) for symbol in expression.free_symbols}
        value = float(sp.N(expression.subs(values), 30))
        assert abs(value - number.value) <= 10 * number.error + 1e-12 * abs(number.value)


def check_text(text: str) -> None:
    expression = read(text)
    if expression is not None:
        assert read(to_text(expression)) == expression
        assert all(symbol.name.isidentifier() for symbol in expression.free_symbols)


@QUICK
@given(FORMULAS)
def test_formulas_are_read_with_their_value_and_written_back(grown: Grown) -> None:
    check_formula(grown)


@QUICK
@given(TEXTS)
@example("9**9**9**9**9")
@example("x" * 1_000_000)
@example("(" * 500_000 + ")" * 500_000)
@example("-" * 1_000_000)
@example("+".join(["x"] * 500_000))
@example("lambda\u00b7 + x")
@example("2*10**400*x")
def test_any_text_is_read_or_refused(text: str) -> None:
    check_text(text)


@pytest.mark.slow
@DEEP
@given(FORMULAS)
def test_many_formulas_are_read_with_their_value_and_written_back(grown: Grown) -> None:
    check_formula(grown)


@pytest.mark.slow
@DEEP
@given(TEXTS)
def test_very_many_texts_are_read_or_refused(text: str) -> None:
    check_text(text)


FOUND = [
    "phi/(phi + pi)/2",
    "phi/(2*(phi + pi))",
    "-((phi + pi)/phi)",
    "-(phi + pi)/phi",
    "-(-((2**(-3/2))**(-3/2)))",
    "-(-(2**0.5))",
    "9**99*phi",
    "phi/(2*(k + 1)*(3*(k - 1)))",
]


@pytest.mark.parametrize("text", FOUND)
def test_what_fuzzing_found_stays_mended(text: str) -> None:
    expression = read(text)
    assert expression is not None
    assert read(to_text(expression)) == expression


@pytest.mark.parametrize("text", ["lambda\u00b7*phi", "phi**100*phi**100", "10**400/10**390*phi", "phi**(1/101)"])
def test_what_would_not_be_written_back_is_refused(text: str) -> None:
    assert read(text) is None


def nested(function: str, before: str, core: str, depth: int) -> str:
    return f"{function}({before}" * depth + core + ")" * depth


PRIMES = [n for n in range(1000, 4000) if all(n % d for d in range(2, 64))]
SLOW_FOR_SYMPY = {
    "powers of fractions": "*".join(f"({p}/{q})**99" for p, q in itertools.pairwise(PRIMES)),
    "sums of fractions": "+".join(f"phi/{p}" for p in PRIMES),
    "products of roots": "*".join(f"{p}**(1/{n % 97 + 2})" for n, p in enumerate(PRIMES)),
    "powers that add up": "*".join(["phi**99"] * 500),
    "a high root": "1 + " + "(" * 29 + "2" + ")**(1/3)" * 29,
    "a long number": "1" + "_1" * 4000,
    "an angle over the other": nested("atan2", "2, ", "3", 29),
    "deep sums": nested("abs", "phi - ", "theta1", 29),
    "a long sum": "+".join(f"sin({n}*phi)*cos({n}*theta1)" for n in range(800)),
    **{f"nested {f}": nested(f, "3*", "2", 29) for f in ONE_ARGUMENT},
    **{f"nested {f} of a variable": nested(f, "phi*theta1 - ", "theta1", 29) for f in ("abs", "tanh")},
}


@pytest.mark.parametrize("text", SLOW_FOR_SYMPY.values(), ids=list(SLOW_FOR_SYMPY))
def test_what_takes_sympy_long_is_bounded(text: str) -> None:
    check_text(text)


CODE = [
    "__import__('os').system('true')",
    "(lambda: canary())()",
    "canary()",
    "[canary() for _ in (1,)]",
    "f'{canary()}'",
    "phi.__class__.__base__.__subclasses__()",
    "phi if canary() else phi",
    "(y := canary())",
    "sin.__globals__",
    "exp(canary)",
    "𝐜anary()",
    "eval('canary()')",
]


@pytest.mark.parametrize("text", CODE)
def test_nothing_is_executed(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called = []

    def canary(*_arguments: object) -> int:
        called.append(text)
        return 1

    with monkeypatch.context() as patched:
        patched.setattr(builtins, "canary", canary, raising=False)
        patched.setattr(os, "system", canary)
        patched.setattr(builtins, "eval", canary)
        patched.setattr(builtins, "exec", canary)
        refused = read(text, allow_parameters=False) is None
    assert refused
    assert not called


def test_derivatives_of_fields_have_names() -> None:
    expression = parse("phi_t**2/2 - phi_xx**2/2 + theta1_tx", NAMES)
    assert expression.free_symbols == {NAMES["phi_t"], NAMES["phi_xx"], NAMES["theta1_tx"]}
    assert to_text(expression) == "phi_t**2/2 - phi_xx**2/2 + theta1_tx"


def test_the_bound_on_work_stops_a_formula_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "CALLS", 1000)
    with pytest.raises(TooMuchWork):
        read("+".join(f"sin({n}*phi)" for n in range(100)))
