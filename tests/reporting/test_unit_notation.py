"""Units as people write them."""

import pytest

from lagsym.reporting.unit_notation import unit_latex, unit_text


@pytest.mark.parametrize(
    ("unit", "text", "latex"),
    [
        ("1/s**2", "1/s²", r"\(\mathrm{s^{-2}}\)"),
        ("kg*m**2/s**12/A", "kg·m²/s¹²/A", r"\(\mathrm{kg\,m^{2}\,s^{-12}\,A^{-1}}\)"),
        ("m**0.5", "m^0.5", r"\(\mathrm{m^{0.5}}\)"),
        ("µm", "µm", r"\(\mathrm{\mu{}m}\)"),
        ("1", "1", r"\(\mathrm{1}\)"),
        ("", "", ""),
        (None, "", ""),
        ("m_1 & {s}", "m_1 & {s}", r"m\_1 \& \{s\}"),
        ("m//s", "m//s", "m//s"),
        ("漢/s", "漢/s", "?/s"),
    ],
)
def test_units_read_as_in_a_book_and_anything_else_stays(unit, text, latex):
    assert unit_text(unit) == text
    assert unit_latex(unit) == latex
