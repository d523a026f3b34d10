"""How the cost of fields grows with the grid: training steps of networks, and whole discoveries.

    python benchmarks/fields.py [--sites 64,256,1024,4096] [--only STEP,...] [--again]

Five runs of the field phi4 with 121 snapshots over 6 units of time. The distance of sites is the same on all grids, so
that a larger grid is a longer line with as many waves more; beyond 256 sites their motion repeats. Each number comes
from a process of its own: processor seconds of a step, or of one discovery, and the growth of its memory. Simulating is
not counted. Rows are kept in `benchmarks/results/fields.jsonl`; `results/fields.md` is their table.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from processes import alone
from rows import RESULTS, Row, Rows, markdown

from lagsym.data.grid_derivatives import differentiate
from lagsym.data.lattice import Lattice
from lagsym.discovery import DiscoveryOptions, discover
from lagsym.distillation.options import ChoiceOptions
from lagsym.mechanics.system import Region
from lagsym.neural.device import one_thread
from lagsym.neural.examples import Examples
from lagsym.neural.fields import FIELD_OPTIONS, FieldMotion, NaturalDensity
from lagsym.neural.fields.examples import FieldRateExamples
from lagsym.neural.fields.scaling import FieldScaling
from lagsym.neural.graphs import Averages, GraphForm, GraphLagrangian, chain
from lagsym.neural.graphs.fitting import GraphExamples
from lagsym.neural.optimizers import LevenbergMarquardt
from lagsym.neural.sweeps import mean_square_and_gradient
from lagsym.neural.training import Training
from lagsym.simulation import simulate
from lagsym.systems import get

SPACING, RUNS = 20 / 128, 5
SITES_PER_MODE = 32
"""The shortest wave of the initial conditions has so many sites."""
MOST_SIMULATED = 256
SPAN, STEP = 6.0, 0.05
SNAPSHOTS = 8
"""Of one run, for steps that see every site of a grid."""
BLOCKS, LONG_ENOUGH = 3, 0.5
"""Blocks of steps, and the seconds that one takes at least: the clock is coarse."""
CAP = 1200.0


@lru_cache(maxsize=1)
def fields(sites: int) -> Lattice:
    """What is learned from; a ring of many sites repeats the motion of one with fewer, which obeys the same law."""
    simulated = min(sites, MOST_SIMULATED)
    region = Region(length=SPACING * simulated, sites=simulated, modes=simulated // SITES_PER_MODE, runs=RUNS)
    data = cast("Lattice", simulate(get("phi4"), region=region, span=SPAN, step=STEP, seed=0)).positions_only()
    x, copies = SPACING * np.arange(sites), sites // simulated
    return data.with_records(replace(r, axes=(x,), u=np.tile(r.u, (1, copies, 1))) for r in data.records)


# --------------------------------------------------------------------------------------------- training steps


def density_step(step: str, data: Lattice) -> Row:
    """A density network's step: 'batch' is a fit's own; 'all' and 'gradient' see every site of some snapshots."""
    if step == "batch":
        jets = FieldMotion(data).jets
    else:
        record = data.records[0]
        middle = record.t[len(record.t) // 2]
        smooth = differentiate(data)
        every = smooth.jets()
        chosen = np.flatnonzero((every.x[:, 0] >= middle) & (every.x[:, 0] < middle + SNAPSHOTS * record.steps[0]))
        jets = every.take(chosen[: SNAPSHOTS * len(record.axes[0])])
    model = NaturalDensity(FieldScaling.of(jets), width=FIELD_OPTIONS.width, seed=0)
    return timed(step, model, FieldRateExamples.of(jets, model))


def graph_step(step: str, data: Lattice) -> Row:
    """A graph network's step on a ring of as many nodes as sites; names as of `density_step`."""
    sites = len(data.records[0].axes[0])
    q = data.records[0].u[-SNAPSHOTS:]
    acceleration = np.roll(q, 1, 1) - 2 * q + np.roll(q, -1, 1) - np.sin(q)
    seen, graph, form = (q, 0.1 * q, acceleration), chain(sites, ring=True), GraphForm(components=1)
    model = GraphLagrangian(form, form.eyes().scaling(graph, *seen), width=FIELD_OPTIONS.width, seed=0)
    return timed(step, model, GraphExamples.of(model, graph, Averages.of_states(seen)))


def timed(step: str, model: Any, examples: Examples) -> Row:
    """Processor seconds of a step."""
    network = cast("Any", model)
    with one_thread():
        if step == "gradient":
            return {"seconds": best(lambda: mean_square_and_gradient(network, examples)), "examples": len(examples)}
        if step == "all":
            optimiser = LevenbergMarquardt(network, len(examples))
            return {"seconds": best(lambda: optimiser.step(examples)), "examples": len(examples)}
        training = Training(network, examples, examples, FIELD_OPTIONS, "levenberg-marquardt", 0)
        taken = best(lambda: training.optimizer.step(training.examples.take(training.next_batch())))
        return {"seconds": taken, "examples": min(training.batch, len(examples))}


def best(step: Callable[[], object]) -> float:
    """Processor seconds of a step: the best of several blocks, each long enough for the clock."""
    step()
    count, taken = 1, block(step, 1)
    while taken < LONG_ENOUGH:
        count *= 2
        taken = block(step, count)
    return min([taken, *(block(step, count) for _ in range(BLOCKS - 1))]) / count


def block(step: Callable[[], object], count: int) -> float:
    started = time.process_time()
    for _ in range(count):
        step()
    return time.process_time() - started


# ------------------------------------------------------------------------------------------ whole discoveries


def discovery(evidence: str, data: Lattice) -> Row:
    """A whole discovery, and what each stage took."""
    stages: dict[str, float] = {}
    started, marks = time.process_time(), []
    law = discover(
        data,
        options=DiscoveryOptions(ChoiceOptions(evidence)),
        report=lambda stage: marks.append((stage, time.process_time())),
    ).law
    ended = time.process_time()
    for (stage, begun), (_, over) in zip(marks, [*marks[1:], ("", ended)], strict=True):
        stages[stage] = round(over - begun, 2)
    return {"seconds": ended - started, "stages": stages, "lagrangian": str(law.numeric_lagrangian)}


STEPS: dict[str, Callable[[Lattice], Row]] = {
    "density network, a fit's batch": partial(density_step, "batch"),
    "density network, all sites": partial(density_step, "all"),
    "density network, gradient, all sites": partial(density_step, "gradient"),
    "graph network, a fit's batch": partial(graph_step, "batch"),
    "graph network, all sites": partial(graph_step, "all"),
    "graph network, gradient, all sites": partial(graph_step, "gradient"),
    "discovery, data alone": partial(discovery, "data"),
    "discovery, network and data": partial(discovery, "both"),
}


def table(rows: list[Row]) -> str:
    """Seconds and memory at every size, and ratios to the smallest."""
    sizes = sorted({int(str(row["sites"])) for row in rows})
    lines = []
    for name in STEPS:
        own = {int(str(row["sites"])): row for row in rows if row["step"] == name}
        if sizes[0] in own:
            for part, unit in (("seconds", "CPU s"), ("grown_mb", "MB")):
                lines.append((name, unit, *(cell(own.get(size, {}), own[sizes[0]], part) for size in sizes)))
    growth = ("goal: no more than", "", *(f"{size / sizes[0]:.0f}" for size in sizes))
    revisions = ", ".join(sorted({str(row["revision"]) for row in rows}))
    header = ("step", "in", *(f"{size} sites" for size in sizes))
    return f"{markdown(header, [*lines, growth])}\n\nRevision {revisions}."


def cell(row: Row, first: Row, part: str) -> str | None:
    """A number with its ratio to the first one."""
    if "failure" in row:
        return str(row["failure"])
    if part not in row:
        return None
    value, reference = float(str(row[part])), float(str(first[part]))
    return f"{value:.3g} ({value / reference:.1f})" if reference and row is not first else f"{value:.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", default="64,256,1024,4096")
    parser.add_argument("--only", default="", help="the beginning of the names of steps, separated by ;")
    parser.add_argument("--results", type=Path, default=RESULTS / "fields.jsonl")
    parser.add_argument("--again", action="store_true", help="measure rows of other revisions again")
    options = parser.parse_args()
    torch.set_num_threads(1)
    kept = Rows(options.results, ("step", "sites"), again=options.again)
    chosen = [name for name in STEPS if name.startswith(tuple(options.only.split(";")))]
    for sites in map(int, options.sites.split(",")):
        for name in chosen:
            row = kept.measure(
                {"step": name, "sites": sites},
                lambda name=name, sites=sites: alone(partial(STEPS[name], fields(sites)), CAP),
            )
            print(json.dumps(row), flush=True)
    about = (
        "# Fields: cost by the size of the grid\n\nWritten by `python benchmarks/fields.py`; see there for what was "
    )
    about += (
        "done. In brackets the ratio to the smallest grid. *all sites*: of eight snapshots of one run; *MB*: growth "
    )
    about += "of the process's memory.\n\n"
    options.results.with_suffix(".md").write_text(about + table(kept.newest()) + "\n")


if __name__ == "__main__":
    main()
