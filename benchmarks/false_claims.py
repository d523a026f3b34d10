"""False claims: `lagsym discover` on motion that has no Lagrangian in what was measured.

    python benchmarks/false_claims.py [--cases "NAME;..."] [--seeds 0,1,2,3] [--cap 300] [--again]

Each case is a table that a careless or unlucky user might bring: systems that are proved to have no Lagrangian, noise
alone, positions in shuffled order, lengths declared as angles and angles as lengths, and one coordinate of a chaotic
coupled system withheld. `status: recovered` is a false claim; `uncertain` and `not_lagrangian` are honest. Rows are
kept in `benchmarks/results/false_claims.jsonl`, the table beside it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from processes import limited
from rows import RESULTS, Row, Rows, markdown

from lagsym.data.trajectories import Segment, Trajectories
from lagsym.law.file import read_law
from lagsym.simulation import draw_parameters, simulate
from lagsym.systems import catalogue, get

CAP = 300.0
TRAJECTORIES = 20


@dataclass(frozen=True)
class Case:
    """A table that holds no law.

    Arguments:
        kind: why there is none.
        table: the table of a seed, and the columns that are called angles.
    """

    kind: str
    table: Callable[[int], tuple[Trajectories, tuple[str, ...]]]


def simulated(name: str, noise: float, seed: int) -> Trajectories:
    """Positions of a catalogue system with random parameters."""
    return simulate(
        draw_parameters(get(name), seed), trajectories=TRAJECTORIES, noise=noise, seed=seed
    ).positions_only()


def without_law(name: str, noise: float) -> Case:
    """Motion that a proof says has no Lagrangian."""
    return Case("no Lagrangian", lambda seed: (simulated(name, noise, seed), tuple(sorted(get(name).angles))))


def noise_alone(coordinates: int, *, walk: bool) -> Case:
    """Numbers that no law made: white noise, or a random walk."""

    def table(seed: int) -> tuple[Trajectories, tuple[str, ...]]:
        generator, t = np.random.default_rng(seed), 0.02 * np.arange(501)
        drawn = [generator.standard_normal((len(t), coordinates)) for _ in range(TRAJECTORIES)]
        segments = (Segment(t, np.cumsum(q, axis=0) if walk else q, trajectory=str(k)) for k, q in enumerate(drawn))
        return Trajectories(tuple("xyz"[:coordinates]), tuple(segments)), ()

    return Case("a random walk" if walk else "noise alone", table)


def shuffled(name: str) -> Case:
    """A system's positions in random order."""

    def table(seed: int) -> tuple[Trajectories, tuple[str, ...]]:
        motion, generator = simulated(name, 0.0, seed), np.random.default_rng(seed)
        segments = [replace(s, q=generator.permutation(s.q, axis=0)) for s in motion.segments]
        return motion.with_segments(segments), tuple(sorted(motion.angles))

    return Case("shuffled time", table)


def misdeclared(name: str, angles: tuple[str, ...]) -> Case:
    """Lengths that are called angles, or angles that are not called so."""
    return Case("wrong angles", lambda seed: (simulated(name, 0.0, seed), angles))


def withheld(name: str, kept: str) -> Case:
    """One coordinate of a coupled system; the other moves unseen."""

    def table(seed: int) -> tuple[Trajectories, tuple[str, ...]]:
        motion = simulated(name, 0.0, seed)
        column = motion.coordinates.index(kept)
        segments = tuple(replace(s, q=s.q[:, [column]]) for s in motion.segments)
        return Trajectories((kept,), segments), (kept,) if kept in motion.angles else ()

    return Case("a coordinate withheld", table)


def cases() -> Mapping[str, Case]:
    """All cases by name."""
    proved = [name for name, system in catalogue().items() if system.no_lagrangian]
    found = {f"{name} {noise:.0%}": without_law(name, noise) for name in proved for noise in (0.0, 0.01)}
    found |= {f"noise, {n} coordinates": noise_alone(n, walk=False) for n in (1, 2)}
    found |= {f"walk, {n} coordinates": noise_alone(n, walk=True) for n in (1, 2)}
    found |= {f"{name} shuffled": shuffled(name) for name in ("pendulum", "double_pendulum")}
    found |= {"mass_spring as an angle": misdeclared("mass_spring", ("x",))}
    found |= {"henon_heiles as angles": misdeclared("henon_heiles", ("x", "y"))}
    found |= {"pendulum as a length": misdeclared("pendulum", ())}
    found |= {"double_pendulum as lengths": misdeclared("double_pendulum", ())}
    found |= {f"{name}, {kept} alone": withheld(name, kept) for name, kept in HALVES}
    return found


HALVES = (("double_pendulum", "theta1"), ("double_pendulum", "theta2"), ("henon_heiles", "x"), ("spring_pendulum", "r"))


def claim(name: str, seed: int, cap: float) -> Row:
    """One `lagsym discover` in a process of its own, and what it claimed."""
    motion, angles = cases()[name].table(seed)
    with tempfile.TemporaryDirectory() as folder:
        table, output = Path(folder) / "data.csv", Path(folder) / "out"
        motion.to_frame().to_csv(table, index=False)
        command = [sys.executable, "-c", "from lagsym.cli import main; main()", "discover", str(table)]
        command += ["-o", str(output), *(["--angles", ",".join(angles)] if angles else [])]
        started = time.monotonic()
        done = limited(command, cap)
        seconds = round(time.monotonic() - started, 1)
        if done is None:
            return {"status": "not finished", "seconds": seconds, "cap": cap}
        row: Row = {"exit": done.returncode, "seconds": seconds}
        if done.returncode not in (0, 3):
            return row | {"status": "refused", "said": " ".join(done.stderr.splitlines()[-1:])}
        law = read_law(output / "law.json")
    return row | {
        "status": law.status,
        "held_out_r2": law.scores.get("held_out_r2"),
        "unconstrained_r2": law.scores.get("unconstrained_r2"),
        "lagrangian": None if law.lagrangian is None else str(law.lagrangian),
    }


def table(rows: list[Row]) -> str:
    """A line for each case: how often each status came."""
    names = cases()
    lines = []
    for name, case in names.items():
        group = [row for row in rows if row["case"] == name]
        if group:
            counts = [sum(row["status"] == status for row in group) for status in STATUSES]
            lines.append((case.kind, name, len(group), *counts))
    lines.append(("", "**all**", *(sum(line[k] for line in lines) for k in range(2, 3 + len(STATUSES)))))
    return markdown(("kind", "case", "runs", *(status.replace("_", " ") for status in STATUSES)), lines)


STATUSES = ("recovered", "uncertain", "not_lagrangian", "refused", "not finished")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default="")
    parser.add_argument("--seeds", default="0,1,2,3")
    parser.add_argument("--cap", type=float, default=CAP, help="processor seconds after which a run is given up")
    parser.add_argument("--again", action="store_true", help="measure rows of other revisions again")
    arguments = parser.parse_args()
    kept = Rows(RESULTS / "false_claims.jsonl", ("case", "seed"), again=arguments.again)
    for seed in map(int, arguments.seeds.split(",")):
        for name in filter(None, arguments.cases.split(";")) if arguments.cases else cases():
            row = kept.measure(
                {"case": name, "seed": seed}, lambda name=name, seed=seed: claim(name, seed, arguments.cap)
            )
            print(json.dumps({key: value for key, value in row.items() if key != "lagrangian"}), flush=True)
    revisions = ", ".join(sorted({str(row["revision"]) for row in kept.newest()}))
    seconds = [float(str(row["seconds"])) for row in kept.newest()]
    times = f"Seconds a run, one thread each: median {statistics.median(seconds):.0f}, longest {max(seconds):.0f}."
    text = f"{table(kept.newest())}\n\n{times}\n\nRevisions: {revisions}\n"
    (RESULTS / "false_claims.md").write_text(text)
    print(f"\n{text}")


if __name__ == "__main__":
    main()
