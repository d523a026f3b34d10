"""Names that every language takes: letters, digits and underscores, and no word that means something else."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Collection, Iterable

import sympy as sp

_SAFE = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_GREEK = re.compile(r"GREEK (SMALL|CAPITAL) LETTER ([A-Z]+)")


def safe_name(name: str) -> str:
    """The nearest name of ASCII letters, digits and underscores that starts with a letter.

    Greek letters are spelled out, accents fall, and whatever else cannot stand in a name becomes an underscore, so that
    no name can carry code.

    >>> safe_name("θ1"), safe_name("vitesse_moyenne_à_l'arrivée"), safe_name("2nd"), safe_name("x; exit(1)")
    ('theta1', 'vitesse_moyenne_a_l_arrivee', 'x_2nd', 'x_exit_1')
    """
    if _SAFE.match(name):
        return name
    plain = "".join(_spelled(character) for character in unicodedata.normalize("NFKD", name))
    words = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")
    return words if words[:1].isalpha() else f"x_{words}".rstrip("_")


def _spelled(character: str) -> str:
    if unicodedata.combining(character):
        return ""
    found = _GREEK.match(unicodedata.name(character, ""))
    if not found:
        return character
    word = found[2].replace("LAMDA", "LAMBDA")  # Unicode's spelling
    return word.lower() if found[1] == "SMALL" else word.capitalize()


def free_name(name: str, taken: Collection[str]) -> str:
    """The name itself where it is free, else with an underscore, else with an underscore and a number.

    >>> free_name("lambda", {"lambda", "lambda_"})
    'lambda_2'
    """
    candidates = itertools.chain((name, f"{name}_"), (f"{name}_{k}" for k in itertools.count(2)))
    return next(candidate for candidate in candidates if candidate not in taken)


def safe_symbols(symbols: Iterable[sp.Symbol], reserved: Collection[str]) -> dict[sp.Symbol, sp.Symbol]:
    """A symbol with a safe name for each symbol; a name that is safe as it is stays, whatever the others are called.

    >>> a, b = sp.Symbol("λ"), sp.Symbol("lambda")
    >>> safe_symbols([a, b, sp.Symbol("lambda_")], {"lambda"})
    {λ: lambda_2, lambda: lambda_3, lambda_: lambda_}
    """
    symbols = list(symbols)
    kept = {symbol.name for symbol in symbols if _SAFE.match(symbol.name) and symbol.name not in reserved}
    taken, result = {*reserved, *kept}, {}
    for symbol in symbols:
        name = symbol.name if symbol.name in kept else free_name(safe_name(symbol.name), taken)
        taken.add(name)
        result[symbol] = sp.Symbol(name, real=True)
    return result
