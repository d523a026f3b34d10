import pytest
import sympy as sp
from latex2mathml.converter import convert

from lagsym import systems
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.latex import equations_latex, number_latex, to_latex
from lagsym.mechanics.notation.parsing import parse

LAGRANGIANS = {
    "mass_spring": r"\frac{1}{2} m \dot{x}^{2} - \frac{1}{2} k x^{2}",
    "pendulum": r"\frac{1}{2} m l^{2} \dot{\theta}^{2} + m g l \cos \theta",
    "double_pendulum": (
        r"\frac{1}{2} \left(m_{1} + m_{2}\right) l_{1}^{2} \dot{\theta}_{1}^{2} "
        r"+ \frac{1}{2} m_{2} l_{2}^{2} \dot{\theta}_{2}^{2} "
        r"+ m_{2} l_{1} l_{2} \dot{\theta}_{1} \dot{\theta}_{2} \cos\left(\theta_{1} - \theta_{2}\right) "
        r"+ \left(m_{1} + m_{2}\right) g l_{1} \cos \theta_{1} + m_{2} g l_{2} \cos \theta_{2}"
    ),
    "kepler": r"\frac{1}{2} m \left(\dot{r}^{2} + r^{2} \dot{\phi}^{2}\right) + \frac{m \mu}{r}",
    "spring_pendulum": (
        r"\frac{1}{2} m \left(\dot{r}^{2} + r^{2} \dot{\theta}^{2}\right) "
        r"- \frac{1}{2} k \left(r - l\right)^{2} + m g r \cos \theta"
    ),
    "coupled_oscillators": (
        r"\frac{1}{2} m_{1} \dot{x}_{1}^{2} + \frac{1}{2} m_{2} \dot{x}_{2}^{2} - \frac{1}{2} k_{1} x_{1}^{2} "
        r"- \frac{1}{2} \kappa \left(x_{2} - x_{1}\right)^{2} - \frac{1}{2} k_{2} x_{2}^{2}"
    ),
}


# J. R. Taylor, Classical Mechanics, (11.41) and (11.42), both divided by a length.
DOUBLE_PENDULUM = tuple(
    equation.replace(r"\Delta", r"\theta_{1} - \theta_{2}")
    for equation in (
        (
            r"\left(m_{1} + m_{2}\right) l_{1} \ddot{\theta}_{1}"
            r" + m_{2} l_{2} \ddot{\theta}_{2} \cos\left(\Delta\right)"
            r" + m_{2} l_{2} \dot{\theta}_{2}^{2} \sin\left(\Delta\right)"
            r" + \left(m_{1} + m_{2}\right) g \sin \theta_{1} = 0"
        ),
        (
            r"l_{1} \ddot{\theta}_{1} \cos\left(\Delta\right) + l_{2} \ddot{\theta}_{2} "
            r"- l_{1} \dot{\theta}_{1}^{2} \sin\left(\Delta\right) + g \sin \theta_{2} = 0"
        ),
    )
)
EQUATIONS = {
    # As in the textbooks that are the systems' sources.
    "double_pendulum": DOUBLE_PENDULUM,
    "pendulum": (r"l \ddot{\theta} + g \sin \theta = 0",),
    "kepler": (
        r"\ddot{r} - r \dot{\phi}^{2} + \frac{\mu}{r^{2}} = 0",
        r"r^{2} \ddot{\phi} + 2 r \dot{r} \dot{\phi} = 0",
    ),
    "spring_pendulum": (
        r"m \ddot{r} - m r \dot{\theta}^{2} + k \left(r - l\right) - m g \cos \theta = 0",
        r"r^{2} \ddot{\theta} + 2 r \dot{r} \dot{\theta} + g r \sin \theta = 0",
    ),
    "damped_pendulum": (r"m l^{2} \ddot{\theta} + c \dot{\theta} + m g l \sin \theta = 0",),
    "relativistic_particle": (r"\frac{m \ddot{x}}{\left(1 - \frac{\dot{x}^{2}}{c^{2}}\right)^{3/2}} + k x = 0",),
    "position_dependent_mass": (r"\left(1 + \lambda x^{2}\right) \ddot{x} - \lambda x \dot{x}^{2} + \alpha x = 0",),
    "klein_gordon": (r"\phi_{tt} - c^{2} \phi_{xx} + m^{2} \phi = 0",),
    "sine_gordon": (r"\phi_{tt} - c^{2} \phi_{xx} + \omega^{2} \sin \phi = 0",),
    "complex_klein_gordon": (
        r"\phi_{1,tt} - c^{2} \phi_{1,xx} + m^{2} \phi_{1} = 0",
        r"\phi_{2,tt} - c^{2} \phi_{2,xx} + m^{2} \phi_{2} = 0",
    ),
    "euler_bernoulli_beam": (r"\rho w_{tt} + B w_{xxxx} = 0",),
    "wave_2d": (r"\sigma u_{tt} - \tau \left(u_{xx} + u_{yy}\right) = 0",),
}


@pytest.mark.parametrize("name", LAGRANGIANS)
def test_lagrangians_read_like_a_textbook(name):
    system = systems.get(name)
    assert to_latex(system.lagrangian, system.space) == LAGRANGIANS[name]


@pytest.mark.parametrize("name", EQUATIONS)
def test_equations_read_like_a_textbook(name):
    system = systems.get(name)
    equations = equations_latex(system.lagrangian, system.space, dissipation=system.dissipation, forces=system.forces)
    assert equations == EQUATIONS[name]


@pytest.mark.parametrize("system", systems.catalogue().values(), ids=list(systems.catalogue()))
def test_equations_convert_to_mathml(system):
    equations = equations_latex(system.lagrangian, system.space, dissipation=system.dissipation, forces=system.forces)
    assert len(equations) == len(system.space.fields)
    for equation in equations:
        assert convert(equation).startswith("<math")
        assert equation.endswith(" = 0")
        assert not equation.startswith("-")
        assert "_{dot" not in equation


@pytest.mark.parametrize("name", ["double_pendulum", "relativistic_particle", "symmetric_top", "klein_gordon"])
def test_solved_equations_have_the_highest_derivative_on_the_left(name):
    system = systems.get(name)
    equations = equations_latex(system.lagrangian, system.space, solved=True)
    for equation, acceleration in zip(equations, system.space.accelerations, strict=True):
        assert equation.startswith(f"{to_latex(acceleration, system.space)} = ")
        assert convert(equation)


def test_solved_equations_are_short():
    system = systems.get("relativistic_particle")
    (equation,) = equations_latex(system.lagrangian, system.space, solved=True)
    # F = gamma^3 m a, as in any textbook on relativity
    assert equation == (r"\ddot{x} = - \frac{k x \left(1 - \frac{\dot{x}^{2}}{c^{2}}\right)^{3/2}}{m}")
    system = systems.get("cart_pole")
    first, _ = equations_latex(system.lagrangian, system.space, solved=True)
    assert first.endswith(r"{m_{1} + m_{2} \sin^{2} \theta}")


def test_accelerations_and_higher_derivatives_have_dots():
    space = JetSpace(("q",))
    (q,), (v,), (a,) = space.positions, space.velocities, space.accelerations
    gamma, omega = sp.symbols("gamma omega", real=True)
    # A. Pais and G. E. Uhlenbeck, Physical Review 79 (1950) 145
    lagrangian = gamma * a**2 / 2 - gamma * omega**2 * v**2 / 2 + q**2 / 2
    assert equations_latex(-lagrangian, space) == (r"\gamma \ddddot{q} + \gamma \omega^{2} \ddot{q} + q = 0",)


def test_fitted_constants_carry_their_errors_and_signs():
    space = JetSpace(("theta1", "theta2"))
    (theta1, theta2), (w1, w2) = space.positions, space.velocities
    c = sp.symbols("c1:5", real=True)
    lagrangian = w1**2 / 2 + c[0] * w2**2 / 2 + c[1] * w1 * w2 * sp.cos(theta1 - theta2) - c[2] * sp.cos(theta1) + c[3]
    constants = {c[0]: (0.634, 0.0042), c[1]: (0.812, None), c[2]: (-124.03, 0.52), c[3]: (-3.0, 0.0)}
    text = to_latex(lagrangian, space, constants=constants)
    assert text == (
        r"\frac{1}{2} \dot{\theta}_{1}^{2} + 0.317(2) \dot{\theta}_{2}^{2} "
        r"+ 0.812 \dot{\theta}_{1} \dot{\theta}_{2} \cos\left(\theta_{1} - \theta_{2}\right) "
        r"+ 124.0(5) \cos \theta_{1} - 3"
    )
    assert convert(text)


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (0.31702, 0.0021, "0.317(2)"),
        (0.31702, 0.0014, "0.3170(14)"),
        (124.2, 3.1, "124(3)"),
        (1234.0, 310.0, "1200(300)"),
        (-0.5, 0.01, "-0.500(10)"),
        (0.5, None, "0.5"),
        (0.5, 0.0, "0.5"),
        (1 / 3, 1e-14, "0.333333333333"),
        (1.5e-7, 2.4e-9, r"1.50(2) \times 10^{-7}"),
        (2.5e8, None, r"2.5 \times 10^{8}"),
        (0.0, 0.1, "0"),
    ],
)
def test_numbers_have_the_digits_that_their_errors_support(value, error, expected):
    assert number_latex(value, error) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("phi_t**2/2 - phi_x**2/2 + cos(phi)", r"\frac{1}{2} \phi_{t}^{2} - \frac{1}{2} \phi_{x}^{2} + \cos \phi"),
        ("-phi_xx", r"- \phi_{xx}"),
        ("phi_xxxx + phi_ttx", r"\phi_{ttx} + \phi_{xxxx}"),
        ("psi1_t*psi1_x/2", r"\frac{1}{2} \psi_{1,t} \psi_{1,x}"),
        ("psi1*phi_t - phi*psi1_t", r"\psi_{1} \phi_{t} - \phi \psi_{1,t}"),
    ],
)
def test_fields_have_subscripts(text, expected):
    space = JetSpace(("phi", "psi1"), ("t", "x"))
    assert to_latex(parse(text, space.names), space) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3*x_dot/(2*x)", r"\frac{3 \dot{x}}{2 x}"),
        ("-2.5*sqrt(1 - x_dot**2)", r"- 2.5 \sqrt{1 - \dot{x}^{2}}"),
        ("cos(x)**2", r"\cos^{2} x"),
        ("sin(2*x)", r"\sin\left(2 x\right)"),
        ("1.0*x", "x"),
        ("x_ddot + x", r"\ddot{x} + x"),
        ("atan2(x, x_dot)", r"\operatorname{atan2}\left(x, \dot{x}\right)"),
        ("atan(x)", r"\arctan x"),
        ("0", "0"),
        ("(x**2 + 1)**(3/2)", r"\left(1 + x^{2}\right)^{3/2}"),
        ("(x**2 + 1)**(-1/2)", r"\frac{1}{\sqrt{1 + x^{2}}}"),
        ("exp(-x/2)", r"e^{- x / 2}"),
        ("x_dot*exp(x)*sin(x)", r"\dot{x} e^{x} \sin x"),
        ("-(x + x_dot)/3", r"- \frac{1}{3} \dot{x} - \frac{1}{3} x"),
        ("1e7*x", r"10^{7} x"),
        ("x - 3*(x_dot - x)**2", r"- 3 \left(\dot{x} - x\right)^{2} + x"),
        ("log(x)*abs(x)", r"\left|{x}\right| \log x"),
        ("sin(x)*cos(x)*x", r"x \sin x \cos x"),
        ("1 - x", "1 - x"),
        ("sin(1 - x)", r"- \sin\left(x - 1\right)"),
    ],
)
def test_expressions(text, expected):
    space = JetSpace(("x",))
    assert to_latex(parse(text, space.names), space) == expected
    assert convert(expected)


def test_friction_is_part_of_the_equation():
    space = JetSpace(("x",))
    (x,), (v,) = space.positions, space.velocities
    d = sp.Symbol("d1", real=True)
    (equation,) = equations_latex(v**2 / 2 - x**2, space, dissipation=d * v**2 / 2, constants={d: (0.1, 0.02)})
    assert equation == r"\ddot{x} + 0.10(2) \dot{x} + 2 x = 0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("m2*m1*G*x", r"G m_{1} m_{2} x"),
        ("g*l*m*cos(x)", r"m g l \cos x"),
        ("latitude*x", r"\mathrm{latitude} x"),
        ("Omega*m*x", r"m \Omega x"),
        ("x*sqrt(k/m)", r"\sqrt{\frac{k}{m}} x"),
        ("m*g*(x**2 + x_dot**2)/(2*l)", r"\frac{m g}{2 l} \left(\dot{x}^{2} + x^{2}\right)"),
        ("x/sqrt(k)", r"\frac{x}{\sqrt{k}}"),
        ("(x_dot**2 - k*x**2)/(2 + 2*k*x**2)", r"\frac{\dot{x}^{2} - k x^{2}}{2 \left(1 + k x^{2}\right)}"),
        ("r_e*x", r"r_{e} x"),
        ("-k1*x - k2*x", r"- \left(k_{1} + k_{2}\right) x"),
        ("x_ddot*x_dot**2 + k*x_ddot", r"k \ddot{x} + \dot{x}^{2} \ddot{x}"),
    ],
)
def test_parameters_stand_in_their_places(text, expected):
    space = JetSpace(("x",))
    assert to_latex(parse(text, space.names, allow_parameters=True), space) == expected


def test_fitted_constants_are_not_divided_out():
    space = JetSpace(("x",))
    (x,), (v,) = space.positions, space.velocities
    c = sp.Symbol("c1", real=True)
    equations = equations_latex(c * v**2 / 2 - c * x**2, space, constants={c: (0.5, 0.1)})
    assert equations == (r"0.50(10) \ddot{x} + 1.0(2) x = 0",)
