"""Waves: fields on a line, and one on a plane."""

from __future__ import annotations

import sympy as sp

from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import Region, System, parameter_symbol

TIME, X, Y = range(3)
"""Positions of t, x and y in the base."""
_SPAN, _STEP = 12.0, 0.05
_LINE, _PLANE = ("t", "x"), ("t", "x", "y")


def _wave_1d() -> System:
    """Small transverse displacements of a stretched string; `tau` is its tension.

    L = rho u_t^2 / 2 - tau u_x^2 / 2
    """
    space = JetSpace(("u",), _LINE)
    (u_t,), (u_x,) = space.derivatives(TIME), space.derivatives(X)
    rho, tau = map(parameter_symbol, ("rho", "tau"))
    return System(
        name="wave_1d",
        space=space,
        lagrangian=rho * u_t**2 / 2 - tau * u_x**2 / 2,
        parameters={"rho": 1.0, "tau": 4.0},
        parameter_ranges={"rho": (0.5, 2.0), "tau": (2.0, 8.0)},
        span=_SPAN,
        step=_STEP,
        title="Vibrating string",
        source="A. L. Fetter and J. D. Walecka, Theoretical Mechanics of Particles and Continua, chapter 7",
    )


def _klein_gordon() -> System:
    """A free scalar field of mass `m`, in units in which Planck's constant and the speed of light are 1 where c is.

    L = (phi_t^2 - c^2 phi_x^2 - m^2 phi^2) / 2
    """
    space = JetSpace(("phi",), _LINE)
    (phi,), (phi_t,), (phi_x,) = space.positions, space.derivatives(TIME), space.derivatives(X)
    c, m = map(parameter_symbol, ("c", "m"))
    return System(
        name="klein_gordon",
        space=space,
        lagrangian=(phi_t**2 - c**2 * phi_x**2 - m**2 * phi**2) / 2,
        parameters={"c": 1.0, "m": 1.0},
        parameter_ranges={"c": (0.5, 2.0), "m": (0.5, 2.0)},
        span=_SPAN,
        step=_STEP,
        title="Klein-Gordon field",
        source="M. E. Peskin and D. V. Schroeder, An Introduction to Quantum Field Theory, section 2.2",
    )


def _sine_gordon() -> System:
    """The sine-Gordon field, an angle.

    L = (phi_t^2 - c^2 phi_x^2) / 2 - omega^2 (1 - cos(phi))
    """
    space = JetSpace(("phi",), _LINE)
    (phi,), (phi_t,), (phi_x,) = space.positions, space.derivatives(TIME), space.derivatives(X)
    c, omega = map(parameter_symbol, ("c", "omega"))
    return System(
        name="sine_gordon",
        space=space,
        lagrangian=(phi_t**2 - c**2 * phi_x**2) / 2 - omega**2 * (1 - sp.cos(phi)),
        parameters={"c": 1.0, "omega": 1.0},
        parameter_ranges={"c": (0.5, 2.0), "omega": (0.5, 2.0)},
        ranges={"phi": (-3.0, 3.0)},
        angles=frozenset({"phi"}),
        span=_SPAN,
        step=_STEP,
        title="Sine-Gordon field",
        source="R. Rajaraman, Solitons and Instantons, chapter 2",
    )


def _phi4() -> System:
    """A scalar field with two ground states, phi = +eta and phi = -eta.

    L = (phi_t^2 - c^2 phi_x^2) / 2 - lambda (phi^2 - eta^2)^2 / 4

    From small waves it falls into both, with kinks of the width sqrt(2 / lambda) c / eta between them; region and span
    are short so that the sites resolve them.
    """
    space = JetSpace(("phi",), _LINE)
    (phi,), (phi_t,), (phi_x,) = space.positions, space.derivatives(TIME), space.derivatives(X)
    c, coupling, eta = map(parameter_symbol, ("c", "lambda", "eta"))
    return System(
        name="phi4",
        space=space,
        lagrangian=(phi_t**2 - c**2 * phi_x**2) / 2 - coupling * (phi**2 - eta**2) ** 2 / 4,
        parameters={"c": 1.0, "lambda": 1.0, "eta": 1.0},
        parameter_ranges={"c": (0.5, 2.0), "lambda": (0.5, 2.0), "eta": (0.5, 1.5)},
        span=4.0,
        step=0.025,
        region=Region(length=10.0, modes=2),
        title="Phi-to-the-fourth field",
        source="R. Rajaraman, Solitons and Instantons, chapter 2",
    )


def _nonlinear_string() -> System:
    """The continuum of a chain whose springs are not quite linear, with waves that steepen.

    L = u_t^2 / 2 - c^2 (u_x^2 / 2 + epsilon u_x^3 / 6)

    The motion obeys u_tt = c^2 (1 + epsilon u_x) u_xx.  In the ranges 1 + epsilon u_x is positive, without which
    there would be no waves.
    """
    space = JetSpace(("u",), _LINE)
    (u_t,), (u_x,) = space.derivatives(TIME), space.derivatives(X)
    c, epsilon = map(parameter_symbol, ("c", "epsilon"))
    return System(
        name="nonlinear_string",
        space=space,
        lagrangian=u_t**2 / 2 - c**2 * (u_x**2 / 2 + epsilon * u_x**3 / 6),
        parameters={"c": 1.0, "epsilon": 0.5},
        ranges={"u_x": (-0.6, 0.6)},
        parameter_ranges={"c": (0.5, 2.0), "epsilon": (0.3, 1.0)},
        span=6.0,
        step=0.025,
        region=Region(modes=3),
        title="Nonlinear string",
        source="N. J. Zabusky, Journal of Mathematical Physics 3 (1962) 1028",
    )


def _wave_2d() -> System:
    """Small transverse displacements of a stretched membrane; `tau` is its tension along every direction.

    L = sigma u_t^2 / 2 - tau (u_x^2 + u_y^2) / 2
    """
    space = JetSpace(("u",), _PLANE)
    (u_t,), (u_x,), (u_y,) = map(space.derivatives, (TIME, X, Y))
    sigma, tau = map(parameter_symbol, ("sigma", "tau"))
    return System(
        name="wave_2d",
        space=space,
        lagrangian=sigma * u_t**2 / 2 - tau * (u_x**2 + u_y**2) / 2,
        parameters={"sigma": 1.0, "tau": 4.0},
        parameter_ranges={"sigma": (0.5, 2.0), "tau": (2.0, 8.0)},
        span=6.0,
        step=_STEP,
        region=Region(sites=48, runs=5),
        title="Vibrating membrane",
        source="A. L. Fetter and J. D. Walecka, Theoretical Mechanics of Particles and Continua, chapter 8",
    )


def _euler_bernoulli_beam() -> System:
    """Small bending of a thin beam; `B` is its bending stiffness, Young's modulus times the second moment of area.

    L = rho w_t^2 / 2 - B w_xx^2 / 2
    """
    space = JetSpace(("w",), _LINE)
    (w_t,), (w_xx,) = space.derivatives(TIME), space.derivatives(X, X)
    rho, stiffness = map(parameter_symbol, ("rho", "B"))
    return System(
        name="euler_bernoulli_beam",
        space=space,
        lagrangian=rho * w_t**2 / 2 - stiffness * w_xx**2 / 2,
        parameters={"rho": 1.0, "B": 1.0},
        parameter_ranges={"rho": (0.5, 2.0), "B": (0.5, 2.0)},
        span=_SPAN,
        step=_STEP,
        title="Euler-Bernoulli beam",
        source="L. D. Landau and E. M. Lifshitz, Theory of Elasticity, section 25",
    )


def _kdv_potential() -> System:
    """The Korteweg-de Vries equation for u = phi_x, u_t + alpha u u_x + beta u_xxx = 0.

    L = phi_t phi_x / 2 + alpha phi_x^3 / 6 - beta phi_xx^2 / 2
    """
    space = JetSpace(("phi",), _LINE)
    (phi_t,), (phi_x,), (phi_xx,) = space.derivatives(TIME), space.derivatives(X), space.derivatives(X, X)
    alpha, beta = map(parameter_symbol, ("alpha", "beta"))
    return System(
        name="kdv_potential",
        space=space,
        lagrangian=phi_t * phi_x / 2 + alpha * phi_x**3 / 6 - beta * phi_xx**2 / 2,
        parameters={"alpha": 6.0, "beta": 1.0},
        parameter_ranges={"alpha": (3.0, 9.0), "beta": (0.5, 2.0)},
        span=6.0,
        step=0.025,
        region=Region(length=40.0, modes=3),
        ranges={"phi_x": (-0.2, 0.2)},
        title="Korteweg-de Vries equation in its potential",
        source="D. J. Korteweg and G. de Vries, Philosophical Magazine 39 (1895) 422, for a potential of the wave",
    )


def _complex_klein_gordon() -> System:
    """A free charged scalar field (phi1 + i phi2) / sqrt(2), by its real and imaginary parts.

    L = (phi1_t^2 + phi2_t^2 - c^2 (phi1_x^2 + phi2_x^2) - m^2 (phi1^2 + phi2^2)) / 2
    """
    space = JetSpace(("phi1", "phi2"), _LINE)
    c, m = map(parameter_symbol, ("c", "m"))
    fields, rates, slopes = (
        sp.Add(*(part**2 for part in parts))
        for parts in (space.positions, space.derivatives(TIME), space.derivatives(X))
    )
    return System(
        name="complex_klein_gordon",
        space=space,
        lagrangian=(rates - c**2 * slopes - m**2 * fields) / 2,
        parameters={"c": 1.0, "m": 1.0},
        parameter_ranges={"c": (0.5, 2.0), "m": (0.5, 2.0)},
        span=_SPAN,
        step=_STEP,
        title="Complex Klein-Gordon field",
        source="M. E. Peskin and D. V. Schroeder, An Introduction to Quantum Field Theory, problem 2.2",
    )


WAVE_1D = _wave_1d()
KLEIN_GORDON = _klein_gordon()
SINE_GORDON = _sine_gordon()
PHI4 = _phi4()
NONLINEAR_STRING = _nonlinear_string()
WAVE_2D = _wave_2d()
EULER_BERNOULLI_BEAM = _euler_bernoulli_beam()
KDV_POTENTIAL = _kdv_potential()
COMPLEX_KLEIN_GORDON = _complex_klein_gordon()
