"""Chains: points measured along hanging chains, with every check on what comes from outside."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
from jaxtyping import Float

from lagsym.errors import DataError

FEWEST = 12
"""Points from which on a shape says something about what hangs there."""
COLUMNS = ("s", "x", "y")
LABEL = "chain"
BLOCKS = 8
"""Pieces of a chain whose straight distances are compared with its arc labels."""
SHORTEST, LONGEST = 0.75, 1.02
"""Between these shares of the arc labels the straight distances of the pieces have to lie."""
SPREAD = 8.0
"""A point further from its neighbour than the arc between them, by so many times the noise, is a mistake."""
ROUNDED = 1e-6
"""Share of the length to which labels and positions may be rounded."""


@dataclass(frozen=True, eq=False)
class Chain:
    """Points along one hanging chain, labelled by the arc length to them.

    Arguments:
        s: increasing arc length along the unstretched chain.
        x: horizontal position, in the unit of s.
        y: height, in the unit of s; gravity pulls towards smaller y.
        name: of the chain.

    Raises:
        DataError: the shapes differ, there are too few points, a number is not finite, the labels do not increase, or
            neighbouring points are further apart than the chain between them is long.

    >>> s = np.linspace(0, 1, 20)
    >>> Chain(s, 0.6 * s, 0.8 * s).length
    1.0
    """

    s: Float[np.ndarray, " points"]
    x: Float[np.ndarray, " points"]
    y: Float[np.ndarray, " points"]
    name: str = "1"

    def __post_init__(self) -> None:
        shapes = {np.shape(part) for part in (self.s, self.x, self.y)}
        if len(shapes) > 1 or len(self.s.shape) != 1:
            msg = f"chain {self.name}: expected s, x and y of one shape (points,), got {sorted(shapes)}"
            raise DataError(msg)
        if len(self.s) < FEWEST:
            msg = f"chain {self.name}: expected at least {FEWEST} points, got {len(self.s)}; measure more"
            raise DataError(msg)
        if not all(np.isfinite(part).all() for part in (self.s, self.x, self.y)):
            msg = f"chain {self.name}: expected finite numbers for s, x and y; mend or leave out the others"
            raise DataError(msg)
        self._require_increasing()
        self._require_neighbours()
        self._require_scale()

    @property
    def length(self) -> float:
        """Arc length from the first point to the last."""
        return float(self.s[-1] - self.s[0])

    @property
    def points(self) -> Float[np.ndarray, "points 2"]:
        """Positions (x, y)."""
        return np.stack([self.x, self.y], axis=1)

    def _require_increasing(self) -> None:
        wrong = np.flatnonzero(np.diff(self.s) <= 0)
        if len(wrong):
            k = int(wrong[0])
            msg = (
                f"chain {self.name}: arc labels have to increase along the chain, but {self.s[k]:g} is followed by "
                f"{self.s[k + 1]:g}; sort the points, or tell chains apart in a column '{LABEL}'"
            )
            raise DataError(msg)

    def _require_neighbours(self) -> None:
        arcs = np.diff(self.s)
        distances = np.linalg.norm(np.diff(self.points, axis=0), axis=1)
        # Second differences are noise, and a little curvature, which is no reason to be stricter.
        noise = np.median(np.abs(np.diff(self.points, 2, axis=0)))
        excess = distances - arcs * LONGEST - SPREAD * noise - ROUNDED * self.length
        k = int(np.argmax(excess))
        if excess[k] > 0:
            msg = (
                f"chain {self.name}: the points at s = {self.s[k]:g} and {self.s[k + 1]:g} are {distances[k]:g} apart, "
                f"but the chain between them is {arcs[k]:g} long; check the labels and the points"
            )
            raise DataError(msg)

    def _require_scale(self) -> None:
        ends = np.unique(np.linspace(0, len(self.s) - 1, BLOCKS + 1).astype(int))
        share = np.linalg.norm(np.diff(self.points[ends], axis=0), axis=1).sum() / self.length
        if not SHORTEST < share < LONGEST:
            msg = (
                f"chain {self.name}: the points follow a line of about {share * self.length:g}, but the arc labels say "
                f"{self.length:g}; s, x and y have to be in one unit"
            )
            raise DataError(msg)


def read_chains(path: str | os.PathLike[str]) -> tuple[Chain, ...]:
    """Read measured shapes from a CSV file with the columns `s`, `x`, `y` and, for several chains, `chain`.

    Arguments:
        path: of the file; s, x and y in one unit of length.

    Raises:
        DataError: the file cannot be read, a column is missing, or the points are on no chain; see `Chain`.
    """
    frame = _read(Path(path))
    missing = [name for name in COLUMNS if name not in frame]
    if missing:
        msg = f"expected the columns s, x and y, got {', '.join(frame.columns)}; there is no {', '.join(missing)}"
        raise DataError(msg)
    numbers = pd.DataFrame({name: pd.to_numeric(frame[name], errors="coerce") for name in COLUMNS})
    bad = np.argwhere(~np.isfinite(numbers.to_numpy(float)))
    if len(bad):
        row, column = map(int, bad[0])
        shown = str(frame[COLUMNS[column]].iloc[row])[:40]
        msg = f"column {COLUMNS[column]} holds '{shown}' in row {row + 2}, which is no number; mend or delete that row"
        raise DataError(msg)
    labels = frame[LABEL].astype(str) if LABEL in frame else pd.Series("1", index=frame.index)
    return tuple(_chains(numbers, labels.to_numpy()))


def _read(file: Path) -> pd.DataFrame:
    try:
        frame = cast("pd.DataFrame", pd.read_csv(file))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        msg = f"{file} cannot be read ({reason}); expected CSV text with the columns {LABEL}, s, x, y"
        raise DataError(msg) from None
    if frame.empty:
        msg = f"{file} holds no points; expected a row for each"
        raise DataError(msg)
    return frame.rename(columns=lambda name: str(name).strip())


def _chains(numbers: pd.DataFrame, labels: np.ndarray) -> Iterator[Chain]:
    for label in dict.fromkeys(labels):
        s, x, y = numbers.to_numpy(float)[labels == label].T
        yield Chain(s, x, y, str(label))
