"""Evidence about densities: the weak form of every term over space and time, and its size off the shell.

Off the shell are jets with the data's (u, u_mu) and higher derivatives drawn at random, of the size that they have in
averages over the test functions.  Higher derivatives of any other size would let a density win whose operator is merely
small on the data, such as u_t^4 where the fields are slow.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.data.weak_fields import FieldTests, Index, differentiate_grid, place_field_tests, smoothing_windows
from lagsym.distillation.density_terms import DensityLibrary, evaluate
from lagsym.distillation.evidence import CURVATURE_SAMPLES, Evidence, Factors

FLOOR = 4e-8
"""Squared residuals of fields below this are what smoothing and the grid leave on clean data."""
OFF_SHELL_SAMPLES = 3000


@dataclass(frozen=True, eq=False)
class SmoothField:
    """One record with smoothed fields and derivatives on its grid, and the test functions over it.

    Arguments:
        record: what was measured.
        tests: the test functions.
        points: smoothed fields and derivatives by their directions, each of shape (times, *sites, fields).
    """

    record: FieldRecord
    tests: FieldTests
    points: dict[Index, Float[np.ndarray, "times *sites fields"]]


def smooth_fields(data: Lattice, *, order: int = 2, factor: float = 1.0) -> tuple[SmoothField, ...]:
    """Smoothed derivatives up to an order, and test functions, for every record.

    Arguments:
        data: measured fields.
        order: of the highest derivative that densities hold.
        factor: by which test functions are wider than usual.
    """
    windows, directions = smoothing_windows(data), range(len(data.base))
    indices = [index for k in range(order + 1) for index in itertools.combinations_with_replacement(directions, k)]
    return tuple(
        SmoothField(record, tests, {index: differentiate_grid(data, record, index, windows) for index in indices})
        for record, tests in zip(data.records, place_field_tests(data, factor=factor), strict=True)
    )


def weak_density_columns(library: DensityLibrary, smooth: SmoothField) -> Float[np.ndarray, "terms functions n"]:
    """Averages of every term's operator over every test function of a record."""
    numbers: dict[tuple[object, Index], list[tuple[int, int, int]]] = {}
    for k, equations in enumerate(library.pieces):
        for i, pieces in enumerate(equations):
            for piece in pieces:
                numbers.setdefault((piece.factor, piece.index), []).append((k, i, piece.number))
    columns = np.zeros((len(library), len(smooth.tests), len(library.space.fields)))
    factors: dict = {}
    for factor, index in numbers:
        factors.setdefault(factor, []).append(index)
    for factor, values in zip(factors, evaluate(list(factors), library.space, smooth.points), strict=True):
        for index in factors[factor]:
            average = smooth.tests.integrate(values, index)
            for k, i, number in numbers[factor, index]:
                columns[k, :, i] += number * average
    return columns


def off_shell_points(
    smooth: Sequence[SmoothField], order: int, *, samples: int = OFF_SHELL_SAMPLES, seed: int = 0
) -> dict[Index, Float[np.ndarray, "samples fields"]]:
    """Fields and first derivatives of the data with higher derivatives that nature never shows beside them.

    Arguments:
        smooth: the records.
        order: of the highest derivative.
        samples: how many points.
        seed: of the draws.
    """
    generator = np.random.default_rng(seed)
    base, fields = len(smooth[0].tests.counts), smooth[0].record.u.shape[-1]
    known = [index for index in smooth[0].points if len(index) < 2]
    pooled = {index: np.concatenate([s.points[index].reshape(-1, fields) for s in smooth]) for index in known}
    chosen = generator.choice(len(pooled[()]), min(samples, len(pooled[()])), replace=False)
    points = {index: values[chosen] for index, values in pooled.items()}
    for k in range(2, order + 1):
        for index in itertools.combinations_with_replacement(range(base), k):
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


def take_terms(evidence: Evidence, index: np.ndarray) -> Evidence:
    """The same evidence about some of the terms."""
    return replace(
        evidence,
        library=evidence.library.take(index),
        vanishing=evidence.vanishing.take(index),
        standard=evidence.standard.take(index),
        mass=evidence.mass[index],
    )
