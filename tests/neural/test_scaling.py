import numpy as np
import pytest
import torch

from lagsym.data.jets import Jets
from lagsym.errors import DataError, InputError
from lagsym.neural import STRUCTURES, Scaling


def draw(samples=200, seed=0):
    q, v, a = np.random.default_rng(seed).normal(size=(3, samples, 2)) * np.array([1e-3, 0.5])
    return Jets.of_particle(np.zeros(samples), q + 7, 100 * v, 1e4 * a)


def test_inputs_are_of_order_one():
    jets = draw()
    model = STRUCTURES["natural"](Scaling.of(jets, [1]))
    inputs = model.inputs(*(torch.tensor(x) for x in (jets.q, jets.v)))
    features, velocity = inputs.features.numpy(), inputs.velocity.numpy()
    np.testing.assert_allclose(features.std(0), 1, rtol=0.01)
    np.testing.assert_allclose(features.mean(0), 0, atol=1e-9)
    np.testing.assert_allclose(np.sqrt((velocity**2).mean(0)), 1)


@pytest.mark.parametrize("structure", list(STRUCTURES))
def test_other_units_of_length_and_time_change_nothing_but_the_units(structure):
    """The same motion in other units gives the same network, hence M and f that only carry the units along."""
    jets, length, time = draw(), np.array([3.0, 1.0]), 0.01
    other = Jets.of_particle(jets.t * time, jets.q * length, jets.v * length / time, jets.a * length / time**2)
    here, there = (STRUCTURES[structure](Scaling.of(j, [1]), seed=1).read(j) for j in (jets, other))
    np.testing.assert_allclose(there.acceleration, here.acceleration * length / time**2, rtol=1e-8)
    ratio = there.mass / here.mass
    expected = ratio[0, 0, 0] * np.array([[1.0, 3.0], [3.0, 9.0]])
    np.testing.assert_allclose(ratio, np.broadcast_to(expected, ratio.shape), rtol=1e-6)
    np.testing.assert_allclose(there.potential, here.potential, rtol=1e-8)


def test_a_coordinate_that_stands_still_is_no_obstacle():
    jets = draw()
    still = Jets.of_particle(jets.t, jets.q * [1, 0], jets.v * [1, 0], jets.a * [1, 0])
    units = Scaling.of(still)
    assert np.isfinite([*units.spread, *units.velocity, units.time]).all()


@pytest.mark.parametrize("name", ["position", "velocity", "acceleration"])
def test_a_value_that_is_not_finite_is_named_with_its_row(name):
    arrays = {"position": np.zeros((9, 2)), "velocity": np.ones((9, 2)), "acceleration": np.ones((9, 2))}
    arrays[name][4, 1] = np.nan
    with pytest.raises(DataError, match=f"{name} in row 4"):
        Scaling.of(Jets.of_particle(np.zeros(9), *arrays.values()))


def test_no_samples_and_unknown_angles_are_refused():
    with pytest.raises(DataError, match="at least one"):
        Scaling.of(draw().take(np.arange(0)))
    with pytest.raises(InputError, match="angles"):
        Scaling.of(draw(), [2])
    with pytest.raises(InputError, match="positive"):
        Scaling((), (0.0,), (0.0,), (1.0,), 1.0)
