"""The motion between two positions, from the action of a law that was discovered from data.

    python examples/least_action.py [-o FOLDER]

Discovers the pendulum's law from simulated noisy motion, takes two positions of another motion that the law has not
seen, finds the path of stationary action between them, and draws it beside the integrated motion into
`FOLDER/least_action.png` (by default `out`).
"""

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np

import lagsym

mpl.use("Agg")
import matplotlib.pyplot as plt

DURATIONS = (0.8, 1.5)
"""Before and after the first conjugate point of most swings: half a period."""


def main(folder: Path) -> None:
    system = lagsym.systems.get("pendulum")
    motion = lagsym.simulate(system, trajectories=8, noise=1e-3, seed=1)
    law = lagsym.discover(motion, options=lagsym.DiscoveryOptions(lagsym.ChoiceOptions(evidence="data"))).law
    print("L =", law.numeric_lagrangian)
    figure, axes = plt.subplots(figsize=(6, 4))
    for colour, duration in zip(("#1f77b4", "#d9652b"), DURATIONS, strict=True):
        other = lagsym.simulate(system, trajectories=1, span=duration, step=duration / 100, seed=9).segments[0]
        path = lagsym.least_action(law, other.q[0], other.q[-1], duration)
        difference = np.abs(path.positions(other.t) - other.q).max()
        kind = "a minimum" if path.minimum else f"a saddle with {path.index} falling direction(s)"
        print(f"within {duration} s: action {path.action:.6g}, {kind}; differs from the motion by {difference:.1e}")
        axes.plot(other.t, other.q[:, 0], color=colour, lw=4, alpha=0.3, label=f"integrated, {duration} s")
        axes.plot(path.t, path.q[:, 0], color=colour, lw=1.2, label=f"stationary action, {kind}")
    axes.set(xlabel="t", ylabel="theta")
    axes.legend(frameon=False, fontsize=8)
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "least_action.png", dpi=150, bbox_inches="tight")
    print("Figure:", folder / "least_action.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("out"))
    main(parser.parse_args().output)
