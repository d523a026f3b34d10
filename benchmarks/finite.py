"""Numbers that are none: every particle system of the catalogue, both optimisers, free networks.

    python benchmarks/finite.py [--systems NAME,...] [--seeds 0,1,2,3,4] [--again]

For each system with parameters drawn by the seed, a free network, L = ½|v|² + N(q, v), the kind that is hardest to keep
in bounds, learns the accelerations of simulated motion: so many steps of Levenberg and Marquardt's method in double
precision, and of SOAP in single precision. Counted are the steps whose loss or gradient was not a number (the training
leaves their batch out) and the weights that are none at the end.

Rows are kept in results/finite.jsonl, so the same command goes on after a cut; the table is results/finite.md.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from rows import RESULTS, Row, Rows, markdown

from lagsym.data.jets import Jets
from lagsym.mechanics.system import System
from lagsym.neural import STRUCTURES, FitOptions, Scaling
from lagsym.neural.examples import AccelerationExamples
from lagsym.neural.options import SCHEDULES, OptimizerName
from lagsym.neural.training import Training, error
from lagsym.simulation import draw_parameters, simulate
from lagsym.systems import catalogue

STEPS: dict[OptimizerName, int] = {"levenberg-marquardt": 60, "soap": 600}
TRAJECTORIES = 10
WIDTH = 16


def main() -> None:
    options = parse()
    torch.set_num_threads(1)
    rows = Rows(RESULTS / "finite.jsonl", ("system", "seed", "optimizer"), again=options.again)
    particles = {name: system for name, system in catalogue().items() if len(system.space.base) == 1}
    names = options.systems.split(",") if options.systems else list(particles)
    for name, seed, optimizer in itertools.product(names, options.seeds.split(","), STEPS):
        key = {"system": name, "seed": int(seed), "optimizer": optimizer}
        print(rows.measure(key, lambda key=key: measured(particles[key["system"]], key["seed"], key["optimizer"])))
    write(rows)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", default="", help="names of the catalogue; all particles by default")
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--again", action="store_true", help="measure rows of other revisions again")
    return parser.parse_args()


def motion(system: System, seed: int) -> Jets:
    return simulate(system, trajectories=TRAJECTORIES, seed=seed).jets()


def measured(system: System, seed: int, optimizer: OptimizerName) -> Row:
    begun = time.process_time()
    system = draw_parameters(system, seed)
    jets, held_out = motion(system, seed), motion(system, 1000 + seed)
    angles = tuple(i for i, name in enumerate(system.space.fields) if name in system.angles)
    model = STRUCTURES["free"](Scaling.of(jets, angles), width=WIDTH, seed=seed).converted(SCHEDULES[optimizer].dtype)
    steps = STEPS[optimizer]
    fit = FitOptions(structure="free", width=WIDTH, optimizer=optimizer, steps=steps, tolerance=0.0)
    examples, judge = (AccelerationExamples.of(part, model) for part in (jets, held_out))
    training = Training(model, examples, judge, fit, optimizer, seed)
    squares = [training.optimizer.step(examples.take(training.next_batch())) for _ in range(steps)]
    weights = torch.cat([parameter.detach().flatten() for parameter in model.network])
    return {
        "steps": steps,
        "bad_steps": sum(not math.isfinite(square) for square in squares),
        "bad_weights": int((~weights.isfinite()).sum()),
        "error": error(model, judge),
        "seconds": round(time.process_time() - begun, 2),
    }


def write(rows: Rows) -> None:
    newest, lines = rows.newest(), []
    for name in dict.fromkeys(row["system"] for row in newest):
        cells: list[object] = [name]
        for optimizer in STEPS:
            own = [row for row in newest if row["system"] == name and row["optimizer"] == optimizer]
            cells += [sum(row["bad_steps"] + row["bad_weights"] for row in own) if own else None]
        lines.append([*cells, len({row["seed"] for row in newest if row["system"] == name})])
    bad = sum(row["bad_steps"] + row["bad_weights"] for row in newest)
    header = ("system", *STEPS, "seeds")
    text = (
        f"# Numbers that are none\n\nBy `python benchmarks/finite.py`, which says how; revisions "
        f"{', '.join(sorted({str(row['revision']) for row in newest}))}. Free networks of 2 × {WIDTH} units, "
        f"{STEPS['levenberg-marquardt']} steps of Levenberg and Marquardt's method and {STEPS['soap']} of SOAP.\n\n"
        f"**{bad}** steps or weights that are not numbers in {len(newest)} trainings:\n\n"
    )
    (RESULTS / "finite.md").write_text(text + markdown(header, lines) + "\n")


if __name__ == "__main__":
    main()
