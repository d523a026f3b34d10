"""Test functions over space and time: integration by parts, and widths by the record."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lagsym.data.grid_derivatives import differentiate
from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.data.weak_fields import place_field_tests

LENGTH = 10.0


def wave(step: float, span: float, *, sites: int = 48, name: str = "0") -> FieldRecord:
    """u = sin(2 k x - 3 t) + cos(k x + 2 t)"""
    t, x = np.arange(0, span, step)[:, None], np.arange(sites) * LENGTH / sites
    k = 2 * np.pi / LENGTH
    u = np.sin(2 * k * x - 3 * t) + np.cos(k * x + 2 * t)
    return FieldRecord(t[:, 0], (x,), u[..., None], None, name)


def lattice(*records: FieldRecord, periodic: bool = True) -> Lattice:
    return Lattice(("u",), ("t", "x"), records, (periodic,))


@pytest.mark.parametrize("sites", [16, 48, 49])
def test_by_parts_is_exact_on_a_ring_of_few_sites(sites: int) -> None:
    record = wave(0.05, 4.0, sites=sites)
    (tests,) = place_field_tests(differentiate(lattice(record)))
    k, x = 2 * np.pi / LENGTH, record.axes[0]
    one = np.broadcast_to(np.sin(3 * k * x), record.u.shape[:-1])
    other = np.broadcast_to(np.cos(3 * k * x), record.u.shape[:-1])
    mean, turned = tests.integrate(one), tests.integrate(other)
    for order, expected in enumerate((mean, -3 * k * turned, -((3 * k) ** 2) * mean, (3 * k) ** 3 * turned)):
        np.testing.assert_allclose(tests.integrate(one, (1,) * order), expected, atol=1e-10 * (3 * k) ** order)


def test_a_winding_angle_is_averaged_inside_its_ends() -> None:
    t, x = np.arange(0, 4, 0.05), np.arange(48) * LENGTH / 48
    u = 2 * np.pi * x / LENGTH + 0.3 * np.sin(t)[:, None]
    data = replace(lattice(FieldRecord(t, (x,), u[..., None])), angles=frozenset({"u"}))
    (tests,) = place_field_tests(differentiate(data))
    np.testing.assert_allclose(tests.integrate(u, (1,)), -2 * np.pi / LENGTH, rtol=1e-6)
    assert not tests.matrices[1][:, :, 0].any()


def test_half_widths_are_as_long_in_records_of_other_steps() -> None:
    fine, coarse = wave(0.025, 12.0), wave(0.05, 12.0, sites=64, name="1")
    one, other = place_field_tests(differentiate(lattice(fine, coarse)))
    assert one.halves[0] == pytest.approx(other.halves[0], abs=0.05)
    assert round(one.halves[0] / 0.025) > 1.5 * round(other.halves[0] / 0.05)


def test_a_short_record_does_not_narrow_the_functions_of_others() -> None:
    long, short = wave(0.05, 12.0), wave(0.05, 2.0, name="1")
    (alone,) = place_field_tests(differentiate(lattice(long)))
    beside, narrow = place_field_tests(differentiate(lattice(long, short)))
    assert beside.halves[0] == pytest.approx(alone.halves[0], rel=0.1)
    assert narrow.halves[0] <= 2.0 / 4
