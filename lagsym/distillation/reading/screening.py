"""Screening: what a canonical part of a network depends on, so that the table of an engine holds few columns.

A function P(q) with gradient g does not depend on q_k where g_k = 0; it depends on differences alone where a common
shift changes nothing, and on a radius alone where a rotation changes nothing:

    sum_k g_k = 0,        q_i g_j - q_j g_i = 0.

It is a sum of functions of separate coordinates where the mixed slopes dg_i/dq_j between them are zero.

A network fulfils this up to its own error, so each is compared with that.

Source: Udrescu and Tegmark, AI Feynman: a physics-inspired method for symbolic regression, Science Advances 6 (2020)
eaay2631 (translational and rotational symmetry, and additive separability, of a neural network).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from jaxtyping import Float
from scipy.sparse.csgraph import connected_components

LEAST_TOLERANCE, GREATEST_TOLERANCE = 0.02, 0.2
"""Bounds of the tolerance: no network is closer than the first, and beyond the second anything would pass."""
ERRORS = 3.0
"""A network's relative error times this is the tolerance."""
AWAY_FROM_ZERO = 0.05
"""A column whose least magnitude is more than this share of its greatest has an inverse and a logarithm."""

Gradient = Float[np.ndarray, "samples n"]
Curvature = Float[np.ndarray, "samples n n"]
Groups = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Dependence:
    """What a function of the positions depends on; each coordinate is in one of the groups at most.

    Arguments:
        single: coordinates by themselves.
        shifted: groups of coordinates of which only the differences matter.
        turned: groups of lengths of which only the radius sqrt(sum q²) matters.
    """

    single: tuple[int, ...] = ()
    shifted: Groups = ()
    turned: Groups = ()

    @property
    def constant(self) -> bool:
        """Whether it depends on nothing."""
        return not (self.single or self.shifted or self.turned)


def tolerance_of(error: float) -> float:
    """The relative size below which a derivative of a network counts as zero.

    Arguments:
        error: relative error of the network.

    >>> tolerance_of(0.0), tolerance_of(0.02), tolerance_of(1.0)
    (0.02, 0.06, 0.2)
    """
    return float(np.clip(ERRORS * error, LEAST_TOLERANCE, GREATEST_TOLERANCE))


def screen(
    gradient: Gradient,
    q: Float[np.ndarray, "samples n"],
    angle_mask: Float[np.ndarray, " n"],
    *,
    size: float,
    tolerance: float,
) -> Dependence:
    """What the function with this gradient depends on.

    Arguments:
        gradient: its derivatives by each coordinate, at the samples.
        q: the positions of the samples.
        angle_mask: which coordinates are angles; these are not mixed with lengths.
        size: what the function's variation is compared with, in its units; 0 for the variation itself.
        tolerance: relative size that counts as zero.

    >>> q = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    >>> slope = np.exp(q[:, 0] - q[:, 1])
    >>> screen(np.stack([slope, -slope], axis=1), q, np.zeros(2, bool), size=0.0, tolerance=0.02).shifted
    ((0, 1),)
    """
    varies, whole = _variation(gradient, q, size)
    active = [k for k in range(q.shape[1]) if varies[k] > tolerance * whole]
    turned = _turned(gradient, q, [k for k in active if not angle_mask[k]], tolerance)
    left = [k for k in active if k not in itertools.chain(*turned)]
    shifted = tuple(
        group
        for kind in (False, True)
        for group in _shifted(gradient, [k for k in left if bool(angle_mask[k]) is kind], tolerance)
    )
    single = tuple(k for k in left if k not in itertools.chain(*shifted))
    return Dependence(single, shifted, turned)


def addends(
    gradient: Gradient,
    curvature: Curvature,
    q: Float[np.ndarray, "samples n"],
    dependence: Dependence,
    *,
    size: float,
    tolerance: float,
) -> Groups:
    """The coordinates in groups such that the function is a sum of functions of one group each; the most there are.

    Arguments:
        gradient: its derivatives by each coordinate, at the samples.
        curvature: its derivatives by each pair of coordinates, at the samples; only the mixed ones are looked at.
        q: the positions of the samples.
        dependence: what the function depends on; coordinates that it does not depend on are in no group.
        size: what the function's variation is compared with, in its units; 0 for the variation itself.
        tolerance: relative size that counts as zero.

    >>> q = np.random.default_rng(0).uniform(-1, 1, (50, 3))
    >>> x, y, z = q.T
    >>> slopes, mixed = np.stack([y, x, np.exp(z)], axis=1), np.zeros((50, 3, 3))
    >>> mixed[:, 0, 1] = mixed[:, 1, 0] = 1
    >>> addends(slopes, mixed, q, Dependence(single=(0, 1, 2)), size=0.0, tolerance=0.02)
    ((0, 1), (2,))
    """
    if dependence.constant:
        return ()
    _, whole = _variation(gradient, q, size)
    spread = q.std(axis=0)
    joined = _rms(curvature) * spread[:, None] * spread > tolerance * whole
    for i, j in itertools.chain(*(itertools.pairwise(group) for group in (*dependence.shifted, *dependence.turned))):
        joined[i, j] = True
    active = sorted(itertools.chain(dependence.single, *dependence.shifted, *dependence.turned))
    _, labels = connected_components(joined[np.ix_(active, active)], directed=False)
    groups = (tuple(k for k, own in zip(active, labels, strict=True) if own == label) for label in sorted(set(labels)))
    return tuple(groups)


def speed_alone(
    momentum: Gradient, v: Float[np.ndarray, "samples n"], lengths: Sequence[int], tolerance: float
) -> bool:
    """Whether a kinetic energy T(v) depends on v² of the lengths alone: v_i p_j = v_j p_i for p = dT/dv."""
    return len(lengths) < 2 or _turned(momentum, v, list(lengths), tolerance) == (tuple(lengths),)


def columns(
    dependence: Dependence, symbols: Sequence[sp.Symbol], q: Float[np.ndarray, "samples n"], angle_mask: np.ndarray
) -> list[sp.Expr]:
    """Typed features for a table: sines and cosines of angles, differences, radii, and inverses of what is positive."""
    found: list[sp.Expr] = []
    for feature, values, angle in _variables(dependence, symbols, q, angle_mask):
        found += [sp.cos(feature), sp.sin(feature)] if angle else [feature]
        found += [1 / feature] if not angle and _positive(values) else []
    angles = [k for k in dependence.single if angle_mask[k]]
    found += [f(symbols[i] - symbols[j]) for i, j in itertools.combinations(angles, 2) for f in (sp.cos, sp.sin)]
    lengths = [k for k in dependence.single if not angle_mask[k]]
    found += [sp.sqrt(symbols[i] ** 2 + symbols[j] ** 2) for i, j in itertools.combinations(lengths, 2)]
    return found


def column_sets(
    dependence: Dependence, symbols: Sequence[sp.Symbol], q: Float[np.ndarray, "samples n"], angle_mask: np.ndarray
) -> list[list[sp.Expr]]:
    """The columns of one table after another: all typed features, and what is positive without and as its logarithm.

    In logarithms powers are exponentials, with the exponent as an ordinary number; and beside an inverse a search
    hardly finds an exponential of the variable itself.
    """
    variables = _variables(dependence, symbols, q, angle_mask)
    sets = [columns(dependence, symbols, q, angle_mask)]
    if variables and all(_positive(values) and not angle for _, values, angle in variables):
        sets += [[feature for feature, _, _ in variables], [sp.log(feature) for feature, _, _ in variables]]
    return [features for features in sets if features]


def column_blocks(features: Sequence[sp.Expr], groups: Groups, symbols: Sequence[sp.Symbol]) -> Groups:
    """For every group of coordinates the columns that hold none but these; empty where that leaves fewer than two.

    >>> x, y = sp.symbols("x y", real=True)
    >>> column_blocks([x, 1 / x, y, sp.sqrt(x**2 + y**2)], ((0,), (1,)), (x, y))
    ((0, 1), (2,))
    """
    homes = ({symbols[k] for k in group} for group in groups)
    blocks = [tuple(k for k, feature in enumerate(features) if feature.free_symbols <= home) for home in homes]
    return tuple(blocks) if len(blocks) > 1 and all(blocks) else ()


def _variables(
    dependence: Dependence, symbols: Sequence[sp.Symbol], q: np.ndarray, angle_mask: np.ndarray
) -> list[tuple[sp.Expr, np.ndarray, bool]]:
    """What a function depends on, with its values, and whether it is an angle."""
    found: list[tuple[sp.Expr, np.ndarray, bool]] = []
    for group in dependence.turned:
        found.append((sp.sqrt(sp.Add(*(symbols[k] ** 2 for k in group))), np.linalg.norm(q[:, group], axis=1), False))
    for group in dependence.shifted:
        for i, j in itertools.combinations(group, 2):
            found.append((symbols[i] - symbols[j], q[:, i] - q[:, j], bool(angle_mask[i])))
    return found + [(symbols[k], q[:, k], bool(angle_mask[k])) for k in dependence.single]


def _variation(gradient: Gradient, q: np.ndarray, size: float) -> tuple[np.ndarray, float]:
    """By how much the function varies along each coordinate, and what counts as the whole of it."""
    varies = _rms(gradient) * q.std(axis=0)
    return varies, max(float(np.sqrt(np.sum(varies**2))), size)


def _positive(values: np.ndarray) -> bool:
    return bool(values.min() > AWAY_FROM_ZERO * values.max())


def _turned(gradient: Gradient, q: np.ndarray, lengths: list[int], tolerance: float) -> Groups:
    """Groups of lengths that any rotation among them leaves alone."""
    groups: list[list[int]] = []
    for k in lengths:
        home = next((g for g in groups if all(_turns(gradient, q, i, k, tolerance) for i in g)), None)
        if home is None:
            groups.append([k])
        else:
            home.append(k)
    return tuple(tuple(group) for group in groups if len(group) > 1)


def _turns(gradient: Gradient, q: np.ndarray, i: int, j: int, tolerance: float) -> bool:
    turn = q[:, i] * gradient[:, j] - q[:, j] * gradient[:, i]
    whole = np.hypot(q[:, i], q[:, j]) * np.hypot(gradient[:, i], gradient[:, j])
    return bool(_rms(turn) <= tolerance * _rms(whole))


def _shifted(gradient: Gradient, group: list[int], tolerance: float) -> Groups:
    """The largest groups that a common shift leaves alone."""
    for size in range(len(group), 1, -1):
        for chosen in itertools.combinations(group, size):
            part = gradient[:, chosen]
            if _rms(part.sum(axis=1)) <= tolerance * float(np.sqrt(np.sum(_rms(part) ** 2))):
                return (chosen, *_shifted(gradient, [k for k in group if k not in chosen], tolerance))
    return ()


def _rms(values: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(values**2, axis=0))
