import pytest

from lagsym import systems
from lagsym.errors import InputError

CATALOGUE = systems.catalogue()


@pytest.mark.parametrize("system", CATALOGUE.values(), ids=list(CATALOGUE))
def test_entries_are_complete(system):
    symbols = {s.name for s in (*system.space.positions, *system.space.velocities)}
    assert CATALOGUE[system.name] is system
    assert set(system.ranges) == symbols
    assert set(system.parameter_ranges) == set(system.parameters)
    assert set(system.angles) <= set(system.space.fields)
    assert system.title
    assert system.source
    for name, (low, high) in system.parameter_ranges.items():
        assert low <= system.parameters[name] <= high
    for low, high in system.ranges.values():
        assert low < high


def test_names_are_looked_up():
    assert systems.get("kepler").space.fields == ("r", "phi")


@pytest.mark.parametrize("name", ["double-pendulum", "DoublePendulum", "double_pendulm"])
def test_a_wrong_name_gets_a_suggestion(name):
    with pytest.raises(InputError, match="did you mean double_pendulum") as caught:
        systems.get(name)
    assert all(known in str(caught.value) for known in CATALOGUE)


def test_a_foreign_name_lists_the_catalogue():
    with pytest.raises(InputError, match="has mass_spring, pendulum"):
        systems.get("zzz")


def test_the_catalogue_cannot_be_changed():
    with pytest.raises(TypeError):
        systems.catalogue()["new"] = systems.get("kepler")


def test_kepler_draws_are_ellipses():
    system = systems.get("kepler")
    (r0, r1), (w0, w1), (_, u1) = (system.ranges[name] for name in ("r", "phi_dot", "r_dot"))
    for mu in system.parameter_ranges["mu"]:
        for r in (r0, r1):
            for w in (w0, w1):
                eccentricity = ((r**3 * w**2 / mu - 1) ** 2 + (r**2 * w * u1 / mu) ** 2) ** 0.5
                assert eccentricity < 0.6
