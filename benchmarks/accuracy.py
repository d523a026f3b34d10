"""How close a Lagrangian network comes, and how fast: error against CPU seconds on the double pendulum.

    python benchmarks/accuracy.py [--rows NAME,...] [--seeds 0,1,2,3,4] [--other-seeds 0] [--parts-seeds 0] [--anew]

Samples are drawn from the box of Cranmer et al. (2020), arXiv:2003.04630: angles uniform in [0, 2 pi), velocities
uniform in [-10, 10]; 20,000 with exact accelerations to learn from, 4,000 held out.  The error is that of the held-out
accelerations relative to their own root mean square.  A row is a network and an optimiser on one thread, for 60 seconds
of the process' own CPU time; SOAP and Adam are given the number of steps that fit into it, with a cosine.

The second table has the canonical parts of networks that Levenberg-Marquardt has trained for 120 seconds, against the
truth, after one common scale: root mean square errors relative to the truth's own.  M is read at v = 0; how much of a
free network's M depends on v, where it should not, is shown beside it.

Every run is written down in results/accuracy.json as it ends, so that a benchmark that was cut off goes on where it
was; results/accuracy.md is made of all that are there.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
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
SECONDS, PARTS_SECONDS = 60, 120
"""Of CPU time, for errors and for parts."""
MARKS = (15, 30, 60)
"""Seconds at which errors are shown."""
RESULTS = Path(__file__).parent / "results" / "accuracy.json"
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
        return f"{self.structure}-{self.optimizer}-{self.width}"

    @property
    def shown(self) -> str:
        optimizer = {"levenberg-marquardt": "Levenberg–Marquardt", "soap": "SOAP", "adam": "Adam"}[self.optimizer]
        return f"{self.structure} 2 × {self.width} | {optimizer}"


ROWS = (
    Row("free", "levenberg-marquardt", 32),
    Row("natural", "levenberg-marquardt", 32),
    Row("free", "soap", 32),
    Row("natural", "soap", 32),
    Row("free", "adam", 32),
    Row("natural", "adam", 32),
    Row("free", "soap", 64),
    Row("natural", "soap", 64),
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
    measured = revision()
    runs = {} if options.anew or not RESULTS.exists() else json.loads(RESULTS.read_text())
    for row, seed, seconds in planned(options):
        name = f"{row.name} seed {seed}"
        if runs.get(name, {}).get("seconds", 0) < seconds:
            runs[name] = {**trained(row, seed, seconds), "revision": measured}
            write(runs)
            print(name, runs[name], flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="", help="structure-optimizer-width, separated by commas; all without")
    parser.add_argument("--seeds", default="0,1,2,3,4", help="of Levenberg-Marquardt")
    parser.add_argument("--other-seeds", default="0", help="of SOAP and Adam")
    parser.add_argument("--parts-seeds", default="0", help="of Levenberg-Marquardt, those that go on to 120 s")
    parser.add_argument("--anew", action="store_true", help="forget the runs that are written down")
    return parser.parse_args()


def planned(options: argparse.Namespace) -> list[tuple[Row, int, float]]:
    """Rows, seeds and CPU seconds.  What Levenberg-Marquardt does does not depend on when it will end."""
    runs = []
    for row in (row for row in ROWS if not options.rows or row.name in options.rows.split(",")):
        second_order = row.optimizer == "levenberg-marquardt"
        for seed in (options.seeds if second_order else options.other_seeds).split(","):
            longer = second_order and seed in options.parts_seeds.split(",")
            runs.append((row, int(seed), PARTS_SECONDS if longer else SECONDS))
    return runs


def box(samples: int, seed: int) -> Jets:
    """Exact accelerations at random states."""
    generator = np.random.default_rng(seed)
    q, v = generator.uniform(0, 2 * np.pi, (samples, 2)), generator.uniform(-10, 10, (samples, 2))
    mechanics = compile_mechanics(SYSTEM.numeric_lagrangian, SYSTEM.space)
    return Jets.of_particle(np.zeros(samples), q, v, mechanics.acceleration(np.zeros(samples), q, v, np.zeros(0)))


def trained(row: Row, seed: int, seconds: float) -> dict[str, object]:
    """Errors at the marks and at the end, and the canonical parts at the end."""
    training, history = train(row, seed, seconds)
    errors = {
        str(mark): min((e for s, e in history if s <= mark), default=math.inf)
        for mark in {*MARKS, seconds}
        if mark <= seconds
    }
    found = parts(training.model.converted(torch.float64))
    return {"seconds": seconds, "errors": errors, "steps": training.step, **found}


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


def revision() -> str:
    """The commit that was measured, with a plus where files differ from it."""

    def git(*command: str) -> str:
        done = subprocess.run(["git", *command], cwd=RESULTS.parents[2], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", "lagsym", "benchmarks/accuracy.py")
    return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")


def write(runs: Mapping[str, Mapping]) -> None:
    """Write down all runs, and the tables made of them, each file as a whole."""
    RESULTS.parent.mkdir(exist_ok=True)
    for path, text in ((RESULTS, json.dumps(runs, indent=1) + "\n"), (RESULTS.with_suffix(".md"), report(runs))):
        unfinished = path.with_suffix(".tmp")
        unfinished.write_text(text)
        unfinished.replace(path)


def report(runs: Mapping[str, Mapping]) -> str:
    """The tables, in Markdown."""
    found = {row: [run for name, run in runs.items() if name.startswith(f"{row.name} seed ")] for row in ROWS}
    errors = [error_line(row, some) for row, some in found.items() if some]
    longest = {row: [run for run in some if run["seconds"] >= PARTS_SECONDS] for row, some in found.items()}
    canonical = [parts_line(row, some) for row, some in longest.items() if some]
    machine = f"one thread of {os.cpu_count()} cores ({platform.machine()})"
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "scipy"))
    revisions = ", ".join(sorted({run["revision"] for run in runs.values()}))
    return f"""# Accuracy on the double pendulum

The output of `python benchmarks/accuracy.py`, whose head says what is measured.
Revision {revisions}; {machine}; Python {platform.python_version()}, {packages}.

## Held-out relative error of accelerations after CPU seconds

Medians over the seeds and, after {SECONDS} s, the worst one.

{head("network", "optimiser", "seeds", *(f"{mark} s" for mark in MARKS), "worst", f"steps in {SECONDS} s")}
{"".join(errors)}
## Canonical parts after {PARTS_SECONDS} CPU seconds

Relative to the truth's own size, after one common scale; medians over the seeds.  The last column is the part of M that
depends on v.

{head("network", "optimiser", "seeds", f"error after {PARTS_SECONDS} s", "M(q)", "V(q)", "M by v")}
{"".join(canonical)}"""


def head(*names: str) -> str:
    return "| " + " | ".join(names) + " |\n" + "|---" * len(names) + "|"


def error_line(row: Row, runs: Sequence[Mapping]) -> str:
    at_marks = [[run["errors"][str(mark)] for run in runs] for mark in MARKS]
    shown = [*(f"{statistics.median(errors):.1e}" for errors in at_marks), f"{max(at_marks[-1]):.1e}"]
    steps = statistics.median(run["steps"] * SECONDS / run["seconds"] for run in runs)
    return "| " + " | ".join([row.shown, str(len(runs)), *shown, f"{steps:.0f}"]) + " |\n"


def parts_line(row: Row, runs: Sequence[Mapping]) -> str:
    errors = statistics.median(run["errors"][str(PARTS_SECONDS)] for run in runs)
    read = [statistics.median(run[key] for run in runs) for key in ("mass", "potential", "mass_by_velocity")]
    return "| " + " | ".join([row.shown, str(len(runs)), *(f"{x:.1e}" for x in (errors, *read))]) + " |\n"


if __name__ == "__main__":
    main()
