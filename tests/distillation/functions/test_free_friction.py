"""Friction of kinds that no list holds: its table by the balance of energy, and its formula by an engine."""

import numpy as np
import pytest
import sympy as sp

from lagsym.data.derivatives import differentiate
from lagsym.distillation.constants.settling import settle
from lagsym.distillation.engines.operon import OperonEngine
from lagsym.distillation.fitting.refinement import noise_of
from lagsym.distillation.functions.free_friction import SPEED, _tables, find_free_friction, propose_friction
from lagsym.distillation.selection.candidates import Candidate
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System
from lagsym.simulation import simulate

SPACE = JetSpace(("x",))
(X,), (V,) = SPACE.positions, SPACE.velocities
LAW = V**2 / 2 - X**2 / 2 - X**4 / 10
TERMS = Candidate((V**2 / 2, X**2, X**4), np.array([1.0, -0.5, -0.1]), 3.0, 0.0, "data")
QUICK = OperonEngine(symbol_sets={"polynomial": (), "root": ("Sqrt", "Div")})


def motion(dissipation, noise=1e-3):
    ranges = {"x": (-2.0, 2.0), "x_dot": (-1.0, 1.0)}
    system = System("drag", SPACE, LAW, dissipation=dissipation, ranges=ranges, span=20.0, step=0.02)
    measured = simulate(system, noise=noise, seed=0, trajectories=10).positions_only()
    return measured, differentiate(measured)


@pytest.mark.parametrize(
    "drag", [0.08 * SPEED**2.5, 0.2 * sp.sqrt(1 + SPEED**2) - 0.2, 0.1 * sp.log(sp.cosh(2 * SPEED))]
)
def test_the_loss_of_energy_tabulates_any_friction(drag):
    _, smooth = motion(drag.xreplace({SPEED: sp.Abs(V)}))
    ((velocity, (part, squared)),) = _tables(LAW, smooth, 0)
    assert velocity == V
    expected = sp.lambdify(SPEED, drag)(part.table.X[:, 0])
    np.testing.assert_allclose(part.table.y, expected, atol=5e-3 * expected.max())
    np.testing.assert_allclose(squared.table.X, part.table.X**2)


def test_friction_that_grows_like_a_root_is_found_with_its_constants():
    measured, smooth = motion(0.2 * sp.sqrt(1 + 1.5 * V**2))
    settled = settle(TERMS, measured, smooth)
    assert settled.friction
    assert settled.refined is not None
    assert np.any(settled.refined.residual > 1.5 * noise_of(measured))
    found, messages = find_free_friction(settled, measured, smooth, QUICK)
    assert messages == ()
    assert found.refined is not None
    assert np.all(found.refined.residual < 1.1 * noise_of(measured))
    assert "likelihood_ratio" in settled.test
    assert not {"likelihood_ratio", "rival", "rival_excess"} & set(found.test)
    assert found.test["kind"] == "of another kind, found by symbolic regression"
    numbers = dict(zip(found.constants, found.values, strict=True))
    speeds = np.linspace(0, 2, 9)
    lost = sp.lambdify(V, found.dissipation.xreplace(numbers))(speeds)
    np.testing.assert_allclose(lost, 0.2 * np.sqrt(1 + 1.5 * speeds**2) - 0.2, atol=1e-3)
    assert len(found.refined.standard_errors) == len(found.constants)
    assert set(found.witnesses) == {term for _, term in found.friction}


def test_a_power_of_the_speed_is_proposed_with_its_exponent():
    _, smooth = motion(0.08 * sp.Abs(V) ** sp.Rational(27, 10))
    proposed, _ = propose_friction(QUICK, LAW, smooth)
    (power,) = (each for each in proposed if len(each.terms) == 1 and each.terms[0].is_Pow)
    assert float(power.terms[0].exp) == pytest.approx(2.7, abs=0.05)
    assert power.coefficients[0] == pytest.approx(0.08, rel=0.05)


@pytest.mark.parametrize("drag", [sp.S.Zero, 0.05 * V**2])
def test_known_kinds_of_friction_that_leave_noise_are_left_alone(drag):
    measured, smooth = motion(drag)
    settled = settle(TERMS, measured, smooth, friction={V**2 / 2: 0.1} if drag else None)
    assert bool(settled.friction) == (drag != 0)
    assert find_free_friction(settled, measured, smooth, QUICK)[0] is settled
