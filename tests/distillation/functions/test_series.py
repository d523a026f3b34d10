"""Series of free functions: their derivatives against SymPy's of the same Lagrangian."""

import numpy as np
import pytest
import sympy as sp

from lagsym.data.jets import Jets
from lagsym.distillation.functions.series import Series, Shape
from lagsym.distillation.reading.screening import Dependence
from lagsym.mechanics.dynamics.numeric import compile_mechanics
from lagsym.mechanics.jetspace import JetSpace

ONE, TWO = JetSpace(("x",)), JetSpace(("x", "y"))
X, Y = TWO.positions
V, W = TWO.velocities
RADIUS = sp.sqrt(X**2 + Y**2)


@pytest.mark.parametrize(
    ("space", "shape", "lagrangian"),
    [
        (TWO, Shape("V", Dependence(turned=((0, 1),))), lambda f: f(RADIUS)),
        (TWO, Shape("V", Dependence(shifted=((0, 1),))), lambda f: f(X - Y)),
        (TWO, Shape("V", Dependence(single=(1,))), lambda f: f(Y)),
        (TWO, Shape("T", Dependence()), lambda f: f(V**2 + W**2)),
        (ONE, Shape("T", Dependence()), lambda f: f(V**2)),
        (ONE, Shape("M", Dependence(single=(0,))), lambda f: f(X) * V**2 / 2),
    ],
)
def test_slopes_and_masses_are_those_of_the_lagrangian(space, shape, lagrangian):
    n = len(space.fields)
    q, v = np.random.default_rng(0).uniform(0.4, 1.3, (2, 40, n))
    jets = Jets.of_particle(np.zeros(40), q, v)
    series = Series.over(shape, jets, 4)
    by_q, by_v = series.slopes(jets)
    for k, power in enumerate(series.powers):
        u = sp.Symbol("u")
        polynomial = sp.chebyshevt(power, (u - sp.Float(series.middle)) / sp.Float(series.half))
        whole = lagrangian(lambda x, polynomial=polynomial, u=u: polynomial.subs(u, x))
        mass, _ = compile_mechanics(whole, space).mass_and_force(0.0, q, v)
        symbols = (*space.positions, *space.velocities)
        for slopes, names in ((by_q, space.positions), (by_v, space.velocities)):
            for i, name in enumerate(names):
                expected = sp.lambdify(symbols, sp.diff(whole, name), "numpy")(*q.T, *v.T)
                assert slopes[k][:, i] == pytest.approx(np.broadcast_to(expected, 40), rel=1e-8, abs=1e-8)
        if shape.part != "V":
            along = np.einsum("ti,tij,tj->t", v, mass, v) / np.sum(v**2, axis=1)
            assert series.masses(jets)[-1][k] == pytest.approx(along, rel=1e-8, abs=1e-8)


def test_a_series_without_its_linear_term_begins_with_the_square():
    jets = Jets.of_particle(np.zeros(9), np.linspace(0, 1, 9)[:, None], np.ones((9, 1)))
    assert Series.over(Shape("V", Dependence(single=(0,)), linear=False), jets, 4).powers == [2, 3, 4]
    assert Series.over(Shape("M", Dependence(single=(0,))), jets, 2).powers == [0, 1, 2]
