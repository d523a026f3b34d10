"""A kink and an antikink that never met in the training data, rolled out through their collision.

    python benchmarks/sine_gordon.py [--rows benchmarks/results/sine_gordon.jsonl] [--again]
                                     [--table benchmarks/results/sine_gordon.md]

Networks learn the sine-Gordon field from six runs of small waves and from single kinks at many speeds up to 0.8, and
are rolled out from states that have both: collisions, whose exact solutions are known, and a breather. Density
networks and the unconstrained one have the same layers and steps, and a quadratic or linear part each. `follow` does
the same for any density as a formula: the law that is read off the natural network, with constants from the small
waves, and the true one, which shows what the integrator leaves.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import sympy as sp
from rows import RESULTS, Rows, markdown

from lagsym.data.grid_derivatives import differentiate
from lagsym.data.jets import Jets
from lagsym.distillation.densities.constants import settle_density
from lagsym.distillation.libraries.density_terms import build_density_library
from lagsym.distillation.selection.candidates import select
from lagsym.distillation.selection.evidence import network_evidence
from lagsym.evolution import Evolution, Places, evolve, field_energy
from lagsym.mechanics.jetspace import JetSpace
from lagsym.neural.fields import (
    FIELD_OPTIONS,
    DensityNetwork,
    FieldFit,
    density_operator,
    fit_density,
    fit_rates,
    own_energy,
    relative_error,
    roll_out,
)
from lagsym.neural.fields.motion import joined
from lagsym.simulation import simulate
from lagsym.systems import get

SYSTEM = get("sine_gordon")
GENTLE = replace(SYSTEM, ranges={"phi": (-1.0, 1.0), "phi_t": (-0.7, 0.7)})
SAMPLES, STEPS = 16_000, 300
KINKS, FASTEST, NOISE = 40, 0.8, 0.01
SITES = np.arange(256) * 40 / 256 - 20
PLACES = Places((SITES,), (True,))
ABOUT = f"""# Sine-Gordon: collisions that were never seen

Written by `python benchmarks/sine_gordon.py`. Learned from six runs of small waves and from single kinks at forty
speeds up to {FASTEST}, {SAMPLES} points, by networks of two layers of {FIELD_OPTIONS.width} units in {STEPS} steps of
Levenberg–Marquardt. *error*: of φ at the end, relative (root mean square), against the exact solution; *energy*:
largest drift of the true energy; *own energy*: of the network's. Seconds are processor seconds."""
ABOUT_NOISE = f"""From six runs of large waves with {NOISE:.0%} of noise, φ alone, by a natural network of 2 × 12 units:
*clean error* of φ_tt at clean runs; *terms*: largest error of the ratios of φ_tt, φ_xx and sin φ that its E has off
the shell."""


# --------------------------------------------------------------------------------------------- what is learned


def small_waves(samples: int, seed: int) -> Jets:
    """Points of six simulated runs, well below the turn of a kink, with derivatives of the snapshots."""
    return differentiate(simulate(GENTLE, seed=seed)).jets(samples=samples, seed=seed)


def single_kinks(samples: int, seed: int) -> Jets:
    """Points of φ = 4 arctan(exp(± γ (x − u t))) and its derivatives, at forty speeds u."""
    generator = np.random.default_rng(seed)
    own = generator.integers(0, KINKS, samples)
    speed = generator.uniform(-FASTEST, FASTEST, KINKS)[own]
    slope = generator.choice([-1.0, 1.0], KINKS)[own] / np.sqrt(1 - speed**2)
    z = slope * generator.uniform(-5, 5, samples)
    along = np.stack([-speed * slope, slope], 1)  # derivatives of z by t and x
    phi = 4 * np.arctan(np.exp(z))
    first, second = 2 / np.cosh(z)[:, None] * along, np.sin(phi)[:, None, None] * along[:, :, None] * along[:, None]
    return Jets(np.zeros((samples, 2)), phi[:, None], first[..., None], second[..., None])


def data(samples: int, seed: int) -> Jets:
    """Half small waves, half kinks."""
    return joined([small_waves(samples // 2, seed), single_kinks(samples // 2, seed)])


# -------------------------------------------------------------------------------------------- what is predicted


@dataclass(frozen=True)
class Case:
    """An exact solution φ(t) on the sites, from -span / 2 to span / 2."""

    name: str
    span: float
    phi: Callable[[float], np.ndarray]

    @property
    def times(self) -> np.ndarray:
        return np.linspace(0, self.span, 57)

    @property
    def initial(self) -> tuple[np.ndarray, np.ndarray]:
        """φ and φ_t of one run, the rate by differences of sixth order."""
        t, h = -self.span / 2, 2e-3
        offsets = ((1, 3 / 4), (2, -3 / 20), (3, 1 / 60))
        rate = sum(weight * (self.phi(t + k * h) - self.phi(t - k * h)) for k, weight in offsets) / h
        return self.phi(t)[None, :, None], np.asarray(rate)[None, :, None]

    @property
    def end(self) -> np.ndarray:
        return self.phi(self.span / 2)


def collision(speed: float, span: float) -> Case:
    """J. K. Perring and T. H. R. Skyrme, Nuclear Physics 31 (1962) 550."""
    gamma = 1 / np.sqrt(1 - speed**2)
    name = f"collision at {speed:g}"
    return Case(name, span, lambda t: 4 * np.arctan(np.sinh(gamma * speed * t) / (speed * np.cosh(gamma * SITES))))


def breather(frequency: float, span: float) -> Case:
    """A kink and an antikink that are bound to each other."""
    width = np.sqrt(1 - frequency**2)
    name = f"breather of {frequency:g}"
    return Case(
        name,
        span,
        lambda t: 4 * np.arctan(width / frequency * np.sin(frequency * t) / np.cosh(width * SITES)),
    )


CASES = (collision(0.5, 14.0), collision(0.9, 12.0), breather(0.6, 12.0))


def drift(energies: np.ndarray) -> float:
    """The largest change of the energy of one run, relative to what it began with."""
    return float(np.abs(energies[0] / energies[0, 0] - 1).max())


def judged(case: Case, motion: Evolution) -> dict[str, float]:
    """The error at the end and the drift of the true energy."""
    error = np.linalg.norm(motion.u[0, -1, :, 0] - case.end) / np.linalg.norm(case.end)
    energies = field_energy(SYSTEM.numeric_lagrangian, SYSTEM.space, motion.u, motion.u_t, PLACES)
    return {"error": float(error), "energy": drift(energies)}


def follow(lagrangian: sp.Expr, space: JetSpace, case: Case) -> dict[str, float]:
    """A density with numbers for its constants, rolled out and judged."""
    started = time.process_time()
    motion = evolve(lagrangian, space, case.initial, case.times, PLACES)
    return {"seconds": time.process_time() - started, **judged(case, motion)}


def follow_network(found: FieldFit, case: Case) -> dict[str, float]:
    """A network, rolled out and judged; with the drift of its own energy where it has one."""
    started = time.process_time()
    motion = roll_out(found.model, case.initial, case.times, PLACES)
    row = {"seconds": time.process_time() - started, **judged(case, motion)}
    if isinstance(found.model, DensityNetwork):
        row["own energy"] = drift(own_energy(found.model, motion, PLACES))
    return row


def network(kind: str) -> dict[str, object]:
    """One network, fitted and rolled out from every case."""
    train, choose = data(SAMPLES, 0), data(SAMPLES // 4, 1)
    started = time.process_time()
    if kind == "unconstrained":
        found = fit_rates(train, choose, angles=[0], options=replace(FIELD_OPTIONS, steps=STEPS, tolerance=0.0))
    else:
        options = replace(FIELD_OPTIONS, structure=kind, steps=STEPS, tolerance=0.0)
        found = fit_density(train, choose, angles=[0], options=options)
    fitted = time.process_time() - started
    cases = {case.name: follow_network(found, case) for case in CASES}
    about = {"weights": found.model.parameter_count, "fit seconds": fitted, "held-out error": found.held_out_error}
    return {**about, "cases": cases}


def noisy(loss: str) -> dict[str, object]:
    """A natural density from six noisy runs, judged by φ_tt of clean runs and, off the shell, by its three terms."""
    learn, choose = (simulate(SYSTEM, noise=NOISE, seed=seed).positions_only() for seed in (0, 1))
    started = time.process_time()
    found = fit_density(learn, choose, angles=[0], options=replace(FIELD_OPTIONS, width=12, steps=STEPS, loss=loss))
    seconds = time.process_time() - started
    clean = differentiate(simulate(SYSTEM, seed=2)).jets(samples=SAMPLES, seed=0)
    order = np.random.default_rng(0).permutation(len(clean))
    away = Jets(clean.x, clean.u, clean.du, clean.ddu[order])
    terms = np.stack([away.ddu[:, 0, 0, 0], -away.ddu[:, 1, 1, 0], np.sin(away.u[:, 0])], 1)
    coefficients, *_ = np.linalg.lstsq(terms, density_operator(found.model, away)[:, 0], rcond=None)
    ratio = float(np.abs(coefficients[1:] / coefficients[0] - 1).max())
    return {"fit seconds": seconds, "clean error": relative_error(found.model, clean), "terms": ratio}


def distilled() -> dict[str, object]:
    """The natural network's terms, matched off the shell, with constants from the small waves."""
    train, choose = data(SAMPLES, 0), data(SAMPLES // 4, 1)
    started = time.process_time()
    options = replace(FIELD_OPTIONS, structure="natural", steps=STEPS, tolerance=0.0)
    found = fit_density(train, choose, angles=[0], options=options)
    some = train.take(np.random.default_rng(0).choice(len(train), 2000, replace=False))
    away = Jets(some.x, some.u, some.du, some.ddu[np.random.default_rng(1).permutation(len(some))])
    library = build_density_library(SYSTEM.space, SYSTEM.angles, "natural", order=1)
    chosen = select(network_evidence(library, away, density_operator(found.model, away))).chosen
    assert chosen is not None
    law = settle_density(chosen, simulate(GENTLE, seed=0).positions_only()).numeric_lagrangian
    fitted = time.process_time() - started
    return {
        "law found": str(law),
        "fit seconds": fitted,
        "cases": {case.name: follow(law, SYSTEM.space, case) for case in CASES},
    }


def formula() -> dict[str, object]:
    """The true density in the place of a network."""
    return {"cases": {case.name: follow(SYSTEM.numeric_lagrangian, SYSTEM.space, case) for case in CASES}}


MEASURED: dict[str, Callable[[], dict[str, object]]] = {
    "natural": lambda: network("natural"),
    "free": lambda: network("free"),
    "unconstrained": lambda: network("unconstrained"),
    "distilled law": distilled,
    "true density": formula,
}
NOISY: dict[str, str] = {"strong form": "acceleration", "weak form": "weak"}


def table(rows: list[dict]) -> str:
    """The page of results."""

    def shown(value: float | None) -> str | None:
        return None if value is None else f"{value:.0e}"

    fits = [
        [row["law"], row.get("weights"), f"{row['fit seconds']:.0f}", shown(row["held-out error"])]
        for row in rows
        if "weights" in row
    ]
    lines = [
        [
            name,
            row["law"],
            *(shown(case.get(key)) for key in ("error", "energy", "own energy")),
            f"{case['seconds']:.1f}",
        ]
        for name in (case.name for case in CASES)
        for row in rows
        if "cases" in row
        for case in [row["cases"][name]]
    ]
    losses = [
        [row["law"], f"{row['fit seconds']:.0f}", shown(row["clean error"]), shown(row["terms"])]
        for row in rows
        if "terms" in row
    ]
    return (
        "\n".join(
            [
                ABOUT,
                "",
                markdown(["network", "weights", "seconds of the fit", "held-out error of φ_tt"], fits),
                "",
                markdown(["motion", "law", "error", "energy", "own energy", "seconds"], lines),
                "",
                ABOUT_NOISE,
                "",
                markdown(["loss", "seconds of the fit", "clean error", "terms"], losses),
                "",
                f"Revision {', '.join(dict.fromkeys(str(row['revision']) for row in rows))}.",
            ]
        )
        + "\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=Path, default=RESULTS / "sine_gordon.jsonl")
    parser.add_argument("--again", action="store_true", help="measure rows of other revisions again")
    parser.add_argument("--table", type=Path, default=RESULTS / "sine_gordon.md")
    arguments = parser.parse_args()
    rows = Rows(arguments.rows, ("law",), arguments.again)
    for law, measured in MEASURED.items():
        rows.measure({"law": law}, measured)
    for name, loss in NOISY.items():
        rows.measure({"law": name}, lambda loss=loss: noisy(loss))
    text = table(rows.newest())
    print(text)
    arguments.table.write_text(text)


if __name__ == "__main__":
    main()
