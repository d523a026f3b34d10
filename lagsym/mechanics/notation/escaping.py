"""Plain text inside LaTeX."""

from __future__ import annotations

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "²": r"\textsuperscript{2}",
    "±": r"\(\pm\)",
    "≤": r"\(\le\)",
    "≥": r"\(\ge\)",
    "σ": r"\(\sigma\)",
    "χ": r"\(\chi\)",
    "π": r"\(\pi\)",
    "−": r"\(-\)",
    "×": r"\(\times\)",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def latex_text(text: object) -> str:
    r"""Text for LaTeX, with everything escaped that LaTeX reads as a command.

    >>> print(latex_text("50 % of a_b"))
    50 \% of a\_b
    """
    escaped = "".join(_SPECIAL.get(character, character) for character in str(text))
    # pdflatex stops at what its fonts do not have; Latin letters and typographic punctuation are safe.
    return "".join(c if ord(c) < 0x180 or c in "–—‘’“”…" else "?" for c in escaped)
