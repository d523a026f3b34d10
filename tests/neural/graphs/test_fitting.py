import numpy as np
import pytest

from lagsym.data.jets import Jets
from lagsym.errors import DataError, InputError
from lagsym.neural.graphs import GraphForm, GraphOptions, all_pairs, chain, fit_graph, graph_error, states


def bodies(count, samples, seed):
    """Bodies in the plane with an attraction e^(-r) (1 / r + 1 / r^2), in the reach of the data."""
    generator = np.random.default_rng(seed)
    found = generator.uniform(0, 3, (60 * samples, count, 2))
    away = found[:, :, None] - found[:, None]
    distance = np.linalg.norm(away, axis=-1) + np.eye(count)
    apart = (distance + 9 * np.eye(count)).min((1, 2)) > 0.4
    force = -np.exp(-distance) * (1 / distance + 1 / distance**2) * (1 - np.eye(count))
    acceleration = ((force / distance)[..., None] * away).sum(2)
    q, a = found[apart][:samples], acceleration[apart][:samples]
    return q, np.zeros_like(q), a


def ring(sites, samples, seed, mass=1.0):
    """Toda's forces and a pendulum at every site."""
    generator = np.random.default_rng(seed)
    q, v = 0.8 * generator.standard_normal((2, samples, sites, 1))
    force = np.exp(0.8 * (np.roll(q, -1, 1) - q)) - 1
    return q, v, (force - np.roll(force, 1, 1) - 1.7 * np.sin(q)) / mass


def test_learns_a_pair_force_that_holds_for_more_bodies():
    fit = fit_graph(bodies(4, 400, 0), bodies(4, 60, 1), all_pairs(4), options=GraphOptions(width=12, tolerance=1e-4))
    assert fit.status == "converged"
    assert fit.held_out_error < 3e-4
    # Eight bodies in the same box have distances as before.
    assert graph_error(fit.model, all_pairs(8), bodies(8, 20, 2)) < 3e-3


@pytest.mark.parametrize(("edge", "node"), [("stretch", "natural"), ("lattice", "free")])
def test_learns_a_lattice_that_holds_for_longer_ones(edge, node):
    options = GraphOptions(GraphForm((edge,), node), width=10, steps=60, tolerance=2e-3)
    fit = fit_graph(ring(6, 200, 0), ring(6, 40, 1), chain(6, ring=True), options=options)
    assert fit.held_out_error < 2e-2
    assert graph_error(fit.model, chain(24, ring=True), ring(24, 20, 2)) < 5e-2


def test_the_same_seed_gives_the_same_network_in_any_units():
    options = GraphOptions(GraphForm(("stretch",), "natural"), width=6, steps=10)
    graph = chain(5, ring=True)
    first = fit_graph(ring(5, 60, 0), ring(5, 20, 1), graph, options=options)
    again = fit_graph(ring(5, 60, 0), ring(5, 20, 1), graph, options=options)
    assert first.held_out_error == again.held_out_error
    scaled = [tuple(part * 10.0**3 for part in ring(5, count, seed)) for count, seed in ((60, 0), (20, 1))]
    other = fit_graph(*scaled, graph, options=options)
    assert other.held_out_error == pytest.approx(first.held_out_error, rel=1e-3)


def test_known_masses_count():
    masses = (1.0, 2.0, 3.0, 1.0, 2.0)
    weights = np.array(masses)[:, None]
    options = GraphOptions(GraphForm(("stretch",), "natural"), width=8, steps=60, tolerance=1e-3)
    train, choose = ring(5, 200, 0, weights), ring(5, 40, 1, weights)
    assert fit_graph(train, choose, chain(5, ring=True, masses=masses), options=options).held_out_error < 3e-3
    assert fit_graph(train, choose, chain(5, ring=True), options=options).held_out_error > 1e-2


def test_refuses_what_does_not_fit():
    q, v, a = ring(5, 10, 0)
    with pytest.raises(InputError, match="one shape"):
        fit_graph((q, v, a[:5]), (q, v, a), chain(5))
    with pytest.raises(InputError, match="expected positions"):
        fit_graph((q, v, a), (q, v, a), chain(6))
    with pytest.raises(InputError, match="expected width"):
        GraphOptions(width=0)


def test_states_need_finite_accelerations():
    q = np.zeros((3, 2))
    a = q.copy()
    a[1, 1] = np.nan
    with pytest.raises(DataError, match="finite"):
        states(Jets.of_particle(np.zeros(3), q, q, a), np.array([[0], [1]]))
