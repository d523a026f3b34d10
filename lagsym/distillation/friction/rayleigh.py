"""Rayleigh functions: what friction can look like, with D(q, 0) = 0, D even in v and v . dD/dv >= 0.

Of a speed s that is a velocity, a difference of two comparable ones, or the speed of a point in the plane or in space:

    viscous      D = s^2 / 2                      force s
    Coulomb      D = sqrt(s^2 + e^2) - e          force s / sqrt(s^2 + e^2), the sign of s but for slow motion
    quadratic    D = |s|^3 / 3                    force s |s|

Coulomb friction is smoothed over a small speed e, which the function states, so that what is reported is what is
integrated. All are convex in the velocities and least at rest, so that no positive combination feeds energy in.

Source: Rayleigh, "The Theory of Sound", 2nd ed., 1894, sec. 81.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.data.trajectories import Trajectories
from lagsym.mechanics.jetspace import JetSpace

KINDS = ("viscous", "Coulomb", "quadratic")
SMOOTHED = 0.02
"""Largest share of the root mean square speed over which Coulomb friction changes its sign."""
SHARED, TOGETHER, OWN, RELATIVE = 0.0, 0.2, 0.5, 0.8
"""Complexities: equal friction of all coordinates, of their common speed, of one, of one against another."""
_KIND = {"viscous": 0.0, "Coulomb": 1.0, "quadratic": 1.0}


@dataclass(frozen=True)
class Rayleigh:
    """One Rayleigh function, whose coefficient is a constant.

    Arguments:
        expression: the function of the velocities.
        kind: one of `KINDS`.
        complexity: of two that the data cannot tell apart, the one of less complexity is taken.
    """

    expression: sp.Expr
    kind: str
    complexity: float


def rayleigh_terms(data: Trajectories) -> tuple[Rayleigh, ...]:
    """All kinds of friction of every coordinate, of every two angles (or lengths) against each other, and of all alike.

    Arguments:
        data: trajectories with velocities, from which typical speeds are read.

    Raises:
        DataError: there are no velocities.

    >>> from lagsym.data.trajectories import Segment
    >>> t = np.linspace(0, 1, 50)[:, None]
    >>> moved = Trajectories(("x",), (Segment(t[:, 0], t, np.ones_like(t)),))
    >>> [str(term.expression) for term in rayleigh_terms(moved)]
    ['x_dot**2/2', 'sqrt(x_dot**2 + 1/2500) - 1/50', 'x_dot**2*Abs(x_dot)/3']
    """
    space, v = JetSpace(data.coordinates), data.jets().v
    moving = [i for i in range(v.shape[1]) if np.any(v[:, i])]
    motions: list[tuple[sp.Expr, np.ndarray, float]] = [(space.velocities[i], v[:, [i]], OWN) for i in moving]
    for i, j in itertools.combinations(moving, 2):
        if data.angle_mask[i] == data.angle_mask[j] and np.any(v[:, i] != v[:, j]):
            motions.append((space.velocities[i] - space.velocities[j], v[:, [i]] - v[:, [j]], RELATIVE))
    terms = [
        Rayleigh(f((w,), column), kind, _KIND[kind] + cost) for kind, f in _FORMS.items() for w, column, cost in motions
    ]
    for angle in (True, False):
        alike = [i for i in moving if data.angle_mask[i] == angle]
        if len(alike) > 1:
            terms += _alike([space.velocities[i] for i in alike], v[:, alike], angle=angle)
    return tuple({term.expression: term for term in terms}.values())


def viscous_terms(data: Trajectories) -> tuple[sp.Expr, ...]:
    """Viscous friction of every coordinate, and of every two angles (or lengths) against each other.

    Arguments:
        data: trajectories with velocities.
    """
    known = (term for term in rayleigh_terms(data) if term.kind == "viscous")
    return tuple(term.expression for term in known if term.complexity in (OWN, RELATIVE))


def _alike(velocities: Sequence[sp.Symbol], v: np.ndarray, *, angle: bool) -> list[Rayleigh]:
    """Friction with one coefficient for several coordinates: of each by itself and, of lengths, of their speed."""
    terms = []
    for kind, f in _FORMS.items():
        each = [f((w,), v[:, [i]]) for i, w in enumerate(velocities)]
        terms.append(Rayleigh(sp.Add(*each), kind, _KIND[kind] + SHARED))
        if not angle and kind != "viscous":
            # The resistance of a medium to a point does not know the directions of the axes.
            terms.append(Rayleigh(f(velocities, v), kind, _KIND[kind] + TOGETHER))
    return terms


def _viscous(parts: Sequence[sp.Expr], v: Float[np.ndarray, "samples parts"]) -> sp.Expr:
    del v
    return sp.Add(*(part**2 for part in parts)) / 2


def _coulomb(parts: Sequence[sp.Expr], v: Float[np.ndarray, "samples parts"]) -> sp.Expr:
    smooth = _round_below(SMOOTHED * float(np.sqrt(np.mean(np.sum(v**2, axis=1)))))
    return sp.sqrt(sp.Add(*(part**2 for part in parts)) + smooth**2) - smooth


def _quadratic(parts: Sequence[sp.Expr], v: Float[np.ndarray, "samples parts"]) -> sp.Expr:
    del v
    if len(parts) == 1:
        return sp.Abs(parts[0]) ** 3 / 3
    return sp.Add(*(part**2 for part in parts)) ** sp.Rational(3, 2) / 3


_FORMS: dict[str, Callable[[Sequence[sp.Expr], np.ndarray], sp.Expr]] = {
    "viscous": _viscous,
    "Coulomb": _coulomb,
    "quadratic": _quadratic,
}


def _round_below(value: float) -> sp.Rational:
    """The largest of 1, 2 and 5 times a power of ten that is not above a number, exactly."""
    power = math.floor(math.log10(value) + 1e-9)
    digit = next(d for d in (5, 2, 1) if d <= value / 10.0**power * (1 + 1e-9))
    return sp.Integer(digit) * sp.Integer(10) ** power
