"""Units of a table's columns: which there must be, what they must agree in, and the angles that become radians."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lagsym.data.units import FORCE, PURE, Unit, UnitSpace, parse_unit
from lagsym.errors import InputError

TIME = "t"
DERIVATIVES = ("_dot", "_ddot")
TOLERANCE = 1e-9


@dataclass(frozen=True)
class ColumnUnits:
    """Units of the columns of a table.

    Arguments:
        units: of time, coordinates, forces and parameters, by column, as they are after the conversion.
        factors: what columns are multiplied with, by column; those that are left as they are do not appear.
        notices: what was converted, a sentence each.
    """

    units: Mapping[str, str] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, given: Mapping[str, str], coordinates: Sequence[str], others: Iterable[str], angles: Iterable[str]
    ) -> ColumnUnits:
        """Check the units that were given.

        Columns stay as they are, but for pure numbers in a unit of their own: degrees become radians, as a sine needs.

        Arguments:
            given: units by column; empty where there are none.
            coordinates: the columns that are coordinates.
            others: the columns of derivatives, forces and parameters.
            angles: the coordinates that are angles.

        Raises:
            InputError: a unit cannot be read, is missing, or does not go with the others.

        >>> ColumnUnits.of({"t": "s", "theta": "deg"}, ["theta"], [], ["theta"]).factors
        {'theta': 0.017453292519943295}
        """
        if not given:
            return cls()
        others = list(others)
        _check_names(given, coordinates, others)
        units = {name: parse_unit(text, name) for name, text in given.items()}
        _check_kinds(units, angles)
        space = UnitSpace.of(given)
        _check_derivatives(space, coordinates)
        converted = {name: units[name] for name in coordinates if _is_converted(units[name])}
        kept = {name: _kept(unit, name in converted) for name, unit in units.items() if not name.endswith(DERIVATIVES)}
        _check_forces(UnitSpace.of(kept), coordinates)
        return cls(kept, *_conversions(converted, others))


def _check_names(given: Mapping[str, str], coordinates: Sequence[str], others: Sequence[str]) -> None:
    forces = [name for name in others if name.startswith(FORCE)]
    known = [TIME, *coordinates, *others]
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            msg = f"--units names {name}, but the motion has {', '.join(known)}{hint}"
            raise InputError(msg)
    missing = [name for name in (TIME, *coordinates, *forces) if name not in given]
    if missing:
        msg = (
            f"expected a unit for time and every coordinate and force, but {', '.join(missing)} has none; add "
            f"{missing[0]}=UNIT to --units, {missing[0]}=1 for a pure number"
        )
        raise InputError(msg)


def _check_kinds(units: Mapping[str, Unit], angles: Iterable[str]) -> None:
    if units[TIME].dimension not in ({}, {"[time]": 1.0}):
        msg = f"expected a unit of time for t, as s or ms, or 1; got {units[TIME].text}"
        raise InputError(msg)
    for name in angles:
        if units[name].dimension:
            msg = (
                f"{name} is an angle, so its unit must be rad or deg, not {units[name].text}; mend --units or --angles"
            )
            raise InputError(msg)


def _check_derivatives(space: UnitSpace, coordinates: Iterable[str]) -> None:
    """Refuse a derivative in other units than its coordinate's over those of time."""
    vectors = space.vectors()
    for name in coordinates:
        for times, ending in enumerate(DERIVATIVES, start=1):
            wanted = vectors[name] - times * vectors[TIME]
            column = f"{name}{ending}"
            if column in vectors and np.abs(vectors[column] - wanted).max() > TOLERANCE:
                msg = (
                    f"{column} has the unit {space.units[column].text}, but {name} and t make {space.text(wanted)}; "
                    "convert the column"
                )
                raise InputError(msg)


def _check_forces(space: UnitSpace, coordinates: Iterable[str]) -> None:
    """Refuse forces whose work is not measured in one unit."""
    vectors = space.vectors()
    works = {name: vectors[f"{FORCE}{name}"] + vectors[name] for name in coordinates if f"{FORCE}{name}" in vectors}
    first = next(iter(works), "")
    for name, work in works.items():
        if np.abs(work - works[first]).max() > TOLERANCE:
            msg = (
                f"the work of {FORCE}{name} on {name} is in {space.text(work)}, that of {FORCE}{first} on {first} in "
                f"{space.text(works[first])}, but they are added; convert a column, and use a torque where {name} is "
                "an angle"
            )
            raise InputError(msg)


def _is_converted(unit: Unit) -> bool:
    return not unit.dimension and abs(unit.factor - 1) > TOLERANCE


def _kept(unit: Unit, converted: bool) -> str:
    if not converted:
        return unit.text
    return "rad" if unit.angle else PURE


def _conversions(converted: Mapping[str, Unit], others: Sequence[str]) -> tuple[dict[str, float], tuple[str, ...]]:
    """Factors by column, derivatives with their coordinates, and a sentence for each coordinate."""
    factors, notices = {}, []
    for name, unit in converted.items():
        columns = [name, *(f"{name}{ending}" for ending in DERIVATIVES if f"{name}{ending}" in others)]
        factors |= dict.fromkeys(columns, unit.factor)
        target = "radians" if unit.angle else "pure numbers"
        notices.append(f"Converted from {unit.text} to {target}: {', '.join(columns)}.")
    return factors, tuple(notices)
