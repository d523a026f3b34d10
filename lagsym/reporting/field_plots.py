"""Pictures of fields: the measured motion, the law's from the same start, their difference, and the law's energy."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from lagsym.law import Law
from lagsym.mechanics.notation.latex import to_latex
from lagsym.validation import FieldValidation

MAP, DIFFERENCE = "viridis", "coolwarm"
"""Colour maps that are told apart by people who see red and green alike."""


def draw_fields(law: Law, validation: FieldValidation) -> Figure:
    """The first field over space and time: measured, predicted, and the difference on a scale of its own."""
    figure = Figure(figsize=(7.2, 3.0), layout="constrained")
    axes = figure.subplots(1, 3, sharex=True, sharey=True)
    low, high = float(validation.measured.min()), float(validation.measured.max())
    difference = validation.predicted - validation.measured
    largest = float(np.nanmax(np.abs(difference), initial=0.0)) or 1.0
    panels = (
        ("measured", validation.measured, MAP, (low, high)),
        ("predicted", validation.predicted, MAP, (low, high)),
        ("difference", difference, DIFFERENCE, (-largest, largest)),
    )
    for place, (title, values, colours, limits) in zip(axes, panels, strict=True):
        shown = place.pcolormesh(
            validation.x, validation.t, values, cmap=colours, vmin=limits[0], vmax=limits[1], rasterized=True
        )
        place.set(title=title, xlabel=f"${law.base[1]}$")
        figure.colorbar(shown, ax=place, location="bottom", shrink=0.9)
    axes[0].set_ylabel(f"time, ${to_latex(law.space.positions[0], law.space)}$ in colours")
    return figure


def draw_field_energy(law: Law, validation: FieldValidation) -> Figure:
    """The energy of the law's own motion, as a change from its start."""
    del law
    figure = Figure(figsize=(6.4, 2.2), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(validation.t, validation.energy, linewidth=1.5)
    axes.axhline(0, linewidth=0.6)
    axes.set(xlabel="time from the start", ylabel="energy change")
    return figure
