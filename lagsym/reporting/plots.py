"""Pictures: the front, predicted against measured acceleration, a rollout with its energy, and the error map."""

from __future__ import annotations

import io
import re
from typing import Any

import matplotlib as mpl
import numpy as np
import sympy as sp
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lagsym.distillation.reading.faithfulness import ErrorMap
from lagsym.errors import FormulaError
from lagsym.law import FrontEntry, Law
from lagsym.mechanics.notation.latex import to_latex
from lagsym.mechanics.notation.parsing import parse
from lagsym.mechanics.system import parameter_symbol
from lagsym.reporting.error_map import draw_error_map
from lagsym.reporting.field_plots import draw_field_energy, draw_fields
from lagsym.reporting.typesetting import ordered_terms
from lagsym.validation import FieldValidation, Validation

POINTS = 4000
"""Most points that one scatter picture shows."""
MEASURED, PREDICTED = "#7f8c8d", "#d9652b"
"""Colours that are told apart on white and on black, and by people who see red and green alike."""
INK = "#010203"
"""Stands for the colour of the text, which an SVG in a page takes from the page."""
STYLE: Any = {
    "font.size": 10,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "mathtext.fontset": "stix",
}


def draw_pictures(
    law: Law, validation: Validation | FieldValidation | None, error_map: ErrorMap | None = None
) -> dict[str, bytes]:
    """Every picture that the law, its validation and its error map give, as PNG and SVG by file name."""
    with mpl.rc_context(STYLE):
        figures = {"front": draw_front(law)} if law.front else {}
        if isinstance(validation, FieldValidation):
            figures["fields"] = draw_fields(law, validation)
            figures["field_energy"] = draw_field_energy(law, validation)
        elif validation is not None:
            figures["accelerations"] = draw_accelerations(law, validation)
            figures["rollout"] = draw_rollout(law, validation)
        if error_map is not None:
            figures["error_map"] = draw_error_map(law, error_map)
        files = {}
        for name, figure in figures.items():
            files[f"{name}.png"] = _saved(figure, "png", name)
            files[f"{name}.svg"] = _saved(figure, "svg", name)
    return files


def page_svg(svg: bytes, name: str, description: str) -> str:
    """An SVG picture for the inside of a page: names of its own, the page's colour of text, and a description."""
    text = svg.decode()
    text = text[text.index("<svg") :]
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, count=1, flags=re.DOTALL).replace(INK, "currentColor")
    return text.replace("<svg", f'<svg role="img" aria-label="{description}"', 1)


def chosen_entry(law: Law) -> FrontEntry | None:
    """The candidate on the front that has the law's terms, or None."""
    if law.lagrangian is None:
        return None
    names = dict(law.space.names) | {name: parameter_symbol(name) for name in (*law.parameters, *_constant_names(law))}
    wanted, found = _structure(law.lagrangian, law), None
    for entry in law.front:
        try:
            matches = _structure(parse(entry.lagrangian, names, allow_parameters=True), law) == wanted
        except FormulaError:
            continue
        found = entry if matches else found
    return found


def draw_front(law: Law) -> Figure:
    """Loss against complexity of every candidate, the chosen one marked."""
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axes = figure.add_subplot()
    usable = [entry for entry in law.front if np.isfinite(entry.loss)]
    complexity, loss = [entry.complexity for entry in usable], [entry.loss for entry in usable]
    axes.plot(complexity, loss, "o-", color=MEASURED, markersize=5, label="candidates")
    chosen = chosen_entry(law)
    if chosen is not None and np.isfinite(chosen.loss):
        axes.plot([chosen.complexity], [chosen.loss], "o", color=PREDICTED, markersize=10, label="chosen")
    if loss and min(loss) > 0:
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="complexity", ylabel="loss")
    axes.legend()
    return figure


def draw_accelerations(law: Law, validation: Validation) -> Figure:
    """Predicted against measured acceleration of every coordinate."""
    count = len(law.coordinates)
    figure = Figure(figsize=(3.2 * max(count, 2), 3.2), layout="constrained")
    step = -(-len(validation.measured_acceleration) // POINTS)
    measured, predicted = validation.measured_acceleration[::step], validation.predicted_acceleration[::step]
    for i, acceleration in enumerate(law.space.accelerations):
        axes = figure.add_subplot(1, count, i + 1)
        axes.scatter(measured[:, i], predicted[:, i], s=5, alpha=0.5, linewidths=0, color=PREDICTED, rasterized=True)
        middle = float(np.mean(measured[:, i]))
        axes.axline((middle, middle), slope=1, color=INK, linewidth=0.8)
        axes.set(
            title=f"${to_latex(acceleration, law.space)}$", xlabel="measured", ylabel="predicted" if i == 0 else ""
        )
        _few_ticks(axes)
    return figure


def draw_rollout(law: Law, validation: Validation) -> Figure:
    """Positions predicted from one start beside the measured ones, and the law's energy along the measured motion."""
    count = len(law.coordinates)
    figure = Figure(figsize=(6.4, 1.5 * (count + 1) + 0.6), layout="constrained")
    axes = figure.subplots(count + 1, 1, sharex=True)
    for i, position in enumerate(law.space.positions):
        axes[i].plot(
            validation.rollout_time, validation.rollout_measured[:, i], color=MEASURED, linewidth=2.5, label="measured"
        )
        axes[i].plot(
            validation.rollout_time,
            validation.rollout_predicted[:, i],
            color=PREDICTED,
            linewidth=1.2,
            label="predicted",
        )
        axes[i].set_ylabel(f"${to_latex(position, law.space)}$")
        _few_ticks(axes[i])
    axes[0].legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
    axes[count].plot(validation.rollout_time, validation.rollout_energy, color=MEASURED, linewidth=1.5)
    axes[count].axhline(0, color=INK, linewidth=0.6)
    axes[count].set(ylabel="energy change", xlabel="time from the start")
    _few_ticks(axes[count])
    figure.align_ylabels()
    return figure


def _constant_names(law: Law) -> list[str]:
    return [constant.name for constant in law.constants]


def _structure(expression: sp.Expr, law: Law) -> frozenset[sp.Expr]:
    """The terms of a Lagrangian without their factors."""
    jets = [symbol for symbol in law.space.names.values() if symbol in expression.free_symbols]
    return frozenset(term.as_independent(*jets, as_Add=False)[1] for term in ordered_terms(expression, law.space))


def _few_ticks(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(4))


def _saved(figure: Figure, kind: str, name: str) -> bytes:
    """The picture's bytes, the same for the same picture; PNG on white, SVG on what lies under it."""
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(buffer, format=kind, dpi=150, transparent=kind == "svg", metadata=metadata)
    return buffer.getvalue()
