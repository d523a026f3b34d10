"""Coverage: how often the 95 % intervals of fitted constants hold the truth.

    python benchmarks/coverage.py [--fits 40] [--noise 0.01] [--again]

For each of five systems and each seed: parameters drawn at random, eight trajectories of positions with noise, the true
terms with coefficients up to 5 % off, constants by multiple shooting. An interval is value ± 1.96 standard errors. Fits
that did not come to an end are counted beside, not left out silently. Rows are kept in
`benchmarks/results/coverage.jsonl`, the table beside it.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import sympy as sp
from rows import RESULTS, Row, Rows, markdown
from scipy.stats import binom

from lagsym.data.derivatives import differentiate
from lagsym.distillation.fitting.refinement import refine
from lagsym.errors import InputError
from lagsym.mechanics.system import System, parameter_symbol
from lagsym.simulation import draw_parameters, simulate
from lagsym.systems import get

SYSTEMS = ("mass_spring", "double_pendulum", "spring_pendulum", "henon_heiles", "kepler_cartesian")
TRAJECTORIES = 8
OFF = 0.05
BOUND = 1.96


def terms_of(system: System) -> tuple[list[sp.Expr], np.ndarray]:
    """The Lagrangian's terms and their coefficients relative to the first."""
    expanded = sp.expand(system.numeric_lagrangian)
    parts = [term.as_coeff_Mul() for term in sp.Add.make_args(expanded) if term.free_symbols]
    parts.sort(key=lambda part: sp.default_sort_key(part[1]))
    coefficients = np.array([float(number) for number, _ in parts])
    return [term for _, term in parts], coefficients / coefficients[0]


def cover(name: str, noise: float, seed: int) -> Row:
    """One fit: for each constant its error in standard errors."""
    system = draw_parameters(get(name), seed)
    data = simulate(system, trajectories=TRAJECTORIES, noise=noise, seed=seed).positions_only()
    terms, truth = terms_of(system)
    symbols = tuple(parameter_symbol(f"c{k}") for k in range(1, len(terms)))
    lagrangian = sp.Add(terms[0], *(c * term for c, term in zip(symbols, terms[1:], strict=True)))
    start = truth[1:] * (1 + OFF * np.random.default_rng(seed).uniform(-1, 1, len(symbols)))
    began = time.process_time()
    try:
        fitted = refine(lagrangian, symbols, start, data, differentiate(data))
    except InputError as error:
        return {"failed": str(error), "seconds": time.process_time() - began}
    deviations = (fitted.values - truth[1:]) / fitted.standard_errors
    return {
        "converged": fitted.converged,
        "deviations": [float(x) for x in deviations],
        "relative_errors": [float(x) for x in np.abs(fitted.values / truth[1:] - 1)],
        "seconds": round(time.process_time() - began, 2),
    }


def table(rows: list[Row]) -> str:
    """Coverage by system and over all, with the range that 95 % coverage would give by chance."""
    lines = []
    for name in (*SYSTEMS, "all"):
        chosen = [row for row in rows if name in {row["system"], "all"}]
        fits = [row for row in chosen if "deviations" in row]
        if not fits:
            continue
        deviations = np.concatenate([np.asarray(row["deviations"], float) for row in fits])
        errors = np.concatenate([np.asarray(row["relative_errors"], float) for row in fits])
        inside = np.abs(deviations) <= BOUND
        low, high = binom.interval(0.95, len(inside), 0.95)
        lines.append(
            (
                name if name == "all" else f"`{name}`",
                len(fits),
                len(chosen) - len(fits),
                sum(not row["converged"] for row in fits),
                len(inside),
                f"{inside.mean():.1%}",
                f"{low / len(inside):.1%} to {high / len(inside):.1%}",
                f"{np.sqrt(np.mean(deviations**2)):.2f}",
                f"{np.median(errors):.0e}",
            )
        )
    header = (
        "system",
        "fits",
        "failed",
        "not at rest",
        "constants",
        "in the 95 % interval",
        "expected by chance",
        "rms of error / standard error",
        "median relative error",
    )
    return markdown(header, lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fits", type=int, default=40, help="seeds of each system")
    parser.add_argument("--noise", type=float, default=0.01)
    parser.add_argument("--again", action="store_true", help="measure rows of other revisions again")
    arguments = parser.parse_args()
    kept = Rows(RESULTS / "coverage.jsonl", ("system", "noise", "seed"), again=arguments.again)
    for name in SYSTEMS:
        for seed in range(arguments.fits):
            key: Row = {"system": name, "noise": arguments.noise, "seed": seed}
            row = kept.measure(key, lambda key=key: cover(str(key["system"]), arguments.noise, int(str(key["seed"]))))
            print(row, flush=True)
    text = table([row for row in kept.newest() if row["noise"] == arguments.noise])
    (RESULTS / "coverage.md").write_text(f"Noise {arguments.noise:.1%} on positions alone, {_where(kept)}\n\n{text}\n")
    print(text)


def _where(kept: Rows) -> str:
    return "revisions " + ", ".join(sorted({str(row["revision"]) for row in kept.newest()}))


if __name__ == "__main__":
    main()
