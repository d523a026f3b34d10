"""Tables of measurements in, trajectories out: CSV, Parquet and pandas, with every check on what comes from outside."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import sympy as sp
from jaxtyping import Float

from lagsym.data.column_units import ColumnUnits
from lagsym.data.trajectories import SHORTEST_SEGMENT, Segment, Trajectories
from lagsym.errors import DataError, InputError
from lagsym.mechanics.notation.parsing import parse

TIME, TRAJECTORY, FORCE = "t", "trajectory", "force_"
GAP_FACTOR = 2.5
"""A step longer than this many usual steps is a gap; a single missed frame is not."""


@dataclass(frozen=True)
class Columns:
    """How the columns of a table are to be read.

    Arguments:
        coordinates: columns that are coordinates; empty for all that are nothing else.
        angles: coordinates with period 2 pi, in radians unless `units` says otherwise.
        ignore: columns to leave out, whatever else names them.
        parameters: columns that hold a parameter, which must not change along a trajectory.
        define: new coordinates, each as 'name=formula' over other columns.
        drop_missing: drop rows with missing numbers, and split there, in place of an error.
        units: the unit of `t`, of every coordinate and force and, if wanted, of velocities and parameters, by column,
            such as {"t": "s", "theta": "rad"}; empty for none.
    """

    coordinates: tuple[str, ...] = ()
    angles: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    define: tuple[str, ...] = ()
    drop_missing: bool = False
    units: Mapping[str, str] = field(default_factory=dict)

    def without_ignored(self) -> Columns:
        """The same, with what is ignored named nowhere else.

        Raises:
            InputError: no coordinate that was asked for is left.
        """
        left = {
            option: tuple(name for name in getattr(self, option) if name not in self.ignore)
            for option in ("coordinates", "angles", "parameters")
        }
        if self.coordinates and not left["coordinates"]:
            msg = f"--ignore leaves out every coordinate of --coordinates {','.join(self.coordinates)}; keep one"
            raise InputError(msg)
        units = {name: unit for name, unit in self.units.items() if name not in self.ignore}
        return replace(self, **left, units=units)


def read_table(path: str | os.PathLike[str], columns: Columns | None = None) -> Trajectories:
    """Read trajectories from a CSV or (by its ending) Parquet file.

    Arguments:
        path: a tidy table with `t`, one column for each coordinate and, where there are, `trajectory`, `<q>_dot` and
            `<q>_ddot`.
        columns: how to read its columns.

    Raises:
        DataError: the file cannot be read or holds something that is not motion; the message names the rows.
        InputError: `columns` names something that the table does not have.
    """
    file = Path(path)
    if file.is_dir():
        msg = f"expected a CSV or Parquet file, but {file} is a directory; name the file inside it"
        raise DataError(msg)
    try:
        frame = pd.read_parquet(file) if file.suffix.lower() in {".parquet", ".pq"} else pd.read_csv(file)
    except FileNotFoundError:
        msg = f"there is no file {file}; check the name and the folder"
        raise DataError(msg) from None
    except pd.errors.EmptyDataError:
        msg = f"{file} is empty; expected a header line with t and the coordinates, then one row for each sample"
        raise DataError(msg) from None
    except (UnicodeDecodeError, ValueError, OSError, pd.errors.ParserError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        msg = f"{file} is not a table that can be read ({reason}); expected CSV text or a .parquet file"
        raise DataError(msg) from None
    return read_frame(frame, columns)


def read_frame(frame: pd.DataFrame, columns: Columns | None = None) -> Trajectories:
    """Read trajectories from a tidy table; see `read_table`. The table itself is left as it is."""
    columns = columns or Columns()
    frame = frame.rename(columns=lambda name: str(name).strip())
    _check_names(frame, columns)
    columns = columns.without_ignored()
    frame = _define(frame.drop(columns=list(columns.ignore)), columns)
    names = _coordinates(frame, columns)
    derived = (column for q in names for column in (f"{q}_dot", f"{q}_ddot", f"{FORCE}{q}") if column in frame)
    wanted = [TIME, *names, *derived]
    units = ColumnUnits.of(columns.units, names, [*wanted[len(names) + 1 :], *columns.parameters], columns.angles)
    notices = list(units.notices)
    lacking = [q for q in names if f"{q}_dot" not in frame]
    if 0 < len(lacking) < len(names):
        notices.append(f"There are no velocities of {', '.join(lacking)}, so all velocities come from the positions.")
    numbers = _numbers(frame, wanted, drop_missing=columns.drop_missing, notices=notices)
    numbers = numbers.assign(**{name: numbers[name] * factor for name, factor in units.factors.items()})
    labels = (frame[TRAJECTORY].astype(str) if TRAJECTORY in frame else pd.Series("0", index=frame.index)).to_numpy()
    parameters = {name: _parameter(frame, name, labels) for name in columns.parameters}
    varied = tuple(name for name, values in parameters.items() if len(set(values.values())) > 1)
    segments: list[Segment] = []
    for label in dict.fromkeys(labels):
        rows: pd.DataFrame = numbers.loc[(labels == label) & numbers[TIME].notna()]
        own = tuple(parameters[name][label] for name in varied)
        pieces = _segments(rows, label, names, angles=columns.angles, notices=notices)
        segments += [replace(piece, parameters=own) for piece in pieces]
    usable = [segment for segment in segments if len(segment) >= SHORTEST_SEGMENT]
    if not usable:
        msg = (
            f"expected a stretch of at least {SHORTEST_SEGMENT} samples without a gap, got "
            f"{max((len(s) for s in segments), default=0)} (from {len(frame)} rows); record more samples"
        )
        raise DataError(msg)
    if len(usable) < len(segments):
        lost = sum(len(s) for s in segments) - sum(len(s) for s in usable)
        notices.append(
            f"{len(segments) - len(usable)} stretches of under {SHORTEST_SEGMENT} samples were left out ({lost} rows)."
        )
    same = {name: next(iter(values.values())) for name, values in parameters.items() if name not in varied}
    return Trajectories(
        tuple(names), tuple(usable), frozenset(columns.angles), tuple(notices), same, dict(units.units), varied
    )


def read_arrays(
    t: Float[np.ndarray, " samples"],
    q: Float[np.ndarray, "samples coordinates"],
    v: Float[np.ndarray, "samples coordinates"] | None = None,
    *,
    coordinates: Sequence[str] = (),
    angles: Iterable[str] = (),
    units: Mapping[str, str] | None = None,
) -> Trajectories:
    """Read one trajectory from arrays, with the same checks as a table.

    Arguments:
        t: times.
        q: generalised coordinates.
        v: velocities, where they were measured.
        coordinates: their names; q1, q2, ... without.
        angles: coordinates in radians with period 2 pi.
        units: of `t` and every coordinate, as in `Columns`.

    Raises:
        DataError: the shapes do not fit, or see `read_table`.

    >>> t = np.linspace(0, 1, 20)
    >>> read_arrays(t, np.sin(t)[:, None]).coordinates
    ('q1',)
    """
    t, q = np.asarray(t, float), np.asarray(q, float)
    shapes = [part.shape for part in (t, q, v) if part is not None]
    names = tuple(coordinates or (f"q{i + 1}" for i in range(q.shape[-1])))
    if t.ndim != 1 or any(shape != (len(t), len(names)) for shape in shapes[1:]):
        msg = f"expected t (N,), q (N, {len(names)}) and, where measured, v of the shape of q; got {shapes}"
        raise DataError(msg)
    columns = {TIME: t, **dict(zip(names, q.T, strict=True))}
    if v is not None:
        columns |= {f"{name}_dot": part for name, part in zip(names, np.asarray(v, float).T, strict=True)}
    return read_frame(pd.DataFrame(columns), Columns(coordinates=names, angles=tuple(angles), units=units or {}))


def _check_names(frame: pd.DataFrame, columns: Columns) -> None:
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        msg = f"expected every column once, but {', '.join(sorted(set(twice)))} comes twice; rename one"
        raise DataError(msg)
    for name in columns.ignore:
        _require(name, frame.columns, "--ignore")
    if TIME not in frame.columns:
        msg = f"expected a column t with the time, got {', '.join(frame.columns)}; rename the time column to t"
        raise DataError(msg)


def _require(name: str, known: Iterable[str], option: str) -> None:
    known = list(known)
    if name in known:
        return
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    msg = f"{option} names {name}, but the table has {', '.join(known)}{hint}"
    raise InputError(msg)


def _define(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Add the defined coordinates; the columns that they are made of are used up, unless asked for as coordinates."""
    used: set[str] = set()
    defined: dict[str, np.ndarray] = {}
    for definition in columns.define:
        name, equals, formula = (part.strip() for part in definition.partition("="))
        if not equals or not name.isidentifier() or name in frame:
            msg = f"expected --define 'name=formula' with a new name, got '{definition}'"
            raise InputError(msg)
        symbols = {str(column): sp.Symbol(str(column), real=True) for column in frame.columns}
        expression = parse(formula, symbols)
        inputs = [symbol for name, symbol in sorted(symbols.items()) if expression.has(symbol)]
        values = [_floats(frame, symbol.name).to_numpy() for symbol in inputs]
        defined[name] = np.broadcast_to(sp.lambdify(inputs, expression, "numpy")(*values), len(frame))
        used |= {symbol.name for symbol in inputs} - {TIME}
    spent = {name for q in used - set(columns.coordinates) for name in (q, f"{q}_dot", f"{q}_ddot")}
    return frame.drop(columns=[name for name in frame.columns if name in spent]).assign(**defined)


def _coordinates(frame: pd.DataFrame, columns: Columns) -> list[str]:
    aside = {TIME, TRAJECTORY, *columns.parameters}
    present = [str(name) for name in frame.columns if name not in aside]
    for name in columns.parameters:
        _require(name, [str(column) for column in frame.columns], "--parameters")
    for name in columns.coordinates:
        _require(name, present, "--coordinates")
    derived = {name for q in present for name in (f"{q}_dot", f"{q}_ddot", f"{FORCE}{q}")}
    names = list(columns.coordinates) or [name for name in present if name not in derived]
    _check_used(columns, names)
    orphans = [name for name in names if name.endswith(("_dot", "_ddot"))]
    if orphans:
        base = orphans[0].rsplit("_", 1)[0]
        msg = (
            f"column {orphans[0]} is a derivative, but there is no column {base}; add it or pass --ignore {orphans[0]}"
        )
        raise DataError(msg)
    pushed = [name for name in present if name.startswith(FORCE) and name.removeprefix(FORCE) not in names]
    if pushed:
        pushee = pushed[0].removeprefix(FORCE)
        msg = f"column {pushed[0]} is a force on {pushee}, which is no coordinate; rename or --ignore it"
        raise DataError(msg)
    if not names:
        msg = "expected at least one coordinate beside t and trajectory, got none; add a column for each coordinate"
        raise DataError(msg)
    bad = [name for name in names if not name.isidentifier()]
    if bad:
        msg = f"a coordinate's name must be letters, digits and _, not '{bad[0]}'; rename that column"
        raise DataError(msg)
    for name in columns.angles:
        _require(name, names, "--angles")
    return names


def _check_used(columns: Columns, names: Sequence[str]) -> None:
    """Refuse a definition that nothing comes of, as --coordinates names others."""
    defined = [definition.partition("=")[0].strip() for definition in columns.define]
    used = {name + ending for name in names for ending in ("", "_dot", "_ddot")} | set(columns.parameters)
    idle = [name for name in defined if name not in used and not name.startswith(FORCE)]
    if idle:
        msg = (
            f"--define makes {idle[0]}, but --coordinates names {','.join(names)}; name {idle[0]} in place of the "
            f"columns that it stands for"
        )
        raise InputError(msg)


def _parameter(frame: pd.DataFrame, name: str, labels: np.ndarray) -> dict[str, float]:
    """The one value that a parameter's column has along each trajectory."""
    values = _floats(frame, name).to_numpy()
    if not np.isfinite(values).all():
        msg = f"parameter {name} is not a finite number in every row; mend the column or leave it out with --ignore"
        raise DataError(msg)
    found: dict[str, float] = {}
    for label in dict.fromkeys(labels):
        own = np.unique(values[labels == label])
        if len(own) > 1:
            msg = (
                f"parameter {name} has {len(own)} values along trajectory {label}, but a parameter stays the same; "
                f"number the motions in a column '{TRAJECTORY}', or leave {name} out with --ignore"
            )
            raise InputError(msg)
        found[label] = float(own[0])
    return found


def _numbers(frame: pd.DataFrame, wanted: list[str], *, drop_missing: bool, notices: list[str]) -> pd.DataFrame:
    """The wanted columns as floats; NaN where a number is missing and may be."""
    numbers = pd.DataFrame(index=frame.index)
    for name in wanted:
        numbers[name] = _floats(frame, name)
        text = numbers[name].isna().to_numpy() & frame[name].notna().to_numpy()
        if text.any():
            row = int(np.flatnonzero(text)[0])
            shown = str(frame[name].iloc[row])[:40]
            msg = f"column {name} holds '{shown}' in row {row + 2}, which is not a number; mend or delete that row"
            raise DataError(msg)
        infinite = np.isinf(numbers[name].to_numpy())
        if infinite.any():
            rows = _rows(np.flatnonzero(infinite))
            msg = f"column {name} is infinite in {rows}; mend or delete those rows"
            raise DataError(msg)
    missing = numbers.isna()
    if missing.to_numpy().any() and not drop_missing:
        name = next(name for name in wanted if missing[name].to_numpy().any())
        rows = _rows(np.flatnonzero(missing[name]))
        msg = (
            f"column {name} is missing in {rows}; mend them, or pass --drop-missing to drop those rows and split there"
        )
        raise DataError(msg)
    dropped = int(missing.any(axis=1).sum())
    if dropped:
        notices.append(f"{dropped} rows with missing numbers were dropped.")
    return numbers


def _floats(frame: pd.DataFrame, name: str) -> pd.Series:
    """A column as floats, NaN where a cell is no number."""
    return pd.Series(pd.to_numeric(pd.Series(frame[name]), errors="coerce"), dtype=float)


def _rows(index: np.ndarray) -> str:
    """Row numbers as a person sees them in the file, the header being row 1."""
    shown = ", ".join(str(int(i) + 2) for i in index[:5])
    more = f" and {len(index) - 5} more" if len(index) > 5 else ""
    return f"row{'s' if len(index) > 1 else ''} {shown}{more}"


def _segments(
    rows: pd.DataFrame, label: str, names: list[str], *, angles: tuple[str, ...], notices: list[str]
) -> list[Segment]:
    """Sort one trajectory by time and split it at its gaps and where numbers are missing."""
    t = rows[TIME].to_numpy()
    if (np.diff(t) < 0).any():
        notices.append(f"Trajectory {label} was not in order of time and was sorted.")
        rows = rows.iloc[np.argsort(t, kind="stable")]
        t = rows[TIME].to_numpy()
    equal = np.flatnonzero(np.diff(t) == 0)
    if len(equal):
        pair = sorted(int(rows.index[i]) for i in (equal[0], equal[0] + 1))
        msg = (
            f"trajectory {label} has the time {t[equal[0]]:g} more than once ({_rows(np.array(pair))}); "
            f"delete one of them, or number separate runs in a column '{TRAJECTORY}'"
        )
        raise DataError(msg)
    steps = np.diff(t)
    gap = steps > GAP_FACTOR * np.quantile(steps, 0.9) if len(steps) else np.zeros(0, bool)
    whole = rows.notna().all(axis=1).to_numpy()
    borders = np.flatnonzero(gap | (whole[1:] != whole[:-1])) + 1
    pieces = [piece for piece in np.split(np.arange(len(t)), borders) if len(piece) and whole[piece[0]]]
    if gap.any():
        notices.append(f"Trajectory {label} was split at {int(gap.sum())} gaps in time.")
    return [_segment(rows.iloc[piece], label, names, angles) for piece in pieces]


def _segment(rows: pd.DataFrame, label: str, names: list[str], angles: tuple[str, ...]) -> Segment:
    def stack(suffix: str) -> np.ndarray | None:
        wanted = [f"{name}{suffix}" for name in names]
        return rows[wanted].to_numpy() if all(name in rows for name in wanted) else None

    q = rows[names].to_numpy(copy=True)
    for i, name in enumerate(names):
        if name in angles:
            q[:, i] = np.unwrap(q[:, i])
    force = None
    if any(f"{FORCE}{name}" in rows for name in names):
        # A coordinate without a column of its own is not pushed.
        force = rows.reindex(columns=[f"{FORCE}{name}" for name in names], fill_value=0.0).to_numpy()
    return Segment(rows[TIME].to_numpy(), q, stack("_dot"), stack("_ddot"), label, force)
