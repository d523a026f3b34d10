"""Densities and a buried mass from shapes of hanging chains, over profiles, noises and seeds.

    python benchmarks/hanging_chain.py [--seeds 0,1,2,3,4] [--results benchmarks/results/hanging_chain.jsonl] [--again]

Every density comes from one chain of length 1 with 201 points between (0, 0) and (0.8, 0.1), its error over
0.05 < s < 0.95, up to the one factor that a shape leaves open. Every mass comes from four such chains. Noise is that of
every coordinate, in lengths of a chain.
"""

import argparse
import itertools
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rows import ROOT, Row, Rows, markdown

from lagsym.statics import POINT_MASS, UNIFORM, Chain, find_buried_mass, hang, relative_density
from lagsym.statics.potentials import PLACE_X, PLACE_Y, STRENGTH

PROFILES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "uniform": lambda s: 1 + 0 * s,
    "linear": lambda s: 1 + s,
    "quadratic": lambda s: 1 + 1.5 * s**2,
    "sine": lambda s: 1 + 0.6 * np.sin(2 * np.pi * s),
    "step": lambda s: 1 + (s > 0.4),
}
NOISES = (0.0, 1e-4, 1e-3)
INNER = np.linspace(0.05, 0.95, 181)
PLACE, M = (0.45, -0.6), 0.05
ENDS = (((-0.6, 0.0), (0.2, 0.0)), ((0.0, 0.1), (0.8, 0.0)), ((0.5, 0.0), (1.3, 0.1)), ((0.1, 0.0), (0.7, 0.0)))
RESULTS = ROOT / "benchmarks" / "results" / "hanging_chain.jsonl"
KEYS = ("task", "noise", "seed")


def measured(chain: Chain, noise: float, random: np.random.Generator) -> Chain:
    x, y = (part + noise * random.standard_normal(len(part)) for part in (chain.x, chain.y))
    return Chain(chain.s, x, y, chain.name)


def density(profile: str, noise: float, seed: int) -> Row:
    chain = hang((0.0, 0.0), (0.8, 0.1), 1.0, density=PROFILES[profile])
    chain = measured(chain, noise, np.random.default_rng(seed))
    started = time.process_time()
    found = relative_density(chain)
    seconds = time.process_time() - started
    true = PROFILES[profile](INNER)
    errors = {}
    for name, values in (("error", found.at(INNER)), ("smooth", found.smooth(INNER))):
        rest = values * (values @ true) / (values @ values) - true
        errors[name] = float(np.linalg.norm(rest) / np.linalg.norm(true))
    named = " + ".join(map(str, found.formula.terms)) if found.formula else None
    return {**errors, "formula": named, "found_noise": found.noise, "seconds": round(seconds, 2)}


def mass(strength: float, noise: float, seed: int) -> Row:
    values = dict(zip((PLACE_X, PLACE_Y, STRENGTH), (*PLACE, strength), strict=True))
    potential = POINT_MASS.subs(values) if strength else UNIFORM
    random = np.random.default_rng(seed)
    chains = [
        measured(hang(*ends, 1.0, potential=potential, name=str(k)), noise, random) for k, ends in enumerate(ENDS)
    ]
    started = time.process_time()
    found = find_buried_mass(chains)
    seconds = round(time.process_time() - started, 2)
    away = float(np.hypot(*np.subtract(found.position, PLACE)) / np.hypot(*PLACE))
    row: Row = {"found": found.found, "chance": found.chance, "seconds": seconds}
    if strength and found.found:
        sizes = np.abs(np.subtract((*found.position, found.strength), (*PLACE, strength)))
        in_errors = [float(x) for x in np.round(sizes / found.standard_errors, 2)]
        row |= {"position": away, "strength": abs(found.strength / strength - 1), "in_errors": in_errors}
    return row


def table(rows: list[Row]) -> str:
    lines = [
        "# Hanging chains",
        "",
        "Written by `python benchmarks/hanging_chain.py`; its first lines say what is hung.",
        "",
    ]
    lines += ["## Density along a chain", "", "Largest relative rms error over the seeds; *smooth*: without a formula."]
    lines += ["*named*: how often a formula was named, and how often one of other terms than the true ones.", ""]
    body = []
    for profile, noise in itertools.product(PROFILES, NOISES):
        own = [row for row in rows if row["task"] == profile and row["noise"] == noise]
        if own:
            body.append((profile, f"{noise:g}", len(own), *_largest(own, "error", "smooth"), _named(profile, own)))
    lines += [markdown(("profile", "noise", "runs", "error", "smooth", "named, wrongly"), body), ""]
    lines += [
        "## A buried mass",
        "",
        "Largest errors over the seeds: of the position relative to its distance from the",
    ]
    lines += [f"origin, of the strength m = {M} relative to itself.", ""]
    body = []
    for task, noise in itertools.product(("mass", "no mass"), NOISES):
        own = [row for row in rows if row["task"] == task and row["noise"] == noise]
        if own:
            found = [row for row in own if row["found"]]
            body.append((task, f"{noise:g}", len(own), len(found), *(_largest(found, "position", "strength"))))
    lines += [markdown(("task", "noise", "runs", "found", "position", "strength"), body), ""]
    seconds = [float(str(row["seconds"])) for row in rows]
    revisions = ", ".join(sorted({str(row["revision"]) for row in rows}))
    lines += [f"{len(rows)} runs, {max(seconds):.1f} processor seconds at most for one; revision {revisions}.", ""]
    return "\n".join(lines)


def _largest(rows: list[Row], *names: str) -> tuple[str, ...]:
    largest = (max((float(str(row[name])) for row in rows if name in row), default=None) for name in names)
    return tuple("" if value is None else f"{value:.1e}" if value < 1e-3 else f"{value:.1%}" for value in largest)


def _named(profile: str, rows: list[Row]) -> str:
    true = {"uniform": {"1"}, "linear": {"1", "s"}, "quadratic": {"1", "s**2"}, "sine": {"1", "sin(2*pi*s)"}}
    named = [str(row["formula"]) for row in rows if row["formula"]]
    right = [f for f in named if set(f.split(" + ")) == true.get(profile) or (profile == "step" and "Heaviside" in f)]
    return f"{len(named)}, {len(named) - len(right)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--again", action="store_true", help="measure rows of other revisions again")
    arguments = parser.parse_args()
    kept = Rows(arguments.results, KEYS, again=arguments.again)
    tasks = [*PROFILES, "mass", "no mass"]
    for noise, task, seed in itertools.product(NOISES, tasks, map(int, arguments.seeds.split(","))):
        if noise == 0 and seed:
            continue  # without noise all seeds are one
        strength = {"mass": M, "no mass": 0.0}.get(task)
        key: Row = {"task": task, "noise": noise, "seed": seed}
        kept.measure(
            key,
            lambda task=task, noise=noise, seed=seed, strength=strength: (
                density(task, noise, seed) if strength is None else mass(strength, noise, seed)
            ),
        )
    arguments.results.with_suffix(".md").write_text(table(kept.newest()))
    print(table(kept.newest()))


if __name__ == "__main__":
    main()
