"""A law in the terminal: the formula, its LaTeX, constants, verdict and scores as plain text."""

from __future__ import annotations

from lagsym.law import Law
from lagsym.mechanics.notation.latex import to_latex
from lagsym.reporting.typesetting import constant_values, number_text, unicode_text
from lagsym.reporting.unit_notation import unit_text
from lagsym.reporting.wording import (
    dissipation_sentence,
    remarks,
    score_entries,
    status_sentence,
    units_sentence,
    verdict_sentence,
)


def law_text(law: Law) -> str:
    """Everything that a person wants to see at the end of a discovery, without markup.

    >>> from lagsym.mechanics.jetspace import JetSpace
    >>> (x,), (v,) = JetSpace(("x",)).positions, JetSpace(("x",)).velocities
    >>> print(law_text(Law(("x",), v**2 / 2 - x**2 / 2)).splitlines()[2].strip())
    L = ẋ²/2 − x²/2
    """
    blocks = [status_sentence(law)]
    if law.lagrangian is not None:
        blocks.append(_formulas(law))
        if law.constants:
            blocks.append(
                _table(
                    [
                        (c.name, number_text(c.value, c.standard_error), _exact(c.exact), unit_text(c.unit))
                        for c in law.constants
                    ]
                )
            )
        blocks += [units_sentence(law), dissipation_sentence(law)]
    blocks.append(f"Verdict: {law.verdict or 'none'}\n  {verdict_sentence(law)}")
    if law.scores:
        blocks.append(_table([(entry.label, entry.value) for entry in score_entries(law)]))
    blocks.append("\n".join(f"* {remark}" for remark in remarks(law)))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _formulas(law: Law) -> str:
    """The law with named constants, with numbers, and its LaTeX."""
    space, lines = law.space, []
    assert law.lagrangian is not None
    lines.append(f"  L = {unicode_text(law.lagrangian, space)}")
    if law.constants:
        lines.append(f"    = {unicode_text(law.numeric_lagrangian or law.lagrangian, space)}")
    if law.dissipation != 0:
        lines.append(f"  D = {unicode_text(law.numeric_dissipation, space)}")
    lines.append(f"  LaTeX: L = {to_latex(law.lagrangian, space, constants=constant_values(law))}")
    return "\n".join(lines)


def _exact(text: str | None) -> str:
    return "" if text is None else f"= {text}"


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(f"  {line}".rstrip() for line in padded)
