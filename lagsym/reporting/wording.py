"""What the numbers of a law mean, in words: shared by the page, the LaTeX and the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from lagsym.law import Constant, Law
from lagsym.reporting.typesetting import FEW_DIGITS, number_text
from lagsym.reporting.unit_notation import unit_text

STATUSES = {
    "recovered": "A Lagrangian explains the data.",
    "uncertain": "This is the best Lagrangian found, but the data do not establish it; treat it as a guess.",
    "not_lagrangian": "No Lagrangian gives this motion, so none is printed.",
}
UNEXPLAINED = "Nothing was found, neither a Lagrangian nor the reason why there is none."
READ_FROM_A_NETWORK = {
    "recovered": "A Lagrangian reproduces the network that it was read from; no data were seen.",
    "uncertain": "This is the best Lagrangian found, but it does not reproduce the network; treat it as a guess.",
    "not_lagrangian": "The network's accelerations have no Lagrangian, so none is printed.",
}
VERDICTS = {
    "identical": "The law is the reference, term by term.",
    "gauge-equivalent": "The law is the reference up to a factor and a total derivative, which motion cannot show.",
    "same dynamics": "The law predicts the reference's accelerations, but from a different Lagrangian.",
    "different": "The law predicts other accelerations than the reference.",
}
NO_REFERENCE = "There was no reference to compare with."
SCORES = {
    "held_out_r2": (
        "R² of accelerations",
        "on data that neither fitting nor choosing saw, worst coordinate; 1 is perfect",
    ),
    "weak_r2": (
        "R² of the weak form",
        "the equations integrated against smooth functions, without accelerations; 1 is perfect",
    ),
    "rollout_error": (
        "Rollout error",
        "root mean square over the spread of the positions or fields; chaos is followed for three Lyapunov times",
    ),
    "energy_drift": (
        "Energy drift",
        "spread of the law's energy along the measured motion, less friction, over the kinetic energy",
    ),
    "energy_balance": (
        "Balance of energy",
        "what the continuity equation of the law's energy leaves on the measured fields; 0 is perfect",
    ),
    "momentum_balance": ("Balance of momentum", "the same of the momentum, along all directions of space"),
    "fidelity_r2": (
        "R² to the network",
        "the formula's accelerations against those of the network it was read from; 1 is perfect",
    ),
    "fidelity_operator_r2": (
        "R² to its equations",
        "E = f − M a off the motion against the network's, up to a common factor; 1 is perfect",
    ),
    "fidelity_error_median": (
        "Median error to the network",
        "of the accelerations, relative to their root mean square",
    ),
    "fidelity_error_p90": ("the same, 90 % of samples", "have at most this error"),
    "fidelity_error_p99": ("the same, 99 % of samples", "have at most this error"),
    "fidelity_error_largest": ("the same, all samples", "have at most this error"),
    "unconstrained_r2": (
        "R² without a Lagrangian",
        "of polynomials, or else an ordinary network, on the same held-out data",
    ),
    "held_out_residual": (
        "Residual over noise",
        "of held-out positions, which the law follows from fitted starts; noise alone leaves 1",
    ),
    "weak_misfit": ("Unexplained by the law", "share of the accelerations in weak form"),
    "equations_misfit": ("Unexplained by equations", "the same, of equations of motion without a Lagrangian"),
}
COMPARISON = {
    "method": ("How it was decided", ""),
    "scale": ("Scale", "the factor between the two Lagrangians"),
    "added": ("Added function F", "whose total time derivative the law holds beside the reference"),
    "residual": ("Residual", "of the equations of motion off the shell, relative, with the law's own constants"),
    "structure_residual": (
        "Structural residual",
        "the same with constants fitted to the reference: 0 for the same terms",
    ),
    "acceleration_residual": ("Acceleration residual", "relative difference of the accelerations"),
    "chi_square": ("Chi-square", "squared distance of the constants from the reference, in standard errors"),
    "degrees_of_freedom": ("Degrees of freedom", "of chi-square"),
    "p_value": ("Probability", "of a larger chi-square by chance"),
    "worst_constant": ("Worst constant", ""),
    "worst_deviation": ("Its deviation", "in standard errors where they are known, else relative"),
}
EVIDENCE = {
    "network": "the trained network",
    "data": "the data in weak form",
    "strong": "the measured accelerations",
    "energy": "the balance of energy",
    "user": "given by the user",
}
STRUCTURES = {
    "natural": "kinetic energy quadratic in the velocities, less a potential",
    "gyroscopic": "natural, with terms linear in the velocities",
    "separable": "a function of the velocities less a potential",
    "evolution": "products of rates and slopes, as in equations of first order in time, less a potential",
    "free": "any function of positions and velocities",
    "weighted length": "the length of a shape, weighted by a function of where it passes",
}


@dataclass(frozen=True)
class Entry:
    """One line of a table: what it is, its value as text, and what that means."""

    label: str
    value: str
    meaning: str = ""


def status_sentence(law: Law) -> str:
    """What is claimed about the law."""
    if law.lagrangian is None and law.status == "uncertain":
        return UNEXPLAINED
    if read_from_a_network(law):
        return READ_FROM_A_NETWORK.get(law.status, law.status)
    return STATUSES.get(law.status, law.status)


def read_from_a_network(law: Law) -> bool:
    """Whether a network is all that the law was found by."""
    return "faithfulness" in law.tests


def verdict_sentence(law: Law) -> str:
    """What the comparison with the reference gave."""
    if law.verdict is None:
        return NO_REFERENCE
    return str(law.comparison.get("sentence") or VERDICTS.get(law.verdict, law.verdict))


def score_entries(law: Law) -> list[Entry]:
    """The scores with their meaning, the most telling first."""
    known = [name for name in SCORES if name in law.scores]
    others = [name for name in law.scores if name not in SCORES]
    return [Entry(*_labelled(name, law.scores[name])) for name in (*known, *others)]


def finding_entries(findings: Mapping[str, float | str]) -> list[Entry]:
    """Numbers and words of a test or a comparison."""
    return [Entry(readable(name), finding_text(value)) for name, value in findings.items()]


def comparison_entries(law: Law) -> list[Entry]:
    """The numbers behind the verdict."""
    numbers = {name: value for name, value in law.comparison.items() if name != "sentence"}
    labels = {name: COMPARISON.get(name, (readable(name), "")) for name in numbers}
    return [Entry(labels[name][0], finding_text(value), labels[name][1]) for name, value in numbers.items()]


def evidence_entries(law: Law) -> list[tuple[str, str]]:
    """Every term in text, with who chose it."""
    return [(term, " and ".join(EVIDENCE.get(name, name) for name in names)) for term, names in law.evidence.items()]


def dissipation_sentence(law: Law) -> str:
    """Whether there is friction, and how sure that is."""
    significance = law.tests.get("friction", {}).get("significance")
    errors = significance if isinstance(significance, float | int) else math.nan
    if len(law.base) > 1:
        return "Friction is not looked for in fields."
    if read_from_a_network(law):
        return "Friction was not looked for: there were no data to find it in."
    if law.dissipation == 0:
        sure = f"; the strongest candidate reached {max(errors, 0.0):.1f} standard errors"
        return f"No friction was found{sure if math.isfinite(errors) else ''}."
    sure = f", {errors:.1f} standard errors from none"
    return f"Energy is lost to friction{sure if math.isfinite(errors) else ''}."


def unit_entries(law: Law) -> list[tuple[str, str]]:
    """What is measured in which unit, as law.json has it: time and coordinates first, then the Lagrangian."""
    whole = [] if law.lagrangian_unit is None else [("L", law.lagrangian_unit)]
    return [*law.units.items(), *whole]


def units_sentence(law: Law) -> str:
    """The units in a line, or nothing where they are not known."""
    units = ", ".join(f"{name} in {unit_text(unit)}" for name, unit in unit_entries(law))
    return f"Units: {units}." if units else ""


def remarks(law: Law) -> list[str]:
    """What one must know to read the Lagrangian rightly."""
    result = []
    if law.lagrangian is not None and law.scale == "free":
        result.append("Motion alone fixes a Lagrangian up to a constant factor; here one term's coefficient was set.")
    if law.multipliers > 1:
        result.append(
            f"The same motion follows from {law.multipliers} independent Lagrangians and their sums; "
            "this is the simplest one found."
        )
    if law.caps_hit:
        result.append(f"Cut short by a cap on time or steps: {', '.join(law.caps_hit)}.")
    return [*result, *law.notices]


def provenance_entries(law: Law) -> list[Entry]:
    """Where the law comes from."""
    entries = [
        Entry("lagsym", law.version),
        Entry("seed", str(law.seed)),
        Entry("coordinates", ", ".join(law.coordinates)),
        Entry("angles", ", ".join(law.angles) or "none"),
        Entry("structure", f"{law.structure}: {STRUCTURES.get(law.structure, 'as given')}"),
    ]
    for name, value in law.parameters.items():
        entries.append(Entry(f"parameter {name}", f"{number_text(value)} {unit_text(law.units.get(name))}".strip()))
    return entries + [Entry(f"seconds to {readable(name)}", f"{value:.1f}") for name, value in law.seconds.items()]


def constant_error_percent(constant: Constant) -> float | None:
    """The standard error relative to the value, in percent."""
    if constant.standard_error is None or constant.value == 0:
        return None
    return 100 * abs(constant.standard_error / constant.value)


def readable(name: str) -> str:
    """A key of law.json as words."""
    return name.replace("_", " ")


def finding_text(value: float | str) -> str:
    """A number or words of a finding."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else number_text(value, digits=FEW_DIGITS + 1)


def _labelled(name: str, value: float) -> tuple[str, str, str]:
    label, meaning = SCORES.get(name, (readable(name), ""))
    return (
        label,
        f"{value:.5f}" if "r2" in name and abs(value) < 10 else number_text(value, digits=FEW_DIGITS),
        meaning,
    )
