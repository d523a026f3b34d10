"""Friction read off a network: of one whose friction is known by construction, on the scale of the law."""

import numpy as np
import pytest

from lagsym.data.trajectories import Segment, Trajectories
from lagsym.distillation.friction import drag
from lagsym.distillation.friction.drag import read_friction
from lagsym.mechanics.jetspace import JetSpace

SPACE = JetSpace(("x", "y"))


class Known:
    """c times ½ v·M v − V with M = diag(1, 2), V = (x² + y²)/2, and friction c G v."""

    def __init__(self, factor: float, matrix) -> None:
        self.factor, self.matrix = factor, np.asarray(matrix, float)

    def read(self, jets):
        class Reading:
            mass = self.factor * np.broadcast_to(np.diag([1.0, 2.0]), (len(jets), 2, 2))
            force = -self.factor * jets.q
            dissipative_force = -self.factor * self._drag(jets.v)

        return Reading

    def _drag(self, v):
        return v @ self.matrix


class Quadratic(Known):
    def _drag(self, v):
        return np.abs(v) * v


@pytest.fixture
def data():
    generator = np.random.default_rng(0)
    q, v, a = generator.standard_normal((3, 400, 2))
    return Trajectories(("x", "y"), (Segment(np.arange(400.0), q, v, a),))


@pytest.fixture
def law():
    (x, y), (v, w) = SPACE.positions, SPACE.velocities
    return (v**2 + 2 * w**2 - x**2 - y**2) / 2


@pytest.mark.parametrize("factor", [1.0, -3.0, 1e4])
def test_friction_comes_out_on_the_scale_of_the_law(factor, data, law):
    v, w = SPACE.velocities
    found = read_friction(Known(factor, [[0.3 + 0.2, -0.2], [-0.2, 0.2]]), law, data)
    assert found is not None
    assert dict(zip(found.terms, found.coefficients, strict=True)) == pytest.approx(
        {v**2 / 2: 0.3, (v - w) ** 2 / 2: 0.2}
    )
    assert found.unexplained < 1e-12


def test_what_is_negligible_is_left_out_and_what_is_no_viscous_friction_stays_unexplained(data, law):
    v, w = SPACE.velocities
    found = read_friction(Known(1.0, [[1.0, 0.0], [0.0, 0.01]]), law, data)
    assert found is not None
    assert found.terms == (v**2 / 2,)
    assert 0 < found.unexplained < drag.NEGLIGIBLE
    quadratic = read_friction(Quadratic(1.0, np.eye(2)), law, data)
    assert quadratic is not None
    assert set(quadratic.terms) == {v**2 / 2, w**2 / 2}
    assert quadratic.unexplained > 0.2
    driving = read_friction(Known(1.0, -np.eye(2)), law, data)
    assert driving is not None
    assert (driving.terms, driving.unexplained) == ((), 1.0)


def test_a_network_without_friction_says_nothing(data, law):
    assert read_friction(Known(1.0, np.zeros((2, 2))), law, data) is None
