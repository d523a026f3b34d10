"""The waves of the paper of 2020: a graph network of the lattice, a density network of the field, and their laws.

    python benchmarks/wave_graph.py [--cases NAME,...] [--seeds 0] [--again]

Cranmer et al. (2020), arXiv:2003.04630, learn a Lagrangian density of three neighbouring sites of a ring,
q_(i-1), q_i, q_(i+1) and their rates, and sum it over the sites; the motion is to be that of the wave equation.  Their
published notebook (`notebooks/WaveEquation.ipynb` of the repository `lagrangian_nns`) takes dx = 0.1 and

    q_i'' = (q_(i+1) - 2 q_i + q_(i-1)) / (2 dx),

where the Laplacian has dx^2: what moves there is the wave equation with the speed sqrt(dx / 2) = 0.22 in place of 1.
Both are measured here, `theirs` with the coupling 1 / (2 dx) = 5 and `right` with 1 / dx^2 = 100.  They differ by the
unit of time alone, which all times here are in: what differs between their rows is rounding, and what training makes of
it.

What else is not as theirs: the notebook learns from random states of ten sites, by Adam and with three layers of 400
units, and follows a pulse on a hundred sites.  Here networks learn from waves of up to ten periods on a ring of a
hundred sites, and follow others of these once round the ring; the waves are exact, by their normal modes.

On the lattice, a graph network has N(q, q') at every site and edges e(a, b) of two kinds, to the next site and
to the one after it; which of them matters it has to find.  The unconstrained network is one perceptron of as many
weights that gives q_i'' from the five sites around i, with a linear function beside it or without; each of
Levenberg-Marquardt, SOAP and Adam gets the CPU time that the graph network took, and the best on held-out data
counts.  New waves are rolled out by the Runge-Kutta method in a thousand steps.

As a field over time and space, the same waves without dispersion are learned by density networks; that half is in
`wave_density.py`.  The halves meet in the last table: the distilled law of the lattice becomes a density by
`law_density`, that of the field is one.

An error is the largest on the way, relative to the root mean square of q; drifts are the largest changes of energy,
over what it was at the start.

Rows are kept in `results/wave_graph.jsonl`, the tables beside it.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import wave_density
from rows import RESULTS, Row, Rows, markdown
from stepping import roll_out
from torch import Tensor
from unconstrained import best
from waves import COUPLING, DX, POINTS, crossing, judged, waves, written

from lagsym.distillation.graphs import GraphLaw, distill_graph, law_density
from lagsym.neural.examples import Examples
from lagsym.neural.graphs import Graph, GraphForm, GraphOptions, chain, fit_graph, graph_error
from lagsym.neural.models.perceptrons import Perceptrons
from lagsym.neural.models.records import Net
from lagsym.neural.operators import values

WAVES, HELD_OUT, NEW = 20, 5, 2
TIMES = np.array([0, 0.073, 0.146])  # in crossings of the ring
STEPS = 1000
WIDTH = 16
GRAPH = Graph(
    POINTS,
    (*chain(POINTS, ring=True).edges, *chain(POINTS, ring=True, reach=2).edges),
    kinds=(0,) * POINTS + (1,) * POINTS,
)
Data = tuple[np.ndarray, np.ndarray, np.ndarray]


def accelerations(q: np.ndarray, case: str) -> np.ndarray:
    """The true ones (S, N, 1)."""
    return COUPLING[case] * (np.roll(q, 1, 1) - 2 * q + np.roll(q, -1, 1))


def true_energy(q: np.ndarray, v: np.ndarray, case: str) -> np.ndarray:
    return 0.5 * (v**2 + COUPLING[case] * (np.roll(q, -1, 1) - q) ** 2).sum((1, 2))


def motion(case: str, count: int, seed: int) -> Data:
    q, v = (part.reshape(-1, POINTS, 1) for part in waves(case, count, TIMES * crossing(case), seed))
    return q, v, accelerations(q, case)


class LocalNetwork(Perceptrons):
    """q_i'' of the five sites around i, from one perceptron and, if asked for, a linear function."""

    def __init__(self, width: int, *, linear: bool, seed: int, dtype: torch.dtype) -> None:
        super().__init__(width=width, depth=2, dtype=dtype)
        self.linear = linear
        self._begin(seed, dtype)

    def _untrained(self, dtype: torch.dtype) -> LocalNetwork:
        return LocalNetwork(self.width, linear=self.linear, seed=0, dtype=dtype)

    def _nets(self) -> tuple[Net, ...]:
        straight = Net(values, 5, 1, biased=True, hidden=False)
        return (Net(values, 5, 1, biased=True), *([straight] if self.linear else []))

    def arguments(self, inputs: Tensor) -> tuple[tuple[Tensor, Tensor], ...]:
        return ((inputs, inputs[:0]),) * len(self.nets)


@dataclass(frozen=True)
class LocalExamples(Examples):
    inputs: Any
    target: Tensor

    @property
    def columns(self) -> int:
        return 1

    def __len__(self) -> int:
        return len(self.target)

    def take(self, index: Tensor) -> LocalExamples:
        return LocalExamples(self.inputs[index], self.target[index])

    def residuals(self, model: Any, outputs: Any) -> Tensor:
        del model
        return sum(outputs[1:], outputs[0]) - self.target


@dataclass(frozen=True)
class Local:
    """A trained unconstrained network in the units of the data."""

    model: LocalNetwork
    size: float
    unit: float

    @torch.no_grad()
    def acceleration(self, q: np.ndarray) -> np.ndarray:
        dtype = self.model.network[0].dtype
        outputs = self.model.outputs(torch.from_numpy(stencils(q) / self.size).to(dtype))
        return sum(outputs[1:], outputs[0]).double().numpy().reshape(q.shape) * self.unit


def stencils(q: np.ndarray) -> np.ndarray:
    """The five points around each (S N, 5)."""
    return np.concatenate([np.roll(q, shift, 1) for shift in (2, 1, 0, -1, -2)], -1).reshape(-1, 5)


def trained(train: Data, choose: Data, seconds: float, *, linear: bool, seed: int) -> tuple[Local, str, float]:
    """The best unconstrained network by held-out error, the name of its optimiser, and that error."""
    size, unit = float(train[0].std()), float(np.sqrt(np.mean(train[2] ** 2)))

    def build(dtype: torch.dtype) -> LocalNetwork:
        return LocalNetwork(width_for(like_weights()), linear=linear, seed=seed, dtype=dtype)

    def seen(model: LocalNetwork) -> tuple[LocalExamples, ...]:
        pairs = ((stencils(q) / size, a.reshape(-1, 1) / unit) for q, _, a in (train, choose))
        return tuple(LocalExamples(*(torch.from_numpy(part).to(model.dtype) for part in pair)) for pair in pairs)

    def score(model: LocalNetwork) -> float:
        return error_of(Local(model, size, unit).acceleration(choose[0]), choose[2])

    model, name, error = best(build, seen, score, seconds, seed)
    return Local(model, size, unit), name, error


def like_weights() -> int:
    """Weights of the graph network's perceptrons: N of 2 inputs, two kinds of edges of 3."""
    return sum(inputs * WIDTH + WIDTH + WIDTH**2 + WIDTH + WIDTH for inputs in (2, 3, 3))


def width_for(weights: int) -> int:
    """The width of a perceptron of 5 inputs with about as many weights."""
    return round((-8 + math.sqrt(64 + 4 * weights)) / 2)


def measured(case: str, seed: int) -> dict[str, Row]:
    train, choose = motion(case, WAVES, 2 * seed), motion(case, HELD_OUT, 2 * seed + 1)
    options = GraphOptions(GraphForm(("lattice", "lattice"), "free"), width=WIDTH, steps=80)
    began = time.process_time()
    fit = fit_graph(train, choose, GRAPH, options=options, seed=seed)
    seconds = time.process_time() - began
    law = distill_graph(fit, train, seed=seed)
    distilled = time.process_time() - began - seconds
    model, functions = fit.model, law.functions
    formula = ", ".join(f"{one.rounded()} to {one.kind + 1}" for one in functions)
    rows = {
        "graph network": rolled(
            case,
            lambda q, v: model.acceleration(GRAPH, q, v),
            lambda q, v: model.energy(GRAPH, q, v) / model.node_mass(GRAPH, q, v).mean(),
        )
        | {"made": "Levenberg-Marquardt", "seconds": seconds, "held_out": graph_error(model, GRAPH, choose)},
        "distilled law": rolled(case, lambda q, v: law.acceleration(GRAPH, q), lambda q, v: law.energy(GRAPH, q, v))
        | {"made": formula, "seconds": distilled, "held_out": error_of(law.acceleration(GRAPH, choose[0]), choose[2])}
        | continuum(law),
    }
    for linear in (False, True):
        local, name, error = trained(train, choose, seconds, linear=linear, seed=seed)
        row = rolled(case, lambda q, v, local=local: local.acceleration(q), None)
        kind = "unconstrained, with a linear part" if linear else "unconstrained"
        rows[kind] = row | {"made": name, "seconds": seconds, "held_out": error}
    return rows


def continuum(law: GraphLaw) -> Row:
    """The density of the law, times dx, and the first term that is left out."""
    found = law_density(law, GRAPH, DX)
    density, neglected = (written(DX * part) for part in (found.density, found.neglected))
    return {"density": density, "neglected": neglected, "neglected_order": found.neglected_order}


def error_of(found: np.ndarray, true: np.ndarray) -> float:
    return float(np.sqrt(np.mean((found - true) ** 2) / np.mean(true**2)))


def rolled(case: str, acceleration: Callable, own: Callable | None) -> Row:
    step = crossing(case) / STEPS
    q, v = waves(case, NEW, step * np.arange(STEPS + 1), 999)
    path, speed = roll_out(acceleration, q[:, 0, :, None], v[:, 0, :, None], step, STEPS)
    shown = [np.array(part[::10]) for part in (path, speed)]

    def energies(energy: Callable) -> np.ndarray:
        return np.array([energy(*state) for state in zip(*shown, strict=True)])

    true = energies(lambda a, b: true_energy(a, b, case))
    return judged(path[..., 0], q.swapaxes(0, 1), true, None if own is None else energies(own))


MEASURED = {"lattice": measured, "field": wave_density.measured}
ABOUT = """# Waves on a lattice, and as a field

Written by `python benchmarks/wave_graph.py`; see there for what was done. `theirs` is what the notebook of Cranmer et
al. (2020) integrates, with a coupling of 1/(2 dx) = 5 in place of 1/dx² = 100, which is `right`. *held-out*: relative
error of accelerations; then new waves rolled out once round the ring: largest error on the way, largest change of the
true energy and of the model's own, which an unconstrained network does not have. Seconds are processor seconds, for an
unconstrained network those that each of three optimisers got."""
ABOUT_DENSITIES = """The density of each distilled law, on the scale of u_t²/2; of the lattice by `law_density`, with
the first term that it neglects and its power of dx where the coupling is held."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=",".join(COUPLING))
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--again", action="store_true", help="measure rows of other revisions again")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = Rows(RESULTS / "wave_graph.jsonl", ("case", "as", "seed"), options.again)
    for case in options.cases.split(","):
        for seed in map(int, options.seeds.split(",")):
            for kind, measure in MEASURED.items():
                key = {"case": case, "as": kind, "seed": seed}
                rows.measure(key, lambda m=measure, name=case, s=seed: {"models": m(name, s)})
    text = "\n\n".join([ABOUT, table(rows), ABOUT_DENSITIES, densities(rows)])
    print(text)
    (RESULTS / "wave_graph.md").write_text(text + "\n")


def each(rows: Rows) -> list[tuple[Row, str, Any]]:
    """Every row with each of its models."""
    found: list[tuple[Row, Any]] = [(row, row["models"]) for row in rows.newest()]
    return [(row, name, one) for row, models in found for name, one in models.items()]


def table(rows: Rows) -> str:
    header = ["case", "as", "model", "made by", "CPU s", "held-out", "error", "true energy", "own energy", "revision"]
    lines = []
    for row, name, one in each(rows):
        numbers = [short(one[key]) for key in ("held_out", "error", "true_drift")]
        own = "none" if name.startswith("unconstrained") else short(one["own_drift"])
        about = (row["case"], row["as"], name, one["made"], f"{one['seconds']:.0f}")
        lines.append([*about, *numbers, own, row["revision"]])
    return markdown(header, lines)


def densities(rows: Rows) -> str:
    lines = []
    for row, name, one in each(rows):
        if name == "distilled density":
            lines.append([row["case"], "field", one["made"], None])
        if name == "distilled law":
            order = one["neglected_order"]
            neglected = "nothing" if order is None else f"{one['neglected']}, dx^{order}"
            lines.append([row["case"], "lattice", one["density"], neglected])
    return markdown(["case", "from the", "density", "neglected"], lines)


def short(value: object) -> str:
    return f"{value:.0e}" if isinstance(value, float) else "leaves"


if __name__ == "__main__":
    main()
