"""Judging: what may be claimed of a law, by data that nothing else saw.

A law is recovered when it explains held-out motion, and no equations of motion that are free of any Lagrangian explain
it markedly better.  Where they do, Helmholtz' conditions are asked whether any Lagrangian could give such equations;
only their "impossible" makes the answer that there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lagsym.data.derivatives import differentiate
from lagsym.data.trajectories import Trajectories
from lagsym.distillation.equations import Equations, ask_for_lagrangian, find_equations, weak_misfit
from lagsym.mechanics.inverse_problem.existence import IMPOSSIBLE, Existence
from lagsym.mechanics.notation.parsing import to_text
from lagsym.validation import Validation, unconstrained_r2
from lagsym.validation.following import Following

CONVINCING_R2 = 0.9
WEAKLY_R2, NOISY_R2 = 0.99, 0.5
"""Where noise hides the accelerations, the weak form convinces in their place, but not if they contradict it."""
UNCONTRADICTED_R2 = 0.8
"""Where noise hides even these, positions that the law follows convince, if the weak form does not contradict them."""
UNCONSTRAINED_R2 = 0.9
BEATEN, NOTICEABLE = 10.0, 1e-4
"""A law is beaten by equations that leave a tenth as much unexplained, if it leaves more than this share itself."""
EXCESS = 1.5
"""A law that leaves more than so many times the noise is in doubt.

Seen at 0.1 % of noise: three right laws left 0.99 to 1.03 times the noise, two that mimic a function with others
2.4 to 4.2. Without noise ten right laws left less than 2e-4 of the least noise that is reckoned with."""
EXACT = 1e-4
"""Share left unexplained by equations so exact that Helmholtz' conditions on them decide before any law is sought."""
GOOD_EQUATIONS = 0.1
"""Share that equations may leave unexplained for Helmholtz' conditions to be asked of them."""


@dataclass(frozen=True)
class Judgement:
    """What may be claimed.

    Arguments:
        status: "recovered", "uncertain" or "not_lagrangian".
        scores: numbers on held-out data.
        notices: a sentence for each thing that the user should know.
        tests: what Helmholtz' conditions gave, as `inverse problem`, where they were asked.
    """

    status: str
    scores: Mapping[str, float]
    notices: tuple[str, ...] = ()
    tests: Mapping[str, Mapping[str, float | str]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Rival:
    """Equations without a Lagrangian, and the share of held-out motion that they leave unexplained."""

    equations: Equations
    left: float


def judge(
    validation: Validation,
    learn: Trajectories,
    held_out: Trajectories,
    *,
    excess: float = 1.0,
    following: Following | None = None,
    seed: int = 0,
) -> Judgement:
    """Decide what may be claimed of a law.

    Arguments:
        validation: its scores on the held-out data.
        learn: differentiated trajectories that rivals are learned from.
        held_out: measured trajectories that nothing else saw.
        excess: what the fit of the motion left, over the noise of the positions; of the coordinate that fares worst.
        following: how the law follows the held-out positions, where it could be carried through them.
        seed: of the rivals.
    """
    scores, smooth = dict(validation.scores), differentiate(held_out)
    left = float(np.max(weak_misfit(validation.predicted_acceleration, smooth)))
    rival = _rival(learn, smooth, seed)
    if rival is not None:
        scores |= {"weak_misfit": left, "equations_misfit": rival.left}
    beaten = rival is not None and left > NOTICEABLE and left > BEATEN * rival.left
    hidden = scores["weak_r2"] > WEAKLY_R2 and scores["held_out_r2"] > NOISY_R2
    if following is not None:
        scores["held_out_residual"] = following.excess
        excess = max(excess, following.excess)
        hidden = hidden or (following.convinces and scores["weak_r2"] > UNCONTRADICTED_R2)
    notices = []
    if not (scores["held_out_r2"] > CONVINCING_R2 or hidden):
        scores["unconstrained_r2"] = unconstrained_r2(learn, held_out, seed=seed)
        notices.append(
            f"The best law explains only R² = {scores['held_out_r2']:.3f} of held-out accelerations; an unconstrained "
            f"regression explains {scores['unconstrained_r2']:.3f}."
        )
    elif beaten and rival is not None:
        notices.append(
            f"The best law leaves {100 * left:.2g} % of the held-out motion unexplained, equations without a "
            f"Lagrangian {100 * rival.left:.2g} %."
        )
    elif excess > EXCESS:
        sentence = (
            f"The fit of the motion leaves {excess:.2g} times the noise: terms are missing or only mimic the law."
        )
        return Judgement("uncertain", scores, (sentence,))
    else:
        return Judgement("recovered", scores)
    return _without_law(scores, notices, rival, learn)


def judge_equations(
    learn: Trajectories, choose: Trajectories, held_out: Trajectories, *, seed: int = 0
) -> Judgement | None:
    """Decide, before any law is sought, whether there can be one; None where exact equations do not rule it out.

    Arguments:
        learn: differentiated trajectories that equations are learned from.
        choose: differentiated trajectories that say how exact they are.
        held_out: measured trajectories that nothing else saw.
        seed: of the resampling, and of a network that no law binds.
    """
    rival = _rival(learn, choose, seed)
    if rival is None or rival.left > EXACT or ask_for_lagrangian(rival.equations, learn).answer != IMPOSSIBLE:
        return None
    return judge_nothing(learn, held_out, seed=seed)


def judge_nothing(learn: Trajectories, held_out: Trajectories, *, seed: int = 0) -> Judgement:
    """Decide what may be claimed where no Lagrangian is admissible at all; arguments as of `judge`."""
    score = unconstrained_r2(learn, held_out, seed=seed)
    notices = []
    if score < UNCONSTRAINED_R2:
        notices.append(
            f"Neither a Lagrangian nor an unconstrained regression (R² = {score:.3f}) explains the held-out motion: "
            "the data are too few, too noisy, or miss a coordinate."
        )
    rival = _rival(learn, differentiate(held_out), seed)
    return _without_law({"unconstrained_r2": score}, notices, rival, learn)


def _rival(learn: Trajectories, smooth: Trajectories, seed: int) -> _Rival | None:
    """Equations that fit what was learned from, judged on what was not; none where forces were measured."""
    equations = None if learn.has_forces else find_equations(learn, seed=seed)
    if equations is None:
        return None
    jets = smooth.jets()
    left = weak_misfit(equations.functions()[0](jets.q, jets.v), smooth)
    return _Rival(equations, float(np.max(left)))


def _without_law(scores: dict[str, float], notices: list[str], rival: _Rival | None, learn: Trajectories) -> Judgement:
    """No Lagrangian, if none can give equations that explain the motion; else an open question."""
    if rival is None or rival.left > GOOD_EQUATIONS:
        if scores.get("unconstrained_r2", 0.0) > UNCONSTRAINED_R2:
            notices.append(
                "The motion follows from position and velocity, but no Lagrangian of the structures and terms that "
                "were tried explains it; --terms adds others, and wrongly declared angles hide the right ones."
            )
        return Judgement("uncertain", scores, tuple(notices))
    existence = ask_for_lagrangian(rival.equations, learn)
    tests = {"inverse problem": _shown(existence, rival)}
    if existence.answer == IMPOSSIBLE:
        notices.append(f"No Lagrangian gives the motion: {existence.sentence}.")
        return Judgement("not_lagrangian", scores, tuple(notices), tests)
    notices.append(f"Whether a Lagrangian gives these equations of motion: {existence.sentence}.")
    return Judgement("uncertain", scores, tuple(notices), tests)


def _shown(existence: Existence, rival: _Rival) -> dict[str, float | str]:
    space = rival.equations.space
    named = zip(space.fields, rival.equations.accelerations, strict=True)
    return {
        "answer": existence.answer,
        "sentence": existence.sentence,
        "equations": "; ".join(f"{name}_ddot = {to_text(formula)}" for name, formula in named),
    }
