"""py-xl-sindy on a question of `rivals.py`, in an environment of its own: `python xl_sindy_worker.py QUESTION ANSWER`.

It needs py-xl-sindy alone, not lagsym. QUESTION is a JSON file with samples q, v, a of shape (N, n), the catalogue of
terms in SymPy's own notation, the place of one known term, and a cap on processor seconds. ANSWER is written anew after
each of the package's ways, so that what was found before the cap counts: the way and one coefficient for each term, or
why it failed.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp
import xlsindy
from xlsindy.catalog import CatalogRepartition
from xlsindy.catalog_base import Lagrange
from xlsindy.optimization import hard_threshold_sparse_regression, lasso_regression
from xlsindy.simulation import regression_implicite, regression_mixed
from xlsindy.symbolic_util import generate_symbolic_matrix

THRESHOLDS = (1e-2, 1e-3, 1e-4)
"""Coefficients below this share of all together are zero: the first as in the package's own example, others as some
Lagrangians hold small coefficients."""
HARD = (0.03, 3e-3, 3e-4)
"""Of the hard threshold's effects: the first is the package's own."""
MOST = 6
"""Solutions of an implicit regression that are handed on."""


class Question:
    """The catalogue and the samples, in the package's own form."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.samples = [np.array(told[name], float) for name in ("q", "v", "a")]
        self.time = sp.Symbol("t")
        self.symbols = generate_symbolic_matrix(len(told["coordinates"]), self.time)
        names = [*told["coordinates"], *(f"{name}_dot" for name in told["coordinates"])]
        theirs = dict(zip(names, [*self.symbols[1], *self.symbols[2]], strict=True))
        terms = [sp.sympify(term) for term in told["terms"]]
        terms = [term.xreplace({x: theirs[x.name] for x in term.free_symbols}) for term in terms]
        self.catalogue = CatalogRepartition([Lagrange(np.array(terms, dtype=object), self.symbols, self.time)])
        self.known = int(told["known"])

    def arguments(self) -> tuple[Any, ...]:
        return (*self.samples, self.time, self.symbols, self.catalogue)


def ways(question: Question) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
    """The package's regressions, the quick ones first; each gives coefficients of shape (terms, solutions)."""

    def mixed(regression: Callable[..., np.ndarray]) -> np.ndarray:
        options = {
            "external_force": np.zeros_like(question.samples[0]),
            "regression_function": regression,
            "pre_knowledge_type": "a term of the Lagrangian",
            "pre_knowledge_indices": np.array([question.known]),
        }
        return regression_mixed(*question.arguments(), **options)[0]

    def implicit() -> np.ndarray:
        found = regression_implicite(*question.arguments())[0]
        return np.concatenate([found, found.sum(axis=1, keepdims=True)], axis=1)[:, -MOST:]

    for threshold in HARD:
        way = f"one term known, hard threshold {threshold:g}"
        yield way, lambda threshold=threshold: mixed(partial(hard_threshold_sparse_regression, threshold=threshold))
    yield "one term known, lasso", lambda: mixed(lasso_regression)
    yield "implicit", implicit


def sparse(solutions: np.ndarray) -> list[list[float]]:
    """The different solutions that the thresholds leave, of (terms, solutions)."""
    found: dict[tuple[float, ...], None] = {}
    for column in solutions.T:
        for threshold in THRESHOLDS:
            kept = np.where(np.abs(column) < threshold * np.linalg.norm(column), 0.0, column)
            if np.isfinite(kept).all() and kept.any():
                found.setdefault(tuple(kept.tolist()))
    return [list(kept) for kept in found]


def main() -> None:
    told = json.loads(Path(sys.argv[1]).read_text())
    cap = int(told["cap"]) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (cap, cap))
    question = Question(told)
    answer: dict[str, Any] = {"version": xlsindy.__version__, "found": [], "failed": {}}
    for way, regression in ways(question):
        try:
            solutions = np.asarray(regression(), float)
        except Exception as problem:  # noqa: BLE001  a failure is a result
            answer["failed"][way] = f"{type(problem).__name__}: {problem}"[:200]
        else:
            found = sparse(solutions.reshape(len(solutions), -1))
            answer["found"] += [{"way": way, "coefficients": coefficients} for coefficients in found]
            if not found:
                answer["failed"][way] = "no solution"
        Path(sys.argv[2]).write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
