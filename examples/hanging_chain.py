"""What the shapes of hanging chains show: a mass buried under them, and how heavy a chain is along itself.

    python examples/hanging_chain.py [-o FOLDER]

Hangs chains near a buried mass, measures them with noise of a thousandth of their length, writes the points to
`FOLDER/chains.csv`, reads them back and finds the mass; then finds the density along an uneven chain from its one
shape. Prints both beside the truth and draws them into `FOLDER/hanging_chain.png` (by default `out`).
"""

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd

from lagsym import statics

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

NOISE = 1e-3
"""Of every measured position, in lengths of a chain."""
MASS = {"x0": 0.45, "y0": -0.6, "m": 0.05}
"""Place, and G M / g: at a distance r the mass pulls m / r^2 as strongly as the earth."""
ENDS = (((-0.6, 0.0), (0.2, 0.0)), ((0.0, 0.1), (0.8, 0.0)), ((0.5, 0.0), (1.3, 0.1)), ((0.1, 0.0), (0.7, 0.0)))


def density(s: np.ndarray) -> np.ndarray:
    return 1 + 0.6 * np.sin(2 * np.pi * s)


def measure(chain: statics.Chain, random: np.random.Generator) -> statics.Chain:
    x, y = (part + NOISE * random.standard_normal(len(part)) for part in (chain.x, chain.y))
    return statics.Chain(chain.s, x, y, chain.name)


def write(chains: list[statics.Chain], file: Path) -> None:
    frames = [pd.DataFrame({"chain": c.name, "s": c.s, "x": c.x, "y": c.y}) for c in chains]
    pd.concat(frames).to_csv(file, index=False)


def find_mass(random: np.random.Generator, folder: Path, axes: Axes) -> None:
    potential = statics.POINT_MASS.subs(
        {symbol: MASS[str(symbol)] for symbol in statics.POINT_MASS.free_symbols if str(symbol) in MASS}
    )
    hung = [statics.hang(*ends, 1.0, potential=potential, name=str(k)) for k, ends in enumerate(ENDS)]
    write([measure(chain, random) for chain in hung], folder / "chains.csv")
    chains = statics.read_chains(folder / "chains.csv")
    found = statics.find_buried_mass(chains)
    print(f"buried mass: significant, chance {found.chance:.1g}" if found.found else found.notices[0])
    values = (*found.position, found.strength)
    for name, value, error in zip(MASS, values, found.standard_errors, strict=True):
        print(f"  {name:3} found {value:8.4f} ± {error:.4f}   true {MASS[name]:8.4f}")
    print(f"  L of the first chain = {found.lagrangian(0)}")
    for chain in chains:
        axes.plot(chain.x, chain.y, ".", ms=2)
    axes.plot(*found.position, "k+", ms=14, label="found")
    axes.plot(MASS["x0"], MASS["y0"], "o", mfc="none", color="#d9652b", ms=9, label="buried")
    axes.set(xlabel="x", ylabel="y", aspect="equal", title="chains near a buried mass")
    axes.legend(frameon=False)


def find_density(random: np.random.Generator, axes: Axes) -> None:
    chain = measure(statics.hang((0.0, 0.0), (0.8, 0.1), 1.0, density=density), random)
    found = statics.relative_density(chain)
    s = np.linspace(0.05, 0.95, 181)
    values, true = found.at(s), density(s)
    factor = (values @ true) / (true @ true)  # a shape leaves one factor open
    difference = np.linalg.norm(values / factor - true) / np.linalg.norm(true)
    print(f"density along a chain: {difference:.1%} rms from the true one; noise found {found.noise:.2g}")
    print(f"  {found.why}" + (f": w = {found.formula.expression}" if found.formula else ""))
    axes.plot(s, true, color="#d9652b", label="true")
    axes.plot(s, values / factor, "k", label="from the shape")
    low, high = (found.values + sign * 2 * found.standard_errors for sign in (-1, 1))
    axes.fill_between(found.s, low / factor, high / factor, color="0.85", label="two standard errors")
    axes.set(xlabel="s", ylabel="relative density", title="an uneven chain", ylim=(0, 2.2))
    axes.legend(frameon=False)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    figure, axes = plt.subplots(1, 2, figsize=(10, 4))
    find_mass(random, folder, axes[0])
    find_density(random, axes[1])
    figure.savefig(folder / "hanging_chain.png", dpi=150, bbox_inches="tight")
    print("Figure:", folder / "hanging_chain.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("out"))
    main(parser.parse_args().output)
