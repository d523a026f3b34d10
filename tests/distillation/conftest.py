"""Stand-ins for trained networks."""

import numpy as np
import pytest
import sympy as sp

from lagsym.mechanics.jetspace import JetSpace
from lagsym.neural.models.records import Reading


class ExactNetwork:
    """Says what a formula says: every part by its definition, L = T - V + A v, and friction beside it."""

    def __init__(self, lagrangian, names, dissipation=sp.S.Zero):
        self.space = JetSpace(names)
        positions, velocities = self.space.positions, self.space.velocities
        momenta = [sp.diff(lagrangian, v) for v in velocities]
        still = [(v, 0) for v in velocities]
        along = [p.subs(still) for p in momenta]
        self.parts = {
            "mass": [[sp.diff(p, v) for v in velocities] for p in momenta],
            "force": [
                sp.diff(lagrangian, q) - sum(sp.diff(p, x) * v for x, v in zip(positions, velocities, strict=True))
                for q, p in zip(positions, momenta, strict=True)
            ],
            "potential": [-lagrangian.subs(still)],
            "gyroscopic": [[sp.diff(b, x) - sp.diff(a, y) for y, b in zip(positions, along, strict=True)]
                           for x, a in zip(positions, along, strict=True)],
            "friction": [-sp.diff(dissipation, v) for v in velocities],
        }  # fmt: skip

    def value(self, name, q, v):
        found = np.array(self.parts[name], dtype=object)
        numeric = sp.lambdify((*self.space.positions, *self.space.velocities), list(found.ravel()), "numpy")
        columns = [np.broadcast_to(np.asarray(x, float), len(q)) for x in numeric(*q.T, *v.T)]
        return np.stack(columns, axis=1).reshape(len(q), *found.shape)

    def read(self, jets):
        q, v = jets.q, jets.v
        mass, force = self.value("mass", q, v), self.value("force", q, v)
        friction = self.value("friction", q, v)
        acceleration = np.linalg.solve(mass, (force + friction)[..., None])[..., 0]
        return Reading(
            mass,
            force,
            acceleration,
            self.value("potential", q, v)[:, 0],
            self.value("mass", q, 0 * v),
            self.value("gyroscopic", q, v),
            friction,
            0 * force,
        )


@pytest.fixture(scope="session")
def exact_network():
    """Makes a network that knows a Lagrangian exactly."""
    return ExactNetwork
