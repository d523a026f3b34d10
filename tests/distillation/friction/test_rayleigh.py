import numpy as np
import pytest
import sympy as sp

from lagsym.data.trajectories import Segment, Trajectories
from lagsym.distillation.friction.rayleigh import KINDS, rayleigh_terms
from lagsym.mechanics.jetspace import JetSpace

NAMES = ("x", "y", "phi")
X, Y, PHI = JetSpace(NAMES).velocities


def motion(scale: float = 1.0) -> Trajectories:
    t = np.linspace(0, 10, 400)
    q = np.stack([np.sin(t), np.cos(1.3 * t), 2 * np.sin(0.7 * t)], axis=1)
    v = np.stack([np.cos(t), -1.3 * np.sin(1.3 * t), 1.4 * np.cos(0.7 * t)], axis=1)
    return Trajectories(NAMES, (Segment(t, scale * q, scale * v),), angles=frozenset({"phi"}))


def of_kind(kind: str) -> list[sp.Expr]:
    return [term.expression for term in rayleigh_terms(motion()) if term.kind == kind]


@pytest.mark.parametrize("term", rayleigh_terms(motion()), ids=lambda term: str(term.expression))
def test_friction_is_nothing_at_rest_even_and_feeds_nothing_in(term):
    symbols = (X, Y, PHI)
    assert term.expression.xreplace(dict.fromkeys(symbols, sp.S.Zero)) == 0
    power = sp.lambdify(symbols, sp.Add(*(v * sp.diff(term.expression, v) for v in symbols)))
    value = sp.lambdify(symbols, term.expression)
    for velocity in np.random.default_rng(0).normal(size=(50, 3)):
        assert value(*velocity) == pytest.approx(value(*-velocity))
        assert power(*velocity) > 0


def test_what_is_compared_are_comparable_coordinates():
    assert (X - Y) ** 2 / 2 in of_kind("viscous")
    assert not any(term.has(PHI) and (term.has(X) or term.has(Y)) for kind in KINDS for term in of_kind(kind))


@pytest.mark.parametrize("kind", ["Coulomb", "quadratic"])
def test_resistance_to_a_point_does_not_know_the_axes(kind):
    turned = {X: 0.8 * X - 0.6 * Y, Y: 0.6 * X + 0.8 * Y}
    at = {X: 0.3, Y: -0.7, PHI: 0.2}
    same = [
        term
        for term in of_kind(kind)
        if term.has(X) and term.has(Y) and float(term.xreplace(turned).subs(at)) == pytest.approx(float(term.subs(at)))
    ]
    assert len(same) == 1


def test_coulomb_friction_is_a_sign_but_for_slow_motion():
    term = next(term for term in of_kind("Coulomb") if term.free_symbols == {X})
    force = sp.lambdify(X, sp.diff(term, X))
    assert force(1.0) == pytest.approx(1, abs=1e-3)
    assert force(-0.2) == pytest.approx(-1, abs=1e-2)
    assert force(0.0) == 0


def test_the_smoothing_follows_the_units():
    scale = {X: 1000 * X, Y: 1000 * Y, PHI: 1000 * PHI}
    for one, other in zip(rayleigh_terms(motion()), rayleigh_terms(motion(1000.0)), strict=True):
        power = {"viscous": 2, "Coulomb": 1, "quadratic": 3}[one.kind]
        assert sp.simplify(other.expression.xreplace(scale) - 1000**power * one.expression) == 0


def test_a_coordinate_at_rest_has_no_friction():
    t = np.linspace(0, 1, 20)
    moved = Trajectories(("x", "y"), (Segment(t, np.stack([t, 0 * t], 1), np.stack([1 + 0 * t, 0 * t], 1)),))
    assert not any(str(symbol) == "y_dot" for term in rayleigh_terms(moved) for symbol in term.expression.free_symbols)
