"""Least action: the path between two positions in a given time, as the stationary point of a law's action."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.errors import InputError
from lagsym.law import Law
from lagsym.mechanics.dynamics.action import Action, Mesh, compile_action, require_regular
from lagsym.mechanics.dynamics.numeric import compile_mechanics
from lagsym.mechanics.dynamics.stationary import Search, straight_line
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import parameter_symbol

FIRST_ELEMENTS = 4
"""Elements of the first mesh."""
SMALLEST_MASS = 1e-12
"""Below this share of the largest, an eigenvalue of the mass matrix is rounding."""
RESIDUAL_POINTS = 400


@dataclass(frozen=True)
class PathOptions:
    """How a path of stationary action is looked for.

    Arguments:
        turns: whole turns by which coordinates go further than to `stop`, by name; of angles, in 2 pi.
        guess: positions at evenly spaced times, of shape (points, n), to begin with; a straight line without.
        begin: time at the start, for laws that hold time explicitly.
        starts: how many random paths about the straight line are tried where all else fails.
        tolerance: of the path, relative to its size.
        seed: of the random paths.

    Raises:
        InputError: an option is out of its range.
    """

    turns: Mapping[str, int] = field(default_factory=dict)
    guess: Float[np.ndarray, "points n"] | None = None
    begin: float = 0.0
    starts: int = 8
    tolerance: float = 1e-10
    seed: int = 0

    def __post_init__(self) -> None:
        if not (0 < self.tolerance < 1 and self.starts >= 0 and np.isfinite(self.begin)):
            msg = (
                "expected a tolerance between 0 and 1, at least 0 starts and a finite beginning; got "
                f"{self.tolerance}, {self.starts} and {self.begin}"
            )
            raise InputError(msg)


@dataclass(frozen=True)
class ActionPath:
    """A path of stationary action between two positions.

    Arguments:
        coordinates: their names.
        q: positions at the nodes of the mesh, of shape (nodes, n).
        action: integral of the Lagrangian along the path.
        index: number of independent variations that lower the action (raise it, where kinetic energy is negative):
            by Morse's theorem, of conjugate points before the end. None where the mass matrix is indefinite.
        residual: largest Euler-Lagrange expression along the path, relative to the largest of its terms.
        error: difference from the path on a mesh half as fine, relative to the path's size.
        start: what Newton's method began with.
        steps: Newton steps on all meshes.
        mesh: where the nodes lie.
    """

    coordinates: tuple[str, ...]
    q: Float[np.ndarray, "nodes n"]
    action: float
    index: int | None
    residual: float
    error: float
    start: str
    steps: int
    mesh: Mesh = field(repr=False)

    @property
    def t(self) -> Float[np.ndarray, " nodes"]:
        """Times of the nodes."""
        return self.mesh.nodes

    @property
    def minimum(self) -> bool:
        """Whether no small variation with fixed ends lowers the action."""
        return self.index == 0

    def positions(self, t: Float[np.ndarray, " points"]) -> Float[np.ndarray, "points n"]:
        """Positions at any times of the path."""
        return self.mesh.evaluate(self.q, t)

    def velocities(self, t: Float[np.ndarray, " points"]) -> Float[np.ndarray, "points n"]:
        """Velocities at any times of the path."""
        return self.mesh.evaluate(self.q, t, 1)


def least_action(
    law: Law | sp.Expr,
    start: Sequence[float] | np.ndarray,
    stop: Sequence[float] | np.ndarray,
    duration: float,
    *,
    space: JetSpace | None = None,
    options: PathOptions | None = None,
) -> ActionPath:
    """Find the path from one position to another whose action is stationary.

    delta S = 0,   S[q] = integral of L(t, q, v) dt from `begin` to `begin + duration`,   q(begin), q(end) given

    The action itself is made discrete, with polynomials of degree 12 on elements of time, and Newton's method solves
    dS/dq = 0 from a straight line, then along growing durations, then from random paths about the line. The elements
    are halved until the path stays. In statics the one base coordinate is a direction of space, or arc length.

    Arguments:
        law: a law with its constants, or a Lagrangian without symbols for constants.
        start: position at the beginning, in the order of the coordinates.
        stop: position at the end; angles as they are, not modulo 2 pi.
        duration: time between them, positive.
        space: the jet space of a Lagrangian that comes without a law.
        options: winding, first guess, beginning and tolerance.

    Raises:
        InputError: the law has friction or no Lagrangian, the positions do not fit it, or no path was found.

    Source: J. E. Marsden and M. West, Acta Numerica 10 (2001) 357, section 2 (the discrete action); P. Deuflhard,
    Newton Methods for Nonlinear Problems, section 3.3 (the damping); J. Milnor, Morse Theory, section 15 (the index).

    >>> space = JetSpace(("q",))
    >>> (q,), (v,) = space.positions, space.velocities
    >>> path = least_action(v**2 / 2 - q**2 / 2, [0.0], [1.0], 1.0, space=space)
    >>> path.minimum, bool(abs(path.positions(np.array([0.5]))[0, 0] - np.sin(0.5) / np.sin(1)) < 1e-10)
    (True, True)
    """
    options = options or PathOptions()
    lagrangian, space = _numeric(law, space)
    ends = _ends(space, start, stop, options.turns, law)
    if not 0 < duration < np.inf:
        msg = f"expected a duration of more than 0, got {duration}"
        raise InputError(msg)
    action = compile_action(lagrangian, space)
    first = Mesh(options.begin, float(duration), FIRST_ELEMENTS)
    require_regular(action.mass(straight_line(ends, first, options.guess), first), SMALLEST_MASS)
    search = Search(action, first, options.tolerance, options.starts, options.seed)
    found = search.between(ends, options.guess)
    if found is not None:
        q, mesh = found.path, found.mesh
        return ActionPath(
            space.fields,
            q,
            action.value(q, mesh),
            _index(action, q, mesh),
            _residual(lagrangian, space, q, mesh),
            found.error,
            found.start,
            found.steps,
            mesh,
        )
    msg = (
        f"no path of stationary action was found from {ends[0].tolist()} to {ends[1].tolist()} within {duration:g}; "
        "shorten `duration`, or give another `guess` or more `starts`"
    )
    raise InputError(msg)


def _numeric(law: Law | sp.Expr, space: JetSpace | None) -> tuple[sp.Expr, JetSpace]:
    if not isinstance(law, Law):
        if space is None:
            msg = "expected the jet space of the Lagrangian, got none; pass `space=JetSpace(coordinates)`"
            raise InputError(msg)
        return sp.sympify(law), space
    lagrangian = law.numeric_lagrangian
    if lagrangian is None:
        msg = "expected a law with a Lagrangian, but none explains the data; without one there is no action"
        raise InputError(msg)
    if law.dissipation != 0:
        msg = (
            f"the law has friction, D = {law.dissipation}: its motion makes no action stationary; integrate it "
            "instead, or pass `law.numeric_lagrangian` with `law.space` for the motion without friction"
        )
        raise InputError(msg)
    parameters = {parameter_symbol(name): sp.Float(value, 17) for name, value in law.parameters.items()}
    return cast("sp.Expr", lagrangian.xreplace(parameters)), law.space


def _ends(space: JetSpace, start: Any, stop: Any, turns: Mapping[str, int], law: Any) -> np.ndarray:
    """The two positions, of shape (2, n), the second with its turns."""
    ends = [np.asarray(position, float) for position in (start, stop)]
    n = len(space.fields)
    if any(end.shape != (n,) or not np.isfinite(end).all() for end in ends):
        msg = f"expected two positions of {n} finite numbers ({', '.join(space.fields)}); got {start} and {stop}"
        raise InputError(msg)
    known = law.angles if isinstance(law, Law) else space.fields
    unknown = sorted(set(turns) - set(known))
    if unknown:
        msg = f"expected turns of angles ({', '.join(known) or 'there is none'}), got {', '.join(unknown)}"
        raise InputError(msg)
    further = 2 * np.pi * np.array([turns.get(name, 0) for name in space.fields])
    return np.stack([ends[0], ends[1] + further])


def _residual(lagrangian: sp.Expr, space: JetSpace, q: np.ndarray, mesh: Mesh) -> float:
    """The largest |f - M a| along the path over the largest |f| or |M a|."""
    t = mesh.begin + mesh.duration * (np.arange(RESIDUAL_POINTS) + 0.5) / RESIDUAL_POINTS
    mass, force = compile_mechanics(lagrangian, space).mass_and_force(t, mesh.evaluate(q, t), mesh.evaluate(q, t, 1))
    inertia = np.einsum("pij,pj->pi", mass, mesh.evaluate(q, t, 2))
    terms = max(float(np.abs(force).max()), float(np.abs(inertia).max()), np.finfo(float).tiny)
    return float(np.abs(force - inertia).max()) / terms


def _index(action: Action, q: np.ndarray, mesh: Mesh) -> int | None:
    """How many independent variations with fixed ends go against the sign of the kinetic energy."""
    masses = np.linalg.eigvalsh(action.mass(q, mesh))
    if masses.min() < 0 < masses.max():
        return None
    n = q.shape[1]
    curvature = np.sign(masses.flat[0]) * action.curvature(q, mesh)[n:-n, n:-n].toarray()
    return int((np.linalg.eigvalsh(curvature) < 0).sum())
