"""Faithfulness: how closely a formula reproduces the network that it was read from, and where it does not."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lagsym.data.jets import Jets

QUANTILES = {"median": 0.5, "p90": 0.9, "p99": 0.99, "largest": 1.0}
MOST_BINS, FEWEST_BINS = 24, 6
PER_CELL = 8
"""Samples that a cell of the map has on average, where there are enough samples."""
SLICES = 12
"""Parts of an input's range, each with as many samples, in which its effect on the error is looked for."""
SMALLEST_ERROR = 1e-12
"""Relative errors below this are rounding, and count alike."""


@dataclass(frozen=True, eq=False)
class ErrorMap:
    """The error over the two inputs that matter most to it.

    Arguments:
        inputs: their names, such as ("theta", "theta_dot").
        edges: the borders of the cells along each; positions that are angles lie between -pi and pi.
        median: median relative error of the accelerations in each cell, not a number where there is no sample.
        count: number of samples in each cell.
    """

    inputs: tuple[str, str]
    edges: tuple[Float[np.ndarray, " first_edges"], Float[np.ndarray, " second_edges"]]
    median: Float[np.ndarray, "first second"]
    count: Float[np.ndarray, "first second"]


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """How closely a formula reproduces a network, at samples that it was not read from.

    The relative error of a sample is the difference of the accelerations, each coordinate's over the root mean square
    of the network's, as a root mean square over the coordinates.

    Arguments:
        acceleration_r2: R² of the formula's accelerations against the network's, of the worst coordinate.
        operator_r2: the same of E = f - M a off the shell, up to one common factor; None where it is not known.
        quantiles: of the relative error: `median`, `p90`, `p99`, `largest`.
        effects: for each input the share of the variance of the error's logarithm that it explains by itself.
        map: the error over the two inputs with the largest effects.
    """

    acceleration_r2: float
    operator_r2: float | None
    quantiles: Mapping[str, float]
    effects: Mapping[str, float]
    map: ErrorMap

    @property
    def scores(self) -> dict[str, float]:
        """The numbers, by their names in `law.json`."""
        scores = {"fidelity_r2": self.acceleration_r2}
        if self.operator_r2 is not None:
            scores["fidelity_operator_r2"] = self.operator_r2
        return scores | {f"fidelity_error_{name}": value for name, value in self.quantiles.items()}


def measure_faithfulness(
    network: Float[np.ndarray, "samples n"],
    formula: Float[np.ndarray, "samples n"],
    jets: Jets,
    *,
    coordinates: Sequence[str],
    angles: frozenset[str] = frozenset(),
    operators: tuple[np.ndarray, np.ndarray] | None = None,
) -> Faithfulness:
    """Compare a formula's accelerations with a network's.

    Arguments:
        network: the network's accelerations.
        formula: the formula's at the same states; infinite or not a number where it has none.
        jets: the states.
        coordinates: their names.
        angles: which of them are angles.
        operators: E of the network and of the formula off the shell, each (N, n), on one scale.

    >>> q = np.linspace(-1.0, 1.0, 200)[:, None]
    >>> states = Jets.of_particle(np.zeros(200), q, np.cos(7 * q))
    >>> found = measure_faithfulness(-np.sin(q), -q, states, coordinates=("theta",))
    >>> found.map.inputs, max(found.effects, key=found.effects.get)
    (('theta', 'theta_dot'), 'theta')
    """
    error = relative_error(network, formula)
    names = (*coordinates, *(f"{name}_dot" for name in coordinates))
    positions = zip(coordinates, jets.q.T, strict=True)
    turned = [(q + np.pi) % (2 * np.pi) - np.pi if name in angles else q for name, q in positions]
    inputs = dict(zip(names, (*turned, *jets.v.T), strict=True))
    effects = {name: main_effect(x, error) for name, x in inputs.items()}
    first, second = sorted(sorted(names, key=lambda name: -effects[name])[:2], key=names.index)
    return Faithfulness(
        r_squared(network, formula),
        None if operators is None else r_squared(*operators),
        {name: float(np.quantile(error, q, method="higher")) for name, q in QUANTILES.items()},
        effects,
        map_error((first, second), inputs[first], inputs[second], error),
    )


def relative_error(
    network: Float[np.ndarray, "samples n"], formula: Float[np.ndarray, "samples n"]
) -> Float[np.ndarray, " samples"]:
    """The relative error of each sample; infinite where the formula has no finite value."""
    size = np.sqrt(np.mean(network**2, axis=0))
    with np.errstate(all="ignore"):
        error = np.sqrt(np.mean(((formula - network) / np.where(size > 0, size, 1.0)) ** 2, axis=1))
    return np.where(np.isfinite(error), error, np.inf)


def main_effect(x: Float[np.ndarray, " samples"], error: Float[np.ndarray, " samples"]) -> float:
    """The share of the variance of log(error) that is between slices of x, less what chance alone would give.

    Source: the first-order index of variance-based sensitivity analysis, Saltelli et al., Global Sensitivity
    Analysis (2008), chapter 4; with the correction of Kelley, PNAS 21 (1935) 554.
    """
    logarithm = np.log(np.clip(error, SMALLEST_ERROR, 1 / SMALLEST_ERROR))
    borders = np.unique(np.quantile(x, np.linspace(0, 1, SLICES + 1)))
    total = float(np.var(logarithm))
    if total == 0 or len(borders) < 3:
        return 0.0
    place = _places(x, borders)
    within = sum(float(np.sum((part - part.mean()) ** 2)) for k in np.unique(place) for part in [logarithm[place == k]])
    samples, slices = len(x), len(np.unique(place))
    return float(1 - within / max(samples - slices, 1) / (total * samples / max(samples - 1, 1)))


def map_error(inputs: tuple[str, str], x: np.ndarray, y: np.ndarray, error: np.ndarray) -> ErrorMap:
    """Median error and number of samples over a grid of two inputs."""
    bins = int(np.clip(np.sqrt(len(x) / PER_CELL), FEWEST_BINS, MOST_BINS))
    edges = (_edges(x, bins), _edges(y, bins))
    row, column = _places(x, edges[0]), _places(y, edges[1])
    count, median = np.zeros((bins, bins)), np.full((bins, bins), np.nan)
    for i, j in itertools.product(range(bins), repeat=2):
        inside = error[(row == i) & (column == j)]
        count[i, j] = len(inside)
        if len(inside):
            # The lower of two middle ones: their mean would be no number where both are infinite.
            median[i, j] = np.quantile(inside, 0.5, method="lower")
    return ErrorMap(inputs, edges, median, count)


def _places(x: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """In which of the parts between edges each value is; the last one holds its upper edge."""
    return np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(edges) - 2)


def _edges(x: np.ndarray, bins: int) -> np.ndarray:
    low, high = float(x.min()), float(x.max())
    if not low < high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, bins + 1)


def r_squared(measured: Float[np.ndarray, "samples n"], predicted: Float[np.ndarray, "samples n"]) -> float:
    """One less the share of the variance that is not predicted, of the coordinate that fares worst."""
    residual = np.sum((measured - predicted) ** 2, axis=0)
    total = np.sum((measured - measured.mean(axis=0)) ** 2, axis=0)
    moving = total > 1e-20 * total.max()
    if not moving.any():
        return 1.0 if not residual.any() else -np.inf
    worst = float(np.min(1 - residual[moving] / total[moving]))
    return worst if np.isfinite(worst) else -np.inf
