"""Advice: what the data cannot tell, and what to measure in order to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import sympy as sp
from jaxtyping import Float
from scipy.signal import savgol_coeffs

from lagsym.data.constraints import Bound
from lagsym.data.free_coordinates import statement, suggestion
from lagsym.data.local_polynomials import DEGREE, choose_window
from lagsym.data.relations import Relation
from lagsym.data.trajectories import Segment, Trajectories
from lagsym.distillation.functions.mimicry import several_terms, stand_ins
from lagsym.distillation.identifiability import Rival
from lagsym.distillation.selection.candidates import Candidate
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.parsing import to_text

FEWEST_SAMPLES = 100
SHORT = 0.5
"""A record of less than this many characteristic times shows too little of the motion."""
COARSE = 10
"""Fewest samples in a characteristic time that accelerations can be had from."""
SMALL_ANGLE = 0.35
"""Up to this angle, in radians, a sine differs from its argument by no more than 2 %."""
ONE_ENERGY = 0.1
"""Energies that differ by less than this fraction of the mean kinetic energy are one."""
NEAREST_RIVALS = 3
CLEAR = 2.0
"""Accelerations that vary by so many times their noise show a time scale."""
NORMAL = 1.4826
"""Standard deviation of a normal distribution over the median of its absolute value."""
DROWNED = 0.5
"""Share of noise in the spread of positions from which on nothing is to be seen in them."""
AIMLESS = 4.0
"""Standard errors of a correlation that no chance gives."""
TELLING = 0.3
"""A correlation that so many standard errors have to stay below for it to be asked for."""
STEADY = 1e-3
"""Accelerations that vary by less than this fraction are constant, as in free fall."""


@dataclass(frozen=True)
class Advice:
    """A sentence for the user.

    Arguments:
        sentence: what the data cannot tell, and what to measure.
        decisive: whether it makes any law found in these data uncertain.
    """

    sentence: str
    decisive: bool = False


def bound_advice(bounds: Sequence[Bound], data: Trajectories) -> list[Advice]:
    """On relations between coordinates that may be chance, and on coordinates that never move."""
    advice = []
    for bound in bounds:
        if bound.certain:
            continue
        said, options = statement(bound.relation, data.coordinates), suggestion([bound.relation], data)
        if isinstance(bound.relation, Relation) and bound.relation.kind == "constant":
            name = data.coordinates[bound.relation.coordinates[0]]
            spread = bound.relation.thickness * bound.relation.size
            orbit = " like a constant radius," if data.angles - {name} else ""
            sentence = (
                f"{name} never moves beyond its noise,{orbit} with a spread of {spread:.2g}, so that nothing can be "
                f"said about what depends on it: leave it out ({options}), or measure motion in which it changes."
            )
        else:
            sentence = (
                f"In all samples {said}. That may be the shape of one orbit or a constraint: measure motion with "
                f"other starts and energies; if it is a constraint, use {options}."
            )
        advice.append(Advice(sentence, decisive=True))
    return advice


def motion_advice(data: Trajectories, smooth: Trajectories) -> list[Advice]:
    """On how much was measured: trajectories, samples, length, sampling and noise.

    Arguments:
        data: measured trajectories.
        smooth: some of them or all, differentiated.
    """
    noise = acceleration_noise(data)
    advice = []
    if len(data.names) == 1:
        advice.append(
            "There is only one trajectory: terms that differ by what is conserved along it cannot be told apart. "
            "Measure more trajectories with different starts and energies; four usually settle it."
        )
    if len(data) < FEWEST_SAMPLES:
        advice.append(f"There are only {len(data)} samples: measure longer, sample more finely, or add trajectories.")
    return [
        *(Advice(sentence) for sentence in advice),
        *_time_advice(data, smooth, noise),
        *_noise_advice(smooth, noise),
    ]


def _time_advice(data: Trajectories, smooth: Trajectories, noise: np.ndarray) -> list[Advice]:
    """On the length of the record and the sampling, in characteristic times."""
    time = time_scale(smooth, noise)
    if time is None:
        return []
    times = [np.concatenate([s.t for s in data.segments if s.trajectory == name]) for name in data.names]
    longest = max(float(np.ptp(t)) for t in times)
    step = float(np.median(np.concatenate([np.diff(segment.t) for segment in data.segments])))
    advice = []
    if longest < SHORT * time and sum(float(np.ptp(t)) for t in times) < time:
        advice.append(
            f"The longest record ({longest:.3g}) is short beside the time in which the motion would repeat (about "
            f"{time:.2g}): measure longer."
        )
    if step * COARSE > time:
        advice.append(
            f"There are only about {time / step:.0f} samples in the time of one swing (about {time:.2g}): sample more "
            "finely."
        )
    return [Advice(sentence) for sentence in advice]


def time_scale(smooth: Trajectories, noise: Float[np.ndarray, " coordinates"]) -> float | None:
    """The shortest time, over coordinates, in which the motion would repeat were it harmonic.

    T = 2 pi sqrt(spread of q / spread of a), which for q'' = -w^2 q is 2 pi / w however short the record is.

    Arguments:
        smooth: differentiated trajectories.
        noise: standard deviation of the noise in the accelerations.

    Returns:
        The time, or None where no acceleration changes by more than its noise.
    """
    jets = smooth.jets()
    spread, push = jets.q.std(axis=0), jets.a.std(axis=0)
    spread = np.where(smooth.angle_mask, np.minimum(spread, np.pi / np.sqrt(3)), spread)
    moving = (spread > 0) & (push > CLEAR * noise) & (push > STEADY * np.sqrt(np.mean(jets.a**2, axis=0)))
    return float(2 * np.pi * np.sqrt(np.min(spread[moving] / push[moving]))) if moving.any() else None


def noise_advice(data: Trajectories) -> list[Advice]:
    """On positions that are all noise, or that wander without aim, in which no law can be sought.

    Arguments:
        data: measured trajectories.
    """
    spread = np.sqrt(np.mean(np.concatenate([(s.q - s.q.mean(axis=0)) ** 2 for s in data.segments]), axis=0))
    share = data.noise / np.where(spread > 0, spread, np.inf)
    drowned = [name for name, part in zip(data.coordinates, share, strict=True) if part > DROWNED]
    if not drowned:
        return _walk_advice(data)
    names = ", ".join(drowned)
    sentence = (
        f"The positions of {names} are noise ({np.max(share):.0%} of their spread), or their order in time is lost: "
        "check the column of times, measure more precisely, or sample more finely."
    )
    return [Advice(sentence, decisive=True)]


def _walk_advice(data: Trajectories) -> list[Advice]:
    """On positions whose steps are independent of each other, over whatever time."""
    columns = [[segment.q[:, i] for segment in data.segments] for i in range(len(data.coordinates))]
    aimless = [name for name, series in zip(data.coordinates, columns, strict=True) if _wanders(series)]
    if not aimless:
        return []
    sentence = (
        f"How {', '.join(aimless)} changed does not tell how it goes on, over whatever time: that is a random walk, "
        "or the order in time is lost, or the samples are too far apart. Check the column of times, or sample more "
        "finely."
    )
    return [Advice(sentence, decisive=True)]


def _wanders(series: Sequence[Float[np.ndarray, " samples"]]) -> bool:
    """Whether changes over 1, 2, 4, ... samples are independent of the next ones that share no sample with them.

    Those of a smooth motion are alike, unless it is sampled too coarsely or noise drowns them; but noise does not grow
    with time, while a walk does.
    """
    sizes: list[float] = []
    while True:
        span = 2 ** len(sizes)
        changes = [x[span:] - x[:-span] for x in series if len(x) > 2 * span + 1]
        pairs = [(change[: -span - 1], change[span + 1 :]) for change in changes]
        # Changes that overlap are no independent ones; of a random walk the variance is so many times as large.
        error = np.sqrt((1 + 2 * span / 3) / max(sum(len(first) for first, _ in pairs), 1))
        if AIMLESS * error > TELLING:
            return len(sizes) > 1 and sizes[-1] > np.sqrt(span / 2) * sizes[0]
        size = np.sqrt(np.prod([sum(float(half @ half) for half in halves) for halves in zip(*pairs, strict=True)]))
        if not abs(sum(float(first @ second) for first, second in pairs)) < AIMLESS * error * size:
            return False
        sizes.append(float(size) / sum(len(first) for first, _ in pairs))


def _noise_advice(smooth: Trajectories, noise: np.ndarray) -> list[Advice]:
    """On accelerations that are all noise; a single coordinate may be free of forces."""
    # Of the typical sample: at the ends of a record derivatives are noisier by far.
    size = NORMAL * np.median(np.abs(smooth.jets().a), axis=0)
    if np.any(size > np.sqrt(2) * noise):
        return []
    names = ", ".join(smooth.coordinates)
    return [
        Advice(
            f"The accelerations of {names} are mostly noise: measure more precisely, sample more finely, or let the "
            "motion be larger."
        )
    ]


def acceleration_noise(data: Trajectories) -> Float[np.ndarray, " coordinates"]:
    """Standard deviation of the noise that differentiation leaves in accelerations, in their units."""
    order = 1 if data.has_velocities else 2
    measured = data.with_segments([_measured(segment) for segment in data.segments])
    squares, weights = np.zeros(len(data.coordinates)), 0
    for segment in measured.segments:
        step = float(np.ptp(segment.t)) / (len(segment) - 1)
        for i, column in enumerate(segment.q.T):
            window = choose_window(segment.t, column) | 1
            filter_ = savgol_coeffs(window, min(DEGREE, window - 2), deriv=order, delta=step)
            squares[i] += len(segment) * np.sum(filter_**2)
        weights += len(segment)
    return measured.noise * np.sqrt(squares / weights)


def _measured(segment: Segment) -> Segment:
    """What accelerations come from, in the place of positions."""
    return segment if segment.v is None else replace(segment, q=segment.v, v=None, a=None)


def law_advice(
    lagrangian: sp.Expr,
    data: Trajectories,
    smooth: Trajectories,
    rivals: Sequence[Rival],
    others: Sequence[Candidate] = (),
    *,
    sought: bool = False,
    invented: bool = False,
) -> list[Advice]:
    """On what else would fit, on sums of powers, on energies and on amplitudes.

    Arguments:
        lagrangian: the law that was found, with numbers.
        data: measured trajectories.
        smooth: the same, differentiated.
        rivals: laws that fit the data as closely.
        others: laws that the fit of the motion does not exclude.
        sought: whether an engine looked for functions that no library holds.
        invented: whether the law's terms are what an engine found.
    """
    return [
        *_rival_advice(rivals),
        *_other_advice(others),
        *_mimicry_advice(lagrangian, data, sought=sought, invented=invented),
        *_energy_advice(lagrangian, smooth),
        *_amplitude_advice(lagrangian, data),
    ]


def _rival_advice(rivals: Sequence[Rival]) -> list[Advice]:
    if not rivals:
        return []
    named = [
        f"{to_text(r.term)} beside it" if r.replaces is None else f"{to_text(r.term)} in place of {to_text(r.replaces)}"
        for r in rivals
        if r.term is not None
    ]
    more = f", and {len(named) - NEAREST_RIVALS} more" if len(named) > NEAREST_RIVALS else ""
    which = f" (with {'; '.join(named[:NEAREST_RIVALS])}{more})" if named else " (its own terms in another proportion)"
    sentence = (
        f"Other laws fit these data as closely{which}, and would move differently elsewhere: measure more "
        "trajectories, with different starts and energies."
    )
    return [Advice(sentence, decisive=True)]


def _other_advice(others: Sequence[Candidate]) -> list[Advice]:
    """On other laws that leave nothing but noise."""
    if not others:
        return []
    named = "; ".join(", ".join(to_text(term) for term in other.terms) for other in others)
    sentence = (
        f"The motion does not exclude another law, of the terms {named}: measure with less noise, or where the two "
        "would differ more, as at higher energies."
    )
    return [Advice(sentence, decisive=True)]


def _mimicry_advice(lagrangian: sp.Expr, data: Trajectories, *, sought: bool, invented: bool) -> list[Advice]:
    """On sums of terms that mimic any smooth function: an engine's always, powers where no such function was sought."""
    made_up = several_terms(lagrangian, JetSpace(data.coordinates)) if invented else ()
    many = made_up or stand_ins(lagrangian, data)
    if not many:
        return []
    which = "; ".join(", ".join(to_text(term) for term in terms) for terms in many)
    kind = "terms" if made_up else "powers"
    sentence = f"A sum of {kind} ({which}) may stand for a function, which it mimics where it was measured"
    if made_up:
        return [Advice(f"{sentence} and nowhere else: a law would have fewer.", decisive=True)]
    if sought:
        return [Advice(f"{sentence}: an engine found none that explains the motion better.")]
    return [Advice(f"{sentence} and nowhere else: --engine operon looks for such functions.", decisive=True)]


def _energy_advice(lagrangian: sp.Expr, smooth: Trajectories) -> list[Advice]:
    """On several trajectories of a single energy."""
    if len(smooth.names) < 2:
        return []
    energy, kinetic = _energies(lagrangian, smooth)
    if np.ptp(energy) > ONE_ENERGY * kinetic:
        return []
    return [
        Advice(
            "All trajectories have the same energy, which hides how the motion depends on it: measure some with other "
            "energies."
        )
    ]


def _energies(lagrangian: sp.Expr, smooth: Trajectories) -> tuple[np.ndarray, float]:
    """The median energy of every segment's first and last half, and the mean size of v . dL/dv / 2 over all."""
    space = JetSpace(smooth.coordinates)
    momenta = [sp.diff(lagrangian, v) for v in space.velocities]
    twice = sp.Add(*(p * v for p, v in zip(momenta, space.velocities, strict=True)))
    values = sp.lambdify([*space.positions, *space.velocities], [twice - lagrangian, twice / 2], "numpy")
    medians, sizes = [], []
    for segment in smooth.segments:
        assert segment.v is not None
        energy, kinetic = (np.broadcast_to(x, len(segment)) for x in values(*segment.q.T, *segment.v.T))
        medians += [np.median(half) for half in np.array_split(energy, 2)]
        sizes.append(np.abs(kinetic).mean())
    return np.array(medians), float(np.mean(sizes))


def _amplitude_advice(lagrangian: sp.Expr, data: Trajectories) -> list[Advice]:
    """On swings so small that every oscillator is harmonic."""
    q = np.concatenate([segment.q for segment in data.segments])
    reach = np.abs(q - np.median(q, axis=0)).max(axis=0)
    space = JetSpace(data.coordinates)
    symbols = [*space.positions, *space.velocities]
    harmonic = lagrangian.is_polynomial(*symbols) and sp.Poly(lagrangian, *symbols).total_degree() <= 2
    advice = []
    for name, amplitude, angle in zip(data.coordinates, reach, data.angle_mask, strict=True):
        # Beside an angle that turns far, as of an orbit, a narrow range is no small swing.
        if np.any(reach[data.angle_mask] > SMALL_ANGLE) or not 0 < amplitude < SMALL_ANGLE or not (angle or harmonic):
            continue
        if angle:
            sentence = (
                f"{name} stays within {amplitude:.2g} of its middle: so small a swing hardly differs from that of a "
                "harmonic oscillator; larger amplitudes would tell what the law is beyond."
            )
        else:
            sentence = (
                f"The law is harmonic, and {name} stays within {amplitude:.2g} of its middle: at small amplitudes "
                f"every oscillator is; larger ones would tell (and --angles {name}, if it is an angle)."
            )
        advice.append(Advice(sentence))
    return advice
