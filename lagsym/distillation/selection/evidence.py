"""Evidence: what a network or the data say about every term of a library, in one form for all kinds.

Every kind of evidence is two sets of columns, one column for each term: G, which the law's coefficients c make vanish,
and P, by whose size that is measured.  The loss is that of the equation i that fares worst:

    loss(c) = max_i  mean |G_i c|^2 / mean |P_i c|^2

- off-shell matching: G are the terms' operators at accelerations that nature does not show and the network's, as one
  more column; P is the network's alone;
- weak form: G are averages of the operators over the data, P the operators off the shell;
- strong form: G are the operators at the measured accelerations, P those off the shell.

Where friction is let in, the forces of Rayleigh functions are further columns of G with any coefficients: what they
explain is taken out of all others.

Of the columns only the triangular factors of G_i = Q R and P_i = Q' R' are kept: they give the same sizes, without
squaring the condition number as Gram matrices do.  Columns are evaluated over a chunk of samples at a time, so that
memory is bounded by the factors, 2 n (terms + 1)^2 numbers, and a chunk, whatever the length of the data.

Source of the sequential factorisation: Golub and Van Loan, Matrix Computations, 4th edition (2013), section 6.5.3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.data.jets import Jets
from lagsym.data.samples import Sampled
from lagsym.data.trajectories import Trajectories
from lagsym.data.weak import TestFunctions, place_test_functions
from lagsym.distillation.libraries.terms import Library, TermLibrary, off_shell
from lagsym.mechanics.jetspace import JetSpace

CHUNK = 4_000_000
"""Numbers in a chunk of derivatives of all terms (32 MB)."""
FEWEST_SAMPLES = 64
"""Samples in a chunk, at least."""
DATA_FLOOR = 1e-10
"""Squared residuals below this are quadrature and rounding; ratios among them mean nothing."""
CURVATURE_SAMPLES = 150
"""Jets at which the terms' mass matrices are kept, for the check that a candidate's is not singular."""


@dataclass(frozen=True)
class Factors:
    """Triangular factors of columns, one for each equation of motion, scaled so that |R_i c|^2 is a mean over rows."""

    triangles: Float[np.ndarray, "n rows columns"]

    @classmethod
    def of(cls, chunks: Iterable[Float[np.ndarray, "columns rows n"]], *, least: int = 2000, free: int = 0) -> Factors:
        """Factors of columns that come a few rows at a time.

        Arguments:
            chunks: the same columns at further rows.
            least: rows that are collected before they are factorised.
            free: so many first columns have no place in a law; what they explain is taken out of the others.
        """
        collected: list[np.ndarray] = []
        pending, rows = 0, 0
        for chunk in chunks:
            collected.append(np.moveaxis(chunk, -1, 0).transpose(0, 2, 1))
            pending, rows = pending + chunk.shape[1], rows + chunk.shape[1]
            if pending >= max(least, 2 * chunk.shape[0]):
                collected, pending = [_triangles(collected)], 0
        triangles = _triangles(collected)
        if free:
            triangles = np.asarray(np.linalg.qr(unexplained(triangles, free), mode="r"))
        return cls(triangles / np.sqrt(rows))

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


def unexplained(columns: Float[np.ndarray, "n rows columns"], free: int) -> Float[np.ndarray, "n rows others"]:
    """What no combination of so many first columns, the same in all equations, explains of the others.

    With coefficients of its own in each equation friction would not come from one Rayleigh function, and could hide
    which of several kinetic energies there is.
    """
    first, others = columns[..., :free], columns[..., free:]
    shares = np.linalg.pinv(np.concatenate(list(first))) @ np.concatenate(list(others))
    return others - first @ shares


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
        floor: losses below this are errors of the evidence itself.
    """

    name: str
    library: TermLibrary
    vanishing: Factors
    standard: Factors
    mass: Float[np.ndarray, "terms samples n n"]
    fixed: bool = False
    driven: bool = False
    floor: float = DATA_FLOOR

    def loss(self, coefficients: Float[np.ndarray, " terms"]) -> float:
        """What is left of the equation that fares worst, relative to its size, for coefficients of all terms."""
        coefficients = np.append(coefficients, [1.0] * self.fixed)
        left, size = self.vanishing.mean_squares(coefficients), self.standard.mean_squares(coefficients)
        return float(np.max(left / np.maximum(size, 1e-300)))


def weak_evidence(
    library: Library,
    data: Trajectories,
    functions: TestFunctions | None = None,
    *,
    friction: Sequence[sp.Expr] = (),
) -> Evidence:
    """The weak form on differentiated trajectories.

    Where forces were measured they are one more column, whose coefficient is one: they set the scale.

    Arguments:
        library: candidate terms.
        data: differentiated trajectories.
        functions: what to average with; by default as `place_test_functions` has it.
        friction: Rayleigh functions that may have any coefficients beside the library.
    """
    functions = functions or place_test_functions(data)
    columns = weak_columns(library, data.jets(), functions, friction=friction)
    return _on_data("data", library, data.jets(), columns, len(friction))


def strong_evidence(library: Library, data: Sampled, *, friction: Sequence[sp.Expr] = ()) -> Evidence:
    """The equations of motion at the accelerations of samples or differentiated trajectories: for clean ones."""
    jets = data.jets()
    return _on_data("strong", library, jets, _operators(library, jets, friction), len(friction))


def network_evidence(library: TermLibrary, jets: Jets, target: Float[np.ndarray, "samples n"]) -> Evidence:
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
    library: Library, jets: Jets, functions: TestFunctions, *, friction: Sequence[sp.Expr] = ()
) -> Iterator[Float[np.ndarray, "columns functions n"]]:
    """Averages of the forces of friction, of every term's operator, and of measured forces, a few at a time."""
    drag = _drag(library.space, friction) if friction else None
    for here, some in functions.batches(_at_once(library)):
        part = jets.take(np.arange(here.start, here.stop))
        columns = some.integrate(*library.gradient(part))
        if drag is not None:
            forces = drag(part)
            columns = np.concatenate([some.integrate(forces, np.zeros_like(forces)), columns])
        if part.force is not None:
            columns = np.concatenate([columns, some.integrate(part.force, np.zeros_like(part.force))[None]])
        yield columns


def _on_data(name: str, library: Library, jets: Jets, columns: Iterable[np.ndarray], free: int) -> Evidence:
    chosen = off_shell(jets)
    factors = Factors.of(columns, free=free), Factors.of(_operators(library, chosen))
    driven = jets.force is not None
    return Evidence(name, library, *factors, _mass(library, chosen), fixed=driven, driven=driven)


def _drag(space: JetSpace, friction: Sequence[sp.Expr]) -> Callable[[Jets], np.ndarray]:
    """The forces of Rayleigh functions at jets, of shape (functions, samples, n)."""
    forces = [[sp.diff(term, v) for v in space.velocities] for term in friction]
    compiled = sp.lambdify((*space.positions, *space.velocities), forces, "numpy")

    def drag(jets: Jets) -> np.ndarray:
        found = compiled(*jets.q.T, *jets.v.T)
        rows = [[np.broadcast_to(np.asarray(part, float), len(jets)) for part in row] for row in found]
        return np.moveaxis(np.array(rows), 1, -1)

    return drag


def _operators(library: TermLibrary, jets: Jets, friction: Sequence[sp.Expr] = ()) -> Iterator[np.ndarray]:
    """The forces of friction, every term's operator, and measured forces, at a few jets at a time."""
    drag = _drag(library.space, friction) if friction else None
    for index in _samples(library, len(jets)):
        part = jets.take(index)
        columns = library.operator(part)
        before = () if drag is None else (drag(part),)
        after = () if part.force is None else (part.force[None],)
        yield np.concatenate([*before, columns, *after])


def _mass(library: TermLibrary, jets: Jets) -> np.ndarray:
    return library.mass(jets.take(np.arange(0, len(jets), -(-len(jets) // CURVATURE_SAMPLES))))


def _samples(library: TermLibrary, count: int) -> list[np.ndarray]:
    size = _at_once(library)
    return [np.arange(start, min(start + size, count)) for start in range(0, count, size)]


def _at_once(library: TermLibrary) -> int:
    """Samples in a chunk; an operator takes n + 1 numbers for each equation, term and sample."""
    n = len(library.space.fields)
    return max(FEWEST_SAMPLES, CHUNK // (n * (n + 1) * max(len(library), 1)))
