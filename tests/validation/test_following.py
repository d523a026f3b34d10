"""Following unseen motion: the true law leaves noise, another one more, and noise alone convinces nobody."""

import numpy as np
import pytest

from lagsym.data.derivatives import differentiate
from lagsym.data.trajectories import Segment, Trajectories
from lagsym.law import Law
from lagsym.mechanics.jetspace import JetSpace
from lagsym.simulation import simulate
from lagsym.systems import get
from lagsym.validation.following import Following, follow

PLANE = JetSpace(("x", "y"))
(X, Y), (U, W) = PLANE.positions, PLANE.velocities


def followed(lagrangian, data: Trajectories, times: float = 1.6) -> Following | None:
    smooth = differentiate(data)
    return follow(Law(data.coordinates, lagrangian), data, smooth, window=times * smooth.characteristic_time)


@pytest.fixture(scope="module")
def noisy() -> Trajectories:
    return simulate(get("henon_heiles"), trajectories=5, noise=0.05, seed=3).positions_only()


def test_the_true_law_leaves_the_noise(noisy):
    found = followed(get("henon_heiles").numeric_lagrangian, noisy)
    assert found is not None
    assert found.excess == pytest.approx(1, abs=0.1)
    assert found.noise == pytest.approx(0.05, rel=0.1)
    assert found.convinces


def test_a_law_that_lacks_a_term_leaves_more(noisy):
    found = followed((U**2 + W**2 - X**2 - Y**2) / 2, noisy)
    assert found is not None
    assert found.excess > 1.3
    assert not found.convinces


def test_short_stretches_convince_nobody(noisy):
    found = followed(get("henon_heiles").numeric_lagrangian, noisy, times=0.4)
    assert found is not None
    assert not found.convinces


def test_noise_alone_is_followed_by_rest_and_convinces_nobody():
    generator, t = np.random.default_rng(0), 0.02 * np.arange(400)
    segments = (Segment(t, generator.standard_normal((400, 2)), trajectory=str(k)) for k in range(4))
    found = followed((U**2 + W**2) / 2, Trajectories(("x", "y"), tuple(segments)))
    assert found is None or not found.convinces


def test_a_law_that_breaks_down_is_not_followed(noisy):
    assert followed((U**2 + W**2) / 2 + 1e9 * X**3, noisy) is None
