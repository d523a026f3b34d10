import numpy as np
import pytest
import sympy as sp

from lagsym.mechanics.calculus import euler_lagrange, total_derivative
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.symmetry.generators import Generator
from lagsym.mechanics.symmetry.noether import symmetries

LINE, PLANE, SOLID = JetSpace(("x",)), JetSpace(("x", "y")), JetSpace(("x", "y", "z"))
STRING, DRUM = JetSpace(("u",), ("t", "x")), JetSpace(("u",), ("t", "x", "y"))
COMPLEX = JetSpace(("phi1", "phi2"), ("t", "x"))
BODIES = {n: JetSpace(tuple(f"{axis}{k}" for k in range(1, n + 1) for axis in "xy")) for n in (2, 3)}
MASSES = sp.symbols("m1:4", real=True)
m, k, g, c, B, G, omega, gamma, rho, EI = sp.symbols("m k g c B G omega gamma rho EI", real=True)
t = LINE.base_symbols[0]
x, y, z = SOLID.positions
vx, vy, vz = SOLID.velocities
u, u_t, u_x = STRING.symbol(0), STRING.symbol(0, (0,)), STRING.symbol(0, (1,))
ZERO = sp.S.Zero


def kinetic(space, mass=m):
    return mass * sum(v**2 for v in space.velocities) / 2


def bodies(n, potential):
    """Bodies in the plane with a potential of their distances."""
    q, v = BODIES[n].positions, BODIES[n].velocities
    energy = sum(MASSES[i] * (v[2 * i] ** 2 + v[2 * i + 1] ** 2) / 2 for i in range(n))
    pairs = [(i, j) for i in range(n) for j in range(i)]
    squares = [(q[2 * i] - q[2 * j]) ** 2 + (q[2 * i + 1] - q[2 * j + 1]) ** 2 for i, j in pairs]
    return energy - sum(MASSES[i] * MASSES[j] * potential(s) for (i, j), s in zip(pairs, squares, strict=True))


def chain_of_pendulums(n):
    space = JetSpace(tuple(f"theta{i}" for i in range(1, n + 1)))
    q, v, lengths = space.positions, space.velocities, sp.symbols(f"l1:{n + 1}", real=True)
    lagrangian = ZERO
    for i in range(n):
        for a in range(i + 1):
            lagrangian += MASSES[i] * g * lengths[a] * sp.cos(q[a])
            for b in range(i + 1):
                lagrangian += MASSES[i] * lengths[a] * lengths[b] * v[a] * v[b] * sp.cos(q[a] - q[b]) / 2
    return lagrangian, space


TOP = JetSpace(("theta", "phi", "psi"))


def top():
    (theta, _, _), (theta_dot, phi_dot, psi_dot) = TOP.positions, TOP.velocities
    spin = omega_3 = psi_dot + phi_dot * sp.cos(theta)
    return m * (theta_dot**2 + phi_dot**2 * sp.sin(theta) ** 2) / 2 + k * spin * omega_3 / 2 - g * sp.cos(theta)


def drum(potential):
    u_t, u_x, u_y = (DRUM.symbol(0, (mu,)) for mu in range(3))
    return (u_t**2 - c**2 * (u_x**2 + u_y**2)) / 2 - potential(DRUM.symbol(0))


def complex_klein_gordon():
    pairs = zip(COMPLEX.positions, COMPLEX.derivatives(0), COMPLEX.derivatives(1), strict=True)
    return sum(f_t**2 - c**2 * f_x**2 - m**2 * f**2 for f, f_t, f_x in pairs) / 2


BEAM = rho * u_t**2 / 2 - EI * STRING.symbol(0, (1, 1)) ** 2 / 2
KORTEWEG_DE_VRIES = u_t * u_x / 2 + u_x**3 - STRING.symbol(0, (1, 1)) ** 2 / 2
CASES = {
    # Lagrangian, space and the names of its symmetries; counts are those of the literature.
    "free particle in space": (
        kinetic(SOLID),
        SOLID,
        ["time translation", *(f"cyclic coordinate {q}" for q in "xyz")]
        + [f"rotation in the {a}, {b} plane" for a, b in ("xy", "xz", "yz")]
        + [*(f"Galilean boost of {q}" for q in "xyz"), "scaling of t, x, y, z"],
    ),
    "kepler in the plane": (
        kinetic(PLANE) + k / sp.sqrt(x**2 + y**2),
        PLANE,
        ["time translation", "rotation in the x, y plane"],
    ),
    "kepler in space": (
        kinetic(SOLID) + k / sp.sqrt(x**2 + y**2 + z**2),
        SOLID,
        ["time translation", *(f"rotation in the {a}, {b} plane" for a, b in ("xy", "xz", "yz"))],
    ),
    "inverse square": (
        kinetic(PLANE) - k / (x**2 + y**2),
        PLANE,
        ["time translation", "rotation in the x, y plane", "scaling of t, x, y"],
    ),
    "uniform field": (
        kinetic(PLANE) - m * g * y,
        PLANE,
        ["time translation", "cyclic coordinate x", "translation of y", "Galilean boost of x", "Galilean boost of y"],
    ),
    "isotropic oscillator": (
        kinetic(PLANE) - k * (x**2 + y**2) / 2,
        PLANE,
        ["time translation", "rotation in the x, y plane"],
    ),
    "anisotropic oscillator": (kinetic(PLANE) - k * x**2 / 2 - g * y**2 / 2, PLANE, ["time translation"]),
    "magnetic field, symmetric gauge": (
        kinetic(PLANE) + B * (x * vy - y * vx) / 2,
        PLANE,
        ["time translation", "translation of x", "translation of y", "rotation in the x, y plane"],
    ),
    "magnetic field, Landau's gauge": (
        kinetic(PLANE) + B * x * vy,
        PLANE,
        ["time translation", "translation of x", "cyclic coordinate y", "rotation in the x, y plane"],
    ),
    "Foucault's pendulum": (
        kinetic(PLANE) - k * (x**2 + y**2) / 2 + m * omega * (x * vy - y * vx),
        PLANE,
        ["time translation", "rotation in the x, y plane"],
    ),
    "relativistic particle": (
        -m * c**2 * sp.sqrt(1 - (vx**2 + vy**2) / c**2),
        PLANE,
        ["time translation", "cyclic coordinate x", "cyclic coordinate y", "rotation in the x, y plane"],
    ),
    "two bodies": (
        bodies(2, lambda s: -G / sp.sqrt(s)),
        BODIES[2],
        [
            "time translation",
            "joint translation of x1, x2",
            "joint translation of y1, y2",
            "joint rotation in the planes (x1, y1), (x2, y2)",
            "joint Galilean boost of x1, x2",
            "joint Galilean boost of y1, y2",
        ],
    ),
    "three bodies": (
        bodies(3, lambda s: -G / sp.sqrt(s)),
        BODIES[3],
        [
            "time translation",
            "joint translation of x1, x2, x3",
            "joint translation of y1, y2, y3",
            "joint rotation in the planes (x1, y1), (x2, y2), (x3, y3)",
            "joint Galilean boost of x1, x2, x3",
            "joint Galilean boost of y1, y2, y3",
        ],
    ),
    "symmetric top": (top(), TOP, ["time translation", "cyclic coordinate phi", "cyclic coordinate psi"]),
    "double pendulum": (*chain_of_pendulums(2), ["time translation"]),
    "triple pendulum": (*chain_of_pendulums(3), ["time translation"]),
    "driven pendulum": (m * vx**2 / 2 + g * sp.cos(x) + k * x * sp.cos(omega * t), LINE, []),
    "damped by an exponential": (
        sp.exp(gamma * t) * (m * vx**2 - k * x**2) / 2,
        LINE,
        ["time translation with scaling of x"],
    ),
    "wave": (
        rho * u_t**2 / 2 - k * u_x**2 / 2,
        STRING,
        [
            "time translation",
            "translation along x",
            "shift of u",
            "Lorentz boost along x",
            "shift of u by t",
            "shift of u by x",
            "scaling of t, x",
        ],
    ),
    "sine-Gordon": (
        u_t**2 / 2 - c**2 * u_x**2 / 2 - k * (1 - sp.cos(u)),
        STRING,
        ["time translation", "translation along x", "Lorentz boost along x"],
    ),
    "wave in the plane": (
        drum(lambda _: 0),
        DRUM,
        [
            "time translation",
            "translation along x",
            "translation along y",
            "shift of u",
            "Lorentz boost along x",
            "Lorentz boost along y",
            "rotation in the x, y plane",
            "shift of u by t",
            "shift of u by x",
            "shift of u by y",
            "scaling of t, x, y, u",
        ],
    ),
    "phi^4 in the plane": (
        drum(lambda u: k * u**4),
        DRUM,
        [
            "time translation",
            "translation along x",
            "translation along y",
            "Lorentz boost along x",
            "Lorentz boost along y",
            "rotation in the x, y plane",
        ],
    ),
    "complex Klein-Gordon": (
        complex_klein_gordon(),
        COMPLEX,
        ["time translation", "translation along x", "Lorentz boost along x", "rotation in the phi1, phi2 plane"],
    ),
    "beam": (
        BEAM,
        STRING,
        [
            "time translation",
            "translation along x",
            "shift of u",
            "shift of u by t",
            "shift of u by x",
            "scaling of t, x, u",
        ],
    ),
    "Korteweg-de Vries": (
        KORTEWEG_DE_VRIES,
        STRING,
        [
            "time translation",
            "translation along x",
            "shift of u",
            "Galilean boost along x with shift of u by x",
            "shift of u by t",
        ],
    ),
}
FOUND = {}


def found(name):
    """The symmetries of a case by their names, computed once."""
    if name not in FOUND:
        lagrangian, space, _ = CASES[name]
        FOUND[name] = symmetries(lagrangian, space)
    return {symmetry.name: symmetry for symmetry in FOUND[name]}


def vanishes(expression):
    """Whether an expression is zero at two random points, to 20 digits."""
    generator = np.random.default_rng(3)
    symbols = sorted(expression.free_symbols, key=str)
    for _ in range(2):
        point = {symbol: sp.Rational(int(generator.integers(100, 500)), 997) for symbol in symbols}
        terms = [abs(term.xreplace(point).evalf(30)) for term in sp.Add.make_args(expression)]
        if abs(expression.xreplace(point).evalf(30)) > 1e-20 * max([1, *terms]):
            return False
    return True


@pytest.mark.parametrize("name", CASES)
def test_symmetries_of_known_systems(name):
    names = found(name)
    assert list(names) == CASES[name][2]
    assert len(names) == len(FOUND[name])


@pytest.mark.parametrize("name", CASES)
def test_currents_are_conserved_by_the_equations_of_motion(name):
    # D_mu J^mu = -Q.E identically, or Q.E where the generator moves time and the sign is turned.
    lagrangian, space, _ = CASES[name]
    equations = euler_lagrange(lagrangian, space)
    for symmetry in found(name).values():
        divergence = sum(total_derivative(part, space, mu) for mu, part in enumerate(symmetry.current))
        sign = -1 if symmetry.tau[0] != 0 else 1
        characteristic = Generator(symmetry.tau, symmetry.eta).characteristic(space)
        work = sum(change * e for change, e in zip(characteristic, equations, strict=True))
        assert vanishes(divergence + sign * work)


@pytest.mark.parametrize("name", ["uniform field", "damped by an exponential", "wave", "complex Klein-Gordon", "beam"])
def test_the_varied_lagrangian_is_a_divergence(name):
    # The definition itself: E[pr X(L) + L Div tau] = 0, by symbolic algebra.
    lagrangian, space, _ = CASES[name]
    for symmetry in found(name).values():
        varied = Generator(symmetry.tau, symmetry.eta).variation(lagrangian, space)
        assert all(sp.expand(e) == 0 for e in euler_lagrange(varied, space))


def conserved(name, symmetry):
    return found(name)[symmetry].conserved


def equal(a, b):
    return sp.simplify(a - b) == 0


def test_energy_and_angular_momentum():
    energy = m * (vx**2 + vy**2 + vz**2) / 2 - k / sp.sqrt(x**2 + y**2 + z**2)
    assert equal(conserved("kepler in space", "time translation"), energy)
    assert equal(conserved("kepler in space", "rotation in the x, y plane"), m * (x * vy - y * vx))
    assert equal(conserved("kepler in space", "rotation in the y, z plane"), m * (y * vz - z * vy))


def test_momentum_and_centre_of_mass_of_many_bodies():
    q, v = BODIES[3].positions, BODIES[3].velocities
    momentum = sum(MASSES[i] * v[2 * i] for i in range(3))
    assert equal(conserved("three bodies", "joint translation of x1, x2, x3"), momentum)
    centre = sum(MASSES[i] * q[2 * i] for i in range(3))
    assert equal(conserved("three bodies", "joint Galilean boost of x1, x2, x3"), t * momentum - centre)
    spin = sum(MASSES[i] * (q[2 * i] * v[2 * i + 1] - q[2 * i + 1] * v[2 * i]) for i in range(3))
    assert equal(conserved("three bodies", "joint rotation in the planes (x1, y1), (x2, y2), (x3, y3)"), spin)


def test_cyclic_momenta_of_the_top():
    (theta, _, _), (_, phi_dot, psi_dot) = TOP.positions, TOP.velocities
    spin = k * (psi_dot + phi_dot * sp.cos(theta))
    assert equal(conserved("symmetric top", "cyclic coordinate psi"), spin)
    about_the_vertical = m * phi_dot * sp.sin(theta) ** 2 + spin * sp.cos(theta)
    assert equal(conserved("symmetric top", "cyclic coordinate phi"), about_the_vertical)


@pytest.mark.parametrize("name", ["magnetic field, symmetric gauge", "magnetic field, Landau's gauge"])
def test_a_magnetic_field_keeps_the_guiding_centre_in_any_gauge(name):
    translation = "translation of y" if "symmetric" in name else "cyclic coordinate y"
    assert equal(conserved(name, "translation of x"), m * vx - B * y)
    assert equal(conserved(name, translation), m * vy + B * x)
    turning = m * (x * vy - y * vx) + B * (x**2 + y**2) / 2
    assert equal(conserved(name, "rotation in the x, y plane"), turning)


def test_quantities_that_hold_time():
    assert equal(conserved("uniform field", "translation of y"), m * vy + m * g * t)
    assert equal(conserved("uniform field", "Galilean boost of y"), m * (t * vy - y) + m * g * t**2 / 2)
    energy = m * (vx**2 + vy**2) / 2 + k / (x**2 + y**2)
    assert equal(conserved("inverse square", "scaling of t, x, y"), 2 * t * energy - m * (x * vx + y * vy))
    damped = sp.exp(gamma * t) * (m * vx**2 + k * x**2 + gamma * m * x * vx) / 2
    assert equal(conserved("damped by an exponential", "time translation with scaling of x"), damped)


def test_charge_of_a_complex_field():
    (f1, f2), (f1_t, f2_t), (f1_x, f2_x) = COMPLEX.positions, COMPLEX.derivatives(0), COMPLEX.derivatives(1)
    charge = found("complex Klein-Gordon")["rotation in the phi1, phi2 plane"]
    assert equal(charge.current[0], f1 * f2_t - f2 * f1_t)
    assert equal(charge.current[1], -(c**2) * (f1 * f2_x - f2 * f1_x))


def test_boosts_hold_the_speed_of_the_waves():
    t, place = STRING.base_symbols
    boost = found("sine-Gordon")["Lorentz boost along x"]
    assert (boost.tau, boost.eta) == ((place, c**2 * t), (ZERO,))
    energy = u_t**2 / 2 + c**2 * u_x**2 / 2 + k * (1 - sp.cos(u))
    assert equal(boost.conserved, place * energy + c**2 * t * u_t * u_x)
    assert found("wave")["Lorentz boost along x"].tau == (rho * place, k * t)


def test_currents_of_the_beam_and_of_shallow_water():
    t, place = STRING.base_symbols
    beam = found("beam")
    assert beam["shift of u"].current == (rho * u_t, EI * STRING.symbol(0, (1, 1, 1)))
    assert equal(beam["shift of u by t"].conserved, rho * (t * u_t - u))
    boost = found("Korteweg-de Vries")["Galilean boost along x with shift of u by x"]
    assert (boost.tau, boost.eta) == ((ZERO, 6 * t), (place,))
