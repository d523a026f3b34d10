"""The languages: what each calls functions, which words it keeps to itself, and which template it fills."""

from __future__ import annotations

import keyword
from dataclasses import dataclass
from functools import cached_property

from lagsym.errors import InputError
from lagsym.mechanics.codegen.printing import Dialect, FormulaPrinter


@dataclass(frozen=True)
class Language:
    """A language that equations of motion can be written in.

    Arguments:
        template: the file in `templates/` that is filled in.
        suffix: of the files' names.
        dialect: how formulas are written.
        reserved: words that no coordinate and no parameter may be called by, the template's own included.
        comment: what starts a comment up to the end of the line.
        time: what the language itself calls time; empty where time is an argument.
    """

    template: str
    suffix: str
    dialect: Dialect
    reserved: frozenset[str]
    comment: str = "#"
    time: str = ""

    @cached_property
    def printer(self) -> FormulaPrinter:
        """Writes one formula."""
        return FormulaPrinter(self.dialect)

    @property
    def taken(self) -> frozenset[str]:
        """Reserved words and the names of functions."""
        return self.reserved | {name.split(".")[0] for name in self.dialect.calls.values() if isinstance(name, str)}


def find_language(name: str) -> Language:
    """The language of that name.

    Raises:
        InputError: there is none; the message lists them.
    """
    if name not in _LANGUAGES:
        msg = f"expected one of the languages {', '.join(_LANGUAGES)}; got {name!r}"
        raise InputError(msg)
    return _LANGUAGES[name]


def file_name(name: str, language: str) -> str:
    """What a file with generated text is best called.

    >>> file_name("pendulum", "julia")
    'pendulum.jl'
    """
    return f"{name}.{find_language(language).suffix}"


def _words(*texts: str) -> frozenset[str]:
    return frozenset(word for text in texts for word in text.split())


_ARGUMENTS = "positions velocities parameters mass_matrix force_vector"
"""What the templates call their arguments."""
_PYTHON = _words(_ARGUMENTS, "entries", *keyword.kwlist)
_NUMPY = Dialect(
    "numpy.", {"asin": "numpy.arcsin", "acos": "numpy.arccos", "atan": "numpy.arctan"} | {"atan2": "numpy.arctan2"}
)
_TORCH = Dialect(
    "torch.",
    {
        "atan2": [  # which takes tensors only
            (lambda y, x: y.is_number, lambda y, x: f"torch.atan2(torch.full_like({x}, {y}), {x})"),
            (lambda y, x: x.is_number, lambda y, x: f"torch.atan2({y}, torch.full_like({y}, {x}))"),
            (lambda y, x: True, "torch.atan2"),
        ]
    },
)
_C = _words(
    _ARGUMENTS,
    "auto break case char const continue default do double else enum extern float for goto if inline int long",
    "register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while",
    "_Bool bool true false nullptr constexpr typeof asm alignas alignof static_assert thread_local typeof_unqual pow",
    "isfinite accelerations unix linux i386 NULL NAN INFINITY HUGE_VAL HUGE_VALF HUGE_VALL MATH_ERRNO MATH_ERREXCEPT",
    "DOMAIN SING OVERFLOW UNDERFLOW PLOSS TLOSS HUGE MAXFLOAT M_E M_LOG2E M_LOG10E M_LN2 M_LN10 M_PI M_PI_2 M_PI_4",
    "M_1_PI M_2_PI M_2_SQRTPI M_SQRT2 M_SQRT1_2",
)
_JULIA = _words(
    _ARGUMENTS,
    "abstract baremodule begin break catch const continue do else elseif end export false finally for function global",
    "if import in isa let local macro module mutable primitive quote return struct true try type using where while",
    "public rate state",
)
_MODELICA = _words(
    "algorithm and annotation assert block break class connect connector constant constrainedby der discrete each",
    "else elseif elsewhen encapsulated end enumeration equation expandable extends external false final flow for",
    "function if import impure in initial inner input loop model not operator or outer output package parameter",
    "partial protected public pure record redeclare replaceable return stream then true type when while within time",
    "Real Integer Boolean String ceil floor div mod rem integer delay cardinality homotopy semiLinear inStream",
    "actualStream spatialDistribution getInstanceName terminal noEvent smooth sample pre edge change reinit terminate",
    "size ndims scalar vector matrix identity diagonal zeros ones fill linspace min max sum product transpose cat",
    "skew cross symmetric outerProduct log10 StateSelect AssertionLevel Clock previous hold interval",
)

_LANGUAGES = {
    "numpy": Language("numpy.py.j2", "py", _NUMPY, _PYTHON),
    "torch": Language("torch.py.j2", "py", _TORCH, _PYTHON),
    "c": Language("c.c.j2", "c", Dialect("", {"abs": "fabs"}, None, "{}.0/{}.0"), _C, "//"),
    "julia": Language("julia.jl.j2", "jl", Dialect("", {"atan2": "atan"}, "^"), _JULIA),
    "modelica": Language("modelica.mo.j2", "mo", Dialect(power="^"), _MODELICA, "//", "time"),
    "script": Language("script.py.j2", "py", _NUMPY, _PYTHON),
}
LANGUAGES = tuple(_LANGUAGES)
"""Names of the languages."""
