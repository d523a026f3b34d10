"""Laws that are found from few nodes, against what moved them; and what gauge leaves open."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import sympy as sp

from lagsym import simulate
from lagsym.data.trajectories import Trajectories
from lagsym.distillation.engines import Engine, Formula, FormulaFront
from lagsym.distillation.engines.operon import OperonEngine
from lagsym.distillation.engines.refit import expanded, split
from lagsym.distillation.graphs import SYMBOLS, distill_graph, read_edges
from lagsym.distillation.graphs.distilling import _integrals
from lagsym.distillation.graphs.reading import _open_columns
from lagsym.distillation.graphs.search import RATE, Library, choose_sum, search_sums
from lagsym.errors import DataError, InputError
from lagsym.neural.graphs import Graph, GraphForm, GraphOptions, all_pairs, chain, fit_graph, states

SLOW = pytest.mark.slow
OPERON = OperonEngine({"rational": ("Div",)}, population=400)
(R,), (S,), (Q,) = SYMBOLS["pair"], SYMBOLS["stretch"], SYMBOLS["site"]
PAIRS = {
    "springs": (lambda r: -1.2 * (r - 1.5), sp.Float(-0.6) * R**2 + sp.Float(1.8) * R, 0.3),
    "gravity": (lambda r: -1 / r**2, 1 / R, 0.35),
    "lennard_jones": (lambda r: 24 / r**13 - 12 / r**7, 2 / R**6 - 2 / R**12, 0.95),
    "yukawa": (lambda r: -np.exp(-0.7 * r) * (0.7 / r + 1 / r**2), sp.exp(sp.Float(-0.7) * R) / R, 0.35),
}


def bodies(force, nearest, samples, seed, dimension=2, masses=(1.0,) * 4):
    generator = np.random.default_rng(seed)
    q = generator.uniform(0, 3, (30 * samples, 4, dimension))
    away = q[:, :, None] - q[:, None]
    distance = np.linalg.norm(away, axis=-1) + 9 * np.eye(4)
    kept = distance.min((1, 2)) > nearest
    q, away, distance = q[kept][:samples], away[kept][:samples], distance[kept][:samples]
    pull = force(distance) * (1 - np.eye(4)) / distance
    return q, 0 * q, (pull[..., None] * away).sum(2) / np.array(masses)[:, None]


def lattice(force, site, samples, seed, sites=8):
    q, v = 0.8 * np.random.default_rng(seed).standard_normal((2, samples, sites, 1))
    pull = force(np.roll(q, -1, 1) - q)
    return q, v, pull - np.roll(pull, 1, 1) + site(q)


def agree(found, expected, symbol, between):
    x = np.linspace(*between, 50)
    slope = [sp.lambdify(symbol, sp.diff(one, symbol), "numpy")(x) + 0 * x for one in (found, expected)]
    np.testing.assert_allclose(*slope, rtol=1e-6, atol=1e-6)


def terms(expression):
    return len(sp.Add.make_args(expression))


@pytest.mark.parametrize(
    "name", ["lennard_jones", "yukawa", *(pytest.param(n, marks=SLOW) for n in ("springs", "gravity"))]
)
def test_pair_laws_are_recovered(name):
    force, expected, nearest = PAIRS[name]
    train, choose = bodies(force, nearest, 500, 0), bodies(force, nearest, 60, 1)
    fit = fit_graph(train, choose, all_pairs(4), options=GraphOptions(width=12, tolerance=1e-4))
    law = distill_graph(fit, train)
    assert terms(law.edges[0].expression) == terms(expected)
    agree(law.edges[0].expression, expected, R, (nearest, 3.0))
    assert law.residual < 1e-9
    assert law.fidelity[0] < 1e-2


@pytest.mark.parametrize("dimension", [1, 3])
def test_pair_laws_on_a_line_and_in_space_with_masses(dimension):
    force, expected, nearest = PAIRS["gravity"]
    masses = (1.0, 2.0, 0.5, 3.0)
    train = bodies(force, nearest, 400, 0, dimension, masses)
    choose = bodies(force, nearest, 60, 1, dimension, masses)
    options = GraphOptions(width=10, tolerance=1e-3)
    law = distill_graph(fit_graph(train, choose, all_pairs(4, masses=masses), options=options), train)
    agree(law.edges[0].expression, expected, R, (nearest, 3.0))


def test_noise_on_accelerations_leaves_the_structure():
    force, _, nearest = PAIRS["lennard_jones"]
    generator = np.random.default_rng(5)

    def noisy(samples, seed):
        q, v, a = bodies(force, nearest, samples, seed)
        return q, v, a * (1 + 0.01 * generator.standard_normal(a.shape))

    train, choose = noisy(600, 0), noisy(80, 1)
    law = distill_graph(fit_graph(train, choose, all_pairs(4), options=GraphOptions(width=8, steps=80)), train)
    assert set(law.edges[0].terms) == {R**-6, R**-12}
    np.testing.assert_allclose(np.abs(law.edges[0].coefficients), 2.0, rtol=5e-3)


@pytest.mark.parametrize(
    ("form", "node"),
    [("stretch", "mass"), pytest.param("lattice", "free", marks=SLOW)],
)
def test_toda_is_recovered_on_a_ring(form, node):
    def toda(s):
        return np.exp(0.8 * s) - 1

    train, choose = (lattice(toda, np.zeros_like, samples, seed) for samples, seed in ((300, 0), (40, 1)))
    options = GraphOptions(GraphForm((form,), node), width=10, steps=100, tolerance=1e-4)
    law = distill_graph(fit_graph(train, choose, chain(8, ring=True), options=options), train)
    # The linear term of Toda's potential cancels round the ring.
    (term,) = law.edges[0].terms
    assert sp.simplify(sp.log(term) / SYMBOLS[form][-1]).evalf(6) == sp.Float(0.8, 6)
    assert law.edges[0].coefficients[0] == pytest.approx(-1.25, rel=1e-6)
    assert law.node is None


def test_sites_and_edges_are_told_apart():
    train, choose = (
        lattice(lambda s: 1.3 * s, lambda q: -1.7 * np.sin(q), samples, seed) for samples, seed in ((300, 0), (40, 1))
    )
    options = GraphOptions(GraphForm(("lattice",), "natural"), width=10, steps=100, tolerance=1e-4)
    fit = fit_graph(train, choose, chain(8, ring=True), options=options)
    law = distill_graph(fit, train)
    assert law.edges[0].terms == (SYMBOLS["lattice"][-1] ** 2,)
    assert law.edges[0].coefficients[0] == pytest.approx(-0.65, rel=1e-6)
    agree(law.node.expression, sp.Float(1.7) * sp.cos(Q), Q, (-2.0, 2.0))
    longer = lattice(lambda s: 1.3 * s, lambda q: -1.7 * np.sin(q), 5, 3, sites=20)
    np.testing.assert_allclose(law.acceleration(chain(20, ring=True), longer[0]), longer[2], rtol=1e-6, atol=1e-6)


@SLOW
def test_open_chains_keep_the_constant_of_a_stretch():
    def with_rest_length(s):
        return 1.3 * (s - 0.4)

    def ends(samples, seed):
        q = np.random.default_rng(seed).standard_normal((samples, 5, 1))
        pull = with_rest_length(np.diff(q, axis=1))
        a = np.zeros_like(q)
        a[:, :-1] += pull
        a[:, 1:] -= pull
        return q, 0 * q, a

    options = GraphOptions(GraphForm(("stretch",)), width=8, steps=60)
    law = distill_graph(fit_graph(ends(200, 0), ends(40, 1), chain(5), options=options), ends(200, 0))
    agree(law.edges[0].expression, -sp.Float(0.65) * S**2 + sp.Float(0.52) * S, S, (-2.0, 2.0))


@SLOW
def test_kinds_of_edges_have_laws_of_their_own():
    near, far = chain(6, ring=True), chain(6, ring=True, reach=2)
    graph = Graph(6, (*near.edges, *far.edges), kinds=(0,) * 6 + (1,) * 6)

    def motion(samples, seed):
        q = 0.8 * np.random.default_rng(seed).standard_normal((samples, 6, 1))
        first, second = 2.0 * (np.roll(q, -1, 1) - q), (np.roll(q, -2, 1) - q) ** 3
        return q, 0 * q, first - np.roll(first, 1, 1) + second - np.roll(second, 2, 1)

    options = GraphOptions(GraphForm(("stretch", "stretch")), width=8, steps=80)
    law = distill_graph(fit_graph(motion(200, 0), motion(40, 1), graph, options=options), motion(200, 0))
    agree(law.edges[0].expression, -(S**2), S, (-2.0, 2.0))
    agree(law.edges[1].expression, -(S**4) / 4, S, (-2.0, 2.0))


def test_the_law_is_a_lagrangian_that_moves_more_bodies():
    force, _, nearest = PAIRS["springs"]
    train, choose = bodies(force, nearest, 300, 0), bodies(force, nearest, 40, 1)
    law = distill_graph(fit_graph(train, choose, all_pairs(4), options=GraphOptions(width=8, steps=40)), train)
    masses = (1.0, 2.0, 1.5)
    graph, names = all_pairs(3, masses=masses), ("x1", "y1", "x2", "y2", "x3", "y3")
    start = np.array([[0.0, 0.0, 1.2, 0.3, -0.4, 1.5]])
    data = simulate(law.system(graph, names), initial=(start, 0 * start), span=1.0, step=0.05)
    assert isinstance(data, Trajectories)
    q, v, a = states(data)
    np.testing.assert_allclose(law.acceleration(graph, q), a, rtol=1e-9, atol=1e-9)
    energy = law.energy(graph, q, v)
    np.testing.assert_allclose(energy, energy[0], rtol=1e-9)
    assert "x1_dot**2" in law.text(graph, names)
    with pytest.raises(InputError, match="coordinates of 3 nodes"):
        law.lagrangian(graph, names[:4])


@pytest.fixture(scope="module")
def softening():
    """Springs that soften, on a ring, and a network that has learned them: no sum of the library is their energy."""

    def force(s):
        return 1.3 * s / (1 + 0.6 * s**2)  # of the energy -(1.3 / 1.2) log(1 + 0.6 s^2)

    train, choose = (lattice(force, np.zeros_like, samples, seed) for samples, seed in ((200, 0), (40, 1)))
    fit = fit_graph(train, choose, chain(8, ring=True), options=GraphOptions(GraphForm(("stretch",)), width=8))
    table = read_edges(fit, train[0]).table()
    np.testing.assert_allclose(np.ptp(table.y + force(table.X[:, 0])), 0.0, atol=1e-3)  # up to the ring's constant
    assert distill_graph(fit, train).residual > 1e-3
    return fit, train


def softens(law):
    agree(law.edges[0].expression, -sp.Float(1.3) / sp.Float(1.2) * sp.log(1 + sp.Float(0.6) * S**2), S, (-3.0, 3.0))
    assert law.residual < 1e-9
    assert len(law.edges[0].terms) == 1


@pytest.mark.skipif(OPERON.available() is not None, reason=str(OPERON.available()))
def test_an_engine_finds_what_no_library_holds(softening):
    fit, train = softening
    softens(distill_graph(fit, train, engine=OPERON))


@dataclass(frozen=True)
class Told(Engine):
    """An engine that knows its formulas, from simple to precise."""

    formulas: tuple[sp.Expr, ...]
    losses: tuple[float, ...]
    name: ClassVar[str] = "told"

    def available(self):
        return None

    def search(self, table, *, seed=0, budget=None):
        del seed, budget
        assert table.symbols == (S,)
        found = (Formula(one, k, loss) for k, (one, loss) in enumerate(zip(self.formulas, self.losses, strict=True)))
        return FormulaFront(tuple(found), self.name)


def test_formulas_of_an_engine_are_told_from_what_follows_the_networks_error(softening):
    """What is more precise than the network itself follows its errors."""
    fit, train = softening
    law, error = -1.299 * S / (0.6002 * S**2 + 1.0) + 1.6, fit.held_out_error**2
    closer = sp.exp(-(S**2)), sp.sin(S) * sp.exp(S / 2), S**7 * sp.exp(S)
    formulas = (-0.4 * S, law, *closer)
    losses = (0.2, 2 * error, 0.8 * error, 0.7 * error, 0.6 * error)
    softens(distill_graph(fit, train, engine=Told(formulas, losses)))


def test_numbers_inside_further_terms_are_fitted(softening):
    fit, train = softening
    softens(distill_graph(fit, train, terms=(sp.log(sp.Float(0.61) * S**2 + 1),)))


@pytest.mark.parametrize(
    ("force", "terms"),
    [
        (1.3 * S / (0.6 * S**2 + 1.0), ["log(0.6*s**2 + 1)"]),
        (S / (1.0 - 0.2 * S**2), ["log(1 - 0.2*s**2)"]),
        (2.1 * S * sp.exp(-0.3 * S), ["exp(-0.3*s)", "s*exp(-0.3*s)"]),
        (sp.exp(sp.exp(0.3 * S)), []),
        (0.002 * S / (0.001 * S * sp.exp(0.03 * S) + sp.exp(0.7 * S) / (1.0 - 58.0 * S)), []),
    ],
)
def test_forces_are_integrated_with_as_many_numbers_as_they_have(force, terms):
    ((_, term),) = split(expanded(force))
    assert sorted(str(one.evalf(6)) for one in _integrals(term, S, np.linspace(-2.0, 2.0, 41))) == terms


def test_nothing_is_found_where_nothing_acts():
    q, v = np.random.default_rng(0).standard_normal((2, 60, 4, 1))
    still = (q, v, 0 * q)
    fit = fit_graph(still, still, chain(4, ring=True), options=GraphOptions(GraphForm(("stretch",)), width=4, steps=5))
    with pytest.raises(DataError, match="all zero"):
        distill_graph(fit, still)


def test_nuisance_columns_explain_nothing_of_a_sum():
    x = np.linspace(-2, 2, 60)
    library = Library((S, S**2, S**3), (sp.exp(RATE * S),), (0.1, 10.0))

    def columns(term):
        return sp.lambdify(S, sp.diff(term, S), "numpy")(x) + 0 * x

    front = search_sums(columns, 3 * x**2 + 7, library, nuisance=np.ones((60, 1)))
    assert choose_sum(front).terms == (S**3,)
    assert not search_sums(columns, np.full(60, 7.0), library, nuisance=np.ones((60, 1)))


def test_gauge_leaves_a_function_of_each_end_open_and_no_coupling():
    a, b = np.random.default_rng(0).uniform(-1, 1, (2, 80))
    columns = _open_columns("lattice", np.stack([a, b], 1), balanced=True)
    gauge, coupling = np.concatenate([np.sin(a), np.exp(b)]), np.concatenate([b, a])
    left = [one - columns @ np.linalg.lstsq(columns, one, rcond=None)[0] for one in (gauge, coupling)]
    assert np.linalg.norm(left[0]) < 1e-5 * np.linalg.norm(gauge)
    assert np.linalg.norm(left[1]) > 0.5 * np.linalg.norm(coupling)


def test_a_constant_is_open_where_stretches_cancel_round_a_ring_and_nowhere_else():
    ends = np.zeros((5, 2))
    np.testing.assert_array_equal(_open_columns("stretch", ends, balanced=True), np.ones((5, 1)))
    assert _open_columns("stretch", ends, balanced=False) is None
    assert _open_columns("pair", ends, balanced=True) is None
