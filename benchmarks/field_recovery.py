"""Recovery of fields: simulate, discover from the fields alone, compare with what was simulated.

    python benchmarks/field_recovery.py [--only usual|network|others|open,...] [--seeds 0,1,2] [--again]

Parameters are drawn at random for every seed, as `lagsym run NAME --seed S --positions-only` draws them, rates are
withheld, and noise is relative to the fields' standard deviation. A run counts when its status is `recovered` and the
verdict is `identical` or `gauge-equivalent`, or `same dynamics` by a constant multiplier. Errors of constants are
against those with which the law would be the reference exactly. Every run is a process of its own. Rows are kept in
`benchmarks/results/field_recovery.jsonl` as they are measured; the tables are written beside it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import sympy as sp
from processes import alone
from rows import RESULTS, Row, Rows, markdown

from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.data.noise import add_noise
from lagsym.discovery import DiscoveryOptions, discover
from lagsym.distillation.options import ChoiceOptions
from lagsym.law import Law
from lagsym.mechanics.notation.parsing import to_text
from lagsym.simulation import draw_parameters, simulate
from lagsym.systems import get
from lagsym.verification import verify_law, with_verdict

USUAL = ("wave_1d", "klein_gordon", "sine_gordon", "phi4", "wave_2d")
OTHERS = ("nonlinear_string", "euler_bernoulli_beam", "complex_klein_gordon", "kdv_potential")
BY_NETWORK = OTHERS[:3]
"""Of the others those that have a density network."""
NOISE = (0.0, 0.01, 0.05)
CLOSELY, CLOSE_NOISE = "phi4", (0.01, 0.02, 0.05)
"""The system whose constants are shown one by one, and at which noise."""
OPEN = ("uniform oscillation", "kinks of one speed", "one-way wave")
OPEN_NOISE = (0.0, 0.01)
KEYS = ("system", "noise", "seed", "evidence")
CAP = 600.0
"""Processor seconds after which a discovery counts as failed."""
LIKELY = 1.96
"""Half width of a 95 % interval in standard errors."""
Task = tuple[dict[str, object], Callable[[], Row]]


# ------------------------------------------------------------------------------------------------ one discovery


def recover(name: str, noise: float, seed: int, evidence: str) -> Row:
    """What comes of a catalogue system's fields."""
    system = draw_parameters(get(name), seed)
    data = cast("Lattice", simulate(system, noise=noise, seed=seed)).positions_only()
    started = time.process_time()
    law = discover(data, options=DiscoveryOptions(ChoiceOptions(evidence), seed=seed)).law
    row = {"seconds": round(time.process_time() - started, 1), **described(law)}
    if law.lagrangian is None:
        return row
    verdict = verify_law(law, system)
    law = with_verdict(law, verdict)
    same = verdict.success or (verdict.kind == "same dynamics" and verdict.multiplier is not None)
    return row | {
        "verdict": verdict.kind,
        "sentence": verdict.sentence,
        "recovered": same and law.status == "recovered",
        "p_value": verdict.p_value,
        "constants": constants(law, dict(verdict.refitted)),
    }


def described(law: Law) -> Row:
    """What the program says, without a reference."""
    numeric = law.numeric_lagrangian
    return {
        "status": law.status,
        "verdict": None,
        "recovered": False,
        "lagrangian": None if numeric is None else to_text(numeric),
        "notices": list(law.notices),
        "scores": {name: float(value) for name, value in law.scores.items()},
        "by": sorted({name for names in law.evidence.values() for name in names}),
    }


def constants(law: Law, refitted: dict[str, float]) -> list[Row]:
    """Every constant with its term, its standard error and what it would be without error."""
    assert law.lagrangian is not None
    expanded = sp.expand(law.lagrangian)
    found = []
    for constant in law.constants:
        symbol = next(s for s in expanded.free_symbols if str(s) == constant.name)
        found.append(
            {
                "term": to_text(sp.factor_terms(expanded.coeff(symbol))),
                "value": constant.value,
                "standard_error": constant.standard_error,
                "true": refitted.get(constant.name),
            }
        )
    return found


def undecided(name: str, noise: float, seed: int) -> Row:
    """What is said of fields that obey many laws."""
    started = time.process_time()
    law = discover(open_data(name, noise, seed), options=DiscoveryOptions(ChoiceOptions("both"), seed=seed)).law
    return {"seconds": round(time.process_time() - started, 1), **described(law)}


def open_data(name: str, noise: float, seed: int) -> Lattice:
    """Fields that obey many laws: they move in one way only."""
    t, length = np.linspace(0, 12, 241), 20.0
    x = np.linspace(0, length, 128, endpoint=False)
    first, shift = 2 * np.pi / length, x - 1.2 * t[:, None]
    kinks = [4 * np.arctan(np.exp((x - 6 - start - 0.5 * t[:, None]) / np.sqrt(0.75))) for start in range(6)]
    runs = {
        "uniform oscillation": [np.outer(size * np.cos(1.3 * t), np.ones(len(x))) for size in np.linspace(0.5, 2, 6)],
        "one-way wave": [np.cos(first * n * shift) + np.sin(first * (shift + n)) for n in (2, 3, 4, 2, 3, 4)],
        "kinks of one speed": kinks,
    }[name]
    generator = np.random.default_rng(seed)
    noisy = [run if not noise else add_noise(run[..., None], noise, generator)[..., 0] for run in runs]
    records = tuple(FieldRecord(t, (x,), run[..., None], None, str(k)) for k, run in enumerate(noisy))
    kink = name == "kinks of one speed"
    return Lattice(("u",), ("t", "x"), records, (not kink,), frozenset({"u"} if kink else ()))


# ---------------------------------------------------------------------------------------------- what is measured


def run(task: Callable[[], Row], cap: float) -> Row:
    """The row of a task; one that failed counts as not recovered."""
    row = alone(task, cap)
    return {"status": row["failure"], "verdict": None, "recovered": False, **row} if "failure" in row else row


def planned(kinds: Iterable[str], seeds: tuple[int, ...]) -> Iterator[Task]:
    """All tasks of the kinds asked for, the less noisy first."""
    runs = {
        "usual": itertools.product(USUAL, NOISE, seeds, ["both"]),
        "closely": itertools.product([CLOSELY], CLOSE_NOISE, seeds, ["both"]),
        "network": itertools.product((*USUAL, *BY_NETWORK), [0.0], seeds, ["network"]),
        "others": itertools.product(OTHERS, [0.0], seeds, ["both"]),
    }
    chosen = [run for kind in kinds if kind in runs for run in runs[kind]]
    for run in sorted(dict.fromkeys(chosen), key=lambda run: (run[2], run[1])):
        yield dict(zip(KEYS, run, strict=True)), partial(recover, *run)
    if "open" in kinds:
        for name, noise in itertools.product(OPEN, OPEN_NOISE):
            key: dict[str, object] = dict(zip(KEYS, (name, noise, 0, "both"), strict=True))
            yield key, partial(undecided, name, noise, 0)


# ---------------------------------------------------------------------------------------------------- the tables


def summary(rows: list[Row]) -> str:
    """A line for each system, noise and evidence."""
    groups: dict[tuple[str, str, float], list[Row]] = {}
    for row in rows:
        groups.setdefault((str(row["system"]), str(row["evidence"]), number(row["noise"])), []).append(row)
    order = [*USUAL, *OTHERS]
    lines = []
    for (name, evidence, noise), group in sorted(groups.items(), key=lambda g: (order.index(g[0][0]), *g[0][1:])):
        good = [row for row in group if row["recovered"]]
        errors, deviations = (
            [part for row in good for part in relative(row)],
            [d for row in good for d in in_errors(row)],
        )
        lines.append(
            (
                f"`{name}`",
                evidence,
                f"{noise:.0%}",
                f"{len(good)} of {len(group)}",
                f"{max(errors):.0e}" if errors else None,
                f"{max(deviations):.1f}" if deviations else None,
                ", ".join(short(row.get("p_value")) for row in good),
                f"{statistics.median([number(row.get('seconds', CAP)) for row in group]):.0f}",
                "; ".join(dict.fromkeys(otherwise(row) for row in group if not row["recovered"])),
                ", ".join(sorted({str(row["revision"]) for row in group})),
            )
        )
    titles = ("system", "evidence", "noise", "recovered", "largest error", "in standard errors", "p", "CPU s")
    return markdown((*titles, "otherwise", "revision"), lines)


def number(value: object) -> float:
    return float(str(value))


def short(value: object) -> str:
    return "" if value is None else f"{number(value):.2g}"


def otherwise(row: Row) -> str:
    """What a run that does not count ended with."""
    return f"{row['status']}, {row['verdict']}: `{row.get('lagrangian')}`"


def relative(row: Row) -> list[float]:
    """Relative errors of the constants of a row."""
    return [abs(c["value"] / c["true"] - 1) for c in _constants(row) if c["true"]]


def in_errors(row: Row) -> list[float]:
    """Deviations of the constants of a row in standard errors."""
    pairs = [(c, c["standard_error"]) for c in _constants(row)]
    return [abs(c["value"] - c["true"]) / error for c, error in pairs if error and c["true"] is not None]


def _constants(row: Row) -> list[dict[str, float]]:
    found = row.get("constants") or []
    assert isinstance(found, list)
    return found


def one_by_one(rows: list[Row]) -> str:
    """The constants of the system that is shown closely."""
    lines = []
    chosen = [row for row in rows if row["system"] == CLOSELY and row["noise"] and row["evidence"] == "both"]
    for row in sorted(chosen, key=lambda row: (row["noise"], row["seed"])):
        for c, error in zip(_constants(row), relative(row), strict=True):
            half = LIKELY * c["standard_error"]
            inside = "yes" if abs(c["value"] - c["true"]) <= half else "no"
            interval = f"{c['value']:.5g} ± {half:.1g}"
            lines.append(
                (
                    f"{row['noise']:.0%}",
                    row["seed"],
                    f"`{c['term']}`",
                    f"{c['true']:.5g}",
                    interval,
                    f"{error:.0e}",
                    inside,
                )
            )
    return markdown(("noise", "seed", "term", "true", "found, 95 %", "error", "covered"), lines)


def coverage(rows: list[Row]) -> str:
    """How often the intervals of 95 % hold the true value, by noise."""
    lines = []
    for noise in sorted({number(row["noise"]) for row in rows}):
        good = [row for row in rows if row["noise"] == noise and row["recovered"]]
        deviations = [d for row in good for d in in_errors(row)]
        if deviations:
            inside = sum(d <= LIKELY for d in deviations)
            size = np.sqrt(np.mean(np.square(deviations)))
            share = f"{inside} of {len(deviations)} ({inside / len(deviations):.0%})"
            lines.append((f"{noise:.0%}", share, f"{size:.2f}", f"{max(deviations):.1f}"))
    return markdown(("noise", "95 % intervals that cover", "root mean square deviation", "largest"), lines)


def told(rows: list[Row]) -> str:
    """What was said of the data that cannot tell."""
    lines = []
    for row in rows:
        notices = row["notices"]
        assert isinstance(notices, list)
        sentence = notices[0] if notices else ""
        formula = row["lagrangian"] and f"`{row['lagrangian']}`"
        lines.append((row["system"], f"{row['noise']:.0%}", row["status"], formula, sentence, f"{row['seconds']:.0f}"))
    return markdown(("fields", "noise", "status", "law", "first notice", "CPU s"), lines)


def page(rows: list[Row]) -> str:
    """All tables."""
    undecided_rows = [row for row in rows if row["system"] in OPEN]
    others = [row for row in rows if row["system"] not in OPEN]
    return (
        "# Fields: recovery\n\nWritten by `python benchmarks/field_recovery.py`; see there for what was done. *largest "
        "error*: relative, of a constant of the laws that count; *p*: of the chi-square of each law's constants "
        f"against the true ones.\n\n{summary(others)}\n\n## `{CLOSELY}`, its constants one by one\n\n"
        f"{one_by_one(others)}\n\n## Intervals\n\nOver all laws that count.\n\n{coverage(others)}\n\n## Fields that "
        f"obey many laws\n\n{told(undecided_rows)}\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="usual,closely,others,open,network")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--cap", type=float, default=CAP, help="processor seconds after which a run counts as failed")
    parser.add_argument("--results", type=Path, default=RESULTS / "field_recovery.jsonl")
    parser.add_argument("--again", action="store_true", help="measure rows of other revisions again")
    options = parser.parse_args()
    kept = Rows(options.results, KEYS, again=options.again)
    for key, task in planned(options.only.split(","), tuple(map(int, options.seeds.split(",")))):
        row = kept.measure(key, lambda task=task: run(task, options.cap))
        shown = {name: row.get(name) for name in (*KEYS, "recovered", "status", "verdict", "p_value", "seconds")}
        print(json.dumps(shown), flush=True)
    options.results.with_suffix(".md").write_text(page(kept.newest()))


if __name__ == "__main__":
    main()
