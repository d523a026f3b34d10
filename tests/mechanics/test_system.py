import pytest
import sympy as sp

from lagsym import systems
from lagsym.errors import InputError
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System, parameter_symbol


def test_unknown_symbols_are_refused():
    space = JetSpace(("q",))
    with pytest.raises(InputError, match="k in the Lagrangian is neither"):
        System("spring", space, space.velocities[0] ** 2 - parameter_symbol("k") * space.positions[0] ** 2)


def test_numbers_replace_parameters():
    system = systems.get("mass_spring").with_parameters({"k": 3.0})
    (x,), (v,) = system.space.positions, system.space.velocities
    assert sp.expand(system.numeric_lagrangian - (v**2 - 3 * x**2) / 2) == 0
    assert systems.get("mass_spring").parameters["k"] == 4.0


def test_unknown_parameters_are_refused():
    with pytest.raises(InputError, match="has the parameters m, k; got mass"):
        systems.get("mass_spring").with_parameters({"mass": 1.0})
