"""The relativistic particle of Cranmer et al. (2020), with the strength of the field as an input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from benchmarks.accuracy import train_for
from benchmarks.papers.motion import follow, learned
from benchmarks.papers.record import Comparison, Settings, Values
from lagsym.data.trajectories import Segment, Trajectories
from lagsym.errors import InputError
from lagsym.neural import STRUCTURES, FitOptions, Scaling
from lagsym.neural.baselines import AccelerationNetwork, HamiltonExamples, HamiltonianNetwork, PhaseSpace, roll_out
from lagsym.neural.examples import AccelerationExamples
from lagsym.neural.training import Training
from lagsym.neural.trials import examples_of

TRAJECTORIES, SAMPLES, TESTED, SECONDS = 200, 50, 50, 20.0
WIDTH, WIDER = 8, 32
"""Units of a hidden layer: in the time, second derivatives of the wider network leave it a tenth of the steps."""
FASTEST, FIELD = 0.9, 1.0
GROWTH = 2
"""Batches are so many times as large as they begin in a fit, where they only grow on plateaus."""
LEVENBERG_MARQUARDT = "levenberg-marquardt"


@dataclass(frozen=True)
class Law:
    """A particle of unit mass and c = 1 in a field: L = K(v) + g q, with p = K'(v) and a = g / K''(v).

    Arguments:
        momentum: K'.
        mass: K''.
    """

    momentum: Callable[[np.ndarray], np.ndarray]
    mass: Callable[[np.ndarray], np.ndarray]

    def motion(self, count: int, seed: int) -> Trajectories:
        """Motions over a unit of time, each in a field of its own."""
        generator = np.random.default_rng(seed)
        q, v = generator.uniform(-10, 10, (count, 1)), generator.uniform(-FASTEST, FASTEST, (count, 1))
        field, times = FIELD * generator.standard_normal((count, 1)), np.linspace(0, 1, SAMPLES)
        motion = follow(lambda _, v: field / self.mass(v), q, v, times)
        assert motion is not None
        parts = (*motion, field / self.mass(motion[1]))
        segments = (
            Segment(times, *(part[:, k] for part in parts), trajectory=str(k), parameters=(float(field[k, 0]),))
            for k in range(count)
        )
        return Trajectories(("q",), tuple(segments), varied=("g",))

    def data(self, settings: Settings) -> tuple[Trajectories, Trajectories, Trajectories]:
        """To learn from, to choose by and to test."""
        counts = (settings.count(TRAJECTORIES, 8), settings.count(TRAJECTORIES // 4, 4), settings.count(TESTED))
        learn, choose, test = (self.motion(count, 3 * settings.seed + k) for k, count in enumerate(counts))
        return learn, choose, test

    def network(self, structure: str, width: int = WIDTH) -> Callable[[Settings], Values]:
        """The row of a network for accelerations or a Lagrangian, which need velocities alone."""

        def row(settings: Settings) -> Values:
            learn, choose, test = self.data(settings)
            build = {**STRUCTURES, "perceptron": AccelerationNetwork}[structure]
            model = build(Scaling.of(learn.jets()), width=width, seed=settings.seed)
            loss = "acceleration" if structure == "perceptron" else FitOptions(structure).loss_for(structure)

            def prepare(steps: int) -> Training:
                examples = examples_of(loss, learn.jets(), model)
                return training(model, examples, AccelerationExamples.of(choose.jets(), model), settings.seed, steps)

            trained, _ = train_for(prepare, LEVENBERG_MARQUARDT, settings.training_time(SECONDS))
            q, v, times, field = beginning(test)
            motion = follow(learned(trained.model, field), q, v, times)
            return {
                "acceleration error": trained.best_error,
                "displacement error": displacement_error(None if motion is None else motion[0], test),
            }

        return row

    def hamiltonian(self, *, canonical: bool) -> Callable[[Settings], Values]:
        """The row of a Hamiltonian network with the right momentum, or the velocity in its place."""

        def phase(data: Trajectories) -> PhaseSpace:
            jets = data.jets()
            mass = self.mass(jets.v) if canonical else 1.0
            return PhaseSpace(jets.q, self.pair(jets.v, canonical), jets.v, mass * jets.a, jets.parameters)

        def row(settings: Settings) -> Values:
            learn, choose, test = self.data(settings)
            model = HamiltonianNetwork.of(phase(learn), width=WIDTH, seed=settings.seed)

            def prepare(steps: int) -> Training:
                examples, judge = (HamiltonExamples.of(phase(part), model) for part in (learn, choose))
                return training(model, examples, judge, settings.seed, steps)

            train_for(prepare, LEVENBERG_MARQUARDT, settings.training_time(SECONDS))
            q, v, times, field = beginning(test)
            try:
                positions, _ = roll_out(model, q, self.pair(v, canonical), times, field)
            except InputError:  # it ran away
                positions = None
            return {"displacement error": displacement_error(positions, test)}

        return row

    def pair(self, v: np.ndarray, canonical: bool) -> np.ndarray:
        """What stands beside q."""
        return self.momentum(v) if canonical else v


def training(model: torch.nn.Module, examples: object, held_out: object, seed: int, steps: int) -> Training:
    """A training at its beginning, whose model may be no Lagrangian."""
    options = FitOptions(steps=steps, tolerance=0.0)
    made = Training(model, examples, held_out, options, LEVENBERG_MARQUARDT, seed)  # pyright: ignore[reportArgumentType]
    # All are to use up their time; plateaus of many hundred steps come before these networks' best.
    made.schedule, made.growth = replace(made.schedule, patience=None), GROWTH
    return made


def beginning(data: Trajectories) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Positions, velocities, times and fields at the start of every motion."""
    first = data.segments
    q, v = (np.array([getattr(segment, name)[0] for segment in first]) for name in ("q", "v"))
    return q, v, first[0].t, np.array([segment.parameters for segment in first])


def displacement_error(positions: np.ndarray | None, data: Trajectories) -> float:
    """Root mean square error of positions (times, starts, 1), relative to how far the motions went."""
    if positions is None:
        return float(np.inf)
    truth = np.stack([segment.q for segment in data.segments], 1)
    return float(np.linalg.norm(positions - truth) / np.linalg.norm(truth - truth[0]))


LAWS = {
    "special relativity": Law(lambda v: v / np.sqrt(1 - v**2), lambda v: (1 - v**2) ** -1.5),
    "the paper's formula": Law(
        lambda v: v * (1 - v**2) ** -1.5, lambda v: (1 + 2 * v**2) * np.maximum(1 - v**2, 1e-12) ** -2.5
    ),
}


def rows() -> dict[str, Callable[[Settings], Values]]:
    made: dict[str, Callable[[Settings], Values]] = {}
    for name, law in LAWS.items():
        made[f"{name}: Hamiltonian, velocity for momentum"] = law.hamiltonian(canonical=False)
        made[f"{name}: Hamiltonian, canonical momentum"] = law.hamiltonian(canonical=True)
        made[f"{name}: plain perceptron"] = law.network("perceptron")
        made[f"{name}: plain perceptron 2 × {WIDER}"] = law.network("perceptron", WIDER)
        for structure in ("separable", "free"):
            made[f"{name}: {structure}"] = law.network(structure)
    return made


RELATIVITY = Comparison(
    "relativity",
    "Relativistic particle in a uniform field",
    f"""
M. Cranmer et al., arXiv:2003.04630, who show it in a figure without numbers: a Hamiltonian network fails where it is
given velocities for momenta, works with the canonical ones, and a Lagrangian network needs neither. In special
relativity L = -sqrt(1 - v²) + g q; the formula of their notebook is L = 1 / sqrt(1 - v²) + g q. {TRAJECTORIES} motions
over a unit of time, {SAMPLES} samples each, from uniform positions in [-10, 10]; the field g, another one along every
motion, is an input of all networks. {TESTED} motions in other fields are followed from their beginnings; the
displacement error is the root mean square error of the positions relative to how far the motions went. Ours: starting
speeds uniform up to {FASTEST} and fields with a standard deviation of {FIELD:g}, where theirs go up to 0.99 and 10;
Levenberg and Marquardt's method, {SECONDS:g} CPU seconds and 2 × {WIDTH} units for all; the weights with the smallest
error on {TRAJECTORIES // 4} other motions are kept. The perceptron, whose units cost less, has a row with
2 × {WIDER} as well. Rows of few CPU seconds were ended by a plateau.
""",
    {"acceleration error": ".1e", "displacement error": ".1e"},
    rows(),
)
