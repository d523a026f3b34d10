"""Drifts and kicks in turns: the order, the symplectic form, and when they are not used."""

import numpy as np
import pytest

from lagsym.evolution.frames import Turns
from lagsym.evolution.splitting import STAGES, take_turns

TIMES = np.linspace(0.0, 4.0, 9)


def force(q):
    """Of the chain with the potential q1^4/4 + (q2 - q1)^2/2 - cos q2."""
    pull = q[1] - q[0]
    return np.stack([pull - q[0] ** 3, -pull - np.sin(q[1])])


def energy(t, state):
    q, p = state
    total = (p**2).sum(axis=0) / 2 + q[0] ** 4 / 4 + (q[1] - q[0]) ** 2 / 2 - np.cos(q[1])
    return total, np.abs(total)


def kick(t, state):
    return np.stack([np.zeros_like(state[0]), force(state[0])])


CHAIN = Turns(lambda state, time: np.stack([state[0] + time * state[1], state[1]]), kick)
START = np.array([[[0.8], [-0.3]], [[0.1], [0.9]]])


def follow(start, times=TIMES, tolerance=1e-11, most=10**6):
    return take_turns(CHAIN, start, times, tolerance=tolerance, energy=energy, most=most)


def test_the_stages_are_of_order_eight():
    assert sum(STAGES) == pytest.approx(1, abs=1e-15)
    assert STAGES[::-1] == STAGES
    for power in (3, 5, 7):
        assert sum(share**power for share in STAGES) == pytest.approx(0, abs=1e-15)


def test_the_flow_keeps_the_symplectic_form():
    shift = 1e-5
    columns = []
    for i in range(4):
        e = shift * np.eye(4)[i].reshape(2, 2, 1)
        columns.append((follow(START + e)[-1] - follow(START - e)[-1]).ravel() / (2 * shift))
    J, form = np.array(columns).T, np.kron([[0, 1], [-1, 0]], np.eye(2))
    assert np.abs(J - np.eye(4)).max() > 1
    np.testing.assert_allclose(J.T @ form @ J, form, atol=1e-8)


def test_the_energy_does_not_drift_and_the_way_back_is_the_same():
    states = follow(START, np.linspace(0.0, 400.0, 801), tolerance=1e-10)
    energies = np.array([energy(0.0, state)[0][0] for state in states])
    changes = np.abs(energies - energies[0])
    assert changes.max() < 1e-9
    assert changes[400:].max() < 3 * changes[:400].max() + 1e-13
    there = follow(START)[-1]
    back = follow(there * np.array([1, -1]).reshape(2, 1, 1))[-1] * np.array([1, -1]).reshape(2, 1, 1)
    np.testing.assert_allclose(back, START, atol=1e-10)


def test_uneven_times_are_reached():
    times = np.array([0.0, 0.3, 1.7, 4.0])
    np.testing.assert_allclose(follow(START, times)[-1], follow(START)[-1], atol=1e-10)


def test_what_runs_away_or_takes_too_many_kicks_is_left_to_others():
    assert follow(START, most=100) is None
    runaway = Turns(CHAIN.drift, lambda t, state: np.stack([0 * state[0], state[0] ** 5]))
    assert take_turns(runaway, 5 * START, TIMES, tolerance=1e-11, energy=energy, most=10**5) is None
