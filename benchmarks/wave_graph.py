"""The wave equation on a lattice, as in the paper of 2020: graph network, unconstrained network and distilled law.

    python benchmarks/wave_graph.py [--lattices NAME,...] [--seeds 0] [--again]

Cranmer et al. (2020), arXiv:2003.04630, learn a Lagrangian density of phi_(i-1), phi_i, phi_(i+1) and dphi_i/dt on 100
points of a ring and sum it over the points.  As we read it, their density has the central difference

    L = sum_i (dphi_i/dt)^2 / 2 - ((phi_(i+1) - phi_(i-1)) / (2 dx))^2 / 2,

whose equation couples every second point: phi_i'' = (phi_(i+2) - 2 phi_i + phi_(i-2)) / (2 dx)^2.  What is
usually meant, phi_i'' = (phi_(i+1) - 2 phi_i + phi_(i-1)) / dx^2, follows from the differences of neighbours.  Both are
simulated here, exactly, by their normal modes: `central` and `neighbours`.  dx = 1, waves of up to ten periods on the
ring.

In both cases a graph network has N(phi, phi_t) at every point and edges e(a, b) of two kinds, to the next point and to
the one after it; which of them matters it has to find.  The unconstrained network is one perceptron of as many weights
that gives phi_i'' from the five points around i, with a linear function beside it or without; each of
Levenberg-Marquardt, SOAP and Adam gets the CPU time that the graph network took, and the best on held-out data
counts. New waves are rolled out by the Runge-Kutta method with a step of 0.1 for a time of 100, in
which a wave goes round once.
An error is relative to the root mean square of phi; drifts are the largest deviations of energy over its start.

Rows are kept in `results/wave_graph.jsonl`, the table beside it.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from rows import RESULTS, Row, Rows, markdown
from stepping import roll_out
from torch import Tensor

from lagsym.distillation.graphs import distill_graph
from lagsym.neural.examples import Examples
from lagsym.neural.graphs import Graph, GraphForm, GraphOptions, chain, fit_graph, graph_error
from lagsym.neural.models.perceptrons import Perceptrons
from lagsym.neural.models.records import Net
from lagsym.neural.operators import values
from lagsym.neural.options import FitOptions
from lagsym.neural.training import Training

POINTS, MODES = 100, 10
WAVES, TIMES, HELD_OUT, NEW = 20, 3, 5, 2
STEP, STEPS = 0.1, 1000
WIDTH = 16
REACH = {"neighbours": 1, "central": 2}
GRAPH = Graph(
    POINTS,
    (*chain(POINTS, ring=True).edges, *chain(POINTS, ring=True, reach=2).edges),
    kinds=(0,) * POINTS + (1,) * POINTS,
)
Data = tuple[np.ndarray, np.ndarray, np.ndarray]


def laplacian(q: np.ndarray, lattice: str) -> np.ndarray:
    """The true accelerations (S, N, 1)."""
    reach = REACH[lattice]
    return (np.roll(q, reach, 1) - 2 * q + np.roll(q, -reach, 1)) / reach**2


def true_energy(q: np.ndarray, v: np.ndarray, lattice: str) -> np.ndarray:
    reach = REACH[lattice]
    return 0.5 * (v**2 + ((np.roll(q, -reach, 1) - q) / reach) ** 2).sum((1, 2))


def waves(lattice: str, count: int, times: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Exact waves and their velocities (count, times, N) from random modes."""
    generator, reach = np.random.default_rng(seed), REACH[lattice]
    mode = np.arange(1, MODES + 1)
    frequency = 2 / reach * np.abs(np.sin(np.pi * mode * reach / POINTS))
    place = np.exp(2j * np.pi * np.outer(mode, np.arange(POINTS)) / POINTS)
    right, left = (generator.standard_normal((2, count, MODES, 2)) @ np.array([1, 1j])) / np.sqrt(MODES)
    turn = np.exp(1j * np.outer(times, frequency))
    q = np.einsum("ck,tk,kn->ctn", right, turn.conj(), place) + np.einsum("ck,tk,kn->ctn", left, turn, place)
    rate = 1j * frequency
    v = np.einsum("ck,tk,kn->ctn", left * rate, turn, place) - np.einsum(
        "ck,tk,kn->ctn", right * rate, turn.conj(), place
    )
    return q.real, v.real


def motion(lattice: str, count: int, seed: int) -> Data:
    q, v = (part.reshape(-1, POINTS, 1) for part in waves(lattice, count, np.arange(TIMES) * 7.3, seed))
    return q, v, laplacian(q, lattice)


class LocalNetwork(Perceptrons):
    """phi_i'' of the five points around i, from one perceptron and, if asked for, a linear function."""

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
    size, unit = train[0].std(), float(np.sqrt(np.mean(train[2] ** 2)))
    found = []
    for name in ("levenberg-marquardt", "soap", "adam"):
        dtype = torch.float64 if name == "levenberg-marquardt" else torch.float32
        width = width_for(like_weights(), linear=linear)
        model = LocalNetwork(width, linear=linear, seed=seed, dtype=dtype)
        examples = [
            LocalExamples(
                torch.from_numpy(stencils(q) / size).to(dtype), torch.from_numpy(a.reshape(-1, 1) / unit).to(dtype)
            )
            for q, _, a in (train, choose)
        ]
        (adam if name == "adam" else second_order)(model, examples[0], examples[1], seconds, name, seed)
        local = Local(model, float(size), unit)
        error = np.sqrt(np.mean((local.acceleration(choose[0]) - choose[2]) ** 2) / np.mean(choose[2] ** 2))
        found.append((float(error), name, local))
    error, name, local = min(found, key=lambda one: one[0])
    return local, name, error


def like_weights() -> int:
    """Weights of the graph network's perceptrons: N of 2 inputs, two kinds of edges of 3."""
    return sum(inputs * WIDTH + WIDTH + WIDTH**2 + WIDTH + WIDTH for inputs in (2, 3, 3))


def width_for(weights: int, *, linear: bool) -> int:
    """The width of a perceptron of 5 inputs with about as many weights."""
    del linear
    return round((-8 + math.sqrt(64 + 4 * weights)) / 2)


def second_order(model: Any, train: Any, choose: Any, seconds: float, name: str, seed: int) -> None:
    steps = 100_000
    if name == "soap":  # its learning rate needs to know the number of steps
        began = time.process_time()
        trial = LocalNetwork(model.network[0].shape[0], linear=len(model.nets) > 1, seed=seed, dtype=torch.float32)
        options = FitOptions(optimizer="soap", steps=60, tolerance=0.0)
        Training(cast("Any", trial), train, choose, options, "soap", seed).run()
        steps = max(100, int(60 * seconds / (time.process_time() - began)))
    options = FitOptions(optimizer=name, steps=steps, tolerance=1e-9)
    training = Training(cast("Any", model), train, choose, options, cast("Any", name), seed)
    began = time.process_time()
    while training.status is None and training.step < steps and time.process_time() - began < seconds:
        training.advance(training.step + 5)
    training.finish()


def adam(model: Any, train: Any, choose: Any, seconds: float, name: str, seed: int) -> None:
    del choose, name
    optimizer, generator = torch.optim.Adam(model.network, lr=2e-3), torch.Generator().manual_seed(seed)
    began = time.process_time()
    while (spent := (time.process_time() - began) / seconds) < 1:
        optimizer.param_groups[0]["lr"] = 2e-3 * 0.5 * (1 + math.cos(math.pi * spent)) + 1e-7
        batch = train.take(torch.randint(len(train), (512,), generator=generator))
        optimizer.zero_grad()
        batch.residuals(model, model.outputs(batch.inputs)).square().mean().backward()
        optimizer.step()


def measured(lattice: str, seed: int) -> dict[str, Row]:
    train, choose = motion(lattice, WAVES, 2 * seed), motion(lattice, HELD_OUT, 2 * seed + 1)
    options = GraphOptions(GraphForm(("lattice", "lattice"), "free"), width=WIDTH, steps=80)
    began = time.process_time()
    fit = fit_graph(train, choose, GRAPH, options=options, seed=seed)
    seconds = time.process_time() - began
    law = distill_graph(fit, train, seed=seed)
    model, functions = fit.model, law.functions
    formula = ", ".join(f"{one.rounded()} to {one.kind + 1}" for one in functions)
    rows = {
        "graph network": rolled(
            lattice,
            lambda q, v: model.acceleration(GRAPH, q, v),
            lambda q, v: model.energy(GRAPH, q, v) / model.node_mass(GRAPH, q, v).mean(),
        )
        | {"held_out": graph_error(model, GRAPH, choose), "made": "Levenberg-Marquardt", "seconds": seconds},
        "distilled law": rolled(lattice, lambda q, v: law.acceleration(GRAPH, q), lambda q, v: law.energy(GRAPH, q, v))
        | {"held_out": error_of(law.acceleration(GRAPH, choose[0]), choose[2]), "made": formula, "seconds": None},
    }
    for linear in (False, True):
        began = time.process_time()
        local, name, error = trained(train, choose, seconds, linear=linear, seed=seed)
        row = rolled(lattice, lambda q, v, local=local: local.acceleration(q), None)
        kind = "unconstrained, with a linear part" if linear else "unconstrained"
        rows[kind] = row | {"held_out": error, "made": name, "seconds": (time.process_time() - began) / 3}
    return rows


def error_of(found: np.ndarray, true: np.ndarray) -> float:
    return float(np.sqrt(np.mean((found - true) ** 2) / np.mean(true**2)))


def rolled(lattice: str, acceleration: Callable, own: Callable | None) -> Row:
    times = STEP * np.arange(0, STEPS + 1)
    q, v = waves(lattice, NEW, times, 999)
    path, speed = roll_out(acceleration, q[:, 0, :, None], v[:, 0, :, None], STEP, STEPS)
    error = np.sqrt(((path[..., 0] - q.swapaxes(0, 1)) ** 2).mean((1, 2))) / q.std()
    shown = path[::10], speed[::10]
    drifts = {"true_drift": drift(lambda a, b: true_energy(a, b, lattice), *shown)}
    drifts["own_drift"] = None if own is None else drift(own, *shown)
    return {"error": float(error[-1]) if np.isfinite(error[-1]) else None, **drifts}


def drift(energy: Callable, path: np.ndarray, speed: np.ndarray) -> float | None:
    """The largest deviation of a wave's energy, over the true energies' mean at the start."""
    values_ = np.array([energy(q, v) for q, v in zip(path, speed, strict=True)])
    scale = 0.5 * (speed**2).sum((2, 3)).mean()
    worst = np.abs(values_ - values_[0]).max() / scale
    return float(worst) if np.isfinite(worst) else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lattices", default=",".join(REACH))
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = Rows(RESULTS / "wave_graph.jsonl", ("lattice", "seed"), options.again)
    for lattice in options.lattices.split(","):
        for seed in map(int, options.seeds.split(",")):
            key = {"lattice": lattice, "seed": seed}
            print(rows.measure(key, lambda name=lattice, s=seed: {"models": measured(name, s)}), flush=True)
    (RESULTS / "wave_graph.md").write_text(
        "# Waves on a lattice\n\nWritten by `python benchmarks/wave_graph.py`; see there for what was done. *held-out*"
        ": "
        "relative error of accelerations; then new waves rolled out once round the ring: error at the end, largest "
        "drift of the true energy and of the model's own, which an unconstrained network does not have.\n\n"
        + table(rows)
        + "\n"
    )


def table(rows: Rows) -> str:
    header = ["lattice", "model", "made by", "CPU s", "held-out", "error", "true energy", "own energy", "revision"]
    lines = []
    for row in rows.newest():
        models = row["models"]
        assert isinstance(models, dict)
        for name, one in models.items():
            seconds = None if one["seconds"] is None else f"{one['seconds']:.0f}"
            numbers = [short(one[key]) for key in ("held_out", "error", "true_drift")]
            own = "none" if name.startswith("unconstrained") else short(one["own_drift"])
            lines.append([row["lattice"], name, one["made"], seconds, *numbers, own, row["revision"]])
    return markdown(header, lines)


def short(value: object) -> str:
    return f"{value:.0e}" if isinstance(value, float) else "leaves"


if __name__ == "__main__":
    main()
