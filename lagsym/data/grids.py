"""Fields on a grid from xarray, and back: every check on what comes from outside."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lagsym.data.boundaries import BOUNDARIES, PERIODIC, guess_boundary
from lagsym.data.grid_units import GridUnits
from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.errors import DataError, InputError

if TYPE_CHECKING:
    import xarray as xr

TIME, RUN, RATE = "t", "run", "_t"
MOST_DIRECTIONS = 2
FEWEST = 8
"""Points along time and each direction of space."""
NUMBERS = "iuf"
"""Kinds of NumPy types that are real numbers."""


@dataclass(frozen=True)
class GridOptions:
    """How the variables of a data set are to be read; what is not said here comes from its attributes.

    Arguments:
        fields: variables that are fields; empty for all over time and space.
        angles: fields with period 2 pi, in radians unless their units say otherwise.
        periodic: directions of space that close on themselves, the others being fixed; None where it is not known.
        units: by variable and coordinate, in place of the attributes `units`.
    """

    fields: tuple[str, ...] = ()
    angles: tuple[str, ...] = ()
    periodic: tuple[str, ...] | None = None
    units: Mapping[str, str] = field(default_factory=dict)


def read_dataset(dataset: xr.Dataset, options: GridOptions | None = None) -> Lattice:
    """Read fields from an xarray data set, which is left as it is.

    It has the dimension `t`, one or two of space, and `run` where there are several initial conditions, in any order,
    all but `run` with a coordinate; a variable for each field and, where rates were measured, `<field>_t`. Attributes
    that count are `units`, `period` of an angle, and `boundary` of a direction of space: periodic or fixed.

    Arguments:
        dataset: fields on an even grid.
        options: how to read it.

    Raises:
        DataError: it holds something that is not fields on an even grid; the message says where.
        InputError: `options` names something that the data set does not have, or a unit cannot be read.

    >>> import xarray as xr
    >>> x = np.linspace(0, 1, 16, endpoint=False)
    >>> data = xr.Dataset({"phi": (("x", "t"), np.zeros((16, 9)))}, {"x": x, "t": np.arange(9.0)})
    >>> lattice = read_dataset(data, GridOptions(periodic=("x",)))
    >>> lattice.fields, lattice.records[0].u.shape
    (('phi',), (9, 16, 1))
    """
    options = options or GridOptions()
    names = _field_names(dataset, options)
    space = _directions(dataset, names)
    _require(options.periodic or (), space, "periodic")
    notices: list[str] = []
    ordered = _in_order(dataset, (TIME, *space), notices)
    units = GridUnits.of(ordered, (TIME, *space), names, options.units, options.angles)
    rates = _rate_names(ordered, names, notices)
    u = np.stack([_field(ordered, name, space, units) for name in names], axis=-1)
    u_t = (
        np.stack(
            [_values(ordered, rate, space) * units.factors.get(name, 1.0) for name, rate in rates.items()], axis=-1
        )
        if rates
        else None
    )
    angles = np.array([name in units.angles for name in names])
    boundaries = [_boundary(ordered, u, (name, axis), angles, options) for axis, name in enumerate(space, start=2)]
    points = [ordered[name].to_numpy().astype(float) for name in (TIME, *space)]
    labels = [str(label) for label in ordered[RUN].to_numpy()] if RUN in ordered.dims else ["0"]
    records = (
        FieldRecord(points[0], tuple(points[1:]), u[k], None if u_t is None else u_t[k], label)
        for k, label in enumerate(labels)
    )
    said = (*notices, *units.notices, *(reason for _, reason in boundaries if reason))
    periodic = tuple(closes for closes, _ in boundaries)
    return Lattice(names, (TIME, *space), tuple(records), periodic, units.angles, said, units.texts)


def to_dataset(lattice: Lattice) -> xr.Dataset:
    """Fields as an xarray data set, which `read_dataset` reads.

    Raises:
        InputError: the runs do not share one grid.
    """
    import xarray as xr

    first = lattice.records[0]
    same = all(
        len(one) == len(other) and np.array_equal(one, other)
        for record in lattice.records
        for one, other in zip(record.grid, first.grid, strict=True)
    )
    if not same or len(set(lattice.names)) < len(lattice.records):
        msg = "expected runs over the same times and sites, which one file can hold; write them one by one"
        raise InputError(msg)
    dims = (RUN, *lattice.base)
    parts = {name: np.stack([r.u[..., i] for r in lattice.records]) for i, name in enumerate(lattice.fields)}
    if lattice.has_rates:
        parts |= {
            name + RATE: np.stack([r.u_t[..., i] for r in lattice.records if r.u_t is not None])
            for i, name in enumerate(lattice.fields)
        }
    labels = [int(name) if name.isdecimal() else k for k, name in enumerate(lattice.names)]
    coordinates = {RUN: labels if len(set(labels)) == len(labels) else range(len(labels))}
    data = xr.Dataset(
        {name: (dims, part) for name, part in parts.items()},
        {RUN: np.array(list(coordinates[RUN])), **dict(zip(lattice.base, first.grid, strict=True))},
    )
    data.attrs["fields"] = ",".join(lattice.fields)
    for name, unit in lattice.units.items():
        data[name].attrs["units"] = unit
    for name in lattice.angles:
        data[name].attrs["period"] = 2 * np.pi
    for name, closes in zip(lattice.base[1:], lattice.periodic, strict=True):
        data[name].attrs["boundary"] = BOUNDARIES[not closes]
    return data


def unwrapped(angle: np.ndarray) -> np.ndarray:
    """An angle (runs, times, *sites) without jumps of 2 pi, along space at the first time and along time everywhere."""
    first = angle[:, 0]
    for axis in range(1, first.ndim):
        first = np.unwrap(first, axis=axis)
    return np.unwrap(angle, axis=1) + (first - angle[:, 0])[:, None]


def _field_names(dataset: xr.Dataset, options: GridOptions) -> tuple[str, ...]:
    present = [str(name) for name in dataset.data_vars if TIME in dataset[name].dims]
    _require(options.fields, present, "fields")
    if TIME not in dataset.dims:
        msg = f"expected the dimension t, got {', '.join(map(str, dataset.dims)) or 'none'}; rename that of time to t"
        raise DataError(msg)
    # Not every format keeps the order of variables.
    told = str(dataset.attrs.get("fields", "")).split(",")
    present = [name for name in told if name in present] + [name for name in present if name not in told]
    names = options.fields or tuple(
        name for name in present if not (name.endswith(RATE) and name.removesuffix(RATE) in present)
    )
    if not names:
        msg = f"expected a field over t and space, got {', '.join(map(str, dataset.data_vars)) or 'no variable'}"
        raise DataError(msg)
    bad = [name for name in (*names, *map(str, dataset.dims)) if not name.isidentifier()]
    if bad:
        msg = f"a name must be letters, digits and _, not '{bad[0]}'; rename it"
        raise DataError(msg)
    _require(options.angles, names, "angles")
    return tuple(names)


def _directions(dataset: xr.Dataset, names: tuple[str, ...]) -> tuple[str, ...]:
    """Directions of space, which all fields share."""
    found = {name: {str(dim) for dim in dataset[name].dims} - {TIME, RUN} for name in names}
    space = tuple(str(dim) for dim in dataset.dims if str(dim) in found[names[0]])
    odd = [name for name in names if found[name] != set(space)]
    if odd:
        dims = dataset[odd[0]].dims
        msg = f"expected all fields over t, {', '.join(space)}, but {odd[0]} is over {dims}; leave one out"
        raise DataError(msg)
    if not 1 <= len(space) <= MOST_DIRECTIONS:
        msg = (
            f"expected {names[0]} over t and one or two directions of space (and run), got {dataset[names[0]].dims}; "
            "take a slice, and call the dimension of initial conditions run"
        )
        raise DataError(msg)
    return tuple(sorted(space))


def _in_order(dataset: xr.Dataset, base: tuple[str, ...], notices: list[str]) -> xr.Dataset:
    """The data set with increasing coordinates."""
    for name in base:
        if name not in dataset.coords:
            msg = f"expected a coordinate variable {name} with the points along {name}, got none; add it"
            raise DataError(msg)
        _require_numbers(dataset, name)
        points = dataset[name].to_numpy()
        if len(points) < FEWEST:
            msg = f"expected at least {FEWEST} points along {name}, got {len(points)}; record more"
            raise DataError(msg)
        if (np.diff(points) < 0).any():
            dataset = dataset.sortby(name)
            notices.append(f"The points along {name} were not in order and were sorted.")
    return dataset


def _rate_names(dataset: xr.Dataset, names: tuple[str, ...], notices: list[str]) -> dict[str, str]:
    """The variable of each field's rate; none where one field has none."""
    rates = {name: name + RATE for name in names if name + RATE in dataset.data_vars}
    if 0 < len(rates) < len(names):
        notices.append(f"Only {', '.join(rates.values())} came as rates, so all rates are taken from the fields.")
        return {}
    return rates


def _field(dataset: xr.Dataset, name: str, space: tuple[str, ...], units: GridUnits) -> np.ndarray:
    values = _values(dataset, name, space) * units.factors.get(name, 1.0)
    return unwrapped(values) if name in units.angles else values


def _boundary(
    dataset: xr.Dataset, u: np.ndarray, direction: tuple[str, int], angles: np.ndarray, options: GridOptions
) -> tuple[bool, str]:
    """Whether a direction closes on itself, by the options, its attribute or the data, and what was assumed."""
    name, axis = direction
    if options.periodic is not None:
        return name in options.periodic, ""
    told = str(dataset[name].attrs.get("boundary", "")).strip().lower()
    if told and told not in BOUNDARIES:
        msg = f"expected the attribute boundary of {name} to be {' or '.join(BOUNDARIES)}, got '{told}'"
        raise DataError(msg)
    if told:
        return told == PERIODIC, ""
    closes, reason = guess_boundary(u, axis, angles)
    return closes, f"Nothing says whether {name} closes on itself; it was taken as {BOUNDARIES[not closes]}: {reason}."


def _values(dataset: xr.Dataset, name: str, space: tuple[str, ...]) -> np.ndarray:
    """A variable as (runs, times, *sites)."""
    _require_numbers(dataset, name)
    variable = dataset[name] if RUN in dataset[name].dims else dataset[name].expand_dims(RUN)
    wanted = (RUN, TIME, *space)
    if set(variable.dims) != set(wanted):
        msg = f"expected {name} over {', '.join(wanted[1:])}, got {dataset[name].dims}"
        raise DataError(msg)
    values = variable.transpose(*wanted).to_numpy().astype(float)
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        where = ", ".join(f"{dim} {index}" for dim, index in zip(wanted, map(int, bad[0]), strict=True))
        msg = f"{name} is missing or infinite in {len(bad)} places, first at the index {where}; fill in or leave out"
        raise DataError(msg)
    return values


def _require_numbers(dataset: xr.Dataset, name: str) -> None:
    kind = dataset[name].dtype
    if kind.kind == "c":
        msg = f"expected real numbers in {name}, got complex ones; give the real and imaginary part as two fields"
        raise DataError(msg)
    if kind.kind not in NUMBERS:
        msg = f"expected numbers in {name}, got {kind}; convert it, times to seconds since the start"
        raise DataError(msg)


def _require(names: Iterable[str], known: Iterable[str], option: str) -> None:
    known = list(known)
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            msg = f"`{option}` names {name}, but the data have {', '.join(known) or 'none'}{hint}"
            raise InputError(msg)
