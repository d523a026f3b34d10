"""Sheets: positions that fill fewer dimensions than there are coordinates, whatever the formula of their relation.

Near any place where several trajectories come by, positions on a sheet of k dimensions are k coordinates and smooth
functions of these, and velocities have no other components than theirs, but these are free: (q, v) has rank 2k there.
Orbits that were started alike, or from a line of starts, lie on a sheet as well; but there the place tells the
velocity, up to its sign, and the rank is less.

Source: for dimension by local principal components, Fukunaga and Olsen, IEEE Trans. Comput. C-20 (1971) 176.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree

from lagsym.data.relations import LARGEST_MISFIT, Points
from lagsym.data.trajectories import Trajectories

MOST_COORDINATES = 3
"""In more dimensions too few trajectories come near each other to fill a neighbourhood."""
PLACES = 100
"""Neighbourhoods that are looked at, at most."""
NEAREST = (24, 48, 96, 192, 384, 768, 1536, 3072)
"""Samples in a neighbourhood: the fewest that are of several trajectories and reach further than the noise."""
CLEAR, FARTHEST = 12.0, 0.4
"""Radius of a neighbourhood, at least in standard deviations of the noise, at most in spreads of the positions."""
DECIDED, AGREED = 0.3, 0.9
"""Shares of the places where enough trajectories come by, and of those of them that lie on a sheet."""
DEGREE = 3
"""Of the polynomials of the coordinates along a sheet that lead to the others, near a place."""
THIN, SMOOTH = 0.2, 0.03
"""Thickness of a sheet within a neighbourhood, relative to its narrowest and its widest extent along the sheet."""
ACROSS = 0.3
"""Velocities across a sheet, relative to all, that are not there but for noise."""
FREE = 0.3
"""Share of the squares of velocities along a sheet that the place does not tell: orbits alike leave less than 0.05,
constraints more than 0.6."""
STEEP = 0.15
"""What coordinates change along a sheet, relative to all, for the sheet not to turn back in them."""
NEIGHBOURS = 16
"""Samples next to a place in some coordinates that have to be next to it in all, for these to tell the place."""


@dataclass(frozen=True)
class Sheet:
    """A curve or surface that all positions lie on.

    Arguments:
        dimension: of the sheet, less than there are coordinates.
        coordinates: indices of all coordinates.
        kept: as many of them as there are dimensions, of which the others are functions; empty where there are none.
        centre: a point about which a closed curve in a plane goes round; None where there is none.
        thickness: typical distance from a sheet, relative to the spread of the positions.
    """

    dimension: int
    coordinates: tuple[int, ...]
    kept: tuple[int, ...]
    centre: tuple[float, ...] | None
    thickness: float


@dataclass(frozen=True)
class _Patch:
    """A neighbourhood on a sheet, in units of the positions' spread.

    Arguments:
        middle: its centre.
        tangent: orthonormal directions along the sheet.
        thickness: distance from it.
        across: velocities across it, relative to all.
        free: share of the squares of velocities along it that the place does not tell.
    """

    middle: Float[np.ndarray, " n"]
    tangent: Float[np.ndarray, "dimension n"]
    thickness: float
    across: float
    free: float


def find_sheet(points: Points, smooth: Trajectories) -> Sheet | None:
    """The sheet that positions and velocities stay on; None where there is none, or too few trajectories tell.

    Arguments:
        points: with the noise of the positions.
        smooth: differentiated trajectories.
    """
    n, jets = len(points.coordinates), smooth.jets()
    spread = jets.q.std(axis=0)
    if not 2 <= n <= MOST_COORDINATES or len(smooth.names) <= n or not np.all(spread > 0):
        return None
    q, noise = jets.q / spread, points.noise / spread
    found = list(_patches(q, jets.v / spread, noise, _labels(smooth)))
    if len(found) < DECIDED * min(PLACES, len(jets)):
        return None
    dimension = int(np.quantile([n if patch is None else len(patch.tangent) for patch in found], AGREED))
    patches = [patch for patch in found if patch is not None and len(patch.tangent) == dimension]
    if dimension == n or np.median([p.across for p in patches]) > ACROSS or np.median([p.free for p in patches]) < FREE:
        return None
    thickness = float(np.median([patch.thickness for patch in patches]))
    kept = _kept(patches, q, noise)
    centre = None if kept or n > 2 else _centre(patches, q, noise, spread)
    return Sheet(dimension, tuple(range(n)), kept, centre, thickness)


def _labels(smooth: Trajectories) -> np.ndarray:
    """Which trajectory each sample belongs to."""
    numbers = {name: k for k, name in enumerate(smooth.names)}
    return np.concatenate([np.full(len(segment), numbers[segment.trajectory]) for segment in smooth.segments])


def _patches(q: np.ndarray, v: np.ndarray, noise: np.ndarray, labels: np.ndarray) -> Iterator[_Patch | None]:
    """The neighbourhoods where several trajectories come by; None for those that positions fill."""
    tree, generator = KDTree(q), np.random.default_rng(0)
    for place in generator.choice(len(q), min(PLACES, len(q)), replace=False):
        for count in NEAREST:
            distance, near = tree.query(q[place], k=min(count, len(q)))
            if distance[-1] > FARTHEST:
                break
            if distance[-1] > CLEAR * noise.max() and len(np.unique(labels[near])) > q.shape[1]:
                yield _patch(q[near], v[near], noise)
                break


def _patch(q: np.ndarray, v: np.ndarray, noise: np.ndarray) -> _Patch | None:
    """The sheet of least dimension that these positions lie on, a polynomial of so many directions; None of none."""
    middle = q.mean(axis=0)
    _, lengths, directions = np.linalg.svd(q - middle, full_matrices=False)
    extent = lengths / np.sqrt(len(q))
    for k in range(1, q.shape[1]):
        along, across = (q - middle) @ directions[:k].T, (q - middle) @ directions[k:].T
        exponents = np.array([e for e in itertools.product(range(DEGREE + 1), repeat=k) if sum(e) <= DEGREE])
        powers = _powers(along, exponents)
        coefficients, *_ = np.linalg.lstsq(powers, across)
        left = np.sqrt(np.sum((across - powers @ coefficients) ** 2, axis=0) / max(len(q) - len(exponents), 1))
        explained = np.maximum(LARGEST_MISFIT * np.linalg.norm(directions[k:] * noise, axis=1), SMOOTH * extent[0])
        if np.all(left < explained) and np.all(left < THIN * extent[k - 1]):
            moving, leaving = v @ directions[:k].T, v @ directions[k:].T
            slopes = [_powers(along, exponents, by=i) @ coefficients for i in range(k)]
            leaving = leaving - sum(slope * moving[:, [i]] for i, slope in enumerate(slopes))
            share = float(np.sqrt(np.sum(leaving**2) / max(np.sum(v**2), 1e-300)))
            return _Patch(middle, directions[:k], float(left.max()), share, _free(along, moving))
    return None


def _free(along: np.ndarray, moving: np.ndarray) -> float:
    """Share of the products of velocities along a sheet that is no smooth function of the place."""
    k = along.shape[1]
    products = np.stack([moving[:, i] * moving[:, j] for i in range(k) for j in range(i + 1)], axis=1)
    powers = _powers(along, np.array([e for e in itertools.product(range(3), repeat=k) if sum(e) <= 2]))
    coefficients, *_ = np.linalg.lstsq(powers, products)
    return float(np.sqrt(np.sum((products - powers @ coefficients) ** 2) / max(np.sum(products**2), 1e-300)))


def _powers(along: np.ndarray, exponents: np.ndarray, *, by: int | None = None) -> np.ndarray:
    """Powers of the directions along a sheet, or their derivatives by one of these."""
    if by is None:
        return np.prod(along[:, None, :] ** exponents, axis=2)
    factor = exponents[:, by]
    lower = np.maximum(exponents - np.eye(exponents.shape[1], dtype=int)[by], 0)
    return factor * np.prod(along[:, None, :] ** lower, axis=2)


def _kept(patches: list[_Patch], q: np.ndarray, noise: np.ndarray) -> tuple[int, ...]:
    """The coordinates that tell best where on a sheet a point is; none where it turns back in all."""
    choices = itertools.combinations(range(q.shape[1]), len(patches[0].tangent))
    steepness = {
        kept: min(np.linalg.svd(patch.tangent[:, list(kept)], compute_uv=False)[-1] for patch in patches)
        for kept in choices
    }
    best = max(steepness, key=lambda kept: steepness[kept])
    slope = steepness[best]
    return best if slope > STEEP and _tells(q[:, list(best)], q, noise, slope) else ()


def _tells(keys: np.ndarray, q: np.ndarray, noise: np.ndarray, slope: float) -> bool:
    """Whether samples next to each other in quantities that change by at least this slope are so in all coordinates."""
    tree, generator = KDTree(keys), np.random.default_rng(0)
    places = generator.choice(len(q), min(4 * PLACES, len(q)), replace=False)
    near, others = tree.query(keys[places], k=min(NEIGHBOURS, len(q)))
    apart = np.linalg.norm(q[others] - q[places][:, None], axis=2)
    return bool(np.all(apart < 1.5 * near / slope + CLEAR * noise.max() + SMOOTH))


def _centre(patches: list[_Patch], q: np.ndarray, noise: np.ndarray, spread: np.ndarray) -> tuple[float, ...] | None:
    """The middle of a closed curve in a plane, if the angle about it tells where on the curve a point is."""
    middles = np.array([patch.middle for patch in patches])
    middle = (middles.max(axis=0) + middles.min(axis=0)) / 2 * spread
    digits = 1 - np.floor(np.log10(spread)).astype(int)
    centre = np.array([round(float(x), int(k)) for x, k in zip(middle, digits, strict=True)]) / spread
    arms = middles - centre
    turning = [arm[0] * t[0, 1] - arm[1] * t[0, 0] for arm, t in zip(arms, (p.tangent for p in patches), strict=True)]
    if np.min(np.abs(turning) / np.maximum(np.linalg.norm(arms, axis=1), 1e-300)) < STEEP:
        return None
    around = q - centre
    keys = around / np.maximum(np.linalg.norm(around, axis=1, keepdims=True), 1e-300)
    return tuple(float(x) for x in centre * spread) if _tells(keys, q, noise, STEEP) else None
