"""Periods: the time that a motion takes to come back, roughly, as the measure of all windows in time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.signal import lombscargle

FREQUENCIES = 300
RUNS = 10
"""Runs whose spectra are added up, at most."""
STILL = 1e-9
"""Columns that vary by less than this, relative to the largest number, are rounding."""

Run = tuple[Float[np.ndarray, " samples"], Float[np.ndarray, "samples columns"]]


def dominant_period(runs: Sequence[Run]) -> float:
    """2 pi over the angular frequency at which the summed spectrum of all columns is largest, in the unit of time.

    Between one oscillation in the longest run and one in six samples; the length of that run where nothing varies.

    Arguments:
        runs: times, not necessarily even, and what was measured at them.

    >>> t = np.arange(0, 50, 0.1)
    >>> round(dominant_period([(t, np.sin(2 * t)[:, None])]), 1)
    3.1
    """
    length = max(float(np.ptp(t)) for t, _ in runs)
    step = np.median(np.concatenate([np.diff(t) for t, _ in runs]))
    frequencies = np.geomspace(2 * np.pi / length, np.pi / (3 * step), FREQUENCIES)
    spectrum = np.zeros(FREQUENCIES)
    for t, columns in runs[:RUNS]:
        for column in columns.T:
            deviation = column - column.mean()
            if deviation.std() > STILL * np.abs(columns).max():
                spectrum += lombscargle(t - t[0], deviation / deviation.std(), frequencies)
    return float(2 * np.pi / frequencies[int(np.argmax(spectrum))]) if spectrum.any() else length
