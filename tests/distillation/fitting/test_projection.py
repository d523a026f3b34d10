"""Variable projection: forces set a scale as one more term, samples count by themselves, blocks have a law each."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

from lagsym.data.derivatives import differentiate
from lagsym.data.samples import Samples
from lagsym.data.trajectories import Segment, Trajectories
from lagsym.distillation.fitting.projection import Grounds, Projection, lowest
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import parameter_symbol

SPACE = JetSpace(("x",))
(X,), (V,) = SPACE.positions, SPACE.velocities
C = parameter_symbol("c")
TERMS = (V**2 / 2, sp.exp(-C * X), X)


def pushed():
    """x = sin t + sin(3 t)/4 + 1 under the force that makes it solve x'' = exp(-0.7 x) - 0.4 + Q."""
    t = np.arange(0, 25, 0.02)
    x = np.sin(t) + np.sin(3 * t) / 4 + 1
    force = -np.sin(t) - 9 / 4 * np.sin(3 * t) - np.exp(-0.7 * x) + 0.4
    return differentiate(Trajectories(("x",), (Segment(t, x[:, None], force=force[:, None]),)))


def test_a_sum_that_holds_a_term_twice_is_none():
    problem = Projection((*TERMS, TERMS[1]), (C,), SPACE, Grounds.of(pushed()))
    assert problem.fitted(np.array([2.66])) is None


def test_measured_forces_are_one_more_term():
    grounds = Grounds.of(pushed())
    problem = Projection(TERMS, (C,), SPACE, grounds)
    found = problem.fitted(np.array([0.5]))
    assert found is not None
    assert found == pytest.approx([0.7], rel=1e-4)
    assert problem.loss(found) < 1e-9
    without = replace(grounds, jets=replace(grounds.jets, force=None))
    assert Projection(TERMS, (C,), SPACE, without).loss(found) > 1e-3


def test_samples_count_one_by_one():
    q, v = np.random.default_rng(0).uniform(0.2, 1.5, (2, 80, 1))
    samples = Samples(("x",), q, v, 0.7 * np.exp(-0.7 * q) - 0.4)
    problem = Projection(TERMS, (C,), SPACE, Grounds.of(samples))
    assert problem.loss(np.array([0.7])) < 1e-24
    assert problem.loss(np.array([0.8])) > 1e-6
    found = problem.fitted(np.array([0.4]))
    assert found is not None
    assert found == pytest.approx([0.7], rel=1e-6)


def test_terms_that_are_not_real_are_refused():
    grounds = Grounds.of(pushed())
    assert Projection((V**2 / 2, sp.sqrt(C - X)), (C,), SPACE, grounds).fitted(np.array([0.5])) is None


def test_all_combinations_that_vanish_are_found():
    others = np.random.default_rng(1).normal(size=(3, 50))
    rows = np.array([[1.0], [2.0], [0.0]]) * others[:1]
    assert lowest(rows, others).shape == (3, 1)
    two = lowest(rows, others, factor=3.0, floor=1e-10)
    assert two.shape == (3, 2)
    assert np.abs(rows.T @ two).max() < 1e-5
    assert np.linalg.matrix_rank(two) == 2


def test_a_term_that_is_singular_near_the_data_does_not_make_everything_small():
    """1/(1 + c v²) with huge c is no law of a spring, whatever it is at single samples near rest."""
    t = np.arange(0, 25, 0.02)
    spring = differentiate(Trajectories(("x",), (Segment(t, np.sin(t)[:, None]),)))
    problem = Projection((1 / (1 + C * V**2), X**2), (C,), SPACE, Grounds.of(spring))
    assert problem.loss(np.array([1e5])) > 1e-2
    null = Projection((X**2 * V, V**2 / 2, X**2), (), SPACE, Grounds.of(spring))
    assert null.loss(np.zeros(0)) < 1e-9
    alone = Projection((X**2 * V, V**2 / 2, X**4), (), SPACE, Grounds.of(spring))
    assert alone.loss(np.zeros(0)) > 1e-3


def test_coefficients_and_what_each_term_is_worth():
    samples_q, samples_v = np.random.default_rng(0).uniform(0.2, 1.5, (2, 80, 1))
    samples = Samples(("x",), samples_q, samples_v, 0.7 * np.exp(-0.7 * samples_q) - 0.4)
    problem = Projection((X, V**2 / 2, X**3, sp.exp(-C * X)), (C,), SPACE, Grounds.of(samples))
    found = problem.coefficients(np.array([0.7]))
    assert found is not None
    assert found / found[1] == pytest.approx([-0.4, 1.0, 0.0, -1.0], abs=1e-7)
    without = problem.losses_without(np.array([0.7]))
    assert without[2] < 1e-20
    assert min(without[k] for k in (0, 1, 3)) > 1e-6
    one = Projection((V**2 / 2,), (), SPACE, Grounds.of(samples))
    assert np.isinf(one.losses_without(np.zeros(0))).all()
    refused = Projection((V**2 / 2, sp.sqrt(C - X)), (C,), SPACE, Grounds.of(samples))
    assert refused.coefficients(np.array([0.5])) is None
