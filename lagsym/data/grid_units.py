"""Units of fields on a grid, and the angles among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lagsym.data.units import PURE, Unit, parse_unit
from lagsym.errors import DataError, InputError

if TYPE_CHECKING:
    import xarray as xr

TOLERANCE = 1e-6


@dataclass(frozen=True)
class GridUnits:
    """Units and angles of a data set.

    Arguments:
        texts: units of base coordinates and fields, as they are after the conversion; empty where some are unknown.
        factors: what fields are multiplied with.
        angles: fields with period 2 pi.
        notices: what was done, a sentence each.
    """

    texts: Mapping[str, str]
    factors: Mapping[str, float]
    angles: frozenset[str]
    notices: tuple[str, ...]

    @classmethod
    def of(
        cls,
        dataset: xr.Dataset,
        base: tuple[str, ...],
        names: tuple[str, ...],
        given: Mapping[str, str],
        angles: Iterable[str],
    ) -> GridUnits:
        """Units by the options, else by the attributes `units`; angles by the options and the attributes `period`.

        Raises:
            InputError: a unit cannot be read, or does not go with what has it.
            DataError: a period is not a whole turn.
        """
        stray = sorted(set(given) - {*base, *names})
        if stray:
            msg = f"`units` names {stray[0]}, but the data have {', '.join((*base, *names))}"
            raise InputError(msg)
        texts = {name: given.get(name, dataset[name].attrs.get("units", "")) for name in (*base, *names)}
        units = {name: parse_unit(str(text), name) for name, text in texts.items() if str(text).strip()}
        turning = frozenset(angles) | {name for name in names if _turns(dataset, name, units.get(name))}
        _check(units, base, turning)
        factors = {name: units[name].factor for name in names if name in units and _converted(units[name])}
        notices = [f"Converted {name} from {units[name].text} to {_target(units[name])}." for name in factors]
        missing = [name for name in texts if name not in units]
        if units and missing:
            notices.append(f"Units are not used, since {', '.join(missing)} has none.")
            return cls({}, factors, turning, tuple(notices))
        kept = {name: _target(unit) if name in factors else unit.text for name, unit in units.items()}
        return cls(kept, factors, turning, tuple(notices))


def _turns(dataset: xr.Dataset, name: str, unit: Unit | None) -> bool:
    """Whether a field has a period, which must be a whole turn."""
    period = dataset[name].attrs.get("period")
    if period is None:
        return False
    turn = 2 * np.pi / (unit.factor if unit is not None and not unit.dimension else 1.0)
    if not np.isclose(float(period), turn, rtol=TOLERANCE):
        msg = f"expected the period of {name} to be a whole turn, {turn:g}, got {period}; scale the field to radians"
        raise DataError(msg)
    return True


def _check(units: Mapping[str, Unit], base: tuple[str, ...], angles: Iterable[str]) -> None:
    if base[0] in units and units[base[0]].dimension not in ({}, {"[time]": 1.0}):
        msg = f"expected a unit of time for {base[0]}, as s or ms, or 1; got {units[base[0]].text}"
        raise InputError(msg)
    for name in angles:
        if name in units and units[name].dimension:
            msg = f"{name} is an angle, so its unit must be rad or degree, not {units[name].text}; mend one of them"
            raise InputError(msg)


def _converted(unit: Unit) -> bool:
    return not unit.dimension and abs(unit.factor - 1) > TOLERANCE


def _target(unit: Unit) -> str:
    return "rad" if unit.angle else PURE
