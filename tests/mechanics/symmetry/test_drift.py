import numpy as np
import pytest
import sympy as sp

from lagsym import systems
from lagsym.errors import InputError
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.symmetry.noether import Symmetry, drift, symmetries
from lagsym.mechanics.system import System
from lagsym.simulation import simulate

PLANE = JetSpace(("x", "y"))
(x, y), (vx, vy), (t,) = PLANE.positions, PLANE.velocities, PLANE.base_symbols
m, g, k = sp.symbols("m g k", real=True)


def test_drift_along_simulated_motion():
    system = systems.get("kepler")
    segment = simulate(system, trajectories=1, span=10.0, step=0.05, seed=1).segments[0]
    motion = (system.space, segment.t, segment.q, segment.v, system.parameters)
    for symmetry in symmetries(system.lagrangian, system.space, points=system.ranges):
        assert drift(symmetry, *motion) < 1e-9
    r_dot = system.space.velocities[0]
    assert drift(r_dot, *motion) > 0.1


def test_drift_of_quantities_with_time_and_of_driven_motion():
    space = PLANE
    system = System(
        "thrown", space, m * (vx**2 + vy**2) / 2 - m * g * y - k * x * sp.sin(t), {"m": 1.3, "g": 9.8, "k": 2.0}
    )
    initial = (np.array([[0.0, 1.0]]), np.array([[1.0, 3.0]]))
    segment = simulate(system, initial=initial, span=2.0, step=0.01).segments[0]
    motion = (space, segment.t, segment.q, segment.v, system.parameters)
    found = symmetries(system.lagrangian, space)
    assert [s.name for s in found] == [
        "translation of x",
        "translation of y",
        "Galilean boost of x",
        "Galilean boost of y",
    ]
    assert all(drift(s, *motion) < 1e-9 for s in found)
    assert drift(m * (vx**2 + vy**2) / 2 + m * g * y, *motion) > 1e-3


def test_drift_is_relative_to_the_terms():
    times = np.linspace(0, 1, 11)
    q = np.stack([times, 1000 + times], axis=1)
    v = np.ones_like(q)
    assert drift(x, PLANE, times, q, v) == pytest.approx(1.0)
    assert drift(y, PLANE, times, q, v) == pytest.approx(1 / 1001)
    assert drift(y - x, PLANE, times, q, v) == pytest.approx(0.0, abs=1e-15)
    assert drift(2 * y - x - 1000, PLANE, times, q, v) == pytest.approx(1 / 3003)
    assert drift(sp.S.Zero, PLANE, times, q, v) == 0.0


def test_drift_says_what_is_missing():
    times, q = np.linspace(0, 1, 5), np.zeros((5, 2))
    with pytest.raises(InputError, match="no value for m"):
        drift(m * vx, PLANE, times, q, q)
    with pytest.raises(InputError, match=r"q and v \(N, 2\)"):
        drift(vx, PLANE, times, q[:, :1], q[:, :1])
    unknown = Symmetry("shift of x", (sp.S.Zero,), (sp.S.One, sp.S.Zero), None, PLANE)
    with pytest.raises(InputError, match="closed form"):
        drift(unknown, PLANE, times, q, q)
