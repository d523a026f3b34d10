"""Derivation sheets: what they hold, and that TeX sets them within the page."""

import re
import shutil
import subprocess

import pytest
import sympy as sp

from lagsym import systems
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.document import derivation_tex
from lagsym.mechanics.system import System

PDFLATEX = shutil.which("pdflatex")
SLOW = [name for name in systems.catalogue() if name not in ("triple_pendulum", "complex_klein_gordon")]


def blocks(text, name):
    return re.findall(rf"\\begin{{{name}}}\n(.*?)\n\\end{{{name}}}", text, re.DOTALL)


def test_a_pendulum():
    text = derivation_tex(systems.get("damped_pendulum"))
    assert text.startswith(r"\documentclass")
    assert re.findall(r"\\usepackage(?:\[\w+\])?{(\w+)}", text) == ["inputenc", "fontenc", "amsmath"]
    assert blocks(text, "align") == [r"& m l^{2} \ddot{\theta} + c \dot{\theta} + m g l \sin \theta = 0"]
    assert blocks(text, r"align\*")[:1] == [r"L &= \frac{1}{2} m l^{2} \dot{\theta}^{2} + m g l \cos \theta"]
    shown = blocks(text, r"align\*")
    assert r"D &= \frac{1}{2} c \dot{\theta}^{2}" in shown
    assert r"p_{\theta} &= m l^{2} \dot{\theta}" in shown
    assert r"E &= \frac{1}{2} m l^{2} \dot{\theta}^{2} - m g l \cos \theta" in shown
    # dE/dt = -2 D
    assert r"\dot{E} &= - c \dot{\theta}^{2}" in shown
    assert "It is conserved." not in text


def test_a_field():
    text = derivation_tex(systems.get("sine_gordon"), conserved=[])
    assert "Lagrangian density" in text
    assert r"\pi_{\phi} &= \phi_{t}" in text
    assert blocks(text, "align") == [r"& \phi_{tt} - c^{2} \phi_{xx} + \omega^{2} \sin \phi = 0"]
    assert "Conserved quantities" not in text


def test_conserved_quantities_are_listed_without_the_energy_again():
    system = systems.get("kepler")
    text = derivation_tex(system)
    assert text.count(r"\item") == len(system.conserved) - 1
    assert "It is conserved." in text
    assert r"& m r^{2} \dot{\phi}" in text
    momentum = system.conserved["angular momentum"]
    assert derivation_tex(system, [("angular momentum & 50 %", momentum)]).count(r"Angular momentum \& 50 \%:") == 1


def test_forces_are_named_after_their_coordinates():
    system = next(system for system in systems.catalogue().values() if system.forces)
    assert "generalised forces" in derivation_tex(system)
    assert r"Q_{x} &= " in derivation_tex(system)


def test_accelerations_in_the_lagrangian_give_two_momenta():
    space = JetSpace(("q",))
    (v,), (a,) = space.velocities, space.accelerations
    text = derivation_tex(System("fourth_order", space, a**2 / 2 - v**2 / 2))
    # Whittaker, Analytical Dynamics, section 110
    assert r"p_{q} &= - \dddot{q} - \dot{q}" in text
    assert r"p_{\dot{q}} &= \ddot{q}" in text


def test_titles_and_sources_are_escaped():
    space = JetSpace(("x",))
    (v,) = space.velocities
    text = derivation_tex(System("x_y", space, v**2, source="müller & sons, 100 % $5 #_{} ~^\\ 漢"))
    assert r"x\_y" in text
    assert r"Müller \& sons, 100 \% \$5 \#\_\{\} \textasciitilde{}\textasciicircum{}\textbackslash{} ?" in text


def compile_sheet(system, folder):
    (folder / "sheet.tex").write_text(derivation_tex(system), encoding="utf-8")
    command = [PDFLATEX, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "sheet.tex"]
    result = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=300, check=False
    )
    assert result.returncode == 0, result.stdout[-2000:]
    wide = [float(width) for width in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\)", result.stdout)]
    assert max(wide, default=0) < 10
    assert (folder / "sheet.pdf").stat().st_size > 1000


@pytest.mark.skipif(PDFLATEX is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("name", ["triple_pendulum", "complex_klein_gordon"])
def test_sheets_fit_on_the_page(name, tmp_path):
    compile_sheet(systems.get(name), tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(PDFLATEX is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("name", SLOW)
def test_all_sheets_fit_on_the_page(name, tmp_path):
    compile_sheet(systems.get(name), tmp_path)


@pytest.mark.skipif(PDFLATEX is None, reason="pdflatex is not installed")
def test_very_long_lagrangians_fit_on_the_page(tmp_path):
    space = JetSpace(tuple(f"theta{n}" for n in range(1, 7)))
    pairs = [(i, j) for i in range(6) for j in range(6) if i < j]
    kinetic = sum(
        sp.Symbol(f"c{i}{j}", real=True)
        * space.velocities[i]
        * space.velocities[j]
        * sp.cos(space.positions[i] - space.positions[j])
        for i, j in pairs
    )
    spring = sp.Symbol("k", real=True) * sum((space.positions[i] - space.positions[j]) ** 2 for i, j in pairs)
    parameters = {symbol.name: 1.0 for symbol in (kinetic - spring).free_symbols - set(space.names.values())}
    compile_sheet(System("chain", space, kinetic - spring, parameters), tmp_path)
