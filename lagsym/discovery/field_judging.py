"""Judging a density: what may be claimed of it, by fields that nothing else saw.

A density is recovered when it explains held-out fields, and no equations that are free of any Lagrangian explain them
markedly better. That there is no density at all is never claimed: friction, for one, can be written into many.
"""

from __future__ import annotations

from lagsym.data.lattice import Lattice
from lagsym.discovery.judging import BEATEN, NOTICEABLE, WEAKLY_R2, Judgement
from lagsym.distillation.densities.equations import equations_misfit, law_misfit
from lagsym.distillation.densities.evidence import smooth_fields
from lagsym.law import Law
from lagsym.mechanics.jetspace import JetSpace
from lagsym.validation import FieldValidation

GOOD_EQUATIONS = 0.1
"""Share that equations may leave unexplained to be worth mentioning where there is no law."""


def judge_field(law: Law, validation: FieldValidation, learn: Lattice, held_out: Lattice) -> Judgement:
    """Decide what may be claimed of a density.

    Arguments:
        law: a law with a Lagrangian density.
        validation: its scores on the held-out fields.
        learn: fields that equations are learned from.
        held_out: fields that nothing else saw.
    """
    lagrangian, scores = law.numeric_lagrangian, dict(validation.scores)
    assert lagrangian is not None
    smooth = smooth_fields(held_out)
    rival = equations_misfit(smooth_fields(learn), smooth, law.space, learn.angles)
    left = law_misfit(lagrangian, law.space, smooth)
    scores |= {"weak_misfit": left, "equations_misfit": rival}
    notices = []
    if not scores["weak_r2"] > WEAKLY_R2:
        notices.append(f"The best law explains only R² = {scores['weak_r2']:.3f} of the held-out fields in weak form.")
    if left > NOTICEABLE and left > BEATEN * rival:
        notices.append(
            f"The best law leaves {100 * left:.2g} % of the held-out motion unexplained, equations without a "
            f"Lagrangian {100 * rival:.2g} %. There may be friction, or a force that no Lagrangian gives."
        )
    return Judgement("uncertain" if notices else "recovered", scores, (*notices, *validation.notices))


def judge_no_field(learn: Lattice, held_out: Lattice) -> Judgement:
    """Decide what may be claimed where no density is admissible; arguments as of `judge_field`."""
    space = JetSpace(learn.fields, learn.base)
    left = equations_misfit(smooth_fields(learn), smooth_fields(held_out), space, learn.angles)
    if left < GOOD_EQUATIONS:
        sentence = (
            f"Equations without a Lagrangian explain the held-out fields but for {100 * left:.2g} %; no density of the "
            "library does. Give further terms (--terms), or the law is none of a Lagrangian."
        )
    else:
        sentence = (
            "Neither a density nor equations without a Lagrangian explain the held-out fields: the data are too few or "
            "too noisy, or another field is missing."
        )
    return Judgement("uncertain", {"equations_misfit": left}, (sentence,))
