"""Faithfulness: errors that are known beforehand, and where they are."""

import numpy as np
import pytest

from lagsym.data.jets import Jets
from lagsym.distillation.reading.faithfulness import (
    SMALLEST_ERROR,
    main_effect,
    map_error,
    measure_faithfulness,
    r_squared,
)


def states(count: int = 2000, n: int = 2) -> Jets:
    q, v = np.random.default_rng(0).uniform(-2, 2, (2, count, n))
    return Jets.of_particle(np.zeros(count), q, v)


def measured(jets: Jets, error: np.ndarray, **arguments):
    network = np.random.default_rng(1).standard_normal(jets.q.shape)
    network /= np.sqrt(np.mean(network**2, axis=0))
    formula = network + error[:, None]
    return measure_faithfulness(network, formula, jets, coordinates=("x", "y"), **arguments)


def test_quantiles_and_r2_are_those_of_the_error_put_in():
    jets, error = states(), np.linspace(0, 0.1, 2000)
    found = measured(jets, error)
    assert found.quantiles["median"] == pytest.approx(0.05, rel=1e-2)
    assert found.quantiles["p90"] == pytest.approx(0.09, rel=1e-2)
    assert found.quantiles["largest"] == pytest.approx(0.1, rel=1e-9)
    assert found.acceleration_r2 == pytest.approx(1 - np.mean(error**2), abs=2e-5)
    assert found.operator_r2 is None
    assert set(found.scores) == {"fidelity_r2", *(f"fidelity_error_{k}" for k in found.quantiles)}


def test_the_units_of_a_coordinate_do_not_matter():
    jets = states()
    network = np.random.default_rng(1).standard_normal(jets.q.shape)
    formula = network * 1.01
    units = np.array([1e-3, 1e4])
    plain = measure_faithfulness(network, formula, jets, coordinates=("x", "y"))
    scaled = measure_faithfulness(network * units, formula * units, jets, coordinates=("x", "y"))
    for name, value in plain.quantiles.items():
        assert scaled.quantiles[name] == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(("pair", "names"), [((0, 3), ("x", "y_dot")), ((1, 2), ("y", "x_dot"))])
def test_the_map_is_over_the_inputs_that_the_error_depends_on(pair, names):
    jets = states()
    inputs = np.concatenate([jets.q, jets.v], axis=1)
    first, second = (inputs[:, k] for k in pair)
    found = measured(jets, 1e-3 * np.exp(first + 0.7 * second))
    assert found.map.inputs == names
    others = set(found.effects) - set(names)
    assert all(abs(found.effects[name]) < 0.03 for name in others)
    assert found.effects[names[0]] == pytest.approx(1 / 1.49, abs=0.05)
    assert found.map.count.sum() == len(jets)
    middles = [(edges[1:] + edges[:-1]) / 2 for edges in found.map.edges]
    expected = 1e-3 * np.exp(middles[0][:, None] + 0.7 * middles[1])
    np.testing.assert_allclose(found.map.median, np.where(found.map.count > 0, expected, np.nan), rtol=0.25)


def test_angles_are_mapped_onto_one_turn():
    jets = states()
    turned = Jets.of_particle(jets.t, jets.q + 20 * np.pi, jets.v)
    network = np.random.default_rng(1).standard_normal(jets.q.shape)
    formula = network * (1 + 1e-3 * np.exp(jets.q[:, :1]))
    maps = [
        measure_faithfulness(network, formula, each, coordinates=("x", "y"), angles=frozenset(("x", "y"))).map
        for each in (jets, turned)
    ]
    assert maps[0].inputs == maps[1].inputs
    np.testing.assert_allclose(maps[0].edges[0], maps[1].edges[0], atol=1e-9)
    np.testing.assert_allclose(maps[1].edges[0][[0, -1]], [-2, 2], atol=0.02)


def test_where_the_formula_has_no_value_the_error_is_infinite():
    jets = states()
    error = np.where(jets.q[:, 0] > 1.5, np.nan, 1e-3)
    found = measured(jets, error)
    assert found.acceleration_r2 == -np.inf
    assert found.quantiles["largest"] == np.inf
    assert found.quantiles["median"] == pytest.approx(1e-3, rel=1e-6)
    assert "x" in found.map.inputs
    along = found.map.median.max(axis=1 - found.map.inputs.index("x"), initial=0, where=found.map.count > 0)
    assert np.isinf(along[-1])
    assert np.isfinite(along[0])


def test_chance_is_no_effect():
    generator = np.random.default_rng(0)
    effects = [main_effect(generator.standard_normal(300), np.exp(generator.standard_normal(300))) for _ in range(200)]
    assert abs(np.mean(effects)) < 0.01
    assert main_effect(np.ones(300), np.exp(generator.standard_normal(300))) == 0.0
    assert main_effect(generator.standard_normal(300), np.full(300, SMALLEST_ERROR / 10)) == 0.0


def test_cells_without_samples_are_empty():
    x = np.array([0.0, 1.0, 1.0, 0.0])
    found = map_error(("x", "y"), x, x, np.array([1.0, 2.0, 4.0, 3.0]))
    assert found.count[0, 0] == 2
    assert found.count[-1, -1] == 2
    assert np.isnan(found.median[0, -1])
    assert found.median[0, 0] == 1.0
    assert found.median[-1, -1] == 2.0


def test_r_squared_without_motion():
    still = np.zeros((5, 2))
    assert r_squared(still, still) == 1.0
    assert r_squared(still, still + 1) == -np.inf
