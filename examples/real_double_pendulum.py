"""A measured double pendulum: its law out of more than a hundred terms, its friction, and a forecast.

    LAGSYM_REAL_DATA=FOLDER python examples/real_double_pendulum.py [FOLDER]

Reads `real_double_pendulum.csv` (columns t, theta1, theta2, theta1_dot, theta2_dot; absolute angles from straight down)
from the folder; without one it says so and stops. The law is found on the first four fifths of the record. Printed are
its terms, its friction, where the angles should have been measured from, the constants of both halves of the record and
the energy that their friction takes, and the error with which the law and an unconstrained network forecast the last
fifth; the forecast is drawn into `FOLDER/forecast.png` (by default `out`).
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import sympy as sp
import torch
from matplotlib.figure import Figure
from scipy.integrate import solve_ivp

import lagsym
from lagsym.data.derivatives import differentiate
from lagsym.data.splitting import split
from lagsym.data.trajectories import Trajectories
from lagsym.distillation.fitting.refinement import Refined, refine
from lagsym.distillation.libraries.terms import build_library
from lagsym.mechanics.dynamics.numeric import compile_mechanics
from lagsym.mechanics.system import parameter_symbol
from lagsym.neural import FitOptions, Scaling
from lagsym.neural.baselines import AccelerationNetwork
from lagsym.neural.examples import AccelerationExamples
from lagsym.neural.training import Training

STRUCTURE = "free"
"""The widest library: any function of angles and velocities that the program knows terms of."""
Acceleration = Callable[[np.ndarray, np.ndarray], np.ndarray]


def read() -> Trajectories:
    folder = os.environ.get("LAGSYM_REAL_DATA")
    if not folder:
        sys.exit("LAGSYM_REAL_DATA names no folder of measurements; set it to that of real_double_pendulum.csv")
    # The accelerations in the file were derived from the angles by somebody else's smoothing.
    columns = lagsym.Columns(angles=("theta1", "theta2"), ignore=("theta1_ddot", "theta2_ddot"))
    return lagsym.read_table(Path(folder) / "real_double_pendulum.csv", columns)


def find(motion: Trajectories) -> lagsym.Law:
    library = build_library(differentiate(split(motion).fit), STRUCTURE)
    choice = lagsym.ChoiceOptions(evidence="data", structure=STRUCTURE)
    law = lagsym.discover(motion, options=lagsym.DiscoveryOptions(choice)).law
    assert law.lagrangian is not None
    print(f"{len(sp.Add.make_args(law.lagrangian))} terms of a library of {len(library)}:")
    print("L =", law.numeric_lagrangian)
    print("D =", law.numeric_dissipation)
    test = law.tests["friction"]
    print(f"Friction: {test['kind']}; {test['refined_significance']:.0f} standard errors from none\n")
    return law


def fit_half(law: lagsym.Law, motion: Trajectories, start: float, stop: float) -> Refined:
    """The law's constants from a part of the record alone."""
    pieces = [piece for s in motion.segments if len(piece := s.between(start, stop)) > 8]
    half = motion.with_segments(pieces)
    symbols = tuple(parameter_symbol(c.name) for c in law.constants)
    initial = np.array([c.value for c in law.constants])
    assert law.lagrangian is not None
    return refine(law.lagrangian, symbols, initial, half, differentiate(half), dissipation=law.dissipation)


def compare_halves(law: lagsym.Law, motion: Trajectories) -> None:
    middle = float(np.median(np.concatenate([s.t for s in motion.segments])))
    halves = (fit_half(law, motion, -np.inf, middle), fit_half(law, motion, middle, np.inf))
    print("constant         first half               second half              difference")
    names = tuple(parameter_symbol(c.name) for c in law.constants)
    for k, constant in enumerate(law.constants):
        one, other = (f"{h.values[k]:10.5g} ± {h.standard_errors[k]:<8.2g}" for h in halves)
        before, after = (h.values[k] for h in halves)
        # A zero is where angles are measured from: a share of it means nothing.
        difference = f"{after - before:.1e} rad" if constant.name.endswith("_0") else f"{after / before - 1:.1%}"
        print(f"{constant.name:<10}{one:>25}{other:>25}{difference:>14}")
    if law.dissipation is None or law.numeric_dissipation is None:
        return
    whole = lost(law.numeric_dissipation, law, motion)
    for name, half in zip(("first", "second"), halves, strict=True):
        numbers = dict(zip(names, half.values, strict=True))
        share = lost(law.dissipation.xreplace(numbers), law, motion) / whole - 1
        print(f"Energy lost over the record by the friction of the {name} half: {share:+.1%} against the law's")


def lost(dissipation: sp.Expr, law: lagsym.Law, motion: Trajectories) -> float:
    """The work that a friction v . dD/dv takes along the measured motion."""
    velocities = law.space.velocities
    power = sp.lambdify(velocities, sp.Add(*(v * sp.diff(dissipation, v) for v in velocities)), "numpy")
    return sum(float(np.trapezoid(power(*s.v.T), s.t)) for s in differentiate(motion).segments if s.v is not None)


def train_network(motion: Trajectories) -> Acceleration:
    """An acceleration network without any mechanics in it, from the same four fifths."""
    learn, choose = (differentiate(part).jets() for part in (split(motion).fit, split(motion).choose))
    network = AccelerationNetwork(Scaling.of(learn, (0, 1)), width=32)
    examples = [AccelerationExamples.of(part, network) for part in (learn, choose)]
    Training(network, *examples, FitOptions(steps=200, tolerance=0.0), "levenberg-marquardt", 0).run()
    return lambda q, v: network.acceleration(torch.tensor(q), torch.tensor(v)).detach().numpy()


def forecast(acceleration: Acceleration, times: np.ndarray, q: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Positions from a starting state, of shape (times, 2)."""

    def rate(_: float, state: np.ndarray) -> np.ndarray:
        return np.concatenate([state[2:], acceleration(state[None, :2], state[None, 2:])[0]])

    found = solve_ivp(rate, (times[0], times[-1]), np.concatenate([q, v]), t_eval=times, rtol=1e-7, atol=1e-8)
    path = np.full((len(times), 2), np.nan)
    path[: found.y.shape[1]] = found.y[:2].T
    return path


def compare_forecasts(law: lagsym.Law, motion: Trajectories, folder: Path) -> None:
    last, smooth = split(motion).report, differentiate(split(motion).report)
    times, measured = (np.concatenate([getattr(s, name) for s in last.segments]) for name in ("t", "q"))
    assert law.numeric_lagrangian is not None
    assert smooth.segments[0].v is not None
    mechanics = compile_mechanics(law.numeric_lagrangian, law.space, dissipation=law.numeric_dissipation)
    models = {"law": lambda q, v: mechanics.acceleration(0.0, q, v), "network": train_network(motion)}
    paths = {
        name: forecast(model, times, smooth.segments[0].q[0], smooth.segments[0].v[0]) for name, model in models.items()
    }
    print(f"\nForecast of the last fifth, {times[-1] - times[0]:.1f} s, from its first state:")
    for name, path in paths.items():
        print(f"root mean square error of the {name}: {np.sqrt(np.mean((path - measured) ** 2)):.3g} rad")
    draw(times, measured, paths, folder)


def draw(times: np.ndarray, measured: np.ndarray, paths: dict[str, np.ndarray], folder: Path) -> None:
    figure = Figure(figsize=(7, 5), layout="constrained")
    colours = {"law": "#d9652b", "network": "#2b6cb0"}
    for k, axes in enumerate(figure.subplots(2, 1, sharex=True)):
        axes.plot(times, measured[:, k], ".", color="#7f8c8d", label="measured")
        for name, path in paths.items():
            axes.plot(times, path[:, k], color=colours[name], label=name)
        low, high = measured[:, k].min(), measured[:, k].max()
        axes.set(ylabel=f"$\\theta_{k + 1}$ (rad)", ylim=(low - 0.5 * (high - low), high + 0.5 * (high - low)))
    figure.axes[0].legend(frameon=False, ncols=3)
    figure.axes[1].set_xlabel("t (s)")
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "forecast.png", dpi=150)
    print("Figure:", folder / "forecast.png")


def main(folder: str = "out") -> None:
    motion = read()
    law = find(motion)
    compare_halves(law, motion)
    compare_forecasts(law, motion, Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
