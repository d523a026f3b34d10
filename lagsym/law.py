"""Law: what a discovery found, and `law.json` in and out."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
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
from lagsym.mechanics.forms import accelerations
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.parsing import parse, to_text
from lagsym.mechanics.system import parameter_symbol

SCHEMA = 1
"""Version of the format of `law.json`; docs/law.schema.json describes it."""
STATUSES = ("recovered", "uncertain", "not_lagrangian")
AGREEMENT = 1e-6
"""How far, relatively, the two forms of the Lagrangian in a file may differ where they are compared."""


def _running_version() -> str:
    try:
        return version("lagsym")
    except PackageNotFoundError:
        return "unknown"


@dataclass(frozen=True)
class Constant:
    """A constant of a law, in the units of the data.

    Arguments:
        name: as in the symbolic Lagrangian, e.g. `c1`; `d1` and so on in the dissipation.
        value: fitted value.
        standard_error: its standard error, or None where there is none.
        exact: a recognised closed form in text, such as "1/2" or "sqrt(2)", or None.
        unit: physical unit, or None.
    """

    name: str
    value: float
    standard_error: float | None = None
    exact: str | None = None
    unit: str | None = None


@dataclass(frozen=True)
class FrontEntry:
    """One candidate on the front of complexity against loss."""

    complexity: float
    loss: float
    lagrangian: str
    constants: tuple[float, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Law:
    """A Lagrangian with everything that is claimed about it.

    Arguments:
        coordinates: names of the coordinates, in the order of the data.
        lagrangian: the Lagrangian with named constants (`c1`, ...), or None where none explains the data.
        constants: value and error of every named constant, dissipation included.
        covariance: covariance matrix of the constants, in their order; empty where there is none.
        dissipation: the Rayleigh function D with its named constants (`d1`, ...), zero without friction.
        status: "recovered", "uncertain" or "not_lagrangian".
        verdict: comparison with a reference in words, or None without a reference.
        base: names of the base coordinates.
        angles: coordinates with period 2 pi.
        parameters: per-trajectory parameters, by name.
        structure: "natural", "gyroscopic", "separable" or "free".
        multipliers: dimension of the space of constant matrices S for which S E is still a variational form.
        scale: "free", or "fixed" where measured forces fix it.
        evidence: for each term of the Lagrangian, which evidence chose it: "network", "data", "energy", "user".
        scores: held_out_r2, weak_r2, rollout_error, energy_drift, fidelity_r2 and what else was measured.
        comparison: numbers of the comparison with the reference: scale, added F, residuals, chi-square.
        tests: tests behind the claims, e.g. the friction test with its significance, in words and numbers.
        front: candidates by complexity.
        notices: what the user should know, one sentence each.
        seed: the seed that all random choices came from.
        seconds: time that each stage took.
        caps_hit: stages that were cut short by a cap on time.
        version: version of lagsym that found the law.
    """

    coordinates: tuple[str, ...]
    lagrangian: sp.Expr | None
    constants: tuple[Constant, ...] = ()
    covariance: tuple[tuple[float, ...], ...] = ()
    dissipation: sp.Expr = sp.S.Zero
    status: str = "recovered"
    verdict: str | None = None
    base: tuple[str, ...] = ("t",)
    angles: tuple[str, ...] = ()
    parameters: Mapping[str, float] = field(default_factory=dict)
    structure: str = "natural"
    multipliers: int = 1
    scale: str = "free"
    evidence: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    comparison: Mapping[str, float | str] = field(default_factory=dict)
    tests: Mapping[str, Mapping[str, float | str]] = field(default_factory=dict)
    front: tuple[FrontEntry, ...] = ()
    notices: tuple[str, ...] = ()
    seed: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    caps_hit: tuple[str, ...] = ()
    version: str = field(default_factory=_running_version)

    @property
    def space(self) -> JetSpace:
        """The jet space that the Lagrangian is written in."""
        return JetSpace(self.coordinates, self.base)

    @property
    def values(self) -> dict[sp.Symbol, sp.Float]:
        """The constants as a substitution."""
        return {parameter_symbol(c.name): sp.Float(c.value, 17) for c in self.constants}

    @property
    def numeric_lagrangian(self) -> sp.Expr | None:
        """The Lagrangian with the constants' numbers put in."""
        return None if self.lagrangian is None else cast("sp.Expr", self.lagrangian.xreplace(self.values))

    @property
    def numeric_dissipation(self) -> sp.Expr:
        """The Rayleigh function with the constants' numbers put in."""
        return cast("sp.Expr", self.dissipation.xreplace(self.values))

    @property
    def numeric_accelerations(self) -> dict[sp.Symbol, sp.Expr]:
        """The solved equations of motion, friction included; empty where M cannot be inverted or there is no law.

        E - dD/dv = 0, solved for the accelerations
        """
        space = self.space
        if self.lagrangian is None or len(self.base) > 1:
            return {}
        try:
            solved = accelerations(self.lagrangian, space, dissipation=self.dissipation)
        except ValueError:  # SymPy's NonInvertibleMatrixError
            return {}
        return {a: value.xreplace(self.values) for a, value in zip(space.accelerations, solved.flat(), strict=True)}

    def to_json(self) -> str:
        """The text of `law.json`, as docs/law.schema.json describes it.

        Raises:
            InputError: a constant is not a finite number, or a formula cannot be written as text.
        """
        return json.dumps(_document(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, *, source: str = "law.json") -> Law:
        """Read the text of a `law.json`.

        Arguments:
            text: JSON in the format of docs/law.schema.json.
            source: what the messages call it.

        Raises:
            InputError: the text is no JSON, has another schema, or holds something that is no law; says what and where.

        >>> space = JetSpace(("x",))
        >>> lagrangian = space.names["x_dot"] ** 2 / 2 - parameter_symbol("c1") * space.names["x"] ** 2
        >>> law = Law(("x",), lagrangian, (Constant("c1", 0.5),))
        >>> Law.from_json(law.to_json()).numeric_lagrangian
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
    text, target = law.to_json(), Path(path)
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
        return Law.from_json(file.read_bytes(), source=str(file))
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
        f"status {law.status!r} needs a Lagrangian, but 'lagrangian_symbolic' is null": (
            law.lagrangian is None and law.status != "not_lagrangian"
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
