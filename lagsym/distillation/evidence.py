"""Evidence: what a network or the data say about every term of a library, in one form for all kinds.

Every kind of evidence is two sets of columns, one column for each term: G, which the law's coefficients c make vanish,
and P, by whose size that is measured.  The loss is that of the equation i that fares worst:

    loss(c) = max_i  mean |G_i c|^2 / mean |P_i c|^2

- off-shell matching: G are the terms' operators at accelerations that nature does not show and the network's, as one
  more column; P is the network's alone;
- weak form: G are averages of the operators over the data, P the operators off the shell;
- strong form: G are the operators at the measured accelerations, P those off the shell.

Of the columns only the triangular factors of G_i = Q R and P_i = Q' R' are kept: they give the same sizes, without
squaring the condition number as Gram matrices do.  Columns are evaluated over a chunk of samples at a time, so that
memory is bounded by the factors, 2 n (terms + 1)^2 numbers, and a chunk, whatever the length of the data.

Source of the sequential factorisation: Golub and Van Loan, Matrix Computations, 4th edition (2013), section 6.5.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lagsym.data.jets import Jets
from lagsym.data.samples import Sampled
from lagsym.data.trajectories import Trajectories
from lagsym.data.weak import TestFunctions, place_test_functions
from lagsym.distillation.terms import Library, off_shell

CHUNK = 4_000_000
"""Numbers in a chunk of derivatives of all terms (32 MB)."""
FEWEST_SAMPLES = 64
"""Samples in a chunk, at least."""
CURVATURE_SAMPLES = 150
"""Jets at which the terms' mass matrices are kept, for the check that a candidate's is not singular."""


@dataclass(frozen=True)
class Factors:
    """Triangular factors of columns, one for each equation of motion, scaled so that |R_i c|^2 is a mean over rows."""

    triangles: Float[np.ndarray, "n rows columns"]

    @classmethod
    def of(cls, chunks: Iterable[Float[np.ndarray, "columns rows n"]], *, least: int = 2000) -> Factors:
        """Factors of columns that come a few rows at a time.

        Arguments:
            chunks: the same columns at further rows.
            least: rows that are collected before they are factorised.
        """
        collected: list[np.ndarray] = []
        pending, rows = 0, 0
        for chunk in chunks:
            collected.append(np.moveaxis(chunk, -1, 0).transpose(0, 2, 1))
            pending, rows = pending + chunk.shape[1], rows + chunk.shape[1]
            if pending >= max(least, 2 * chunk.shape[0]):
                collected, pending = [_triangles(collected)], 0
        return cls(_triangles(collected) / np.sqrt(rows))

    def mean_squares(self, coefficients: Float[np.ndarray, " columns"]) -> Float[np.ndarray, " n"]:
        """The mean square of the columns' combination, for each equation."""
        return np.sum((self.triangles @ coefficients) ** 2, axis=1)

    def take(self, index: np.ndarray) -> Factors:
        """The factors of some columns."""
        return Factors(self.triangles[:, :, index])

    @property
    def stacked(self) -> Float[np.ndarray, "rows columns"]:
        """One factor for all equations together, so that |R c|^2 is the mean over equations."""
        return np.concatenate(list(self.triangles)) / np.sqrt(len(self.triangles))


def _triangles(parts: list[np.ndarray]) -> np.ndarray:
    return np.asarray(np.linalg.qr(np.concatenate(parts, axis=1), mode="r"))


@dataclass(frozen=True)
class Evidence:
    """One kind of evidence about every term of a library.

    Arguments:
        name: "network" (off-shell matching), "data" (weak form) or "strong" (strong form).
        library: the terms.
        vanishing: factors of G, the columns that the law makes vanish.
        standard: factors of P, the columns that measure it.
        mass: every term's mass matrix at some jets.
        fixed: whether there is one more column with coefficient one, of measured forces or of the network.
        driven: whether measured forces set the scale.
    """

    name: str
    library: Library
    vanishing: Factors
    standard: Factors
    mass: Float[np.ndarray, "terms samples n n"]
    fixed: bool = False
    driven: bool = False

    def loss(self, coefficients: Float[np.ndarray, " terms"]) -> float:
        """What is left of the equation that fares worst, relative to its size, for coefficients of all terms."""
        coefficients = np.append(coefficients, [1.0] * self.fixed)
        left, size = self.vanishing.mean_squares(coefficients), self.standard.mean_squares(coefficients)
        return float(np.max(left / np.maximum(size, 1e-300)))


def weak_evidence(library: Library, data: Trajectories, functions: TestFunctions | None = None) -> Evidence:
    """The weak form on differentiated trajectories.

    Where forces were measured they are one more column, whose coefficient is one: they set the scale.

    Arguments:
        library: candidate terms.
        data: differentiated trajectories.
        functions: what to average with; by default as `place_test_functions` has it.
    """
    functions = functions or place_test_functions(data)
    return _on_data("data", library, data.jets(), weak_columns(library, data.jets(), functions))


def strong_evidence(library: Library, data: Sampled) -> Evidence:
    """The equations of motion at the accelerations of samples or differentiated trajectories: for clean ones."""
    jets = data.jets()
    return _on_data("strong", library, jets, _operators(library, jets))


def network_evidence(library: Library, jets: Jets, target: Float[np.ndarray, "samples n"]) -> Evidence:
    """Off-shell matching: the terms' operators add up to the network's.

    Arguments:
        library: candidate terms.
        jets: off-shell jets on the support of the data (`off_shell`). Where they hold measured forces, these fixed the
            scale of the network's L, and no coefficient is set.
        target: the network's E = f - M a at those jets.
    """
    # Equations of different units count alike: each is measured by the size of the target.
    weights = 1 / np.sqrt(np.mean(target**2, axis=0))
    places = _samples(library, len(jets))
    unforced = Jets(jets.x, jets.u, jets.du, jets.ddu)
    columns = (np.concatenate([library.operator(unforced.take(i)), -target[None, i]]) * weights for i in places)
    last = np.zeros(len(library) + 1)
    last[-1] = 1.0
    standard = ((-target[i] * weights) * last[:, None, None] for i in places)
    driven = jets.force is not None and bool(jets.force.any())
    factors = Factors.of(columns), Factors.of(standard)
    return Evidence("network", library, *factors, _mass(library, jets), fixed=True, driven=driven)


def weak_columns(
    library: Library, jets: Jets, functions: TestFunctions
) -> Iterator[Float[np.ndarray, "columns functions n"]]:
    """Averages of every term's operator, and of measured forces, over a few test functions at a time."""
    for here, some in functions.batches(_at_once(library)):
        part = jets.take(np.arange(here.start, here.stop))
        columns = some.integrate(*library.gradient(part))
        if part.force is not None:
            columns = np.concatenate([columns, some.integrate(part.force, np.zeros_like(part.force))[None]])
        yield columns


def _on_data(name: str, library: Library, jets: Jets, columns: Iterable[np.ndarray]) -> Evidence:
    chosen = off_shell(jets)
    standard = Factors.of(_operators(library, chosen))
    driven = jets.force is not None
    return Evidence(name, library, Factors.of(columns), standard, _mass(library, chosen), fixed=driven, driven=driven)


def _operators(library: Library, jets: Jets) -> Iterator[np.ndarray]:
    """Every term's operator, and measured forces, at a few jets at a time."""
    for index in _samples(library, len(jets)):
        part = jets.take(index)
        columns = library.operator(part)
        yield columns if part.force is None else np.concatenate([columns, part.force[None]])


def _mass(library: Library, jets: Jets) -> np.ndarray:
    return library.mass_and_force(jets.take(np.arange(0, len(jets), -(-len(jets) // CURVATURE_SAMPLES))))[0]


def _samples(library: Library, count: int) -> list[np.ndarray]:
    size = _at_once(library)
    return [np.arange(start, min(start + size, count)) for start in range(0, count, size)]


def _at_once(library: Library) -> int:
    """Samples in a chunk; an operator takes n + 1 numbers for each equation, term and sample."""
    n = len(library.space.fields)
    return max(FEWEST_SAMPLES, CHUNK // (n * (n + 1) * max(len(library), 1)))
