"""Stability: how often the same terms are chosen when trajectories are resampled.

A bootstrap draws whole trajectories with replacement, as errors within one are correlated; of few trajectories it draws
stretches.  Gram matrices add up over trajectories, so that a replicate costs only some small eigenvalue problems.

Source: Meinshausen and Bühlmann, "Stability selection", J. R. Statist. Soc. B 72 (2010) 417.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from jaxtyping import Float
from scipy import linalg

from lagsym.data.trajectories import Trajectories
from lagsym.data.weak import place_test_functions
from lagsym.distillation.libraries.terms import Library, Term, off_shell
from lagsym.distillation.selection.candidates import DATA_FACTOR, DATA_FLOOR, Candidate, smallest_enough
from lagsym.distillation.selection.evidence import Factors, unexplained, weak_columns
from lagsym.mechanics.jetspace import JetSpace

REPLICATES = 100
FEWEST_GROUPS = 5
"""Trajectories from which on these are resampled; of fewer, stretches of them."""
STRETCHES = 4
"""Stretches that each trajectory is cut into where there are few."""
RIDGE = 1e-10


@dataclass(frozen=True)
class Stability:
    """What the ratio rule chooses when trajectories are resampled.

    Arguments:
        frequencies: for each term, the share of replicates whose choice holds it.
        usual: the candidate chosen most often, or None where none was.
        share: the share of replicates that chose it.
    """

    frequencies: dict[sp.Expr, float]
    usual: Candidate | None
    share: float


def resample(
    candidates: Sequence[Candidate],
    data: Trajectories,
    *,
    friction: Sequence[sp.Expr] = (),
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Stability:
    """Choose among the same candidates again and again, on resampled trajectories.

    Arguments:
        candidates: at least the best of every size; none with forces that fix the scale.
        data: differentiated trajectories.
        friction: Rayleigh functions that may have any coefficients beside them.
        replicates: how often.
        seed: of the draws.
    """
    terms = tuple(dict.fromkeys(term for candidate in candidates for term in candidate.terms))
    supports = [np.array([terms.index(term) for term in candidate.terms]) for candidate in candidates]
    library = Library(JetSpace(data.coordinates), tuple(Term(t, 0.0) for t in terms))
    grams, rows, standard = _grams(library, data, friction)
    generator = np.random.default_rng(seed)
    chosen: Counter[int] = Counter()
    for weights in generator.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=replicates):
        gram = np.tensordot(weights, grams, 1) / (weights @ rows)
        winner = _choose([_lowest(gram, standard, support) for support in supports], supports)
        if winner is not None:
            chosen[winner] += 1
    frequencies = {term: sum(chosen[k] for k in chosen if term in candidates[k].terms) / replicates for term in terms}
    if not chosen:
        return Stability(frequencies, None, 0.0)
    usual, count = chosen.most_common(1)[0]
    return Stability(frequencies, candidates[usual], count / replicates)


def _grams(
    library: Library, data: Trajectories, friction: Sequence[sp.Expr]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each group's Gram matrix of averages over test functions, its number of rows, and the one off the shell."""
    jets, functions = data.jets(), place_test_functions(data)
    columns = np.concatenate(list(weak_columns(library, jets, functions, friction=friction)), axis=1)
    if friction:
        columns = unexplained(columns.transpose(2, 1, 0), len(friction)).transpose(2, 1, 0)
    columns = columns[: len(library)]
    operators = library.operator(off_shell(jets))
    scale = np.maximum(np.sqrt(np.mean(operators**2, axis=(1, 2))), 1e-300)[:, None, None]
    groups = _groups(data, [len(part.indptr) - 1 for part in functions.weights])
    grams = []
    for group in np.unique(groups):
        rows = (columns[:, groups == group] / scale).reshape(len(library), -1)
        grams.append(rows @ rows.T)
    count = columns.shape[2] * np.unique(groups, return_counts=True)[1]
    stacked = Factors.of([operators / scale]).stacked
    return np.array(grams), count, stacked.T @ stacked


def _groups(data: Trajectories, functions: list[int]) -> Float[np.ndarray, " functions"]:
    """What is drawn together: for every test function the place of its trajectory, or of its stretch."""
    names = list(data.names)
    parts = 1 if len(names) >= FEWEST_GROUPS else STRETCHES
    groups = []
    for segment, count in zip(data.segments, functions, strict=True):
        stretch = np.arange(count) * parts // max(count, 1)
        groups.append(names.index(segment.trajectory) * parts + stretch)
    return np.concatenate(groups)


def _lowest(gram: np.ndarray, standard: np.ndarray, support: np.ndarray) -> float:
    """The least of |G c|^2 / |P c|^2 on a support."""
    A, B = gram[np.ix_(support, support)], standard[np.ix_(support, support)]
    ridge = RIDGE * np.trace(B) / len(B) * np.eye(len(B))
    return max(float(linalg.eigh(A, B + ridge, eigvals_only=True, subset_by_index=[0, 0])[0]), 0.0)


def _choose(losses: list[float], supports: list[np.ndarray]) -> int | None:
    """The place of the candidate that the ratio rule picks among the best of each size."""
    best: dict[int, int] = {}
    for k, support in enumerate(supports):
        if len(support) not in best or losses[k] < losses[best[len(support)]]:
            best[len(support)] = k
    size = smallest_enough({size: losses[k] for size, k in best.items()}, factor=DATA_FACTOR, floor=DATA_FLOOR)
    return None if size is None else best[size]
