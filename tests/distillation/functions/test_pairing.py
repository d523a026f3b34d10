"""Pairing: formulas of two parts are put together by what the motion says of each."""

import numpy as np
import pytest
import sympy as sp

from lagsym.data.derivatives import differentiate
from lagsym.distillation.fitting.inner import numbers
from lagsym.distillation.fitting.projection import Grounds
from lagsym.distillation.functions.pairing import free_terms, paired
from lagsym.distillation.functions.shapes import fit_shapes
from lagsym.distillation.functions.sums import fit_roughly
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System
from lagsym.simulation import simulate

SPACE = JetSpace(("x",))
(X,), (V,) = SPACE.positions, SPACE.velocities
BELOW = 1 + sp.Rational(2, 5) * X**2
GUESS = 1 + sp.Float(0.6) * X**2


@pytest.fixture(scope="module")
def motion():
    starts = np.linspace(0.4, 1.8, 6)[:, None], np.zeros((6, 1))
    system = System("test", SPACE, (V**2 / 2 - X**2) / BELOW)
    smooth = differentiate(simulate(system, initial=starts, span=12.0, step=0.02).positions_only())
    shapes = next(each for each in fit_shapes(smooth) if not each.moving)
    return shapes, Grounds.of(smooth)


def test_the_right_pair_is_among_the_best(motion):
    shapes, grounds = motion
    potentials = [(-(X**2),), (-(X**2), -(X**4)), (-1 / GUESS,)]
    masses = [(V**2 / 2, X**2 * V**2 / 2), (V**2 * sp.exp(-sp.Float(0.3) * X**2) / 2,), (V**2 / 2 / GUESS,)]
    sums = paired([potentials, masses], shapes, SPACE, grounds)
    best = min(sums, key=lambda found: found.loss)
    assert len(best.terms) == 2
    assert [float(number) for number in numbers(best.terms)] == pytest.approx(
        [0.4] * len(numbers(best.terms)), rel=1e-3
    )
    # Beside any mass another potential than the right one leaves far more.
    assert all(found.terms[0].as_numer_denom()[1].is_Add for found in sums)
    assert paired([potentials], shapes, SPACE, grounds) == ()


def test_free_functions_are_as_good_as_the_formula(motion):
    shapes, grounds = motion
    potential, mass = (free_terms(part, shapes.degree) for part in shapes.parts)
    assert len(mass) == len(potential) + 1
    assert not any(term.has(sp.Float) for term in (*potential, *mass))
    found = fit_roughly((-1 / GUESS, *mass), SPACE, grounds)
    assert found is not None
    assert found.loss < 1e-7
    wrong = fit_roughly((-(X**2), *mass), SPACE, grounds)
    assert wrong is not None
    assert wrong.loss > 100 * found.loss
