import pytest
import sympy as sp
from latex2mathml.converter import convert

from lagsym import systems
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.latex import equations_latex, number_latex, to_latex
from lagsym.mechanics.parsing import parse

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


@pytest.mark.parametrize("system", systems.catalogue().values(), ids=list(systems.catalogue()))
def test_the_catalogue_reads_like_a_textbook(system):
    assert to_latex(system.lagrangian, system.space) == LAGRANGIANS[system.name]


@pytest.mark.parametrize("system", systems.catalogue().values(), ids=list(systems.catalogue()))
@pytest.mark.parametrize("solved", [False, True])
def test_equations_convert_to_mathml(system, solved):
    equations = equations_latex(system.lagrangian, system.space, solved=solved)
    assert len(equations) == len(system.space.fields)
    for equation in equations:
        assert convert(equation).startswith("<math")
        assert equation.startswith(r"\ddot") if solved else equation.endswith("= 0")


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
    ],
)
def test_fields_have_subscripts(text, expected):
    space = JetSpace(("phi",), ("t", "x"))
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
