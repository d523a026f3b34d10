"""Generalised coordinates in place of bound ones: what to say, and what to type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from lagsym.data.constraints import Bound
from lagsym.data.relations import Relation
from lagsym.data.sheets import Sheet
from lagsym.data.trajectories import Trajectories
from lagsym.data.units import FORCE
from lagsym.errors import DataError

SHAPES = {
    ("round", 2): "a circle about {centre}",
    ("round", 3): "a sphere about {centre}",
    ("ellipse", 2): "an ellipse about {centre}",
}


@dataclass(frozen=True)
class Replacement:
    """What to put in the place of bound coordinates.

    Arguments:
        define: new coordinates as 'name=formula'.
        angles: those of them that are angles.
        replaced: coordinates that are no longer needed.
        used: coordinates in the formulas of the new ones.
    """

    define: tuple[str, ...] = ()
    angles: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    used: tuple[str, ...] = ()


def check_free(bounds: Sequence[Bound], data: Trajectories) -> Sequence[Bound]:
    """Refuse coordinates that are certain to be bound, and such as do not move at all; the others are given back.

    Raises:
        DataError: some are; says how, and which coordinates would do.
    """
    if all((segment.q == data.segments[0].q[0]).all() for segment in data.segments):
        msg = f"nothing moves: {', '.join(data.coordinates)} stay the same; expected measurements of a motion"
        raise DataError(msg)
    certain = [bound.relation for bound in bounds if bound.certain]
    if certain:
        sentences = "; ".join(statement(relation, data.coordinates) for relation in certain)
        msg = (
            f"the coordinates are bound to each other: {sentences}. A Lagrangian needs coordinates that are free; "
            f"run again with {suggestion(certain, data)}"
        )
        raise DataError(msg)
    return bounds


def statement(relation: Relation | Sheet, coordinates: Sequence[str]) -> str:
    """A relation in words, such as 'x**2 + y**2 = 1.000 within 0.2 %: a circle about (0, 0)'."""
    within = f"within {100 * max(relation.thickness, 1e-6):.1g} %"
    if isinstance(relation, Sheet):
        shape = "curve" if relation.dimension == 1 else "surface"
        return f"({', '.join(coordinates)}) stay on a {shape} {within}"
    if not relation.vector:
        name = coordinates[relation.coordinates[-1]]
        return f"{name} = {_text(sp.Symbol(name, real=True) - relation.expression)} {within}"
    squares = " + ".join(f"{_in_brackets(component)}**2" for component in relation.vector)
    if len(relation.coordinates) == len(relation.vector):
        symbols = [sp.Symbol(coordinates[i], real=True) for i in relation.coordinates]
        middle = (
            sp.Matrix(relation.vector)
            .jacobian(symbols)
            .solve(-sp.Matrix(relation.vector).subs(dict.fromkeys(symbols, 0)))
        )
        centre = ", ".join(map(_text, middle))
        shape = SHAPES[relation.kind, len(relation.vector)].format(centre=f"({centre})")
    else:
        ends = ([coordinates[i] for i in relation.coordinates[start::2]] for start in (1, 0))
        shape = " and ".join(f"({', '.join(end)})" for end in ends)
        shape = f"a rod between {shape}"
    return f"{squares} = {relation.size**2:.4g} {within}: {shape}"


def suggestion(relations: Sequence[Relation | Sheet], data: Trajectories) -> str:
    """Options of `lagsym discover` that put generalised coordinates in place of bound ones, or words where none do.

    Arguments:
        relations: what binds the coordinates.
        data: the trajectories that they were found in.
    """
    plan = _replacement(relations, data.coordinates)
    defined = [definition.partition("=")[0] for definition in plan.define]
    remaining = [name for name in data.coordinates if name not in plan.replaced]
    if not plan.replaced:
        return _in_words(relations, data.coordinates)
    options = [f"--define '{definition}'" for definition in plan.define]
    angles = [*(name for name in data.coordinates if name in data.angles and name in remaining), *plan.angles]
    if angles:
        options.append(f"--angles {','.join(angles)}")
    if set(remaining) & set(plan.used):
        options.append(f"--coordinates {','.join([*remaining, *defined])}")
    elif spare := [name for name in plan.replaced if name not in plan.used]:
        options.append(f"--ignore {','.join(column for name in spare for column in _columns(name, data))}")
    if data.units and plan.define:
        options.append(f"--units {','.join(f'{name}={unit}' for name, unit in _units(plan, remaining, data).items())}")
    forces = " (forces then have to be those along the coordinates that are left)" if data.has_forces else ""
    return " ".join(options) + forces


def _units(plan: Replacement, remaining: Sequence[str], data: Trajectories) -> dict[str, str]:
    """The units of what is measured where the bound coordinates are replaced."""
    gone = {name for name in data.coordinates if name not in remaining}
    kept = {name: unit for name, unit in data.units.items() if name.removeprefix(FORCE) not in gone}
    return kept | dict.fromkeys(plan.angles, "rad")


def _in_words(relations: Sequence[Relation | Sheet], coordinates: Sequence[str]) -> str:
    """What to put in place of coordinates that no formula is known for."""
    curved = any(isinstance(relation, Sheet) and relation.dimension == 1 for relation in relations)
    free = "the length along the curve" if curved else "coordinates of your own on the surface"
    return f"{free} in place of {', '.join(coordinates)}"


def _columns(name: str, data: Trajectories) -> list[str]:
    """The columns that a coordinate came in."""
    first = data.segments[0]
    parts = {name: first.q, f"{name}_dot": first.v, f"{name}_ddot": first.a, f"force_{name}": first.force}
    return [column for column, part in parts.items() if part is not None]


def _replacement(relations: Sequence[Relation | Sheet], coordinates: Sequence[str]) -> Replacement:
    """New coordinates for all relations together."""
    define: list[str] = []
    angles: list[str] = []
    replaced: list[str] = []
    used: list[str] = []
    rounds = [relation for relation in relations if isinstance(relation, Relation) and relation.vector]
    for relation in relations:
        if isinstance(relation, Sheet):
            return _on_sheet(relation, coordinates)
        names = [coordinates[i] for i in relation.coordinates if coordinates[i] not in replaced]
        if not relation.vector:
            replaced += names[-1:]
            continue
        number = "" if len(rounds) == 1 else str(rounds.index(relation) + 1)
        formulas = _angles_of(relation.vector, number, coordinates)
        define += [f"{name}={formula}" for name, formula in formulas.items()]
        angles += formulas
        used += [coordinates[i] for i in relation.coordinates]
        replaced += _ends(relation, coordinates, replaced)
    return Replacement(tuple(define), tuple(angles), tuple(replaced), tuple(used))


def _on_sheet(sheet: Sheet, coordinates: Sequence[str]) -> Replacement:
    """Those of the coordinates that the others follow from, or the angle about the middle of a closed curve."""
    if sheet.kept:
        return Replacement(replaced=tuple(name for i, name in enumerate(coordinates) if i not in sheet.kept))
    if sheet.centre is None:
        return Replacement()
    across, up = (
        f"{name} {'-' if c > 0 else '+'} {abs(c):.12g}" if c else name
        for name, c in zip(coordinates, sheet.centre, strict=True)
    )
    angle = _new("theta", coordinates)
    return Replacement((f"{angle}=atan2({across}, -({up}))",), (angle,), tuple(coordinates), tuple(coordinates))


def _ends(relation: Relation, coordinates: Sequence[str], replaced: Sequence[str]) -> list[str]:
    """The coordinates that the angles of a circle, a sphere or a rod stand for: of a rod those of its later end."""
    step = len(relation.coordinates) // len(relation.vector)
    return [coordinates[i] for i in relation.coordinates[::step] if coordinates[i] not in replaced]


def _angles_of(vector: Sequence[sp.Expr], number: str, taken: Sequence[str]) -> dict[str, str]:
    """Angles of a vector of constant length: from its last axis downwards, as for a pendulum, and about that axis."""
    across, down = [_text(component) for component in vector[:-1]], f"-{_in_brackets(vector[-1])}"
    polar, azimuth = (_new(f"{name}{number}", taken) for name in ("theta", "phi"))
    if len(vector) == 2:
        return {polar: f"atan2({across[0]}, {down})"}
    distance = " + ".join(f"{_in_brackets(component)}**2" for component in vector[:-1])
    return {polar: f"atan2(sqrt({distance}), {down})", azimuth: f"atan2({across[1]}, {across[0]})"}


def _new(name: str, taken: Sequence[str]) -> str:
    return f"{name}_new" if name in taken else name


def _text(expression: sp.Expr) -> str:
    """A sum as a person writes it: what is added first, numbers last, six digits."""
    parts = sorted(
        sp.Add.make_args(expression), key=lambda part: (part.is_number, _factor(part) < 0, str(part.as_coeff_Mul()[1]))
    )
    text = ""
    for part in parts:
        number, rest = (abs(_factor(part)), part.as_coeff_Mul()[1]) if not part.is_number else (abs(float(part)), None)
        shown = f"{number:.6g}" if rest is None else f"{rest}" if number == 1 else f"{number:.6g}*{rest}"
        text += f"{' ' if text else ''}{'-' if _factor(part) < 0 else '+' if text else ''}{' ' if text else ''}{shown}"
    return text


def _factor(part: sp.Expr) -> float:
    return float(part.as_coeff_Mul()[0])


def _in_brackets(expression: sp.Expr) -> str:
    """A component as it stands before a power or a sign."""
    return f"{expression}" if expression.is_Symbol else f"({_text(expression)})"
