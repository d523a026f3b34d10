"""Units as people write them, in a line of Unicode and in LaTeX."""

from __future__ import annotations

import re

from lagsym.mechanics.notation.escaping import latex_text

_FACTOR = re.compile(r"([*/]?)((?:[^\W\d_]|[%°])+|1)(?:\*\*(\d+(?:\.\d+)?))?")
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_SYMBOLS = {
    "µ": r"\mu{}",
    "μ": r"\mu{}",
    "Ω": r"\Omega{}",
    "Å": r"\text{\AA}",
    "π": r"\pi{}",
    "ħ": r"\hbar{}",
    "°": r"{}^{\circ}",
    "%": r"\%",
}


def unit_text(unit: str | None) -> str:
    """A unit of law.json for reading; one that is not a product of units stays as it is.

    >>> unit_text("kg*m**2/s**2")
    'kg·m²/s²'
    """
    factors = _factors(unit or "")
    if factors is None:
        return unit or ""
    return "".join(f"{operator.replace('*', '·')}{symbol}{_raised(exponent)}" for operator, symbol, exponent in factors)


def unit_latex(unit: str | None) -> str:
    r"""A unit of law.json for LaTeX text, without further packages.

    >>> print(unit_latex("kg*m**2/s**2"))
    \(\mathrm{kg\,m^{2}\,s^{-2}}\)
    """
    factors = _factors(unit or "") or []
    powers = [_latex_power(*factor) for factor in factors if factor[1] != "1"]
    product = r"\,".join(powers) or "".join(symbol for _, symbol, _ in factors)
    if not product or not product.isascii():
        return latex_text(unit or "")
    return rf"\(\mathrm{{{product}}}\)"


def _factors(unit: str) -> list[tuple[str, str, str]] | None:
    """The factors of a product with what stands before them and their exponents, or None where it is none."""
    parts = [match.groups("") for match in _FACTOR.finditer(unit)]
    whole = "".join(f"{operator}{symbol}{f'**{exponent}' if exponent else ''}" for operator, symbol, exponent in parts)
    if whole != unit or any(bool(part[0]) == (i == 0) for i, part in enumerate(parts)):
        return None
    return [(operator, symbol, exponent) for operator, symbol, exponent in parts]


def _raised(exponent: str) -> str:
    return f"^{exponent}" if "." in exponent else exponent.translate(_RAISED)


def _latex_power(operator: str, symbol: str, exponent: str) -> str:
    written = "".join(_SYMBOLS.get(character, character) for character in symbol)
    power = f"{'-' if operator == '/' else ''}{exponent or 1}"
    return written if power == "1" else f"{written}^{{{power}}}"
