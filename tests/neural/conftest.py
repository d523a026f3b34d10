import numpy as np
import pytest

from lagsym import systems
from lagsym.data.jets import Jets
from lagsym.simulation import simulate


def jets_of(name, trajectories, seed):
    jets = simulate(systems.get(name), trajectories=trajectories, seed=seed).jets()
    return jets.take(np.random.default_rng(seed).permutation(len(jets)))


@pytest.fixture(scope="session")
def pendulum() -> tuple[Jets, Jets]:
    """Jets to train and to choose, of a pendulum."""
    return jets_of("pendulum", 8, 0), jets_of("pendulum", 3, 1)


@pytest.fixture(scope="session")
def double_pendulum() -> tuple[Jets, Jets]:
    return jets_of("double_pendulum", 10, 0), jets_of("double_pendulum", 4, 1)
