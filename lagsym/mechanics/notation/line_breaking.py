r"""Long formulas in LaTeX broken into lines between their terms, as amsmath alone cannot."""

from __future__ import annotations

import re

LINE_WIDTH = 38.0
"""Widest line, in units of the font's size: a page of A4 or letter paper with the usual margins holds 40."""
INDENT = 2.0
"""Width of the space before all lines but the first."""
_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|\d|[a-zA-Z]|\s+|.", re.DOTALL)
_WIDTHS = {"+": 1.3, "-": 1.3, "=": 1.4, "(": 0.5, ")": 0.5, "|": 0.4, ",": 0.5, ".": 0.3, "{": 0.0, "}": 0.0, "m": 0.9}
_FUNCTION = re.compile(r"\\(sin|cos|tan|sinh|cosh|tanh|arcsin|arccos|arctan|log)")
_SILENT = re.compile(r"\\(left|right|big|bigl|bigr|Big|dot|ddot|dddot|ddddot|mathrm|operatorname|mathcal)")
_SCRIPT = 0.72
_OPEN = re.compile(r"\\left\b|\\bigl\b|\{")
_PARTS = re.compile(r"\\left\b|\\right\b|\\bigl\b|\\bigr\b|[{}]| [+-] ")


def break_lines(latex: str, width: float = LINE_WIDTH) -> list[str]:
    r"""The lines of a sum, broken before + and -; within a bracket where a single term is too long.

    >>> break_lines(r"\frac{1}{2} m \dot{x}^{2} + \frac{1}{2} m \dot{y}^{2} - V", width=7)
    ['\\frac{1}{2} m \\dot{x}^{2} + \\frac{1}{2} m \\dot{y}^{2}', '- V']
    """
    lines: list[str] = []
    current = ""
    for term in _pieces(latex, width):
        room = width - (INDENT if lines else 0.0)
        if current and visible_width(f"{current} {term}") > room:
            lines.append(current)
            current = term
        else:
            current = f"{current} {term}".strip()
    return [*lines, current]


def visible_width(latex: str) -> float:
    r"""How wide a formula is set, roughly, in units of the font's size.

    >>> visible_width("a b") < visible_width(r"\frac{a b}{c}") < visible_width("a b + c")
    True
    """
    return _Ruler(_TOKEN.findall(latex)).measure()


def split_terms(latex: str) -> list[str]:
    """The terms of a sum with their signs, split outside of all brackets."""
    terms, depth, start = [], 0, 0
    for match in _PARTS.finditer(latex):
        if match[0][0] == " ":
            if depth == 0:
                terms.append(latex[start : match.start()])
                start = match.start() + 1
        else:
            depth += 1 if _OPEN.fullmatch(match[0]) else -1
    return [*terms, latex[start:]]


def _pieces(latex: str, width: float) -> list[str]:
    """The terms, and where one is too long on its own, the terms within its longest bracket."""
    pieces = []
    for term in split_terms(latex):
        pieces += _opened(term) if visible_width(term) > width - INDENT else [term]
    return pieces


def _opened(term: str) -> list[str]:
    r"""A term taken apart at its longest bracket, whose \left and \right would not stretch over lines."""
    brackets = _brackets(term)
    if not brackets:
        return [term]
    start, end = max(brackets, key=lambda bracket: bracket[1] - bracket[0])
    inner = split_terms(term[start + len(r"\left(") : end])
    before, after = term[:start], term[end + len(r"\right)") :]
    inner[0] = rf"{before}\bigl({inner[0]}"
    inner[-1] = rf"{inner[-1]}\bigr){after}"
    return inner


def _brackets(term: str) -> list[tuple[int, int]]:
    r"""Where the outermost brackets \left( ... \right) begin and end, outside of braces."""
    found, depth, start = [], 0, 0
    for match in re.finditer(r"\\left\(|\\right\)|[{}]", term):
        if match[0].startswith((r"\left", "{")):
            start = match.start() if depth == 0 else start
            depth += 1
        else:
            depth -= 1
            if depth == 0 and match[0] == r"\right)" and term[start] == "\\":
                found.append((start, match.start()))
    return found


class _Ruler:
    """Adds up the widths of tokens, going into braces."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = [token for token in tokens if not token.isspace()]
        self.place = 0

    def measure(self) -> float:
        total = 0.0
        while self.place < len(self.tokens) and self.tokens[self.place] != "}":
            total += self._next()
        return total

    def _next(self) -> float:
        token = self.tokens[self.place]
        self.place += 1
        if token == "{":
            width = self.measure()
            self.place += 1
            return width
        if token in ("_", "^"):
            return self._scripts()
        if token == r"\frac":
            return max(self._next(), self._next()) + 0.2
        if token == r"\sqrt":
            return self._next() + 0.9
        return _glyph(token)

    def _scripts(self) -> float:
        """A subscript and a superscript of one letter stand above each other."""
        width = self._next()
        if self.place < len(self.tokens) and self.tokens[self.place] in ("_", "^"):
            self.place += 1
            width = max(width, self._next())
        return _SCRIPT * width


def _glyph(token: str) -> float:
    if _FUNCTION.fullmatch(token):
        return 0.5 * (len(token) - 1) + 0.3
    if _SILENT.fullmatch(token):
        return 0.0
    return _WIDTHS.get(token, 0.58)
