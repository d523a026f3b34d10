import numpy as np
import pytest

from lagsym.data.grid_derivatives import Stencil, choose_stencils, differentiate, noise_level
from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.errors import InputError

T = np.linspace(0, 2, 61)
RING, STRETCH = np.arange(48) * 2 * np.pi / 48, np.linspace(0, 3, 61)


def wave(t, x, order=0, over_time=0):
    """Derivatives of sin(2 x - 3 t): `order` along x and `over_time` over t."""
    return 2**order * (-3) ** over_time * np.sin(2 * x - 3 * t + (order + over_time) * np.pi / 2)


def make(x, *, periodic, noise=0.0, rates=False, angles=frozenset(), u=None):
    places = T[:, None], x
    u = wave(*places)[..., None] if u is None else u
    u = u + noise * np.random.default_rng(0).standard_normal(u.shape)
    u_t = wave(*places, over_time=1)[..., None] if rates else None
    return Lattice(("u",), ("t", "x"), (FieldRecord(T, (x,), u, u_t),), (periodic,), frozenset(angles))


@pytest.mark.parametrize("rates", [False, True])
@pytest.mark.parametrize(("x", "periodic"), [(RING, True), (STRETCH, False)])
def test_clean_jets_are_exact(x, periodic, rates):
    jets = differentiate(make(x, periodic=periodic, rates=rates)).jets()
    t, x = jets.x.T
    np.testing.assert_allclose(jets.u[:, 0], wave(t, x), atol=1e-12)
    for mu in range(2):
        np.testing.assert_allclose(jets.du[:, mu, 0], wave(t, x, mu, 1 - mu), atol=1e-7)
        for nu in range(2):
            exact = wave(t, x, mu + nu, 2 - mu - nu)
            np.testing.assert_allclose(jets.ddu[:, mu, nu, 0], exact, atol=2e-6)


def test_fourth_derivatives():
    data = make(RING, periodic=True)
    found = differentiate(data).derivative(data.records[0], (1, 1, 1, 1))[..., 0]
    np.testing.assert_allclose(found, wave(T[:, None], RING, 4), atol=1e-8)
    with pytest.raises(InputError, match="at most 4"):
        differentiate(data).derivative(data.records[0], (1,) * 5)
    with pytest.raises(InputError, match="out of 0 to 1"):
        differentiate(data).derivative(data.records[0], (2,))


def test_planes():
    x, y, t = RING[::3] + 0.0, np.linspace(0, 1, 25), np.linspace(0, 1, 31)
    u = (np.cos(x)[:, None] * np.exp(y) * np.sin(t)[:, None, None])[..., None]
    data = Lattice(("u",), ("t", "x", "y"), (FieldRecord(t, (x, y), u),), (True, False))
    jets = differentiate(data).jets()
    t, x, y = jets.x.T
    np.testing.assert_allclose(jets.ddu[:, 1, 2, 0], -np.sin(x) * np.exp(y) * np.sin(t), atol=1e-7)
    np.testing.assert_allclose(jets.ddu[:, 0, 2, 0], np.cos(x) * np.exp(y) * np.cos(t), atol=1e-7)
    np.testing.assert_allclose(jets.du[:, 2, 0], np.cos(x) * np.exp(y) * np.sin(t), atol=1e-9)


def test_samples_are_points_of_the_whole():
    derivatives = differentiate(make(RING, periodic=True))
    whole, some = derivatives.jets(), derivatives.jets(samples=50, seed=3)
    assert len(some) == 50
    rows = {tuple(x): k for k, x in enumerate(whole.x)}
    place = [rows[tuple(x)] for x in some.x]
    np.testing.assert_array_equal(whole.ddu[place], some.ddu)
    assert len(set(place)) == 50
    assert not np.array_equal(derivatives.jets(samples=50, seed=4).x, some.x)
    assert len(derivatives.jets(samples=10**9)) == len(whole)


def test_noise_is_found_and_smoothed():
    clean, noisy = make(RING, periodic=True), make(RING, periodic=True, noise=0.02)
    assert noise_level(noisy)[0] == pytest.approx(0.02, rel=0.1)
    assert noise_level(clean)[0] < 1e-8
    assert [stencil.smooths for stencil in choose_stencils(clean)] == [False, False]
    assert [stencil.smooths for stencil in choose_stencils(noisy)] == [True, True]
    jets = differentiate(noisy).jets()
    t, x = jets.x.T
    assert np.sqrt(np.mean((jets.u[:, 0] - wave(t, x)) ** 2)) < 0.01
    assert np.sqrt(np.mean((jets.du[:, 1, 0] - wave(t, x, 1)) ** 2)) < 0.1
    given = differentiate(noisy, [Stencil(21), Stencil(11, periodic=True)])
    assert given.jets().x[:, 0].min() == pytest.approx(T[10])


def test_an_angle_may_wind_around_the_ring():
    u = (3 * RING + 0.2 * np.sin(RING - T[:, None]))[..., None]
    jets = differentiate(make(RING, periodic=True, angles={"u"}, u=u)).jets()
    t, x = jets.x.T
    np.testing.assert_allclose(jets.u[:, 0], 3 * x + 0.2 * np.sin(x - t), atol=1e-10)
    np.testing.assert_allclose(jets.du[:, 1, 0], 3 + 0.2 * np.cos(x - t), atol=1e-10)
    np.testing.assert_allclose(jets.ddu[:, 1, 1, 0], -0.2 * np.sin(x - t), atol=1e-9)


def test_records_that_are_too_short():
    data = make(RING, periodic=True)
    with pytest.raises(InputError, match="longer than"):
        differentiate(data, [Stencil(63), Stencil(None, periodic=True)]).jets()
