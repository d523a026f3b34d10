"""Continuity: what conservation laws leave on fields over a grid, relative to what they move.

Each result is for one translation, along a base direction nu, and relative to a scale that the translations share.  A
momentum has the unit of an energy over that of its direction; times a length of the fields along it, all compare.  So a
momentum that a motion hardly has is not measured by itself, which would be rounding over rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from lagsym.data.weak_fields import FieldTests, Index

Values = Float[np.ndarray, "times *sites"]
Current = Mapping[Index, Values]
"""A current by the directions that its parts are differentiated along: it is conserved if sum_I D_I J_I = 0. The plain
case is {(0,): density, (1,): flux}."""
TIME = 0


def continuity_residuals(tests: Sequence[FieldTests], currents: Mapping[int, Sequence[Current]]) -> dict[int, float]:
    """What D_mu J^mu leaves in averages over test functions, relative to those of D_t J^t.

    Arguments:
        tests: the test functions of every record.
        currents: for each translation, its current on every record.

    Returns:
        Root mean squares, for each translation; relative to the changes of the densities of all of them together.
    """
    left, moved = {}, {}
    for nu, parts in currents.items():
        flows = [_divergence(own, part) for own, part in zip(tests, parts, strict=True)]
        left[nu] = _size([np.sum(list(flow.values()), axis=0) for flow in flows])
        moved[nu] = _size([flow[TIME,] for flow in flows])
    return _relative(left, moved, tests)


def total_drifts(
    tests: Sequence[FieldTests],
    densities: Mapping[int, Sequence[Values]],
    sizes: Mapping[int, Sequence[Values]],
    periodic: Sequence[bool],
) -> dict[int, float]:
    """Spread over time of the mean over space of densities, relative to the mean of a size.

    Arguments:
        tests: of every record, for the lengths that translations are compared by.
        densities: for each translation, what is conserved on every record.
        sizes: likewise, how large it is; signs do not count.
        periodic: for each direction of space, whether it closes on itself.
    """
    left, moved = {}, {}
    for nu, parts in densities.items():
        means = [_over_space(part, periodic) for part in parts]
        left[nu] = _size([mean - mean.mean() for mean in means])
        moved[nu] = float(np.mean([np.abs(size).mean() for size in sizes[nu]]))
    return _relative(left, moved, tests)


def _divergence(tests: FieldTests, current: Current) -> dict[Index, np.ndarray]:
    """Averages of the derivatives of a current's parts, by parts."""
    return {index: (-1) ** len(index) * tests.integrate(values, index) for index, values in current.items()}


def _over_space(values: Values, periodic: Sequence[bool]) -> Float[np.ndarray, " times"]:
    """The mean by the trapezoidal rule: a site at an end stands for half a step."""
    for closes in reversed(periodic):
        weights = np.ones(values.shape[-1])
        if not closes:
            weights[[0, -1]] = 0.5
        values = values @ weights / weights.sum()
    return values


def _size(parts: Sequence[np.ndarray]) -> float:
    return float(np.sqrt(np.mean(np.concatenate(parts) ** 2)))


def _relative(left: dict[int, float], moved: dict[int, float], tests: Sequence[FieldTests]) -> dict[int, float]:
    lengths = np.mean([own.halves for own in tests], axis=0)
    scale = float(np.linalg.norm([lengths[nu] * size for nu, size in moved.items()])) or 1.0
    return {nu: float(lengths[nu] * size / scale) for nu, size in left.items()}
