"""Sheets: positions that fill fewer dimensions than there are coordinates, whatever the formula of their relation.

Near any place where several trajectories come by, positions on a sheet of k dimensions are k coordinates and smooth
functions of these, and velocities have no other components than theirs: the rank of (q, v) is 2k there. Free
motion fills such a neighbourhood, or its velocities leave it.

Source: for dimension by local principal components, Fukunaga and Olsen, IEEE Trans. Comput. C-20 (1971) 176.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree

from lagsym.data.relations import Points
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
LARGEST_MISFIT = 1.6
"""Times the noise that these polynomials may miss positions by."""
THIN, SMOOTH = 0.2, 0.03
"""Thickness of a sheet within a neighbourhood, relative to its narrowest and its widest extent along the sheet."""
ACROSS = 0.3
"""Velocities across a sheet, relative to all, that are not there but for noise."""
STEEP = 0.15
"""What a coordinate changes along a sheet, relative to all, for the sheet not to turn back in it."""


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
    """

    middle: Float[np.ndarray, " n"]
    tangent: Float[np.ndarray, "dimension n"]
    thickness: float
    across: float


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
    found = list(_patches(jets.q / spread, jets.v / spread, points.noise / spread, _labels(smooth)))
    patches = [patch for patch in found if patch is not None and len(patch.tangent) < n]
    if len(found) < DECIDED * min(PLACES, len(jets)) or len(patches) < AGREED * len(found):
        return None
    if np.median([patch.across for patch in patches]) > ACROSS:
        return None
    dimension = max(len(patch.tangent) for patch in patches)
    patches = [patch for patch in patches if len(patch.tangent) == dimension]
    thickness = float(np.median([patch.thickness for patch in patches]))
    kept = _kept(patches, n, dimension)
    centre = _centre(patches, spread) if n == 2 and not kept else None
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
            return _Patch(middle, directions[:k], float(left.max()), share)
    return None


def _powers(along: np.ndarray, exponents: np.ndarray, *, by: int | None = None) -> np.ndarray:
    """Powers of the directions along a sheet, or their derivatives by one of these."""
    if by is None:
        return np.prod(along[:, None, :] ** exponents, axis=2)
    factor = exponents[:, by]
    lower = np.maximum(exponents - np.eye(exponents.shape[1], dtype=int)[by], 0)
    return factor * np.prod(along[:, None, :] ** lower, axis=2)


def _kept(patches: list[_Patch], n: int, dimension: int) -> tuple[int, ...]:
    """The coordinates in which a sheet nowhere turns back, the first such; none where it does in all."""
    for kept in itertools.combinations(range(n), dimension):
        steepness = [np.linalg.svd(patch.tangent[:, list(kept)], compute_uv=False)[-1] for patch in patches]
        if min(steepness) > STEEP:
            return kept
    return ()


def _centre(patches: list[_Patch], spread: np.ndarray) -> tuple[float, ...] | None:
    """The middle of a closed curve in a plane, if the angle about it never turns back along the curve."""
    middles = np.array([patch.middle for patch in patches])
    centre = (middles.max(axis=0) + middles.min(axis=0)) / 2
    arms = middles - centre
    turning = [arm[0] * t[0, 1] - arm[1] * t[0, 0] for arm, t in zip(arms, (p.tangent for p in patches), strict=True)]
    if np.min(np.abs(turning) / np.maximum(np.linalg.norm(arms, axis=1), 1e-300)) < STEEP:
        return None
    return tuple(float(f"{x:.3g}") for x in centre * spread)
