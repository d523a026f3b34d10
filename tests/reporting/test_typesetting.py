"""Formulas and numbers as people read them."""

import unicodedata
import xml.etree.ElementTree as ET

import pytest

from lagsym.law import Law
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.escaping import latex_text
from lagsym.mechanics.notation.parsing import parse
from lagsym.reporting import typesetting

SPACE = JetSpace(("theta1", "r"))


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("theta1_dot**2/2 - r*cos(theta1)**2", "θ\u0307₁²/2 − r cos²(θ₁)"),
        ("r_dot + theta1_dot", "ṙ + θ̇₁"),
        ("-2.5*r**12 + r_dot**2", "ṙ² − 2.5 r¹²"),
        ("(r + 1)**2*r_dot**3", "r² ṙ³ + 2 r ṙ³ + ṙ³"),
    ],
)
def test_unicode(formula: str, text: str) -> None:
    assert typesetting.unicode_text(parse(formula, SPACE.names), SPACE) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (62.0312, 0.052, "62.031 ± 0.052"),
        (0.3, None, "0.3"),
        (0.33512769431, 3.4e-9, "0.3351276943 ± 3.4e-09"),
        (0.3, float("nan"), "0.3"),
        (0.0, 0.01, "0.000 ± 0.010"),
        (-1.5e-12, 2e-14, "-1.500e-12 ± 2.0e-14"),
        (1.2e9, 3e7, "1.200e+09 ± 3.0e+07"),
        (float("nan"), None, "not known"),
    ],
)
def test_numbers_are_rounded_to_their_error(value: float, error: float | None, text: str) -> None:
    assert typesetting.number_text(value, error) == text


def test_kinetic_terms_come_first(law: Law) -> None:
    terms = typesetting.ordered_terms(law.lagrangian, law.space)
    moving = [not term.free_symbols.isdisjoint(law.space.velocities) for term in terms]
    assert moving == [True, True, True, False, False]


def test_long_sums_are_broken_between_terms() -> None:
    long = parse(" + ".join(f"{k}*r**{k}*cos({k}*theta1)" for k in range(1, 12)), SPACE.names)
    rows = typesetting.law_rows("L", long, SPACE)
    assert len(rows) > 1
    assert [left for left, _ in rows] == ["L", *[""] * (len(rows) - 1)]
    assert "".join(right for _, right in rows).count("cos") == 11
    assert all(right.count("{") == right.count("}") for _, right in rows)


def test_equations_of_motion_hold_friction(law: Law) -> None:
    rows = typesetting.motion_rows(law)
    text = " ".join(right for _, right in rows)
    assert r"d_{1} \dot{\theta}_{1}" in text
    assert text.count("= 0") == 2


def test_mathml_is_well_formed(law: Law) -> None:
    table = ET.fromstring(typesetting.mathml_rows(typesetting.motion_rows(law)))
    assert len(table.findall(".//{*}mtr")) >= 2
    assert "&" not in "".join(table.itertext())


def test_latex_escapes_everything_special() -> None:
    escaped = latex_text("50 % of a_b & {c} $d #e ~f ^g \\h R² 漢")
    assert escaped == (
        r"50 \% of a\_b \& \{c\} \$d \#e \textasciitilde{}f \textasciicircum{}g \textbackslash{}h "
        r"R\textsuperscript{2} ?"
    )
