"""The double pendulum of Cranmer et al. (2020), and a triple one by the same protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from benchmarks.accuracy import Adam, train_for
from benchmarks.papers.motion import Acceleration, follow, learned
from benchmarks.papers.record import Comparison, Settings, Values
from lagsym import systems
from lagsym.data.jets import Jets
from lagsym.mechanics.dynamics.numeric import CompiledMechanics, compile_mechanics
from lagsym.neural import STRUCTURES, FitOptions, Scaling
from lagsym.neural.baselines import AccelerationNetwork
from lagsym.neural.examples import AccelerationExamples
from lagsym.neural.options import SCHEDULES, OptimizerName
from lagsym.neural.training import Training

SAMPLES, HELD_OUT, STARTS, END = 20_000, 4_000, 40, 100.0
FASTEST = 10.0
"""Of the angular velocities to learn from."""


@dataclass(frozen=True)
class Pendulum:
    """A chain of pendulums of unit masses and lengths, as a problem.

    Arguments:
        system: its name in the catalogue.
        unit: of the energy.
        seconds: of CPU time to train a network.
    """

    system: str
    unit: float
    seconds: float

    @cached_property
    def mechanics(self) -> CompiledMechanics:
        system = systems.get(self.system).with_parameters({"g": 9.8})
        return compile_mechanics(system.numeric_lagrangian, system.space)

    def samples(self, count: int, seed: int) -> Jets:
        """Exact accelerations at random states of the published box."""
        generator, n = np.random.default_rng(seed), len(systems.get(self.system).space.fields)
        q = generator.uniform(0, 2 * np.pi, (count, n))
        v = generator.uniform(-FASTEST, FASTEST, (count, n))
        return Jets.of_particle(np.zeros(count), q, v, self.mechanics.acceleration(np.zeros(count), q, v))

    def drift(self, acceleration: Acceleration, settings: Settings) -> Values:
        """How much energy motions from rest have gained or lost at the end."""
        generator, n = np.random.default_rng(settings.seed), len(systems.get(self.system).space.fields)
        q = generator.uniform(0, 2 * np.pi, (settings.count(STARTS), n))
        still, mechanics = np.zeros_like(q), self.mechanics
        motion = follow(acceleration, q, still, np.array([0.0, END * settings.size]))
        if motion is None:
            return {"mean drift, %": np.inf, "worst, %": np.inf}
        after, before = mechanics.energy(0.0, motion[0][-1], motion[1][-1]), mechanics.energy(0.0, q, still)
        drift = 100 * np.abs(after - before) / self.unit
        return {"mean drift, %": float(drift.mean()), "worst, %": float(drift.max())}

    def true(self) -> Callable[[Settings], Values]:
        """The row of the true equations: what is left to the method of integration."""
        return lambda settings: self.drift(lambda q, v: self.mechanics.acceleration(0.0, q, v), settings)

    def network(
        self, structure: str, optimizer: str, width: int, published: float | None = None
    ) -> Callable[[Settings], Values]:
        """The row of a network."""

        def row(settings: Settings) -> Values:
            jets = self.samples(settings.count(SAMPLES, 200), settings.seed)
            held_out = self.samples(settings.count(HELD_OUT, 100), 1000 + settings.seed)

            def prepare(steps: int) -> Training:
                return prepared((structure, optimizer, width), jets, held_out, settings.seed, steps)

            training, history = train_for(prepare, optimizer, settings.training_time(self.seconds))
            values = {"held-out error": min(error for _, error in history)}
            if published is not None:
                values["published, %"] = published
            return values | self.drift(learned(training.model), settings)

        return row


def prepared(kind: tuple[str, str, int], jets: Jets, held_out: Jets, seed: int, steps: int) -> Training:
    """A training at its beginning; all coordinates are angles."""
    structure, optimizer, width = kind
    known: OptimizerName = "levenberg-marquardt" if optimizer == "levenberg-marquardt" else "soap"
    build = {**STRUCTURES, "perceptron": AccelerationNetwork}[structure]
    model = build(Scaling.of(jets, range(jets.q.shape[1])), width=width, seed=seed)
    model = model.converted(SCHEDULES[known].dtype)
    options = FitOptions(width=width, optimizer=known, steps=steps, tolerance=0.0)
    examples, judge = (AccelerationExamples.of(part, model) for part in (jets, held_out))
    training = Training(model, examples, judge, options, known, seed)
    if optimizer == "adam":
        training.optimizer = Adam(model, steps)  # pyright: ignore[reportAttributeAccessIssue]
    return training


COLUMNS: Mapping[str, str] = {
    "held-out error": ".1e",
    "mean drift, %": ".2g",
    "worst, %": ".2g",
    "published, %": ".2g",
}
DOUBLE, TRIPLE = Pendulum("double_pendulum", 29.4, 180.0), Pendulum("triple_pendulum", 58.8, 180.0)

DOUBLE_PENDULUM = Comparison(
    "double_pendulum",
    "Double pendulum",
    """
M. Cranmer et al., arXiv:2003.04630; unit masses and lengths, g = 9.8. Networks learn from 20,000 states of their box
(angles uniform, angular velocities uniform in [-10, 10]) with exact accelerations, 180 CPU seconds on one thread each,
then 40 motions from rest at uniform angles are followed to t = 100. Drift is |E(100) - E(0)| / 29.4, with the true
energy. Ours: the box is sampled at random and not along trajectories; the integrator is Dormand and Prince's of order 8
with a relative tolerance of 1e-10; networks have the sizes in the table and not 3 × 500.
""",
    COLUMNS,
    {
        "true equations": DOUBLE.true(),
        "natural 2 × 32, Levenberg–Marquardt": DOUBLE.network("natural", "levenberg-marquardt", 32, 0.43),
        "free 2 × 32, Levenberg–Marquardt": DOUBLE.network("free", "levenberg-marquardt", 32, 0.43),
        "plain perceptron 2 × 64, SOAP": DOUBLE.network("perceptron", "soap", 64, 7.4),
        "plain perceptron 2 × 64, Adam": DOUBLE.network("perceptron", "adam", 64, 7.4),
    },
)
TRIPLE_PENDULUM = Comparison(
    "triple_pendulum",
    "Triple pendulum",
    """
By the same protocol, with the unit of energy 58.8, the difference between hanging down and hanging level. No paper
gives numbers for it.
""",
    COLUMNS,
    {
        "true equations": TRIPLE.true(),
        "natural 2 × 32, Levenberg–Marquardt": TRIPLE.network("natural", "levenberg-marquardt", 32),
        "plain perceptron 2 × 64, SOAP": TRIPLE.network("perceptron", "soap", 64),
    },
)
