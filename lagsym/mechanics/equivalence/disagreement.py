"""Where two systems of equations differ: the first equation that does, and a point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

NOTABLE = 0.1
"""Where constants are uncertain, an equation differs when it does so by this share of the worst."""


@dataclass(frozen=True)
class Disagreement:
    """Where two equations of motion differ: the coordinate, the point, and both sides."""

    coordinate: str
    point: Mapping[str, float]
    candidate: float
    reference: float

    @property
    def with_sides(self) -> dict[str, float]:
        """The point with the two sides there."""
        return {**self.point, "candidate": self.candidate, "reference": self.reference}


def notable_disagreement(
    candidate: Float[np.ndarray, "points n"], reference: Float[np.ndarray, "points n"]
) -> tuple[int, int, float]:
    """The point, the first equation that differs notably, and the scale of the equation that agrees best.

    Arguments:
        candidate: values of E[candidate].
        reference: values of E[reference] at the same points.

    >>> theirs = np.random.default_rng(0).normal(size=(5, 3))
    >>> notable_disagreement(2 * theirs + [0, 1, 3], theirs)[1]
    1
    """
    squares = np.sum(reference**2, axis=0)
    scales = np.sum(candidate * reference, axis=0) / np.where(squares > 0, squares, 1.0)
    sizes = np.maximum(np.linalg.norm(candidate, axis=0), 1e-300)
    own = np.linalg.norm(candidate - scales * reference, axis=0) / sizes
    scale = scales[np.argmin(np.where((squares > 0) & (scales != 0), own, np.inf))]
    gaps = np.linalg.norm(candidate - scale * reference, axis=0) / (sizes + abs(scale) * np.sqrt(squares))
    equation = int(np.argmax(gaps >= NOTABLE * gaps.max()))
    point = int(np.argmax(np.abs(candidate - scale * reference)[:, equation]))
    return point, equation, float(scale)
