"""What the literature reports of Lagrangian networks, repeated with ours by the published protocol.

    python benchmarks/papers.py [--seconds 180] [--starts 40] [--time 100] [--json papers.json]

Double pendulum (M. Cranmer et al., arXiv:2003.04630; unit masses and lengths, g = 9.8): networks are trained for so
many CPU seconds on one thread on 20,000 states of their box, then let go from rest at random angles and followed to
t = 100 by Dormand and Prince's method of order 8 with a relative tolerance of 1e-10.  Shown is the mean over the starts
of |E(t) - E(0)| / 29.4 at the last time, where E is the true energy and 29.4 their unit: published 0.43 % for the
Lagrangian network and 7.4 % for a plain one.  The true equations integrated alike show what is left to the method.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from accuracy import SYSTEM, Row, train  # the script beside this one
from scipy.integrate import solve_ivp

from lagsym.mechanics.dynamics.numeric import compile_mechanics
from lagsym.neural.device import keep_freed_memory

UNIT = 29.4
TOLERANCE = 1e-10
PUBLISHED = {"natural": 0.0043, "free": 0.0043, "perceptron": 0.074}
ROWS = (
    Row("natural", "levenberg-marquardt", 32),
    Row("free", "levenberg-marquardt", 32),
    Row("perceptron", "soap", 64),
    Row("perceptron", "adam", 64),
)
Acceleration = Callable[[np.ndarray, np.ndarray], np.ndarray]
MECHANICS = compile_mechanics(SYSTEM.numeric_lagrangian, SYSTEM.space)


def main() -> None:
    options = parse()
    torch.set_num_threads(1)
    keep_freed_memory()
    q = np.random.default_rng(options.seed).uniform(0, 2 * np.pi, (options.starts, 2))
    print("| motion by | held-out error | mean drift of the energy | worst | published | CPU s of the rollout |")
    print("|---" * 6 + "|")
    results = [shown("true equations", None, q, options.time, true_acceleration)]
    for row in (row for row in ROWS if not options.rows or row.name in options.rows.split(",")):
        training, history = train(row, options.seed, options.seconds)
        model = training.model.converted(torch.float64)
        error = min(error for _, error in history)
        results.append(shown(row.name, error, q, options.time, learned(model), PUBLISHED[row.structure]))
    if options.json:
        options.json.write_text(json.dumps({"seconds": options.seconds, "rows": results}, indent=1))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=180.0, help="of CPU time to train each network")
    parser.add_argument("--starts", type=int, default=40)
    parser.add_argument("--time", type=float, default=100.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", default="", help="structure-optimizer, separated by commas; all without")
    parser.add_argument("--json", type=Path, help="write the numbers here, too")
    return parser.parse_args()


def true_acceleration(q: np.ndarray, v: np.ndarray) -> np.ndarray:
    return MECHANICS.acceleration(0.0, q, v)


def learned(model) -> Acceleration:
    def acceleration(q: np.ndarray, v: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model.acceleration(torch.from_numpy(q), torch.from_numpy(v)).numpy()

    return acceleration


def shown(
    name: str,
    error: float | None,
    q: np.ndarray,
    end: float,
    acceleration: Acceleration,
    published: float | None = None,
) -> dict[str, object]:
    started = time.process_time()
    drift = energy_drift(q, end, acceleration)
    seconds = time.process_time() - started
    columns = [
        name,
        "" if error is None else f"{error:.1e}",
        *(f"{100 * x:.2g} %" for x in (drift.mean(), drift.max())),
        "" if published is None else f"{100 * published:.2g} %",
        f"{seconds:.0f}",
    ]
    print("| " + " | ".join(columns) + " |", flush=True)
    return {"name": name, "error": error, "mean": float(drift.mean()), "worst": float(drift.max()), "seconds": seconds}


def energy_drift(q: np.ndarray, end: float, acceleration: Acceleration) -> np.ndarray:
    """|E(end) - E(0)| / 29.4 of every start; infinite where the motion ran away."""
    shape = (2, *q.shape)

    def rate(_: float, state: np.ndarray) -> np.ndarray:
        positions, velocities = state.reshape(shape)
        return np.concatenate([velocities.ravel(), acceleration(positions, velocities).ravel()])

    start = np.concatenate([q.ravel(), np.zeros(q.size)])
    solution = solve_ivp(rate, (0.0, end), start, "DOP853", rtol=TOLERANCE, atol=TOLERANCE, t_eval=[end])
    if not solution.success:
        return np.full(len(q), np.inf)
    positions, velocities = solution.y[:, -1].reshape(shape)
    after, before = MECHANICS.energy(0.0, positions, velocities), MECHANICS.energy(0.0, q, np.zeros_like(q))
    return np.abs(after - before) / UNIT


if __name__ == "__main__":
    sys.exit(main())
