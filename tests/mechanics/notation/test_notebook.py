"""What notebooks show of records."""

import sympy as sp

from lagsym import mechanics, systems
from lagsym.mechanics.notation.notebook import displayed

SPACE = mechanics.JetSpace(("q",))
(Q,), (V,), (T,) = SPACE.positions, SPACE.velocities, SPACE.base_symbols
OSCILLATOR = V**2 / 2 - Q**2 / 2


def rows(record):
    shown = record._repr_latex_()
    assert shown.startswith("$$\\begin{aligned}\n")
    assert shown.endswith("\n\\end{aligned}$$")
    return [row.removesuffix(r" \\") for row in shown.splitlines()[1:-1]]


def test_notebooks_show_the_lagrangian_and_the_equations():
    shown = systems.get("kepler")._repr_latex_()
    assert shown.startswith("$$\\begin{aligned}\nL &= ")
    assert shown.endswith("= 0\n\\end{aligned}$$")
    assert shown.count(r"\\") == 2
    assert systems.get("wave_1d")._repr_latex_().startswith("$$\\begin{aligned}\n\\mathcal{L} &= ")


def test_long_formulas_are_displayed_in_lines():
    long = " + ".join(f"a_{{{n}}}" for n in range(100))
    rows = displayed([("L", long), ("", "b = 0")]).splitlines()
    assert rows[1].startswith("L &= a_{0}")
    assert all(row.startswith(r"&\qquad {} +") for row in rows[2:-2])
    assert rows[-2] == "& b = 0"
    assert len(rows) > 4


def test_verdicts_show_scale_and_gauge():
    assert rows(mechanics.compare(3 * V**2 - 3 * Q**2 + Q * V, OSCILLATOR, SPACE)) == [
        r"& \text{gauge-equivalent}",
        r"L &= 6 L_{0} + \frac{d F}{d t} + \text{const}",
        r"F &= \frac{1}{2} q^{2}",
    ]
    assert rows(mechanics.compare(OSCILLATOR, OSCILLATOR, SPACE))[1] == r"L &= L_{0} + \text{const}"
    assert rows(mechanics.compare(V**2 - 2 * Q**2, OSCILLATOR, SPACE)) == [
        r"& \text{different}",
        r"& \text{the equation of q differs}",
    ]


def test_verdicts_of_fields_show_the_components_that_were_added():
    field = mechanics.JetSpace(("u",), ("t", "x"))
    u, u_t, u_x = field.symbol(0), field.symbol(0, (0,)), field.symbol(0, (1,))
    verdict = mechanics.compare(u_t**2 - u_x**2 + u * u_x, u_t**2 - u_x**2, field)
    assert rows(verdict)[1:] == [r"L &= L_{0} + D_{x} F^{x} + \text{const}", r"F^{x} &= \frac{1}{2} u^{2}"]


def test_verdicts_show_a_constant_multiplier():
    plane = mechanics.JetSpace(("x", "y"))
    (x, y), (vx, vy) = plane.positions, plane.velocities
    blocks = [(vx**2 - x**2) / 2, (vy**2 - 3 * y**2) / 2]
    verdict = mechanics.compare(blocks[0] + 2 * blocks[1], sum(blocks), plane)
    assert rows(verdict)[1] == r"E[L] &= \begin{pmatrix} 1 & 0 \\ 0 & 2 \end{pmatrix} E[L_{0}]"


def test_symmetries_show_what_they_change_and_keep():
    system = systems.get("charged_particle_magnetic")
    found = mechanics.symmetries(system.lagrangian, system.space, points=system.domain)
    assert rows(found[0])[:2] == [r"& \text{time translation}", r"\delta t &= 1"]
    assert rows(found[0])[2].startswith(r"J &= \frac{1}{2} m")
    wave = systems.get("wave_1d")
    shift = mechanics.symmetries(wave.lagrangian, wave.space, points=wave.domain)[1]
    assert [row.split(" &=")[0] for row in rows(shift)[1:]] == [r"\delta x", "J^{t}", "J^{x}"]


def test_hamiltonians_show_the_kinetic_energy_first():
    assert rows(mechanics.hamiltonian(V**2 / 2 - sp.cos(Q), SPACE)) == [r"H &= \frac{1}{2} p_{q}^{2} + \cos q"]
    assert rows(mechanics.hamiltonian(V**2 / 2 - Q**2, SPACE)) == [r"H &= \frac{1}{2} p_{q}^{2} + q^{2}"]
    assert rows(mechanics.hamiltonian(V**2 / 2 + Q**2, SPACE)) == [r"H &= \frac{1}{2} p_{q}^{2} - q^{2}"]


def test_existence_shows_the_multiplier():
    shown = rows(mechanics.find_multiplier([-Q - V], SPACE))
    assert shown[0] == r"& \text{exists}"
    assert "e^{t}" in shown[1]
    plane = mechanics.JetSpace(("x", "y"))
    (x, y), _ = plane.positions, plane.velocities
    assert rows(mechanics.find_multiplier([x**2 + y**2, x], plane)) == [r"& \text{impossible}"]


def test_canonical_parts_show_what_is_there():
    plane = mechanics.JetSpace(("x", "y"))
    (x, y), (vx, vy) = plane.positions, plane.velocities
    assert rows(mechanics.canonical_parts((vx**2 + vy**2) / 2 + x * vy - y**2, plane)) == [
        r"T &= \frac{1}{2} \left(\dot{x}^{2} + \dot{y}^{2}\right)",
        "V &= y^{2}",
        "A_{y} &= x",
        r"B &= \begin{pmatrix} 0 & 1 \\ -1 & 0 \end{pmatrix}",
    ]
    assert len(rows(mechanics.canonical_parts(OSCILLATOR, SPACE))) == 2


def test_small_motion_shows_its_matrices():
    small = mechanics.linearise(V**2 / 2 + sp.cos(Q), SPACE, {"q": 0})
    assert rows(small)[0] == r"& \text{about } q = 0"
    assert [row.split(" &=")[0] for row in rows(small)[1:]] == ["M", "K"]
    damped = mechanics.linearise(V**2 / 2 + sp.cos(Q), SPACE, {"q": 0}, dissipation=V**2)
    assert [row.split(" &=")[0] for row in rows(damped)[1:]] == ["M", "C", "K"]


def test_waves_show_their_branches():
    wave = systems.get("klein_gordon")
    shown = rows(mechanics.dispersion_relation(wave.lagrangian, wave.space, {"phi": 0}))
    assert len(shown) == 2
    assert all(row.startswith(r"\omega &= ") for row in shown)


def test_constrained_motion_shows_accelerations_and_multipliers():
    plane = mechanics.JetSpace(("x", "y"))
    (x, y), (vx, vy) = plane.positions, plane.velocities
    shown = rows(mechanics.constrained_motion((vx**2 + vy**2) / 2 - y, plane, [y - x]))
    assert [row.split(" &=")[0] for row in shown] == [r"\ddot{x}", r"\ddot{y}", r"\lambda_{1}"]
