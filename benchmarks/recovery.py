"""Recovery of the catalogue: `lagsym run NAME --seed S` for conservative systems and seeds, as a user would run it.

    python benchmarks/recovery.py [--systems NAME,...] [--seeds 0,1,2] [--json recovery.json] [-- OPTION ...]

Prints, for each run, the verdict, the largest relative error of a constant, the held-out R² and the seconds of wall
time. What stands after `--` is handed to `lagsym run`. The error is against the constants with which the law would be
the reference exactly.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lagsym.law_file import read_law
from lagsym.simulation import draw_parameters
from lagsym.systems import get
from lagsym.verification import verify_law

SYSTEMS = ("mass_spring", "pendulum", "double_pendulum", "kepler", "spring_pendulum", "coupled_oscillators")


def recover(name: str, seed: int, options: list[str]) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "out"
        command = [sys.executable, "-c", "from lagsym.cli import main; main()", "run", name, "--seed", str(seed)]
        started = time.monotonic()
        done = subprocess.run([*command, "-o", str(output), *options], capture_output=True, text=True, check=False)
        seconds = time.monotonic() - started
        if done.returncode not in (0, 4):
            return {"system": name, "seed": seed, "verdict": done.stderr.strip()[-200:], "seconds": seconds}
        law = read_law(output / "law.json")
    verdict = verify_law(law, draw_parameters(get(name), seed))
    errors = [abs(c.value / verdict.refitted[c.name] - 1) for c in law.constants if verdict.refitted.get(c.name)]
    return {
        "system": name,
        "seed": seed,
        "verdict": verdict.kind,
        "largest_relative_error": max(errors, default=None),
        "held_out_r2": law.scores["held_out_r2"],
        "multipliers": law.multipliers,
        "seconds": seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", default=",".join(SYSTEMS))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--json", type=Path)
    parser.add_argument("options", nargs="*")
    arguments = parser.parse_args()
    rows = []
    print("| system | seed | verdict | largest relative error | held-out R² | seconds |\n|---|---|---|---|---|---|")
    for name in arguments.systems.split(","):
        for seed in map(int, arguments.seeds.split(",")):
            row = recover(name, seed, arguments.options)
            error, score = row.get("largest_relative_error"), row.get("held_out_r2")
            numbers = [
                " " if value is None else form.format(value) for form, value in (("{:.0e}", error), ("{:.6f}", score))
            ]
            print(f"| {name} | {seed} | {row['verdict']} | {' | '.join(numbers)} | {row['seconds']:.0f} |", flush=True)
            rows.append(row)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
