import pytest

from lagsym import systems
from lagsym.errors import InputError
from lagsym.mechanics.calculus import euler_lagrange
from lagsym.systems import chains

CATALOGUE = systems.catalogue()
FIRST = ["mass_spring", "pendulum", "double_pendulum", "kepler", "spring_pendulum", "coupled_oscillators"]


def test_names_are_looked_up():
    assert systems.get("kepler").space.fields == ("r", "phi")
    assert all(systems.get(name) is system for name, system in CATALOGUE.items())


def test_the_first_six_keep_their_order():
    assert [name for name in CATALOGUE if name in FIRST] == FIRST


def test_the_order_is_by_degrees_of_freedom_then_without_lagrangian_then_fields():
    def rank(system):
        if len(system.space.base) > 1:
            return 3
        if system.no_lagrangian:
            return 2
        return int(len(system.space.fields) > 1)

    ranks = [rank(system) for system in CATALOGUE.values()]
    assert ranks == sorted(ranks)
    assert [ranks.count(rank) for rank in range(4)] == [10, 17, 3, 9]


def test_particles_and_fields_share_the_catalogue_out():
    assert list(CATALOGUE) == [*systems.particles(), *systems.fields()]
    assert all(system.space.base == ("t",) for system in systems.particles().values())
    assert all(len(system.space.base) > 1 for system in systems.fields().values())


@pytest.mark.parametrize("name", ["double-pendulum", "DoublePendulum", "double_pendulm"])
def test_a_wrong_name_gets_a_suggestion(name):
    with pytest.raises(InputError, match="did you mean double_pendulum") as caught:
        systems.get(name)
    assert all(known in str(caught.value) for known in CATALOGUE)


def test_a_foreign_name_lists_the_catalogue():
    with pytest.raises(InputError, match="has mass_spring, pendulum"):
        systems.get("zzz")


@pytest.mark.parametrize("mapping", [systems.catalogue(), systems.particles(), systems.fields()])
def test_the_catalogue_cannot_be_changed(mapping):
    with pytest.raises(TypeError):
        mapping["new"] = systems.get("kepler")


@pytest.mark.parametrize("name", ["toda_chain", "fput_chain"])
def test_a_chain_has_as_many_masses_as_asked_for(name):
    assert len(systems.get(name).space.fields) == 4
    six = systems.get(f"{name}(6)")
    assert six.name == f"{name}(6)"
    assert six.space.fields == ("x1", "x2", "x3", "x4", "x5", "x6")
    assert "of 6 masses" in six.title
    assert (
        euler_lagrange(systems.get(f"{name}( 4 )").lagrangian, six.space)[:4]
        == euler_lagrange(systems.get(name).lagrangian, six.space)[:4]
    )


@pytest.mark.parametrize("size", ["1", "0", "33", "9999"])
def test_a_chain_of_a_size_out_of_range_is_refused(size):
    with pytest.raises(InputError, match=f"expected toda_chain with 2 to 32 masses, got {size}"):
        systems.get(f"toda_chain({size})")


@pytest.mark.parametrize("size", ["", "six", "-3", "2.5", "4, 5", "1e1", "99999", "٤"])
def test_a_size_that_is_no_whole_number_is_refused(size):
    with pytest.raises(InputError, match="expected a whole number of masses, such as fput_chain"):
        systems.get(f"fput_chain({size})")


def test_a_system_that_is_no_family_has_no_size():
    with pytest.raises(
        InputError, match="pendulum has no size to choose; expected a size for fput_chain or toda_chain"
    ):
        systems.get("pendulum(3)")
    with pytest.raises(InputError, match="did you mean toda_chain"):
        systems.get("toda_chian(6)")


def test_the_families_are_functions_of_the_number_of_masses():
    with pytest.raises(InputError, match="expected fput_chain with 2 to 32 masses, got 1"):
        chains.fput_chain(1)
    assert chains.toda_chain(3).space.fields == ("x1", "x2", "x3")
