"""Every Rayleigh function survives all that is done with a law: files, text, code, equations, LaTeX, comparison."""

import numpy as np
import pytest
import sympy as sp
import torch

from lagsym import systems
from lagsym.data.derivatives import differentiate
from lagsym.distillation.friction.rayleigh import rayleigh_terms
from lagsym.law import Constant, Law
from lagsym.law.file import from_json, to_json
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System, parameter_symbol
from lagsym.simulation import simulate
from lagsym.validation import validate
from lagsym.verification import verify_law

SPACE = JetSpace(("x", "y"))
(X, Y), (VX, VY) = SPACE.positions, SPACE.velocities
LAGRANGIAN = (VX**2 + VY**2) / 2 - 2 * X**2 - Y**2 - X**4 * Y**2 / 5
RATE = 0.2
START = (np.array([[1.0, -0.3]]), np.array([[0.2, 0.5]]))
FREE = System("bowl", SPACE, LAGRANGIAN)
TERMS = rayleigh_terms(differentiate(simulate(FREE, initial=START, span=5.0)))
every_term = pytest.mark.parametrize("term", TERMS, ids=lambda term: str(term.expression))


def law_with(term: sp.Expr, rate: float = RATE) -> Law:
    return Law(("x", "y"), LAGRANGIAN, (Constant("d1", rate, 1e-3),), dissipation=parameter_symbol("d1") * term)


def slope(term: sp.Expr, v: tuple[float, float]) -> np.ndarray:
    """dD/dv by central differences."""
    value = sp.lambdify((VX, VY), term, "math")
    step = 1e-6
    ahead = np.array([value(v[0] + step, v[1]), value(v[0], v[1] + step)])
    behind = np.array([value(v[0] - step, v[1]), value(v[0], v[1] - step)])
    return (ahead - behind) / (2 * step)


@every_term
def test_files_and_code_keep_the_function(term):
    law = from_json(to_json(law_with(term.expression)))
    assert sp.simplify(law.dissipation - law_with(term.expression).dissipation) == 0
    q, v = (0.4, -0.7), (0.3, -0.8)
    bare = sp.lambdify((X, Y), [sp.diff(LAGRANGIAN, q) for q in (X, Y)])(*q)
    expected = np.array(bare) - RATE * slope(term.expression, v)
    for language, array in (("numpy", np.array), ("torch", lambda x: torch.tensor(x, dtype=torch.float64))):
        module: dict = {}
        exec(law.code(language), module)
        got = module["acceleration"](0.0, array(q), array(v))
        assert np.asarray(got) == pytest.approx(expected, rel=1e-7)
    solved = [value.subs({X: q[0], Y: q[1], VX: v[0], VY: v[1]}) for value in law.numeric_accelerations.values()]
    assert [float(a) for a in solved] == pytest.approx(expected, rel=1e-7)


@every_term
def test_equations_and_latex_show_no_sign_times_square(term):
    law = law_with(term.expression)
    text = law._repr_latex_()
    assert "D &=" in text
    assert "Abs" not in text
    assert not any(value.has(sp.sign) for value in law.numeric_accelerations.values())
    for language in ("c", "julia"):
        assert "d1" in law.code(language)


@every_term
def test_the_comparison_knows_it(term):
    reference = System("damped", SPACE, LAGRANGIAN, dissipation=RATE * term.expression)
    assert verify_law(law_with(term.expression), reference).success
    assert not verify_law(law_with(term.expression, rate=0.3), reference).success


@pytest.mark.parametrize("kind", ["Coulomb", "quadratic"])
def test_validation_moves_with_it(kind):
    term = next(term.expression for term in TERMS if term.kind == kind)
    system = System("damped", SPACE, LAGRANGIAN, dissipation=RATE * term)
    data = simulate(system, initial=START, span=8.0, step=0.02)
    scores = validate(law_with(term), data).scores
    assert scores["rollout_error"] < 1e-4
    assert scores["energy_drift"] < 1e-3
    assert validate(law_with(term, rate=0.0), data).scores["rollout_error"] > 0.02


def test_a_jump_stays_a_jump():
    system = systems.get("pendulum")
    (omega,) = system.space.velocities
    law = Law(("theta",), omega**2 / 2, dissipation=sp.Abs(omega))
    (acceleration,) = law.numeric_accelerations.values()
    assert acceleration == -sp.sign(omega)
