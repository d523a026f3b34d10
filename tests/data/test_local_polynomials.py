import numpy as np
import pytest

from lagsym.data.local_polynomials import choose_window, local_polynomial, noise_level


@pytest.mark.parametrize("even", [True, False])
def test_a_quintic_is_reproduced_with_its_derivatives_on_any_sampling(even):
    t = np.linspace(0, 2, 60) if even else np.sort(np.random.default_rng(0).uniform(0, 2, 60))
    polynomial = np.polynomial.Polynomial([1.0, -2.0, 0.5, 3.0, -1.0, 0.7])
    fit = local_polynomial(t, polynomial(t), 13, t)
    np.testing.assert_allclose(fit.value, polynomial(t), atol=1e-9)
    np.testing.assert_allclose(fit.first, polynomial.deriv()(t), atol=1e-7)
    np.testing.assert_allclose(fit.second, polynomial.deriv(2)(t), atol=1e-5)


def test_noise_widens_the_window_and_clean_data_keep_the_shortest():
    t = np.arange(0, 20, 0.02)
    clean = np.sin(t)
    noisy = clean + 0.01 * np.random.default_rng(0).standard_normal(len(t))
    assert choose_window(t, noisy) > choose_window(t, np.sin(40 * t))
    assert choose_window(t, np.sin(40 * t)) == 7


@pytest.mark.parametrize("samples", [101, 201])
def test_chance_shortens_no_window_of_a_short_record(samples):
    """Noise alone asks for the longest window; in so few samples its level is uncertain to a tenth."""
    t = np.linspace(0, 1, samples)
    generator = np.random.default_rng(0)
    windows = np.array([choose_window(t, generator.normal(size=samples)) for _ in range(200)])
    assert np.mean(windows < windows.max() / 2) < 0.02


def steady(generator, times=20, samples=1001, level=0.01):
    """Swinging curves of several lengths of time, with noise."""
    t = np.linspace(0, 20, samples)
    return [(t, np.sin(t + k)[:, None] + level * generator.standard_normal((samples, 1))) for k in range(times)]


@pytest.mark.parametrize("level", [1e-4, 1e-2])
def test_noise_level_is_right_to_half_a_per_cent(level):
    errors = [noise_level(steady(np.random.default_rng(seed), level=level))[0] / level - 1 for seed in range(20)]
    # A sample's own standard deviation has an error of 1 / sqrt(2 N), here 0.5 per cent.
    assert np.sqrt(np.mean(np.square(errors))) < 0.008
    assert abs(np.mean(errors)) < 0.004


def test_noise_level_of_fast_motion_is_that_of_the_shortest_window():
    """Three samples to a radian: what windows of nine samples leave is motion."""
    generator = np.random.default_rng(3)
    curves = [(t, np.sin(16 * t)[:, None] + q) for t, q in steady(generator)]
    assert noise_level(curves)[0] == pytest.approx(0.01, rel=0.05)


def test_noise_level_hardly_sees_a_few_sudden_turns():
    curves = [(t, np.abs(np.sin(t))[:, None] + q) for t, q in steady(np.random.default_rng(4))]
    assert noise_level(curves)[0] == pytest.approx(0.01, rel=0.03)


def test_noise_level_of_exact_motion_is_next_to_nothing():
    assert noise_level(steady(np.random.default_rng(5), level=0.0))[0] < 1e-9


@pytest.mark.parametrize("samples", [7, 12, 400])
@pytest.mark.parametrize("spacing", ["even", "random", "growing"])
def test_noise_level_of_uneven_and_of_the_shortest_stretches(samples, spacing):
    generator = np.random.default_rng(6)

    def times():
        if spacing == "even":
            return np.linspace(0, 1, samples)
        steps = generator.exponential(size=samples) if spacing == "random" else 1.02 ** np.arange(samples)
        return np.cumsum(steps) / steps.sum()

    stretches = [times() for _ in range(4000 // samples)]
    curves = [(t, t[:, None] ** 2 + 0.1 * generator.standard_normal((samples, 1))) for t in stretches]
    assert noise_level(curves)[0] == pytest.approx(0.1, rel=0.05)


def test_noise_level_of_what_comes_to_rest_is_not_nothing():
    """A sensor shows steps of 0.01: most samples are the same, the others jump."""
    t = np.linspace(0, 20, 1000)
    settling = np.round(np.exp(-t) * np.cos(3 * t), 2)[:, None]
    assert 1e-4 < noise_level([(t, settling)])[0] < 1e-2
