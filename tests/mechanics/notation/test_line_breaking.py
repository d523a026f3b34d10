"""Lines end between terms and hold all of the formula."""

import pytest

from lagsym import systems
from lagsym.mechanics.notation.latex import equations_latex
from lagsym.mechanics.notation.line_breaking import INDENT, LINE_WIDTH, break_lines, split_terms, visible_width


@pytest.mark.parametrize("system", systems.catalogue().values(), ids=list(systems.catalogue()))
def test_lines_fit_and_hold_everything(system):
    for equation in equations_latex(
        system.lagrangian, system.space, dissipation=system.dissipation, forces=system.forces
    ):
        lines = break_lines(equation)
        assert " ".join(lines) == equation
        assert all(visible_width(line) <= LINE_WIDTH for line in lines)
        for line in lines:
            assert line.count("{") == line.count("}")
            assert line.count(r"\left") == line.count(r"\right")


def test_terms_are_split_outside_of_brackets():
    text = r"\frac{a + b}{c} - \left(d + e\right)^{2 - n} + f"
    assert split_terms(text) == [r"\frac{a + b}{c}", r"- \left(d + e\right)^{2 - n}", "+ f"]


def test_a_long_bracket_is_opened():
    text = r"\frac{1}{2} k \left(" + " + ".join(f"x_{{{n}}}^{{2}}" for n in range(1, 60)) + r"\right) - g"
    lines = break_lines(text, 30)
    assert lines[0].startswith(r"\frac{1}{2} k \bigl(x_{1}^{2} + ")
    assert lines[-1].endswith(r"x_{59}^{2}\bigr) - g")
    assert len(lines) > 2
    assert max(map(visible_width, lines)) <= 30
    assert visible_width(lines[0]) > 20
    assert visible_width(lines[1]) <= 30 - INDENT


def test_what_cannot_be_broken_is_one_line():
    text = r"\frac{" + " ".join(["a"] * 100) + "}{b}"
    assert break_lines(text, 10) == [text]


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ("x^{2}", "x 2"),
        (r"\frac{a}{b c}", "a b c"),
        (r"\theta_{1}^{2}", r"\theta_{12}^{2} \theta"),
        (r"\dot{x}", r"\dot{x} y"),
        ("a b", "a + b"),
        ("x", r"\sqrt{x}"),
        (r"\cos x", r"\arccos x"),
    ],
)
def test_widths(narrow, wide):
    assert 0 < visible_width(narrow) < visible_width(wide)
