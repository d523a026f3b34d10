"""Mass on a spring, ideal and real pendulum, two bodies: the tasks of Greydanus et al. (2019)."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from scipy.interpolate import CubicSpline

from benchmarks.papers.motion import Acceleration, follow, learned
from benchmarks.papers.record import Comparison, Settings, Values
from lagsym.data.derivatives import differentiate
from lagsym.data.tables import Columns, read_table
from lagsym.data.trajectories import Segment, Trajectories
from lagsym.neural import Fit, FitOptions, NetworkLagrangian, Symmetry, fit

STARTS, END = 15, 20.0
DRAWS = 5
"""Of the swings' data, each with networks and starts of its own."""
SWING_WIDTH, ROUNDS = 8, 12
"""Of the swings: units of a hidden layer, and fits with the motions moved in between."""
STEP = 1e-4
RECORD = "real_pendulum.csv"


@dataclass(frozen=True)
class Swing:
    """H = p² + V(q), of which noisy states and clean rates are seen.

    Arguments:
        potential: V.
        slope: V'.
        rate: samples in a unit of time, of three units in a row.
        radii: bounds of sqrt(q² + p²) at the start.
        angle: whether q has period 2 pi.
        published: energy errors of the paper's baseline and Hamiltonian network.
    """

    potential: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    rate: int
    radii: tuple[float, float]
    angle: bool
    published: tuple[float, float]

    SPAN, NOISE, TRAJECTORIES, KEPT = 3.0, 0.1, 25, 5

    def acceleration(self, q: np.ndarray, v: np.ndarray) -> np.ndarray:
        """q'' = 2 p' = −2 V'(q)."""
        del v
        return -2 * self.slope(q)

    def energy(self, q: np.ndarray, v: np.ndarray) -> np.ndarray:
        """H, with p = v / 2."""
        return (v / 2) ** 2 + self.potential(q)

    def seen(self, settings: Settings) -> Trajectories:
        """The paper's data: times, noisy q, and the clean q'."""
        generator, count = np.random.default_rng(settings.seed), settings.count(self.TRAJECTORIES, 7)
        starts = generator.uniform(-1, 1, (count, 2))
        starts *= generator.uniform(*self.radii, (count, 1)) / np.linalg.norm(starts, axis=1, keepdims=True)
        times = np.linspace(0, self.SPAN, int(self.rate * self.SPAN))
        motion = follow(self.acceleration, starts[:, :1], 2 * starts[:, 1:], times)
        assert motion is not None
        q, v = motion
        q = q + self.NOISE * generator.standard_normal(q.shape)
        segments = (Segment(times, q[:, k], v[:, k], trajectory=str(k)) for k in range(count))
        return Trajectories(("q",), tuple(segments), frozenset({"q"} if self.angle else ()))

    def network(self, structure: str) -> Callable[[Settings], Values]:
        """The row of a structure: medians over several draws of the data, and the worst of them."""

        def row(settings: Settings) -> Values:
            draws = range(settings.count(DRAWS, 1))
            drawn = [self.drawn(structure, replace(settings, seed=DRAWS * settings.seed + k)) for k in draws]
            values = {column: float(np.median([one[column] for one in drawn])) for column in drawn[0]}
            return values | {"worst": max(one["energy MSE"] for one in drawn)} | published(*self.published)

        return row

    def drawn(self, structure: str, settings: Settings) -> Values:
        """One draw: a network, and the energy along its own motion."""
        data = steadied(self.seen(settings))
        found = self.fitted(data, structure, settings)
        for _ in range(ROUNDS - 1):
            if found.status == "converged":
                break
            data = shifted(data, found.model)
            found = self.fitted(data, structure, settings)
        return judged(found) | self.errors(learned(found.model), settings)

    def fitted(self, data: Trajectories, structure: str, settings: Settings) -> Fit:
        """A network; the last motions decide when to stop."""
        kept = settings.count(self.KEPT)
        learn, choose = (data.with_segments(part).jets() for part in (data.segments[:-kept], data.segments[-kept:]))
        options = FitOptions(structure, width=SWING_WIDTH, steps=steps(settings))
        return fit(learn, choose, angles=(0,) if self.angle else (), options=options, seed=settings.seed)

    def errors(self, acceleration: Acceleration, settings: Settings) -> Values:
        """Mean squares of the differences of energy from the true motion, over the paper's starts and times."""
        generator = np.random.default_rng(1000 + settings.seed)
        state = generator.uniform(-0.8, 0.8, (settings.count(STARTS), 2))
        state += 0.2 * np.sign(state)
        times = np.linspace(0, END * settings.size, 2000)
        laws = (acceleration, self.acceleration)
        ours, true = (follow(law, state[:, :1], 2 * state[:, 1:], times) for law in laws)
        if ours is None or true is None:
            return {"energy MSE": np.inf, "as q² + p²": np.inf}
        energies = [self.energy(q, v) for q, v in (ours, true)]
        circles = [q**2 + (v / 2) ** 2 for q, v in (ours, true)]
        return {"energy MSE": mean_square(*energies), "as q² + p²": mean_square(*circles)}


def steadied(data: Trajectories) -> Trajectories:
    """Positions as integrals of the velocities, which are clean, from the noisy positions' mean; with accelerations."""
    segments = []
    for segment, smooth in zip(data.segments, differentiate(data).segments, strict=True):
        path = CubicSpline(segment.t, segment.v).antiderivative()(segment.t)
        segments.append(replace(segment, q=path + (segment.q - path).mean(0), a=smooth.a))
    return data.with_segments(segments)


def shifted(data: Trajectories, model: NetworkLagrangian) -> Trajectories:
    """Every motion moved to where its accelerations suit the network's law best, their mean left where it was.

    To first order, by least squares: a motion's constant is fitted with the law, as it is known only up to the noise.
    """
    shifts = []
    for segment in data.segments:
        q, v = torch.from_numpy(segment.q), torch.from_numpy(segment.v)
        with torch.no_grad():
            here, after, before = (model.acceleration(q + d, v).numpy() for d in (0.0, STEP, -STEP))
        slope = (after - before) / (2 * STEP)
        shifts.append(np.sum(slope * (segment.a - here)) / np.sum(slope**2))
    own = np.array(shifts) - np.mean(shifts)
    return data.with_segments(replace(s, q=s.q + shift) for s, shift in zip(data.segments, own, strict=True))


def steps(settings: Settings) -> int:
    """Of Levenberg and Marquardt's method: as in any fit, unless the time is cut."""
    return 400 if settings.seconds is None else max(2, int(settings.seconds))


def judged(found: Fit) -> Values:
    return {"held-out error": found.held_out_error}


def published(baseline: float, hamiltonian: float) -> Values:
    return {"published baseline": baseline, "published HNN": hamiltonian}


def mean_square(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.mean((one - other) ** 2))


# ---------------------------------------------------------------------------------------------- the real pendulum

K = 2.4
"""Of the real pendulum's H = K (1 − cos q) + p², as in the paper's program."""


def real_pendulum(settings: Settings, *, dissipation: bool) -> Values:
    """Learned from the first four fifths of the record, followed over the rest."""
    folder = os.environ.get("LAGSYM_REAL_DATA")
    if folder is None:
        print("  left out: LAGSYM_REAL_DATA names no folder of measurements")
        return {}
    data = read_table(Path(folder) / RECORD, Columns(angles=("theta",)))
    t = np.concatenate([segment.t for segment in data.segments])
    first, last = np.quantile(t, [0.65, 0.8])
    spans = ((-np.inf, first), (first, last), (last, np.inf))
    learn, choose, report = (
        data.with_segments(piece for s in data.segments if len(piece := s.between(*span)) >= 7) for span in spans
    )
    options = FitOptions(dissipation=dissipation, steps=steps(settings), width=16)
    found = fit(learn, choose, angles=(0,), options=options, seed=settings.seed)
    seen = report.jets()
    motion = follow(learned(found.model), seen.q[:1], seen.v[:1], seen.t)
    values = judged(found) | published(3.9e-1, 1.4e-2)
    if motion is None:
        return values | {"energy MSE": np.inf}
    energies = [K * (1 - np.cos(q)) + v**2 for q, v in ((motion[0][:, 0], motion[1][:, 0]), (seen.q, seen.v))]
    return values | {"energy MSE": mean_square(*energies)}


# ------------------------------------------------------------------------------------------------------ two bodies

ORBITS, POINTS, SPREAD, ORBIT_WIDTH = 800, 50, 0.05, 16
"""To learn from and to choose by, a fifth of them; samples of each; relative spread of the speeds; units of a layer."""


def two_bodies(settings: Settings, *, symmetric: bool) -> Values:
    """Of unit masses and G = 1, each on the other side of the origin, nearly on circles."""
    generator = np.random.default_rng(settings.seed)
    data = orbits(generator, settings.count(ORBITS, 10), np.linspace(0, END, POINTS))
    kept = len(data.segments) // 5
    learn, choose = (data.with_segments(part).jets() for part in (data.segments[:-kept], data.segments[-kept:]))
    pairs = ((0, 1), (2, 3))
    known = Symmetry(translation=((0, 2), (1, 3)), rotation=pairs, like=(pairs,)) if symmetric else Symmetry()
    options = FitOptions(symmetry=known, width=ORBIT_WIDTH, steps=steps(settings), seconds=settings.seconds)
    found = fit(learn, choose, options=options, seed=settings.seed)
    q, v = circular(generator, settings.count(STARTS))
    motion = follow(learned(found.model), q, v, np.linspace(0, END * settings.size, 1000))
    error = np.inf if motion is None else mean_square(orbital_energy(*motion), orbital_energy(q, v))
    return judged(found) | {"energy MSE": error} | published(6.3e-2, 3.9e-5)


def circular(generator: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions and velocities (count, 4) of both bodies; the first begins in the first quadrant."""
    x = generator.uniform(0.5, 1.5, (count, 2))
    radius = np.linalg.norm(x, axis=1, keepdims=True)
    v = x[:, ::-1] * [-1, 1] / (2 * radius**1.5) * (1 + SPREAD * generator.standard_normal((count, 1)))
    return np.concatenate([x, -x], 1), np.concatenate([v, -v], 1)


def attraction(q: np.ndarray, v: np.ndarray) -> np.ndarray:
    del v
    apart = q[..., 2:] - q[..., :2]
    pull = apart / np.linalg.norm(apart, axis=-1, keepdims=True) ** 3
    return np.concatenate([pull, -pull], -1)


def orbital_energy(q: np.ndarray, v: np.ndarray) -> np.ndarray:
    return 0.5 * np.sum(v**2, -1) - 1 / np.linalg.norm(q[..., 2:] - q[..., :2], axis=-1)


def orbits(generator: np.random.Generator, count: int, times: np.ndarray) -> Trajectories:
    motion = follow(attraction, *circular(generator, count), times)
    assert motion is not None
    parts = (*motion, attraction(*motion))
    segments = (Segment(times, *(part[:, k] for part in parts), trajectory=str(k)) for k in range(count))
    return Trajectories(("x1", "y1", "x2", "y2"), tuple(segments))


SPRING = Swing(lambda q: q**2, lambda q: 2 * q, 10, (0.1, 1.0), angle=False, published=(1.7e-1, 3.8e-4))
PENDULUM = Swing(
    lambda q: 3 * (1 - np.cos(q)), lambda q: 3 * np.sin(q), 15, (1.3, 2.3), angle=True, published=(4.2e-2, 2.5e-2)
)

HAMILTONIAN_TASKS = Comparison(
    "hamiltonian_tasks",
    "Tasks of Hamiltonian neural networks",
    f"""
S. Greydanus, M. Dzamba, J. Yosinski, arXiv:1906.01563, with data drawn as by the programs that they published. Energy
MSE is the mean square difference between the energy along the network's own motion and that of the true motion from
the same start, in their units; as it stands in their program, the 'energy' of the ideal pendulum is q² + p², so both
are shown.

- Spring, H = p² + q², and pendulum, H = p² + 3 (1 - cos q): 25 motions over three units of time at 10 and 15 samples
  a unit, noise of 0.1 on q and p, clean rates; 15 starts, followed to t = 20. Lagrangian networks are not told what
  the momenta are: of these data they get times, the noisy q and the clean q', neither p nor p'. As noise in q biases
  a regression on it (their appendix corrects for this by a factor), positions are integrals of q' here, with a constant
  for each motion that is fitted with the law, in up to {ROUNDS} rounds. Ours, too: {Swing.KEPT} of the 25 motions
  decide when to stop, the networks have 2 × {SWING_WIDTH} units, and numbers are medians over {DRAWS} draws of data,
  starts and weights, with the worst energy MSE beside; those of the paper, and rows without a worst, are of one.
  A constant that grows with a motion's energy is, to first order, what a mass that varies with q does: of it only the
  noisy means of the positions say anything, and a natural network takes its share of their noise. T(v) - V(q), a
  separable one, cannot.
- Real pendulum: the first four fifths of the record of Schmidt and Lipson (2009) with the measured velocities, the last
  of these fifths (15 % of the record) to decide when to stop; followed over the rest from its first sample; the
  'true' energy 2.4 (1 - cos q) + p² is that of the measurements, noise and friction included, where p is the measured
  velocity. Ours: the loss is chosen by trials ('auto'), and there is a row with friction beside L.
- Two bodies: 1000 orbits of 50 samples to t = 20, of which they keep 200 to test; of our 800, a fifth decides when to
  stop, and the networks have 2 × {ORBIT_WIDTH} units. 15 orbits, followed to t = 20, against the energy at the start.
""",
    {
        "held-out error": ".1e",
        "energy MSE": ".1e",
        "worst": ".1e",
        "as q² + p²": ".1e",
        "published baseline": ".1e",
        "published HNN": ".1e",
    },
    {
        "spring: natural": SPRING.network("natural"),
        "spring: separable": SPRING.network("separable"),
        "ideal pendulum: natural": PENDULUM.network("natural"),
        "ideal pendulum: separable": PENDULUM.network("separable"),
        "real pendulum: natural": partial(real_pendulum, dissipation=False),
        "real pendulum: natural with friction": partial(real_pendulum, dissipation=True),
        "two bodies: natural": partial(two_bodies, symmetric=False),
        "two bodies: natural, with the symmetries of two like bodies": partial(two_bodies, symmetric=True),
    },
)
