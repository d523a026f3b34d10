"""Exact solutions of field equations as jets."""

import numpy as np
import pytest

from lagsym.data.jets import Jets


def plane_waves(samples, seed, speed=1.2, mass=1.0):
    """Random superpositions of four plane waves of u_tt = speed² u_xx − mass² u."""
    generator = np.random.default_rng(seed)
    x = generator.uniform(0, 10, (samples, 2))
    wave = generator.uniform(-2, 2, 4) * [1, 1, -1, -1]
    covector = np.stack([-np.sqrt(speed**2 * wave**2 + mass**2), wave])  # of (t, x)
    phase = x @ covector + generator.uniform(0, 7, 4)
    amplitude = generator.normal(size=(samples, 4))  # drawn for every sample: each is a point of another solution
    u = (amplitude * np.cos(phase)).sum(1)
    du = -np.einsum("sk,mk->sm", amplitude * np.sin(phase), covector)
    ddu = -np.einsum("sk,mk,nk->smn", amplitude * np.cos(phase), covector, covector)
    return Jets(x, u[:, None], du[..., None], ddu[..., None])


def kinks(samples, seed):
    """Points of kinks and antikinks of φ_tt = φ_xx − sin φ at many speeds."""
    generator = np.random.default_rng(seed)
    speed, side = generator.uniform(-0.8, 0.8, samples), generator.choice([-1.0, 1.0], samples)
    slope = side / np.sqrt(1 - speed**2)
    z = slope * generator.uniform(-5, 5, samples)
    phi = 4 * np.arctan(np.exp(z))
    covector = np.stack([-speed * slope, slope], 1)  # of z = slope (x − speed t)
    du = 2 / np.cosh(z)[:, None] * covector
    ddu = np.sin(phi)[:, None, None] * covector[:, :, None] * covector[:, None]
    return Jets(np.zeros((samples, 2)), phi[:, None], du[..., None], ddu[..., None])


@pytest.fixture(scope="session")
def waves():
    """To learn from and held out."""
    return plane_waves(1500, 0), plane_waves(500, 1)


@pytest.fixture(scope="session")
def solitons():
    """To learn from and held out."""
    return kinks(3000, 0), kinks(800, 1)
