"""Discovery: the stages in order, from trajectories to a law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import sympy as sp

from lagsym.data.constraints import find_constraints
from lagsym.data.derivatives import differentiate, velocity_bias
from lagsym.data.free_coordinates import check_free
from lagsym.data.splitting import Split, split
from lagsym.data.trajectories import Trajectories
from lagsym.discovery.drafting import draft, middle_ranges, name_constants
from lagsym.discovery.journal import Journal, Report
from lagsym.discovery.judging import EXCESS as IN_DOUBT
from lagsym.discovery.judging import Judgement, judge, judge_equations, judge_nothing
from lagsym.discovery.record import Discovery, DiscoveryOptions
from lagsym.discovery.selecting import select_law
from lagsym.distillation.advice import Advice, bound_advice, law_advice, motion_advice, noise_advice
from lagsym.distillation.constants.settling import Settled, settle
from lagsym.distillation.engines import engine
from lagsym.distillation.fitting.refinement import noise_of
from lagsym.distillation.functions.free_friction import find_free_friction
from lagsym.distillation.identifiability import find_rivals, not_excluded
from lagsym.distillation.libraries.terms import PARTICLE_STRUCTURES
from lagsym.distillation.options import Choice, ChoiceOptions, usable
from lagsym.distillation.reading.faithfulness import Faithfulness, measure_faithfulness
from lagsym.distillation.zeros import find_zeros, measured_from_zeros
from lagsym.errors import InputError, UnavailableError
from lagsym.law import Law
from lagsym.law.units import check_terms, with_units
from lagsym.mechanics.inverse_problem.helmholtz import multipliers
from lagsym.mechanics.jetspace import JetSpace
from lagsym.neural import Checkpoints, Fit, FitProgress
from lagsym.neural.examples import Motion
from lagsym.validation import Validation, validate
from lagsym.validation.following import Following, follow

RESIDUAL, WITHOUT_ZEROS = "residual over noise", "residual over noise without zeros"
VELOCITY_BIAS = 0.01


def discover_motion(
    data: Trajectories,
    *,
    options: DiscoveryOptions | None = None,
    report: Report = lambda stage: None,
    progress: Callable[[FitProgress], None] | None = None,
    checkpoints: Checkpoints | None = None,
) -> Discovery:
    """Find the Lagrangian that moves the data.

    The data are split in three. On the first part a network is trained and terms are selected, on the second structures
    are compared, and the third gives the scores; the constants are refined on the first two.

    Arguments:
        data: measured trajectories.
        options: what to do differently.
        report: called with the title of every stage as it begins.
        progress: called during the network's training.
        checkpoints: where the training keeps what is needed to go on after it was cut off.

    Raises:
        DataError: there is too little to learn from, or the coordinates are bound to each other.
        InputError: a term that was given contradicts the units of the data, the structure is one of fields alone, a
            parameter differs from trajectory to trajectory, or there are measured forces as well as a known part, and
            each sets the scale.
        UnavailableError: a named engine or device is missing.
    """
    options = options or DiscoveryOptions()
    missing = engine(options.choice.engine).available()
    if missing:
        raise UnavailableError(missing)
    _require_one_law(data, options.choice)
    log = Journal(report, notices=[*data.notices, *_velocity_notices(data)])
    bounds = check_free(find_constraints(data), data)
    parts = split(data, seed=options.seed)
    with log.stage("smooth", "Differentiating"):
        learn, choose = differentiate(parts.fit), differentiate(parts.choose)
        log.advise([*bound_advice(bounds, data), *motion_advice(data, learn)])
    refused = _refused(data, parts, (learn, choose), options, log)
    if refused is not None:
        return Discovery(refused, None, None, parts)
    motion = (Motion(parts.fit, learn), Motion(parts.choose, choose))
    selected, network = select_law(motion, options, log, progress, checkpoints)
    known = parts.fit.with_segments((*parts.fit.segments, *parts.choose.segments))
    smooth = learn.with_segments((*learn.segments, *choose.segments))
    if selected is None:
        with log.stage("judge", "Comparing with an unconstrained regression"):
            judgement = judge_nothing(learn, parts.report, seed=options.seed)
        return Discovery(_without(data, judgement, options, log), None, network, parts)
    log.notices += selected.messages
    with log.stage("refine", "Refining constants"):
        settled = _settled(selected, (known, smooth), network, options, log)
        law = _drafted(selected, settled, (known, smooth), options, log)
        log.advise(_law_advice(law, selected, settled, (parts.fit, learn), data))
        law, unit_notices = with_units(law, data.units)
        law = name_constants(law)
        log.notices += unit_notices
    with log.stage("judge", "Scoring on held-out data"):
        held_out = differentiate(parts.report)
        asked = None if network is None else network.model.read(held_out.jets()).acceleration
        validation = validate(law, parts.report, network_acceleration=asked)
        faithfulness = None if asked is None else _faithfulness(asked, validation, held_out)
        following = _following(law, settled, parts.report, held_out)
        judgement = judge(validation, learn, parts.report, excess=_excess(law), following=following, seed=options.seed)
        law = _judged(law, judgement, log)
        if faithfulness is not None:
            law = replace(law, scores={**law.scores, **faithfulness.scores})
    if law.lagrangian is None:
        return Discovery(law, None, network, parts)
    return Discovery(law, validation, network, parts, faithfulness)


def _settled(
    selected: Choice,
    motion: tuple[Trajectories, Trajectories],
    network: Fit | None,
    options: DiscoveryOptions,
    log: Journal,
) -> Settled:
    """The chosen terms with constants and friction, fitted to the motion as it was measured and differentiated."""
    model = network.model if network is not None and usable(network) else None
    asked = {"seed": options.seed, "model": model, "window": _window(selected), "friction": _drag(selected)}
    settled = settle(selected.candidate, *motion, **asked)
    known, positions = options.choice.known, JetSpace(motion[0].coordinates).positions
    if known is None or not known.has(*positions):
        settled = find_zeros(settled, *motion, seed=options.seed, model=model)
    if options.choice.engine == "sparse":
        return settled
    found, messages = find_free_friction(settled, *motion, engine(options.choice.engine), seed=options.seed)
    log.notices += [message for message in messages if message not in selected.messages]
    return found


def _drafted(
    selected: Choice,
    settled: Settled,
    motion: tuple[Trajectories, Trajectories],
    options: DiscoveryOptions,
    log: Journal,
) -> Law:
    """What was settled, as a law of that motion."""
    known, smooth = motion
    space = JetSpace(known.coordinates)
    law = draft(selected, settled, space, log, angles=known.angles, known=options.choice.known is not None)
    law = replace(law, tests={**law.tests, **_left(settled, known)})
    log.notices += _zero_notices(settled, law)
    several = multipliers(settled.numeric_lagrangian, space, middle_ranges(smooth))
    return replace(law, parameters=known.parameters, seed=options.seed, multipliers=several.dimension)


def _window(selected: Choice) -> float | None:
    """Where the fit of the constants may begin, if they were fitted when the terms were chosen."""
    return None if selected.trial is None or selected.candidate.inner else selected.trial.window


def _drag(selected: Choice) -> dict[sp.Expr, float]:
    """The friction beside which the terms were chosen, as the fit of the motion then had it."""
    if selected.trial is None:
        return {}
    return dict(zip(selected.friction, selected.trial.friction, strict=True))


def _left(settled: Settled, known: Trajectories) -> dict[str, dict[str, float | str]]:
    """What the fit of the motion left over the noise, for each coordinate; nothing where there was no fit."""
    if settled.refined is None:
        return {}
    left = {RESIDUAL: settled.refined.residual}
    if settled.off is not None:
        left[WITHOUT_ZEROS] = settled.off
    names, noise = known.coordinates, noise_of(known)
    return {name: dict(zip(names, map(float, part / noise), strict=True)) for name, part in left.items()}


def _zero_notices(settled: Settled, law: Law) -> list[str]:
    """What the user should know of coordinates that are measured from elsewhere than the law's zero."""
    if not settled.zeros:
        return []
    names = dict(zip(law.space.positions, law.coordinates, strict=True))
    left, without = (law.tests[which] for which in (RESIDUAL, WITHOUT_ZEROS))
    found = " and ".join(f"{names[q]} - {z}" for q, z in settled.zeros.items())
    numbers = ", ".join(f"{float(before):.2g} and now {float(left[name]):.2g}" for name, before in without.items())
    whole = (
        f"The law is in {found}, as if the zero of what was measured were elsewhere; without that it left {numbers} "
        f"times the noise of {', '.join(law.coordinates)}."
    )
    sentences = [whole]
    if len(settled.zeros) < len(names) > 1:
        sentences.append("Where only differences of coordinates matter, so do only those of their zeros.")
    if max(map(float, left.values())) > IN_DOUBT:
        sentences.append("As more than noise is left, such zeros may stand in for a term that is missing.")
    return sentences


def _following(law: Law, settled: Settled, held_out: Trajectories, smooth: Trajectories) -> Following | None:
    """How the law follows held-out positions over stretches on which its constants were fitted."""
    return None if settled.refined is None else follow(law, held_out, smooth, window=settled.refined.window)


def _excess(law: Law) -> float:
    return max((float(left) for left in law.tests.get(RESIDUAL, {}).values()), default=1.0)


def _faithfulness(asked: np.ndarray, validation: Validation, held_out: Trajectories) -> Faithfulness:
    """The law against the network on held-out data."""
    return measure_faithfulness(
        asked,
        validation.predicted_acceleration,
        held_out.jets(),
        coordinates=held_out.coordinates,
        angles=held_out.angles,
    )


def _require_one_law(data: Trajectories, choice: ChoiceOptions) -> None:
    """Refuse what contradicts itself before any time is spent on it."""
    check_terms(choice.given, JetSpace(data.coordinates), data.units)
    choice.require_structure(PARTICLE_STRUCTURES, "particles")
    if data.has_forces and choice.known is not None:
        msg = "expected either measured forces or a known part, as each sets the scale; leave one of them out"
        raise InputError(msg)
    if data.varied:
        name = data.varied[0]
        count = len({segment.parameters[0] for segment in data.segments})
        msg = (
            f"parameter {name} has {count} values, but one law is found for one set of parameters; "
            f"make a table for each value of {name}"
        )
        raise InputError(msg)


def _law_advice(
    law: Law, selected: Choice, settled: Settled, motion: tuple[Trajectories, Trajectories], data: Trajectories
) -> list[Advice]:
    """What the data cannot tell of a law that was found in them."""
    data, fitted, learn = (measured_from_zeros(settled, part) for part in (data, *motion))
    lagrangian, friction = settled.placed_lagrangian, selected.friction
    rivals = find_rivals(lagrangian, selected.structure, learn, multipliers=law.multipliers, friction=friction)
    rivals = not_excluded(rivals, selected.trial, fitted, learn, friction=friction)
    # Without terms that could not be told from zero the law may have become one of the others.
    others = [other for other in selected.others if set(other.terms) != set(settled.origins)]
    asked = {"sought": selected.sought, "invented": selected.invented}
    return law_advice(lagrangian, data, learn, rivals, others, **asked)


def _velocity_notices(data: Trajectories) -> list[str]:
    """A sentence for each coordinate whose measured velocities are not the slopes of its positions."""
    notices = []
    for name, factor in zip(data.coordinates, velocity_bias(data), strict=True):
        if abs(factor - 1) > VELOCITY_BIAS:
            size = f"{abs(factor - 1):.1%} {'larger' if factor > 1 else 'smaller'}"
            notices.append(
                f"The measured velocities of {name} are {size} than the slopes of its positions; the terms were "
                "chosen with the former, the constants fitted to the positions."
            )
    return notices


def _judged(law: Law, judgement: Judgement, log: Journal) -> Law:
    """The law with what may be claimed of it; without its formula where no Lagrangian gives the motion."""
    log.notices += judgement.notices
    errors = {f"network_error_{name}": error for name, error in log.structures.items()}
    status = "uncertain" if log.doubtful and judgement.status == "recovered" else judgement.status
    law = replace(law, status=status, scores={**judgement.scores, **errors}, **log.entries())
    law = replace(law, tests={**law.tests, **judgement.tests})
    if judgement.status == "not_lagrangian":
        law = replace(law, lagrangian=None, dissipation=sp.S.Zero, constants=(), covariance=())
    return law


def _refused(
    data: Trajectories,
    parts: Split[Trajectories],
    smooth: tuple[Trajectories, Trajectories],
    options: DiscoveryOptions,
    log: Journal,
) -> Law | None:
    """What is said before any law is sought: that the data are all noise, or that there can be none."""
    with log.stage("ask", "Asking whether there can be a Lagrangian"):
        drowned = noise_advice(data)
        log.advise(drowned)
        nothing = Judgement("uncertain", {})
        judgement = nothing if drowned else judge_equations(*smooth, parts.report, seed=options.seed)
    return None if judgement is None else _without(data, judgement, options, log)


def _without(data: Trajectories, judgement: Judgement, options: DiscoveryOptions, log: Journal) -> Law:
    """No formula, and what was found out instead."""
    law, _ = with_units(Law(data.coordinates, None, seed=options.seed, status="uncertain"), data.units)
    return _judged(law, judgement, log)
