"""Reading a network: its canonical parts as tables of what they depend on."""

import numpy as np
import pytest
import sympy as sp

from lagsym.data.samples import Samples
from lagsym.distillation.reading.parts import (
    kinetic_energy,
    momentum,
    tabulate_kinetic,
    tabulate_parts,
)
from lagsym.mechanics.jetspace import JetSpace

NAMES = ("x", "y")
SPACE = JetSpace(NAMES)
(X, Y), (V, W) = SPACE.positions, SPACE.velocities
RADIUS = sp.sqrt(X**2 + Y**2)
Q, U = np.random.default_rng(0).uniform(0.5, 1.5, (2, 300, 2))
DATA = Samples(NAMES, Q, U, 0 * Q)


def values(part, expression):
    """An expression over the positions, at the rows of the part's table."""
    symbols = list(part.features.values())
    columns = sp.lambdify((X, Y), symbols, "numpy")(*Q.T)
    order = np.argsort(np.asarray(columns[0]))
    found = sp.lambdify((X, Y), expression, "numpy")(*Q.T)[order]
    return found, part.table.y[np.argsort(part.table.X[:, 0])]


def test_every_part_is_a_table_of_what_it_depends_on(exact_network):
    lagrangian = 2 * (V**2 + W**2) + sp.exp(-RADIUS) / RADIUS + W * X**3 / 3
    tables = tabulate_parts(exact_network(lagrangian, NAMES), DATA)
    parts = {part.table.name: part for part in reversed(tables)}
    assert set(parts) == {"V", "M11", "M22", "B12"}
    assert list(parts["V"].features.values()) == [RADIUS, 1 / RADIUS]
    others = [list(part.features.values()) for part in tables if part.table.name == "V"][1:]
    assert others == [[RADIUS], [sp.log(RADIUS)]]
    assert parts["M11"].table.is_constant
    assert parts["M11"].table.y == pytest.approx(1.0)
    assert set(parts["B12"].features.values()) == {X, 1 / X}
    # In units of the mean mass, which is four.
    assert np.allclose(*values(parts["V"], -sp.exp(-RADIUS) / RADIUS / 4))
    assert np.allclose(*values(parts["B12"], X**2 / 4))


def test_a_mass_that_depends_on_a_difference_has_one_column(exact_network):
    lagrangian = (1 + sp.exp(X - Y)) * V**2 / 2 + W**2 / 2 + V * W / 3 - X**2 - Y**4
    parts = {part.table.name: part for part in reversed(tabulate_parts(exact_network(lagrangian, NAMES), DATA))}
    assert list(parts["M11"].features.values()) == [X - Y]
    assert parts["M12"].table.is_constant
    assert "B12" not in parts
    assert {X, Y} < set(parts["V"].features.values())


def test_a_part_that_is_a_sum_says_so_in_the_blocks_of_its_first_table(exact_network):
    lagrangian = (V**2 + W**2) / 2 + V**4 / 4 - sp.exp(-X) - sp.sqrt(1 + Y)
    network = exact_network(lagrangian, NAMES)
    tables = [part for part in tabulate_parts(network, DATA) if part.table.name == "V"]
    blocks = [[list(part.features.values())[k] for k in block] for part in tables[:1] for block in part.table.blocks]
    assert blocks == [[X, 1 / X], [Y, 1 / Y]]
    assert all(part.table.blocks == () for part in tables[1:])
    coupled = exact_network(lagrangian - X * Y, NAMES)
    assert all(part.table.blocks == () for part in tabulate_parts(coupled, DATA))
    assert tabulate_kinetic(network, DATA).table.blocks == ((0,), (1,))
    mixed = exact_network(lagrangian + V**2 * W**2 / 3, NAMES)
    assert tabulate_kinetic(mixed, DATA).table.blocks == ()


def test_a_formula_of_a_part_becomes_a_term_of_the_lagrangian(exact_network):
    lagrangian = 2 * (V**2 + W**2) + sp.exp(-RADIUS) / RADIUS + W * X**3 / 3
    parts = {part.table.name: part for part in reversed(tabulate_parts(exact_network(lagrangian, NAMES), DATA))}
    column = {expression: symbol for symbol, expression in parts["B12"].features.items()}[X]
    assert parts["B12"].in_lagrangian(column**2) == W * X**3 / 3
    assert parts["B12"].in_lagrangian(sp.exp(column**3) * sp.sin(sp.exp(column))) is None
    radius = {expression: symbol for symbol, expression in parts["V"].features.items()}[RADIUS]
    assert parts["V"].in_lagrangian(radius**2) == -(X**2) - Y**2


def test_the_kinetic_energy_and_its_slope_are_those_of_the_formula(exact_network):
    speed = V**2 + W**2
    lagrangian = -sp.sqrt(1 - speed / 10) + X * V - Y**2
    network, jets = exact_network(lagrangian, NAMES), DATA.jets()
    v, w = U.T
    root = np.sqrt(1 - (v**2 + w**2) / 10)
    assert kinetic_energy(network, jets) == pytest.approx(1 - root, rel=1e-9)
    assert momentum(network, jets) == pytest.approx(U / 10 / root[:, None], rel=1e-9)
    assert list(tabulate_kinetic(network, DATA).features.values()) == [speed]
    other = exact_network(lagrangian + V**4, NAMES)
    assert list(tabulate_kinetic(other, DATA).features.values()) == [V, W, speed]
    assert {part.table.name for part in tabulate_parts(network, DATA, moving=True)} == {"V"}
