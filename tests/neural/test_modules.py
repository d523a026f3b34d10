"""Modules of others: every way to call them, and what they say against what SymPy says."""

import numpy as np
import pytest
import sympy as sp
import torch
from torch import nn

from lagsym.data.jets import Jets
from lagsym.errors import InputError
from lagsym.mechanics.dynamics.canonical_parts import canonical_parts
from lagsym.mechanics.dynamics.forms import force_vector, mass_matrix
from lagsym.mechanics.jetspace import JetSpace
from lagsym.neural.modules import CHUNK, AccelerationModule, LagrangianModule, ask_module

SPACE = JetSpace(("a", "b"))


def value(q, v, library):
    """A Lagrangian with M(q, v), a gyroscopic part and a gauge term, in SymPy or torch."""
    (a, b), (u, w) = q, v
    kinetic = u**2 + w**2 / 2 + u * w * library.cos(a - b) + u**4 * b**2 / 10
    return kinetic + a * w + (u * b + w * a) + 3 * library.cos(a) - b**2


class Pair(nn.Module):
    """Called with q and v."""

    def forward(self, q, v):
        return value(q.T, v.T, torch)


class Joined(nn.Module):
    """Called with the state; returns a column."""

    def forward(self, state):
        return value(state[:, :2].T, state[:, 2:].T, torch)[:, None]


def states(n: int = 2, count: int = 40) -> Jets:
    q, v = np.random.default_rng(0).uniform(-1.2, 1.2, (2, count, n))
    return Jets.of_particle(np.zeros(count), q, v)


def numbers(expression: sp.Matrix, jets: Jets) -> np.ndarray:
    function = sp.lambdify([*SPACE.positions, *SPACE.velocities], list(expression))
    columns = [np.broadcast_to(x, len(jets)) for x in function(*jets.q.T, *jets.v.T)]
    return np.stack(columns, axis=1).reshape(len(jets), *[s for s in expression.shape if s > 1])


@pytest.mark.parametrize("module", [Pair(), Joined()], ids=["pair", "joined"])
def test_mass_force_and_parts_are_those_of_the_formula(module):
    jets = states()
    asked = ask_module(module, jets)
    assert isinstance(asked, LagrangianModule)
    lagrangian = value(SPACE.positions, SPACE.velocities, sp)
    mass, force = (numbers(part(lagrangian, SPACE), jets) for part in (mass_matrix, force_vector))
    parts = canonical_parts(lagrangian, SPACE)
    reading = asked.read(jets)
    np.testing.assert_allclose(reading.mass, mass, atol=1e-12)
    np.testing.assert_allclose(reading.force, force, atol=1e-12)
    np.testing.assert_allclose(reading.acceleration, np.linalg.solve(mass, force[..., None])[..., 0], atol=1e-10)
    np.testing.assert_allclose(asked.accelerations(jets), reading.acceleration, atol=1e-14)
    np.testing.assert_allclose(reading.potential, numbers(sp.Matrix([[parts.potential]]), jets).ravel(), atol=1e-12)
    np.testing.assert_allclose(reading.mass_at_rest, numbers(parts.mass_at_rest, jets), atol=1e-12)
    np.testing.assert_allclose(reading.gyroscopic, numbers(parts.gyroscopic, jets), atol=1e-12)


def test_gauge_changes_nothing_that_is_read():
    class Gauged(Pair):
        def forward(self, q, v):
            return super().forward(q, v) + 7 + (torch.cos(q[:, 0]) * v[:, 1] - q[:, 1] * torch.sin(q[:, 0]) * v[:, 0])

    jets = states()
    plain, gauged = (ask_module(module, jets).read(jets) for module in (Pair(), Gauged()))
    for name in ("mass", "force", "gyroscopic"):
        np.testing.assert_allclose(getattr(gauged, name), getattr(plain, name), atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_caller_s_module_stays_as_it_is(dtype):
    module = nn.Sequential(nn.Linear(4, 8), nn.Softplus(), nn.Dropout(0.5), nn.Linear(8, 1)).to(dtype).train()
    before = [parameter.clone() for parameter in module.parameters()]
    asked = ask_module(module, states())
    assert asked.dtype == torch.float64
    assert module.training
    np.testing.assert_array_equal(asked.accelerations(states()), asked.accelerations(states()))
    for parameter, old in zip(module.parameters(), before, strict=True):
        assert parameter.dtype == dtype
        assert parameter.requires_grad
        assert torch.equal(parameter, old)


def test_a_module_that_allows_single_precision_only_is_asked_in_it():
    class Single(Pair):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(2))

        def forward(self, q, v):
            return super().forward(q, v) + (q @ torch.ones(2, 1, dtype=torch.float32)).squeeze(-1)

    asked = ask_module(Single(), states())
    assert asked.dtype == torch.float32
    assert asked.read(states()).mass.dtype == np.float64


def test_accelerations_may_be_computed_by_differentiation_inside():
    class Inside(nn.Module):
        def forward(self, q, v):
            q = q.detach().requires_grad_()
            return torch.autograd.grad(-(q**4).sum() / 4, q)[0]

    jets = states()
    asked = ask_module(Inside(), jets)
    assert isinstance(asked, AccelerationModule)
    np.testing.assert_allclose(asked.accelerations(jets), -(jets.q**3), atol=1e-14)


def test_many_states_are_asked_in_pieces():
    jets = states(count=2 * CHUNK + 3)
    asked = ask_module(Pair(), jets)
    some = np.array([0, CHUNK, CHUNK + 1, 2 * CHUNK + 2])
    np.testing.assert_allclose(asked.accelerations(jets)[some], asked.accelerations(jets.take(some)), atol=1e-14)


@pytest.mark.parametrize(("kind", "expected"), [("lagrangian", LagrangianModule), ("acceleration", AccelerationModule)])
def test_with_one_coordinate_a_column_needs_its_kind(kind, expected):
    class Column(nn.Module):
        def forward(self, q, v):
            return v**2 / 2 - q**2

    with pytest.raises(InputError, match="say which"):
        ask_module(Column(), states(1))
    assert isinstance(ask_module(Column(), states(1), kind=kind), expected)


class Returns(nn.Module):
    """Returns what a function makes of q and v."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, q, v):
        return self.function(q, v)


@torch.no_grad()
def without_graph(q, v):
    return (q**2 + v**2).sum(-1)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda q, v: torch.cat([q, v], -1), r"expected the module to return shape \(7,\) or \(7, 1\).*got \(7, 4\)"),
        (lambda q, v: (q**2 + v**2).sum(), r"got \(\)"),
        (lambda q, v: (q, v), "returned tuple, not a tensor"),
        (lambda q, v: q @ torch.ones(5, 5), "cannot be called with q and v"),
        (without_graph, "no_grad"),
        (lambda q, v: (q * v).sum(-1).detach(), "cannot be differentiated"),
    ],
)
def test_what_cannot_be_used_is_said(function, words):
    with pytest.raises(InputError, match=words):
        ask_module(Returns(function), states())


def test_what_is_no_module_is_said():
    with pytest.raises(InputError, match=r"torch.nn.Module"):
        ask_module(lambda q, v: q, states())
    with pytest.raises(InputError, match="kind"):
        ask_module(Pair(), states(), kind="hamiltonian")
    with pytest.raises(InputError, match="as accelerations"):
        ask_module(Pair(), states(), kind="acceleration")
