"""The error map: where a formula and the network that it was read from differ, and where there are samples at all."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lagsym.distillation.reading.faithfulness import ErrorMap
from lagsym.errors import InputError
from lagsym.law import Law
from lagsym.mechanics.notation.latex import to_latex

FILE = "error_map.npz"
"""The map behind the picture, so that a report can be written again."""
SHADES = "cividis"
"""A sequence of colours that is read alike by people who see red and green alike, on white and on black."""
LEAST_SPAN = 10.0
"""The scale of errors covers at least this factor, so that equal errors look equal."""


def draw_error_map(law: Law, shown: ErrorMap) -> Figure:
    """The median relative error over two inputs beside the number of samples; cells without samples stay empty."""
    figure = Figure(figsize=(6.8, 3.1), layout="constrained")
    first, second = figure.subplots(1, 2, sharey=True)
    _mesh(first, shown, np.where(np.isfinite(shown.median), shown.median, np.nan), _logarithmic(shown.median))
    counted = np.where(shown.count > 0, shown.count, np.nan)
    _mesh(second, shown, counted, Normalize(0, max(float(shown.count.max()), 1.0)))
    names = [f"${to_latex(law.space.names[name], law.space)}$" for name in shown.inputs]
    first.set(title="median relative error", xlabel=names[0], ylabel=names[1])
    second.set(title="samples", xlabel=names[0])
    return figure


def _mesh(axes: Axes, shown: ErrorMap, values: np.ndarray, norm: Normalize) -> None:
    mesh = axes.pcolormesh(*shown.edges, values.T, cmap=SHADES, norm=norm, rasterized=True)
    figure: Any = axes.figure
    figure.colorbar(mesh, ax=axes).outline.set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(5))


def _logarithmic(errors: np.ndarray) -> LogNorm:
    """A logarithmic scale over all errors that are more than rounding."""
    usable = errors[np.isfinite(errors) & (errors > 0)]
    high = float(usable.max()) if usable.size else 1.0
    low = float(usable.min()) if usable.size else 1.0
    return LogNorm(min(low, high / LEAST_SPAN), high)


def map_bytes(shown: ErrorMap) -> bytes:
    """The content of the map's file."""
    buffer = io.BytesIO()
    first, second = shown.edges
    np.savez_compressed(
        buffer, inputs=np.array(shown.inputs), first=first, second=second, median=shown.median, count=shown.count
    )
    return buffer.getvalue()


def read_error_map(folder: str | os.PathLike[str]) -> ErrorMap | None:
    """The map in a folder of results, or None where the folder has none.

    Raises:
        InputError: the file is there but damaged.
    """
    path = Path(folder) / FILE
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as archive:
            one, other = (str(name) for name in archive["inputs"])
            return ErrorMap((one, other), (archive["first"], archive["second"]), archive["median"], archive["count"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        msg = f"cannot read {path} ({error}); delete it to write the report without that picture"
        raise InputError(msg) from None
