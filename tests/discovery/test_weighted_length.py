"""Shapes that make a weighted length stationary: the weight is found as the terms of a law of motion are."""

import numpy as np
import pytest
import sympy as sp

from lagsym.data.trajectories import Segment, Trajectories
from lagsym.discovery import DiscoveryOptions, discover
from lagsym.distillation.options import ChoiceOptions
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System
from lagsym.verification import verify_law

SPACE = JetSpace(("y",))
(Y,), (SLOPE,) = SPACE.positions, SPACE.velocities
LENGTH = sp.sqrt(1 + SLOPE**2)
PLACES = np.linspace(-1.0, 1.0, 201)


def shapes(curve, noise=0.0):
    """Eight curves y(x; a, b) of random a and b."""
    generator = np.random.default_rng(0)
    drawn = [curve(PLACES - generator.uniform(-0.4, 0.4), generator.uniform(0.6, 1.4)) for _ in range(8)]
    noisy = [y + noise * y.std() * generator.standard_normal(len(y)) for y in drawn]
    return Trajectories(("y",), tuple(Segment(PLACES, y[:, None], trajectory=str(k)) for k, y in enumerate(noisy)))


def found(curve, noise=0.0, evidence="data", structure="weighted length"):
    options = DiscoveryOptions(ChoiceOptions(structure=structure, evidence=evidence))
    return discover(shapes(curve, noise), options=options)


@pytest.mark.parametrize("noise", [0.0, 1e-3])
@pytest.mark.parametrize(
    ("curve", "lagrangian"),
    [
        (lambda x, a: a * np.cosh(x / a), Y * LENGTH),
        (lambda x, a: np.sqrt((1.2 + a) ** 2 - x**2), LENGTH / Y),
    ],
)
def test_one_term_is_a_law(curve, lagrangian, noise):
    law = found(curve, noise).law
    assert law.status == "recovered"
    assert sp.simplify(law.lagrangian - lagrangian) == 0


def test_a_constant_beside_the_potential_has_its_error():
    law = found(lambda x, a: a * np.cosh(x / a) - 0.3, 1e-3).law
    assert law.status == "recovered"
    assert verify_law(law, System("chain", SPACE, Y * LENGTH + 0.3 * LENGTH)).kind in {"identical", "gauge-equivalent"}
    (constant,) = law.constants
    assert abs(constant.value - 1 / 0.3) < 4 * constant.standard_error < 0.02


def test_a_network_stands_beside_it():
    result = found(lambda x, a: a * np.cosh(x / a), evidence="auto")
    assert result.fit is not None
    assert result.fit.options.structure == "free"
    assert result.law.structure == "weighted length"
