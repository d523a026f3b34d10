"""Choosing: which structure and which terms, by a trained network, by the data, or by both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lagsym.data.trajectories import Trajectories
from lagsym.distillation.engines import Budget
from lagsym.distillation.friction.rayleigh import viscous_terms
from lagsym.distillation.libraries.terms import PARTICLE_STRUCTURES, STRUCTURES
from lagsym.distillation.options import Choice, ChoiceOptions, Question
from lagsym.distillation.search import Search
from lagsym.distillation.selection.candidates import Candidate, simplest
from lagsym.distillation.selection.stability import Stability, resample
from lagsym.distillation.trial import Trial, Trials, attempt, not_beaten, winner
from lagsym.neural import Fit

NATURAL = STRUCTURES[0]
CLEAR_LOSS = 1e-5
"""A held-out weak loss below this leaves no doubt that the fit of the motion could settle."""
FINALISTS = 7
"""Candidates whose constants are fitted to the motion, at most, where noise leaves the choice open."""
HOPELESS = 100.0
"""A structure whose held-out weak loss is so many times the best one's is not among them: no smoothing does that."""


def choose_terms(
    learn: Trajectories,
    held_out: Trajectories,
    network: Fit | None,
    *,
    options: ChoiceOptions | None = None,
    seed: int = 0,
    budget: Budget | None = None,
    trials: Trials | None = None,
) -> Choice | None:
    """The simplest structure within a factor of the best held-out loss, or None where no candidate is admissible.

    Arguments:
        learn: differentiated trajectories that terms are selected on.
        held_out: differentiated trajectories that structures are compared on.
        network: a trained network, or None for evidence "data".
        options: what to do differently.
        seed: of every draw.
        budget: of each search by an engine.
        trials: of candidates on `learn` as it was measured; with them candidates that noise leaves open are told
            apart by the fit of the motion.

    Raises:
        InputError: the structure in `options` is one of fields alone.
        UnavailableError: the engine that was named cannot run here.
    """
    options = options or ChoiceOptions()
    options.require_structure(PARTICLE_STRUCTURES, "particles")
    measured = None if trials is None else trials.data
    question = Question(learn, held_out, network, options, seed, budget or Budget(), measured)

    def settled(choice: Choice) -> bool:
        trial = None if trials is None else trials.of(choice.candidate)
        return trial is not None and trial.leaves_noise

    search = Search(question, settled)
    found = search.until_convinced()
    if not found:
        return None
    best = min(choice.held_out_loss for choice in found)
    chosen = next(choice for choice in found if simplest(choice.held_out_loss, best))
    if trials is not None and question.options.evidence != "network" and chosen.trial is None:
        chosen = _tried(_alike(chosen, found, best), trials.of)
        if not (chosen.leaves_noise or search.beaten) and chosen.held_out_loss > CLEAR_LOSS:
            chosen = _by_motion(chosen, found, search, trials)
    chosen = replace(chosen, beaten=search.beaten)
    return chosen if chosen.candidate.fixed else _with_stability(chosen, learn, seed)


def choose_beside_friction(
    learn: Trajectories,
    held_out: Trajectories,
    measured: Trajectories,
    *,
    options: ChoiceOptions | None = None,
    seed: int = 0,
) -> Choice | None:
    """The terms of a natural Lagrangian beside viscous friction, or None where none can be integrated.

    Strong friction hides the law from a choice that knows none: wrong terms with an indefinite kinetic energy can lose
    as much. What friction explains is therefore taken out of the weak form first.

    Arguments:
        learn: differentiated trajectories that terms are selected on.
        held_out: differentiated trajectories that candidates are compared on.
        measured: the trajectories behind `learn` as they were measured.
        options: what to do differently.
        seed: of every draw.
    """
    options = options or ChoiceOptions()
    # An engine that was named looks for functions alone; "auto" leaves them to it, and chooses what else there is.
    options = replace(options, evidence="data", engine="auto" if options.engine == "auto" else "sparse")
    if options.structure not in ("auto", NATURAL):
        return None
    friction = viscous_terms(learn)
    options = replace(options, structure=NATURAL)
    question = Question(learn, held_out, None, options, seed, Budget(), measured, friction)
    found = Search(question).until_convinced()
    if not found:
        return None
    chosen = _tried(found, lambda candidate: attempt(candidate, measured, learn, friction=friction))
    if chosen.trial is None:
        return None
    chosen = replace(chosen, friction=friction)
    return chosen if chosen.candidate.fixed else _with_stability(chosen, learn, seed)


def better(first: Choice | None, second: Choice | None) -> Choice | None:
    """The choice that explains the motion better; the second where neither was tried."""
    if first is None or second is None:
        return first or second
    trials = [choice.trial for choice in (second, first) if choice.trial is not None]
    best = winner(trials)
    return first if best is not None and best is first.trial else second


def _alike(chosen: Choice, found: list[Choice], best: float) -> list[Choice]:
    """The choice, and others of the same structure that the held-out data cannot tell from it."""
    same = [c for c in found if c.structure == chosen.structure and simplest(c.held_out_loss, best)]
    different = {frozenset(c.candidate.terms): c for c in [*reversed(same), chosen]}
    return [chosen, *(c for c in different.values() if c is not chosen)]


def _tried(alike: list[Choice], attempted: Callable[[Candidate], Trial | None]) -> Choice:
    """Of several choices the one that explains the motion best, with its trial; the first where none can be tried."""
    trials = [attempted(choice.candidate) for choice in alike]
    left = [trial for trial in trials if trial is not None]
    best = winner(left)
    if best is None:
        return alike[0]
    others = tuple(trial.candidate for trial in not_beaten(left, best))
    owner = alike[next(k for k, trial in enumerate(trials) if trial is best)]
    return replace(owner, candidate=best.candidate, trial=best, others=others)


def _by_motion(chosen: Choice, found: list[Choice], search: Search, trials: Trials) -> Choice:
    """Of what all structures offer and what is near the choice, what explains the motion best."""
    while search.left:
        found = found + search.next()
    made = {} if chosen.trial is None else {0: chosen.trial}
    tried, question = set(chosen.candidate.terms), search.question
    others = [pair for pair in _finalists(found, question.learn, question.seed) if set(pair[1].terms) != tried]
    others = others[: FINALISTS - 1]
    owners = [chosen, *(choice for choice, _ in others)]
    least = min(choice.held_out_loss for choice in found)
    for k, (owner, candidate) in enumerate(others, start=1):
        if _needless(owner, candidate, least) and any(trial.leaves_noise for trial in made.values()):
            continue
        trial = trials.of(candidate)
        if trial is not None:
            made[k] = trial
    best = winner(list(made.values()))
    if best is None:
        return chosen
    owner = owners[next(k for k, trial in made.items() if trial is best)]
    evidence = {term: owner.evidence.get(term, (best.candidate.evidence,)) for term in best.candidate.terms}
    others = tuple(trial.candidate for trial in not_beaten(list(made.values()), best))
    return replace(owner, candidate=best.candidate, evidence=evidence, trial=best, others=others)


def _needless(owner: Choice, candidate: Candidate, least: float) -> bool:
    """Whether a candidate need not be tried once another leaves nothing but noise: it is no structure's best."""
    return candidate is not owner.candidate or not simplest(owner.held_out_loss, least)


def _finalists(found: list[Choice], learn: Trajectories, seed: int) -> list[tuple[Choice, Candidate]]:
    """The choice from every structure, and those beside the best ones that resampling or another size would give."""
    ordered = sorted(found, key=lambda choice: choice.held_out_loss)
    ordered = [choice for choice in ordered if choice.held_out_loss <= HOPELESS * ordered[0].held_out_loss]
    pairs = [(choice, choice.candidate) for choice in ordered]
    for choice in ordered[:2]:
        size = len(choice.candidate.terms)
        beside = {len(c.terms): c for c in choice.front.candidates}
        usual = None if choice.candidate.fixed else _resampled(choice, learn, seed).usual
        near = [usual, *(beside.get(size + step) for step in (1, 2, -1))]
        pairs += [(choice, candidate) for candidate in near if candidate is not None]
    different = {frozenset(pair[1].terms): pair for pair in reversed(pairs)}
    return [pair for pair in pairs if different[frozenset(pair[1].terms)] is pair]


def _resampled(choice: Choice, learn: Trajectories, seed: int) -> Stability:
    candidates = (*choice.front.candidates, *choice.front.rivals)
    return resample(candidates, learn, friction=choice.friction, seed=seed)


def _with_stability(choice: Choice, learn: Trajectories, seed: int) -> Choice:
    frequencies = _resampled(choice, learn, seed).frequencies
    return replace(choice, stability={term: frequencies.get(term, 0.0) for term in choice.candidate.terms})
