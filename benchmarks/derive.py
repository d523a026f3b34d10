"""Time to the equations of motion of planar pendulums, and to compiled functions of them, beside SymPy's own mechanics.

    python benchmarks/derive.py [--quick] [--json derive.json]

The n-fold pendulum has point masses on massless rods, absolute angles and symbolic masses, lengths and gravity; its
Lagrangian is written before anything is timed, either with squares of Cartesian velocities or with the cosines of
differences of angles. Two measures, for each side from the same formula:

    equations    M and f of M a = f, as SymPy expressions
    compiled     a NumPy function of numbers that gives M and f: derivation, common subexpressions, compilation

lagsym                  mass_matrix and force_vector; compile_mechanics with a first call
LagrangesMethod         form_lagranges_equations, mass_matrix and forcing of sympy.physics.mechanics; lambdify with cse

Rounds are interleaved, SymPy's cache is emptied before everything that is timed, and the best time of each counts. Both
sides must give the same M and f at random points to 1e-10, or nothing is timed.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sympy as sp
from sympy.core.cache import clear_cache
from sympy.physics.mechanics import LagrangesMethod, dynamicsymbols

from lagsym.mechanics.dynamics.forms import force_vector, mass_matrix
from lagsym.mechanics.dynamics.numeric import compile_mechanics
from lagsym.mechanics.jetspace import JetSpace

AGREEMENT = 1e-10
POINTS = 5
FORMS = ("squares", "cosines")
Numbers = tuple[np.ndarray, np.ndarray]
"""Mass matrices (points, n, n) and forces (points, n)."""


def main() -> int:
    options = parse()
    rows = []
    print(f"{'':4}{'Lagrangian':12}{'measure':12}{'lagsym':>10}{'SymPy':>10}{'lagsym is faster by':>22}")
    for n in options.sizes:
        for form in FORMS:
            sides = (ours(n, form), theirs(n, form))
            apart = difference(*(side.compiled() for side in sides), n)
            if apart > AGREEMENT:
                print(f"M and f of the {n}-fold pendulum differ by {apart:.1e}", file=sys.stderr)
                return 1
            for measure in ("equations", "compiled"):
                best = measured([getattr(side, measure) for side in sides], options.rounds)
                rows.append({"n": n, "form": form, "measure": measure, "seconds": best, "ratio": best[1] / best[0]})
                milliseconds = "".join(f"{seconds * 1e3:7.0f} ms" for seconds in best)
                print(f"{n:<4}{form:12}{measure:12}{milliseconds}{best[1] / best[0]:21.2f}x", flush=True)
    if options.json:
        versions = {"python": platform.python_version(), "sympy": sp.__version__}
        content = {"rounds": options.rounds, "versions": versions, "machine": platform.machine(), "rows": rows}
        options.json.write_text(json.dumps(content, indent=1))
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="double and triple pendulum only, two rounds")
    parser.add_argument("--rounds", type=int, default=7, help="default 7")
    parser.add_argument("--json", type=Path, help="write the numbers here, too")
    options = parser.parse_args()
    options.sizes = (2, 3) if options.quick else (2, 3, 5)
    options.rounds = 2 if options.quick else options.rounds
    return options


@dataclass(frozen=True)
class Side:
    """One way to the equations, and to a function of (t, q, v, constants) that gives M and f at many points."""

    equations: Callable[[], object]
    compiled: Callable[[], Callable[..., Numbers]]


def lagrangian(angles, rates, n, form):
    """Kinetic minus potential energy, and the constants that it holds."""
    masses, lengths = (sp.symbols(f"{letter}1:{n + 1}", real=True) for letter in "ml")
    g = sp.Symbol("g", real=True)
    total = 0
    for k, m in enumerate(masses, start=1):
        links = list(zip(lengths[:k], angles[:k], rates[:k], strict=True))
        if form == "squares":
            parts = (sum(length * turn(a) * w for length, a, w in links) ** 2 for turn in (sp.cos, sp.sin))
        else:
            parts = (li * lj * wi * wj * sp.cos(ai - aj) for li, ai, wi in links for lj, aj, wj in links)
        total += m * sum(parts) / 2 + m * g * sum(length * sp.cos(a) for length, a, _ in links)
    return total, (*masses, *lengths, g)


def ours(n: int, form: str) -> Side:
    space = JetSpace(tuple(f"theta{i}" for i in range(1, n + 1)))
    formula, constants = lagrangian(space.positions, space.velocities, n, form)

    def equations():
        return mass_matrix(formula, space), force_vector(formula, space)

    def compiled():
        mechanics = compile_mechanics(formula, space, constants=constants)
        mechanics.mass_and_force(0.0, *np.ones((2, 1, n)), np.ones(len(constants)))  # which compiles it
        return mechanics.mass_and_force

    return Side(equations, compiled)


def theirs(n: int, form: str) -> Side:
    angles = dynamicsymbols(f"theta1:{n + 1}")
    rates = [angle.diff() for angle in angles]
    formula, constants = lagrangian(angles, rates, n, form)

    def equations():
        method = LagrangesMethod(formula, angles)
        method.form_lagranges_equations()
        return method.mass_matrix, method.forcing

    def compiled():
        both = sp.lambdify((*angles, *rates, *constants), equations(), modules="numpy", cse=True)
        both(*np.ones(2 * n + len(constants)))

        def mass_and_force(t, q, v, c):
            values = [both(*row, *c) for row in np.hstack((q, v))]
            return np.array([mass for mass, _ in values]), np.array([force[:, 0] for _, force in values])

        return mass_and_force

    return Side(equations, compiled)


def difference(first: Callable[..., Numbers], second: Callable[..., Numbers], n: int) -> float:
    """The largest difference of M and f at random points, relative to the largest entry of each."""
    generator = np.random.default_rng(0)
    q, v = generator.uniform(-2, 2, (2, POINTS, n))
    constants = generator.uniform(0.5, 2, 2 * n + 1)
    pairs = zip(first(0.0, q, v, constants), second(0.0, q, v, constants), strict=True)
    return max(float(np.max(np.abs(a - b)) / np.max(np.abs(a))) for a, b in pairs)


def measured(calls: list[Callable[[], object]], rounds: int) -> list[float]:
    """Best seconds of each call over interleaved rounds, each with an empty cache."""
    best = [float("inf")] * len(calls)
    for _ in range(rounds):
        for i, call in enumerate(calls):
            clear_cache()
            start = time.perf_counter()
            call()
            best[i] = min(best[i], time.perf_counter() - start)
    return best


if __name__ == "__main__":
    sys.exit(main())
