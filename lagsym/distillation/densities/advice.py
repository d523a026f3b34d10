"""Advice on fields: what they cannot tell of a density, whatever is fitted to them, and what to measure instead.

A uniform oscillation, a kink of one speed or a wave that travels one way obeys many laws at once; each of them fits
held-out data of the same kind as well, and fails on any other.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from lagsym.data.grid_derivatives import noise_level
from lagsym.data.lattice import Lattice
from lagsym.data.weak_fields import Index
from lagsym.distillation.advice import Advice
from lagsym.distillation.densities.evidence import SmoothField, density_evidence, smooth_fields, weak_derivative
from lagsym.distillation.libraries.density_terms import TIME, build_density_library
from lagsym.distillation.selection.evidence import DATA_FLOOR
from lagsym.distillation.selection.ratios import spectra
from lagsym.mechanics.jetspace import JetSpace

STILL = 1e-4
"""A derivative of less than this fraction of the field over its extent is none."""
ABOVE_NOISE = 4.0
"""How many times its error an average has to be, over all test functions, to show that there is something."""
ONE_SHAPE = 0.05
"""Second derivatives are proportional when the second singular value is below this fraction of the first."""
SIMPLE = 2.2
"""Complexity of the terms that may vanish in one combination only."""
BESIDE_FACTOR, NEAR_NULL = 100.0, 5e-4
"""A second combination vanishes as well if its ratio is below so many times the first's, and below this."""


def density_advice(data: Lattice) -> list[Advice]:
    """Whether the fields can tell one density from another, field by field, before anything is fitted.

    Each field is asked for itself: a law of its own may vanish on it, but not two.

    Arguments:
        data: fields as they were measured.

    Returns:
        At most one sentence for each field, all decisive; none where the data do.
    """
    found = (_advice(only(data, field)) for field in range(len(data.fields)))
    return [Advice(sentence, decisive=True) for sentence in found if sentence]


def only(data: Lattice, field: int) -> Lattice:
    """The same data with one of the fields alone."""
    name = data.fields[field]
    records = tuple(replace(record, u=record.u[..., [field]], u_t=None) for record in data.records)
    return replace(data, fields=(name,), records=records, angles=data.angles & {name})


def still_directions(data: Lattice) -> frozenset[tuple[int, int]]:
    """Fields and directions (field, mu) along which a field does not change beyond its noise.

    Terms with such derivatives vanish in all averages, whatever their coefficients.
    """
    alone = [only(data, field) for field in range(len(data.fields))]
    return frozenset((field, mu) for field, one in enumerate(alone) for mu in _still(one, smooth_fields(one, order=1)))


def _still(data: Lattice, smooth: Sequence[SmoothField]) -> list[int]:
    return [mu for mu in range(len(data.base)) if _is_still(data, smooth, mu)]


def _advice(data: Lattice) -> str:
    """What one field cannot tell, or nothing."""
    smooth, name = smooth_fields(data, order=1), data.fields[0]
    still = [data.base[mu] for mu in _still(data, smooth)]
    if still:
        return (
            f"{name} does not change along {' and '.join(still)} beyond its noise, so that nothing can be said about "
            f"terms with its derivatives there: measure motion that varies along {' and '.join(still)}, over at least "
            "a few wavelengths."
        )
    if _is_one_shape(smooth, len(data.base)):
        return (
            f"{name} is one shape that moves with one speed{_speed(smooth, data)}: its second derivatives are all "
            "proportional, and many laws allow that. Measure waves in both directions, or shapes of several speeds."
        )
    if _second_vanishes(data, smooth):
        return (
            f"More than one law of few terms holds for {name}, as for a standing wave of one wavelength: measure "
            "motion with several wavelengths and amplitudes."
        )
    return ""


def _is_still(data: Lattice, smooth: Sequence[SmoothField], mu: int) -> bool:
    """Whether the averages of a first derivative are no more than noise or rounding makes them."""
    size = float(np.sqrt(np.mean(weak_derivative(smooth, (mu,)) ** 2)))
    noise = float(noise_level(data)[0]) * np.sqrt(np.mean([s.tests.squares((mu,)) for s in smooth]))
    extent = max(float(np.ptp(s.record.grid[mu])) for s in smooth)
    spread = max(float(np.std(s.record.u)) for s in smooth)
    return size <= max(ABOVE_NOISE * noise, STILL * spread / extent)


def _second(smooth: Sequence[SmoothField], base: int) -> dict[Index, Float[np.ndarray, " functions"]]:
    """Averages of all second derivatives of the one field."""
    pairs = itertools.combinations_with_replacement(range(base), 2)
    return {pair: weak_derivative(smooth, pair)[:, 0] for pair in pairs}


def _is_one_shape(smooth: Sequence[SmoothField], base: int) -> bool:
    columns = np.stack(list(_second(smooth, base).values()), axis=1)
    values = np.linalg.svd(columns / np.linalg.norm(columns, axis=0), compute_uv=False)
    return bool(values[1] < ONE_SHAPE * values[0])


def _speed(smooth: Sequence[SmoothField], data: Lattice) -> str:
    """The speed along a line, in words; along a plane it would be a direction as well."""
    if len(data.base) > 2:
        return ""
    second = _second(smooth, len(data.base))
    speed = -float(second[TIME, 1] @ second[1, 1] / (second[1, 1] @ second[1, 1]))
    return f" (about {speed:.3g})"


def _second_vanishes(data: Lattice, smooth: Sequence[SmoothField]) -> bool:
    """Whether two independent combinations of simple terms vanish on the data."""
    library = build_density_library(JetSpace(data.fields, data.base), data.angles, "free")
    evidence = density_evidence(library.take(np.flatnonzero(library.complexities <= SIMPLE)), smooth)
    first, second = spectra(evidence.vanishing, evidence.standard, np.arange(len(evidence.library))[None])[0, :2]
    return bool(second < min(max(BESIDE_FACTOR * first, DATA_FLOOR), NEAR_NULL))
