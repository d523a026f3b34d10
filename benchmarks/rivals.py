"""Rivals of lagsym on the very data that it gets: a question in, formulas for L or the reason for having none out.

- `py-xl-sindy` (Chauchat, 2024): sparse regression of Euler–Lagrange terms on smoothed motion. It is no dependency;
  where it is installed in another environment, LAGSYM_XL_SINDY names the Python of that.
- `naive-free` and `naive-structured`: a Lagrangian network learns the motion, and a formula is fitted to its value
  L(q, v), whatever is in that: sums of library terms, and Operon's search. The network is free, as in Cranmer et al.
  (2020), arXiv:2003.04630, or of the structure that the true Lagrangian has.

They are helped. The motion is differentiated by lagsym. The library is lagsym's own for the structure that the true
Lagrangian has, and the true terms are put into it, the numbers inside them included. py-xl-sindy is told one true term
besides. All formulas that a rival offers are judged (solutions of several thresholds, sums of every length), and the
best of them counts. What has the right terms gets its constants fitted to the motion by lagsym, with errors, and is
judged again.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp
from processes import alone

from lagsym.data.derivatives import differentiate
from lagsym.data.jets import Jets
from lagsym.data.splitting import split as split_data
from lagsym.data.trajectories import Trajectories
from lagsym.discovery.drafting import middle_ranges
from lagsym.distillation.engines import Formula, Table, engine
from lagsym.distillation.engines.refit import best_sums, expanded
from lagsym.distillation.engines.refit import split as split_sum
from lagsym.distillation.libraries.terms import Library, build_library
from lagsym.mechanics.dynamics.forms import mass_matrix
from lagsym.mechanics.inverse_problem.helmholtz import multipliers
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System
from lagsym.neural import FitOptions, NetworkLagrangian
from lagsym.neural.examples import Motion
from lagsym.neural.selection import select_network

PYTHON = "LAGSYM_XL_SINDY"
WORKER = Path(__file__).with_name("xl_sindy_worker.py")
SAMPLES_PER_TERM, FEWEST_SAMPLES = 2, 200
"""Samples that py-xl-sindy gets: twice as many as terms, as in its own example, and no fewer than so many."""
TRAINING, ALL = 0.75, 1.5
"""Of the cap: what a network may learn for by the clock, and all that the naive route may take of processor time."""
ROWS, LARGEST = 1000, 12
"""Rows of a table of L(q, v), and terms of a sum for it at most."""
NODES = 24
"""Of Gauss's rule along a ray of velocities, on which a network is smooth."""


@dataclass(frozen=True)
class Question:
    """What a rival is asked.

    Arguments:
        reference: the system, which only says what the library and the known term are.
        data: measured trajectories to learn from, and to choose by.
        smooth: both, differentiated.
        library: the candidate terms, the true ones among them.
        seed: of every draw.
    """

    reference: System
    data: tuple[Trajectories, Trajectories]
    smooth: tuple[Trajectories, Trajectories]
    library: Library
    seed: int

    @classmethod
    def of(cls, reference: System, data: Trajectories, seed: int) -> Question:
        """The question that data of a system ask; the part that lagsym scores on is left out for all."""
        parts = split_data(data, seed=seed)
        smooth = differentiate(parts.fit), differentiate(parts.choose)
        library = build_library(smooth[0], structure_of(reference), extra=true_terms(reference))
        return cls(reference, (parts.fit, parts.choose), smooth, library, seed)

    @property
    def space(self) -> JetSpace:
        return self.library.space

    @property
    def known(self) -> int:
        """The place in the library of the first true term that holds a kinetic energy."""
        true = [term for term in self.library.expressions if term in true_terms(self.reference)]
        return self.library.expressions.index(next(term for term in true if moves(term, self.space)))

    @cached_property
    def several(self) -> bool:
        """Whether more than the scale of the true Lagrangian is open, so that others with its motion count too."""
        ranges = middle_ranges(self.smooth[0])
        return multipliers(self.reference.numeric_lagrangian, self.space, ranges).dimension > 1


@dataclass(frozen=True)
class Found:
    """A formula: a sum of terms with coefficients, and the way in which it was found."""

    way: str
    terms: tuple[sp.Expr, ...]
    coefficients: tuple[float, ...]

    @property
    def lagrangian(self) -> sp.Expr:
        return sp.Add(*(sp.Float(c, 17) * term for c, term in zip(self.coefficients, self.terms, strict=True)))


@dataclass(frozen=True)
class Answer:
    """What a rival found, the reasons why there is not more, and which version it is."""

    found: tuple[Found, ...]
    reason: str = ""
    version: str = ""


def true_terms(reference: System) -> tuple[sp.Expr, ...]:
    """The terms of a Lagrangian without their coefficients.

    >>> from lagsym.systems import get
    >>> true_terms(get("mass_spring"))
    (x**2, x_dot**2)
    """
    terms = {term for _, term in split_sum(sp.expand(reference.numeric_lagrangian)) if term.free_symbols}
    return tuple(sorted(terms, key=sp.default_sort_key))


def structure_of(reference: System) -> str:
    """The narrowest structure of a library that a Lagrangian has."""
    velocities = reference.space.velocities
    lagrangian = reference.numeric_lagrangian
    if mass_matrix(lagrangian, reference.space).free_symbols & set(velocities):
        return "separable"
    even = lagrangian.xreplace({v: -v for v in velocities})
    return "natural" if sp.expand(lagrangian - even) == 0 else "gyroscopic"


def moves(term: sp.Expr, space: JetSpace) -> bool:
    return not mass_matrix(term, space).is_zero_matrix


# ---------------------------------------------------------------------------------------------------- py-xl-sindy


def python_of_xl_sindy() -> str:
    """The Python that has py-xl-sindy, or nothing."""
    named = os.environ.get(PYTHON, "")
    return named or (sys.executable if importlib.util.find_spec("xlsindy") else "")


def py_xl_sindy(question: Question, cap: float) -> Answer:
    """Implicit regression, and regression with one term known by the package's two solvers.

    Arguments:
        question: what is asked.
        cap: processor seconds; what was found until then counts.
    """
    told = {
        "coordinates": question.space.fields,
        "terms": [sp.srepr(term) for term in question.library.expressions],
        "known": question.known,
        "cap": cap,
        **_samples(question),
    }
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "question.json", Path(folder) / "answer.json"
        asked.write_text(json.dumps(told))
        command = [python_of_xl_sindy(), str(WORKER), str(asked), str(answered)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        if not answered.exists():
            return Answer((), f"stopped after {cap:.0f} s" if done.returncode < 0 else done.stderr.strip()[-200:])
        answer = json.loads(answered.read_text())
    reasons = [f"{way}: {reason}" for way, reason in answer["failed"].items()]
    if done.returncode:
        reasons.append(f"stopped after {cap:.0f} s")
    found = [_sum(entry["way"], question.library.expressions, entry["coefficients"]) for entry in answer["found"]]
    return Answer(tuple(found), "; ".join(reasons), answer["version"])


def _samples(question: Question) -> dict[str, list]:
    """Evenly spaced samples of all trajectories."""
    jets = question.smooth[0].jets()
    count = max(FEWEST_SAMPLES, SAMPLES_PER_TERM * len(question.library))
    taken = jets.take(np.unique(np.linspace(0, len(jets) - 1, count, dtype=int)))
    return {"q": taken.q.tolist(), "v": taken.v.tolist(), "a": taken.a.tolist()}


def _sum(way: str, terms: tuple[sp.Expr, ...], coefficients: list[float]) -> Found:
    kept = [(term, c) for term, c in zip(terms, coefficients, strict=True) if c]
    return Found(way, tuple(term for term, _ in kept), tuple(c for _, c in kept))


# ------------------------------------------------------------------------------------------- the naive route


def naive(question: Question, cap: float, *, structure: str | None = None) -> Answer:
    """Formulas for the value of a trained network.

    Arguments:
        question: what is asked.
        cap: seconds, see `TRAINING` and `ALL`; where these do not suffice, nothing was found.
        structure: of the network; that of the true Lagrangian without it.
    """
    chosen = structure or structure_of(question.reference)
    row = alone(lambda: {"answer": _naive(question, chosen, cap)}, ALL * cap)
    answer: Any = row.get("answer")
    return answer or Answer((), str(row["failure"]))


def _naive(question: Question, structure: str, cap: float) -> Answer:
    motion = tuple(Motion(*pair) for pair in zip(question.data, question.smooth, strict=True))
    angles = np.flatnonzero(question.smooth[0].angle_mask).tolist()
    options = FitOptions(seconds=TRAINING * cap)
    network = select_network(
        *motion, names=[structure], angles=angles, options=options, seed=question.seed, device="cpu"
    ).fit
    jets = question.smooth[0].jets()
    generator = np.random.default_rng(question.seed)
    jets = jets.take(generator.choice(len(jets), min(ROWS, len(jets)), replace=False))
    found = regressed(question, jets, raw_lagrangian(network.model, jets))
    return Answer(found, version=f"{network.options.loss} loss, held-out error {network.held_out_error:.1e}")


def raw_lagrangian(model: NetworkLagrangian, jets: Jets) -> np.ndarray:
    """The value L(q, v) of a network of any structure, gauge included, shape (N,).

    L(q, v) = L(q, 0) + integral over s from 0 to 1 of dL/dv(q, s v) . v
    """
    velocity = model.inputs_of(jets).velocity.detach().numpy()
    values = -model.read(jets).potential
    for node, weight in zip(*np.polynomial.legendre.leggauss(NODES), strict=True):
        inputs = model.inputs_of(Jets.of_particle(jets.t, jets.q, (node + 1) / 2 * jets.v))
        momentum = model.gradients(model.outputs(inputs), inputs)[1].detach().numpy()
        values = values + weight / 2 * np.sum(momentum * velocity, axis=1)
    return values


def regressed(question: Question, jets: Jets, values: np.ndarray) -> tuple[Found, ...]:
    """Formulas for values of L at jets: the best sums of library terms of every length, and Operon's front."""
    space = question.space
    symbols = (*space.positions, *space.velocities)
    points = np.concatenate([jets.q, jets.v], axis=1)
    table = Table(tuple(symbol.name for symbol in symbols), points, values, "L")
    sums = best_sums([sp.S.One, *question.library.expressions], table, largest=LARGEST)
    found = [_formula("sparse", formula) for formula in sums]
    search = engine("operon")
    if search.available() is None:
        features = _features(question)
        columns = np.stack([sp.lambdify(symbols, x, "numpy")(*points.T) for x in features], axis=1)
        other = Table(tuple(f"f{k}" for k in range(len(features))), columns, values, "L")
        meant = dict(zip(other.symbols, features, strict=True))
        front = search.search(other, seed=question.seed)
        found += [_formula("operon", formula, meant) for formula in front.formulas]
    return tuple(formula for formula in found if formula.terms)


def _features(question: Question) -> list[sp.Expr]:
    """What Operon may use: sines and cosines of angles, the cosines of their differences, lengths, velocities."""
    space, angular = question.space, question.smooth[0].angle_mask
    angles = [x for x, angle in zip(space.positions, angular, strict=True) if angle]
    lengths = [x for x, angle in zip(space.positions, angular, strict=True) if not angle]
    features = [f(x) for x in angles for f in (sp.cos, sp.sin)]
    features += [sp.cos(a - b) for k, a in enumerate(angles) for b in angles[k + 1 :]]
    features += [sp.sqrt(a**2 + b**2) for k, a in enumerate(lengths) for b in lengths[k + 1 :]]
    return [*features, *lengths, *space.velocities]


def _formula(way: str, formula: Formula, meant: dict[sp.Symbol, sp.Expr] | None = None) -> Found:
    written = expanded(formula.expression) if meant else formula.expression
    pairs: list[tuple[float, Any]] = [
        (float(c), term.xreplace(meant or {})) for c, term in split_sum(written) if term.free_symbols
    ]
    return Found(way, tuple(term for _, term in pairs), tuple(c for c, _ in pairs))


Rival = Callable[[Question, float], Answer]
RIVALS: dict[str, Rival] = {
    "py-xl-sindy": py_xl_sindy,
    "naive-free": partial(naive, structure="free"),
    "naive-structured": naive,
}


def missing(name: str) -> str | None:
    """Why a rival cannot run here, or None where it can."""
    if name == "py-xl-sindy" and not python_of_xl_sindy():
        return f"py-xl-sindy is not installed; let {PYTHON} name the Python of an environment that has it"
    return None
