"""How close a Lagrangian network comes, and how fast: error against CPU seconds on the double pendulum.

    python benchmarks/accuracy.py [--seconds 60] [--seeds 0,1,2,3,4] [--rows NAME,...] [--json accuracy.json]

Samples are drawn from the box of Cranmer et al. (2020), arXiv:2003.04630: angles uniform in [0, 2 pi), velocities
uniform in [-10, 10]; 20,000 with exact accelerations to learn from, 4,000 held out.  The error is that of the held-out
accelerations relative to their own root mean square.  A row is a network and an optimiser on one thread, for so many
seconds of the process' own CPU time; SOAP and Adam are given the number of steps that fit into it, with a cosine.

The last columns are the canonical parts of the trained network against the truth, after one common scale: root mean
square errors relative to the truth's own.  For free networks M is read at v = 0; how much of it depends on v, where it
should not, is shown beside it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from lagsym import systems
from lagsym.data.jets import Jets
from lagsym.mechanics.dynamics.numeric import compile_mechanics
from lagsym.neural import STRUCTURES, FitOptions, FitProgress, NetworkLagrangian, Scaling
from lagsym.neural.baselines import AccelerationNetwork
from lagsym.neural.device import keep_freed_memory
from lagsym.neural.examples import LOSSES, AccelerationExamples, Examples
from lagsym.neural.options import SCHEDULES
from lagsym.neural.training import Training

SYSTEM = systems.get("double_pendulum").with_parameters({"g": 9.8})
SAMPLES, HELD_OUT = 20_000, 4_000
MARKS = (0.25, 0.5, 1.0)
"""Shares of the time at which errors are shown."""
TRIAL = 40
"""Steps that are timed to see how many fit."""


@dataclass(frozen=True)
class Row:
    """A network and what trains it."""

    structure: str
    optimizer: str
    width: int

    @property
    def name(self) -> str:
        return f"{self.structure}-{self.optimizer}"


ROWS = (
    Row("natural", "levenberg-marquardt", 32),
    Row("free", "levenberg-marquardt", 32),
    Row("natural", "soap", 32),
    Row("free", "soap", 32),
    Row("natural", "soap", 64),
    Row("free", "soap", 64),
    Row("natural", "adam", 64),
    Row("free", "adam", 64),
)


class Adam:
    """The usual optimiser with the same warm-up, cosine and clipping as SOAP here."""

    RATE, WARM_UP, CLIP = 2e-3, 100, 1.0

    def __init__(self, model: NetworkLagrangian, steps: int) -> None:
        self.model, self.steps, self.taken = model, steps, 0
        self.optimizer = torch.optim.Adam(model.network, lr=self.RATE)

    def step(self, examples: Examples) -> float:
        loss = examples.residuals(self.model, self.model.outputs(examples.inputs)).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(list(self.model.network), self.CLIP)
        cosine = 0.5 * (1 + math.cos(math.pi * self.taken / self.steps))
        self.taken += 1
        for group in self.optimizer.param_groups:
            group["lr"] = self.RATE * min(1.0, self.taken / self.WARM_UP) * (cosine + 1e-4)
        if bool(norm.isfinite()):
            self.optimizer.step()
        return float(loss.detach())


class EnoughError(Exception):
    """The CPU time is used up."""


def main() -> None:
    options = parse()
    torch.set_num_threads(1)
    keep_freed_memory()
    results = []
    for row in (row for row in ROWS if not options.rows or f"{row.name}-{row.width}" in options.rows.split(",")):
        found = [trained(row, seed, options.seconds) for seed in map(int, options.seeds.split(","))]
        results.append({**asdict(row), "seeds": found})
        print(line(row, found), flush=True)
    if options.json:
        options.json.write_text(json.dumps({"seconds": options.seconds, "rows": results}, indent=1))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="of CPU time for each run")
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--rows", default="", help="structure-optimizer-width, separated by commas; all without")
    parser.add_argument("--json", type=Path, help="write the numbers here, too")
    return parser.parse_args()


def box(samples: int, seed: int) -> Jets:
    """Exact accelerations at random states."""
    generator = np.random.default_rng(seed)
    q, v = generator.uniform(0, 2 * np.pi, (samples, 2)), generator.uniform(-10, 10, (samples, 2))
    mechanics = compile_mechanics(SYSTEM.numeric_lagrangian, SYSTEM.space)
    return Jets.of_particle(np.zeros(samples), q, v, mechanics.acceleration(np.zeros(samples), q, v, np.zeros(0)))


def trained(row: Row, seed: int, seconds: float) -> dict[str, object]:
    """Errors at the marks, and the canonical parts at the end."""
    training, history = train(row, seed, seconds)
    errors = [min((e for s, e in history if s <= mark * seconds), default=math.inf) for mark in MARKS]
    return {"seed": seed, "errors": errors, "steps": training.step, **parts(training.model.converted(torch.float64))}


def train(row: Row, seed: int, seconds: float) -> tuple[Training, list[tuple[float, float]]]:
    """Train for so many CPU seconds; the model with its best parameters, and the errors with their times."""
    jets, held_out = box(SAMPLES, seed), box(HELD_OUT, 1000 + seed)
    return train_for(lambda steps: prepared(row, jets, held_out, seed, steps), row.optimizer, seconds)


def train_for(
    prepare: Callable[[int], Training], optimizer: str, seconds: float
) -> tuple[Training, list[tuple[float, float]]]:
    """Train for so many CPU seconds; with its best parameters, and the errors with their times.

    Arguments:
        prepare: a training of so many steps, at its beginning.
        optimizer: "levenberg-marquardt", which takes what steps it can, or one whose rate falls over given steps.
        seconds: of CPU time.
    """
    steps = 10**6 if optimizer == "levenberg-marquardt" else fitting_steps(prepare, seconds)
    training, history = prepare(steps), []
    started = time.process_time()

    def watch(entry: FitProgress) -> None:
        spent = time.process_time() - started
        history.append((spent, entry.held_out_error))
        if spent > seconds:
            raise EnoughError

    try:
        training.run(watch)
    except EnoughError:
        with torch.no_grad():
            for parameter, best in zip(training.model.network, training.best, strict=True):
                parameter.copy_(best)
    return training, history


def prepared(row: Row, jets: Jets, held_out: Jets, seed: int, steps: int) -> Training:
    known = row.optimizer if row.optimizer in SCHEDULES else "soap"
    options = FitOptions(width=row.width, optimizer=known, steps=steps, tolerance=0.0)
    build = {**STRUCTURES, "perceptron": AccelerationNetwork}[row.structure]
    model = build(Scaling.of(jets, (0, 1)), width=row.width, seed=seed)
    model = model.converted(SCHEDULES[known].dtype)
    examples = LOSSES["acceleration"].of(jets, model)
    training = Training(model, examples, AccelerationExamples.of(held_out, model), options, known, seed)
    if row.optimizer == "adam":
        training.optimizer = Adam(model, steps)
    return training


def fitting_steps(prepare: Callable[[int], Training], seconds: float) -> int:
    """How many steps, evaluations included, fit into the time."""
    training = prepare(10**6)

    def steps() -> None:
        for _ in range(TRIAL):
            training.optimizer.step(training.examples.take(training.next_batch()))

    steps()
    step = timed(steps) / TRIAL
    evaluation = timed(lambda: training.held_out.error(training.model)) / training.schedule.every
    return max(1, int(0.97 * seconds / (step + evaluation)))


def timed(action: Callable[[], object]) -> float:
    started = time.process_time()
    action()
    return time.process_time() - started


def parts(model: NetworkLagrangian) -> dict[str, float]:
    """Relative errors of M and V after one scale, and the share of M that depends on v."""
    jets = box(HELD_OUT, 77)
    reading = model.read(jets)
    mechanics = compile_mechanics(SYSTEM.numeric_lagrangian, SYSTEM.space)
    true_mass, _ = mechanics.mass_and_force(np.zeros(len(jets)), jets.q, jets.v, np.zeros(0))
    values = SYSTEM.parameters
    levels = (values["m1"] + values["m2"]) * values["l1"] * np.cos(jets.q[:, 0])
    potential = -values["g"] * (levels + values["m2"] * values["l2"] * np.cos(jets.q[:, 1]))
    scale = np.vdot(reading.mass_at_rest, true_mass) / np.vdot(true_mass, true_mass)
    centred = [x - x.mean() for x in (reading.potential / scale, potential)]
    return {
        "mass": relative(reading.mass_at_rest / scale - true_mass, true_mass),
        "potential": relative(centred[0] - centred[1], centred[1]),
        "mass_by_velocity": relative(reading.mass - reading.mass_at_rest, reading.mass_at_rest),
    }


def relative(rest: np.ndarray, whole: np.ndarray) -> float:
    return float(np.linalg.norm(rest) / np.linalg.norm(whole))


def line(row: Row, found: list[dict]) -> str:
    """Median and worst over the seeds."""
    at_marks = list(zip(*(result["errors"] for result in found), strict=True))
    shown = [f"{statistics.median(errors):.1e}" for errors in at_marks]
    columns = [f"{row.structure} 2x{row.width}", row.optimizer, *shown, f"{max(at_marks[-1]):.1e}"]
    columns += [f"{statistics.median(r[key] for r in found):.1e}" for key in ("mass", "potential", "mass_by_velocity")]
    return "| " + " | ".join(columns) + " |"


if __name__ == "__main__":
    print("| network | optimiser | 1/4 of the time | 1/2 | all | worst seed | M | V | M by v |\n" + "|---" * 9 + "|")
    sys.exit(main())
