import pytest
import sympy as sp

from lagsym.errors import InputError
from lagsym.mechanics.jetspace import JetSpace


def test_names_follow_the_file_formats():
    particle, field = JetSpace(("theta1", "r")), JetSpace(("phi",), ("t", "x"))
    assert [str(v) for v in particle.velocities] == ["theta1_dot", "r_dot"]
    assert [str(a) for a in particle.accelerations] == ["theta1_ddot", "r_ddot"]
    assert str(field.symbol(0, (0, 1))) == "phi_tx"
    assert {"t", "x", "phi", "phi_t", "phi_xx", "phi_ttxx"} <= set(field.names)


def test_the_order_of_an_index_does_not_matter():
    field = JetSpace(("phi",), ("t", "x"))
    assert field.symbol(0, (1, 0)) is field.symbol(0, (0, 1))


def test_key_inverts_symbol():
    space = JetSpace(("u", "w"), ("t", "x", "y"))
    assert space.key(space.symbol(1, (2, 0))) == (1, (0, 2))
    assert space.key(space.base_symbols[1]) is None


def test_order():
    space = JetSpace(("q",))
    q, v, a = space.symbol(0), space.symbol(0, (0,)), space.symbol(0, (0, 0))
    assert [space.order(e) for e in (sp.Integer(3), q, q * v, q + a)] == [0, 0, 1, 2]


@pytest.mark.parametrize("fields", [("q", "q"), ("t",), ("q", "q_dot")])
def test_a_name_for_two_things_is_refused(fields):
    with pytest.raises(InputError, match="would mean two things"):
        JetSpace(fields)
