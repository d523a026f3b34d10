"""Field data to sites, to a law of sites, to a density: against the normal modes that made the data."""

import numpy as np
import pytest
import sympy as sp

from lagsym import systems
from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.distillation.graphs import SYMBOLS, GraphLaw, SharedFunction, distill_graph, law_density
from lagsym.errors import InputError
from lagsym.mechanics.continuum import SPACE
from lagsym.mechanics.continuum import SPACING as SPACING_SYMBOL
from lagsym.neural.graphs import (
    Graph,
    GraphForm,
    GraphOptions,
    all_pairs,
    chain,
    fit_graph,
    observed,
    site_graph,
    site_trajectories,
)

SITES, SPACING, STEP = 10, 0.5, 0.04
SPEED, MASS = 1.0, 1.3


def waves(runs, seed, noise=0.0, rates=True):
    """Exact motion of a ring of sites by its normal modes, w^2 = m^2 + (2 c / h sin(k / 2))^2."""
    generator = np.random.default_rng(seed)
    wave = 2 * np.pi * np.arange(1, 4) / SITES
    frequency = np.sqrt(MASS**2 + (2 * SPEED / SPACING * np.sin(wave / 2)) ** 2)
    t, site = STEP * np.arange(60), np.arange(SITES)
    records = []
    for run in range(runs):
        u = np.zeros((len(t), SITES), complex)
        u_t = np.zeros_like(u)
        for k, w in zip(wave, frequency, strict=True):
            for sign in (-1, 1):
                part = complex(*generator.standard_normal(2)) * np.exp(1j * (k * site + sign * w * t[:, None]))
                u, u_t = u + part, u_t + sign * 1j * w * part
        field = u.real + noise * generator.standard_normal(u.shape)
        records.append(
            FieldRecord(t, (SPACING * site,), field[..., None], u_t.real[..., None] if rates else None, str(run))
        )
    return Lattice(("u",), ("t", "x"), tuple(records), (True,))


@pytest.mark.parametrize(
    ("noise", "rates", "close"), [(0.0, True, 1e-3), pytest.param(1e-3, False, 1e-2, marks=pytest.mark.slow)]
)
def test_field_data_become_a_density_by_way_of_sites(noise, rates, close):
    train, choose = (waves(runs, seed, noise, rates) for runs, seed in ((2, 0), (1, 1)))
    options = GraphOptions(GraphForm(("stretch",), "natural"), width=6, steps=40, tolerance=1e-3)
    motion = observed(site_trajectories(train))
    fit = fit_graph(motion, site_trajectories(choose), site_graph(train), options=options)
    law = distill_graph(fit, motion)
    assert law.edges[0].terms == (SYMBOLS["stretch"][0] ** 2,)
    assert law.node is not None
    assert law.node.terms == (SYMBOLS["site"][0] ** 2,)
    found = law_density(law, site_graph(train), SPACING)
    u, u_t, u_x = SPACE.symbol(0), SPACE.symbol(0, (0,)), SPACE.symbol(0, (1,))
    density = sp.Poly(found.density * SPACING, u, u_t, u_x)
    field = systems.get("klein_gordon")
    names = dict(zip(map(field.space.symbol, (0, 0, 0), ((), (0,), (1,))), (u, u_t, u_x), strict=True))
    constants = {sp.Symbol("c", real=True): SPEED, sp.Symbol("m", real=True): MASS}
    expected = sp.Poly(field.lagrangian.xreplace(names | constants), u, u_t, u_x)
    assert set(density.monoms()) == set(expected.monoms())
    for monom in expected.monoms():
        assert float(density.coeff_monomial(monom)) == pytest.approx(float(expected.coeff_monomial(monom)), rel=close)


def test_sites_are_read_as_they_lie():
    lattice = waves(2, 0)
    data = site_trajectories(lattice)
    np.testing.assert_array_equal(data.segments[1].q[:, 3], lattice.records[1].u[:, 3, 0])
    np.testing.assert_array_equal(data.segments[1].v[:, 3], lattice.records[1].u_t[:, 3, 0])
    assert data.segments[1].trajectory == "1"
    assert site_graph(lattice).edges[-1] == (SITES - 1, 0)
    assert site_graph(lattice, reach=2).edges[0] == (0, 2)


def test_other_lattices_are_refused():
    lattice = waves(1, 0)
    (record,) = lattice.records
    with pytest.raises(InputError, match="one periodic direction"):
        site_trajectories(Lattice(("u",), ("t", "x"), (record,), (False,)))
    double = FieldRecord(record.t, (SPACING * np.arange(2 * SITES),), np.concatenate([record.u, record.u], 1))
    with pytest.raises(InputError, match="same number of sites"):
        site_graph(lattice.with_records([record, double]))


def test_edges_of_a_lattice_and_of_stretches_have_one_density():
    (s,), (_, _, step) = SYMBOLS["stretch"], SYMBOLS["lattice"]
    row = chain(5, masses=(2.0,) * 5)
    one, other = (
        law_density(GraphLaw((SharedFunction(form, (symbol**2, symbol**3), (-2.0, 0.3)),)), row, order=4)
        for form, symbol in (("stretch", s), ("lattice", step))
    )
    assert one.density == other.density
    assert float(one.density.coeff(SPACE.symbol(0, (1,)), 3).subs(SPACING_SYMBOL, 1)) == pytest.approx(0.3)
    assert float(one.density.coeff(SPACE.symbol(0, (0,)), 2) * SPACING_SYMBOL) == 1.0


def test_laws_of_bodies_have_no_density():
    (r,) = SYMBOLS["pair"]
    with pytest.raises(InputError, match="edges between sites"):
        law_density(GraphLaw((SharedFunction("pair", (1 / r,), (1.0,)),)), all_pairs(4))


def test_a_stretch_is_that_of_as_many_spacings_as_its_edges_span():
    (s,) = SYMBOLS["stretch"]
    u_x = SPACE.symbol(0, (1,))
    far = GraphLaw((SharedFunction("stretch", (s**2,), (-0.125,)),))
    for graph in (chain(9, ring=True, reach=2), chain(9, reach=2)):
        assert float(law_density(far, graph, 1.0).density.coeff(u_x, 2)) == -0.5
    both = GraphLaw((*far.edges, SharedFunction("stretch", (s**2,), (-0.25,), 1)))
    near, next_but_one = (chain(9, ring=True, reach=reach) for reach in (1, 2))
    graph = Graph(9, (*next_but_one.edges, *near.edges), kinds=(0,) * 9 + (1,) * 9)
    assert float(law_density(both, graph, 1.0).density.coeff(u_x, 2)) == -0.75


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (Graph(6, (*chain(6).edges, (0, 3))), "as many places on"),
        (Graph(6, chain(6).edges[1:]), "as many places on"),
        (Graph(6, chain(6).edges, kinds=(1,) * 5), "edges of kind 0"),
        (chain(4, masses=(1.0, 2.0, 1.0, 2.0)), "one mass"),
    ],
)
def test_graphs_that_are_no_rows_have_no_density(graph, message):
    (s,) = SYMBOLS["stretch"]
    with pytest.raises(InputError, match=message):
        law_density(GraphLaw((SharedFunction("stretch", (s**2,), (-0.5,)),)), graph)
