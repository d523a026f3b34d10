"""Paths: what it costs to carry a law through many windows of data, by three ways of integrating.

    python benchmarks/paths.py [--rounds 5]

Side by side, for windows of catalogue systems with random parameters and for several accuracies: the method of eighth
order with steps of each window's own (`lagsym.distillation.fitting.paths`, the choice of its steps left aside, as a
fit makes it once and uses it many times), the classical Runge-Kutta method with one number of steps to every interval
between samples, and `scipy.integrate.solve_ivp`, window after window. Rounds are interleaved and the fastest of each
counts.
The two ways with settings get the coarsest ones that reach the accuracy, found beforehand.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rows import RESULTS, markdown
from scipy.integrate import solve_ivp

from lagsym.data.derivatives import differentiate
from lagsym.distillation.fitting.paths import choose_mesh, positions, sample_times
from lagsym.distillation.fitting.windows import Windows, cut
from lagsym.mechanics.dynamics.numeric import CompiledMechanics, compile_mechanics
from lagsym.mechanics.jetspace import JetSpace
from lagsym.simulation import draw_parameters, simulate
from lagsym.systems import get

SYSTEMS = ("henon_heiles", "kepler_cartesian", "relativistic_2d", "double_pendulum")
ACCURACIES = (1e-3, 1e-6)
NONE = np.array([])
LENGTH = 1.0
"""Of the windows, in characteristic times."""
FINEST = 256


@dataclass(frozen=True)
class Task:
    """Windows that a law is to be carried through.

    Arguments:
        mechanics: the law.
        windows: with their starting states.
        accuracy: largest error allowed, of each coordinate.
    """

    mechanics: CompiledMechanics
    windows: Windows
    accuracy: np.ndarray

    def classical(self, steps: int) -> np.ndarray:
        """Positions by the classical Runge-Kutta method with so many steps between samples."""
        n = self.windows.q.shape[2]
        y, t, path = self.windows.state, self.windows.start, [self.windows.state[:, :n]]

        def rate(t: np.ndarray, y: np.ndarray) -> np.ndarray:
            return np.concatenate([y[:, n:], self.mechanics.acceleration(t, y[:, :n], y[:, n:], NONE)], axis=1)

        for step in self.windows.steps:
            h = step / steps
            for _ in range(steps):
                wide = h[:, None]
                k1 = rate(t, y)
                k2 = rate(t + h / 2, y + wide / 2 * k1)
                k3 = rate(t + h / 2, y + wide / 2 * k2)
                k4 = rate(t + h, y + wide * k3)
                y, t = y + wide / 6 * (k1 + 2 * k2 + 2 * k3 + k4), t + h
            path.append(y[:, :n])
        return np.stack(path)

    def scipy(self, tolerance: float) -> np.ndarray:
        """Positions by SciPy's method of eighth order, one window after the other."""
        n, times = self.windows.q.shape[2], sample_times(self.windows)

        def rate(t: float, y: np.ndarray) -> np.ndarray:
            return np.concatenate([y[n:], self.mechanics.acceleration(t, y[None, :n], y[None, n:], NONE)[0]])

        paths = []
        for k, state in enumerate(self.windows.state):
            t, count = times[:, k], int((self.windows.steps[:, k] > 0).sum()) + 1
            settings = {"method": "DOP853", "t_eval": t[:count], "rtol": tolerance, "atol": tolerance}
            found = solve_ivp(rate, (t[0], t[count - 1]), state, **settings).y[:n].T
            paths.append(np.concatenate([found, np.tile(found[-1], (len(t) - count, 1))]))
        return np.stack(paths, axis=1)

    def reaches(self, found: np.ndarray, exact: np.ndarray) -> bool:
        """Whether positions are as exact as they should be."""
        there = self.windows.weight[..., None] > 0
        return bool(np.all(np.where(there, np.abs(found - exact), 0) < self.accuracy))


def task_of(name: str, accuracy: float) -> Task:
    """Windows of a catalogue system's motion."""
    system = draw_parameters(get(name), 0)
    data = simulate(system, trajectories=10, seed=0)
    smooth = differentiate(data)
    windows = cut(data, smooth, LENGTH * smooth.characteristic_time)
    mechanics = compile_mechanics(system.numeric_lagrangian, JetSpace(data.coordinates))
    return Task(mechanics, windows, accuracy * np.concatenate([s.q for s in data.segments]).std(axis=0))


def coarsest(settings: list[float], run: Callable[[float], np.ndarray], reaches: Callable[[np.ndarray], bool]) -> float:
    """The first setting that reaches the accuracy; not a number where none does."""
    return next((setting for setting in settings if reaches(run(setting))), float("nan"))


def compare(name: str, accuracy: float, rounds: int) -> list[object]:
    """A line of the table."""
    task = task_of(name, accuracy)
    exact = task.scipy(1e-13)
    # An error of a hundredth of the scale is what a mesh is chosen for.
    mesh = choose_mesh(task.mechanics, task.windows, task.windows.state, NONE, 100 * task.accuracy / 2).mesh
    ways: dict[str, Callable[[], np.ndarray]] = {
        "lagsym": lambda: positions(task.mechanics, mesh, task.windows.state, NONE)
    }
    assert task.reaches(ways["lagsym"](), exact), (name, accuracy)
    steps = coarsest(
        [2.0**k for k in range(int(np.log2(FINEST)) + 1)],
        lambda s: task.classical(int(s)),
        lambda x: task.reaches(x, exact),
    )
    tolerance = coarsest([10.0**-k for k in range(2, 13)], task.scipy, lambda x: task.reaches(x, exact))
    if np.isfinite(steps):
        ways["classical"] = lambda: task.classical(int(steps))
    if np.isfinite(tolerance):
        ways["SciPy"] = lambda: task.scipy(tolerance)
    seconds = dict.fromkeys(ways, np.inf)
    for _ in range(rounds):
        for way, run in ways.items():
            begin = time.process_time()
            run()
            seconds[way] = min(seconds[way], time.process_time() - begin)
    ratios = [f"{seconds[way] / seconds['lagsym']:.1f}" if way in seconds else "not" for way in ("classical", "SciPy")]
    needed = (np.diff(mesh.times, axis=0) > 0).sum(axis=0)
    shape = f"{task.windows.steps.shape[1]} of {task.windows.steps.shape[0]}"
    chosen = f"{int(np.median(needed))} to {needed.max()}"
    return [name, f"{accuracy:g}", shape, chosen, f"{steps:g}", f"{1e3 * seconds['lagsym']:.1f}", *ratios]


def main() -> None:
    """Compare and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    lines = [compare(name, accuracy, arguments.rounds) for name in SYSTEMS for accuracy in ACCURACIES]
    header = (
        "system",
        "largest error, of the spread",
        "windows of intervals",
        "steps, median to most",
        "classical steps to an interval",
        "lagsym, ms",
        "classical / lagsym",
        "SciPy / lagsym",
    )
    table = markdown(header, lines)
    text = "# Paths through windows: processor time of three ways of integrating\n\n" + table + "\n"
    (RESULTS / "paths.md").write_text(text)
    print(table)


if __name__ == "__main__":
    main()
