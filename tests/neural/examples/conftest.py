import dataclasses

import pytest

from lagsym import systems
from lagsym.data.trajectories import Trajectories
from lagsym.neural.examples import Motion
from lagsym.simulation import simulate


def positions_only(data: Trajectories) -> Trajectories:
    return data.with_segments(dataclasses.replace(segment, v=None, a=None) for segment in data.segments)


def without_accelerations(data: Trajectories) -> Trajectories:
    return data.with_segments(dataclasses.replace(segment, a=None) for segment in data.segments)


def swings(name: str, trajectories: int, seed: int, **options) -> Trajectories:
    return simulate(systems.get(name), trajectories=trajectories, seed=seed, **options)


@pytest.fixture(scope="session")
def double_swings() -> Trajectories:
    return without_accelerations(swings("double_pendulum", 3, 0, span=3.0, step=0.02))


@pytest.fixture(scope="session")
def double_motion(double_swings) -> Motion:
    return Motion.of(double_swings)
