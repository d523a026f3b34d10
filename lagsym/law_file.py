"""Law files: `law.json` in and out."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, cast

import sympy as sp

from lagsym.errors import FormulaError, InputError
from lagsym.json_values import (
    mapping,
    one_of,
    optional,
    plain,
    read_finding,
    read_integer,
    read_number,
    read_object,
    read_score,
    read_text,
    read_texts,
    sequence,
    shown,
    take,
)
from lagsym.law import Constant, FrontEntry, Law
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.parsing import parse, to_text
from lagsym.mechanics.system import parameter_symbol

SCHEMA = 1
"""Version of the format of `law.json`; docs/law.schema.json describes it."""
STATUSES = ("recovered", "uncertain", "not_lagrangian")
AGREEMENT = 1e-6
"""How far, relatively, the two forms of the Lagrangian in a file may differ where they are compared."""


def to_json(law: Law) -> str:
    """The text of `law.json`, as docs/law.schema.json describes it.

    Raises:
        InputError: a constant is not a finite number, or a formula cannot be written as text.
    """
    return json.dumps(_document(law), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(text: str | bytes, *, source: str = "law.json") -> Law:
    """Read the text of a `law.json`.

    Arguments:
        text: JSON in the format of docs/law.schema.json.
        source: what the messages call it.

    Raises:
        InputError: the text is no JSON, has another schema, or holds something that is no law; says what and where.

    >>> space = JetSpace(("x",))
    >>> lagrangian = space.names["x_dot"] ** 2 / 2 - parameter_symbol("c1") * space.names["x"] ** 2
    >>> law = Law(("x",), lagrangian, (Constant("c1", 0.5),))
    >>> from_json(to_json(law)).numeric_lagrangian
    -0.5*x**2 + x_dot**2/2
    """
    try:
        return _law(read_object(text))
    except InputError as error:
        msg = f"{source}: {error}"
        raise InputError(msg) from None


def write_law(law: Law, path: str | os.PathLike[str]) -> None:
    """Write `law.json`: whole or not at all.

    Raises:
        InputError: the law cannot be written as text, or there is no such folder to write to.
    """
    text, target = to_json(law), Path(path)
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=target.parent, prefix=".law-", delete=False
        ) as file:
            temporary = Path(file.name)
            file.write(text)
        temporary.chmod(0o644)  # a temporary file is for its owner alone
        temporary.replace(target)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        msg = f"cannot write {target}: {error.strerror or error}; choose a folder that exists and may be written to"
        raise InputError(msg) from None


def read_law(path: str | os.PathLike[str]) -> Law:
    """Read `law.json`, or the one in a folder of results.

    Raises:
        InputError: there is no such file or it holds no law; says what and where.
    """
    file = Path(path)
    if file.is_dir():
        file /= "law.json"
    try:
        return from_json(file.read_bytes(), source=str(file))
    except OSError as error:
        msg = f"cannot read {file}: {error.strerror or error}; expected a law.json that lagsym wrote"
        raise InputError(msg) from None


def _document(law: Law) -> dict[str, Any]:
    """The law as plain JSON values, in the order of the format."""
    unusable = [c.name for c in law.constants if not math.isfinite(c.value)]
    if unusable:
        msg = f"expected a finite number for every constant, but {', '.join(unusable)} has none; fit the law again"
        raise InputError(msg)
    numeric = law.numeric_lagrangian
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "status": law.status,
        "verdict": law.verdict,
        "coordinates": law.coordinates,
        "base": law.base,
        "angles": law.angles,
        "parameters": law.parameters,
        "lagrangian": None if numeric is None else to_text(numeric),
        "lagrangian_symbolic": None if law.lagrangian is None else to_text(law.lagrangian),
        "dissipation": to_text(law.numeric_dissipation),
        "dissipation_symbolic": to_text(law.dissipation),
        "equations": {a.name: to_text(value) for a, value in law.numeric_accelerations.items()},
        "constants": [asdict(constant) for constant in law.constants],
        "covariance": law.covariance,
    }
    remaining = (f.name for f in fields(law) if f.name not in document)
    document |= {name: getattr(law, name) for name in remaining}
    document["front"] = [asdict(entry) for entry in law.front]
    document = plain(document)
    if any(entry is None for row in document["covariance"] for entry in row):
        document["covariance"] = []  # an infinite variance means that there is no estimate
    return document


def _law(document: Mapping[str, Any]) -> Law:
    if document.get("schema") != SCHEMA:
        msg = f'expected "schema": {SCHEMA}, got {shown(document.get("schema"))}; this lagsym reads only that format'
        raise InputError(msg)
    coordinates = take(document, "coordinates", read_texts)
    base = take(document, "base", read_texts, ("t",))
    if not coordinates or not base:
        msg = "expected at least one coordinate in 'coordinates' and time in 'base', got none"
        raise InputError(msg)
    constants = take(document, "constants", sequence(_constant))
    parameters = take(document, "parameters", mapping(read_number), {})
    names = dict(JetSpace(coordinates, base).names)
    for name in (*(c.name for c in constants), *parameters):
        if name in names:
            msg = f"{name!r} is the name of two things; give every constant, parameter and coordinate a name of its own"
            raise InputError(msg)
        names[name] = parameter_symbol(name)

    def formula(key: str) -> sp.Expr | None:
        text = take(document, key, optional(read_text))
        try:
            return None if text is None else parse(text, names)
        except FormulaError as error:
            msg = f"{key!r}: {error}"
            raise FormulaError(msg) from None

    law = Law(
        coordinates,
        formula("lagrangian_symbolic"),
        constants,
        take(document, "covariance", sequence(sequence(read_number)), ()),
        formula("dissipation_symbolic") or sp.S.Zero,
        take(document, "status", one_of(*STATUSES)),
        take(document, "verdict", optional(read_text), None),
        base=base,
        angles=take(document, "angles", read_texts, ()),
        parameters=parameters,
        structure=take(document, "structure", read_text, "natural"),
        multipliers=take(document, "multipliers", read_integer, 1),
        scale=take(document, "scale", one_of("free", "fixed"), "free"),
        evidence=take(document, "evidence", mapping(read_texts), {}),
        scores=take(document, "scores", mapping(read_score), {}),
        comparison=take(document, "comparison", mapping(read_finding), {}),
        tests=take(document, "tests", mapping(mapping(read_finding)), {}),
        front=take(document, "front", sequence(_front_entry), ()),
        units=take(document, "units", mapping(read_text), {}),
        lagrangian_unit=take(document, "lagrangian_unit", optional(read_text), None),
        notices=take(document, "notices", sequence(read_text), ()),
        seed=take(document, "seed", read_integer, 0),
        seconds=take(document, "seconds", mapping(read_number), {}),
        caps_hit=take(document, "caps_hit", read_texts, ()),
        version=take(document, "version", read_text, "unknown"),
    )
    _check(law, formula("lagrangian"), formula("dissipation"))
    return law


def _check(law: Law, lagrangian: sp.Expr | None, dissipation: sp.Expr | None) -> None:
    """Refuse a law whose parts contradict each other."""
    stray = sorted({*law.angles} - {*law.coordinates})
    size = len(law.constants)
    problems = {
        f"'angles' names {', '.join(stray)}, not among the coordinates": bool(stray),
        "status 'recovered' needs a Lagrangian, but 'lagrangian_symbolic' is null": (
            law.lagrangian is None and law.status == "recovered"
        ),
        f"expected 'covariance' to be empty or {size} x {size}, a row for each constant": (
            law.covariance != () and [len(row) for row in law.covariance] != [size] * size
        ),
        "'lagrangian' and 'lagrangian_symbolic' with its constants are different functions; mend one": (
            not _agree(lagrangian, law.numeric_lagrangian)
        ),
        "'dissipation' and 'dissipation_symbolic' with its constants are different functions; mend one": (
            not _agree(dissipation or sp.S.Zero, law.numeric_dissipation)
        ),
    }
    for problem, present in problems.items():
        if present:
            raise InputError(problem)


def _agree(first: sp.Expr | None, second: sp.Expr | None) -> bool:
    """Whether two formulas have the same value at one point without symmetry; true where they have none there."""
    if first is None or second is None:
        return first is second
    free = sorted(first.free_symbols | second.free_symbols, key=str)
    point = {symbol: sp.Float(0.55 + 0.31 * math.sin(1 + 1.7 * i)) for i, symbol in enumerate(free)}
    try:
        values = [float(cast("sp.Expr", formula.xreplace(point))) for formula in (first, second)]
    except (TypeError, ValueError, OverflowError):  # complex, or not a number
        return True
    return math.isclose(*values, rel_tol=AGREEMENT, abs_tol=AGREEMENT)


def _constant(value: Any) -> Constant:
    entry = mapping(plain)(value)
    return Constant(
        take(entry, "name", read_text),
        take(entry, "value", read_number),
        take(entry, "standard_error", optional(read_number), None),
        take(entry, "exact", optional(read_text), None),
        take(entry, "unit", optional(read_text), None),
    )


def _front_entry(value: Any) -> FrontEntry:
    entry = mapping(plain)(value)
    return FrontEntry(
        take(entry, "complexity", read_number),
        take(entry, "loss", read_score),
        take(entry, "lagrangian", read_text),
        take(entry, "constants", sequence(read_number), ()),
        take(entry, "scores", mapping(read_score), {}),
    )
