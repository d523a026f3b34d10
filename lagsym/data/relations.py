"""Relations g(q) = 0 between coordinates, fitted to samples and compared with the noise.

Fitted are linear ones (total least squares in units of the noise), one coordinate as a polynomial of others, a constant
distance from a centre, which are circles, spheres and rods, and ellipses, which are circles seen from aside.

Source: for the ellipse to begin with, Halir and Flusser, "Numerically stable direct least squares fitting of ellipses",
WSCG (1998).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float
from scipy import linalg
from scipy.optimize import least_squares

from lagsym.mechanics.jetspace import JetSpace

FARTHEST_CENTRE = 30.0
"""A circle whose radius is more than so many spreads of the samples is no better than a line."""
NEGLIGIBLE = 4.0
"""A centre or an offset of fewer standard errors than this is zero."""
DIGITS = 7
"""Significant digits of a number that is known better than that."""
SMALL = 1e-6
"""Of a number that is real but for rounding, its imaginary part."""
LARGEST_MISFIT = 1.6
"""Times the noise that positions on a relation may miss it by."""
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
        kind: "constant", "linear", "polynomial", "round" or "ellipse".
        coordinates: indices of the coordinates in it; the last one follows from the others,
            except in a "round" one or an ellipse.
        expression: g.
        vector: of a "round" relation, the components of the vector whose length is constant; of an ellipse of the one
            whose length is one.
        size: the length of this vector; else the spread of the last coordinate.
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


def fit_polynomial(points: Points, index: Sequence[int], degree: int) -> Relation | None:
    """The last coordinate as a polynomial of the others, of this total degree, by least squares."""
    *columns, y = (points.q[:, i] for i in index)
    *symbols, last = (points.symbols[i] for i in index)
    exponents = [e for e in itertools.product(range(degree + 1), repeat=len(columns)) if sum(e) <= degree]
    powers = np.stack([np.prod([x**k for x, k in zip(columns, e, strict=True)], axis=0) for e in exponents], axis=1)
    coefficients, *_ = np.linalg.lstsq(powers, y)
    residual = float(np.std(y - powers @ coefficients))
    if residual > HOPELESS * y.std():
        return None
    errors = np.sqrt(np.diag(np.linalg.pinv(powers.T @ powers))) * np.hypot(residual, points.noise[index[-1]])
    rounded = [_rounded(float(c), float(e)) for c, e in zip(coefficients, errors, strict=True)]
    terms = (sp.Mul(*(x**k for x, k in zip(symbols, e, strict=True))) for e in exponents)
    right = sp.Add(*(_number(c) * term for c, term in zip(rounded, terms, strict=True)))
    return _judged("polynomial", tuple(index), last - right, (), float(y.std()), points)


def fit_ellipse(points: Points, index: tuple[int, int]) -> Relation | None:
    """|A (q - c)| = 1 with an upper triangular A by least squares; None where the samples lie on no ellipse."""
    q = points.q[:, list(index)]
    mean, extent = q.mean(axis=0), q.std(axis=0)
    start = _algebraic_ellipse((q - mean) / extent)
    if start is None:
        return None

    def vectors(trial: np.ndarray) -> np.ndarray:
        a, b, d, *centre = trial
        x, y = ((q - mean) / extent - centre).T
        return np.stack([a * x + b * y, d * y], axis=1)

    def misfit(trial: np.ndarray) -> np.ndarray:
        # The distance from the ellipse to first order: the function over its gradient.
        u = vectors(trial)
        a, b, d = trial[:3]
        slope = np.stack([u[:, 0] * a, u[:, 0] * b + u[:, 1] * d], axis=1)
        return (np.sum(u**2, axis=1) - 1) / (2 * np.maximum(np.linalg.norm(slope, axis=1), 1e-6))

    if np.sqrt(np.mean(misfit(start) ** 2)) > HOPELESS:
        return None
    found = least_squares(misfit, start, xtol=1e-14, ftol=1e-14)
    a, b, d, *centre = found.x
    if max(1 / abs(a), 1 / abs(d)) > FARTHEST_CENTRE:
        return None
    spread = float(np.mean(found.fun**2) + np.mean((points.noise[list(index)] / extent) ** 2))
    errors = np.sqrt(np.diag(np.linalg.pinv(found.jac.T @ found.jac)) * spread)
    x, y = (points.symbols[i] for i in index)
    x0, y0 = (
        _rounded(float(m + s * c), float(s * e)) for m, s, c, e in zip(mean, extent, centre, errors[3:], strict=True)
    )
    skew = 0.0 if abs(b) <= NEGLIGIBLE * errors[1] else float(b / extent[1])
    along, across = (sp.Float(f"{value:.{DIGITS}g}") for value in (a / extent[0], d / extent[1]))
    first = along * (x - _number(x0)) + (sp.Float(f"{skew:.{DIGITS}g}") * (y - _number(y0)) if skew else 0)
    vector = first, across * (y - _number(y0))
    return _judged("ellipse", index, vector[0] ** 2 + vector[1] ** 2 - 1, vector, 1.0, points)


def _algebraic_ellipse(q: np.ndarray) -> np.ndarray | None:
    """(a, b, d, x0, y0) with (a (x - x0) + b (y - y0))^2 + (d (y - y0))^2 = 1, by direct least squares."""
    x, y = q.T
    quadratic, linear = np.stack([x**2, x * y, y**2], axis=1), np.stack([x, y, np.ones_like(x)], axis=1)
    rest = -np.linalg.pinv(linear.T @ linear) @ linear.T @ quadratic
    reduced = quadratic.T @ quadratic + quadratic.T @ linear @ rest
    # 4 A C - B^2 = 1 leaves nothing but ellipses.
    found: Any = linalg.eig(np.linalg.solve([[0.0, 0.0, 2.0], [0.0, -1.0, 0.0], [2.0, 0.0, 0.0]], reduced))
    values, vectors = found
    definite = 4 * vectors[0] * vectors[2] - vectors[1] ** 2
    usable = np.flatnonzero((np.abs(values.imag) < np.abs(values.real) * SMALL) & (definite.real > 0))
    if not len(usable):
        return None
    A, B, C = vectors[:, usable[0]].real
    D, E, F = rest @ [A, B, C]
    centre = np.linalg.solve([[2 * A, B], [B, 2 * C]], [-D, -E])
    level = -(F + (D * centre[0] + E * centre[1]) / 2)
    if level * A <= 0:
        return None
    upper = np.linalg.cholesky(np.array([[A, B / 2], [B / 2, C]]) / level).T
    return np.array([upper[0, 0], upper[0, 1], upper[1, 1], *centre])


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
    steepness = 2 * size if vector else np.sqrt(np.mean(slopes[:, index[-1]] ** 2))
    extent = min(size, float(evaluate(vector, points).std(axis=0).max())) if vector else size
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
