"""Recovery of the catalogue: `lagsym run NAME --seed S`, as a user would run it, over noise and engines.

    python benchmarks/recovery.py [--systems eleven|conservative|NAME,...] [--noise 0,0.001,...] [--seeds 0,1,2]
                                  [--engines auto,sparse,...] [--evidence auto|data|both|network] [--trajectories N]
                                  [--again]

Parameters are drawn at random for every seed. Only positions are measured; noise is relative to their standard
deviation. A run counts as recovered when it ends with exit code 0, `status` is `recovered`, and the verdict is
`identical` or `gauge-equivalent`, or `same dynamics` by a constant multiplier where several of those exist. Errors of
constants are against those with which the law would be the reference exactly. Rows are kept in
`benchmarks/results/recovery.jsonl` as they are measured, with the revision; the table is written beside it. The cap is
one of processor seconds.

The engines `py-xl-sindy`, `naive-free` and `naive-structured` are rivals on the same data, see `rivals.py`. Their rows
say beside `recovered`, which is after lagsym fitted the constants, what was right `as_it_comes`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from processes import limited
from rival_judging import rival_row
from rivals import RIVALS, missing
from rows import RESULTS, Row, Rows, markdown

from lagsym.data.trajectories import Trajectories
from lagsym.distillation.engines import availability
from lagsym.law.file import read_law
from lagsym.mechanics.system import System
from lagsym.simulation import draw_parameters, simulate
from lagsym.systems import catalogue, get
from lagsym.verification import verify_law

ELEVEN = (
    "mass_spring",
    "pendulum",
    "double_pendulum",
    "spring_pendulum",
    "henon_heiles",
    "kepler",
    "kepler_cartesian",
    "cart_pole",
    "charged_particle_magnetic",
    "spherical_pendulum",
    "relativistic_2d",
)
KEYS = ("system", "noise", "seed", "engine", "evidence", "trajectories")
CAP = 120.0
"""Processor seconds after which a discovery counts as failed: what else runs does not matter."""


def conservative() -> tuple[str, ...]:
    """The particles of the catalogue that have a Lagrangian, no friction and no driving force."""
    return tuple(name for name, system in catalogue().items() if _is_conservative(system))


def _is_conservative(system: System) -> bool:
    if len(system.space.base) > 1 or system.dissipation or system.forces:
        return False
    return not system.lagrangian.free_symbols & set(system.space.base_symbols)


def recover(key: dict[str, object], cap: float) -> Row:
    """One `lagsym run` in a process of its own, and what came of it."""
    name, seed = str(key["system"]), str(key["seed"])
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "out"
        command = [sys.executable, "-c", "from lagsym.cli import main; main()", "run", name, "--seed", seed]
        command += ["--noise", str(key["noise"]), "--positions-only", "--engine", str(key["engine"])]
        command += ["--evidence", str(key["evidence"]), "-o", str(output)]
        if key["trajectories"] is not None:
            command += ["--trajectories", str(key["trajectories"])]
        started = time.monotonic()
        done = limited(command, cap)
        seconds = round(time.monotonic() - started, 1)
        if done is None:
            return {"recovered": False, "verdict": f"not finished after {cap:.0f} s", "seconds": seconds}
        if done.returncode not in (0, 3, 4):
            return {"recovered": False, "verdict": " ".join(done.stderr.splitlines()[-1:]), "seconds": seconds}
        law = read_law(output / "law.json")
    row: Row = {"verdict": law.verdict or law.status, "status": law.status, "seconds": seconds}
    if law.lagrangian is None:
        return row | {"recovered": False}
    verdict = verify_law(law, draw_parameters(get(name), int(seed)))
    errors = [abs(c.value / verdict.refitted[c.name] - 1) for c in law.constants if verdict.refitted.get(c.name)]
    same = verdict.kind in {"identical", "gauge-equivalent"} or (
        verdict.kind == "same dynamics" and law.multipliers > 1
    )
    return row | {
        "recovered": same and law.status == "recovered" and done.returncode == 0,
        "largest_error": max(errors, default=None),
        "held_out_r2": law.scores.get("held_out_r2"),
        "multipliers": law.multipliers,
        "lagrangian": str(law.lagrangian),
    }


def rival(key: dict[str, object], cap: float) -> Row:
    """What a rival makes of the data that `lagsym run` would simulate."""
    seed = int(str(key["seed"]))
    reference = draw_parameters(get(str(key["system"])), seed)
    count = None if key["trajectories"] is None else int(str(key["trajectories"]))
    data = simulate(reference, noise=float(str(key["noise"])), trajectories=count, seed=seed)
    assert isinstance(data, Trajectories)
    started = time.monotonic()
    row = rival_row(str(key["engine"]), reference, data.positions_only(), seed, cap)
    return row | {"seconds": round(time.monotonic() - started, 1)}


def timed(key: dict[str, object], cap: float) -> Row:
    """The row with the processor seconds of its processes, in which a rival's formulas are not yet judged."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    row = (rival if key["engine"] in RIVALS else recover)(key, cap)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return row | {"cpu_seconds": round(used, 1)}


def table(rows: list[Row]) -> str:
    """A line for each system, noise and engine: how many seeds recovered, the worst error, the median time."""
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["system"], *_how(row)), []).append(row)
    lines = []
    for (system, engine, evidence, trajectories, noise), group in sorted(groups.items(), key=lambda item: str(item[0])):
        good = [row for row in group if row["recovered"]]
        errors = [float(str(row["largest_error"])) for row in good if row.get("largest_error") is not None]
        seconds = statistics.median([float(str(row["seconds"])) for row in group])
        used = [float(str(row["cpu_seconds"])) for row in group if "cpu_seconds" in row]
        worst = f"{max(errors):.0e}" if errors else None
        rest = ", ".join(sorted({str(row["verdict"]) for row in group if not row["recovered"]}))
        revisions = ", ".join(sorted({str(row["revision"]) for row in group}))
        lines.append(
            (
                f"`{system}`",
                engine,
                evidence,
                trajectories,
                f"{noise:.1%}",
                f"{len(good)} of {len(group)}",
                worst,
                f"{seconds:.0f}",
                f"{statistics.median(used):.0f}" if used else None,
                rest,
                revisions,
            )
        )
    header = (
        "system",
        "engine",
        "evidence",
        "trajectories",
        "noise",
        "recovered",
        "largest error",
        "median s",
        "median processor s",
        "otherwise",
        "revision",
    )
    return markdown(header, lines)


def totals(rows: list[Row]) -> str:
    """Shares of recovered runs over the eleven systems and over all, by noise and engine."""
    lines = []
    for engine, evidence, trajectories, noise in sorted({_how(row) for row in rows}):
        runs = [row for row in rows if _how(row) == (engine, evidence, trajectories, noise)]
        eleven = [row for row in runs if row["system"] in ELEVEN]
        offered = [row for row in runs if "as_it_comes" in row]
        line = (
            engine,
            evidence,
            trajectories,
            f"{noise:.1%}",
            _share(eleven),
            _share(runs),
            _share(offered, "as_it_comes"),
        )
        lines.append(line)
    header = (
        "engine",
        "evidence",
        "trajectories",
        "noise",
        "the eleven systems",
        "all that were run",
        "without lagsym's constants",
    )
    return markdown(header, lines)


def _how(row: Row) -> tuple[str, str, str, float]:
    """How a run was made: engine, evidence, trajectories (the usual 20 unless they are named), noise."""
    return str(row["engine"]), str(row["evidence"]), str(row.get("trajectories") or 20), float(str(row["noise"]))


def _share(rows: list[Row], column: str = "recovered") -> str | None:
    if not rows:
        return None
    good = sum(bool(row[column]) for row in rows)
    return f"{good} of {len(rows)} ({good / len(rows):.0%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", default="eleven")
    parser.add_argument("--noise", default="0,0.001,0.01,0.02,0.05")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--engines", default="auto")
    parser.add_argument("--evidence", default="auto")
    parser.add_argument("--trajectories", type=int, help="how many are simulated, 20 unless they are named")
    parser.add_argument("--cap", type=float, default=CAP, help="processor seconds after which a run counts as failed")
    parser.add_argument("--results", type=Path, default=RESULTS / "recovery.jsonl")
    parser.add_argument("--again", action="store_true", help="measure rows of other revisions again")
    measure(parser.parse_args())


def measure(arguments: argparse.Namespace) -> None:
    """Measure what is missing, print each row as it comes, and write the tables."""
    kept = Rows(arguments.results, KEYS, again=arguments.again)
    named = {"eleven": ELEVEN, "conservative": conservative()}
    systems: Sequence[str] = named.get(arguments.systems, tuple(arguments.systems.split(",")))
    ready = availability()
    noises, seeds = map(float, arguments.noise.split(",")), map(int, arguments.seeds.split(","))
    for engine, noise, seed, system in itertools.product(arguments.engines.split(","), noises, seeds, systems):
        reason = missing(engine) if engine in RIVALS else ready[engine]
        if reason is not None:
            print(f"{engine}: not run, {reason}")
            continue
        evidence = "its own" if engine in RIVALS else arguments.evidence
        values = (system, noise, seed, engine, evidence, arguments.trajectories)
        key: dict[str, object] = dict(zip(KEYS, values, strict=True))
        row = kept.measure(key, lambda key=key: timed(key, arguments.cap))
        print(json.dumps({name: value for name, value in row.items() if name != "lagrangian"}), flush=True)
    text = f"{totals(kept.newest())}\n\n{table(kept.newest())}\n"
    arguments.results.with_suffix(".md").write_text(text)
    print(f"\n{text}")


if __name__ == "__main__":
    main()
