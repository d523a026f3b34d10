"""Where a mass may be: a scan over places, at each of which it is taken to be weak."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.integrate import cumulative_trapezoid

from lagsym.statics.field_fit import FieldFit, FieldModel
from lagsym.statics.potentials import PLACE_X, PLACE_Y, POINT_MASS, STRENGTH, compile_potential

MARGIN = 1.5
"""The scan reaches so many diagonals of the chains' bounding box beyond it on every side."""
STEPS = 48
"""Places along each side of the scan."""
NEAREST = 0.02
"""Places nearer to a chain than this share of the diagonal are left out: they would tear it to them."""
VISIBLE = 1e-3
"""Directions that hold less than this share of the largest are not counted as independent ways to gain by noise."""

SKETCH = 40
"""Random combinations of effects that their directions are read from, far more than are visible."""


@dataclass(frozen=True)
class Scan:
    """What a weak mass would gain at each place.

    Arguments:
        places: (x, y) of shape (places, 2).
        gains: by how much the sum of squared residuals falls.
        strengths: with which strength.
        grid: which cell of the grid a place is, of shape (STEPS, STEPS), -1 where there is none.
        rank: number of independent effects on the shapes that masses at all places have.
        most: by how much the sum of squares would fall with all these effects at once, each with its own strength.
    """

    places: Float[np.ndarray, "places 2"]
    gains: Float[np.ndarray, " places"]
    strengths: Float[np.ndarray, " places"]
    grid: np.ndarray
    rank: int
    most: float

    def best(self, count: int) -> list[tuple[tuple[float, float], float]]:
        """The places that gain more than all their neighbours do, the best first, with their strengths."""
        table = np.full((STEPS + 2, STEPS + 2), -np.inf)
        table[1:-1, 1:-1] = np.where(self.grid >= 0, self.gains[self.grid], -np.inf)
        around = np.max(
            [np.roll(table, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)], axis=0
        )
        peaks = self.grid[((table >= around) & np.isfinite(table))[1:-1, 1:-1]]
        order = peaks[np.argsort(-self.gains[peaks])][:count]
        return [((float(self.places[k, 0]), float(self.places[k, 1])), float(self.strengths[k])) for k in order]


def scan_places(model: FieldModel, fit: FieldFit) -> Scan:
    """Gain and strength of a weak mass at places around the chains, all else fitted again.

    With c the change of the shapes by a unit of mass and r the residual, both without what tensions and first points
    explain, the strength is -c.r / c.c and the gain (c.r)^2 / c.c.

    Arguments:
        model: the chains in uniform gravity.
        fit: their fitted shapes.
    """
    places, grid = _grid(np.concatenate([chain.points for chain in model.chains]))
    effects = np.concatenate([_effect(model, fit, k, places) for k in range(len(model.chains))], axis=1)
    basis = np.linalg.qr(fit.jacobian)[0]
    effects -= (effects @ basis) @ basis.T
    residual = fit.residual - basis @ (basis.T @ fit.residual)
    sizes = np.maximum(np.linalg.norm(effects, axis=1), np.finfo(float).tiny)
    unit = effects / sizes[:, None]
    shared = unit @ residual
    directions = _directions(unit)
    most = float(np.square(directions @ residual).sum())
    return Scan(places, shared**2, -shared / sizes, grid, len(directions), most)


def _directions(unit: np.ndarray) -> np.ndarray:
    """Orthonormal directions that nearly all of the effects lie in, the visible ones (rank, columns).

    Source: N. Halko, P. G. Martinsson and J. A. Tropp, SIAM Review 53 (2011) 217 (a random sketch of the range).
    """
    sketch = np.random.default_rng(0).standard_normal((min(SKETCH, *unit.shape), len(unit)))
    range_ = np.linalg.qr((sketch @ unit).T)[0]
    _, values, rows = np.linalg.svd(unit @ range_, full_matrices=False)
    return rows[values**2 > VISIBLE * values[0] ** 2] @ range_.T


def _grid(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = points.min(axis=0), points.max(axis=0)
    reach = MARGIN * float(np.linalg.norm(high - low))
    sides = [np.linspace(low[i] - reach, high[i] + reach, STEPS) for i in (0, 1)]
    cells = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 2)
    distances = np.min(
        [np.linalg.norm(cells - point, axis=1) for point in points[:: max(len(points) // 400, 1)]], axis=0
    )
    kept = distances > NEAREST * reach / MARGIN
    numbers = np.where(kept, np.cumsum(kept) - 1, -1)
    return cells[kept], numbers.reshape(STEPS, STEPS)


def _effect(model: FieldModel, fit: FieldFit, chain: int, places: np.ndarray) -> np.ndarray:
    """Change of a chain's points by a unit of mass at each place, tension and first point held, (places, 2 points).

    F grows by the integral of the attraction, and the tangent turns by the part of it across the chain, over |F|.
    """
    measured = model.chains[chain]
    s = measured.s - measured.s[0]
    x, y = (fit.residual[_rows(model, chain)].reshape(2, -1) + measured.points.T)[:, None]
    first = fit.firsts[chain]
    force = np.stack([np.full_like(s, first[2]), first[3] + s])
    size = np.hypot(*force)
    pull = _pull(x, y, places)
    added = cumulative_trapezoid(pull, s, axis=-1, initial=0)
    normal = np.stack([-force[1], force[0]])[:, None] / size
    turned = (added * normal).sum(axis=0) / size * normal
    return cumulative_trapezoid(turned, s, axis=-1, initial=0).transpose(1, 0, 2).reshape(len(places), -1)


def _pull(x: np.ndarray, y: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Derivative of grad phi by m at the points of a chain, of shape (2, places, points)."""
    compiled = compile_potential(POINT_MASS, (PLACE_X, PLACE_Y, STRENGTH))
    zero = np.zeros((len(places), x.shape[-1]))
    mixed = compiled.derivatives(x + zero, y + zero, np.stack([places[:, :1] + zero, places[:, 1:] + zero, zero]))[2]
    return mixed[:, 2]


def _rows(model: FieldModel, chain: int) -> slice:
    before = 2 * sum(len(other.s) for other in model.chains[:chain])
    return slice(before, before + 2 * len(model.chains[chain].s))
