"""Relations g(q) = 0 between coordinates, fitted to samples and compared with the noise.

Three kinds are fitted: a linear one (total least squares in units of the noise), one coordinate as a polynomial of
another, and a constant distance from a centre, which are circles, spheres and rods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from jaxtyping import Float
from scipy.optimize import least_squares

from lagsym.mechanics.jetspace import JetSpace

FARTHEST_CENTRE = 30.0
"""A circle whose radius is more than so many spreads of the samples is no better than a line."""
NEGLIGIBLE = 4.0
"""A centre or an offset of fewer standard errors than this is zero."""
DIGITS = 7
"""Significant digits of a number that is known better than that."""
HOPELESS = 0.2
"""A relation that is missed by this fraction of the extent is none, whatever the noise."""


@dataclass(frozen=True)
class Points:
    """Positions with the noise that they were measured with.

    Arguments:
        coordinates: names of the columns.
        q: positions.
        noise: standard deviation of the noise in each column, above zero.
    """

    coordinates: tuple[str, ...]
    q: Float[np.ndarray, "samples n"]
    noise: Float[np.ndarray, " n"]

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The coordinates as symbols."""
        return JetSpace(self.coordinates).positions


@dataclass(frozen=True)
class Relation:
    """A relation g(q) = 0.

    Arguments:
        kind: "constant", "linear", "polynomial" or "round".
        coordinates: indices of the coordinates in it; the last one follows from the others,
            except in a "round" one.
        expression: g.
        vector: of a "round" relation, the components of the vector whose length is constant.
        size: of a "round" relation the radius; else the spread of the last coordinate.
        misfit: root mean square of |g| in units of the noise that it should have.
        thickness: root mean square distance from g = 0, relative to `size`, or to the samples' extent if less.
    """

    kind: str
    coordinates: tuple[int, ...]
    expression: sp.Expr
    vector: tuple[sp.Expr, ...]
    size: float
    misfit: float
    thickness: float


def evaluate(expressions: Sequence[sp.Expr], points: Points) -> Float[np.ndarray, "samples expressions"]:
    """Expressions of the coordinates at every sample."""
    values = sp.lambdify(points.symbols, list(expressions), "numpy")(*points.q.T)
    return np.stack([np.broadcast_to(np.asarray(value, float), len(points.q)) for value in values], axis=1)


def gradient(relation: Relation, points: Points) -> Float[np.ndarray, "samples n"]:
    """dg/dq at every sample."""
    return evaluate([sp.diff(relation.expression, x) for x in points.symbols], points)


def fit_constant(points: Points, index: int) -> Relation:
    """q_i - c = 0, relative to |c| or, where that is less, to the largest spread of all coordinates."""
    column = points.q[:, index]
    value = _rounded(float(column.mean()), points.noise[index] / np.sqrt(len(column)))
    size = max(abs(value), float(points.q.std(axis=0).max()))
    return _judged("constant", (index,), points.symbols[index] - _number(value), (), size, points)


def fit_linear(points: Points, index: Sequence[int]) -> Relation | None:
    """q_k = c_0 + sum c_i q_i by total least squares: the direction with the least variance in units of the noise."""
    columns = points.q[:, list(index)]
    mean, noise = columns.mean(axis=0), points.noise[list(index)]
    _, lengths, directions = np.linalg.svd((columns - mean) / noise, full_matrices=False)
    normal = directions[-1] / noise
    weights = np.abs(normal) * columns.std(axis=0)
    if lengths[-1] > HOPELESS * lengths[-2] or weights[-1] < HOPELESS**2 * weights.max():
        return None
    # The slopes' errors are those of the noise over the spread in the other directions.
    error = max(lengths[-1], np.sqrt(len(columns))) / max(lengths[-2], 1e-300) / np.sqrt(len(columns))
    slopes = -normal[:-1] / normal[-1] if normal[-1] else np.full(len(index) - 1, np.inf)
    spread = columns.std(axis=0)
    rounded = [
        _rounded(float(s), error * spread[-1] / max(float(w), 1e-300)) for s, w in zip(slopes, spread, strict=False)
    ]
    offset = float(mean[-1] - np.dot(rounded, mean[:-1]))
    offset = _rounded(offset, float(np.hypot(noise[-1], np.dot(np.abs(rounded), noise[:-1]))) / np.sqrt(len(columns)))
    symbols = [points.symbols[i] for i in index]
    right = sp.Add(*(_number(s) * x for s, x in zip(rounded, symbols, strict=False)), _number(offset))
    return _judged("linear", tuple(index), symbols[-1] - right, (), float(spread[-1]), points)


def fit_polynomial(points: Points, index: tuple[int, int], degree: int) -> Relation | None:
    """q_j = c_0 + c_1 q_i + ... + c_d q_i^d by least squares."""
    x, y = (points.q[:, i] for i in index)
    powers = x[:, None] ** np.arange(degree + 1)
    coefficients, *_ = np.linalg.lstsq(powers, y)
    residual = float(np.std(y - powers @ coefficients))
    if residual > HOPELESS * y.std():
        return None
    errors = np.sqrt(np.diag(np.linalg.pinv(powers.T @ powers))) * np.hypot(residual, points.noise[index[1]])
    rounded = [_rounded(float(c), float(e)) for c, e in zip(coefficients, errors, strict=True)]
    first, second = (points.symbols[i] for i in index)
    right = sp.Add(*(_number(c) * first**k for k, c in enumerate(rounded)))
    return _judged("polynomial", index, second - right, (), float(y.std()), points)


def fit_round(points: Points, differences: Sequence[tuple[int, ...]]) -> Relation | None:
    """|u - c|^2 = R^2 by least squares of the distance; None where the centre is too far away to be told from a line.

    Arguments:
        points: samples.
        differences: for each component of u the index of a coordinate, or of two whose difference it is.
    """
    u = np.stack([points.q[:, d[0]] - (points.q[:, d[1]] if len(d) > 1 else 0.0) for d in differences], axis=1)
    mean, extent = u.mean(axis=0), float(np.sqrt(np.mean(u.var(axis=0))))
    start, *_ = np.linalg.lstsq(np.column_stack([2 * (u - mean), np.ones(len(u))]), np.sum((u - mean) ** 2, axis=1))
    radius = float(np.sqrt(max(start[-1] + np.sum(start[:-1] ** 2), 0.0)))
    if not 0 < radius < FARTHEST_CENTRE * extent:
        return None

    if np.std(np.linalg.norm(u - mean - start[:-1], axis=1)) > HOPELESS * min(radius, extent):
        return None

    def distances(trial: np.ndarray) -> np.ndarray:
        return np.linalg.norm(u - mean - trial[:-1], axis=1) - trial[-1]

    found = least_squares(distances, np.append(start[:-1], radius), x_scale=extent, xtol=1e-14, ftol=1e-14)
    curvature = np.linalg.pinv(found.jac.T @ found.jac)
    errors = np.sqrt(
        np.diag(curvature) * float(np.mean(found.fun**2) + np.mean(points.noise[[d[0] for d in differences]] ** 2))
    )
    centre = [_rounded(float(c), float(e)) for c, e in zip(mean + found.x[:-1], errors, strict=False)]
    radius = float(np.sqrt(np.mean(np.sum((u - centre) ** 2, axis=1))))
    symbols = points.symbols
    vector = tuple(
        symbols[d[0]] - (symbols[d[1]] if len(d) > 1 else 0) - _number(c)
        for d, c in zip(differences, centre, strict=True)
    )
    index = tuple(dict.fromkeys(i for d in differences for i in d))
    squares = sp.Add(*(component**2 for component in vector))
    return _judged("round", index, squares - sp.Float(radius**2, 15), vector, radius, points)


def _judged(
    kind: str, index: tuple[int, ...], g: sp.Expr, vector: tuple[sp.Expr, ...], size: float, points: Points
) -> Relation:
    """The relation with its misfit and thickness."""
    bare = Relation(kind, index, g, vector, size, np.inf, np.inf)
    value, slopes = evaluate([g], points)[:, 0], gradient(bare, points)
    expected = np.sqrt(np.mean(np.sum((slopes * points.noise) ** 2, axis=1)))
    misfit = float(np.sqrt(np.mean(value**2)) / max(expected, 1e-300))
    steepness = np.sqrt(np.mean(slopes[:, index[-1]] ** 2)) if kind != "round" else 2 * size
    extent = size if kind != "round" else min(size, float(evaluate(vector, points).std(axis=0).max()))
    thickness = float(np.sqrt(np.mean(value**2)) / max(steepness * extent, 1e-300))
    return Relation(kind, index, g, vector, size, misfit, thickness)


def _number(value: float) -> sp.Number:
    """A number as text shows it: whole ones without a point."""
    return sp.Integer(int(value)) if value == int(value) else sp.Float(value, 15)


def _rounded(value: float, error: float) -> float:
    """A number with the digits that its error supports; zero or one where it cannot be told from them."""
    for whole in (0, 1, -1):
        if abs(value - whole) <= NEGLIGIBLE * error:
            return float(whole)
    digits = int(np.clip(np.ceil(np.log10(abs(value) / max(error, 1e-300))) + 1, 2, DIGITS))
    return float(f"{value:.{digits}g}")
