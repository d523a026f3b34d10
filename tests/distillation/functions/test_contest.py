"""Contests: the fit of the motion finds the right sum among such as the weak form cannot tell from it."""

import numpy as np
import pytest
import sympy as sp

from lagsym.data.derivatives import differentiate
from lagsym.distillation.fitting.inner import FittedTerms
from lagsym.distillation.fitting.projection import Grounds
from lagsym.distillation.functions.contest import candidate_of, contest, layered
from lagsym.distillation.functions.sums import fit_sum
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System
from lagsym.simulation import simulate

SPACE = JetSpace(("r",))
(R,), (V,) = SPACE.positions, SPACE.velocities
MORSE = 2 * (1 - sp.exp(-sp.Rational(9, 10) * (R - sp.Rational(3, 2)))) ** 2
RIGHT = (V**2 / 2, sp.exp(-sp.Float(0.8) * R), sp.exp(-sp.Float(1.7) * R))
MIMIC = (V**2 / 2, R, 1 / R, R**2)
OTHERS = (V**2 / 2, R, R**-2, R**2), (V**2 / 2, R, R**-3, R**3)


@pytest.fixture(scope="module")
def motion():
    starts = np.array([[1.1], [1.6], [2.0]]), np.array([[0.0], [0.5], [-0.4]])
    data = simulate(System("test", SPACE, V**2 / 2 - MORSE), initial=starts, span=20.0, step=0.02, noise=0.003)
    data = data.positions_only()
    smooth = differentiate(data)
    return data, smooth, Grounds.of(smooth)


def result_of(motion, *sums):
    data, smooth, grounds = motion
    fitted = [fit_sum(terms, SPACE, grounds) for terms in sums]
    return contest([[found for found in fitted if found is not None]], SPACE, grounds, data, smooth)


def test_the_right_sum_wins_and_leaves_noise(motion):
    found = result_of(motion, MIMIC, *OTHERS, RIGHT)
    assert found is not None
    assert found.settled
    assert found.best.terms[0] == V**2 / 2
    assert sorted(abs(float(number)) for number in found.best.inner) == pytest.approx([0.9, 1.8], rel=3e-3)
    depth = 2 * np.exp(0.9 * 1.5)
    coefficients = {abs(t.args[0].coeff(R)): c for t, c in zip(found.best.terms, found.best.coefficients, strict=True)}
    assert coefficients[max(coefficients)] == pytest.approx(-depth * np.exp(0.9 * 1.5), rel=0.05)


def test_a_mimicry_leaves_more_than_noise(motion):
    found = result_of(motion, MIMIC)
    assert found is not None
    assert not found.settled


def test_a_term_that_the_motion_does_not_need_is_left_out(motion):
    _, smooth, grounds = motion
    right = fit_sum(RIGHT, SPACE, grounds)
    assert right is not None
    longer = FittedTerms((*right.terms, R**3), right.loss)
    found = contest([[longer]], SPACE, grounds, motion[0], smooth)
    assert found is not None
    assert len(found.best.terms) == 3
    assert R**3 not in found.best.terms


def test_nothing_comes_of_nothing(motion):
    assert result_of(motion) is None
    _, _, grounds = motion
    assert candidate_of(FittedTerms((R, R**2), 1.0), SPACE, grounds) is None


def test_the_simple_and_the_good_come_first():
    losses = {
        (R,): 2.0,
        (R, R**2): 1.4,
        (R**2, R**3): 1.5,
        (R, R**2, sp.exp(R)): 1.0,
        (R, R**3, R**4): 1.39,
        # Less, but by less than noise makes of it.
        (R, R**2, sp.exp(R), R**4): 0.99,
        (R**4,): 50.0,
    }
    sums = [FittedTerms(terms, loss) for terms, loss in losses.items()]
    chosen = layered(sums, 7)
    assert [found.loss for found in chosen] == [2.0, 1.4, 1.0, 1.5, 1.39, 0.99]
    assert layered(sums, 2) == chosen[:2]


def test_of_sums_that_noise_tells_apart_those_of_few_constants_come_first():
    """Seen at 1 % of noise: longer sums by the dozen had a hundredth less, and the right one never entered."""
    right = FittedTerms((sp.exp(-0.5 * R) / R,), 1.01)
    longer = [FittedTerms((1 / R, *(R**k for k in range(1, n))), 1.0 - n / 1000) for n in range(2, 12)]
    assert right in layered([*longer, right], 2)


def test_nothing_is_no_layer():
    assert layered([], 3) == []
