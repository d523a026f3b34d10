"""Bodies that act on each other in pairs: the law from four of them, and sixteen that it moves.

    python benchmarks/n_body.py [--laws NAME,...] [--noise 0,0.001] [--seeds 0] [--again]

Four bodies of mass one in a plane, 40 short trajectories from random places, of which a fifth is held out.  A graph
network with pairs e(r) learns their accelerations: exact ones, or, with noise on positions (relative to their standard
deviation), averages over windows.  The force e'(r) is distilled, and its constants are fitted to the positions, with
standard errors, where there is noise.  Sixteen bodies, which neither has seen, are then rolled out with the law, with
the network and with the truth, all by DOP853 to 1e-11.  An error is the root mean square distance over the spread of
the positions; the energy is the true one, its drift the largest deviation over the mean kinetic energy.

Rows are kept in `results/n_body.jsonl`, the table beside it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy as sp
from rows import RESULTS, Row, Rows, markdown
from stepping import follow

from lagsym import simulate
from lagsym.data.trajectories import Trajectories
from lagsym.distillation.graphs import SYMBOLS, GraphLaw, SharedFunction, distill_graph, refine_law
from lagsym.neural.graphs import GraphLagrangian, all_pairs, fit_graph, observed

(R,) = SYMBOLS["pair"]
BODIES, MORE = 4, 16
TRAJECTORIES, SPAN, STEP = 40, 1.0, 0.02
ROLL_TIMES = np.linspace(0, 1, 101)
NEAR = 50
"""The time at which the first error of a roll-out is taken; the other is at its end."""
SHOWN = 4
"""Significant digits of constants."""


@dataclass(frozen=True)
class Case:
    """A pair law.

    Arguments:
        edge: e(r), minus the potential.
        nearest: the smallest distance at the start.
        box: side of the square in which four bodies start.
    """

    edge: SharedFunction
    nearest: float
    box: float

    @property
    def truth(self) -> GraphLaw:
        return GraphLaw((self.edge,))


def pair(*terms: tuple[float, sp.Expr]) -> SharedFunction:
    coefficients, functions = zip(*terms, strict=True)
    return SharedFunction("pair", functions, coefficients)


LAWS = {
    "Hooke": Case(pair((-0.6, R**2), (1.8, R)), 0.3, 3.0),
    "inverse square": Case(pair((1.0, 1 / R)), 0.8, 3.0),
    "Lennard-Jones": Case(pair((2.0, R**-6), (-2.0, R**-12)), 1.0, 2.6),
    "Yukawa": Case(pair((1.0, sp.exp(sp.Float(-0.7) * R) / R)), 0.8, 3.0),
}


def starts(case: Case, bodies: int, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Places on a jittered square grid where many bodies are to start, at random where few are."""
    generator, side = np.random.default_rng(seed), case.box * np.sqrt(bodies / BODIES)
    found: list[np.ndarray] = []
    while len(found) < count:
        q = generator.uniform(0, side, (bodies, 2))
        if bodies > BODIES:
            cells = int(np.ceil(np.sqrt(bodies)))
            grid = np.stack(np.meshgrid(*[np.arange(cells)] * 2), -1).reshape(-1, 2)[:bodies]
            q = (grid + generator.uniform(-0.15, 0.15, grid.shape)) * max(side / cells, 1.15 * case.nearest)
        away = np.linalg.norm(q[:, None] - q, axis=-1) + 9 * np.eye(bodies)
        if away.min() > case.nearest:
            found.append(q)
    return np.array(found), 0.3 * generator.standard_normal((count, bodies, 2))


def names(bodies: int) -> tuple[str, ...]:
    return tuple(f"{axis}{k + 1}" for k in range(bodies) for axis in "xy")


def measured(case: Case, noise: float, seed: int) -> Trajectories:
    system = case.truth.system(all_pairs(BODIES), names(BODIES))
    q, v = (part.reshape(TRAJECTORIES, -1) for part in starts(case, BODIES, TRAJECTORIES, seed))
    return simulate(system, initial=(q, v), span=SPAN, step=STEP, noise=noise, seed=seed)


def found(case: Case, noise: float, seed: int) -> Row:
    data = measured(case, noise, seed)
    data = data.positions_only() if noise else data
    held = TRAJECTORIES // 5
    learn, choose = data.with_segments(data.segments[held:]), data.with_segments(data.segments[:held])
    graph, began = all_pairs(BODIES), time.process_time()
    seen = observed(learn)
    fit = fit_graph(seen, choose, graph, seed=seed)
    trained = time.process_time()
    law = distill_graph(fit, seen, seed=seed)
    distilled, errors = time.process_time(), None
    if noise:
        law, refined = refine_law(law, graph, learn)
        errors = [float(f"{error:.1e}") for error in refined.standard_errors]
    seconds = {
        "fit": round(trained - began, 1),
        "distil": round(distilled - trained, 1),
        "refine": round(time.process_time() - distilled, 1),
    }
    row: Row = {
        "network_error": fit.held_out_error,
        "law": shown(law),
        "right": right(law, case),
        "constants": error_of(law, case),
        "standard_errors": errors,
    }
    return {**row, **rolled(case, law, fit.model, seed), "cpu_seconds": seconds}


def shown(law: GraphLaw) -> str:
    return str(law.edges[0].rounded(SHOWN))


def right(law: GraphLaw, case: Case) -> bool:
    """Whether the terms are the true ones, whatever their constants."""

    def structure(function: SharedFunction) -> set[sp.Expr]:
        number = sp.Symbol("c")
        return {term.xreplace(dict.fromkeys(term.atoms(sp.Float), number)) for term in function.terms}

    return structure(law.edges[0]) == structure(case.edge)


def error_of(law: GraphLaw, case: Case) -> float | None:
    """The largest relative error of a constant, where the terms are right."""
    if not right(law, case):
        return None

    def constants(function: SharedFunction) -> list[float]:
        pairs = sorted(zip(function.terms, function.coefficients, strict=True), key=lambda own: str(own[0])[:4])
        return [x for term, c in pairs for x in (c, *map(float, sorted(term.atoms(sp.Float), key=float)))]

    mine, true = np.array(constants(law.edges[0])), np.array(constants(case.edge))
    return float(np.max(np.abs(mine / true - 1)))


def rolled(case: Case, law: GraphLaw, model: GraphLagrangian, seed: int) -> Row:
    graph = all_pairs(MORE)
    (q,), (v,) = starts(case, MORE, 1, seed + 1000)
    truth = roll(case.truth, graph, q, v)
    spread, kinetic = truth[0].std((0, 1)).mean(), 0.5 * (truth[1] ** 2).sum((1, 2)).mean()
    moves: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
        "law": lambda q, v: law.acceleration(graph, q[None])[0],
        "network": lambda q, v: model.acceleration(graph, q[None], v[None])[0],
    }
    row: Row = {}
    for name, acceleration in moves.items():
        path = follow(acceleration, q, v, ROLL_TIMES)
        error = np.sqrt(((path[0] - truth[0]) ** 2).mean((1, 2))) / spread
        with np.errstate(all="ignore"):
            energy = case.truth.energy(graph, *path)
        drift = np.abs(energy - energy[0]).max() / kinetic
        values = {"near": error[NEAR], "far": error[-1], "drift": drift}
        row |= {f"{name}_{key}": float(value) if np.isfinite(value) else None for key, value in values.items()}
    return row


def roll(law: GraphLaw, graph, q: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return follow(lambda q, v: law.acceleration(graph, q[None])[0], q, v, ROLL_TIMES)


def table(rows: Rows) -> str:
    header = ["law", "noise", "found e(r)", "terms", "constants", "standard errors", "network"]
    header += ["law, t = 0.5", "t = 1", "drift", "network, t = 0.5", "t = 1", "drift", "CPU s", "revision"]
    lines = []
    for row in rows.newest():
        seconds = row["cpu_seconds"]
        assert isinstance(seconds, dict)
        numbers = [row[f"{name}_{key}"] for name in ("law", "network") for key in ("near", "far", "drift")]
        lines.append(
            [
                row["name"],
                f"{row['noise']:.1%}",
                f"`{row['law']}`",
                "right" if row["right"] else "**wrong**",
                short(row["constants"]),
                ", ".join(f"{error:.0e}" for error in row.get("standard_errors") or ()) or "none",
                short(row["network_error"]),
                *map(short, numbers),
                f"{sum(seconds.values()):.0f}",
                row["revision"],
            ]
        )
    return markdown(header, lines)


def short(value: object) -> str:
    return f"{value:.0e}" if isinstance(value, float) else "leaves"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--laws", default=",".join(LAWS))
    parser.add_argument("--noise", default="0")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    rows = Rows(RESULTS / "n_body.jsonl", ("name", "noise", "seed"), options.again)
    for name in options.laws.split(","):
        for noise in map(float, options.noise.split(",")):
            for seed in map(int, options.seeds.split(",")):
                key = {"name": name, "noise": noise, "seed": seed}
                print(rows.measure(key, lambda case=LAWS[name], n=noise, s=seed: found(case, n, s)), flush=True)
    text = (
        "# Bodies in pairs\n\nWritten by `python benchmarks/n_body.py`; see there for what was done. *constants*: the "
        "largest relative error; *standard errors*: of coefficients, then of rates, where positions are noisy; "
        "*network*: held-out error of four bodies' accelerations, or of averages of them. Then sixteen bodies, rolled "
        "out with the law and with the network: error at two times, and the true energy's drift; *leaves* where a "
        "body left the range of numbers.\n\n" + table(rows) + "\n"
    )
    (RESULTS / "n_body.md").write_text(text)


if __name__ == "__main__":
    main()
