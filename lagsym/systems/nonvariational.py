"""Motion that no Lagrangian gives, whatever it is multiplied by.

Equations q'' = F(t, q, v) come from a Lagrangian with the Hessian g only if g Phi, g Phi' and g Phi'' are symmetric,
where Phi is Jacobi's endomorphism and a prime its covariant derivative along the motion:

    N = -1/2 dF/dv,   Phi = -dF/dq - N N - dN/dt,   Phi' = dPhi/dt + N Phi - Phi N

For two coordinates these are three linear equations for the three entries of g.  Where their determinant is not zero,
g = 0: there is no Lagrangian, Douglas' case IV (J. Douglas, Transactions of the American Mathematical Society 50
(1941) 71; I. Anderson and G. Thompson, Memoirs of the American Mathematical Society 473 (1992)).
"""

from __future__ import annotations

from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System, parameter_symbol

_CONDITIONS = "J. Douglas, Transactions of the American Mathematical Society 50 (1941) 71, case IV"
_PROOF = (
    "A Lagrangian's Hessian g would make g Phi, g Phi' and g Phi'' symmetric, with Jacobi's endomorphism Phi and its "
    "covariant derivatives along the motion. These are three linear equations for the three entries of g, and their "
    "determinant is {determinant}. With nonzero {constants} it {vanishes}: the rank is 3 almost everywhere, and g = 0, "
    "Douglas' case IV."
)


def _quadratic_force() -> System:
    """Two forces of the position, one of them quadratic, without a Lagrangian.

    x_ddot = alpha (x^2 + y^2),   y_ddot = beta x

    The motion runs away to infinity in a finite time; the span ends well before that.
    """
    space = JetSpace(("x", "y"))
    (x, y), (x_dot, y_dot) = space.positions, space.velocities
    alpha, beta = map(parameter_symbol, ("alpha", "beta"))
    return System(
        name="quadratic_force",
        space=space,
        lagrangian=(x_dot**2 + y_dot**2) / 2,
        forces={"x": alpha * (x**2 + y**2), "y": beta * x},
        parameters={"alpha": 1.0, "beta": 1.0},
        ranges={"x": (-1.0, 0.1), "y": (-0.6, 0.6), "x_dot": (-0.3, 0.3), "y_dot": (-0.4, 0.4)},
        parameter_ranges={"alpha": (0.8, 1.2), "beta": (0.8, 1.2)},
        no_lagrangian=_PROOF.format(
            determinant="4 alpha^2 beta (alpha (x^2 + y^2) y_dot - beta x x_dot), up to sign",
            constants="alpha and beta",
            vanishes="vanishes on a surface at most",
        ),
        span=2.0,
        step=0.01,
        title="Quadratic force without a Lagrangian",
        source=_CONDITIONS,
    )


def _swirling_oscillator() -> System:
    """Two springs and a swirl, a force across the radius that grows with its cube.

    x_ddot = -k1 x + epsilon (x^2 + y^2) y,   y_ddot = -k2 y - epsilon (x^2 + y^2) x
    """
    space = JetSpace(("x", "y"))
    (x, y), (x_dot, y_dot) = space.positions, space.velocities
    k1, k2, epsilon = map(parameter_symbol, ("k1", "k2", "epsilon"))
    swirl = epsilon * (x**2 + y**2)
    return System(
        name="swirling_oscillator",
        space=space,
        lagrangian=(x_dot**2 + y_dot**2) / 2,
        forces={"x": -k1 * x + swirl * y, "y": -k2 * y - swirl * x},
        parameters={"k1": 2.0, "k2": 1.0, "epsilon": 0.15},
        ranges={"x": (-0.6, 0.6), "y": (-0.6, 0.6), "x_dot": (-0.6, 0.6), "y_dot": (-0.6, 0.6)},
        parameter_ranges={"k1": (1.8, 2.2), "k2": (0.8, 1.2), "epsilon": (0.1, 0.2)},
        no_lagrangian=_PROOF.format(
            determinant=(
                "a polynomial in the velocities whose cubic part is "
                "32 epsilon^2 s (2 epsilon s^2 + (k1 - k2) x_dot y_dot) with s = x_dot y - y_dot x"
            ),
            constants="epsilon",
            vanishes="vanishes on a surface at most",
        ),
        span=10.0,
        step=0.02,
        title="Oscillator in a swirl, without a Lagrangian",
        source=_CONDITIONS,
    )


def _damped_circulatory() -> System:
    """Two equal springs, a linear circulatory force, and friction along one axis only.

    x_ddot = -k x + c y - gamma x_dot,   y_ddot = -k y - c x

    Without the friction there is a Lagrangian, as for every linear force of the position.
    """
    space = JetSpace(("x", "y"))
    (x, y), (x_dot, y_dot) = space.positions, space.velocities
    k, c, gamma = map(parameter_symbol, ("k", "c", "gamma"))
    return System(
        name="damped_circulatory",
        space=space,
        lagrangian=(x_dot**2 + y_dot**2) / 2,
        forces={"x": -k * x + c * y - gamma * x_dot, "y": -k * y - c * x},
        parameters={"k": 4.0, "c": 0.5, "gamma": 0.4},
        ranges={"x": (-1.0, 1.0), "y": (-1.0, 1.0), "x_dot": (-1.0, 1.0), "y_dot": (-1.0, 1.0)},
        parameter_ranges={"k": (3.0, 6.0), "c": (0.3, 0.8), "gamma": (0.2, 0.6)},
        no_lagrangian=_PROOF.format(
            determinant="c^2 gamma^5 / 16, up to sign",
            constants="c and gamma",
            vanishes="vanishes nowhere",
        ),
        span=10.0,
        step=0.02,
        title="Circulatory force with friction along one axis, without a Lagrangian",
        source=_CONDITIONS,
    )


QUADRATIC_FORCE = _quadratic_force()
SWIRLING_OSCILLATOR = _swirling_oscillator()
DAMPED_CIRCULATORY = _damped_circulatory()
