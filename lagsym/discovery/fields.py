"""Discovery of a field's law: the stages in order, from snapshots on a grid to a Lagrangian density."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lagsym.data.lattice import Lattice
from lagsym.data.splitting import Split, split
from lagsym.discovery.drafting import draft, name_constants
from lagsym.discovery.field_judging import judge_field, judge_no_field
from lagsym.discovery.field_networks import fidelity, read_density, train_density
from lagsym.discovery.journal import Journal, Report
from lagsym.discovery.judging import Judgement
from lagsym.discovery.record import Discovery, DiscoveryOptions
from lagsym.distillation.densities.advice import density_advice
from lagsym.distillation.densities.choice import NetworkReading, choose_density, suffices
from lagsym.distillation.densities.constants import settle_density
from lagsym.distillation.libraries.density_terms import DENSITY_STRUCTURES
from lagsym.distillation.options import Choice
from lagsym.errors import InputError
from lagsym.law import Law
from lagsym.law.units import check_terms, with_units
from lagsym.mechanics.jetspace import JetSpace
from lagsym.neural import FitProgress
from lagsym.validation import validate_field


def discover_field(
    data: Lattice,
    *,
    options: DiscoveryOptions | None = None,
    report: Report = lambda stage: None,
    progress: Callable[[FitProgress], None] | None = None,
) -> Discovery:
    """Find the Lagrangian density of fields; see `lagsym.discover` for arguments and errors."""
    options = options or DiscoveryOptions()
    space = JetSpace(data.fields, data.base)
    _require_what_fields_have(options, data, space)
    log = Journal(report, notices=[*data.notices])
    parts = split(data, seed=options.seed)
    with log.stage("smooth", "Asking what the data can tell"):
        log.advise(density_advice(parts.fit))
    network = reading = selected = None
    if options.choice.data_first:
        selected = _selected(parts, options, log)
    if options.choice.evidence != "data" and (selected is None or not suffices(selected, parts.fit)):
        with log.stage("fit", "Training a density network"):
            network = train_density(parts, options, log, progress)
            reading = read_density(network, parts.fit, seed=options.seed)
        if reading is not None or not options.choice.data_first:
            selected = _selected(parts, options, log, reading)
    if selected is None:
        with log.stage("judge", "Comparing with equations without a Lagrangian"):
            judgement = judge_no_field(parts.fit, parts.report)
            if log.doubtful:  # the data cannot tell, and what that is has been said
                judgement = replace(judgement, notices=())
        law = Law(data.fields, None, base=data.base, seed=options.seed, status="uncertain")
        law, _ = with_units(law, data.units)
        return Discovery(_judged(law, judgement, log), None, network, parts)
    known = parts.fit.with_records((*parts.fit.records, *parts.choose.records))
    with log.stage("refine", "Refining constants"):
        settled = settle_density(selected.candidate, known)
        fixed = options.choice.known is not None
        law = draft(selected, settled, space, log, angles=data.angles, known=fixed)
        law, unit_notices = with_units(replace(law, seed=options.seed), data.units)
        law = name_constants(law)
        log.notices += unit_notices
    with log.stage("judge", "Scoring on held-out data"):
        validation = validate_field(law, parts.report)
        law = _judged(law, judge_field(law, validation, parts.fit, parts.report), log)
        close = None if reading is None else fidelity(law, reading)
        if close is not None:
            law = replace(law, scores={**law.scores, "fidelity_operator_r2": close})
    return Discovery(law, validation, network, parts)


def _selected(
    parts: Split[Lattice], options: DiscoveryOptions, log: Journal, reading: NetworkReading | None = None
) -> Choice | None:
    """The choice of terms; a network that was not asked, or learned nothing, leaves it to the data."""
    choice = options.choice if reading is not None else replace(options.choice, evidence="data", engine="sparse")
    with log.stage("distil", "Selecting terms"):
        return choose_density(parts.fit, parts.choose, options=choice, network=reading, seed=options.seed)


def _require_what_fields_have(options: DiscoveryOptions, data: Lattice, space: JetSpace) -> None:
    """Refuse what only trajectories have, before any time is spent."""
    check_terms(options.choice.given, space, data.units)
    if options.choice.engine not in ("auto", "sparse"):
        msg = f"expected engine auto or sparse for fields; {options.choice.engine} reads the networks of particles only"
        raise InputError(msg)
    options.choice.require_structure(DENSITY_STRUCTURES, "fields")
    if options.device not in ("auto", "cpu"):
        msg = f"expected device auto or cpu for fields, whose networks are trained on the CPU; got {options.device!r}"
        raise InputError(msg)


def _judged(law: Law, judgement: Judgement, log: Journal) -> Law:
    """The law with what may be claimed of it."""
    log.notices += judgement.notices
    status = "uncertain" if log.doubtful and judgement.status == "recovered" else judgement.status
    errors = {f"network_error_{name}": error for name, error in log.structures.items()}
    return replace(law, status=status, scores={**judgement.scores, **errors}, **log.entries())
