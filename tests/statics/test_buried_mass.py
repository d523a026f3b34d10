from functools import cache

import numpy as np
import pytest
import sympy as sp

from lagsym.errors import DataError
from lagsym.least_action import PathOptions, least_action
from lagsym.mechanics.jetspace import JetSpace
from lagsym.statics import POINT_MASS, UNIFORM, Chain, find_buried_mass, hang
from lagsym.statics.potentials import PLACE_X, PLACE_Y, STRENGTH

MASS = (0.45, -0.6, 0.05)
ENDS = (((-0.6, 0.0), (0.2, 0.0)), ((0.0, 0.1), (0.8, 0.0)), ((0.5, 0.0), (1.3, 0.1)))


@cache
def shapes(strength):
    values = dict(zip((PLACE_X, PLACE_Y, STRENGTH), (*MASS[:2], strength), strict=True))
    potential = POINT_MASS.subs(values) if strength else UNIFORM
    s = np.linspace(0, 1, 81)
    return tuple(hang(*ends, 1.0, potential=potential, s=s, name=str(k)) for k, ends in enumerate(ENDS))


@cache
def clean(strength):
    return find_buried_mass(shapes(strength))


def measured(strength, noise, seed=0):
    random = np.random.default_rng(seed)
    for chain in shapes(strength):
        x, y = (part + noise * random.standard_normal(len(part)) for part in (chain.x, chain.y))
        yield Chain(chain.s, x, y, chain.name)


@pytest.mark.parametrize("strength", [MASS[2], -MASS[2]])
def test_clean_shapes_show_where_the_mass_is(strength):
    found = clean(strength)
    assert found.found
    assert np.abs(np.subtract((*found.position, found.strength), (*MASS[:2], strength))).max() < 1e-6
    assert found.noise < 1e-9 < found.noise_without


def test_noisy_shapes_show_it_within_its_errors():
    found = find_buried_mass(list(measured(MASS[2], 1e-3)))
    assert found.found
    away = np.abs(np.subtract((*found.position, found.strength), MASS))
    assert (away < 4 * np.array(found.standard_errors)).all()
    assert (away < 0.2 * np.abs(MASS)).all()
    assert found.noise == pytest.approx(1e-3, rel=0.1)


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_without_a_mass_none_is_claimed(noise):
    found = find_buried_mass(list(measured(0.0, noise)))
    assert not found.found
    assert found.potential == UNIFORM
    assert "No buried mass is significant" in found.notices[0]


def test_the_law_of_a_chain_has_its_shape_as_a_stationary_path():
    found = clean(MASS[2])
    chain = shapes(MASS[2])[1]
    path = least_action(
        found.lagrangian(1),
        chain.y[:1],
        chain.y[-1:],
        float(np.ptp(chain.x)),
        space=JetSpace(("y",), ("x",)),
        options=PathOptions(
            begin=float(chain.x[0]), guess=np.interp(np.linspace(0, 0.8, 99), chain.x, chain.y)[:, None]
        ),
    )
    assert np.abs(path.positions(chain.x)[:, 0] - chain.y).max() < 1e-6
    assert found.lagrangian(1).free_symbols == set(sp.symbols("x y y_x", real=True))


def test_no_chain_is_no_data():
    with pytest.raises(DataError, match="at least one chain"):
        find_buried_mass([])


def test_chains_that_hang_upwards_are_refused():
    upside_down = [Chain(chain.s, chain.x, -chain.y) for chain in shapes(0.0)]
    with pytest.raises(DataError, match="bends downwards"):
        find_buried_mass(upside_down)
