"""Constants of a density with standard errors: maximum likelihood in the weak form.

White noise e of the measured fields moves the average r_m = integral of E psi_m by

    delta r_m = integral of E'[e] psi_m = integral of e E'[psi_m],

because the linearised operator E' of a Lagrangian is its own adjoint (Helmholtz); here

    (E' psi)_i = sum over j and J of (dE_i / du_(j,J)) D^J psi_j.

So the averages have the covariance C(c) = W(c) W(c)^T, with the rows of W the functions E'[psi_m] on the grid, and the
constants minimise r(c)^T C(c)^-1 r(c).  That is the smallest change of the data that obeys the law in all averages,
without the bias that least squares has from noise in the terms themselves.

Without noise there is left what sums over a grid are no integrals.  Where integration by parts were exact, it would not
matter whether derivatives are taken of the fields or of the test functions; by how much it does is the error of the
averages, and what it does to the constants is added to their errors.

Sources: Helmholtz, J. reine angew. Math. 100 (1887) 137 (the adjoint); Bortz, Messenger and Dukic, "Direct estimation
of parameters in ODE models using WENDy", Bull. Math. Biol. 85 (2023) 110 (covariance of weak residuals).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float
from scipy import linalg, sparse
from scipy.optimize import least_squares

from lagsym.data.grid_derivatives import noise_level
from lagsym.data.lattice import Lattice
from lagsym.data.weak_fields import Index
from lagsym.distillation.constants.settling import SIGNIFICANT, Settled
from lagsym.distillation.densities.evidence import (
    SmoothField,
    barely_smooth_fields,
    strong_columns,
    weak_density_columns,
)
from lagsym.distillation.fitting.shooting import Refined
from lagsym.distillation.libraries.density_terms import DensityLibrary, evaluate
from lagsym.distillation.libraries.terms import Term
from lagsym.distillation.selection.candidates import Candidate
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import parameter_symbol

SITES_PER_HALF = 7
"""Points of the coarser grid in a half width of a test function, on which their products are integrated."""
NEGLIGIBLE = 1e-6
"""Of the largest value of a test function, where no more than its covariance with others is wanted."""
RIDGE = 1e-9
"""Of its variance, added to every average's: test functions overlap, and rounding must not decide."""
LEAST_NOISE = 1e-9
"""Noise of a field as a fraction of its size, at least, and relative error of a constant: no fields are as exact."""
SUMS = 1e-7
"""Relative error of sums in place of integrals, where noise hides it: with `FEWEST_SITES` it is half of that."""
ONLY_NOISE = 1.15
"""Residuals up to so many times the noise are noise."""
STEPS = 30


@dataclass(frozen=True, eq=False)
class _Averages:
    """One record's averages of every term, and what white noise does to them.

    Arguments:
        columns: averages of every term's operator, of shape (terms, averages).
        defects: by how much they differ where derivatives are taken of the fields in place of the test functions;
            nought under noise, where that is worse.
        products: of the rows of W for every pair of terms, of shape (terms, terms, averages, averages).
    """

    columns: Float[np.ndarray, "terms averages"]
    defects: Float[np.ndarray, "terms averages"]
    products: Float[np.ndarray, "terms terms averages averages"]

    def whitened(self, c: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Columns in units of their errors, for coefficients of all terms."""
        covariance = np.einsum("k,l,klmn->mn", c, c, self.products, optimize=True)
        covariance[np.diag_indices_from(covariance)] *= 1 + RIDGE
        return linalg.solve_triangular(linalg.cholesky(covariance, lower=True), columns.T, lower=True)


def settle_density(candidate: Candidate, data: Lattice) -> Settled:
    """Fit the constants of a chosen density, and drop terms that are not significant.

    Friction is not looked for in fields.

    Arguments:
        candidate: the terms with their first coefficients; of every set of fields that do not influence each other one
            coefficient is kept, as nothing but convention fixes it.
        data: measured fields.
    """
    space = JetSpace(data.fields, data.base)
    kept, coefficients = list(candidate.terms), np.asarray(candidate.coefficients, float)
    while True:
        fixed = _scales(kept, space)
        free = np.setdiff1d(np.arange(len(kept)), fixed)
        refined = _fit(DensityLibrary(space, tuple(Term(term, 0.0) for term in kept)), coefficients, free, data)
        coefficients[free] = refined.values
        weakest = _weakest(refined)
        if weakest is None:
            break
        del kept[free[weakest]]
        coefficients = np.delete(coefficients, free[weakest])
    constants = tuple(parameter_symbol(f"c{i + 1}") for i in range(len(free)))
    named: list[Any] = [sp.Float(float(c), 17) if c != 1 else sp.S.One for c in coefficients]
    for place, constant in zip(free, constants, strict=True):
        named[place] = constant
    terms = tuple(zip(named, kept, strict=True))
    dropped = tuple(term for term in candidate.terms if term not in kept)
    test: dict[str, float | str] = {"found": "not tested: friction is not looked for in fields"}
    return Settled(terms, (), constants, refined.values, refined, test, dropped, tuple(kept))


def _weakest(refined: Refined) -> int | None:
    """Of the constants that are not significant the one that is least so while the others are held.

    Where a product of two fields has no place, nothing ties the scales of their laws together, and all constants of one
    are uncertain as one; of these only the product's is small against what the others alone leave open.
    """
    doubtful = np.flatnonzero(np.abs(refined.values) <= SIGNIFICANT * refined.standard_errors)
    if not len(doubtful):
        return None
    alone = np.abs(refined.values) * np.sqrt(np.diag(_inverse(refined.covariance)))
    return int(doubtful[np.argmin(alone[doubtful])])


def leaves_noise(candidate: Candidate, data: Lattice) -> bool:
    """Whether a density with fitted constants leaves nothing of the averages but what the noise of the fields does.

    Arguments:
        candidate: the terms with their first coefficients.
        data: measured fields.
    """
    library = DensityLibrary(JetSpace(data.fields, data.base), tuple(Term(term, 0.0) for term in candidate.terms))
    free = np.setdiff1d(np.arange(len(library)), _scales(candidate.terms, library.space))
    refined = _fit(library, np.array(candidate.coefficients, float), free, data)
    return bool((refined.residual <= ONLY_NOISE * noise_level(data)).all())


def _scales(terms: Sequence[sp.Expr], space: JetSpace) -> list[int]:
    """The first term of every set of fields without influence on the others."""
    groups: list[set[int]] = []
    owners = [{key[0] for s in _symbols(term) if (key := space.key(s))} for term in terms]
    for owner in owners:
        touched = [group for group in groups if group & owner]
        groups = [group for group in groups if not group & owner] + [owner.union(*touched)]
    return [next(k for k, owner in enumerate(owners) if owner & group) for group in groups]


def _symbols(expression: sp.Expr) -> set[Any]:
    return set(expression.free_symbols)


def _fit(library: DensityLibrary, initial: np.ndarray, free: np.ndarray, data: Lattice) -> Refined:
    """The coefficients at `free` that are most likely, with their covariance."""
    noise = noise_level(data)
    noise = np.maximum(noise, LEAST_NOISE * np.concatenate([r.u.reshape(-1, len(noise)) for r in data.records]).std(0))
    smooth = barely_smooth_fields(data, order=2 * library.order)
    records = [_averages(library, s, noise) for s in smooth]

    def coefficients(values: np.ndarray) -> np.ndarray:
        c = initial.copy()
        c[free] = values
        return c

    def residual(values: np.ndarray) -> np.ndarray:
        c = coefficients(values)
        return np.concatenate([r.whitened(c, c @ r.columns) for r in records])

    found = least_squares(residual, initial[free], x_scale=np.abs(initial[free]), max_nfev=STEPS)
    c = coefficients(found.x)
    slopes = np.concatenate([r.whitened(c, r.columns[free]) for r in records])
    variance = 2 * found.cost / max(len(found.fun) - len(free), 1)
    defect = np.linalg.lstsq(slopes, np.concatenate([r.whitened(c, c @ r.defects) for r in records]))[0]
    floor = SUMS if any(s.spread for s in smooth) else LEAST_NOISE
    covariance = variance * _inverse(slopes.T @ slopes) + np.outer(defect, defect) + np.diag((floor * found.x) ** 2)
    half = max(s.tests.halves[0] for s in smooth)
    return Refined(found.x, covariance, np.sqrt(variance) * noise, 2 * half, len(found.fun), bool(found.success))


def _inverse(precision: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """The inverse of a symmetric matrix that is not negative, with large values in place of infinite ones."""
    unit = np.sqrt(np.diag(precision))
    values, vectors = np.linalg.eigh(precision / np.outer(unit, unit))
    return (vectors / np.maximum(values, np.finfo(float).eps * len(unit))) @ vectors.T / np.outer(unit, unit)


def _averages(library: DensityLibrary, smooth: SmoothField, noise: np.ndarray) -> _Averages:
    columns = _by_equation(weak_density_columns(library, smooth))
    defects = np.zeros_like(columns) if smooth.spread else columns - _by_equation(strong_columns(library, smooth))
    rows = _rows(library, smooth, noise)
    products = np.array([[(one @ other.T).toarray() for other in rows] for one in rows])
    return _Averages(columns, defects, products)


def _by_equation(columns: Float[np.ndarray, "terms functions n"]) -> Float[np.ndarray, "terms averages"]:
    return columns.transpose(0, 2, 1).reshape(len(columns), -1)


def _rows(library: DensityLibrary, smooth: SmoothField, noise: np.ndarray) -> list[sparse.csr_array]:
    """For every term the functions E'[psi] on a coarser grid, times the noise, of shape (n averages, n points)."""
    fields = range(len(library.space.fields))
    steps = zip(smooth.tests.halves, smooth.record.steps, strict=True)
    coarse = _Coarse(smooth, tuple(max(1, round(half / step / SITES_PER_HALF)) for half, step in steps))
    rows = []
    for k in range(len(library)):
        own = library.operators[k * len(fields) : (k + 1) * len(fields)]
        blocks = [[_block(own[i], j, library.space, coarse) * noise[j] for j in fields] for i in fields]
        rows.append(sparse.csr_array(sparse.block_array(blocks)) * np.sqrt(np.prod(coarse.strides)))
    return rows


@dataclass(frozen=True, eq=False)
class _Coarse:
    """Derivatives of a record and of its test functions on every so many points of its grid."""

    smooth: SmoothField
    strides: tuple[int, ...]

    @property
    def slices(self) -> tuple[slice, ...]:
        return tuple(slice(stride // 2, None, stride) for stride in self.strides)

    @cached_property
    def points(self) -> dict[Index, np.ndarray]:
        """The smoothed derivatives."""
        return {index: values[self.slices] for index, values in self.smooth.points.items()}

    def tests(self, index: Index) -> sparse.csr_array:
        """A derivative of the test functions, of shape (functions, points)."""
        parts = [
            _sparse(matrix[index.count(axis)][:, chosen])
            for axis, (matrix, chosen) in enumerate(zip(self.smooth.tests.matrices, self.slices, strict=True))
        ]
        return sparse.csr_array(reduce(lambda a, b: sparse.kron(a, b, format="csr"), parts))


def _sparse(matrix: np.ndarray) -> sparse.csr_array:
    """What is not negligible of a matrix: Fourier's derivatives of a bump do not quite vanish beside it."""
    return sparse.csr_array(np.where(np.abs(matrix) > NEGLIGIBLE * np.abs(matrix).max(), matrix, 0.0))


def _block(equation: sp.Expr, field: int, space: JetSpace, coarse: _Coarse) -> sparse.csr_array:
    """The functions sum_J (dE / du_J) D^J psi of one equation and field."""
    total = sparse.csr_array(coarse.tests(()).shape)
    for symbol in sorted(_symbols(equation), key=str):
        key = space.key(symbol)
        if key is not None and key[0] == field:
            slope = sp.expand(sp.diff(equation, symbol))
            values = next(evaluate([slope], space, coarse.points))
            total = total + coarse.tests(key[1]).multiply(values.ravel()[None])
    return sparse.csr_array(total)
