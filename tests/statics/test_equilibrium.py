import numpy as np
import pytest
import sympy as sp
from scipy.interpolate import CubicSpline

from lagsym.errors import InputError
from lagsym.least_action import PathOptions, least_action
from lagsym.mechanics.jetspace import JetSpace
from lagsym.statics import POINT_MASS, hang
from lagsym.statics.equilibrium import integrate_shapes
from lagsym.statics.potentials import PLACE_X, PLACE_Y, STRENGTH, X, Y, compile_potential

BURIED = POINT_MASS.subs({PLACE_X: 0.3, PLACE_Y: -0.9, STRENGTH: 0.05})


@pytest.mark.parametrize("sides", [(-1.0, 1.0), (1.0, -1.0), (-0.3, 1.4)])
def test_a_uniform_chain_is_a_catenary(sides):
    left, right = sides
    a = 0.7
    length = a * abs(np.sinh(right / a) - np.sinh(left / a))
    chain = hang((left, a * np.cosh(left / a)), (right, a * np.cosh(right / a)), length)
    assert np.abs(chain.y - a * np.cosh(chain.x / a)).max() < 1e-9


@pytest.mark.parametrize("slack", [1.0001, 1.5, 20.0])
def test_taut_and_slack_chains_reach_their_ends(slack):
    chain = hang((0.0, 0.2), (1.0, 0.0), slack * np.hypot(1.0, 0.2))
    assert np.hypot(chain.x[-1] - 1.0, chain.y[-1]) < 1e-9


def test_the_tangent_turns_with_the_weight():
    # d tan(theta) / ds is proportional to the density, by differences of the points alone.
    chain = hang((0.0, 0.0), (0.8, 0.1), 1.0, density=lambda s: 1 + 1.5 * s**2)
    slope = CubicSpline(chain.s, chain.y)(chain.s, 1) / CubicSpline(chain.s, chain.x)(chain.s, 1)
    found = np.gradient(slope, chain.s)[20:-20] / (1 + 1.5 * chain.s**2)[20:-20]
    assert np.ptp(found) < 1e-3 * found.mean()


def test_a_chain_near_a_mass_makes_the_weighted_length_stationary():
    chain = hang((0.0, 0.0), (0.8, 0.1), 1.0, potential=BURIED)
    # Tension less potential is the same all along: lambda, here by the tension from the curvature across the pull.
    space = JetSpace(("y",), ("x",))
    (y,), (slope,) = space.positions, space.velocities
    compiled = compile_potential(BURIED)
    theta = np.unwrap(np.arctan2(*(CubicSpline(chain.s, part)(chain.s, 1) for part in (chain.y, chain.x))))
    gradient = compiled.derivatives(chain.x, chain.y)[0]
    across = -np.sin(theta) * gradient[0] + np.cos(theta) * gradient[1]
    tension = across / CubicSpline(chain.s, theta)(chain.s, 1)
    prices = (tension - sp.lambdify((X, Y), BURIED)(chain.x, chain.y))[20:-20]
    assert np.ptp(prices) < 1e-5
    lagrangian = (BURIED + sp.Float(prices.mean())) * sp.sqrt(1 + slope**2)
    path = least_action(
        lagrangian.subs(Y, y), [0.0], [0.1], 0.8, space=space, options=PathOptions(guess=chain.points[:, 1:])
    )
    assert np.abs(path.positions(chain.x)[:, 0] - chain.y).max() < 1e-5


def test_derivatives_of_shapes_are_those_of_differences():
    compiled = compile_potential(POINT_MASS, (PLACE_X, PLACE_Y, STRENGTH))
    firsts = np.array([[0.0, 0.0, 0.4, -0.5], [0.1, 0.2, 0.3, -0.4]])
    values = np.array([0.3, -0.9, 0.05])
    share, lengths, small = np.array([0.4, 1.0]), np.array([1.0, 0.8]), 1e-6

    def shapes(column, change):
        moved, constants = firsts.copy(), values.copy()
        if column < 4:
            moved[1, column] += change
        else:
            constants[column - 4] += change
        return integrate_shapes(compiled, moved, lengths, constants)

    exact = shapes(0, 0.0).derivatives(1, share)
    for column in range(7):
        higher, lower = (shapes(column, change).points(1, share)[:, :2] for change in (small, -small))
        assert np.abs((higher - lower) / (2 * small) - exact[..., column]).max() < 1e-7


@pytest.mark.parametrize(
    ("stop", "length", "options", "message"),
    [
        ((3.0, 0.0), 2.0, {}, "closer together than the chain is long"),
        ((0.0, -1.0), 2.0, {}, "above one another"),
        ((1.0, 0.0), 2.0, {"s": np.linspace(0, 3, 50)}, "between 0 and 2"),
        ((1.0, 0.0), 2.0, {"potential": STRENGTH * Y}, "put numbers in"),
    ],
)
def test_what_cannot_hang_is_refused(stop, length, options, message):
    with pytest.raises(InputError, match=message):
        hang((0.0, 0.0), stop, length, **options)
