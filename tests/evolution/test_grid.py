import numpy as np
import pytest

from lagsym.evolution.grid import FEW_NODES, Grid, direction

RING = direction(np.arange(20) * 0.3, periodic=True)
STRETCH = direction(np.linspace(-1, 3, 20), periodic=False)


@pytest.mark.parametrize("line", [RING, STRETCH], ids=["ring", "stretch"])
def test_integration_by_parts_is_exact(line):
    boundary = np.zeros((len(line.nodes),) * 2)
    if not line.periodic:
        boundary[0, 0], boundary[-1, -1] = -1, 1
    weighted = line.weights[:, None] * line.derivative
    np.testing.assert_allclose(weighted + weighted.T, boundary, atol=1e-12)
    adjoint = line.differentiate(np.eye(len(line.nodes)), -2, adjoint=True)
    np.testing.assert_allclose(line.weights[:, None] * adjoint, weighted.T, atol=1e-12)


def test_polynomials_are_exact_between_ends():
    x = STRETCH.nodes
    np.testing.assert_allclose(STRETCH.derivative @ x**9, 9 * x**8, rtol=1e-8, atol=1e-8)
    assert STRETCH.weights @ x**20 == pytest.approx((3**21 + 1) / 21)
    sites = np.linspace(-1, 3, 20)
    np.testing.assert_allclose(STRETCH.to_sites @ x**11, sites**11, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(STRETCH.from_sites @ sites**7, x**7, rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("count", [20, 21])
def test_waves_are_exact_on_a_ring(count):
    x = 2 * np.pi * np.arange(count) / count
    ring = direction(x, periodic=True)
    for k in (0, 1, 5, 9):
        np.testing.assert_allclose(ring.derivative @ np.cos(k * x), -k * np.sin(k * x), atol=1e-11)
    basis = ring.basis
    np.testing.assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-12)
    np.testing.assert_allclose(basis @ basis.T @ np.sin(6 * x), np.sin(6 * x), atol=1e-12)
    np.testing.assert_allclose(basis @ basis.T @ np.cos(8 * x), 0, atol=1e-12)


@pytest.mark.parametrize("count", [FEW_NODES, FEW_NODES + 1, 2 * FEW_NODES])
def test_many_nodes_are_differentiated_as_few_are(count):
    ring = direction(np.arange(count) * 0.05, periodic=True)
    values = np.random.default_rng(0).standard_normal((3, count, 2))
    expected = np.einsum("ij,ajb->aib", ring.derivative, values)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(ring.differentiate(values, -2), expected, atol=1e-11 * scale)
    np.testing.assert_allclose(ring.differentiate(values, -2, adjoint=True), -expected, atol=1e-11 * scale)
    x = 2 * np.pi * ring.nodes / (count * 0.05)
    slope = -5 * 2 * np.pi / (count * 0.05) * np.sin(5 * x)
    np.testing.assert_allclose(ring.differentiate(np.cos(5 * x), -1), slope, atol=1e-10)


def test_directions_of_a_plane_keep_apart():
    grid = Grid((RING, STRETCH))
    x, y = grid.places
    k = 2 * np.pi / 6
    values = np.sin(k * x) * y**3
    np.testing.assert_allclose(grid.differentiate(values, (0, 1)), 3 * k * np.cos(k * x) * y**2, atol=1e-9)
    assert grid.integrate(np.cos(k * x) ** 2 * y) == pytest.approx(3.0 * 4.0)
    assert grid.free.sum() == 20 * 18
