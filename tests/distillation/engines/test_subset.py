import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lagsym.distillation.engines.subset import best_subsets, choose
from lagsym.errors import InputError

ROWS = 600


def angular(q):
    return [np.ones_like(q), np.cos(q), np.sin(q), np.cos(q) ** 2, np.sin(q) * np.cos(q)]


def double_pendulum(seed=0, rows=ROWS):
    """A library of 174 terms that holds the five of the double pendulum beside many that resemble them."""
    rng = np.random.default_rng(seed)
    q1, q2 = rng.uniform(-np.pi, np.pi, (2, rows))
    v1, v2 = rng.uniform(-4, 4, (2, rows))
    of_q = [a * b for a in angular(q1) for b in angular(q2)]
    of_q += [np.cos(q1 - q2), np.cos(q1 + q2), np.sin(q1 - q2), np.sin(q1 + q2)]
    A = np.stack([a * b for b in (np.ones(rows), v1, v2, v1**2, v1 * v2, v2**2) for a in of_q], axis=1)
    support = (1, 5, 29 * 3, 29 * 4 + 25, 29 * 5)
    return A, support, np.array([6.18, 21.6, 1.21, 0.693, 0.284])


def smooth_error(A, seed):
    """An error that is a smooth function, as a network's is, and not independent noise."""
    rng = np.random.default_rng(seed)
    error = sum(np.cos(A[:, [1, 5, 30, 59]] @ rng.standard_normal(4) + rng.uniform(0, 6)) for _ in range(12))
    return (error - error.mean()) / error.std()


@pytest.mark.parametrize("size", [0.0, 1e-3, 1e-2, 5e-2])
@pytest.mark.parametrize("kind", ["independent", "smooth"])
def test_the_double_pendulum_is_chosen_from_its_library(size, kind):
    A, support, coefficients = double_pendulum()
    y = A[:, support] @ coefficients
    noise = smooth_error(A, 1) if kind == "smooth" else np.random.default_rng(1).standard_normal(ROWS)
    subsets = best_subsets(A, y + size * y.std() * noise)
    chosen = choose(subsets)
    assert chosen is not None
    assert chosen.support == support
    assert np.allclose(chosen.coefficients, coefficients, rtol=max(3 * size, 1e-9))
    assert chosen.residual == pytest.approx(size**2, rel=0.6, abs=1e-20)


def test_without_one_of_its_terms_the_same_support_is_not_offered():
    A, support, coefficients = double_pendulum()
    y = A[:, support] @ coefficients
    subsets = best_subsets(np.delete(A, support[3], axis=1), y)
    assert subsets[5].residual > 1e-3


def test_henon_heiles_is_found_where_forward_selection_alone_fails():
    rng = np.random.default_rng(3)
    x, y = rng.uniform(-1, 1, (2, 500))
    exponents = [(i, j) for i in range(6) for j in range(6) if 0 < i + j < 6]
    A = np.stack([x**i * y**j for i, j in exponents], axis=1)
    target = x**2 / 2 + y**2 / 2 + x**2 * y - y**3 / 3
    chosen = choose(best_subsets(A, target + 1e-3 * rng.standard_normal(500)))
    assert chosen is not None
    assert {exponents[i] for i in chosen.support} == {(2, 0), (0, 2), (2, 1), (0, 3)}


def test_one_term_is_preferred_to_its_expansion_among_dependent_columns():
    rng = np.random.default_rng(0)
    q1, q2 = rng.uniform(-np.pi, np.pi, (2, 300))
    A = np.stack([np.cos(q1) * np.cos(q2), np.sin(q1) * np.sin(q2), np.cos(q1 - q2), np.zeros(300)], axis=1)
    subsets = best_subsets(A, 0.7 * A[:, 2])
    assert choose(subsets).support == (2,)
    assert max(subsets) == 2  # three dependent columns span two dimensions, and zero none
    assert all(3 not in subset.support for subset in subsets.values())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(-140, 140))
def test_units_of_the_columns_do_not_matter(seed, power):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((80, 12)) @ (np.eye(12) + 0.3 * rng.standard_normal((12, 12)))
    y = A[:, [2, 7]] @ np.array([1.0, -2.0]) + 0.1 * rng.standard_normal(80)
    scales = 10.0 ** rng.uniform(-abs(power), abs(power), 12)
    plain, scaled = best_subsets(A, y, largest=4), best_subsets(A * scales, y * 10.0 ** (power / 2), largest=4)
    for size, subset in plain.items():
        assert scaled[size].support == subset.support
        back = scaled[size].coefficients * scales[list(subset.support)] / 10.0 ** (power / 2)
        assert np.allclose(back, subset.coefficients)
        assert scaled[size].residual == pytest.approx(subset.residual, rel=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_single_columns_and_the_whole_library_are_the_best_there_is(seed):
    rng = np.random.default_rng(seed)
    A, y = rng.standard_normal((30, 7)), rng.standard_normal(30)
    subsets = best_subsets(A, y)
    for support in ([i] for i in range(7)):
        assert subsets[1].residual <= relative_residual(A, y, support) + 1e-12
    residuals = [subsets[size].residual for size in sorted(subsets)]
    assert residuals == sorted(residuals, reverse=True)
    assert subsets[7].residual == pytest.approx(relative_residual(A, y, list(range(7))))


def test_exchanges_find_the_best_triple_that_the_selectors_miss():
    rng = np.random.default_rng(10)
    A = rng.standard_normal((40, 14)) @ (np.eye(14) + 0.8 * rng.standard_normal((14, 14)))
    y = rng.standard_normal(40) + A[:, [1, 4, 9]] @ rng.standard_normal(3)
    best = min(relative_residual(A, y, list(support)) for support in itertools.combinations(range(14), 3))
    assert best_subsets(A, y, largest=6)[3].residual == pytest.approx(best, rel=1e-9)


def relative_residual(A, y, support):
    c = np.linalg.lstsq(A[:, support], y, rcond=None)[0]
    return np.sum((A[:, support] @ c - y) ** 2) / np.sum(y**2)


def test_choose_follows_the_ratio_rule():
    A, support, coefficients = double_pendulum()
    rng = np.random.default_rng(0)
    y = A[:, support] @ coefficients
    subsets = best_subsets(A, y + 0.01 * y.std() * rng.standard_normal(ROWS))
    assert choose(subsets, factor=1e6).support == subsets[3].support  # the first below the ceiling
    assert choose(subsets, factor=1e6, ceiling=10.0).support == subsets[1].support
    assert choose(subsets, ceiling=1e-9) is None
    assert choose({}) is None


def test_fewer_rows_than_columns_and_more_columns_than_are_eliminated():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((60, 400))
    y = 2 * A[:, 350] - A[:, 3]
    assert choose(best_subsets(A, y)).support == (3, 350)


@pytest.mark.parametrize(
    ("A", "y", "message"),
    [
        (np.ones((3, 1)), np.zeros(3), "zero everywhere"),
        (np.ones((3, 1)), np.ones(2), "target"),
        (np.ones(3), np.ones(3), "columns"),
        (np.array([[1.0], [np.nan], [2.0]]), np.ones(3), "finite"),
    ],
)
def test_what_cannot_be_fitted_is_refused(A, y, message):
    with pytest.raises(InputError, match=message):
        best_subsets(A, y)


def test_nothing_but_zeros_gives_nothing():
    assert best_subsets(np.zeros((4, 2)), np.ones(4)) == {}
