"""Evidence about densities: the weak form of every term over space and time, and its size off the shell.

Off the shell are jets with the data's (u, u_mu) and higher derivatives drawn at random, of the size that they have in
averages over the test functions.  Higher derivatives of any other size would let a density win whose operator is merely
small on the data, such as u_t^4 where the fields are slow.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import sympy as sp
from jaxtyping import Float
from scipy.signal import savgol_coeffs

from lagsym.data.grid_derivatives import Differentiated, Stencil, differentiate, noise_level
from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.data.local_polynomials import DEGREE, WINDOWS
from lagsym.data.weak_fields import MOST_FUNCTIONS, FieldTests, Index, place_field_tests
from lagsym.distillation.libraries.density_terms import DensityLibrary, Points, evaluate
from lagsym.distillation.selection.evidence import CURVATURE_SAMPLES, Evidence, Factors
from lagsym.mechanics.jetspace import JetSpace

FLOOR = 4e-8
"""Squared residuals of fields below this are what smoothing and the grid leave on clean data."""
OFF_SHELL_SAMPLES = 3000
CORRELATED_FUNCTIONS = 1500
"""Test functions over all records where the covariance of every two of them is needed."""


Spread = dict[tuple[Index, Index], Float[np.ndarray, " fields"]]
"""Covariances of the errors of two derivatives at one point, for each field."""


@dataclass(frozen=True, eq=False)
class SmoothField:
    """One record with smoothed fields and derivatives on its grid, and the test functions over it.

    Arguments:
        record: what was measured.
        tests: the test functions.
        points: smoothed fields and derivatives by their directions, each of shape (times, *sites, fields).
        spread: what the noise leaves in them; empty where its effect on means is not to be taken off.
    """

    record: FieldRecord
    tests: FieldTests
    points: dict[Index, Float[np.ndarray, "times *sites fields"]]
    spread: Spread = field(default_factory=dict)

    def unbiased(self, factor: sp.Expr, space: JetSpace) -> sp.Expr:
        """A function of the smoothed fields whose mean is that of the factor of the true ones, to second order.

        f - 1/2 sum_(a, b) cov(a, b) d2f / da db
        """
        correction = sp.S.Zero
        for (one, other), covariance in self.spread.items():
            for i, value in enumerate(covariance):
                second = sp.diff(factor, space.symbol(i, one), space.symbol(i, other))
                correction += sp.Float(float(value), 17) * second
        return factor - correction / 2


def smooth_fields(data: Lattice, *, order: int = 2) -> tuple[SmoothField, ...]:
    """Smoothed derivatives up to an order, and test functions, for every record.

    Arguments:
        data: measured fields; measured rates are not used.
        order: of the highest derivative that densities hold.
    """
    return _smooth_fields(differentiate(data.positions_only()), order)


def barely_smooth_fields(data: Lattice, *, order: int = 2) -> tuple[SmoothField, ...]:
    """The fields as measured, derivatives from windows of half the length, and what the noise leaves in them.

    Smoothing less leaves more noise, whose effect on the means is known, and less bias, which is not.

    Arguments:
        data: measured fields; measured rates are not used.
        order: of the highest derivative that densities hold.
    """
    usual = differentiate(data.positions_only())
    shorter = differentiate(usual.lattice, [_shorter(stencil) for stencil in usual.stencils])
    noise = noise_level(data)
    return tuple(
        replace(smooth, points=smooth.points | {(): smooth.record.u}, spread=_spread(smooth, shorter.stencils, noise))
        for smooth in _smooth_fields(shorter, order, most=CORRELATED_FUNCTIONS)
    )


def _shorter(stencil: Stencil) -> Stencil:
    """A stencil of half the length where it smooths."""
    if stencil.window is None or not stencil.smooths:
        return stencil
    window = max(min(WINDOWS[0], stencil.window), stencil.window // 2 | 1)
    return replace(stencil, window=window, degree=min(DEGREE, window - 2))


def _smooth_fields(data: Differentiated, order: int, *, most: int = MOST_FUNCTIONS) -> tuple[SmoothField, ...]:
    indices = _indices(len(data.lattice.base), order)
    return tuple(
        SmoothField(record, tests, {index: data.derivative(record, index) for index in indices})
        for record, tests in zip(data.lattice.records, place_field_tests(data, most=most), strict=True)
    )


def _indices(base: int, order: int) -> list[Index]:
    return [index for k in range(order + 1) for index in itertools.combinations_with_replacement(range(base), k)]


def _spread(smooth: SmoothField, stencils: Sequence[Stencil], noise: np.ndarray) -> Spread:
    """Covariances of the errors of the measured fields and all derivatives, where the noise is white."""
    if not all(stencil.smooths for stencil in stencils):
        return {}
    found = {}
    for one, other in itertools.product(smooth.points, repeat=2):
        share = 1.0
        for axis, (stencil, step) in enumerate(zip(stencils, smooth.record.steps, strict=True)):
            share *= float(_weights(one, axis, stencil, step) @ _weights(other, axis, stencil, step))
        if share:
            found[one, other] = share * noise**2
    return found


def _weights(index: Index, axis: int, stencil: Stencil, step: float) -> Float[np.ndarray, " window"]:
    """The weights of the samples along one direction in a derivative; the field itself is as measured."""
    assert stencil.window is not None
    if not index:
        return np.eye(stencil.window)[stencil.window // 2]
    return np.asarray(savgol_coeffs(stencil.window, stencil.degree, deriv=index.count(axis), delta=step))


def weak_density_columns(library: DensityLibrary, smooth: SmoothField) -> Float[np.ndarray, "terms functions n"]:
    """Averages of every term's operator over every test function of a record."""
    columns = np.zeros((len(library), len(smooth.tests), len(library.space.fields)))
    users: dict[sp.Expr, dict[Index, list[tuple[int, int, int]]]] = {}
    for k, equations in enumerate(library.pieces):
        for i, pieces in enumerate(equations):
            for piece in pieces:
                users.setdefault(piece.factor, {}).setdefault(piece.index, []).append((k, i, piece.number))
    factors = [smooth.unbiased(factor, library.space) for factor in users]
    for wanted, values in zip(users.values(), evaluate(factors, library.space, smooth.points), strict=True):
        for index, places in wanted.items():
            average = smooth.tests.integrate(values, index)
            for k, i, number in places:
                columns[k, :, i] += number * average
    return columns


def strong_columns(library: DensityLibrary, smooth: SmoothField) -> Float[np.ndarray, "terms functions n"]:
    """The same averages from derivatives of the fields up to twice the order of the terms, which noise spoils."""
    values = evaluate(library.operators, library.space, smooth.points)
    averages = np.stack([smooth.tests.integrate(value) for value in values])
    return averages.reshape(len(library), len(library.space.fields), -1).transpose(0, 2, 1)


def off_shell_points(
    smooth: Sequence[SmoothField],
    order: int,
    *,
    together: Collection[Index] = (),
    samples: int = OFF_SHELL_SAMPLES,
    seed: int = 0,
) -> dict[Index, Float[np.ndarray, "samples fields"]]:
    """Fields and first derivatives of the data with higher derivatives that nature never shows beside them.

    Arguments:
        smooth: the records.
        order: of the highest derivative.
        together: higher derivatives that are left as they are beside the fields.
        samples: how many points.
        seed: of the draws.
    """
    generator = np.random.default_rng(seed)
    base, fields = len(smooth[0].tests.counts), smooth[0].record.u.shape[-1]
    known = [index for index in smooth[0].points if len(index) < 2 or index in together]
    pooled = {index: np.concatenate([s.points[index].reshape(-1, fields) for s in smooth]) for index in known}
    chosen = generator.choice(len(pooled[()]), min(samples, len(pooled[()])), replace=False)
    points: dict[Index, np.ndarray] = {index: values[chosen] for index, values in pooled.items()}
    for k in range(2, order + 1):
        for index in itertools.combinations_with_replacement(range(base), k):
            if index in points:
                continue
            points[index] = generator.standard_normal((len(chosen), fields)) * weak_size(smooth, index)
    return points


def weak_size(smooth: Sequence[SmoothField], index: Index) -> Float[np.ndarray, " fields"]:
    """Root mean square of the averages of a derivative of each field over the test functions."""
    return np.sqrt(np.mean(weak_derivative(smooth, index) ** 2, axis=0))


def weak_derivative(smooth: Sequence[SmoothField], index: Index) -> Float[np.ndarray, "functions fields"]:
    """Averages of a derivative of each field over the test functions of all records, from the fields as measured."""
    sign = (-1) ** len(index)
    return np.concatenate(
        [sign * np.stack([s.tests.integrate(u, index) for u in np.moveaxis(s.record.u, -1, 0)], axis=1) for s in smooth]
    )


def density_evidence(library: DensityLibrary, smooth: Sequence[SmoothField], *, seed: int = 0) -> Evidence:
    """The weak form over space and time.

    Arguments:
        library: candidate densities.
        smooth: the records with their derivatives.
        seed: of the points off the shell.
    """
    points = off_shell_points(smooth, max(2, 2 * library.order), seed=seed)
    some = {index: values[:CURVATURE_SAMPLES] for index, values in points.items()}
    return Evidence(
        "data",
        library,
        Factors.of(weak_density_columns(library, s) for s in smooth),
        Factors.of([library.operator_at(points)]),
        library.mass_at(some),
        floor=FLOOR,
    )


def density_network_evidence(
    library: DensityLibrary, points: Points, target: Float[np.ndarray, "samples n"]
) -> Evidence:
    """Off-shell matching: the terms' operators add up to the network's.

    Arguments:
        library: candidate densities.
        points: fields and derivatives off the shell, as far as the terms need them.
        target: the network's E there.
    """
    # Equations of different units count alike: each is measured by the size of the target.
    weights = 1 / np.sqrt(np.mean(target**2, axis=0))
    columns = np.concatenate([library.operator_at(points), -target[None]]) * weights
    last = np.zeros((len(library) + 1, 1, 1))
    last[-1] = 1.0
    some = {index: values[:CURVATURE_SAMPLES] for index, values in points.items()}
    factors = Factors.of([columns]), Factors.of([-target * weights * last])
    return Evidence("network", library, *factors, library.mass_at(some), fixed=True)
