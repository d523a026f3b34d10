"""Power of the test for friction, on simulated pendulums and springs.

    python benchmarks/friction.py [--rows friction.jsonl] [--seconds 600] [--systems pendulum,...]
                                  [--table benchmarks/results/friction.md]

Every run simulates two trajectories, differentiates them and settles the true terms, beginning 3 % off their
coefficients. The strength of friction is the share of the mean kinetic energy that it takes over a trajectory. Rows
that the file of rows already holds are not run again, and none is begun once the processor seconds are spent; the table
is written from what there is.
"""

import argparse
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import sympy as sp
from scipy.integrate import cumulative_simpson

from lagsym.data.derivatives import differentiate
from lagsym.data.trajectories import Trajectories
from lagsym.distillation.constants.settling import settle
from lagsym.distillation.selection.candidates import Candidate
from lagsym.mechanics.dynamics.numeric import compile_mechanics
from lagsym.mechanics.system import System
from lagsym.simulation import simulate
from lagsym.systems import get

SYSTEMS = ("mass_spring", "pendulum", "double_pendulum")
NOISES = (1e-3, 1e-2)
STRENGTHS = (0.3, 0.03, 0.003)
CONSERVATIVE_SEEDS, DAMPED_SEEDS = range(8), range(2)
SHARPNESS = 1e-3
"""Share of the typical speed over which the simulated Coulomb friction is smoothed, far below that of what is found."""
Key = tuple[str, str, float, float, int]


def keys() -> Iterator[Key]:
    for seed, system, noise in itertools.product(CONSERVATIVE_SEEDS, SYSTEMS, NOISES):
        yield system, "none", 0.0, noise, seed
    kinds = ("viscous", "Coulomb", "quadratic")
    for seed, strength, system, kind, noise in itertools.product(DAMPED_SEEDS, STRENGTHS, SYSTEMS, kinds, NOISES):
        yield system, kind, strength, noise, seed


def rayleigh(kind: str, v: sp.Symbol, speed: float) -> sp.Expr:
    """The friction of one velocity, with a coefficient of one."""
    sharp = sp.Float(SHARPNESS * speed)
    return {"viscous": v**2 / 2, "Coulomb": sp.sqrt(v**2 + sharp**2) - sharp, "quadratic": sp.Abs(v) ** 3 / 3}[kind]


def damped(system: System, kind: str, strength: float, free: Trajectories) -> tuple[System, float]:
    """The system with friction of its first coordinate, and the coefficient that takes that share of energy."""
    v = system.space.velocities[0]
    jets = free.jets()
    drag = rayleigh(kind, v, float(np.sqrt(np.mean(jets.v[:, 0] ** 2))))
    power = sp.lambdify(v, v * sp.diff(drag, v))
    works = [cumulative_simpson(power(s.v[:, 0]), x=s.t)[-1] for s in free.segments if s.v is not None]
    mechanics = compile_mechanics(system.numeric_lagrangian, system.space)
    kinetic = mechanics.energy(jets.t, jets.q, jets.v) - mechanics.energy(jets.t, jets.q, 0 * jets.v)
    coefficient = strength * float(np.mean(kinetic)) / float(np.mean(works))
    return replace(system, dissipation=sp.Float(coefficient) * drag), coefficient


def candidate(system: System) -> tuple[Candidate, float]:
    """The true terms with coefficients that are 3 % off, and the scale by which the first has coefficient one."""
    parts = [term.as_coeff_Mul() for term in sp.Add.make_args(sp.expand(system.numeric_lagrangian))]
    velocities = set(system.space.velocities)
    parts.sort(key=lambda part: (not part[1].free_symbols & velocities, str(part[1])))
    scale = float(parts[0][0])
    coefficients = np.array([1.0, *(1.03 * float(c) / scale for c, _ in parts[1:])])
    return Candidate(tuple(term for _, term in parts), coefficients, 2.0, 0.0, "data"), scale


def measure(key: Key) -> dict[str, object]:
    name, kind, strength, noise, seed = key
    system = get(name)
    clean = simulate(system, trajectories=2, seed=seed)
    coefficient = 0.0
    if kind != "none":
        system, coefficient = damped(system, kind, strength, clean)
    first = (np.stack([s.q[0] for s in clean.segments]), np.stack([s.v[0] for s in clean.segments if s.v is not None]))
    data = simulate(system, initial=first, noise=noise, seed=seed)
    terms, scale = candidate(system)
    started = time.process_time()
    law = settle(terms, data, differentiate(data))
    row: dict[str, object] = dict(zip(("system", "kind", "strength", "noise", "seed"), key, strict=True))
    found = [(str(term), float(law.values[law.constants.index(d)]) * scale) for d, term in law.friction]
    row |= {"found": found, "coefficient": coefficient, "named": law.test.get("kind", "none") if found else "none"}
    row |= {"significance": law.test["significance"], "seconds": round(time.process_time() - started, 2)}
    v = system.space.velocities[0].name
    row["right_motion"] = (
        bool(found) and len(found) == 1 and set(sp.sympify(found[0][0]).free_symbols) == {sp.Symbol(v)}
    )
    return row


def table(rows: list[dict]) -> str:
    calm = [row for row in rows if row["kind"] == "none"]
    lines = [
        "# Friction: power of its test",
        "",
        "Written by `python benchmarks/friction.py`. Two simulated trajectories of the catalogue's length and step;",
        "the strength is the share of the mean kinetic energy that friction takes over a trajectory. The double",
        "pendulum's friction is in its first joint.",
        "",
        f"Without friction, it was found in {sum(bool(r['found']) for r in calm)} of {len(calm)} runs.",
        "",
        "*found*: any friction; *right kind*: the true kind of the true coordinate alone; *certain*: and told from the",
        "other kinds beyond chance; *wrong and certain*: another set, said to be told from the others; *error*: the",
        "median relative error of the coefficient where the kind is right.",
        "",
        "| system | noise | strength | runs | found | right kind | certain | wrong and certain | error |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    groups = itertools.product(SYSTEMS, NOISES, STRENGTHS)
    for system, noise, strength in groups:
        chosen = [r for r in rows if (r["system"], r["noise"], r["strength"]) == (system, noise, strength)]
        if chosen:
            lines.append(f"| {system} | {noise:.1%} | {strength:g} | {len(chosen)} | {_counts(chosen)} |")
    seconds = [row["seconds"] for row in rows]
    lines += ["", f"{len(rows)} runs, {sum(seconds):.0f} processor seconds, {max(seconds):.0f} at most for one."]
    return "\n".join(lines) + "\n"


def _counts(rows: list[dict]) -> str:
    right = [row for row in rows if row["right_motion"] and row["named"].split(",")[0] == row["kind"]]
    certain = [row for row in right if row["named"] == row["kind"]]
    wrong = [row for row in rows if row["found"] and row not in right and "," not in row["named"]]
    errors = [abs(row["found"][0][1] / row["coefficient"] - 1) for row in right]
    error = f"{np.median(errors):.1%}" if errors else " "
    return f"{sum(bool(r['found']) for r in rows)} | {len(right)} | {len(certain)} | {len(wrong)} | {error}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=Path, default=Path("friction.jsonl"))
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--systems", default=",".join(SYSTEMS))
    parser.add_argument("--table", type=Path)
    arguments = parser.parse_args()
    rows = [json.loads(line) for line in arguments.rows.read_text().splitlines()] if arguments.rows.exists() else []
    done = {tuple(row[name] for name in ("system", "kind", "strength", "noise", "seed")) for row in rows}
    spent = sum(row["seconds"] for row in rows)
    for key in keys():
        if key in done or key[0] not in arguments.systems.split(",") or spent > arguments.seconds:
            continue
        rows.append(measure(key))
        spent += rows[-1]["seconds"]
        with arguments.rows.open("a") as file:
            file.write(json.dumps(rows[-1]) + "\n")
    text = table(rows)
    print(text)
    if arguments.table:
        arguments.table.write_text(text)


if __name__ == "__main__":
    main()
