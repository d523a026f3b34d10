"""Variable projection: inner constants of a sum of terms, for which all coefficients follow.

For given inner constants p all coefficients c follow from the generalised eigenvalue problem that selection solves,

    minimise |G(p) c|² / |P(p) c|²,

with G the averages <f> - <M a> of the terms' operators over windows and P = <f> +- <M a>' with the inertia of other
windows, so that only p is searched. The sign is one by chance: where a force is constant, the law's inertia is constant
too, and that of other windows would be no other. Measured forces are one more term. At single samples instead of
averages a term that is singular somewhere near would make P huge, and anything small beside it.

Source: Golub and Pereyra (1973), SIAM Journal on Numerical Analysis 10, 413 (variable projection).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float, Int
from scipy import linalg
from scipy.optimize import least_squares

from lagsym.data.jets import Jets
from lagsym.data.samples import Samples
from lagsym.data.trajectories import Trajectories
from lagsym.data.weak import TestFunctions, place_test_functions
from lagsym.distillation.libraries.terms import Library, Term, off_shell
from lagsym.mechanics.jetspace import JetSpace

STEPS = 25
RIDGE = 1e-12
NOTHING = 1e-12
"""Relative size of a term that is left out."""
CANCELS = 1e-9
"""Size of a combination, relative to its terms', that says no more than that they are the same."""
SAME_SHAPE = 1e-6
"""Sine of the angle between two operators on the data, as vectors, below which they are one."""
BREAKS_DOWN = 1e3
"""Residual of inner constants for which a term is not real on the data."""

Constants = Float[np.ndarray, " constants"]


@dataclass(frozen=True)
class Elsewhere:
    """For each window another one, and a sign: with its inertia nature never is in the first one.

    Arguments:
        windows: the places of the other windows.
        signs: one or minus one each.
    """

    windows: Int[np.ndarray, " windows"]
    signs: Float[np.ndarray, " windows"]

    @classmethod
    def of(cls, count: int, *, seed: int = 0) -> Elsewhere:
        """Drawn for so many windows."""
        generator = np.random.default_rng(seed)
        return cls(generator.permutation(count), generator.choice([-1.0, 1.0], count))

    def of_inertia(self, inertia: Float[np.ndarray, "terms windows n"]) -> Float[np.ndarray, "terms windows n"]:
        """The inertia of the other windows."""
        return inertia[:, self.windows] * self.signs[:, None]


@dataclass(frozen=True)
class Grounds:
    """What sums of terms are fitted to; the operators of terms without constants to be found are evaluated once.

    Arguments:
        jets: on the data.
        functions: what to average with; None where each sample counts by itself.
        others: what is off the shell for them.
    """

    jets: Jets
    functions: TestFunctions | None
    others: Elsewhere
    _known: dict[sp.Expr, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, data: Trajectories | Samples) -> Grounds:
        """Differentiated trajectories, in weak form; or samples, which hold no times to average over and no noise."""
        functions = None if isinstance(data, Samples) else place_test_functions(data)
        return cls(data.jets(), functions, Elsewhere.of(len(functions or ())))

    @cached_property
    def shuffled(self) -> Jets:
        """Samples off the shell, where each sample counts by itself."""
        return off_shell(self.jets)

    @property
    def rows(self) -> int:
        """Equations on the data for each coordinate."""
        return len(self.jets) if self.functions is None else len(self.functions)

    def columns(self, terms: Sequence[sp.Expr], space: JetSpace) -> list[tuple[np.ndarray, np.ndarray]]:
        """Operators of terms without constants, on the data and off the shell; measured forces come last."""
        new = [term for term in terms if term not in self._known]
        if new:
            with np.errstate(all="ignore"):
                found = self._operators(Library(space, tuple(Term(term, 0.0) for term in new)))
            self._known.update(zip(new, zip(*found, strict=True), strict=True))
        return [*(self._known[term] for term in terms), *self._pushed]

    @cached_property
    def _pushed(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """The columns of measured forces, where there are any."""
        pushed = self.jets.force
        if pushed is None:
            return ()
        if self.functions is None:
            return ((pushed, np.asarray(self.shuffled.force)),)
        on, off = self.averages((pushed[None], np.zeros_like(pushed)[None]), pushed[None])
        return ((on[0], off[0]),)

    def _operators(self, library: Library) -> tuple[np.ndarray, np.ndarray]:
        """Every term's operator on the data and off the shell, each (terms, rows, n)."""
        if self.functions is None:
            return library.operator(self.jets), library.operator(self.shuffled)
        return self.averages(library.gradient(self.jets), library.mass_and_force(self.jets)[1])

    def averages(self, slopes: tuple[np.ndarray, np.ndarray], forces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Averages of the terms' operators, and of the same with the inertia of other windows.

        Arguments:
            slopes: dL/dq and dL/dv of every term, each (terms, samples, n).
            forces: f of every term, likewise.
        """
        assert self.functions is not None
        on = self.functions.integrate(*slopes)
        force = self.functions.integrate(forces, np.zeros_like(forces))
        return on, force + self.others.of_inertia(on - force)


class Projection:
    """The weak residual of a sum of terms as a function of its inner constants alone.

    Arguments:
        terms: all terms, with symbols for their inner constants.
        constants: these symbols; none is allowed.
        space: coordinates and velocities.
        grounds: what the sum is fitted to.
    """

    def __init__(
        self, terms: Sequence[sp.Expr], constants: Sequence[sp.Symbol], space: JetSpace, grounds: Grounds
    ) -> None:
        self.terms = tuple(terms)
        self.grounds = grounds
        self.inner = [k for k, term in enumerate(terms) if term.free_symbols & set(constants)]
        plain = [k for k in range(len(self.terms)) if k not in self.inner]
        self.order = [*self.inner, *plain]
        self._with_constants = _Terms([self.terms[k] for k in self.inner], constants, space)
        self._plain = grounds.columns([self.terms[k] for k in plain], space)

    def residual(self, values: Constants) -> Float[np.ndarray, " rows"]:
        """G c for the best c with |P c| = 1; constant and huge where a term is not real, or terms are the same."""
        found = self._normalised(values)
        broken = np.full(self.grounds.jets.q.shape[1] * self.grounds.rows, BREAKS_DOWN)
        if found is None:
            return broken
        rows, others, _ = found
        c = lowest(rows, others)[:, 0]
        c *= np.sign(c[0]) or 1.0
        size = float(np.linalg.norm(others.T @ c))
        # Every term has unit size, so that only terms that cancel leave next to nothing.
        unit = float(np.linalg.norm(c) * np.sqrt(others.shape[1]))
        return rows.T @ c / size * np.sqrt(others.shape[1]) if size > CANCELS * unit else broken

    def coefficients(self, values: Constants) -> Float[np.ndarray, " terms"] | None:
        """The best coefficients of the terms, in their order, up to a common factor; None where a term is not real.

        A term that is next to nothing has coefficient zero.
        """
        found = self._normalised(values)
        if found is None:
            return None
        rows, others, size = found
        best = np.zeros(len(self.order))
        place = self._places(size)
        best[place] = (lowest(rows, others)[:, 0] / size[size > NOTHING * size.max()])[: len(place)]
        return best

    def losses_without(self, values: Constants) -> Float[np.ndarray, " terms"]:
        """The loss of the terms but one, for each of them; infinite where the others are not real."""
        losses = np.full(len(self.order), np.inf)
        found = self._normalised(values)
        if found is None or len(found[0]) < 2:
            return losses
        rows, others, size = found
        losses[:] = self.loss(values)
        for k, place in enumerate(self._places(size)):
            fewer = [np.delete(part, k, axis=0) for part in (rows, others)]
            c = lowest(*fewer)[:, 0]
            losses[place] = np.mean((c @ fewer[0]) ** 2) / np.mean((c @ fewer[1]) ** 2)
        return losses

    def _places(self, size: np.ndarray) -> Int[np.ndarray, " kept"]:
        """Which terms the rows of the normalised residual belong to; measured forces, which come last, to none."""
        kept = size > NOTHING * size.max()
        return np.array(self.order)[kept[: len(self.order)]]

    def loss(self, values: Constants) -> float:
        """The mean square of the residual."""
        return float(np.mean(self.residual(values) ** 2))

    def matters(self, values: Constants) -> bool:
        """Whether half of any inner constant would give a term another shape; one that is next to nothing does not."""
        with np.errstate(all="ignore"):
            whole = self._columns(values)[1]
            for k in range(len(values)):
                half = self._columns(np.where(np.arange(len(values)) == k, values / 2, values))[1]
                if np.all(_sines(whole, half) < SAME_SHAPE):
                    return False
        return True

    def fitted(self, start: Constants, *, steps: int = STEPS) -> Constants | None:
        """The inner constants of least residual, their signs kept; None where the start is not real on the data."""
        if not np.all(start) or self.residual(start)[0] == BREAKS_DOWN:
            return None
        if not len(start):
            return start
        signs, logarithms = np.sign(start), np.log(np.abs(start))
        found = least_squares(
            lambda p: self.residual(signs * np.exp(np.clip(p, -50, 50))),
            logarithms,
            x_scale=0.1,
            max_nfev=steps,
            xtol=1e-12,
            ftol=1e-12,
            gtol=1e-14,
        )
        best = signs * np.exp(np.clip(found.x, -50, 50))
        return best if self.loss(best) <= self.loss(start) else start

    def _normalised(self, values: Constants) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        with np.errstate(all="ignore"):
            inner = zip(*self._columns(values), strict=True)
            on, off = (np.stack(column) for column in zip(*inner, *self._plain, strict=True))
            size = np.sqrt(np.mean(off**2, axis=(1, 2)))
        if not (np.isfinite(on).all() and np.isfinite(size).all() and size.any()):
            return None
        kept = size > NOTHING * size.max()
        if not np.all(kept[: len(self.inner)]):
            return None
        rows, others = ((part[kept] / size[kept, None, None]).reshape(kept.sum(), -1) for part in (on, off))
        return rows, others, size

    def _columns(self, values: Constants) -> tuple[np.ndarray, np.ndarray]:
        """The operators of the terms with constants on the data and off the shell, each (terms, rows, n)."""
        terms, grounds = self._with_constants, self.grounds
        if grounds.functions is None:
            return terms.operator(grounds.jets, values), terms.operator(grounds.shuffled, values)
        return grounds.averages(terms.gradient(grounds.jets, values), terms.force(grounds.jets, values))


@dataclass(frozen=True)
class _Compiled:
    """Entries as one NumPy function of (q, v, constants), of which equal parts are evaluated once."""

    function: Callable[..., list]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, entries: Sequence[sp.Expr], shape: tuple[int, ...], symbols: Sequence[sp.Symbol]) -> _Compiled:
        return cls(sp.lambdify(symbols, list(entries), "numpy", cse=True), shape)

    def __call__(self, jets: Jets, values: Constants) -> np.ndarray:
        with np.errstate(all="ignore"):
            found: Any = self.function(*jets.q.T, *jets.v.T, *values)
            stacked = [np.broadcast_to(np.asarray(value, float), len(jets)) for value in found]
        return np.array(stacked).reshape(*self.shape, len(jets))


class _Terms:
    """Terms with named inner constants: derivatives and operators for any values of these, compiled once."""

    def __init__(self, terms: Sequence[sp.Expr], constants: Sequence[sp.Symbol], space: JetSpace) -> None:
        positions, velocities = space.positions, space.velocities
        symbols, n, count = (*positions, *velocities, *constants), len(positions), len(terms)
        slopes = [sp.diff(term, x) for term in terms for x in (*positions, *velocities)]
        entries: list[sp.Expr] = []
        for term in terms:
            momenta = [sp.diff(term, v) for v in velocities]
            entries += [sp.diff(p, v) for p in momenta for v in velocities]
            entries += [
                sp.diff(term, q) - sp.Add(*(sp.diff(p, x) * v for x, v in zip(positions, velocities, strict=True)))
                for q, p in zip(positions, momenta, strict=True)
            ]
        self.n = n
        self._slopes = _Compiled.of(slopes, (count, 2, n), symbols)
        self._curvature = _Compiled.of(entries, (count, n + 1, n), symbols)

    def gradient(self, jets: Jets, values: Constants) -> tuple[np.ndarray, np.ndarray]:
        """The derivatives by q and by v of every term, each (terms, samples, n)."""
        both = self._slopes(jets, values).transpose(0, 1, 3, 2)
        return both[:, 0], both[:, 1]

    def force(self, jets: Jets, values: Constants) -> Float[np.ndarray, "terms samples n"]:
        """F of every term."""
        return self._curvature(jets, values)[:, self.n].transpose(0, 2, 1)

    def operator(self, jets: Jets, values: Constants) -> Float[np.ndarray, "terms samples n"]:
        """The operator E = f - M a of every term."""
        found = self._curvature(jets, values)
        return found[:, self.n].transpose(0, 2, 1) - np.einsum("kijt,tj->kti", found[:, : self.n], jets.a)


def _sines(some: np.ndarray, others: np.ndarray) -> Float[np.ndarray, " terms"]:
    """Sine of the angle between each pair of columns."""
    a, b = (
        part.reshape(len(part), -1) / np.linalg.norm(part.reshape(len(part), -1), axis=1)[:, None]
        for part in (some, others)
    )
    return np.minimum(np.linalg.norm(a - b, axis=1), np.linalg.norm(a + b, axis=1))


def lowest(
    rows: np.ndarray, others: np.ndarray, *, factor: float = 1.0, floor: float = 0.0
) -> Float[np.ndarray, "terms found"]:
    """The combinations of least |rows c|² / |others c|², and those with at most so many times as much or the floor."""
    A, B = rows @ rows.T / rows.shape[1], others @ others.T / others.shape[1]
    ridge = RIDGE * np.trace(B) / len(B)
    values, vectors = linalg.eigh(A, B + ridge * np.eye(len(B)))
    return vectors[:, values <= factor * max(values[0], 0.0) + floor] if factor > 1 else vectors[:, :1]
