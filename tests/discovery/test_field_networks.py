"""What a density network is asked, whatever it has learned."""

import numpy as np

from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.discovery.field_networks import read_density
from lagsym.neural.fields import FIELD_OPTIONS, FieldFit, FieldMotion, NaturalDensity
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
    second = reading.jets.ddu
    left = second[:, 0, 0] - SPEED**2 * second[:, 1, 1]
    sizes = second[:, 0, 0].std(0)
    assert np.all(np.abs(jets.ddu[:, 0, 0] - SPEED**2 * jets.ddu[:, 1, 1]).max(0) < 0.01 * sizes)
    np.testing.assert_allclose(left.std(0), np.sqrt(2) * sizes, rtol=0.1)  # as of two independent parts
    np.testing.assert_array_equal(second, second.swapaxes(1, 2))
    np.testing.assert_allclose(second.std(0), jets.ddu.std(0), rtol=0.1)
    correlation = np.corrcoef(second[:, 0, 0].T)[0, 1]
    assert abs(correlation) < 0.1
