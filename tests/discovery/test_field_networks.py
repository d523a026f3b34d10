"""What a density network is asked, whatever it has learned."""

import numpy as np
import pytest
import torch

from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.discovery.field_networks import read_density
from lagsym.distillation.densities.choice import choose_density
from lagsym.distillation.options import ChoiceOptions
from lagsym.neural.fields import FIELD_OPTIONS, BendingDensity, FieldFit, FieldMotion, NaturalDensity
from lagsym.neural.fields.scaling import FieldScaling

SPEED = 1.2


def waves() -> Lattice:
    """Two fields with waves that travel both ways at one speed."""
    t, x = np.linspace(0, 4, 81), np.arange(64) * 10 / 64
    along = [2 * np.pi / 10 * (x + sign * SPEED * t[:, None]) for sign in (1, -1)]
    u = np.stack([np.cos(k * along[0]) + 0.5 * np.sin((3 - k) * along[1]) for k in (1, 2)], -1)
    return Lattice(("u", "w"), ("t", "x"), (FieldRecord(t, (x,), u),), (True,))


def test_a_network_is_asked_where_not_even_a_law_without_the_fields_themselves_holds():
    """All second derivatives of another sample would obey u_tt = c^2 u_xx, and every network's E vanish on them."""
    data = waves()
    jets = FieldMotion(data).jets
    network = NaturalDensity(FieldScaling.of(jets), width=4, seed=0)
    reading = read_density(FieldFit(network, (), "converged", 0.0, 0.0, FIELD_OPTIONS, 0), data)
    assert reading is not None
    second = np.stack(
        [np.stack([reading.points[tuple(sorted((mu, nu)))] for nu in (0, 1)], 1) for mu in (0, 1)], axis=1
    )
    left = second[:, 0, 0] - SPEED**2 * second[:, 1, 1]
    sizes = second[:, 0, 0].std(0)
    assert np.all(np.abs(jets.ddu[:, 0, 0] - SPEED**2 * jets.ddu[:, 1, 1]).max(0) < 0.01 * sizes)
    np.testing.assert_allclose(left.std(0), np.sqrt(2) * sizes, rtol=0.1)  # as of two independent parts
    np.testing.assert_array_equal(second, second.swapaxes(1, 2))
    np.testing.assert_allclose(second.std(0), jets.ddu.std(0), rtol=0.1)
    correlation = np.corrcoef(second[:, 0, 0].T)[0, 1]
    assert abs(correlation) < 0.1


def test_a_beam_is_found_in_what_a_network_of_second_derivatives_says():
    generator, records = np.random.default_rng(0), []
    t, x = np.arange(0, 6, 0.05), np.arange(64) * np.pi / 32
    for k in range(2):
        waves = [(n, np.sqrt(0.5) * n**2, generator.normal() / n**2, generator.uniform(0, 7)) for n in (1, 2, 3)]
        u = sum(a * np.cos(n * x - w * t[:, None] + phase) for n, w, a, phase in waves)
        u = u + sum(a * np.cos(n * x + w * t[:, None]) for n, w, a, _ in waves)
        records.append(FieldRecord(t, (x,), u[..., None], None, str(k)))
    data = Lattice(("u",), ("t", "x"), tuple(records), (True,))
    network = BendingDensity(FieldScaling.unit(1), width=3, seed=0)
    with torch.no_grad():
        for parameter in network.network:
            parameter.zero_()
        list(network.network)[5][2, 2] = 0.5
    reading = read_density(FieldFit(network, (), "converged", 0.0, 0.0, FIELD_OPTIONS, 0), data)
    assert reading is not None
    assert reading.order == 2
    choice = choose_density(data, data, options=ChoiceOptions(evidence="network"), network=reading)
    assert choice is not None
    found = dict(zip(map(str, choice.candidate.terms), choice.candidate.coefficients, strict=True))
    assert found["u_t**2/2"] == pytest.approx(1, abs=1e-6)
    assert found["u_xx**2/2"] == pytest.approx(-0.5, abs=1e-4)
    assert all(abs(value) < 1e-3 for term, value in found.items() if term not in ("u_t**2/2", "u_xx**2/2"))
